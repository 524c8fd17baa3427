"""Where a character of a YAML scalar stands in its file, however the scalar is quoted, folded or escaped.

Enters: the lines of a file, a scalar's event, an offset into its value. Leaves: line and column, from 0. Invariant:
folding only ever changes white space, so the n-th other character of the value is the n-th one of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

Spot = tuple[int, int]

_QUOTES = ("'", '"')
_WHITE = " \t\n\r\x85\u2028\u2029"
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.|$)")
_WHITE_ESCAPES = {"t", "\t", "n", "r", " ", "N", "L", "P", ""}  # "" is a line end that is escaped: nothing is left


def spot(lines: Sequence[str], start: Spot, end: Spot, event: Any, offset: int) -> Spot:
    """The place of `event.value[offset]`; behind the value's end, the place behind its last character."""
    before = sum(character not in _WHITE for character in event.value[:offset])
    last = start
    for number, found in enumerate(_solid(lines, start, end, event.style or "")):
        if number == before:
            return found
        last = found[0], found[1] + 1
    return last


def _solid(lines: Sequence[str], start: Spot, end: Spot, style: str) -> Iterator[Spot]:
    """The spots of all characters of the value that are not white space."""
    first = start[0] + (style in ("|", ">"))
    for line in range(first, min(end[0] + 1, len(lines))):
        low = start[1] + (style in _QUOTES) if line == start[0] else 0
        high = end[1] - (style in _QUOTES) if line == end[0] else len(lines[line])
        yield from ((line, column) for column in _solid_columns(lines[line], low, high, style))


def _solid_columns(text: str, low: int, high: int, style: str) -> Iterator[int]:
    at = low
    while at < high:
        if style == '"' and text[at] == "\\":
            escape = _ESCAPE.match(text, at, high)
            assert escape is not None
            if escape[1] not in _WHITE_ESCAPES and escape[1] not in ("x20", "x09", "x0A", "x0a", "x0D", "x0d"):
                yield at
            at = escape.end()
            continue
        if text[at] not in _WHITE:
            yield at
        at += 2 if style == "'" and text.startswith("''", at) else 1
