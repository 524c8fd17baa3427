"""Columns by address: how a kernel reads arrays of any type and number.

Enters: one-dimensional arrays. Leaves: what to tell a kernel of each, and blocks of them in registers. Invariant: who
tells an address keeps the array for as long as the kernel runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import carray

from interceptor.kernels import Int32s, Int64s, helper, pointer

# An identity of 64 bits is a word like any other: it is only compared for equality.
_DTYPES = {np.dtype(name).char: code for name, code in (
    ("bool", 0), ("uint8", 0), ("uint16", 1), ("int32", 2), ("uint32", 3), ("int64", 4), ("uint64", 4), ("float64", 5),
    ("int8", 6), ("longlong", 4), ("ulonglong", 4),
)}  # fmt: skip
_ADDRESS, _DTYPE, _DENSE = 0, 1, 2


Located = tuple[int, int, int]


def located(column: np.ndarray, mine: int, count: int) -> Located:
    """Where a column is, what it holds, and whether it has a value for each of the `mine` rows of a kind instead of one
    for each of the `count` rows of the chunk."""
    return pa.py_buffer(column).address, _DTYPES[column.dtype.char], len(column) == mine != count


@helper
def gather(column: Any, dense: bool, rows: Int32s, start: int, out: Any) -> None:
    if dense:
        for i in range(len(out)):
            out[i] = column[start + i]
    else:
        for i in range(len(out)):
            out[i] = column[rows[start + i]]


@helper
def load_block(about: Int64s, size: int, rows: Int32s, start: int, out: Any) -> None:
    """A block of a column of any type."""
    address, dtype, dense = pointer(about[_ADDRESS]), about[_DTYPE], about[_DENSE] != 0
    if dtype == 0:
        gather(carray(address, (size,), np.uint8), dense, rows, start, out)
    elif dtype == 1:
        gather(carray(address, (size,), np.uint16), dense, rows, start, out)
    elif dtype == 2:
        gather(carray(address, (size,), np.int32), dense, rows, start, out)
    elif dtype == 3:
        gather(carray(address, (size,), np.uint32), dense, rows, start, out)
    elif dtype == 4:
        gather(carray(address, (size,), np.int64), dense, rows, start, out)
    elif dtype == 5:
        gather(carray(address, (size,), np.float64), dense, rows, start, out)
    else:
        gather(carray(address, (size,), np.int8), dense, rows, start, out)
