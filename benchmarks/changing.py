"""Which events change which windows of a rule set: for the floor of the budget.

Enters: a rule set, a stream. Leaves: for each feature the rows of the events that change it. Invariant: it is found out
through the engine's own rules: each condition of a window stands as a rule that only watches, and hits where it holds.

A condition that reads a score finds none here, since nothing scores; of the shipped windows two do.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pyarrow as pa

from benchmarks import streams
from interceptor.engine import Engine
from interceptor.rules import RuleSet
from interceptor.rules.expressions import Expression
from interceptor.rules.ruleset import Rule, with_readers
from interceptor.schema import Action, Kind

FRAME_ROWS = 32_768


def changing(rule_set: RuleSet, frame: pa.RecordBatch) -> dict[str, np.ndarray]:
    """For each feature int64[m]: the rows that change it, ascending."""
    steps: dict[tuple[frozenset[Kind], str, str], Expression] = {}
    for feature in rule_set.features:
        for step in feature.changed_by:
            if step.where is not None:
                steps[step.kinds, step.where.key, feature.stage] = step.where
    hits = _hits(rule_set, frame, steps)
    kinds = frame.column("kind").to_numpy()
    found = {}
    for feature in rule_set.features:
        rows = [
            np.flatnonzero(np.isin(kinds, list(step.kinds)))
            if step.where is None
            else hits[step.kinds, step.where.key, feature.stage]
            for step in feature.changed_by
        ]
        found[feature.name] = np.unique(np.concatenate(rows))
    return found


def _hits(
    rule_set: RuleSet, frame: pa.RecordBatch, steps: dict[tuple[frozenset[Kind], str, str], Expression]
) -> dict[tuple[frozenset[Kind], str, str], np.ndarray]:
    rules = tuple(
        _watching(rule_set.rules[0], f"step-{number}", kinds, where, stage)
        for number, ((kinds, _, stage), where) in enumerate(steps.items())
    )
    engine = Engine(replace(rule_set, rules=rules, features=with_readers(rule_set.features, rules)))
    rows: dict[int, list[np.ndarray]] = defaultdict(list)
    for number, piece in enumerate(streams.frames_of(frame, FRAME_ROWS)):
        decisions = engine.decide(piece)
        order = np.argsort(decisions.hit_rule, kind="stable")
        which, starts = np.unique(decisions.hit_rule[order], return_index=True)
        for rule, mine in zip(which.tolist(), np.split(decisions.hit_row[order], starts[1:]), strict=False):
            rows[rule].append(mine.astype(np.int64) + number * FRAME_ROWS)
    nothing = [np.zeros(0, np.int64)]
    return {key: np.concatenate(rows.get(number, nothing)) for number, key in enumerate(steps)}


def _watching(like: Rule, name: str, kinds: frozenset[Kind], where: Expression, stage: str) -> Rule:
    """A rule that hits where a condition holds, and does nothing."""
    effects = {"score": 0.0, "actions": Action(0), "adds_to": "", "adds_for_ms": 0}
    about = {"name": name, "mode": "shadow", "stage": stage, "kinds": kinds, "exceptions": (), "sampled": False}
    return replace(like, condition=where, stated=where, **effects, **about)  # type: ignore[arg-type]
