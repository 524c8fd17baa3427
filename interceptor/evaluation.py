"""Runs a Program over the rows of one kind: masks for windows, hits of rules.

Enters: a Program, and for each of its inputs a column. Leaves: masks, hits, and what the rules compared. Invariants: a
row's result depends on that row alone; columns are read where they lie, by address, and only while the kernel runs.

A block of rows goes through all instructions before the next does, so that registers stay in the cache. A step of an
instruction costs some ten nanoseconds for BLOCK rows, where a call of numpy costs a microsecond for one. Loops are over
whole registers, also where fewer rows are left: a length that the compiler knows makes them three times as fast, and
what stands behind the rows is never told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import carray, types

from interceptor.columns import address_of, load_flags, load_reals, load_words
from interceptor.found import (
    ABOUT,
    BLOCK,
    CODE,
    CONSTANTS,
    DONE,
    FACTORS,
    HELD,
    HELD_END,
    HITS,
    HITS_END,
    INPUT_COUNT,
    INPUTS,
    LINES,
    ROW_COUNT,
    ROWS,
    TERM_COUNT,
    TERMS,
    VALUES,
    VALUES_END,
    Found,
    hour_of,
    note_hits,
    tell_hits,
    tell_values,
)
from interceptor.instructions import Op, Program, Reads
from interceptor.kernels import (
    INT,
    OUT_F64,
    OUT_I32,
    OUT_I64,
    TABLE,
    TABLE_I32,
    Float64s,
    Int32s,
    Int64s,
    Uint8s,
    Uint64s,
    helper,
    inlined,
    kernel,
    pointer,
)

if TYPE_CHECKING:
    from interceptor.chunk import KindView
    from interceptor.schema import Kind

_OF_RUN = slice(INPUTS, ROW_COUNT + 1)  # what differs from run to run: where the inputs and the rows are, how many
_OCTETS = BLOCK // 8  # of flags, as a word each

_FLAGS, _REALS, _EIGHTS = (types.Array(one, 2, "C") for one in (types.uint8, types.float64, types.uint64))
(_LOAD_FLAG, _LOAD_WORD, _FLAG, _WORD, _REAL, _WORD_OF_FLAG, _WORD_BELOW, _REAL_BELOW, _WORD_BELOW_IT, _REAL_BELOW_IT,
 _WORD_PLUS, _REAL_PLUS, _REAL_BY, _HOUR, _SKIP, _MASK, _NOT, _AND) = (
    int(Op[name]) for name in (
        "LOAD_FLAG", "LOAD_WORD", "FLAG", "WORD", "REAL", "WORD_OF_FLAG", "WORD_BELOW", "REAL_BELOW", "WORD_BELOW_IT",
        "REAL_BELOW_IT", "WORD_PLUS", "REAL_PLUS", "REAL_BY", "HOUR", "SKIP", "MASK", "NOT", "AND",
    )
)  # fmt: skip


class Programs:
    """Some programs, with room for the registers of any of them, kept from one run to the next."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs
        self._reads: dict[tuple[tuple[int, Kind], ...], Reads] = {}
        needed = np.array([(0, 0, 0), *(one.registers for one in programs)]).max(axis=0) + 1
        self._octets = np.zeros((needed[0], _OCTETS), np.uint64)
        self._flags = self._octets.view(np.uint8)
        self._words = np.zeros((needed[1], BLOCK), np.int64)
        self._reals = np.zeros((needed[2], BLOCK), np.float64)
        self._noted = np.zeros((2, max((one.hits for one in programs), default=0) * BLOCK + 1), np.int32)
        self._about = np.zeros((len(programs), ABOUT), np.int64)
        for about, one in zip(self._about, programs, strict=True):
            about[CODE], about[CONSTANTS] = address_of(one.code), address_of(one.constants)
            about[TERMS], about[FACTORS] = address_of(one.terms), address_of(one.factors)
            about[LINES], about[TERM_COUNT], about[INPUT_COUNT] = len(one.code), len(one.terms), len(one.inputs)

    def run(self, runs: Sequence[tuple[int, KindView]], masks: Uint8s, found: Found) -> None:
        """Programs by number, each over the rows of a view; all views are of one chunk. Masks (uint8[k, count of the
        chunk]) are set at their rows, hits are added to `found`."""
        if not runs:
            return
        size, about = runs[0][1].chunk.count, self._about[[number for number, _ in runs]]
        inputs, firsts = self._located(runs)
        about[:, _OF_RUN] = [
            (address_of(inputs) + 8 * first, view.rows_at, view.count)
            for first, (_, view) in zip(firsts, runs, strict=True)
        ]
        counts = about[:, ROW_COUNT]
        found.begin(int(counts.sum()), int(counts @ about[:, TERM_COUNT]))
        while not _run_all(
            about, size, self._octets, self._flags, self._words, self._reals, self._noted, masks,
            found.rows, found.rules, found.held, found.values, found.counts,
        ):  # fmt: skip
            found.widen()
        found.end(about, [self._programs[number].compared for number, _ in runs])

    def _located(self, runs: Sequence[tuple[int, KindView]]) -> tuple[Int64s, Sequence[int]]:
        """Where the inputs of some programs are, one program after the other, and where in this each begins."""
        chunk, which = runs[0][1].chunk, tuple((number, view.kind) for number, view in runs)
        reads = self._reads.get(which)
        if reads is None:
            reads = self._reads[which] = Reads([(kind, self._programs[number].inputs) for number, kind in which])
        board = chunk.board
        found: Int64s = board[reads.kinds, reads.numbers]
        if np.count_nonzero(found) == len(found):
            return found, reads.firsts
        for at in (found == 0).nonzero()[0].tolist():
            run, source = reads.sources[at]
            view = runs[run][1]
            if not board.item(view.kind, source.number):  # it may have come along with the one before
                view.locate(source)
                board = chunk.board
        return board[reads.kinds, reads.numbers], reads.firsts


@helper
def _bring(op: int, a: int, b: int, real: float, flags: Uint8s, words: Int64s, reals: Float64s, out: int) -> None:
    """Constants, and values of one sort as another."""
    if op == _FLAG:
        _fill(flags, out, np.uint8(b))
    elif op == _WORD:
        _fill(words, out, b)
    elif op == _REAL:
        _fill(reals, out, real)
    elif op == _WORD_OF_FLAG:
        _as(flags, a, words, out)
    else:
        _as(words, a, reals, out)


@inlined
def _fill(registers: Any, out: int, value: Any) -> None:
    for i in range(BLOCK):
        registers[out, i] = value


@inlined
def _as(a: Any, at: int, out: Any, to: int) -> None:
    for i in range(BLOCK):
        out[to, i] = a[at, i]


@inlined
def _junction(op: int, octets: Uint64s, a: int, b: int, out: int) -> None:
    if op == _NOT:
        for i in range(_OCTETS):
            octets[out, i] = octets[a, i] ^ np.uint64(0x0101010101010101)
    elif op == _AND:
        for i in range(_OCTETS):
            octets[out, i] = octets[a, i] & octets[b, i]
    else:
        for i in range(_OCTETS):
            octets[out, i] = octets[a, i] | octets[b, i]


@helper
def _comparison(which: int, of: Any, a: int, b: int, flags: Uint8s, out: int) -> None:
    """Below, up to, equal, other."""
    if which == 0:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] < of[b, i]
    elif which == 1:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] <= of[b, i]
    elif which == 2:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] == of[b, i]
    else:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] != of[b, i]


@helper
def _comparison_with(which: int, of: Any, a: int, value: Any, flags: Uint8s, out: int) -> None:
    """Below, up to, above, from, equal, other than one value."""
    if which == 0:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] < value
    elif which == 1:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] <= value
    elif which == 2:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] > value
    elif which == 3:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] >= value
    elif which == 4:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] == value
    else:
        for i in range(BLOCK):
            flags[out, i] = of[a, i] != value


@helper
def _arithmetic(which: int, of: Any, a: int, b: int, out: int) -> None:
    """Plus, minus, times, the lesser, the greater."""
    if which == 0:
        for i in range(BLOCK):
            of[out, i] = of[a, i] + of[b, i]
    elif which == 1:
        for i in range(BLOCK):
            of[out, i] = of[a, i] - of[b, i]
    elif which == 2:
        for i in range(BLOCK):
            of[out, i] = of[a, i] * of[b, i]
    elif which == 3:
        for i in range(BLOCK):
            of[out, i] = min(of[a, i], of[b, i])
    else:
        for i in range(BLOCK):
            of[out, i] = max(of[a, i], of[b, i])


@helper
def _quotient(reals: Float64s, a: int, b: int, out: int) -> None:
    for i in range(BLOCK):
        reals[out, i] = reals[a, i] / reals[b, i] if reals[b, i] != 0.0 else 0.0


@helper
def _hour(words: Int64s, a: int, out: int) -> None:
    for i in range(BLOCK):
        words[out, i] = hour_of(words[a, i])


@inlined
def _any(octets: Uint64s, a: int) -> bool:
    some = np.uint64(0)
    for i in range(_OCTETS):
        some |= octets[a, i]
    return some != 0


@kernel(
    TABLE, INT, _EIGHTS, _FLAGS, TABLE, _REALS, TABLE_I32, _FLAGS, OUT_I32, OUT_I32, OUT_I32, OUT_F64, OUT_I64
)  # fmt: skip
def _run_all(
    abouts: Int64s,
    size: int,
    octets: Uint64s,
    flags: Uint8s,
    words: Int64s,
    reals: Float64s,
    noted: Int32s,
    masks: Uint8s,
    hit_rows: Int32s,
    hit_rules: Int32s,
    held: Int32s,
    values: Float64s,
    counts: Int64s,
) -> bool:
    """All runs, from the row on that each has come to; False where there is no room for hits."""
    for number in range(len(abouts)):
        about = abouts[number]
        if about[DONE] == about[ROW_COUNT]:
            continue  # before there was no room
        rows = carray(pointer(about[ROWS]), (about[ROW_COUNT],), np.int32)
        about[DONE] = _run(
            about, rows, size, octets, flags, words, reals, noted, masks, hit_rows, hit_rules, held, values, counts
        )
        if about[DONE] < len(rows):
            return False
        about[HITS_END], about[HELD_END], about[VALUES_END] = counts[HITS], counts[HELD], counts[VALUES]
    return True


@helper
def _run(
    about: Int64s, rows: Int32s, size: int, octets: Uint64s, flags: Uint8s, words: Int64s, reals: Float64s,
    noted: Int32s, masks: Uint8s, hit_rows: Int32s, hit_rules: Int32s, held: Int32s, values: Float64s, counts: Int64s,
) -> int:  # fmt: skip
    """Works through the blocks from the row on that it has come to; gives the first that lacks room for its hits, else
    len(rows)."""
    code = carray(pointer(about[CODE]), (about[LINES], 4), np.int64)
    constants = carray(pointer(about[CONSTANTS]), (about[LINES],), np.float64)
    inputs = carray(pointer(about[INPUTS]), (about[INPUT_COUNT],), np.int64)
    for start in range(about[DONE], len(rows), BLOCK):
        n, hits, at = min(BLOCK, len(rows) - start), 0, 0
        while at < len(code):
            op, out, a, b = code[at, 0], code[at, 1], code[at, 2], code[at, 3]
            if op == _LOAD_FLAG:
                load_flags(inputs[a], size, rows, start, flags[out, :n])
            elif op == _LOAD_WORD:
                load_words(inputs[a], size, rows, start, words[out, :n])
            elif op < _FLAG:
                load_reals(inputs[a], size, rows, start, reals[out, :n])
            elif op < _NOT:
                _bring(op, a, b, constants[at], flags, words, reals, out)
            elif op < _WORD_BELOW:
                _junction(op, octets, a, b, out)
            elif op < _REAL_BELOW:
                _comparison(op - _WORD_BELOW, words, a, b, flags, out)
            elif op < _WORD_BELOW_IT:
                _comparison(op - _REAL_BELOW, reals, a, b, flags, out)
            elif op < _REAL_BELOW_IT:
                _comparison_with(op - _WORD_BELOW_IT, words, a, b, flags, out)
            elif op < _WORD_PLUS:
                _comparison_with(op - _REAL_BELOW_IT, reals, a, constants[at], flags, out)
            elif op < _REAL_PLUS:
                _arithmetic(op - _WORD_PLUS, words, a, b, out)
            elif op < _REAL_BY:
                _arithmetic(op - _REAL_PLUS, reals, a, b, out)
            elif op == _REAL_BY:
                _quotient(reals, a, b, out)
            elif op == _HOUR:
                _hour(words, a, out)
            elif op == _SKIP:
                if not _any(octets, a):
                    at += b
            elif op == _MASK:
                for i in range(n):
                    masks[b, rows[start + i]] = flags[a, i]
            elif _any(octets, a):
                hits = note_hits(octets, a, n, b, noted, hits)
            at += 1
        if hits > 0:
            if not tell_hits(noted, hits, rows, start, hit_rows, hit_rules, counts):
                return start
            tell_values(noted[0, :hits], rows, start, inputs, size, about, held, values, counts)
    return len(rows)
