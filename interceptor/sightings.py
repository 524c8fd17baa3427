"""When a key was seen: time since its last or its first event, and runs of neighbouring values.

Enters: rows of a batch in arrival order with their slots. Leaves: per row a time in ms, NEVER, or the length of a run.
Invariant: a key counts as seen while its newest event is at most `within_ms` old; an event that comes late is never
further back than 0 ms.
"""

from __future__ import annotations

import numpy as np

from interceptor.kernels import (
    IN_BOOL,
    IN_I32,
    IN_I64,
    IN_U64,
    INT,
    OUT_I64,
    TABLE,
    Bools,
    Int32s,
    Int64s,
    Uint64s,
    grown,
    helper,
    kernel,
    prefetch_ahead,
    table,
)
from interceptor.panes import slots_used
from interceptor.state import Rows
from interceptor.tables import Slots

NEVER = 10**15  # ms; longer than any window
NEIGHBOURS_MAX = 16  # farthest that the next value of a run may be, up or down

_EPOCH, _LAST = 0, 1  # words of a row
_FIRST = 2  # since_first
_VALUE, _RUN = 2, 3  # sequential


class SinceLast(Rows):
    """ms since the key's newest update before this event, NEVER if it is older than `within_ms`. 16 bytes a key."""

    def __init__(self, within_ms: int) -> None:
        self._within_ms = within_ms
        self._words = table(0, 2)

    def apply(self, rows: Int32s, at: Slots, read: Slots, ts_ms: Int64s, updates: Bools) -> Int64s:
        """Read, then update where `updates`."""
        self._words = grown(self._words, slots_used(at, read))
        out = np.zeros(len(ts_ms), np.int64)
        _since_last(
            rows, at.slot, at.epoch, read.slot, read.epoch, ts_ms, updates, self._within_ms, self._words, out
        )  # fmt: skip
        return out


class SinceFirst(Rows):
    """ms since the key's first update, this event's included; after a gap of more than `within_ms` the next update is
    the first again. NEVER if the newest is older than `within_ms`. 32 bytes a key."""

    def __init__(self, within_ms: int) -> None:
        self._within_ms = within_ms
        self._words = table(0, 4)

    def apply(self, rows: Int32s, at: Slots, read: Slots, ts_ms: Int64s, updates: Bools) -> Int64s:
        """Update where `updates`, then read."""
        self._words = grown(self._words, slots_used(at, read))
        out = np.zeros(len(ts_ms), np.int64)
        _since_first(
            rows, at.slot, at.epoch, read.slot, read.epoch, ts_ms, updates, self._within_ms, self._words, out
        )  # fmt: skip
        return out


class SequentialRun(Rows):
    """Number of updates in a row whose value was near the one before (at most NEIGHBOURS_MAX away; an equal one neither
    counts nor ends the run), with gaps of at most `within_ms`. 0 if the newest is older. 32 bytes a key."""

    def __init__(self, within_ms: int) -> None:
        self._within_ms = within_ms
        self._words = table(0, 4)

    def apply(self, rows: Int32s, at: Slots, read: Slots, ts_ms: Int64s, updates: Bools, values: Uint64s) -> Int64s:
        """Update where `updates`, then read."""
        self._words = grown(self._words, slots_used(at, read))
        out = np.zeros(len(ts_ms), np.int64)
        _sequential(
            rows, at.slot, at.epoch, read.slot, read.epoch, ts_ms, updates, values, self._within_ms, self._words, out
        )  # fmt: skip
        return out


@helper
def elapsed_ms(now_ms: int, then_ms: int) -> int:
    """From then to now, 0 if then is the later."""
    return now_ms - then_ms if now_ms > then_ms else 0


@helper
def _is_recent(words: Int64s, row: int, epoch: int, now_ms: int, within_ms: int) -> bool:
    """Whether there is a row of this epoch, with its newest update at most `within_ms` ago."""
    return words[row, _EPOCH] == epoch and elapsed_ms(now_ms, words[row, _LAST]) <= within_ms


@helper
def _touch(words: Int64s, row: int, epoch: int, now_ms: int) -> None:
    if words[row, _EPOCH] != epoch or now_ms > words[row, _LAST]:
        words[row, _LAST] = now_ms
    words[row, _EPOCH] = epoch


@kernel(IN_I32, IN_I32, IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, INT, TABLE, OUT_I64)
def _since_last(
    rows: Int32s,
    at_slot: Int32s,
    at_epoch: Int32s,
    read_slot: Int32s,
    read_epoch: Int32s,
    ts_ms: Int64s,
    updates: Bools,
    within_ms: int,
    words: Int64s,
    out: Int64s,
) -> None:
    for i in range(len(rows)):
        prefetch_ahead(words, rows, i, at_slot, read_slot)
        row = rows[i]
        slot, epoch = np.int64(read_slot[row]), np.int64(read_epoch[row])
        out[row] = NEVER
        if slot >= 0 and _is_recent(words, slot, epoch, ts_ms[row], within_ms):
            out[row] = elapsed_ms(ts_ms[row], words[slot, _LAST])
        slot, epoch = np.int64(at_slot[row]), np.int64(at_epoch[row])
        if updates[row] and slot >= 0:
            _touch(words, slot, epoch, ts_ms[row])


@kernel(IN_I32, IN_I32, IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, INT, TABLE, OUT_I64)
def _since_first(
    rows: Int32s,
    at_slot: Int32s,
    at_epoch: Int32s,
    read_slot: Int32s,
    read_epoch: Int32s,
    ts_ms: Int64s,
    updates: Bools,
    within_ms: int,
    words: Int64s,
    out: Int64s,
) -> None:
    for i in range(len(rows)):
        prefetch_ahead(words, rows, i, at_slot, read_slot)
        row = rows[i]
        slot, epoch = np.int64(at_slot[row]), np.int64(at_epoch[row])
        if updates[row] and slot >= 0:
            if not _is_recent(words, slot, epoch, ts_ms[row], within_ms):
                words[slot, _FIRST] = ts_ms[row]
            _touch(words, slot, epoch, ts_ms[row])
        slot, epoch = np.int64(read_slot[row]), np.int64(read_epoch[row])
        out[row] = NEVER
        if slot >= 0 and _is_recent(words, slot, epoch, ts_ms[row], within_ms):
            out[row] = elapsed_ms(ts_ms[row], words[slot, _FIRST])


@kernel(IN_I32, IN_I32, IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, IN_U64, INT, TABLE, OUT_I64)
def _sequential(
    rows: Int32s,
    at_slot: Int32s,
    at_epoch: Int32s,
    read_slot: Int32s,
    read_epoch: Int32s,
    ts_ms: Int64s,
    updates: Bools,
    values: Uint64s,
    within_ms: int,
    words: Int64s,
    out: Int64s,
) -> None:
    for i in range(len(rows)):
        prefetch_ahead(words, rows, i, at_slot, read_slot)
        row = rows[i]
        slot, epoch = np.int64(at_slot[row]), np.int64(at_epoch[row])
        if updates[row] and slot >= 0:
            before = np.uint64(words[slot, _VALUE])
            step = values[row] - before if values[row] > before else before - values[row]
            if not _is_recent(words, slot, epoch, ts_ms[row], within_ms) or step > NEIGHBOURS_MAX:
                words[slot, _RUN] = 1
            elif step > 0:
                words[slot, _RUN] += 1
            words[slot, _VALUE] = np.int64(values[row])
            _touch(words, slot, epoch, ts_ms[row])
        slot, epoch = np.int64(read_slot[row]), np.int64(read_epoch[row])
        if slot >= 0 and _is_recent(words, slot, epoch, ts_ms[row], within_ms):
            out[row] = words[slot, _RUN]
