"""Columns by address: how a kernel reads arrays of any type and number.

Enters: one-dimensional arrays. Leaves: what to tell a kernel of each, in one word, since rules read some two hundred
columns of a chunk; and blocks of them in registers. Invariant: who tells an address keeps the array for as long as the
kernel runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import carray

from interceptor.kernels import Float64s, Int32s, Int64s, Uint8s, helper, pointer

_BYTE, _TWO_BYTES, _SIGNED, _FOUR_BYTES, _WORD, _REAL, _SIGNED_BYTE = range(7)
# An identity of 64 bits is a word like any other: it is only compared for equality.
_CODES = {
    np.dtype(name).char: code
    for name, code in (
        ("bool", _BYTE), ("uint8", _BYTE), ("uint16", _TWO_BYTES), ("int32", _SIGNED), ("uint32", _FOUR_BYTES),
        ("int64", _WORD), ("uint64", _WORD), ("longlong", _WORD), ("ulonglong", _WORD), ("int8", _SIGNED_BYTE),
        ("float64", _REAL),
    )
}  # fmt: skip
# A column in one word: its address, what it holds, and whether it is dense. An address has 48 bits, never all zero.
ADDRESS_SHIFT, _DTYPE_SHIFT, _DTYPE_MASK, _DENSE = 8, 1, 127, 1

Located = int


def address_of(array: np.ndarray) -> int:
    """Where a contiguous array begins: numpy takes six times as long to say it."""
    return int(pa.py_buffer(array).address)


def holding(dtype: np.dtype[Any]) -> Located:
    """What is told of a column beside its address. KeyError for a type that no column has."""
    return _CODES[dtype.char] << _DTYPE_SHIFT


@helper
def located_at(address: int, holds: Located) -> Located:
    """A column at an address."""
    return address << ADDRESS_SHIFT | holds


def further(rows: int, bytes_each: Int64s) -> Int64s:
    """What is added to where columns are to begin so many rows further down."""
    return rows * bytes_each << ADDRESS_SHIFT


def located(column: np.ndarray, mine: int, count: int) -> Located:
    """Where a column is, what it holds, and whether it has a value for each of the `mine` rows of a kind instead of one
    for each of the `count` rows of the chunk."""
    dense = _DENSE if len(column) == mine != count else 0
    return address_of(column) << ADDRESS_SHIFT | holding(column.dtype) | dense


def located_rows(table: np.ndarray, dense: bool = False) -> Int64s:
    """The same for each row of a table, int[k, n]."""
    if not len(table):
        return np.zeros(0, np.int64)
    first, step = located(table[0], 0, 0) | dense, table.strides[0] << ADDRESS_SHIFT
    return np.arange(first, first + len(table) * step, step)


@helper
def _address(about: int) -> Any:
    return pointer(about >> ADDRESS_SHIFT)


@helper
def is_dense(about: int) -> bool:
    """Whether there is a value for each row of a kind only."""
    return about & _DENSE != 0


@helper
def as_of_chunk(about: int) -> int:
    """The same column for who gives the places of a dense one as rows."""
    return about & ~_DENSE


@helper
def gather(column: Any, dense: bool, rows: Int32s, start: int, out: Any) -> None:
    """Places are handed on without a sign: those that might count from the end take twice as long."""
    if dense:
        for i in range(len(out)):
            out[i] = column[np.uint64(start) + np.uint64(i)]
    else:
        for i in range(len(out)):
            out[i] = column[np.uint64(np.uint32(rows[start + i]))]


@helper
def load_flags(about: int, size: int, rows: Int32s, start: int, out: Uint8s) -> None:
    """A block of a column of yes and no."""
    gather(carray(_address(about), (size,), np.uint8), is_dense(about), rows, start, out)


@helper
def load_reals(about: int, size: int, rows: Int32s, start: int, out: Float64s) -> None:
    """A block of a column of float64."""
    gather(carray(_address(about), (size,), np.float64), is_dense(about), rows, start, out)


@helper
def load_words(about: int, size: int, rows: Int32s, start: int, out: Int64s) -> None:
    """A block of a column of whole numbers of any size."""
    address, dtype, dense = _address(about), about >> _DTYPE_SHIFT & _DTYPE_MASK, is_dense(about)
    if dtype == _BYTE:
        gather(carray(address, (size,), np.uint8), dense, rows, start, out)
    elif dtype == _TWO_BYTES:
        gather(carray(address, (size,), np.uint16), dense, rows, start, out)
    elif dtype == _SIGNED:
        gather(carray(address, (size,), np.int32), dense, rows, start, out)
    elif dtype == _FOUR_BYTES:
        gather(carray(address, (size,), np.uint32), dense, rows, start, out)
    elif dtype == _SIGNED_BYTE:
        gather(carray(address, (size,), np.int8), dense, rows, start, out)
    else:
        gather(carray(address, (size,), np.int64), dense, rows, start, out)
