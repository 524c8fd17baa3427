"""Values of list items, as people write them, into what the engine compares.

Enters: text such as "+86 139-0554-1234". Leaves: numbers, ranges, hosts. Invariant: a value that can't be meant is
refused, never guessed.
"""

from __future__ import annotations

import re
from typing import Literal

from interceptor.rules.errors import shortened

Match = Literal["exact", "prefix", "range", "domain"]

PREFIX_DIGITS_MAX = 19
_PUNCTUATION = str.maketrans("", "", " -()")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


def number(text: str) -> int:
    """E.164 or a short code, as digits: "+86 139-0554-1234" → 8613905541234. Raises ValueError."""
    digits = text.strip().translate(_PUNCTUATION).removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18) or digits.startswith("0"):
        raise ValueError(
            f"{shortened(text)!r} is no phone number: write + and country code, or a short code such as 95588"
        )
    return int(digits)


def account(text: str) -> int:
    """A 64-bit account key in decimal or 0x… notation. Raises ValueError."""
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 < value < 1 << 64:
        raise ValueError(f"{shortened(text)!r} is no account key: a number from 1 to 2^64 - 1")
    return value


def host(text: str) -> str:
    """A host or domain in lower case; other scripts as punycode. Raises ValueError."""
    name = text.strip().lower().rstrip(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            name = ""
    if not _HOST.fullmatch(name):
        raise ValueError(f"{shortened(text)!r} is no host: write it like example.com, without http:// and path")
    return name


def number_range(text: str) -> tuple[int, int]:
    """ "+8617000000000..+8617099999999" → the two ends, both included. Raises ValueError."""
    ends = text.split("..")
    if len(ends) != 2:
        raise ValueError(f"{shortened(text)!r} is no range: write FIRST..LAST")
    first, last = number(ends[0]), number(ends[1])
    if first > last:
        raise ValueError(f"{shortened(text)!r}: the first number is larger than the last")
    return first, last


def parsed(match: Match, of: str, text: str) -> int | str | tuple[int, int]:
    """The value of an item of a list with this `match` and `of`. Raises ValueError."""
    if match == "range":
        return number_range(text)
    if match == "prefix" and of == "host":
        raise ValueError(
            f"{shortened(text)!r}: hosts have no prefixes; `match: domain` finds a domain and all below it"
        )
    if match == "domain" or of == "host":
        return host(text)
    value = account(text) if of == "account" else number(text)
    if match == "prefix" and value >= 10**PREFIX_DIGITS_MAX:
        raise ValueError(f"{shortened(text)!r} begins no number: at most {PREFIX_DIGITS_MAX} digits")
    return value
