"""Randomness that can be replayed.

Enters: a seed and names. Leaves: generators and uniform draws. Invariant: a draw depends on what it is for and never on
how many draws came before it, so that a run with interception and one without meet the same luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

import numpy as np

_Thing = TypeVar("_Thing")
_GOLDEN_INT, _MIX_1_INT, _MIX_2_INT = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_GOLDEN, _MIX_1, _MIX_2 = np.uint64(_GOLDEN_INT), np.uint64(_MIX_1_INT), np.uint64(_MIX_2_INT)
_MASK = (1 << 64) - 1


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator of its own for each purpose, e.g. generator(7, "ordinary", "calls", 13)."""
    words = [crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))


def one_of(rng: np.random.Generator, things: Sequence[_Thing]) -> _Thing:
    """What rng.choice picks, without the array that it makes first."""
    return things[int(rng.integers(len(things)))]


def several(rng: np.random.Generator, letters: str, count: int) -> str:
    """The same for so many letters, one after the other."""
    return "".join(letters[place] for place in rng.integers(0, len(letters), count).tolist())


def mix(values: np.ndarray) -> np.ndarray:
    """Splitmix64's finaliser: uint64[n] → uint64[n], each bit of the input moves half of the output's."""
    with np.errstate(over="ignore"):
        x = values.astype(np.uint64, copy=True)
        x ^= x >> np.uint64(30)
        x *= _MIX_1
        x ^= x >> np.uint64(27)
        x *= _MIX_2
        x ^= x >> np.uint64(31)
    return x


def uniform(seed: int, purpose: str, *ids: np.ndarray | int) -> np.ndarray:
    """float64[n] in [0, 1): the same for the same seed, purpose and ids. `ids` broadcast against each other."""
    with np.errstate(over="ignore"):
        state = mix(np.atleast_1d(np.uint64(seed) * _GOLDEN + np.uint64(crc32(purpose.encode()))))
        for part in ids:
            state = mix(state + _GOLDEN + np.atleast_1d(np.asarray(part)).astype(np.uint64))
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Draws:
    """uniform(seed, purpose, *ids, …) for one id more at a time: a draw costs a microsecond, and nothing is kept."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, purpose: str, *ids: int) -> None:
        state = _mixed((seed * _GOLDEN_INT + crc32(purpose.encode())) & _MASK)
        for part in ids:
            state = _mixed((state + _GOLDEN_INT + part) & _MASK)
        self._state = state

    def one(self) -> float:
        """uniform(seed, purpose, *ids)."""
        return (self._state >> 11) * 2.0**-53

    def of(self, last: int) -> float:
        """uniform(seed, purpose, *ids, last)."""
        return (_mixed((self._state + _GOLDEN_INT + last) & _MASK) >> 11) * 2.0**-53


def draw(seed: int, purpose: str, *ids: int) -> float:
    """uniform() for single ids, without arrays."""
    return Draws(seed, purpose, *ids).one()


def _mixed(x: int) -> int:
    """mix() of one number of 64 bits."""
    x = (x ^ x >> 30) * _MIX_1_INT & _MASK
    x = (x ^ x >> 27) * _MIX_2_INT & _MASK
    return x ^ x >> 31
