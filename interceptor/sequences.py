"""Ordered sequences of events, also across gates: "a call, then a visit, then a transfer, all within an hour".

Enters: rows of a chunk in arrival order with their places (see windows), and which steps each matches. Leaves: 1 on an
event that completes the sequence, else 0. Invariant: start[i] of a key is when the latest sequence began of which i
steps were seen, so a few times a key are enough; the whole sequence must fit `within_ms`.
"""

from __future__ import annotations

from interceptor.kernels import Bools, Int32s, Int64s, helper, inlined
from interceptor.tables import epoch_of, slot_of
from interceptor.window import Window

STEPS_MIN, STEPS_MAX = 2, 8

_EPOCH = 0  # word of a row; word i is start[i]
_NONE = -(2**63)  # before every date


class Sequence(Window):
    """8 bytes a step and key."""

    def __init__(self, steps: int, within_ms: int) -> None:
        if not STEPS_MIN <= steps <= STEPS_MAX:
            raise ValueError(f"a sequence has {steps} steps, must have from {STEPS_MIN} to {STEPS_MAX}")
        super().__init__("sequence", within_ms, steps)


@inlined
def _is_open(start_ms: int, now_ms: int, within_ms: int) -> bool:
    """Whether a sequence that began at `start_ms` can go on now."""
    return start_ms != _NONE and start_ms <= now_ms <= start_ms + within_ms


@inlined
def _matches(bits: int, step: int) -> bool:
    """Whether an event matches a step, 0 being the first."""
    return bits >> step & 1 != 0


@helper
def sequence(
    start: int, stop: int, rows: Int32s, places: Int64s, matches: Int32s, ok: Bools, ts_ms: Int64s,
    within_ms: int, words: Int64s, out: Int64s,
) -> None:  # fmt: skip
    """`matches`: which steps an event matches, as bits. An event may match several; each counts as one step only. An
    event with the bit behind those of all steps starts the key anew. Events that aren't `ok` may complete, but change
    nothing."""
    last = words.shape[1]
    for i in range(start, stop):
        slot, epoch, now_ms, bits = slot_of(places[i]), epoch_of(places[i]), ts_ms[rows[i]], matches[i]
        if places[i] < 0:
            continue
        if ok[rows[i]] and (_matches(bits, last) or words[slot, _EPOCH] != epoch):
            words[slot, _EPOCH] = epoch
            for step in range(1, last):
                words[slot, step] = _NONE
        if words[slot, _EPOCH] != epoch:
            continue
        if _matches(bits, last - 1) and _is_open(words[slot, last - 1], now_ms, within_ms):
            out[rows[i]] = 1
        if not ok[rows[i]]:
            continue
        for step in range(last - 1, 1, -1):
            if _matches(bits, step - 1) and _is_open(words[slot, step - 1], now_ms, within_ms):
                words[slot, step] = max(words[slot, step], words[slot, step - 1])
        if _matches(bits, 0):
            words[slot, 1] = max(words[slot, 1], now_ms)
