"""The one shard of the first stage: the whole stream, in the order of the topic `events`.

Enters: frames, from anybody who may write to the topic. Leaves: parcels for every partition of `admitted`; dead
letters. Invariants: each event of a frame is either handed on, or in a dead letter with the reason, or was taken before
from the same producer; a row that can't be an event doesn't keep the others of its frame from being decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.batch import BadFrame
from interceptor.listbook import ListBook
from interceptor.parts import Admit
from interceptor.rules.ruleset import RuleSet
from interceptor.state import State
from interceptor.transport.fitness import NOT_FIT, unfit
from interceptor.transport.topics import ADMITTED, EVENTS
from interceptor.transport.wire import ORIGIN, ORIGINAL_SCHEMA, PRODUCER, ROW_BITS, decode, encode
from interceptor.transport.worker.messages import Incoming, Taken, text
from interceptor.transport.worker.shards import Shard, covers, dealt

PRODUCERS_MAX = 10_000  # remembered; then the one that was heard of longest ago is forgotten
PRODUCER_CHARS_MAX = 200


class AdmitShard(Shard[Admit]):
    """All events. There is one of these."""

    stage, takes = "admit", EVENTS
    _producers: dict[str, int]  # the highest number taken from each, the latest one last

    def take(self, messages: Sequence[Incoming]) -> Taken:
        taken = Taken()
        frames, places = [], []
        for message in messages:
            if self._poisoned(message, taken):
                continue
            found = self._events(message, taken)
            if found is not None:
                frames.append(found[0])
                places.append(found[1])
        applied = messages[-1].offset
        if frames:
            admitted = self._part.apply(pa.concat_batches(frames), np.concatenate(places))
            covering = covers(self.applied + 1, applied, self.rules_hash)
            taken.outgoing += dealt(ADMITTED, admitted, admitted["source"], None, self.partitions, covering)
            taken.events, self.applied = admitted.rows, applied
        self.next_offset = applied + 1
        return taken

    def state(self) -> tuple[State, dict[str, Any]]:
        state, about = super().state()
        return state, about | {"producers": dict(self._producers)}

    def put_back(self, next_offset: int, state: State, about: dict[str, Any]) -> None:
        super().put_back(next_offset, state, about)
        self._producers = {str(name): int(origin) for name, origin in about["producers"].items()}

    def _made(self, rule_set: RuleSet, lists: ListBook) -> Admit:
        self._producers = {}
        return Admit(rule_set, lists, self._limits)

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
