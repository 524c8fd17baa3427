"""What programs find: which rules hit which rows, and what they compared there.

Enters: hits of a block, rule by rule. Leaves: hits by row, then rule, kind by kind; values, each once for a row however
many rules hit it. Invariant: a value that was compared is told as the rule read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import carray

from interceptor.columns import as_of_chunk, is_dense, load_reals, load_words
from interceptor.instructions import Making
from interceptor.kernels import Float64s, Int32s, Int64s, Uint64s, helper, inlined, pointer
from interceptor.rules.names import HOUR_MS, LOCAL_TIME_MS

BLOCK = 256
ROOM_MIN = 4_096  # hits

HITS, HELD, VALUES, _WANTED = range(4)  # items of `counts`
# Words about a run of a program: where what it consists of is, how much of it, how far it has come, what it found.
(CODE, CONSTANTS, LINES, TERMS, FACTORS, TERM_COUNT, INPUT_COUNT, INPUTS, ROWS, ROW_COUNT, DONE,
 HITS_END, HELD_END, VALUES_END, ABOUT) = range(15)  # fmt: skip
_INPUT, _SORT, _MAKING = 0, 1, 2  # words of a term
_REAL = 2  # as a sort
_TIMES, _PER, _OF_DAY, _SIGN = (int(Making[name]) for name in ("TIMES", "PER", "HOUR", "SIGN"))


@dataclass(frozen=True, slots=True)
class Compared:
    """What some rules compared where one of them hit: `rows` int32[g], ascending, counted from `start`; `values`
    float64[g, terms]; `places`: which of the terms are a rule's."""

    rows: np.ndarray
    values: np.ndarray
    places: Mapping[int, tuple[int, ...]]
    start: int = 0

    def of(self, row: int, rule: int) -> list[float] | None:
        """The values of a rule on a row that it hit; None where nothing is known of it here."""
        at = int(np.searchsorted(self.rows, row - self.start)) if rule in self.places else len(self.rows)
        if at == len(self.rows) or self.rows[at] != row - self.start:
            return None
        found: list[float] = self.values[at, list(self.places[rule])].tolist()
        return found

    def moved(self, by: int) -> Compared:
        """The same, on rows that stand further down."""
        return replace(self, start=self.start + by)


class Found:
    """Hits as they come, kind by kind and of each in the order of rows: `rows` and `rules` int32[m]; and what was
    compared: `held` int32[g], `values` float64[v]. Kept and cleared, since it is large."""

    def __init__(self) -> None:
        self.rows, self.rules, self.held = (np.zeros(ROOM_MIN, np.int32) for _ in range(3))
        self.values = np.zeros(ROOM_MIN, np.float64)
        self.counts = np.zeros(4, np.int64)
        self.compared: list[Compared] = []
        self.kinds = 0  # that have hits

    @property
    def hits(self) -> int:
        return int(self.counts[HITS])

    def clear(self) -> None:
        """For another chunk."""
        self.counts[:] = 0
        self.compared, self.kinds = [], 0

    def begin(self, rows: int, values: int) -> None:
        """For some runs, over so many rows altogether, with room for the values that their rules compare."""
        self.counts[HELD] = self.counts[VALUES] = 0
        if len(self.held) < rows:
            self.held = np.zeros(rows, np.int32)
        if len(self.values) < values:
            self.values = np.zeros(values, np.float64)

    def widen(self) -> None:
        """Room for the hits that are wanted."""
        hits, wanted = self.hits, int(self.counts[_WANTED])
        for name in ("rows", "rules"):
            new = np.zeros(2 * (hits + wanted), np.int32)
            new[:hits] = getattr(self, name)[:hits]
            setattr(self, name, new)

    def end(self, about: Int64s, compared: Sequence[Mapping[int, tuple[int, ...]]]) -> None:
        """Copies what was compared where rules hit; `compared`: of each run, which of its terms are a rule's."""
        if not self.counts[HELD]:
            return
        held = values = 0
        for row, places in zip(about, compared, strict=True):
            upto, values_upto = int(row[HELD_END]), int(row[VALUES_END])
            if upto > held:
                self.kinds += 1
                some = self.values[values:values_upto].reshape(upto - held, -1).copy()
                self.compared.append(Compared(self.held[held:upto].copy(), some, places))
            held, values = upto, values_upto


@inlined
def hour_of(ts_ms: int) -> int:
    """Hour of the local day."""
    return (ts_ms + LOCAL_TIME_MS) // HOUR_MS % 24


@helper
def note_hits(octets: Uint64s, a: int, n: int, rule: int, noted: Int32s, used: Any) -> Any:
    """Adds (place in the block, rule) of each hit of a register of flags; gives how many there are then."""
    for octet in range((n + 7) // 8):
        some = octets[a, octet]
        if some != 0:
            for i in range(8 * octet, min(8 * octet + 8, n)):
                noted[0, used], noted[1, used] = i, rule
                used += np.int64(some & np.uint64(1))
                some >>= np.uint64(8)
    return used


@helper
def tell_hits(
    noted: Int32s, hits: int, rows: Int32s, start: int, hit_rows: Int32s, hit_rules: Int32s, counts: Int64s
) -> bool:
    """Brings the hits of a block in order, behind those before; False where there is no room for them."""
    ends = np.zeros(BLOCK + 1, np.int32)
    if counts[HITS] + hits > len(hit_rows):
        counts[_WANTED] = hits
        return False
    for hit in range(hits):
        ends[noted[0, hit] + 1] += 1
    for i in range(BLOCK):
        ends[i + 1] += ends[i]
    for hit in range(hits):
        i = noted[0, hit]
        to = counts[HITS] + ends[i]
        hit_rows[to], hit_rules[to] = rows[start + i], noted[1, hit]
        ends[i] += 1
    counts[HITS] += hits
    return True


@helper
def tell_values(
    places: Int32s, rows: Int32s, start: int, inputs: Int64s, size: int, about: Int64s, held: Int32s,
    values: Float64s, counts: Int64s,
) -> None:  # fmt: skip
    """Writes down what rules compare, on each row of a block that any of them hit."""
    terms = carray(pointer(about[TERMS]), (about[TERM_COUNT], 3), np.int64)
    factors = carray(pointer(about[FACTORS]), (about[TERM_COUNT],), np.float64)
    is_hit = np.zeros(BLOCK, np.uint8)
    for place in places:
        is_hit[place] = 1
    first, last = counts[HELD], counts[HELD]
    of_kind = np.empty(BLOCK, np.int32)
    for i in range(BLOCK):
        if is_hit[i]:
            of_kind[last - first] = start + i
            held[last] = rows[start + i]
            last += 1
    counts[HELD] = last
    words, reals = np.empty(last - first, np.int64), np.empty(last - first, np.float64)
    for number in range(len(terms)):
        sort, making, column = terms[number, _SORT], terms[number, _MAKING], inputs[terms[number, _INPUT]]
        at = of_kind[: last - first] if is_dense(column) else held[first:last]
        column = as_of_chunk(column)
        if sort == _REAL:
            load_reals(column, size, at, 0, reals)
        else:
            load_words(column, size, at, 0, words)
        for i in range(last - first):
            value = reals[i] if sort == _REAL else np.float64(words[i])
            if making == _TIMES:
                value = np.float64(words[i] * np.int64(factors[number]))
            elif making == _PER:
                value /= factors[number]
            elif making == _OF_DAY:
                value = np.float64(hour_of(words[i]))
            elif making == _SIGN:
                value = 1.0 if value != 0.0 else 0.0
            values[counts[VALUES] + i * len(terms) + number] = value
    counts[VALUES] += (last - first) * len(terms)
