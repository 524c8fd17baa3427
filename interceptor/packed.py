"""Events on their way from one part of the engine to the next: a row of bytes each, so that they are quickly dealt.

Enters: columns. Leaves: the same columns, of some of the rows, or of rows from several places. Invariant: what comes
out of a row is what was put into it; the records' type says what stands where.

An event has some sixty columns then, and a batch goes to many shards in small pieces. Gathering, packing and reading
each column of each piece costs more than deciding; a row of a few hundred bytes is moved as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from interceptor.batch import Strings, strings_of
from interceptor.kernels import Int64s


class Packed:
    """`rows` events: numeric columns as records[n], and what has no fixed width as Arrow arrays by name."""

    def __init__(self, records: np.ndarray, others: Mapping[str, pa.Array]) -> None:
        self.records, self.others, self.rows = records, dict(others), len(records)
        self._columns: dict[str, np.ndarray] = {}

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray], others: Mapping[str, pa.Array]) -> Packed:
        """Columns [n] of any numeric type; they keep it."""
        layout = np.dtype([(name, column.dtype) for name, column in columns.items()])
        records = np.empty(len(next(iter(columns.values()))), layout)
        for name, column in columns.items():
            records[name] = column
        return cls(records, others)

    def __getitem__(self, name: str) -> np.ndarray:
        """A numeric column, [rows]; KeyError for any other name."""
        found = self._columns.get(name)
        if found is None:
            if name not in (self.records.dtype.names or ()):
                raise KeyError(name)
            found = self._columns[name] = np.ascontiguousarray(self.records[name])
        return found

    def located(self, start: int) -> tuple[tuple[str, ...], Int64s]:  # noqa: ARG002 (a batch knows its columns at once)
        """Nothing: a column is gathered from the rows when it is asked for."""
        return (), np.zeros(0, np.int64)

    def strings(self, name: str) -> Strings:
        """A text column."""
        return strings_of(self.others[name])

    def take(self, rows: np.ndarray) -> Packed:
        """Rows int64[m] in this order."""
        at = pa.array(rows)
        whole = self.records.view(f"V{self.records.dtype.itemsize}")  # numpy gathers fields one by one, else
        return Packed(
            whole[rows].view(self.records.dtype), {name: array.take(at) for name, array in self.others.items()}
        )

    def slice(self, start: int, stop: int) -> Packed:
        """Rows start … stop - 1, nothing copied."""
        others = {name: array.slice(start, stop - start) for name, array in self.others.items()}
        return Packed(self.records[start:stop], others)


def joined(parts: Sequence[Packed]) -> Packed:
    """One after the other; at least one, all of the same layout."""
    if len(parts) == 1:
        return parts[0]
    records = np.concatenate([_whole(part.records) for part in parts]).view(parts[0].records.dtype)
    names = parts[0].others
    return Packed(records, {name: pa.concat_arrays([part.others[name] for part in parts]) for name in names})


def _whole(records: np.ndarray) -> np.ndarray:
    """Records without fields: numpy moves those one by one, and compares their names, else."""
    return records.view(f"V{records.dtype.itemsize}")
