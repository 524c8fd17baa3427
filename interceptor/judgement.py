"""From what rules found on a chunk to verdicts, decisions, and entries for lists.

Enters: hits of both stages and scores, in the chunk. Leaves: verdicts and actions; at the end Decisions. Invariant:
only live rules count, and a policy's ladders; what is allowed goes on no list.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from interceptor.batch import Columns
from interceptor.chunk import Chunk
from interceptor.config import LIST_TICK_MS
from interceptor.decisions import Decisions
from interceptor.hits import Hits
from interceptor.listbook import ListBook
from interceptor.rules.names import event_symbols
from interceptor.rules.ruleset import RuleSet
from interceptor.schema import Action, Kind
from interceptor.verdict import SIDES, Ladders, collect, resolve


class Addition(NamedTuple):
    """What a verdict puts on a list: values uint64[k], by event time from `from_ms` until `expires_ms`."""

    list: str
    values: np.ndarray
    from_ms: int
    expires_ms: int
    rule: str


class Judgement:
    """How one rule set judges."""

    def __init__(self, rule_set: RuleSet) -> None:
        live = [rule.mode == "live" for rule in rule_set.rules]
        self._actions = np.array([int(rule.actions) for rule in rule_set.rules], np.uint32) * np.array(live, np.uint32)
        self._rules = rule_set.rules
        self._adds = np.array([bool(rule.adds_to) and rule.mode == "live" for rule in rule_set.rules], bool)
        self._any_adds = bool(self._adds.any())
        self._ladders = {side: Ladders(rule_set.policies, side) for side in SIDES}

    @property
    def adds(self) -> bool:
        """Whether any verdict puts anything on a list."""
        return self._any_adds

    def judged(self, chunk: Chunk, hits: Hits) -> tuple[np.ndarray, np.ndarray]:
        """Verdict uint8[count] and final actions uint32[count]; where nothing was asked for, the event passes."""
        collected = np.zeros(chunk.count, np.uint32)
        collect(hits.rows, hits.rules, self._actions, collected)
        for side, ladders in self._ladders.items():
            ladders.climb(chunk["kind"], chunk[f"{side}_score"], chunk[f"{side}_kinds"], collected)
        return resolve(collected, chunk["kind"])

    def additions(self, chunk: Chunk, hits: Hits, actions: np.ndarray, tick: int) -> list[Addition]:
        """What the chunk's verdicts put on lists, all of whose events are of one tick: it counts from the next on."""
        from_ms, additions = (tick + 1) * LIST_TICK_MS, list[Addition]()
        chosen = self._adds[hits.rules] if self._any_adds else np.zeros(0, bool)
        if not np.count_nonzero(chosen):
            return additions
        rows, rules = hits.rows[chosen], hits.rules[chosen]
        listed = chunk.ok[rows] & ((actions[rows] & Action.ALLOW) == 0)
        for number in np.unique(rules[listed]).tolist():
            rule = self._rules[number]
            values = np.unique(chunk["source"][rows[listed & (rules == number)]])
            values = values[values != 0]
            if len(values):
                additions.append(Addition(rule.adds_to, values, from_ms, from_ms + rule.adds_for_ms, rule.name))
        return additions


class Judged:
    """Decisions of a batch while its chunks are being decided."""

    def __init__(self, batch: Columns, status: np.ndarray) -> None:
        self._batch, self._status = batch, status
        self._verdict = np.zeros(batch.rows, np.uint8)
        self._actions = np.zeros(batch.rows, np.uint32)
        self._score = np.zeros(batch.rows, np.float64)
        self._target_score = np.zeros(batch.rows, np.float64)
        self._hits: list[tuple[int, Hits]] = []

    def take(self, start: int, chunk: Chunk, verdict: np.ndarray, actions: np.ndarray, hits: Hits) -> None:
        """A chunk's decisions; it begins at row `start`."""
        rows = slice(start, start + chunk.count)
        self._verdict[rows], self._actions[rows] = verdict, actions
        self._score[rows], self._target_score[rows] = chunk["source_score"], chunk["target_score"]
        self._hits.append((start, hits))

    def decisions(self, rule_set: RuleSet, lists: ListBook) -> Decisions:
        """All of them, once every chunk is taken."""
        batch = self._batch
        return Decisions(
            batch["event_id"], batch["kind"], batch["ts_ms"], self._status, self._verdict, self._actions, self._score,
            self._target_score, Hits.joined(self._hits), rule_set, lists.entry, partial(_looked_up, batch),
        )  # fmt: skip


def _looked_up(batch: Columns, row: int, name: str) -> Any:
    """What a name stands for in one event: a number, or a host as text."""
    if name == "host":
        return batch.strings("host")[row]
    return batch[event_symbols(Kind(batch["kind"][row]))[name].column][row]
