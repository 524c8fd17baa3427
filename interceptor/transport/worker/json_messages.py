"""Messages that hold one JSON event each, many at once.

Enters: what a consumer gave, of one partition, in order. Leaves: a sequence of Incoming that is also columns, and the
events that they hold. Invariant: it is the same sequence, whether it is looked at one by one or at once; looking at
once costs no Python for each message.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, overload

import numpy as np
from confluent_kafka import Message

from interceptor.transport.edge.json_events import read_events
from interceptor.transport.edge.json_judge import Read
from interceptor.transport.worker.messages import Incoming, incoming


class JsonMessages(Sequence[Incoming]):
    """`offsets` and `times_ms` int64[n]: when the broker got each; `values`: n of them."""

    def __init__(self, messages: Sequence[Message], offsets: np.ndarray, times_ms: np.ndarray) -> None:
        self._messages, self.offsets, self.times_ms = messages, offsets, times_ms
        self._read: tuple[int, Read] | None = None

    @classmethod
    def of(cls, messages: Sequence[Message]) -> JsonMessages:
        """Messages without errors."""
        count = len(messages)
        offsets = np.fromiter(map(Message.offset, messages), np.int64, count)
        times_ms = np.fromiter(map(itemgetter(1), map(Message.timestamp, messages)), np.int64, count)
        return cls(messages, offsets, times_ms)

    @property
    def values(self) -> list[bytes | None]:
        return list(map(Message.value, self._messages))

    def read(self, first_id: int) -> Read:
        """The events; asked again, the same without reading again. `first_id`: of an event without id at offset 0."""
        if self._read is None or self._read[0] != first_id:
            self._read = first_id, read_at(self.values, self.offsets, self.times_ms, first_id)
        return self._read[1]

    def __len__(self) -> int:
        return len(self._messages)

    @overload
    def __getitem__(self, at: int) -> Incoming: ...
    @overload
    def __getitem__(self, at: slice) -> JsonMessages: ...
    def __getitem__(self, at: int | slice) -> Incoming | JsonMessages:
        if isinstance(at, int):
            return incoming(self._messages[at])
        if at == slice(0, None, None):
            return self
        return JsonMessages(self._messages[at], self.offsets[at], self.times_ms[at])


def read_at(values: list[bytes | None], offsets: np.ndarray, times_ms: np.ndarray, first_id: int) -> Read:
    """The events of messages at some offsets of a partition."""
    ids: Any = offsets.astype(np.uint64) + np.uint64(first_id)  # round and round, as numpy's integers go
    return read_events(values, ids, times_ms)
