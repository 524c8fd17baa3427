"""Which keys a table surely hasn't got: most of those that windows are read by, told by one bit each.

Enters: keys, mixed as in tables. Leaves: "surely not", or "maybe". Invariant: a key of the table is always a maybe. Of
the others few are, as long as there are eight bits for each that was marked; what was marked for keys that are gone
goes when the sieve is filled anew.
"""

from __future__ import annotations

import numpy as np

from interceptor.kernels import Int64s, Uint8s, fetch, helper, inlined

BYTES_AT_HAND = 32_768  # of a sieve that need not be asked for
_SHIFT = np.uint64(32)  # the bits of a mixed key below are where its place in the table comes from


def empty_sieve(capacity: int) -> Uint8s:
    """For a table of so many slots: 1 to 2 bytes each."""
    return np.zeros(1 << (capacity - 1).bit_length(), np.uint8)


@inlined
def _bit(sieve: Uint8s, mixed_key: int) -> np.uint64:
    return (np.uint64(mixed_key) >> _SHIFT) & np.uint64(8 * len(sieve) - 1)


@inlined
def ask(sieve: Uint8s, mixed_key: int) -> None:
    """Has the key's bit brought near, without waiting for it."""
    fetch(sieve.ctypes.data + np.int64(_bit(sieve, mixed_key) >> np.uint64(3)))


@inlined
def passes(sieve: Uint8s, mixed_key: int) -> bool:
    """Whether it may be there."""
    bit = _bit(sieve, mixed_key)
    return np.int64(sieve[bit >> np.uint64(3)]) >> np.int64(bit & np.uint64(7)) & 1 != 0


@inlined
def mark(sieve: Uint8s, mixed_key: int) -> int:
    """From now on it passes. 1 where it didn't."""
    bit = _bit(sieve, mixed_key)
    before, one = sieve[bit >> np.uint64(3)], np.uint8(1 << np.int64(bit & np.uint64(7)))
    sieve[bit >> np.uint64(3)] = before | one
    return 0 if before & one else 1


@helper
def fill(sieve: Uint8s, keys: Int64s, count: int) -> int:
    """With the first `count` keys and no others. Gives the number of bits that are set."""
    sieve[:] = 0
    found = 0
    for slot in range(count):
        found += mark(sieve, keys[slot])
    return found
