"""Events that are written plainly, many at once: what `json_scan` needs, and its columns as Arrow.

Enters: messages in one piece of memory. Leaves: Plain, a batch with a row for each message, and which rows are right.
Invariant: as `json_scan`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.kernels import Int64s, Uint8s
from interceptor.rules.names import kinds_of
from interceptor.schema import COLUMNS, EVENT_SCHEMA, Kind
from interceptor.transport.edge import json_scan as scan
from interceptor.transport.edge.json_fields import FIELDS, LATEST_MS, UNKNOWN, VOCABULARIES, limits

BYTES_MAX = (1 << 31) - 1  # that Arrow's offsets can say
_AT = {column.name: at for at, column in enumerate(COLUMNS)}
_FORMS = {
    "event_id": scan.ID, "ts_ms": scan.TIME, "ingest_ts_ms": scan.TIME, "source": scan.SOURCE, "text": scan.TEXT,
    "host": scan.HOST, "kind": scan.WORD,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plain:
    """`batch` has EVENT_SCHEMA and n rows; `sure` bool[n]: those that were read, others hold anything."""

    batch: pa.RecordBatch
    sure: np.ndarray


def read_plain(data: Uint8s, starts: Int64s, ends: Int64s, ids: np.ndarray, taken_ms: Int64s) -> Plain:
    """Message i is data[starts[i]:ends[i]], `starts` ascending, all in at most BYTES_MAX; else as read_events."""
    count = len(starts)
    values = np.zeros((len(COLUMNS), count), np.int64)
    texts, hosts = (np.empty(len(data), np.uint8) for _ in range(2))
    text_ends, host_ends = (np.zeros(count + 1, np.int32) for _ in range(2))
    sure = np.zeros(count, np.uint8)
    scan.scan(
        data, starts, ends, ids.view(np.int64), taken_ms, _WORDS, _FIELDS, _DEFAULTS,
        values, texts, text_ends, hosts, host_ends, sure,
    )  # fmt: skip
    strings = {"text": (text_ends, texts), "host": (host_ends, hosts)}
    arrays = []
    for column, bits in zip(COLUMNS, values, strict=True):
        if column.name in strings:
            ends_, bytes_ = strings[column.name]
            # a copy: of the room for all of the messages most is empty
            buffers = [None, pa.py_buffer(ends_), pa.py_buffer(bytes_[: ends_[-1]].copy())]
        elif pa.types.is_boolean(column.type):
            buffers = [None, pa.py_buffer(np.packbits(bits.astype(bool), bitorder="little"))]
        else:
            buffers = [None, pa.py_buffer(bits.astype(column.type.to_pandas_dtype(), copy=False))]
        arrays.append(pa.Array.from_buffers(column.type, count, buffers))
    return Plain(pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA), sure.view(bool))


def _form(name: str) -> int:
    if name in _FORMS:
        return _FORMS[name]
    if name in VOCABULARIES:
        return scan.WORD
    type_ = COLUMNS[_AT[name]].type
    return scan.BOOL if pa.types.is_boolean(type_) else scan.KEY if pa.types.is_uint64(type_) else scan.INTEGER


def _field(name: str) -> list[int]:
    """The row of a column in `fields`."""
    type_, form = COLUMNS[_AT[name]].type, _form(name)
    low, high = limits(name, type_) if form == scan.INTEGER else (0, LATEST_MS if form == scan.TIME else -1)
    return [_AT[name], form, low, high, _bits(kinds_of(name))]


def _bits(kinds: Any) -> int:
    return sum(1 << kind for kind in kinds)


def _names() -> dict[tuple[str, str], int]:
    """Name and column of each field → the kinds that have it."""
    found: dict[tuple[str, str], int] = {("kind", "kind"): _bits(Kind)}
    for kind, fields in FIELDS.items():
        for field in fields:
            found[field.name, field.column] = found.get((field.name, field.column), 0) | 1 << kind
    return found


def _all_words() -> Iterator[tuple[int, str, int]]:
    """Set, word, meaning."""
    for row, (name, _) in enumerate(_names()):
        yield scan.KEYS, name, row
    for column, words in ({"kind": Kind} | VOCABULARIES).items():
        for word in words:
            yield _AT[column], word.name.lower(), int(word)


def _words() -> Int64s:
    """The hash table of all words, int64[SLOTS, 4]."""
    table = np.full((scan.SLOTS, 4), scan.NOTHING, np.int64)
    for of, word, meaning in _all_words():
        assert len(word) <= scan.WORD_BYTES_MAX, word
        letters, more = (_signed(int.from_bytes(part, "little")) for part in (word[:8].encode(), word[8:].encode()))
        slot = scan.slot_of(of, letters, more)
        while table[slot, scan.MEANS] != scan.NOTHING:
            slot = slot + 1 & scan.SLOTS - 1
        table[slot] = of, letters, more, meaning
    return table


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


_FIELDS = np.array([[*_field(column)[:4], kinds] for (_, column), kinds in _names().items()], np.int64)
_DEFAULTS = np.array([[_AT[name], value, _bits(kinds_of(name))] for name, value in UNKNOWN.items()], np.int64)
_WORDS = _words()
