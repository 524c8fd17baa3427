"""The tables of cases.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariants: a case is open until
it has an outcome or was merged; its things are the suspects' (numbers, accounts, sites, persons) and, apart, the
citizens whom it concerns; of a rule and a thing there is one judgement, the latest.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE cases (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, urgency INTEGER NOT NULL,"
        " opened_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, hits INTEGER NOT NULL, reason TEXT NOT NULL,"
        " ref TEXT NOT NULL, officer TEXT NOT NULL DEFAULT '', assigned_ms INTEGER, handle_by_ms INTEGER NOT NULL,"
        " handled_ms INTEGER, decide_by_ms INTEGER NOT NULL, overdue_handle_ms INTEGER, overdue_decide_ms INTEGER,"
        " outcome TEXT NOT NULL DEFAULT '', closed_ms INTEGER, merged_into INTEGER)",
        "CREATE INDEX cases_opened ON cases (opened_ms)",
        "CREATE INDEX cases_closed ON cases (closed_ms) WHERE closed_ms IS NOT NULL",
        "CREATE INDEX cases_waiting ON cases (urgency, opened_ms) WHERE closed_ms IS NULL AND officer = ''",
        "CREATE INDEX cases_to_handle ON cases (handle_by_ms) WHERE closed_ms IS NULL AND handled_ms IS NULL"
        " AND overdue_handle_ms IS NULL",
        "CREATE INDEX cases_to_decide ON cases (decide_by_ms) WHERE closed_ms IS NULL AND overdue_decide_ms IS NULL",
        "CREATE INDEX cases_merged ON cases (merged_into) WHERE merged_into IS NOT NULL",
        "CREATE TABLE case_things (case_id INTEGER NOT NULL, subject INTEGER NOT NULL, key INTEGER NOT NULL,"
        " shown TEXT NOT NULL, citizen INTEGER NOT NULL, nth INTEGER NOT NULL,"
        " PRIMARY KEY (case_id, subject, key)) WITHOUT ROWID",
        "CREATE INDEX case_things_key ON case_things (subject, key, citizen)",
        "CREATE TABLE case_entries (id INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
        " party TEXT NOT NULL, by TEXT NOT NULL, what TEXT NOT NULL, about TEXT NOT NULL, ref TEXT NOT NULL)",
        "CREATE INDEX case_entries_case ON case_entries (case_id, at_ms, id)",
        "CREATE TABLE case_rules (case_id INTEGER NOT NULL, rule TEXT NOT NULL, PRIMARY KEY (case_id, rule))"
        " WITHOUT ROWID",
        "CREATE TABLE officers (name TEXT PRIMARY KEY, load_max INTEGER NOT NULL, load INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE judgements (rule INTEGER NOT NULL, thing INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
        " wrong INTEGER NOT NULL, appeal INTEGER NOT NULL, PRIMARY KEY (rule, thing)) WITHOUT ROWID",
        "CREATE TABLE rule_names (rule INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE shadowed (id INTEGER PRIMARY KEY, rule INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
        " why TEXT NOT NULL, case_id INTEGER NOT NULL)",
        "CREATE INDEX shadowed_rule ON shadowed (rule, at_ms)",
    ),
)
