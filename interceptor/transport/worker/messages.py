"""What goes into a shard and what comes out.

Enters: nothing. Leaves: the records that lane and shards speak of. Invariant: offsets and origins are Kafka's of the
message's own topic, and of `events`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from confluent_kafka import Message

from interceptor.judgement import Addition

Headers = list[tuple[str, bytes]]
MaybeHeaders = Sequence[tuple[str, bytes | None]]


class Incoming(NamedTuple):
    """A message of the shard's partition; `value` is None for a tombstone. `time_ms`: when the broker got it."""

    offset: int
    time_ms: int
    value: bytes | None
    headers: Headers
    key: bytes | None = None


class Given(NamedTuple):
    """Messages of one partition, in order, of `size` bytes or, where they are to be taken alone, more. `begins`: there
    are none before them from this offset on; `done`: to be called once everything that follows from them is delivered.
    """

    messages: Sequence[Incoming]
    size: int
    begins: int
    done: Callable[[], Awaitable[None]]


class Outgoing(NamedTuple):
    """A message to send; `topic` is one of topics.TOPICS, without the app's prefix."""

    topic: str
    partition: int
    value: bytes
    headers: MaybeHeaders


@dataclass(slots=True)
class Taken:
    """What follows from some messages. Numbers are of events and messages, for the metrics."""

    outgoing: list[Outgoing] = field(default_factory=list)
    additions: list[Addition] = field(default_factory=list)
    events: int = 0
    repeated: int = 0  # messages, or events of a producer, that had been taken before
    letters: int = 0
    gaps: int = 0
    verdicts: dict[tuple[str, str], int] = field(default_factory=dict)  # decisions by gate and verdict

    def add(self, other: Taken) -> None:
        """Goes on with what follows from later messages."""
        self.outgoing += other.outgoing
        self.additions += other.additions
        self.events += other.events
        self.repeated += other.repeated
        self.letters += other.letters
        self.gaps += other.gaps
        for key, count in other.verdicts.items():
            self.verdicts[key] = self.verdicts.get(key, 0) + count


def incoming(message: Message) -> Incoming:
    """A message of confluent-kafka's."""
    headers: Any = message.headers() or []  # its stubs don't say which form they have
    kept = [(name, value or b"") for name, value in headers]
    return Incoming(message.offset() or 0, message.timestamp()[1], message.value(), kept, message.key())


def since(messages: Sequence[Incoming], offset: int) -> Sequence[Incoming]:
    """Those from an offset on."""
    return messages[bisect_left(messages, offset, key=attrgetter("offset")) :]


def before(messages: Sequence[Incoming], offset: int) -> Sequence[Incoming]:
    """Those below an offset."""
    return messages[: bisect_left(messages, offset, key=attrgetter("offset"))]


def number(headers: Sequence[tuple[str, bytes]], name: str) -> int:
    """A header in decimal digits. Raises ValueError where it isn't there or isn't one."""
    for key, value in headers:
        if key == name and value.isdigit() and len(value) < 20:
            return int(value)
    raise ValueError(f"header {name} is missing, or not a number")


def text(headers: Sequence[tuple[str, bytes]], name: str) -> str:
    """A header as text, "" where it isn't there."""
    return next((bytes(value).decode("utf-8", "replace") for key, value in headers if key == name), "")
