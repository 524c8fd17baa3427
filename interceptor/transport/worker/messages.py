"""What goes into a shard and what comes out.

Enters: nothing. Leaves: the records that lane and shards speak of. Invariant: offsets and origins are Kafka's of the
message's own topic, and of `events`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from interceptor.judgement import Addition

Headers = list[tuple[str, bytes]]
MaybeHeaders = Sequence[tuple[str, bytes | None]]


class Incoming(NamedTuple):
    """A message of the shard's partition; `value` is None for a tombstone. `time_ms`: when the broker got it."""

    offset: int
    time_ms: int
    value: bytes | None
    headers: Headers


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


def number(headers: Sequence[tuple[str, bytes]], name: str) -> int:
    """A header in decimal digits. Raises ValueError where it isn't there or isn't one."""
    for key, value in headers:
        if key == name and value.isdigit() and len(value) < 20:
            return int(value)
    raise ValueError(f"header {name} is missing, or not a number")


def text(headers: Sequence[tuple[str, bytes]], name: str) -> str:
    """A header as text, "" where it isn't there."""
    return next((bytes(value).decode("utf-8", "replace") for key, value in headers if key == name), "")
