"""Where the windows of a rule set are kept when its stages are spread over shards, and what travels with an event.

Enters: a compiled rule set. Leaves: a Plan. Invariant: every window is kept where all events that change it pass, in
the order of the stream; whatever reads it comes later on the event's way.

An event passes three parts. *Admit* sees the whole stream: status, near-equal texts, and windows by keys that belong
to nobody in particular (devices, cells, addresses, outlets, accounts on both sides of a payment). *Screen* has what
hangs on one source, and the rules of the source stage; *protect* what hangs on one citizen, the rules of the target
stage, and the verdict. A window by another key that needs what screen found (suspects of a township) is kept by every
shard of protect: the few events that change it are shown to all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interceptor.rules.names import ALIASES, AMOUNTS, DERIVED, DURATIONS
from interceptor.rules.ruleset import Feature, RuleSet, uses_of
from interceptor.schema import COLUMN

Reads = frozenset[tuple[str, str]]

_ALWAYS = ("event_id", "ts_ms", "kind", "source", "target")
_TIMES = ("hour",)  # names that are computed of the event's time
_BEHIND_DERIVED = {"link": "host", "has_link": "host", "source_of_day": "source", "wording": "wording"}
_SHARD_STEP = np.uint64(0x9E3779B97F4A7C15)
_SHARD_SHIFT = np.uint64(33)


def shard_of(keys: np.ndarray, shards: int) -> np.ndarray:
    """int64[n]: which of some shards each key (uint64[n]) belongs to. The same in every process and version: state and
    messages are kept by it."""
    return ((keys * _SHARD_STEP) >> _SHARD_SHIFT).astype(np.int64) % shards


@dataclass(frozen=True)
class Plan:
    """Of one rule set; names of features and columns in a fixed order."""

    rule_set: RuleSet

    @cached_property
    def at_admit(self) -> tuple[Feature, ...]:
        """Features of keys that are neither the source nor the target, of what events have by themselves."""
        return tuple(feature for feature in self.rule_set.features if _home(feature) == "" and not _is_late(feature))

    @cached_property
    def at_screen(self) -> tuple[Feature, ...]:
        """Features of the source."""
        return tuple(
            feature for feature in self.rule_set.features if _home(feature) == "source" and not _is_late(feature)
        )

    @cached_property
    def at_protect(self) -> tuple[Feature, ...]:
        """Features of the target, and those of which every shard keeps all."""
        return tuple(feature for feature in self.rule_set.features if _home(feature) == "target") + self.echoed

    @cached_property
    def echoed(self) -> tuple[Feature, ...]:
        """Features of other keys that read what the source stage found."""
        return tuple(feature for feature in self.rule_set.features if _home(feature) != "target" and _is_late(feature))

    @cached_property
    def wording(self) -> bool:
        """Whether near-equal texts are grouped at all."""
        return self.rule_set.needs("wording")

    @cached_property
    def features_to_screen(self) -> tuple[Feature, ...]:
        """Features that come from admit and that anything later reads."""
        wanted = _named("feature", self._reads_of_screen | self._reads_of_protect)
        return tuple(feature for feature in self.at_admit if feature.name in wanted)

    @cached_property
    def features_to_protect(self) -> tuple[Feature, ...]:
        """Features that protect reads and doesn't keep."""
        wanted = _named("feature", self._reads_of_protect)
        return tuple(feature for feature in (*self.at_admit, *self.at_screen) if feature.name in wanted)

    @cached_property
    def words_to_protect(self) -> tuple[str, ...]:
        """Sets of words that protect asks for: screen has looked for them already."""
        return tuple(sorted(_named("text", self._reads_of_protect)))

    @cached_property
    def columns_to_screen(self) -> tuple[str, ...]:
        """Columns of the event that screen needs, or hands on."""
        behind = _columns(self._reads_of_screen, self.at_screen, words=self.rule_set)
        return _in_order({*behind, *self.columns_to_protect})

    @cached_property
    def columns_to_protect(self) -> tuple[str, ...]:
        """Columns of the event that protect needs."""
        return _in_order(_columns(self._reads_of_protect, self.at_protect, words=None))

    @cached_property
    def _reads_of_screen(self) -> Reads:
        rules = (rule.condition for rule in self.rule_set.rules if rule.stage == "source")
        late = (feature.uses for feature in self.echoed)  # screen finds out which events change them
        texts = frozenset(("text", name) for name in self.words_to_protect)
        return uses_of(*rules).union(*(feature.uses for feature in self.at_screen), *late, texts)

    @cached_property
    def _reads_of_protect(self) -> Reads:
        rules = (rule.condition for rule in self.rule_set.rules if rule.stage == "target")
        return uses_of(*rules).union(*(feature.uses for feature in self.at_protect))


def _home(feature: Feature) -> str:
    """The side that a feature's only key is, "" for any other key."""
    return feature.by if feature.by == feature.of and feature.by in ("source", "target") else ""


def _is_late(feature: Feature) -> bool:
    """Whether it needs what the source stage found."""
    return any(section in ("feature", "stage") for section, _ in feature.uses)


def _named(section: str, reads: Reads) -> set[str]:
    return {name for of, name in reads if of == section}


def _columns(reads: Reads, kept: Iterable[Feature], words: RuleSet | None) -> set[str]:
    """Columns that answer some reads and fill some windows. `words`: where words are looked for here, and not brought
    along."""
    found = {*_ALWAYS}
    for name in _named("column", reads):
        found |= _behind(name)
    for feature in kept:
        for name in (feature.by, feature.of, feature.value):
            found |= _behind(name) if name else set()
    if words:
        found |= {"host" if words.words.is_of_host(name) else "text" for name in _named("text", reads)}
    return found


def _behind(name: str) -> set[str]:
    """The columns that travel so that a name of the rules language can be answered."""
    if name in ALIASES:
        return {ALIASES[name][0]}
    if name in DURATIONS:
        return {DURATIONS[name][0]}
    if name in _TIMES:
        return {"ts_ms"}
    if name in DERIVED:
        return {_BEHIND_DERIVED.get(name, "text")}
    return {AMOUNTS.get(name, name)}


def _in_order(columns: set[str]) -> tuple[str, ...]:
    """In the schema's order; what isn't of the schema (the wording) travels by itself."""
    return tuple(name for name in COLUMN if name in columns)
