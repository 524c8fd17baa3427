"""The ledger's file: opened, recognised, brought up to date.

Enters: a path. Leaves: a connection to a file of the present version, or LedgerError. Invariant: a file that isn't a
ledger, or is one of a later version, is never written to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from interceptor.rules.errors import printable
from interceptor.transport.ledger.older import pack

APPLICATION_ID = 0x1EC0_1ED6  # in the file's header: that it is a ledger
BUSY_S = 30.0
_CHECKPOINT_PAGES = 8_000  # of 4 KiB that wait in the WAL

_COLUMNS = """
    kind INTEGER NOT NULL, ts_ms INTEGER NOT NULL, event_id INTEGER NOT NULL, status INTEGER NOT NULL,
    verdict INTEGER NOT NULL, actions INTEGER NOT NULL, score REAL NOT NULL, target_score REAL NOT NULL,
    hits INTEGER NOT NULL, ruleset INTEGER NOT NULL"""
_PACKED = """
    place BLOB NOT NULL, kind BLOB NOT NULL, ts_ms BLOB NOT NULL, event_id BLOB NOT NULL, status BLOB NOT NULL,
    verdict BLOB NOT NULL, actions BLOB NOT NULL, score BLOB NOT NULL, target_score BLOB NOT NULL,
    hits BLOB NOT NULL, ruleset BLOB NOT NULL"""

# MIGRATIONS[v] takes a file from version v (PRAGMA user_version) to v + 1. What was released is never edited.
MIGRATIONS: tuple[tuple[str | Callable[[sqlite3.Connection], None], ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        f"CREATE TABLE decisions (place INTEGER PRIMARY KEY, {_COLUMNS})",
        f"CREATE TABLE differing (id INTEGER PRIMARY KEY, place INTEGER NOT NULL, {_COLUMNS})",
        "CREATE TABLE hits (id INTEGER PRIMARY KEY, rules TEXT NOT NULL UNIQUE)",
        "CREATE TABLE rulesets (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE)",
        "CREATE TABLE groups (kind INTEGER, verdict INTEGER, status INTEGER, ruleset INTEGER,"
        " decisions INTEGER NOT NULL, PRIMARY KEY (kind, verdict, status, ruleset)) WITHOUT ROWID",
        "CREATE TABLE tallies (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE offsets (topic TEXT, partition INTEGER, next INTEGER NOT NULL,"
        " PRIMARY KEY (topic, partition)) WITHOUT ROWID",
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
    (
        "CREATE TABLE pieces (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, rows INTEGER NOT NULL,"
        f" ids BLOB NOT NULL, {_PACKED})",
        "ALTER TABLE differing RENAME TO differing_1",
        f"CREATE TABLE differing (id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, {_PACKED})",
        pack,
        "DROP TABLE decisions",
        "DROP TABLE differing_1",
    ),
)


class LedgerError(Exception):
    """A file that can't be used as the ledger; the message says which, why, and what to do."""


class LedgerBusy(LedgerError):
    """The file can't be read or written at present: nothing is wrong with what was asked."""


def open_file(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Makes the file where there is none, unless `read_only`. Raises LedgerError."""
    if read_only and not path.is_file():
        raise LedgerError(
            f"{printable(str(path))}: no ledger\n  hint: `interceptor ledger follow` makes one; --file names it"
        )
    try:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
            uri=True, timeout=BUSY_S, isolation_level=None, cached_statements=64,
        )  # fmt: skip
    except sqlite3.Error as error:
        raise told(error, path) from None
    try:
        _recognise(db, path)
        if not read_only:
            _set_up(db)
        _migrate(db, path, read_only)
        return db
    except sqlite3.Error as error:
        db.close()
        raise told(error, path) from None
    except BaseException:
        db.close()
        raise


def told(error: sqlite3.Error, path: Path) -> LedgerError:
    """What SQLite complains of, for people."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = printable(str(path))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerBusy(f"{name}: another process has been writing to it for {BUSY_S:.0f} s")
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return LedgerBusy(f"{name}: the disk took no more ({error})")
    if code == sqlite3.SQLITE_NOTADB:
        return LedgerError(f"{name}: not a ledger\n  hint: name another by --file")
    if code == sqlite3.SQLITE_CORRUPT:
        return LedgerError(
            f"{name}: the file is damaged\n  hint: move it away; a new one is filled from what the topic still has"
        )
    return LedgerError(f"{name}: {printable(str(error))}")


def _recognise(db: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerError for a file of others or of the future; one without any table is a ledger to be."""
    if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return
    if _pragma(db, "application_id") != APPLICATION_ID:
        raise LedgerError(f"{printable(str(path))}: a database, but not a ledger\n  hint: name another by --file")
    version = _pragma(db, "user_version")
    if version > len(MIGRATIONS):
        raise LedgerError(
            f"{printable(str(path))}: version {version} of the ledger, this program knows {len(MIGRATIONS)} at most\n"
            "  hint: it was written by a later version of interceptor; use that"
        )


def _set_up(db: sqlite3.Connection) -> None:
    # NORMAL: a killed process loses nothing; a machine without power may lose the last transactions, and then the
    # offsets with them, so that what was lost is read again.
    for name, value in (("journal_mode", "WAL"), ("synchronous", "NORMAL"), ("cache_size", -65_536)):
        db.execute(f"PRAGMA {name} = {value}")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def _migrate(db: sqlite3.Connection, path: Path, read_only: bool) -> None:
    if _pragma(db, "user_version") == len(MIGRATIONS):
        return
    if read_only:
        raise LedgerError(
            f"{printable(str(path))}: an older version of the ledger, or an empty file\n"
            "  hint: `interceptor ledger follow` brings it up to date"
        )
    db.execute("BEGIN EXCLUSIVE")  # whoever comes at the same moment waits, and then finds it done
    try:
        for version in range(_pragma(db, "user_version"), len(MIGRATIONS)):
            for step in MIGRATIONS[version]:
                step(db) if callable(step) else db.execute(step)
            db.execute(f"PRAGMA user_version = {version + 1}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
