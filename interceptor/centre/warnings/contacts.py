"""Who had to do with which scam lately, whatever became of it.

Enters: events that a telling rule hit. Leaves: for each citizen and class the last contact. Invariant: only what came
through counts: a blocked call was never heard.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from interceptor.centre.book import Book
from interceptor.centre.seen import Event
from interceptor.centre.warnings.acts import PROGRAM
from interceptor.centre.warnings.classes import Scam
from interceptor.schema import Kind, Verdict

DAY_MS = 86_400_000
KEPT_DAYS = 30  # [A]
TELLS_DAYS = 7  # the class of a payment is that of a contact so many days before at most [A]
_KINDS = frozenset((Kind.CALL, Kind.CALL_END, Kind.SMS, Kind.WEB, Kind.TRANSFER))


@dataclass(frozen=True, slots=True)
class Contact:
    """`events`: how many of this class so far."""

    citizen: int
    scam: Scam
    town: int
    last_ms: int
    events: int


def came_through(event: Event) -> bool:
    """Whether it reached a citizen."""
    return event.target > 0 and event.verdict < Verdict.BLOCK and event.kind in _KINDS


def of(event: Event, scam: Scam) -> Contact:
    """The contact that an event was."""
    return Contact(event.target, scam, event.town, event.ts_ms, 1)


def note(book: Book, met: list[Contact], now_ms: int) -> list[Contact]:
    """Writes them down; gives the empty list."""
    if not met:
        return met
    with book.act("warning.contacts", "", PROGRAM, now_ms) as act:
        act.db.execute("DELETE FROM contacts WHERE last_ms < ?", (now_ms - KEPT_DAYS * DAY_MS,))
        act.db.executemany(
            "INSERT INTO contacts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET town = excluded.town,"
            " last_ms = max(last_ms, excluded.last_ms), events = events + excluded.events",
            [(one.citizen, one.scam, one.town, one.last_ms, one.events) for one in met],
        )
        act.note(events=len(met))
    return []


def last_class(db: sqlite3.Connection, citizen: int, at_ms: int) -> Scam:
    """What the citizen last had to do with, pages alone only where there was nothing else; UNCLEAR where nothing is
    known."""
    wanted = (
        "SELECT scam FROM contacts WHERE citizen = ? AND last_ms BETWEEN ? AND ?"
        " ORDER BY scam = ?, last_ms DESC, scam LIMIT 1"
    )
    row = db.execute(wanted, (citizen, at_ms - TELLS_DAYS * DAY_MS, at_ms, Scam.PHISHING)).fetchone()
    return Scam(row[0]) if row else Scam.UNCLEAR


def since(db: sqlite3.Connection, from_ms: int) -> list[Contact]:
    """Contacts from then on, by class, the latest first."""
    wanted = (
        "SELECT citizen, scam, town, last_ms, events FROM contacts WHERE last_ms >= ?"
        " ORDER BY scam, last_ms DESC, citizen"
    )
    return [
        Contact(citizen, Scam(scam), town, last_ms, events)
        for citizen, scam, town, last_ms, events in db.execute(wanted, (from_ms,))
    ]
