"""Which events leave a trace: not the repeated, the late, and those from the future.

Enters: ids and times in arrival order. Leaves: per event its Status and the stream's tick. Invariant: the stream's
clock is the newest time of an accepted event; status and clock depend on the events before alone.

An id is remembered for the hour, by the clock, in which it was accepted, and the next. That is enough: whatever comes
later with the same id and the same time is late. So there are two sets of ids; when an hour ends, the older one goes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from interceptor.config import FUTURE_MAX_MS, GENERATION_MS, LATENESS_MAX_MS, LIST_TICK_MS
from interceptor.kernels import (
    AHEAD,
    IN_I64,
    IN_U64,
    INT,
    OUT_I64,
    OUT_U8,
    ROWS_MIN,
    Int64s,
    Uint8s,
    Uint64s,
    fetch,
    helper,
    inlined,
    kernel,
)
from interceptor.schema import Status
from interceptor.state import State, array_of, not_zero
from interceptor.tables import mixed

IDS_MAX = 2**25  # remembered of one hour, 16 to 32 bytes each

_BEFORE_ALL_MS = -(2**62)
_CLOCK_MS, _GENERATION, _COUNT, _EVICTED = 0, 1, 2, 3  # items of the state
_OK, _DUPLICATE, _LATE, _FUTURE = (int(status) for status in (Status.OK, Status.DUPLICATE, Status.LATE, Status.FUTURE))


class Admission:
    """The clock of a stream and the ids of its last one to two hours."""

    def __init__(self, ids_max: int = IDS_MAX) -> None:
        if ids_max < 1:
            raise ValueError(f"ids_max is {ids_max}, must be at least 1")
        self._ids_max = ids_max
        self._state = np.array([_BEFORE_ALL_MS, _BEFORE_ALL_MS // GENERATION_MS, 0, 0], np.int64)
        self._before = self._now = _empty(ROWS_MIN)
        self._held_before = 0

    @property
    def ids_held(self) -> int:
        """Ids remembered, of both hours."""
        return self._held_before + int(self._state[_COUNT])

    @property
    def evicted(self) -> int:
        """Ids that were not remembered for want of room: repeats of these pass."""
        return int(self._state[_EVICTED])

    def apply(self, event_id: Uint64s, ts_ms: Int64s, ingest_ts_ms: Int64s) -> tuple[Uint8s, Int64s]:
        """Status, and tick of the clock after the event, of each event. Before the first accepted event the tick is
        some tick before every date."""
        status = np.zeros(len(ts_ms), np.uint8)
        tick = np.zeros(len(ts_ms), np.int64)
        done = 0
        while True:
            done = _admit(
                done, event_id, ts_ms, ingest_ts_ms, FUTURE_MAX_MS, LATENESS_MAX_MS, GENERATION_MS, LIST_TICK_MS,
                self._ids_max, self._before, self._now, self._state, status, tick,
            )  # fmt: skip
            if done == len(ts_ms):
                return status, tick
            self._make_room(int(ts_ms[done]) // GENERATION_MS)

    def taken(self) -> State:
        """Its state. Where the ids stand in their sets isn't part of it: nothing depends on that."""
        now, before = not_zero(self._now, int(self._state[_COUNT])), not_zero(self._before, self._held_before)
        return {"state": self._state.copy(), "now": now, "before": before}

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on where another admission was. Raises StateMisfit."""
        counts = array_of(state, "state", np.int64, rows=4).copy()
        now = array_of(state, "now", np.int64, rows=int(counts[_COUNT]))
        before = array_of(state, "before", np.int64)
        self._state, self._held_before = counts, len(before)
        self._now, self._before = _set_of(now), _set_of(before)

    def _make_room(self, generation: int) -> None:
        """Turn to the hour of the event that waits, or where that is the present one, a larger set for it."""
        passed = generation - int(self._state[_GENERATION])
        if passed > 0:
            self._before = self._now if passed == 1 else _empty(ROWS_MIN)
            self._held_before = int(self._state[_COUNT]) if passed == 1 else 0
            self._now = _empty(len(self._before))
            self._state[_GENERATION], self._state[_COUNT] = generation, 0
        else:
            larger = _empty(2 * len(self._now))
            _refill(self._now, larger)
            self._now = larger


def _empty(places: int) -> Int64s:
    return np.zeros(places, np.int64)


def _set_of(ids: Int64s) -> Int64s:
    places = ROWS_MIN
    while places <= 2 * len(ids):
        places *= 2
    found = _empty(places)
    _refill(ids, found)
    return found


@inlined
def _home(ids: Int64s, key: int) -> np.int64:
    """Where the search for a key starts. Eight ids in a row share a line of memory, since ids are mostly counted up."""
    return (mixed(key >> 3) << 3 | key & 7) & (len(ids) - 1)


@helper
def _place(ids: Int64s, key: int) -> np.int64:
    """Where the key is, or the empty place (0) where it belongs."""
    at = _home(ids, key)
    while ids[at] != 0 and ids[at] != key:
        at = (at + 1) & (len(ids) - 1)
    return at


@helper
def _is_repeat(before: Int64s, now: Int64s, key: int, passed: int) -> bool:
    """Whether the key was accepted in the hour of the event or the one before; `passed` hours began with the event."""
    if passed > 1:
        return False
    return now[_place(now, key)] != 0 or (passed == 0 and before[_place(before, key)] != 0)


@kernel(INT, IN_U64, IN_I64, IN_I64, INT, INT, INT, INT, INT, OUT_I64, OUT_I64, OUT_I64, OUT_U8, OUT_I64)
def _admit(
    start: int,
    event_id: Uint64s,
    ts_ms: Int64s,
    ingest_ts_ms: Int64s,
    future_max_ms: int,
    lateness_max_ms: int,
    generation_ms: int,
    tick_ms: int,
    ids_max: int,
    before: Int64s,
    now: Int64s,
    state: Int64s,
    status: Uint8s,
    tick: Int64s,
) -> int:
    """Work through the events from `start`; gives the first that needs another hour or room, else their number."""
    for row in range(start, len(ts_ms)):
        if row + AHEAD < len(ts_ms):
            coming = np.int64(event_id[row + AHEAD]) + 1
            fetch(now.ctypes.data + 8 * _home(now, coming))
            fetch(before.ctypes.data + 8 * _home(before, coming))
        clock_ms = state[_CLOCK_MS]
        if ts_ms[row] > ingest_ts_ms[row] + future_max_ms:
            status[row] = _FUTURE
        elif ts_ms[row] < clock_ms - lateness_max_ms:
            status[row] = _LATE
        else:
            key = np.int64(event_id[row]) + 1  # 0 marks an empty place: the largest id of all is never remembered
            passed = max(clock_ms, ts_ms[row]) // generation_ms - state[_GENERATION]
            if key != 0 and _is_repeat(before, now, key, passed):
                status[row] = _DUPLICATE
            else:
                has_room = state[_COUNT] < ids_max
                if passed > 0 or (has_room and 2 * state[_COUNT] >= len(now)):
                    return row
                state[_CLOCK_MS] = max(clock_ms, ts_ms[row])
                if has_room and key != 0:
                    now[_place(now, key)] = key
                    state[_COUNT] += 1
                else:
                    state[_EVICTED] += 1
        tick[row] = state[_CLOCK_MS] // tick_ms
    return len(ts_ms)


@kernel(OUT_I64, OUT_I64)
def _refill(old: Int64s, new: Int64s) -> None:
    for at in range(len(old)):
        if old[at] != 0:
            new[_place(new, old[at])] = old[at]
