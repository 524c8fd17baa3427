"""The ledger follows the topic of decisions.

Enters: messages of all partitions, from where the ledger had come to. Leaves: decisions in the ledger, letters for what
can't be read. Invariants: a message is passed over only once its decisions, or the letter about it, are safe; how far
each partition was read stands in the ledger alone, in one transaction with what was read.

A ledger belongs to one cluster and topic. If the topic was made anew under the same name, it says so and stops.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import pyarrow as pa
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition

from interceptor.batch import BadFrame
from interceptor.transport import clients, wire
from interceptor.transport.clients import Away
from interceptor.transport.ledger.book import Added, Ledger
from interceptor.transport.ledger.file import LedgerError
from interceptor.transport.ledger.rows import shaped
from interceptor.transport.letters.dead import LetterBox, letter
from interceptor.transport.settings import Settings
from interceptor.transport.topics import DECISIONS

AWAY_MAX_S = 60.0
LOOK_EVERY_S = 5.0  # for new partitions, and for whether the broker is there
ANSWER_MAX_S = 2.0
FRAMES_AT_ONCE = 128
ROWS_AT_ONCE, BYTES_AT_ONCE = 1 << 17, 64 << 20  # unpacked
WAIT_S = 0.2
CODE = "bad-decisions"


class OtherTopic(LedgerError):
    """The ledger was filled from another cluster, or from a topic that is no more."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Since this process began. `letters`: messages that went to the dead letters. `missed`: messages that the broker
    had thrown away before they were read. `behind`: messages still to come. `away_s`: how long no broker has answered.
    """

    added: Added = field(default_factory=Added)
    letters: int = 0
    missed: int = 0
    behind: int = 0
    away_s: float = 0.0
    away_why: str = ""


def consume(
    settings: Settings,
    ledger: Ledger,
    stop: Event,
    *,
    tell: Callable[[Progress], None] = lambda _: None,
    away_max_s: float = AWAY_MAX_S,
) -> Progress:
    """Until `stop` is set; `tell` hears of every step, several a second.

    Raises Away if no broker answers for `away_max_s`, OtherTopic, LedgerError, LedgerBusy. What the ledger then has is
    whole, and going on later loses nothing.
    """
    follower = Follower(settings, ledger, away_max_s)
    try:
        while not stop.is_set():
            tell(follower.step())
    finally:
        follower.close()
    return follower.progress


class Follower:
    """One consumer of all partitions."""

    def __init__(self, settings: Settings, ledger: Ledger, away_max_s: float = AWAY_MAX_S) -> None:
        self.progress = Progress()
        self._settings, self._ledger, self._away_max_s = settings, ledger, away_max_s
        self._topic = settings.topic(DECISIONS)
        self._consumer = clients.consumer(settings, "ledger", self._heard)
        self._letters = LetterBox(settings)
        self._assigned: set[int] = set()
        self._answered_s = self._looked_s = time.monotonic()
        self._looked_s -= LOOK_EVERY_S
        self._why = "no answer"
        self._known = False  # whether the cluster is the ledger's

    def close(self) -> None:
        self._consumer.close()

    def step(self) -> Progress:
        """What has come in, up to FRAMES_AT_ONCE messages, into the ledger. Waits WAIT_S at most if nothing has."""
        if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
            self._look()
        if not self._assigned:
            time.sleep(WAIT_S)
            return self.progress
        try:
            found = self._consumer.consume(FRAMES_AT_ONCE, WAIT_S)
        except KafkaException as error:
            raise Away(clients.no_answer(self._settings, clients.reason(error.args[0]))) from None
        good = [message for message in found if not self._is_error(message)]
        if good:
            self._answered_s = time.monotonic()
            self._take(good)
        self._measure()
        return self.progress

    def _take(self, messages: list[Message]) -> None:
        added, bad = Added(), list[int]()
        next_offsets = {message.partition() or 0: (message.offset() or 0) + 1 for message in messages}
        with self._ledger.transaction():
            for part in _parts(self._frames(messages, bad)):
                added += self._add(part, bad)
            for partition, offset in next_offsets.items():
                self._ledger.advance(self._topic, partition, offset)
            if bad:
                self._ledger.count("letters", len(bad))
                self._letters.deliver()
        now = self.progress
        self.progress = replace(now, added=now.added + added, letters=now.letters + len(bad))

    def _frames(self, messages: list[Message], bad: list[int]) -> Iterator[tuple[Message, pa.RecordBatch]]:
        """One unpacked after the other. Of the others, letters are under way, and their offsets in `bad`."""
        for message in messages:
            try:
                frame = shaped(wire.decode(message.value() or b""))
            except BadFrame as error:
                self._write_letter(message, str(error), bad)
            else:
                yield message, frame

    def _add(self, part: Sequence[tuple[Message, pa.RecordBatch]], bad: list[int]) -> Added:
        """All at once: looking into each takes longer than all else, and is only needed to find the bad one."""
        try:
            return self._ledger.add(pa.concat_batches([frame for _, frame in part]))
        except BadFrame:
            added = Added()
        for message, frame in part:
            try:
                added += self._ledger.add(frame)
            except BadFrame as error:
                self._write_letter(message, str(error), bad)
        return added

    def _write_letter(self, message: Message, why: str, bad: list[int]) -> None:
        bad.append(message.offset() or 0)
        headers: Any = message.headers() or []
        value, said = letter(
            why, CODE, topic=self._topic, partition=message.partition() or 0, offset=message.offset() or 0,
            value=message.value(), key=message.key(), headers=headers, now_ms=time.time_ns() // 1_000_000,
        )  # fmt: skip
        self._letters.put(value, said)

    def _look(self) -> None:
        """Takes on partitions that are new. Raises Away after too long without an answer."""
        self._looked_s = time.monotonic()
        try:
            if not self._known:
                self._check_cluster(clients.cluster_id(self._consumer, self._settings, ANSWER_MAX_S))
            there = clients.partitions(self._consumer, self._settings, ANSWER_MAX_S).get(self._topic, [])
        except Away as away:
            self._why = away.why or self._why
            away_s = time.monotonic() - self._answered_s
            self.progress = replace(self.progress, away_s=away_s, away_why=self._why)
            if away_s > self._away_max_s:
                raise Away(clients.no_answer(self._settings, f"for {away_s:.0f} s; {self._why}"), self._why) from None
            return
        self._answered_s, self._why = time.monotonic(), "no answer"
        self.progress = replace(self.progress, away_s=0.0)
        stored = self._ledger.offsets(self._topic)
        new = [number for number in there if number not in self._assigned]
        if new:
            self._assign({number: stored.get(number, OFFSET_BEGINNING) for number in new})

    def _check_cluster(self, found: str) -> None:
        for name, value in (("cluster", found), ("topic", self._topic)):
            known = self._ledger.fact(name, value)
            if known != value:
                raise OtherTopic(
                    f"{self._ledger.path}: a ledger of {name} {known}, this is {value}\n  hint: another --file"
                )
        self._known = True

    def _assign(self, starts: dict[int, int]) -> None:
        self._consumer.incremental_assign([TopicPartition(self._topic, *start) for start in starts.items()])
        self._assigned |= starts.keys()

    def _is_error(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            self._find_start(message.partition() or 0)
        elif error.code() != KafkaError._PARTITION_EOF:
            self._heard(error)
            if error.fatal():
                raise Away(clients.no_answer(self._settings, clients.reason(error)))
        return True

    def _find_start(self, partition: int) -> None:
        """The broker no longer has, or doesn't have yet, what comes next."""
        place = TopicPartition(self._topic, partition)
        try:
            low, high = self._ends(partition, timeout=ANSWER_MAX_S)
        except KafkaException as error:
            raise Away(clients.no_answer(self._settings, clients.reason(error.args[0]))) from None
        wanted = self._ledger.offsets(self._topic).get(partition, low)
        if wanted > high:
            raise OtherTopic(
                f"{self._ledger.path}: has read {self._topic}/{partition} up to {wanted:,}, but it ends at {high:,}: "
                "the topic was made anew, or has lost messages\n  hint: another --file"
            )
        start = max(wanted, low)
        with self._ledger.transaction():
            self._ledger.count("missed", start - wanted)
            self._ledger.advance(self._topic, partition, start)
        self.progress = replace(self.progress, missed=self.progress.missed + start - wanted)
        self._consumer.incremental_unassign([place])
        self._assign({partition: start})

    def _measure(self) -> None:
        """How many messages are still to come, as far as librdkafka knows without asking."""
        behind, stored = 0, self._ledger.offsets(self._topic)
        for number in self._assigned:
            low, high = self._ends(number, cached=True)
            behind += max(0, high - max(low, stored.get(number, 0), 0))
        self.progress = replace(self.progress, behind=behind)

    def _ends(self, partition: int, **how: Any) -> tuple[int, int]:
        """The first offset that the broker has and the one after the last; negative where it isn't known."""
        found: Any = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), **how)
        return found or (-1, -1)

    def _heard(self, error: KafkaError) -> None:
        self._why = clients.reason(error)


def _parts(frames: Iterable[tuple[Message, pa.RecordBatch]]) -> Iterator[list[tuple[Message, pa.RecordBatch]]]:
    """As many as make a large batch: a sorted one goes into the file faster than its parts."""
    waiting = list[tuple[Message, pa.RecordBatch]]()
    rows = size = 0
    for message, frame in frames:
        waiting.append((message, frame))
        rows += frame.num_rows
        size += frame.nbytes
        if rows >= ROWS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield waiting
            waiting, rows, size = [], 0, 0
    if waiting:
        yield waiting
