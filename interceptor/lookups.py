"""The look-ups behind lists: is a value listed at its time?

Enters: 64-bit keys or host names, each with a time, and tables of spans. Leaves: yes or no for each. Invariant: a span
(from_ms, expires_ms) covers from_ms <= ts_ms < expires_ms; key 0 is never in a table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from interceptor import hosts
from interceptor.entries import FOREVER_MS, TAKEN_OFF_MS
from interceptor.kernels import (
    AHEAD,
    IN_I32,
    IN_I64,
    IN_U8,
    IN_U64,
    INT,
    OUT_I32,
    OUT_I64,
    OUT_U8,
    TABLE,
    Bools,
    Int32s,
    Int64s,
    Uint8s,
    Uint64s,
    helper,
    kernel,
    prefetch,
    table,
)
from interceptor.tables import mixed

ROOM_FOR_MIN = 48
FROM, EXPIRES = 0, 1  # words of a span

FNV_START, FNV_PRIME = np.uint64(hosts.FNV_START), np.uint64(hosts.FNV_PRIME)
_TEN, _HALF, _LOWER = np.uint64(10), np.uint64(32), np.uint64(2**32 - 1)
_POWERS = tuple(np.uint64(10**n) for n in range(20))
DOT = ord(".")
_BEFORE_ALL_MS = -(2**63)


class SpanTable:
    """Key → (from_ms, expires_ms) and a code, open addressing. `keys` int64[capacity, 1], 0 = free; `spans`
    int64[capacity, 2]; `codes` int32[capacity], whose pages aren't there where every code is 0.

    The capacity is no power of two, so that a long list fits as closely as it may: seven eighths full, 29 bytes a key.
    Nearly all look-ups are for keys that aren't there, so each key also sets three bits of a word of `sieve`: for 97 of
    100 other keys one of theirs is 0, and the table, too large for the processor's cache, isn't touched.
    """

    def __init__(self) -> None:
        self.size = 0
        self.located: list[int]  # address and length of sieve, keys and spans, for kernels
        self._allocate(ROOM_FOR_MIN)

    @property
    def bytes_held(self) -> int:
        """Memory, without codes."""
        return int(self.sieve.nbytes + self.keys.nbytes + self.spans.nbytes)

    def reserve(self, keys: int) -> None:
        """Makes room for so many keys more: growing by and by takes twice the memory for a while."""
        if (self.size + keys) * 16 > len(self.keys) * 15:
            self._move(self.held(), max(self.size + keys, self.size * 5 // 4))

    def put(self, keys: Uint64s, from_ms: Int64s, expires_ms: Int64s, codes: Int32s) -> None:
        """Adds keys, or extends those that are there. Of several codes, 0 aside, that of the latest end is kept."""
        self.reserve(len(keys))
        self.size += put_all(keys, from_ms, expires_ms, codes, self.sieve, self.keys, self.spans, self.codes)

    def find(self, keys: Uint64s) -> Int64s:
        """int64[n]: where each key is, -1 where it isn't."""
        at = np.empty(len(keys), np.int64)
        find_all(keys, self.sieve, self.keys, at)
        return at

    def get(self, key: int) -> tuple[int, int, int] | None:
        """Span and code of one key."""
        at = int(self.find(np.array([key], np.uint64))[0])
        return None if at < 0 else (int(self.spans[at, FROM]), int(self.spans[at, EXPIRES]), int(self.codes[at]))

    def set(self, keys: Uint64s, from_ms: int, expires_ms: int) -> None:
        """Gives those keys that are there exactly this span, and no code."""
        at = self.find(keys)
        at = at[at >= 0]
        self.spans[at], self.codes[at] = (from_ms, expires_ms), 0

    def ending(self, before_ms: int) -> int:
        """How many keys expire at `before_ms` or earlier, without those that were taken off."""
        return int((self.spans[:, EXPIRES] <= before_ms).sum(where=(self.keys[:, 0] != 0) & self._is_on()))

    def drop(self, before_ms: int) -> int:
        """Drops keys that expire at `before_ms` or earlier; gives how many. That one was taken off isn't forgotten."""
        before = self.size
        held = self.held(before_ms)
        self._move(held, max(ROOM_FOR_MIN, len(held[0])))
        return before - self.size

    def held(self, before_ms: int = _BEFORE_ALL_MS) -> tuple[Uint64s, Int64s, Int64s, Int32s]:
        """Keys that expire later or were taken off, their spans and codes."""
        stays = (self.spans[:, EXPIRES] > before_ms) | ~self._is_on()
        places = np.flatnonzero((self.keys[:, 0] != 0) & stays)
        spans = self.spans[places, FROM], self.spans[places, EXPIRES]
        return self.keys[places, 0].view(np.uint64), *spans, self.codes[places]

    def _is_on(self) -> Bools:
        return self.spans[:, FROM] != FOREVER_MS

    def _move(self, held: tuple[Uint64s, Int64s, Int64s, Int32s], keys: int) -> None:
        """Into new tables with room for so many keys."""
        self._allocate(keys)
        self.size = put_all(*held, self.sieve, self.keys, self.spans, self.codes)

    def _allocate(self, keys: int) -> None:
        capacity = keys + keys // 7 + 1
        self.sieve, self.keys, self.spans = table(capacity // 8 + 1, 1), table(capacity, 1), table(capacity, 2)
        self.codes: Int32s = np.zeros(capacity, np.int32)
        self.located = [
            word for one in (self.sieve, self.keys, self.spans) for word in (pa.py_buffer(one).address, len(one))
        ]


@helper
def sieve_word(hash_: int, sieve: Int64s) -> int:
    """A key's word of the sieve: the lower half of its hash, as a share of the words."""
    share = (np.uint64(hash_) & _LOWER) * np.uint64(len(sieve)) >> _HALF
    return int(np.int64(share))


@helper
def _bits(hash_: int) -> int:
    """A key's bits of that word."""
    one = np.int64(1)
    return int(one << (hash_ & 63) | one << (hash_ >> 6 & 63) | one << (hash_ >> 32 & 63))


@helper
def passes(hash_: int, sieve: Int64s) -> bool:
    """Whether a key may be there, by its hash."""
    bits = _bits(hash_)
    return bool(sieve[sieve_word(hash_, sieve), 0] & bits == bits)


@helper
def home_of(hash_: int, keys: Int64s) -> int:
    """Where the search for a key begins: the upper half of its hash, as a share of the capacity."""
    share = (np.uint64(hash_) >> _HALF) * np.uint64(len(keys)) >> _HALF
    return int(np.int64(share))


@helper
def _place(key: int, home: int, keys: Int64s) -> int:
    """Where `key` is, or the free place where it belongs."""
    at = home
    while keys[at, 0] != key and keys[at, 0] != 0:
        at = at + 1 if at + 1 < len(keys) else 0
    return at


@helper
def found_at(key: int, sieve: Int64s, keys: Int64s) -> int:
    """Where `key` is, -1 where it isn't."""
    return found_by_hash(key, mixed(key), sieve, keys)


@helper
def found_by_hash(key: int, hash_: int, sieve: Int64s, keys: Int64s) -> int:
    """The same for who has hashed the key (`mixed`) already."""
    if not passes(hash_, sieve) or key == 0:
        return -1
    at = _place(key, home_of(hash_, keys), keys)
    return at if keys[at, 0] == key else -1


@kernel(IN_U64, IN_I64, IN_I64, IN_I32, TABLE, TABLE, TABLE, OUT_I32)
def put_all(
    values: Uint64s,
    from_ms: Int64s,
    expires_ms: Int64s,
    given: Int32s,
    sieve: Int64s,
    keys: Int64s,
    spans: Int64s,
    codes: Int32s,
) -> int:
    """Adds or extends keys; gives how many are new. There must be room."""
    added = 0
    for i in range(len(values)):
        if i + AHEAD < len(values):
            ahead = mixed(np.int64(values[i + AHEAD]))
            prefetch(keys, home_of(ahead, keys))
            prefetch(spans, home_of(ahead, keys))
            prefetch(sieve, sieve_word(ahead, sieve))
        key = np.int64(values[i])
        if key == 0:
            continue
        hash_ = mixed(key)
        at = _place(key, home_of(hash_, keys), keys)
        if keys[at, 0] == 0:
            sieve[sieve_word(hash_, sieve), 0] |= _bits(hash_)
            keys[at, 0] = key
            spans[at, FROM], spans[at, EXPIRES] = from_ms[i], expires_ms[i]
            if given[i] != 0:
                codes[at] = given[i]
            added += 1
        else:
            if given[i] != 0 and expires_ms[i] >= spans[at, EXPIRES]:
                codes[at] = given[i]
            spans[at, FROM] = min(spans[at, FROM], from_ms[i])
            spans[at, EXPIRES] = max(spans[at, EXPIRES], expires_ms[i])
    return added


@kernel(IN_U64, TABLE, TABLE, OUT_I64)
def find_all(values: Uint64s, sieve: Int64s, keys: Int64s, found: Int64s) -> None:
    for i in range(len(values)):
        if i + AHEAD < len(values):
            prefetch(sieve, sieve_word(mixed(np.int64(values[i + AHEAD])), sieve))
        found[i] = found_at(np.int64(values[i]), sieve, keys)


@helper
def holds(at: int, ts_ms: int, spans: Int64s) -> bool:
    """Whether there is a key, and its span covers the time."""
    return at >= 0 and spans[at, FROM] <= ts_ms < spans[at, EXPIRES]


@helper
def is_taken_off(at: int, spans: Int64s) -> bool:
    """Whether there is a key, and it was taken off."""
    return at >= 0 and spans[at, FROM] == TAKEN_OFF_MS[FROM] and spans[at, EXPIRES] == TAKEN_OFF_MS[EXPIRES]


@helper
def longest_of(lengths: int) -> int:
    """The number of the highest bit."""
    longest = 0
    while lengths >> longest > 1:
        longest += 1
    return longest


@helper
def begins_listed(
    value: int, ts_ms: int, lengths: int, longest: int, sieve: Int64s, keys: Int64s, spans: Int64s
) -> bool:
    """Cuts digits off at the end of a value and looks up what is left. `lengths`: bit n is set if there is a prefix of
    n digits; `longest`: the highest of them."""
    begin: Any = np.uint64(value)
    digits = 11 if begin >= _POWERS[10] else 1  # most numbers have 11 to 13
    while digits < 20 and begin >= _POWERS[digits]:
        digits += 1
    if digits > longest:
        begin //= _POWERS[digits - longest]
        digits = longest
    while digits > 0:
        if lengths >> digits & 1 and holds(found_at(np.int64(begin), sieve, keys), ts_ms, spans):
            return True
        begin //= _TEN
        digits -= 1
    return False


@kernel(IN_U64, IN_I64, INT, TABLE, TABLE, TABLE, OUT_U8)
def begins(
    values: Uint64s, ts_ms: Int64s, lengths: int, sieve: Int64s, keys: Int64s, spans: Int64s, listed: Uint8s
) -> None:
    longest = longest_of(lengths)
    for i in range(len(values)):
        listed[i] = begins_listed(values[i], ts_ms[i], lengths, longest, sieve, keys, spans)


@kernel(IN_U8, IN_I64, IN_I64, IN_I64, TABLE, TABLE, TABLE, OUT_U8)
def is_below(
    data: Uint8s,
    starts: Int64s,
    stops: Int64s,
    ts_ms: Int64s,
    sieve: Int64s,
    keys: Int64s,
    spans: Int64s,
    listed: Uint8s,
) -> None:
    """Hashes each host from its end and looks it up wherever a label begins."""
    for i in range(len(starts)):
        found: Any = FNV_START
        for at in range(stops[i] - 1, starts[i] - 1, -1):
            found = (found ^ np.uint64(data[at])) * FNV_PRIME
            if at == starts[i] or data[at - 1] == DOT:
                place = found_at(np.int64(found) if found != 0 else 1, sieve, keys)
                if holds(place, ts_ms[i], spans):
                    listed[i] = 1
                    break


@kernel(IN_U8, IN_I64, IN_I64, OUT_I64)
def hash_hosts(data: Uint8s, starts: Int64s, stops: Int64s, hashes: Int64s) -> None:
    for i in range(len(starts)):
        found: Any = FNV_START
        for at in range(stops[i] - 1, starts[i] - 1, -1):
            found = (found ^ np.uint64(data[at])) * FNV_PRIME
        if stops[i] > starts[i]:
            hashes[i] = np.int64(found) if found != 0 else 1
