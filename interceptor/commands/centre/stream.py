"""The centre behind a cluster: it follows the topic of events, and takes in what the ledger has decided of each.

Enters: frames of events, a ledger that somebody else keeps. Leaves: acts in the book, entries on the shared lists.
Invariants: a frame is taken in once all its decisions are in the ledger, in one transaction with its offset: killed
at any moment, the centre goes on where it was; an order is carried out at least once, and twice is the same as once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import OFFSET_BEGINNING, KafkaException, Message, TopicPartition

from interceptor.batch import BadFrame
from interceptor.centre.book import Book
from interceptor.centre.duty import Duty
from interceptor.centre.marks import mark, move
from interceptor.centre.orders import Order, Verb, since
from interceptor.centre.seen import Seen
from interceptor.commands.centre.carrying_out import entry_of
from interceptor.rules.model import ListDef
from interceptor.schema import EVENT_SCHEMA
from interceptor.transport import clients, wire
from interceptor.transport.clients import Away
from interceptor.transport.ledger.book import Ledger
from interceptor.transport.lists.codec import Meaning
from interceptor.transport.lists.store import SharedLists
from interceptor.transport.settings import Settings
from interceptor.transport.topics import EVENTS

WAIT_S = 0.2
NEXT, CARRIED_OUT = "events", "lists"


@dataclass(frozen=True, slots=True)
class Progress:
    """Since this process began. `unreadable`: messages that are no frames, which the workers have put to the dead
    letters. `waiting`: rows of the next frame whose decisions aren't in the ledger yet. `gone`: messages that the
    broker had thrown away before they were read."""

    frames: int = 0
    events: int = 0
    unreadable: int = 0
    waiting: int = 0
    gone: int = 0


class Recorded:
    """What a ledger has of the rows of one frame, in their order: seen.Decided. `only_watches`: of a rule's name."""

    def __init__(self, decided: pa.Table, only_watches: Callable[[str], bool]) -> None:
        self.status, self.verdict, self.actions, self.score = (
            decided.column(name).to_numpy() for name in ("status", "verdict", "actions", "score")
        )
        hits = decided.column("rules").combine_chunks()
        names = hits.flatten().dictionary_encode()
        self.hit_row: np.ndarray = pc.list_parent_indices(hits).to_numpy(zero_copy_only=False).astype(np.int32)
        self.hit_rule: np.ndarray = names.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        self.rules: Sequence[str] = names.dictionary.to_pylist()
        self.shadow = np.array([only_watches(name) for name in self.rules], bool)


class Follower:
    """One consumer of the topic of events. Use as a context, or close it. Raises Away."""

    def __init__(
        self, settings: Settings, ledger: Ledger, book: Book, duty: Duty, only_watches: Callable[[str], bool]
    ) -> None:
        self.progress = Progress()
        self._settings, self._ledger, self._book, self._duty = settings, ledger, book, duty
        self._only_watches, self._topic = only_watches, settings.topic(EVENTS)
        self._consumer = clients.consumer(settings, "centre")
        begin = mark(book.db, NEXT) or OFFSET_BEGINNING
        try:
            self._consumer.assign([TopicPartition(self._topic, 0, begin)])
        except KafkaException as error:
            raise Away(clients.no_answer(settings, clients.reason(error.args[0]))) from None
        self._waiting: Message | None = None

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def step(self) -> Progress:
        """The next frame, if it has come and is decided; waits WAIT_S at most otherwise."""
        message = self._waiting or self._next()
        if message is not None:
            self._waiting = None if self._take(message) else message
            if self._waiting is not None:
                time.sleep(WAIT_S)
        return self.progress

    def _next(self) -> Message | None:
        message = self._consumer.poll(WAIT_S)
        if message is None:
            return None
        error = message.error()
        if error is None:
            return message
        if error.fatal():
            raise Away(clients.no_answer(self._settings, clients.reason(error)))
        return None

    def _take(self, message: Message) -> bool:
        """Whether it is done with."""
        offset, wanted = message.offset() or 0, mark(self._book.db, NEXT)
        if offset < wanted:
            return True
        told = self.progress if not wanted else replace(self.progress, gone=self.progress.gone + offset - wanted)
        frame = _events(message.value() or b"")
        if frame is None:
            self._done(offset, replace(told, unreadable=told.unreadable + 1))
            return True
        first = offset << wire.ROW_BITS
        decided = self._ledger.decided(first, first + frame.num_rows)
        missing = frame.num_rows - decided.num_rows
        if missing:
            self.progress = replace(self.progress, waiting=missing)
            return False
        seen = Seen.of(frame, Recorded(decided, self._only_watches))
        with self._book.together():
            self._duty.take(seen, int(pc.max(frame.column("ts_ms")).as_py()))
            self._done(offset, replace(told, frames=told.frames + 1, events=told.events + frame.num_rows))
        return True

    def _done(self, offset: int, progress: Progress) -> None:
        with self._book.together():
            move(self._book.db, NEXT, offset + 1)
        self.progress = replace(progress, waiting=0)


class SharedOrders:
    """Carries orders about lists out on those that the cluster's workers share. Raises RedisTrouble."""

    def __init__(self, lists: SharedLists, definitions: Mapping[str, ListDef], book: Book) -> None:
        self._lists, self._definitions, self._book = lists, definitions, book

    def carry_out(self) -> int:
        """All that are open; gives how many."""
        done = 0
        for order in list(since(self._book.db, mark(self._book.db, CARRIED_OUT))):
            definition = self._definitions.get(order.list)
            if definition is not None and order.thing is not None:
                self._one(order, definition)
                done += 1
            with self._book.together():
                move(self._book.db, CARRIED_OUT, order.id)
        return done

    def _one(self, order: Order, definition: ListDef) -> None:
        assert order.thing is not None
        meaning = Meaning(definition.match, definition.of)
        entry, shown = entry_of(order, order.thing, order.at_ms)
        if order.verb is Verb.TAKE_OFF_LIST:
            self._lists.remove(order.list, meaning, entry.keys, shown, entry.notes[-1], order.at_ms)
        elif order.verb is Verb.PUT_ON_LIST:
            self._lists.add(order.list, meaning, entry, shown)


def follow(follower: Follower, orders: SharedOrders | None, stop: Event, tell: Callable[[Progress], None]) -> Progress:
    """Until `stop` is set; `tell` hears of every step."""
    while not stop.is_set():
        before = follower.progress.frames
        tell(follower.step())
        if orders is not None and follower.progress.frames != before:
            orders.carry_out()
    return follower.progress


def _events(data: bytes) -> pa.RecordBatch | None:
    """The columns of events; None where it is no frame of them: the workers have dealt with that."""
    try:
        frame: Any = wire.decode(data)
        return frame.select(EVENT_SCHEMA.names) if set(EVENT_SCHEMA.names) <= set(frame.schema.names) else None
    except BadFrame:
        return None
