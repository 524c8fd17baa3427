"""What commands that act share: the book with everything done whose time has come, sums as people write them.

Enters: options. Leaves: a desk to act from. Invariants: an act of a command finds the state that the centre would be in
at that time; a command that is refused changes nothing but the log, where it stands also if it didn't come to an act.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from interceptor.centre.book import Book
from interceptor.centre.duty import Duty
from interceptor.centre.refusal import Refused
from interceptor.commands.centre.desk import UsageError, asked, at_of, opened, who
from interceptor.commands.centre.systems import systems
from interceptor.local_time import clock
from interceptor.rules.errors import shortened

WORDS_MAX = 4_000  # of one option: what somebody reads
FEN_MAX = 10**14  # a trillion yuan: more than any bank holds for one customer
CLOCKS_APART_MS = 5 * 60_000


@dataclass(frozen=True, slots=True)
class Desk:
    """An open book, who acts, and when."""

    book: Book
    by: str
    at_ms: int


@contextmanager
def acting(path: Path, by: str | None, at: str | None) -> Iterator[Desk]:
    """Raises Refused, UsageError, BookError."""
    with opened(path) as book:
        name, at_ms = who(by), at_of(book, None)
        try:
            _check_words()
            if not name.strip():
                raise Refused("nobody", "who does it?", "name him by --by")
            if (wanted := at_of(book, at)) > max(at_ms, time.time_ns() // 1_000_000) + CLOCKS_APART_MS:
                raise Refused("in-the-future", "nothing is done before its time", "see --at")
            at_ms = wanted
            with book.together():
                Duty(book, systems(None)).due(at_ms)
                yield Desk(book, name, at_ms)
        except (Refused, UsageError, OverflowError) as error:
            raise _on_log(book, error, name, at_ms) from None


def _check_words() -> None:
    """What a person typed is text, and no longer than somebody reads. Raises Refused."""
    for name, value in asked()[1].items():
        for text in value if isinstance(value, list | tuple) else [value]:
            if not isinstance(text, str):
                continue
            option = name.replace("_", "-")
            if len(text) > WORDS_MAX:
                raise Refused("too-long", f"{option}: {len(text):,} characters, where {WORDS_MAX:,} are read")
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise Refused("no-text", f"{option}: {shortened(text)!r} isn't text in UTF-8")


def _on_log(book: Book, error: Exception, by: str, at_ms: int) -> Exception:
    """The error, once the log has it."""
    if isinstance(error, OverflowError):
        error = Refused("too-large", "a number is larger than any that there is")
    refused = error if isinstance(error, Refused) else Refused("wrong-use", str(error))
    book.refuse(refused, asked()[0], by, at_ms)
    return error


def fen(text: str, option: str) -> int:
    """A sum in yuan: 12345.60, 12,345.6. Raises UsageError."""
    try:
        value = Decimal(text.replace(",", "")) * 100
    except ArithmeticError:
        value = Decimal("NaN")
    if not value.is_finite() or value != value.to_integral_value():
        raise UsageError(f"{option} {shortened(text)!r}: no sum in yuan; write 12345.60")
    if abs(value) > FEN_MAX:
        raise UsageError(f"{option} {shortened(text)!r}: more than any account holds")
    return int(value)


def when(at_ms: int | None) -> str:
    """A time for a table; – where there is none."""
    return "–" if at_ms is None else f"{clock(at_ms):%Y-%m-%d %H:%M}"
