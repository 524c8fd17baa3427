"""A compiled rule set: what the engine runs.

Enters: nothing. Leaves: RuleSet and its parts. Invariant: immutable; everything that a rules file left open is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from interceptor.rules.definitions import Definitions
from interceptor.rules.expressions import Expression
from interceptor.rules.model import ListDef, TextDef
from interceptor.schema import Action, Kind

Stage = Literal["source", "target"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence: the kinds it is on, and its condition (None = always)."""

    kinds: frozenset[Kind]
    where: Expression | None


@dataclass(frozen=True, slots=True)
class Feature:
    """A window, ready to be run. `value` is the column that it sums, counts or follows."""

    name: str
    window: str
    stage: Stage
    within_ms: int
    by: str
    of: str
    kinds: frozenset[Kind]
    readers: frozenset[Kind]
    where: Expression | None
    numerator: Expression | None
    value: str
    steps: tuple[Step, ...]
    unless: Step | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, ready to be run."""

    name: str
    ref: str
    title: str
    why: str
    version: int
    mode: str
    stage: Stage
    kinds: frozenset[Kind]
    condition: Expression
    score: float
    evidence: int
    actions: Action
    adds_to: str
    adds_for_ms: int
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class LadderStep:
    score: float
    kinds: int
    actions: Action


@dataclass(frozen=True, slots=True)
class Policy:
    """What the scores of source and target lead to at one gate."""

    source: tuple[LadderStep, ...] = ()
    target: tuple[LadderStep, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A compiled rule set. `hash` names it in every decision: 12 hex digits over all definitions."""

    hash: str
    definitions: Definitions
    lists: tuple[ListDef, ...]
    texts: tuple[TextDef, ...]
    features: tuple[Feature, ...]
    rules: tuple[Rule, ...]
    policies: dict[Kind, Policy]
    half_life_ms: int
