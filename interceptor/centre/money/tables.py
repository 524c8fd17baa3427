"""The tables of money.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariants: payments are those
of the last days that passed a gate or were held there; of an account there is one stop at a time that hasn't ended;
keys of 64 bits are kept signed (see signed).
"""

from __future__ import annotations

IN_FORCE = "('requested', 'matched', 'stopped', 'extended', 'frozen')"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE payments (tx INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, citizen INTEGER NOT NULL,"
        " payer INTEGER NOT NULL, payee INTEGER NOT NULL, amount_fen INTEGER NOT NULL)",
        "CREATE INDEX payments_at ON payments (at_ms)",
        "CREATE INDEX payments_payee ON payments (payee, at_ms)",
        "CREATE TABLE accounts (account INTEGER PRIMARY KEY, holder INTEGER NOT NULL, bank TEXT NOT NULL)",
        "CREATE TABLE banks (bank TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE alerts (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, reporter INTEGER NOT NULL,"
        " scam_type TEXT NOT NULL, loss_fen INTEGER NOT NULL, tx INTEGER NOT NULL, payer INTEGER NOT NULL,"
        " payee INTEGER NOT NULL, holder INTEGER NOT NULL, bank TEXT NOT NULL, amount_fen INTEGER NOT NULL,"
        " paid_ms INTEGER NOT NULL, text TEXT NOT NULL, case_id INTEGER NOT NULL)",
        "CREATE INDEX alerts_at ON alerts (at_ms)",
        "CREATE INDEX alerts_reporter ON alerts (reporter, payee)",
        "CREATE INDEX alerts_case ON alerts (case_id)",
        "CREATE TABLE stops (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, bank TEXT NOT NULL,"
        " layer INTEGER NOT NULL, case_id INTEGER NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL,"
        " times INTEGER NOT NULL, asked_ms INTEGER NOT NULL, answer_by_ms INTEGER NOT NULL, chased_ms INTEGER,"
        " executed_ms INTEGER, mismatch TEXT NOT NULL DEFAULT '', until_ms INTEGER,"
        " gross_fen INTEGER NOT NULL DEFAULT 0, tainted_fen INTEGER NOT NULL DEFAULT 0, extended_ms INTEGER,"
        " frozen_ms INTEGER, frozen_fen INTEGER NOT NULL DEFAULT 0, decision TEXT NOT NULL DEFAULT '',"
        " renewals INTEGER NOT NULL DEFAULT 0, ended_ms INTEGER, reason TEXT NOT NULL DEFAULT '',"
        " wrongly INTEGER NOT NULL DEFAULT 0)",
        f"CREATE UNIQUE INDEX stops_in_force ON stops (account) WHERE state IN {IN_FORCE}",
        "CREATE INDEX stops_account ON stops (account)",
        "CREATE INDEX stops_case ON stops (case_id)",
        "CREATE INDEX stops_executed ON stops (executed_ms) WHERE executed_ms IS NOT NULL",
        "CREATE INDEX stops_end ON stops (until_ms) WHERE state IN ('stopped', 'extended', 'frozen')",
        "CREATE INDEX stops_answer ON stops (answer_by_ms) WHERE state IN ('requested', 'matched')"
        " AND chased_ms IS NULL",
        "CREATE TABLE taints (stop_id INTEGER NOT NULL, alert_id INTEGER NOT NULL, tainted_fen INTEGER NOT NULL,"
        " PRIMARY KEY (stop_id, alert_id)) WITHOUT ROWID",
        "CREATE INDEX taints_alert ON taints (alert_id)",
        "CREATE TABLE given_back (id INTEGER PRIMARY KEY, stop_id INTEGER NOT NULL, alert_id INTEGER,"
        " tx INTEGER UNIQUE, at_ms INTEGER NOT NULL, amount_fen INTEGER NOT NULL)",
        "CREATE INDEX given_back_stop ON given_back (stop_id)",
        "CREATE INDEX given_back_alert ON given_back (alert_id)",
        "CREATE INDEX given_back_at ON given_back (at_ms)",
    ),
    (
        "ALTER TABLE alerts ADD COLUMN cancelled_fen INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE alerts ADD COLUMN cancelled_ms INTEGER",
    ),
    ("CREATE INDEX payments_payer ON payments (payer, at_ms)",),
)
