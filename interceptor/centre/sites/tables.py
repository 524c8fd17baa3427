"""The tables of sites.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariants: one row a host,
whatever becomes of it; site_acts only grows; keys and addresses are the stream's 64 bits as signed integers.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # state: watched, proposed, confirmed, rejected, lifted, ended. born_ms 0 = unknown, registered 0 or 1;
        # traits: Trait bits; scams: messages with its link that the gates held back; until_ms: of a block.
        "CREATE TABLE sites (id INTEGER PRIMARY KEY, host TEXT NOT NULL UNIQUE, key INTEGER NOT NULL UNIQUE,"
        " state TEXT NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, born_ms INTEGER NOT NULL,"
        " address INTEGER NOT NULL, registered INTEGER NOT NULL, traits INTEGER NOT NULL, visits INTEGER NOT NULL,"
        " messages INTEGER NOT NULL, scams INTEGER NOT NULL, reports INTEGER NOT NULL, until_ms INTEGER NOT NULL)",
        "CREATE INDEX sites_of_address ON sites (address) WHERE address != 0",
        "CREATE INDEX sites_by_state ON sites (state, last_ms)",
        "CREATE INDEX sites_ending ON sites (until_ms) WHERE state = 'confirmed'",
        # Addresses of settled hosts, those of services that stand before everybody's sites among them.
        "CREATE TABLE site_addresses (address INTEGER PRIMARY KEY, last_ms INTEGER NOT NULL)",
        "CREATE TABLE site_acts (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, site INTEGER NOT NULL,"
        " what TEXT NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL)",
        "CREATE INDEX site_acts_by_time ON site_acts (at_ms)",
        "CREATE INDEX site_acts_of_site ON site_acts (site)",
    ),
)
