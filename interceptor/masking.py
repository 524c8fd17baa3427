"""Personal data as it is shown.

Enters: a phone number or a key. Leaves: text from which nobody can be rung up. Invariant: two numbers that look alike
masked may differ, a number that isn't masked is nobody's own.
"""

from __future__ import annotations


def masked(number: int) -> str:
    """A phone number with its middle hidden: +86 139****1234. Service numbers are nobody's own and stay whole."""
    if not number:
        return "an unknown number"
    digits = str(number)
    country, rest = ("+86 ", digits[2:]) if digits.startswith("86") and len(digits) > 2 else ("+", digits)
    if country == "+86 " and len(rest) <= 6:
        return rest
    shown = max(1, min(3, len(rest) - 8))
    return f"{country}{rest[:shown]}****{rest[-4:]}"


def masked_key(key: int) -> str:
    """A 64-bit key of an account or a person: 0x1f2e…9a3b."""
    return f"0x{key >> 48:04x}…{key & 0xFFFF:04x}"
