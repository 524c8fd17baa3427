"""The audit log: each entry is chained to the one before it, and the last one is sealed.

Enters: what somebody did or was refused. Leaves: entries, and on demand whether they are all there as they were
written. Invariants: entries are numbered 1, 2, 3 … without a gap; an entry's hash covers its words and the hash
before it, keyed, so that nobody without the key can make one; the head says how many there are and which is the last,
under the same key.

What that detects: an entry changed, taken out, put in, moved, and entries cut off at the end. A whole file put back
as it was earlier can't be told from inside: keep a head elsewhere (`interceptor centre audit head`) and verify
against it.
"""

from __future__ import annotations

import hmac
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, by TEXT NOT NULL, act TEXT NOT NULL,"
        " about TEXT NOT NULL, outcome TEXT NOT NULL, told TEXT NOT NULL, hash BLOB NOT NULL)",
        "CREATE INDEX audit_about ON audit (about, seq)",
        "CREATE TABLE audit_head (id INTEGER PRIMARY KEY CHECK (id = 1), entries INTEGER NOT NULL, hash BLOB NOT NULL,"
        " seal BLOB NOT NULL)",
    ),
    ("CREATE INDEX audit_refused ON audit (act, at_ms) WHERE outcome = 'refused'",),
)
DONE, REFUSED = "done", "refused"
NOTHING = bytes(32)  # the hash before the first entry
_plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_sorted = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
_COLUMNS = "seq, at_ms, by, act, about, outcome, told, hash"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `by`: officer, citizen or program; `act`: money.stop; `about`: what it was done to, as
    things.Thing writes it; `told`: the rest, as JSON with sorted keys."""

    seq: int
    at_ms: int
    by: str
    act: str
    about: str
    outcome: str
    told: str
    hash: bytes

    @property
    def details(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.told)
        return found


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries there are, and the hash of the last."""

    entries: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.entries}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The other way. Raises ValueError."""
        entries, _, digest = text.strip().partition(":")
        if not entries.isdecimal() or len(digest) != 64:
            raise ValueError(f"{text!r} isn't a head: a count, a colon and 64 hex digits")
        return cls(int(entries), bytes.fromhex(digest))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a log: `seq` the first entry where it shows, 0 = the head."""

    seq: int
    what: str


class Chain:
    """The log in a database. Whoever appends must be in a transaction."""

    def __init__(self, db: sqlite3.Connection, key: bytes) -> None:
        self._db, self._key = db, key
        self._head: Head | None = None
        self._unwritten = False

    def forget(self) -> None:
        """A transaction was rolled back, or another process may have written."""
        self._head, self._unwritten = None, False

    def back_to(self, head: Head) -> None:
        """What was appended since was rolled back."""
        self._head = head

    def settle(self) -> None:
        """Writes the head: once a transaction, before it ends."""
        if self._unwritten:
            head = self.head()
            self._db.execute(
                "INSERT INTO audit_head VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
                " SET entries = excluded.entries, hash = excluded.hash, seal = excluded.seal",
                (head.entries, head.hash, _seal(self._key, head)),
            )
            self._unwritten = False

    def head(self) -> Head:
        if self._head is None:
            row = self._db.execute("SELECT entries, hash FROM audit_head").fetchone()
            self._head = Head(*row) if row else Head(0, NOTHING)
        return self._head

    def append(self, at_ms: int, by: str, act: str, about: str, outcome: str, told: dict[str, Any]) -> None:
        """What isn't text (half a pair of UTF-16, as a command line may carry) is written as its escape."""
        before = self.head()
        words = _sorted(told)
        by, about, words = (text.encode("utf-8", "backslashreplace").decode() for text in (by, about, words))
        entry = Entry(before.entries + 1, at_ms, by, act, about, outcome, words, b"")
        digest = _hash(self._key, before.hash, entry)
        self._db.execute(
            f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (entry.seq, at_ms, by, act, about, outcome, words, digest),
        )
        self._head, self._unwritten = Head(entry.seq, digest), True

    def entries(self, about: str | None = None, last: int | None = None) -> Iterator[Entry]:
        """In order; of one thing only, or the last so many."""
        where, values = ("WHERE about = ? ", [about]) if about else ("", [])
        order = "ORDER BY seq DESC LIMIT ?" if last is not None else "ORDER BY seq"
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM audit {where}{order}", (*values, *([last] * (last is not None)))
        )
        rows = reversed(found.fetchall()) if last is not None else found
        for row in rows:
            yield Entry(*row)

    def refusals(self, act: str, from_ms: int, to_ms: int) -> int:
        """How often an act of that name was refused in [from, to)."""
        found = self._db.execute(
            "SELECT count(*) FROM audit WHERE outcome = 'refused' AND act = ? AND at_ms >= ? AND at_ms < ?",
            (act, from_ms, to_ms),
        )
        return int(found.fetchone()[0])

    def verify(self, kept: Head | None = None, progress: Callable[[int], None] = lambda _: None) -> Fault | None:
        """The first fault, None = all is as it was written. `kept`: a head noted earlier, which must be in the
        chain."""
        self.settle()
        before, seq = NOTHING, 0
        for entry in self.entries():
            seq += 1
            if entry.seq != seq:
                return Fault(seq, f"entry {seq} is missing: {entry.seq} follows {seq - 1}")
            if not hmac.compare_digest(entry.hash, _hash(self._key, before, entry)):
                return Fault(seq, f"entry {seq} isn't what was written there, or not after entry {seq - 1}")
            before = entry.hash
            if kept and kept.entries == seq and kept.hash != before:
                return Fault(seq, f"entry {seq} isn't the one that was the last when the head was noted")
            if not seq % 1000:
                progress(seq)
        return self._ends(Head(seq, before), kept)

    def _ends(self, last: Head, kept: Head | None) -> Fault | None:
        row = self._db.execute("SELECT entries, hash, seal FROM audit_head").fetchone()
        if row is None:
            return Fault(0, "the head is missing") if last.entries else _cut(last, kept)
        head = Head(row[0], row[1])
        if not hmac.compare_digest(row[2], _seal(self._key, head)):
            return Fault(0, "the head was changed: its seal doesn't fit")
        if head != last:
            return Fault(last.entries + 1, f"the log ends with entry {last.entries}, the head says {head.entries}")
        return _cut(last, kept)


def _cut(last: Head, kept: Head | None) -> Fault | None:
    if kept and kept.entries > last.entries:
        return Fault(last.entries + 1, f"the log ends with entry {last.entries}; there were {kept.entries} already")
    return None


def _hash(key: bytes, before: bytes, entry: Entry) -> bytes:
    words = (entry.seq, entry.at_ms, entry.by, entry.act, entry.about, entry.outcome, entry.told)
    covered = _plain(words).encode("utf-8", "surrogatepass")
    return hmac.digest(key, before + covered, "sha256")


def _seal(key: bytes, head: Head) -> bytes:
    return hmac.digest(key, b"head" + head.entries.to_bytes(8, "big") + head.hash, "sha256")
