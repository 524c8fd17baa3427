"""The engine in one piece, where one core can decide the stream: from `events` to `decisions`.

Enters: frames, from anybody who may write to the topic. Leaves: decisions; dead letters. Invariant: what comes out is
what the stages would say, spread over shards.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from interceptor.listbook import ListBook
from interceptor.rules.ruleset import RuleSet
from interceptor.transport.worker.entry import EntryShard
from interceptor.transport.worker.messages import Taken
from interceptor.transport.worker.telling import tell
from interceptor.whole import Whole


class WholeShard(EntryShard[Whole]):
    """Everything, with no topics between."""

    stage = "whole"

    def _apply(self, events: pa.RecordBatch, place: np.ndarray, last: int, taken: Taken) -> None:
        decisions, additions = self._part.apply(events)
        if last > self.told:
            tell(self, decisions, place, np.ones(len(place), bool), last, taken)
            taken.additions += additions

    def _made(self, rule_set: RuleSet, lists: ListBook) -> Whole:
        return Whole(rule_set, lists, self._limits)
