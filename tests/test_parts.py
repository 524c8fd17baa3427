"""Spread over shards the engine decides what it decides in one piece, to the last bit.

Enters: random streams and rule sets, the shipped rules on a city's morning. Leaves: for a failure, the first row that
differs. Invariant: neither the number of shards nor how the stream is cut matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.config import Limits
from interceptor.engine import Engine
from interceptor.judgement import Addition
from interceptor.listbook import ListBook
from interceptor.parts import Admit, Protect, Screen
from interceptor.plan import Plan, shard_of
from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.rules.definitions import read
from interceptor.whole import Whole
from simulator.city import City
from simulator.scenario import load as load_scenario
from tests.sharded import Sharded, decided
from tests.streams import Event, alphabet_of, cut, frame, seeded, streams

RULE_SETS = sorted((Path(__file__).parent / "files" / "rulesets").glob("*.yaml"))
PARTS: Sequence[Any] = (Admit, Screen, Protect)
each_rule_set = pytest.mark.parametrize("path", RULE_SETS, ids=lambda path: path.stem)


def in_one_piece(rule_set: RuleSet, frames: Iterable[pa.RecordBatch]) -> pa.Table:
    engine = Engine(rule_set)
    return pa.Table.from_batches([engine.decide(one).to_arrow() for one in frames]).combine_chunks()


def assert_same(found: pa.Table, expected: pa.Table, how: str) -> None:
    assert found.num_rows == expected.num_rows, how
    if not found.equals(expected):
        rows = (row for row in range(found.num_rows) if found.slice(row, 1) != expected.slice(row, 1))
        row = next(rows)
        raise AssertionError(
            f"{how}, row {row}:\n{found.slice(row, 1).to_pylist()}\n{expected.slice(row, 1).to_pylist()}"
        )


def whole_of(rule_set: RuleSet) -> Whole:
    return Whole(rule_set, ListBook(rule_set.lists), Limits())


def frames_of(slices: Iterable[Sequence[Event]]) -> list[pa.RecordBatch]:
    return [frame(events) for events in slices]


@each_rule_set
@settings(max_examples=6)
@given(data=st.data())
def test_random_streams(path: Path, data: st.DataObject) -> None:
    events = data.draw(streams(alphabet_of(read(path)), 200))
    sizes = data.draw(st.lists(st.integers(1, 60), max_size=20))
    shards = data.draw(st.integers(1, 5))
    rule_set = load(path).with_static_lists()
    expected = in_one_piece(rule_set, frames_of([events]))
    assert_same(decided(rule_set, frames_of(cut(events, sizes)), shards), expected, f"{shards} shards, cut at {sizes}")
    whole = whole_of(rule_set)
    found = [whole.apply(one)[0].to_arrow() for one in frames_of(cut(events, sizes))]
    assert_same(pa.Table.from_batches(found).combine_chunks(), expected, f"whole, cut at {sizes}")


@each_rule_set
def test_a_long_stream(path: Path) -> None:
    rule_set = load(path).with_static_lists()
    events = seeded(20210301, 3_000, alphabet_of(read(path)))
    expected = in_one_piece(rule_set, frames_of([events]))
    for shards, size in ((1, 3_000), (3, 500), (8, 77)):
        found = decided(rule_set, frames_of(cut(events, [size] * (3_000 // size))), shards)
        assert_same(found, expected, f"{shards} shards, {size} events at a time")


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return load(default_rules_dir()).with_static_lists()


def test_the_shipped_rules_in_a_city(shipped: RuleSet) -> None:
    city = City(load_scenario("burst"), people=3_000, days=1, seed=5)
    frames = [one.frame for one in city.slices() if one.frame.num_rows]
    expected = in_one_piece(shipped, frames)
    assert sum(len(rules) for rules in expected["rules"].to_pylist()) > 500  # else the test would prove little
    assert_same(decided(shipped, frames, 8), expected, "8 shards")


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0), (2, 3), (3, 2)])
def test_a_reload_in_all_parts_is_the_reload_of_the_engine(first: int, second: int) -> None:
    before, after = (load(RULE_SETS[at]).with_static_lists() for at in (first, second))
    events = seeded(7, 1_200, alphabet_of(read(RULE_SETS[first])))
    frames = frames_of(cut(events, [100] * 12))
    engine, sharded = Engine(before), Sharded(before, 3)
    for number, one in enumerate(frames):
        if number in (4, 8):
            rule_set = after if number == 4 else before
            engine.reload(rule_set)
            sharded.reload(rule_set)
        expected = pa.Table.from_batches([engine.decide(one).to_arrow()]).combine_chunks()
        assert_same(sharded.decide(one).combine_chunks(), expected, f"frame {number}")


@each_rule_set
def test_the_engine_whole_goes_on_where_another_was(path: Path) -> None:
    rule_set = load(path).with_static_lists()
    frames = frames_of(cut(seeded(20210302, 1_500, alphabet_of(read(path))), [100] * 15))
    whole, found = whole_of(rule_set), []
    for one in frames:
        after = whole_of(rule_set)
        after.put_back(whole.taken())
        whole = after
        found.append(whole.apply(one)[0].to_arrow())
    assert_same(pa.Table.from_batches(found).combine_chunks(), in_one_piece(rule_set, frames), "a new one each time")


@pytest.mark.parametrize(("first", "second"), [(0, 1), (2, 3)])
def test_a_reload_of_the_engine_whole(first: int, second: int) -> None:
    before, after = (load(RULE_SETS[at]).with_static_lists() for at in (first, second))
    frames = frames_of(cut(seeded(7, 1_200, alphabet_of(read(RULE_SETS[first]))), [100] * 12))
    engine, whole = Engine(before), whole_of(before)
    for number, one in enumerate(frames):
        if number in (4, 8):
            rule_set = after if number == 4 else before
            engine.reload(rule_set)
            whole.reload(rule_set, ListBook(rule_set.lists))
        expected = pa.Table.from_batches([engine.decide(one).to_arrow()]).combine_chunks()
        found = pa.Table.from_batches([whole.apply(one)[0].to_arrow()]).combine_chunks()
        assert_same(found, expected, f"frame {number}")


def test_what_verdicts_list_is_told_and_left_to_others() -> None:
    """The same by the engine whole as by its parts, also where events after the next tick would be on the list."""
    rule_set = load(default_rules_dir())
    city = City(load_scenario("burst"), people=3_000, days=1, seed=5)
    frames = [one.frame for one in city.slices() if one.frame.num_rows]
    whole, parts = whole_of(rule_set), [part(rule_set, ListBook(rule_set.lists), Limits()) for part in PARTS]
    told, expected = set[tuple[object, ...]](), set[tuple[object, ...]]()
    for one in frames:
        decisions, additions = whole.apply(one)
        admitted = parts[0].apply(one, np.arange(one.num_rows, dtype=np.uint64))
        of_parts, others = parts[2].apply(parts[1].apply(admitted)[0], np.ones(one.num_rows, bool))
        assert decisions.to_arrow().equals(of_parts.to_arrow())
        told |= entries(additions)
        expected |= entries(others)
    assert told == expected
    assert told


def entries(additions: Iterable[Addition]) -> set[tuple[object, ...]]:
    return {(name, value, *rest) for name, values, *rest in additions for value in values.tolist()}


def test_the_plan_keeps_every_window_once(shipped: RuleSet) -> None:
    plan = Plan(shipped)
    kept = [feature.name for part in (plan.at_admit, plan.at_screen, plan.at_protect) for feature in part]
    assert sorted(kept) == sorted(feature.name for feature in shipped.features)
    assert {feature.name for feature in plan.echoed} == {"suspects_of_town_24h", "suspect_days_of_town_28d"}
    assert "text" not in plan.columns_to_protect  # words are looked for once
    assert "ingest_ts_ms" not in plan.columns_to_screen


def test_shards_are_even_and_lasting() -> None:
    keys = np.arange(1, 80_001, dtype=np.uint64) + np.uint64(8_613_900_000_000)
    counts = np.bincount(shard_of(keys, 8), minlength=8)
    assert counts.min() > 9_000
    assert counts.max() < 11_000
    # Another hash would look for a running cluster's state in the wrong place.
    assert shard_of(np.array([0, 1, 2**64 - 1, 8_613_905_541_234], np.uint64), 8).tolist() == [0, 4, 3, 7]
