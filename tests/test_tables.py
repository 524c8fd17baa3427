"""Keys to slots: against a list with a hand that goes round it.

Enters: streams of keys. Leaves: equal slots, epochs and counters. Invariant: however the stream is cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.kernels import ROWS_MIN
from interceptor.tables import KeyTable
from tests.kernel_models import ClockModel, cuts, pairs_of, random_cuts


def _apply(table: KeyTable, keys: np.ndarray, inserting: np.ndarray, batches: list[tuple[int, int]]) -> list[object]:
    found: list[object] = []
    for start, stop in batches:
        rows = np.arange(stop - start, dtype=np.int32)
        found += pairs_of(table.slots(keys[start:stop], rows, inserting[start:stop]))
    return found


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=80).flatmap(
        lambda events: st.tuples(st.just(events), cuts(len(events)))
    ),
)
def test_slots_are_those_of_the_model(
    keys_max: int, drawn: tuple[list[tuple[int, bool]], list[tuple[int, int]]]
) -> None:
    events, batches = drawn
    table, model = KeyTable(keys_max), ClockModel(keys_max)
    keys = np.array([key for key, _ in events], np.uint64)
    inserting = np.array([inserting for _, inserting in events], np.bool_)
    assert _apply(table, keys, inserting, batches) == [model.slot(*event) for event in events]
    assert (table.size, table.evicted) == (len(model.keys), model.evicted)


@pytest.mark.parametrize("keys_max", [700, 1500])
def test_many_keys_with_long_searches(keys_max: int) -> None:
    chance = np.random.default_rng(5)
    keys = chance.integers(0, 2200, 20_000).astype(np.uint64) * np.uint64(1 << 40)
    inserting = chance.random(20_000) < 0.7
    table, model = KeyTable(keys_max), ClockModel(keys_max)
    found = _apply(table, keys, inserting, random_cuts(6, 20_000, 30))
    assert found == [model.slot(*event) for event in zip(keys.tolist(), inserting.tolist(), strict=True)]
    assert table.size == keys_max
    assert table.evicted == model.evicted > 1000


def test_growing_in_mid_batch_keeps_all_keys() -> None:
    count = 5 * ROWS_MIN
    keys = np.arange(1, count + 1, dtype=np.uint64)
    rows = np.arange(count, dtype=np.int32)
    table = KeyTable(2**20)
    first = table.slots(keys, rows, np.ones(count, np.bool_))
    again = table.slots(keys, rows, np.zeros(count, np.bool_))
    assert first.slot.tolist() == again.slot.tolist() == list(range(count))
    assert set(first.epoch.tolist()) == set(again.epoch.tolist()) == {1}
    assert table.size == count <= table.capacity <= 2 * count
    assert table.evicted == 0


def test_a_table_stays_below_its_cap() -> None:
    table = KeyTable(1000)
    count = 3000
    slots = table.slots(
        np.arange(1, count + 1, dtype=np.uint64), np.arange(count, dtype=np.int32), np.ones(count, np.bool_)
    )
    assert (table.size, table.capacity, table.evicted) == (1000, 1000, 2000)
    assert slots.slot.max() == 999
    assert slots.epoch.max() == 3


def test_an_updated_key_outlives_one_that_is_only_read() -> None:
    table = KeyTable(2)
    one = np.zeros(1, np.int32)

    def slot(key: int, inserting: bool) -> int:
        return int(table.slots(np.array([key], np.uint64), one, np.array([inserting])).slot[0])

    assert [slot(1, True), slot(2, True), slot(3, True)] == [0, 1, 0]  # the hand clears both marks and comes to 1
    assert [slot(3, True), slot(2, False)] == [0, 1]
    assert slot(4, True) == 1
    assert [slot(2, False), slot(3, False)] == [-1, 0]


def test_only_rows_are_looked_at_and_in_their_order() -> None:
    table = KeyTable(10)
    keys = np.array([7, 8, 9, 7], np.uint64)
    slots = table.slots(keys, np.array([3, 2], np.int32), np.ones(4, np.bool_))
    assert pairs_of(slots) == [(-1, 0), (-1, 0), (1, 1), (0, 1)]
    assert table.size == 2


def test_read_only_and_writable_columns_are_alike() -> None:
    keys = np.array([5, 6], np.uint64)
    keys.flags.writeable = False
    assert KeyTable(4).slots(keys, np.arange(2, dtype=np.int32), np.ones(2, np.bool_)).slot.tolist() == [0, 1]


def test_a_column_of_the_wrong_type_is_refused() -> None:
    signed: Any = np.array([5, 6], np.int64)
    with pytest.raises(TypeError, match="No matching definition"):
        KeyTable(4).slots(signed, np.arange(2, dtype=np.int32), np.ones(2, np.bool_))


@pytest.mark.parametrize("keys_max", [0, -1, 2**31])
def test_a_cap_must_make_sense(keys_max: int) -> None:
    with pytest.raises(ValueError, match="keys_max"):
        KeyTable(keys_max)
