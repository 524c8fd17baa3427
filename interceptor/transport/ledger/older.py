"""What ledgers of older versions have, as the present one keeps it.

Enters: a file within its migration. Leaves: the same decisions, in their present form. Invariant: nothing is lost, and
no more than a piece of it is in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from interceptor.transport.ledger.pieces import KEEP_DIFFERING, PIECE_ROWS, Pieces, blobs_of
from interceptor.transport.ledger.rows import COLUMNS, TYPES, Rows


def pack(db: sqlite3.Connection) -> None:
    """From version 1, which had a row for each decision, its numbers signed."""
    pieces = Pieces(db)
    for rows in _read(db, "decisions ORDER BY place"):
        pieces.add(rows)
    for rows in _read(db, "differing_1 ORDER BY id"):
        db.execute(KEEP_DIFFERING, (len(rows), *blobs_of(rows)))


def _read(db: sqlite3.Connection, what: str) -> Iterator[Rows]:
    cursor = db.execute(f"SELECT {', '.join(COLUMNS)} FROM {what}")
    while found := cursor.fetchmany(PIECE_ROWS):
        yield Rows(tuple(_column(values, kind) for values, kind in zip(zip(*found, strict=True), TYPES, strict=True)))


def _column(values: tuple[int | float, ...], kind: np.dtype) -> np.ndarray:
    return np.array(values, np.float64 if kind == np.float64 else np.int64).astype(kind)
