"""The tables of citizens.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariant: see each statement.

A thing is its subject and its key; keys are stored as signed 64-bit numbers (keys.signed), `shown` is the name of a
site where it is known.
"""

from __future__ import annotations

_THING = "subject INTEGER NOT NULL, key INTEGER NOT NULL, shown TEXT NOT NULL"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # One vote a person and thing counts at a time. `judged`: 0 not yet, 1 it was right, -1 it was wrong.
        f"CREATE TABLE votes (id INTEGER PRIMARY KEY, {_THING}, reporter INTEGER NOT NULL, town INTEGER NOT NULL,"
        " at_ms INTEGER NOT NULL, scam INTEGER NOT NULL, text TEXT NOT NULL, withdrawn_ms INTEGER NOT NULL DEFAULT 0,"
        " judged INTEGER NOT NULL DEFAULT 0)",
        "CREATE INDEX votes_about ON votes (subject, key, at_ms)",
        "CREATE INDEX votes_by ON votes (reporter, at_ms)",
        "CREATE INDEX votes_at ON votes (at_ms)",
        "CREATE INDEX votes_withdrawn ON votes (withdrawn_ms) WHERE withdrawn_ms > 0",
        # How often a person was right or wrong.
        "CREATE TABLE reporters (number INTEGER PRIMARY KEY, rights INTEGER NOT NULL, wrongs INTEGER NOT NULL)",
        # Many reports within the hour: `outcome` blocked (by the centre), gate (by a rule there), or alert (somebody
        # has to look: the thing is official or protected).
        f"CREATE TABLE bursts (id INTEGER PRIMARY KEY, {_THING}, at_ms INTEGER NOT NULL, reporters INTEGER NOT NULL,"
        " towns INTEGER NOT NULL, until_ms INTEGER NOT NULL, outcome TEXT NOT NULL)",
        "CREATE INDEX bursts_about ON bursts (subject, key, at_ms)",
        "CREATE INDEX bursts_at ON bursts (at_ms)",
        # What the gates themselves blocked, limited or stopped lately; `actions` are Action bits.
        f"CREATE TABLE acted ({_THING}, actions INTEGER NOT NULL, rules TEXT NOT NULL, first_ms INTEGER NOT NULL,"
        " last_ms INTEGER NOT NULL, events INTEGER NOT NULL, PRIMARY KEY (subject, key)) WITHOUT ROWID",
        "CREATE INDEX acted_last ON acted (last_ms)",
        # Numbers that their owners had protected; ended_ms 0 = in force.
        "CREATE TABLE protected (id INTEGER PRIMARY KEY, number INTEGER NOT NULL, owner TEXT NOT NULL,"
        " papers TEXT NOT NULL, since_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0)",
        "CREATE UNIQUE INDEX protected_now ON protected (number) WHERE ended_ms = 0",
        # `blocked_ms`: since when it was blocked. `outcome`: "" = open. `lifted`: how many orders took it back.
        f"CREATE TABLE appeals (id INTEGER PRIMARY KEY, {_THING}, by TEXT NOT NULL, papers TEXT NOT NULL,"
        " filed_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, blocked_ms INTEGER NOT NULL,"
        " decided_ms INTEGER NOT NULL DEFAULT 0, outcome TEXT NOT NULL DEFAULT '', decider TEXT NOT NULL DEFAULT '',"
        " why TEXT NOT NULL DEFAULT '', lifted INTEGER NOT NULL DEFAULT 0, overdue_ms INTEGER NOT NULL DEFAULT 0)",
        "CREATE UNIQUE INDEX appeals_open ON appeals (subject, key) WHERE decided_ms = 0",
        "CREATE INDEX appeals_due ON appeals (due_ms) WHERE decided_ms = 0 AND overdue_ms = 0",
        "CREATE INDEX appeals_about ON appeals (subject, key)",
        "CREATE INDEX appeals_filed ON appeals (filed_ms)",
        "CREATE INDEX appeals_decided ON appeals (decided_ms)",
        "CREATE INDEX appeals_overdue ON appeals (overdue_ms) WHERE overdue_ms > 0",
        # Who was given advice on which scam, in which month (202103).
        "CREATE TABLE advised (citizen INTEGER NOT NULL, scam INTEGER NOT NULL, month INTEGER NOT NULL,"
        " town INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (citizen, scam, month)) WITHOUT ROWID",
        "CREATE INDEX advised_at ON advised (at_ms)",
        "CREATE TABLE rounds (at_ms INTEGER PRIMARY KEY, sent INTEGER NOT NULL)",
    ),
)
