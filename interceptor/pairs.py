"""A memory of (owner, value) pairs and when each was last seen, that forgets what can no longer matter.

Enters: pairs with a stamp (a pane). Leaves: where a pair is. Invariants: at most `pairs_max` pairs are held;
the layout depends on the pairs put in and their order alone, so that what is evicted doesn't depend on how the stream
was cut.

Kernels put pairs in with `put` while the budget lasts, then return to Python, which has the dead erased and calls
`make_room`. At `pairs_max` the pair with the oldest stamp within PROBE places of the new one's home goes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from interceptor.kernels import ROWS_MIN, TABLE, Int64s, helper, inlined, kernel, table
from interceptor.state import State, array_of, checked, nested, rows_put_back, rows_taken, within
from interceptor.tables import mixed

OWNER, VALUE, STAMP = 0, 1, 2  # words of a pair; owner 0 = empty
BYTES = 24
COUNT, COUNT_MAX, BUDGET, EVICTED = 0, 1, 2, 3  # items of the state
PROBE = 16
ROOM = 8  # pairs that can be put in at the least once room was made


class PairTable:
    """`words` int64[capacity, 3] and `state` int64[4] are for kernels. 48 to 96 bytes a pair, once it has grown."""

    def __init__(self, pairs_max: int) -> None:
        if pairs_max < 1:
            raise ValueError(f"pairs_max is {pairs_max}, must be at least 1")
        self.words = table(ROWS_MIN, 3)
        self.state = np.zeros(4, np.int64)
        self.state[COUNT_MAX] = pairs_max
        self.make_room()

    @property
    def size(self) -> int:
        """Pairs held, with those that are dead but were not forgotten yet."""
        return int(self.state[COUNT])

    @property
    def evicted(self) -> int:
        """Pairs that went for want of room while they still mattered."""
        return int(self.state[EVICTED])

    def make_room(self) -> None:
        """To be called when the dead were erased. Larger where the living fill more than a quarter. The budget is in
        proportion to what it costs to look for the dead, so that the cost stays small for each pair put in."""
        living, pairs_max = self.size, int(self.state[COUNT_MAX])
        capacity = len(self.words)
        while living > capacity // 4 and capacity // 2 < pairs_max:
            capacity *= 2
        if capacity > len(self.words):
            words = table(capacity, 3)
            _rebuild(self.words, words)
            self.words = words
        room = capacity // 2 - living
        if capacity // 2 >= pairs_max:
            room = max(pairs_max - living, pairs_max // 4, ROOM)  # the rest by eviction
        self.state[BUDGET] = room

    def taken(self) -> State:
        """Its state: also where each pair stands, since that decides which one makes room."""
        return {"state": self.state.copy()} | nested({"pairs": rows_taken(self.words)})

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on where another table was. Raises StateMisfit, also where that held more than `pairs_max`."""
        counts = array_of(state, "state", np.int64, rows=4).copy()
        words, pairs_max = rows_put_back(within(state, "pairs"), 3), int(self.state[COUNT_MAX])
        count = len(state["pairs/at"])
        checked(count <= pairs_max, f"{count:,} pairs, at most {pairs_max:,} are held here")
        checked(count == counts[COUNT] and count <= len(words) // 2, f"{count:,} pairs in a table of {len(words):,}")
        counts[COUNT_MAX] = pairs_max
        self.words, self.state = words, counts


@inlined
def hash_of(owner: int, value: int) -> np.int64:
    """Its low bits say where the search for a pair starts."""
    return mixed(mixed(owner) ^ value)


@inlined
def find(words: Int64s, hashed: int, owner: int, value: int) -> int:
    """Place of the pair, or the empty place (owner 0) where it belongs."""
    at = hashed & (len(words) - 1)
    while words[at, OWNER] != 0 and (words[at, OWNER] != owner or words[at, VALUE] != value):
        at = (at + 1) & (len(words) - 1)
    return at


@helper
def victim_of(words: Int64s, hashed: int) -> int:
    """Place of the pair that goes when one with this hash comes to a full table: the oldest nearby, the nearest of
    equals."""
    mask = len(words) - 1
    home = hashed & mask
    victim = -1
    step = 0
    while step < PROBE or victim < 0:
        at = (home + step) & mask
        if words[at, OWNER] != 0 and (victim < 0 or words[at, STAMP] < words[victim, STAMP]):
            victim = at
        step += 1
    return victim


@helper
def erase(words: Int64s, state: Int64s, at: int) -> None:
    """Empty a place and move back what had been pushed behind it, so that no search stops too early."""
    mask = len(words) - 1
    after = (at + 1) & mask
    while words[after, OWNER] != 0:
        home = hash_of(words[after, OWNER], words[after, VALUE]) & mask
        if (after - home) & mask >= (after - at) & mask:
            for word in range(3):
                words[at, word] = words[after, word]
            at = after
        after = (after + 1) & mask
    words[at, OWNER] = 0
    state[COUNT] -= 1


@inlined
def put(words: Int64s, state: Int64s, at: int, owner: int, value: int, stamp: int) -> None:
    """Put in a pair at the empty place where it belongs. COUNT must be below COUNT_MAX, and there must be budget."""
    words[at, OWNER] = owner
    words[at, VALUE] = value
    words[at, STAMP] = stamp
    state[COUNT] += 1
    state[BUDGET] -= 1


@kernel(TABLE, TABLE)
def _rebuild(old: Int64s, new: Int64s) -> None:
    for at in range(len(old)):
        if old[at, OWNER] != 0:
            owner, value = old[at, OWNER], old[at, VALUE]
            place = find(new, hash_of(owner, value), owner, value)
            for word in range(3):
                new[place, word] = old[at, word]
