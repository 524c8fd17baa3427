"""The tables of hotspots.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariants: a day is that of the
city's clock, counted from 1970; town_seen holds the days that aren't closed yet, town_days those that are; devices,
SIMs and parties are the stream's 64 bits as signed integers.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # what: Sign; key: who, each once a day and town
        "CREATE TABLE town_seen (day INTEGER NOT NULL, what INTEGER NOT NULL, town INTEGER NOT NULL,"
        " key INTEGER NOT NULL, PRIMARY KEY (day, what, town, key)) WITHOUT ROWID",
        "CREATE TABLE town_days (town INTEGER NOT NULL, day INTEGER NOT NULL, suspects INTEGER NOT NULL,"
        " blocked INTEGER NOT NULL, citizens INTEGER NOT NULL, inflow INTEGER NOT NULL, PRIMARY KEY (town, day))"
        " WITHOUT ROWID",
        "CREATE INDEX town_days_by_day ON town_days (day)",
        "CREATE TABLE hot_towns (town INTEGER NOT NULL, day INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
        " suspects INTEGER NOT NULL, mean REAL NOT NULL, PRIMARY KEY (day, town)) WITHOUT ROWID",
        "CREATE TABLE hotspot_watch (id INTEGER PRIMARY KEY CHECK (id = 1), since_day INTEGER NOT NULL,"
        " next_day INTEGER NOT NULL)",
        # Suspect SIMs in cells, of two days; and their calls, of one
        "CREATE TABLE den_sims (cell INTEGER NOT NULL, imei INTEGER NOT NULL, imsi INTEGER NOT NULL,"
        " town INTEGER NOT NULL, last_ms INTEGER NOT NULL, PRIMARY KEY (cell, imei, imsi)) WITHOUT ROWID",
        "CREATE INDEX den_sims_of_imei ON den_sims (imei, last_ms)",
        "CREATE INDEX den_sims_by_time ON den_sims (last_ms)",
        "CREATE TABLE den_calls (cell INTEGER NOT NULL, imsi INTEGER NOT NULL, from_ms INTEGER NOT NULL,"
        " to_ms INTEGER NOT NULL)",
        "CREATE INDEX den_calls_of_cell ON den_calls (cell, to_ms)",
        "CREATE INDEX den_sims_of_sim ON den_sims (imsi)",
        # kind: device or cell; state: found or cleared
        "CREATE TABLE dens (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, sims INTEGER NOT NULL,"
        " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, cleared_ms INTEGER NOT NULL)",
        "CREATE INDEX dens_by_time ON dens (last_ms)",
        "CREATE TABLE den_members (den INTEGER NOT NULL, what TEXT NOT NULL, key INTEGER NOT NULL,"
        " PRIMARY KEY (den, what, key)) WITHOUT ROWID",
        "CREATE INDEX den_members_by_key ON den_members (what, key)",
        "CREATE TABLE den_places (id INTEGER PRIMARY KEY, den INTEGER NOT NULL, cell INTEGER NOT NULL,"
        " town INTEGER NOT NULL, at_ms INTEGER NOT NULL, moved INTEGER NOT NULL)",
        "CREATE INDEX den_places_of_den ON den_places (den, id)",
        "CREATE INDEX den_places_in_cell ON den_places (cell)",
    ),
)
