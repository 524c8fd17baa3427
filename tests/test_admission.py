"""Admission: against a dictionary of all ids ever accepted.

Enters: streams with repeats, late events and some from the future. Leaves: equal statuses and ticks. Invariant: however
the stream is cut, and whatever was forgotten.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.admission import Admission
from interceptor.config import LIST_TICK_MS
from interceptor.schema import Status
from tests.kernel_models import NOON_MS, cuts, random_cuts

HOUR_MS = 3_600_000
Event = tuple[int, int, int]  # id, ts_ms, ingest_ts_ms


class Model:
    def __init__(self) -> None:
        self.clock_ms: int | None = None
        self.hour_of: dict[int, int] = {}

    def apply(self, event_id: int, ts_ms: int, ingest_ts_ms: int) -> tuple[int, int | None]:
        status = self._status(event_id, ts_ms, ingest_ts_ms)
        if status == Status.OK:
            self.clock_ms = ts_ms if self.clock_ms is None else max(self.clock_ms, ts_ms)
            self.hour_of[event_id] = self.clock_ms // HOUR_MS
        return int(status), None if self.clock_ms is None else self.clock_ms // LIST_TICK_MS

    def _status(self, event_id: int, ts_ms: int, ingest_ts_ms: int) -> Status:
        if ts_ms > ingest_ts_ms + 300_000:
            return Status.FUTURE
        if self.clock_ms is not None and ts_ms < self.clock_ms - HOUR_MS:
            return Status.LATE
        now_ms = ts_ms if self.clock_ms is None else max(self.clock_ms, ts_ms)
        if event_id in self.hour_of and self.hour_of[event_id] >= now_ms // HOUR_MS - 1:
            return Status.DUPLICATE
        return Status.OK


def _run(events: list[Event], batches: list[tuple[int, int]], admission: Admission) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    for start, stop in batches:
        part = events[start:stop]
        status, tick = admission.apply(
            np.array([event[0] for event in part], np.uint64),
            np.array([event[1] for event in part], np.int64),
            np.array([event[2] for event in part], np.int64),
        )
        ticks = [None if minute < 0 else minute for minute in tick.tolist()]
        found += list(zip(status.tolist(), ticks, strict=True))
    return found


OFFSETS_MS = [0, 0, 1, 59_999, 300_000, 300_001, HOUR_MS // 2, HOUR_MS, HOUR_MS + 1]


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(OFFSETS_MS),
        st.sampled_from([0, *OFFSETS_MS]),
        st.sampled_from([0, 0, 0, *OFFSETS_MS]),
    ),
    max_size=50,
)


def _events(drawn: list[tuple[int, int, int, int]]) -> list[Event]:
    clock_ms, events = NOON_MS - 1, []
    for event_id, step_ms, late_ms, ahead_ms in drawn:
        clock_ms += step_ms
        events.append((event_id, clock_ms - late_ms, clock_ms - late_ms - ahead_ms))
    return events


@settings(max_examples=100)
@given(EVENTS.map(_events), st.data())
def test_statuses_are_those_of_the_model(events: list[Event], data: st.DataObject) -> None:
    model = Model()
    assert _run(events, data.draw(cuts(len(events))), Admission()) == [model.apply(*event) for event in events]


def _long_stream(events: int, ids: int, step_ms: int) -> list[Event]:
    chance = np.random.default_rng(2)
    clock_ms = NOON_MS + np.cumsum(chance.integers(0, 2 * step_ms + 1, events))
    ts_ms = clock_ms - np.where(chance.random(events) < 0.3, chance.integers(0, HOUR_MS * 5 // 4, events), 0)
    ingest_ms = ts_ms - np.where(chance.random(events) < 0.1, chance.integers(0, 400_000, events), 0)
    event_id = chance.integers(0, ids, events) + np.arange(events) // 2  # repeats soon, and after hours
    return list(zip(event_id.tolist(), ts_ms.tolist(), ingest_ms.tolist(), strict=True))


def test_forgetting_ids_is_invisible() -> None:
    """Thirty hours, in which the memory never holds more than the ids of a few."""
    events = _long_stream(40_000, 2000, 2700)
    admission, model = Admission(), Model()
    found = _run(events, random_cuts(3, len(events), 40), admission)
    assert found == [model.apply(*event) for event in events]
    assert {status for status, _ in found} == {int(status) for status in Status}
    assert admission.evicted == 0
    assert admission.ids_held < len(model.hour_of) / 2


@settings(max_examples=20)
@given(st.data())
def test_a_full_memory_counts_what_it_does_not_remember(data: st.DataObject) -> None:
    events = _long_stream(4000, 200, 2700)
    at_once, in_parts = Admission(ids_max=300), Admission(ids_max=300)
    whole = _run(events, [(0, len(events))], at_once)
    assert _run(events, data.draw(cuts(len(events))), in_parts) == whole
    assert at_once.evicted == in_parts.evicted > 0
    assert at_once.ids_held <= 600


def test_the_edges_of_the_limits() -> None:
    admission = Admission()
    clock_ms = NOON_MS
    events = [
        (1, clock_ms + 300_001, clock_ms),
        (1, clock_ms, clock_ms - 300_000),
        (1, clock_ms, clock_ms),
        (2, clock_ms - HOUR_MS, clock_ms),
        (3, clock_ms - HOUR_MS - 1, clock_ms),
        (0, clock_ms, clock_ms),
        (0, clock_ms, clock_ms),
    ]
    expected = [
        Status.FUTURE,
        Status.OK,
        Status.DUPLICATE,
        Status.OK,
        Status.LATE,
        Status.OK,
        Status.DUPLICATE,
    ]
    assert [status for status, _ in _run(events, [(0, 7)], admission)] == expected


def test_times_that_are_no_dates_do_no_harm() -> None:
    """The ends of int64 come out as late or from the future and leave the clock alone."""
    low, high = -(2**63), 2**63 - 1
    events = [(1, low, low), (2, high, high), (3, NOON_MS, NOON_MS), (4, low, high), (5, high, low), (6, NOON_MS, high)]
    statuses = [Status(status) for status, _ in _run(events, [(0, 6)], Admission())]
    assert statuses[2] == Status.OK
    assert Status.OK not in (statuses[0], statuses[1], statuses[3], statuses[4])


def test_the_tick_before_any_event_is_before_every_date() -> None:
    _, tick = Admission().apply(*(np.array([value], dtype) for value, dtype in ((1, "u8"), (NOON_MS, "i8"), (0, "i8"))))
    assert tick[0] < 0


def test_a_memory_has_room() -> None:
    with pytest.raises(ValueError, match="ids_max"):
        Admission(ids_max=0)
