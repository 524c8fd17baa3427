"""Expressions over columns: what a condition is once it is understood.

Enters: smaller expressions. Leaves: an Expression that can be called with a View, and that can be taken apart again.
Invariant: equal keys mean the same, so that a view answers each but once; a division by zero is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from interceptor.rules.names import Read, Type, View

_ODD = 0x9E3779B97F4A7C15  # spreads neighbouring values: 2^64 by the golden ratio


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled (part of a) condition. `key` is its canonical text: equal keys are evaluated once per view.

    `uses` holds ("feature" | "list" | "text" | "column" | "stage", name); `terms` the named values that it compares.
    `op` and `parts` are how it was put together, in the author's order: "and", "<", "in", "+" …; "" for a name or a
    constant. `label` is the macro that it stands for, `read` what a name reads.
    """

    type: Type
    key: str
    compute: Callable[[View], np.ndarray]
    uses: frozenset[tuple[str, str]] = frozenset()
    terms: tuple[str, ...] = ()
    constant: float | str | None = None
    op: str = ""
    parts: tuple[Expression, ...] = ()
    label: str = ""
    read: Read | None = None

    def __call__(self, view: View) -> np.ndarray:
        found = view.memo.get(self.key)
        if found is None:
            found = view.memo[self.key] = self.compute(view)
        return found


def joined(
    type_: Type, sign: str, parts: Iterable[Expression], compute: Callable[[View], np.ndarray], prefix: bool = False
) -> Expression:
    parts = list(parts)
    key = sign + parts[0].key if prefix else sign.join(part.key for part in parts)
    uses = frozenset().union(*(part.uses for part in parts))
    terms = tuple(dict.fromkeys(term for part in parts for term in part.terms))
    return Expression(type_, f"({key})", compute, uses, terms, op=sign.strip(), parts=tuple(parts))


def all_of(parts: Sequence[Expression]) -> Expression:
    """True where all parts are."""
    cheap_first = sorted(parts, key=_cost)
    return joined(Type.YES_NO, " and ", parts, lambda view: _all(cheap_first, view))


def any_of(parts: Sequence[Expression]) -> Expression:
    """True where any part is."""
    return joined(Type.YES_NO, " or ", parts, lambda view: _any(parts, view))


def negated(part: Expression) -> Expression:
    """True where the part isn't."""
    return joined(Type.YES_NO, "not ", [part], lambda view: ~part(view), prefix=True)


def constant(value: bool) -> Expression:
    """True, or false, for every event."""
    return Expression(Type.YES_NO, str(value), lambda view: np.full(view.count, value))


def comparisons(expression: Expression) -> Iterator[Expression]:
    """The yes-or-no leaves of a condition, in the author's order: comparisons, look-ups, flags, words found."""
    if expression.op in ("and", "or", "not"):
        for part in expression.parts:
            yield from comparisons(part)
    elif expression.op or expression.uses:
        yield expression


def reads(expression: Expression) -> dict[str, Read]:
    """What each name in a condition reads."""
    if expression.read is not None:
        return {expression.key: expression.read}
    return {name: read for part in expression.parts for name, read in reads(part).items()}


def with_leaf(expression: Expression, key: str, leaf: Expression) -> Expression:
    """The same condition with the leaves of this key replaced."""
    if expression.key == key:
        return leaf
    if expression.op not in ("and", "or", "not") or key not in expression.key:
        return expression
    parts = [with_leaf(part, key, leaf) for part in expression.parts]
    if expression.op == "not":
        return negated(parts[0])
    return all_of(parts) if expression.op == "and" else any_of(parts)


def compared(sign: str, operate: Callable[..., np.ndarray], a: Expression, b: Expression) -> Expression:
    if isinstance(b.constant, int | float):  # spares an array of equal numbers
        value = b.constant
        return joined(Type.YES_NO, f" {sign} ", [a, b], lambda view: operate(a(view), value))
    return joined(Type.YES_NO, f" {sign} ", [a, b], lambda view: operate(a(view), b(view)))


def _cost(part: Expression) -> int:
    """Rank in a conjunction: first what is cheap and seldom true, windows, then columns, words and last look-ups in
    lists. The order changes nothing but the time."""
    sections = {section for section, _ in part.uses}
    return 3 if "list" in sections else 2 if "text" in sections else 0 if sections & {"feature", "stage"} else 1


def _all(parts: Sequence[Expression], view: View) -> np.ndarray:
    """Conjunction that stops when nothing is left: most rules hit nothing in most batches."""
    result = parts[0](view)
    for part in parts[1:]:
        if not np.count_nonzero(result):
            return result
        result = result & part(view)
    return result


def _any(parts: Sequence[Expression], view: View) -> np.ndarray:
    result = parts[0](view)
    for part in parts[1:]:
        result = result | part(view)
    return result


def divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros(len(a), np.float64), where=np.asarray(b) != 0)


def no_array(_view: View) -> np.ndarray:
    raise AssertionError("a word is only ever compared")


def before(ms: int) -> Expression:
    """True for events that happened before this time (ms since 1970 UTC)."""
    return Expression(Type.YES_NO, f"(ts < {ms})", lambda view: view.column("ts_ms") < ms, op="before")


def sampled(column: str, percent: float, salt: int) -> Expression:
    """True for this share of a column's values, always the same ones: a hash of value and salt decides."""

    def chosen(view: View) -> np.ndarray:
        mixed = (view.column(column).astype(np.uint64) ^ np.uint64(salt)) * np.uint64(_ODD)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(_ODD)
        return (mixed >> np.uint64(40)) % np.uint64(10_000) < np.uint64(round(percent * 100))

    key = f"({column} sampled {percent:g} % by {salt})"
    return Expression(Type.YES_NO, key, chosen, frozenset({("column", column)}), op="sampled")
