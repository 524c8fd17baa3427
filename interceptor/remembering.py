"""Answers remembered by text.

Enters: texts, and the answers to those that aren't known. Leaves: the answers. Invariants: an answer comes out for
exactly the bytes that it was kept for; memory is fixed.

A text has one of two places, by its hash; who comes there takes that of the one that was asked for longer ago. Of equal
texts that come together, the first is asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interceptor.kernels import (
    AHEAD,
    IN_I64,
    IN_U8,
    INT,
    LINE_BYTES,
    OUT_I64,
    TABLE,
    Int64s,
    Uint8s,
    helper,
    inlined,
    kernel,
    prefetch,
    table,
    word_at,
)
from interceptor.tables import mixed

_WORD = 8
_LINE = LINE_BYTES // _WORD
# A line for each two places: of both, the text's hash, 0 = free; its bytes; while its answer isn't there, which
# question it is and of which turn, else -1; and which of the two was asked for last. What they hold stands elsewhere:
# first the answer, then the text.
_HASH, _SIZE, _QUESTION, _OTHER, _LAST = 0, 1, 2, 3, 6
_TURN_BITS = 32
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Memory:
    """Answers of `width` words to texts of up to `text_bytes` bytes, in up to `bytes_max` bytes, or for two texts."""

    def __init__(self, text_bytes: int, width: int, bytes_max: int) -> None:
        words = -(-(width + -(-text_bytes // _WORD)) // _LINE) * _LINE
        pairs = 1 << max(1, bytes_max // ((_LINE + 2 * words) * _WORD)).bit_length() - 1
        self._text_bytes = text_bytes
        self._pairs, self._held = table(pairs, _LINE), table(2 * pairs, words)
        self._turn = 0
        self._asked: Int64s = np.zeros(0, np.int64)
        self._place_of: Int64s = np.zeros(0, np.int64)

    def recall(self, data: Uint8s, starts: Int64s, stops: Int64s, answers: Int64s) -> Int64s:
        """Fills in what is known of some texts, int64[m, width]. int64[k]: texts to ask about, each once; `keep` wants
        their answers in this order."""
        count = len(starts)
        self._turn += 1
        hashes, unknown = np.empty(count, np.int64), np.empty(count, np.int64)
        self._asked, self._place_of = np.empty(count, np.int64), np.empty(count, np.int64)
        asked = _recall(
            data, starts, stops, hashes, self._pairs, self._held, self._held.reshape(-1, _LINE), self._turn,
            self._text_bytes, answers, self._asked, unknown, self._place_of,
        )  # fmt: skip
        return unknown[:asked]

    def keep(self, told: Int64s, answers: Int64s) -> None:
        """Answers int64[k, width] to the texts that `recall` asked about last: remembered, and filled in."""
        _keep(told, self._asked, self._place_of, self._turn, self._pairs, self._held, answers)


@kernel(IN_U8, IN_I64, IN_I64, OUT_I64, TABLE, TABLE, TABLE, INT, INT, TABLE, OUT_I64, OUT_I64, OUT_I64)
def _recall(
    data: Uint8s,
    starts: Int64s,
    stops: Int64s,
    hashes: Int64s,
    pairs: Int64s,
    held: Int64s,
    lines: Int64s,
    turn: int,
    text_bytes: int,
    answers: Int64s,
    asked: Int64s,
    unknown: Int64s,
    place_of: Int64s,
) -> int:
    mask, width, count = len(pairs) - 1, answers.shape[1], 0
    for row in range(len(starts)):
        hashes[row] = _hash(data, starts[row], stops[row])
    for row in range(len(starts)):
        if row + 2 * AHEAD < len(starts):
            prefetch(pairs, hashes[row + 2 * AHEAD] & mask)
        if row + AHEAD < len(starts):
            ahead = row + AHEAD
            size = min(stops[ahead] - starts[ahead], text_bytes)
            _prefetch_held(pairs, held, lines, hashes[ahead], mask, width + size // _WORD)
        pair, size = hashes[row] & mask, stops[row] - starts[row]
        side = _side_of(pairs, pair, hashes[row])
        at, place = side * _OTHER, 2 * pair + side
        asked[row] = -1
        if pairs[pair, at + _HASH] == hashes[row] and pairs[pair, at + _SIZE] == size:
            question = pairs[pair, at + _QUESTION]
            known = question == -1 or question >> _TURN_BITS == turn
            if known and _is_same(data, starts[row], size, held, place, width):
                pairs[pair, _LAST] = side
                if question == -1:
                    for word in range(width):
                        answers[row, word] = held[place, word]
                else:
                    asked[row] = question & (1 << _TURN_BITS) - 1
                continue
        asked[row], unknown[count], place_of[count] = count, row, -1
        if size <= text_bytes:
            place_of[count] = place
            pairs[pair, at + _HASH], pairs[pair, at + _SIZE], pairs[pair, _LAST] = hashes[row], size, side
            pairs[pair, at + _QUESTION] = turn << _TURN_BITS | count
            for word in range((size + _WORD - 1) // _WORD):
                held[place, width + word] = _word(data, starts[row], size, word)
        count += 1
    return count


@kernel(TABLE, IN_I64, IN_I64, INT, TABLE, TABLE, TABLE)
def _keep(
    told: Int64s, asked: Int64s, place_of: Int64s, turn: int, pairs: Int64s, held: Int64s, answers: Int64s
) -> None:
    width = told.shape[1]
    for row in range(len(answers)):
        if asked[row] >= 0:
            for word in range(width):
                answers[row, word] = told[asked[row], word]
    for number in range(len(told)):
        place = place_of[number]
        at = (place & 1) * _OTHER + _QUESTION
        if place >= 0 and pairs[place >> 1, at] == turn << _TURN_BITS | number:  # no other text has it by now
            for word in range(width):
                held[place, word] = told[number, word]
            pairs[place >> 1, at] = -1


@inlined
def _side_of(pairs: Int64s, pair: int, hash_: int) -> np.int64:
    """Which of two places a text has, or may take."""
    if pairs[pair, _HASH] == hash_:
        return np.int64(0)
    if pairs[pair, _OTHER + _HASH] == hash_:
        return np.int64(1)
    return np.int64(1 - pairs[pair, _LAST])


@inlined
def _prefetch_held(pairs: Int64s, held: Int64s, lines: Int64s, hash_: int, mask: int, words: int) -> None:
    pair = hash_ & mask
    first = (2 * pair + _side_of(pairs, pair, hash_)) * (held.shape[1] // _LINE)
    for line in range(first, first + words // _LINE + 1):
        prefetch(lines, line)


@helper
def _hash(data: Uint8s, start: int, stop: int) -> np.int64:
    """Never 0."""
    size = stop - start
    found: Any = np.uint64(size + 1)
    for word in range((size + _WORD - 1) // _WORD):
        found = (found ^ np.uint64(_word(data, start, size, word))) * _FACTOR
        found ^= found >> np.uint64(32)
    return np.int64(mixed(np.int64(found)) | 1 << 62)


@inlined
def _is_same(data: Uint8s, start: int, size: int, held: Int64s, place: int, first: int) -> bool:
    for word in range((size + _WORD - 1) // _WORD):
        if held[place, first + word] != _word(data, start, size, word):
            return False
    return True


@inlined
def _word(data: Uint8s, start: int, size: int, word: int) -> np.int64:
    """Eight bytes of a text: the last ones where fewer follow, all where there are fewer."""
    if size >= _WORD:
        return np.int64(word_at(data, start + min(word * _WORD, size - _WORD)))
    found: Any = np.int64(0)
    for i in range(size):
        found |= np.int64(data[start + i]) << 8 * i
    return np.int64(found)
