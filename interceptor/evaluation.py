"""Runs a Program over the rows of one kind: masks for windows, hits of rules.

Enters: a Program, and for each of its inputs a column. Leaves: masks, hits, and what the rules compared. Invariants: a
row's result depends on that row alone; columns are read where they lie, by address, and only while the kernel runs.

A block of rows goes through all instructions before the next does, so that registers stay in the cache. A step of an
instruction costs a few nanoseconds for BLOCK rows, where a call of numpy costs a microsecond for one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types

from interceptor.columns import gather, load_flags, load_reals, load_words
from interceptor.instructions import Op, Program
from interceptor.kernels import (
    IN_F64,
    IN_I32,
    IN_I64,
    INT,
    OUT_F64,
    OUT_I32,
    OUT_I64,
    TABLE,
    Float64s,
    Int32s,
    Int64s,
    Uint8s,
    helper,
    kernel,
)
from interceptor.rules.names import HOUR_MS, LOCAL_TIME_MS

if TYPE_CHECKING:
    from interceptor.chunk import KindView

BLOCK = 256
ROOM_MIN = 4_096  # hits

_HITS, _VALUES = 0, 1  # items of `counts`
_CODE = types.Array(types.int64, 2, "C", readonly=True)
_FLAGS, _REALS = types.Array(types.uint8, 2, "C"), types.Array(types.float64, 2, "C")
(_LOAD_FLAG, _LOAD_WORD, _FLAG, _WORD, _REAL, _WORD_OF_FLAG, _WORD_BELOW, _REAL_BELOW, _WORD_BELOW_IT, _REAL_BELOW_IT,
 _WORD_PLUS, _REAL_PLUS, _REAL_BY, _HOUR, _MASK, _NOT, _AND) = (
    int(Op[name]) for name in (
        "LOAD_FLAG", "LOAD_WORD", "FLAG", "WORD", "REAL", "WORD_OF_FLAG", "WORD_BELOW", "REAL_BELOW", "WORD_BELOW_IT",
        "REAL_BELOW_IT", "WORD_PLUS", "REAL_PLUS", "REAL_BY", "HOUR", "MASK", "NOT", "AND",
    )
)  # fmt: skip


class Found:
    """Hits as they come, kind by kind and block by block: `rows` and `rules` int32[m], `starts` int32[m], where the
    values begin that the rule compared there, and these `values`, float64[v]. Kept and cleared, since it is large."""

    def __init__(self) -> None:
        self.rows, self.rules, self.starts = (np.zeros(ROOM_MIN, np.int32) for _ in range(3))
        self.values = np.zeros(ROOM_MIN, np.float64)
        self.counts = np.zeros(2, np.int64)

    def clear(self) -> None:
        self.counts[:] = 0

    def widen(self, hits: int, values: int) -> None:
        """Room for so many more."""
        for name, more, of in (("rows", hits, _HITS), ("rules", hits, _HITS), ("starts", hits, _HITS),
                               ("values", values, _VALUES)):  # fmt: skip
            old, used = getattr(self, name), int(self.counts[of])
            new = np.zeros(2 * (used + more), old.dtype)
            new[:used] = old[:used]
            setattr(self, name, new)


class Registers:
    """Room for the registers of any of some programs, kept from one run to the next."""

    def __init__(self, programs: Iterable[Program]) -> None:
        needed = np.array([(0, 0, 0), *(one.registers for one in programs)]).max(axis=0) + 1
        self.flags = np.zeros((needed[0], BLOCK), np.uint8)
        self.words = np.zeros((needed[1], BLOCK), np.int64)
        self.reals = np.zeros((needed[2], BLOCK), np.float64)


def run(program: Program, view: KindView, registers: Registers, masks: Uint8s, found: Found) -> None:
    """Over rows of a view. Masks (uint8[k, count of the chunk]) are written at its rows, hits are added to `found`."""
    count, mine = view.chunk.count, view.count
    inputs = view.located(program.inputs)
    hits, values = (most * BLOCK for most in program.room)
    done = 0
    while True:
        done = _run(
            done, program.code, program.constants, inputs, program.compared, program.counts, count, view.rows,
            registers.flags, registers.words, registers.reals, masks, hits, values,
            found.rows, found.rules, found.starts, found.values, found.counts,
        )  # fmt: skip
        if done == mine:
            return
        found.widen(hits, values)


@helper
def _fill(out: Any, value: Any) -> None:
    for i in range(len(out)):
        out[i] = value


@helper
def _bring(
    op: int, real: float, a: int, b: int, rows: Int32s, n: int, flags: Uint8s, words: Int64s, reals: Float64s, out: int
) -> None:
    """Constants, and values of one sort as another."""
    if op == _FLAG:
        _fill(flags[out, :n], np.uint8(b))
    elif op == _WORD:
        _fill(words[out, :n], b)
    elif op == _REAL:
        _fill(reals[out, :n], real)
    elif op == _WORD_OF_FLAG:
        gather(flags[a], True, rows, 0, words[out, :n])
    else:
        gather(words[a], True, rows, 0, reals[out, :n])


@helper
def _junction(op: int, a: Uint8s, b: Uint8s, out: Uint8s) -> None:
    if op == _NOT:
        for i in range(len(out)):
            out[i] = a[i] ^ 1
    elif op == _AND:
        for i in range(len(out)):
            out[i] = a[i] & b[i]
    else:
        for i in range(len(out)):
            out[i] = a[i] | b[i]


@helper
def _comparison(which: int, a: Any, b: Any, out: Uint8s) -> None:
    """Below, up to, equal, other."""
    if which == 0:
        for i in range(len(out)):
            out[i] = a[i] < b[i]
    elif which == 1:
        for i in range(len(out)):
            out[i] = a[i] <= b[i]
    elif which == 2:
        for i in range(len(out)):
            out[i] = a[i] == b[i]
    else:
        for i in range(len(out)):
            out[i] = a[i] != b[i]


@helper
def _comparison_with(which: int, a: Any, value: Any, out: Uint8s) -> None:
    """Below, up to, above, from, equal, other than one value."""
    if which == 0:
        for i in range(len(out)):
            out[i] = a[i] < value
    elif which == 1:
        for i in range(len(out)):
            out[i] = a[i] <= value
    elif which == 2:
        for i in range(len(out)):
            out[i] = a[i] > value
    elif which == 3:
        for i in range(len(out)):
            out[i] = a[i] >= value
    elif which == 4:
        for i in range(len(out)):
            out[i] = a[i] == value
    else:
        for i in range(len(out)):
            out[i] = a[i] != value


@helper
def _arithmetic(which: int, a: Any, b: Any, out: Any) -> None:
    """Plus, minus, times, the lesser, the greater."""
    if which == 0:
        for i in range(len(out)):
            out[i] = a[i] + b[i]
    elif which == 1:
        for i in range(len(out)):
            out[i] = a[i] - b[i]
    elif which == 2:
        for i in range(len(out)):
            out[i] = a[i] * b[i]
    elif which == 3:
        for i in range(len(out)):
            out[i] = min(a[i], b[i])
    else:
        for i in range(len(out)):
            out[i] = max(a[i], b[i])


@helper
def _quotient(a: Float64s, b: Float64s, out: Float64s) -> None:
    for i in range(len(out)):
        out[i] = a[i] / b[i] if b[i] != 0.0 else 0.0


@helper
def _hour(a: Int64s, out: Int64s) -> None:
    for i in range(len(out)):
        out[i] = (a[i] + LOCAL_TIME_MS) // HOUR_MS % 24


@helper
def _any(flags: Uint8s) -> bool:
    some = np.uint8(0)
    for i in range(len(flags)):
        some |= flags[i]
    return some != 0


@helper
def _note_hits(
    hit: Uint8s, rows: Int32s, rule: int, compared: Int64s, flags: Uint8s, words: Int64s, reals: Float64s,
    hit_rows: Int32s, hit_rules: Int32s, hit_starts: Int32s, values: Float64s, used: Int64s,
) -> None:  # fmt: skip
    for i in range(len(hit)):
        if hit[i]:
            to, first = used[_HITS], used[_VALUES]
            hit_rows[to], hit_rules[to], hit_starts[to] = rows[i], rule, first
            for term in range(len(compared)):
                sort, register = compared[term, 0], compared[term, 1]
                value = reals[register, i]
                if sort == 0:
                    value = np.float64(flags[register, i])
                elif sort == 1:
                    value = np.float64(words[register, i])
                values[first + term] = value
            used[_HITS] = to + 1
            used[_VALUES] = first + len(compared)


@kernel(
    INT, _CODE, IN_F64, IN_I64, _CODE, IN_I64, INT, IN_I32, _FLAGS, TABLE, _REALS, _FLAGS, INT, INT,
    OUT_I32, OUT_I32, OUT_I32, OUT_F64, OUT_I64,
)  # fmt: skip
def _run(
    done: int,
    code: Int64s,
    constants: Float64s,
    inputs: Int64s,
    compared: Int64s,
    counts: Int64s,
    size: int,
    rows: Int32s,
    flags: Uint8s,
    words: Int64s,
    reals: Float64s,
    masks: Uint8s,
    hits_more: int,
    values_more: int,
    hit_rows: Int32s,
    hit_rules: Int32s,
    hit_starts: Int32s,
    values: Float64s,
    used: Int64s,
) -> int:
    """Works through the blocks from row `done` on; gives the first that might lack room for hits, else len(rows)."""
    for start in range(done, len(rows), BLOCK):
        if used[_HITS] + hits_more > len(hit_rows) or used[_VALUES] + values_more > len(values):
            return start
        n = min(BLOCK, len(rows) - start)
        for at in range(len(code)):
            op, out, a, b = code[at, 0], code[at, 1], code[at, 2], code[at, 3]
            if op == _LOAD_FLAG:
                load_flags(inputs[a], size, rows, start, flags[out, :n])
            elif op == _LOAD_WORD:
                load_words(inputs[a], size, rows, start, words[out, :n])
            elif op < _FLAG:
                load_reals(inputs[a], size, rows, start, reals[out, :n])
            elif op < _NOT:
                _bring(op, constants[at], a, b, rows, n, flags, words, reals, out)
            elif op < _WORD_BELOW:
                _junction(op, flags[a, :n], flags[b, :n], flags[out, :n])
            elif op < _REAL_BELOW:
                _comparison(op - _WORD_BELOW, words[a, :n], words[b, :n], flags[out, :n])
            elif op < _WORD_BELOW_IT:
                _comparison(op - _REAL_BELOW, reals[a, :n], reals[b, :n], flags[out, :n])
            elif op < _REAL_BELOW_IT:
                _comparison_with(op - _WORD_BELOW_IT, words[a, :n], b, flags[out, :n])
            elif op < _WORD_PLUS:
                _comparison_with(op - _REAL_BELOW_IT, reals[a, :n], constants[at], flags[out, :n])
            elif op < _REAL_PLUS:
                _arithmetic(op - _WORD_PLUS, words[a, :n], words[b, :n], words[out, :n])
            elif op < _REAL_BY:
                _arithmetic(op - _REAL_PLUS, reals[a, :n], reals[b, :n], reals[out, :n])
            elif op == _REAL_BY:
                _quotient(reals[a, :n], reals[b, :n], reals[out, :n])
            elif op == _HOUR:
                _hour(words[a, :n], words[out, :n])
            elif op == _MASK:
                for i in range(n):
                    masks[b, rows[start + i]] = flags[a, i]
            elif _any(flags[a, :n]):
                _note_hits(
                    flags[a, :n], rows[start:], b, compared[out : out + counts[b]], flags, words, reals,
                    hit_rows, hit_rules, hit_starts, values, used,
                )  # fmt: skip
    return len(rows)
