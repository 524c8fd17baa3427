"""What a text is like: a hash that changes little where the text does, and anchors by which to find texts like it.

Enters: folded texts. Leaves: a sketch of each. Invariant: a sketch depends on the text's characters beyond ASCII alone,
so digits, links, Latin letters and all that folding drops make no difference.

Each three neighbouring characters are a gram, and a gram has a 64-bit hash. Bit b of the simhash is what bit b of most
grams' hashes is: a changed character tips few bits. The anchors are the smallest hash of each quarter of the grams,
quartered by hash: texts with most grams in common have most anchors in common too.

Why three: of a million pairs of different texts, 730 are within 10 bits with single characters, 90 with pairs and 60
with three, which with 12 bits are what pairs are with 10; and single words of two characters are too common as anchors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core.typing import signature
from numba.extending import intrinsic

from interceptor.folding import Folded
from interceptor.kernels import IN_I32, TABLE, Int32s, Int64s, helper, inlined, kernel
from interceptor.tables import mixed

CHARACTERS_MIN = 12  # a text with fewer characters beyond ASCII has no sketch: greetings and codes would be all alike
ANCHORS = 4
SKETCH_WORDS = 1 + ANCHORS

_CHARACTER_BITS = 21
_GRAM_MASK = (1 << 3 * _CHARACTER_BITS) - 1
_PLANES = 31  # binary digits of a count of grams
_NO_ANCHOR = np.uint64(2**64 - 1)


def sketches(folded: Folded) -> Int64s:
    """int64[m, SKETCH_WORDS]: the 64 bits of each text's simhash, 0 = too short (one that comes out as 0 is made 1),
    and of its anchors, 0 = none."""
    out = np.zeros((len(folded), SKETCH_WORDS), np.int64)
    _sketch(folded.codes, folded.offsets, out)
    return out


@helper
def different_bits(one: int, other: int) -> np.int64:
    """In how many bits two 64-bit words differ."""
    return set_bits(np.int64(one) ^ np.int64(other))


@intrinsic
def set_bits(_context: Any, word: types.Integer) -> Any:  # noqa: ARG001 (numba reads the names)
    """How many bits of an int64 are set: one instruction."""

    def generate(_: Any, builder: Any, _call: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return signature(types.int64, types.int64), generate


@kernel(IN_I32, IN_I32, TABLE)
def _sketch(codes: Int32s, offsets: Int32s, out: Int64s) -> None:
    planes, anchors = np.zeros(_PLANES, np.uint64), np.zeros(ANCHORS, np.uint64)
    for row in range(len(out)):
        gram, characters, used = np.int64(0), 0, 0
        planes[:], anchors[:] = 0, _NO_ANCHOR
        for at in range(offsets[row], offsets[row + 1]):
            code = np.int64(codes[at])
            if code < 0x80:
                continue
            gram = (gram << _CHARACTER_BITS | code) & _GRAM_MASK
            characters += 1
            if characters < 3:
                continue
            hashed = np.uint64(mixed(gram))
            quarter = hashed & np.uint64(ANCHORS - 1)
            anchors[quarter] = min(anchors[quarter], hashed)
            used += (characters - 2) >> used & 1  # digits of the count so far
            _count(planes, used, hashed)
        if characters >= CHARACTERS_MIN:
            out[row, 0] = _majority(planes, used, characters - 2)
            for quarter_ in range(ANCHORS):
                anchor = anchors[quarter_]
                out[row, 1 + quarter_] = 0 if anchor == _NO_ANCHOR else np.int64(anchor)


@inlined
def _count(planes: Any, used: int, hashed: np.uint64) -> None:
    """Add one to the 64 counters where `hashed` has a bit; digit p of counter b is bit b of planes[p]."""
    carry: Any = hashed
    for place in range(used):
        planes[place], carry = planes[place] ^ carry, planes[place] & carry


@helper
def _majority(planes: Any, used: int, count: int) -> np.int64:
    """Bit b is set where counter b, of `used` digits, is over half of `count`; never 0."""
    above, equal = np.uint64(0), ~np.uint64(0)
    half = np.int64(count) >> 1
    for step in range(used):
        place = used - 1 - step
        if half >> place & 1:
            equal &= planes[place]
        else:
            above |= equal & planes[place]
            equal &= ~planes[place]
    return np.int64(above) if above else np.int64(1)
