"""Decisions as the ledger keeps them, and as they come on the wire.

Enters: frames of the topic `decisions`, or rows of the ledger. Leaves: the other. Invariants: what comes back is what
went in, to the last bit of a score; a frame that couldn't come back so is a BadFrame.

Names of rules that hit and hashes of rule sets are written once, in tables of their own, and a decision has their
numbers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interceptor.batch import BadFrame
from interceptor.transport.wire import DECIDED_SCHEMA

# Columns of a decision in the ledger, as in DECIDED_SCHEMA. `hits` and `ruleset` are numbers of rows elsewhere.
NUMBERS = ("place", "kind", "ts_ms", "event_id", "status", "verdict", "actions", "score", "target_score")
COLUMNS = (*NUMBERS, "hits", "ruleset")
TYPES = (*(np.dtype(DECIDED_SCHEMA.field(name).type.to_pandas_dtype()) for name in NUMBERS), *[np.dtype(np.uint32)] * 2)
_REALS = ("score", "target_score")

BETWEEN_NAMES = ","  # no rule's name has one
_CACHED_NAMES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Rows:
    """n decisions as the ledger keeps them: an array [n] for each of COLUMNS, with TYPES."""

    columns: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def place(self) -> np.ndarray:
        return self.columns[0]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[COLUMNS.index(name)]

    def take(self, rows: np.ndarray | slice) -> Rows:
        """By index, by mask, or a part that isn't copied."""
        return Rows(tuple(column[rows] for column in self.columns))

    def by_place(self) -> Rows:
        """Sorted; of those with the same place, the first comes first."""
        if (self.place[1:] > self.place[:-1]).all():
            return self
        return self.take(np.argsort(self.place, kind="stable"))

    def same_as(self, others: Rows) -> np.ndarray:
        """bool[n]: whether a row says the same as that of `others` beside it."""
        same = np.ones(len(self), bool)
        for mine, theirs in zip(self.columns, others.columns, strict=True):
            same &= mine == theirs
        return same

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """One behind the other, none if there is no part."""
        if len(parts) == 1:
            return parts[0]
        none = tuple(np.zeros(0, one) for one in TYPES)
        return cls(tuple(np.concatenate(some) for some in zip(none, *(part.columns for part in parts), strict=True)))


def among(places: np.ndarray, known: np.ndarray) -> np.ndarray:
    """bool[n]: which places (uint64[n]) are among `known` (uint64[m], ascending)."""
    if not len(known):
        return np.zeros(len(places), bool)
    found: np.ndarray = known[np.searchsorted(known[:-1], places)] == places
    return found


def shaped(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The frame, if it has the columns of decisions, so that it can be joined with others. Raises BadFrame."""
    if not batch.schema.equals(DECIDED_SCHEMA):
        raise BadFrame(_difference(batch.schema))
    return batch


def check(batch: pa.RecordBatch) -> None:
    """Raises BadFrame if it isn't one of decisions that can be kept, as far as numbers go: of names see `rows_of`."""
    shaped(batch)
    for field, column in zip(DECIDED_SCHEMA, batch.columns, strict=True):
        if column.null_count:
            raise BadFrame(f"column {field.name}: {column.null_count} nulls, a decision has none")
    if batch.column("place").to_numpy().max(initial=0) >> np.uint64(63):
        raise BadFrame("column place: a number of 64 bits, a place has 63")
    for name in _REALS:
        if not np.isfinite(batch.column(name).to_numpy()).all():
            raise BadFrame(f"column {name}: not a number, or one without end")


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
        self._texts: dict[int, str] = {}

    def ids(self, texts: pa.DictionaryArray) -> np.ndarray:
        """uint32[n]. New texts are written down in the open transaction."""
        different = [self._id(text) for text in texts.dictionary.to_pylist()]
        return np.array(different, np.uint32)[texts.indices.to_numpy()]

    def texts(self, ids: np.ndarray) -> list[str]:
        """Those with these numbers, which were read from the file before."""
        asked = ids.tolist()
        if not self._texts.keys() >= set(asked):
            self._texts = dict(self._db.execute(self._by_id))
        return [self._texts[one] for one in asked]

    def forget(self) -> None:
        """After a rollback: numbers given since may be given to other texts."""
        self._ids.clear()
        self._texts.clear()

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
    """A frame that was checked as rows of the ledger, in its order. Raises BadFrame, with nothing written down."""
    numbers = (batch.column(name).to_numpy() for name in NUMBERS)
    rules = _joined(batch.column("rules"))
    return Rows((*numbers, hits.ids(rules), rulesets.ids(pc.dictionary_encode(batch.column("ruleset")))))


def _joined(rules: pa.ListArray) -> pa.DictionaryArray:
    """Names of each row as one text, from which they come apart again as they were."""
    joined = pc.dictionary_encode(pc.binary_join(rules, BETWEEN_NAMES))
    if joined.null_count:
        raise BadFrame("column rules: a name is null")
    lengths = np.array([len(_apart(text)) for text in joined.dictionary.to_pylist()], np.int32)
    if (lengths[joined.indices.to_numpy()] != rules.value_lengths().to_numpy()).any():
        raise BadFrame("column rules: a name is empty or has a comma in it")
    return joined


def _apart(text: str) -> list[str]:
    return text.split(BETWEEN_NAMES) if text else []


def batch_of(rows: Rows, hits: Names, rulesets: Names) -> pa.RecordBatch:
    """Rows of the ledger with DECIDED_SCHEMA."""
    columns = [pa.array(rows[name]) for name in NUMBERS]
    sets, at = np.unique(rows["hits"], return_inverse=True)
    named = pa.array(map(_apart, hits.texts(sets)), pa.list_(pa.string()))
    columns.append(named.take(pa.array(at)))
    sets, at = np.unique(rows["ruleset"], return_inverse=True)
    columns.append(pa.array(rulesets.texts(sets), pa.string()).take(pa.array(at)))
    return pa.RecordBatch.from_arrays(columns, schema=DECIDED_SCHEMA)
