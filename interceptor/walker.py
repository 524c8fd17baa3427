"""Takes groups of windows through chunks: memory for the walk, and room where tables are full.

Enters: groups, then of each chunk its kinds, times, columns and masks. Leaves: a column of values for each window.
Invariant: the memory of values is used again for the next chunk, unless somebody still holds a column of it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np

from interceptor import walking
from interceptor.columns import located
from interceptor.distinct import DistinctWindow
from interceptor.kernels import ROWS_MIN, Bools, Int64s, Uint8s
from interceptor.sieve import empty_sieve
from interceptor.tables import KeyTable
from interceptor.walking import (
    GROUP_FIELDS,
    POSITIONS,
    SCRATCH,
    SORTS,
    UNBEGUN,
    WINDOW_FIELDS,
    walk,
)
from interceptor.window import Window

ALWAYS = -1  # instead of the number of a mask
_STRIDE_ODD = 8  # words: rows of memory one after the other shouldn't fall on the same places of the cache


@dataclass(frozen=True, slots=True)
class Walked:
    """A window of a group; columns and masks by number. `value`: the column that it counts or sums, -1 = none;
    `numerator`: the mask of a share."""

    window: Window
    value: int = -1
    numerator: int = ALWAYS


@dataclass(frozen=True, slots=True)
class Group:
    """Windows that the same events change, under the same key. Kinds of event as bits (chunk.bits_of).

    `steps`: (kinds, mask) of each; an event that matches any changes the group. Those with columns `by` and `of` that
    differ are updated by one and read by the other.
    """

    table: KeyTable
    windows: Sequence[Walked]
    readers: int
    steps: Sequence[tuple[int, int]]
    by: int
    of: int

    @property
    def kinds(self) -> int:
        """Kinds of event that change it."""
        bits = 0
        for step, _ in self.steps:
            bits |= step
        return bits

    @property
    def columns(self) -> set[int]:
        """All that it needs."""
        return {self.by, self.of} | {walked.value for walked in self.windows if walked.value >= 0}


class Walker:
    """Windows are numbered in the order of the groups. The groups are its own from now on: nobody else may change
    their tables."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._windows = [walked.window for group in groups for walked in group.windows]
        keys = [(number, group.kinds | group.readers) for group in groups for number in {group.by, group.of}]
        kinds_of = {number: reduce(or_, (bits for other, bits in keys if other == number)) for number, _ in keys}
        self._bits = np.array(sorted({*kinds_of.values(), *(bits for _, bits in keys)}), np.int64)
        self._key_columns = np.array(
            [(number, np.searchsorted(self._bits, bits)) for number, bits in kinds_of.items()], np.int64
        ).reshape(-1, 2)
        self._sieves = [np.zeros(0, np.uint8) for _ in groups]
        self._about = np.zeros((len(groups), GROUP_FIELDS), np.int64)
        self._of_windows = np.zeros((len(self._windows), WINDOW_FIELDS), np.int64)
        self._steps = np.array([step for group in groups for step in group.steps], np.int64).reshape(-1, 2)
        self._describe()
        for number in range(len(groups)):
            self._bind(number)
        self._position = np.zeros(POSITIONS, np.int64)
        self._found = np.zeros(len(self._bits), np.int64)
        self._widen(0)

    def begin(
        self, kinds: Uint8s, ok: Bools, ts_ms: Int64s, columns: Int64s, masks: Bools
    ) -> tuple[np.ndarray, np.ndarray]:
        """Turns to the next chunk. `masks` bool[k, n]; `columns`: where each is, whatever for those that no row needs.

        Gives int64[windows, n] and the same memory as float64, for shares: the walk writes there."""
        count = len(kinds)
        if count > self._rows_max:
            self._widen(count)
        elif sys.getrefcount(self._memory) > self._alone:
            self._renew()
        self._chunk = kinds, ok, ts_ms, columns, masks
        self._position[:] = 0
        self._position[walking.STOP], self._found[:] = UNBEGUN, -1
        return self._outs[:, :count], self._reals[:, :count]

    def walk(self, last: int) -> None:
        """Takes the groups before `last` through the chunk, as far as they aren't yet."""
        while not walk(
            last, self._bits, self._key_columns, self._about, self._of_windows, self._steps, self._position,
            *self._chunk, self._keys, self._candidates, self._rows, self._found, self._matches, self._changes,
            self._scratch, self._outs, self._reals,
        ):  # fmt: skip
            self._make_room()

    def _make_room(self) -> None:
        number, window = int(self._position[walking.GROUP]), int(self._position[walking.WINDOW])
        if window == self._about[number, walking.WINDOWS_END]:
            self._groups[number].table.grow()
            self._bind(number)
        else:
            full = self._windows[window]
            assert isinstance(full, DistinctWindow)
            full.forget()
            self._bind_pairs(window)

    def _describe(self) -> None:
        """What stays as it is."""
        columns = self._key_columns[:, walking.COLUMN].tolist()
        step = window = 0
        for number, group in enumerate(self._groups):
            about = self._about[number]
            about[walking.READERS] = group.readers
            about[walking.ROWS] = np.searchsorted(self._bits, group.kinds | group.readers)
            about[walking.STEPS], about[walking.STEPS_END] = step, step + len(group.steps)
            about[walking.WINDOWS], about[walking.WINDOWS_END] = window, window + len(group.windows)
            about[walking.BY], about[walking.OF] = (columns.index(number) for number in (group.by, group.of))
            about[walking.KEYS_MAX] = group.table.keys_max
            step += len(group.steps)
            for walked in group.windows:
                fields = self._of_windows[window]
                fields[walking.SORT] = SORTS.index(walked.window.sort)
                fields[walking.LENGTH_MS], fields[walking.OUT] = walked.window.length_ms, window
                fields[walking.NOTHING] = walked.window.nothing
                fields[walking.VALUE], fields[walking.MASK] = walked.value, walked.numerator
                window += 1

    def _bind(self, number: int) -> None:
        """Where the tables of a group are: anew whenever they moved."""
        about, held = self._about[number], self._groups[number].table
        index, keys, epochs, touched, counts = held.memory
        about[walking.INDEX], about[walking.INDEX_ROWS] = index.ctypes.data, len(index)
        about[walking.KEYS], about[walking.EPOCHS] = keys.ctypes.data, epochs.ctypes.data
        about[walking.TOUCHED], about[walking.COUNTS] = touched.ctypes.data, counts.ctypes.data
        about[walking.CAPACITY] = held.capacity
        sieve = self._sieves[number] = empty_sieve(held.capacity)
        about[walking.SIEVE], about[walking.SIEVE_BYTES] = sieve.ctypes.data, len(sieve)
        about[walking.MARKED] = walking.UNKNOWN
        for place in range(about[walking.WINDOWS], about[walking.WINDOWS_END]):
            window, fields = self._windows[place], self._of_windows[place]
            window.reserve(held.capacity)
            fields[walking.WORDS], fields[walking.WORDS_ROWS] = window.words.ctypes.data, len(window.words)
            fields[walking.ROW_WORDS] = window.words.shape[1]
            self._bind_pairs(place)

    def _bind_pairs(self, place: int) -> None:
        """Where those of a window are, if it has any."""
        window, fields = self._windows[place], self._of_windows[place]
        if isinstance(window, DistinctWindow):
            pairs, pair_counts, newest = window.memory
            fields[walking.PAIRS], fields[walking.PAIRS_ROWS] = pairs.ctypes.data, len(pairs)
            fields[walking.PAIR_COUNTS], fields[walking.NEWEST] = pair_counts.ctypes.data, newest.ctypes.data

    def _widen(self, rows: int) -> None:
        """Memory for chunks of so many rows."""
        self._rows_max = max(ROWS_MIN, 1 << (rows - 1).bit_length()) if rows else 0
        stride = self._rows_max + _STRIDE_ODD
        self._candidates = np.zeros((len(self._bits), stride + 1), np.int32)
        self._rows = np.zeros((len(self._groups), stride + 1), np.int32)
        self._matches, self._changes = np.zeros(stride + 1, np.int32), np.zeros(stride + 1, np.uint8)
        self._keys = np.zeros((len(self._key_columns), stride), np.int64)
        self._scratch = np.zeros((SCRATCH, stride), np.int64)
        self._renew()

    def _renew(self) -> None:
        """Another memory for values, all of them those of windows without events."""
        self._memory = np.empty((len(self._windows), self._rows_max + _STRIDE_ODD), np.int64)
        self._memory[:] = self._of_windows[:, [walking.NOTHING]]
        self._outs, self._reals = self._memory[:], self._memory.view(np.float64)
        places = [
            located((self._reals if window.sort == "ratio" else self._outs)[number], 0, 0)
            for number, window in enumerate(self._windows)
        ]
        self.located = np.array(places, np.int64)  # where the values of each window are
        self._about[:, walking.WRITTEN] = 0
        self._alone = sys.getrefcount(self._memory)
