"""Sliding windows cut into panes: the part that counts, sums and distinct counts have in common.

Enters: rows of int64 words, with the same memory seen as cells (pane p of a row at cell p % panes). Leaves: helpers for
kernels. Invariant: a window is the newest `panes` panes, each a part of `within` (rounded up to a ms), the newest of
them still filling: a value covers the time that was asked for, less at most one pane.

`head` is the newest pane that a row was updated in. Older updates still count while their pane is in the window. A read
looks from the later of head and its own pane, and changes nothing.
"""

from __future__ import annotations

from interceptor.kernels import Int32s, Int64s, helper
from interceptor.tables import Slots

PANES = 12
SUM_PANES = 6
ROW_WORDS = 8  # a line of memory: 12 panes of int32 or 6 of int64, then these two
HEAD, EPOCH = 6, 7


def pane_length_ms(within_ms: int, panes: int) -> int:
    """Length of each of the `panes` that cover `within_ms`."""
    if within_ms < 1:
        raise ValueError(f"within_ms is {within_ms}, must be at least 1")
    return -(-within_ms // panes)


def slots_used(at: Slots, read: Slots) -> int:
    """All slots are below this."""
    return max(at.used, read.used)


@helper
def advance(words: Int64s, cells: Int32s | Int64s, panes: int, row: int, epoch: int, pane: int) -> bool:
    """Bring `pane` into the row's window, empty panes that drop out. False: the pane is too old for it."""
    head = words[row, HEAD]
    emptied = panes
    if words[row, EPOCH] != epoch:
        words[row, EPOCH] = epoch
    elif pane > head:
        emptied = min(pane - head, panes)
    else:
        return pane > head - panes
    words[row, HEAD] = pane
    cell = pane % panes
    for _ in range(emptied):
        cells[row, cell] = 0
        cell = cell - 1 if cell > 0 else panes - 1
    return True


@helper
def total(words: Int64s, cells: Int32s | Int64s, panes: int, row: int, epoch: int, pane: int) -> int:
    """Sum of the row's panes, seen from the later of its head and `pane`."""
    if words[row, EPOCH] != epoch:
        return 0
    dropped = pane - words[row, HEAD]
    if dropped >= panes:
        return 0
    result = 0
    for cell in range(panes):
        result += cells[row, cell]
    cell = pane % panes
    for _ in range(dropped):
        result -= cells[row, cell]
        cell = cell - 1 if cell > 0 else panes - 1
    return result


@helper
def is_live(words: Int64s, panes: int, row: int, epoch: int, pane: int) -> bool:
    """Whether `pane`, which an update of this row reached, is in the row's window."""
    return words[row, EPOCH] == epoch and pane > words[row, HEAD] - panes
