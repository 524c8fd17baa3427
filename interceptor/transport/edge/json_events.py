"""From JSON to frames: for the bridge, for files of lines, for whoever has messages.

Enters: the values of messages, or one piece of memory and where the messages stand in it. Leaves: Read. Invariant: what
comes out is what `read_slowly` says of the same messages. Those that are written plainly are read by a kernel at some
0.5 µs, all others by msgspec at some 8; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from interceptor.transport.edge.json_judge import Read, read_slowly
from interceptor.transport.edge.json_plain import BYTES_MAX, Plain, read_plain

_LINE_END, _RETURN = 10, 13


def read_events(values: Sequence[bytes | None], ids: np.ndarray, taken_ms: np.ndarray | None = None) -> Read:
    """One message each. `ids` uint64[n]: for events without one. `taken_ms` int64[n]: when Kafka got the message,
    -1 = unknown; that is also `ingest_ts` where it isn't said."""
    joined = [value or b"" for value in values]
    ends = np.fromiter(map(len, joined), np.int64, len(joined)).cumsum()
    if len(ends) and ends[-1] > BYTES_MAX:
        return read_slowly(values, ids, taken_ms)
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if len(ends) else ends
    return _read(np.frombuffer(b"".join(joined), np.uint8), starts, ends, ids, taken_ms, values.__getitem__)


def read_joined(
    data: bytes | memoryview, starts: np.ndarray, ends: np.ndarray, ids: np.ndarray, taken_ms: np.ndarray | None = None
) -> Read:
    """As read_events, of messages data[starts[i]:ends[i]]: int64[n] in ascending order, as `lines_in` gives them; where
    one ends before it starts it has no value. `data` has at most 2^31 - 1 bytes, else ValueError."""
    if len(data) > BYTES_MAX:
        raise ValueError(f"{len(data):,} bytes at once, at most {BYTES_MAX:,}")

    def value_of(row: int) -> bytes | None:
        start, end = int(starts[row]), int(ends[row])
        return bytes(data[start:end]) if end >= start else None

    return _read(np.frombuffer(data, np.uint8), starts, ends, ids, taken_ms, value_of)


def lines_in(data: bytes | memoryview) -> tuple[np.ndarray, np.ndarray]:
    """Where the lines of NDJSON start and end (int64[n] each), empty ones left out. The last one needs no line end: who
    reads in pieces cuts them at line ends."""
    bytes_ = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(bytes_ == _LINE_END)
    if len(bytes_) and bytes_[-1] != _LINE_END:
        ends = np.append(ends, len(bytes_))
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1)) if len(ends) else ends
    ends = ends - ((ends > starts) & (bytes_[ends - 1] == _RETURN))
    full = ends > starts
    return starts[full], ends[full]


def _read(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, ids: np.ndarray, taken_ms: np.ndarray | None,
    value_of: Callable[[int], bytes | None],
) -> Read:  # fmt: skip
    taken = np.full(len(starts), -1, np.int64) if taken_ms is None else taken_ms
    plain = read_plain(data, starts, ends, ids, taken)
    if plain.sure.all():
        return Read(plain.batch, np.arange(len(starts)), [])
    odd = np.flatnonzero(~plain.sure)
    return _merged(plain, odd, read_slowly([value_of(row) for row in odd.tolist()], ids[odd], taken[odd]))


def _merged(plain: Plain, odd: np.ndarray, slow: Read) -> Read:
    """`slow`: what was read of the messages `odd`."""
    refused = [(int(odd[row]), why) for row, why in slow.refused]
    batch, rows = plain.batch.filter(pa.array(plain.sure)), np.flatnonzero(plain.sure)
    if len(slow.rows):
        rows = np.concatenate((rows, odd[slow.rows]))
        order = np.argsort(rows)
        batch, rows = pa.concat_batches([batch, slow.batch]).take(pa.array(order)), rows[order]
    return Read(batch, rows, refused)
