"""The shards of the third stage: the events of some citizens each, from all shards of the second, in order again.

Enters: parcels of `contacts`, from every partition of `admitted`. Leaves: decisions. Invariants: events are decided in
the order of the stream, an origin only when all senders have covered it; a message is finished when the last origin
that it covers is decided.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from interceptor.batch import BadFrame
from interceptor.listbook import ListBook
from interceptor.packed import Packed, joined
from interceptor.parts import Protect
from interceptor.plan import shard_of
from interceptor.rules.ruleset import RuleSet
from interceptor.state import State
from interceptor.transport.topics import CONTACTS
from interceptor.transport.worker.messages import Incoming, Taken
from interceptor.transport.worker.shards import Covered, Shard, origin_of
from interceptor.transport.worker.telling import tell


class ProtectShard(Shard[Protect]):
    """Some citizens."""

    stage, takes = "protect", CONTACTS
    _waiting: list[deque[Covered]]  # from each sender: what isn't decided yet
    _covered: list[int]  # by each sender: the last origin

    @property
    def finished(self) -> int:
        return min([parcels[0].offset for parcels in self._waiting if parcels], default=self.next_offset)

    def take(self, messages: Sequence[Incoming]) -> Taken:
        taken = Taken()
        for message in messages:
            try:
                self._hear(Covered(message, self._layout, self._poisoned(message, taken)), taken)
            except (BadFrame, ValueError) as error:
                self._lost(message, taken, error, "not-a-parcel")
        for last, rules in self._segments(min(self._covered)):
            self.use_rules(rules)
            self._decide(last, taken)
        self.next_offset = messages[-1].offset + 1
        return taken

    def put_back(self, next_offset: int, state: State, about: dict[str, Any]) -> None:
        super().put_back(next_offset, state, about)
        self._waiting = [deque() for _ in range(self.partitions)]
        self._covered = [self.applied] * self.partitions

    def _made(self, rule_set: RuleSet, lists: ListBook) -> Protect:
        self._waiting = [deque() for _ in range(self.partitions)]
        self._covered = [-1] * self.partitions
        return Protect(rule_set, lists, self._limits)

    def _hear(self, parcel: Covered, taken: Taken) -> None:
        if parcel.sender >= self.partitions:
            raise BadFrame(f"from partition {parcel.sender}, there are {self.partitions}")
        covered = self._covered[parcel.sender]
        if parcel.last <= covered:
            taken.repeated += 1
            return
        taken.gaps += parcel.first > covered + 1
        parcel.events = parcel.above(covered)
        self._covered[parcel.sender] = parcel.last
        self._waiting[parcel.sender].append(parcel)

    def _segments(self, until: int) -> Iterator[tuple[int, str]]:
        """Up to which origin, until this one, which rule set decides. Any sender knows: all of them say the same."""
        rules, last = "", self.applied
        for parcel in list(self._waiting[0]):
            if last >= until:
                break
            if rules and parcel.rules != rules:
                yield last, rules
            rules, last = parcel.rules, min(parcel.last, until)
        if last > self.applied:
            yield last, rules

    def _decide(self, last: int, taken: Taken) -> None:
        """All that waits up to an origin."""
        parts = [part for parcels in self._waiting for part in _up_to(parcels, last)]
        events = joined(parts)
        events = events.take(np.argsort(events["place"], kind="stable"))
        own = shard_of(events["target"], self.partitions) == self.partition
        decisions, additions = self._part.apply(events, own)
        chosen = own & (origin_of(events["place"]) > self.told)
        tell(self, decisions, events["place"], chosen, last, taken)
        taken.events += int(np.count_nonzero(chosen))
        taken.additions += additions if chosen.any() else []
        self.applied = last


def _up_to(parcels: deque[Covered], last: int) -> Iterator[Packed]:
    """Takes a sender's events up to an origin; the rest of a parcel that goes on behind it stays."""
    while parcels and parcels[0].last <= last:
        yield parcels.popleft().events
    if parcels and parcels[0].first <= last:
        events = parcels[0].events
        before = origin_of(events["place"]) <= last if events.rows else np.zeros(0, bool)
        parcels[0].events = events.take(np.flatnonzero(~before))
        parcels[0].first = last + 1
        yield events.take(np.flatnonzero(before))
