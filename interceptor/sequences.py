"""Ordered sequences of events, also across gates: "a call, then a visit, then a transfer, all within an hour".

Enters: rows of a batch in arrival order with their slots, and which steps each event matches. Leaves: 1 on an event
that completes the sequence, else 0. Invariant: start[i] of a key is when the latest sequence began of which i steps
were seen, so a few times a key are enough; the whole sequence must fit `within_ms`.
"""

from __future__ import annotations

import numpy as np

from interceptor.kernels import (
    IN_BOOL,
    IN_BOOL_2D,
    IN_I32,
    IN_I64,
    INT,
    OUT_I64,
    TABLE,
    Bools,
    Int32s,
    Int64s,
    grown,
    helper,
    kernel,
    prefetch_ahead,
    table,
)
from interceptor.panes import slots_used
from interceptor.state import Rows
from interceptor.tables import Slots

STEPS_MIN, STEPS_MAX = 2, 8

_EPOCH = 0  # word of a row; word i is start[i]
_NONE = -(2**63)  # before every date


class Sequence(Rows):
    """8 bytes a step and key."""

    def __init__(self, steps: int, within_ms: int) -> None:
        if not STEPS_MIN <= steps <= STEPS_MAX:
            raise ValueError(f"a sequence has {steps} steps, must have from {STEPS_MIN} to {STEPS_MAX}")
        self._within_ms = within_ms
        self._words = table(0, steps)

    def apply(self, rows: Int32s, at: Slots, ts_ms: Int64s, ok: Bools, step_masks: Bools, unless: Bools) -> Int64s:
        """`step_masks` bool[steps, n]: which steps an event matches. An event may match several; each counts as one
        step only. An `unless` event starts the key anew. Events that aren't `ok` may complete, but change nothing."""
        self._words = grown(self._words, slots_used(at, at))
        out = np.zeros(len(ts_ms), np.int64)
        _sequence(rows, at.slot, at.epoch, ts_ms, ok, step_masks, unless, self._within_ms, self._words, out)
        return out


@helper
def _is_open(start_ms: int, now_ms: int, within_ms: int) -> bool:
    """Whether a sequence that began at `start_ms` can go on now."""
    return start_ms != _NONE and start_ms <= now_ms <= start_ms + within_ms


@kernel(IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, IN_BOOL_2D, IN_BOOL, INT, TABLE, OUT_I64)
def _sequence(
    rows: Int32s,
    at_slot: Int32s,
    at_epoch: Int32s,
    ts_ms: Int64s,
    ok: Bools,
    step_masks: Bools,
    unless: Bools,
    within_ms: int,
    words: Int64s,
    out: Int64s,
) -> None:
    last = len(step_masks)
    for i in range(len(rows)):
        prefetch_ahead(words, rows, i, at_slot, at_slot)
        row = rows[i]
        slot, epoch, now_ms = np.int64(at_slot[row]), np.int64(at_epoch[row]), ts_ms[row]
        if slot < 0:
            continue
        if ok[row] and (unless[row] or words[slot, _EPOCH] != epoch):
            words[slot, _EPOCH] = epoch
            for step in range(1, last):
                words[slot, step] = _NONE
        if words[slot, _EPOCH] != epoch:
            continue
        if step_masks[last - 1, row] and _is_open(words[slot, last - 1], now_ms, within_ms):
            out[row] = 1
        if not ok[row]:
            continue
        for step in range(last - 1, 1, -1):
            if step_masks[step - 1, row] and _is_open(words[slot, step - 1], now_ms, within_ms):
                words[slot, step] = max(words[slot, step], words[slot, step - 1])
        if step_masks[0, row]:
            words[slot, 1] = max(words[slot, 1], now_ms)
