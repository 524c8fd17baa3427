"""Warnings as they stand in the book.

Enters: ids, numbers of citizens. Leaves: Warning rows. Invariant: nothing here writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from interceptor.centre.refusal import Refused
from interceptor.centre.things import Thing
from interceptor.centre.warnings.classes import Scam
from interceptor.schema import Subject

QUEUED, SENT, CALLED, ON_THE_WAY, WAITING, CLOSED = "queued", "sent", "called", "on the way", "waiting", "closed"
UNDER_WAY = {1: SENT, 2: CALLED, 3: CALLED, 4: ON_THE_WAY}  # by tier
_NAMES = (
    "id", "citizen", "town", "opened_ms", "tier", "state", "scam", "risk", "stake_fen", "source", "rules", "tries",
    "refusals", "missed_ms", "queued_ms", "urgency_ms", "next_ms", "reached_ms", "closed_ms", "result", "hold_ms",
)  # fmt: skip
COLUMNS = ", ".join(_NAMES)


@dataclass(frozen=True, slots=True)
class Warning:
    """One warning; see the table for what its columns mean. `source`: the suspect, as things.Thing writes it."""

    id: int
    citizen: int
    town: int
    opened_ms: int
    tier: int
    state: str
    scam: int
    risk: int
    stake_fen: int
    source: str
    rules: str
    tries: int
    refusals: int
    missed_ms: int
    queued_ms: int
    urgency_ms: int
    next_ms: int
    reached_ms: int
    closed_ms: int
    result: str
    hold_ms: int

    @property
    def ref(self) -> str:
        """As the log and orders name it."""
        return f"warning:{self.id}"

    @property
    def who(self) -> Thing:
        return Thing(Subject.NUMBER, self.citizen)

    @property
    def district(self) -> int:
        return district_of(self.town)

    @property
    def under_way(self) -> bool:
        return self.state == UNDER_WAY[self.tier]

    def as_object(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in _NAMES}
        return told | {"scam": Scam(self.scam).word, "rules": self.rules.split()}


def district_of(town: int) -> int:
    """The county's six digits of a township's code; 0 = not in this city."""
    return town // 1000


def found(db: sqlite3.Connection, warning: int) -> Warning:
    """Raises Refused."""
    row = next(where(db, "id = ?", warning), None)
    if row is None:
        raise Refused("no-such-warning", f"there is no warning {warning}", "`interceptor centre warnings list` has all")
    return row


def open_of(db: sqlite3.Connection, citizen: int) -> Warning | None:
    return next(where(db, "citizen = ? AND closed_ms = 0", citizen), None)


def where(db: sqlite3.Connection, condition: str, *values: int | str) -> Iterator[Warning]:
    """All that meet a condition of SQL, ORDER BY and LIMIT included."""
    for row in db.execute(f"SELECT {COLUMNS} FROM warnings WHERE {condition}", values):
        yield Warning(*row)


def started_ms(db: sqlite3.Connection, warning: int) -> int:
    """When its last try began."""
    return int(db.execute("SELECT max(started_ms) FROM tries WHERE warning = ?", (warning,)).fetchone()[0] or 0)
