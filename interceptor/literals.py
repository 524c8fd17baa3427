"""Many words at once: which sets of words have one that occurs in a row of folded text?

Enters: folded words and lengths of runs of digits, with the numbers of their sets; folded rows. Leaves: for each row a
bit for each set. Invariant: a row's bits depend on that row alone.

Each word is looked for by two neighbouring characters of it, those that fewest words share, or by its only one. The
text is read once, character by character; a bit map says of nearly all pairs that no word is looked for by them. Where
it doesn't, words are compared with the text.

Measured with the 1,600 words of the shipped rules (570 of them only say where an expression may match), messages of 29
characters of which 8 words occur, one core: 320 ns a message, 110 of them for the way along the text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from interceptor.folding import Folded
from interceptor.kernels import (
    IN_I32,
    IN_I64,
    IN_U8,
    TABLE,
    Int32s,
    Int64s,
    Uint8s,
    Uint64s,
    helper,
    inlined,
    kernel,
)

RUN_MAX = 32  # a longer run of digits is as one of that many
CHARACTER_BITS = 21

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SLOT_BITS_MIN, _SLOTS_EACH = 10, 3  # log₂ of slots: at least, and for each word
_MAP_BITS_MIN, _BITS_EACH = 16, 5  # log₂ of the pairs' bit map, likewise
_SINGLES_MASK = (1 << 16) - 1
_THREE, _SEVEN = np.uint64(3), np.uint64(7)
_ZERO, _NINE = ord("0"), ord("9")
# Columns of a word: the pair it is looked for by, its begin in the pool, its characters, where in it the pair ends, its
# sets
_PAIR, _BEGIN, _LENGTH, _AT, _FIRST, _END = 0, 1, 2, 3, 4, 5
_SLOT_SHIFT, _MAP_SHIFT, _DIGITS_MIN = 0, 1, 2  # of the sizes that the kernel is told


class Literals:
    """Words (folded, not empty) and lengths of runs of ASCII digits (1 … RUN_MAX), each with the number of a set."""

    def __init__(self, words: Iterable[tuple[str, int]], runs: Iterable[tuple[int, int]] = ()) -> None:
        sets_of, sets_of_run = defaultdict[str, list[int]](list), defaultdict[int, list[int]](list)
        for word, number in words:
            sets_of[word].append(number)
        for length, number in runs:
            sets_of_run[length].append(number)
        pairs = _rarest_pairs(list(sets_of))
        grams = np.array([_gram(pair) for pair in pairs], np.uint64)
        slot_bits = max(_SLOT_BITS_MIN, len(pairs).bit_length() + _SLOTS_EACH)
        map_bits = max(_MAP_BITS_MIN, len(pairs).bit_length() + _BITS_EACH)
        self._sizes = np.array([64 - slot_bits, 64 - map_bits, min(sets_of_run, default=RUN_MAX + 1)], np.int64)
        is_single = np.array([len(pair) == 1 for pair in pairs], bool)
        hashes = grams * _FACTOR
        self._pair_map = _bit_map(hashes[~is_single] >> np.uint64(64 - map_bits), 1 << map_bits)
        self._single_map = _bit_map(grams[is_single] & np.uint64(_SINGLES_MASK), _SINGLES_MASK + 1)
        slots = (hashes >> np.uint64(64 - slot_bits)).astype(np.int64)
        order = np.argsort(slots, kind="stable")
        self._heads = np.searchsorted(slots[order], np.arange((1 << slot_bits) + 1)).astype(np.int32)
        ends_at = [word.index(pair) + len(pair) - 1 for word, pair in zip(sets_of, pairs, strict=True)]
        begins, firsts = _starts(sets_of), _starts(sets_of.values())
        columns = [grams, begins[:-1], np.diff(begins), ends_at, firsts[:-1], firsts[1:]]
        self._words = np.stack([np.array(column, np.int64) for column in columns], 1)[order]
        self._pool = np.array([ord(character) for word in sets_of for character in word], np.int32)
        of_runs = [sets_of_run[length] for length in range(RUN_MAX + 1)]
        self._runs = (_starts(of_runs) + firsts[-1]).astype(np.int32)
        self._sets = np.array([number for numbers in [*sets_of.values(), *of_runs] for number in numbers], np.int32)

    def mark(self, folded: Folded, bits: Int64s) -> None:
        """Sets bit `set % 64` of bits[row, set // 64], int64[m, …], where a word of the set occurs in the row, or as
        many digits in a row."""
        _mark(
            folded.codes, folded.offsets, self._sizes, self._pair_map, self._single_map, self._heads, self._words,
            self._pool, self._runs, self._sets, bits,
        )  # fmt: skip


def _rarest_pairs(texts: Sequence[str]) -> list[str]:
    """For each word the pair of neighbours that fewest words have."""
    common = Counter(pair for text in texts for pair in set(_pairs(text)))
    return [min(_pairs(text), key=lambda pair: (common[pair], pair)) for text in texts]


def _pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)] or [text]


def _gram(characters: str) -> int:
    before = ord(characters[-2]) if len(characters) > 1 else 0
    return before << CHARACTER_BITS | ord(characters[-1])


def _starts(parts: Iterable[Sequence[object]]) -> Int64s:
    """Where each part begins when they stand one after the other, and where the last one ends."""
    return np.cumsum([0, *map(len, parts)])


def _bit_map(places: Uint64s, size: int) -> Uint8s:
    whole = np.zeros(size, np.uint8)
    whole[places] = 1
    return np.packbits(whole, bitorder="little")


@kernel(IN_I32, IN_I32, IN_I64, IN_U8, IN_U8, IN_I32, TABLE, IN_I32, IN_I32, IN_I32, TABLE)
def _mark(
    codes: Int32s,
    offsets: Int32s,
    sizes: Int64s,
    pair_map: Uint8s,
    single_map: Uint8s,
    heads: Int32s,
    words: Int64s,
    pool: Int32s,
    runs: Int32s,
    sets: Int32s,
    bits: Int64s,
) -> None:
    """First all places of a row where a word may be, without a branch, then what is there."""
    slot_shift, map_shift, digits_min = np.uint64(sizes[_SLOT_SHIFT]), np.uint64(sizes[_MAP_SHIFT]), sizes[_DIGITS_MIN]
    places = np.empty(_longest(offsets), np.int32)
    for row in range(len(bits)):
        begin, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        before: Any = np.int64(0)
        digits, found = 0, 0
        for at in range(begin, end):
            code = np.int64(codes[at])
            bit, alone = _hashed(before << CHARACTER_BITS | code) >> map_shift, code & _SINGLES_MASK
            may_be = pair_map[bit >> _THREE] >> (bit & _SEVEN) | single_map[alone >> 3] >> (alone & 7)
            places[found] = at
            found += may_be & 1
            digits = digits + 1 if _ZERO <= code <= _NINE else 0
            if digits >= digits_min and digits <= RUN_MAX:
                _note(sets, runs[digits], runs[digits + 1], bits, row)
            before = code
        for i in range(2 * found):
            at = int(places[i >> 1])
            pair: Any = np.int64(codes[at])
            if i & 1 and at > begin:
                pair |= np.int64(codes[at - 1]) << CHARACTER_BITS
            slot = _hashed(pair) >> slot_shift
            for number in range(heads[slot], heads[slot + np.uint64(1)]):
                start = at - words[number, _AT]
                length = words[number, _LENGTH]
                if words[number, _PAIR] != pair or start < begin or start + length > end:
                    continue
                first, same = words[number, _BEGIN], 0
                while same < length and codes[start + same] == pool[first + same]:
                    same += 1
                if same == length:
                    _note(sets, words[number, _FIRST], words[number, _END], bits, row)


@inlined
def _hashed(pair: int) -> np.uint64:
    return np.uint64(pair) * _FACTOR


@helper
def _longest(offsets: Int32s) -> int:
    longest = 1
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest


@inlined
def _note(sets: Int32s, first: int, end: int, bits: Int64s, row: int) -> None:
    for i in range(first, end):
        bits[row, sets[i] >> 6] |= np.int64(1) << (sets[i] & 63)
