"""The tables of cards.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariants: one row a SIM or
account, from its opening or its first measure on; card_acts only grows; people, phones and outlets stand as text.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # card: number:… or account:…; person: person:…, "" = unknown; phone: number:…; outlet: 0x…; opened_ms 0 =
        # before the register began. state: free, reverify, limited, suspended, closed, held since since_ms; due_ms:
        # when it moves on by itself; bad_ms: first listed, blocked or found to be fraud; sanction: id, 0 = none.
        "CREATE TABLE cards (id INTEGER PRIMARY KEY, card TEXT NOT NULL UNIQUE, person TEXT NOT NULL,"
        " phone TEXT NOT NULL, outlet TEXT NOT NULL, opened_ms INTEGER NOT NULL, state TEXT NOT NULL,"
        " grade INTEGER NOT NULL, since_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, bad_ms INTEGER NOT NULL,"
        " sanction INTEGER NOT NULL)",
        "CREATE INDEX cards_of_person ON cards (person, opened_ms) WHERE person != ''",
        "CREATE INDEX cards_of_phone ON cards (phone) WHERE phone != ''",
        "CREATE INDEX cards_of_outlet ON cards (outlet, bad_ms) WHERE outlet != ''",
        "CREATE INDEX cards_due ON cards (due_ms) WHERE due_ms > 0",
        "CREATE TABLE card_acts (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, card INTEGER NOT NULL,"
        " what TEXT NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL)",
        "CREATE INDEX card_acts_by_time ON card_acts (at_ms)",
        "CREATE INDEX card_acts_of_card ON card_acts (card)",
        # thing: person:…, or the card where nobody knows whose it is; state: active, lifted, ended
        "CREATE TABLE sanctions (id INTEGER PRIMARY KEY, thing TEXT NOT NULL, finding INTEGER NOT NULL,"
        " since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, state TEXT NOT NULL, by TEXT NOT NULL)",
        "CREATE UNIQUE INDEX sanctions_active ON sanctions (thing) WHERE state = 'active'",
        "CREATE INDEX sanctions_ending ON sanctions (until_ms) WHERE state = 'active'",
        "CREATE TABLE flagged_outlets (outlet TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE cards_read (id INTEGER PRIMARY KEY CHECK (id = 1), last_order INTEGER NOT NULL)",
    ),
)
