"""The control: how fast the machine is at this moment, whatever is measured beside it.

Enters: nothing. Leaves: ns of CPU a step. Invariant: the same work every time, on the same memory.

A step mixes a word and adds a word of a table of 64 MB at the place that comes out: half arithmetic, half waiting for
memory, as in the engine. It is the least of a few tries, so that only what lasts shows: a slower clock, a neighbour
in the cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from interceptor.kernels import IN_I64, INT, Int64s, kernel
from interceptor.tables import mixed

STEPS, TRIES, TABLE_BYTES = 500_000, 5, 64 << 20


@kernel(IN_I64, INT)
def _walk(words: Int64s, steps: int) -> int:
    mask, total = len(words) - 1, 0
    for step in range(steps):
        total += words[mixed(step) & mask]
    return total


@lru_cache(1)
def _words() -> Int64s:
    return np.arange(TABLE_BYTES // 8, dtype=np.int64)


def control_ns() -> float:
    """ns of CPU a step, now; takes some 20 ms."""
    words = _words()
    _walk(words, 1)  # compiled, or loaded from disk
    return min(cpu_s(lambda: _walk(words, STEPS)) for _ in range(TRIES)) / STEPS * 1e9


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of CPU of this process that it takes."""
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


@dataclass(slots=True)
class Timed:
    """What a piece of work took; `control`: the mean of before and after, in ns."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    control: float = 0.0


@contextmanager
def timed() -> Iterator[Timed]:
    """Times what is within, between two controls."""
    found, before = Timed(), control_ns()
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    yield found
    found.cpu_s, found.wall_s = time.process_time() - cpu_began_s, time.perf_counter() - began_s
    found.control = (before + control_ns()) / 2
