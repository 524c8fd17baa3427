"""The three parts of the engine over several shards, in one process: what a cluster does, without what can go wrong.

Enters: frames in the order of the stream. Leaves: decisions in that order, as an Arrow table. Invariant: batches reach
a part in the order in which a topic would bring them; how many rows they have is up to the caller.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from interceptor.config import Limits
from interceptor.listbook import ListBook
from interceptor.packed import Packed, joined
from interceptor.parts import Admit, Protect, Screen
from interceptor.plan import shard_of
from interceptor.rules import RuleSet
from interceptor.transport.parcels import pack, unpack


class Sharded:
    """A rule set over so many shards; verdicts put nothing on lists."""

    def __init__(self, rule_set: RuleSet, shards: int, limits: Limits | None = None) -> None:
        self.shards, self.places = shards, 0
        lists, limits = ListBook(rule_set.lists), limits or Limits()
        self.admit = Admit(rule_set, lists, limits)
        self.screens = [Screen(rule_set, lists, limits) for _ in range(shards)]
        self.protects = [Protect(rule_set, lists, limits) for _ in range(shards)]

    def reload(self, rule_set: RuleSet) -> None:
        lists = ListBook(rule_set.lists)
        for part in (self.admit, *self.screens, *self.protects):
            part.reload(rule_set, lists)

    def decide(self, frame: pa.RecordBatch) -> pa.Table:
        place = np.arange(self.places, self.places + frame.num_rows, dtype=np.uint64)
        self.places += frame.num_rows
        admitted = self.admit.apply(frame, place)
        by_source = shard_of(admitted["source"], self.shards)
        contacts = []
        for shard, screen in enumerate(self.screens):
            contacts.append(screen.apply(admitted.take(np.flatnonzero(by_source == shard))))
        decided = [self._protected(shard, contacts) for shard in range(self.shards)]
        return pa.concat_tables(decided).sort_by("place").drop_columns(["place"])

    def _protected(self, shard: int, contacts: Iterable[tuple[Packed, np.ndarray]]) -> pa.Table:
        parts = []
        for batch, echo in contacts:
            own = shard_of(batch["target"], self.shards) == shard
            parts.append(through_the_wire(batch.take(np.flatnonzero(own | echo))))
        merged = joined(parts)
        merged = merged.take(np.argsort(merged["place"]))
        own = shard_of(merged["target"], self.shards) == shard
        decisions, _ = self.protects[shard].apply(merged, own)
        table = pa.Table.from_batches([decisions.to_arrow()]).append_column("place", pa.array(merged["place"]))
        return table.filter(pa.array(own))


def through_the_wire(batch: Packed) -> Packed:
    return unpack(pack(batch))


def decided(rule_set: RuleSet, frames: Iterable[pa.RecordBatch], shards: int) -> pa.Table:
    """All decisions of a new set of shards."""
    sharded = Sharded(rule_set, shards)
    return pa.concat_tables([sharded.decide(frame) for frame in frames]).combine_chunks()
