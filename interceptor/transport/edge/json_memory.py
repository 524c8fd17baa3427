"""Memory by its address, for the kernels that read JSON.

Enters: the address of an array (int64), and an index. Leaves: what stands there as an int64, or it is put there.
Invariant: nothing is checked; whoever gives the address holds the array and knows its length. Arrays as arguments of
helpers would be counted at each call, and that took three quarters of the time that reading an event took.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing import signature
from numba.extending import intrinsic

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


@intrinsic
def byte_at(_context: Any, base: types.Integer, at: types.Integer) -> Any:  # noqa: ARG001 (numba reads the names)
    """The byte at base + at."""

    def generate(_: Any, builder: Any, _call: Any, arguments: Any) -> Any:
        return builder.zext(builder.load(_place(builder, arguments, _BYTE), align=1), _WORD)

    return signature(types.int64, types.int64, types.int64), generate


@intrinsic
def word_at(_context: Any, base: types.Integer, at: types.Integer) -> Any:  # noqa: ARG001 (numba reads the names)
    """Number `at` of the int64 from base on."""

    def generate(_: Any, builder: Any, _call: Any, arguments: Any) -> Any:
        return builder.load(_place(builder, arguments, _WORD), align=8)

    return signature(types.int64, types.int64, types.int64), generate


@intrinsic
def bytes_at(_context: Any, base: types.Integer, at: types.Integer) -> Any:  # noqa: ARG001 (numba reads the names)
    """The eight bytes from base + at on, the first one lowest."""

    def generate(_: Any, builder: Any, _call: Any, arguments: Any) -> Any:
        place = builder.inttoptr(builder.add(*arguments), _WORD.as_pointer())
        return builder.load(place, align=1)

    return signature(types.int64, types.int64, types.int64), generate


@intrinsic
def put_byte(_context: Any, base: types.Integer, at: types.Integer, value: types.Integer) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, _call: Any, arguments: Any) -> Any:
        builder.store(builder.trunc(arguments[2], _BYTE), _place(builder, arguments, _BYTE), align=1)
        return context.get_dummy_value()

    return signature(types.void, types.int64, types.int64, types.int64), generate


@intrinsic
def put_word(_context: Any, base: types.Integer, at: types.Integer, value: types.Integer) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, _call: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _place(builder, arguments, _WORD), align=8)
        return context.get_dummy_value()

    return signature(types.void, types.int64, types.int64, types.int64), generate


def _place(builder: Any, arguments: Any, type_: ir.IntType) -> Any:
    offset = arguments[1] if type_.width == 8 else builder.shl(arguments[1], ir.Constant(_WORD, 3))
    return builder.inttoptr(builder.add(arguments[0], offset), type_.as_pointer())
