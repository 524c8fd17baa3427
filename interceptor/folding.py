"""Text in one plain form, so that a word is found however it is dressed up.

Enters: UTF-8 columns, any bytes. Leaves: the same rows as code points, folded by a table of `lookalikes`: NFKC, lower
case, simplified characters, look-alikes replaced; white space, controls, zero-width characters and decoration gone.
Punctuation of addresses (`lookalikes.POINTS`) stays where it touches an ASCII letter or digit. Invariant: fold(a + b +
c) contains fold(b), so literals are folded by themselves. No row can hold a newline: it parts the rows of `utf8`.

Code points, because all that reads folded texts goes by characters; only Hyperscan wants bytes, of few of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interceptor.batch import Strings
from interceptor.kernels import (
    IN_I32,
    IN_I64,
    IN_U8,
    INT,
    OUT_I32,
    OUT_I64,
    OUT_U8,
    TABLE_I32,
    Int32s,
    Int64s,
    Uint8s,
    Uint64s,
    helper,
    inlined,
    kernel,
)
from interceptor.lookalikes import (
    CODE_MASK,
    DISGUISE,
    EXPANDS,
    EXPANSION_MAX,
    POINT,
    SYMBOL,
    TABLE_SIZE,
    ZERO_WIDTH,
    host_table,
    text_table,
)

SHAPE_MIN = 8  # non-ASCII characters below which a text has no shape: greetings and codes would all be alike
NEWLINE = 10
UNREADABLE = 0xFFFD
UTF8_MAX = 4  # bytes of a character
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded rows: row i is codes[offsets[i]:offsets[i + 1]], int32 code points.

    `disguised` int32[m]: how many characters were look-alikes, zero-width, circled, full-width letters or the like.
    `shape` uint64[m]: hash of the row without its ASCII; 0 if fewer than SHAPE_MIN characters are left.
    """

    offsets: Int32s
    codes: Int32s
    disguised: Int32s
    shape: Uint64s

    def __len__(self) -> int:
        return len(self.disguised)

    def __getitem__(self, row: int) -> str:
        return bytes(self.codes[self.offsets[row] : self.offsets[row + 1]]).decode("utf-32-le")

    def utf8(self, rows: Int64s) -> Strings:
        """Some rows, each at most once, as one buffer to scan: a newline ends each, and belongs to it."""
        data = np.empty(len(self.codes) * UTF8_MAX + len(rows), np.uint8)  # pages not written to are never there
        offsets = np.zeros(len(rows) + 1, np.int32)
        end = _encode(self.codes, self.offsets, rows, data, offsets)
        return Strings(offsets, data[:end])


def fold(strings: Strings, rows: Int32s | None = None) -> Folded:
    """Messages `rows` (int32[m], default: all) of `strings`, folded. Raises IndexError for a row that isn't there."""
    return fold_spans(strings.data, *spans(strings, rows), of_host=False)


def fold_hosts(strings: Strings, rows: Int32s | None = None) -> Folded:
    """Host skeletons: `p0st-bank.cn` and `postbank.cn` are one. Dots stay, hyphens go, punycode is left as it is."""
    return fold_spans(strings.data, *spans(strings, rows), of_host=True)


def fold_one(text: str) -> str:
    """One message or literal, folded; slow (10 µs), for compiling rules."""
    return fold(strings_of([text]))[0]


def fold_host(host: str) -> str:
    """One host or literal, as its skeleton; slow, for compiling rules."""
    return fold_hosts(strings_of([host]))[0]


def strings_of(texts: Sequence[str]) -> Strings:
    """A column of these texts; lone surrogates become bytes that aren't UTF-8."""
    rows = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return Strings(offsets, np.frombuffer(b"".join(rows), np.uint8))


def spans(strings: Strings, rows: Int32s | None) -> tuple[Int64s, Int64s]:
    """Where rows start and stop, int64[m] each, kept inside the data whatever the offsets say."""
    if rows is None:
        rows = np.arange(len(strings), dtype=np.int32)
    starts, stops = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    if not _find_spans(strings.offsets, rows, len(strings.data), starts, stops):
        raise IndexError(f"a row outside of 0…{len(strings) - 1}")
    return starts, stops


def fold_spans(data: Uint8s, starts: Int64s, stops: Int64s, of_host: bool) -> Folded:
    """The same of messages or hosts that are data[starts[i]:stops[i]], int64[m] each."""
    count, table = len(starts), host_table() if of_host else text_table()
    # Room for the worst case; pages that aren't written to are never there.
    out = np.empty(int(stops.sum() - starts.sum()) * table.growth, np.int32)
    offsets, disguised, shape = np.zeros(count + 1, np.int32), np.empty(count, np.int32), np.empty(count, np.uint64)
    end = _fold_rows(
        data, starts, stops, table.codes, table.expansions, out, offsets, disguised, shape.view(np.int64)
    )  # fmt: skip
    return Folded(offsets, out[:end], disguised, shape)


@kernel(IN_I32, IN_I32, INT, OUT_I64, OUT_I64)
def _find_spans(offsets: Int32s, rows: Int32s, size: int, starts: Int64s, stops: Int64s) -> bool:
    for i in range(len(rows)):
        row = rows[i]
        if row < 0 or row >= len(offsets) - 1:
            return False
        starts[i] = min(max(offsets[row], 0), size)
        stops[i] = max(min(offsets[row + 1], size), starts[i])
    return True


@kernel(IN_U8, IN_I64, IN_I64, IN_I32, TABLE_I32, OUT_I32, OUT_I32, OUT_I32, OUT_I64)
def _fold_rows(
    data: Uint8s,
    starts: Int64s,
    stops: Int64s,
    codes: Int32s,
    expansions: Int32s,
    out: Int32s,
    offsets: Int32s,
    disguised: Int32s,
    shapes: Int64s,
) -> int:
    """Folds the rows one after the other into `out`; gives its end.

    Han and ASCII that become one character without a mark, nearly all there is, are handled in the loop itself.
    `points` is where punctuation begins that goes again unless ASCII follows (-1: none).
    """
    end = 0
    for row in range(len(starts)):
        at, stop, begin = starts[row], stops[row], end
        points, wide, marks, after_symbol = -1, 0, 0, False
        shape: Any = _MIX
        while at < stop:
            lead: Any = np.int64(data[at])
            if lead < 0x80:
                at += 1
                entry: Any = np.int64(codes[lead])
                if 0 < entry < 0x80:
                    out[end] = entry
                    end, points, after_symbol = end + 1, -1, False
                    continue
            else:
                code: Any = _three_bytes(data, at, stop, lead)
                width = 3
                if code < 0x800:
                    code, width = _decode(data, at, stop, lead)
                at += width
                entry = np.int64(codes[code]) if code < TABLE_SIZE else SYMBOL
                if 0x800 <= entry < 0x10000:
                    if points >= 0:
                        end, points = points, -1
                    out[end] = entry
                    end += 1
                    wide += 1
                    shape, after_symbol = (shape ^ np.uint64(entry)) * _MIX, False
                    continue
            if entry & POINT:
                if points < 0 and (end == begin or out[end - 1] >= 0x80):
                    points = end
                out[end] = entry & CODE_MASK
                end, after_symbol = end + 1, False
                continue
            if entry & DISGUISE or (entry & ZERO_WIDTH and not after_symbol):
                marks += 1
            after_symbol = entry & SYMBOL != 0 or (entry & ZERO_WIDTH != 0 and after_symbol)
            for step in range(EXPANSION_MAX if entry & EXPANDS else 1):
                code = np.int64(expansions[entry & CODE_MASK, step]) if entry & EXPANDS else entry & CODE_MASK
                if code == 0:
                    break
                if code >= 0x80:
                    end = points if points >= 0 else end
                    wide += 1
                    shape = (shape ^ np.uint64(code)) * _MIX
                points = -1
                out[end] = code
                end += 1
        end = points if points >= 0 else end
        shape ^= shape >> _SHIFT
        offsets[row + 1], disguised[row] = end, marks
        shapes[row] = 0 if wide < SHAPE_MIN else np.int64(shape) if shape else 1
    return end


@inlined
def _three_bytes(data: Uint8s, at: int, stop: int, lead: int) -> int:
    """Code point of three bytes that begin with `lead`, something below 0x800 if it isn't one."""
    if not (0xE0 <= lead < 0xF0 and at + 2 < stop):
        return 0
    second, third = np.int64(data[at + 1]), np.int64(data[at + 2])
    if second & 0xC0 != 0x80 or third & 0xC0 != 0x80:
        return 0
    return int((lead & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F)


@helper
def _decode(data: Uint8s, at: int, stop: int, lead: int) -> tuple[int, int]:
    """Code point of two or four bytes that begins with `lead`, and its bytes; UNREADABLE and 1 where it isn't UTF-8."""
    if 0xC2 <= lead < 0xE0 and at + 1 < stop and data[at + 1] & 0xC0 == 0x80:
        return (lead & 0x1F) << 6 | int(np.int64(data[at + 1] & 0x3F)), 2
    if not (0xF0 <= lead < 0xF5 and at + 3 < stop):
        return UNREADABLE, 1
    code: Any = (lead & 0x07) << 18
    for i in range(1, 4):
        if data[at + i] & 0xC0 != 0x80:
            return UNREADABLE, 1
        code |= np.int64(data[at + i] & 0x3F) << 6 * (3 - i)
    return (code, 4) if 0x10000 <= code < 0x110000 else (UNREADABLE, 1)


@kernel(IN_I32, IN_I32, IN_I64, OUT_U8, OUT_I32)
def _encode(codes: Int32s, offsets: Int32s, rows: Int64s, out: Uint8s, offsets_out: Int32s) -> int:
    end = 0
    for i in range(len(rows)):
        for at in range(offsets[rows[i]], offsets[rows[i] + 1]):
            code = np.int64(codes[at])
            if code < 0x80:
                out[end] = code
                end += 1
            elif 0x800 <= code < 0x10000:
                out[end] = 0xE0 | code >> 12
                out[end + 1] = 0x80 | code >> 6 & 0x3F
                out[end + 2] = 0x80 | code & 0x3F
                end += 3
            else:
                end = _put_rare(out, end, code)
        out[end] = NEWLINE
        end += 1
        offsets_out[i + 1] = end
    return end


@helper
def _put_rare(out: Uint8s, end: int, code: int) -> int:
    """Writes a code of two or four bytes as UTF-8; gives the new end."""
    if code < 0x800:
        out[end] = 0xC0 | code >> 6
        out[end + 1] = 0x80 | code & 0x3F
        return end + 2
    out[end] = 0xF0 | code >> 18
    out[end + 1] = 0x80 | code >> 12 & 0x3F
    out[end + 2] = 0x80 | code >> 6 & 0x3F
    out[end + 3] = 0x80 | code & 0x3F
    return end + 4
