"""What all commands of the centre share: options, the open book, refusals as people read them.

Enters: options. Leaves: an open book, or one clear message and an exit code. Invariant: no traceback for what a
person can mend.

Exit codes: 0 done, 1 refused or found something, 2 wrong use, 75 try again later, 78 wrong configuration.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from interceptor.centre.book import Book, BookBusy, BookError, BookOlder
from interceptor.centre.marks import CLOCK, mark
from interceptor.centre.parts import PARTS
from interceptor.centre.refusal import Refused
from interceptor.commands.centre.keys import key_of
from interceptor.local_time import LOCAL_TIME
from interceptor.tuning.tables import EXIT_CONFIGURATION, EXIT_FOUND, EXIT_USAGE, fail, print_json, say

EXIT_TRY_LATER = 75
BOOK = Path("centre.sqlite")

BookOption = Annotated[Path, typer.Option("--book", metavar="FILE.sqlite", help="The centre's book.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
_asked: ContextVar[typer.Context | None] = ContextVar("asked", default=None)


def _remember(context: typer.Context, by: str | None) -> str | None:
    _asked.set(context)
    return by


By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who does it.  [default: the user logged in]", callback=_remember),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="When, as 2021-03-05T09:30 in the city's time.  [default: now; in the book of a run, where that ended]",
    ),
]


@contextmanager
def opened(path: Path, *, read_only: bool = False) -> Iterator[Book]:
    """The book of the commands; one of an earlier version is brought up to date first. Raises BookError."""
    key = key_of(path, make=not read_only)
    try:
        book = Book(path, key, PARTS, read_only=read_only)
    except BookOlder:
        Book(path, key, PARTS).close()
        book = Book(path, key, PARTS, read_only=read_only)
    with book:
        yield book


def run(command: Callable[[], int]) -> None:
    """Does it, and ends the program with its exit code, or with that of what went wrong."""
    raise typer.Exit(answered(command))


def answered(command: Callable[[], int]) -> int:
    """The exit code of a command; what a person can mend is said on standard error."""
    try:
        return command()
    except Refused as refused:
        return fail(f"refused ({refused.code}): {refused}", EXIT_FOUND)
    except BookBusy as error:
        return fail(str(error), EXIT_TRY_LATER)
    except BookError as error:
        return fail(str(error), EXIT_CONFIGURATION)
    except UsageError as error:
        return fail(str(error), EXIT_USAGE)


class UsageError(Exception):
    """An option that can't be followed; the message names it."""


def moment(text: str, option: str = "--at") -> int:
    """ms since 1970 UTC. Raises UsageError."""
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=LOCAL_TIME)
        found = round(when.timestamp() * 1000)
    except (ValueError, OverflowError):
        found = -1
    if found < 0:
        raise UsageError(f"{option} {text!r}: no time; write 2021-03-05T09:30, perhaps with +08:00")
    return found


def at_of(book: Book, at: str | None) -> int:
    """The time that was asked for; else now, which in the book of a run is where that ended. Raises UsageError."""
    return moment(at) if at is not None else mark(book.db, CLOCK) or time.time_ns() // 1_000_000


def asked() -> tuple[str, dict[str, Any]]:
    """The command that acts, as the log names it (money.stop), and what was typed for it, by option."""
    context = _asked.get()
    return (".".join(context.command_path.split()[-2:]), context.params) if context else ("command", {})


def who(by: str | None) -> str:
    """The name given, else the user's."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # nobody of this number is known
        return "somebody"


def done(told: dict[str, Any], words: str, *, as_json: bool) -> int:
    """Says what was done."""
    if as_json:
        print_json(told)
    else:
        say(words)
    return 0
