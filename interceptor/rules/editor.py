"""The JSON Schema (draft-07) of rules files: an editor completes keys with it, and marks what can't be.

Enters: the models. Leaves: a schema. Invariant: what the schema refuses, the models refuse; conditions and names are
known to `interceptor rules check` alone.
"""

from __future__ import annotations

from typing import Any

from interceptor.rules.model import WINDOWS, FileDef

DRAFT = "http://json-schema.org/draft-07/schema#"

# What a key means, by model and key; the models' docstrings say it of whole definitions.
_MEANINGS = {
    "FileDef": {
        "schema": "Version of the language: 1",
        "half_life": "How long a score takes to halve",
        "lists": "Values that conditions look up with `in`",
        "macros": "Conditions with a name",
        "texts": "Words and expressions, searched for in messages and hosts",
        "features": "Windows of time over events",
        "rules": "Conditions, and what follows from them",
        "policies": "What scores lead to, by gate",
    },
    "ItemDef": {
        "value": 'A number ("+86 139…"), prefix, range (FIRST..LAST), host or account',
        "since": "In force from this day on",
        "expires": "In force before this day",
        "source": "Who says so",
        "reason": "Why it is here",
    },
    "ListDef": {
        "list": "Its name in conditions: caller in NAME",
        "match": "How values are compared; a domain matches all hosts below it",
        "of": "What its values are",
        "ttl": "How long an entry is in force that says nothing itself",
        "items": "Entries: values, or mappings with value, expires, source, reason",
        "file": "A file beside this one with more entries: value[,expires[,source[,reason]]] a line",
    },
    "MacroDef": {"macro": "Its name in conditions", "condition": "What it stands for"},
    "TextDef": {
        "text": "Its name in conditions, true where any of its patterns occurs",
        "of": "Where it is searched for: in messages or in hosts",
        "patterns": "Words and phrases; folded like the text, so that disguises don't help",
        "regex": "Expressions over folded text: lower case, simplified, without white space",
    },
    "FeatureDef": {
        "feature": "Its name in conditions",
        "count": "How many events",
        "sum": "The sum of amounts or durations",
        "distinct": "How many different ones",
        "ratio": "The share of events that fulfil this condition, from 0 to 1",
        "since_last": "Time since the last event",
        "since_first": "Time since the first event",
        "sequential": "The longest run of neighbouring numbers",
        "sequence": "True where these steps happened in this order",
        "unless": "What must not happen between the steps",
        "on": "Kinds of event that are counted",
        "where": "Which of them",
        "by": "What it is kept for: caller, callee, payee, imei, citizen …",
        "of": "The key by which a rule reads it, if another than `by`",
        "within": "Length of the window, from 12s to 400d",
    },
    "RuleDef": {
        "rule": "Its name, in decisions and in the bulletin",
        "ref": "The default rule of the domain notes that it carries out",
        "title": "What it finds, for people",
        "why": "Where its threshold comes from",
        "on": "Kinds of event that it looks at",
        "version": "Raise it with every change",
        "mode": "off, shadow (recorded, no effect) or live",
        "condition": "When it hits",
        "evidence": "What kind of evidence its score is; blocks need two kinds",
        "score": "Added to the score of the source, or of the citizen; halves in half_life",
        "actions": "What happens by this rule alone",
        "list": "Puts the source on a list",
        "reason": "Told to the citizen, or to the owner of the line …",
        "remedy": "… with what to do and which papers to bring",
        "systems": "Which systems of the centre it serves",
        "rollout": "Live for a share only",
        "exceptions": "What it lets be",
        "tests": "Short stories: interceptor rules test",
    },
    "RolloutDef": {"percent": "Live for this share, shadow for the others", "by": "What is sampled: caller, payee …"},
    "AddToListDef": {"to": "Name of an exact list", "ttl": "For how long"},
    "ExceptionDef": {
        "condition": "What the rule lets be",
        "expires": "Ends on this day",
        "owner": "Who answers for it",
    },
    "LadderStepDef": {
        "score": "From this score on",
        "kinds": "… with at least so many kinds of evidence",
        "actions": "What happens then",
    },
    "PolicyDef": {
        "policy": "The gate",
        "source": "Steps for the score of caller, sender, site or payee",
        "target": "Steps for the score of the citizen",
    },
    "CaseDef": {
        "start": 'Local time of day at which it begins: "10:00"',
        "given": "Fields that all its events share",
        "lists": "Entries in force during the test, by list",
        "events": "What happens, in order",
        "expect": "What the rule makes of it",
    },
    "CaseEventDef": {
        "at": "Time since the start",
        "after": "Time since the event before",
        "repeat": "How many times",
        "every": "Time between repetitions",
        "vary": "Fields that are another stranger in each repetition",
        "count_up": "Fields that count up by one",
    },
    "ExpectDef": {
        "hits": "How many events the rule hits",
        "first": "Which event is hit first, from 1",
        "verdict": "What becomes of the last event",
    },
}


def schema() -> dict[str, Any]:
    """The schema of one rules file."""
    made = FileDef.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    definitions = made.pop("$defs")
    definitions["FeatureDef"]["oneOf"] = [{"required": [window]} for window in WINDOWS]
    for name, definition in {**definitions, "FileDef": made}.items():
        for key, words in _MEANINGS.get(name, {}).items():
            given = definition["properties"][key]
            definition["properties"][key] = {"description": words, **_plain(given)}
    reached = {name: _plain(definition) for name, definition in sorted(definitions.items()) if name.endswith("Def")}
    return {"$schema": DRAFT, "title": "Rules of interceptor", **_plain(made), "definitions": reached}


def _plain(node: Any) -> Any:
    """A part of pydantic's schema without what only Python knows: null for "not given", defaults, titles of classes."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {
        key: {name: _plain(one) for name, one in value.items()} if key == "properties" else _plain(value)
        for key, value in node.items()
        if key not in ("default", "title")
    }
    if isinstance(found.get("type"), str) and found["type"] == "string":  # a bound on the value, not on its text
        found = {key: value for key, value in found.items() if key not in ("minimum", "maximum", "exclusiveMinimum")}
    choices = [one for one in found.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        del found["anyOf"]
        return {**choices[0], **found}
    return found
