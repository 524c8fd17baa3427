"""What a condition's comparisons leave open: intervals, contradictions, and conditions that imply each other.

Enters: compiled conditions. Leaves: answers that hold for every event. Invariant: only what follows from the parts of a
conjunction by themselves is said; a part that isn't understood is a name that may be true or false.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import inf

from interceptor.rules.expressions import Expression, comparisons
from interceptor.rules.names import Type
from interceptor.rules.ruleset import Feature, RuleSet

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
SCORE_KINDS = 8


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`; an end that is `open` isn't one of them."""

    low: float = -inf
    high: float = inf
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def both(self, other: Span) -> Span:
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Span(low, high, low_open, not closed)

    def holds(self, other: Span) -> bool:
        """Whether all of the other's numbers are among these."""
        return other.empty or self.both(other) == other


@dataclass(frozen=True, slots=True)
class Literal:
    """A leaf, or its negation. `key` is the same for `a != b` and for what isn't `a == b`. `term` and `span` where a
    term is compared with a number, `term` and `word` where with a word."""

    part: Expression
    key: str
    positive: bool
    term: str = ""
    span: Span = Span()
    differs: bool = False  # `term != number`
    word: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    part: Expression
    words: str


class Bounds:
    """What values can be at all, by the name of the term."""

    def __init__(self, rule_set: RuleSet) -> None:
        self._features = {feature.name: feature for feature in rule_set.features}

    def of(self, term: Expression) -> Span:
        if term.op:
            return Span()
        if term.key in self._features:
            return _of_feature(self._features[term.key])
        if term.key == "hour":
            return Span(0, 23)
        if term.key == "source_kinds":
            return Span(0, SCORE_KINDS)
        return Span(0) if term.type in (Type.NUMBER, Type.DURATION, Type.MONEY) and term.constant is None else Span()

    def words(self, leaf: Expression) -> str:
        """What the term of a comparison can be."""
        literal = _literal(leaf, True)
        term = next(part for part in leaf.parts if part.key == literal.term)
        span = self.of(term)
        low, high = _written(span.low, term.type), _written(span.high, term.type)
        return f"from {low} to {high}" if span.high < inf else f"at least {low}"


def _of_feature(feature: Feature) -> Span:
    if feature.window == "ratio":
        return Span(0, 1)
    return Span(0)


def _written(value: float, type_: Type) -> str:
    return f"{value / 1_000:g}s" if type_ is Type.DURATION and value else f"{value:g}"


def contradiction(condition: Expression, bounds: Bounds, empty_lists: Collection[str]) -> Contradiction | None:
    """Why no event fulfils a condition, where that can be seen."""
    found = [why for branch in _branches(condition, True) if (why := _conflict(branch, bounds, empty_lists))]
    return found[0] if found and len(found) == len(list(_branches(condition, True))) else None


def constant_leaves(condition: Expression, bounds: Bounds) -> Iterator[tuple[Expression, bool]]:
    """Comparisons that have one answer for every event, with that answer."""
    for leaf in comparisons(condition):
        literal = _literal(leaf, True)
        if not literal.term or literal.differs or literal.word:
            continue
        term = next(part for part in leaf.parts if part.key == literal.term)
        possible = bounds.of(term)
        if literal.span.holds(possible):
            yield leaf, True
        elif literal.span.both(possible).empty:
            yield leaf, False


class Meaning:
    """A condition as alternatives, each a conjunction: to be compared with others."""

    def __init__(self, condition: Expression) -> None:
        self._key = condition.key
        self._branches = [(branch, _spans(branch), _facts(branch)) for branch in _branches(condition, True)]

    def implies(self, other: Meaning) -> bool:
        """Whether every event that fulfils this condition fulfils the other."""
        return self._key == other._key or all(
            any(_entails(spans, facts, goal) for goal, _, _ in other._branches) for _, spans, facts in self._branches
        )


Facts = set[tuple[str, bool]]


def _facts(literals: list[Literal]) -> Facts:
    return {(one.key, one.positive) for one in literals}


def _entails(spans: dict[str, Span], facts: Facts, wanted: list[Literal]) -> bool:
    return all(
        (one.key, one.positive) in facts
        or (one.term in spans and not (one.differs or one.word) and one.span.holds(spans[one.term]))
        for one in wanted
    )


def _spans(literals: list[Literal]) -> dict[str, Span]:
    found: dict[str, Span] = {}
    for one in literals:
        if one.term and not one.word:
            found[one.term] = found.get(one.term, Span()).both(one.span)
    return found


def _conflict(literals: list[Literal], bounds: Bounds, empty_lists: Collection[str]) -> Contradiction | None:
    facts = _facts(literals)
    spans: dict[str, Span] = {}
    words: dict[str, str] = {}
    for one in literals:
        key = one.part.key.strip("()")
        if one.part.key == str(not one.positive):
            return Contradiction(one.part, "it is false")
        if (one.key, not one.positive) in facts:
            return Contradiction(one.part, f"{key} and its opposite")
        if one.part.op == "in" and one.positive and key.rpartition(" in ")[2] in empty_lists:
            return Contradiction(one.part, f"the list {key.rpartition(' in ')[2]} is empty, and nobody fills it")
        if one.word and one.positive and words.setdefault(one.term, one.word) != one.word:
            return Contradiction(one.part, f"{one.term} can't be {words[one.term]} and {one.word} at once")
        if not one.term or one.word:
            continue
        term = next(part for part in one.part.parts if part.key == one.term)
        before = spans.get(one.term, bounds.of(term))
        spans[one.term] = before.both(one.span)
        if before.both(one.span).empty:
            return Contradiction(one.part, f"{key} can't be true" + (" beside the rest" if one.term in spans else ""))
    return None


BRANCHES_MAX = 32


def _branches(condition: Expression, positive: bool) -> Iterator[list[Literal]]:
    """The condition as alternatives of conjunctions; as one that isn't understood where they would be too many."""
    found = _alternatives(condition, positive)
    yield from found if found is not None else [[_literal(condition, positive)]]


def _alternatives(part: Expression, positive: bool) -> list[list[Literal]] | None:
    if part.op == "not":
        return _alternatives(part.parts[0], not positive)
    if part.op not in ("and", "or"):
        return [[_literal(part, positive)]]
    below = [_alternatives(one, positive) for one in part.parts]
    found: list[list[Literal]] = [[]] if (part.op == "and") == positive else []
    for one in below:
        if one is None:
            return None
        if (part.op == "and") == positive:
            found = [[*left, *right] for left in found for right in one]
        else:
            found = [*found, *one]
        if len(found) > BRANCHES_MAX:
            return None
    return found


def _literal(part: Expression, positive: bool) -> Literal:
    sign = part.op
    if sign not in _FLIPPED or len(part.parts) != 2:
        return Literal(part, part.key, positive)
    term, bound = part.parts
    if term.constant is not None:
        term, bound, sign = bound, term, _FLIPPED[sign]
    value = bound.constant
    same = sign in ("==", "!=")
    key = f"{term.key} == {bound.key}" if same else part.key
    holds = positive == (sign != "!=")
    if isinstance(value, str):
        return Literal(part, key, holds, term.key, word=value)
    if not isinstance(value, int | float) or term.constant is not None:
        return Literal(part, key, holds)
    sign, number = sign if positive else _OPPOSITE[sign], float(value)
    if sign == "!=":
        return Literal(part, key, holds, term.key, differs=True)
    low = number if sign in (">", ">=", "==") else -inf
    high = number if sign in ("<", "<=", "==") else inf
    return Literal(part, key, holds, term.key, Span(low, high, sign == ">", sign == "<"))
