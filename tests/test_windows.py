"""Windows: against dictionaries that keep every event.

Enters: streams of few keys whose time leaps and comes late. Leaves: equal values. Invariant: however the stream is cut,
whoever loses its slot, and whichever column the window is read by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.distinct import DistinctWindow
from interceptor.sightings import NEVER, SequentialRun, SinceFirst, SinceLast
from interceptor.tables import KeyTable, Slots
from interceptor.windows import CountWindow, RatioWindow, SumWindow
from tests.kernel_models import Stream, cuts, events_of, random_cuts, random_stream, run, streams

WITHIN_MS = 3_600_000
Key = tuple[int, int]


class PanesModel:
    """Every update that wasn't too late, by key, as (pane, flag, value). `head` is the newest pane of the key."""

    PANES = 12

    def __init__(self, within_ms: int) -> None:
        self.pane_ms = -(-within_ms // self.PANES)
        self.head: dict[Key, int] = {}
        self.seen: dict[Key, list[tuple[int, bool, int]]] = defaultdict(list)

    def update(self, key: Key, ts_ms: int, flag: bool, value: int) -> None:
        pane = ts_ms // self.pane_ms
        self.head[key] = max(self.head.get(key, pane), pane)
        if pane > self.head[key] - self.PANES:
            self.seen[key].append((pane, flag, value))

    def window(self, key: Key, ts_ms: int) -> list[tuple[int, bool, int]]:
        newest = max(self.head.get(key, 0), ts_ms // self.pane_ms)
        return [event for event in self.seen[key] if newest - self.PANES < event[0] <= newest]

    def read(self, key: Key, ts_ms: int) -> float:
        return len(self.window(key, ts_ms))


class RatioModel(PanesModel):
    def read(self, key: Key, ts_ms: int) -> float:
        window = self.window(key, ts_ms)
        return sum(flag for _, flag, _ in window) / len(window) if window else 0.0


class SumModel(PanesModel):
    PANES = 6

    def read(self, key: Key, ts_ms: int) -> float:
        return sum(value for _, _, value in self.window(key, ts_ms))


class DistinctModel(PanesModel):
    def read(self, key: Key, ts_ms: int) -> float:
        return len({value for _, _, value in self.window(key, ts_ms)} - {0})


class SinceLastModel:
    def __init__(self, within_ms: int) -> None:
        self.within_ms = within_ms
        self.last: dict[Key, int] = {}

    def update(self, key: Key, ts_ms: int, _flag: bool, _value: int) -> None:
        self.last[key] = max(self.last.get(key, ts_ms), ts_ms)

    def is_recent(self, key: Key, ts_ms: int) -> bool:
        return key in self.last and ts_ms - self.last[key] <= self.within_ms

    def read(self, key: Key, ts_ms: int) -> float:
        return max(0, ts_ms - self.last[key]) if self.is_recent(key, ts_ms) else NEVER


class SinceFirstModel(SinceLastModel):
    def __init__(self, within_ms: int) -> None:
        super().__init__(within_ms)
        self.first: dict[Key, int] = {}

    def update(self, key: Key, ts_ms: int, flag: bool, value: int) -> None:
        if not self.is_recent(key, ts_ms):
            self.first[key] = ts_ms
        super().update(key, ts_ms, flag, value)

    def read(self, key: Key, ts_ms: int) -> float:
        return max(0, ts_ms - self.first[key]) if self.is_recent(key, ts_ms) else NEVER


class SequentialModel(SinceLastModel):
    def __init__(self, within_ms: int) -> None:
        super().__init__(within_ms)
        self.run: dict[Key, tuple[int, int]] = {}

    def update(self, key: Key, ts_ms: int, flag: bool, value: int) -> None:
        before, length = self.run.get(key, (0, 0))
        if self.is_recent(key, ts_ms) and abs(value - before) <= 16:
            self.run[key] = value, length + (value != before)
        else:
            self.run[key] = value, 1
        super().update(key, ts_ms, flag, value)

    def read(self, key: Key, ts_ms: int) -> float:
        return self.run[key][1] if self.is_recent(key, ts_ms) else 0


Apply = Callable[[np.ndarray, Slots, Slots, Stream], np.ndarray]


def _count(within_ms: int) -> Apply:
    window = CountWindow(within_ms)
    return lambda rows, at, read, part: window.apply(rows, at, read, part.ts_ms, part.updates)


def _ratio(within_ms: int) -> Apply:
    window = RatioWindow(within_ms)
    return lambda rows, at, read, part: window.apply(rows, at, read, part.ts_ms, part.updates, part.flag)


def _sum(within_ms: int) -> Apply:
    window = SumWindow(within_ms)
    return lambda rows, at, read, part: window.apply(
        rows, at, read, part.ts_ms, part.updates, part.value.astype(np.int64)
    )


def _distinct(within_ms: int) -> Apply:
    return partial(_apply_distinct, DistinctWindow(within_ms, 2**20))


def _apply_distinct(window: DistinctWindow, rows: np.ndarray, at: Slots, read: Slots, part: Stream) -> np.ndarray:
    return window.apply(rows, at, read, part.ts_ms, part.updates, part.value)


def _since_last(within_ms: int) -> Apply:
    window = SinceLast(within_ms)
    return lambda rows, at, read, part: window.apply(rows, at, read, part.ts_ms, part.updates)


def _since_first(within_ms: int) -> Apply:
    window = SinceFirst(within_ms)
    return lambda rows, at, read, part: window.apply(rows, at, read, part.ts_ms, part.updates)


def _sequential(within_ms: int) -> Apply:
    window = SequentialRun(within_ms)
    return lambda rows, at, read, part: window.apply(
        rows, at, read, part.ts_ms, part.updates, part.value * np.uint64(8) + np.uint64(2**63)
    )


KINDS: dict[str, tuple[Callable[[int], Apply], Callable[[int], Any]]] = {
    "count": (_count, PanesModel),
    "ratio": (_ratio, RatioModel),
    "sum": (_sum, SumModel),
    "distinct": (_distinct, DistinctModel),
    "since_last": (_since_last, SinceLastModel),
    "since_first": (_since_first, SinceFirstModel),
    "sequential": (_sequential, SequentialModel),
}


def _expected(model: Any, stream: Stream, at: list[Key], read: list[Key], scale: int) -> list[float]:
    """The model's values; state belongs to a key for as long as it has its slot, that is to (slot, epoch)."""
    values = []
    for (ts_ms, updates, flag, value), update_key, read_key in zip(events_of(stream), at, read, strict=True):
        reads_before = type(model) is SinceLastModel
        before = model.read(read_key, ts_ms)
        if updates and update_key[0] >= 0:
            model.update(update_key, ts_ms, flag, value * scale)
        values.append(before if reads_before else model.read(read_key, ts_ms))
    return values


def _check(kind: str, within_ms: int, keys_max: int, batches: list[Key], stream: Stream, read_other: bool) -> None:
    make, model = KINDS[kind]
    values, at, read = run(keys_max, batches, stream, make(within_ms), read_other)
    expected = _expected(model(within_ms), stream, at, read, 8 if kind == "sequential" else 1)
    assert values.tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(data=st.data())
def test_values_are_those_of_the_model(kind: str, data: st.DataObject) -> None:
    within_ms = data.draw(st.sampled_from([5, 60_000, WITHIN_MS, 24 * WITHIN_MS]))
    stream = data.draw(streams(within_ms))
    batches = data.draw(cuts(len(stream)))
    _check(kind, within_ms, data.draw(st.sampled_from([2, 100])), batches, stream, data.draw(st.booleans()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keys", [40, 4000])
def test_tables_that_grow_in_mid_batch(kind: str, keys: int) -> None:
    stream = random_stream(7, 12_000, keys, 60, 3_000)
    _check(kind, WITHIN_MS, 10_000, [(0, len(stream))], stream, False)
    _check(kind, WITHIN_MS, keys // 3, random_cuts(8, len(stream), 40), stream, True)


@pytest.mark.parametrize("kind", KINDS)
def test_other_rows_are_left_alone(kind: str) -> None:
    stream = random_stream(9, 50, 3, 5, 1000)
    stream.updates[:] = True
    rows = np.arange(0, 50, 2, dtype=np.int32)
    table, apply = KeyTable(10), KINDS[kind][0](WITHIN_MS)
    slots = table.slots(stream.key, np.arange(50, dtype=np.int32), stream.updates)
    values = apply(rows, slots, slots, stream)
    part = Stream(*(column[::2].copy() for column in vars(stream).values()))
    alone = run(10, [(0, 25)], part, KINDS[kind][0](WITHIN_MS))[0]
    assert values[::2].tolist() == alone.tolist()
    assert not values[1::2].any()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_batch(kind: str) -> None:
    stream = random_stream(1, 0, 3, 5, 1)
    assert run(10, [(0, 0)], stream, KINDS[kind][0](WITHIN_MS))[0].tolist() == []


@pytest.mark.parametrize("window", [CountWindow, RatioWindow, SumWindow])
def test_a_window_has_a_length(window: Callable[[int], object]) -> None:
    with pytest.raises(ValueError, match="within_ms"):
        window(0)


def test_neighbours_over_the_sign_bit() -> None:
    """Values are unsigned: the largest and 0 are as far apart as can be, the middle ones are neighbours."""
    window, table = SequentialRun(WITHIN_MS), KeyTable(4)
    values = np.array([2**63 - 1, 2**63, 2**63 + 16, 2**64 - 1, 0], np.uint64)
    rows, updates = np.arange(5, dtype=np.int32), np.ones(5, np.bool_)
    slots = table.slots(np.ones(5, np.uint64), rows, updates)
    assert window.apply(rows, slots, slots, np.arange(5), updates, values).tolist() == [1, 2, 3, 1, 1]


# Distinct counts: the memory of pairs.


def _one_key(window: DistinctWindow, ts_ms: np.ndarray, values: np.ndarray) -> np.ndarray:
    rows = np.arange(len(values), dtype=np.int32)
    slots = Slots(np.zeros(len(rows), np.int32), np.ones(len(rows), np.int32))
    return window.apply(rows, slots, slots, ts_ms, np.ones(len(rows), np.bool_), values)


@pytest.mark.parametrize("within_ms", [60_000, WITHIN_MS])
def test_forgetting_pairs_is_invisible(within_ms: int) -> None:
    """Far more pairs in the course of time than there is room for, but never too many that count at once."""
    stream = random_stream(11, 12_000, 30, 5000, within_ms // 300)
    window = DistinctWindow(within_ms, 1500)
    batches = random_cuts(12, len(stream), 20)
    values, at, read = run(100, batches, stream, partial(_apply_distinct, window))
    assert values.tolist() == _expected(DistinctModel(within_ms), stream, at, read, 1)
    assert window.evicted == 0
    assert len(set(zip(stream.key.tolist(), stream.value.tolist(), strict=True))) > 8_000
    assert len(window._pairs.words) <= 4096


def test_pairs_beyond_the_cap_are_evicted_and_counted() -> None:
    window = DistinctWindow(WITHIN_MS, 300)
    values = np.arange(1, 1001, dtype=np.uint64)
    out = _one_key(window, np.full(1000, 10**12), values)
    assert out[:300].tolist() == list(range(1, 301))
    assert set(out[300:].tolist()) == {300}
    assert window.evicted == 700


def test_old_pairs_go_before_new_ones() -> None:
    """500 old pairs, then 1000 new ones where 1000 fit. With an eye on age most of the 500 evicted are old (without,
    some 200 were); two panes later, when no old one counts any more, that shows."""
    window = DistinctWindow(WITHIN_MS, 1000)
    pane_ms = WITHIN_MS // 12
    ts_ms = 10**12 + pane_ms * np.repeat([0, 10], [500, 1000])
    assert _one_key(window, ts_ms, np.arange(1, 1501, dtype=np.uint64))[-1] == 1000
    assert window.evicted == 500
    new = _one_key(window, ts_ms[-1:] + 2 * pane_ms, np.array([1500], np.uint64))[0]
    assert 850 <= new <= 1000


def test_evicting_keeps_the_others_findable() -> None:
    """With the memory of pairs as full as can be: a pair that is there but isn't found would be put in twice."""
    window = DistinctWindow(WITHIN_MS, 512)
    values = np.random.default_rng(3).integers(1, 700, 20_000).astype(np.uint64)
    assert _one_key(window, np.full(20_000, 10**12), values)[-1] == 512
    held = window._pairs.words[window._pairs.words[:, 0] != 0, :2]
    assert len(np.unique(held, axis=0)) == len(held) == 512
    assert window.evicted > 3000


def test_a_pair_is_kept_while_a_late_update_could_find_it() -> None:
    """Key 1 is silent while key 2 has so many pairs that the dead ones are swept out; then key 1 comes as late as may
    be, and what it saw first is in the oldest pane that still counts."""
    window, pane_ms = DistinctWindow(WITHIN_MS, 2**20), WITHIN_MS // 12
    many = 3000
    first_ms = 10**12 // pane_ms * pane_ms
    last_ms = first_ms + 11 * pane_ms + WITHIN_MS
    slot = np.array([0] + [1] * many + [0], np.int32)
    ts_ms = np.array([first_ms] + [last_ms] * many + [last_ms - WITHIN_MS])
    values = np.array([7, *range(1, many + 1), 7], np.uint64)
    slots, rows, updates = Slots(slot, np.ones_like(slot)), np.arange(many + 2, dtype=np.int32), np.ones(many + 2, bool)
    assert window.apply(rows, slots, slots, ts_ms, updates, values)[[0, -2, -1]].tolist() == [1, many, 1]


@settings(max_examples=20)
@given(st.data(), st.sampled_from([18, 100]))
def test_what_is_evicted_does_not_depend_on_batches(data: st.DataObject, keys_max: int) -> None:
    stream = random_stream(13, 2500, 20, 400, 4_000)
    at_once, in_parts = DistinctWindow(WITHIN_MS, 150), DistinctWindow(WITHIN_MS, 150)
    values = [
        run(keys_max, batches, stream, partial(_apply_distinct, window))[0].tolist()
        for window, batches in ((at_once, [(0, len(stream))]), (in_parts, data.draw(cuts(len(stream)))))
    ]
    assert values[0] == values[1]
    assert at_once.evicted == in_parts.evicted > 1000
    assert at_once._pairs.size <= 150
