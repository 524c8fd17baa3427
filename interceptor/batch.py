"""One batch of events as numpy columns.

Enters: an Arrow record batch with EVENT_SCHEMA. Leaves: a Batch. Invariant: numeric columns are views of the Arrow
buffers where Arrow allows it (all but booleans), so decoding a frame costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from interceptor.schema import EVENT_SCHEMA

if TYPE_CHECKING:
    from interceptor.kernels import Int64s


_PLACE = {name: place for place, name in enumerate(EVENT_SCHEMA.names)}  # pyarrow would make one for each batch


class BadFrame(ValueError):
    """The record batch isn't one of EVENT_SCHEMA; the message says which column and why."""


@dataclass(frozen=True, slots=True)
class Strings:
    """A UTF-8 column: row i is data[offsets[i]:offsets[i + 1]]. offsets int32[n + 1], data uint8[…]."""

    offsets: np.ndarray
    data: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> str:
        return bytes(self.data[self.offsets[row] : self.offsets[row + 1]]).decode("utf-8", "replace")


class Columns(Protocol):
    """What a chunk reads of events: numeric columns and texts by name, whatever holds them."""

    @property
    def rows(self) -> int: ...
    def __getitem__(self, name: str) -> np.ndarray: ...
    def strings(self, name: str) -> Strings: ...

    def located(self, start: int) -> tuple[tuple[str, ...], Int64s]:
        """Numeric columns by name, and where each is from a row on; those that aren't known at once are left out."""
        ...


class Batch:
    """`rows` events, held by their record batch."""

    def __init__(self, frame: pa.RecordBatch) -> None:
        from interceptor.addresses import Addresses  # brings the kernels: not for who only wants to know a BadFrame

        self.rows, self._frame = frame.num_rows, frame
        self._addresses = Addresses(frame)
        self._columns: dict[str, np.ndarray] = {}
        self._strings: dict[str, Strings] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        """A numeric column, [rows]; KeyError for any other name."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._addresses.array(name)
        return found

    def strings(self, name: str) -> Strings:
        """A text column."""
        found = self._strings.get(name)
        if found is None:
            found = self._strings[name] = strings_of(self._frame.column(_PLACE[name]))
        return found

    def located(self, start: int) -> tuple[tuple[str, ...], Int64s]:
        """All numeric columns."""
        return self._addresses.located(start)

    @classmethod
    def from_arrow(cls, frame: pa.RecordBatch) -> Batch:
        """Raises BadFrame where schema or nulls don't fit."""
        if not frame.schema.equals(EVENT_SCHEMA):
            raise BadFrame(_difference(frame.schema))
        batch = cls(frame)
        for name in EVENT_SCHEMA.names if batch._addresses.may_have_nulls else ():
            nulls = frame.column(name).null_count
            if nulls:
                raise BadFrame(f"column {name}: {nulls} nulls, an event has none")
        return batch


def strings_of(array: pa.StringArray) -> Strings:
    """A text column of any batch, nothing copied."""
    _, offset_buffer, data_buffer = array.buffers()
    if offset_buffer is None or len(array) == 0:
        return Strings(np.zeros(len(array) + 1, np.int32), np.zeros(0, np.uint8))
    offsets = np.frombuffer(offset_buffer, np.int32)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    return Strings(offsets, data)


def _difference(schema: pa.Schema) -> str:
    for field in EVENT_SCHEMA:
        index = schema.get_field_index(field.name)
        if index < 0:
            return f"column {field.name} is missing"
        if schema.field(index).type != field.type:
            return f"column {field.name}: {schema.field(index).type} where {field.type} is expected"
    extra = [name for name in schema.names if name not in EVENT_SCHEMA.names]
    if extra:
        return f"column {extra[0]} isn't part of an event"
    return "columns are in another order, or marked as nullable"
