"""Windows: against dictionaries that keep every event.

Enters: streams of few keys whose time leaps and comes late. Leaves: equal values. Invariant: however the stream is cut,
whoever loses its slot, and whichever column the window is read by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.distinct import DistinctWindow
from interceptor.few import FEW
from interceptor.sightings import NEVER, SequentialRun, SinceFirst, SinceLast
from interceptor.tables import KeyTable
from interceptor.walker import Walker
from interceptor.window import Window
from interceptor.windows import SHARE_MAX, CountWindow, RatioWindow, SumWindow
from tests.kernel_models import (
    Stream,
    cuts,
    events_of,
    group_of,
    places,
    random_cuts,
    random_stream,
    run,
    streams,
    walk,
)

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


def _distinct(within_ms: int) -> Window:
    return DistinctWindow(within_ms, 2**20)


KINDS: dict[str, tuple[Callable[[int], Window], Callable[[int], Any]]] = {
    "count": (CountWindow, PanesModel),
    "ratio": (RatioWindow, RatioModel),
    "sum": (SumWindow, SumModel),
    "distinct": (_distinct, DistinctModel),
    "since_last": (SinceLast, SinceLastModel),
    "since_first": (SinceFirst, SinceFirstModel),
    "sequential": (SequentialRun, SequentialModel),
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
    column = stream.value * np.uint64(8) + np.uint64(2**63) if kind == "sequential" else stream.value
    values, at, read = run(keys_max, batches, replace(stream, value=column), make(within_ms), read_other)
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


@pytest.mark.parametrize("read_other", [False, True])
def test_far_more_keys_than_slots(read_other: bool) -> None:
    """Nearly all that the sieve was told of is gone, again and again."""
    stream = random_stream(13, 6_000, 400, 5, 1_000)
    _check("count", WITHIN_MS, 5, random_cuts(14, len(stream), 60), stream, read_other)


@pytest.mark.parametrize("kind", KINDS)
def test_other_rows_are_left_alone(kind: str) -> None:
    """Those of the second chunk were written to by the first."""
    stream = random_stream(9, 50, 3, 5, 1000)
    stream.updates[:] = True
    window = KINDS[kind][0](WITHIN_MS)
    walker = Walker([group_of(KeyTable(10), [window])])
    alone = Walker([group_of(KeyTable(10), [KINDS[kind][0](WITHIN_MS)])])
    for first in (0, 1):
        kinds = (np.arange(50) % 2 != first).astype(np.uint8)
        part = Stream(*(column[first::2].copy() for column in vars(stream).values()))
        values = walk(walker, stream, kinds)[0]
        assert values[first::2].tolist() == walk(alone, part)[0].tolist()
        assert (values[1 - first :: 2] == window.nothing).all()


def test_windows_of_a_group_do_not_disturb_each_other() -> None:
    stream = random_stream(10, 9_000, 3_000, 50, 3_000)
    batches = random_cuts(11, len(stream), 7)
    together = Walker([group_of(KeyTable(2_000), [make(WITHIN_MS) for make, _ in KINDS.values()], True)])
    parts = [walk(together, stream.part(start, stop)) for start, stop in batches]
    for number, (make, _) in enumerate(KINDS.values()):
        alone = run(2_000, batches, stream, make(WITHIN_MS), True)[0]
        assert np.concatenate([part[number] for part in parts]).tolist() == alone.tolist()


def test_values_that_somebody_holds_are_left_alone() -> None:
    stream = random_stream(12, 3_000, 20, 5, 1_000)
    walker = Walker([group_of(KeyTable(100), [CountWindow(WITHIN_MS)])])
    inputs = stream.updates, stream.ts_ms, places([stream.key, stream.other, stream.value]), stream.updates[None]
    held, _ = walker.begin(np.zeros(3_000, np.uint8), *inputs)
    walker.walk(1)
    before = held.copy()
    later, _ = walker.begin(np.zeros(3_000, np.uint8), *inputs)
    walker.walk(1)
    assert (held == before).all()
    assert not (later == before).all()


def test_a_share_is_made_of_the_first_events_of_a_pane() -> None:
    """70,000 events in one pane, of which the first half are of the numerator, and one two panes later."""
    count = 70_001
    stream = random_stream(1, count, 2, 2, 1)
    stream.key[:], stream.updates[:], stream.flag[:] = 1, True, np.arange(count) < count // 2
    stream.ts_ms[:] = 10**12
    stream.ts_ms[-1] += WITHIN_MS // 6
    values = run(10, [(0, count)], stream, RatioWindow(WITHIN_MS))[0]
    assert values[-2] == (count // 2) / SHARE_MAX
    assert values[-1] == (count // 2) / (SHARE_MAX + 1)


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
    values = np.array([2**63 - 1, 2**63, 2**63 + 16, 2**64 - 1, 0], np.uint64)
    assert _one_key(SequentialRun(WITHIN_MS), np.arange(5), values).tolist() == [1, 2, 3, 1, 1]


# Distinct counts: the memory of pairs.


def _one_key(window: Window, ts_ms: np.ndarray, values: np.ndarray, keys: np.ndarray | None = None) -> np.ndarray:
    """Of one key, or of several: all events update."""
    keys = np.ones(len(values), np.uint64) if keys is None else keys
    updates = np.ones(len(values), np.bool_)
    return run(10, [(0, len(values))], Stream(keys, keys, ts_ms, updates, updates, values), window)[0]


def test_few_values_of_a_key_are_no_pairs() -> None:
    """Pairs are kept from the seventh value in the window on, those that came before it among them; when the window has
    run empty, few values are few again."""
    window, pane_ms = DistinctWindow(WITHIN_MS, 2**20), WITHIN_MS // 12
    few = np.array([*range(1, FEW + 1), 1], np.uint64)
    panes = np.array([0, 1, 2, 3, 4, 5, 6])
    assert _one_key(window, pane_ms * (10**6 + panes), few).tolist() == [1, 2, 3, 4, 5, 6, 6]
    assert window._pairs.size == 0
    late = pane_ms * (10**6 + np.array([6, 13, 14]))  # by the last of these 2 and 3 count no more
    assert _one_key(window, late, np.array([9, 9, 1], np.uint64)).tolist() == [7, 6, 5]
    assert window._pairs.size == 7
    assert _one_key(window, pane_ms * (10**6 + panes + 40), few).tolist() == [1, 2, 3, 4, 5, 6, 6]
    assert window._pairs.size == 7


@pytest.mark.parametrize("within_ms", [60_000, WITHIN_MS])
def test_forgetting_pairs_is_invisible(within_ms: int) -> None:
    """Far more pairs in the course of time than there is room for, but never too many that count at once."""
    stream = random_stream(11, 12_000, 30, 5000, within_ms // 300)
    window = DistinctWindow(within_ms, 1500)
    batches = random_cuts(12, len(stream), 20)
    values, at, read = run(100, batches, stream, window)
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
    keys = np.array([1] + [2] * many + [1], np.uint64)
    ts_ms = np.array([first_ms] + [last_ms] * many + [last_ms - WITHIN_MS])
    values = np.array([7, *range(1, many + 1), 7], np.uint64)
    assert _one_key(window, ts_ms, values, keys)[[0, -2, -1]].tolist() == [1, many, 1]


@settings(max_examples=20)
@given(st.data(), st.sampled_from([18, 100]))
def test_what_is_evicted_does_not_depend_on_batches(data: st.DataObject, keys_max: int) -> None:
    stream = random_stream(13, 2500, 20, 400, 4_000)
    at_once, in_parts = DistinctWindow(WITHIN_MS, 150), DistinctWindow(WITHIN_MS, 150)
    values = [
        run(keys_max, batches, stream, window)[0].tolist()
        for window, batches in ((at_once, [(0, len(stream))]), (in_parts, data.draw(cuts(len(stream)))))
    ]
    assert values[0] == values[1]
    assert at_once.evicted == in_parts.evicted > 700
    assert at_once._pairs.size <= 150
