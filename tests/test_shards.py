"""Shards that are killed, repeated, outlived by zombies: every event is decided, and as the engine decides it.

Enters: random streams and random misfortune. Leaves: for a failure, the seed. Invariant: what stands in the topic of
decisions, repeats aside, is what one engine says of the same events in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from interceptor.engine import Engine
from interceptor.rules import RuleSet, load
from interceptor.rules.definitions import read
from interceptor.schema import EVENT_SCHEMA
from interceptor.transport.edge.json_events import read_events
from interceptor.transport.edge.json_writing import to_json_events
from interceptor.transport.letters.dead import CODE_HEADER, REASON
from interceptor.transport.topics import ADMITTED, DEAD_LETTERS, DECISIONS, EVENTS
from interceptor.transport.wire import ORIGINAL_SCHEMA, PRODUCER, ROW_BITS, decode, encode
from interceptor.transport.worker.stages import FROM_JSON, SPREAD, WHOLE, Stages
from tests.shard_logs import GOT_MS, Logs, without_repeats
from tests.streams import Event, alphabet_of, cut, frame, seeded

RULE_SETS = sorted((Path(__file__).parent / "files" / "rulesets").glob("*.yaml"))
DECISION = ["event_id", "status", "verdict", "actions", "score", "target_score", "rules", "ruleset"]


def expected_of(rule_set: RuleSet, frames: list[pa.RecordBatch]) -> pa.Table:
    engine = Engine(rule_set)
    return pa.Table.from_batches([engine.decide(one).to_arrow() for one in frames]).combine_chunks()


def feeding(logs: Logs, frames: list[pa.RecordBatch]) -> Iterator[bool]:
    for one in frames:
        logs.send(one)
        yield True
    while True:
        yield False


each_layout = pytest.mark.parametrize("stages", [SPREAD, WHOLE], ids=["spread", "whole"])


@each_layout
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("path", RULE_SETS, ids=lambda path: path.stem)
def test_whoever_is_killed_nothing_is_lost(path: Path, seed: int, stages: Stages) -> None:
    rule_set = load(path).with_static_lists()
    events = seeded(seed, 900, alphabet_of(read(path)))
    sizes = np.random.default_rng(seed).integers(1, 60, 900).tolist()
    frames = [frame(some) for some in cut(events, sizes)]
    logs = Logs([rule_set], 1 if stages == WHOLE else 3, seed, stages)
    feed = feeding(logs, frames)
    logs.run(lambda: next(feed))
    found, repeats, differing = without_repeats(logs.decisions())
    assert logs.kills > (5 if stages == SPREAD else 1)
    assert repeats > 0  # else nobody was killed at a bad moment
    assert differing == 0
    assert found.select(DECISION).combine_chunks().equals(expected_of(rule_set, frames)), f"seed {seed}"
    assert not logs.logs[DEAD_LETTERS, 0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("path", RULE_SETS, ids=lambda path: path.stem)
def test_from_json_nothing_is_lost_either(path: Path, seed: int) -> None:
    rule_set = load(path).with_static_lists()
    lines = to_json_events(frame(seeded(seed, 900, alphabet_of(read(path)))))
    logs = Logs([rule_set], 1, seed, FROM_JSON)
    logs.logs[EVENTS, 0] += [(line, []) for line in lines]
    logs.run()
    found, repeats, differing = without_repeats(logs.decisions())
    assert (logs.kills > 1, repeats > 0, differing) == (True, True, 0)
    events = read_events(list(lines), np.zeros(900, np.uint64), np.full(900, GOT_MS)).batch
    assert found.select(DECISION).combine_chunks().equals(expected_of(rule_set, [events])), f"seed {seed}"
    assert found["place"].to_pylist() == [offset << ROW_BITS for offset in range(900)]


def test_a_message_that_is_no_event_is_a_letter_and_costs_itself_alone(rule_set: RuleSet) -> None:
    lines = to_json_events(frame(some_events(30)))
    lines[3], lines[7] = b"{", b'{"kind":"sms"}'
    logs = Logs([rule_set], 1, 1, FROM_JSON)
    logs.logs[EVENTS, 0] += [(line, [("rules", b"unheard-of")]) for line in lines]
    logs.shards[EVENTS, 0].poison = {11: "ZeroDivisionError"}
    found, _, _ = without_repeats(drained(logs).decisions())
    assert [place >> ROW_BITS for place in found["place"].to_pylist()] == [n for n in range(30) if n not in (3, 7, 11)]
    assert {(code, value) for code, _, value in letters(logs)} == {
        ("not-json", lines[3]), ("missing-field", lines[7]), ("failed", lines[11])
    }  # fmt: skip
    headers = dict(logs.logs[DEAD_LETTERS, 0][0][1])
    assert headers["original.rules"] == b"unheard-of"


def test_a_state_of_another_topic_is_refused(rule_set: RuleSet) -> None:
    shard = Logs([rule_set], 1, 1, FROM_JSON).shards[EVENTS, 0]
    state, about = shard.state()
    with pytest.raises(ValueError, match="another `app`"):
        shard.put_back(5, state, about | {"topic": "others"})


@pytest.fixture(scope="module")
def rule_set() -> RuleSet:
    return load(RULE_SETS[0]).with_static_lists()


def some_events(count: int, seed: int = 1) -> list[Event]:
    return seeded(seed, count, alphabet_of(read(RULE_SETS[0])))


def drained(logs: Logs) -> Logs:
    """Without any misfortune."""
    logs.chance.random = lambda: 0.99  # type: ignore[method-assign]
    logs.run()
    return logs


def numbered(events: list[Event], first: int) -> pa.RecordBatch:
    batch = frame(events)
    origin = pa.array(np.arange(first, first + len(events), dtype=np.uint64))
    return pa.RecordBatch.from_arrays([*batch.columns, origin], schema=ORIGINAL_SCHEMA)


@each_layout
def test_a_producer_may_send_again_and_cut_otherwise(rule_set: RuleSet, stages: Stages) -> None:
    events = some_events(100)
    logs = Logs([rule_set], partitions=1 if stages == WHOLE else 2, seed=1, stages=stages)
    for first, last in ((0, 40), (0, 40), (20, 70), (60, 100), (0, 100)):
        logs.send(numbered(events[first:last], first + 1), [(PRODUCER, b"bridge:raw/0")])
    logs.send(numbered(events[:10], 1), [(PRODUCER, b"bridge:raw/1")])  # somebody else's
    found, repeats, _ = without_repeats(drained(logs).decisions())
    assert repeats == 0
    assert found["event_id"].to_pylist() == [one["event_id"] for one in events + events[:10]]


def letters(logs: Logs) -> list[tuple[str, str, bytes]]:
    return [
        (dict(headers)[CODE_HEADER].decode(), dict(headers)[REASON].decode(), value)
        for value, headers in logs.logs[DEAD_LETTERS, 0]
    ]


@each_layout
def test_what_cant_be_read_is_a_letter_and_the_rest_is_decided(rule_set: RuleSet, stages: Stages) -> None:
    events = some_events(30)
    logs = Logs([rule_set], partitions=1 if stages == WHOLE else 2, seed=1, stages=stages)
    logs.send(frame(events[:10]))
    logs.logs[EVENTS, 0].append((b"no frame at all", []))
    logs.logs[EVENTS, 0].append((encode(frame(events[:3]))[:200], []))
    logs.send(frame(events[:3]).drop_columns(["town"]))
    logs.send(frame([]))
    logs.send(numbered(events[:3], 1))  # without saying whose numbers those are
    logs.send(frame(events[10:]))
    found, _, _ = without_repeats(drained(logs).decisions())
    assert found["event_id"].to_pylist() == [one["event_id"] for one in events]
    assert [code for code, _, _ in letters(logs)] == ["bad-frame"] * 4
    assert letters(logs)[0][2] == b"no frame at all"
    assert letters(logs)[2][1].startswith("column town is missing")


@each_layout
def test_rows_that_are_no_events_dont_take_others_along(rule_set: RuleSet, stages: Stages) -> None:
    events = some_events(12)
    bad = [dict(one) for one in events]
    bad[3]["kind"], bad[5]["ts_ms"], bad[7]["text"] = 99, -5, "x" * 70_000
    logs = Logs([rule_set], partitions=1 if stages == WHOLE else 2, seed=1, stages=stages)
    logs.send(frame(bad))
    found, _, _ = without_repeats(drained(logs).decisions())
    lost = [row["event_id"] for code, _, value in letters(logs) for row in decode(value).to_pylist()]
    assert sorted(found["event_id"].to_pylist() + lost) == sorted(one["event_id"] for one in events)
    assert found["place"].to_pylist() == [row for row in range(12) if row not in (3, 5, 7)]  # offset 0
    assert {code for code, _, _ in letters(logs)} == {"not-an-event"}
    assert decode(letters(logs)[0][2]).schema.equals(EVENT_SCHEMA)


def test_foreign_parcels_are_letters(rule_set: RuleSet) -> None:
    events = some_events(20)
    logs = Logs([rule_set], partitions=2, seed=1)
    logs.logs[ADMITTED, 0].append((b"parcel1 nonsense", []))
    logs.logs[ADMITTED, 1].append((encode(frame(events)), [("first", b"0"), ("last", b"9")]))
    logs.send(frame(events))
    found, _, _ = without_repeats(drained(logs).decisions())
    assert found.num_rows == 20
    assert [code for code, _, _ in letters(logs)] == ["not-a-parcel"] * 2


@each_layout
def test_what_the_engine_fails_on_is_a_letter(rule_set: RuleSet, stages: Stages) -> None:
    """As the lane does it: the message is marked, and taken again by a shard that hasn't seen it."""
    events = some_events(30)
    logs = Logs([rule_set], partitions=1 if stages == WHOLE else 2, seed=1, stages=stages)
    for start in (0, 10, 20):
        logs.send(frame(events[start : start + 10]))
    logs.shards[EVENTS, 0].poison = {1: "ZeroDivisionError"}
    found, _, _ = without_repeats(drained(logs).decisions())
    assert found["event_id"].to_pylist() == [one["event_id"] for one in events[:10] + events[20:]]
    assert letters(logs)[0][:2] == ("failed", "the engine failed on it: ZeroDivisionError")


def test_a_gap_is_counted_and_the_stream_goes_on(rule_set: RuleSet) -> None:
    logs = Logs([rule_set], partitions=1, seed=1)
    for start in (0, 10, 20):
        logs.send(frame(some_events(30)[start : start + 10]))
        logs.step((EVENTS, 0))
    admitted = logs.logs[ADMITTED, 0]
    if len(admitted) < 3:
        logs.step((EVENTS, 0))
    del admitted[1]
    taken = logs.shards[ADMITTED, 0].take(logs.messages((ADMITTED, 0), 0, 9))
    assert taken.gaps == 1
    assert taken.events == 20


@each_layout
def test_places_say_where_an_event_came_in(rule_set: RuleSet, stages: Stages) -> None:
    logs = Logs([rule_set], partitions=1 if stages == WHOLE else 3, seed=1, stages=stages)
    logs.send(frame(some_events(7)))
    logs.send(frame(some_events(5, seed=2)))
    found, _, _ = without_repeats(drained(logs).decisions())
    assert found["place"].to_pylist() == [*range(7), *((1 << ROW_BITS) + row for row in range(5))]
    assert any(logs.logs[DECISIONS, one] for one in range(logs.partitions))
