"""A cluster in memory: logs, what is acknowledged, snapshots, and shards that are killed at any moment.

Enters: frames, and chance. Leaves: what stands in the topic of decisions. Invariant: a log only grows; nothing is
acknowledged or saved that isn't delivered, as in lane and recovery. Everything else that can go wrong may go wrong.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.config import Limits
from interceptor.rules import RuleSet
from interceptor.transport.snapshots.packing import pack, unpack
from interceptor.transport.topics import DECISIONS, EVENTS
from interceptor.transport.wire import decode, encode
from interceptor.transport.worker.messages import Headers, Incoming, Outgoing
from interceptor.transport.worker.rulesets import RuleSets
from interceptor.transport.worker.shards import Shard
from interceptor.transport.worker.stages import FROM_JSON, SPREAD, Stages

Place = tuple[str, int]  # topic and partition
GOT_MS = 1_800_000_000_000  # when the broker got all messages


class Logs:
    """Topics of `partitions` each, and a shard for each partition that a stage takes from."""

    def __init__(self, rule_sets: list[RuleSet], partitions: int, seed: int, stages: Stages = SPREAD) -> None:
        self.partitions, self.chance = partitions, random.Random(seed)
        by_hash = {rule_set.hash: rule_set for rule_set in rule_sets}
        self.rules = RuleSets(rule_sets[0], by_hash.get, static_lists=True)
        self.first_rules = rule_sets[0].hash
        self.logs: dict[Place, list[tuple[bytes, Headers]]] = defaultdict(list)
        self.committed: dict[Place, int] = defaultdict(int)
        self.snapshots: dict[Place, list[tuple[int, bytes]]] = defaultdict(list)
        self.stages = {stage.takes: stage for stage in stages}
        self.most = 60 if stages == FROM_JSON else 6  # messages that a shard takes at once
        self.places = [(topic, one) for topic in self.stages for one in range(1 if topic == EVENTS else partitions)]
        self.shards = {place: self.new(place) for place in self.places}
        self.zombies: list[tuple[Place, Shard[Any]]] = []
        self.kills = 0

    def new(self, place: Place) -> Shard[Any]:
        topic, partition = place
        return self.stages[topic](partition, self.partitions, topic, self.rules, self.first_rules, Limits())

    def send(self, frame: pa.RecordBatch, headers: Headers | None = None) -> None:
        self.logs[EVENTS, 0].append((encode(frame), headers or []))

    def messages(self, place: Place, start: int, stop: int) -> list[Incoming]:
        log = self.logs[place]
        return [Incoming(at, GOT_MS, *log[at]) for at in range(start, min(stop, len(log)))]

    def deliver(self, outgoing: list[Outgoing]) -> None:
        for message in outgoing:
            headers = [(name, value or b"") for name, value in message.headers]
            self.logs[message.topic, message.partition].append((message.value, headers))

    def step(self, place: Place) -> None:
        """A shard takes some messages; it may be killed while what follows is being sent, or before it acknowledges."""
        shard, chance = self.shards[place], self.chance
        messages = self.messages(place, shard.next_offset, shard.next_offset + chance.randint(1, self.most))
        if not messages:
            return
        outgoing = shard.take(messages).outgoing
        if chance.random() < 0.12:
            self.deliver(outgoing[: chance.randint(0, len(outgoing))])
            self.kill(place)
            return
        self.deliver(outgoing)
        if chance.random() < 0.5:
            self.committed[place] = max(self.committed[place], shard.finished)
        if chance.random() < 0.3:
            self.snapshots[place].append((shard.finished, pack(*shard.state())))
        if chance.random() < 0.06:
            self.kill(place)

    def kill(self, place: Place) -> None:
        """Whoever comes next goes on; the old one may not know yet that it is dead."""
        self.kills += 1
        if self.chance.random() < 0.3:
            self.zombies.append((place, self.shards[place]))
        self.shards[place] = self.recovered(place)

    def recovered(self, place: Place) -> Shard[Any]:
        shard, committed = self.new(place), self.committed[place]
        if self.snapshots[place]:
            # The newest, or the one before where that is damaged.
            next_offset, data = self.chance.choice(self.snapshots[place][-2:])
            state, about = unpack(data)
            shard.put_back(next_offset, state, about)
        while shard.next_offset < committed:
            told = self.messages(
                place, shard.next_offset, min(committed, shard.next_offset + self.chance.randint(1, self.most + 3))
            )
            shard.heed(told)
            shard.take(told)
        return shard

    def haunt(self) -> None:
        """Somebody who was missed for dead goes on for a while: takes, sends, and can't acknowledge."""
        if self.zombies:
            place, shard = self.zombies.pop(self.chance.randrange(len(self.zombies)))
            if messages := self.messages(place, shard.next_offset, shard.next_offset + self.chance.randint(1, 5)):
                self.deliver(shard.take(messages).outgoing)

    def run(self, feed: Callable[[], bool] | None = None) -> None:
        """Lets chance decide who is next, until all is done. `feed` sends a frame, and says if there was one."""
        fed = feed is not None
        while fed or any(self.shards[place].next_offset < len(self.logs[place]) for place in self.places):
            if feed and fed and self.chance.random() < 0.2:
                fed = feed()
            if self.chance.random() < 0.05:
                self.haunt()
            self.step(self.chance.choice(self.places))

    def decisions(self) -> pa.Table:
        """All that stands in the topic, repeats and all, in the order of places."""
        batches = [decode(value) for one in range(self.partitions) for value, _ in self.logs[DECISIONS, one]]
        return pa.Table.from_batches(batches).sort_by([("place", "ascending")]).combine_chunks()


def without_repeats(decisions: pa.Table) -> tuple[pa.Table, int, int]:
    """The first of each place; how many others there are, and how many of those say something else."""
    place = decisions["place"].to_numpy()
    first = np.concatenate(([True], place[1:] != place[:-1]))
    repeats = np.flatnonzero(~first)
    differing = sum(decisions.slice(row, 1) != decisions.slice(row - 1, 1) for row in repeats.tolist())
    return decisions.filter(pa.array(first)), len(repeats), differing
