"""Who works on a case: the officer with the least to do.

Enters: officers, each with so many open cases at most. Leaves: assignments. Invariants: `load` is how many open cases
an officer has; nobody is given more than he can take, but by name.
"""

from __future__ import annotations

import sqlite3

from interceptor.centre.book import Act, Book
from interceptor.centre.cases.terms import TERMS
from interceptor.centre.refusal import Refused


def officer(book: Book, name: str, *, load_max: int = TERMS.load_max, by: str, at_ms: int) -> None:
    """Puts an officer on the roster, or changes how much he can take; 0 = nothing new. Raises Refused."""
    with book.act("case.officer", f"officer:{name}", by, at_ms) as act:
        act.note(load_max=load_max)
        if not name.strip():
            raise Refused("no-name", "an officer has a name")
        if load_max < 0:
            raise Refused("no-load", f"{load_max}: nobody works on fewer than no cases")
        act.db.execute(
            "INSERT INTO officers VALUES (?, ?, 0) ON CONFLICT (name) DO UPDATE SET load_max = excluded.load_max",
            (name, load_max),
        )


def roster(db: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """(name, open cases, at most), by name."""
    return db.execute("SELECT name, load, load_max FROM officers ORDER BY name").fetchall()


def least_loaded(db: sqlite3.Connection) -> str:
    """Who has room and the fewest cases for what he can take; "" = nobody."""
    found = db.execute(
        "SELECT name FROM officers WHERE load < load_max ORDER BY 1.0 * load / load_max, name LIMIT 1"
    ).fetchone()
    return str(found[0]) if found else ""


def give(act: Act, case_id: int, name: str, at_ms: int) -> None:
    """Part of an act: the case is his from now on, whoever had it."""
    release(act, case_id)
    act.db.execute("UPDATE cases SET officer = ?, assigned_ms = ? WHERE id = ?", (name, at_ms, case_id))
    act.db.execute("UPDATE officers SET load = load + 1 WHERE name = ?", (name,))


def release(act: Act, case_id: int) -> None:
    """Part of an act: the case ends, or goes to another; its officer has room again."""
    act.db.execute(
        "UPDATE officers SET load = load - 1 WHERE name = (SELECT officer FROM cases WHERE id = ?)", (case_id,)
    )
