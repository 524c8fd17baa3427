"""All windows of one stage.

Enters: a chunk, with its conditions already answerable. Leaves: chunk.features, one column per feature. Invariant: the
windows of a key see its events in arrival order; events that are not OK are read only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from interceptor.chunk import Chunk, Views, bits_of
from interceptor.config import Limits
from interceptor.distinct import DistinctWindow
from interceptor.masks import MaskPlan, Masks
from interceptor.observer import Observer
from interceptor.reload import Key, Restored, events_of
from interceptor.rules.expressions import Expression
from interceptor.rules.ruleset import Feature, Step
from interceptor.schema import Kind
from interceptor.sequences import Sequence as SequenceWindow
from interceptor.sightings import NEVER, SequentialRun, SinceFirst, SinceLast
from interceptor.state import State, StateMisfit, nested, read, within, written
from interceptor.tables import KeyTable, Slots
from interceptor.windows import CountWindow, RatioWindow, SumWindow

_NO_STEP = Step(frozenset(), None)  # the step of a sequence that no event is


class FeatureBank:
    """The features of one stage with their state."""

    def __init__(self, features: Sequence[Feature], limits: Limits) -> None:
        self._limits = limits
        self._fill(features, {}, frozenset())

    def reloaded(self, features: Sequence[Feature], kept: Collection[str]) -> FeatureBank:
        """The features of another rule set; those in `kept` take over the windows that they have here. Both share these
        from now on: go on with one of them."""
        bank = FeatureBank((), self._limits)
        bank._fill(features, self._groups, kept)
        return bank

    def _fill(self, features: Sequence[Feature], groups: Mapping[Key, _Group], kept: Collection[str]) -> None:
        self._plan = MaskPlan(features)
        alike: dict[Key, list[Feature]] = {}
        for feature in features:
            alike.setdefault(events_of(feature), []).append(feature)
        self._groups = {key: _Group(members, self._limits, groups.get(key), kept) for key, members in alike.items()}

    def taken(self, digests: Mapping[str, str]) -> State:
        """The state of all windows. `digests` (of reload): at least for the features that are kept here."""
        state, about = State(), dict[str, tuple[int, str]]()
        for number, group in enumerate(self._groups.values()):
            about |= {name: (number, digests[name]) for name in group.names}
            state |= nested({f"keys/{number}": group.table.taken(), "windows": group.windows_taken()})
        return state | {"features": written(about)}

    def put_back(self, state: Mapping[str, np.ndarray], digests: Mapping[str, str]) -> Restored:
        """Goes on where another bank was, maybe of another rule set: features with equal digests take over the windows
        that it had, others begin empty. Raises StateMisfit; then this bank is of no use any more."""
        about = _about(state)
        mine = {name: digests[name] for group in self._groups.values() for name in group.names}
        restored = Restored.between({name: digest for name, (_, digest) in about.items()}, mine)
        for group in self._groups.values():
            kept = {name: about[name][0] for name in group.names if name in restored.kept}
            group.put_back(state, kept, self._limits)
        return restored

    @property
    def evicted(self) -> int:
        """Keys and pairs that made room for others so far."""
        return sum(group.evicted for group in self._groups.values())

    def apply(self, chunk: Chunk, views: Views, observer: Observer) -> None:
        """Brings every feature up to date with the chunk and fills chunk.features."""
        masks = Masks(chunk, views, self._plan)
        for group in self._groups.values():
            group.apply(chunk, masks, observer)


class _Group:
    """Features that the same events update under the same key: they share a key table, which holds no other keys.

    Windows that are `kept` come from the group `before` a reload, with its key table. A new one beside them is empty:
    of each slot it has yet to see an epoch.
    """

    def __init__(
        self, features: Sequence[Feature], limits: Limits, before: _Group | None, kept: Collection[str]
    ) -> None:
        first = self._first = features[0]
        known = {feature.name: window for feature, window in before._windows if feature.name in kept} if before else {}
        self._windows: list[tuple[Feature, Any]] = [
            (feature, known.get(feature.name) or _window(feature, limits)) for feature in features
        ]
        self.table: KeyTable = before.table if before and known else KeyTable(limits.keys_max)
        self._update_bits = bits_of(first.kinds)
        # A sequence says no of all events that match none of its steps, whoever reads it.
        readers = frozenset[Kind]().union(*(feature.readers for feature in features))
        self._reader_bits = 0 if first.window == "sequence" else bits_of(readers)

    @property
    def evicted(self) -> int:
        return self.table.evicted + sum(getattr(window, "evicted", 0) for _, window in self._windows)

    @property
    def names(self) -> list[str]:
        return [feature.name for feature, _ in self._windows]

    def windows_taken(self) -> State:
        """The state of all windows, by the feature's name."""
        return nested({feature.name: window.taken(self.table.size) for feature, window in self._windows})

    def put_back(self, state: Mapping[str, np.ndarray], kept: Mapping[str, int], limits: Limits) -> None:
        """`kept`: the number that this group had, for each feature whose window goes on."""
        if len(set(kept.values())) > 1:
            raise StateMisfit(f"windows of one table of keys come from several: {', '.join(sorted(kept))}")
        self.table = KeyTable(limits.keys_max)
        for number in set(kept.values()):
            self.table.put_back(within(state, f"keys/{number}"))
        self._windows = [(feature, _window(feature, limits)) for feature, _ in self._windows]
        for feature, window in self._windows:
            if feature.name in kept:
                window.put_back(within(state, f"windows/{feature.name}"))

    def apply(self, chunk: Chunk, masks: Masks, observer: Observer) -> None:
        if not (self._update_bits | self._reader_bits) & chunk.bits:
            return
        matching = self._matching(masks)
        rows = self._rows(chunk, matching)
        updates = matching if chunk.all_ok else matching & chunk.ok
        if not (self.table.size and len(rows)) and not np.count_nonzero(updates):
            for feature, _ in self._windows:
                chunk.features[feature.name] = _nothing(feature, chunk)
            return
        at, read = self._slots(chunk, rows, updates)
        for feature, window in self._windows:
            arguments = self._arguments(feature, chunk, masks)
            chunk.features[feature.name] = (
                window.apply(rows, at, chunk["ts_ms"], chunk.ok, *arguments)
                if feature.window == "sequence"
                else window.apply(rows, at, read, chunk["ts_ms"], updates, *arguments)
            )
            observer.lap("feature", feature.name)

    def _matching(self, masks: Masks) -> np.ndarray:
        """bool[count]: events that change the features' state if they are OK."""
        first = self._first
        if first.window != "sequence":
            return masks.matching(first.kinds, self._update_bits, first.where)
        return np.logical_or.reduce([masks.matching_step(step) for step in (*first.steps, first.unless or _NO_STEP)])

    def _rows(self, chunk: Chunk, matching: np.ndarray) -> np.ndarray:
        """int32[m]: events that change the features or that read them."""
        if self._update_bits & ~self._reader_bits == 0:
            return chunk.rows(self._reader_bits)
        if self._reader_bits & chunk.bits:
            matching = matching.copy()
            matching[chunk.rows(self._reader_bits)] = True
        return np.flatnonzero(matching).astype(np.int32)

    def _slots(self, chunk: Chunk, rows: np.ndarray, inserting: np.ndarray) -> tuple[Slots, Slots]:
        by, of = (chunk[name].astype(np.uint64, copy=False) for name in (self._first.by, self._first.of))
        if self._first.by != self._first.of:
            return self.table.slots_of_two(by, of, rows, inserting)
        slots = self.table.slots(by, rows, inserting)
        return slots, slots

    def _arguments(self, feature: Feature, chunk: Chunk, masks: Masks) -> tuple[np.ndarray, ...]:
        """What a window takes besides rows, slots, times and updates."""
        if feature.window == "sum":
            return (chunk[feature.value].astype(np.int64, copy=False),)
        if feature.window in ("distinct", "sequential"):
            return (chunk[feature.value].astype(np.uint64, copy=False),)
        if feature.window == "ratio":
            return (masks.matching(feature.kinds, self._update_bits, feature.numerator),)
        if feature.window == "sequence":
            steps = np.stack([masks.matching_step(step) for step in feature.steps])
            return (steps, masks.matching_step(feature.unless or _NO_STEP))
        return ()


def _about(state: Mapping[str, np.ndarray]) -> dict[str, tuple[int, str]]:
    """For each feature of a state, the number of its table of keys, and its digest."""
    try:
        return {str(name): (int(number), str(digest)) for name, (number, digest) in read(state, "features").items()}
    except (AttributeError, TypeError, ValueError):
        raise StateMisfit("features: not names with numbers and digests") from None


def _nothing(feature: Feature, chunk: Chunk) -> np.ndarray:
    """What a window of which no key was ever seen says of every event."""
    if feature.window in ("since_last", "since_first"):
        return np.full(chunk.count, NEVER, np.int64)
    return chunk.zeros


def _text(condition: Expression | None) -> str:
    return "" if condition is None else condition.key


def _window(feature: Feature, limits: Limits) -> Any:
    match feature.window:
        case "count":
            return CountWindow(feature.within_ms)
        case "ratio":
            return RatioWindow(feature.within_ms)
        case "sum":
            return SumWindow(feature.within_ms)
        case "distinct":
            return DistinctWindow(feature.within_ms, limits.pairs_max)
        case "since_last":
            return SinceLast(feature.within_ms)
        case "since_first":
            return SinceFirst(feature.within_ms)
        case "sequential":
            return SequentialRun(feature.within_ms)
    return SequenceWindow(len(feature.steps), feature.within_ms)
