"""What the work of the engine costs at the least: to touch its bytes once, to probe a table once.

Enters: arrays, keys. Leaves: seconds of CPU. Invariant: the kernels do nothing else, and their result is used, so that
no compiler can leave them out.

A table is open addressing with rows of 16 bytes, key and slot, at most half full, as KeyTable's index; a probe asks for
its line of memory twelve keys ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import hyperscan
import numpy as np

from benchmarks.control import cpu_s
from interceptor.kernels import AHEAD, IN_I64, INT, TABLE, Int64s, kernel, prefetch, table
from interceptor.tables import find, mixed

TRIES = 3
_KEY, _SLOT = 0, 1


@kernel(IN_I64)
def _sum(words: Int64s) -> int:
    total = 0
    for word in words:
        total += word
    return total


@kernel(IN_I64, TABLE)
def _insert(keys: Int64s, index: Int64s) -> int:
    mask, held = len(index) - 1, 0
    for i in range(len(keys)):
        if i + AHEAD < len(keys):
            prefetch(index, mixed(keys[i + AHEAD]) & mask)
        key = mixed(keys[i])
        at = key & mask
        while index[at, _KEY] != key and index[at, _KEY] != 0:
            at = (at + 1) & mask
        if index[at, _KEY] == 0:
            held += 1
            index[at, _KEY], index[at, _SLOT] = key, held
    return held


@kernel(IN_I64, TABLE)
def _probe(keys: Int64s, index: Int64s) -> int:
    mask, total = len(index) - 1, 0
    for i in range(len(keys)):
        if i + AHEAD < len(keys):
            prefetch(index, mixed(keys[i + AHEAD]) & mask)
        total += find(index, mixed(keys[i]))
    return total


@kernel(INT)
def _nothing(number: int) -> int:
    return number


def touch_s(arrays: Iterable[np.ndarray]) -> float:
    """To read every byte of these arrays once, eight at a time."""
    words = [_words(array) for array in arrays]
    return _least(lambda: [_sum(one) for one in words])


class Probes:
    """Tables of keys, each made once: a table is known by its name."""

    def __init__(self) -> None:
        self._tables: dict[object, Int64s] = {}

    def fill(self, name: object, keys: np.ndarray) -> None:
        """Makes the table of these keys (64 bits each, any number of times the same)."""
        if name in self._tables:
            return
        different = np.unique(np.ascontiguousarray(keys).reshape(-1).view(np.int64))
        index = table(2 << max(10, len(different)).bit_length(), 2)  # at most half full
        _insert(np.random.default_rng(1).permutation(different), index)
        self._tables[name] = index

    def probe_s(self, name: object, keys: np.ndarray) -> float:
        """To look up each of these once, in this order."""
        words, index = np.ascontiguousarray(keys).view(np.int64), self._tables[name]
        return _least(lambda: _probe(words, index))


def scan_s(database: hyperscan.Database | None, data: np.ndarray) -> float:
    """Hyperscan over these bytes, told of no match."""
    if database is None or not len(data):
        return 0.0
    return _least(lambda: bare_scan(database, data))


def bare_scan(database: hyperscan.Database, data: np.ndarray) -> None:
    """The scan alone."""
    database.scan(data)  # type: ignore[call-arg, type-var]  # any buffer will do, and nobody need be told


def pairs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """uint64[n]: one key of each pair."""
    return one.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) ^ other.astype(np.uint64)


def _least(work: Callable[[], object]) -> float:
    return min(cpu_s(work) for _ in range(TRIES))


def _words(array: np.ndarray) -> Int64s:
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat[: len(flat) // 8 * 8].view(np.int64) if flat.ctypes.data % 8 == 0 else np.frombuffer(
        flat[: len(flat) // 8 * 8].tobytes(), np.int64
    )  # fmt: skip
