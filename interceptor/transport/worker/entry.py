"""What the shards have in common that take the topic `events`: frames, from anybody who may write to it.

Enters: messages of `events`. Leaves: events with their places; dead letters. Invariants: each event of a frame is
either taken, or in a dead letter with the reason, or was taken before from the same producer; a row that can't be an
event doesn't keep the others of its frame from being decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.batch import BadFrame
from interceptor.state import State
from interceptor.transport.fitness import NOT_FIT, unfit
from interceptor.transport.topics import EVENTS
from interceptor.transport.wire import FRAME_ROWS_MAX, ORIGIN, ORIGINAL_SCHEMA, PRODUCER, ROW_BITS, decode, encode
from interceptor.transport.worker.messages import Incoming, Taken, text
from interceptor.transport.worker.shards import Shard, SomePart

PRODUCERS_MAX = 10_000  # remembered; then the one that was heard of longest ago is forgotten
PRODUCER_CHARS_MAX = 200


class EntryShard(Shard[SomePart]):
    """All events, in the order of the topic. There is one of these."""

    takes = EVENTS

    def __init__(self, *arguments: Any) -> None:
        """As any shard."""
        self._producers: dict[str, int] = {}  # the highest number taken from each, the latest one last
        super().__init__(*arguments)

    def take(self, messages: Sequence[Incoming]) -> Taken:
        taken = Taken()
        for last, events, place in _together(self._found(messages, taken)):
            self._apply(events, place, last, taken)
            taken.events, self.applied = taken.events + events.num_rows, last
        self.next_offset = messages[-1].offset + 1
        return taken

    def _apply(self, events: pa.RecordBatch, place: np.ndarray, last: int, taken: Taken) -> None:
        """Events at their places uint64[n], which cover the origins behind `applied` up to `last`."""
        raise NotImplementedError

    def _found(self, messages: Sequence[Incoming], taken: Taken) -> Iterator[Found]:
        for message in messages:
            if self._poisoned(message, taken):
                continue
            found = self._events(message, taken)
            if found is not None:
                yield message.offset, *found

    def state(self) -> tuple[State, dict[str, Any]]:
        state, about = super().state()
        return state, about | {"producers": dict(self._producers)}

    def put_back(self, next_offset: int, state: State, about: dict[str, Any]) -> None:
        super().put_back(next_offset, state, about)
        self._producers = {str(name): int(origin) for name, origin in about["producers"].items()}

    def _last(self, message: Incoming) -> int:
        return message.offset

    def _events(self, message: Incoming, taken: Taken) -> tuple[pa.RecordBatch, np.ndarray] | None:
        """The frame's events that are to be decided, and their places; None where it isn't a frame of events."""
        if message.value is None:
            self._lost(message, taken, BadFrame("a message without a value"), "no-value")
            return None
        try:
            frame = decode(message.value)
            reasons = unfit(frame)
            fresh = self._fresh(frame, text(message.headers, PRODUCER), taken)
        except BadFrame as error:
            self._lost(message, taken, error, "bad-frame")
            return None
        for reason, rows in reasons.items():
            lost = np.flatnonzero(rows & fresh)
            if len(lost):
                some = message._replace(value=encode(frame.take(pa.array(lost))))
                self._lost(some, taken, BadFrame(f"{len(lost)} of {frame.num_rows} events: {reason}"), NOT_FIT)
            fresh &= ~rows
        events = frame.select(frame.schema.names[: len(ORIGINAL_SCHEMA) - 1])
        place = np.uint64(message.offset << ROW_BITS) + np.arange(frame.num_rows, dtype=np.uint64)
        if fresh.all():
            return events, place
        return events.filter(pa.array(fresh)), place[fresh]

    def _fresh(self, frame: pa.RecordBatch, producer: str, taken: Taken) -> np.ndarray:
        """bool[n]: events that weren't taken before from the same producer. Raises BadFrame."""
        fresh = np.ones(frame.num_rows, bool)
        if ORIGIN.name not in frame.schema.names:
            return fresh
        if not frame.schema.equals(ORIGINAL_SCHEMA) or not 0 < len(producer) <= PRODUCER_CHARS_MAX:
            raise BadFrame("a column `origin` is the last one, and needs a header `producer`")
        origin = frame.column(ORIGIN.name).to_numpy()
        if np.any(origin[1:] <= origin[:-1]):
            raise BadFrame("the column `origin` doesn't ascend")
        if frame.num_rows:
            before = self._producers.pop(producer, -1)
            fresh = origin > np.uint64(before) if before >= 0 else fresh
            self._producers[producer] = max(before, int(origin[-1]))
            if len(self._producers) > PRODUCERS_MAX:
                del self._producers[next(iter(self._producers))]
        taken.repeated += int(np.count_nonzero(~fresh))
        return fresh


Found = tuple[int, pa.RecordBatch, np.ndarray]  # an origin, its events and their places


def _together(frames: Iterator[Found]) -> Iterator[Found]:
    """Frames that are small are joined, as long as they don't become larger than a frame may be."""
    some, rows = list[Found](), 0
    for frame in frames:
        if some and rows + frame[1].num_rows > FRAME_ROWS_MAX:
            yield _joined(some)
            some, rows = [], 0
        some.append(frame)
        rows += frame[1].num_rows
    if some:
        yield _joined(some)


def _joined(some: Sequence[Found]) -> Found:
    if len(some) == 1:
        return some[0]
    last, events, places = some[-1][0], [one[1] for one in some], [one[2] for one in some]
    return last, pa.concat_batches(events), np.concatenate(places)
