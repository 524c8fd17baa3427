"""Where rules hit, and what they compared there.

Enters: what programs found, kind by kind. Leaves: Hits, by row, then rule. Invariant: of a row each rule hits at most
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from interceptor.evaluation import Found
from interceptor.kernels import IN_I32, OUT_I32, Int32s, kernel

UNKNOWN = -1  # in place of a start: what was compared isn't known here


@dataclass(frozen=True, slots=True)
class Hits:
    """m hits: rows int32[m], rules int32[m] (positions in the rule set), and starts int32[m], where in `values`
    float64[v] the numbers begin that the rule compared: one for each of `rule.compares`."""

    rows: np.ndarray
    rules: np.ndarray
    starts: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def told(cls, rows: np.ndarray, rules: np.ndarray) -> Hits:
        """Hits of which no more is known, by row, then rule."""
        return cls(rows.astype(np.int32), rules.astype(np.int32), np.full(len(rows), UNKNOWN, np.int32), np.zeros(0))

    @classmethod
    def of(cls, found: Found, count: int) -> Hits:
        """Of a chunk of `count` rows: a copy of what was found, in order."""
        hits, values = found.counts.tolist()
        rows, rules, starts = (column[:hits] for column in (found.rows, found.rules, found.starts))
        return _sorted(rows, rules, starts, found.values[:values].copy(), count)

    @classmethod
    def joined(cls, parts: Sequence[Hits]) -> Hits:
        """Of parts whose rows follow each other."""
        if len(parts) == 1:
            return parts[0]
        before = np.cumsum([0, *(len(part.values) for part in parts)])
        nothing = np.zeros(0, np.int32)
        return cls(
            np.concatenate([nothing, *(part.rows for part in parts)]),
            np.concatenate([nothing, *(part.rules for part in parts)]),
            np.concatenate([nothing, *(_behind(part, at) for part, at in zip(parts, before, strict=False))]),
            np.concatenate([np.zeros(0), *(part.values for part in parts)]),
        )

    @classmethod
    def together(cls, a: Hits, b: Hits, count: int) -> Hits:
        """Of two sets of rules on the same rows; where both hit a row, a's rules stand before b's in no order of names:
        so they are sorted."""
        if not len(a) or not len(b):
            return a if len(a) else b
        starts = _behind(b, len(a.values))
        order = np.argsort(np.concatenate((a.rules, b.rules)), kind="stable")
        rows, rules, all_starts = (
            np.concatenate(pair)[order] for pair in ((a.rows, b.rows), (a.rules, b.rules), (a.starts, starts))
        )
        return _sorted(rows, rules, all_starts, np.concatenate((a.values, b.values)), count)

    def moved(self, by: int) -> Hits:
        """The same, on rows that stand further down."""
        return replace(self, rows=self.rows + np.int32(by)) if by else self

    def where(self, chosen: np.ndarray) -> Hits:
        """Some of them: bool[m]."""
        return replace(self, rows=self.rows[chosen], rules=self.rules[chosen], starts=self.starts[chosen])

    def between(self, start: int, stop: int) -> Hits:
        """Those on rows start … stop - 1, counted from there."""
        first, last = np.searchsorted(self.rows, [start, stop])
        some = slice(int(first), int(last))
        return replace(self, rows=self.rows[some] - np.int32(start), rules=self.rules[some], starts=self.starts[some])

    def offsets(self, count: int) -> np.ndarray:
        """int32[count + 1]: the hits of row i are offsets[i] … offsets[i + 1] - 1."""
        firsts = np.zeros(count + 1, np.int32)
        np.cumsum(np.bincount(self.rows, minlength=count), out=firsts[1:])
        return firsts


def _behind(hits: Hits, values: int) -> Int32s:
    """Where what was compared begins once so many values stand before it."""
    return np.where(hits.starts < 0, UNKNOWN, hits.starts + values).astype(np.int32)


def _sorted(rows: Int32s, rules: Int32s, starts: Int32s, values: np.ndarray, count: int) -> Hits:
    """By row; those of a row stay in their order."""
    to = np.empty((3, len(rows)), np.int32)
    _by_row(rows, rules, starts, np.zeros(count + 1, np.int32), to[0], to[1], to[2])
    return Hits(to[0], to[1], to[2], values)


@kernel(IN_I32, IN_I32, IN_I32, OUT_I32, OUT_I32, OUT_I32, OUT_I32)
def _by_row(
    rows: Int32s, rules: Int32s, starts: Int32s, ends: Int32s, to_rows: Int32s, to_rules: Int32s, to_starts: Int32s
) -> None:
    """`ends` int32[count + 1], all 0: becomes where the hits of each row begin."""
    for row in rows:
        ends[row] += 1
    for row in range(1, len(ends)):
        ends[row] += ends[row - 1]
    for i in range(len(rows) - 1, -1, -1):
        row = rows[i]
        ends[row] -= 1
        at = ends[row]
        to_rows[at], to_rules[at], to_starts[at] = row, rules[i], starts[i]
