"""Events on their way from the simulator to the engine.

Enters: columns by name, as numpy arrays. Leaves: Arrow frames with EVENT_SCHEMA, and beside them the truth. Invariant:
the truth (campaign, step, habit) never gets into a frame.

Texts and hosts travel as int32 indices into a StringPool until a frame is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from interceptor.schema import COLUMNS, EVENT_SCHEMA, Kind

POOLED = ("text", "host")
# What the simulator knows of an event and the engine must not: campaign (-1 = ordinary), step of its chain, the
# sender's habit (simulator.population.Habit), and the simulator's own handle for its closed loop (-1 = none).
TRUTH_COLUMNS = {"campaign": np.int32, "step": np.uint8, "habit": np.uint8, "handle": np.int64}
_TRUTH_DEFAULTS = {"campaign": -1, "step": 0, "habit": 0, "handle": -1}
_DTYPES = {
    column.name: np.dtype(np.int32) if column.name in POOLED else np.dtype(column.type.to_pandas_dtype())
    for column in COLUMNS
}


class StringPool:
    """Strings by index; index 0 is the empty string. Adding a known string gives its old index."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {"": 0}
        self._array: pa.StringArray | None = None

    def add(self, text: str) -> int:
        index = self._index.setdefault(text, len(self._index))
        if index == len(self._index) - 1:
            self._array = None
        return index

    def add_all(self, texts: Iterable[str]) -> np.ndarray:
        return np.array([self.add(text) for text in texts], np.int32)

    def take(self, indices: np.ndarray) -> pa.StringArray:
        if self._array is None:
            self._array = pa.array(list(self._index), pa.string())
        return self._array.take(pa.array(indices))


@dataclass(slots=True)
class Pools:
    """The strings of one run."""

    text: StringPool
    host: StringPool

    @classmethod
    def empty(cls) -> Pools:
        return cls(StringPool(), StringPool())


@dataclass(slots=True)
class Rows:
    """`count` events; `columns` holds those that were given, the others are their defaults (0, False, -1 for truth)."""

    count: int
    columns: dict[str, np.ndarray]

    @classmethod
    def of(cls, kind: Kind, ts_ms: np.ndarray, **given: np.ndarray | int | bool) -> Rows:
        """Events of one kind. Scalars are spread over all rows. Raises KeyError for a name that no event has."""
        count = len(ts_ms)
        columns: dict[str, np.ndarray] = {"ts_ms": ts_ms.astype(np.int64), "kind": np.full(count, kind, np.uint8)}
        for name, value in given.items():
            dtype = _DTYPES[name] if name in _DTYPES else np.dtype(TRUTH_COLUMNS[name])
            array = np.asarray(value)
            columns[name] = np.full(count, array, dtype) if array.ndim == 0 else array.astype(dtype, copy=False)
        return cls(count, columns)

    def column(self, name: str) -> np.ndarray:
        if name in self.columns:
            return self.columns[name]
        if name in TRUTH_COLUMNS:
            return np.full(self.count, _TRUTH_DEFAULTS[name], TRUTH_COLUMNS[name])
        return np.zeros(self.count, _DTYPES[name])

    def take(self, indices: np.ndarray) -> Rows:
        """Rows picked by index or boolean mask."""
        count = int(np.count_nonzero(indices)) if indices.dtype == bool else len(indices)
        return Rows(count, {name: column[indices] for name, column in self.columns.items()})

    def cut(self, start: int, stop: int) -> Rows:
        """Rows start … stop - 1, as views."""
        return Rows(stop - start, {name: column[start:stop] for name, column in self.columns.items()})

    @staticmethod
    def merged(parts: Iterable[Rows]) -> Rows:
        """All parts in order of time; equal times keep the order of the parts."""
        parts = [part for part in parts if part.count]
        if not parts:
            return Rows(0, {})
        names = dict.fromkeys(name for part in parts for name in part.columns)
        order = np.argsort(np.concatenate([part.column("ts_ms") for part in parts]), kind="stable")
        columns = {name: np.concatenate([part.column(name) for part in parts])[order] for name in names}
        return Rows(len(order), columns)


def to_frame(rows: Rows, pools: Pools, first_id: int) -> pa.RecordBatch:
    """One frame; events are numbered from `first_id`; taken in at the moment they happen where not said otherwise."""
    arrays: list[pa.Array] = []
    for column in COLUMNS:
        if column.name == "event_id" and "event_id" not in rows.columns:
            arrays.append(pa.array(np.arange(first_id, first_id + rows.count, dtype=np.uint64)))
        elif column.name == "ingest_ts_ms" and "ingest_ts_ms" not in rows.columns:
            arrays.append(pa.array(rows.column("ts_ms"), pa.int64()))
        elif column.name in POOLED:
            arrays.append(getattr(pools, column.name).take(rows.column(column.name)))
        else:
            arrays.append(pa.array(rows.column(column.name), column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA)
