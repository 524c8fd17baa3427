"""Conditions as people write them.

Enters: compiled expressions and values. Leaves: text of the language. Invariant: what is written compiles to the same.
"""

from __future__ import annotations

from interceptor.rules.expressions import Expression
from interceptor.rules.forms import UNIT_MS
from interceptor.rules.names import Type

UNITS = tuple(reversed(UNIT_MS.items()))  # largest first


def written(part: Expression, inside: bool = False) -> str:
    """A part of a condition as its author could have written it: macros by their names, durations with a unit."""
    if part.label:
        return part.label
    if part.constant is not None:
        return duration(int(part.constant)) if part.type is Type.DURATION else part.key.replace("'", '"')
    if part.op in ("", "in"):
        return part.key
    if part.op == "+bool":
        return f"({written(part.parts[0])})"
    words = [written(one, inside=True) for one in part.parts]
    if part.op in ("min", "max"):
        return f"{part.op}({', '.join(words)})"
    if len(words) == 1:
        return f"not {words[0]}" if part.op == "not" else f"{part.op}{words[0]}"
    text = f" {part.op} ".join(words)
    return f"({text})" if inside and part.op in ("and", "or", "+", "-", "*", "/") else text


def duration(ms: int) -> str:
    """A duration as rules write it: in the largest unit that divides it."""
    return next((f"{ms // one}{unit}" for unit, one in UNITS if ms and ms % one == 0), f"{ms}ms")


def roughly(ms: int) -> str:
    """A duration for people: four digits of the largest unit that it fills."""
    unit, length_ms = next(((unit, one) for unit, one in UNITS if abs(ms) >= one), ("ms", 1))
    return f"{ms / length_ms:.4g}{unit}"
