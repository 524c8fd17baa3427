"""Many words at once: in which rows of folded text does any word of a set occur?

Enters: folded words with the numbers of their sets, and folded rows. Leaves: hits, a byte for each set and row.
Invariant: a row's hits depend on that row alone.

Each word is looked for by two neighbouring characters of it, those that fewest words share, or by its only one. The
text is read once, character by character; where its last two characters lead to words, these are compared with it.
Hyperscan is as fast where nothing occurs, but reports each occurrence to Python, 300 ns each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from interceptor.folding import Folded
from interceptor.kernels import IN_I32, IN_U8, INT, OUT_U8, TABLE_I32, Bools, Int32s, Uint8s, helper, kernel

_CHARACTER_BITS = 21
_CHARACTER_MASK = (1 << _CHARACTER_BITS) - 1
_FACTOR = 0x9E3779B97F4A7C15
_SLOT_BITS_MIN = 10
_SPARSE = 3  # log₂ of slots for each word
_SET, _BEGIN, _LENGTH, _BEFORE = 0, 1, 2, 3  # of a word: its place in the pool, bytes up to the end of its pair


class Literals:
    """Words (folded, not empty, as UTF-8) with the numbers of their sets."""

    def __init__(self, words: Sequence[tuple[bytes, int]]) -> None:
        texts = [word.decode() for word, _ in words]
        common = Counter(pair for text in texts for pair in set(_pairs(text)))
        bits = max(_SLOT_BITS_MIN, len(words).bit_length() + _SPARSE)
        self._shift = 64 - bits
        self._singles = any(len(text) == 1 for text in texts)
        ends = np.cumsum([0, *(len(word) for word, _ in words)])
        slots, rows = [], []
        for (word, number), text, begin in zip(words, texts, ends[:-1].tolist(), strict=True):
            pair = min(_pairs(text), key=lambda pair: (common[pair], pair))
            slots.append((_gram(pair) * _FACTOR & (1 << 64) - 1) >> self._shift)
            before = len(text[: text.index(pair) + len(pair)].encode())
            rows.append((number, begin, len(word), before))
        order = np.argsort(slots, kind="stable")
        self._heads = np.searchsorted(np.array(slots)[order], np.arange((1 << bits) + 1)).astype(np.int32)
        self._words = np.array(rows, np.int32)[order]
        self._pool = np.frombuffer(b"".join(word for word, _ in words), np.uint8)

    def scan(self, folded: Folded, found: Bools) -> None:
        """Sets found[set, row], bool[sets, m], where a word of the set occurs in the row."""
        flat = found.reshape(-1).view(np.uint8)
        _find(
            folded.data, folded.offsets, self._heads, self._words, self._pool, self._shift, int(self._singles), flat
        )  # fmt: skip


def _pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)] or [text]


def _gram(characters: str) -> int:
    before = ord(characters[-2]) if len(characters) > 1 else 0
    return before << _CHARACTER_BITS | ord(characters[-1])


@kernel(IN_U8, IN_I32, IN_I32, TABLE_I32, IN_U8, INT, INT, OUT_U8)
def _find(
    data: Uint8s, offsets: Int32s, heads: Int32s, words: Int32s, pool: Uint8s, shift: int, singles: int, found: Uint8s
) -> None:
    rows = len(offsets) - 1
    for row in range(rows):
        begin, end = np.int64(offsets[row]), np.int64(offsets[row + 1]) - 1
        at, gram = begin, np.int64(0)
        while at < end:
            lead: Any = np.int64(data[at])
            at += 1
            if lead >= 0x80:
                lead &= 0x1F
                while data[at] & 0xC0 == 0x80:  # the row ends with a newline
                    lead = lead << 6 | np.int64(data[at] & 0x3F)
                    at += 1
            gram = (gram & _CHARACTER_MASK) << _CHARACTER_BITS | lead & _CHARACTER_MASK
            slot = np.int64(np.uint64(gram) * np.uint64(_FACTOR) >> np.uint64(shift))
            for number in range(heads[slot], heads[slot + 1]):
                _compare(data, words, number, pool, begin, at, end, found, rows, row)
            if singles:
                slot = np.int64(np.uint64(lead & _CHARACTER_MASK) * np.uint64(_FACTOR) >> np.uint64(shift))
                for number in range(heads[slot], heads[slot + 1]):
                    _compare(data, words, number, pool, begin, at, end, found, rows, row)


@helper
def _compare(
    data: Uint8s,
    words: Int32s,
    number: int,
    pool: Uint8s,
    begin: int,
    at: int,
    end: int,
    found: Uint8s,
    rows: int,
    row: int,
) -> None:
    """Notes a word if the row has it where the pair by which it is looked for ends at `at`."""
    start = at - words[number, _BEFORE]
    length = np.int64(words[number, _LENGTH])
    hit = np.int64(words[number, _SET]) * rows + row
    if found[hit] or start < begin or start + length > end:
        return
    first = np.int64(words[number, _BEGIN])
    for i in range(length):
        if data[start + i] != pool[first + i]:
            return
    found[hit] = 1
