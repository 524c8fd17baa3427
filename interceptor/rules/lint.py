"""What a rule set says that its author hardly meant: warnings, with which it still loads.

Enters: a compiled rule set, and what day it is. Leaves: Problems of severity "warning". Invariant: what is called
impossible or implied is so for every event; where that can't be shown, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from interceptor.rules.bounds import Bounds, Meaning, constant_leaves, contradiction
from interceptor.rules.definitions import Definitions
from interceptor.rules.errors import PROBLEMS_MAX, Place, Problem
from interceptor.rules.expressions import Expression, comparisons
from interceptor.rules.mistakes import STRING
from interceptor.rules.model import FeatureDef, RuleDef
from interceptor.rules.ruleset import Rule, RuleSet

COMPARED_MAX = 300  # rules, each with each

_WORD = re.compile(r"[a-z_][a-z0-9_]*")


def warnings(rule_set: RuleSet, today_ms: int) -> list[Problem]:
    """Warnings, at most 200 of a kind. `today_ms`: ms since 1970 UTC, what counts as expired."""
    definitions = rule_set.definitions
    kinds = (
        _impossible(rule_set),
        _repeated(rule_set),
        _unused(definitions),
        _expired_entries(definitions, today_ms),
        _exceptions(definitions, today_ms),
        _untested(definitions),
    )
    return [problem for kind in kinds for problem in islice(kind, PROBLEMS_MAX)]


def _warning(place: Place, code: str, message: str, hint: str = "") -> Problem:
    return Problem(place, code, message, hint, "warning")


def _stated(rule_set: RuleSet) -> list[Rule]:
    """Each rule once, with what its author wrote: one that is rolled out is two."""
    return list({rule.name: rule for rule in rule_set.rules}.values())


def _impossible(rule_set: RuleSet) -> Iterator[Problem]:
    """Rules that no event can hit, and comparisons that are always true or always false."""
    definitions = rule_set.definitions
    bounds = Bounds(rule_set)
    empty = _never_filled(rule_set)
    for rule in _stated(rule_set):
        place = definitions.place("rules", rule.name, "condition")
        text = definitions.rules[rule.name].condition
        why = contradiction(rule.stated, bounds, empty)
        if why:
            yield _warning(_at(place, text, why.part), "never-hits", f"no event can hit this: {why.words}")
            continue
        for leaf, always in constant_leaves(rule.stated, bounds):
            words = f"{leaf.key.strip('()')} is always {str(always).lower()}"
            yield _warning(_at(place, text, leaf), "no-choice", words, f"{leaf.parts[0].key} is {bounds.words(leaf)}")


def _at(place: Place, text: str, part: Expression) -> Place:
    """Where a part of a condition begins, as far as its first name can be found there."""
    leaf = next(comparisons(part), part)
    names = _WORD.findall(leaf.key)
    found = next((match for name in names if (match := re.search(rf"\b{name}\b", text))), None)
    return place.inside(found.start()) if found else place


def _never_filled(rule_set: RuleSet) -> set[str]:
    """Lists without entries that no rule adds to, and that say nothing of a file."""
    filled = {rule.adds_to for rule in rule_set.rules}
    return {
        one.list for one in rule_set.lists if not (one.items or one.file or one.ttl is not None or one.list in filled)
    }


def _repeated(rule_set: RuleSet) -> Iterator[Problem]:
    """Rules that say the same as another one, or that only hit where another one with the same effect does."""
    definitions = rule_set.definitions
    rules = [rule for rule in _stated(rule_set) if rule.mode == "live" and not rule.sampled][:COMPARED_MAX]
    meanings = {rule.name: Meaning(rule.stated) for rule in rules}
    for rule in rules:
        place = definitions.place("rules", rule.name, "condition")
        for other in rules:
            if other is rule or not rule.kinds <= other.kinds or not meanings[rule.name].implies(meanings[other.name]):
                continue
            first = definitions.place("rules", other.name)
            where = f"{other.name} ({first.path}:{first.line})"
            if rule.kinds == other.kinds and meanings[other.name].implies(meanings[rule.name]):
                if rule.name > other.name:
                    hint = "keep one of the two, with all that should follow"
                    yield _warning(place, "same-condition", f"the same condition as {where}", hint)
                    break
            elif _no_more(rule, other):
                message = f"wherever this holds, {where} holds as well, and does as much"
                yield _warning(place, "implied", message, "delete it, or let more follow from it")
                break


def _no_more(rule: Rule, other: Rule) -> bool:
    """Whether a rule adds nothing to what another one does on the same event."""
    return (
        not other.exceptions
        and rule.actions & ~other.actions == 0
        and not rule.score  # it would be added
        and (not rule.adds_to or (rule.adds_to == other.adds_to and rule.adds_for_ms <= other.adds_for_ms))
    )


def _unused(definitions: Definitions) -> Iterator[Problem]:
    """Features, texts, macros and lists that nobody reads."""
    said = set(_words_of_rules(definitions.rules.values()))
    left = said
    while left:  # what is read by what is read
        left = {word for name in left for word in _words_behind(definitions, name) if word not in said}
        said |= left
    sections = (("features", "feature"), ("macros", "macro"), ("texts", "text"), ("lists", "list"))
    for section, word in sections:
        for name in getattr(definitions, section):
            if name not in said:
                hint = "delete it, or use it in a rule"
                place = definitions.place(section, name, word)
                yield _warning(place, f"unused-{word}", f"no rule reads the {word} {name}", hint)


def _words_of_rules(rules: Iterable[RuleDef]) -> Iterator[str]:
    for rule in rules:
        yield from _names_in(rule.condition, *(one.condition for one in rule.exceptions))
        if rule.list:
            yield rule.list.to


def _words_behind(definitions: Definitions, name: str) -> Iterator[str]:
    if name in definitions.macros:
        yield from _names_in(definitions.macros[name].condition)
    if name in definitions.features:
        yield from _names_in(*_conditions_of(definitions.features[name]))


def _conditions_of(feature: FeatureDef) -> Iterator[str]:
    steps = [*(feature.sequence or ()), *([feature.unless] if feature.unless else [])]
    for text in (feature.where, feature.ratio, *(step.where for step in steps)):
        if text is not None:
            yield text


def _names_in(*texts: str) -> Iterator[str]:
    for text in texts:
        yield from _WORD.findall(STRING.sub("", text))


def _expired_entries(definitions: Definitions, today_ms: int) -> Iterator[Problem]:
    for name, one in definitions.lists.items():
        for index, item in enumerate(one.items):
            if item.expires is not None and item.expires <= today_ms:
                place = definitions.place("lists", name, "items", index, "expires")
                yield _warning(place, "expired-entry", f"this entry of {name} has expired", "delete it, or renew it")


def _exceptions(definitions: Definitions, today_ms: int) -> Iterator[Problem]:
    for name, rule in definitions.rules.items():
        for index, one in enumerate(rule.exceptions):
            place, at = definitions.place("rules", name, "exceptions", index), ("exceptions", index, "expires")
            if one.expires is None:
                hint = "a hole in a rule is forgotten easily: expires: 2027-06-30"
                yield _warning(place, "endless-exception", f"the exception {one.name} never ends", hint)
            elif one.expires <= today_ms:
                message = f"the exception {one.name} has expired"
                yield _warning(definitions.place("rules", name, *at), "expired-exception", message, "delete it")
            if not one.owner:
                hint = "who answers for it: owner: NAME"
                yield _warning(place, "ownerless-exception", f"the exception {one.name} has no owner", hint)


def _untested(definitions: Definitions) -> Iterator[Problem]:
    for name, rule in definitions.rules.items():
        if not rule.tests and rule.mode != "off":
            hint = "one that hits and one that just doesn't: see rules/README.md"
            yield _warning(definitions.place("rules", name), "untested-rule", f"{name} has no tests", hint)
