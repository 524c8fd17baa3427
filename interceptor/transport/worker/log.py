"""A partition's log, read again; and how far a group has come with it.

Enters: a topic, a partition, offsets. Leaves: the messages between them. Invariant: who reads here joins no group and
commits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from interceptor.transport import clients
from interceptor.transport.clients import Away
from interceptor.transport.settings import Settings
from interceptor.transport.worker.messages import Incoming

_POLL_S, SILENT_S = 0.2, 15.0


class Log:
    """One partition, from an offset on. All methods raise Away where the brokers don't answer; asking again is fine."""

    def __init__(
        self, settings: Settings, topic: str, partition: int, at_once: int,
        given: Callable[[Sequence[Message]], Sequence[Incoming]],
    ) -> None:  # fmt: skip
        """`at_once`: messages that are read in one go; `given`: makes of them what a shard takes."""
        self._at_once, self._given = at_once, given
        self._settings, self._at = settings, TopicPartition(topic, partition)
        self._reader: Consumer = clients.consumer(settings, "replay")
        self._position = -1

    def ends(self) -> tuple[int, int]:
        """Offset of the first message that the log still holds, and the one behind the last."""
        try:
            low, high = self._reader.get_watermark_offsets(self._at, timeout=SILENT_S)
            return low, high
        except KafkaException as error:
            raise Away(clients.no_answer(self._settings, clients.reason(error.args[0]))) from None

    def committed(self, group: str) -> int:
        """What a group has acknowledged: every message below this offset."""
        asking = clients.consumer(self._settings, "replay", group=group)
        try:
            (found,) = asking.committed([self._at], timeout=SILENT_S)
        except KafkaException as error:
            raise Away(clients.no_answer(self._settings, clients.reason(error.args[0]))) from None
        finally:
            asking.close()
        return max(0, int(found.offset))

    def read(self, start: int, stop: int) -> Sequence[Incoming]:
        """The next messages from `start` on, below `stop`; none where the log has no messages between the two."""
        try:
            if self._position != start:
                self._reader.assign([TopicPartition(self._at.topic, self._at.partition, start)])
                self._position = start
            return self._read(stop)
        except KafkaException as error:
            self._position = -1
            raise Away(clients.no_answer(self._settings, clients.reason(error.args[0]))) from None

    def close(self) -> None:
        self._reader.close()

    def _read(self, stop: int) -> Sequence[Incoming]:
        since_s, found = monotonic(), list[Message]()
        while not found and self._position < stop:
            for message in self._reader.consume(self._at_once, _POLL_S):
                if not message.error():
                    self._position = (message.offset() or 0) + 1
                    found += [message] if self._position <= stop else []
            if not found and monotonic() - since_s > SILENT_S:
                self._position = -1
                raise Away(f"{self._at.topic}/{self._at.partition}: nothing came, {stop} is to be reached")
        if not found:
            return []
        self._position = (found[-1].offset() or 0) + 1
        return self._given(found)
