"""What all windows have in common: a row of memory for each slot of a table of keys.

Enters: how many slots there are. Leaves: memory for the walk over a chunk, which knows by `sort` what to do with it.
Invariant: there is a row for every slot that the table of keys can give.
"""

from __future__ import annotations

from interceptor.kernels import Int64s, grown, table
from interceptor.state import Rows


class Window(Rows):
    """`length_ms` is that of a pane, or of the whole window where it has none; `nothing`: the value without events."""

    evicted = 0
    nothing = 0

    def __init__(self, sort: str, length_ms: int, words: int) -> None:
        self.sort, self.length_ms = sort, length_ms
        self._words = table(0, words)

    @property
    def words(self) -> Int64s:
        """int64[rows, words]. Another one after `reserve`."""
        return self._words

    def reserve(self, rows: int) -> None:
        """Room for so many slots, at least."""
        self._words = grown(self._words, rows)
