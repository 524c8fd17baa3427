"""The one shard of the first stage: the whole stream, in the order of the topic `events`.

Enters: frames, from anybody who may write to the topic. Leaves: parcels for every partition of `admitted`; dead
letters. Invariant: every batch covers the origins right behind those of the one before.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from interceptor.listbook import ListBook
from interceptor.parts import Admit
from interceptor.rules.ruleset import RuleSet
from interceptor.transport.topics import ADMITTED
from interceptor.transport.worker.entry import EntryShard
from interceptor.transport.worker.messages import Taken
from interceptor.transport.worker.shards import covers, dealt


class AdmitShard(EntryShard[Admit]):
    """Where the stages are spread."""

    stage = "admit"

    def _apply(self, events: pa.RecordBatch, place: np.ndarray, last: int, taken: Taken) -> None:
        admitted = self._part.apply(events, place)
        covering = covers(self.applied + 1, last, self.rules_hash)
        taken.outgoing += dealt(ADMITTED, admitted, admitted["source"], None, self.partitions, covering)

    def _made(self, rule_set: RuleSet, lists: ListBook) -> Admit:
        return Admit(rule_set, lists, self._limits)
