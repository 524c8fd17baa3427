"""The edit in a rules file that sets a threshold to another cut-off.

Enters: a rule set, a rule, a Threshold, a cut-off. Leaves: Edits. Invariant: an edit is only given if the edited
condition compiles to just what was tried; macros are edited where they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from interceptor.rules.conditions import compile_condition
from interceptor.rules.expressions import with_leaf
from interceptor.rules.mistakes import ConditionError
from interceptor.rules.names import Type
from interceptor.rules.ruleset import Rule, RuleSet
from interceptor.rules.scopes import Scopes
from interceptor.rules.written import UNITS
from interceptor.tuning.threshold import Threshold

_LITERAL = re.compile(r"(?<![\w.])([0-9][0-9_]*(?:\.[0-9_]+)?)(ms|s|m|h|d)?\b")
_SITES_MAX = 6


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of a rules file. `macro` is the name of the one that it stands in, or ""; others may use it, too."""

    path: str
    line: int
    before: str
    after: str
    macro: str


@dataclass(frozen=True, slots=True)
class _Site:
    """A number in a condition that has the threshold's value: the n-th number of its text, and where in it."""

    section: str
    owner: str
    text: str
    nth: int
    start: int
    stop: int


def edits_of(rule_set: RuleSet, rule: Rule, threshold: Threshold, number: float) -> list[Edit]:
    """The lines to change; none where the condition can't be edited by changing numbers."""
    wanted = with_leaf(rule.stated, threshold.leaf.key, threshold.at(number)).key
    sites = list(_sites(rule_set, rule, threshold))[:_SITES_MAX]
    for count in range(1, len(sites) + 1):
        for some in combinations(sites, count):
            if _compiled(rule_set, rule, some, threshold.literal(number)) == wanted:
                return [_edit(rule_set, site, threshold.literal(number)) for site in some]
    return []


def _sites(rule_set: RuleSet, rule: Rule, threshold: Threshold) -> Iterator[_Site]:
    definitions = rule_set.definitions
    texts = [("rules", rule.name, definitions.rules[rule.name].condition)]
    texts += [("macros", name, macro.condition) for name, macro in definitions.macros.items()]
    for section, owner, text in texts:
        for nth, found in enumerate(_LITERAL.finditer(text)):
            if _value(found) == (threshold.number, threshold.value.type is Type.DURATION):
                yield _Site(section, owner, text, nth, *found.span())


def _value(literal: re.Match[str]) -> tuple[float, bool]:
    """The number (durations in ms), and whether it is a duration."""
    number = float(literal[1].replace("_", ""))
    return number * dict(UNITS).get(literal[2], 1), literal[2] is not None


def _compiled(rule_set: RuleSet, rule: Rule, sites: Sequence[_Site], literal: str) -> str:
    """Key of the rule's condition with these numbers replaced, "" if it doesn't compile."""
    changed: dict[tuple[str, str], str] = {}
    for site in sorted(sites, key=lambda one: -one.start):
        text = changed.get((site.section, site.owner), site.text)
        changed[site.section, site.owner] = text[: site.start] + literal + text[site.stop :]
    scope = Scopes(rule_set.definitions).of(rule.kinds)
    macros = {owner: text for (section, owner), text in changed.items() if section == "macros"}
    text = changed.get(("rules", rule.name), rule_set.definitions.rules[rule.name].condition)
    try:
        return compile_condition(text, replace(scope, macros={**scope.macros, **macros})).key
    except ConditionError:
        return ""


def _edit(rule_set: RuleSet, site: _Site, literal: str) -> Edit:
    """Finds the n-th number from where the condition begins on: a text may be folded over lines."""
    definitions = rule_set.definitions
    place = definitions.place(site.section, site.owner, "condition")
    lines = definitions.places[site.section, site.owner][0].lines
    count = 0
    for index in range(place.line - 1, len(lines)):
        line = lines[index]
        for found in _LITERAL.finditer(line, place.column - 1 if index == place.line - 1 else 0):
            if count == site.nth:
                after = line[: found.start()] + literal + line[found.end() :]
                return Edit(place.path, index + 1, line.strip(), after.strip(), _macro(site))
            count += 1
    return Edit(place.path, place.line, site.text, site.text[: site.start] + literal + site.text[site.stop :],
                _macro(site))  # fmt: skip


def _macro(site: _Site) -> str:
    return site.owner if site.section == "macros" else ""
