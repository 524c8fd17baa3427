"""`interceptor rules texts`: labelled messages through the SMS rules, how many of each class are flagged and blocked.

Enters: a TSV with columns class, source_label, text (by header; others are ignored). Leaves: a table or JSON; an exit
code. Invariant: only the text speaks. Each message comes from a mobile line of its own, open for years, unverified, to
a citizen who has never heard of it, in an engine that hasn't seen its like: no window, list or score adds to its words.

What else is assumed: a link that stands in the text leads to its host; the word URL, which archives put in the place of
a link, leads to a host of its own. All hosts are old and on no list but those of the rules: texts say nothing of
an age. flagged = the message was marked, held or blocked, or somebody was warned; blocked = it didn't arrive.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from interceptor.display import clean
from interceptor.engine import Engine
from interceptor.folding import fold, strings_of
from interceptor.patterns import PatternDatabase, PatternSet
from interceptor.rules import RuleSet
from interceptor.rules.cases import DAY_OF_TESTS_MS, Columns
from interceptor.rules.errors import nearest, printable
from interceptor.schema import Action, Kind, LineKind, Trunk, Verdict
from interceptor.tuning.replay import guarded, rules_at
from interceptor.tuning.tables import EXIT_CLEAN, Column, UsageProblem, print_json, progress_bar, say, show_table
from interceptor.tuning.trial import frame_of

HEADER = ("class", "source_label", "text")
ENGINES_MAX = 256  # each costs some milliseconds; up to so many texts have one for themselves
MISTAKES_SHOWN_MAX = 10
RULES_SHOWN_MAX = 3
TEXT_CHARS_MAX = 300
NOON_MS = DAY_OF_TESTS_MS + 12 * 3_600_000
TENURE_DAYS, HOST_AGE_H = 1_000, 100_000
FIRST_SENDER, FIRST_RECEIVER, APART = 8_613_000_000_000, 8_615_000_000_000, 7_919  # nobody is anybody's neighbour

_LINK = re.compile(
    r"(?:https?://|(?<![a-z0-9.-])(?=www\.|[a-z0-9.-]+\.(?:com|cn|net|org|cc|top|xyz|vip|club|info|me|tv|hk)(?![a-z0-9.])))"
    r"([a-z0-9-]+(?:\.[a-z0-9-]+)+)",
    re.ASCII,
)
_MASKED_LINK = "URL"


class BadTexts(UsageProblem):
    """The file isn't one of labelled texts; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message, and the line of the file where it stands (from 1)."""

    line: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a message; `rules`: the live rules that hit, each with the values that it compared."""

    of: Labelled
    verdict: Verdict
    flagged: bool
    rules: dict[str, dict[str, float]]


@dataclass(slots=True)
class Tally:
    """Messages of one class: all, flagged, blocked; hits of each rule on the flagged ones."""

    n: int = 0
    flagged: int = 0
    blocked: int = 0
    rules: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        return {"n": self.n, "flagged": self.flagged, "blocked": self.blocked}


@guarded
def main(file: Path, rules: Path | None, show: str | None, *, as_json: bool) -> int:
    """Exit code 0 = judged, 2 = no such file or class, or not a table of texts, 78 = the rules can't be loaded."""
    if show is not None and as_json:
        raise UsageProblem("--show prints messages, --json nothing but numbers: use one of them")
    texts = read_texts(file)
    rule_set = rules_at(rules)
    classes = list(dict.fromkeys(one.kind for one in texts))
    if show is not None and show not in classes:
        near = nearest(show, classes) or f"there are {', '.join(classes[:20])}"
        raise UsageProblem(f"--show {printable(show)}: no message is of this class\n  hint: {printable(near)}")
    judged = list(judge(texts, rule_set))
    tallies = tally(judged)
    if as_json:
        print_json({kind: one.counts for kind, one in tallies.items()})
        return EXIT_CLEAN
    if show is not None:
        _show_flagged([one for one in judged if one.flagged and one.of.kind == show], rule_set)
    _show(tallies, rule_set)
    return EXIT_CLEAN


def read_texts(file: Path) -> list[Labelled]:
    """All messages of a file, in its order. Raises BadTexts, naming every line that can't be read."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadTexts(f"{printable(str(file))}: can't be read: {error.strerror}") from None
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1].strip(b"\r") == b"":
        lines.pop()
    places = _places(file, lines[0] if lines else b"")
    texts, mistakes = [], []
    for number, line in enumerate(lines[1:], start=2):
        try:
            texts.append(_labelled(number, line, *places))
        except BadTexts as problem:
            mistakes.append(f"{printable(str(file))}:{number}: {problem}")
    if mistakes:
        more = len(mistakes) - MISTAKES_SHOWN_MAX
        raise BadTexts("\n".join(mistakes[:MISTAKES_SHOWN_MAX] + ([f"… and {more:,} more such lines"] * (more > 0))))
    if not texts:
        raise BadTexts(f"{printable(str(file))}: there is no message in it")
    return texts


def _places(file: Path, header: bytes) -> tuple[int, int, int]:
    """Number of fields; where class and text stand among them."""
    names = header.decode("utf-8", "replace").rstrip("\r").split("\t")
    missing = [name for name in HEADER if names.count(name) != 1]
    if missing:
        raise BadTexts(
            f"{printable(str(file))}:1: no column {', '.join(missing)}, or more than one\n"
            f"  hint: the first line names the columns, with tabs between: {' '.join(HEADER)}"
        )
    return len(names), names.index("class"), names.index("text")


def _labelled(number: int, line: bytes, width: int, class_at: int, text_at: int) -> Labelled:
    try:
        fields = line.decode("utf-8").removesuffix("\r").split("\t")
    except UnicodeDecodeError as error:
        raise BadTexts(f"byte {error.start + 1} of the line isn't UTF-8") from None
    if len(fields) != width:
        raise BadTexts(f"{len(fields)} fields, the first line has {width}; fields have one tab between them")
    kind, text = fields[class_at].strip(), fields[text_at]
    if not kind:
        raise BadTexts("the class is missing")
    if not text.strip():
        raise BadTexts("the text is missing")
    return Labelled(number, kind, text)


def judge(texts: Sequence[Labelled], rule_set: RuleSet) -> Iterator[Judged]:
    """What the engine decides on each message, by order of opening.

    More than ENGINES_MAX texts share engines, those with like openings stand in different ones.
    """
    ordered = sorted(texts, key=lambda one: (one.text, one.line))
    engines = min(ENGINES_MAX, len(ordered))
    with progress_bar() as bar:
        for first in bar.track(range(engines), description="Deciding texts"):
            yield from _decided(ordered[first::engines], rule_set)


def _decided(texts: Sequence[Labelled], rule_set: RuleSet) -> Iterator[Judged]:
    decisions = Engine(rule_set).decide(frame_of([_event(number, one.text) for number, one in enumerate(texts)]))
    warned = decisions.actions & ~np.uint32(Action.ALLOW) != 0
    flagged = (decisions.verdict != Verdict.PASS) | warned
    for row, one in enumerate(texts):
        found = {} if not flagged[row] else {
            finding.rule: finding.values for finding in decisions.notice(row).findings if not finding.shadow
        }  # fmt: skip
        yield Judged(one, Verdict(decisions.verdict[row]), bool(flagged[row]), found)


def _event(number: int, text: str) -> Columns:
    return {
        "event_id": number + 1,
        "kind": int(Kind.SMS),
        "ts_ms": NOON_MS,
        "source": FIRST_SENDER + number * APART,
        "target": FIRST_RECEIVER + number * APART,
        "line_kind": int(LineKind.MOBILE),
        "trunk": int(Trunk.LOCAL),
        "tenure_days": TENURE_DAYS,
        "text": text,
        "host": host_of(text, number),
        "host_age_h": HOST_AGE_H,
    }


def host_of(text: str, number: int) -> str:
    """Host of a text's first link, "" without one; a link that was masked leads to a host that no other text has."""
    found = _LINK.search(text.lower())
    if found:
        return found[1]
    return f"link-{number}.example" if _MASKED_LINK in text else ""


def tally(judged: Sequence[Judged]) -> dict[str, Tally]:
    """Counts of each class, in the order of the file."""
    tallies: dict[str, Tally] = {}
    for one in sorted(judged, key=lambda one: one.of.line):
        mine = tallies.setdefault(one.of.kind, Tally())
        mine.n += 1
        mine.flagged += one.flagged
        mine.blocked += one.verdict == Verdict.BLOCK
        mine.rules.update(list(one.rules))
    return tallies


def _show(tallies: dict[str, Tally], rule_set: RuleSet) -> None:
    columns = [
        Column("class"), Column("texts", right=True), Column("flagged", right=True), Column("", right=True),
        Column("blocked", right=True), Column("", right=True), Column("rules that hit most", wraps=True),
    ]  # fmt: skip
    rows = [
        [
            kind, f"{one.n:,}", f"{one.flagged:,}", _share(one.flagged, one.n), f"{one.blocked:,}",
            _share(one.blocked, one.n),
            ", ".join(f"{name} {count:,}" for name, count in one.rules.most_common(RULES_SHOWN_MAX)),
        ]
        for kind, one in tallies.items()
    ]  # fmt: skip
    show_table(
        f"Texts under rule set {rule_set.hash}, each from a stranger's mobile line, without a history", columns, rows
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}"


def _show_flagged(judged: Sequence[Judged], rule_set: RuleSet) -> None:
    judged = sorted(judged, key=lambda one: one.of.line)
    words = _words_of([one.of.text for one in judged], rule_set)
    reads = {rule.name: {name for section, name in rule.condition.uses if section == "text"} for rule in rule_set.rules}
    for one, found in zip(judged, words, strict=True):
        say(f"line {one.of.line}  {one.verdict.name.lower()}", bold=True)
        text = clean(one.of.text)
        say(f"  {text[:TEXT_CHARS_MAX]}{'…' if len(text) > TEXT_CHARS_MAX else ''}")
        for rule, values in one.rules.items():
            shown = [f"{name}: {' '.join(parts)}" for name, parts in found.items() if name in reads[rule]]
            shown += [f"{term} = {value:,.6g}" for term, value in values.items()]
            say(printable(f"  {rule}  {' · '.join(shown)}"))
    if judged:
        say("")


def _words_of(texts: Sequence[str], rule_set: RuleSet) -> list[dict[str, list[str]]]:
    """For each text, by name of a set of words, which of them occur in it."""
    sets = [one for one in rule_set.texts if one.of == "text"]
    words = [(one.text, word, False) for one in sets for word in one.patterns]
    words += [(one.text, word, True) for one in sets for word in one.regex]
    apart = [
        PatternSet(str(number), () if is_regex else (word,), (word,) if is_regex else (), of_host=False)
        for number, (_, word, is_regex) in enumerate(words)
    ]
    hits = PatternDatabase(apart).scan(fold(strings_of(texts)), of_host=False)
    found: list[dict[str, list[str]]] = [{} for _ in texts]
    for number, (name, word, _) in enumerate(words):
        for row in np.flatnonzero(hits[str(number)]):
            found[row].setdefault(name, []).append(word)
    return found
