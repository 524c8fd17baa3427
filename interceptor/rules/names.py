"""The names that a condition may use, with their types.

Enters: the event schema. Leaves: Symbol by name and kind of event. Invariant: a name has one type everywhere; where it
isn't known for a kind of event, that kind simply doesn't have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache
from typing import Literal, Protocol

import numpy as np

from interceptor.schema import COLUMN, COLUMNS, Channel, Kind, LineKind, Outcome, Subject, Trunk

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
LOCAL_TIME_MS = 8 * HOUR_MS  # China has one time zone, UTC+8
FEN_IN_YUAN = 100.0


class Type(Enum):
    """What a value is; only like can be compared with like."""

    YES_NO = "yes or no"
    NUMBER = "a number"
    DURATION = "a duration"
    MONEY = "an amount in yuan"
    IDENTITY = "a number, account or device"
    HOST = "a host"
    WORD = "one of some words"


class View(Protocol):
    """The events that a condition is evaluated on: all of one kind, n of them, in arrival order."""

    count: int
    memo: dict[str, np.ndarray]

    def column(self, name: str) -> np.ndarray: ...
    def feature(self, name: str) -> np.ndarray: ...
    def words(self, name: str) -> np.ndarray: ...
    def member(self, list_name: str, column: str) -> np.ndarray: ...


Vocabulary = type[IntEnum]


@dataclass(frozen=True, slots=True)
class Read:
    """Where the value of a name comes from: a column, a window or a set of words, and what is made of it: `times` a
    whole number (days to ms), divided by `per` (fen to yuan), `hour` of the local day, or whether it is not 0 (`sign`).
    `is_real`: it is no whole number as it stands there.
    """

    section: Literal["column", "feature", "text"]
    name: str
    times: int = 1
    per: float = 0.0
    hour: bool = False
    sign: bool = False
    is_real: bool = False

    def __call__(self, view: View) -> np.ndarray:
        if self.section == "text":
            return view.words(self.name)
        found = view.column(self.name) if self.section == "column" else view.feature(self.name)
        if self.sign:
            return found != 0
        if self.hour:
            return (found + LOCAL_TIME_MS) // HOUR_MS % 24
        if self.per:
            return found / self.per
        return found if self.times == 1 else found.astype(np.int64) * self.times


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name of the language: what is read for it, and which column it stands for (as a key)."""

    name: str
    type: Type
    read: Read
    column: str = ""
    words: Vocabulary | None = None


URL_IN_TEXT = "url_in_text"
# Columns that only the engine computes.
DERIVED = {
    "shape": frozenset({Kind.SMS}),
    "wording": frozenset({Kind.SMS}),  # the group of near-equal texts, 0 = none
    "link": frozenset({Kind.SMS, Kind.WEB}),
    "disguised": frozenset({Kind.SMS}),
    "source_of_day": frozenset({Kind.CALL, Kind.SMS}),  # another identity every local day: distinct ones are days
    URL_IN_TEXT: frozenset({Kind.SMS}),
    "has_link": frozenset({Kind.SMS}),
}
ALIASES = {
    "caller": ("source", {Kind.CALL, Kind.CALL_END}),
    "callee": ("target", {Kind.CALL, Kind.CALL_END}),
    "sender": ("source", {Kind.SMS}),
    "receiver": ("target", {Kind.SMS}),
    "site": ("source", {Kind.WEB}),
    "visitor": ("target", {Kind.WEB}),
    "payee": ("source", {Kind.TRANSFER}),
    "citizen": ("target", set(Kind)),
}
# Keys on the target's side: what hangs on them belongs to the target stage.
TARGET_SIDE = {"target", "payer"}
VOCABULARIES: dict[str, Vocabulary] = {
    "trunk": Trunk,
    "line_kind": LineKind,
    "channel": Channel,
    "subject": Subject,
    "outcome": Outcome,
    "kind": Kind,
}
_IDENTITIES = {
    "source", "target", "display", "imei", "imsi", "cell", "cell_town", "address", "payer", "agent", "person", "town",
    "finding", "rule", "event_id",
}  # fmt: skip
_COUNTS = {"tier", "disguised"}
_TEXT_KEYS = {"shape", "wording", "link"}
DURATIONS = {
    "tenure": ("tenure_days", DAY_MS),
    "idle": ("idle_days", DAY_MS),
    "host_age": ("host_age_h", HOUR_MS),
    "dur": ("dur_s", 1_000),
}
AMOUNTS = {"amount": "amount_fen", "typical": "typical_fen", "balance": "balance_fen"}
_HIDDEN = {*(raw for raw, _ in DURATIONS.values()), *AMOUNTS.values(), "ts_ms", "ingest_ts_ms", "text"}


def kinds_of(column: str) -> frozenset[Kind]:
    """The kinds of event that have a schema or derived column."""
    if column in DERIVED:
        return DERIVED[column]
    return COLUMN[column].kinds or frozenset(Kind)


def key_column(name: str, kinds: Iterable[Kind]) -> str | None:
    """The column that `name` (a column or an alias) keys by on all these kinds, or None."""
    column = name
    if name in ALIASES:
        column, having = ALIASES[name]
        return column if set(kinds) <= having else None
    if column in _IDENTITIES or column in _TEXT_KEYS:
        return column if set(kinds) <= kinds_of(column) else None
    return None


@cache
def event_symbols(kind: Kind) -> dict[str, Symbol]:
    """Every name that an event of this kind has by itself."""
    found: dict[str, Symbol] = {}
    for column in COLUMNS:
        if kind in kinds_of(column.name) and column.name not in _HIDDEN:
            found[column.name] = _of_column(column.name)
    for alias, (column_name, kinds) in ALIASES.items():
        if kind in kinds:
            found[alias] = _raw(alias, Type.IDENTITY, column_name)
    for name, (column_name, unit_ms) in DURATIONS.items():
        if kind in kinds_of(column_name):
            found[name] = Symbol(name, Type.DURATION, Read("column", column_name, times=unit_ms))
    for name, column_name in AMOUNTS.items():
        if kind in kinds_of(column_name):
            found[name] = Symbol(name, Type.MONEY, Read("column", column_name, per=FEN_IN_YUAN))
    for name, kinds_having in DERIVED.items():
        if kind in kinds_having:
            found[name] = _raw(name, _type_of(name), name)
    found["hour"] = Symbol("hour", Type.NUMBER, Read("column", "ts_ms", hour=True))
    return found


STAGE_SYMBOLS = {
    "source_score": Symbol("source_score", Type.NUMBER, Read("column", "source_score", is_real=True)),
    "source_kinds": Symbol("source_kinds", Type.NUMBER, Read("column", "source_kinds")),
}


def _of_column(name: str) -> Symbol:
    if name in VOCABULARIES:
        return Symbol(name, Type.WORD, Read("column", name), name, VOCABULARIES[name])
    if name == "host":
        return Symbol(name, Type.HOST, Read("column", "link"), name)
    return _raw(name, _type_of(name), name)


def _type_of(name: str) -> Type:
    if name in _COUNTS:
        return Type.NUMBER
    return Type.IDENTITY if name in _IDENTITIES | _TEXT_KEYS | {"source_of_day"} else Type.YES_NO


def _raw(name: str, type_: Type, column: str) -> Symbol:
    return Symbol(name, type_, Read("column", column), column)
