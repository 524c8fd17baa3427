"""Ranges of numbers, each with a time to live.

Enters: ranges, and values with the time of their event. Leaves: which values are in a range that holds at their time,
and the range behind a match. Invariants: those of interceptor.lists; of equal ranges there is one.

A range knows which one before it reaches further: so a look-up walks over those that could hold the value, not over all
that begin before it, and one broad range among a million narrow ones costs nothing.
"""

from __future__ import annotations

import numpy as np

from interceptor.entries import TAKEN_OFF_MS, Columns, Entry, Noted, last_to_expire
from interceptor.kernels import (
    IN_I64,
    IN_U64,
    OUT_I64,
    OUT_U8,
    TABLE,
    Bools,
    Int32s,
    Int64s,
    Uint8s,
    Uint64s,
    kernel,
    table,
)
from interceptor.lookups import EXPIRES, FROM


class RangeList(Noted):
    """Ranges of numbers, both ends included; they may overlap."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[tuple[int, int], str] = {}
        self._waiting: list[tuple[Uint64s, Int64s, Int32s]] = []  # not yet sorted in
        self._ends: Uint64s = np.zeros((2, 0), np.uint64)  # first numbers, ascending, and last numbers
        self._reach: Uint64s = np.zeros(0, np.uint64)  # the largest last number up to here
        self._further: Int64s = np.zeros(0, np.int64)  # the closest range before that ends later
        self._spans: Int64s = table(0, 2)
        self._codes: Int32s = np.zeros(0, np.int32)

    def __len__(self) -> int:
        self._sort()
        return self._ends.shape[1]

    def reserve(self, entries: int) -> None:
        """Columns need no room in advance."""

    def ended(self, ts_ms: int) -> int:
        """How many entries don't hold any more at `ts_ms`."""
        self._sort()
        return int((self._spans[:, EXPIRES] <= ts_ms).sum())

    def put(self, ends: Uint64s, from_ms: Int64s, expires_ms: Int64s, codes: Int32s) -> None:
        """Lists ranges uint64[k, 2], each with its own time (int64[k]) and note (int32[k])."""
        self._waiting.append((ends, np.stack([from_ms, expires_ms], 1), codes))

    def add(
        self,
        value: tuple[int, int],
        from_ms: int,
        expires_ms: int,
        source: str = "",
        reason: str = "",
        shown: str = "",
    ) -> None:
        """Lists the numbers from value[0] to value[1]. ValueError where the first is larger, or outside of uint64."""
        first, last = value
        if not 0 <= first <= last < 1 << 64:
            raise ValueError(f"{first}..{last} is no range of numbers")
        if shown:
            self._shown[first, last] = shown
        since, until = (np.array([ms], np.int64) for ms in (from_ms, expires_ms))
        self.put(np.array([value], np.uint64), since, until, np.array([self.note(source, reason)], np.int32))

    def remove(self, ends: Uint64s) -> None:
        """Takes ranges uint64[k, 2] off; only those with exactly these ends."""
        self._sort()
        firsts, lasts = self._ends
        for first, last in ends:
            low, high = np.searchsorted(firsts, first, "left"), np.searchsorted(firsts, first, "right")
            at = low + np.searchsorted(lasts[low:high], last)
            if at < high and lasts[at] == last:
                self._spans[at], self._codes[at] = TAKEN_OFF_MS, 0

    def columns(self) -> Columns:
        """All entries, also those that were taken off or have expired."""
        self._sort()
        ends = np.ascontiguousarray(self._ends.T)
        return Columns(ends, self._spans[:, FROM].copy(), self._spans[:, EXPIRES].copy(), self._codes, self._notes)

    def contains(self, values: Uint64s, ts_ms: Int64s) -> Bools:
        listed = np.zeros(len(values), np.bool_)
        if len(self):
            firsts, lasts = self._ends
            within(values, ts_ms, firsts, lasts, self._reach, self._further, self._spans, listed.view(np.uint8))
        return listed

    def entry(self, value: int, ts_ms: int) -> Entry | None:
        self._sort()
        found, at = [], int(np.searchsorted(self._ends[0], np.uint64(value), "right")) - 1
        while at >= 0:
            first, last = self._ends[:, at].tolist()
            if last < value:
                at = int(self._further[at])
                continue
            note = self._notes[self._codes[at]]
            entry = Entry(self._shown.get((first, last), f"{first}..{last}"), *self._spans[at].tolist(), *note)
            if entry.holds(ts_ms):
                found.append(entry)
            at -= 1
        return last_to_expire(found)

    def _sort(self) -> None:
        """Sorts in what is waiting; of equal ranges one is left, with the note of the latest end."""
        if not self._waiting:
            return
        held = (np.ascontiguousarray(self._ends.T), self._spans, self._codes)
        ends, spans_, codes = (np.concatenate(columns) for columns in zip(held, *self._waiting, strict=True))
        self._waiting.clear()
        telling = np.where(codes != 0, spans_[:, EXPIRES], np.iinfo(np.int64).min)
        order = np.lexsort((telling, ends[:, 1], ends[:, 0]))
        ends, spans_, codes = ends[order], spans_[order], codes[order]
        first = np.flatnonzero(np.append(True, (ends[1:] != ends[:-1]).any(1))[: len(ends)])
        last = np.append(first[1:], len(ends)) - 1
        self._ends, self._codes = np.ascontiguousarray(ends[first].T), codes[last]
        self._spans, self._further = table(len(first), 2), np.empty(len(first), np.int64)
        self._spans[:, FROM] = np.minimum.reduceat(spans_[:, FROM], first)
        self._spans[:, EXPIRES] = np.maximum.reduceat(spans_[:, EXPIRES], first)
        self._reach = np.maximum.accumulate(self._ends[1])
        reaching_further(self._ends[1], self._further)


@kernel(IN_U64, OUT_I64)
def reaching_further(lasts: Uint64s, further: Int64s) -> None:
    """For each range the closest one before it that ends later, -1 for none."""
    for i in range(len(lasts)):
        at = i - 1
        while at >= 0 and lasts[at] <= lasts[i]:
            at = further[at]
        further[i] = at


@kernel(IN_U64, IN_I64, IN_U64, IN_U64, IN_U64, IN_I64, TABLE, OUT_U8)
def within(
    values: Uint64s,
    ts_ms: Int64s,
    firsts: Uint64s,
    lasts: Uint64s,
    reach: Uint64s,
    further: Int64s,
    spans: Int64s,
    listed: Uint8s,
) -> None:
    """From the last range that begins at or before the value, back over those that reach it. `reach`: the largest
    last number up to here."""
    for i in range(len(values)):
        low, high = 0, len(firsts)
        while low < high:
            middle = (low + high) // 2
            if firsts[middle] <= values[i]:
                low = middle + 1
            else:
                high = middle
        at = low - 1
        while at >= 0 and reach[at] >= values[i] and listed[i] == 0:
            if lasts[at] < values[i]:
                at = further[at]
                continue
            if spans[at, FROM] <= ts_ms[i] < spans[at, EXPIRES]:
                listed[i] = 1
            at -= 1
