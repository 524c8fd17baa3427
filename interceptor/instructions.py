"""Conditions as instructions for one kernel: what is computed in which register, once for all that ask for it.

Enters: what to load, compare and combine, in any order. Leaves: a Program, code for the kernel of `evaluation`.
Invariants: a register is written before it is read; equal computations are one; a program says nothing of batches.

Registers hold a block of rows each. There are *flags* (yes or no), *words* (int64) and *reals* (float64). A value that
nobody needs any more gives its register to the next one, so that those in use stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np

from interceptor.rules.expressions import Expression

Sort = Literal["flag", "word", "real"]


class Op(IntEnum):
    """What an instruction does: out, a and b are registers unless said otherwise. The order is that of the kernel."""

    LOAD_FLAG = 0  # a: the input
    LOAD_WORD = 1
    LOAD_REAL = 2
    FLAG = 3  # b: the constant
    WORD = 4
    REAL = 5
    WORD_OF_FLAG = 6
    REAL_OF_WORD = 7
    NOT = 8
    AND = 9
    OR = 10
    WORD_BELOW = 11  # words compared
    WORD_UP_TO = 12
    WORD_EQUAL = 13
    WORD_OTHER = 14
    REAL_BELOW = 15  # reals compared
    REAL_UP_TO = 16
    REAL_EQUAL = 17
    REAL_OTHER = 18
    WORD_BELOW_IT = 19  # with the constant b
    WORD_UP_TO_IT = 20
    WORD_ABOVE_IT = 21
    WORD_FROM_IT = 22
    WORD_EQUAL_IT = 23
    WORD_OTHER_IT = 24
    REAL_BELOW_IT = 25
    REAL_UP_TO_IT = 26
    REAL_ABOVE_IT = 27
    REAL_FROM_IT = 28
    REAL_EQUAL_IT = 29
    REAL_OTHER_IT = 30
    WORD_PLUS = 31
    WORD_MINUS = 32
    WORD_TIMES = 33
    WORD_LESSER = 34
    WORD_GREATER = 35
    REAL_PLUS = 36
    REAL_MINUS = 37
    REAL_TIMES = 38
    REAL_LESSER = 39
    REAL_GREATER = 40
    REAL_BY = 41  # 0 where b is 0
    HOUR = 42  # of the local day, of a time in ms
    MASK = 43  # a: the flag; b: the number of the mask that it is written to
    HIT = 44  # a: the flag; b: the rule that hits; out: the first of its compared values, in `compared`


WRITES: dict[Op, Sort] = {
    op: "flag" if op in (Op.LOAD_FLAG, Op.FLAG) or Op.NOT <= op <= Op.REAL_OTHER_IT else
    "real" if op in (Op.LOAD_REAL, Op.REAL, Op.REAL_OF_WORD) or Op.REAL_PLUS <= op <= Op.REAL_BY else "word"
    for op in Op if op not in (Op.MASK, Op.HIT)
}  # fmt: skip
_READS_NOTHING = {Op.LOAD_FLAG, Op.LOAD_WORD, Op.LOAD_REAL, Op.FLAG, Op.WORD, Op.REAL}
_READS_TWO = {op for op in Op if Op.AND <= op <= Op.REAL_OTHER or Op.WORD_PLUS <= op <= Op.REAL_BY}


@dataclass(frozen=True, slots=True)
class Input:
    """A column to load: of the chunk, of its windows, which texts hold a word, which keys a list, or what numpy makes
    of a condition that has no instructions. `column`: what is looked up in the list; `other`: that condition."""

    section: Literal["column", "feature", "text", "list", "other"]
    name: str
    column: str = ""
    other: Expression | None = field(default=None, compare=False)
    key: str = field(init=False, compare=False)  # for dictionaries: all of it in one word

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.section} {self.name} {self.column}")

    @property
    def is_of_chunk(self) -> bool:
        """Whether it is one column for all kinds."""
        return self.section in ("column", "feature")


@dataclass(frozen=True, slots=True)
class Value:
    """The result of an instruction, by its place in the code."""

    sort: Sort
    at: int


@dataclass(frozen=True, slots=True)
class Program:
    """`code` int64[n, 4]: op, out, a, b; `constants` float64[n]; `compared` int64[c, 2]: for the values that rules
    compared, sort (0 flag, 1 word, 2 real) and register; `counts`: how many values each rule compares, int64[rules];
    `registers`: how many flags, words and reals; `room`: hits, and values compared, that one row can bring."""

    code: np.ndarray
    constants: np.ndarray
    inputs: tuple[Input, ...]
    compared: np.ndarray
    counts: np.ndarray
    registers: tuple[int, int, int]
    room: tuple[int, int]


@dataclass(slots=True)
class Assembler:
    """Collects instructions. Values are numbered as if there were a register for each; `program` gives out those that
    there are."""

    rules: int = 0
    _code: list[tuple[Op, int, int, int, float]] = field(default_factory=list)
    _known: dict[tuple[Op, int, int, float], Value] = field(default_factory=dict)
    _inputs: dict[Input, int] = field(default_factory=dict)
    _compared: list[list[Value]] = field(default_factory=list)

    def load(self, sort: Sort, source: Input) -> Value:
        """A column, as flags, words or reals."""
        number = self._inputs.setdefault(source, len(self._inputs))
        return self.do({"flag": Op.LOAD_FLAG, "word": Op.LOAD_WORD, "real": Op.LOAD_REAL}[sort], number)

    def do(self, op: Op, a: Value | int = 0, b: Value | int = 0, constant: float = 0.0) -> Value:
        """The result of an instruction; the one that is there already, if it is the same."""
        first, second = (one.at if isinstance(one, Value) else one for one in (a, b))
        name = (op, first, second, constant)
        if name not in self._known:
            self._known[name] = Value(WRITES[op], len(self._code))
            self._code.append((op, -1, first, second, constant))
        return self._known[name]

    def mask(self, flag: Value, number: int) -> None:
        """Writes a flag out as a mask."""
        self._code.append((Op.MASK, -1, flag.at, number, 0.0))

    def hit(self, flag: Value, rule: int, compared: Sequence[Value]) -> None:
        """Tells where the flag is set, with the values that the rule compared there."""
        self._code.append((Op.HIT, len(self._compared), flag.at, rule, 0.0))
        self._compared.append(list(compared))

    def program(self) -> Program:
        """All of it, with registers given out."""
        places, registers = self._places()
        code = np.zeros((len(self._code), 4), np.int64)
        firsts = np.cumsum([0, *map(len, self._compared)])
        for number, (op, out, a, b, _) in enumerate(self._code):
            reads = op not in _READS_NOTHING
            code[number] = (
                op,
                firsts[out] if op is Op.HIT else places.get(number, 0),
                places[a] if reads else a,
                places[b] if op in _READS_TWO else b,
            )
        compared = [
            (("flag", "word", "real").index(one.sort), places[one.at]) for some in self._compared for one in some
        ]
        counts = np.zeros(self.rules, np.int64)
        hits = [(b, len(self._compared[out])) for op, out, _, b, _ in self._code if op is Op.HIT]
        for rule, count in hits:
            counts[rule] = count
        return Program(
            code, np.array([constant for *_, constant in self._code], np.float64), tuple(self._inputs),
            np.array(compared, np.int64).reshape(-1, 2), counts, registers,
            (len(hits), len(compared)),
        )  # fmt: skip

    def _read_by(self, number: int) -> list[int]:
        op, out, a, b, _ = self._code[number]
        if op is Op.HIT:
            return [a, *(one.at for one in self._compared[out])]
        return [] if op in _READS_NOTHING else [a, b] if op in _READS_TWO else [a]

    def _places(self) -> tuple[dict[int, int], tuple[int, int, int]]:
        """A register for each value, free again after the last instruction that reads it; how many that takes."""
        last = {value: number for number in range(len(self._code)) for value in self._read_by(number)}
        free: dict[Sort, list[int]] = {"flag": [], "word": [], "real": []}
        used: dict[Sort, int] = {"flag": 0, "word": 0, "real": 0}
        places: dict[int, int] = {}
        for number, (op, *_) in enumerate(self._code):
            read = set(self._read_by(number))
            sort = WRITES.get(op)
            if sort is not None:  # before those it reads are free: a kernel may not write what it is reading
                if not free[sort]:
                    free[sort].append(used[sort])
                    used[sort] += 1
                places[number] = free[sort].pop()
            for value in read:
                if last[value] == number:
                    free[WRITES[self._code[value][0]]].append(places[value])
        return places, (used["flag"], used["word"], used["real"])
