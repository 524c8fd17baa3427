"""Packed events as bytes, for the topics between the stages.

Enters: Packed. Leaves: bytes, and Packed again. Invariants: reading takes no more memory than FRAME_BYTES_MAX however
the bytes lie about their size; whatever isn't a parcel is a BadFrame.

A parcel is a head (a line of JSON: rows, sizes, the type of a record), the records packed with LZ4 as one piece, and
an Arrow frame with what has no fixed width. Frames of columns, as they come in, would spend more time on their sixty
columns in a hundred small pieces than the engine needs for the events.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

import numpy as np
import pyarrow as pa

from interceptor.batch import BadFrame
from interceptor.packed import Packed
from interceptor.transport.wire import FRAME_BYTES_MAX, FRAME_ROWS_MAX, decode, encode

_MAGIC = b"parcel1 "
_HEAD_BYTES_MAX = 1 << 17
_FIELD = re.compile(r"[<|][buif][1248]")  # yes or no, unsigned, signed, shares; numpy would try to parse anything
_CODEC = pa.Codec("lz4_raw")


def pack(events: Packed) -> bytes:
    """A parcel of any number of rows."""
    records = np.ascontiguousarray(events.records)
    packed = _CODEC.compress(records.view(np.uint8)) if events.rows else b""
    head = f"{events.rows} {len(packed)} {_described(records.dtype)}\n".encode()
    return b"".join((_MAGIC, head, packed, encode(_others(events), packed=False)))


def unpack(data: bytes) -> Packed:
    """Raises BadFrame for anything but a parcel."""
    end = data.find(b"\n", 0, _HEAD_BYTES_MAX)
    if not data.startswith(_MAGIC) or end < 0:
        raise BadFrame("not a parcel")
    try:
        rows_text, size_text, described = data[len(_MAGIC) : end].decode().split(" ", 2)
        rows, size, layout = int(rows_text), int(size_text), _layout(described)
    except (ValueError, TypeError, RecursionError):
        raise BadFrame("the head of a parcel can't be read") from None
    start = end + 1
    if not (0 <= rows <= FRAME_ROWS_MAX and 0 <= size <= len(data) - start):
        raise BadFrame("a parcel of another size than it says")
    others = decode(data[start + size :])
    if others.num_rows != rows:
        raise BadFrame("a parcel whose halves don't match")
    return Packed(
        _records(data[start : start + size], rows, layout), dict(zip(others.schema.names, others, strict=True))
    )


def _records(packed: bytes, rows: int, layout: np.dtype) -> np.ndarray:
    if rows * layout.itemsize > FRAME_BYTES_MAX:
        raise BadFrame(f"would unpack to more than {FRAME_BYTES_MAX:,} bytes")
    if not rows:
        return np.empty(0, layout)
    try:
        return np.frombuffer(_CODEC.decompress(packed, rows * layout.itemsize), layout)
    except (pa.ArrowException, OSError, ValueError):
        raise BadFrame("the records of a parcel can't be unpacked") from None


def _others(events: Packed) -> pa.RecordBatch:
    """Also without any columns it says how many rows there are."""
    others = events.others or {"rows": pa.nulls(events.rows)}
    fields = [pa.field(name, array.type, nullable=array.type == pa.null()) for name, array in others.items()]
    return pa.RecordBatch.from_arrays(list(others.values()), schema=pa.schema(fields))


@lru_cache(64)
def _described(layout: np.dtype) -> str:
    return json.dumps([[name, layout[name].str] for name in layout.names or ()])


@lru_cache(64)
def _layout(described: str) -> np.dtype:
    """Raises ValueError or TypeError for anything but a list of numeric fields."""
    fields = [(str(name), str(kind)) for name, kind in json.loads(described)]
    if not fields or not all(name and _FIELD.fullmatch(kind) for name, kind in fields):
        raise ValueError
    return np.dtype(fields)
