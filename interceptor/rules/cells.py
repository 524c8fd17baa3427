"""First cells of many lines at once: numbers, ranges and hosts, as the engine compares them.

Enters: the bytes of lines, and where each cell starts and stops. Leaves: a key for each, or two ends. Invariant: what
is read here is what interceptor.rules.values reads; a cell that only that can read, or nothing can, is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interceptor.kernels import IN_I64, IN_U8, OUT_I64, TABLE, Int64s, Uint8s, Uint64s, helper, kernel
from interceptor.lookups import FNV_PRIME, FNV_START

_ZERO, _NINE, _UPPER_A, _UPPER_Z, _LOWER_A, _LOWER_Z = (ord(c) for c in "09AZaz")
_PLUS, _DOT, _HYPHEN, _UNDERLINE, _X, _QUOTE = (ord(c) for c in '+.-_x"')
_SPACE, _OPEN, _CLOSE = (ord(c) for c in " ()")
_NUMBER_DIGITS_MAX, _ACCOUNT_DIGITS_MAX, _HEX_DIGITS_MAX = 18, 19, 16
_TEN, _SIXTEEN = np.uint64(10), np.uint64(16)


def numbers(data: Uint8s, starts: Int64s, stops: Int64s) -> Uint64s:
    """uint64[n]: the phone number in data[starts[i]:stops[i]]; + and punctuation are skipped."""
    found = np.empty(len(starts), np.uint64)
    _numbers(data, starts, stops, found.view(np.int64))
    return found


def accounts(data: Uint8s, starts: Int64s, stops: Int64s) -> Uint64s:
    """uint64[n]: the account key in data[starts[i]:stops[i]], decimal or 0x…"""
    found = np.empty(len(starts), np.uint64)
    _accounts(data, starts, stops, found.view(np.int64))
    return found


def hosts(data: Uint8s, starts: Int64s, stops: Int64s) -> Uint64s:
    """uint64[n]: lookups.hash_of_host of the host in data[starts[i]:stops[i]], in lower case, without a last dot."""
    found = np.empty(len(starts), np.uint64)
    _hosts(data, starts, stops, found.view(np.int64))
    return found


def ranges(data: Uint8s, starts: Int64s, stops: Int64s) -> Uint64s:
    """uint64[n, 2]: the two ends of the range in data[starts[i]:stops[i]]."""
    found = np.empty((len(starts), 2), np.uint64)
    _ranges(data, starts, stops, found.view(np.int64))
    return found


@helper
def _unquoted(data: Uint8s, start: int, stop: int) -> int:
    """1 where a cell stands in quotes, else 0."""
    return int(stop - start >= 2 and data[start] == _QUOTE and data[stop - 1] == _QUOTE)


@helper
def _number(data: Uint8s, start: int, stop: int) -> int:
    value: Any = 0
    digits, plus = 0, False
    for at in range(start, stop):
        letter = data[at]
        if _ZERO <= letter <= _NINE:
            digits += 1
            if digits > _NUMBER_DIGITS_MAX or (value == 0 and letter == _ZERO):
                return 0
            value = value * 10 + np.int64(letter) - _ZERO
        elif letter == _PLUS:
            if digits > 0 or plus:
                return 0
            plus = True
        elif letter not in (_SPACE, _HYPHEN, _OPEN, _CLOSE):
            return 0
    return value


@kernel(IN_U8, IN_I64, IN_I64, OUT_I64)
def _numbers(data: Uint8s, starts: Int64s, stops: Int64s, found: Int64s) -> None:
    for i in range(len(starts)):
        quote = _unquoted(data, starts[i], stops[i])
        found[i] = _number(data, starts[i] + quote, stops[i] - quote)


@kernel(IN_U8, IN_I64, IN_I64, TABLE)
def _ranges(data: Uint8s, starts: Int64s, stops: Int64s, found: Int64s) -> None:
    for i in range(len(starts)):
        quote = _unquoted(data, starts[i], stops[i])
        start, stop = starts[i] + quote, stops[i] - quote
        at = start
        while at < stop and data[at] != _DOT:
            at += 1
        found[i, 0] = found[i, 1] = 0
        if at + 1 < stop and data[at + 1] == _DOT:
            first, last = _number(data, start, at), _number(data, at + 2, stop)
            if 0 < first <= last:
                found[i, 0], found[i, 1] = first, last


@kernel(IN_U8, IN_I64, IN_I64, OUT_I64)
def _accounts(data: Uint8s, starts: Int64s, stops: Int64s, found: Int64s) -> None:
    for i in range(len(starts)):
        quote = _unquoted(data, starts[i], stops[i])
        start, stop = starts[i] + quote, stops[i] - quote
        hexadecimal = stop - start > 2 and data[start] == _ZERO and data[start + 1] == _X
        base, digits_max = (_SIXTEEN, _HEX_DIGITS_MAX) if hexadecimal else (_TEN, _ACCOUNT_DIGITS_MAX)
        start += 2 if hexadecimal else 0
        readable = 0 < stop - start <= digits_max and (hexadecimal or data[start] != _ZERO)
        value: Any = np.uint64(0)
        for at in range(start, stop if readable else start):
            letter = np.int64(data[at])
            digit = letter - _ZERO
            if letter > _NINE:
                digit = (letter | 0x20) - _LOWER_A + 10  # in lower case
                readable = readable and digit >= 10
            if digit < 0 or digit >= np.int64(base):
                readable = False
            value = value * base + np.uint64(digit)
        found[i] = np.int64(value) if readable else 0


@kernel(IN_U8, IN_I64, IN_I64, OUT_I64)
def _hosts(data: Uint8s, starts: Int64s, stops: Int64s, found: Int64s) -> None:
    """From the end, as the hash goes. `before` is what came before, in that direction: a label can't begin or end with
    a hyphen, and isn't empty."""
    for i in range(len(starts)):
        quote = _unquoted(data, starts[i], stops[i])
        start, stop = starts[i] + quote, stops[i] - quote
        while stop > start and data[stop - 1] == _DOT:
            stop -= 1
        hashed: Any = FNV_START
        before: Any = _DOT
        readable = stop > start
        for at in range(stop - 1, start - 1, -1):
            letter = np.int64(data[at])
            if _UPPER_A <= letter <= _UPPER_Z:
                letter += _LOWER_A - _UPPER_A
            inner = _LOWER_A <= letter <= _LOWER_Z or _ZERO <= letter <= _NINE or letter == _UNDERLINE
            edge = letter in (_HYPHEN, _DOT)
            if not (inner or edge) or (before == _DOT and edge) or (before == _HYPHEN and letter == _DOT):
                readable = False
                break
            hashed = (hashed ^ np.uint64(letter)) * FNV_PRIME
            before = letter
        if before in (_HYPHEN, _DOT):
            readable = False
        found[i] = 0 if not readable else np.int64(hashed) if hashed != 0 else 1
