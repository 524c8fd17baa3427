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
from typing import Any

from interceptor.centre.book import Act
from interceptor.centre.things import Thing, parse
from interceptor.entries import FOREVER_MS

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, verb TEXT NOT NULL, thing TEXT NOT NULL,"
        " list TEXT NOT NULL, until_ms INTEGER NOT NULL, tier INTEGER NOT NULL, reason TEXT NOT NULL,"
        " remedy TEXT NOT NULL, papers TEXT NOT NULL, ref TEXT NOT NULL)",
    ),
    ("CREATE INDEX orders_about ON orders (thing, id)",),
)
_COLUMNS = "id, at_ms, verb, thing, list, until_ms, tier, reason, remedy, papers, ref"


class Verb(StrEnum):
    """What is to be done with the thing."""

    PUT_ON_LIST = "put_on_list"  # `list` names it
    TAKE_OFF_LIST = "take_off_list"
    WARN = "warn"  # the citizen, by `tier`, in the words of `reason`; `list` is the line that is shown
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


_ENDS = {
    Verb.RELEASE: (Verb.STOP, Verb.FREEZE),
    Verb.LIFT: (Verb.LIMIT, Verb.SUSPEND, Verb.REVERIFY),
}
_LASTS = (Verb.PUT_ON_LIST, *_ENDS[Verb.RELEASE], *_ENDS[Verb.LIFT])


def in_force(db: sqlite3.Connection, thing: Thing, at_ms: int) -> list[Order]:
    """What is done to a thing at that time, oldest first: neither ended by itself nor taken back."""
    lasting: dict[tuple[Verb, str], Order] = {}
    for one in about(db, thing):
        if one.at_ms > at_ms:
            continue
        if one.verb in _LASTS:
            lasting.pop((one.verb, one.list), None)  # the later one counts, in its place
            lasting[one.verb, one.list] = one
        elif one.verb is Verb.TAKE_OFF_LIST:
            lasting.pop((Verb.PUT_ON_LIST, one.list), None)
        for verb in _ENDS.get(one.verb, ()):
            lasting.pop((verb, one.list), None)
    return [one for one in lasting.values() if one.until_ms > at_ms]


def about(db: sqlite3.Connection, thing: Thing) -> Iterator[Order]:
    """All orders about a thing, in order; a site is found by its name and by its key."""
    names = {str(thing), f"{thing.subject.name.lower()}:{key}"} if (key := _bare(thing)) else {str(thing)}
    marks = ", ".join("?" * len(names))
    for row in db.execute(f"SELECT {_COLUMNS} FROM orders WHERE thing IN ({marks}) ORDER BY id", sorted(names)):
        yield _order(row)


def _bare(thing: Thing) -> str:
    return f"0x{thing.key:016x}" if thing.shown else ""


def since(db: sqlite3.Connection, last: int = 0) -> Iterator[Order]:
    """Those after the order of that id, in order."""
    for row in db.execute(f"SELECT {_COLUMNS} FROM orders WHERE id > ? ORDER BY id", (last,)):
        yield _order(row)


def _order(row: tuple[Any, ...]) -> Order:
    id_, at_ms, verb, thing, *rest = row
    return Order(id_, at_ms, Verb(verb), parse(thing) if thing else None, *rest)
