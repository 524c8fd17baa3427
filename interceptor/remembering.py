"""Answers remembered by text.

Enters: texts, and the answers to those that aren't known. Leaves: the answers. Invariants: an answer comes out for
exactly the bytes that it was kept for; memory is fixed.

A text has one place, by its hash; who comes there last, stays. Of equal texts that come together, the first is asked.
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
# Words of a place: the text's hash, 0 = free; its bytes; while its answer isn't there, which question it is and of
# which turn, else -1. The answer and the text follow.
_HASH, _SIZE, _QUESTION, _HEAD = 0, 1, 2, 3
_TURN_BITS = 32
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Memory:
    """Answers of `width` words to texts of up to `text_bytes` bytes, in up to `bytes_max` bytes."""

    def __init__(self, text_bytes: int, width: int, bytes_max: int) -> None:
        words = -(-(_HEAD + width + -(-text_bytes // _WORD)) // _LINE) * _LINE
        self._text_bytes = text_bytes
        self._places = table(1 << max(0, (bytes_max // (words * _WORD)).bit_length() - 1), words)
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
            data, starts, stops, hashes, self._places, self._places.reshape(-1, _LINE), self._turn, self._text_bytes,
            answers, self._asked, unknown, self._place_of,
        )  # fmt: skip
        return unknown[:asked]

    def keep(self, told: Int64s, answers: Int64s) -> None:
        """Answers int64[k, width] to the texts that `recall` asked about last: remembered, and filled in."""
        _keep(told, self._asked, self._place_of, self._turn, self._places, answers)


@kernel(IN_U8, IN_I64, IN_I64, OUT_I64, TABLE, TABLE, INT, INT, TABLE, OUT_I64, OUT_I64, OUT_I64)
def _recall(
    data: Uint8s,
    starts: Int64s,
    stops: Int64s,
    hashes: Int64s,
    places: Int64s,
    lines: Int64s,
    turn: int,
    text_bytes: int,
    answers: Int64s,
    asked: Int64s,
    unknown: Int64s,
    place_of: Int64s,
) -> int:
    mask, width, count = len(places) - 1, answers.shape[1], 0
    for row in range(len(starts)):
        hashes[row] = _hash(data, starts[row], stops[row])
    for row in range(len(starts)):
        if row + AHEAD < len(starts):
            ahead = row + AHEAD
            first = (hashes[ahead] & mask) * (places.shape[1] // _LINE)
            held = _HEAD + width + min(stops[ahead] - starts[ahead], text_bytes) // _WORD
            for line in range(first, first + held // _LINE + 1):
                prefetch(lines, line)
        place, size = hashes[row] & mask, stops[row] - starts[row]
        asked[row] = -1
        if places[place, _HASH] == hashes[row] and places[place, _SIZE] == size:
            question = places[place, _QUESTION]
            known = question == -1 or question >> _TURN_BITS == turn
            if known and _is_same(data, starts[row], size, places, place, _HEAD + width):
                if question == -1:
                    for word in range(width):
                        answers[row, word] = places[place, _HEAD + word]
                else:
                    asked[row] = question & (1 << _TURN_BITS) - 1
                continue
        asked[row], unknown[count], place_of[count] = count, row, -1
        if size <= text_bytes:
            place_of[count] = place
            places[place, _HASH], places[place, _SIZE] = hashes[row], size
            places[place, _QUESTION] = turn << _TURN_BITS | count
            for word in range((size + _WORD - 1) // _WORD):
                places[place, _HEAD + width + word] = _word(data, starts[row], size, word)
        count += 1
    return count


@kernel(TABLE, IN_I64, IN_I64, INT, TABLE, TABLE)
def _keep(told: Int64s, asked: Int64s, place_of: Int64s, turn: int, places: Int64s, answers: Int64s) -> None:
    width = told.shape[1]
    for row in range(len(answers)):
        if asked[row] >= 0:
            for word in range(width):
                answers[row, word] = told[asked[row], word]
    for number in range(len(told)):
        place = place_of[number]
        if place >= 0 and places[place, _QUESTION] == turn << _TURN_BITS | number:  # no other text has it by now
            for word in range(width):
                places[place, _HEAD + word] = told[number, word]
            places[place, _QUESTION] = -1


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
def _is_same(data: Uint8s, start: int, size: int, places: Int64s, place: int, first: int) -> bool:
    for word in range((size + _WORD - 1) // _WORD):
        if places[place, first + word] != _word(data, start, size, word):
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
