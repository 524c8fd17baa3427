"""A broker for tests that needs only confluent-kafka: librdkafka's mock cluster, in this process, on loopback.

Enters: nothing. Leaves: settings for it, and what a test sends to it. Invariant: it lives as long as its context, and
topics appear, with PARTITIONS partitions each, when something is sent to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Message, Producer

from interceptor.transport.settings import Settings

PARTITIONS = 4  # librdkafka's default; it can't be asked for another


class MockCluster:
    """One broker. `settings` point to it."""

    def __init__(self, producer: Producer) -> None:
        self._owner = producer
        brokers = producer.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self.settings = Settings(app="test", kafka=self.bootstrap, redis="")
        self._producer = Producer({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def send(self, topic: str, *values: bytes | None, partition: int = 0, **given: Any) -> list[int]:
        """Offsets of the messages, which have arrived. `topic` in full."""
        offsets: list[int] = []

        def tell(error: object, message: Message) -> None:
            assert error is None, error
            offsets.append(message.offset())

        for value in values:
            self._producer.produce(topic, value, partition=partition, on_delivery=tell, **given)
        assert self._producer.flush(20) == 0
        return offsets


@contextmanager
def mock_cluster() -> Iterator[MockCluster]:
    owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
    yield MockCluster(owner)
