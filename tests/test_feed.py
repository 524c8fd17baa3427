"""`interceptor feed`: what is sent, how fast, what it says, and a city that reacts to a cluster.

Enters: small cities, a broker, a worker made of the engine. Leaves: assertions on topics, output and exit codes.
Invariant: a cluster that decides like the engine gets the same city as the engine does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import typer
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from typer.testing import CliRunner

from interceptor.commands import feed_cli
from interceptor.engine import Engine
from interceptor.schema import EVENT_SCHEMA
from interceptor.transport import wire
from interceptor.transport.edge import awaiting
from interceptor.transport.edge.awaiting import DecisionReader, NoDecisions, places_of
from interceptor.transport.edge.pacing import as_it_happened, at_rate, paced
from interceptor.transport.edge.sending import rechunked, send_frames
from simulator.source import CitySource
from tests.feed_cluster import everything_in, mock_broker, settings_of
from tests.recordings import shipped_rules

APP = typer.Typer()
feed_cli.add_to(APP)
SMALL = ("feed", "--people", "500", "--seed", "7", "--app", "t", "--json")


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with mock_broker() as address:
        yield address


def frame(events: list[dict[str, Any]]) -> pa.RecordBatch:
    """What isn't said is nothing."""
    empty: dict[str, Any] = {
        field.name: "" if pa.types.is_string(field.type) else False if pa.types.is_boolean(field.type) else 0
        for field in EVENT_SCHEMA
    }
    return pa.RecordBatch.from_pylist([empty | event for event in events], schema=EVENT_SCHEMA)


def some(count: int, start: int = 0) -> pa.RecordBatch:
    return frame([{"event_id": start + n + 1, "ts_ms": 1_000 * (start + n), "kind": 0} for n in range(count)])


def ids(frames: list[pa.RecordBatch]) -> list[int]:
    return [one for batch in frames for one in batch.column("event_id").to_pylist()]


def frames_in(kafka: str, app: str) -> list[pa.RecordBatch]:
    return [wire.decode(message.value() or b"") for message in everything_in(kafka, f"{app}.events")]


def run(kafka: str, *arguments: str) -> Any:
    result = CliRunner().invoke(APP, [*arguments, "--kafka", kafka])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_frames_are_cut_and_joined_in_order() -> None:
    parts = [some(3), some(0, 3), some(10, 3), some(1, 13)]
    cut = list(rechunked(parts, 4))
    assert [one.num_rows for one in cut] == [4, 4, 4, 2]
    assert ids(cut) == list(range(1, 15))


@pytest.mark.parametrize("slow_s", [0.0, 0.3])
def test_events_go_out_when_they_are_due(slow_s: float) -> None:
    now_s = [0.0]

    def sleep(seconds: float) -> None:
        assert seconds > 0
        now_s[0] += seconds

    for due, last_s in ((at_rate(100), 0.99), (as_it_happened(100), 0.99)):
        now_s[0], seen, sent_s = 0.0, list[pa.RecordBatch](), list[float]()
        for one in paced([some(60), some(40, 60)], due, 8, 0.05, clock=lambda: now_s[0], sleep=sleep):
            seen.append(one)
            sent_s.append(now_s[0])
            now_s[0] += slow_s
        assert ids(seen) == list(range(1, 101))
        assert max(one.num_rows for one in seen) <= 8
        assert all(early <= late for early, late in pairwise(sent_s))
        counts = np.cumsum([one.num_rows for one in seen])
        assert all(count - 1 <= 100 * s + 1e-6 for count, s in zip(counts, sent_s, strict=True))  # none before its time
        assert sent_s[-1] >= last_s - 0.05
        if not slow_s:
            firsts = [0, *counts[:-1]]
            assert all(s <= first / 100 + 0.05 + 1e-6 for first, s in zip(firsts, sent_s, strict=True))


def test_send_frames_numbers_under_a_name(kafka: str) -> None:
    settings = settings_of(kafka, app="s")
    sent = send_frames(settings, [some(10), some(5, 10)], producer_name="feed:x", frame_rows=4)
    assert (sent.events, sent.frames, sent.first_offset, sent.last_offset) == (15, 4, 0, 3)
    plain = send_frames(settings, [some(2)])
    assert (plain.events, plain.first_offset, plain.last_offset) == (2, 4, 4)
    messages = everything_in(kafka, "s.events")
    assert {message.partition() for message in messages} == {0}
    frames = [wire.decode(message.value() or b"") for message in messages]
    assert [one for f in frames[:4] for one in f.column("origin").to_pylist()] == list(range(1, 16))
    assert messages[0].headers() == [("producer", b"feed:x")]
    assert frames[4].schema.equals(EVENT_SCHEMA)
    assert messages[4].headers() is None


def test_a_frame_too_large_goes_in_parts(kafka: str) -> None:
    rng = np.random.default_rng(1)
    texts = ["".join(map(chr, rng.integers(0x4E00, 0x9FFF, 4_000))) for _ in range(40)]
    batch = frame([{"event_id": n + 1, "ts_ms": n, "kind": 1, "text": text} for n, text in enumerate(texts)])
    sent = send_frames(settings_of(kafka, app="l", frame_bytes_max=1 << 16), [batch], producer_name="feed:l")
    assert sent.frames > 4
    found = frames_in(kafka, "l")
    assert ids(found) == list(range(1, 41))
    assert [one for f in found for one in f.column("text").to_pylist()] == texts


def test_feed_says_what_arrived_and_goes_on_under_its_name(kafka: str) -> None:
    first = run(kafka, *SMALL, "--events-max", "3000", "--run", "r", "--app", "f")
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    assert (told["events"], told["run"], told["seed"], told["topic"]) == (3_000, "r", 7, "f.events")
    assert "\x1b" not in first.stderr
    again = json.loads(
        run(kafka, *SMALL, "--events-max", "5000", "--run", "r", "--app", "f", "--frame-rows", "999").stdout
    )
    assert again["first_offset"] == told["last_offset"] + 1
    frames = frames_in(kafka, "f")
    once, twice = pa.Table.from_batches(frames[: told["frames"]]), pa.Table.from_batches(frames[told["frames"] :])
    assert twice.num_rows == 5_000
    assert twice.slice(0, 3_000).equals(once)


def test_json_events_are_the_same_events(kafka: str) -> None:
    from interceptor.transport.edge.json_events import read_events

    told = json.loads(run(kafka, *SMALL, "--events-max", "800", "--json-to", "gateway").stdout)
    assert told["events"] == 800
    values = [message.value() for message in everything_in(kafka, "gateway")]
    read = read_events(values, np.arange(len(values), dtype=np.uint64))
    assert not read.refused
    run(kafka, *SMALL, "--events-max", "800", "--app", "j")
    sent = pa.Table.from_batches(frames_in(kafka, "j")).drop(["origin"])
    assert pa.Table.from_batches([read.batch]).sort_by("event_id").equals(sent.sort_by("event_id"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--rate", "5", "--real-time", "2"], 2, "one of them"),
        (["--rate", "inf"], 2, "a number, please"),
        (["--run", "x"], 2, "needs --seed"),
        (["--run", "x", "--seed", "1", "--closed-loop"], 2, "--run doesn't apply"),
        (["--json-to", "t.events"], 2, "own topics"),
        (["--scenario", "nowhere"], 2, "nowhere"),
        (["--scenario", "none.parquet"], 2, "no such file"),
        (["--config", "none.toml"], 78, "can't be read"),
    ],
)
def test_what_cannot_be_done_is_said(kafka: str, arguments: list[str], code: int, words: str) -> None:
    result = run(kafka, "feed", "--app", "t", *arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr


# A cluster in a thread


def decision_frames(engine: Engine, offset: int, batch: pa.RecordBatch) -> list[tuple[int, bytes]]:
    """Partition and bytes; each twice, as after a crash."""
    decisions = engine.decide(pa.RecordBatch.from_arrays(batch.columns[: len(EVENT_SCHEMA)], schema=EVENT_SCHEMA))
    place = (np.uint64(offset) << np.uint64(wire.ROW_BITS)) + np.arange(batch.num_rows, dtype=np.uint64)
    table = decisions.to_arrow()
    for at, (name, column) in enumerate((("place", place), ("kind", decisions.kind), ("ts_ms", decisions.ts_ms))):
        array = pa.array(column)
        table = table.add_column(at, pa.field(name, array.type, nullable=False), array)
    target = batch.column("target").to_numpy() % 4
    parts = [(number, table.take(pa.array(np.flatnonzero(target == number)))) for number in (3, 0, 2, 1)]
    return [(number, wire.encode(part)) for number, part in parts if part.num_rows] * 2


@contextmanager
def worker(kafka: str, app: str) -> Iterator[None]:
    stop, engine = threading.Event(), Engine(shipped_rules())
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "w", "log_level": 0, "fetch.wait.max.ms": 10})
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0, "linger.ms": 1})
    for topic in ("events", "decisions"):
        producer.list_topics(f"{app}.{topic}", timeout=10)  # which makes it
    consumer.assign([TopicPartition(f"{app}.events", 0, OFFSET_BEGINNING)])

    def work() -> None:
        while not stop.is_set():
            message = consumer.poll(0.05)
            if message is None or message.error() is not None:
                continue
            batch = wire.decode(message.value() or b"")
            for partition, value in decision_frames(engine, message.offset() or 0, batch):
                producer.produce(f"{app}.decisions", value, partition=partition)
            producer.poll(0)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        producer.flush(10)
        consumer.close()


def test_a_closed_loop_is_the_run_itself(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from interceptor.cli import app as whole

    day = CitySource.slices
    monkeypatch.setattr(CitySource, "slices", lambda source: islice(day(source), 200, 290))
    with worker(kafka, "c"):
        looped = run(kafka, "feed", "--people", "500", "--seed", "7", "--closed-loop", "--app", "c", "--json",
                     "--frame-rows", "50")  # fmt: skip
    assert looped.exit_code == 0, looped.stderr
    plain = CliRunner().invoke(whole, ["run", "--people", "500", "--seed", "7", "--json"])
    first, second = json.loads(plain.stdout), json.loads(looped.stdout)
    for report in (first, second):
        report["rules"] = {rule["rule"]: rule for rule in report["rules"] if rule["hits"]}
        assert report["rules"]
    for name in ("seed", "ruleset", "rulesets", "events", "gates", "harm", "rules", "money", "by_score_alone"):
        assert second[name] == first[name], name


def test_decisions_that_stop_are_missed(kafka: str) -> None:
    settings = settings_of(kafka, app="m")
    client = Producer({"bootstrap.servers": kafka, "log_level": 0})
    client.list_topics("m.decisions", timeout=10)
    reader = DecisionReader(settings, lambda _ruleset, _name: False, silent_max_s=0.2)
    with pytest.raises(NoDecisions, match="3 of 3 are missing"):
        reader.gather(places_of([(5, 3)]))
    assert reader.gather(places_of([(5, 3)]), lambda: True) is None
    reader.close()


def test_gathering_takes_each_place_once_and_nobody_elses() -> None:
    work = awaiting._Gathering(places_of([(5, 2), (9, 1)]))
    base = 1 << wire.ROW_BITS
    assert work.rows_of(np.array([5 * base + 7, 9 * base, 4, 9 * base, 2**63], np.uint64)).tolist() == [
        -1,
        2,
        -1,
        -1,
        -1,
    ]
    assert work.rows_of(np.array([9 * base, 5 * base + 1, 5 * base], np.uint64)).tolist() == [-1, 1, 0]
    assert work.missing == 0


def test_a_recording_is_fed_as_it_is(kafka: str, city_recording: Path) -> None:
    told = json.loads(
        run(kafka, "feed", "--scenario", str(city_recording), "--events-max", "1000", "--app", "p", "--json").stdout
    )
    assert told["events"] == 1_000
    assert len(ids(frames_in(kafka, "p"))) == 1_000
