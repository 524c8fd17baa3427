"""From topics with one JSON event a message to frames.

Enters: messages of raw topics, by a consumer group. Leaves: frames in `events`; letters in `dead-letters` for what is
no event. Invariants: every message becomes one event or one letter; a raw partition's offset is committed only once
everything before it has arrived; a frame holds rows of one raw partition, numbered by their offsets, so that what is
sent again after a crash is known and dropped.

A letter may be written twice after a crash: what names it is topic, partition and offset of its message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from interceptor.transport import clients
from interceptor.transport.clients import Away
from interceptor.transport.edge import raw_topics
from interceptor.transport.edge.json_events import read_events
from interceptor.transport.edge.json_refusals import Refused
from interceptor.transport.edge.pacing import FLUSH_S
from interceptor.transport.edge.sending import FRAME_ROWS, FrameMail
from interceptor.transport.letters.dead import LetterBox, letter
from interceptor.transport.settings import Settings

AT_ONCE = 8_192  # messages taken from librdkafka
WAITING_BYTES_MAX = 32 << 20  # of messages that wait to be a frame; before a frame is full
COMMIT_EVERY_S = 1.0
AWAY_MAX_S = 60.0
LOOK_EVERY_S = 5.0
ANSWER_MAX_S = 2.0

Place = tuple[str, int]  # topic and partition


@dataclass(slots=True)
class Counters:
    """Since the start. messages = events + letters, once all is written. `behind`: messages still to come."""

    messages: int = 0
    events: int = 0
    letters: int = 0
    frames: int = 0
    bytes_: int = 0
    behind: int = 0
    away_s: float = 0.0
    codes: dict[str, int] = field(default_factory=dict)  # letters by code


@dataclass(slots=True)
class _Raw:
    """One raw partition that is ours, and its messages that wait. `first_id`: of an event without id, at offset 0.
    `read` and `sent`: offset after the last message that was taken in, and that is in a frame or letter."""

    first_id: int
    messages: list[Message] = field(default_factory=list)
    size: int = 0
    since_s: float = 0.0
    read: int = -1
    sent: int = -1
    committed: int = -1


class Bridge:
    """One member of the group. Call `step` until it's enough, then `close`."""

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        *,
        group: str = "",
        frame_rows: int = FRAME_ROWS,
        flush_s: float = FLUSH_S,
        away_max_s: float = AWAY_MAX_S,
    ) -> None:
        """Raises BadTopic for a topic of the cluster's own."""
        raw_topics.check_not_ours(settings, topics)
        self.counters = Counters()
        self._settings, self._topics = settings, tuple(topics)
        self._frame_rows, self._flush_s, self._away_max_s = frame_rows, flush_s, away_max_s
        self._mail, self._letters = FrameMail(settings, "bridge"), LetterBox(settings)
        self._raw: dict[Place, _Raw] = {}
        self._why = "no answer"
        self._answered_s = self._committed_s = time.monotonic()
        self._looked_s = self._answered_s - LOOK_EVERY_S
        self._is_checked = False
        self._consumer = raw_topics.consumer(settings, group or f"{settings.app}.bridge", self._heard)
        self._consumer.subscribe(list(topics), on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose)

    def step(self, wait_s: float = FLUSH_S) -> Counters:
        """Takes what has come in, waiting `wait_s` at most; sends and commits what is due. Raises Away, BadTopic."""
        if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
            self._look()
        began_s = time.monotonic()
        try:
            found = self._consumer.consume(min(AT_ONCE, self._frame_rows), wait_s)
        except KafkaException as error:
            raise self._away(clients.reason(error.args[0])) from None
        self._take(found, began_s)
        now_s = time.monotonic()
        for place, raw in self._raw.items():
            if raw.messages and (now_s - raw.since_s >= self._flush_s or self._is_full(raw)):
                self._send(place, raw)
        self._mail.poll()
        if now_s - self._committed_s >= COMMIT_EVERY_S:
            self._commit()
        self._update()
        return self.counters

    def close(self) -> None:
        """Sends what waits, and commits. Raises Away."""
        try:
            self._finish(list(self._raw))
        finally:
            self._raw.clear()
            self._consumer.close()

    def abandon(self) -> None:
        """Leaves everything as it is: what isn't committed will be read again."""
        self._raw.clear()
        self._consumer.close()

    def _take(self, found: list[Message], began_s: float) -> None:
        if any(map(Message.error, found)):
            for message in found:
                error = message.error()
                if error is not None:
                    self._heard(error)
            found = [message for message in found if message.error() is None]
        for place, messages in _runs(found, len(self._topics) > 1):
            raw = self._raw.get(place)
            if raw is not None:  # else it was taken away from us
                self._keep(raw, messages, began_s)
        if found:
            self._answered_s = time.monotonic()

    def _keep(self, raw: _Raw, messages: list[Message], began_s: float) -> None:
        """Messages of one partition, in order; what is known already comes again after it was taken away and given
        back."""
        if (messages[0].offset() or 0) < raw.read:
            messages = [message for message in messages if (message.offset() or 0) >= raw.read]
        if not messages:
            return
        if not raw.messages:
            raw.since_s = began_s
        raw.messages += messages
        raw.size += sum(map(len, messages))
        raw.read = (messages[-1].offset() or 0) + 1

    def _is_full(self, raw: _Raw) -> bool:
        share = WAITING_BYTES_MAX // max(1, len(self._raw))
        return len(raw.messages) >= self._frame_rows or raw.size >= share

    def _send(self, place: Place, raw: _Raw) -> None:
        """All that waits of one partition."""
        messages, raw.messages, raw.size = raw.messages, [], 0
        for start in range(0, len(messages), self._frame_rows):
            self._send_frame(place, raw, messages[start : start + self._frame_rows])

    def _send_frame(self, place: Place, raw: _Raw, messages: list[Message]) -> None:
        count, stamps = len(messages), map(Message.timestamp, messages)
        offsets = np.fromiter(map(Message.offset, messages), np.uint64, count)
        taken_ms = np.fromiter(map(itemgetter(1), stamps), np.int64, count)
        ids = offsets + np.uint64(raw.first_id)  # round and round, as numpy's integers go
        read = read_events(list(map(Message.value, messages)), ids, taken_ms)
        for row, why in read.refused:
            self._write_letter(messages[row], why)
        if read.batch.num_rows:
            self._mail.send(read.batch, f"bridge:{place[0]}/{place[1]}", offsets[read.rows] + np.uint64(1))
        raw.sent = int(offsets[-1]) + 1
        self.counters.messages += len(messages)

    def _write_letter(self, message: Message, why: Refused) -> None:
        headers: Any = message.headers() or []
        self._letters.put(
            *letter(
                why.reason, why.code, topic=message.topic() or "", partition=message.partition() or 0,
                offset=message.offset() or 0, value=message.value(), key=message.key(), headers=headers,
                now_ms=time.time_ns() // 1_000_000,
            )
        )  # fmt: skip
        self.counters.letters += 1
        self.counters.codes[why.code] = self.counters.codes.get(why.code, 0) + 1

    def _commit(self) -> None:
        """Waits for what was sent, then tells the group. Raises Away."""
        self._committed_s = time.monotonic()
        moved = {place: raw for place, raw in self._raw.items() if raw.sent > raw.committed}
        if not moved:
            return
        self._mail.flush()
        self._letters.deliver()
        try:
            offsets = [TopicPartition(*place, raw.sent) for place, raw in moved.items()]
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # Whoever has these partitions now reads them again from the last commit, and nothing counts twice.
            self._heard(error.args[0])
            return
        self._answered_s = time.monotonic()
        for raw in moved.values():
            raw.committed = raw.sent

    def _finish(self, places: Sequence[Place]) -> None:
        for place in places:
            raw = self._raw.get(place)
            if raw is not None and raw.messages:
                self._send(place, raw)
        self._commit()
        self._update()

    def _assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        starts = raw_topics.begin(client, partitions)
        for one in starts:
            raw = self._raw[one.topic, one.partition] = _Raw(raw_topics.first_id(one.topic, one.partition))
            raw.sent = raw.committed = max(one.offset, -1)
        client.assign(starts)

    def _revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        places = [(one.topic, one.partition) for one in partitions]
        self._finish(places)
        self._forget(places)

    def _lose(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Too late to finish: somebody else has them."""
        self._forget([(one.topic, one.partition) for one in partitions])

    def _forget(self, places: Sequence[Place]) -> None:
        for place in places:
            self._raw.pop(place, None)

    def _look(self) -> None:
        """Is a broker there, are the topics? Raises Away after too long without an answer."""
        self._looked_s = time.monotonic()
        try:
            there = clients.partitions(self._consumer, self._settings, ANSWER_MAX_S)
        except Away as away:
            self.counters.away_s = self._looked_s - self._answered_s
            if self.counters.away_s > self._away_max_s:
                raise self._away(f"for {self.counters.away_s:.0f} s; {self._why}") from away
            return
        self._answered_s, self.counters.away_s = time.monotonic(), 0.0
        if not self._is_checked:
            raw_topics.check_there(self._settings, self._topics, there)
        self._is_checked = True

    def _update(self) -> None:
        counters, sent = self.counters, self._mail.sent
        counters.events, counters.frames, counters.bytes_ = sent.events, sent.frames, sent.bytes_
        counters.behind = 0
        for place, raw in self._raw.items():
            found: Any = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
            low, high = found or (-1, -1)
            counters.behind += max(0, high - max(low, raw.sent, 0))

    def _heard(self, error: KafkaError) -> None:
        self._why = clients.reason(error)

    def _away(self, why: str) -> Away:
        return Away(clients.no_answer(self._settings, why))


def _runs(found: list[Message], has_topics: bool) -> Iterator[tuple[Place, list[Message]]]:
    """Messages that come one after the other from one partition, as librdkafka gives them: by fetches. `has_topics`:
    whether there is more than one."""
    if not found:
        return
    partitions = np.fromiter(map(Message.partition, found), np.int64, len(found))
    is_cut = np.diff(partitions) != 0
    if has_topics:
        is_cut |= np.diff(np.fromiter(map(hash, map(Message.topic, found)), np.int64, len(found))) != 0
    cuts = (np.flatnonzero(is_cut) + 1).tolist()
    for start, end in pairwise([0, *cuts, len(found)]):
        yield (found[start].topic() or "", int(partitions[start])), found[start:end]


def bridge(
    settings: Settings,
    topics: Sequence[str],
    stopped: Callable[[], bool],
    *,
    tell: Callable[[Counters], None] = lambda _: None,
    **how: Any,
) -> Counters:
    """Until `stopped`; `tell` hears of every step, several a second. `how`: as Bridge. Raises Away, BadTopic."""
    one = Bridge(settings, topics, **how)
    try:
        while not stopped():
            tell(one.step())
    except Away:
        one.abandon()
        raise
    one.close()
    return one.counters
