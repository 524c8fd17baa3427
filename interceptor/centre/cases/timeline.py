"""One timeline for what police, banks, carriers and citizens do in a case.

Enters: what somebody did, as part of an act of any of the centre's systems. Leaves: entries of a case. Invariant: an
entry is written in the transaction, and on the audit log, of the act that it comes from, and never changed.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from interceptor.centre.book import Act
from interceptor.centre.cases.terms import Party
from interceptor.centre.refusal import Refused
from interceptor.centre.things import Thing

_HANDLE = (Party.POLICE, Party.BANK, Party.CARRIER)


@dataclass(frozen=True, slots=True)
class Entry:
    """`about`: as things.Thing writes it, or ""; `ref`: what it comes from, as that system names it (stop:17)."""

    id: int
    case: int
    at_ms: int
    party: Party
    by: str
    what: str
    about: str
    ref: str


def current(db: sqlite3.Connection, case_id: int) -> int:
    """The case that this one was merged into, else itself. Raises Refused."""
    while True:
        found = db.execute("SELECT merged_into FROM cases WHERE id = ?", (case_id,)).fetchone()
        if found is None:
            raise Refused("no-such-case", f"there is no case {case_id}", "`interceptor centre cases list` has them")
        if found[0] is None:
            return case_id
        case_id = found[0]


def parts_of(db: sqlite3.Connection, case_id: int) -> list[int]:
    """A case and those that were merged into it."""
    found = db.execute(
        "WITH RECURSIVE part (id) AS (SELECT ? UNION SELECT c.id FROM cases c JOIN part p ON c.merged_into = p.id)"
        " SELECT id FROM part ORDER BY id",
        (case_id,),
    )
    return [part for (part,) in found]


def enter(
    act: Act, case_id: int, party: Party, what: str, *, by: str, at_ms: int, about: Thing | None = None, ref: str = "",
) -> int:  # fmt: skip
    """Writes an entry as part of an act; gives its id. What police, a bank or a carrier does handles the case."""
    case_id = current(act.db, case_id)
    found = act.db.execute(
        "INSERT INTO case_entries (case_id, at_ms, party, by, what, about, ref) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (case_id, at_ms, party, by, what, str(about) if about else "", ref),
    )
    act.db.execute("UPDATE cases SET last_ms = max(last_ms, ?) WHERE id = ?", (at_ms, case_id))
    if party in _HANDLE:
        act.db.execute("UPDATE cases SET handled_ms = ? WHERE id = ? AND handled_ms IS NULL", (at_ms, case_id))
    return int(found.lastrowid or 0)


def entries(db: sqlite3.Connection, case_id: int) -> list[Entry]:
    """Of one case, in order of time; entries of cases merged into it are its own."""
    found = db.execute(
        "SELECT id, case_id, at_ms, party, by, what, about, ref FROM case_entries WHERE case_id = ? ORDER BY at_ms, id",
        (case_id,),
    )
    return [Entry(row[0], row[1], row[2], Party(row[3]), *row[4:]) for row in found]
