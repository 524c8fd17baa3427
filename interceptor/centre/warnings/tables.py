"""The tables of warnings.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariant: see each statement.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # A citizen has one open warning at most. `risk`: minutes of head start in the queue. `urgency_ms`: queued_ms
        # less those; the smallest is served first. `next_ms`: when something happens by itself, 0 = nothing does.
        # `missed_ms`: first try of this tier in vain. `refusals`: of calls and visits, all tiers. `hold_ms`: when the
        # protective hold ends or was lifted, 0 = there was none.
        "CREATE TABLE warnings (id INTEGER PRIMARY KEY, citizen INTEGER NOT NULL, town INTEGER NOT NULL,"
        " opened_ms INTEGER NOT NULL, tier INTEGER NOT NULL, state TEXT NOT NULL, scam INTEGER NOT NULL,"
        " risk INTEGER NOT NULL, stake_fen INTEGER NOT NULL, source TEXT NOT NULL, rules TEXT NOT NULL,"
        " tries INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0, missed_ms INTEGER NOT NULL DEFAULT 0,"
        " queued_ms INTEGER NOT NULL, urgency_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL,"
        " reached_ms INTEGER NOT NULL DEFAULT 0, closed_ms INTEGER NOT NULL DEFAULT 0, result TEXT NOT NULL DEFAULT '',"
        " hold_ms INTEGER NOT NULL DEFAULT 0)",
        "CREATE UNIQUE INDEX warnings_open ON warnings (citizen) WHERE closed_ms = 0",
        "CREATE INDEX warnings_of ON warnings (citizen, closed_ms)",
        "CREATE INDEX warnings_queue ON warnings (tier, urgency_ms, id) WHERE state = 'queued'",
        "CREATE INDEX warnings_next ON warnings (next_ms) WHERE next_ms > 0",
        "CREATE INDEX warnings_opened ON warnings (opened_ms)",
        "CREATE INDEX warnings_closed ON warnings (closed_ms)",
        # A message, a call or a visit; ended_ms 0 = under way, and somebody is busy with it.
        "CREATE TABLE tries (id INTEGER PRIMARY KEY, warning INTEGER NOT NULL REFERENCES warnings (id),"
        " tier INTEGER NOT NULL, district INTEGER NOT NULL, queued_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
        " ended_ms INTEGER NOT NULL, outcome INTEGER NOT NULL, by TEXT NOT NULL)",
        "CREATE INDEX tries_busy ON tries (tier, district) WHERE ended_ms = 0",
        "CREATE INDEX tries_of ON tries (warning)",
        "CREATE INDEX tries_started ON tries (started_ms, tier)",
        "CREATE INDEX tries_ended ON tries (ended_ms)",
        # Each step up, and why: the engine's decision, unreached, refused.
        "CREATE TABLE raises (warning INTEGER NOT NULL REFERENCES warnings (id), at_ms INTEGER NOT NULL,"
        " tier INTEGER NOT NULL, why TEXT NOT NULL)",
        "CREATE INDEX raises_at ON raises (at_ms)",
        # Who had to do with which scam lately: the last such call, message or visit that came through.
        "CREATE TABLE contacts (citizen INTEGER NOT NULL, scam INTEGER NOT NULL, town INTEGER NOT NULL,"
        " last_ms INTEGER NOT NULL, events INTEGER NOT NULL, PRIMARY KEY (citizen, scam)) WITHOUT ROWID",
        "CREATE INDEX contacts_last ON contacts (last_ms)",
    ),
)
