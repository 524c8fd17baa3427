"""Frames on the wire: a record batch as bytes, and bytes that anybody may have made as a record batch.

Enters: a record batch, or a message's bytes. Leaves: the other. Invariants: reading takes no more memory than
FRAME_BYTES_MAX however the bytes lie about their size, and ends in a batch of valid columns or in BadFrame.

A frame is an Arrow IPC stream with one schema, one record batch and nothing else; buffers may be packed with LZ4 or
ZSTD. The sizes that a message states are added up before Arrow is allowed to unpack anything.
"""

from __future__ import annotations

import struct

import pyarrow as pa

from interceptor.batch import BadFrame
from interceptor.decisions import DECISION_SCHEMA
from interceptor.schema import EVENT_SCHEMA

FRAME_BYTES_MAX = 256 << 20  # unpacked
FRAME_ROWS_MAX = 1 << 16
ROW_BITS = 20  # of a place: the row within its frame; above them the offset of the frame
PLACE_ROWS_MAX = 1 << ROW_BITS

# An event's number within its producer's stream, in a frame that may be sent twice (header PRODUCER says whose).
ORIGIN = pa.field("origin", pa.uint64(), nullable=False)
ORIGINAL_SCHEMA = EVENT_SCHEMA.append(ORIGIN)

# What a decision travels as: its identity, what it is about, and what was decided.
DECIDED_SCHEMA = pa.schema(
    [
        pa.field("place", pa.uint64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("ts_ms", pa.int64(), nullable=False),
        *DECISION_SCHEMA,
    ]
)

# Headers of messages. Numbers are written in decimal digits.
PRODUCER = "producer"  # events: who numbered the column `origin`
FIRST, LAST = "first", "last"  # later topics: the offsets of `events` that a message covers, both included
FROM = "from"  # contacts: the partition of `admitted` that it comes from
RULES = "rules"  # admitted, contacts: hash of the rule set by which it is decided

_PACKED, _PLAIN = pa.ipc.IpcWriteOptions(compression="lz4"), pa.ipc.IpcWriteOptions()
_SCHEMAS_MAX = 256  # remembered: frames of one sender look alike
_schemas: dict[bytes, pa.Schema] = {}


def encode(batch: pa.RecordBatch, *, packed: bool = True) -> bytes:
    """A frame. Of a slice the rows of the slice only."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_PACKED if packed else _PLAIN) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def decode(data: bytes) -> pa.RecordBatch:
    """The record batch of a frame, whatever its schema. Raises BadFrame for anything else."""
    try:
        return _decoded(pa.py_buffer(data))
    except BadFrame:
        raise
    except (pa.ArrowException, EOFError, OSError, ValueError, struct.error, MemoryError, OverflowError) as error:
        raise BadFrame(f"not a frame: {_first_line(error)}") from None


def _decoded(data: pa.Buffer) -> pa.RecordBatch:
    stream = pa.BufferReader(data)
    schema = _schema(_message(stream, "schema"))
    message = _message(stream, "record batch")
    _check_size(message)
    batch = pa.ipc.read_record_batch(message, schema)
    batch.validate(full=True)
    if stream.tell() < data.size and _is_message(stream):
        raise BadFrame("more than one record batch in a frame")
    return batch


def _message(stream: pa.BufferReader, wanted: str) -> pa.Message:
    try:
        message = pa.ipc.read_message(stream)
    except EOFError:
        raise BadFrame(f"cut short: no {wanted}") from None
    if message is None or message.type != wanted:
        raise BadFrame(f"{message.type if message else 'nothing'} where a {wanted} is expected")
    return message


def _is_message(stream: pa.BufferReader) -> bool:
    try:
        return pa.ipc.read_message(stream) is not None
    except EOFError:
        return False


def _schema(message: pa.Message) -> pa.Schema:
    key = message.metadata.to_pybytes()
    found = _schemas.get(key)
    if found is None:
        found = pa.ipc.read_schema(message)
        found.names  # noqa: B018 (raises ValueError where a name isn't UTF-8)
        if len(_schemas) >= _SCHEMAS_MAX:
            _schemas.clear()
        _schemas[key] = found
    return found


def _check_size(message: pa.Message) -> None:
    """Raises BadFrame where the batch would be larger than what may be unpacked."""
    rows, packed, buffers = _layout(message.metadata.to_pybytes())
    if not 0 <= rows <= FRAME_ROWS_MAX:
        raise BadFrame(f"{rows:,} rows, at most {FRAME_ROWS_MAX:,}")
    body = memoryview(message.body)
    total = 0
    for offset, length in buffers:
        if offset < 0 or length < 0 or offset + length > len(body):
            raise BadFrame("a column lies outside of the frame")
        stated = struct.unpack_from("<q", body, offset)[0] if packed and length else length
        total += length if stated == -1 else stated
        if stated < -1 or total > FRAME_BYTES_MAX:
            raise BadFrame(f"would unpack to more than {FRAME_BYTES_MAX:,} bytes")


def _layout(metadata: bytes) -> tuple[int, bool, list[tuple[int, int]]]:
    """Of a record batch's flatbuffer, which Arrow has verified: rows, whether buffers are packed, where they are."""
    header = _field(metadata, struct.unpack_from("<I", metadata, 0)[0], 2)
    batch = header + struct.unpack_from("<I", metadata, header)[0]
    length, buffers, compression = (_field(metadata, batch, place) for place in (0, 2, 3))
    rows = struct.unpack_from("<q", metadata, length)[0] if length else 0
    found = []
    if buffers:
        start = buffers + struct.unpack_from("<I", metadata, buffers)[0]
        count = struct.unpack_from("<I", metadata, start)[0]
        found = [struct.unpack_from("<qq", metadata, start + 4 + 16 * place) for place in range(count)]
    return rows, bool(compression), found


def _field(metadata: bytes, table: int, place: int) -> int:
    """Position of a field of a flatbuffer's table, 0 where it isn't there."""
    vtable = table - struct.unpack_from("<i", metadata, table)[0]
    size = struct.unpack_from("<H", metadata, vtable)[0]
    if 4 + 2 * place + 2 > size:
        return 0
    offset = struct.unpack_from("<H", metadata, vtable + 4 + 2 * place)[0]
    return table + offset if offset else 0


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
