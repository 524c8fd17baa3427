"""A comparison of a rule that can be varied: a quantity against a constant.

Enters: a rule, and which comparison is meant. Leaves: a Threshold. Invariant: cut-offs are *oriented*: the higher, the
fewer values the comparison holds for, whatever its sign; what is written is written in the language's own units.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from interceptor.rules.errors import nearest, printable
from interceptor.rules.expressions import Expression, all_of, any_of, compared, constant, negated, with_leaf
from interceptor.rules.names import DURATIONS, Type
from interceptor.rules.ruleset import Rule, RuleSet
from interceptor.rules.written import UNITS, written
from interceptor.sightings import NEVER
from interceptor.tuning.tables import UsageProblem
from interceptor.tuning.trial import NEAR

_ROUND_YUAN = (10_000, 1_000, 100, 10, 1)
_DECIMALS_MAX = 12
_OPERATE: dict[str, Callable[..., Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


@dataclass(frozen=True, slots=True)
class Threshold:
    """`value` `sign` `number`; `leaf` may have it the other way round. `macro`: the one that it stands in, or ""."""

    leaf: Expression
    value: Expression
    sign: str
    number: float
    macro: str

    @property
    def term(self) -> str:
        """The compared value as an author would write it."""
        return written(self.value)

    @property
    def strict(self) -> bool:
        """Is the threshold itself outside?"""
        return len(self.sign) == 1

    @property
    def of_feature(self) -> bool:
        return any(section == "feature" for section, _ in self.value.uses)

    def oriented(self, values: Any) -> Any:
        """Values or cut-offs so that higher ones are stricter; the same function takes it back."""
        return values if self.sign[0] == ">" else -values

    def plain(self, number: float) -> float:
        """A cut-off as Python has it: whole numbers as int, durations as whole ms."""
        number = float(number)
        if self.value.type is Type.DURATION or number.is_integer():
            return round(number)
        return number

    def literal(self, number: float) -> str:
        """A cut-off as the language writes it: 30m, 20_000, 0.85."""
        number = self.plain(number)
        if self.value.type is Type.DURATION:
            if abs(number) >= NEVER:
                return "never"
            unit, length_ms = next(one for one in UNITS if number % one[1] == 0)
            return f"{_grouped(number // length_ms)}{unit}"
        return _grouped(number)

    def text(self, number: float) -> str:
        """The whole comparison with this cut-off."""
        if self.leaf.parts[0] is self.value:
            return f"{self.term} {self.leaf.op} {self.literal(number)}"
        return f"{self.literal(number)} {self.leaf.op} {self.term}"

    def at(self, number: float) -> Expression:
        """The leaf with this cut-off, just as the compiler makes it."""
        number = self.plain(number)
        key = f"{number}ms" if self.value.type is Type.DURATION else repr(number)
        key = f"(-{key[1:]})" if number < 0 else key
        old = self.leaf.parts[1] if self.leaf.parts[0] is self.value else self.leaf.parts[0]
        new = Expression(old.type, key, lambda view: np.full(view.count, number), constant=number)
        a, b = (self.value, new) if self.leaf.parts[0] is self.value else (new, self.value)
        return compared(self.leaf.op, _OPERATE[self.leaf.op], a, b)

    def of_rule(self, rule: Rule, leaf: Expression) -> Expression:
        """What the rule hits on with another leaf, its exceptions in force, not sampled."""
        condition = with_leaf(rule.stated, self.leaf.key, leaf)
        if not rule.exceptions:
            return condition
        return all_of([condition, negated(any_of([one.condition for one in rule.exceptions]))])

    def both(self, rule: Rule) -> tuple[Expression, Expression]:
        """What the rule hits on where the comparison holds, and where it doesn't."""
        return self.of_rule(rule, constant(True)), self.of_rule(rule, constant(False))

    def step(self) -> float:
        """How far two cut-offs may be apart that are as good as neighbours."""
        unit = DURATIONS[self.value.key][1] if self.value.key in DURATIONS else 0
        if self.value.type is Type.NUMBER and float(self.number).is_integer() and self.value.op != "/":
            unit = 1
        return max(unit, NEAR * abs(self.number))

    def rounded(self, cut: float, neighbour: float) -> float:
        """The roundest cut-off from `cut` to before `neighbour`, both oriented: towards the looser side, or where the
        threshold itself is outside, the stricter."""
        up = (self.sign[0] == ">") == self.strict
        value, end = float(self.oriented(cut)), float(self.oriented(neighbour))
        if self.value.type is not Type.DURATION and value.is_integer() and self.value.type is not Type.MONEY:
            return cut
        for divide in self._divisors():
            whole = (math.ceil if up else math.floor)(divide(value))
            found = float(self._undivided(whole, divide))
            if found > 0 and (value <= found < end if up else end < found <= value):
                return float(self.oriented(found))
        return cut

    def _divisors(self) -> Iterator[Callable[[float], float]]:
        if self.value.type is Type.DURATION:
            yield from (_by(length_ms) for _, length_ms in UNITS)
            return
        yield from (_by(unit) for unit in (_ROUND_YUAN if self.value.type is Type.MONEY else (1,)))
        yield from (_times(10**digits) for digits in range(1, _DECIMALS_MAX))

    @staticmethod
    def _undivided(whole: int, divide: Callable[[float], float]) -> float:
        one = divide(1.0)
        return whole / one if one >= 1 else whole * round(1 / one)


def _by(unit: int) -> Callable[[float], float]:
    return lambda value: value / unit


def _times(factor: int) -> Callable[[float], float]:
    return lambda value: value * factor


def _grouped(number: float) -> str:
    """20_000: from five digits on, a number is read more easily in groups."""
    if isinstance(number, int):
        return f"{number:_}" if abs(number) >= 10_000 else str(number)
    return repr(number)


def thresholds(rule: Rule) -> list[Threshold]:
    """All comparisons of a rule's condition that can be varied, in the author's order, equal ones once."""
    found = {leaf.key: one for leaf, macro in _leaves(rule.stated, "") if (one := _threshold(leaf, macro))}
    return list(found.values())


def _leaves(expression: Expression, macro: str) -> Iterator[tuple[Expression, str]]:
    macro = expression.label or macro
    if expression.op in ("and", "or", "not"):
        for part in expression.parts:
            yield from _leaves(part, macro)
    elif expression.op:
        yield expression, macro


def _threshold(leaf: Expression, macro: str) -> Threshold | None:
    if leaf.op not in _OPERATE or len(leaf.parts) != 2:
        return None
    left, right = leaf.parts
    for value, number, sign in ((left, right, leaf.op), (right, left, _MIRRORED[leaf.op])):
        if isinstance(number.constant, int | float) and value.constant is None and value.uses:
            return Threshold(leaf, value, sign, number.constant, macro)
    return None


def chosen(rule: Rule, term: str | None) -> Threshold:
    """The comparison that is meant by `term`: its value, or all of it; else the first on a feature that the rule states
    itself. Raises UsageProblem."""
    known = thresholds(rule)
    if not known:
        raise UsageProblem(
            f"{rule.name}: nothing in its condition can be varied\n"
            "  hint: what can is a number, duration or amount compared with a constant by < <= > >="
        )
    if term is None:
        return min(known, key=lambda one: (not one.of_feature, bool(one.macro)))
    wanted = _squeezed(term)
    for one in known:
        names = (one.term, one.value.key, written(one.leaf), one.leaf.key, one.text(one.number))
        if wanted in {_squeezed(name) for name in names}:
            return one
    texts = {one.term: one.text(one.number) for one in known}
    hint = nearest(term, texts) or "name the value that is compared, or all of one comparison"
    raise UsageProblem(
        f"--term {printable(term)}: {rule.name} has no such comparison\n"
        f"  hint: {hint}\n  it has: {'; '.join(one.text(one.number) for one in known)}"
    )


def with_number(rule_set: RuleSet, rule: Rule, threshold: Threshold, number: float) -> RuleSet:
    """The rule set with the threshold really set to another cut-off."""
    stated = with_leaf(rule.stated, threshold.leaf.key, threshold.at(number))
    rules = (
        replace(one, stated=stated, condition=with_leaf(one.condition, one.stated.key, stated))
        if one.name == rule.name
        else one
        for one in rule_set.rules
    )
    return replace(rule_set, rules=tuple(rules))


def _squeezed(text: str) -> str:
    text = "".join(text.split())
    while text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        text = text[1:-1]
    return text
