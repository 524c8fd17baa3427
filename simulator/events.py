"""Events on their way from the simulator to the engine.

Enters: columns by name, as numpy arrays. Leaves: Arrow frames with EVENT_SCHEMA, and beside them the truth. Invariant:
the truth (campaign, step, habit) never gets into a frame.

Texts and hosts travel as int32 indices into a StringPool until a frame is built.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.schema import COLUMNS, EVENT_SCHEMA, Kind

POOLED = ("text", "host")
# What the simulator knows of an event and the engine must not: campaign (-1 = ordinary), step of its chain, the
# sender's habit (simulator.population.Habit), and the simulator's own handle for its closed loop (-1 = none).
TRUTH_COLUMNS = {"campaign": np.int32, "step": np.uint8, "habit": np.uint8, "handle": np.int64}
FEW = 2_000  # rows whose blocks are moved whole; of more, only columns that were given, one by one
_NOBODYS = ("campaign", "handle")  # -1 where not given, all others are 0
_MADE_LAST = ("event_id", "ingest_ts_ms")  # by to_frame: a slice has them only when it is whole
_DTYPES: dict[str, np.dtype[Any]] = {
    column.name: np.dtype(np.int32) if column.name in POOLED else np.dtype(column.type.to_pandas_dtype())
    for column in COLUMNS
    if column.name not in _MADE_LAST
} | {name: np.dtype(dtype) for name, dtype in TRUTH_COLUMNS.items()}
# Columns of one type lie in one block, one below the other.
_BLOCKS = tuple(dict.fromkeys(_DTYPES.values()))
_NAMES = [[name for name, dtype in _DTYPES.items() if dtype == block] for block in _BLOCKS]
_SIZES = [(block, len(names)) for block, names in zip(_BLOCKS, _NAMES, strict=True)]
_PLACES = {name: (block, place) for block, names in enumerate(_NAMES) for place, name in enumerate(names)}


class StringPool:
    """Strings by index; index 0 is the empty string. Adding a known string gives its old index."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {"": 0}
        self._bytes, self._ends = bytearray(), array("i", [0, 0])  # of all strings, one after the other
        self._array: pa.StringArray | None = None

    def __len__(self) -> int:
        return len(self._index)

    def add(self, text: str) -> int:
        index = self._index.setdefault(text, len(self._index))
        if index == len(self._ends) - 1:
            self._array = None  # before the buffers grow, which they can't while it looks at them
            self._bytes += text.encode()
            self._ends.append(len(self._bytes))
        return index

    def add_all(self, texts: Iterable[str]) -> np.ndarray:
        return np.array([self.add(text) for text in texts], np.int32)

    def since(self, count: int) -> list[str]:
        """All strings but the first `count`, in the order in which they were added."""
        return list(islice(self._index, count, None))

    def take(self, indices: np.ndarray) -> pa.StringArray:
        if self._array is None:
            buffers = [None, pa.py_buffer(self._ends), pa.py_buffer(self._bytes)]
            self._array = pa.Array.from_buffers(pa.string(), len(self), buffers)
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
    """`count` events with all columns; those that were not `given` are their defaults (0, False, -1 for truth).

    `blocks`: for each type of _BLOCKS an array [columns of this type, count], so that picking, cutting and merging cost
    a few calls, however many columns there are.
    """

    count: int
    blocks: tuple[np.ndarray, ...]
    given: frozenset[str] = frozenset()

    @classmethod
    def blank(cls, count: int) -> Rows:
        """All defaults."""
        made = cls(count, tuple(np.zeros((columns, count), dtype) for dtype, columns in _SIZES))
        for name in _NOBODYS:
            made.column(name)[:] = -1
        return made

    @classmethod
    def of(cls, kind: Kind | np.ndarray, ts_ms: np.ndarray, **given: np.ndarray | int | bool) -> Rows:
        """Events of one kind, or of one each. Scalars are spread over all rows. Raises KeyError for a name that no
        event has."""
        made = cls.blank(len(ts_ms))
        made.set(kind=kind, ts_ms=ts_ms, **given)
        return made

    @classmethod
    def one_by_one(cls, events: Sequence[Mapping[str, int | bool]]) -> Rows:
        """Events each of which gives columns of its own."""
        made = cls.blank(len(events))
        made.given = frozenset(name for event in events for name in event)
        for row, event in enumerate(events):
            for name, value in event.items():
                made.column(name)[row] = value
        return made

    def column(self, name: str) -> np.ndarray:
        """To look at; `set` replaces it."""
        block, place = _PLACES[name]
        return self.blocks[block][place]

    def set(self, **given: np.ndarray | int | bool) -> None:
        """Replaces columns."""
        self.given |= given.keys()
        for name, value in given.items():
            self.column(name)[:] = value

    def take(self, indices: np.ndarray) -> Rows:
        """Rows picked by index or boolean mask, as copies."""
        if indices.dtype == bool:
            indices = np.flatnonzero(indices)
        return Rows(len(indices), tuple(block.take(indices, axis=1) for block in self.blocks), self.given)

    def cut(self, start: int, stop: int) -> Rows:
        """Rows start … stop - 1, as views."""
        return Rows(stop - start, tuple(block[:, start:stop] for block in self.blocks), self.given)

    def copy(self) -> Rows:
        """With arrays of its own."""
        return Rows(self.count, tuple(block.copy() for block in self.blocks), self.given)

    def in_order(self) -> Rows:
        """The same rows in order of time; equal times keep their order."""
        ts_ms = self.column("ts_ms")
        return self if (ts_ms[1:] >= ts_ms[:-1]).all() else self.take(np.argsort(ts_ms, kind="stable"))

    @staticmethod
    def merged(parts: Iterable[Rows]) -> Rows:
        """All parts in order of time, as copies; equal times keep the order of the parts."""
        parts = [part for part in parts if part.count]
        if not parts:
            return NO_ROWS
        order = np.argsort(np.concatenate([part.column("ts_ms") for part in parts]), kind="stable")
        given = frozenset[str]().union(*(part.given for part in parts))
        if len(order) <= FEW:
            blocks = zip(*(part.blocks for part in parts), strict=True)
            joined = tuple(np.concatenate(block, axis=1).take(order, axis=1) for block in blocks)
            return Rows(len(order), joined, given)
        made = Rows.blank(len(order))
        made.given = given
        for name in given:  # one after the other, so that what is picked from stays in the cache
            np.concatenate([part.column(name) for part in parts]).take(order, out=made.column(name), mode="clip")
        return made


NO_ROWS = Rows.blank(0)


def to_frame(rows: Rows, pools: Pools, first_id: int) -> pa.RecordBatch:
    """One frame; events are numbered from `first_id`, and taken in at the moment they happen."""
    arrays: dict[str, pa.Array] = {
        "event_id": pa.array(np.arange(first_id, first_id + rows.count, dtype=np.uint64)),
        "ingest_ts_ms": (ts_ms := pa.array(rows.column("ts_ms"))),
        "ts_ms": ts_ms,
        "text": pools.text.take(rows.column("text")),
        "host": pools.host.take(rows.column("host")),
    }
    whole = [arrays[name] if name in arrays else pa.array(rows.column(name)) for name in EVENT_SCHEMA.names]
    return pa.RecordBatch.from_arrays(whole, schema=EVENT_SCHEMA)
