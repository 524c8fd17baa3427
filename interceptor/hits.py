"""Where rules hit, and what they compared there.

Enters: what programs found, kind by kind. Leaves: Hits, by row, then rule. Invariant: of a row each rule hits at most
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from interceptor.found import Compared, Found
from interceptor.kernels import IN_I32, OUT_I32, Int32s, kernel


@dataclass(frozen=True, slots=True)
class Hits:
    """m hits: rows int32[m] and rules int32[m] (positions in the rule set). `compared`: the numbers that the rules
    compared there, as far as they are known."""

    rows: np.ndarray
    rules: np.ndarray
    compared: tuple[Compared, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, found: Found, count: int) -> Hits:
        """Of a chunk of `count` rows: a copy of what was found, in order."""
        hits = found.hits
        rows, rules, compared = found.rows[:hits], found.rules[:hits], tuple(found.compared)
        if found.kinds <= 1:
            return cls(rows.copy(), rules.copy(), compared)
        to_rows, to_rules = np.empty(hits, np.int32), np.empty(hits, np.int32)
        _by_row(rows, rules, np.zeros(count + 1, np.int32), to_rows, to_rules)
        return cls(to_rows, to_rules, compared)

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, Hits]]) -> Hits:
        """Of parts whose rows follow each other, each with the row that it begins at."""
        if len(parts) == 1 and parts[0][0] == 0:
            return parts[0][1]
        many = sum(len(part) for _, part in parts)
        rows, rules, at = np.empty(many, np.int32), np.empty(many, np.int32), 0
        for start, part in parts:
            to = slice(at, at + len(part))
            np.add(part.rows, np.int32(start), out=rows[to])
            rules[to] = part.rules
            at = to.stop
        return cls(rows, rules, tuple(one.moved(start) for start, part in parts for one in part.compared))

    @classmethod
    def together(cls, a: Hits, b: Hits) -> Hits:
        """Of two sets of rules on the same rows."""
        if not len(a) or not len(b):
            return a if len(a) else b
        rows, rules = np.empty(len(a) + len(b), np.int32), np.empty(len(a) + len(b), np.int32)
        _merge(a.rows, a.rules, b.rows, b.rules, rows, rules)
        return cls(rows, rules, (*a.compared, *b.compared))

    def where(self, chosen: np.ndarray) -> Hits:
        """Some of them: bool[m]."""
        return replace(self, rows=self.rows[chosen], rules=self.rules[chosen])

    def between(self, start: int, stop: int) -> Hits:
        """Those on rows start … stop - 1, counted from there."""
        first, last = np.searchsorted(self.rows, [start, stop])
        some = slice(int(first), int(last))
        compared = tuple(one.moved(-start) for one in self.compared)
        return Hits(self.rows[some] - np.int32(start), self.rules[some], compared)

    def offsets(self, count: int) -> np.ndarray:
        """int32[count + 1]: the hits of row i are offsets[i] … offsets[i + 1] - 1."""
        firsts = np.zeros(count + 1, np.int32)
        _offsets(self.rows, firsts)
        return firsts


@kernel(IN_I32, OUT_I32)
def _offsets(rows: Int32s, firsts: Int32s) -> None:
    for row in rows:
        firsts[row + 1] += 1
    for row in range(1, len(firsts)):
        firsts[row] += firsts[row - 1]


@kernel(IN_I32, IN_I32, OUT_I32, OUT_I32, OUT_I32)
def _by_row(rows: Int32s, rules: Int32s, ends: Int32s, to_rows: Int32s, to_rules: Int32s) -> None:
    """By row; those of a row stay in their order. `ends` int32[count + 1], all 0: becomes where those of each row
    end."""
    for row in rows:
        ends[row + 1] += 1
    for row in range(1, len(ends)):
        ends[row] += ends[row - 1]
    for i in range(len(rows)):
        row = rows[i]
        at = ends[row]
        ends[row] += 1
        to_rows[at], to_rules[at] = row, rules[i]


@kernel(IN_I32, IN_I32, IN_I32, IN_I32, OUT_I32, OUT_I32)
def _merge(a_rows: Int32s, a_rules: Int32s, b_rows: Int32s, b_rules: Int32s, to_rows: Int32s, to_rules: Int32s) -> None:
    """Two orders, by row and then rule, to one."""
    a, b = 0, 0
    for at in range(len(to_rows)):
        first = b == len(b_rows) or (
            a < len(a_rows) and (a_rows[a] < b_rows[b] or (a_rows[a] == b_rows[b] and a_rules[a] < b_rules[b]))
        )
        if first:
            to_rows[at], to_rules[at] = a_rows[a], a_rules[a]
            a += 1
        else:
            to_rows[at], to_rules[at] = b_rows[b], b_rules[b]
            b += 1
