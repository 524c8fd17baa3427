"""Conditions: a small safe subset of Python expressions, compiled to array operations.

Enters: the text of a condition and a scope that knows the names. Leaves: an Expression.
Invariant: nothing but names of the scope, literals and the operators below is ever evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from interceptor.rules.errors import nearest
from interceptor.rules.expressions import (
    Expression,
    all_of,
    any_of,
    compared,
    constant,
    divided,
    joined,
    negated,
    no_array,
)
from interceptor.rules.forms import duration_ms
from interceptor.rules.mistakes import STRING, ConditionError, check_brackets, unreadable
from interceptor.rules.names import Symbol, Type

_DURATION = re.compile(r"(?<![\w.])([0-9][0-9_]*)(ms|s|m|h|d)\b")
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
MACROS_MAX = 20  # within each other
PARTS_MAX = 1_000  # of a condition with all its macros: those could double at every step
PARTS_MAX_IN_ALL = 50_000
_TOO_MANY = f"more than {PARTS_MAX:,} parts with all macros, or {PARTS_MAX_IN_ALL:,} in all conditions"
NUMBER_MAX = 2**64


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition can see: symbols by name, macros by name, and which lists there are, with what they match."""

    symbols: Mapping[str, Symbol]
    macros: Mapping[str, str]
    lists: Mapping[str, str]
    uses_of: Callable[[str], frozenset[tuple[str, str]]]
    absent: Callable[[str], str]
    budget: list[int] = field(default_factory=lambda: [PARTS_MAX_IN_ALL])  # shared by the scopes of a rule set


def compile_condition(text: str, scope: Scope) -> Expression:
    """Compiles a whole condition. Raises ConditionError."""
    allowed = min(PARTS_MAX, scope.budget[0])
    left = [allowed]
    try:
        expression = _parse(text, scope, (), left)
    finally:
        scope.budget[0] -= allowed - max(0, left[0])
    if expression.type is not Type.YES_NO:
        raise ConditionError(0, "not-a-condition", f"this is {expression.type.value}, not yes or no", "compare it")
    return expression


def compile_value(name: str, scope: Scope) -> Symbol:
    """The symbol of a single name, as `sum`, `distinct` and `sequential` take it. Raises ConditionError."""
    if name not in scope.symbols:
        raise _unknown(0, name, scope)
    return scope.symbols[name]


def _parse(text: str, scope: Scope, macros: tuple[str, ...], budget: list[int]) -> Expression:
    if not text.strip():
        raise ConditionError(0, "syntax", "the condition is empty", "write true for always")
    check_brackets(text)
    durations: dict[int, int] = {}
    quoted = [found.span() for found in STRING.finditer(text)]

    def plain(found: re.Match[str]) -> str:
        if any(start <= found.start() < stop for start, stop in quoted):
            return found[0]
        try:
            durations[found.start() + 1] = duration_ms(found[0])
        except ValueError as error:
            raise ConditionError(found.start(), "bad-value", str(error)) from None
        return found[1] + " " * len(found[2])

    # One bracket around it lets a condition run over lines, and moves all columns by one.
    source = "(" + _DURATION.sub(plain, text).replace("\n", " ") + ")"
    try:
        with warnings.catch_warnings(action="ignore"):  # of Python, about spellings that are refused below
            tree = ast.parse(source, mode="eval")
    except SyntaxError as error:
        if "too many nested" in str(error.msg):
            raise ConditionError(0, "too-complex", "nested too deeply", "use macros") from None
        raise unreadable(text, error) from None
    except (RecursionError, MemoryError, ValueError):
        raise ConditionError(0, "too-complex", "nested too deeply", "use macros") from None
    return _Builder(scope, durations, macros, source, budget).build(tree.body, 0)


class _Builder:
    """Turns one syntax tree into an Expression. The tree's columns are in bytes, so they are counted back."""

    def __init__(
        self, scope: Scope, durations: dict[int, int], macros: tuple[str, ...], source: str, budget: list[int]
    ) -> None:
        self.scope, self.durations, self.macros, self.budget = scope, durations, macros, budget
        self.bytes = source.encode()

    def offset(self, node: ast.AST) -> int:
        return len(self.bytes[: getattr(node, "col_offset", 1)].decode("utf-8", "ignore")) - 1

    def fail(self, node: ast.AST, code: str, message: str, hint: str = "") -> ConditionError:
        return ConditionError(max(0, self.offset(node)), code, message, hint)

    def build(self, node: ast.AST, depth: int) -> Expression:
        self.budget[0] -= 1
        if depth > DEPTH_MAX or len(self.macros) > MACROS_MAX:
            raise self.fail(node, "too-complex", "nested too deeply", "use macros")
        if self.budget[0] < 0:
            raise self.fail(node, "too-complex", _TOO_MANY, "make two rules of it")
        builder = getattr(self, f"_{type(node).__name__}".lower(), None)
        if builder is None:
            message = f"{type(node).__name__.lower()} isn't part of the language"
            raise self.fail(node, "not-allowed", message, "allowed: and or not in < <= == != >= > + - * / min() max()")
        result: Expression = builder(node, depth + 1)
        return result

    def _name(self, node: ast.Name, _depth: int) -> Expression:
        name = node.id
        if name in ("true", "false"):
            return constant(name == "true")
        if name in self.scope.macros:
            if name in self.macros:
                raise self.fail(node, "macro-circle", f"macro {name} uses itself")
            try:
                within = (*self.macros, name)
                return replace(_parse(self.scope.macros[name], self.scope, within, self.budget), label=name)
            except ConditionError as error:
                if error.code == "too-complex":  # what is too much is the sum of all
                    raise self.fail(node, error.code, error.message, error.hint) from None
                error.macro = error.macro or name
                raise
        if name not in self.scope.symbols:
            raise _unknown(self.offset(node), name, self.scope)
        symbol = self.scope.symbols[name]
        terms = (name,) if symbol.type in (*_QUANTITIES, Type.WORD) else ()
        return Expression(symbol.type, name, symbol.read, self.scope.uses_of(name), terms, read=symbol.read)

    def _constant(self, node: ast.Constant, _depth: int) -> Expression:
        value = node.value
        if isinstance(value, bool):
            return constant(value)
        if isinstance(value, str):
            return Expression(Type.WORD, repr(value), no_array, constant=value)
        if not isinstance(value, int | float):
            raise self.fail(node, "not-allowed", f"{value!r} isn't a number, a word or a duration")
        if not abs(value) < NUMBER_MAX:
            raise self.fail(node, "huge-number", "a number of more than 64 bits")
        if self.offset(node) + 1 in self.durations:
            value = self.durations[self.offset(node) + 1]
            return Expression(Type.DURATION, f"{value}ms", lambda view: np.full(view.count, value), constant=value)
        return Expression(Type.NUMBER, repr(value), lambda view: np.full(view.count, value), constant=value)

    def _boolop(self, node: ast.BoolOp, depth: int) -> Expression:
        parts = [self._yes_no(part, depth) for part in node.values]
        return all_of(parts) if isinstance(node.op, ast.And) else any_of(parts)

    def _yes_no(self, node: ast.AST, depth: int) -> Expression:
        part = self.build(node, depth)
        if part.type is not Type.YES_NO:
            raise self.fail(node, "not-a-condition", f"{part.key} is {part.type.value}, not yes or no", "compare it")
        return part

    def _unaryop(self, node: ast.UnaryOp, depth: int) -> Expression:
        if isinstance(node.op, ast.Not):
            return negated(self._yes_no(node.operand, depth))
        part = self._quantity(node.operand, depth)
        if not isinstance(node.op, ast.USub):
            raise self.fail(node, "not-allowed", "only - stands before a number")
        constant = -part.constant if isinstance(part.constant, int | float) else None
        return replace(joined(part.type, "-", [part], lambda view: -part(view), prefix=True), constant=constant)

    def _quantity(self, node: ast.AST, depth: int) -> Expression:
        part = self.build(node, depth)
        if part.type is Type.YES_NO:  # counts as 0 or 1, so that evidence can be added up
            counted = joined(Type.NUMBER, "+", [part], lambda view: part(view).astype(np.int64), prefix=True)
            return replace(counted, op="+bool")
        if part.type not in _QUANTITIES:
            raise self.fail(node, "wrong-type", f"{part.key} is {part.type.value}; this needs a number")
        return part

    def _binop(self, node: ast.BinOp, depth: int) -> Expression:
        left, right = self._quantity(node.left, depth), self._quantity(node.right, depth)
        if isinstance(node.op, ast.Add | ast.Sub):
            if left.type is not right.type:
                raise self.fail(node, "wrong-unit", f"{left.type.value} and {right.type.value} can't be added")
            sign, operate = ("+", np.add) if isinstance(node.op, ast.Add) else ("-", np.subtract)
            return joined(left.type, f" {sign} ", [left, right], lambda view: operate(left(view), right(view)))
        if isinstance(node.op, ast.Mult):
            if Type.NUMBER not in (left.type, right.type):
                raise self.fail(node, "wrong-unit", f"{left.type.value} times {right.type.value} has no meaning here")
            type_ = right.type if left.type is Type.NUMBER else left.type
            return joined(type_, " * ", [left, right], lambda view: np.multiply(left(view), right(view)))
        if isinstance(node.op, ast.Div):
            if right.type not in (Type.NUMBER, left.type):
                raise self.fail(node, "wrong-unit", f"{left.type.value} by {right.type.value} has no meaning here")
            type_ = left.type if right.type is Type.NUMBER else Type.NUMBER
            return joined(type_, " / ", [left, right], lambda view: divided(left(view), right(view)))
        raise self.fail(node, "not-allowed", "allowed in arithmetic: + - * /")

    def _call(self, node: ast.Call, depth: int) -> Expression:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in ("min", "max") or len(node.args) < 2 or node.keywords:
            raise self.fail(node, "not-allowed", "the only functions are min(a, b, …) and max(a, b, …)")
        parts = [self._quantity(part, depth) for part in node.args]
        if len({part.type for part in parts}) > 1:
            raise self.fail(node, "wrong-unit", f"{name}() needs values of one unit")
        operate = np.minimum if name == "min" else np.maximum
        found = joined(parts[0].type, ", ", parts, lambda view: operate.reduce([part(view) for part in parts]))
        return replace(found, key=f"{name}{found.key}", op=name)

    def _compare(self, node: ast.Compare, depth: int) -> Expression:
        sides = [node.left, *node.comparators]
        parts = [
            self._pair(node, op, left, right, depth)
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else all_of(parts)

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
            return compared(sign, operate, a, b)
        a, b = self._quantity(left, depth), self._quantity(right, depth)
        if a.type is not b.type and not (Type.MONEY in (a.type, b.type) and Type.NUMBER in (a.type, b.type)):
            hint = "write durations with a unit, such as 30m or 72h" if Type.DURATION in (a.type, b.type) else ""
            raise self.fail(right, "wrong-unit", f"{a.key} is {a.type.value}, {b.key} is {b.type.value}", hint)
        return compared(sign, operate, a, b)

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
        return joined(Type.YES_NO, f" {sign} ", [name, word], lambda view: operate(name(view), value))

    def _membership(self, left: ast.AST, right: ast.AST, outside: bool, depth: int) -> Expression:
        if not isinstance(right, ast.Name):
            raise self.fail(right, "unknown-list", "after `in` comes the name of a list")
        match = self.scope.lists.get(right.id)
        if match is None:
            hint = nearest(right.id, self.scope.lists)
            message = f"there is no list {right.id}"
            raise ConditionError(max(0, self.offset(right)), "unknown-list", message, hint, right.id)
        part = self.build(left, depth)
        symbol = self.scope.symbols.get(part.key)
        wanted = Type.HOST if match == "domain" else Type.IDENTITY
        if symbol is None or not symbol.column or symbol.type is not wanted:
            expected = "host" if match == "domain" else "a number, account or device"
            raise self.fail(left, "wrong-type", f"{right.id} is a list by {match}: look up {expected} in it")
        key = f"{part.key} in {right.id}"
        list_name, column = right.id, symbol.column
        uses = frozenset({("list", list_name), *part.uses})
        inside = Expression(
            Type.YES_NO, key, lambda view: view.member(list_name, column), uses, (key,), op="in", parts=(part,)
        )
        return negated(inside) if outside else inside


def _unknown(offset: int, name: str, scope: Scope) -> ConditionError:
    elsewhere = scope.absent(name)
    if elsewhere:
        return ConditionError(offset, "unknown-name", f"{name} {elsewhere}", name=name)
    hint = nearest(name, [*scope.symbols, *scope.macros])
    return ConditionError(offset, "unknown-name", f"there is no {name} here", hint, name)
