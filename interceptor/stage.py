"""One stage of the engine: windows, rules and scores over what hangs on one side of the events.

Enters: a chunk and its views. Leaves: hits and scores. Invariant: within a stage data flows one way, windows → rules →
scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from interceptor.chunk import Chunk, KindView, Views
from interceptor.config import Limits
from interceptor.decisions import Facts
from interceptor.features import FeatureBank
from interceptor.rules.ruleset import Rule, RuleSet
from interceptor.schema import Kind
from interceptor.scores import EvidenceScores


@dataclass(frozen=True, slots=True)
class Hits:
    """m hits, sorted by row, then rule: rows int64[m], rules int32[m]."""

    rows: np.ndarray
    rules: np.ndarray

    @classmethod
    def of(cls, facts: Sequence[Facts]) -> Hits:
        if not facts:
            return cls(np.zeros(0, np.int64), np.zeros(0, np.int32))
        rows = np.concatenate([fact.rows for fact in facts])
        rules = np.repeat(np.array([fact.rule for fact in facts], np.int32), [len(fact.rows) for fact in facts])
        order = np.lexsort((rules, rows))
        return cls(rows[order], rules[order])

    def offsets(self, count: int) -> np.ndarray:
        """int32[count + 1]: the hits of row i are offsets[i] … offsets[i + 1] - 1."""
        return np.searchsorted(self.rows, np.arange(count + 1)).astype(np.int32)


class Stage:
    """The features, rules and scores of one side, with their state."""

    def __init__(self, side: Literal["source", "target"], rule_set: RuleSet, limits: Limits) -> None:
        self._side = side
        self._bank = FeatureBank([feature for feature in rule_set.features if feature.stage == side], limits)
        mine = [rule.stage == side for rule in rule_set.rules]
        self._live = np.array([rule.mode == "live" for rule in rule_set.rules], bool)
        self._by_kind: dict[Kind, list[tuple[int, Rule]]] = {
            kind: [(i, rule) for i, rule in enumerate(rule_set.rules) if mine[i] and kind in rule.kinds]
            for kind in Kind
        }
        weights = np.array([rule.score for rule in rule_set.rules]) * self._live * np.array(mine, bool)
        evidence = np.array([rule.evidence for rule in rule_set.rules], np.uint8)
        self._scores = EvidenceScores(weights, evidence, rule_set.half_life_ms, limits.scored_keys_max)

    @property
    def evicted(self) -> int:
        return self._bank.evicted + self._scores.evicted

    def run(self, chunk: Chunk, views: Views) -> list[Facts]:
        """Brings the windows up to date and evaluates the rules: where each hit, and on what."""
        self._bank.apply(chunk, views)
        return [facts for view in views if view for facts in self._hits(view)]

    def _hits(self, view: KindView) -> list[Facts]:
        found: list[Facts] = []
        for index, rule in self._by_kind[view.kind]:
            mask = rule.condition(view)
            if np.count_nonzero(mask):
                at = np.flatnonzero(mask)
                found.append(Facts(index, view.rows[at].astype(np.int64), _compared(rule, view, at)))
        return found

    def scores(self, chunk: Chunk, facts: Sequence[Facts]) -> tuple[np.ndarray, np.ndarray]:
        """Score float64[count] and kinds of evidence uint8[count] of every event's source or target."""
        hits = Hits.of([fact for fact in facts if self._live[fact.rule]])
        rows = np.arange(chunk.count, dtype=np.int32)
        return self._scores.apply(
            rows, chunk[self._side], chunk["ts_ms"], chunk.ok, hits.offsets(chunk.count), hits.rules
        )


def _compared(rule: Rule, view: KindView, at: np.ndarray) -> dict[str, np.ndarray]:
    """The values of a condition's terms on the rows `at`, as far as they were computed."""
    terms: dict[str, np.ndarray] = {}
    for term in rule.condition.terms:
        if " in " in term:
            terms[term] = view.looked_up(term.split(" in ")[0], at)
        elif term in view.memo:
            terms[term] = view.memo[term][at].astype(np.float64)
    return terms
