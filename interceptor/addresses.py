"""Where the columns of a batch of events are.

Enters: an Arrow record batch with EVENT_SCHEMA. Leaves: all its numeric columns by address, for programs. Invariant:
nothing is copied but booleans, whose bits become bytes.

A kernel takes them from the C data interface at once. To ask pyarrow for one column after the other took as long as a
tenth of what it takes to decide a batch of 256.
"""

from __future__ import annotations

from ctypes import c_char_p, c_void_p, py_object, pythonapi

import numpy as np
import pyarrow as pa
from numba import carray

from interceptor.columns import ADDRESS_SHIFT, further, holding, located_at
from interceptor.kernels import IN_I64, INT, OUT_I64, TABLE, Int64s, helper, kernel, pointer
from interceptor.schema import COLUMNS

# Words of struct ArrowArray, of the C data interface; buffers of a column
_NULLS, _OFFSET, _BUFFERS, _CHILDREN, _WORDS = 1, 2, 5, 6, 10
_VALIDITY, _VALUES = 0, 1

_TEXTS = [pa.types.is_string(column.type) for column in COLUMNS]
_NUMBERS = np.flatnonzero(~np.array(_TEXTS))
_NAMES = tuple(COLUMNS[number].name for number in _NUMBERS)
_NUMBER = {name: int(number) for name, number in zip(_NAMES, _NUMBERS, strict=True)}
_DTYPES = [np.dtype(np.uint8) if text else np.dtype(column.type.to_pandas_dtype())
           for column, text in zip(COLUMNS, _TEXTS, strict=True)]  # fmt: skip
_FLAGS = [column.name for column, dtype in zip(COLUMNS, _DTYPES, strict=True) if dtype == np.bool_]
_ROW_OF_FLAG = np.array([_FLAGS.index(one.name) if one.name in _FLAGS else -1 for one in COLUMNS], np.int64)
_HOLDS = np.array([holding(dtype) for dtype in _DTYPES], np.int64)
_BYTES = np.array([dtype.itemsize for dtype in _DTYPES], np.int64)

_NO, _SEVEN, _EIGHT, _BYTE = map(np.uint64, (0, 7, 8, 0xFF))
_ONES, _SEVEN_BITS, _HIGHEST = (np.uint64(byte * 0x0101010101010101) for byte in (0x01, 0x7F, 0x80))
_OWN_BITS = np.uint64(0x8040201008040201)

_pointer_in = pythonapi.PyCapsule_GetPointer
_pointer_in.restype, _pointer_in.argtypes = c_void_p, (py_object, c_char_p)


class Addresses:
    """The columns of one batch, which is held as long as these are. `may_have_nulls`: whether that has to be looked at,
    column by column."""

    def __init__(self, frame: pa.RecordBatch) -> None:
        self._frame = frame
        self._places = np.empty(len(COLUMNS), np.int64)
        self._rows, self._octets = frame.num_rows, np.empty((len(_FLAGS), frame.num_rows + 7 >> 3), np.int64)
        _, exported = frame.__arrow_c_array__()  # what was exported is released along with its capsule
        address = _pointer_in(exported, b"arrow_array")
        self.may_have_nulls = _locate(address, _ROW_OF_FLAG, _BYTES, _HOLDS, self._rows, self._places, self._octets)

    def array(self, name: str) -> np.ndarray:
        """A numeric column, [rows]; KeyError for any other name."""
        number = _NUMBER[name]
        address, row, dtype = int(self._places[number]) >> ADDRESS_SHIFT, _ROW_OF_FLAG[number], _DTYPES[number]
        if row >= 0 or not self._rows:
            return self._octets[row, :].view(dtype)[: self._rows]
        return np.frombuffer(pa.foreign_buffer(address, self._rows * dtype.itemsize, self._frame), dtype)

    def located(self, start: int) -> tuple[tuple[str, ...], Int64s]:
        """All numeric columns, and where each is from a row on."""
        places = self._places + further(start, _BYTES) if start else self._places
        return _NAMES, places[_NUMBERS]


@helper
def _words(address: int, words: int) -> Int64s:
    return carray(pointer(address), (words,), np.int64)


@kernel(INT, IN_I64, IN_I64, IN_I64, INT, OUT_I64, TABLE)
def _locate(
    batch: int, row_of_flag: Int64s, bytes_each: Int64s, holds: Int64s, rows: int, places: Int64s, octets: Int64s
) -> bool:
    """Finds each column; gives whether one may have nulls."""
    may_have_nulls, columns = False, _words(_words(batch, _WORDS)[_CHILDREN], len(places))
    for number in range(len(places)):
        column = _words(columns[number], _WORDS)
        buffers, first, row = _words(column[_BUFFERS], 2), column[_OFFSET], row_of_flag[number]
        may_have_nulls |= column[_NULLS] != 0 and buffers[_VALIDITY] != 0
        if row >= 0 and rows > 0:
            _spread(buffers[_VALUES], first, rows, octets[row])
            places[number] = located_at(octets[row].ctypes.data, holds[number])
        else:
            places[number] = located_at(buffers[_VALUES] + first * bytes_each[number], holds[number])
    return may_have_nulls


@helper
def _spread(bits: int, first: int, rows: int, octets: Int64s) -> None:
    """Bits as bytes, from a bit on; eight at once, each of which keeps its own bit of a byte that all have."""
    held, shift = carray(pointer(bits), (first + rows + 7 >> 3,), np.uint8), first & 7
    for i in range(len(octets)):
        at = (first >> 3) + i
        byte = np.uint64(held[at]) | (np.uint64(held[at + 1]) << _EIGHT if at + 1 < len(held) else _NO)
        own = (byte >> np.uint64(shift) & _BYTE) * _ONES & _OWN_BITS
        octets[i] = np.int64((own + _SEVEN_BITS & _HIGHEST) >> _SEVEN)
