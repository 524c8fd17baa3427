"""The engine in one piece, for whoever keeps its lists and its state: what one core can decide needs no parts.

Enters: events in the order of the stream. Leaves: decisions, entries for lists, state. Invariants: it decides what the
engine decides; lists belong to who runs it: what verdicts add to them is told, not done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from interceptor.config import Limits
from interceptor.decisions import Decisions
from interceptor.engine import Engine
from interceptor.judgement import Addition
from interceptor.listbook import ListBook
from interceptor.parts import Part
from interceptor.rules.ruleset import Feature, RuleSet
from interceptor.state import State, nested, within


class Whole(Part):
    """Admit, screen and protect at once."""

    def __init__(self, rule_set: RuleSet, lists: ListBook, limits: Limits) -> None:
        super().__init__(rule_set, lists, limits)
        self._engine = _Telling(rule_set, lists, limits)

    def apply(self, frame: pa.RecordBatch) -> tuple[Decisions, list[Addition]]:
        """Events (EVENT_SCHEMA) → what is decided of each, and entries for lists. Raises BadFrame, with nothing
        changed, where it isn't a batch of events."""
        return self._engine.decide(frame), self._engine.told()

    def taken(self) -> State:
        return self._engine.taken()

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        self._engine.put_back(state)

    def reload(self, rule_set: RuleSet, lists: ListBook) -> None:
        self._engine.go_on_with(rule_set, lists, self._kept(rule_set))
        self._follow(rule_set, lists)

    def _windows(self, rule_set: RuleSet) -> Sequence[Feature]:
        return rule_set.features


class _Telling(Engine):
    """Tells what verdicts put on lists, and leaves it to others."""

    def __init__(self, rule_set: RuleSet, lists: ListBook, limits: Limits) -> None:
        super().__init__(rule_set, limits)
        self._lists = lists

    def told(self) -> list[Addition]:
        """What is new since it was asked last."""
        told, self._to_list = self._to_list, []
        return told

    def go_on_with(self, rule_set: RuleSet, lists: ListBook, kept: frozenset[str]) -> None:
        """With another rule set and its lists; windows of the features in `kept` go on."""
        source, target = (stage.reloaded(rule_set, kept) for stage in (self._source, self._target))
        self._follow(rule_set, lists, source, target)

    def taken(self) -> State:
        """All that it knows of the events so far; shares no memory with it."""
        sides = {"source": self._source.taken(), "target": self._target.taken()}
        groups = {"wordings": self._wordings.taken()} if self._wordings else {}
        return nested({"admission": self._admission.taken()} | sides | groups)

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on where another was. Raises StateMisfit; then this one is of no use any more."""
        self._admission.put_back(within(state, "admission"))
        self._source.put_back(within(state, "source"))
        self._target.put_back(within(state, "target"))
        if self._wordings and within(state, "wordings"):
            self._wordings.put_back(within(state, "wordings"))

    def _turn_to(self, tick: int) -> None:
        """Who keeps the lists brings into force what is on them."""
