"""A log fetched as the broker has it, from a running broker.

Enters: messages of librdkafka's producer. Leaves: assertions. Invariant: what is fetched is what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from interceptor.transport.clients import Away
from interceptor.transport.settings import Settings
from interceptor.transport.topics import EVENTS
from interceptor.transport.worker.raw_fetch import NotThere, RawFetch
from interceptor.transport.worker.record_batches import Records, joined

MANY = 30_000


@pytest.fixture
def topic(cluster_settings: Settings) -> str:
    return cluster_settings.topic(EVENTS)


@pytest.fixture
def fetch(cluster_settings: Settings, topic: str) -> Iterator[RawFetch]:
    made = RawFetch(cluster_settings, topic)
    yield made
    made.close()


def producer(settings: Settings, **more: Any) -> Producer:
    """Which keeps the order, also of what it has to send again since the topic is still being made."""
    return Producer(settings.confluent() | {"linger.ms": 5, "enable.idempotence": True} | more)


def all_of(fetch: RawFetch, end: int) -> Records:
    found, offset = list[Records](), 0
    while offset < end:
        some, offset = fetch.some(offset, 5.0)
        found.append(some)
    return joined(found)


@pytest.mark.parametrize("packed", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_what_was_sent_is_fetched(cluster_settings: Settings, topic: str, fetch: RawFetch, packed: str) -> None:
    sender = producer(cluster_settings, **{"compression.type": packed, "queue.buffering.max.messages": MANY})
    for number in range(MANY):
        sender.produce(topic, b"%d" % number, b"k", partition=0, headers=[("n", b"%d" % number)])
    sender.flush(30)
    records = all_of(fetch, MANY)
    assert [records.incoming(row).value for row in range(MANY)] == [b"%d" % number for number in range(MANY)]
    last = records.incoming(MANY - 1)
    assert (last.offset, last.key, last.headers) == (MANY - 1, b"k", [("n", b"%d" % (MANY - 1))])
    assert len(fetch.some(MANY, 0.05).records) == 0
    with pytest.raises(NotThere):
        fetch.some(MANY + 1, 0.05)


def test_what_was_taken_back_is_left_out(
    cluster_settings: Settings, topic: str, fetch: RawFetch, kafka_is_real: bool
) -> None:
    if not kafka_is_real:
        pytest.skip("the mock doesn't say what was aborted")
    sender = producer(cluster_settings, **{"transactional.id": cluster_settings.app})
    sender.init_transactions(30)
    for number in range(6):
        sender.begin_transaction()
        sender.produce(topic, b"%d" % number, partition=0)
        sender.flush(30)
        sender.abort_transaction(30) if number % 2 else sender.commit_transaction(30)
    records = all_of(fetch, 12)
    assert [(one.offset, one.value) for one in map(records.incoming, range(len(records)))] == [
        (0, b"0"), (4, b"2"), (8, b"4"),
    ]  # fmt: skip


def test_no_broker_is_away(cluster_settings: Settings) -> None:
    fetch = RawFetch(cluster_settings.model_copy(update={"kafka": "127.0.0.1:1"}), "anything")
    with pytest.raises(Away, match="no answer"):
        fetch.some(0, 0.05)
    fetch.close()
