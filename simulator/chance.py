"""Randomness that can be replayed.

Enters: a seed and names. Leaves: generators and uniform draws. Invariant: a draw depends on what it is for and never on
how many draws came before it, so that a run with interception and one without meet the same luck.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator of its own for each purpose, e.g. generator(7, "ordinary", "calls", 13)."""
    words = [crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))


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
