"""The bridge between raw topics and frames, on a broker: everything arrives once, also when it is killed.

Enters: JSON messages in a raw topic. Leaves: assertions on `events`, `dead-letters` and the group's offsets. Invariant:
messages in = events + letters.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from interceptor.transport import wire
from interceptor.transport.clients import Away
from interceptor.transport.edge.bridge import Bridge, bridge
from interceptor.transport.edge.raw_topics import BadTopic
from tests.feed_cluster import DEADLINE_S, everything_in, mock_broker, send_all, settings_of

RAW = "gateway"


@pytest.fixture
def kafka() -> Iterator[str]:
    with mock_broker() as address:
        yield address


def call(number: int) -> bytes:
    return b'{"kind":"call","ts":"2026-01-05T10:00:00Z","caller":"+86%011d","callee":"+8613900139000"}' % number


def run_until(one: Bridge, messages: int) -> None:
    until_s = time.monotonic() + DEADLINE_S
    while one.counters.messages < messages:
        assert time.monotonic() < until_s, one.counters
        one.step()


def taken(kafka: str) -> dict[str, list[int]]:
    """As the cluster takes them: of each producer the sources of rows whose number is above all before."""
    highest: dict[str, int] = {}
    found: dict[str, list[int]] = {}
    for message in everything_in(kafka, "t.events"):
        assert message.partition() == 0
        producer = dict(message.headers() or [])[wire.PRODUCER].decode()
        frame = wire.decode(message.value() or b"")
        assert frame.schema.equals(wire.ORIGINAL_SCHEMA)
        for source, number in zip(*(frame.column(name).to_pylist() for name in ("source", "origin")), strict=True):
            if number > highest.get(producer, 0):
                highest[producer] = number
                found.setdefault(producer, []).append(source)
    return found


def committed(kafka: str, partition: int) -> int:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "t.bridge", "log_level": 0})
    [found] = consumer.committed([TopicPartition(RAW, partition)], timeout=DEADLINE_S)
    consumer.close()
    return int(found.offset)


def test_messages_become_events_or_letters(kafka: str) -> None:
    bad: list[bytes | None] = [b"{}", None, b"\xff", b'{"kind":"call","callee":"13905541234"}']
    send_all(kafka, RAW, [*map(call, range(1, 501)), *bad, *map(call, range(501, 701))])
    send_all(kafka, RAW, list(map(call, range(1_000, 1_100))), partition=2)
    one = Bridge(settings_of(kafka), [RAW], frame_rows=128)
    run_until(one, 804)
    one.close()
    counters = one.counters
    assert (counters.messages, counters.events, counters.letters) == (804, 800, 4)
    assert counters.behind == 0
    assert taken(kafka) == {
        f"bridge:{RAW}/0": [86 * 10**11 + number for number in range(1, 701)],
        f"bridge:{RAW}/2": [86 * 10**11 + number for number in range(1_000, 1_100)],
    }
    assert (committed(kafka, 0), committed(kafka, 2)) == (704, 100)
    letters = everything_in(kafka, "t.dead-letters")
    said = [dict(letter.headers() or []) for letter in letters]
    assert [(one["topic"], one["partition"], one["offset"]) for one in said] == [
        (RAW.encode(), b"0", str(offset).encode()) for offset in range(500, 504)
    ]
    assert [one["code"] for one in said] == [b"unknown-kind", b"no-value", b"not-utf8", b"missing-field"]
    assert [letter.value() or None for letter in letters] == bad
    assert not any(b"13905541234" in (value or b"") for one in said for value in one.values())


def test_ids_depend_on_the_place_alone(kafka: str) -> None:
    send_all(kafka, RAW, [call(1)] * 30)
    for group in ("one", "two"):
        one = Bridge(settings_of(kafka), [RAW], group=group, frame_rows=7)
        run_until(one, 30)
        one.close()
    ids = [wire.decode(m.value() or b"").column("event_id").to_pylist() for m in everything_in(kafka, "t.events")]
    flat = [one for frame in ids for one in frame]
    assert flat[:30] == flat[30:]
    assert len(set(flat)) == 30
    assert len(taken(kafka)[f"bridge:{RAW}/0"]) == 30


def test_goes_on_where_it_was(kafka: str) -> None:
    settings = settings_of(kafka)
    for start in (1, 101):
        send_all(kafka, RAW, list(map(call, range(start, start + 100))))
        one = Bridge(settings, [RAW])
        run_until(one, 100)
        one.close()
        assert one.counters.messages == 100
    assert sum(wire.decode(m.value() or b"").num_rows for m in everything_in(kafka, "t.events")) == 200


def test_what_was_sent_but_not_committed_is_sent_again_and_known(kafka: str) -> None:
    send_all(kafka, RAW, list(map(call, range(1, 301))))
    settings = settings_of(kafka)
    first = Bridge(settings, [RAW], frame_rows=100)
    first._committed_s = time.monotonic() + 3_600  # never gets round to it
    run_until(first, 300)
    first._mail.flush()
    first.abandon()
    second = Bridge(settings, [RAW], frame_rows=64)
    run_until(second, 300)
    second.close()
    raw = sum(wire.decode(m.value() or b"").num_rows for m in everything_in(kafka, "t.events"))
    assert raw == 600
    assert taken(kafka)[f"bridge:{RAW}/0"] == [86 * 10**11 + number for number in range(1, 301)]


PROCESS = """
import sys
from interceptor.transport.edge.bridge import Bridge
from interceptor.transport.settings import Settings
one = Bridge(Settings(kafka=sys.argv[1], app="t", session_timeout_s=6), ["gateway"], frame_rows=50)
while True:
    print(one.step(0.01).messages, flush=True)
"""


def test_kill_9_in_mid_stream_loses_and_doubles_nothing(kafka: str) -> None:
    total, kills = 6_000, 0
    send_all(kafka, RAW, list(map(call, range(1, total + 1))))
    for least in (500, 300):
        process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, kafka], stdout=subprocess.PIPE, text=True, env={**os.environ}
        )
        assert process.stdout is not None
        until_s = time.monotonic() + 2 * DEADLINE_S
        for line in process.stdout:
            assert time.monotonic() < until_s
            if int(line) >= least:
                break
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
    assert kills == 2
    one = Bridge(settings_of(kafka), [RAW])
    until_s = time.monotonic() + 2 * DEADLINE_S
    while one.counters.behind or not one.counters.messages:
        assert time.monotonic() < until_s
        one.step()
    one.close()
    assert taken(kafka)[f"bridge:{RAW}/0"] == [86 * 10**11 + number for number in range(1, total + 1)]


def test_topics_that_cannot_be_read(kafka: str) -> None:
    with pytest.raises(BadTopic, match="own topics"):
        Bridge(settings_of(kafka), ["t.events"])
    send_all(kafka, RAW, [call(1)])
    one = Bridge(settings_of(kafka), ["gatewy"])
    with pytest.raises(BadTopic, match=r"no topic gatewy(?s:.)*did you mean gateway"):
        one.step(0.01)
    one.abandon()


def test_nobody_there(unused_tcp_address: str) -> None:
    told: list[Any] = []
    with pytest.raises(Away, match="no answer"):
        bridge(settings_of(unused_tcp_address), [RAW], lambda: False, tell=told.append, away_max_s=0.0)


@pytest.fixture
def unused_tcp_address() -> str:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"
