"""A rule's tests, tried out on the engine.

Enters: a rule set and the name of a rule. Leaves: what its tests showed, and what of its condition they tried.
Invariant: a test runs on a fresh engine, with the rule and all that it reads; where a verdict is expected, with all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from typing_extensions import override

from interceptor.chunk import Chunk, Views
from interceptor.decisions import Decisions
from interceptor.engine import Engine
from interceptor.hits import Hits
from interceptor.observer import Observer
from interceptor.rules.cases import CaseDef, Columns, events_of
from interceptor.rules.expressions import Expression, comparisons
from interceptor.rules.model import ItemDef
from interceptor.rules.names import DURATIONS, Type
from interceptor.rules.ruleset import Rule, RuleSet
from interceptor.schema import COLUMNS, EVENT_SCHEMA, Verdict
from interceptor.scores import Points

NEAR = 0.05  # how far from a threshold a value may be that tries it, where it isn't a whole number


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test showed: the events that the rule hit (from 1), the last event's verdict, and what was amiss."""

    case: CaseDef
    hits: tuple[int, ...]
    verdict: str
    problem: str

    @property
    def passed(self) -> bool:
        return not self.problem


@dataclass(slots=True)
class Tried:
    """What a rule's tests tried of one leaf of its condition."""

    leaf: Expression
    was: set[bool] = field(default_factory=set)
    below: float = -np.inf  # the value nearest to the threshold for which the comparison was false …
    above: float = np.inf  # … and true, or the other way round

    @property
    def both_ways(self) -> bool:
        return len(self.was) == 2

    @property
    def threshold(self) -> float | None:
        """The number that a value is compared with, where it is."""
        return threshold_of(self.leaf)

    @property
    def closely(self) -> bool:
        """Were the values on both sides of the threshold next to each other?"""
        if not self.both_ways or self.threshold is None:
            return False
        quantity = self.leaf.parts[0]
        unit = DURATIONS[quantity.key][1] if quantity.key in DURATIONS else 1 if quantity.type is Type.NUMBER else 0
        ratio = any(part.op == "/" for part in _all_parts(quantity))
        return self.above - self.below <= max(0 if ratio else unit, NEAR * abs(self.threshold))


def threshold_of(leaf: Expression) -> float | None:
    """The constant on the right of a comparison of quantities, else None."""
    if leaf.op not in ("<", "<=", ">", ">=", "==", "!=") or len(leaf.parts) != 2:
        return None
    constant = leaf.parts[1].constant
    return float(constant) if isinstance(constant, int | float) else None


def _all_parts(expression: Expression) -> list[Expression]:
    return [expression, *(inner for part in expression.parts for inner in _all_parts(part))]


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """All tests of one rule, and each leaf of its condition."""

    rule: Rule
    outcomes: tuple[Outcome, ...]
    tried: tuple[Tried, ...]

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.passed]

    @property
    def has_hit(self) -> bool:
        return any(outcome.hits for outcome in self.outcomes)

    @property
    def has_miss(self) -> bool:
        """Is there an event of the rule's kind that it let be?"""
        return any(outcome.case.expect.hits == 0 or min(outcome.hits, default=0) > 1 for outcome in self.outcomes)


class _Coverage(Observer):
    """Notes for every leaf of a condition what it was, and how near to its threshold."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.tried = {leaf.key: Tried(leaf) for leaf in comparisons(rule.stated)}

    @override
    def saw(self, start: int, chunk: Chunk, views: Views, hits: Hits, source: Points, target: Points) -> None:
        for view in views:
            if view is None or view.kind not in self._rule.kinds:
                continue
            for tried in self.tried.values():
                was = np.broadcast_to(tried.leaf(view), view.count)
                tried.was |= set(was.tolist())
                if tried.threshold is not None:
                    values = np.broadcast_to(tried.leaf.parts[0](view), view.count)
                    _narrow(tried, values.astype(np.float64), was)


def _narrow(tried: Tried, values: np.ndarray, was: np.ndarray) -> None:
    """Moves both ends to the nearest values on either side."""
    low, high = (~was, was) if tried.leaf.op in (">", ">=", "==") else (was, ~was)
    tried.below = max(tried.below, float(values[low].max(initial=-np.inf)))
    tried.above = min(tried.above, float(values[high].min(initial=np.inf)))


def try_rule(rule_set: RuleSet, name: str) -> RuleTrial:
    """Runs the tests that stand beside a rule."""
    rule = next(rule for rule in rule_set.rules if rule.name == name)
    small = rule_set.only([name])
    coverage = _Coverage(rule)
    cases = rule_set.definitions.rules[name].tests
    outcomes = tuple(_tried(case, name, rule_set, small, coverage) for case in cases)
    return RuleTrial(rule, outcomes, tuple(coverage.tried.values()))


def _tried(case: CaseDef, name: str, whole: RuleSet, small: RuleSet, coverage: _Coverage) -> Outcome:
    frame = frame_of(events_of(case))
    decided = Engine(_with_entries(small, case), observer=coverage).decide(frame)
    hits = tuple(
        int(row) + 1 for row in np.unique(decided.hit_row[np.isin(decided.hit_rule, _positions(decided, name))])
    )
    verdict = ""
    if case.expect.verdict is not None:
        decided = Engine(_with_entries(whole, case)).decide(frame)
        verdict = Verdict(decided.verdict[-1]).name.lower()
    return Outcome(case, hits, verdict, _problem(case, hits, verdict))


def _positions(decided: Decisions, name: str) -> list[int]:
    return [position for position, rule in enumerate(decided.rules) if rule == name]


def _problem(case: CaseDef, hits: tuple[int, ...], verdict: str) -> str:
    """What was not as expected, or ""."""
    expect = case.expect
    if expect.hits is not None and len(hits) != expect.hits:
        return f"expected {_events(expect.hits)} hit, found {_events(len(hits))}{_which(hits)}"
    if expect.first is not None and hits[:1] != (expect.first,):
        return f"expected event {expect.first} to be the first that is hit, found {_first(hits)}"
    if expect.verdict is not None and verdict != expect.verdict:
        return f"expected verdict {expect.verdict} for the last event, found {verdict}"
    return ""


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _first(hits: tuple[int, ...]) -> str:
    return f"event {hits[0]}" if hits else "none"


def _which(hits: tuple[int, ...]) -> str:
    if not hits:
        return ""
    return f" ({', '.join(map(str, hits[:8]))}{', …' if len(hits) > 8 else ''})"


def _with_entries(rule_set: RuleSet, case: CaseDef) -> RuleSet:
    """The same rule set with the entries that the test puts on its lists."""
    if not case.lists:
        return rule_set
    lists = tuple(
        one.model_copy(update={"items": [*one.items, *(ItemDef(value=str(value)) for value in case.lists[one.list])]})
        if one.list in case.lists
        else one
        for one in rule_set.lists
    )
    return replace(rule_set, lists=lists)


def frame_of(events: Sequence[Columns]) -> pa.RecordBatch:
    """Events as a frame; what an event doesn't say is 0, False or ""; taken in the moment they happen."""
    arrays = []
    for column in COLUMNS:
        name = "ts_ms" if column.name == "ingest_ts_ms" else column.name
        empty = "" if pa.types.is_string(column.type) else False if pa.types.is_boolean(column.type) else 0
        arrays.append(pa.array([event.get(name, empty) for event in events], column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA)
