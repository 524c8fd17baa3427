"""Sliding windows cut into panes: the part that counts, sums and distinct counts have in common.

Enters: rows of int64 words, with the same memory seen as cells (pane p of a row at cell p % panes). Leaves: helpers for
kernels. Invariant: a window is the newest `panes` panes, each a part of `within` (rounded up to a ms), the newest of
them still filling: a value covers the time that was asked for, less at most one pane.

`head` is the newest pane that a row was updated in. Older updates still count while their pane is in the window. A read
looks from the later of head and its own pane, and changes nothing.
"""

from __future__ import annotations

from typing import Any

from interceptor.kernels import Int64s, inlined

PANES = 12
SUM_PANES = 6
ROW_WORDS = 8  # a line of memory: 12 panes of int32, 6 of int64 or 24 of uint16, then these two
HEAD, EPOCH = 6, 7
EPOCH_BITS = 32  # of its word; what is above them is for the window alone, and 0 at first


def pane_length_ms(within_ms: int, panes: int) -> int:
    """Length of each of the `panes` that cover `within_ms`."""
    if within_ms < 1:
        raise ValueError(f"within_ms is {within_ms}, must be at least 1")
    return -(-within_ms // panes)


@inlined
def pane_of(now_ms: int, pane_ms: int, before: int) -> int:
    """The pane of a time; `before`: that of the event before. Events come in the order of time, nearly, so one pane
    lasts for many of them, and a division is saved each time."""
    began_ms = before * pane_ms
    return before if began_ms <= now_ms < began_ms + pane_ms else now_ms // pane_ms


@inlined
def _is_of(words: Int64s, row: int, epoch: int) -> bool:
    return words[row, EPOCH] & (1 << EPOCH_BITS) - 1 == epoch


@inlined
def moved(words: Int64s, panes: int, row: int, epoch: int, pane: int) -> int:
    """Bring `pane` into the row's window. How many panes are to be emptied, `pane` and those before it; -1: it is too
    old for the window."""
    head = words[row, HEAD]
    emptied = panes
    if not _is_of(words, row, epoch):
        words[row, EPOCH] = epoch
    elif pane > head:
        emptied = min(pane - head, panes)
    else:
        return 0 if pane > head - panes else -1
    words[row, HEAD] = pane
    return emptied


@inlined
def empty(cells: Any, first: int, panes: int, row: int, pane: int, emptied: int) -> None:
    """Empty `pane` and those before it; the row's cells begin at `first`."""
    cell = pane % panes
    for _ in range(emptied):
        cells[row, first + cell] = 0
        cell = cell - 1 if cell > 0 else panes - 1


@inlined
def advance(words: Int64s, cells: Any, panes: int, row: int, epoch: int, pane: int) -> bool:
    """Bring `pane` into the row's window, empty panes that drop out. False: the pane is too old for it."""
    emptied = moved(words, panes, row, epoch, pane)
    empty(cells, 0, panes, row, pane, emptied)
    return emptied >= 0


@inlined
def dropped(words: Int64s, panes: int, row: int, epoch: int, pane: int) -> int:
    """How many panes drop out when the row is seen from `pane`: all of them where it is another key's."""
    if not _is_of(words, row, epoch):
        return panes
    return min(max(pane - words[row, HEAD], 0), panes)


@inlined
def remaining(cells: Any, first: int, panes: int, row: int, pane: int, without: int) -> int:
    """Sum of the row's panes but `pane` and those before it, as many as were dropped."""
    if without == panes:
        return 0
    result = 0
    for cell in range(panes):
        result += cells[row, first + cell]
    cell = pane % panes
    for _ in range(without):
        result -= cells[row, first + cell]
        cell = cell - 1 if cell > 0 else panes - 1
    return result


@inlined
def total(words: Int64s, cells: Any, panes: int, row: int, epoch: int, pane: int) -> int:
    """Sum of the row's panes, seen from the later of its head and `pane`."""
    return remaining(cells, 0, panes, row, pane, dropped(words, panes, row, epoch, pane))


@inlined
def is_live(words: Int64s, panes: int, row: int, epoch: int, pane: int) -> bool:
    """Whether `pane`, which an update of this row reached, is in the row's window."""
    return _is_of(words, row, epoch) and pane > words[row, HEAD] - panes
