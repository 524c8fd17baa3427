"""The shards of the second stage: the events of some sources each.

Enters: parcels of `admitted`. Leaves: parcels for every partition of `contacts`. Invariant: each covers the origins
right behind those of the one before, with events or without.
"""

from __future__ import annotations

from collections.abc import Sequence

from interceptor.batch import BadFrame
from interceptor.listbook import ListBook
from interceptor.packed import joined
from interceptor.parts import Screen
from interceptor.rules.ruleset import RuleSet
from interceptor.transport.topics import ADMITTED, CONTACTS
from interceptor.transport.wire import FROM
from interceptor.transport.worker.messages import Incoming, Taken
from interceptor.transport.worker.shards import Covered, Shard, covers, dealt


class ScreenShard(Shard[Screen]):
    """Some sources."""

    stage, takes = "screen", ADMITTED

    def take(self, messages: Sequence[Incoming]) -> Taken:
        taken = Taken()
        waiting: list[Covered] = []
        applied = self.applied
        for message in messages:
            try:
                parcel = Covered(message, self._layout, self._poisoned(message, taken))
            except (BadFrame, ValueError) as error:
                self._lost(message, taken, error, "not-a-parcel")
                continue
            if parcel.last <= applied:
                taken.repeated += 1
                continue
            taken.gaps += parcel.first > applied + 1
            if waiting and waiting[-1].rules != parcel.rules:
                self._apply(waiting, taken)
                waiting = []
            waiting.append(parcel)
            applied = parcel.last
        self._apply(waiting, taken)
        self.next_offset = messages[-1].offset + 1
        return taken

    def _made(self, rule_set: RuleSet, lists: ListBook) -> Screen:
        return Screen(rule_set, lists, self._limits)

    def _apply(self, parcels: Sequence[Covered], taken: Taken) -> None:
        if not parcels:
            return
        self.use_rules(parcels[0].rules)
        applied, events = self.applied, []
        for parcel in parcels:
            events.append(parcel.above(applied))
            applied = parcel.last
        screened, echo = self._part.apply(joined(events))
        covering = [*covers(self.applied + 1, applied, parcels[0].rules), (FROM, b"%d" % self.partition)]
        taken.outgoing += dealt(CONTACTS, screened, screened["target"], echo, self.partitions, covering)
        taken.events += screened.rows
        self.applied = applied
