"""One stage of the engine: windows, rules and scores over what hangs on one side of the events.

Enters: a chunk and its views. Leaves: hits and scores. Invariant: within a stage data flows one way, windows → rules →
scores.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np

from interceptor.chunk import Chunk, KindView, Views
from interceptor.config import Limits
from interceptor.decisions import Facts
from interceptor.features import FeatureBank
from interceptor.observer import Observer
from interceptor.reload import Restored, digests, names_of, places_after, places_of
from interceptor.rules.ruleset import Feature, Rule, RuleSet
from interceptor.schema import Kind
from interceptor.scores import EvidenceScores, Points
from interceptor.state import State, StateMisfit, nested, read, within, written


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


Side = Literal["source", "target"]
Windows = Callable[[RuleSet], Sequence[Feature]]


class Stage:
    """The features, rules and scores of one side, with their state. Of a stage that is spread over shards, `windows`
    says which of its features are kept here; what else its rules read must be in the chunk already."""

    def __init__(
        self, side: Side, rule_set: RuleSet, limits: Limits, observer: Observer, windows: Windows | None = None
    ) -> None:
        self._observer = observer
        self._windows = windows or (lambda rules: [feature for feature in rules.features if feature.stage == side])
        self._follow(side, rule_set)
        self._bank = FeatureBank(self._windows(rule_set), limits)
        self._scores = EvidenceScores(*self._weights(), rule_set.half_life_ms, limits.scored_keys_max)

    def reloaded(self, rule_set: RuleSet, kept: Collection[str]) -> Stage:
        """The stage under another rule set, with the windows of the features in `kept` and the evidence of rules that
        both have. Both share these from now on: go on with one of them."""
        stage = copy(self)
        stage._follow(self._side, rule_set)
        stage._bank = self._bank.reloaded(self._windows(rule_set), kept)
        places = np.array(places_after(self._rule_set, rule_set), np.int32)
        stage._scores = self._scores.reloaded(*stage._weights(), rule_set.half_life_ms, places)
        return stage

    def taken(self) -> State:
        """Windows, and scores with the names of the rules that they speak of."""
        windows = self._bank.taken(self._digests)
        names = {"rules": written(names_of(self._rule_set))}
        return nested({"windows": windows, "scores": self._scores.taken()}) | names

    def put_back(self, state: Mapping[str, np.ndarray]) -> Restored:
        """Goes on where another stage was, maybe under another rule set: as if it had been reloaded to this one. Raises
        StateMisfit; then this stage is of no use any more."""
        try:
            names = [(str(name), str(mode)) for name, mode in read(state, "rules")]
        except (TypeError, ValueError):
            raise StateMisfit("rules: not names and modes") from None
        self._scores.put_back(within(state, "scores"), np.array(places_of(names, self._rule_set), np.int32))
        return self._bank.put_back(within(state, "windows"), self._digests)

    def _follow(self, side: Side, rule_set: RuleSet) -> None:
        self._side, self._rule_set, self._digests = side, rule_set, digests(rule_set)
        self._live = np.array([rule.mode == "live" for rule in rule_set.rules], bool)
        self._by_kind: dict[Kind, list[tuple[int, Rule]]] = {
            kind: [(i, rule) for i, rule in enumerate(rule_set.rules) if rule.stage == side and kind in rule.kinds]
            for kind in Kind
        }

    def _weights(self) -> tuple[np.ndarray, np.ndarray]:
        """What each rule adds to the side's scores, float64[rules], and its kind of evidence, uint8[rules]."""
        rules = self._rule_set.rules
        mine = np.array([rule.stage == self._side for rule in rules], bool)
        weights = np.array([rule.score for rule in rules]) * self._live * mine
        return weights, np.array([rule.evidence for rule in rules], np.uint8)

    @property
    def evicted(self) -> int:
        return self._bank.evicted + self._scores.evicted

    def run(self, chunk: Chunk, views: Views) -> list[Facts]:
        """Brings the windows up to date and evaluates the rules: where each hit, and on what."""
        self._bank.apply(chunk, views, self._observer)
        return [facts for view in views if view for facts in self._hits(view)]

    def _hits(self, view: KindView) -> list[Facts]:
        found: list[Facts] = []
        for index, rule in self._by_kind[view.kind]:
            mask = rule.condition(view)
            if np.count_nonzero(mask):
                at = np.flatnonzero(mask)
                found.append(Facts(index, view.rows[at].astype(np.int64), _compared(rule, view, at)))
            self._observer.lap("rule", rule.name)
        return found

    def scores(self, chunk: Chunk, facts: Sequence[Facts]) -> Points:
        """Gives the chunk its columns SIDE_score float64[count] and SIDE_kinds uint8[count] (of evidence)."""
        hits = Hits.of([fact for fact in facts if self._live[fact.rule]])
        rows = np.arange(chunk.count, dtype=np.int32)
        scored = self._scores.apply(
            rows, chunk[self._side], chunk["ts_ms"], chunk.ok, hits.offsets(chunk.count), hits.rules,
            self._observer.wants_points,
        )  # fmt: skip
        chunk[f"{self._side}_score"], chunk[f"{self._side}_kinds"] = scored.score, scored.kinds
        self._observer.lap("score", self._side)
        return scored.points


def _compared(rule: Rule, view: KindView, at: np.ndarray) -> dict[str, np.ndarray]:
    """The values of a condition's terms on the rows `at`, as far as they were computed."""
    terms: dict[str, np.ndarray] = {}
    for term in rule.stated.terms:
        if " in " in term:
            terms[term] = view.looked_up(term.split(" in ")[0], at)
        elif term in view.memo:
            terms[term] = view.memo[term][at].astype(np.float64)
    return terms
