"""How far somebody has come: in a stream of events, in the book's own orders.

Enters: names and numbers. Leaves: rows of the book. Invariant: a mark moves in the transaction of what it says was
done.
"""

from __future__ import annotations

import sqlite3

CLOCK = "clock"  # of a run: the time in its city, ms; a book that follows real events has none
PASSED = "everything passed"  # 1 where events were recorded, or only observed: nothing that was decided changed any
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    ("CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",),
)


def mark(db: sqlite3.Connection, name: str) -> int:
    """0 where nobody has begun."""
    found = db.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
    return int(found[0]) if found else 0


def move(db: sqlite3.Connection, name: str, value: int) -> None:
    db.execute("INSERT INTO marks VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))
