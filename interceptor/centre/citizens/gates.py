"""What the gates themselves blocked, limited or stopped: what can be looked up, and appealed against.

Enters: events that the gates saw. Leaves: for each thing what was done, by which rules, since when. Invariant: it is
written by the order of the stream; what is older than terms.acted_days is forgotten.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import reduce
from operator import or_

from interceptor.centre.book import Act, Book
from interceptor.centre.citizens.keys import pair, triple
from interceptor.centre.citizens.terms import DAY_MS, Terms
from interceptor.centre.seen import Event, Seen
from interceptor.centre.things import Thing
from interceptor.centre.warnings.sources import thing_of
from interceptor.schema import Action, Kind, Subject

BLOCKS = int(Action.HARD_BLOCK | Action.BLOCK | Action.STOP_48H | Action.FREEZE_6M)
LIMITS = int(Action.LIMIT | Action.SANCTION_5Y)
ACTED = BLOCKS | LIMITS  # bits of an event on which something was blocked, limited or stopped
# On a payment, what is done to who pays; all else is done to who is paid.
_ON_PAYER = int(Action.STOP_48H | Action.FREEZE_6M)
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


def thing_acted_on(seen: Seen, event: Event) -> Thing | None:
    """Whose line, site or account it is."""
    if event.kind == Kind.TRANSFER and (event.actions & _ON_PAYER or not _PAYER_RULES.isdisjoint(event.rules)):
        return Thing(Subject.ACCOUNT, event.payer) if event.payer else None
    return thing_of(seen, event)


def note(book: Book, seen: Seen, found: list[Event], now_ms: int, terms: Terms) -> list[Event]:
    """Writes down what was done in these events; gives the empty list."""
    if not found:
        return found
    told = []
    for same in _by_party(found):
        last = same[-1]
        if thing := thing_acted_on(seen, last):
            acted = reduce(or_, (event.actions for event in same)) & ACTED
            times = [event.ts_ms for event in same]
            told.append((*triple(thing), acted, " ".join(last.rules), min(times), max(times), len(same)))
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


def _by_party(found: list[Event]) -> list[list[Event]]:
    """Events that are about the same line, site or payment's two ends together: in a flood few send all of it."""
    groups: dict[tuple[int, ...], list[Event]] = {}
    for event in found:
        key = (event.kind, event.source, event.payer, event.subject, event.actions & _ON_PAYER)
        groups.setdefault(key, []).append(event)
    return list(groups.values())


def acted_on(db: sqlite3.Connection, thing: Thing, at_ms: int, terms: Terms) -> Acted | None:
    """What was done to it within terms.acted_days, unless an appeal lifted it."""
    wanted = "SELECT actions, rules, first_ms, last_ms, events FROM acted WHERE subject = ? AND key = ? AND last_ms > ?"
    row = db.execute(wanted, (*pair(thing), at_ms - terms.acted_days * DAY_MS)).fetchone()
    return Acted(*row) if row else None


def forget(act: Act, thing: Thing) -> None:
    """An appeal was upheld."""
    act.db.execute("DELETE FROM acted WHERE subject = ? AND key = ?", pair(thing))
