"""Decisions as they lie in the ledger, and as they come on the wire.

Enters: frames of the topic `decisions`, or rows of the ledger. Leaves: the other. Invariants: what comes back is what
went in, to the last bit of a score; a frame that couldn't come back so is a BadFrame.

SQLite's integers have 64 bits and a sign, so an event's id above 2^63 stands there as a negative number. Names of rules
that hit and hashes of rule sets are written once, in tables of their own, and a decision has their numbers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interceptor.batch import BadFrame
from interceptor.transport.wire import DECIDED_SCHEMA

# Columns of a decision in SQLite, in the order of DECIDED_SCHEMA. `hits` and `ruleset` are numbers of rows elsewhere.
NUMBERS = ("place", "kind", "ts_ms", "event_id", "status", "verdict", "actions", "score", "target_score")
COLUMNS = (*NUMBERS, "hits", "ruleset")
_REALS = ("score", "target_score")
_TYPES = {name: DECIDED_SCHEMA.field(name).type.to_pandas_dtype() for name in NUMBERS}

BETWEEN_NAMES = ","  # no rule's name has one
_CACHED_NAMES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Rows:
    """n decisions as the ledger keeps them: an array [n] for each of COLUMNS, int64 but for the float64 of scores."""

    columns: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def place(self) -> np.ndarray:
        return self.columns[0]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[COLUMNS.index(name)]

    def take(self, rows: np.ndarray) -> Rows:
        """By index or by mask."""
        return Rows(tuple(column[rows] for column in self.columns))

    def by_place(self) -> Rows:
        """Sorted; of those with the same place, the first comes first."""
        if (self.place[1:] > self.place[:-1]).all():
            return self
        return self.take(np.argsort(self.place, kind="stable"))

    def and_then(self, others: Rows) -> Rows:
        return Rows(tuple(np.concatenate(pair) for pair in zip(self.columns, others.columns, strict=True)))

    def same_as(self, others: Rows) -> np.ndarray:
        """bool[n]: whether a row says the same as that of `others` beside it."""
        same = np.ones(len(self), bool)
        for mine, theirs in zip(self.columns, others.columns, strict=True):
            same &= mine == theirs
        return same

    def tuples(self) -> Any:
        """For executemany."""
        return zip(*(column.tolist() for column in self.columns), strict=True)

    @classmethod
    def from_tuples(cls, found: Sequence[Sequence[Any]]) -> Rows:
        """What a SELECT of COLUMNS gave."""
        columns = list(zip(*found, strict=True)) if found else [()] * len(COLUMNS)
        return cls(tuple(np.array(column, _stored(name)) for name, column in zip(COLUMNS, columns, strict=True)))


def _stored(name: str) -> type:
    return np.float64 if name in _REALS else np.int64


def shaped(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The frame, if it has the columns of decisions, so that it can be joined with others. Raises BadFrame."""
    if not batch.schema.equals(DECIDED_SCHEMA):
        raise BadFrame(_difference(batch.schema))
    return batch


def check(batch: pa.RecordBatch) -> None:
    """Raises BadFrame if it isn't one of decisions that can be kept. Some 0.2 ms whatever its size."""
    shaped(batch)
    for field, column in zip(DECIDED_SCHEMA, batch.columns, strict=True):
        if column.null_count:
            raise BadFrame(f"column {field.name}: {column.null_count} nulls, a decision has none")
    if not batch.num_rows:
        return
    if pc.max(batch.column("place")).as_py() >> 63:
        raise BadFrame("column place: a number of 64 bits, a place has 63")
    for name in _REALS:
        if not pc.all(pc.is_finite(batch.column(name))).as_py():
            raise BadFrame(f"column {name}: not a number, or one without end")
    _check_names(batch.column("rules").flatten())


def _check_names(names: pa.StringArray) -> None:
    """Joined with commas they must come apart again."""
    if names.null_count:
        raise BadFrame("column rules: a name is null")
    different = pc.unique(names)
    if pc.any(pc.equal(different, "")).as_py() or pc.any(pc.match_substring(different, BETWEEN_NAMES)).as_py():
        raise BadFrame("column rules: a name is empty or has a comma in it")


def _difference(schema: pa.Schema) -> str:
    for field in DECIDED_SCHEMA:
        index = schema.get_field_index(field.name)
        if index < 0:
            return f"column {field.name} is missing"
        if schema.field(index).type != field.type:
            return f"column {field.name}: another type than {field.type}"
    return "not the columns of a decision, or in another order, or marked as nullable"


class Names:
    """Numbers of texts in one side table: the same text, the same number, for as long as the ledger lives."""

    def __init__(self, db: sqlite3.Connection, table: str, column: str) -> None:
        self._db = db
        self._select = f"SELECT id FROM {table} WHERE {column} = ?"
        self._insert = f"INSERT INTO {table} ({column}) VALUES (?) RETURNING id"
        self._by_id = f"SELECT id, {column} FROM {table}"
        self._ids: dict[str, int] = {}

    def ids(self, texts: pa.StringArray) -> np.ndarray:
        """int64[n]. New texts are written down in the open transaction."""
        coded = pc.dictionary_encode(texts)
        different = [self._id(text) for text in coded.dictionary.to_pylist()]
        return np.array(different, np.int64)[coded.indices.to_numpy()]

    def forget(self) -> None:
        """After a rollback: numbers given since may be given to other texts."""
        self._ids.clear()

    def texts(self) -> dict[int, str]:
        """All of them, by number."""
        return dict(self._db.execute(self._by_id))

    def _id(self, text: str) -> int:
        found = self._ids.get(text)
        if found is None:
            row = (
                self._db.execute(self._select, (text,)).fetchone() or self._db.execute(self._insert, (text,)).fetchone()
            )
            if len(self._ids) >= _CACHED_NAMES_MAX:
                self._ids.clear()
            found = self._ids[text] = row[0]
        return found


def rows_of(batch: pa.RecordBatch, hits: Names, rulesets: Names) -> Rows:
    """A frame that was checked as rows of the ledger, in its order."""
    columns = []
    for name in NUMBERS:
        column = batch.column(name).to_numpy(zero_copy_only=True)
        columns.append(column.view(np.int64) if column.dtype == np.uint64 else column.astype(_stored(name), copy=False))
    joined = pc.binary_join(batch.column("rules"), BETWEEN_NAMES)
    return Rows((*columns, hits.ids(joined), rulesets.ids(batch.column("ruleset"))))


def batch_of(rows: Rows, hits: dict[int, str], rulesets: dict[int, str]) -> pa.RecordBatch:
    """Rows of the ledger with DECIDED_SCHEMA; `hits` and `rulesets` as Names.texts gives them."""
    columns = [pa.array(_as_sent(rows, name)) for name in NUMBERS]
    sets, at = np.unique(rows["hits"], return_inverse=True)
    named = pa.array([hits[one].split(BETWEEN_NAMES) if hits[one] else [] for one in sets], pa.list_(pa.string()))
    columns.append(named.take(pa.array(at)))
    sets, at = np.unique(rows["ruleset"], return_inverse=True)
    columns.append(pa.array([rulesets[one] for one in sets], pa.string()).take(pa.array(at)))
    return pa.RecordBatch.from_arrays(columns, schema=DECIDED_SCHEMA)


def _as_sent(rows: Rows, name: str) -> np.ndarray:
    return rows[name].view(np.uint64) if _TYPES[name] is np.uint64 else rows[name].astype(_TYPES[name], copy=False)
