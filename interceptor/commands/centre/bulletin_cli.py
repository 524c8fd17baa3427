"""`interceptor centre bulletin`: what a day, a week, a month came to.

Enters: what a person typed. Leaves: a table, Markdown, a page or JSON. Invariant: nothing is written but the files
asked for, and with --earlier the figures of earlier reports.
"""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, UsageError, opened, run
from interceptor.tuning.tables import print_json, say

WORDS = ("day", "week", "month", "to-date", "whole")
WHOLE = WORDS[-1]


def add_to(app: typer.Typer) -> None:
    app.command()(bulletin)


def bulletin(
    period: Annotated[str, typer.Option("--period", metavar="|".join(WORDS), help="How long.")] = "day",
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="A day in it.  [default: the last day in the book]")
    ] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", metavar="FILE.md", help="Write it there, too.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE.html", help="A page with pictures.")] = None,
    earlier: Annotated[
        Path | None,
        typer.Option(
            "--earlier", metavar="FILE.csv",
            help="Keep figures of earlier reports: section, name, first day, last day, value, source.",
        ),
    ] = None,
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Counts and sums of all systems, beside the period before and the year before; gross stopped and net saved
    apart."""

    def command() -> int:
        from interceptor.centre.bulletin import earlier as of_old
        from interceptor.centre.bulletin.gather import gather
        from interceptor.centre.bulletin.lines import COUNTS, WANTED, rankings
        from interceptor.centre.bulletin.periods import EPOCH, PERIODS, Period
        from interceptor.centre.bulletin.tally import by_day
        from interceptor.commands.centre import bulletin_told as words
        from interceptor.commands.centre.acting import acting
        from simulator.towns import town_name

        if period not in WORDS:
            raise UsageError(f"--period {period!r}: one of {', '.join(WORDS)}")
        if earlier is not None:
            with acting(book, by, at) as desk:
                kept = of_old.keep(desk.book, _text(earlier), by=desk.by, at_ms=desk.at_ms)
            if not json:
                say(f"{kept} figures of earlier reports kept")
        with opened(book, read_only=True) as centre:
            if period == WHOLE:
                asked = Period("whole", *_days(centre.db))
            else:
                asked = PERIODS[period](_date(on) if on else _days(centre.db)[1])
            found = gather(centre, asked, WANTED, COUNTS, rankings(centre, asked, town_name))
            days = [0] * asked.days
            for (day, _), events in by_day(centre, asked.from_ms, asked.to_ms).items():
                days[(EPOCH + timedelta(days=day) - asked.first).days] += events
        if json:
            print_json(found.as_object())
        else:
            say(words.title(found), bold=True)
            if found.passed:
                say(words.ALL_PASSED)
            for table in words.tables(found):
                say("")
                table.show()
        if markdown:
            _write(markdown, words.markdown(found))
        if html:
            from interceptor.tuning.page import write_page

            dates = [f"{asked.first + timedelta(days=nth):%d %b}" for nth in range(asked.days)]
            write_page(html, words.title(found), words.blocks(found, list(zip(dates, days, strict=True))))
        return 0

    run(command)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--on {text!r}: no day; write 2021-03-05") from None


def _days(db: sqlite3.Connection) -> tuple[date, date]:
    """The first and the last in the book."""
    from interceptor.centre.bulletin.periods import EPOCH

    row = db.execute("SELECT min(day), max(day) FROM gate_days").fetchone()
    if row[0] is None:
        raise UsageError("the book holds no day yet\n  hint: `interceptor run --centre FILE` fills one")
    return EPOCH + timedelta(days=row[0]), EPOCH + timedelta(days=row[1])


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read ({error})") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--markdown {path}: can't be written: {error.strerror}") from None
