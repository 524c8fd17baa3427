"""Which events leave a trace: not the repeated, the late, and those from the future.

Enters: ids and times in arrival order. Leaves: per event its Status and the stream's minute. Invariant: the stream's
clock is the newest time of an accepted event; status and clock depend on the events before alone.

An id is remembered for the hour, by the clock, in which it was accepted, and the next. That is enough: whatever comes
later with the same id and the same time is late.
"""

from __future__ import annotations

import numpy as np

from interceptor import pairs
from interceptor.config import LIST_TICK_MS
from interceptor.kernels import (
    AHEAD,
    IN_I64,
    IN_U64,
    INT,
    OUT_I64,
    OUT_U8,
    TABLE,
    Int64s,
    Uint8s,
    Uint64s,
    helper,
    kernel,
    prefetch,
)
from interceptor.pairs import PairTable
from interceptor.schema import Status

FUTURE_MAX_MS = 300_000  # a time stamp may be ahead of the edge's clock by this much
LATENESS_MAX_MS = 3_600_000  # and behind the stream's clock by this much
GENERATION_MS = 3_600_000  # ids are forgotten by generations
IDS_MAX = 2**25  # remembered at once, 48 to 96 bytes each

_BEFORE_ALL_MS = -(2**62)
_OWNER = np.int64(1)  # all ids belong to the one stream
_OK, _DUPLICATE, _LATE, _FUTURE = (int(status) for status in (Status.OK, Status.DUPLICATE, Status.LATE, Status.FUTURE))


class Admission:
    """The clock of a stream and the ids of its last one to two hours."""

    def __init__(self, ids_max: int = IDS_MAX) -> None:
        self._ids = PairTable(ids_max)
        self._clock_ms = np.full(1, _BEFORE_ALL_MS, np.int64)

    @property
    def evicted(self) -> int:
        """Ids forgotten early for want of room: repeats of these would pass."""
        return self._ids.evicted

    def apply(self, event_id: Uint64s, ts_ms: Int64s, ingest_ts_ms: Int64s) -> tuple[Uint8s, Int64s]:
        """Status and tick (the clock's minute, after the event) of each event. Before the first accepted event the
        tick is some minute before every date."""
        status = np.zeros(len(ts_ms), np.uint8)
        tick = np.zeros(len(ts_ms), np.int64)
        done = 0
        while True:
            done = _admit(
                done, event_id, ts_ms, ingest_ts_ms, self._ids.words, self._ids.state, self._clock_ms, status, tick
            )
            if done == len(ts_ms):
                return status, tick
            self._forget()

    def _forget(self) -> None:
        words = self._ids.words
        oldest = int(self._clock_ms[0]) // GENERATION_MS - 1
        words[words[:, pairs.STAMP] < oldest, pairs.OWNER] = 0
        self._ids.make_room(int(np.count_nonzero(words[:, pairs.OWNER])))


@helper
def _remember(ids: Int64s, state: Int64s, clock_ms: Int64s, event_id: int, ts_ms: int) -> int:
    """Status of an event whose time is right. The clock and the ids take it in if it is no repeat."""
    now_ms = max(clock_ms[0], ts_ms)
    generation = now_ms // GENERATION_MS
    at = pairs.find(ids, _OWNER, event_id)
    if ids[at, pairs.OWNER] != 0 and ids[at, pairs.STAMP] >= generation - 1:
        return _DUPLICATE
    clock_ms[0] = now_ms
    if ids[at, pairs.OWNER] != 0:
        ids[at, pairs.STAMP] = generation
        return _OK
    if state[pairs.COUNT] >= state[pairs.COUNT_MAX]:
        victim = pairs.victim_of(ids, _OWNER, event_id)
        if ids[victim, pairs.STAMP] >= generation - 1:
            state[pairs.EVICTED] += 1
        pairs.erase(ids, state, victim)
        at = pairs.find(ids, _OWNER, event_id)
    pairs.put(ids, state, at, _OWNER, event_id, generation)
    return _OK


@kernel(INT, IN_U64, IN_I64, IN_I64, TABLE, OUT_I64, OUT_I64, OUT_U8, OUT_I64)
def _admit(
    start: int,
    event_id: Uint64s,
    ts_ms: Int64s,
    ingest_ts_ms: Int64s,
    ids: Int64s,
    state: Int64s,
    clock_ms: Int64s,
    status: Uint8s,
    tick: Int64s,
) -> int:
    """Work through the events from `start`; gives the first event that needs room for its id, else their number."""
    for row in range(start, len(ts_ms)):
        if row + AHEAD < len(ts_ms):
            prefetch(ids, pairs.home_of(ids, _OWNER, np.int64(event_id[row + AHEAD])))
        if state[pairs.BUDGET] <= 0:
            return row
        if ts_ms[row] > ingest_ts_ms[row] + FUTURE_MAX_MS:
            status[row] = _FUTURE
        elif ts_ms[row] < clock_ms[0] - LATENESS_MAX_MS:
            status[row] = _LATE
        else:
            status[row] = _remember(ids, state, clock_ms, np.int64(event_id[row]), ts_ms[row])
        tick[row] = clock_ms[0] // LIST_TICK_MS
    return len(ts_ms)
