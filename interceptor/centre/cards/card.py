"""One SIM or account in the register.

Enters: a book. Leaves: cards, by what they are, whose they are, behind which phone, from which outlet. Invariant:
nothing here writes.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from interceptor.centre.refusal import Refused
from interceptor.centre.things import Thing, parse
from interceptor.schema import Subject

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEAR_MS = 365 * DAY_MS
COLUMNS = "id, card, person, phone, outlet, opened_ms, state, grade, since_ms, due_ms, bad_ms, sanction"
CARDS = (Subject.NUMBER, Subject.ACCOUNT)


class State(StrEnum):
    """The ladder. free → reverify → limited → suspended → closed; back to free when verified or lifted."""

    FREE = "free"
    REVERIFY = "reverify"
    LIMITED = "limited"
    SUSPENDED = "suspended"
    CLOSED = "closed"


RUNGS = tuple(State)


class Grade(IntEnum):
    """How grave it looks (A1 [P]: clues are graded high, medium, low)."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """Bounds and deadlines; each can be set."""

    sims_of_person: int = 5  # A3 [P], per carrier; the stream doesn't name carriers, so of all together
    burst: int = 3  # [A] openings for one person …
    burst_ms: int = DAY_MS  # … within a day
    people_of_phone: int = 3  # D4 K03 [A]
    outlet_cards: int = 20  # D4 K04 [A]
    outlet_bad: int = 5
    outlet_bad_share: float = 0.05
    # Law of 2022 art. 11 [L]: re-verify by grade of risk. Days to do so, by grade [A]
    verify_days: tuple[int, int, int] = (7, 3, 1)
    limited_days: int = 7  # as rules put lines on limited_lines [A]
    suspended_days: int = 90  # A5 [P]: a number was lost after three months
    trust_days: int = 30  # [A] who was verified or found honest isn't asked again; the gates still judge each event
    sanction_days: int = 5 * 365  # A3 [P], law art. 31 [L]
    register_days: int = 400  # of cards that nothing was ever done about; K03 looks back a year
    cards_max: int = 1_000_000


TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Card:
    """A row; see tables."""

    id: int
    thing: Thing
    person: str
    phone: str
    outlet: str
    opened_ms: int
    state: State
    grade: int
    since_ms: int
    due_ms: int
    bad_ms: int
    sanction: int

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Card:
        id_, card, person, phone, outlet, opened_ms, state, *rest = row
        return cls(id_, parse(card), person, phone, outlet, opened_ms, State(state), *rest)


def found(db: sqlite3.Connection, thing: Thing) -> Card | None:
    row = db.execute(f"SELECT {COLUMNS} FROM cards WHERE card = ?", (str(thing),)).fetchone()
    return Card.of(row) if row else None


def of_person(db: sqlite3.Connection, person: str) -> list[Card]:
    """In order of their opening."""
    return _all(db, "person = ? AND person != '' ORDER BY opened_ms, id", person)


def of_phone(db: sqlite3.Connection, phone: str) -> list[Card]:
    return _all(db, "phone = ? AND phone != '' ORDER BY opened_ms, id", phone)


def card_thing(text: str) -> Thing:
    """number:… or account:…; digits alone are a number. Raises Refused."""
    thing = parse(text, None if ":" in text else Subject.NUMBER)
    if thing.subject not in CARDS:
        raise Refused("no-card", f"{text!r} is no SIM and no account", "write number:… or account:…")
    return thing


def outlet_name(key: int) -> str:
    """As the register has it; "" for none."""
    return f"0x{key:016x}" if key else ""


def _all(db: sqlite3.Connection, where: str, value: str) -> list[Card]:
    return [Card.of(row) for row in db.execute(f"SELECT {COLUMNS} FROM cards WHERE {where}", (value,))]
