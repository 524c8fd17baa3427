"""JSON objects straight into columns: the kernel that reads what is written plainly.

Enters: messages one behind the other, and the tables of `json_plain`. Leaves: values, texts, and which messages were
read. Invariant: this kernel never judges. What it reads means what msgspec and `json_fields` make of the same bytes;
whatever else it meets, an error, an odd form or a word that needs more than its bytes, it leaves to `json_judge`.

Columns are numbered as in COLUMNS; a set of columns is the bits of an int64, and so is a set of kinds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interceptor.hosts import FNV_PRIME, FNV_START
from interceptor.kernels import (
    IN_I64,
    IN_U8,
    OUT_I32,
    OUT_U8,
    TABLE,
    Int32s,
    Int64s,
    Uint8s,
    inlined,
    kernel,
)
from interceptor.schema import COLUMNS, Kind, Subject
from interceptor.transport.edge.json_fields import AHEAD_MAX_MS, EARLIEST_MS, LATEST_MS
from interceptor.transport.edge.json_memory import byte_at, bytes_at, put_byte, put_word, word_at
from interceptor.transport.edge.json_refusals import MESSAGE_BYTES_MAX
from interceptor.transport.edge.json_scalars import copy_text, number, string_end, time_ms, whole
from interceptor.transport.fitness import TEXT_BYTES_MAX

# How a field is written
INTEGER, KEY, ID, BOOL, TIME, SOURCE, HOST, TEXT, WORD = range(9)  # from HOST on strings only
# What stands in a row of `fields`
COLUMN, FORM, LOW, HIGH, KINDS = range(5)  # HIGH -1: as large as a uint64 can be
# What stands in a row of `words`, SLOTS rows: which set it belongs to, its letters as two numbers, what it means. KEYS
# is the set of the names of fields, the others are the words of a column.
SET, LETTERS, MORE_LETTERS, MEANS = range(4)
KEYS, SLOTS, WORD_BYTES_MAX = 63, 1 << 9, 16
NOTHING = -1  # means an empty slot
_SPREAD = 0x1E3779B97F4A7C15
# Scratch: where the texts of the message in hand stand
SOURCE_AT, TEXT_AT, HOST_AT = 0, 2, 4

_AT = {column.name: at for at, column in enumerate(COLUMNS)}
_EVENT_ID, _TS, _INGEST, _KIND, _SOURCE = (
    _AT[name] for name in ("event_id", "ts_ms", "ingest_ts_ms", "kind", "source")
)
_TARGET, _HOST, _SUBJECT = _AT["target"], _AT["host"], _AT["subject"]
_NEEDED = 1 << _KIND | 1 << _TS | 1 << _SOURCE | 1 << _TARGET
_WEB, _SITE = int(Kind.WEB), int(Subject.SITE)
_QUOTE, _COLON, _COMMA, _OPEN, _CLOSE, _SPACE = (ord(one) for one in '":,{} ')
_DOT, _SMALL_E = ord("."), ord("e")
_TRUE, _FALS = (int.from_bytes(word, "little") for word in (b"true", b"fals"))
_FNV_START, _FNV_PRIME = np.uint64(FNV_START), np.uint64(FNV_PRIME)


@kernel(IN_U8, IN_I64, IN_I64, IN_I64, IN_I64, TABLE, TABLE, TABLE,
        TABLE, OUT_U8, OUT_I32, OUT_U8, OUT_I32, OUT_U8)  # fmt: skip
def scan(
    messages: Uint8s, starts: Int64s, ends: Int64s, ids: Int64s, taken_ms: Int64s,
    word_table: Int64s, field_table: Int64s, default_table: Int64s,
    values: Int64s, text: Uint8s, text_ends: Int32s, hosts: Uint8s, host_ends: Int32s, sure: Uint8s,
) -> None:  # fmt: skip
    """`values` int64[columns, n], zeroed: bits of what the column holds. `text_ends`, `host_ends` int32[n + 1]: Arrow's
    offsets. `sure` uint8[n]: 1 = read; rows of others hold anything."""
    scratch, count = np.zeros(6, np.int64), len(starts)
    data, spans = messages.ctypes.data, scratch.ctypes.data
    words, fields, defaults = word_table.ctypes.data, field_table.ctypes.data, default_table.ctypes.data
    for row in range(count):
        text_ends[row + 1], host_ends[row + 1] = text_ends[row], host_ends[row]
        if ends[row] - starts[row] > MESSAGE_BYTES_MAX:
            continue
        event = values.ctypes.data + 8 * row
        put_word(event, _EVENT_ID * count, ids[row])
        scratch[:] = 0
        seen = _read_object(data, starts[row], ends[row], words, fields, event, count, spans)
        seen = _join_source(data, seen, event, count, spans) if seen >= 0 else seen
        if seen < 0 or not _has_good_times(seen, event, count, taken_ms[row]):
            continue
        _fill_defaults(seen, event, count, defaults, len(default_table))
        text_at = copy_text(data, scratch[TEXT_AT], scratch[TEXT_AT + 1], text.ctypes.data, text_ends[row])
        host_at = _copy(data, scratch[HOST_AT], scratch[HOST_AT + 1], hosts.ctypes.data, host_ends[row])
        if text_at >= 0 and text_at - text_ends[row] <= TEXT_BYTES_MAX:
            text_ends[row + 1], host_ends[row + 1], sure[row] = text_at, host_at, 1


@inlined
def _read_object(data: int, at: int, end: int, words: int, fields: int, event: int, count: int, spans: int) -> int:
    """Which columns the object gives, -1 = not sure. Each at most once, and all of them its kind's."""
    seen, kinds = 0, -1
    at = _after(data, at, end, _OPEN)
    while 0 <= at < end and byte_at(data, at) == _QUOTE:
        key_end, odd = string_end(data, at + 1, end)
        field = NOTHING if odd else _find(data, at + 1, key_end, end, KEYS, words)
        if field == NOTHING:
            break
        field = fields + 40 * field
        bit = 1 << word_at(field, COLUMN)
        at = _after(data, key_end + 1, end, _COLON)
        if seen & bit or at < 0 or at >= end:
            break
        seen |= bit
        kinds &= word_at(field, KINDS)
        at = _read_value(data, at, end, field, words, event, count, spans)
        if at < 0:
            break
        at = _spaces(data, at, end)
        if at < end and byte_at(data, at) == _CLOSE:
            is_whole = _spaces(data, at + 1, end) == end and seen >> _KIND & 1
            return seen if is_whole and kinds >> word_at(event, _KIND * count) & 1 else -1
        at = _after(data, at, end, _COMMA)
    return -1


@inlined
def _read_value(data: int, at: int, end: int, field: int, words: int, event: int, count: int, spans: int) -> int:
    """Where the value ends, -1 = not sure."""
    form, cell = word_at(field, FORM), word_at(field, COLUMN) * count
    if byte_at(data, at) == _QUOTE:
        start = at + 1
        at, odd = string_end(data, start, end)
        if at < 0 or (odd and form != TEXT):
            return -1
        if SOURCE <= form <= TEXT:
            span = TEXT_AT if form == TEXT else HOST_AT if form == HOST else SOURCE_AT
            put_word(spans, span, start)
            put_word(spans, span + 1, at)
            is_odd = (form == HOST and not _is_plain_host(data, start, at)) or (form == SOURCE and at == start)
            return -1 if is_odd else at + 1
        value = _written(data, start, at, end, form, word_at(field, COLUMN), words)
        put_word(event, cell, value)
        return at + 1 if value >= 0 else -1
    if form == BOOL:
        value, size = _bool(data, at, end)
        put_word(event, cell, value)
        return at + size if size else -1
    if form >= HOST:
        return -1
    at, value = whole(data, at, end, word_at(field, LOW), word_at(field, HIGH))
    put_word(event, cell, value)
    return at


@inlined
def _written(data: int, start: int, end: int, limit: int, form: int, column: int, words: int) -> int:
    """The value of a string, -1 = not sure."""
    if form == WORD:
        return _find(data, start, end, limit, column, words)
    if form == KEY:
        return number(data, start, end)
    return time_ms(data, start, end) if form == TIME else -1


@inlined
def _bool(data: int, at: int, end: int) -> tuple[int, int]:
    """Value and size, 0 where it is none."""
    if end - at < 5:
        return 0, 0
    letters = _letters(data, at, at + 4, end)
    is_false = letters == _FALS and byte_at(data, at + 4) == _SMALL_E
    return (1, 4) if letters == _TRUE else (0, 5 if is_false else 0)


@inlined
def _join_source(data: int, seen: int, event: int, count: int, spans: int) -> int:
    """What a written source is hangs on the kind. Of a visit, source and host each stand for the other."""
    start, end = word_at(spans, SOURCE_AT), word_at(spans, SOURCE_AT + 1)
    if word_at(event, _KIND * count) == _WEB:
        if end and not _is_plain_host(data, start, end):
            return -1
        if end and not seen >> _HOST & 1:
            put_word(spans, HOST_AT, start)
            put_word(spans, HOST_AT + 1, end)
        elif not seen >> _SOURCE & 1:
            start, end = word_at(spans, HOST_AT), word_at(spans, HOST_AT + 1)
            seen |= int(end > start) << _SOURCE
        if end > start:
            put_word(event, _SOURCE * count, _hash_of_host(data, start, end))
    elif end:
        value = number(data, start, end)
        put_word(event, _SOURCE * count, value)
        if value < 0 or (seen >> _SUBJECT & 1 and word_at(event, _SUBJECT * count) == _SITE):
            return -1
    return seen if seen & _NEEDED == _NEEDED else -1


@inlined
def _has_good_times(seen: int, event: int, count: int, taken_ms: int) -> bool:
    """Also says when an event was taken in that doesn't say so."""
    latest_ms = min(LATEST_MS - 1, taken_ms + AHEAD_MAX_MS) if taken_ms >= 0 else LATEST_MS - 1
    ts_ms = word_at(event, _TS * count)
    if seen >> _INGEST & 1:
        ingest_ms = word_at(event, _INGEST * count)
        if ingest_ms < EARLIEST_MS or ingest_ms > latest_ms:
            return False
    else:
        put_word(event, _INGEST * count, taken_ms if taken_ms >= 0 else ts_ms)
    return EARLIEST_MS <= ts_ms <= latest_ms


@inlined
def _fill_defaults(seen: int, event: int, count: int, defaults: int, rows: int) -> None:
    """Columns whose "unknown" isn't 0; rows of `defaults` are column, value, kinds."""
    kind = word_at(event, _KIND * count)
    for i in range(rows):
        column = word_at(defaults, 3 * i)
        if not seen >> column & 1 and word_at(defaults, 3 * i + 2) >> kind & 1:
            put_word(event, column * count, word_at(defaults, 3 * i + 1))


def slot_of(of: int, letters: int, more: int) -> int:
    """Where to look first."""
    return (letters * _SPREAD + more * 31 + of * 0x9E3779B1) >> 40 & SLOTS - 1


_slot_of = inlined(slot_of)


@inlined
def _spaces(data: int, at: int, end: int) -> int:
    while at < end and (
        byte_at(data, at) == _SPACE or byte_at(data, at) == 9 or byte_at(data, at) == 10 or byte_at(data, at) == 13
    ):
        at += 1
    return at


@inlined
def _after(data: int, at: int, end: int, mark: int) -> int:
    """Where the next token starts after this one and spaces, -1 where it isn't there."""
    at = _spaces(data, at, end)
    return _spaces(data, at + 1, end) if at < end and byte_at(data, at) == mark else -1


@inlined
def _letters(data: int, at: int, end: int, limit: int) -> int:
    """Up to eight bytes as one number, the first one lowest. `limit`: up to where there is memory to read."""
    if at >= end:
        return 0
    if at + 8 <= limit:
        return bytes_at(data, at) & (-1 if end - at == 8 else (1 << 8 * (end - at)) - 1)
    letters = 0
    for i in range(end - at):
        letters |= byte_at(data, at + i) << 8 * i
    return letters


@inlined
def _find(data: int, start: int, end: int, limit: int, of: int, words: int) -> int:
    """What a word means in the set `of`, NOTHING if it isn't there."""
    if end - start > WORD_BYTES_MAX:
        return NOTHING
    letters, more = _letters(data, start, min(end, start + 8), limit), _letters(data, start + 8, end, limit)
    slot = _slot_of(of, letters, more)
    while word_at(words, slot * 4 + MEANS) != NOTHING:
        row = slot * 4
        is_same = word_at(words, row + LETTERS) == letters and word_at(words, row + MORE_LETTERS) == more
        if is_same and word_at(words, row + SET) == of:
            return word_at(words, row + MEANS)
        slot = slot + 1 & SLOTS - 1
    return NOTHING


@inlined
def _is_plain_host(data: int, start: int, end: int) -> bool:
    """Whether `edge_host` leaves it as it is, however strange it may be."""
    if end - start > TEXT_BYTES_MAX or (end > start and byte_at(data, end - 1) == _DOT):
        return False
    for at in range(start, end):
        if byte_at(data, at) <= _SPACE or 65 <= byte_at(data, at) <= 90 or byte_at(data, at) >= 127:
            return False
    return True


@inlined
def _hash_of_host(data: int, start: int, end: int) -> int:
    """As hosts.hash_of_host, of one that isn't empty."""
    found = _FNV_START
    for back in range(1, end - start + 1):
        found = (found ^ np.uint64(byte_at(data, end - back))) * _FNV_PRIME
    bits: Any = np.int64(found)
    return bits if bits else 1


@inlined
def _copy(data: int, start: int, end: int, out: int, to: int) -> int:
    for at in range(start, end):
        put_byte(out, to, byte_at(data, at))
        to += 1
    return to
