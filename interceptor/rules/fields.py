"""Fields of an event, as people write them in a test, into the columns that the engine reads.

Enters: a name of the language and a value such as "+86 139-0554-1234", 3d or sip. Leaves: column and value. Invariant:
a field means in a test what its name means in a condition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any

from interceptor.rules.errors import nearest
from interceptor.rules.forms import duration_ms
from interceptor.rules.names import AMOUNTS, DURATIONS, Symbol, Type, Vocabulary, event_symbols
from interceptor.rules.values import host, number
from interceptor.schema import COLUMN, Kind

_LARGEST = {"uint8": 2**8 - 1, "uint16": 2**16 - 1, "uint32": 2**32 - 1, "int64": 2**63 - 1, "uint64": 2**64 - 1}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of one kind of event: its column, and how a written value is read. `read` raises ValueError."""

    column: str
    read: Callable[[Any], Any]


@cache
def fields_of(kind: Kind) -> dict[str, Field]:
    """Every field that a test can give an event of this kind."""
    symbols = event_symbols(kind)
    found = {name: field for name, symbol in symbols.items() if (field := _field(name, symbol))}
    if kind is Kind.SMS:
        found["text"] = Field("text", _text)
    return found


def unknown_field(name: str, kind: Kind) -> tuple[str, str]:
    """Message and hint for a name that events of this kind don't have."""
    return f"{kind.name.lower()} events have no field {name}", nearest(name, fields_of(kind))


def _field(name: str, symbol: Symbol) -> Field | None:
    if name in DURATIONS:
        column, unit_ms = DURATIONS[name]
        return Field(column, lambda value: _limited(column, duration_ms(value) // unit_ms))
    if name in AMOUNTS:
        return Field(AMOUNTS[name], _fen)
    column = symbol.column
    if column not in COLUMN or column == "event_id":
        return None  # what the engine works out by itself
    if symbol.type is Type.HOST:
        return Field(column, lambda value: host(str(value)))
    if symbol.words is not None:
        words = symbol.words
        return None if name == "kind" else Field(column, lambda value: _word(words, value))
    if symbol.type is Type.YES_NO:
        return Field(column, _yes_no)
    return Field(column, lambda value: _limited(column, _identity(value)))


def _limited(column: str, value: int) -> int:
    largest = _LARGEST[str(COLUMN[column].type)]
    if largest < 2**62:  # codes and days; identities of 64 bits are hashes where they are words
        return min(value, largest) if column.endswith(("_days", "_h", "_s")) else value % (largest + 1)
    return value


def _identity(value: Any) -> int:
    """A number as it is; any other word stands for somebody: the same word, the same one."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise ValueError(f"{value!r} is nobody: write a number in quotes, or any word")
    if isinstance(value, int):
        return value
    try:
        return number(value)
    except ValueError:
        return int.from_bytes(blake2b(value.encode(), digest_size=7).digest(), "big") or 1


def _fen(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**50:
        raise ValueError(f"{value!r} is no amount: write yuan as a number, such as 20_000")
    return round(value * 100)


def _yes_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text: put it into quotes")
    return value


def _word(words: Vocabulary, value: Any) -> int:
    known = {member.name.lower(): int(member) for member in words}
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return known[value]
