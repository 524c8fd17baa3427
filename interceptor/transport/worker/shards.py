"""One partition of a stage: bytes in, bytes out.

Enters: messages of the partition, in order. Leaves: messages for the next stage, decisions, entries for lists, dead
letters. Invariants: what comes out is a function of the partition's log (and of the lists); how many messages are taken
at once doesn't matter; what was taken before is recognised by the offsets of `events` that a message covers, and has no
effect.

*Origin* is the offset of an event's frame in `events`. Every message says which origins it covers, also when it has no
rows: so the next stage knows how far the stream is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from confluent_kafka import Message

from interceptor.batch import BadFrame
from interceptor.config import Limits
from interceptor.listbook import ListBook
from interceptor.packed import Packed
from interceptor.parts import Part
from interceptor.plan import shard_of
from interceptor.rules.ruleset import RuleSet
from interceptor.state import State
from interceptor.transport.letters.dead import PARTITION, letter
from interceptor.transport.parcels import pack, unpack
from interceptor.transport.topics import DEAD_LETTERS
from interceptor.transport.wire import FIRST, FROM, LAST, ROW_BITS, RULES
from interceptor.transport.worker.layouts import layout_of
from interceptor.transport.worker.messages import Headers, Incoming, Outgoing, Taken, incoming, number, text

Stage = Literal["admit", "screen", "protect", "whole", "whole-json"]
Rules = Callable[[str], tuple[RuleSet, ListBook]]  # the rule set of a hash, with its lists
SomePart = TypeVar("SomePart", bound=Part)


class Shard(Generic[SomePart]):
    """What the stages have in common. `next_offset`: everything before it has been taken; `applied`: so has every event
    of an origin up to this one; `told`: what follows from those up to here has been delivered already."""

    stage: Stage
    takes = ""  # the topic
    at_once = 256  # messages that are read from its log in one go
    queue_max = 64  # of what was given to it and waits

    def __init__(
        self, partition: int, partitions: int, topic: str, rules: Rules, rules_hash: str, limits: Limits
    ) -> None:
        """`topic`: the full name of the one that it takes from."""
        self.partition, self.partitions, self._topic = partition, partitions, topic
        self.next_offset, self.applied, self.told = 0, -1, -1
        self.poison: Mapping[int, str] = {}  # offsets of messages that the engine fails on, and how
        self._rules, self._limits = rules, limits
        self._part = self._made(*rules(rules_hash))

    @staticmethod
    def given(messages: Sequence[Message]) -> Sequence[Incoming]:
        """Messages of a consumer, of one partition, as it takes them."""
        return [incoming(message) for message in messages]

    @property
    def rules_hash(self) -> str:
        return self._part.rule_set.hash

    @property
    def finished(self) -> int:
        """Messages below this offset are needed no more, once all that followed from them is delivered."""
        return self.next_offset

    def take(self, messages: Sequence[Incoming]) -> Taken:
        """Takes messages that follow each other. Where it fails, nobody knows in which state the shard is."""
        raise NotImplementedError

    def state(self) -> tuple[State, dict[str, Any]]:
        """All that the next messages' meaning depends on, and where the shard stands."""
        about = {"applied": self.applied, "rules": self.rules_hash, "partitions": self.partitions}
        return self._part.taken(), about

    def put_back(self, next_offset: int, state: State, about: dict[str, Any]) -> None:
        """Goes on from there. Raises StateMisfit, KeyError or ValueError where it can't be."""
        if about["partitions"] != self.partitions:
            raise ValueError(f"a snapshot for {about['partitions']} partitions, there are {self.partitions}")
        self.use_rules(about["rules"])
        self._part.put_back(state)
        self.next_offset, self.applied, self.told = next_offset, int(about["applied"]), int(about["applied"])

    def heed(self, messages: Sequence[Incoming]) -> None:
        """Messages that were acknowledged before this shard came here: what follows from them was delivered."""
        for message in messages:
            self.told = max(self.told, self._last(message))

    def use_rules(self, rules_hash: str) -> None:
        """Goes on with another rule set. Raises what `rules` raises."""
        if rules_hash != self.rules_hash:
            self._part.reload(*self._rules(rules_hash))

    def _made(self, rule_set: RuleSet, lists: ListBook) -> SomePart:
        raise NotImplementedError

    def _layout(self, rules_hash: str) -> np.dtype:
        """What parcels of a rule set look like."""
        return layout_of(self.takes, self._rules(rules_hash)[0])

    def _last(self, message: Incoming) -> int:
        """The last origin that a message covers."""
        try:
            return number(message.headers, LAST)
        except ValueError:
            return -1

    def _poisoned(self, message: Incoming, taken: Taken) -> bool:
        """Whether the engine fails on a message; then it is a dead letter."""
        if message.offset not in self.poison:
            return False
        self._lost(message, taken, BadFrame(f"the engine failed on it: {self.poison[message.offset]}"), "failed")
        return True

    def _lost(self, message: Incoming, taken: Taken, error: Exception, code: str) -> None:
        """What can't be read goes to the dead letters, as it is."""
        taken.letters += 1
        value, headers = letter(
            str(error), code, topic=self._topic, partition=self.partition, offset=message.offset, value=message.value,
            key=message.key, now_ms=message.time_ms, headers=message.headers,
        )  # fmt: skip
        taken.outgoing.append(Outgoing(DEAD_LETTERS, PARTITION, value, headers))


class Covered:
    """A parcel with what its headers say. One that is poison has no events. Raises BadFrame or ValueError."""

    def __init__(self, message: Incoming, layout: Callable[[str], np.dtype], poison: bool) -> None:
        self.offset = message.offset
        self.first, self.last = number(message.headers, FIRST), number(message.headers, LAST)
        self.rules = text(message.headers, RULES)
        self.sender = number(message.headers, FROM) if text(message.headers, FROM) else 0
        self.events = unpack(message.value or b"")
        if self.events.records.dtype != layout(self.rules):
            raise BadFrame("a parcel of another version, or of other rules")
        self.events = self.events.slice(0, 0) if poison else self.events

    def above(self, applied: int) -> Packed:
        """The events of origins that have not been applied."""
        if self.first > applied or not self.events.rows:
            return self.events
        return self.events.take(np.flatnonzero(origin_of(self.events["place"]) > applied))


def origin_of(place: np.ndarray) -> np.ndarray:
    """int64[n]: the origins of places."""
    return (place >> np.uint64(ROW_BITS)).astype(np.int64)


def covers(first: int, last: int, rules: str) -> Headers:
    return [(FIRST, b"%d" % first), (LAST, b"%d" % last), (RULES, rules.encode())]


def dealt(
    topic: str, events: Packed, keys: np.ndarray, echo: np.ndarray | None, partitions: int, headers: Headers
) -> Iterable[Outgoing]:
    """A message for every partition: events whose key (uint64[n]) belongs there, in order, and those that all see
    (`echo` bool[n])."""
    owner = shard_of(keys, partitions)
    if echo is None or not echo.any():
        order = np.argsort(owner, kind="stable")
        ends = np.searchsorted(owner[order], np.arange(partitions + 1))
    else:
        rows = [np.flatnonzero((owner == shard) | echo) for shard in range(partitions)]
        order, ends = np.concatenate(rows), np.cumsum([0, *map(len, rows)])
    sorted_events = events.take(order)
    for shard in range(partitions):
        yield Outgoing(topic, shard, pack(sorted_events.slice(int(ends[shard]), int(ends[shard + 1]))), headers)
