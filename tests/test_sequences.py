"""Ordered sequences: against a dictionary of start times, and small stories.

Enters: streams whose events match some steps. Leaves: equal completions. Invariant: however the stream is cut.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.sequences import Sequence
from interceptor.tables import KeyTable
from interceptor.walker import Group, Walked, Walker
from tests.kernel_models import NOON_MS, ClockModel, Stream, cuts, places, random_cuts, random_stream, streams

MINUTE_MS = 60_000


class Model:
    """start[key][i]: when the newest sequence began of which the first i steps were seen."""

    def __init__(self, steps: int, within_ms: int) -> None:
        self.steps = steps
        self.within_ms = within_ms
        self.start: dict[tuple[int, int], dict[int, int]] = {}

    def apply(self, key: tuple[int, int], ts_ms: int, ok: bool, matches: list[bool], unless: bool) -> int:
        if key[0] < 0:
            return 0
        start = self.start.setdefault(key, {})

        def is_open(step: int) -> bool:
            return step in start and 0 <= ts_ms - start[step] <= self.within_ms

        if ok and unless:
            start.clear()
        completed = matches[-1] and is_open(self.steps - 1)
        if ok:
            for step in range(self.steps - 1, 1, -1):
                if matches[step - 1] and is_open(step - 1):
                    start[step] = max(start.get(step, start[step - 1]), start[step - 1])
            if matches[0]:
                start[1] = max(start.get(1, ts_ms), ts_ms)
        return int(completed)


def _masks(stream: Stream, steps: int) -> np.ndarray:
    """Which steps an event matches: the bits of its value, so any of them."""
    bits = stream.value[None, :] >> np.arange(steps, dtype=np.uint64)[:, None]
    return (bits & np.uint64(1)) == 1


def _run(
    stream: Stream, steps: int, within_ms: int, keys_max: int, batches: list[tuple[int, int]]
) -> tuple[list[int], list[tuple[int, int]]]:
    """Completions, and by the model of a table of keys (slot, epoch) per event."""
    masks = np.vstack((_masks(stream, steps), stream.flag & (stream.value == 0)))
    values = _walked(stream.key, stream.ts_ms, stream.updates, masks, within_ms, keys_max, batches)
    model, inserting = ClockModel(keys_max), (stream.updates & masks.any(axis=0)).tolist()
    return values, [model.slot(key, one) for key, one in zip(stream.key.tolist(), inserting, strict=True)]


def _walked(
    keys: np.ndarray, ts_ms: np.ndarray, ok: np.ndarray, masks: np.ndarray, within_ms: int, keys_max: int,
    batches: list[tuple[int, int]],
) -> list[int]:  # fmt: skip
    """`masks` bool[steps + 1, n]: the last is of what starts a key anew."""
    steps = [(1, number) for number in range(len(masks))]
    window = Sequence(len(masks) - 1, within_ms)
    walker, values = Walker([Group(KeyTable(keys_max), [Walked(window)], 0, steps, 0, 0)]), []
    for start, stop in batches:
        part = slice(start, stop)
        kinds = np.zeros(stop - start, np.uint8)
        found, _ = walker.begin(kinds, ok[part], ts_ms[part], places([keys[part]]), masks[:, part].copy())
        walker.walk(1)
        values += found[0].tolist()
    return values


def _check(stream: Stream, steps: int, within_ms: int, keys_max: int, batches: list[tuple[int, int]]) -> list[int]:
    values, keys = _run(stream, steps, within_ms, keys_max, batches)
    model, masks = Model(steps, within_ms), _masks(stream, steps).T.tolist()
    unless = (stream.flag & (stream.value == 0)).tolist()
    columns = zip(keys, stream.ts_ms.tolist(), stream.updates.tolist(), masks, unless, strict=True)
    assert values == [model.apply(*event) for event in columns]
    return values


@settings(max_examples=100)
@given(data=st.data(), steps=st.integers(2, 5), within_ms=st.sampled_from([5, MINUTE_MS, 60 * MINUTE_MS]))
def test_completions_are_those_of_the_model(data: st.DataObject, steps: int, within_ms: int) -> None:
    stream = data.draw(streams(within_ms, values_max=2**steps - 1))
    batches = data.draw(cuts(len(stream)))
    _check(stream, steps, within_ms, data.draw(st.sampled_from([2, 100])), batches)


@pytest.mark.parametrize("keys_max", [1000, 10_000])
def test_many_keys(keys_max: int) -> None:
    stream = random_stream(3, 20_000, 3000, 8, 2000)
    assert sum(_check(stream, 3, 240 * MINUTE_MS, keys_max, random_cuts(4, len(stream), 30))) > 50


def _story(*events: tuple[int, int | None], steps: int = 3, within_minutes: int = 60, unless: int = -1) -> list[int]:
    """Of one key: (minute, step it matches or None), `unless` being the number of the event that starts it anew."""
    count = len(events)
    masks = np.array([[step == number for _, step in events] for number in range(1, steps + 1)])
    masks = np.vstack((masks, np.arange(count) == unless))
    ts_ms = np.array([NOON_MS + minute * MINUTE_MS for minute, _ in events])
    ones = np.ones(count, np.bool_)
    return _walked(ones.astype(np.uint64), ts_ms, ones, masks, within_minutes * MINUTE_MS, 4, [(0, count)])


def test_stories() -> None:
    assert _story((0, 1), (10, 2), (20, 3)) == [0, 0, 1]
    assert _story((0, 1), (20, 3), (30, 2)) == [0, 0, 0], "in order only"
    assert _story((0, 1), (10, 2), (61, 3)) == [0, 0, 0], "the whole must fit"
    assert _story((0, 1), (10, 2), (60, 3)) == [0, 0, 1]
    assert _story((0, 1), (10, None), (15, 2), (20, 3), (25, 3)) == [0, 0, 0, 1, 1], "the last step may repeat"
    assert _story((0, 1), (50, 1), (55, 2), (100, 3)) == [0, 0, 0, 1], "the newest beginning counts"
    assert _story((0, 1), (10, 2), (15, None), (20, 3), unless=2) == [0, 0, 0, 0]
    assert _story((20, 3), (10, 2), (0, 1)) == [0, 0, 0], "by the order of arrival, too"
    assert _story((0, 1), (5, 2), steps=2) == [0, 1]


def test_an_event_that_matches_two_steps_counts_as_one() -> None:
    ones = np.ones(3, np.bool_)
    stream = Stream(ones.astype(np.uint64), ones, NOON_MS + np.arange(3), ones, ones, np.array([1, 6, 8], np.uint64))
    assert _run(stream, 4, MINUTE_MS, 10, [(0, 3)])[0] == [0, 0, 0]


@pytest.mark.parametrize("steps", [0, 1, 9])
def test_a_sequence_has_two_to_eight_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="steps"):
        Sequence(steps, MINUTE_MS)
