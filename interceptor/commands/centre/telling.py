"""How tables tell what the book has in the form of machines: things, times, sums.

Enters: values of the log and of rows. Leaves: words. Invariant: nobody's number, account or name is told in full.
"""

from __future__ import annotations

from typing import Any

from interceptor.centre.money.terms import yuan
from interceptor.centre.refusal import Refused
from interceptor.centre.things import parse
from interceptor.local_time import clock
from interceptor.masking import masked

PEOPLE = ("reporter",)  # notes of acts that are phone numbers


def thing(text: str) -> str:
    """number:8613905541234 → +86 139****1234; what is no thing stays as it is."""
    try:
        return parse(text).masked
    except Refused:
        return text


def noted(name: str, value: Any) -> str:
    """One note of an act: due_ms 1622468700000 → due 2021-05-31 21:45."""
    if isinstance(value, dict):
        return f"{name} {', '.join(noted(*item) for item in value.items())}"
    if isinstance(value, list):
        return f"{name.replace('_', ' ')} {', '.join(thing(str(one)) for one in value) or 'none'}"
    if name in PEOPLE and isinstance(value, int):
        return f"{name} {masked(value)}"
    if name.endswith("_fen") and isinstance(value, int):
        return f"{name.removesuffix('_fen').replace('_', ' ')} {yuan(value)}"
    if name.endswith("_ms") and isinstance(value, int) and value > 10**12:
        return f"{name.removesuffix('_ms').replace('_', ' ')} {clock(value):%Y-%m-%d %H:%M}"
    return f"{name.replace('_', ' ')} {'–' if value in ('', None) else thing(str(value))}"


def town(code: int) -> str:
    """A township by its name."""
    from simulator.towns import town_name

    return town_name(code) if code else "elsewhere"
