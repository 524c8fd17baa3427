"""The ledger: every decision once, by its place, however often the cluster said it.

Enters: frames of decisions, and how far each partition of their topic has been read. Leaves: the decisions, counts of
them, and of what was said again. Invariants: the first decision of a place stays in force; what was counted and how far
was read are one transaction, so a process that is killed at any moment neither loses nor counts anything twice.

One SQLite file in WAL mode: one process writes, any number read meanwhile. A repeat that says the same is a *raw
duplicate*; one that says something else is *differing* and kept aside, because there shouldn't be any.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from interceptor.rules.errors import printable
from interceptor.transport.ledger.file import LedgerError, open_file, told
from interceptor.transport.ledger.pieces import DIFFERING, KEEP_DIFFERING, Pieces, blobs_of, rows_from
from interceptor.transport.ledger.rows import Names, Rows, among, batch_of, check, rows_of
from interceptor.transport.wire import DECIDED_SCHEMA

DIFFERING_KEPT_MAX = 100_000

_COUNT = "INSERT INTO tallies VALUES (?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
_COUNT_GROUP = (
    "INSERT INTO groups VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET decisions = decisions + excluded.decisions"
)
_ADVANCE = "INSERT INTO offsets VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next WHERE next = ?"


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the decisions of a frame: `repeated` ones said the same as before, `differing` ones did not."""

    new: int = 0
    repeated: int = 0
    differing: int = 0

    def __add__(self, other: Added) -> Added:
        return Added(self.new + other.new, self.repeated + other.repeated, self.differing + other.differing)


@dataclass(frozen=True, slots=True)
class Counts:
    """`groups`: decisions for each (kind, verdict, status, rule set's hash); `tallies`: what else was counted."""

    groups: dict[tuple[int, int, int, str], int]
    tallies: dict[str, int]

    @property
    def decisions(self) -> int:
        return sum(self.groups.values())

    @property
    def repeated(self) -> int:
        """Raw duplicates."""
        return self.tallies.get("repeated", 0)

    @property
    def differing(self) -> int:
        return self.tallies.get("differing", 0)

    def by(self, *names: str) -> dict[tuple[int | str, ...], int]:
        """Decisions for each value of `kind`, `verdict`, `status`, `ruleset`, or of several of these together."""
        places = [("kind", "verdict", "status", "ruleset").index(name) for name in names]
        found: Counter[tuple[int | str, ...]] = Counter()
        for group, decisions in self.groups.items():
            found[tuple(group[place] for place in places)] += decisions
        return dict(sorted(found.items()))


class Ledger:
    """One file. Use as a context, or close it. Not for several threads at once.

    Decisions lie in pieces (see `pieces`), all else in rows."""

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        """Makes the file where there is none, unless `read_only`. Raises LedgerError."""
        self.path = Path(path)
        self._db = open_file(self.path, read_only=read_only)
        try:
            self._pieces = Pieces(self._db)
            self._hits, self._rulesets = Names(self._db, "hits", "rules"), Names(self._db, "rulesets", "hash")
            self._offsets = self._read_offsets()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is added and advanced within counts together, or not at all. Raises LedgerBusy, LedgerError."""
        if self._db.in_transaction:
            yield
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise told(error, self.path) from None
            raise

    def add(self, batch: pa.RecordBatch) -> Added:
        """Decisions with DECIDED_SCHEMA, in any order. Raises BadFrame, and then nothing of them was added."""
        check(batch)
        if not batch.num_rows:
            return Added()
        with self.transaction():
            rows = rows_of(batch, self._hits, self._rulesets).by_place()
            stored = self._pieces.at(rows.place)
            first = np.append(True, rows.place[1:] != rows.place[:-1])
            new = first & ~among(rows.place, stored.place)
            added = rows if new.all() else rows.take(new)
            self._pieces.add(added)
            self._count_groups(added)
            if added is rows:
                return Added(new=len(rows))
            return Added(new=len(added)) + self._compare(rows.take(~new), Rows.joined([stored, added]).by_place())

    def advance(self, topic: str, partition: int, next_offset: int) -> None:
        """All messages before `next_offset` are in. Raises LedgerError where another process did the same meanwhile."""
        before = self._offsets.get((topic, partition), -1)
        with self.transaction():
            if not self._db.execute(_ADVANCE, (topic, partition, next_offset, before)).rowcount:
                raise LedgerError(
                    f"{printable(str(self.path))}: another process writes to it\n  hint: give each its own --file"
                )
            self._offsets[topic, partition] = next_offset

    def offsets(self, topic: str) -> dict[int, int]:
        """For each partition that was ever read, the offset to go on from."""
        return {partition: offset for (name, partition), offset in self._offsets.items() if name == topic}

    def count(self, name: str, number: int) -> None:
        """Adds to a tally that `counts` gives."""
        with self.transaction():
            self._db.execute(_COUNT, (name, number))

    def fact(self, name: str, value: str) -> str:
        """What was first written down under this name; that is `value` where nothing was."""
        with self.transaction():
            self._db.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
            return str(self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0])

    def places(self) -> np.ndarray:
        """uint64[decisions], ascending."""
        return self._pieces.places()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All decisions with DECIDED_SCHEMA by place, as of now, in batches of READ_ROWS (see pieces) at most."""
        for rows in self._pieces.all():
            yield batch_of(rows, self._hits, self._rulesets)

    def rows(self) -> pa.Table:
        """The same in one table."""
        return pa.Table.from_batches(self.batches(), DECIDED_SCHEMA)

    def differing(self) -> pa.Table:
        """Decisions that said something else than the first of their place; the first DIFFERING_KEPT_MAX of them."""
        return self._table(Rows.joined([rows_from(*one) for one in self._db.execute(DIFFERING)]))

    def find(self, event_id: int) -> pa.Table:
        """The decisions about an event, by place: several where its id came again."""
        return self._table(self._pieces.of_event(event_id))

    def decided(self, first: int, end: int) -> pa.Table:
        """What there is of the places from `first` to before `end`, by place."""
        return self._table(self._pieces.between(first, end))

    def counts(self) -> Counts:
        """As of now; takes no longer for a long ledger."""
        groups = self._db.execute(
            "SELECT kind, verdict, status, hash, decisions FROM groups JOIN rulesets ON rulesets.id = ruleset"
        )
        found = {(kind, verdict, status, ruleset): count for kind, verdict, status, ruleset, count in groups}
        return Counts(dict(sorted(found.items())), dict(self._db.execute("SELECT name, count FROM tallies")))

    def _compare(self, again: Rows, in_force: Rows) -> Added:
        """What came again with what stands, which has all of its places; both by place."""
        same = again.same_as(in_force.take(np.searchsorted(in_force.place, again.place)))
        differing = again.take(~same)
        self._keep_differing(differing)
        self.count("repeated", int(same.sum()))
        return Added(repeated=int(same.sum()), differing=len(differing))

    def _keep_differing(self, rows: Rows) -> None:
        if not len(rows):
            return
        self.count("differing", len(rows))
        kept = self._db.execute("SELECT coalesce(sum(rows), 0) FROM differing").fetchone()[0]
        some = rows.take(slice(max(0, DIFFERING_KEPT_MAX - kept)))
        if len(some):
            self._db.execute(KEEP_DIFFERING, (len(some), *blobs_of(some)))

    def _count_groups(self, rows: Rows) -> None:
        ruleset, kind, verdict = (rows[name].astype(np.int64) for name in ("ruleset", "kind", "verdict"))
        packed = ruleset << 24 | kind << 16 | verdict << 8 | rows["status"]
        for group, count in zip(*(column.tolist() for column in np.unique(packed, return_counts=True)), strict=True):
            values = (group >> 16 & 255, group >> 8 & 255, group & 255, group >> 24, count)
            self._db.execute(_COUNT_GROUP, values)

    def _table(self, rows: Rows) -> pa.Table:
        return pa.Table.from_batches([batch_of(rows, self._hits, self._rulesets)], DECIDED_SCHEMA)

    def _read_offsets(self) -> dict[tuple[str, int], int]:
        found = self._db.execute("SELECT topic, partition, next FROM offsets")
        return {(topic, partition): offset for topic, partition, offset in found}

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # SQLite may have done so itself
            self._db.execute("ROLLBACK")
        self._hits.forget()
        self._rulesets.forget()
        self._offsets = self._read_offsets()
