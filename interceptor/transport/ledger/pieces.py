"""Decisions in pieces: some thousand of them in one row of SQLite, column by column, packed.

Enters: Rows by place. Leaves: the same, by place, by range of places, by event. Invariants: no place is in two pieces;
a piece lies within one span of places (SPAN_BITS), so that all that may touch a range are found by where they begin.

SQLite takes 2 µs for a row of eleven numbers; a packed column takes 5 ns for each number, and a tenth of the room. So
that trickling decisions don't become as many pieces, small ones grow together. `ids` says which events a piece can't
have: a Bloom filter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.transport.ledger.rows import COLUMNS, TYPES, Rows, among

PIECE_ROWS, SMALL_ROWS = 1 << 15, 1 << 12  # at most; what grows together stays below SMALL_ROWS
SPAN_BITS = 32  # 4,096 frames
READ_ROWS = 1 << 16

_GROWING = ("place", "ts_ms", "event_id")  # kept as differences from the row before, which are small
_CODEC = pa.Codec("lz4")
# One in 60 events that a piece doesn't have passes its filter.
_BITS_EACH, _FACTORS = 10, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93)
_HIGH = np.uint64(32)

_BLOBS = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO pieces (first, last, rows, ids, {_BLOBS}) VALUES (?, ?, ?, ?{', ?' * len(COLUMNS)})"
KEEP_DIFFERING = f"INSERT INTO differing (rows, {_BLOBS}) VALUES (?{', ?' * len(COLUMNS)})"
DIFFERING = f"SELECT rows, {_BLOBS} FROM differing ORDER BY id"
_TOUCHING = "FROM pieces WHERE first BETWEEN ? AND ? AND last >= ?"
_NEAREST = "SELECT first, rows FROM pieces WHERE first BETWEEN ? AND ? ORDER BY first DESC LIMIT 1"


class Damaged(sqlite3.DatabaseError):
    """A column that can't be unpacked."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class Pieces:
    """The table `pieces` of one ledger."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.create_function("may_have", 2, may_have, deterministic=True)

    def add(self, rows: Rows) -> None:
        """By place, none of which is there yet. Within a transaction."""
        for part in _parts(rows.place):
            self._put(rows.take(part))

    def at(self, places: np.ndarray) -> Rows:
        """What there is at these places (uint64[n], ascending), by place."""
        found = []
        for part in _parts(places):
            asked = places[part]
            for first, count, place in self._touching("first, rows, place", asked[0], asked[-1]):
                known = among(_unpacked("place", count, place), asked)
                if known.any():
                    found.append(self._piece(first).take(known))
        return Rows.joined(found).by_place()

    def between(self, first: int, end: int) -> Rows:
        """What there is from place `first` to before `end`, by place."""
        found = [rows_from(*piece) for piece in self._touching(f"rows, {_BLOBS}", first, end - 1)]
        rows = Rows.joined(found).by_place()
        return rows.take(slice(*np.searchsorted(rows.place, np.array([first, max(first, end)], np.uint64))))

    def of_event(self, event_id: int) -> Rows:
        """By place."""
        signed = event_id - (1 << 64) if event_id >> 63 else event_id
        pieces = self._db.execute(f"SELECT rows, {_BLOBS} FROM pieces WHERE may_have(ids, ?)", (signed,))
        found = [rows_from(*piece) for piece in pieces]
        return Rows.joined([rows.take(rows["event_id"] == np.uint64(event_id)) for rows in found]).by_place()

    def places(self) -> np.ndarray:
        """uint64[n], ascending."""
        found = [_unpacked("place", *one) for one in self._db.execute("SELECT rows, place FROM pieces")]
        return np.sort(np.concatenate([np.zeros(0, np.uint64), *found]))

    def all(self) -> Iterator[Rows]:
        """By place, READ_ROWS at most at a time, as of when the first was asked for."""
        waiting, count = list[Rows](), 0
        for first, *piece in self._db.execute(f"SELECT first, rows, {_BLOBS} FROM pieces ORDER BY first"):
            if count >= READ_ROWS:
                rows = Rows.joined(waiting).by_place()
                ready = int(np.searchsorted(rows.place, np.uint64(first)))  # what comes now lies behind these
                yield from _read(rows.take(slice(ready)))
                waiting, count = [rows.take(slice(ready, None))], len(rows) - ready
            waiting.append(rows_from(*piece))
            count += len(waiting[-1])
        yield from _read(Rows.joined(waiting).by_place())

    def _touching(self, what: str, first: int, last: int) -> Iterator[Any]:
        begin = int(first) >> SPAN_BITS << SPAN_BITS
        return self._db.execute(f"SELECT {what} {_TOUCHING}", (begin, int(last), int(first)))

    def _piece(self, first: int) -> Rows:
        return rows_from(*self._db.execute(f"SELECT rows, {_BLOBS} FROM pieces WHERE first = ?", (first,)).fetchone())

    def _put(self, rows: Rows) -> None:
        """Takes the piece before it in, while both are small: what is taken in becomes half as large again at least,
        so that a row isn't often written anew."""
        begin = int(rows.place[0]) >> SPAN_BITS << SPAN_BITS
        while found := self._db.execute(_NEAREST, (begin, int(rows.place[-1]))).fetchone():
            first, count = found
            if count > 2 * len(rows) or count + len(rows) > SMALL_ROWS:
                break
            rows = Rows.joined([self._piece(first), rows]).by_place()
            self._db.execute("DELETE FROM pieces WHERE first = ?", (first,))
        ids = filter_of(rows["event_id"])
        self._db.execute(_INSERT, (int(rows.place[0]), int(rows.place[-1]), len(rows), ids, *blobs_of(rows)))


def blobs_of(rows: Rows) -> list[bytes]:
    """Each of COLUMNS, packed."""
    return [_packed(name, column) for name, column in zip(COLUMNS, rows.columns, strict=True)]


def rows_from(count: int, *blobs: bytes) -> Rows:
    """The other way round. Raises Damaged."""
    return Rows(tuple(_unpacked(name, count, blob) for name, blob in zip(COLUMNS, blobs, strict=True)))


def filter_of(event_ids: np.ndarray) -> bytes:
    """For `may_have`: three bits set for each id (uint64[n])."""
    bits = np.zeros(len(event_ids) * _BITS_EACH + 7 & ~7, bool)
    for factor in _FACTORS:
        bits[((event_ids * np.uint64(factor)) >> _HIGH) * np.uint64(len(bits)) >> _HIGH] = True
    return np.packbits(bits).tobytes()


def may_have(ids: bytes, event_id: int) -> bool:
    """Whether an event (its id as a signed number) may be among those of a filter; false is certain."""
    places = ((event_id * factor % 2**64 >> 32) * 8 * len(ids) >> 32 for factor in _FACTORS)
    return all(ids[place >> 3] & 128 >> (place & 7) for place in places)


def _packed(name: str, column: np.ndarray) -> bytes:
    if name in _GROWING:
        column = np.concatenate((column[:1], column[1:] - column[:-1]))
    packed: bytes = _CODEC.compress(np.ascontiguousarray(column), asbytes=True)
    return packed


def _unpacked(name: str, count: int, blob: bytes) -> np.ndarray:
    kind = TYPES[COLUMNS.index(name)]
    try:
        column = np.frombuffer(_CODEC.decompress(blob, count * kind.itemsize), kind, count)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise Damaged(f"column {name}: {error}") from None
    return np.cumsum(column, dtype=kind) if name in _GROWING else column


def _parts(places: np.ndarray) -> Iterator[slice]:
    """Places (ascending) cut where a span ends, and after PIECE_ROWS."""
    spans = places >> np.uint64(SPAN_BITS)
    for start, stop in pairwise((0, *(np.flatnonzero(spans[1:] != spans[:-1]) + 1).tolist(), len(places))):
        for first in range(start, stop, PIECE_ROWS):
            yield slice(first, min(first + PIECE_ROWS, stop))


def _read(rows: Rows) -> Iterator[Rows]:
    for first in range(0, len(rows), READ_ROWS):
        yield rows.take(slice(first, first + READ_ROWS))
