"""How much memory something holds.

Enters: an object. Leaves: bytes of the numpy arrays that can be reached from it. Invariant: an array that is reached
twice, or of which several views are reached, counts once.
"""

from __future__ import annotations

import gc
import resource
import sys
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

_NOT_INTO = (type, ModuleType, FunctionType, BuiltinFunctionType, str, bytes, int, float)


def bytes_held(thing: Any) -> int:
    """Bytes of all arrays below `thing`, without those that only code refers to."""
    seen, waiting, held = set[int](), [thing], 0
    while waiting:
        one = waiting.pop()
        while isinstance(one, np.ndarray) and one.base is not None and isinstance(one.base, np.ndarray):
            one = one.base
        if id(one) in seen or isinstance(one, _NOT_INTO):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            held += one.nbytes
        else:
            waiting += gc.get_referents(one)
    return held


def rss_peak_mb() -> float:
    """The most memory that this process had at once so far, in MB."""
    return rss_mb(resource.getrusage(resource.RUSAGE_SELF))


def rss_mb(usage: resource.struct_rusage) -> float:
    """The most memory of what a usage is of, in MB."""
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
