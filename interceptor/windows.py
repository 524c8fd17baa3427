"""Sliding windows over the events of a key: how many, how much, what share.

Enters: rows of a chunk in arrival order with their places (epoch and slot): `places` to update, `reads` to read, -1 =
none. Leaves: per row the window's value; other rows are left alone. Invariant: an event that updates and reads sees
itself; state changes only where `changes` holds and the key has a place.
"""

from __future__ import annotations

from interceptor.kernels import Bools, Float64s, Int32s, Int64s, Uint8s, helper
from interceptor.panes import (
    PANES,
    ROW_WORDS,
    SUM_PANES,
    advance,
    dropped,
    empty,
    moved,
    pane_length_ms,
    pane_of,
    remaining,
    total,
)
from interceptor.tables import epoch_of, slot_of
from interceptor.window import Window

SHARE_MAX = 2**16 - 1  # events of a key in a pane that a share is made of; what comes after them changes nothing


class CountWindow(Window):
    """Number of updating events. 64 bytes a key; a pane counts to 2**31 - 1."""

    def __init__(self, within_ms: int) -> None:
        super().__init__("count", pane_length_ms(within_ms, PANES), ROW_WORDS)


class RatioWindow(Window):
    """Share of the updating events that are `numerator` events, 0.0 where there are none. 64 bytes a key; of a pane the
    first SHARE_MAX events count."""

    def __init__(self, within_ms: int) -> None:
        super().__init__("ratio", pane_length_ms(within_ms, PANES), ROW_WORDS)


class SumWindow(Window):
    """Sum of a column over the updating events. 64 bytes a key, and half as many panes as the others have."""

    def __init__(self, within_ms: int) -> None:
        super().__init__("sum", pane_length_ms(within_ms, SUM_PANES), ROW_WORDS)


@helper
def count(
    start: int, stop: int, rows: Int32s, places: Int64s, reads: Int64s, changes: Uint8s, ts_ms: Int64s,
    pane_ms: int, words: Int64s, cells: Int32s, out: Int64s,
) -> None:  # fmt: skip
    pane = 0
    for i in range(start, stop):
        pane = pane_of(ts_ms[rows[i]], pane_ms, pane)
        slot, epoch = slot_of(places[i]), epoch_of(places[i])
        if changes[i] and places[i] >= 0 and advance(words, cells, PANES, slot, epoch, pane):
            cells[slot, pane % PANES] += 1
        if reads[i] >= 0:
            out[rows[i]] = total(words, cells, PANES, slot_of(reads[i]), epoch_of(reads[i]), pane)


@helper
def sum_up(
    start: int, stop: int, rows: Int32s, places: Int64s, reads: Int64s, changes: Uint8s, ts_ms: Int64s, values: Int64s,
    pane_ms: int, words: Int64s, out: Int64s,
) -> None:  # fmt: skip
    pane = 0
    for i in range(start, stop):
        pane = pane_of(ts_ms[rows[i]], pane_ms, pane)
        slot, epoch = slot_of(places[i]), epoch_of(places[i])
        if changes[i] and places[i] >= 0 and advance(words, words, SUM_PANES, slot, epoch, pane):
            words[slot, pane % SUM_PANES] += values[i]
        if reads[i] >= 0:
            out[rows[i]] = total(words, words, SUM_PANES, slot_of(reads[i]), epoch_of(reads[i]), pane)


@helper
def ratio(
    start: int, stop: int, rows: Int32s, places: Int64s, reads: Int64s, changes: Uint8s, ts_ms: Int64s,
    numerator: Bools, every: bool, pane_ms: int, words: Int64s, cells: Int32s, out: Float64s,
) -> None:  # fmt: skip
    """All events are counted in the row's first PANES cells, those of the numerator in the others."""
    pane = 0
    for i in range(start, stop):
        pane = pane_of(ts_ms[rows[i]], pane_ms, pane)
        if changes[i] and places[i] >= 0:
            slot = slot_of(places[i])
            emptied = moved(words, PANES, slot, epoch_of(places[i]), pane)
            empty(cells, 0, PANES, slot, pane, emptied)
            empty(cells, PANES, PANES, slot, pane, emptied)
            if emptied >= 0 and cells[slot, pane % PANES] < SHARE_MAX:
                cells[slot, pane % PANES] += 1
                cells[slot, PANES + pane % PANES] += every or numerator[rows[i]]
        if reads[i] >= 0:
            slot = slot_of(reads[i])
            without = dropped(words, PANES, slot, epoch_of(reads[i]), pane)
            whole = remaining(cells, 0, PANES, slot, pane, without)
            if whole > 0:
                out[rows[i]] = remaining(cells, PANES, PANES, slot, pane, without) / whole
