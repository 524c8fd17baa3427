"""What all numba kernels share: how they are compiled, the types of their arguments, rows that fit lines of memory.

Enters: plain functions over numpy arrays. Leaves: kernels. Invariant: a kernel is compiled for exactly one signature,
on its first call, and then kept on disk. Input arrays are declared read-only, because columns of a batch are views of
Arrow buffers; numba takes writable ones for them too. Without that, each mix of the two would compile for half a second
anew. An array of a wrong type or layout is a TypeError.

A kernel kept on disk is found by the time stamp of its own file alone: who edits a helper here or in another module
has to delete `__pycache__`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

Uint8s = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Uint64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def _input(dtype: types.Type, dimensions: int = 1) -> types.Type:
    return types.Array(dtype, dimensions, "C", readonly=True)


def _output(dtype: types.Type, dimensions: int = 1) -> types.Type:
    return types.Array(dtype, dimensions, "C")


INT, FLOAT = types.int64, types.float64
IN_BOOL, IN_U8, IN_I32 = _input(types.boolean), _input(types.uint8), _input(types.int32)
IN_I64, IN_U64, IN_F64 = _input(types.int64), _input(types.uint64), _input(types.float64)
IN_BOOL_2D = _input(types.boolean, 2)
OUT_U8, OUT_I32, OUT_I64, OUT_F64 = map(_output, (types.uint8, types.int32, types.int64, types.float64))
OUT_U8_2D = _output(types.uint8, 2)
TABLE, TABLE_I32 = _output(types.int64, 2), _output(types.int32, 2)

LINE_BYTES = 64
ROWS_MIN = 1024
AHEAD = 12  # events between asking for a line of memory and using it

_WITHIN_KERNELS: Any = {
    "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "no_cpython_wrapper": True
}  # fmt: skip

Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")


def kernel(*argument_types: types.Type) -> Callable[[Function], Function]:
    """Decorator: a compiled function for these argument types only, for Python to call."""

    def compiled(function: Function) -> Function:
        dispatcher = njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)(function)

        ready = False

        def call(*arguments: Any) -> Any:
            nonlocal ready
            if not ready:
                dispatcher.compile(argument_types)
                dispatcher.disable_compile()
                ready = True
            return dispatcher(*arguments)

        return call  # type: ignore[return-value]

    return compiled


def helper(function: Callable[..., Result]) -> Callable[..., Result]:
    """Decorator: a compiled function for kernels to call. It is kept on disk inside of them, and has no door for
    Python: that saves a quarter of the time to compile."""
    return njit(**_WITHIN_KERNELS)(function)


def inlined(function: Callable[..., Result]) -> Callable[..., Result]:
    """`helper` for what is called row by row: its code goes where it is called, since a call that hands over a few
    arrays takes longer than most of what is done with them."""
    return njit(forceinline=True, **_WITHIN_KERNELS)(function)


@intrinsic
def prefetch(_context: Any, table: types.Array, row: types.Integer) -> Any:  # noqa: ARG001 (numba reads the names)
    """Ask for the line of memory where `row` of a two-dimensional table starts, without waiting for it."""

    def generate(context: Any, builder: Any, call: Any, arguments: Any) -> Any:
        table_type = call.args[0]
        array = make_array(table_type)(context, builder, arguments[0])
        indices = [arguments[1], ir.Constant(arguments[1].type, 0)]
        item = cgutils.get_item_pointer(context, builder, table_type, array, indices, wraparound=False)
        _prefetch(builder, builder.bitcast(item, cgutils.voidptr_t))
        return context.get_dummy_value()

    return signature(types.void, table, types.intp), generate


@intrinsic
def pointer(_context: Any, address: types.Integer) -> Any:  # noqa: ARG001 (numba reads the names)
    """An address (int64) as something that `carray` takes. Whoever hands it out keeps the memory."""

    def generate(_: Any, builder: Any, _call: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return signature(types.voidptr, types.int64), generate


@intrinsic
def fetch(_context: Any, address: types.Integer) -> Any:  # noqa: ARG001 (numba reads the names)
    """`prefetch` of an address (int64)."""

    def generate(context: Any, builder: Any, _call: Any, arguments: Any) -> Any:
        _prefetch(builder, builder.inttoptr(arguments[0], cgutils.voidptr_t))
        return context.get_dummy_value()

    return signature(types.void, types.int64), generate


@intrinsic
def word_at(_context: Any, data: types.Array, at: types.Integer) -> Any:  # noqa: ARG001 (numba reads the names)
    """Eight bytes of a uint8 array from `at` on, as an int64, wherever they stand. All of them must be there."""

    def generate(context: Any, builder: Any, call: Any, arguments: Any) -> Any:
        array = make_array(call.args[0])(context, builder, arguments[0])
        item = cgutils.get_item_pointer(context, builder, call.args[0], array, [arguments[1]], wraparound=False)
        return builder.load(builder.bitcast(item, ir.IntType(64).as_pointer()), align=1)

    return signature(types.int64, data, types.intp), generate


def _prefetch(builder: Any, place: Any) -> None:
    flag = ir.IntType(32)
    wanted = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, flag, flag, flag])
    function = cgutils.get_or_insert_function(builder.module, wanted, "llvm.prefetch.p0")
    to_read, keep, data = (ir.Constant(flag, value) for value in (0, 3, 1))
    builder.call(function, [place, to_read, keep, data])


@helper
def prefetch_ahead(words: Int64s, rows: Int32s, i: int, at_slot: Int32s, read_slot: Int32s) -> None:
    """Ask for the rows of a table that the event AHEAD of rows[i] will need: without that, each would be waited for."""
    if i + AHEAD < len(rows):
        prefetch(words, at_slot[rows[i + AHEAD]])
        prefetch(words, read_slot[rows[i + AHEAD]])


@helper
def choose_kinds(kinds: Uint8s, bits: int, rows: Int32s) -> int:
    """Rows whose kind's bit is set; gives how many. Writes without asking, and counts if it was worth it, so `rows` has
    one place more."""
    found = 0
    for row in range(len(kinds)):
        rows[found] = row
        found += bits >> kinds[row] & 1
    return found


def table(rows: int, words: int) -> Int64s:
    """Zeroed int64[rows, words] that starts on a line of memory: rows of 8 words then touch one line each."""
    line = LINE_BYTES // 8
    memory = np.zeros(rows * words + line, np.int64)
    start = -memory.ctypes.data // 8 % line
    return memory[start : start + rows * words].reshape(rows, words)


def grown(old: Int64s, rows: int) -> Int64s:
    """`old` itself where it has `rows`, else a copy with room for at least that many, new rows zero. At least
    doubles."""
    if rows <= len(old):
        return old
    new = table(max(ROWS_MIN, 1 << (rows - 1).bit_length()), old.shape[1])
    new[: len(old)] = old
    return new
