"""What changes when a rule set takes the place of another one: which windows go on, and which begin anew.

Enters: two rule sets. Leaves: a Reloaded. Invariants: a window is kept only where nothing in its definition changed,
macros written out, nor in that of a feature that its conditions read; names of lists and texts count, not what they
hold: a window holds events as they were judged when they came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from operator import attrgetter

from interceptor.chunk import bits_of
from interceptor.rules.expressions import Expression
from interceptor.rules.ruleset import Feature, Rule, RuleSet, Step

Key = tuple[object, ...]

_plain = attrgetter(*(field.name for field in fields(Rule) if field.name not in ("condition", "stated", "exceptions")))


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload did, in names, each tuple sorted. `before` and `after` are the hashes of the rule sets.

    Features: those `kept` went on with all that they hold, the `reset` ones have another definition and began empty as
    the `added` ones did; `removed` ones aren't defined any more, `unread` ones are, but no rule reads them: what both
    held is gone. A rule is changed where its condition, with macros written out, or anything else in it is but tests.
    """

    before: str
    after: str
    kept: tuple[str, ...]
    reset: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    unread: tuple[str, ...]
    rules_added: tuple[str, ...]
    rules_changed: tuple[str, ...]
    rules_removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a state that was put back, in names of features, each tuple sorted: as of a reload from the rule
    set under which it was taken. What `removed` ones held is gone, read or not."""

    kept: tuple[str, ...]
    reset: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @classmethod
    def between(cls, before: Mapping[str, str], after: Mapping[str, str]) -> Restored:
        """Both: digest by name."""
        both = before.keys() & after.keys()
        return cls(
            kept=_sorted(name for name in both if before[name] == after[name]),
            reset=_sorted(name for name in both if before[name] != after[name]),
            added=_sorted(after.keys() - both),
            removed=_sorted(before.keys() - both),
        )


def compared(before: RuleSet, after: RuleSet) -> Reloaded:
    """What comes of a reload from one to the other."""
    old, new = _features(before), _features(after)
    old_rules, new_rules = _rules(before), _rules(after)
    gone = old.keys() - new.keys()
    return Reloaded(
        before=before.hash,
        after=after.hash,
        kept=_sorted(name for name in old.keys() & new.keys() if old[name] == new[name]),
        reset=_sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
        added=_sorted(new.keys() - old.keys()),
        removed=_sorted(gone - after.definitions.features.keys()),
        unread=_sorted(gone & after.definitions.features.keys()),
        rules_added=_sorted(new_rules.keys() - old_rules.keys()),
        rules_changed=_sorted(
            name for name in old_rules.keys() & new_rules.keys() if old_rules[name] != new_rules[name]
        ),
        rules_removed=_sorted(old_rules.keys() - new_rules.keys()),
    )


def places_after(before: RuleSet, after: RuleSet) -> list[int]:
    """For each rule of `before`, its position among those of `after`, by name and mode; -1 = not there. Rules are in
    order of name in both, so that positions that are left ascend."""
    return places_of(names_of(before), after)


def places_of(names: Iterable[tuple[str, str]], after: RuleSet) -> list[int]:
    """The same for rules of which (name, mode) is all that is known."""
    place_of = {name: place for place, name in enumerate(names_of(after))}
    return [place_of.get(name, -1) for name in names]


def names_of(rule_set: RuleSet) -> list[tuple[str, str]]:
    """(name, mode) of each rule, in order."""
    return [(rule.name, rule.mode) for rule in rule_set.rules]


def digests(rule_set: RuleSet) -> dict[str, str]:
    """For each feature 32 hex digits that are equal where a window goes on: in every process and on every machine."""
    return {
        name: blake2b(json.dumps(key).encode(), digest_size=16).hexdigest() for name, key in _features(rule_set).items()
    }


def events_of(feature: Feature) -> Key:
    """Which events change a feature, and under which key: features that agree in this can share a table of keys."""
    steps = (*map(_step, feature.steps), _step(feature.unless)) if feature.window == "sequence" else ()
    return feature.by, feature.of, bits_of(feature.kinds), _text(feature.where), steps


def _features(rule_set: RuleSet) -> Mapping[str, Key]:
    """All that the state of each feature follows from; who reads it isn't part of that."""
    by_name = {feature.name: feature for feature in rule_set.features}
    return {name: _definition(feature, by_name) for name, feature in by_name.items()}


def _definition(feature: Feature, by_name: Mapping[str, Feature]) -> Key:
    own = (feature.window, feature.within_ms, feature.value, _text(feature.numerator))
    read = sorted(name for section, name in feature.uses if section == "feature")
    return (*events_of(feature), *own, *(_definition(by_name[name], by_name) for name in read))


def _rules(rule_set: RuleSet) -> Mapping[str, list[Key]]:
    """The rules that run, with macros written out; one that is rolled out is two of the same name."""
    rules: dict[str, list[Key]] = {}
    for rule in rule_set.rules:
        rules.setdefault(rule.name, []).append((rule.condition.key, *_plain(rule)))
    return rules


def _step(step: Step | None) -> Key:
    return () if step is None else (bits_of(step.kinds), _text(step.where))


def _text(condition: Expression | None) -> str:
    return "" if condition is None else condition.key


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
