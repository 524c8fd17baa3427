"""A few values of a key, and when each was last seen, in the row where others keep how many there are.

Enters: rows as in panes, whose first FEW words are values instead of counts, 0 = none. Leaves: helpers for kernels.
Invariant: of a value in the window the row says in which of its panes it was last seen; others aren't there.

The upper half of the word with the epoch has four bits for each value: pane % PANES of the pane it was last seen in. A
bit behind them says that the values became too many, and that the row counts by panes now; until its window is empty.
"""

from __future__ import annotations

from interceptor.kernels import Int64s, inlined
from interceptor.panes import EPOCH, EPOCH_BITS, HEAD, PANES

FEW = 6
_BITS = 4
_MANY = 1 << EPOCH_BITS + FEW * _BITS


@inlined
def values_of(words: Int64s, row: int) -> tuple[int, int, int, int, int, int]:
    """All FEW of them; a tuple, since an array would be counted by whoever calls what makes it."""
    return words[row, 0], words[row, 1], words[row, 2], words[row, 3], words[row, 4], words[row, 5]


@inlined
def are_many(words: Int64s, row: int) -> bool:
    """Whether the row's values became too many for it."""
    return words[row, EPOCH] & _MANY != 0


@inlined
def become_many(words: Int64s, row: int) -> None:
    """The row counts by panes from now on, and has nothing yet."""
    for at in range(FEW):
        words[row, at] = 0
    words[row, EPOCH] |= _MANY


@inlined
def become_none(words: Int64s, row: int, epoch: int) -> None:
    """The row is empty, and has room for values."""
    for at in range(FEW):
        words[row, at] = 0
    words[row, EPOCH] = epoch


@inlined
def age(marks: int, at: int, pane: int) -> int:
    """How many panes before `pane` a value was last seen, if it is in the window that ends there. `marks`: the word
    EPOCH."""
    panes = pane % PANES - (marks >> (EPOCH_BITS + _BITS * at) & (1 << _BITS) - 1)
    return panes if panes >= 0 else panes + PANES


@inlined
def forget(words: Int64s, row: int, pane: int, emptied: int) -> None:
    """Without the values last seen in `pane`, which the window just reached, and the panes before it, that were
    emptied."""
    for at in range(FEW):
        if age(words[row, EPOCH], at, pane) < emptied:
            words[row, at] = 0


@inlined
def number(words: Int64s, row: int, pane: int, without: int) -> int:
    """How many there are, seen from `pane`: without those of it and the panes before it that were dropped."""
    found = 0
    for at in range(FEW):
        found += words[row, at] != 0 and age(words[row, EPOCH], at, pane) >= without
    return found


@inlined
def see(words: Int64s, row: int, value: int, pane: int) -> bool:
    """Bring a value to `pane`, which the window reaches to. False: it is new, and there is no room."""
    place = FEW
    for at in range(FEW):
        if words[row, at] == value:
            place = at
            break
        if words[row, at] == 0:
            place = at
    if place == FEW:
        return False
    if words[row, place] == 0 or age(words[row, EPOCH], place, words[row, HEAD]) > words[row, HEAD] - pane:
        shift = EPOCH_BITS + _BITS * place
        words[row, place] = value
        words[row, EPOCH] = words[row, EPOCH] & ~(((1 << _BITS) - 1) << shift) | pane % PANES << shift
    return True
