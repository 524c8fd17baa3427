"""Frames on their way into `events`.

Enters: record batches with EVENT_SCHEMA, the name of who sends them. Leaves: messages in the order in which they were
given, each told to its sender with its offset once all copies of the partition have it. Invariants: what waits to be
sent is bounded, and whoever sends more waits; no message is larger than brokers take.

A sender that may send again after a crash numbers its events (column `origin`, ascending from 1) under a name: the
cluster takes each number of a name once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from interceptor.transport import clients, wire
from interceptor.transport.clients import Away
from interceptor.transport.settings import Settings
from interceptor.transport.topics import EVENTS

FRAME_ROWS = 8_192
FRAMES_WAITING_MAX = 64
WAITING_BYTES_MAX = 128 << 20
DELIVERY_MAX_S = 60.0
ANSWER_MAX_S = 10.0
_POLL_S = 0.1
_ROOM_BYTES = 1 << 16  # that Kafka needs beside a message's value

Delivered = Callable[[int], None]  # gets the offset
Arrived = Callable[[int, int], None]  # gets the offset, and how many rows the message has


@dataclass(frozen=True, slots=True)
class Sent:
    """What arrived. `bytes_`: as packed. Offsets in `events`, both included; -1 where nothing was sent."""

    events: int = 0
    frames: int = 0
    bytes_: int = 0
    first_offset: int = -1
    last_offset: int = -1


class Mail:
    """Messages to one topic. `name`: what brokers know the client by."""

    def __init__(self, settings: Settings, topic: str, name: str, waiting_max: int, *, packs: bool = False) -> None:
        self.topic, self._settings, self._waiting_max = topic, settings, waiting_max
        self._waiting = self._waiting_bytes = 0
        self._error: KafkaError | None = None
        self._producer = Producer(
            settings.confluent()
            | {
                "client.id": f"{settings.app}.{name}",
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4" if packs else "none",  # frames are packed already
                "linger.ms": 5,
                "message.max.bytes": settings.frame_bytes_max + _ROOM_BYTES,
                "delivery.timeout.ms": int(DELIVERY_MAX_S * 1_000),
                "queue.buffering.max.kbytes": 2 * WAITING_BYTES_MAX >> 10,
                "reconnect.backoff.max.ms": 2_000,
                "log_level": 0,
                "error_cb": lambda _: None,
            }
        )

    @property
    def waiting(self) -> int:
        """Messages not yet known to have arrived."""
        return self._waiting

    def is_there(self) -> bool:
        """Whether the topic is there; asking makes it where brokers do so. Raises Away."""
        try:
            found = self._producer.list_topics(self.topic, timeout=ANSWER_MAX_S).topics[self.topic]
        except KafkaException as error:
            raise Away(clients.no_answer(self._settings, clients.reason(error.args[0]))) from None
        return found.error is None or found.error.code() == KafkaError.LEADER_NOT_AVAILABLE

    def send(
        self, value: bytes, headers: dict[str, str], done: Delivered, *, partition: int = -1, key: bytes | None = None
    ) -> None:
        """Waits while too much is under way. Raises Away if something sent before didn't arrive."""
        while self._waiting >= self._waiting_max or self._waiting_bytes + len(value) > WAITING_BYTES_MAX:
            if not self._waiting:
                break
            self.poll(_POLL_S)
        written: Any = [(name, text.encode()) for name, text in headers.items()]
        size = len(value)

        def arrived(error: KafkaError | None, message: Message) -> None:
            self._waiting -= 1
            self._waiting_bytes -= size
            if error is None:
                done(message.offset() or 0)
            else:
                self._error = self._error or error

        while True:
            try:
                self._producer.produce(
                    self.topic, value, key, partition=partition, headers=written, on_delivery=arrived
                )
                break
            except BufferError:
                self.poll(_POLL_S)
            except KafkaException as error:
                raise self._away(error.args[0]) from None
        self._waiting += 1
        self._waiting_bytes += size
        self.poll(0)

    def poll(self, wait_s: float) -> None:
        """Hears what has arrived. Raises Away."""
        self._producer.poll(wait_s)
        if self._error is not None:
            raise self._away(self._error)

    def flush(self) -> None:
        """Waits until everything has arrived. Raises Away where it doesn't."""
        while self._waiting:
            self.poll(_POLL_S)

    def _away(self, error: KafkaError) -> Away:
        what = f"{self.topic}: {clients.reason(error)}; not all that was sent has arrived"
        return Away(clients.no_answer(self._settings, what))


class FrameMail:
    """Frames to `events`. `sent`: what has arrived."""

    def __init__(self, settings: Settings, name: str, frames_max: int = FRAMES_WAITING_MAX) -> None:
        self._mail = Mail(settings, settings.topic(EVENTS), name, frames_max)
        self._bytes_max = settings.frame_bytes_max
        self.sent = Sent()

    @property
    def waiting(self) -> int:
        return self._mail.waiting

    def send(
        self, batch: pa.RecordBatch, producer: str = "", origin: np.ndarray | None = None, done: Arrived | None = None
    ) -> None:
        """In as many messages as it takes; `done` hears of each, in order. `origin` uint64[rows], with a `producer`
        only. Raises Away."""
        if producer and origin is not None:
            batch = batch.append_column(wire.ORIGIN, pa.array(origin, pa.uint64()))
        headers = {wire.PRODUCER: producer} if producer else {}
        for rows, value in _messages(batch, self._bytes_max) if batch.num_rows else ():
            self._mail.send(value, headers, self._count(rows, len(value), done), partition=0)

    def check(self) -> None:
        """Before long work: raises Away if nothing can be sent."""
        if not self._mail.is_there():
            what = f"{self._mail.topic}: no such topic\n  hint: make the cluster's topics first: interceptor cluster up"
            raise Away(what)

    def poll(self, wait_s: float = 0.0) -> None:
        self._mail.poll(wait_s)

    def flush(self) -> None:
        self._mail.flush()

    def _count(self, rows: int, size: int, done: Arrived | None) -> Delivered:
        def arrived(offset: int) -> None:
            sent = self.sent
            first = offset if sent.first_offset < 0 else sent.first_offset
            self.sent = Sent(sent.events + rows, sent.frames + 1, sent.bytes_ + size, first, offset)
            if done is not None:
                done(offset, rows)

        return arrived


def send_frames(
    settings: Settings,
    frames: Iterable[pa.RecordBatch],
    *,
    producer_name: str = "",
    rate: float | None = None,
    frame_rows: int = FRAME_ROWS,
) -> Sent:
    """All of it, cut or joined to frames of `frame_rows`, at most `rate` events a second; returns once all has arrived.
    With a name, events are numbered from 1. Raises Away."""
    from interceptor.transport.edge.pacing import at_rate, paced

    mail, number = FrameMail(settings, "feed"), 1
    flow = rechunked(frames, frame_rows) if rate is None else paced(frames, at_rate(rate), frame_rows)
    for frame in flow:
        mail.send(frame, producer_name, np.arange(number, number + frame.num_rows, dtype=np.uint64))
        number += frame.num_rows
    mail.flush()
    return mail.sent


def rechunked(frames: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same events in frames of `rows`; the last has what is left."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for frame in frames:
        waiting.append(frame)
        count += frame.num_rows
        if count >= rows:
            joined = joined_frames(waiting)
            whole = count - count % rows
            yield from (joined.slice(at, rows) for at in range(0, whole, rows))
            waiting, count = [joined.slice(whole)], count - whole
    if count:
        yield joined_frames(waiting)


def joined_frames(frames: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return frames[0] if len(frames) == 1 else pa.concat_batches(frames)


def _messages(batch: pa.RecordBatch, bytes_max: int) -> Iterator[tuple[int, bytes]]:
    """Rows and bytes of each message; halves where a frame would be too large."""
    value = wire.encode(batch) if batch.num_rows <= wire.FRAME_ROWS_MAX else b""
    if value and (len(value) <= bytes_max or batch.num_rows <= 1):
        yield batch.num_rows, value
        return
    half = batch.num_rows // 2
    yield from _messages(batch.slice(0, half), bytes_max)
    yield from _messages(batch.slice(half), bytes_max)
