"""The centre's book: one SQLite file that all its systems write to, act by act.

Enters: acts, each with who, when and about what. Leaves: the state, and the audit log beside it. Invariants: an act's
changes and its entry in the log are one transaction: a process killed at any moment has done both or neither. A
refused act changes nothing but the log.

What is only counted, event by event, is summed up in memory and written where the transaction ends (Book.sums).

Each system keeps its own tables: a Part with migrations of its own. The key of the log lies beside the book, readable
for its owner only, or in INTERCEPTOR_CENTRE_KEY where it is to be kept elsewhere.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interceptor.centre import audit
from interceptor.centre.refusal import Refused
from interceptor.rules.errors import printable

APPLICATION_ID = 0x1EC0_CE27  # in the file's header: that it is a centre's book
BUSY_S = 30.0
_ALREADY = nullcontext()  # in a transaction
Sums = dict[tuple[int, ...], list[int]]


class BookError(Exception):
    """A file that can't be used as the book; the message says which, why, and what to do."""


class BookBusy(BookError):
    """The file can't be read or written at present: nothing is wrong with what was asked."""


class BookOlder(BookError):
    """It was written by an earlier version of the program: whoever may write brings it up to date by opening it."""


@dataclass(frozen=True, slots=True)
class Part:
    """The tables of one system. migrations[v] takes them from version v to v + 1; what was released is never edited."""

    name: str
    migrations: tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class Act:
    """What is being done. `note`: what the log is to say of it, beside who, when, what and about what."""

    db: sqlite3.Connection
    about: str
    told: dict[str, Any] = field(default_factory=dict)

    def note(self, **told: Any) -> None:
        self.told |= told


class Book:
    """One file. Use as a context, or close it. Not for several threads at once; several processes may, in turns."""

    def __init__(
        self,
        path: Path | str,
        key: bytes,
        parts: Sequence[Part],
        *,
        read_only: bool = False,
        outlives_power: bool = True,
    ) -> None:
        """Makes the file where there is none, unless `read_only`. A killed process loses nothing; without
        `outlives_power`, which costs a write to the disk for each act, a machine that loses power may lose the last
        acts. Raises BookError."""
        self.path = Path(path)
        self.db = _opened(self.path, read_only, "FULL" if outlives_power else "NORMAL")
        try:
            self.audit = audit.Chain(self.db, key)
            self._sums: dict[str, Sums] = {}
            _migrate(self.db, (Part("audit", audit.MIGRATIONS), *parts), self.path, read_only)
        except sqlite3.Error as error:
            self.db.close()
            raise told(error, self.path) from None
        except BaseException:
            self.db.close()
            raise

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()

    def together(self) -> AbstractContextManager[None]:
        """All acts within count together, or none does. Raises BookBusy, BookError."""
        return _ALREADY if self.db.in_transaction else self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self.audit.forget()  # another process may have written meanwhile
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self.settle()
            self.db.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise told(error, self.path) from None
            raise

    def sums(self, statement: str) -> Sums:
        """What this transaction has counted so far, to be added to. `statement` adds a row to the table: it takes a
        key's columns, then its counts. Not for what an act does: a refused one would have counted."""
        return self._sums.setdefault(statement, {})

    def settle(self) -> None:
        """Writes what waits for the end of the transaction: for who reads it before."""
        for statement, sums in self._sums.items():
            self.db.executemany(statement, [(*key, *counts) for key, counts in sums.items()])
        self._sums.clear()
        self.audit.settle()

    @contextmanager
    def act(self, name: str, about: str, by: str, at_ms: int) -> Iterator[Act]:
        """One act and its entry. Refused is written down, and raised again once that is kept; acts may be nested."""
        refused: Refused | None = None
        with self.together():
            act, before = Act(self.db, about), self.audit.head()
            self.db.execute("SAVEPOINT act")
            try:
                yield act
            except Refused as error:
                refused = error
                self._undo(before)
                refused.act = (name, act.about, act.told)
                self._write_down(refused, name, by, at_ms)
            except BaseException:
                self._undo(before)
                raise
            else:
                self.audit.append(at_ms, by, name, act.about, audit.DONE, act.told)
                self.db.execute("RELEASE act")
        if refused is not None:
            raise refused

    def refuse(self, refused: Refused, name: str, by: str, at_ms: int) -> None:
        """Writes a refusal down that isn't on the log: since it didn't come to an act, `name` says to what it would
        have, or since it was rolled back together with what came before it."""
        with self.together():
            self._write_down(refused, name, by, at_ms)

    def _write_down(self, refused: Refused, name: str, by: str, at_ms: int) -> None:
        name, about, told = refused.act or (name, "", {})
        told = told | {"code": refused.code, "why": refused.message}
        self.audit.append(at_ms, by, name, about, audit.REFUSED, told)

    def _roll_back(self) -> None:
        if self.db.in_transaction:  # SQLite may have done so itself
            self.db.execute("ROLLBACK")
        self._sums.clear()
        self.audit.forget()

    def _undo(self, head: audit.Head) -> None:
        if self.db.in_transaction:
            self.db.execute("ROLLBACK TO act")
            self.db.execute("RELEASE act")
            self.audit.back_to(head)


def told(error: sqlite3.Error, path: Path) -> BookError:
    """What SQLite complains of, for people."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = printable(str(path))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BookBusy(f"{name}: another process has been writing to it for {BUSY_S:.0f} s")
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return BookBusy(f"{name}: the disk took no more ({error})")
    if code == sqlite3.SQLITE_NOTADB:
        return BookError(f"{name}: not a centre's book\n  hint: name another by --book")
    return BookError(f"{name}: {printable(str(error))}")


def _opened(path: Path, read_only: bool, synchronous: str) -> sqlite3.Connection:
    if read_only and not path.is_file():
        raise BookError(
            f"{printable(str(path))}: no such book\n  hint: `interceptor run --centre FILE` and the acts of"
            " `interceptor centre` make one; --book names it"
        )
    try:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
            uri=True, timeout=BUSY_S, isolation_level=None, cached_statements=512,
        )  # fmt: skip
    except sqlite3.Error as error:
        raise told(error, path) from None
    try:
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise BookError(
                    f"{printable(str(path))}: a database, but no centre's book\n  hint: name another by --book"
                )
        elif not read_only:
            for name, value in (("journal_mode", "WAL"), ("application_id", APPLICATION_ID)):
                db.execute(f"PRAGMA {name} = {value}")
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute("PRAGMA foreign_keys = ON")
        return db
    except sqlite3.Error as error:
        db.close()
        raise told(error, path) from None
    except BaseException:
        db.close()
        raise


def _migrate(db: sqlite3.Connection, parts: Sequence[Part], path: Path, read_only: bool) -> None:
    if not read_only:
        db.execute("CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID")
    versions = _versions(db)
    for part in parts:
        version, latest = versions.get(part.name, 0), len(part.migrations)
        if version > latest:
            raise BookError(
                f"{printable(str(path))}: version {version} of the tables of {part.name}, this program knows"
                f" {latest} at most\n  hint: it was written by a later version of interceptor; use that"
            )
        if version < latest and read_only:
            raise BookOlder(
                f"{printable(str(path))}: an older version of the book\n  hint: any act of `interceptor centre` brings"
                " it up to date"
            )
        if version < latest:
            _bring_up(db, part)


def _versions(db: sqlite3.Connection) -> dict[str, int]:
    if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'parts'").fetchone()[0]:
        return {}
    return dict(db.execute("SELECT name, version FROM parts"))


def _bring_up(db: sqlite3.Connection, part: Part) -> None:
    """In one transaction: killed midway, it begins anew. Another process may have done it meanwhile."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for version in range(_versions(db).get(part.name, 0), len(part.migrations)):
            for statement in part.migrations[version]:
                db.execute(statement)
            db.execute(
                "INSERT INTO parts VALUES (?, ?) ON CONFLICT DO UPDATE SET version = excluded.version",
                (part.name, version + 1),
            )
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
