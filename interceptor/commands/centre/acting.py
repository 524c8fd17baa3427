"""What commands that act share: the book with everything done whose time has come, sums as people write them.

Enters: options. Leaves: a desk to act from. Invariant: an act of a command finds the state that the centre would be in
at that time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from interceptor.centre.book import Book
from interceptor.centre.cases.system import CasesSystem
from interceptor.centre.duty import Duty
from interceptor.centre.money.system import MoneySystem
from interceptor.commands.centre.desk import UsageError, moment, opened, who
from interceptor.local_time import clock


@dataclass(frozen=True, slots=True)
class Desk:
    """An open book, who acts, and when."""

    book: Book
    by: str
    at_ms: int


@contextmanager
def acting(path: Path, by: str | None, at: str | None) -> Iterator[Desk]:
    """Raises UsageError, BookError."""
    at_ms = moment(at)
    with opened(path) as book:
        Duty(book, (CasesSystem(), MoneySystem())).due(at_ms)
        yield Desk(book, who(by), at_ms)


def fen(text: str, option: str) -> int:
    """A sum in yuan: 12345.60, 12,345.6. Raises UsageError."""
    try:
        value = Decimal(text.replace(",", "")) * 100
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value != value.to_integral_value() or abs(value) >= 1 << 62:
        raise UsageError(f"{option} {text!r}: no sum in yuan; write 12345.60")
    return int(value)


def when(at_ms: int | None) -> str:
    """A time for a table; – where there is none."""
    return "–" if at_ms is None else f"{clock(at_ms):%Y-%m-%d %H:%M}"
