"""Conditions: a small safe subset of Python expressions, compiled to array operations.

Enters: the text of a condition and a scope that knows the names. Leaves: an Expression that can be called with a View.
Invariant: nothing but names of the scope, literals and the operators below is ever evaluated; a division by zero is 0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from interceptor.rules.errors import nearest
from interceptor.rules.model import duration_ms
from interceptor.rules.names import Symbol, Type, View

_DURATION = re.compile(r"(?<![\w.])([0-9][0-9_]*)(ms|s|m|h|d)\b")
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[..., np.ndarray]]] = {
    ast.Lt: ("<", np.less),
    ast.LtE: ("<=", np.less_equal),
    ast.Gt: (">", np.greater),
    ast.GtE: (">=", np.greater_equal),
    ast.Eq: ("==", np.equal),
    ast.NotEq: ("!=", np.not_equal),
}
_QUANTITIES = (Type.NUMBER, Type.DURATION, Type.MONEY)
DEPTH_MAX = 40


class ConditionError(ValueError):
    """What is wrong with a condition, and at which character of it."""

    def __init__(self, offset: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.offset, self.code, self.message, self.hint = offset, code, message, hint


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled (part of a) condition. `key` is its canonical text: equal keys are evaluated once per view.

    `uses` holds ("feature" | "list" | "text" | "column" | "stage", name); `terms` the named values that it compares.
    """

    type: Type
    key: str
    compute: Callable[[View], np.ndarray]
    uses: frozenset[tuple[str, str]] = frozenset()
    terms: tuple[str, ...] = ()
    constant: float | str | None = None

    def __call__(self, view: View) -> np.ndarray:
        found = view.memo.get(self.key)
        if found is None:
            found = view.memo[self.key] = self.compute(view)
        return found


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition can see: symbols by name, macros by name, and which lists there are, with what they match."""

    symbols: Mapping[str, Symbol]
    macros: Mapping[str, str]
    lists: Mapping[str, str]
    uses_of: Callable[[str], frozenset[tuple[str, str]]]
    absent: Callable[[str], str]


def compile_condition(text: str, scope: Scope) -> Expression:
    """Compiles a whole condition. Raises ConditionError."""
    expression = _parse(text, scope, ())
    if expression.type is not Type.YES_NO:
        raise ConditionError(0, "not-a-condition", f"this is {expression.type.value}, not yes or no", "compare it")
    return expression


def compile_value(name: str, scope: Scope) -> Symbol:
    """The symbol of a single name, as `sum`, `distinct` and `sequential` take it. Raises ConditionError."""
    if name not in scope.symbols:
        raise _unknown(0, name, scope)
    return scope.symbols[name]


def _parse(text: str, scope: Scope, macros: tuple[str, ...]) -> Expression:
    if not text.strip():
        raise ConditionError(0, "syntax", "the condition is empty", "write true for always")
    durations: dict[int, int] = {}
    quoted = [found.span() for found in _STRING.finditer(text)]

    def plain(found: re.Match[str]) -> str:
        if any(start <= found.start() < stop for start, stop in quoted):
            return found[0]
        durations[found.start() + 1] = duration_ms(found[0])
        return found[1] + " " * len(found[2])

    # One bracket around it lets a condition run over lines, and moves all columns by one.
    source = "(" + _DURATION.sub(plain, text).replace("\n", " ") + ")"
    try:
        tree = ast.parse(source, mode="eval")
    except SyntaxError as error:
        if "too many nested" in str(error.msg):
            raise ConditionError(0, "too-complex", "nested too deeply", "use macros") from None
        offset = max(0, (error.offset or 1) - 2)
        raise ConditionError(offset, "syntax", f"can't read this: {error.msg}", "see rules/README.md") from None
    except (RecursionError, MemoryError, ValueError):
        raise ConditionError(0, "too-complex", "nested too deeply", "use macros") from None
    return _Builder(scope, durations, macros, source).build(tree.body, 0)


class _Builder:
    """Turns one syntax tree into an Expression. The tree's columns are in bytes, so they are counted back."""

    def __init__(self, scope: Scope, durations: dict[int, int], macros: tuple[str, ...], source: str) -> None:
        self.scope, self.durations, self.macros = scope, durations, macros
        self.bytes = source.encode()

    def offset(self, node: ast.AST) -> int:
        return len(self.bytes[: getattr(node, "col_offset", 1)].decode("utf-8", "ignore")) - 1

    def fail(self, node: ast.AST, code: str, message: str, hint: str = "") -> ConditionError:
        return ConditionError(max(0, self.offset(node)), code, message, hint)

    def build(self, node: ast.AST, depth: int) -> Expression:
        if depth > DEPTH_MAX:
            raise self.fail(node, "too-complex", "nested too deeply", "use macros")
        builder = getattr(self, f"_{type(node).__name__}".lower(), None)
        if builder is None:
            message = f"{type(node).__name__.lower()} isn't part of the language"
            raise self.fail(node, "not-allowed", message, "allowed: and or not in < <= == != >= > + - * / min() max()")
        result: Expression = builder(node, depth + 1)
        return result

    def _name(self, node: ast.Name, _depth: int) -> Expression:
        name = node.id
        if name in self.scope.macros:
            if name in self.macros:
                raise self.fail(node, "macro-circle", f"macro {name} uses itself")
            try:
                return _parse(self.scope.macros[name], self.scope, (*self.macros, name))
            except ConditionError as error:
                message = f"in macro {name}: {error.message}"
                raise self.fail(node, error.code, message, error.hint) from None
        if name not in self.scope.symbols:
            raise _unknown(self.offset(node), name, self.scope)
        symbol = self.scope.symbols[name]
        terms = (name,) if symbol.type in (*_QUANTITIES, Type.WORD) else ()
        return Expression(symbol.type, name, symbol.compute, self.scope.uses_of(name), terms)

    def _constant(self, node: ast.Constant, _depth: int) -> Expression:
        value = node.value
        if isinstance(value, bool):
            return Expression(Type.YES_NO, str(value), lambda view: np.full(view.count, value))
        if isinstance(value, str):
            return Expression(Type.WORD, repr(value), _no_array, constant=value)
        if not isinstance(value, int | float):
            raise self.fail(node, "not-allowed", f"{value!r} isn't a number, a word or a duration")
        if self.offset(node) + 1 in self.durations:
            value = self.durations[self.offset(node) + 1]
            return Expression(Type.DURATION, f"{value}ms", lambda view: np.full(view.count, value), constant=value)
        return Expression(Type.NUMBER, repr(value), lambda view: np.full(view.count, value), constant=value)

    def _boolop(self, node: ast.BoolOp, depth: int) -> Expression:
        parts = [self._yes_no(part, depth) for part in node.values]
        if isinstance(node.op, ast.And):
            parts.sort(key=_cost)
            return _joined(Type.YES_NO, " and ", parts, lambda view: _all(parts, view))
        return _joined(Type.YES_NO, " or ", parts, lambda view: _any(parts, view))

    def _yes_no(self, node: ast.AST, depth: int) -> Expression:
        part = self.build(node, depth)
        if part.type is not Type.YES_NO:
            raise self.fail(node, "not-a-condition", f"{part.key} is {part.type.value}, not yes or no", "compare it")
        return part

    def _unaryop(self, node: ast.UnaryOp, depth: int) -> Expression:
        if isinstance(node.op, ast.Not):
            part = self._yes_no(node.operand, depth)
            return _joined(Type.YES_NO, "not ", [part], lambda view: ~part(view), prefix=True)
        part = self._quantity(node.operand, depth)
        if not isinstance(node.op, ast.USub):
            raise self.fail(node, "not-allowed", "only - stands before a number")
        constant = -part.constant if isinstance(part.constant, int | float) else None
        minus = _joined(part.type, "-", [part], lambda view: -part(view), prefix=True)
        return Expression(minus.type, minus.key, minus.compute, minus.uses, minus.terms, constant)

    def _quantity(self, node: ast.AST, depth: int) -> Expression:
        part = self.build(node, depth)
        if part.type is Type.YES_NO:  # counts as 0 or 1, so that evidence can be added up
            return _joined(Type.NUMBER, "+", [part], lambda view: part(view).astype(np.int64), prefix=True)
        if part.type not in _QUANTITIES:
            raise self.fail(node, "wrong-type", f"{part.key} is {part.type.value}; this needs a number")
        return part

    def _binop(self, node: ast.BinOp, depth: int) -> Expression:
        left, right = self._quantity(node.left, depth), self._quantity(node.right, depth)
        if isinstance(node.op, ast.Add | ast.Sub):
            if left.type is not right.type:
                raise self.fail(node, "wrong-unit", f"{left.type.value} and {right.type.value} can't be added")
            sign, operate = ("+", np.add) if isinstance(node.op, ast.Add) else ("-", np.subtract)
            return _joined(left.type, f" {sign} ", [left, right], lambda view: operate(left(view), right(view)))
        if isinstance(node.op, ast.Mult):
            if Type.NUMBER not in (left.type, right.type):
                raise self.fail(node, "wrong-unit", f"{left.type.value} times {right.type.value} has no meaning here")
            type_ = right.type if left.type is Type.NUMBER else left.type
            return _joined(type_, " * ", [left, right], lambda view: np.multiply(left(view), right(view)))
        if isinstance(node.op, ast.Div):
            if right.type not in (Type.NUMBER, left.type):
                raise self.fail(node, "wrong-unit", f"{left.type.value} by {right.type.value} has no meaning here")
            type_ = left.type if right.type is Type.NUMBER else Type.NUMBER
            return _joined(type_, " / ", [left, right], lambda view: _divided(left(view), right(view)))
        raise self.fail(node, "not-allowed", "allowed in arithmetic: + - * /")

    def _call(self, node: ast.Call, depth: int) -> Expression:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in ("min", "max") or len(node.args) < 2 or node.keywords:
            raise self.fail(node, "not-allowed", "the only functions are min(a, b, …) and max(a, b, …)")
        parts = [self._quantity(part, depth) for part in node.args]
        if len({part.type for part in parts}) > 1:
            raise self.fail(node, "wrong-unit", f"{name}() needs values of one unit")
        operate = np.minimum if name == "min" else np.maximum
        joined = _joined(parts[0].type, ", ", parts, lambda view: operate.reduce([part(view) for part in parts]))
        return Expression(joined.type, f"{name}({joined.key})", joined.compute, joined.uses, joined.terms)

    def _compare(self, node: ast.Compare, depth: int) -> Expression:
        sides = [node.left, *node.comparators]
        parts = [
            self._pair(node, op, left, right, depth)
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else _joined(Type.YES_NO, " and ", parts, lambda view: _all(parts, view))

    def _pair(self, node: ast.AST, op: ast.cmpop, left: ast.AST, right: ast.AST, depth: int) -> Expression:
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(left, right, isinstance(op, ast.NotIn), depth)
        if type(op) not in _COMPARISONS:
            raise self.fail(node, "not-allowed", "allowed comparisons: < <= == != >= > in, not in")
        sign, operate = _COMPARISONS[type(op)]
        a, b = self.build(left, depth), self.build(right, depth)
        if Type.WORD in (a.type, b.type):
            return self._word(node, sign, operate, a, b)
        comparable = {a.type, b.type} <= {Type.IDENTITY, Type.NUMBER}
        if comparable and Type.IDENTITY in (a.type, b.type) and sign in ("==", "!="):
            return _compared(sign, operate, a, b)
        a, b = self._quantity(left, depth), self._quantity(right, depth)
        if a.type is not b.type and not (Type.MONEY in (a.type, b.type) and Type.NUMBER in (a.type, b.type)):
            hint = "write durations with a unit, such as 30m or 72h" if Type.DURATION in (a.type, b.type) else ""
            raise self.fail(right, "wrong-unit", f"{a.key} is {a.type.value}, {b.key} is {b.type.value}", hint)
        return _compared(sign, operate, a, b)

    def _word(
        self, node: ast.AST, sign: str, operate: Callable[..., np.ndarray], a: Expression, b: Expression
    ) -> Expression:
        name, word = (a, b) if a.constant is None else (b, a)
        symbol = self.scope.symbols.get(name.key)
        if symbol is None or symbol.words is None or not isinstance(word.constant, str) or sign not in ("==", "!="):
            raise self.fail(node, "wrong-type", f'{a.key} {sign} {b.key}: compare a word like trunk == "sip"')
        known = {member.name.lower(): int(member) for member in symbol.words}
        if word.constant not in known:
            hint = nearest(word.constant, known) or f"known: {', '.join(known)}"
            raise self.fail(node, "unknown-word", f"{name.key} is never {word.constant!r}", hint)
        value = known[word.constant]
        return _joined(Type.YES_NO, f" {sign} ", [name, word], lambda view: operate(name(view), value))

    def _membership(self, left: ast.AST, right: ast.AST, negated: bool, depth: int) -> Expression:
        if not isinstance(right, ast.Name):
            raise self.fail(right, "unknown-list", "after `in` comes the name of a list")
        match = self.scope.lists.get(right.id)
        if match is None:
            raise self.fail(right, "unknown-list", f"there is no list {right.id}", nearest(right.id, self.scope.lists))
        part = self.build(left, depth)
        symbol = self.scope.symbols.get(part.key)
        if symbol is None or not symbol.column or (symbol.type is Type.HOST) != (match == "domain"):
            expected = "host" if match == "domain" else "a number, account or device"
            raise self.fail(left, "wrong-type", f"{right.id} is a list by {match}: look up {expected} in it")
        key = f"{part.key} in {right.id}"
        list_name, column = right.id, symbol.column
        uses = frozenset({("list", list_name), *part.uses})
        inside = Expression(Type.YES_NO, key, lambda view: view.member(list_name, column), uses, (key,))
        return _joined(Type.YES_NO, "not ", [inside], lambda view: ~inside(view), prefix=True) if negated else inside


def _unknown(offset: int, name: str, scope: Scope) -> ConditionError:
    elsewhere = scope.absent(name)
    if elsewhere:
        return ConditionError(offset, "unknown-name", f"{name} {elsewhere}")
    hint = nearest(name, [*scope.symbols, *scope.macros])
    return ConditionError(offset, "unknown-name", f"there is no {name} here", hint)


def _joined(
    type_: Type, sign: str, parts: Iterable[Expression], compute: Callable[[View], np.ndarray], prefix: bool = False
) -> Expression:
    parts = list(parts)
    key = sign + parts[0].key if prefix else sign.join(part.key for part in parts)
    uses = frozenset().union(*(part.uses for part in parts))
    terms = tuple(dict.fromkeys(term for part in parts for term in part.terms))
    return Expression(type_, f"({key})", compute, uses, terms)


def _compared(sign: str, operate: Callable[..., np.ndarray], a: Expression, b: Expression) -> Expression:
    if isinstance(b.constant, int | float):  # spares an array of equal numbers
        value = b.constant
        return _joined(Type.YES_NO, f" {sign} ", [a, b], lambda view: operate(a(view), value))
    return _joined(Type.YES_NO, f" {sign} ", [a, b], lambda view: operate(a(view), b(view)))


def _cost(part: Expression) -> int:
    """Rank in a conjunction: first what is cheap and seldom true, windows, then columns, words and last look-ups in
    lists. The order changes nothing but the time."""
    sections = {section for section, _ in part.uses}
    return 3 if "list" in sections else 2 if "text" in sections else 0 if sections & {"feature", "stage"} else 1


def _all(parts: list[Expression], view: View) -> np.ndarray:
    """Conjunction that stops when nothing is left: most rules hit nothing in most batches."""
    result = parts[0](view)
    for part in parts[1:]:
        if not np.count_nonzero(result):
            return result
        result = result & part(view)
    return result


def _any(parts: list[Expression], view: View) -> np.ndarray:
    result = parts[0](view)
    for part in parts[1:]:
        result = result | part(view)
    return result


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros(len(a), np.float64), where=np.asarray(b) != 0)


def _no_array(_view: View) -> np.ndarray:
    raise AssertionError("a word is only ever compared")
