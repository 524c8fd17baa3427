"""The tables of the bulletin.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariant: gate_days holds every
event that was taken in once, by local day; events that passed are under town 0, whatever township they were in.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE gate_days (day INTEGER NOT NULL, kind INTEGER NOT NULL, verdict INTEGER NOT NULL,"
        " town INTEGER NOT NULL, events INTEGER NOT NULL, amount_fen INTEGER NOT NULL,"
        " PRIMARY KEY (day, kind, verdict, town)) WITHOUT ROWID",
        # Figures of a time before the book began, as an earlier report gave them: whole days, both ends included.
        "CREATE TABLE earlier (section TEXT NOT NULL, name TEXT NOT NULL, first_day INTEGER NOT NULL,"
        " last_day INTEGER NOT NULL, value REAL NOT NULL, source TEXT NOT NULL,"
        " PRIMARY KEY (section, name, first_day, last_day)) WITHOUT ROWID",
    ),
)
