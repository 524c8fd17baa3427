"""64-bit keys as SQLite keeps integers.

Enters: a key of the stream, 0 … 2^64 - 1. Leaves: the same bits as a signed integer, and back. Invariant: one integer
for one key.
"""

from __future__ import annotations

_HALF, _ALL = 1 << 63, 1 << 64


def signed(key: int) -> int:
    return key - _ALL if key >= _HALF else key


def unsigned(value: int) -> int:
    return value + _ALL if value < 0 else value
