"""Keys to dense slots: where the windows of a number, device, host or account are kept.

Enters: 64-bit keys in arrival order. Leaves: per event a slot and its epoch. Invariants: what an event gets depends on
the events before it alone, never on how the stream was cut into batches; no more than `keys_max` keys are held.

A full table gives the slot of a key that was not updated lately to the new key (CLOCK, also called second chance: a
hand goes round the slots, spares once those that were updated since it last came by, and takes the first that was not).
Nobody is told: the slot's epoch becomes one higher, and a window that meets a slot with another epoch than it stored
starts afresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from interceptor.kernels import (
    AHEAD,
    IN_BOOL,
    IN_I32,
    IN_U64,
    INT,
    OUT_I32,
    OUT_I64,
    OUT_U8,
    ROWS_MIN,
    TABLE,
    Bools,
    Int32s,
    Int64s,
    Uint8s,
    Uint64s,
    helper,
    inlined,
    kernel,
    prefetch,
    table,
)
from interceptor.state import State, array_of, checked

KEYS_LIMIT = 2**30  # slots are int32

_KEY, _PLACE = 0, 1  # words of the index: the mixed key, 0 = empty; its epoch and slot in one word
_SIZE, _HAND, _EVICTED = 0, 1, 2  # items of the state
_EPOCH_SHIFT = 32
SLOT_MASK = (1 << _EPOCH_SHIFT) - 1
NO_PLACE, NO_ROOM = -1, -2  # instead of an epoch and slot


@dataclass(slots=True)
class Slots:
    """Per event: slot int32[n], -1 = none; epoch int32[n], 1 at the slot's first key, 0 where there is no slot."""

    slot: Int32s
    epoch: Int32s
    used: int = -1  # all slots are below this

    def __post_init__(self) -> None:
        if self.used < 0:
            self.used = int(self.slot.max(initial=-1)) + 1


class KeyTable:
    """Up to `keys_max` keys, each with a slot, held as they are `mixed`: no two keys are the same then, and 0 stays 0.
    Memory: 32 to 64 bytes a key for the index, 13 for the slot."""

    def __init__(self, keys_max: int) -> None:
        if not 1 <= keys_max <= KEYS_LIMIT:
            raise ValueError(f"keys_max is {keys_max}, must be from 1 to {KEYS_LIMIT}")
        self.keys_max = keys_max
        self._state = np.zeros(3, np.int64)
        self._key_of_slot = np.zeros(0, np.int64)
        self._epoch_of_slot = np.zeros(0, np.int32)
        self._touched = np.zeros(0, np.uint8)
        self.grow()

    @property
    def size(self) -> int:
        """Keys held."""
        return int(self._state[_SIZE])

    @property
    def evicted(self) -> int:
        """Keys that lost their slot to another one so far."""
        return int(self._state[_EVICTED])

    @property
    def capacity(self) -> int:
        """Slots are below this. Grows."""
        return len(self._key_of_slot)

    def slots(self, keys: Uint64s, rows: Int32s, inserting: Bools) -> Slots:
        """Slots of `keys` at `rows` (arrival order), none at other rows. A key that is absent gets a slot where
        `inserting`; key 0 never has one."""
        found = Slots(np.full(len(keys), -1, np.int32), np.zeros(len(keys), np.int32), 0)
        done = 0
        while True:
            done = _find_slots(
                done, rows, keys, inserting, self.keys_max, self._index, self._key_of_slot,
                self._epoch_of_slot, self._touched, self._state, found.slot, found.epoch,
            )  # fmt: skip
            if done == len(rows):
                found.used = self.size
                return found
            self.grow()

    @property
    def memory(self) -> tuple[Int64s, Int64s, Int32s, Uint8s, Int64s]:
        """What kernels take: index int64[m, 2], mixed keys int64[capacity], epochs, marks of the hand, and counts (the
        first: how many keys). Others after `grow` and `put_back`."""
        return self._index, self._key_of_slot, self._epoch_of_slot, self._touched, self._state

    def taken(self) -> State:
        """Its state. The index isn't part of it, since it follows from the keys."""
        used = slice(self.size)
        return {
            "state": self._state.copy(),
            "keys": self._key_of_slot[used].copy(),
            "epochs": self._epoch_of_slot[used].copy(),
            "touched": self._touched[used].copy(),
        }

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on where another table was. Raises StateMisfit, also where that held more than `keys_max`."""
        counts = array_of(state, "state", np.int64, rows=3).copy()
        size, hand = int(counts[_SIZE]), int(counts[_HAND])
        checked(0 <= size <= self.keys_max, f"{size:,} keys, at most {self.keys_max:,} are held here")
        checked(0 <= hand < max(size, 1), f"a hand at {hand:,} of {size:,} slots")
        self._state = counts
        self._key_of_slot = array_of(state, "keys", np.int64, rows=size)
        self._epoch_of_slot = array_of(state, "epochs", np.int32, rows=size)
        self._touched = array_of(state, "touched", np.uint8, rows=size)
        capacity = ROWS_MIN
        while capacity < size:
            capacity *= 2
        self._widen(min(self.keys_max, capacity))

    def grow(self) -> None:
        """Room for twice as many keys, at most keys_max."""
        self._widen(min(self.keys_max, max(ROWS_MIN, 2 * self.capacity)))

    def _widen(self, capacity: int) -> None:
        """To so many slots, in new memory."""
        added = capacity - self.capacity
        self._key_of_slot = np.concatenate((self._key_of_slot, np.zeros(added, np.int64)))
        self._epoch_of_slot = np.concatenate((self._epoch_of_slot, np.zeros(added, np.int32)))
        self._touched = np.concatenate((self._touched, np.zeros(added, np.uint8)))
        self._index = table(2 << (capacity - 1).bit_length(), 2)  # at most half full
        _fill_index(self.size, self._key_of_slot, self._epoch_of_slot, self._index)


@inlined
def mixed(word: int) -> np.int64:
    """A 64-bit hash of an int64 that maps no two words to the same hash."""
    bits = np.uint64(word)
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0xD6E8FEB86659FD93)
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0xD6E8FEB86659FD93)
    bits ^= bits >> np.uint64(32)
    return np.int64(bits)


@inlined
def _place_of(epoch: int, slot: int) -> np.int64:
    return np.int64(epoch) << _EPOCH_SHIFT | slot


@inlined
def slot_of(place: int) -> int:
    return place & SLOT_MASK


@inlined
def epoch_of(place: int) -> int:
    return place >> _EPOCH_SHIFT


@inlined
def _position(index: Int64s, key: int) -> int:
    """Position of a mixed key, or of the empty place where it belongs."""
    mask = len(index) - 1
    at = key & mask
    while index[at, _KEY] != key and index[at, _KEY] != 0:
        at = (at + 1) & mask
    return at


@inlined
def find(index: Int64s, key: int) -> np.int64:
    """Epoch (high half) and slot (low half) of a mixed key, NO_PLACE where there are none."""
    at = _position(index, key)
    return index[at, _PLACE] if index[at, _KEY] != 0 else np.int64(NO_PLACE)


@helper
def _erase(index: Int64s, at: int) -> None:
    """Empty a place and move back what had been pushed behind it, so that no search stops too early."""
    mask = len(index) - 1
    after = (at + 1) & mask
    while index[after, _KEY] != 0:
        home = index[after, _KEY] & mask
        if (after - home) & mask >= (after - at) & mask:
            index[at, _KEY] = index[after, _KEY]
            index[at, _PLACE] = index[after, _PLACE]
            at = after
        after = (after + 1) & mask
    index[at, _KEY] = 0


@helper
def _evict(index: Int64s, key_of_slot: Int64s, touched: Uint8s, state: Int64s) -> int:
    """Free the slot of a key that was not updated lately."""
    slot = state[_HAND]
    while touched[slot]:
        touched[slot] = 0
        slot = (slot + 1) % len(touched)
    state[_HAND] = (slot + 1) % len(touched)
    state[_EVICTED] += 1
    _erase(index, _position(index, key_of_slot[slot]))
    return slot


@inlined
def placed(
    key: int, inserting: bool, keys_max: int, index: Int64s, key_of_slot: Int64s, epoch_of_slot: Int32s,
    touched: Uint8s, state: Int64s,
) -> np.int64:  # fmt: skip
    """What `find` gives, after a key that is absent got a slot where `inserting`; NO_ROOM where the table must grow
    for that. Key 0 never has a slot."""
    at = _position(index, key)
    if index[at, _KEY] == 0:
        if not inserting or key == 0:
            return np.int64(NO_PLACE)
        slot = state[_SIZE]
        if slot < len(key_of_slot):
            state[_SIZE] += 1
        elif slot < keys_max:
            return np.int64(NO_ROOM)
        else:
            slot = _evict(index, key_of_slot, touched, state)
            at = _position(index, key)
        key_of_slot[slot] = key
        epoch_of_slot[slot] += 1
        index[at, _KEY] = key
        index[at, _PLACE] = _place_of(epoch_of_slot[slot], slot)
    place = index[at, _PLACE]
    if inserting:
        touched[slot_of(place)] = 1
    return place


@kernel(INT, IN_I32, IN_U64, IN_BOOL, INT, TABLE, OUT_I64, OUT_I32, OUT_U8, OUT_I64, OUT_I32, OUT_I32)
def _find_slots(
    start: int,
    rows: Int32s,
    keys: Uint64s,
    inserting: Bools,
    keys_max: int,
    index: Int64s,
    key_of_slot: Int64s,
    epoch_of_slot: Int32s,
    touched: Uint8s,
    state: Int64s,
    slots: Int32s,
    epochs: Int32s,
) -> int:
    """Work through rows[start:]; gives the position of the first row that needs a larger table, else len(rows)."""
    mask = len(index) - 1
    for i in range(start, len(rows)):
        if i + AHEAD < len(rows):
            prefetch(index, mixed(np.int64(keys[rows[i + AHEAD]])) & mask)
        row = rows[i]
        key = mixed(np.int64(keys[row]))
        place = placed(key, inserting[row], keys_max, index, key_of_slot, epoch_of_slot, touched, state)
        if place == NO_ROOM:
            return i
        if place >= 0:
            slots[row], epochs[row] = slot_of(place), epoch_of(place)
    return len(rows)


@kernel(INT, OUT_I64, OUT_I32, TABLE)
def _fill_index(size: int, key_of_slot: Int64s, epoch_of_slot: Int32s, index: Int64s) -> None:
    mask = len(index) - 1
    for slot in range(size):
        if slot + AHEAD < size:
            prefetch(index, key_of_slot[slot + AHEAD] & mask)
        at = _position(index, key_of_slot[slot])
        index[at, _KEY] = key_of_slot[slot]
        index[at, _PLACE] = _place_of(epoch_of_slot[slot], slot)
