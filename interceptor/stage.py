"""One stage of the engine: windows, rules and scores over what hangs on one side of the events.

Enters: a chunk and its views. Leaves: hits and scores. Invariant: within a stage data flows one way, windows → rules →
scores.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from typing import Literal

import numpy as np

from interceptor.chunk import Chunk, Views
from interceptor.config import Limits
from interceptor.evaluation import Programs
from interceptor.features import FeatureBank
from interceptor.found import Found
from interceptor.hits import Hits
from interceptor.instructions import Assembler, Program
from interceptor.lowering import Lowering
from interceptor.observer import Observer
from interceptor.reload import Restored, digests, names_of, places_after, places_of
from interceptor.rules.expressions import reads
from interceptor.rules.ruleset import Feature, RuleSet
from interceptor.schema import Kind
from interceptor.scores import EvidenceScores, Points
from interceptor.state import State, StateMisfit, nested, read, within, written

Side = Literal["source", "target"]
Windows = Callable[[RuleSet], Sequence[Feature]]
_NO_MASKS = np.zeros((1, 1), np.uint8)


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
        programs = [(kind, *one) for kind in Kind for one in self._programs_for(kind)]
        self._of_kind = {kind: [at for at, (on, *_) in enumerate(programs) if on is kind] for kind in Kind}
        self._names = [name for _, name, _ in programs]
        self._programs, self._found = Programs([program for *_, program in programs]), Found()

    def _programs_for(self, kind: Kind) -> list[tuple[str, Program]]:
        """The side's rules on a kind of event, in one program; one by one where somebody wants to know their costs."""
        rules = self._rule_set.rules
        mine = [i for i, rule in enumerate(rules) if rule.stage == self._side and kind in rule.kinds]
        if self._observer.wants_parts_apart:
            return [(rules[number].name, _program(self._rule_set, [number])) for number in mine]
        return [(self._side, _program(self._rule_set, mine))] if mine else []

    def _weights(self) -> tuple[np.ndarray, np.ndarray]:
        """What each rule adds to the side's scores, float64[rules], and its kind of evidence, uint8[rules]."""
        rules = self._rule_set.rules
        mine = np.array([rule.stage == self._side for rule in rules], bool)
        weights = np.array([rule.score for rule in rules]) * self._live * mine
        return weights, np.array([rule.evidence for rule in rules], np.uint8)

    @property
    def evicted(self) -> int:
        return self._bank.evicted + self._scores.evicted

    def run(self, chunk: Chunk, views: Views) -> Hits:
        """Brings the windows up to date and evaluates the rules."""
        self._bank.apply(chunk, views, self._observer)
        self._found.clear()
        runs = [(number, view) for view in views if view is not None for number in self._of_kind[view.kind]]
        for some in [[one] for one in runs] if self._observer.wants_parts_apart else [runs]:
            self._programs.run(some, _NO_MASKS, self._found)
            self._observer.lap("rule", self._names[some[0][0]] if some else self._side)
        return Hits.of(self._found, chunk.count)

    def scores(self, chunk: Chunk, hits: Hits) -> Points:
        """Gives the chunk its columns SIDE_score float64[count] and SIDE_kinds uint8[count] (of evidence)."""
        scored = self._scores.apply(
            chunk[self._side], chunk["ts_ms"], chunk.ok, hits.rows, hits.rules, self._observer.wants_points
        )
        chunk[f"{self._side}_score"], chunk[f"{self._side}_kinds"] = scored.score, scored.kinds
        self._observer.lap("score", self._side)
        return scored.points


def _program(rule_set: RuleSet, numbers: Sequence[int]) -> Program:
    """Some rules, on a kind of event that they are all on."""
    assembler = Assembler()
    lowering = Lowering(assembler)
    for number in numbers:
        rule = rule_set.rules[number]
        steps, names = lowering.steps(rule.condition), reads(rule.stated)
        assembler.hit(steps, number, [lowering.term(names[name]) for name in rule.compares])
    return assembler.program()
