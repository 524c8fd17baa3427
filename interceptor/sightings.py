"""When a key was seen: time since its last or its first event, and runs of neighbouring values.

Enters: rows of a chunk in arrival order with their places (see windows). Leaves: per row a time in ms, NEVER, or the
length of a run. Invariant: a key counts as seen while its newest event is at most `within_ms` old; an event that comes
late is never further back than 0 ms.
"""

from __future__ import annotations

import numpy as np

from interceptor.kernels import Int32s, Int64s, Uint8s, helper, inlined
from interceptor.tables import epoch_of, slot_of
from interceptor.window import Window

NEVER = 10**15  # ms; longer than any window
NEIGHBOURS_MAX = 16  # farthest that the next value of a run may be, up or down

_EPOCH, _LAST = 0, 1  # words of a row
_FIRST = 2  # since_first
_VALUE, _RUN = 2, 3  # sequential


class SinceLast(Window):
    """ms since the key's newest update before this event, NEVER if it is older than `within_ms`. 16 bytes a key."""

    nothing = NEVER

    def __init__(self, within_ms: int) -> None:
        super().__init__("since_last", within_ms, 2)


class SinceFirst(Window):
    """ms since the key's first update, this event's included; after a gap of more than `within_ms` the next update is
    the first again. NEVER if the newest is older than `within_ms`. 32 bytes a key."""

    nothing = NEVER

    def __init__(self, within_ms: int) -> None:
        super().__init__("since_first", within_ms, 4)


class SequentialRun(Window):
    """Number of updates in a row whose value was near the one before (at most NEIGHBOURS_MAX away; an equal one neither
    counts nor ends the run), with gaps of at most `within_ms`. 0 if the newest is older. 32 bytes a key."""

    def __init__(self, within_ms: int) -> None:
        super().__init__("sequential", within_ms, 4)


@inlined
def elapsed_ms(now_ms: int, then_ms: int) -> int:
    """From then to now, 0 if then is the later."""
    return now_ms - then_ms if now_ms > then_ms else 0


@inlined
def _is_recent(words: Int64s, row: int, epoch: int, now_ms: int, within_ms: int) -> bool:
    """Whether there is a row of this epoch, with its newest update at most `within_ms` ago."""
    return words[row, _EPOCH] == epoch and elapsed_ms(now_ms, words[row, _LAST]) <= within_ms


@inlined
def _touch(words: Int64s, row: int, epoch: int, now_ms: int) -> None:
    if words[row, _EPOCH] != epoch or now_ms > words[row, _LAST]:
        words[row, _LAST] = now_ms
    words[row, _EPOCH] = epoch


@helper
def since_last(
    start: int, stop: int, rows: Int32s, places: Int64s, reads: Int64s, changes: Uint8s, ts_ms: Int64s,
    within_ms: int, words: Int64s, out: Int64s,
) -> None:  # fmt: skip
    """Read, then update."""
    for i in range(start, stop):
        now_ms = ts_ms[rows[i]]
        if reads[i] >= 0 and _is_recent(words, slot_of(reads[i]), epoch_of(reads[i]), now_ms, within_ms):
            out[rows[i]] = elapsed_ms(now_ms, words[slot_of(reads[i]), _LAST])
        if changes[i] and places[i] >= 0:
            _touch(words, slot_of(places[i]), epoch_of(places[i]), now_ms)


@helper
def since_first(
    start: int, stop: int, rows: Int32s, places: Int64s, reads: Int64s, changes: Uint8s, ts_ms: Int64s,
    within_ms: int, words: Int64s, out: Int64s,
) -> None:  # fmt: skip
    """Update, then read."""
    for i in range(start, stop):
        now_ms = ts_ms[rows[i]]
        if changes[i] and places[i] >= 0:
            slot, epoch = slot_of(places[i]), epoch_of(places[i])
            if not _is_recent(words, slot, epoch, now_ms, within_ms):
                words[slot, _FIRST] = now_ms
            _touch(words, slot, epoch, now_ms)
        if reads[i] >= 0 and _is_recent(words, slot_of(reads[i]), epoch_of(reads[i]), now_ms, within_ms):
            out[rows[i]] = elapsed_ms(now_ms, words[slot_of(reads[i]), _FIRST])


@helper
def sequential(
    start: int, stop: int, rows: Int32s, places: Int64s, reads: Int64s, changes: Uint8s, ts_ms: Int64s, values: Int64s,
    within_ms: int, words: Int64s, out: Int64s,
) -> None:  # fmt: skip
    """Update, then read. Values are unsigned."""
    for i in range(start, stop):
        now_ms = ts_ms[rows[i]]
        if changes[i] and places[i] >= 0:
            slot, epoch = slot_of(places[i]), epoch_of(places[i])
            value, before = np.uint64(values[i]), np.uint64(words[slot, _VALUE])
            step = value - before if value > before else before - value
            if not _is_recent(words, slot, epoch, now_ms, within_ms) or step > NEIGHBOURS_MAX:
                words[slot, _RUN] = 1
            elif step > 0:
                words[slot, _RUN] += 1
            words[slot, _VALUE] = values[i]
            _touch(words, slot, epoch, now_ms)
        if reads[i] >= 0 and _is_recent(words, slot_of(reads[i]), epoch_of(reads[i]), now_ms, within_ms):
            out[rows[i]] = words[slot_of(reads[i]), _RUN]
