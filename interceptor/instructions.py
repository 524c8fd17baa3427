"""Conditions as instructions for one kernel: what is computed in which register, once for all that ask for it.

Enters: what to load, compare and combine, in any order. Leaves: a Program, code for the kernel of `evaluation`.
Invariants: a register is written before it is read; equal computations are one; a program says nothing of batches.

Registers hold a block of rows each. There are *flags* (yes or no), *words* (int64) and *reals* (float64). A value that
nobody needs any more gives its register to the next one, so that those in use stay in the processor's cache.

A conjunction is worked out part by part, and behind each part stands a SKIP: what only this condition needs is jumped
over once no row of the block can fulfil it any more. What several conditions share is worked out before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np

from interceptor.rules.expressions import Expression
from interceptor.rules.names import Read

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
    SKIP = 43  # a: the flag; b: how many instructions are left out where it is set nowhere
    MASK = 44  # a: the flag; b: the number of the mask that it is written to
    HIT = 45  # a: the flag; b: the rule that hits


WRITES: dict[Op, Sort] = {
    op: "flag" if op in (Op.LOAD_FLAG, Op.FLAG) or Op.NOT <= op <= Op.REAL_OTHER_IT else
    "real" if op in (Op.LOAD_REAL, Op.REAL, Op.REAL_OF_WORD) or Op.REAL_PLUS <= op <= Op.REAL_BY else "word"
    for op in Op if op < Op.SKIP
}  # fmt: skip
_READS_NOTHING = {Op.LOAD_FLAG, Op.LOAD_WORD, Op.LOAD_REAL, Op.FLAG, Op.WORD, Op.REAL}
_READS_TWO = {op for op in Op if Op.AND <= op <= Op.REAL_OTHER or Op.WORD_PLUS <= op <= Op.REAL_BY}


_NUMBERS: dict[tuple[str, str, str], int] = {}


def inputs_known() -> int:
    """How many different inputs there are by now."""
    return len(_NUMBERS)


@dataclass(frozen=True, slots=True)
class Input:
    """A column to load: of the chunk, of its windows, which texts hold a word, which keys a list, or what numpy makes
    of a condition that has no instructions. `column`: what is looked up in the list; `other`: that condition."""

    section: Literal["column", "feature", "text", "list", "other"]
    name: str
    column: str = ""
    other: Expression | None = field(default=None, compare=False)
    number: int = field(init=False, compare=False)  # on the boards of chunks (Chunk.board): equal inputs have the same

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", _NUMBERS.setdefault((self.section, self.name, self.column), len(_NUMBERS)))

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
    """`code` int64[n, 4]: op, out, a, b; `constants` float64[n]; `registers`: how many flags, words and reals; `hits`:
    how many rules there are.

    `terms` int64[t, 3] and `factors` float64[t]: the values that rules compare, each once: input, sort (0 flag, 1 word,
    2 real) and what is made of it (a Making). `compared`: where those of a rule stand among them."""

    code: np.ndarray
    constants: np.ndarray
    inputs: tuple[Input, ...]
    registers: tuple[int, int, int]
    hits: int
    terms: np.ndarray
    factors: np.ndarray
    compared: Mapping[int, tuple[int, ...]]


class Reads:
    """What programs on some kinds of event read, one program after the other: kinds and numbers of inputs int64[n], and
    where the inputs of each program begin."""

    def __init__(self, inputs: Sequence[tuple[int, Sequence[Input]]]) -> None:
        self.sources = [(run, source) for run, (_, some) in enumerate(inputs) for source in some]
        self.kinds = np.array([kind for kind, some in inputs for _ in some], np.int64)
        self.numbers = np.array([source.number for _, source in self.sources], np.int64)
        self.firsts = np.cumsum([0, *(len(some) for _, some in inputs)])[:-1].tolist()


class Making(IntEnum):
    """What is made of a value that is read."""

    PLAIN = 0
    TIMES = 1
    PER = 2
    HOUR = 3
    SIGN = 4


_Term = tuple[int, int, Making, float]


@dataclass(slots=True)
class _Root:
    """Something that is written out: MASK or HIT of a flag, with its number; `steps`: the flags of a conjunction by and
    by, each the one before and one part more, the last of which is the flag."""

    op: Op
    number: int
    steps: list[int]


@dataclass(slots=True)
class Assembler:
    """Collects what is to be computed. Values are numbered as if there were a register for each; `program` brings them
    in order and gives out those that there are."""

    _code: list[tuple[Op, int, int, float]] = field(default_factory=list)
    _known: dict[tuple[Op, int, int, float], Value] = field(default_factory=dict)
    _inputs: dict[Input, int] = field(default_factory=dict)
    _roots: list[_Root] = field(default_factory=list)
    _terms: dict[_Term, int] = field(default_factory=dict)
    _compared: dict[int, tuple[int, ...]] = field(default_factory=dict)

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
            self._code.append(name)
        return self._known[name]

    def mask(self, steps: Sequence[Value], number: int) -> None:
        """Writes a flag out as a mask. `steps`: what it is made of by and by, itself at the end; no row has a later one
        that hasn't all before."""
        self._roots.append(_Root(Op.MASK, number, [step.at for step in steps]))

    def hit(self, steps: Sequence[Value], rule: int, compared: Sequence[int]) -> None:
        """Tells where a flag is set (`steps` as for `mask`), and which terms the rule compares."""
        self._roots.append(_Root(Op.HIT, rule, [step.at for step in steps]))
        self._compared[rule] = tuple(compared)

    def term(self, sort: Sort, source: Input, read: Read) -> int:
        """A value to be told of rows that are hit."""
        number = self._inputs.setdefault(source, len(self._inputs))
        making, factor = Making.PLAIN, 0.0
        if read.sign:
            making = Making.SIGN
        elif read.hour:
            making = Making.HOUR
        elif read.per:
            making, factor = Making.PER, read.per
        elif read.times != 1:
            making, factor = Making.TIMES, read.times
        return self._terms.setdefault((number, SORTS.index(sort), making, factor), len(self._terms))

    def program(self) -> Program:
        """All of it, in order, with registers given out."""
        lines = _Order(self._code, self._roots).lines
        places, registers = _given_out(lines)
        code = np.zeros((len(lines), 4), np.int64)
        constants = np.zeros(len(lines))
        for number, (op, out, a, b, constant) in enumerate(lines):
            code[number] = (
                op,
                places.get(out, 0),
                a if op in _READS_NOTHING else places[a],
                places[b] if op in _READS_TWO else b,
            )
            constants[number] = constant
        terms = np.array([term[:3] for term in self._terms], np.int64).reshape(-1, 3)
        factors = np.array([factor for *_, factor in self._terms], np.float64)
        hits = sum(root.op is Op.HIT for root in self._roots)
        return Program(code, constants, tuple(self._inputs), registers, hits, terms, factors, self._compared)


SORTS: tuple[Sort, ...] = ("flag", "word", "real")
_NOWHERE = -1  # what an instruction writes that writes no register
_WORTH_SKIPPING = 2  # instructions
_Line = tuple[Op, int, int, int, float]  # with values where the code has registers


class _Order:
    """Brings values and roots in an order: what several roots need comes before the first of them, what only one needs
    stands behind the SKIPs of that one."""

    def __init__(self, code: Sequence[tuple[Op, int, int, float]], roots: Sequence[_Root]) -> None:
        self.lines: list[_Line] = []
        self._code, self._done = code, set[int]()
        needed = [self._needed([root.steps[-1]], set()) for root in roots]
        counts = Counter(value for values in needed for value in values)
        for root, values in zip(roots, needed, strict=True):
            self._write([value for value in values if counts[value] > 1])
            self._write_root(root)

    def _write_root(self, root: _Root) -> None:
        skips = list[int]()
        for step, after in zip(root.steps, root.steps[1:], strict=False):
            self._write(self._needed([step], self._done))
            if len(self._needed([after], self._done)) >= _WORTH_SKIPPING:
                skips.append(len(self.lines))
                self.lines.append((Op.SKIP, _NOWHERE, step, 0, 0.0))
        last = root.steps[-1]
        self._write(self._needed([last], self._done))
        self.lines.append((root.op, _NOWHERE, last, root.number, 0.0))
        for at in skips:
            op, out, a, _, constant = self.lines[at]
            self.lines[at] = (op, out, a, len(self.lines) - at - 1, constant)

    def _needed(self, values: list[int], done: Collection[int]) -> list[int]:
        """What must be computed for some values and isn't done, themselves included, in their order."""
        found, waiting = set[int](), values
        while waiting:
            value = waiting.pop()
            if value not in found and value not in done:
                found.add(value)
                waiting += _read_by(self._code[value][0], *self._code[value][1:3])
        return sorted(found)

    def _write(self, values: Iterable[int]) -> None:
        for value in values:
            if value not in self._done:
                op, a, b, constant = self._code[value]
                self.lines.append((op, value, a, b, constant))
                self._done.add(value)


def _read_by(op: Op, a: int, b: int) -> list[int]:
    return [] if op in _READS_NOTHING else [a, b] if op in _READS_TWO else [a]


def _given_out(lines: Sequence[_Line]) -> tuple[dict[int, int], tuple[int, int, int]]:
    """A register for each value, free again after the last instruction that reads it; how many that takes."""
    last = {value: number for number, (op, _, a, b, _) in enumerate(lines) for value in _read_by(op, a, b)}
    sorts = {value: WRITES[op] for op, value, *_ in lines if value != _NOWHERE}
    free: dict[Sort, list[int]] = {"flag": [], "word": [], "real": []}
    used: dict[Sort, int] = {"flag": 0, "word": 0, "real": 0}
    places: dict[int, int] = {}
    for number, (op, value, a, b, _) in enumerate(lines):
        if value != _NOWHERE:  # before those it reads are free: a kernel may not write what it is reading
            sort = sorts[value]
            if not free[sort]:
                free[sort].append(used[sort])
                used[sort] += 1
            places[value] = free[sort].pop()
        for read in set(_read_by(op, a, b)):
            if last[read] == number:
                free[sorts[read]].append(places[read])
    return places, (used["flag"], used["word"], used["real"])
