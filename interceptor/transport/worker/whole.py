"""The engine in one piece, where one core can decide the stream: from `events`, or a topic of JSON, to `decisions`.

Enters: frames, from anybody who may write to the topic; or messages with one JSON event each. Leaves: decisions; dead
letters. Invariant: what comes out is what the stages would say, spread over shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import Message

from interceptor.batch import BadFrame
from interceptor.listbook import ListBook
from interceptor.rules.ruleset import RuleSet
from interceptor.state import State
from interceptor.transport.edge.json_events import read_events
from interceptor.transport.edge.json_judge import Read
from interceptor.transport.edge.raw_topics import first_id
from interceptor.transport.wire import ROW_BITS
from interceptor.transport.worker.entry import EntryShard
from interceptor.transport.worker.json_messages import JsonMessages, ids_at
from interceptor.transport.worker.messages import Incoming, Taken
from interceptor.transport.worker.shards import Stage
from interceptor.transport.worker.telling import tell
from interceptor.whole import Whole


class WholeShard(EntryShard[Whole]):
    """Everything, with no topics between."""

    stage: Stage = "whole"

    def _apply(self, events: pa.RecordBatch, place: np.ndarray, last: int, taken: Taken) -> None:
        decisions, additions = self._part.apply(events)
        if last > self.told:
            tell(self, decisions, place, np.ones(len(place), bool), last, taken)
            taken.additions += additions

    def _made(self, rule_set: RuleSet, lists: ListBook) -> Whole:
        return Whole(rule_set, lists, self._limits)


class JsonShard(WholeShard):
    """The same, from messages with one JSON event each: an event's place is its message's offset, row 0. Which of them
    are taken at once doesn't matter, so there is nothing between the topic and the engine that could be told twice."""

    stage: Stage = "whole-json"
    at_once = 16_384
    queue_max = 1  # what comes meanwhile is given at once then

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._first_id = first_id(self._topic, self.partition)

    @staticmethod
    def given(messages: Sequence[Message]) -> Sequence[Incoming]:
        return JsonMessages.of(messages)

    def take(self, messages: Sequence[Incoming]) -> Taken:
        taken, last = Taken(), messages[-1].offset
        offsets, read = self._read(messages)
        poisoned = np.isin(offsets, list(self.poison))
        for row in np.flatnonzero(poisoned).tolist():
            self._poisoned(messages[row], taken)
        for row, why in read.refused:
            if not poisoned[row]:
                self._lost(messages[row], taken, BadFrame(why.reason), why.code)
        sound = ~poisoned[read.rows]
        events = read.batch if sound.all() else read.batch.filter(pa.array(sound))
        if events.num_rows:
            self._apply(events, offsets[read.rows[sound]].astype(np.uint64) << np.uint64(ROW_BITS), last, taken)
        taken.events, self.applied, self.next_offset = events.num_rows, last, last + 1
        return taken

    def heed(self, messages: Sequence[Incoming]) -> None:
        if messages:
            self.told = max(self.told, messages[-1].offset)

    def state(self) -> tuple[State, dict[str, Any]]:
        state, about = super().state()
        return state, about | {"topic": self._topic}

    def put_back(self, next_offset: int, state: State, about: dict[str, Any]) -> None:
        """Raises ValueError for the state of another topic, too: its offsets mean nothing here."""
        if about["topic"] != self._topic:
            raise ValueError(f"a snapshot for the topic {about['topic']}: take another `app` for another topic")
        super().put_back(next_offset, state, about)

    def _read(self, messages: Sequence[Incoming]) -> tuple[np.ndarray, Read]:
        if isinstance(messages, JsonMessages):
            return messages.offsets, messages.read(self._first_id)
        offsets, times_ms, values = zip(*((one.offset, one.time_ms, one.value) for one in messages), strict=True)
        at = np.array(offsets, np.int64)
        return at, read_events(values, ids_at(at, self._first_id), np.array(times_ms, np.int64))
