"""Number of distinct values in a sliding window, exact, at a cost that doesn't grow with their number.

Enters: rows of a chunk in arrival order with their places (see windows) and values. Leaves: per row their number.
Invariant: while a key has few values they stand in its row (see few), which is then all that is looked at. Beyond that
they are pairs of key and value in a table of their own, and pane p of the row holds how many values were last seen in
p; a value seen again moves its one to the newer pane. So the sum over the window is the answer.

Pairs of key and value are forgotten, when room is needed, once they can count no more: their key's window has left them
behind or the key is gone, or no update can be so late any more as to find them in the window. Updates must therefore be
no later than LATENESS_MAX_MS behind the newest one, which is what admission sees to.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from interceptor import few, pairs
from interceptor.config import LATENESS_MAX_MS
from interceptor.kernels import (
    AHEAD,
    INT,
    OUT_I64,
    TABLE,
    Int32s,
    Int64s,
    Uint8s,
    fetch,
    helper,
    inlined,
    kernel,
    prefetch,
)
from interceptor.pairs import PairTable
from interceptor.panes import (
    EPOCH,
    HEAD,
    PANES,
    ROW_WORDS,
    dropped,
    empty,
    is_live,
    moved,
    pane_length_ms,
    pane_of,
    remaining,
)
from interceptor.state import State, array_of, checked, nested, within
from interceptor.tables import SLOT_MASK, epoch_of, slot_of
from interceptor.window import Window

_BEFORE_ALL_MS = -(2**62)  # before every date


class DistinctWindow(Window):
    """Number of distinct values among the updating events; value 0 isn't counted. 64 bytes a key; once it has more than
    FEW values in the window, 48 to 96 a pair of key and value, of which at most `pairs_max` are held."""

    def __init__(self, within_ms: int, pairs_max: int) -> None:
        super().__init__("distinct", pane_length_ms(within_ms, PANES), ROW_WORDS)
        self._pairs = PairTable(pairs_max)
        self._newest_ms = np.full(1, _BEFORE_ALL_MS)

    @property
    def evicted(self) -> int:  # type: ignore[override]
        """Pairs that went for want of room while they still counted."""
        return self._pairs.evicted

    @property
    def memory(self) -> tuple[Int64s, Int64s, Int64s]:
        """What kernels take besides the rows: pairs, their counts, and the newest update's time. Others after `forget`
        and `put_back`."""
        return self._pairs.words, self._pairs.state, self._newest_ms

    def taken(self, used: int) -> State:
        """Rows of the slots below `used`, and all pairs."""
        mine = super().taken(used) | {"newest_ms": self._newest_ms.copy()}
        return mine | nested({"seen": self._pairs.taken()})

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Raises StateMisfit."""
        super().put_back(state)
        self._newest_ms = array_of(state, "newest_ms", np.int64, rows=1).copy()
        self._pairs.put_back(within(state, "seen"))
        slots = state["seen/pairs/rows"][:, pairs.OWNER] & SLOT_MASK
        checked(slots.max(initial=-1) < len(self._words), "pairs of a slot that isn't there")

    def forget(self) -> None:
        """Makes room for pairs."""
        oldest_to_come = (int(self._newest_ms[0]) - LATENESS_MAX_MS) // self.length_ms
        _erase_dead(self._pairs.words, self._words, self._pairs.state, oldest_to_come - PANES)
        self._pairs.make_room()


@inlined
def _is_live(words: Int64s, owner: int, pane: int) -> bool:
    """Whether a pair last seen in `pane` is among the ones of its owner's row. An owner is an epoch and a slot."""
    return is_live(words, PANES, slot_of(owner), epoch_of(owner), pane)


@inlined
def _ask(pair_words: Int64s, hashed: int) -> None:
    """Has the place of a pair brought near, without waiting for it."""
    home = pair_words.ctypes.data + pairs.BYTES * (hashed & (len(pair_words) - 1))
    fetch(home)
    fetch(home + pairs.BYTES - 1)  # a pair may lie on two lines of memory


@helper
def _evict(words: Int64s, cells: Int32s, pair_words: Int64s, state: Int64s, hashed: int) -> None:
    victim = pairs.victim_of(pair_words, hashed)
    pane = pair_words[victim, pairs.STAMP]
    if _is_live(words, pair_words[victim, pairs.OWNER], pane):
        cells[slot_of(pair_words[victim, pairs.OWNER]), pane % PANES] -= 1
        state[pairs.EVICTED] += 1
    pairs.erase(pair_words, state, victim)


@inlined
def _see(
    words: Int64s, cells: Int32s, pair_words: Int64s, state: Int64s, hashed: int, owner: int, value: int, pane: int
) -> None:
    """Bring a value's one to `pane`, which its owner's row already reaches to."""
    slot = slot_of(owner)
    at = pairs.find(pair_words, hashed, owner, value)
    if pair_words[at, pairs.OWNER] == 0:
        if state[pairs.COUNT] >= state[pairs.COUNT_MAX]:
            _evict(words, cells, pair_words, state, hashed)
            at = pairs.find(pair_words, hashed, owner, value)
        pairs.put(pair_words, state, at, owner, value, pane)
        cells[slot, pane % PANES] += 1
    elif pane > pair_words[at, pairs.STAMP]:
        if _is_live(words, owner, pair_words[at, pairs.STAMP]):
            cells[slot, pair_words[at, pairs.STAMP] % PANES] -= 1
        pair_words[at, pairs.STAMP] = pane
        cells[slot, pane % PANES] += 1


@helper
def _become_many(words: Int64s, cells: Int32s, pair_words: Int64s, state: Int64s, owner: int) -> None:
    """The values in a row become pairs."""
    slot = slot_of(owner)
    values, head, marks = few.values_of(words, slot), words[slot, HEAD], words[slot, EPOCH]
    for value in values:
        _ask(pair_words, pairs.hash_of(owner, value))
    few.become_many(words, slot)
    for at, value in enumerate(values):
        pane = head - few.age(marks, at, head)
        _see(words, cells, pair_words, state, pairs.hash_of(owner, value), owner, value, pane)


@inlined
def _advance(words: Int64s, cells: Int32s, owner: int, pane: int) -> bool:
    """Bring `pane` into the row's window. False: the pane is too old for it."""
    slot = slot_of(owner)
    emptied = moved(words, PANES, slot, epoch_of(owner), pane)
    if emptied == PANES:
        few.become_none(words, slot, epoch_of(owner))
    elif few.are_many(words, slot):
        empty(cells, 0, PANES, slot, pane, emptied)
    elif emptied > 0:
        few.forget(words, slot, pane, emptied)
    return emptied >= 0


@inlined
def _number(words: Int64s, cells: Int32s, owner: int, pane: int) -> int:
    """How many values there are, seen from the later of the row's head and `pane`."""
    slot = slot_of(owner)
    without = dropped(words, PANES, slot, epoch_of(owner), pane)
    if few.are_many(words, slot):
        return remaining(cells, 0, PANES, slot, pane, without)
    return few.number(words, slot, pane, without)


@helper
def _ask_for_pairs(
    start: int, stop: int, places: Int64s, changes: Uint8s, values: Int64s, words: Int64s, pair_words: Int64s,
    hashes: Int64s,
) -> None:  # fmt: skip
    for i in range(start, stop):
        if changes[i] and places[i] >= 0:
            hashes[i] = pairs.hash_of(places[i], values[i])
            if few.are_many(words, slot_of(places[i])):
                _ask(pair_words, hashes[i])


@helper
def distinct(
    start: int, stop: int, rows: Int32s, places: Int64s, reads: Int64s, changes: Uint8s, ts_ms: Int64s, values: Int64s,
    pane_ms: int, words: Int64s, cells: Int32s, pair_words: Int64s, state: Int64s, newest_ms: Int64s, hashes: Int64s,
    out: Int64s,
) -> int:  # fmt: skip
    """Gives the first row that needs room for pairs, else `stop`. What becomes of `hashes` is of no interest."""
    pane = 0
    _ask_for_pairs(start, stop, places, changes, values, words, pair_words, hashes)
    for i in range(start, stop):
        now_ms = ts_ms[rows[i]]
        pane = pane_of(now_ms, pane_ms, pane)
        owner, value = places[i], values[i]
        if changes[i] and owner >= 0:
            if state[pairs.BUDGET] < pairs.ROOM:  # a row that becomes many puts in several
                return i
            newest_ms[0] = max(newest_ms[0], now_ms)
            if _advance(words, cells, owner, pane) and value != 0:
                many = few.are_many(words, slot_of(owner))
                if not many and not few.see(words, slot_of(owner), value, pane):
                    _become_many(words, cells, pair_words, state, owner)
                    many = True
                if many:
                    _see(words, cells, pair_words, state, hashes[i], owner, value, pane)
        if reads[i] >= 0:
            out[rows[i]] = _number(words, cells, reads[i], pane)
    return stop


@kernel(TABLE, TABLE, OUT_I64, INT)
def _erase_dead(pair_words: Int64s, words: Int64s, state: Int64s, pane_too_old: int) -> None:
    """All pairs that can't count again."""
    at = 0
    while at < len(pair_words):
        if at + AHEAD < len(pair_words):
            prefetch(words, slot_of(pair_words[at + AHEAD, pairs.OWNER]))
        owner, pane = pair_words[at, pairs.OWNER], pair_words[at, pairs.STAMP]
        if owner == 0 or (pane > pane_too_old and _is_live(words, owner, pane)):
            at += 1
        else:
            pairs.erase(pair_words, state, at)  # after which another one may stand there
