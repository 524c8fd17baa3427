"""Number of distinct values in a sliding window, exact, at a cost that doesn't grow with their number.

Enters: rows of a batch in arrival order with their slots and values. Leaves: per row the number of distinct values.
Invariant: pane p of a key's row holds how many values were last seen in p; a value seen again moves its one to the
newer pane. So the sum over the window is the answer.

Pairs of key and value are forgotten, when room is needed, once they can count no more: their key's window has left them
behind or the key is gone, or no update can be so late any more as to find them in the window. Updates must therefore be
no later than LATENESS_MAX_MS behind the newest one, which is what admission sees to.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from interceptor import pairs
from interceptor.config import LATENESS_MAX_MS
from interceptor.kernels import (
    AHEAD,
    IN_BOOL,
    IN_I32,
    IN_I64,
    IN_U64,
    INT,
    OUT_I64,
    TABLE,
    TABLE_I32,
    Bools,
    Int32s,
    Int64s,
    Uint64s,
    grown,
    helper,
    kernel,
    prefetch,
    prefetch_ahead,
    table,
)
from interceptor.pairs import PairTable
from interceptor.panes import PANES, ROW_WORDS, advance, is_live, pane_length_ms, slots_used, total
from interceptor.state import Rows, State, array_of, checked, nested, within
from interceptor.tables import Slots

_BEFORE_ALL_MS = -(2**62)  # before every date
_SLOT_MASK = 0xFFFFFFFF


class DistinctWindow(Rows):
    """Number of distinct values among the updating events; value 0 isn't counted. 64 bytes a key, and 48 to 96 a pair
    of key and value, of which at most `pairs_max` are held."""

    def __init__(self, within_ms: int, pairs_max: int) -> None:
        self._pane_ms = pane_length_ms(within_ms, PANES)
        self._words = table(0, ROW_WORDS)
        self._pairs = PairTable(pairs_max)
        self._newest_ms = np.full(1, _BEFORE_ALL_MS)

    @property
    def evicted(self) -> int:
        """Pairs that went for want of room while they still counted."""
        return self._pairs.evicted

    def apply(self, rows: Int32s, at: Slots, read: Slots, ts_ms: Int64s, updates: Bools, values: Uint64s) -> Int64s:
        """Update where `updates`, then read."""
        self._words = grown(self._words, slots_used(at, read))
        out = np.zeros(len(ts_ms), np.int64)
        done = 0
        while True:
            done = _distinct(
                done, rows, at.slot, at.epoch, read.slot, read.epoch, ts_ms, updates, values, self._pane_ms,
                self._words, self._words.view(np.int32), self._pairs.words, self._pairs.state, self._newest_ms, out,
            )  # fmt: skip
            if done == len(rows):
                return out
            self._forget()

    def taken(self, used: int) -> State:
        """Rows of the slots below `used`, and all pairs."""
        mine = super().taken(used) | {"newest_ms": self._newest_ms.copy()}
        return mine | nested({"seen": self._pairs.taken()})

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Raises StateMisfit."""
        super().put_back(state)
        self._newest_ms = array_of(state, "newest_ms", np.int64, rows=1).copy()
        self._pairs.put_back(within(state, "seen"))
        slots = state["seen/pairs/rows"][:, pairs.OWNER] & _SLOT_MASK
        checked(slots.max(initial=-1) < len(self._words), "pairs of a slot that isn't there")

    def _forget(self) -> None:
        oldest_to_come = (int(self._newest_ms[0]) - LATENESS_MAX_MS) // self._pane_ms
        self._pairs.make_room(_mark_dead(self._pairs.words, self._words, oldest_to_come - PANES))


@helper
def _owner(slot: int, epoch: int) -> int:
    return epoch << 32 | slot


@helper
def _is_live(words: Int64s, owner: int, pane: int) -> bool:
    """Whether a pair last seen in `pane` is among the ones of its owner's row."""
    return is_live(words, PANES, owner & 0xFFFFFFFF, owner >> 32, pane)


@helper
def _evict(words: Int64s, cells: Int32s, pair_words: Int64s, state: Int64s, owner: int, value: int) -> None:
    victim = pairs.victim_of(pair_words, owner, value)
    pane = pair_words[victim, pairs.STAMP]
    if _is_live(words, pair_words[victim, pairs.OWNER], pane):
        cells[pair_words[victim, pairs.OWNER] & 0xFFFFFFFF, pane % PANES] -= 1
        state[pairs.EVICTED] += 1
    pairs.erase(pair_words, state, victim)


@helper
def _see(words: Int64s, cells: Int32s, pair_words: Int64s, state: Int64s, owner: int, value: int, pane: int) -> None:
    """Bring a value's one to `pane`, which its owner's row already reaches to."""
    slot = owner & 0xFFFFFFFF
    at = pairs.find(pair_words, owner, value)
    if pair_words[at, pairs.OWNER] == 0:
        if state[pairs.COUNT] >= state[pairs.COUNT_MAX]:
            _evict(words, cells, pair_words, state, owner, value)
            at = pairs.find(pair_words, owner, value)
        pairs.put(pair_words, state, at, owner, value, pane)
        cells[slot, pane % PANES] += 1
    elif pane > pair_words[at, pairs.STAMP]:
        if _is_live(words, owner, pair_words[at, pairs.STAMP]):
            cells[slot, pair_words[at, pairs.STAMP] % PANES] -= 1
        pair_words[at, pairs.STAMP] = pane
        cells[slot, pane % PANES] += 1


@kernel(
    INT, IN_I32, IN_I32, IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, IN_U64, INT,
    TABLE, TABLE_I32, TABLE, OUT_I64, OUT_I64, OUT_I64,
)  # fmt: skip
def _distinct(
    start: int,
    rows: Int32s,
    at_slot: Int32s,
    at_epoch: Int32s,
    read_slot: Int32s,
    read_epoch: Int32s,
    ts_ms: Int64s,
    updates: Bools,
    values: Uint64s,
    pane_ms: int,
    words: Int64s,
    cells: Int32s,
    pair_words: Int64s,
    state: Int64s,
    newest_ms: Int64s,
    out: Int64s,
) -> int:
    """Work through rows[start:]; gives the position of the first row that needs room for pairs, else len(rows)."""
    for i in range(start, len(rows)):
        prefetch_ahead(words, rows, i, at_slot, read_slot)
        if i + AHEAD < len(rows):
            row = rows[i + AHEAD]
            if updates[row]:
                owner = _owner(at_slot[row], at_epoch[row])
                prefetch(pair_words, pairs.home_of(pair_words, owner, np.int64(values[row])))
        row = rows[i]
        pane = ts_ms[row] // pane_ms
        slot, epoch = np.int64(at_slot[row]), np.int64(at_epoch[row])
        if updates[row] and slot >= 0:
            if state[pairs.BUDGET] <= 0:
                return i
            newest_ms[0] = max(newest_ms[0], ts_ms[row])
            if advance(words, cells, PANES, slot, epoch, pane) and values[row] != 0:
                _see(words, cells, pair_words, state, _owner(slot, epoch), np.int64(values[row]), pane)
        slot, epoch = np.int64(read_slot[row]), np.int64(read_epoch[row])
        if slot >= 0:
            out[row] = total(words, cells, PANES, slot, epoch, pane)
    return len(rows)


@kernel(TABLE, TABLE, INT)
def _mark_dead(pair_words: Int64s, words: Int64s, pane_too_old: int) -> int:
    """Set the owner of each pair to 0 that can't count again; gives the number of the others."""
    living = 0
    for at in range(len(pair_words)):
        owner = pair_words[at, pairs.OWNER]
        pane = pair_words[at, pairs.STAMP]
        if owner == 0:
            continue
        if pane > pane_too_old and _is_live(words, owner, pane):
            living += 1
        else:
            pair_words[at, pairs.OWNER] = 0
    return living
