"""The codes of all problems, each with one line on what it means. They are stable: scripts and CI may rely on them.

Enters: nothing. Leaves: two tables. Invariant: every problem has one of these codes; rules/README.md shows both tables.
"""

from __future__ import annotations

ERRORS = {
    "unreadable": "a file that isn't there, isn't a file or may not be read",
    "bad-file": "a side file in another place, or of another kind, than it may be",
    "no-rules": "a folder without *.yaml files",
    "file-too-large": "a file, or all of them together, beyond the limits; long lists go into side files",
    "too-many-files": "a folder with more than 1,000 rules files",
    "too-many-definitions": "a section with more than 1,000 definitions",
    "not-utf8": "bytes that are no UTF-8",
    "line-too-long": "a line of more than 10,000 characters",
    "control-character": "a character that steers a terminal or that no editor shows",
    "bidirectional-control": "a character that lets a line read otherwise than it runs",
    "yaml": "YAML that can't be read",
    "yaml-tab": "a tab in the indentation",
    "yaml-indent": "a line that is out of step with its neighbours",
    "yaml-quote": "a quote that is not closed",
    "yaml-bracket": "a bracket that is not closed",
    "yaml-colon": "a key without a colon and a space behind it",
    "yaml-key": "a key that is not a plain word",
    "yaml-alias": "an anchor (&) or alias (*)",
    "yaml-tag": "a tag (!)",
    "second-document": "a second document in one file (---)",
    "not-a-mapping": "a file whose first level is no mapping",
    "too-deep": "nested deeper than 12 levels",
    "duplicate-key": "a key that stands twice in one mapping",
    "empty-value": "a key or an entry with nothing behind it",
    "mangled-value": "an unquoted value that YAML reads in more than one way: yes, 012, 12:30, 1e5",
    "huge-number": "a number of more than 20 digits, or of more than 64 bits in a condition",
    "missing-key": "a definition that lacks a key",
    "unknown-key": "a key that isn't known there",
    "wrong-type": "a value of another type than what is needed there",
    "out-of-range": "a number, duration or text that is too small or too large",
    "bad-name": "a name with other characters than names have",
    "bad-value": "a value that can't be meant: a duration, date, kind, action, number, host or combination",
    "defined-twice": "two definitions of one name, or two files that contradict each other",
    "name-taken": "a macro, text or feature with a name that means something else already",
    "syntax": "a condition that can't be read",
    "not-allowed": "Python that isn't part of the language",
    "too-complex": "a condition that is nested too deeply or too long",
    "not-a-condition": "a value where yes or no is needed",
    "unknown-name": "a name that nothing has, or not these kinds of event",
    "unknown-list": "a list that nobody defined",
    "unknown-word": "a word that a value never is",
    "wrong-unit": "values of different units compared or added",
    "macro-circle": "a macro that uses itself",
    "circle": "a feature that depends on its own stage",
    "wrong-stage": "what is known of the citizen used to block, hold or allow other things than transfers",
    "bad-key": "a `by`, `of` or `rollout` that these events can't be told apart by",
    "bad-pattern": "words or an expression that can't be searched for, or only slowly",
    "empty-text": "a text without patterns",
    "bad-test": "a test with an event that can't be",
}

WARNINGS = {
    "never-hits": "a rule that no event can hit: its condition contradicts itself or what values can be",
    "no-choice": "a comparison that is always true or always false",
    "same-condition": "two rules with the same condition",
    "implied": "a rule that only hits where another one does as much",
    "unused-feature": "a feature that no rule reads",
    "unused-macro": "a macro that no rule reads",
    "unused-text": "a text that no rule reads",
    "unused-list": "a list that no rule reads or fills",
    "expired-entry": "a list entry that has expired",
    "expired-exception": "an exception that has expired",
    "endless-exception": "an exception without `expires`",
    "ownerless-exception": "an exception without `owner`",
    "untested-rule": "a rule without tests",
}


def table() -> str:
    """Both tables in Markdown."""
    rows = [(code, "error", words) for code, words in ERRORS.items()]
    rows += [(code, "warning", words) for code, words in WARNINGS.items()]
    return "\n".join(
        [
            "| Code | | What it says |",
            "|---|---|---|",
            *(f"| `{code}` | {kind} | {words} |" for code, kind, words in rows),
        ]
    )
