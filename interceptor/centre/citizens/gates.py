"""What the gates themselves blocked, limited or stopped: what can be looked up, and appealed against.

Enters: rows of what the gates saw. Leaves: for each thing what was done, by which rules, since when. Invariant: it is
written by the order of the stream; what is older than terms.acted_days is forgotten.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from interceptor.centre.book import Act, Book
from interceptor.centre.citizens.keys import pair, triple
from interceptor.centre.citizens.terms import DAY_MS, Terms
from interceptor.centre.seen import Seen
from interceptor.centre.things import Thing
from interceptor.centre.warnings.sources import thing_of
from interceptor.schema import Action, Kind, Subject

BLOCKS = Action.HARD_BLOCK | Action.BLOCK | Action.STOP_48H | Action.FREEZE_6M
LIMITS = Action.LIMIT | Action.SANCTION_5Y
ACTED = BLOCKS | LIMITS
# On a payment, what is done to who pays; all else is done to who is paid.
_ON_PAYER = Action.STOP_48H | Action.FREEZE_6M
_PAYER_RULES = frozenset({"suspended-account-pays", "sanctioned-account-pays"})


@dataclass(frozen=True, slots=True)
class Acted:
    """What the gates did to a thing. actions: Action bits."""

    actions: int
    rules: str
    first_ms: int
    last_ms: int
    events: int

    @property
    def blocked(self) -> bool:
        return bool(self.actions & BLOCKS)


def rows(seen: Seen) -> np.ndarray:
    """bool[n]: events on which something was blocked, limited or stopped."""
    return (seen.actions & np.uint32(ACTED)) != 0


def thing_acted_on(seen: Seen, row: int) -> Thing | None:
    """Whose line, site or account it is."""
    if seen.column("kind")[row] == Kind.TRANSFER:
        by_rule = not _PAYER_RULES.isdisjoint(seen.rules_of(row))
        if by_rule or int(seen.actions[row]) & _ON_PAYER:
            payer = int(seen.column("payer")[row])
            return Thing(Subject.ACCOUNT, payer) if payer else None
    return thing_of(seen, row)


def note(book: Book, seen: Seen, found: list[int], now_ms: int, terms: Terms) -> list[int]:
    """Writes down what was done in these rows; gives the empty list."""
    if not found:
        return found
    told = []
    for rows_of_one in _by_party(seen, found):
        last = rows_of_one[-1]
        if thing := thing_acted_on(seen, last):
            acted = int(np.bitwise_or.reduce(seen.actions[rows_of_one])) & int(ACTED)
            times, names = seen.column("ts_ms")[rows_of_one], " ".join(seen.rules_of(last))
            told.append((*triple(thing), acted, names, int(times.min()), int(times.max()), len(rows_of_one)))
    with book.act("gate.acted", "", "engine", now_ms) as act:
        act.db.execute("DELETE FROM acted WHERE last_ms < ?", (now_ms - terms.acted_days * DAY_MS,))
        act.db.executemany(
            "INSERT INTO acted VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " actions = actions | excluded.actions, rules = excluded.rules, last_ms = max(last_ms, excluded.last_ms),"
            " shown = CASE shown WHEN '' THEN excluded.shown ELSE shown END, events = events + excluded.events",
            told,
        )
        act.note(events=len(found), things=len(told))
    return []


def _by_party(seen: Seen, found: list[int]) -> list[list[int]]:
    """Rows that are about the same line, site or payment's two ends together: in a flood few send all of it."""
    at = np.array(found)
    keys = [seen.column(name)[at].tolist() for name in ("kind", "source", "payer", "subject")]
    keys.append((seen.actions[at] & np.uint32(_ON_PAYER)).tolist())
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, key in zip(found, zip(*keys, strict=True), strict=True):
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def acted_on(db: sqlite3.Connection, thing: Thing, at_ms: int, terms: Terms) -> Acted | None:
    """What was done to it within terms.acted_days, unless an appeal lifted it."""
    wanted = "SELECT actions, rules, first_ms, last_ms, events FROM acted WHERE subject = ? AND key = ? AND last_ms > ?"
    row = db.execute(wanted, (*pair(thing), at_ms - terms.acted_days * DAY_MS)).fetchone()
    return Acted(*row) if row else None


def forget(act: Act, thing: Thing) -> None:
    """An appeal was upheld."""
    act.db.execute("DELETE FROM acted WHERE subject = ? AND key = ?", pair(thing))
