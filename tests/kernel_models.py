"""What the tests of the engine's state have in common: streams, cuts, and slow, obvious models.

Enters: draws of hypothesis. Leaves: columns of a stream, the same stream cut into batches, models to compare with.
Invariant: a model is written from what a window means, event by event with dictionaries, and shares no code with a
kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from interceptor.columns import located
from interceptor.tables import KeyTable, Slots
from interceptor.walker import ALWAYS, Group, Walked, Walker
from interceptor.window import Window

NOON_MS = 1_614_571_200_000
LATENESS_MAX_MS = 3_600_000


@dataclass
class ClockModel:
    """The keys of a full table: who is spared, who goes. Slots in the order of their first use."""

    keys_max: int

    def __post_init__(self) -> None:
        self.keys: list[int] = []
        self.slot_of: dict[int, int] = {}
        self.epochs: list[int] = []
        self.spared: list[bool] = []
        self.hand = 0
        self.evicted = 0

    def slot(self, key: int, inserting: bool) -> tuple[int, int]:
        if key == 0 or (key not in self.slot_of and not inserting):
            return -1, 0
        if key not in self.slot_of:
            self._place(key)
        slot = self.slot_of[key]
        self.spared[slot] = self.spared[slot] or inserting
        return slot, self.epochs[slot]

    def _place(self, key: int) -> None:
        if len(self.keys) < self.keys_max:
            self.slot_of[key] = len(self.keys)
            self.keys.append(key)
            self.epochs.append(1)
            self.spared.append(True)
            return
        while self.spared[self.hand]:
            self.spared[self.hand] = False
            self.hand = (self.hand + 1) % self.keys_max
        del self.slot_of[self.keys[self.hand]]
        self.keys[self.hand], self.slot_of[key] = key, self.hand
        self.epochs[self.hand] += 1
        self.spared[self.hand] = True
        self.hand = (self.hand + 1) % self.keys_max
        self.evicted += 1


@dataclass
class Stream:
    """Columns of equal length."""

    key: np.ndarray
    other: np.ndarray  # a second key column
    ts_ms: np.ndarray
    updates: np.ndarray  # also: ok
    flag: np.ndarray
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.key)

    def part(self, start: int, stop: int) -> Stream:
        return Stream(*(column[start:stop] for column in vars(self).values()))


def columns(
    keys: list[int], others: list[int], ts_ms: list[int], updates: list[bool], flags: list[bool], values: list[int]
) -> Stream:
    return Stream(
        np.array(keys, np.uint64),
        np.array(others, np.uint64),
        np.array(ts_ms, np.int64),
        np.array(updates, np.bool_),
        np.array(flags, np.bool_),
        np.array(values, np.uint64),
    )


def streams(within_ms: int, events_max: int = 50, values_max: int = 9) -> st.SearchStrategy[Stream]:
    """Few keys, and a clock that stands, creeps or leaps over the window. Updates are late by at most the limit of
    admission; events that only read have any time."""
    steps_ms = [0, 1, within_ms // 12, within_ms // 7, within_ms, 13 * within_ms // 12]
    late_ms = [0, 0, 0, 1, within_ms // 5, within_ms, LATENESS_MAX_MS]
    event = st.tuples(
        st.integers(0, 4),
        st.integers(0, 4),
        st.sampled_from(steps_ms),
        st.sampled_from([min(late, LATENESS_MAX_MS) for late in late_ms]),
        st.sampled_from([0, 0, 0, 1, 3, -1]),  # 0: an update; else how often as late as an update may be
        st.booleans(),
        st.integers(0, values_max),
    )
    return st.lists(event, max_size=events_max).map(_stream)


def _stream(events: list[tuple[int, int, int, int, int, bool, int]]) -> Stream:
    clock_ms = NOON_MS
    rows = []
    for key, other, step_ms, late_ms, reading, flag, value in events:
        ts_ms = clock_ms - late_ms * reading if reading else clock_ms + step_ms - late_ms
        clock_ms = clock_ms if reading else max(clock_ms, ts_ms)
        rows.append((key, other, ts_ms, not reading, flag, value))
    return columns(*map(list, zip(*rows, strict=True))) if rows else columns([], [], [], [], [], [])


def random_stream(seed: int, events: int, keys: int, values: int, step_ms: int) -> Stream:
    """Long enough for tables to grow: time goes on by about `step_ms` an event, one event in five is late."""
    chance = np.random.default_rng(seed)
    clock_ms = NOON_MS + np.cumsum(chance.integers(0, 2 * step_ms + 1, events))
    late_ms = np.where(chance.random(events) < 0.2, chance.integers(0, LATENESS_MAX_MS + 1, events), 0)
    return Stream(
        chance.integers(0, keys, events).astype(np.uint64),
        chance.integers(0, keys, events).astype(np.uint64),
        clock_ms - late_ms,
        chance.random(events) < 0.8,
        chance.random(events) < 0.3,
        chance.integers(0, values, events).astype(np.uint64),
    )


@st.composite
def cuts(draw: st.DrawFn, events: int) -> list[tuple[int, int]]:
    """Batches that cover the stream: (start, stop)."""
    marks = sorted(draw(st.lists(st.integers(0, events), max_size=8)))
    return list(zip([0, *marks], [*marks, events], strict=True))


def random_cuts(seed: int, events: int, batches: int) -> list[tuple[int, int]]:
    marks = sorted(np.random.default_rng(seed).integers(0, events + 1, batches - 1).tolist())
    return list(zip([0, *marks], [*marks, events], strict=True))


def group_of(table: KeyTable, windows: Sequence[Window], read_other: bool = False) -> Group:
    """Windows over the columns of a Stream: changed by its `updates`, read on every row of kind 0."""
    walked = [Walked(window, 2, 1 if window.sort == "ratio" else ALWAYS) for window in windows]
    return Group(table, walked, readers=1, steps=[(1, 0)], by=0, of=1 if read_other else 0)


def places(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Where columns of a chunk are; who tells it holds them."""
    return np.array([located(column, len(column), len(column)) for column in columns], np.int64)


def walk(walker: Walker, part: Stream, kinds: np.ndarray | None = None) -> list[np.ndarray]:
    """The values of all windows of one group; by default, all rows are of kind 0."""
    kinds = np.zeros(len(part), np.uint8) if kinds is None else kinds
    masks = np.stack([part.updates, part.flag]) & (kinds == 0)
    columns = places([part.key, part.other, part.value])
    values, shares = walker.begin(kinds, np.ones(len(part), np.bool_), part.ts_ms, columns, masks)
    walker.walk(1)
    windows = walker._windows
    return [(shares if one.sort == "ratio" else values)[number].copy() for number, one in enumerate(windows)]


def run(
    keys_max: int, batches: list[tuple[int, int]], stream: Stream, window: Window, read_other: bool = False
) -> tuple[np.ndarray, list[tuple[int, int]], list[tuple[int, int]]]:
    """Drive a window over the stream in batches: its values, and by the model of a table of keys the (slot, epoch) to
    update and to read per event."""
    walker = Walker([group_of(KeyTable(keys_max), [window], read_other)])
    values = [np.zeros(0)] + [walk(walker, stream.part(start, stop))[0] for start, stop in batches]
    model, at, read = ClockModel(keys_max), list[tuple[int, int]](), list[tuple[int, int]]()
    for key, other, inserting in zip(stream.key.tolist(), stream.other.tolist(), stream.updates.tolist(), strict=True):
        at.append(model.slot(key, inserting))
        read.append(model.slot(other, False) if read_other else at[-1])
    return np.concatenate(values), at, read


def pairs_of(slots: Slots) -> list[tuple[int, int]]:
    return list(zip(slots.slot.tolist(), slots.epoch.tolist(), strict=True))


def events_of(stream: Stream) -> Iterator[Any]:
    """The rows as tuples of Python values: ts_ms, updates, flag, value."""
    return zip(stream.ts_ms.tolist(), stream.updates.tolist(), stream.flag.tolist(), stream.value.tolist(), strict=True)
