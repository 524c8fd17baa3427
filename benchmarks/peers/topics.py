"""The topics of a run of peers on streams.

Enters: Work, a broker. Leaves: the same with topics that exist. Invariants: a topic of events holds just those of its
Work, one JSON event a message, keyed by source as Java's clients do it; each run has an output topic of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.peers.peer import Work
from interceptor.machine.broker import Broker

POLL_EVERY = 10_000


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """Kafka on loopback; its address. Raises MachineProblem where there is none to be had."""
    kafka = Broker(folder / "kafka")
    kafka.start()
    try:
        yield kafka.address
    finally:
        kafka.kill()


class Topics:
    """Of one broker: topics of events are filled when first needed."""

    def __init__(self, address: str) -> None:
        self._address, self._filled = address, dict[tuple[int, int], str]()

    def given(self, work: Work, partitions: int) -> Work:
        """With its events in a topic of so many partitions, and a new output."""
        key = work.events, partitions
        if key not in self._filled:
            topic = f"events-{work.events}-{partitions}"
            self._make(topic, partitions)
            self._fill(topic, work)
            self._filled[key] = topic
        output = f"intercepted-{uuid4().hex[:8]}"
        self._make(output, partitions)
        return replace(work, kafka=self._address, topic=self._filled[key], output=output)

    def _make(self, topic: str, partitions: int) -> None:
        admin = AdminClient({"bootstrap.servers": self._address})  # held: without it nobody would wait for the answer
        for made in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
            made.result(30)

    def _fill(self, topic: str, work: Work) -> None:
        producer = Producer({
            "bootstrap.servers": self._address, "partitioner": "murmur2", "linger.ms": 50, "batch.size": 500_000,
            "compression.type": "lz4", "max.in.flight": 1, "queue.buffering.max.messages": 1_000_000,
        })  # fmt: skip
        for number, line in enumerate(work.lines()):
            producer.produce(topic, line, str(json.loads(line)["source"]))
            if number % POLL_EVERY == 0:
                producer.poll(0)
        if producer.flush(60):
            raise RuntimeError(f"{topic} couldn't be filled")
