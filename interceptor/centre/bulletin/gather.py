"""One bulletin out of what all systems have counted.

Enters: a book, a period, the systems' counts. Leaves: a Bulletin. Invariant: every figure is a count or a sum over
[from, to) of the system that keeps it, or is `None` where nobody knows; nothing is rounded here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interceptor.centre.book import Book
from interceptor.centre.bulletin.periods import Period, day_number
from interceptor.centre.marks import PASSED, mark

Count = int | float | None
Counts = Callable[[Book, int, int], Mapping[str, Count]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line of the bulletin: which figure of which section, how it is called, and in what it is told (events, fen,
    minutes, share)."""

    section: str
    name: str
    title: str
    unit: str = "events"


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: now, in the period before, in the year before; None = not known. `reported`: what an earlier report
    says of the same period."""

    wanted: Wanted
    now: Count
    before: Count
    year_before: Count
    reported: Count = None

    @property
    def change(self) -> float | None:
        """Against the period before, as a share: 0.1 = a tenth more."""
        return _change(self.now, self.before)

    @property
    def year_on_year(self) -> float | None:
        return _change(self.now, self.year_before)

    @property
    def against_report(self) -> float | None:
        return _change(self.now, self.reported)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Names with a figure each, the largest first."""

    title: str
    head: str
    rows: Sequence[tuple[str, Count]]
    unit: str = "events"


@dataclass(frozen=True, slots=True)
class Bulletin:
    """All of it. `head`: the audit log's, which says up to where the book was when this was made; `passed`: the events
    passed the gates whatever was decided, so that what was intercepted was so in thought only."""

    period: Period
    lines: Sequence[Line]
    rankings: Sequence[Ranking]
    head: str
    passed: bool = False

    def as_object(self) -> dict[str, Any]:
        sections: dict[str, dict[str, Any]] = {}
        for line in self.lines:
            sections.setdefault(line.wanted.section, {})[line.wanted.name] = {
                "title": line.wanted.title, "unit": line.wanted.unit, "now": line.now, "before": line.before,
                "change": line.change, "year_before": line.year_before, "year_on_year": line.year_on_year,
                "reported": line.reported,
            }  # fmt: skip
        return {
            "period": self.period.word, "first": str(self.period.first), "last": str(self.period.last),
            "sections": sections, "rankings": {ranking.title: dict(ranking.rows) for ranking in self.rankings},
            "audit_head": self.head, "everything_passed": self.passed,
        }  # fmt: skip


def gather(
    book: Book, period: Period, wanted: Sequence[Wanted], counts: Mapping[str, Counts], rankings: Sequence[Ranking]
) -> Bulletin:
    """`counts`: by section. Raises KeyError for a line that its section doesn't count."""
    before, year_before = period.before(), period.year_before()
    now = _counted(book, period, counts)
    then, last_year = (_counted(book, one, counts) if _covers(book, one) else {} for one in (before, year_before))
    lines = [
        Line(
            line, now[line.section][line.name],
            _of(book, line, before, then), _of(book, line, year_before, last_year), _reported(book, line, period),
        )
        for line in wanted
    ]  # fmt: skip
    return Bulletin(period, lines, rankings, str(book.audit.head()), bool(mark(book.db, PASSED)))


def _counted(book: Book, period: Period, counts: Mapping[str, Counts]) -> dict[str, dict[str, Count]]:
    """Times are medians, which of nothing are 0: nobody knows them then."""
    found = {}
    for section, count in counts.items():
        figures = count(book, period.from_ms, period.to_ms)
        found[section] = {name: (value or None) if "minutes" in name else value for name, value in figures.items()}
    return found


def _covers(book: Book, period: Period) -> bool:
    """Whether the book had begun: half a period isn't compared with a whole one."""
    began = book.db.execute("SELECT min(day) FROM gate_days").fetchone()[0]
    return began is not None and began <= day_number(period.first)


def _of(book: Book, line: Wanted, period: Period, counted: Mapping[str, Mapping[str, Count]]) -> Count:
    """As the book counted it, else as an earlier report gave it."""
    return counted[line.section][line.name] if counted else _reported(book, line, period)


def _reported(book: Book, line: Wanted, period: Period) -> Count:
    row = book.db.execute(
        "SELECT value FROM earlier WHERE section = ? AND name = ? AND first_day = ? AND last_day = ?",
        (line.section, line.name, day_number(period.first), day_number(period.last)),
    ).fetchone()
    return row[0] if row else None


def _change(now: Count, before: Count) -> float | None:
    return None if now is None or not before else (now - before) / before
