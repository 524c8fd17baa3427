"""A compiled rule set: what the engine runs.

Enters: nothing. Leaves: RuleSet and its parts. Invariant: immutable; everything that a rules file left open is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from interceptor.rules.definitions import Definitions
from interceptor.rules.expressions import Expression
from interceptor.rules.model import ListDef, TextDef
from interceptor.schema import Action, Kind

if TYPE_CHECKING:
    from interceptor.patterns import PatternDatabase

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

    @property
    def changed_by(self) -> tuple[Step, ...]:
        """The events that change it: those of any of these."""
        if self.window != "sequence":
            return (Step(self.kinds, self.where),)
        return (*self.steps, *([self.unless] if self.unless else []))

    @property
    def conditions(self) -> Iterator[tuple[frozenset[Kind], Expression]]:
        """All that it asks of events, each with the kinds of event that it is asked of."""
        for step in (Step(self.kinds, self.numerator), *self.changed_by):
            if step.where is not None:
                yield step.kinds, step.where

    @property
    def uses(self) -> frozenset[tuple[str, str]]:
        """What its conditions read."""
        return uses_of(*(condition for _, condition in self.conditions))


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception of a rule: its condition (with its expiry in it), and who answers for it. None = for good."""

    name: str
    condition: Expression
    expires_ms: int | None
    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, ready to be run: `condition` is what it hits on, `stated` the author's part of that, without exceptions
    and sample. One that is rolled out (`sampled`) is two of the same name, live and shadow."""

    name: str
    ref: str
    title: str
    why: str
    version: int
    mode: str
    stage: Stage
    kinds: frozenset[Kind]
    condition: Expression
    stated: Expression
    exceptions: tuple[Exemption, ...]
    score: float
    evidence: int
    actions: Action
    adds_to: str
    adds_for_ms: int
    reason: str
    remedy: str
    systems: tuple[str, ...]
    sampled: bool

    @property
    def compares(self) -> tuple[str, ...]:
        """Names whose values it compares; what it looks up in lists isn't among them."""
        return tuple(term for term in self.stated.terms if " in " not in term)

    @property
    def looks_up(self) -> tuple[tuple[str, str], ...]:
        """(name, list) of each look-up."""
        return tuple(tuple(term.split(" in ")) for term in self.stated.terms if " in " in term)  # type: ignore[misc]


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
    words: PatternDatabase
    features: tuple[Feature, ...]
    rules: tuple[Rule, ...]
    policies: dict[Kind, Policy]
    half_life_ms: int
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)  # of the rules
    shadow: np.ndarray = field(init=False, repr=False, compare=False)  # bool[rules]: which only watch

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(rule.name for rule in self.rules))
        object.__setattr__(self, "shadow", np.array([rule.mode == "shadow" for rule in self.rules], bool))

    @property
    def reads(self) -> frozenset[tuple[str, str]]:
        """What its rules read, by themselves and through features."""
        return uses_of(*(rule.condition for rule in self.rules)).union(*(feature.uses for feature in self.features))

    def needs(self, column: str) -> bool:
        """Whether a window is kept by this column or counts it, or a condition reads it."""
        kept = {name for feature in self.features for name in (feature.by, feature.of, feature.value)}
        return column in kept or ("column", column) in self.reads

    def with_static_lists(self) -> RuleSet:
        """The same rules, but verdicts put nothing on lists."""
        return replace(self, rules=tuple(replace(rule, adds_to="", adds_for_ms=0) for rule in self.rules))

    def only(self, names: Iterable[str]) -> RuleSet:
        """These rules with all that decides whether they hit: features, the rules that fill the lists they look into,
        and, where they read a score, all rules that score."""
        wanted, reads = set(names), frozenset[tuple[str, str]]()
        while True:
            rules = [rule for rule in self.rules if rule.name in wanted]
            reads = uses_of(*(rule.condition for rule in rules))
            while more := uses_of_features(self.features, reads) - reads:
                reads |= more
            scored = any(section == "stage" for section, _ in reads)
            filling = [rule for rule in self.rules if ("list", rule.adds_to) in reads]
            found = {rule.name for rule in filling} | {
                rule.name
                for rule in self.rules
                if (scored and rule.score and rule.stage == "source")
                # What is allowed goes on no list, unless it is blocked all the same
                or (filling and rule.actions & (Action.ALLOW | Action.HARD_BLOCK))
            }
            if found <= wanted:
                break
            wanted |= found
        filled = {rule.adds_to for rule in rules}
        return replace(
            self,
            lists=tuple(one for one in self.lists if ("list", one.list) in reads or one.list in filled),
            rules=tuple(rules),
            features=with_readers(self.features, rules),
        )


def uses_of(*expressions: Expression | None) -> frozenset[tuple[str, str]]:
    """What some conditions read."""
    return frozenset[tuple[str, str]]().union(*(expression.uses for expression in expressions if expression))


def uses_of_features(features: Iterable[Feature], reads: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """What the features among `reads` read themselves."""
    return frozenset().union(*(feature.uses for feature in features if ("feature", feature.name) in reads))


def with_readers(features: Sequence[Feature], rules: Sequence[Rule]) -> tuple[Feature, ...]:
    """Fills in which kinds of event read a feature; features that nobody reads are left out."""
    readers: dict[str, set[Kind]] = {feature.name: set() for feature in features}
    for rule in rules:
        for section, name in rule.condition.uses:
            if section == "feature":
                readers[name] |= rule.kinds
    for feature in features:
        if readers[feature.name]:
            for section, name in feature.uses:
                if section == "feature":
                    readers[name] |= feature.kinds
    return tuple(
        replace(feature, readers=frozenset(readers[feature.name])) for feature in features if readers[feature.name]
    )
