"""Groups of near-equal texts, and the group that each text belongs to.

Enters: sketches of texts (simhash) in arrival order. Leaves: per text its wording, the simhash of its group's founder.
Invariants: what a text gets depends on the texts before it alone, never on how the stream was cut into batches; memory
is fixed.

A text joins the nearest founder that differs from it in at most BITS_MAX of 64 bits, of equally near ones the one with
the smaller simhash; without one it founds a group. Founders are looked for where the text's anchors lead: an anchor
leads to the PLACES founders last used by it, as long as WORDING_KEPT_MS after that, and whoever joins a group leaves
its founder under their own anchors too. The places of an anchor are a line of memory, which others may have to share:
in a full line an anchor with two founders gives one up, the one used longest ago; only then one with a single founder.

Why 10 bits: 40 waves of 50 scam texts and adverts were sent among 24,000 other texts, each with a name, greeting or
good-bye of its own, and three symbols, digits or letters strewn in. The largest group held 42 % of its wave with 3
bits, 81 with 8, 89 with 10, 94 with 12; equal shapes held 30. Of 10,000 texts that joined a group, 0, 4, 37 and 147
share less than half of their pairs of characters with its first text, mostly one pattern that was filled in otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from interceptor.config import WORDING_KEPT_MS
from interceptor.kernels import (
    AHEAD,
    IN_BOOL,
    IN_I64,
    INT,
    LINE_BYTES,
    OUT_I64,
    TABLE,
    Bools,
    Int64s,
    Uint64s,
    helper,
    kernel,
    prefetch,
    table,
)
from interceptor.simhash import SKETCH_WORDS, different_bits
from interceptor.state import State, array_of, checked, nested, rows_put_back, rows_taken, within

BITS_MAX = 10
PLACES = 4  # founders in a line
LINE_WORDS = LINE_BYTES // 8

_FOUNDER, _USE = 0, 1  # words of a place: simhash, 0 = free; when it was last used, and 16 bits of the anchor
_TAG_BITS = 16
_TAG_MASK = (1 << _TAG_BITS) - 1


class Wordings:
    """The founders of one stream's groups: up to `places_max` places of 16 bytes, at most ANCHORS for each text."""

    def __init__(self, places_max: int) -> None:
        if places_max < PLACES:
            raise ValueError(f"places_max is {places_max}, must be at least {PLACES}")
        # A power of two. Pages that nobody wrote to take no memory.
        self._lines = table(1 << (places_max // PLACES).bit_length() - 1, LINE_WORDS)
        self._evicted = np.zeros(1, np.int64)

    @property
    def evicted(self) -> int:
        """Anchors that lost their last founder for want of room while it might still have been joined."""
        return int(self._evicted[0])

    def taken(self) -> State:
        """Its state: the lines that hold anything. A line is filled from its first place on."""
        return {"evicted": self._evicted.copy()} | nested({"lines": rows_taken(self._lines)})

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on where other groups were. Raises StateMisfit, also where those had another `places_max`."""
        lines = rows_put_back(within(state, "lines"), LINE_WORDS)
        checked(len(lines) == len(self._lines), f"{len(lines):,} lines of founders, here are {len(self._lines):,}")
        self._evicted, self._lines = array_of(state, "evicted", np.int64, rows=1).copy(), lines

    def apply(self, texts: Int64s, ts_ms: Int64s, founding: Bools) -> Uint64s:
        """uint64[m]: the wording of each text, by its sketch (int64[m, SKETCH_WORDS]), 0 = none (too short). Texts that
        aren't `founding` leave no trace: they find their group, or have none."""
        out = np.zeros(len(texts), np.int64)
        _join(texts, ts_ms, founding, BITS_MAX, WORDING_KEPT_MS, self._lines, self._evicted, out)
        return out.view(np.uint64)


@helper
def _line_of(lines: Int64s, anchor: int) -> np.int64:
    return np.int64(anchor) >> 2 & len(lines) - 1  # an anchor's lowest bits say which of ANCHORS it is


@helper
def _tag_of(anchor: int) -> np.int64:
    return np.int64(anchor) >> 64 - _TAG_BITS & _TAG_MASK


@helper
def _nearest(lines: Int64s, texts: Int64s, row: int, ts_ms: int, bits_max: int, kept_ms: int) -> np.int64:
    """The founder whose group a text joins, 0 = none. (Views of lines and texts would be counted, at 5 ns each.)"""
    best: Any = np.int64(0)
    best_bits: Any = np.int64(bits_max + 1)
    for number in range(1, SKETCH_WORDS):
        anchor = texts[row, number]
        if anchor == 0:
            continue
        line = _line_of(lines, anchor)
        for place in range(0, LINE_WORDS, 2):
            founder = lines[line, place + _FOUNDER]
            if founder == 0:
                break
            bits = different_bits(founder, texts[row, 0])
            if bits > best_bits or ts_ms - (lines[line, place + _USE] >> _TAG_BITS) > kept_ms:
                continue
            if bits < best_bits or np.uint64(founder) < np.uint64(best):
                best, best_bits = founder, bits
    return best


@helper
def _is_spare(lines: Int64s, line: int, at: int, tag: int) -> bool:
    """Whether the anchor of a place has another one in the line, or is the one that asks, whose tag is given."""
    own = lines[line, at + _USE] & _TAG_MASK
    shared = own == tag
    for place in range(0, LINE_WORDS, 2):
        shared |= place != at and lines[line, place + _USE] & _TAG_MASK == own
    return shared


@helper
def _remember(lines: Int64s, line: int, founder: int, ts_ms: int, tag: int, kept_ms: int) -> bool:
    """A founder is used by an anchor: in its own place, if it has one in the line, else in a free one, else in the
    spare one used longest ago, else just in that. Whether an anchor lost its last founder by it."""
    taken, was_spare = np.int64(0), False
    for place in range(0, LINE_WORDS, 2):
        known = lines[line, place + _FOUNDER]
        if known == founder:
            used_ms = max(lines[line, place + _USE] >> _TAG_BITS, ts_ms)
            lines[line, place + _USE] = used_ms << _TAG_BITS | tag
            return False
        if known == 0:
            lines[line, place + _FOUNDER], lines[line, place + _USE] = founder, ts_ms << _TAG_BITS | tag
            return False
    for place in range(0, LINE_WORDS, 2):
        spare = _is_spare(lines, line, place, tag)
        older = lines[line, place + _USE] >> _TAG_BITS < lines[line, taken + _USE] >> _TAG_BITS
        if (spare and not was_spare) or (spare == was_spare and older):
            taken, was_spare = np.int64(place), spare
    lately = ts_ms - (lines[line, taken + _USE] >> _TAG_BITS) <= kept_ms
    lines[line, taken + _FOUNDER], lines[line, taken + _USE] = founder, ts_ms << _TAG_BITS | tag
    return lately and not was_spare


@kernel(TABLE, IN_I64, IN_BOOL, INT, INT, TABLE, OUT_I64, OUT_I64)
def _join(
    texts: Int64s,
    ts_ms: Int64s,
    founding: Bools,
    bits_max: int,
    kept_ms: int,
    lines: Int64s,
    evicted: Int64s,
    out: Int64s,
) -> None:
    for row in range(len(texts)):
        if row + AHEAD < len(texts):
            for number in range(1, SKETCH_WORDS):
                prefetch(lines, _line_of(lines, texts[row + AHEAD, number]))
        if texts[row, 0] == 0:
            continue
        found: Any = _nearest(lines, texts, row, ts_ms[row], bits_max, kept_ms)
        if founding[row]:
            found = found if found else texts[row, 0]
            for number in range(1, SKETCH_WORDS):
                anchor = texts[row, number]
                if anchor != 0:
                    line = _line_of(lines, anchor)
                    evicted[0] += _remember(lines, line, found, ts_ms[row], _tag_of(anchor), kept_ms)
        out[row] = found
