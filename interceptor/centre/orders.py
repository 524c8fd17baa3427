"""What the centre asks others to do: carriers, banks, officers, the engine's lists.

Enters: an act's wish. Leaves: orders in the book, for whoever carries them out. Invariants: an order is written in
the same transaction as the act that it comes from; it is never changed, only followed by another that takes it back.
Law of 2022, art. 32: whatever limits somebody says why, what he can do, which papers he needs, and when it ends.

Who carries orders out remembers how far he has come (`since`): a run, a cluster's lists, a person at a screen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from interceptor.centre.book import Act
from interceptor.centre.things import Thing, parse
from interceptor.entries import FOREVER_MS

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, verb TEXT NOT NULL, thing TEXT NOT NULL,"
        " list TEXT NOT NULL, until_ms INTEGER NOT NULL, tier INTEGER NOT NULL, reason TEXT NOT NULL,"
        " remedy TEXT NOT NULL, papers TEXT NOT NULL, ref TEXT NOT NULL)",
    ),
)
_COLUMNS = "id, at_ms, verb, thing, list, until_ms, tier, reason, remedy, papers, ref"


class Verb(StrEnum):
    """What is to be done with the thing."""

    PUT_ON_LIST = "put_on_list"  # `list` names it
    TAKE_OFF_LIST = "take_off_list"
    WARN = "warn"  # the citizen, by `tier`
    STOP = "stop"  # the account may receive, not pay
    FREEZE = "freeze"
    RELEASE = "release"  # the account may pay again
    RETURN_MONEY = "return_money"
    REVERIFY = "reverify"
    LIMIT = "limit"
    SUSPEND = "suspend"
    LIFT = "lift"  # whatever was limited, suspended or blocked
    TO_SHADOW = "to_shadow"  # the rule named in `ref`


@dataclass(frozen=True, slots=True)
class Order:
    """`ref`: what it comes from, as that system names it (stop:17, case:4, rule NAME); `until_ms`: when it ends by
    itself."""

    id: int
    at_ms: int
    verb: Verb
    thing: Thing | None
    list: str
    until_ms: int
    tier: int
    reason: str
    remedy: str
    papers: str
    ref: str


def order(
    act: Act, verb: Verb, thing: Thing | None, at_ms: int, *, until_ms: int = FOREVER_MS, list: str = "", tier: int = 0,
    reason: str = "", remedy: str = "", papers: str = "", ref: str = "",
) -> int:  # fmt: skip
    """Writes one down, as part of an act; gives its id."""
    values = (at_ms, verb, str(thing) if thing else "", list, until_ms, tier, reason, remedy, papers, ref)
    found = act.db.execute(f"INSERT INTO orders ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return int(found.lastrowid or 0)


def since(db: sqlite3.Connection, last: int = 0) -> Iterator[Order]:
    """Those after the order of that id, in order."""
    for row in db.execute(f"SELECT {_COLUMNS} FROM orders WHERE id > ? ORDER BY id", (last,)):
        id_, at_ms, verb, thing, *rest = row
        yield Order(id_, at_ms, Verb(verb), parse(thing) if thing else None, *rest)
