"""Messages that hold one JSON event each, many at once.

Enters: what a fetch or a consumer gave, of one partition, in order. Leaves: a sequence of Incoming that is also
columns, and the events that they hold. Invariant: it is the same sequence, whether it is looked at one by one or at
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, overload

import numpy as np
from confluent_kafka import Message

from interceptor.transport.edge.json_events import read_events, read_joined
from interceptor.transport.edge.json_judge import Read
from interceptor.transport.worker.messages import Incoming, incoming
from interceptor.transport.worker.record_batches import END, OFFSET, START, TIME, Records


class JsonMessages(Sequence[Incoming]):
    """`offsets` and `times_ms` int64[n]: when the broker got each; `values`: n of them."""

    def __init__(self, offsets: np.ndarray, times_ms: np.ndarray) -> None:
        self.offsets, self.times_ms = offsets, times_ms
        self._read: tuple[int, Read] | None = None

    @staticmethod
    def of(messages: Sequence[Message]) -> JsonMessages:
        """Messages of a consumer, without errors."""
        return _OneByOne(messages)

    @staticmethod
    def fetched(records: Records) -> JsonMessages:
        """Messages as a broker keeps them."""
        return _Fetched(records)

    def read(self, first_id: int) -> Read:
        """The events; asked again, the same without reading again. `first_id`: of an event without id at offset 0."""
        if self._read is None or self._read[0] != first_id:
            self._read = first_id, self._events(ids_at(self.offsets, first_id))
        return self._read[1]

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, at: int) -> Incoming: ...
    @overload
    def __getitem__(self, at: slice) -> JsonMessages: ...
    def __getitem__(self, at: int | slice) -> Incoming | JsonMessages:
        if isinstance(at, int):
            return self._one(at)
        return self if at == slice(0, None, None) else self._some(at)

    def _one(self, at: int) -> Incoming:
        raise NotImplementedError

    def _some(self, at: slice) -> JsonMessages:
        raise NotImplementedError

    def _events(self, ids: np.ndarray) -> Read:
        raise NotImplementedError


class _OneByOne(JsonMessages):
    """Of librdkafka's objects."""

    def __init__(self, messages: Sequence[Message]) -> None:
        count = len(messages)
        offsets = np.fromiter(map(Message.offset, messages), np.int64, count)
        super().__init__(offsets, np.fromiter(map(itemgetter(1), map(Message.timestamp, messages)), np.int64, count))
        self._messages = messages

    def _one(self, at: int) -> Incoming:
        return incoming(self._messages[at])

    def _some(self, at: slice) -> JsonMessages:
        return _OneByOne(self._messages[at])

    def _events(self, ids: np.ndarray) -> Read:
        return read_events(list(map(Message.value, self._messages)), ids, self.times_ms)


class _Fetched(JsonMessages):
    """Of a broker's bytes."""

    def __init__(self, records: Records) -> None:
        super().__init__(records.columns[OFFSET], records.columns[TIME])
        self._records = records

    def _one(self, at: int) -> Incoming:
        return self._records.incoming(at)

    def _some(self, at: slice) -> JsonMessages:
        return _Fetched(Records(self._records.data, np.ascontiguousarray(self._records.columns[:, at])))

    def _events(self, ids: np.ndarray) -> Read:
        columns = self._records.columns
        return read_joined(self._records.data, columns[START], columns[END], ids, self.times_ms)


def ids_at(offsets: np.ndarray, first_id: int) -> Any:
    """uint64[n]: of events that have none; round and round, as numpy's integers go."""
    return offsets.astype(np.uint64) + np.uint64(first_id)
