"""Figures of a time before the book began, as earlier reports gave them.

Enters: CSV with the columns section, name, first, last, value, source. Leaves: rows in the book. Invariant: all lines
are kept, or none is.
"""

from __future__ import annotations

import csv
import math
from datetime import date
from io import StringIO

from interceptor.centre.book import Book
from interceptor.centre.bulletin.lines import WANTED
from interceptor.centre.bulletin.periods import day_number
from interceptor.centre.refusal import Refused
from interceptor.rules.errors import shortened

_FIGURES = {(line.section, line.name) for line in WANTED}
COLUMNS = ("section", "name", "first", "last", "value", "source")
_PUT = (
    "INSERT INTO earlier VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET value = excluded.value, source = excluded.source"
)


def keep(book: Book, text: str, *, by: str, at_ms: int) -> int:
    """How many. Raises Refused, which names the line."""
    with book.act("bulletin.earlier", "bulletin", by, at_ms) as act:
        reader = csv.DictReader(StringIO(text))
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise Refused("bad-columns", f"the first line must be {','.join(COLUMNS)}")
        rows = [_row(number, line) for number, line in enumerate(reader, start=2)]
        act.db.executemany(_PUT, rows)
        act.note(figures=len(rows))
    return len(rows)


def _row(number: int, line: dict[str, str]) -> tuple[str, str, int, int, float, str]:
    try:
        first, last = (day_number(date.fromisoformat(line[name])) for name in ("first", "last"))
        if last < first:
            raise ValueError("the last day comes before the first")
        section, name, value = line["section"], line["name"], float(line["value"])
        if not math.isfinite(value):
            raise ValueError(f"{value} is no figure")
        if (section, name) not in _FIGURES:
            raise ValueError(f"the bulletin has no figure {shortened(f'{section},{name}')!r}")
        return section, name, first, last, value, line["source"] or ""
    except (ValueError, TypeError) as error:
        raise Refused("bad-line", f"line {number}: {error}") from None
