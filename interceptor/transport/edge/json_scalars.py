"""Values of JSON as kernels read them: whole numbers, phone numbers, times, texts.

Enters: the address of bytes, and where a value stands in them. Leaves: what it is, or -1 where it isn't written in the
plain form that each function names. Invariant: the plain form means here what it means to msgspec and `rules.values`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interceptor.kernels import inlined
from interceptor.transport.edge.json_memory import byte_at, put_byte

_QUOTE, _BACKSLASH, _SPACE, _SLASH = (ord(one) for one in '"\\ /')
_MINUS, _PLUS, _ZERO, _NINE, _DOT, _COLON = (ord(one) for one in "-+09.:")
_BRACKET, _CLOSING_BRACKET, _T, _Z, _E = (ord(one) for one in "()TZe")
_LETTER_U = ord("u")
_CONTROLS = ((ord("b"), 8), (ord("f"), 12), (ord("n"), 10), (ord("r"), 13), (ord("t"), 9))  # as escapes name them
_NUMBER_DIGITS_MAX = 18  # of a phone number, as in rules.values
_SAFE = np.uint64((2**64 - 1) // 10)  # ten times that is a uint64 still
_LAST_DIGIT = np.uint64((2**64 - 1) % 10)
_TEN = np.uint64(10)
_MINUTE_MS = 60_000
_NO_ZONE = 1 << 40


@inlined
def string_end(data: int, at: int, end: int) -> tuple[int, bool]:
    """Where the closing quote stands (-1: nowhere, or there are control characters), and whether there is anything but
    plain ASCII before it. `at`: after the opening one."""
    odd = False
    while at < end:
        byte = byte_at(data, at)
        if byte == _QUOTE:
            return at, odd
        if byte < _SPACE:
            break
        if byte == _BACKSLASH:
            odd = True
            at += 1
        elif byte >= 127:
            odd = True
        at += 1
    return -1, True


@inlined
def whole(data: int, at: int, end: int, low: int, high: int) -> tuple[int, int]:
    """A whole number from `low` to `high` (-1: 2^64 - 1): where it ends (-1: not sure), and its bits."""
    is_negative = byte_at(data, at) == _MINUS
    start = at + int(is_negative)
    value, at = np.uint64(0), start
    while at < end and _ZERO <= byte_at(data, at) <= _NINE:
        digit = np.uint64(byte_at(data, at) - _ZERO)
        if value > _SAFE or (value == _SAFE and digit > _LAST_DIGIT):
            return -1, 0
        value = value * _TEN + digit
        at += 1
    if at in (start, end) or byte_at(data, at) == _DOT or byte_at(data, at) | 32 == _E:
        return -1, 0
    if byte_at(data, start) == _ZERO and (at > start + 1 or is_negative):
        return -1, 0
    bits: Any = np.int64(value)
    if high != -1 and (bits < 0 or bits > (-low if is_negative else high) or (not is_negative and bits < low)):
        return -1, 0
    if is_negative and (high == -1 or low >= 0):
        return -1, 0
    return at, -bits if is_negative else bits


@inlined
def number(data: int, start: int, end: int) -> int:
    """As rules.values.number: digits, a plus before them, spaces, dashes and brackets anywhere."""
    value, digits, has_plus = 0, 0, False
    for at in range(start, end):
        byte = byte_at(data, at)
        if _ZERO <= byte <= _NINE:
            if digits == _NUMBER_DIGITS_MAX or (digits == 0 and byte == _ZERO):
                return -1
            value = value * 10 + (byte - _ZERO)
            digits += 1
        elif byte == _PLUS:
            if has_plus or digits:
                return -1
            has_plus = True
        elif byte != _SPACE and byte != _MINUS and byte != _BRACKET and byte != _CLOSING_BRACKET:
            return -1
    return value if digits else -1


@inlined
def _digits(data: int, at: int, count: int) -> int:
    value = 0
    for i in range(at, at + count):
        if not _ZERO <= byte_at(data, i) <= _NINE:
            return -1
        value = value * 10 + byte_at(data, i) - _ZERO
    return value


@inlined
def time_ms(data: int, start: int, end: int) -> int:
    """2026-01-05T10:00:00, up to six decimals, Z or +08:00: ms since 1970 UTC, of the years 2000 to 2099."""
    if (
        end - start < 20
        or byte_at(data, start + 4) != _MINUS
        or byte_at(data, start + 7) != _MINUS
        or byte_at(data, start + 10) != _T
    ):
        return -1
    if byte_at(data, start + 13) != _COLON or byte_at(data, start + 16) != _COLON:
        return -1
    day = _day(_digits(data, start, 4), _digits(data, start + 5, 2), _digits(data, start + 8, 2))
    hour, minute, second = _digits(data, start + 11, 2), _digits(data, start + 14, 2), _digits(data, start + 17, 2)
    if day < 0 or not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return -1
    at, ms = _thousandths(data, start + 19, end)
    zone_ms = _zone_ms(data, at, end) if at >= 0 else _NO_ZONE
    if zone_ms == _NO_ZONE:
        return -1
    return day * 86_400_000 + ((hour * 60 + minute) * 60 + second) * 1_000 + ms - zone_ms


@inlined
def _day(year: int, month: int, day: int) -> int:
    """Days since 1970; in 2000 to 2099 every fourth year is a leap year."""
    if not (2000 <= year < 2100 and 1 <= month <= 12 and day >= 1):
        return -1
    is_leap = year % 4 == 0
    length = 28 + int(is_leap) if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if day > length:
        return -1
    before = (month * 367 - 362) // 12  # as if February had 30 days
    before -= 0 if month <= 2 else 1 if is_leap else 2
    return 10_957 + (year - 2000) * 365 + (year - 1997) // 4 + before + day - 1


@inlined
def _thousandths(data: int, at: int, end: int) -> tuple[int, int]:
    """Of a second, cut off; and where they end."""
    if at < end and byte_at(data, at) == _DOT:
        start, ms, scale = at + 1, 0, 100
        at = start
        while at < end and _ZERO <= byte_at(data, at) <= _NINE:
            ms += (byte_at(data, at) - _ZERO) * scale
            scale //= 10
            at += 1
        return (at if 1 <= at - start <= 6 else -1), ms
    return at, 0


@inlined
def _zone_ms(data: int, at: int, end: int) -> int:
    if end - at == 1 and byte_at(data, at) == _Z:
        return 0
    if end - at != 6 or byte_at(data, at + 3) != _COLON or (byte_at(data, at) != _PLUS and byte_at(data, at) != _MINUS):
        return _NO_ZONE
    hour, minute = _digits(data, at + 1, 2), _digits(data, at + 4, 2)
    if not (0 <= hour < 24 and 0 <= minute < 60):
        return _NO_ZONE
    ms = (hour * 60 + minute) * _MINUTE_MS
    return ms if byte_at(data, at) == _PLUS else -ms


@inlined
def copy_text(data: int, at: int, end: int, out: int, to: int) -> int:
    """UTF-8 with its escapes resolved, to `out` from `to` on: where it ends there, -1 = not sure."""
    while at < end:
        byte = byte_at(data, at)
        if byte == _BACKSLASH:
            at, point = _escaped(data, at + 1, end)
            if at < 0:
                return -1
            to = _put(out, to, point)
        elif byte < 128:
            put_byte(out, to, byte)
            at, to = at + 1, to + 1
        else:
            size = _wide(data, at, end)
            if size < 0:
                return -1
            for i in range(size):
                put_byte(out, to + i, byte_at(data, at + i))
            at, to = at + size, to + size
    return to


@inlined
def _escaped(data: int, at: int, end: int) -> tuple[int, int]:
    """What stands after a backslash: where it ends (-1: not sure), and the code point."""
    byte = byte_at(data, at)
    if byte == _LETTER_U:
        point = _hexadecimal(data, at + 1, end)
        if (
            0xD800 <= point < 0xDC00
            and at + 11 <= end
            and byte_at(data, at + 5) == _BACKSLASH
            and byte_at(data, at + 6) == _LETTER_U
        ):
            low = _hexadecimal(data, at + 7, end)
            if 0xDC00 <= low < 0xE000:
                return at + 11, 0x10000 + (point - 0xD800) * 0x400 + low - 0xDC00
        return (-1 if point < 0 or 0xD800 <= point < 0xE000 else at + 5), point
    if byte in (_QUOTE, _BACKSLASH, _SLASH):
        return at + 1, byte
    for letter, control in _CONTROLS:
        if byte == letter:
            return at + 1, control
    return -1, 0


@inlined
def _hexadecimal(data: int, at: int, end: int) -> int:
    """Four digits, -1 where they aren't there."""
    if at + 4 > end:
        return -1
    value = 0
    for i in range(at, at + 4):
        byte = byte_at(data, i)
        letter = byte | 32
        if _ZERO <= byte <= _NINE:
            value = value * 16 + byte - _ZERO
        elif 97 <= letter <= 102:
            value = value * 16 + letter - 87
        else:
            return -1
    return value


@inlined
def _put(out: int, to: int, point: int) -> int:
    """A code point as UTF-8."""
    if point < 0x80:
        put_byte(out, to, point)
        return to + 1
    size = 2 if point < 0x800 else 3 if point < 0x10000 else 4
    first = 0xC0 if size == 2 else 0xE0 if size == 3 else 0xF0
    put_byte(out, to, first | point >> 6 * (size - 1))
    for i in range(1, size):
        put_byte(out, to + i, 0x80 | point >> 6 * (size - 1 - i) & 0x3F)
    return to + size


@inlined
def _wide(data: int, at: int, end: int) -> int:
    """How many bytes a character beyond ASCII has, -1 where it isn't UTF-8: too long, a surrogate, beyond U+10FFFF."""
    first = byte_at(data, at)
    size = 2 if 0xC2 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF5 else -1
    if size < 0 or at + size > end:
        return -1
    for i in range(at + 1, at + size):
        if not 0x80 <= byte_at(data, i) < 0xC0:
            return -1
    second = byte_at(data, at + 1)
    if (first == 0xE0 and second < 0xA0) or (first == 0xED and second >= 0xA0):
        return -1
    if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second >= 0x90):
        return -1
    return size
