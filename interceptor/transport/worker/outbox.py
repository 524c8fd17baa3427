"""What a worker sends.

Enters: messages for topics. Leaves: futures that are done when all copies have the messages. Invariants: messages to a
partition arrive in the order in which they were given, none of them twice because of its own trying again (an
idempotent producer); a message that can't be delivered ends the worker, it is never left out.

librdkafka sends them in C, some ten times as fast as a client in Python, and in threads of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread

from confluent_kafka import KafkaError, KafkaException, Message

from interceptor.transport import clients
from interceptor.transport.settings import Settings
from interceptor.transport.worker.messages import Outgoing

_POLL_S = 0.05
FLUSH_S = 10.0
LINGER_MS = 1  # what goes together is sent in one go


class NotDelivered(Exception):
    """The brokers didn't take a message within the time that there is for it."""


class Outbox:
    """One producer; to be used from one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = clients.producer(settings, "worker", LINGER_MS)
        self._closing = Event()
        self._thread = Thread(target=self._poll, name="outbox", daemon=True)
        self._thread.start()

    def send(self, messages: Sequence[Outgoing]) -> asyncio.Future[None]:
        """Done once all are delivered; fails with NotDelivered."""
        loop = asyncio.get_running_loop()
        batch = _Batch(len(messages), loop)
        for message in messages:
            self._put(message, batch)
        if not messages:
            batch.done.set_result(None)
        return batch.done

    def close(self) -> None:
        """Waits a while for what is on its way."""
        self._producer.flush(FLUSH_S)
        self._closing.set()
        self._thread.join(1.0)

    def _put(self, message: Outgoing, batch: _Batch) -> None:
        topic, value = self._settings.topic(message.topic), message.value
        headers: list[tuple[str, str | bytes | None]] = [*message.headers]
        while True:
            try:
                self._producer.produce(
                    topic, value, partition=message.partition, headers=headers, on_delivery=batch.told
                )
                return
            except BufferError:  # as many messages as librdkafka holds are on their way
                self._producer.poll(_POLL_S)
            except KafkaException as error:
                raise NotDelivered(clients.reason(error.args[0])) from None

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_S)


class _Batch:
    """Counts down what is to be delivered; `told` is called in the thread that polls."""

    def __init__(self, count: int, loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self._left, self._loop = count, loop

    def told(self, error: KafkaError | None, _: Message) -> None:
        self._left -= 1
        if error is not None:
            self._finish(NotDelivered(clients.reason(error)))
        elif self._left == 0:
            self._finish(None)

    def _finish(self, error: NotDelivered | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._set, error)

    def _set(self, error: NotDelivered | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
