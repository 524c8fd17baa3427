"""Expressions, by Hyperscan, each on the rows that have what it needs.

Enters: expressions with the numbers of their sets; folded rows, with bits that say which needs are there. Leaves: the
bits of the sets. Invariant: a row's bits depend on that row alone, although all rows are scanned as one buffer.

Most messages have nothing of what any expression needs (`needed`), and `literals` looks for words at a fraction of the
price. Hyperscan tells Python of each match, 300 ns each: so it isn't asked about words at all.

An expression that may match a newline could begin in one row and end in the next. What such a *wide* one hits is looked
at again, row by row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import hyperscan
import numpy as np

from interceptor.needed import NEEDS_MAX, TOKEN, Need, needs

if TYPE_CHECKING:
    from interceptor.folding import Folded
    from interceptor.kernels import Int64s

FLAGS = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_CASELESS
_NEVER_NEWLINE = (r"\d", r"\w", r"\b", r"\B", r"\S")  # nor does punctuation after a backslash
_ID_BITS = 24  # as row_bits has it
_WORD_BITS = 64

Patterns = dict[tuple[bytes, int], int]  # (expression, id) → flags


class Expressions:
    """Expressions with the numbers of their sets, whose bits are in the first `set_words` words of a row. Raises
    hyperscan.error.

    The bits of needs are in layers: the first need of each expression, then the second … An expression is tried where
    all layers have its bit. `begin` int64[words]: a row of which nothing is known yet. `words` and `runs`: what to look
    for, with the number of its bit.
    """

    def __init__(self, expressions: Sequence[tuple[str, int]], set_words: int) -> None:
        self._set_words = set_words
        self.words, self.runs = list[tuple[str, int]](), list[tuple[int, int]]()
        needed = {one: needs(one[0]) for one in expressions}
        needy = [one for one in expressions if needed[one]]
        self._layer_words = -(-len(needy) // _WORD_BITS)
        self.begin: Int64s = np.zeros(set_words + NEEDS_MAX * self._layer_words, np.int64)
        for number, one in enumerate(needy):
            for layer in range(NEEDS_MAX):
                word = set_words + layer * self._layer_words + number // _WORD_BITS
                if layer < len(needed[one]):
                    self._look_for(needed[one][layer], word * _WORD_BITS + number % _WORD_BITS)
                else:
                    self.begin[word] |= np.int64(np.uint64(1) << np.uint64(number % _WORD_BITS))
        self._everywhere = compiled(_patterns(one for one in expressions if not needed[one]))
        self._where_needed = compiled(_patterns(needy))
        self._wide = compiled({key: flags for key, flags in _patterns(expressions).items() if key[1] & 1})

    def _look_for(self, need: Need, bit: int) -> None:
        self.words += [(word, bit) for word in sorted(need.words)]
        self.runs += [(need.digits, bit)] if need.digits else []

    def mark(self, folded: Folded, bits: Int64s) -> None:
        """Sets the bits of the sets, int64[m, …], where an expression of theirs matches."""
        from interceptor.row_bits import complete  # brings the kernels: not for a set without patterns

        rows = np.arange(len(folded))
        if self._everywhere is not None and len(rows):
            self._scan(self._everywhere, folded, rows, bits)
        if self._where_needed is not None and len(rows):
            count = complete(bits, self._set_words, self._layer_words, rows)
            if count:
                self._scan(self._where_needed, folded, rows[:count], bits)

    def _scan(self, database: hyperscan.Database, folded: Folded, rows: Int64s, bits: Int64s) -> None:
        from interceptor.row_bits import note

        encoded = folded.utf8(rows)
        matches = _matches(database, encoded.data)
        unsure = np.empty(len(matches), np.int64)
        for i in unsure[: note(matches, encoded.offsets, rows, bits, unsure)].tolist():
            alone = encoded.data[encoded.offsets[i] : encoded.offsets[i + 1] - 1]
            if self._wide is not None and len(alone):
                again = _matches(self._wide, alone) & ~np.int64(1)  # certain now
                note(again, np.array([0, len(alone)], np.int32), rows[i : i + 1], bits, unsure)


def compiled(patterns: Patterns) -> hyperscan.Database | None:
    """One database for {(expression, id): flags}; None where there are none. Raises hyperscan.error."""
    if not patterns:
        return None
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    expressions, ids = zip(*patterns, strict=True)
    database.compile(expressions=expressions, ids=ids, flags=list(patterns.values()))
    return database


def _patterns(expressions: Iterable[tuple[str, int]]) -> Patterns:
    """An id is twice the number of the set, and 1 if the expression may match a newline."""
    return {(one.encode(), number << 1 | may_match_newline(one)): FLAGS for one, number in expressions}


def _matches(database: hyperscan.Database, data: np.ndarray) -> Int64s:
    """Where each match ends, and its id."""
    found: list[int] = []
    add = found.append

    def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
        add(end << _ID_BITS | number)

    database.scan(data, match_event_handler=on_match)  # type: ignore[type-var]  # any buffer will do
    return np.array(found, np.int64)


def may_match_newline(expression: str) -> bool:
    """False only where it surely can't: no negated class, no class or escape that may hold it, no dot for all."""
    for token in TOKEN.findall(expression):
        if token.startswith("[") and len(token) > 1:
            inner = re.findall(r"\\.|\[:\^?\w+:\]|.", token[1:-1], re.DOTALL)
            if token.startswith("[^") or any(map(_holds_newline, inner)):
                return True
        elif token.startswith("(?"):
            if "s" in token:
                return True
        elif _holds_newline(token):
            return True
    return False


def _holds_newline(token: str) -> bool:
    if token.startswith("\\") and len(token) == 2:
        return token not in _NEVER_NEWLINE and token[1].isalnum()
    return token.startswith("[:") or token < " "
