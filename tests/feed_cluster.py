"""A broker for tests of feed and bridge: librdkafka's mock cluster, in a process of its own or in this one.

Enters: nothing. Leaves: its address; what stands in a topic. Invariant: it listens on loopback only, and ends with the
block that asked for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition

from interceptor.transport.settings import Settings

DEADLINE_S = 30.0


@contextmanager
def mock_broker() -> Iterator[str]:
    """Topics come into being when they are first named, with four partitions."""
    keeper = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "ignored", "log_level": 0})
    broker = next(iter(keeper.list_topics(timeout=10).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    del keeper


def settings_of(kafka: str, **more: object) -> Settings:
    return Settings.model_validate({"kafka": kafka, "app": "t"} | more)


def send_all(kafka: str, topic: str, values: list[bytes | None], *, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0, "message.max.bytes": 20 << 20})
    for value in values:
        while True:
            try:
                producer.produce(topic, value, partition=partition)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(DEADLINE_S) == 0


def everything_in(kafka: str, topic: str, partitions: int = 4) -> list[Message]:
    """What stands in a topic up to now, partition by partition."""
    consumer = Consumer(
        {"bootstrap.servers": kafka, "group.id": "look", "enable.partition.eof": True, "log_level": 0,
         "fetch.message.max.bytes": 20 << 20}
    )  # fmt: skip
    consumer.list_topics(topic, timeout=DEADLINE_S)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
    found: list[Message] = []
    ended: set[int] = set()
    until_s = time.monotonic() + DEADLINE_S
    while len(ended) < partitions:
        assert time.monotonic() < until_s, f"{topic} could not be read to its end"
        message = consumer.poll(0.2)
        if message is None:
            continue
        error = message.error()
        if error is None:
            found.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition() or 0)
    consumer.close()
    return sorted(found, key=lambda message: (message.partition(), message.offset()))
