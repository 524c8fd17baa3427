"""What goes on from a state that was taken decides what would have been decided without: to the last bit.

Enters: random streams, rule sets and their variants, small limits, the shipped rules. Leaves: for a failure, the first
decision that differs. Invariants: taking changes nothing; under another rule set, going on is what a reload would be.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.config import Limits
from interceptor.engine import Engine
from interceptor.features import FeatureBank
from interceptor.reload import compared, digests
from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.rules.definitions import read
from interceptor.state import State, StateMisfit, within, written
from interceptor.tables import KeyTable
from interceptor.transport.snapshots.packing import pack, unpack
from interceptor.wording import Wordings
from tests.engine_state import part_put_back, part_taken, restored, taken
from tests.sharded import Sharded
from tests.streams import Event, alphabet_of, cut, frame, seeded, streams
from tests.test_parts import assert_same, frames_of, in_one_piece
from tests.test_reload import VARIANTS, Variants, variants  # noqa: F401 (a fixture)

RULE_SETS = sorted((Path(__file__).parent / "files" / "rulesets").glob("*.yaml"))
each_rule_set = pytest.mark.parametrize("path", RULE_SETS, ids=lambda path: path.stem)
SMALL = Limits(keys_max=4, pairs_max=5, scored_keys_max=2, wording_places_max=16)


def on_the_wire(state: State) -> State:
    """As bytes and back."""
    return unpack(pack(state, {}))[0]


def outcome(engine: Engine, events: Sequence[Event]) -> pa.Table:
    return pa.Table.from_batches([engine.decide(frame(events)).to_arrow()])


def begun_anew(
    rule_set: RuleSet, slices: Iterator[Sequence[Event]], limits: Limits | None = None
) -> tuple[pa.Table, Engine]:
    """Each slice is decided by a new engine that goes on where the one before was."""
    engine, found = Engine(rule_set, limits or Limits()), []
    for events in slices:
        engine, _ = restored(rule_set, on_the_wire(taken(engine)), limits)
        found.append(outcome(engine, events))
    return pa.concat_tables(found).combine_chunks(), engine


def in_one_go(rule_set: RuleSet, events: Sequence[Event], limits: Limits | None = None) -> tuple[pa.Table, Engine]:
    engine = Engine(rule_set, limits or Limits())
    return outcome(engine, events).combine_chunks(), engine


def assert_equal_states(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.dtype == other[name].dtype, name
        assert np.array_equal(array, other[name]), name


@each_rule_set
@settings(max_examples=6)
@given(data=st.data())
def test_random_streams(path: Path, data: st.DataObject) -> None:
    events = data.draw(streams(alphabet_of(read(path)), 200))
    sizes = data.draw(st.lists(st.integers(1, 60), max_size=5))
    limits = data.draw(st.sampled_from([Limits(), SMALL]))
    rule_set = load(path)
    expected, _ = in_one_go(rule_set, events, limits)
    found, _ = begun_anew(rule_set, cut(events, sizes), limits)
    assert_same(found, expected, f"begun anew after {sizes}, {limits}")


@each_rule_set
@pytest.mark.parametrize("limits", [Limits(), SMALL], ids=["ample", "small"])
def test_a_long_stream(path: Path, limits: Limits) -> None:
    rule_set = load(path)
    events = seeded(20210301, 3_000, alphabet_of(read(path)))
    expected, whole = in_one_go(rule_set, events, limits)
    for size in (1_500, 170):
        found, last = begun_anew(rule_set, cut(events, [size] * (3_000 // size)), limits)
        assert_same(found, expected, f"begun anew every {size} events")
        assert last.counters == whole.counters
    if limits is SMALL:
        assert whole.counters["evicted"] > 50  # else the test would prove little


def test_more_pairs_and_keys_than_a_table_begins_with(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "schema: 1\nhalf_life: 1h\nfeatures:\n"
        "  - {feature: callees_1h, distinct: callee, on: call, by: caller, within: 1h}\n"
        "  - {feature: calls_1h, count: events, on: call, by: callee, of: caller, within: 1h}\n"
        "rules:\n"
        "  - rule: busy\n    title: t\n    on: call\n    condition: callees_1h >= 3 or calls_1h >= 2\n"
        "    evidence: traffic\n    score: 2\n"
    )
    rule_set, chance = load(tmp_path), np.random.default_rng(4)
    plain = seeded(1, 1, alphabet_of(read(tmp_path)))[0]
    events = [
        plain | {"kind": 0, "event_id": number + 1, "ts_ms": plain["ts_ms"] + number * 300, "ingest_ts_ms": 2**60}
        | {"source": int(chance.integers(1, 3_000)), "target": int(chance.integers(1, 3_000))}
        for number in range(30_000)
    ]  # fmt: skip
    for limits in (Limits(), Limits(keys_max=2_000, pairs_max=3_000, scored_keys_max=500)):
        expected, whole = in_one_go(rule_set, events, limits)
        found, last = begun_anew(rule_set, cut(events, [7_000] * 4), limits)
        assert_same(found, expected, str(limits))
        assert last.counters == whole.counters
        assert (whole.counters["evicted"] > 0) == (limits.keys_max == 2_000)


def test_the_shipped_rules() -> None:
    rule_set = load(default_rules_dir())
    events = seeded(3, 4_000, alphabet_of(read(default_rules_dir())))
    expected, _ = in_one_go(rule_set, events)
    found, _ = begun_anew(rule_set, cut(events, [1_000] * 3))
    assert sum(len(rules) for rules in expected["rules"].to_pylist()) > 500  # else the test would prove little
    assert_same(found, expected, "begun anew every 1,000 events")


@each_rule_set
def test_taking_changes_nothing_and_is_changed_by_nothing(path: Path) -> None:
    rule_set = load(path)
    events = seeded(5, 1_200, alphabet_of(read(path)))
    expected, _ = in_one_go(rule_set, events)
    engine = Engine(rule_set)
    found = [outcome(engine, events[:600])]
    state = taken(engine)
    kept = {name: array.copy() for name, array in state.items()}
    found.append(outcome(engine, events[600:]))
    assert_same(pa.concat_tables(found).combine_chunks(), expected, "after it was taken")
    assert_equal_states(state, kept)
    again, _ = restored(rule_set, state)
    assert_equal_states(taken(again), kept)  # nothing is lost by going round
    outcome(again, events[600:])
    assert_equal_states(state, kept)  # nor is it shared with who goes on from it


def test_going_on_with_another_rule_set_is_a_reload(variants: Variants) -> None:  # noqa: F811 (the fixture)
    events = seeded(8, 1_600, alphabet_of(variants[0][1]))
    for number in range(VARIANTS):
        before, after = variants[number][0], variants[(number + 1) % VARIANTS][0]
        engine = Engine(before)
        outcome(engine, events[:800])
        state = on_the_wire(taken(engine))
        change = engine.reload(after)
        again, told = restored(after, state)
        for name in ("kept", "reset", "added"):
            assert sorted(sum((getattr(one, name) for one in told), ())) == list(getattr(change, name)), name
        assert sorted(sum((one.removed for one in told), ())) == sorted(change.removed + change.unread)
        expected, found = outcome(engine, events[800:]), outcome(again, events[800:])
        assert_same(found.combine_chunks(), expected.combine_chunks(), f"from variant {number} to the next")
        assert again.counters == engine.counters


def test_going_on_after_reloads(variants: Variants) -> None:  # noqa: F811 (the fixture)
    events = seeded(9, 1_600, alphabet_of(variants[0][1]))
    engine = Engine(variants[0][0])
    for number, part in enumerate(cut(events, [200] * 7)):
        engine.reload(variants[number % VARIANTS][0])
        again, _ = restored(engine.rule_set, on_the_wire(taken(engine)))
        assert_same(outcome(again, part).combine_chunks(), outcome(engine, part).combine_chunks(), f"part {number}")


@each_rule_set
def test_shards_that_go_on(path: Path) -> None:
    rule_set = load(path).with_static_lists()
    events = seeded(21, 2_000, alphabet_of(read(path)))
    expected = in_one_piece(rule_set, frames_of([events]))
    before, found = Sharded(rule_set, 3), []
    for number, one in enumerate(frames_of(cut(events, [300] * 6))):
        after = Sharded(rule_set, 3)
        after.places = before.places
        for old, new in zip(parts_of(before), parts_of(after), strict=True):
            told = part_put_back(new, on_the_wire(part_taken(old)))
            assert (told.reset, told.added, told.removed) == ((), (), ())
        before = after
        found.append(before.decide(one))
        assert number < 7
    assert_same(pa.concat_tables(found).combine_chunks(), expected, "3 shards")


def parts_of(sharded: Sharded) -> list[object]:
    return [sharded.admit, *sharded.screens, *sharded.protects]


def test_digests_are_the_same_in_every_process() -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from interceptor.reload import digests; from interceptor.rules import load;"
        "print(sorted(digests(load(Path(sys.argv[1]))).items()))"
    )
    here = sorted(digests(load(RULE_SETS[-1])).items())
    assert len({digest for _, digest in here}) == len(here) > 5
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", program, str(RULE_SETS[-1])],
            env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert told.stdout.strip() == str(here)


def test_digests_are_equal_where_windows_go_on(variants: Variants) -> None:  # noqa: F811 (the fixture)
    for one, _ in variants:
        for other, _ in variants:
            before, after, change = digests(one), digests(other), compared(one, other)
            assert (
                tuple(sorted(name for name in before.keys() & after.keys() if before[name] == after[name]))
                == change.kept
            )


RESIDENT = """
import os
from pathlib import Path

from interceptor.wording import Wordings


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


groups = Wordings(2**24)  # 256 MB
before = resident_bytes()
state = groups.taken()
again = Wordings(2**24)
again.put_back(state)
print(sum(array.nbytes for array in state.values()), resident_bytes() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux says how much memory is really there")
def test_a_table_of_texts_that_is_empty_takes_no_memory() -> None:
    # In a process of its own: what other tests left behind in this one comes and goes by itself.
    told = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, text=True, check=True, timeout=120)
    state_bytes, grown_bytes = map(int, told.stdout.split())
    assert state_bytes < 1_000
    assert grown_bytes < 64 << 20


def table_of(keys: Sequence[int]) -> KeyTable:
    held = KeyTable(1_000)
    rows = np.arange(len(keys), dtype=np.int32)
    held.slots(np.array(keys, np.uint64), rows, np.ones(len(keys), np.bool_))
    return held


def test_a_state_that_does_not_fit_is_told() -> None:
    state = table_of(range(1, 600)).taken()
    with pytest.raises(StateMisfit, match="599 keys, at most 500 are held here"):
        KeyTable(500).put_back(state)
    with pytest.raises(StateMisfit, match="epochs is missing"):
        KeyTable(1_000).put_back({name: array for name, array in state.items() if name != "epochs"})
    with pytest.raises(StateMisfit, match=r"keys is float64\[599\], not int64\[599\]"):
        KeyTable(1_000).put_back(state | {"keys": state["keys"].astype(np.float64)})
    with pytest.raises(StateMisfit, match="lines of founders"):
        Wordings(2**10).put_back(Wordings(2**12).taken())
    with pytest.raises(StateMisfit, match="features: not names"):
        FeatureBank((), Limits()).put_back({"features": written([1, 2])}, {})


@pytest.mark.parametrize("path", [RULE_SETS[0], RULE_SETS[-1]], ids=lambda path: path.stem)
def test_no_array_can_be_left_out_or_be_of_another_shape(path: Path) -> None:
    rule_set = load(path)
    engine = Engine(rule_set)
    outcome(engine, seeded(6, 500, alphabet_of(read(path))))
    state = taken(engine)
    for name in state:
        if not name.startswith(("admission/", "source/", "target/", "wordings/lines")):
            continue
        with pytest.raises(StateMisfit):
            restored(rule_set, {other: array for other, array in state.items() if other != name})
        with pytest.raises(StateMisfit):
            restored(rule_set, state | {name: state[name].astype(np.float32)})


def test_within_does_not_take_a_longer_name_for_a_part() -> None:
    assert within({"keys/1/a": np.zeros(1), "keys/10/a": np.zeros(1)}, "keys/1").keys() == {"a"}
