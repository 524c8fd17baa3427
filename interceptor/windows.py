"""Sliding windows over the events of a key: how many, how much, what share.

Enters: rows of a batch in arrival order with their slots: `at` those to update, `read` those to read (the same object
where both are by one column). Leaves: per row the window's value; other rows are 0. Invariant: an event that updates
and reads sees itself; state changes only where `updates` holds and the key has a slot.
"""

from __future__ import annotations

import numpy as np

from interceptor.kernels import (
    IN_BOOL,
    IN_I32,
    IN_I64,
    INT,
    OUT_F64,
    OUT_I64,
    TABLE,
    TABLE_I32,
    Bools,
    Float64s,
    Int32s,
    Int64s,
    grown,
    kernel,
    prefetch_ahead,
    table,
)
from interceptor.panes import HEAD, PANES, ROW_WORDS, SUM_PANES, advance, pane_length_ms, slots_used, total
from interceptor.state import Rows
from interceptor.tables import Slots


class CountWindow(Rows):
    """Number of updating events. 64 bytes a key; a pane counts to 2**31 - 1."""

    def __init__(self, within_ms: int) -> None:
        self._pane_ms = pane_length_ms(within_ms, PANES)
        self._words = table(0, ROW_WORDS)

    def apply(self, rows: Int32s, at: Slots, read: Slots, ts_ms: Int64s, updates: Bools) -> Int64s:
        """Update where `updates`, then read."""
        self._words = grown(self._words, slots_used(at, read))
        out = np.zeros(len(ts_ms), np.int64)
        _count(
            rows, at.slot, at.epoch, read.slot, read.epoch, ts_ms, updates,
            self._pane_ms, self._words, self._words.view(np.int32), out,
        )  # fmt: skip
        return out


class RatioWindow(Rows):
    """Share of the updating events that are `numerator` events, 0.0 where there are none. 128 bytes a key: a row of
    all, and behind it a row of the numerator."""

    def __init__(self, within_ms: int) -> None:
        self._pane_ms = pane_length_ms(within_ms, PANES)
        self._words = table(0, 2 * ROW_WORDS)

    def apply(self, rows: Int32s, at: Slots, read: Slots, ts_ms: Int64s, updates: Bools, numerator: Bools) -> Float64s:
        """Update where `updates`, then read."""
        self._words = grown(self._words, slots_used(at, read))
        words = self._words.reshape(-1, ROW_WORDS)
        out = np.zeros(len(ts_ms), np.float64)
        _ratio(
            rows, at.slot, at.epoch, read.slot, read.epoch, ts_ms, updates, numerator,
            self._pane_ms, self._words, words, words.view(np.int32), out,
        )  # fmt: skip
        return out


class SumWindow(Rows):
    """Sum of a column over the updating events. 64 bytes a key, and half as many panes as the others have."""

    def __init__(self, within_ms: int) -> None:
        self._pane_ms = pane_length_ms(within_ms, SUM_PANES)
        self._words = table(0, ROW_WORDS)

    def apply(self, rows: Int32s, at: Slots, read: Slots, ts_ms: Int64s, updates: Bools, values: Int64s) -> Int64s:
        """Update where `updates`, then read."""
        self._words = grown(self._words, slots_used(at, read))
        out = np.zeros(len(ts_ms), np.int64)
        _sum(
            rows, at.slot, at.epoch, read.slot, read.epoch, ts_ms, updates, values,
            self._pane_ms, self._words, out,
        )  # fmt: skip
        return out


@kernel(IN_I32, IN_I32, IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, INT, TABLE, TABLE_I32, OUT_I64)
def _count(
    rows: Int32s,
    at_slot: Int32s,
    at_epoch: Int32s,
    read_slot: Int32s,
    read_epoch: Int32s,
    ts_ms: Int64s,
    updates: Bools,
    pane_ms: int,
    words: Int64s,
    cells: Int32s,
    out: Int64s,
) -> None:
    for i in range(len(rows)):
        prefetch_ahead(words, rows, i, at_slot, read_slot)
        row = rows[i]
        pane = ts_ms[row] // pane_ms
        slot, epoch = np.int64(at_slot[row]), np.int64(at_epoch[row])
        if updates[row] and slot >= 0 and advance(words, cells, PANES, slot, epoch, pane):
            cells[slot, pane % PANES] += 1
        slot, epoch = np.int64(read_slot[row]), np.int64(read_epoch[row])
        if slot >= 0:
            out[row] = total(words, cells, PANES, slot, epoch, pane)


@kernel(IN_I32, IN_I32, IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, IN_BOOL, INT, TABLE, TABLE, TABLE_I32, OUT_F64)
def _ratio(
    rows: Int32s,
    at_slot: Int32s,
    at_epoch: Int32s,
    read_slot: Int32s,
    read_epoch: Int32s,
    ts_ms: Int64s,
    updates: Bools,
    numerator: Bools,
    pane_ms: int,
    both_words: Int64s,
    words: Int64s,
    cells: Int32s,
    out: Float64s,
) -> None:
    for i in range(len(rows)):
        prefetch_ahead(both_words, rows, i, at_slot, read_slot)
        row = rows[i]
        pane = ts_ms[row] // pane_ms
        slot, epoch = np.int64(at_slot[row]), np.int64(at_epoch[row])
        if updates[row] and slot >= 0 and advance(words, cells, PANES, 2 * slot, epoch, pane):
            cells[2 * slot, pane % PANES] += 1
            if numerator[row]:
                # Its row is never ahead of the row of all, so what is new enough for that is so for this.
                advance(words, cells, PANES, 2 * slot + 1, epoch, pane)
                cells[2 * slot + 1, pane % PANES] += 1
        slot, epoch = np.int64(read_slot[row]), np.int64(read_epoch[row])
        if slot >= 0:
            every = total(words, cells, PANES, 2 * slot, epoch, pane)
            if every > 0:
                newest = max(words[2 * slot, HEAD], pane)
                out[row] = total(words, cells, PANES, 2 * slot + 1, epoch, newest) / every


@kernel(IN_I32, IN_I32, IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, IN_I64, INT, TABLE, OUT_I64)
def _sum(
    rows: Int32s,
    at_slot: Int32s,
    at_epoch: Int32s,
    read_slot: Int32s,
    read_epoch: Int32s,
    ts_ms: Int64s,
    updates: Bools,
    values: Int64s,
    pane_ms: int,
    words: Int64s,
    out: Int64s,
) -> None:
    for i in range(len(rows)):
        prefetch_ahead(words, rows, i, at_slot, read_slot)
        row = rows[i]
        pane = ts_ms[row] // pane_ms
        slot, epoch = np.int64(at_slot[row]), np.int64(at_epoch[row])
        if updates[row] and slot >= 0 and advance(words, words, SUM_PANES, slot, epoch, pane):
            words[slot, pane % SUM_PANES] += values[row]
        slot, epoch = np.int64(read_slot[row]), np.int64(read_epoch[row])
        if slot >= 0:
            out[row] = total(words, words, SUM_PANES, slot, epoch, pane)
