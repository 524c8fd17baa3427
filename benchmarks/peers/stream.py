"""What peers in Python on a topic have in common: settings of clients, and the screening of a message.

Enters: Work with a broker. Leaves: settings; Screened, which sees every message once. Invariant: time counts from the
first message that a peer hands over to the last one; how messages come and go is the peer's own.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

from benchmarks.peers.peer import Meter, Outcome, Work
from benchmarks.peers.plain_python import Screen, decoder

PARTITIONS = 2
SILENT_S = 60.0  # then a run has failed

# Large fetches and batches, as librdkafka's guide says for throughput; librdkafka itself picks how many at once
CONSUMER: dict[str, Any] = {
    "fetch.min.bytes": 262_144, "fetch.wait.max.ms": 50, "fetch.message.max.bytes": 4_194_304,
    "queued.min.messages": 200_000, "check.crcs": False,
}  # fmt: skip
PRODUCER: dict[str, Any] = {"linger.ms": 50, "batch.size": 262_144, "compression.type": "lz4"}


def group() -> str:
    """A consumer group of this run alone."""
    return f"peer-{uuid4().hex[:8]}"


def producer(work: Work) -> Any:
    """confluent-kafka's."""
    from confluent_kafka import Producer

    return Producer({"bootstrap.servers": work.kafka, **PRODUCER})


class Screened:
    """Says for a message what goes out for it, and keeps count. `outcome`: when all events have been seen."""

    def __init__(self, work: Work) -> None:
        self._work, self._decode, self._screen = work, decoder(work), Screen(work)
        self._left, self._hits, self._meter = work.events, Counter[str](), Meter()
        self.outcome: Outcome | None = None

    def __call__(self, message: bytes) -> bytes | None:
        """The message for an interception; None: nothing was found."""
        if self._left == self._work.events:
            self._meter.begin()
        event = self._decode(message)
        found = self._screen(event)
        out = None
        if found:
            self._hits.update(found)
            out = interception(event.event_id, found)
        self._left -= 1
        if not self._left:
            self.outcome = self._meter.outcome(self._work.events, self._hits)
        return out


def interception(event_id: int, rules: list[str]) -> bytes:
    """As JSON; names of rules need no escaping."""
    names = '","'.join(rules)
    return f'{{"event_id":{event_id},"rules":["{names}"]}}'.encode()
