"""All windows of one stage.

Enters: a chunk, with its conditions already answerable. Leaves: chunk.features, one column per feature. Invariant: the
windows of a key see its events in arrival order; events that are not OK are read only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from interceptor.chunk import Chunk, Views, bits_of
from interceptor.config import Limits
from interceptor.distinct import DistinctWindow
from interceptor.rules.expressions import Expression
from interceptor.rules.ruleset import Feature, Step
from interceptor.schema import Kind
from interceptor.sequences import Sequence as SequenceWindow
from interceptor.sightings import SequentialRun, SinceFirst, SinceLast
from interceptor.tables import KeyTable, Slots
from interceptor.windows import CountWindow, RatioWindow, SumWindow

_NEVER = Step(frozenset(), None)


class FeatureBank:
    """The features of one stage with their state: one key table for each pair of key columns (update, read)."""

    def __init__(self, features: Sequence[Feature], limits: Limits) -> None:
        by_keys: dict[tuple[str, str], list[Feature]] = {}
        for feature in features:
            by_keys.setdefault((feature.by, feature.of), []).append(feature)
        self._groups = [_Group(keys, members, limits) for keys, members in by_keys.items()]

    @property
    def evicted(self) -> int:
        """Keys and pairs that made room for others so far."""
        return sum(group.evicted for group in self._groups)

    def apply(self, chunk: Chunk, views: Views) -> None:
        """Brings every feature up to date with the chunk and fills chunk.features."""
        masks = _Masks(chunk, views)
        for group in self._groups:
            group.apply(chunk, masks)


class _Masks:
    """Which rows match a condition, as bool[count] over the chunk. Equal questions are answered once."""

    def __init__(self, chunk: Chunk, views: Views) -> None:
        self._chunk, self._views = chunk, views
        self._known: dict[tuple[int, str], np.ndarray] = {}

    def matching(self, kinds: frozenset[Kind], bits: int, where: Expression | None) -> np.ndarray:
        """Rows of `kinds` (also as `bits`) where the condition holds."""
        name = (bits, "" if where is None else where.key)
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = np.zeros(self._chunk.count, bool)
            for kind in kinds:
                view = self._views[kind]
                if view is not None:
                    found[view.rows] = True if where is None else where(view)
        return found

    def matching_step(self, step: Step) -> np.ndarray:
        return self.matching(step.kinds, bits_of(step.kinds), step.where)


class _Tracked:
    """A feature with its window."""

    def __init__(self, feature: Feature, limits: Limits) -> None:
        self.feature = feature
        self.update_bits = bits_of(feature.kinds)
        self.reader_bits = 0 if feature.window == "sequence" else bits_of(feature.readers)
        self.row_bits = self.update_bits | self.reader_bits
        self.window = _window(feature, limits)

    def updates(self, masks: _Masks) -> np.ndarray:
        """bool[count]: events that would change the feature's state if they are OK."""
        feature = self.feature
        if feature.window != "sequence":
            return masks.matching(feature.kinds, self.update_bits, feature.where)
        return np.logical_or.reduce([masks.matching_step(step) for step in (*feature.steps, feature.unless or _NEVER)])

    def rows(self, chunk: Chunk, updates: np.ndarray) -> np.ndarray:
        """int32[m]: events that change the feature or that read it. (A sequence says no of all that match no step.)"""
        if self.update_bits & ~self.reader_bits == 0:
            return chunk.rows(self.reader_bits)
        if self.reader_bits & chunk.bits:
            updates = updates.copy()
            updates[chunk.rows(self.reader_bits)] = True
        return np.flatnonzero(updates).astype(np.int32)

    def apply(
        self, chunk: Chunk, masks: _Masks, at: Slots, read: Slots, rows: np.ndarray, updates: np.ndarray
    ) -> np.ndarray:
        feature, ts_ms = self.feature, chunk["ts_ms"]
        match feature.window:
            case "sum":
                values = chunk[feature.value].astype(np.int64, copy=False)
                return self.window.apply(rows, at, read, ts_ms, updates, values)
            case "distinct" | "sequential":
                values = chunk[feature.value].astype(np.uint64, copy=False)
                return self.window.apply(rows, at, read, ts_ms, updates, values)
            case "ratio":
                numerator = masks.matching(feature.kinds, self.update_bits, feature.numerator)
                return self.window.apply(rows, at, read, ts_ms, updates, numerator)
            case "sequence":
                steps = np.stack([masks.matching_step(step) for step in feature.steps])
                return self.window.apply(
                    rows, at, ts_ms, chunk.ok, steps, masks.matching_step(feature.unless or _NEVER)
                )
        return self.window.apply(rows, at, read, ts_ms, updates)


class _Group:
    """The features of one pair of key columns, which share a key table."""

    def __init__(self, keys: tuple[str, str], features: Sequence[Feature], limits: Limits) -> None:
        self._by, self._of = keys
        self._table = KeyTable(limits.keys_max)
        self._members = [_Tracked(feature, limits) for feature in features]

    @property
    def evicted(self) -> int:
        return self._table.evicted + sum(getattr(member.window, "evicted", 0) for member in self._members)

    def apply(self, chunk: Chunk, masks: _Masks) -> None:
        involved = [member for member in self._members if member.row_bits & chunk.bits]
        if not involved:
            return
        matches = [member.updates(masks) for member in involved]
        rows = [member.rows(chunk, matching) for member, matching in zip(involved, matches, strict=True)]
        updates = [matching & chunk.ok for matching in matches]
        inserting = updates[0] if len(updates) == 1 else np.logical_or.reduce(updates)
        at, read = self._slots(chunk, _union(rows, chunk.count), inserting)
        for member, its_rows, updating in zip(involved, rows, updates, strict=True):
            chunk.features[member.feature.name] = member.apply(chunk, masks, at, read, its_rows, updating)

    def _slots(self, chunk: Chunk, rows: np.ndarray, inserting: np.ndarray) -> tuple[Slots, Slots]:
        by, of = (chunk[name].astype(np.uint64, copy=False) for name in (self._by, self._of))
        if self._by != self._of:
            return self._table.slots_of_two(by, of, rows, inserting)
        slots = self._table.slots(by, rows, inserting)
        return slots, slots


def _union(parts: Sequence[np.ndarray], count: int) -> np.ndarray:
    """int32[m]: rows that are in any of the parts, in order."""
    longest = max(parts, key=len)
    if all(part is longest or len(part) == 0 for part in parts):
        return longest
    mask = np.zeros(count, bool)
    for part in parts:
        mask[part] = True
    return np.flatnonzero(mask).astype(np.int32)


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
