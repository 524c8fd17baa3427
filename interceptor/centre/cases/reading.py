"""Cases as they are shown, and what a bulletin counts of them.

Enters: a book. Leaves: lists and figures. Invariant: nothing here writes.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from interceptor.centre.book import Book
from interceptor.centre.cases.opening import rules_of, things_of
from interceptor.centre.cases.terms import MINUTE_MS, CaseKind, Urgency
from interceptor.centre.cases.timeline import Entry, entries
from interceptor.centre.refusal import Refused
from interceptor.centre.signed import signed
from interceptor.centre.things import Thing

_COLUMNS = (
    "id, kind, urgency, opened_ms, last_ms, hits, reason, ref, officer, handle_by_ms, handled_ms, decide_by_ms,"
    " overdue_handle_ms, overdue_decide_ms, outcome, closed_ms, merged_into"
)


@dataclass(frozen=True, slots=True)
class Case:
    """`hits`: how often something brought it up; `handle_by_ms`, `decide_by_ms`: deadlines of the first handling and
    of the outcome; `overdue_…_ms`: set once the deadline was missed; `outcome` "" = open, "merged" = see
    `merged_into`."""

    id: int
    kind: CaseKind
    urgency: Urgency
    opened_ms: int
    last_ms: int
    hits: int
    reason: str
    ref: str
    officer: str
    handle_by_ms: int
    handled_ms: int | None
    decide_by_ms: int
    overdue_handle_ms: int | None
    overdue_decide_ms: int | None
    outcome: str
    closed_ms: int | None
    merged_into: int | None

    @property
    def overdue(self) -> str:
        """Which deadline was missed and is still open; "" = none."""
        if self.closed_ms is not None:
            return ""
        if self.overdue_decide_ms is not None:
            return "decision"
        return "handling" if self.overdue_handle_ms is not None and self.handled_ms is None else ""


@dataclass(frozen=True, slots=True)
class File:
    """All that is known of a case."""

    case: Case
    things: list[Thing]
    citizens: list[Thing]
    rules: list[str]
    timeline: list[Entry]


def listing(
    book: Book, *, closed: bool = False, officer: str | None = None, about: Thing | None = None, last: int = 100
) -> list[Case]:
    """Open cases, the most urgent first; with `closed` also those that have ended, the latest first. `officer`: his,
    "" = nobody's."""
    where = ["closed_ms IS NULL"] if not closed else ["1"]
    values: list[str | int] = []
    if officer is not None:
        where.append("officer = ?")
        values.append(officer)
    if about is not None:
        where.append("id IN (SELECT case_id FROM case_things WHERE subject = ? AND key = ?)")
        values += [about.subject, signed(about.key)]
    order = "id DESC" if closed else "urgency, opened_ms, id"
    found = book.db.execute(
        f"SELECT {_COLUMNS} FROM cases WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?", (*values, last)
    )
    return [_case(row) for row in found]


def overdue(book: Book) -> list[Case]:
    """Open cases whose deadline was missed, the longest overdue first."""
    found = book.db.execute(
        f"SELECT {_COLUMNS} FROM cases WHERE closed_ms IS NULL AND (overdue_decide_ms IS NOT NULL"
        " OR overdue_handle_ms IS NOT NULL AND handled_ms IS NULL) ORDER BY min(handle_by_ms, decide_by_ms), id"
    )
    return [_case(row) for row in found]


def one(book: Book, case_id: int) -> File:
    """Raises Refused where there is none."""
    found = book.db.execute(f"SELECT {_COLUMNS} FROM cases WHERE id = ?", (case_id,)).fetchone()
    if found is None:
        raise Refused("no-such-case", f"there is no case {case_id}", "`interceptor centre cases list` has them")
    db = book.db
    return File(
        _case(found), things_of(db, case_id), things_of(db, case_id, citizens=True), rules_of(db, case_id),
        entries(db, case_id),
    )  # fmt: skip


def counts(book: Book, from_ms: int, to_ms: int) -> dict[str, int | float]:
    """What happened in [from, to): cases opened, how they ended, deadlines missed, rules put to shadow; median minutes
    until somebody handled those opened (0 = none was)."""
    span = (from_ms, to_ms)

    def number(what: str, column: str) -> int:
        text = f"SELECT count(*) FROM {what} {column} >= ? AND {column} < ?"
        return int(book.db.execute(text, span).fetchone()[0])

    closed = "cases WHERE outcome = '{}' AND"
    minutes = [
        (handled - opened) / MINUTE_MS
        for opened, handled in book.db.execute(
            "SELECT opened_ms, handled_ms FROM cases WHERE opened_ms >= ? AND opened_ms < ? AND handled_ms IS NOT NULL",
            span,
        )
    ]
    return {
        "cases_opened": number("cases WHERE", "opened_ms"),
        "cases_confirmed": number(closed.format("confirmed"), "closed_ms"),
        "cases_false_alarms": number(closed.format("false_alarm"), "closed_ms"),
        "cases_undecided": number(closed.format("undecided"), "closed_ms"),
        "cases_merged": number(closed.format("merged"), "closed_ms"),
        "cases_handled_late": number("cases WHERE", "overdue_handle_ms"),
        "cases_decided_late": number("cases WHERE", "overdue_decide_ms"),
        "rules_to_shadow": number("shadowed WHERE", "at_ms"),
        "minutes_to_handling": statistics.median(minutes) if minutes else 0.0,
    }


def _case(row: tuple) -> Case:  # type: ignore[type-arg]
    return Case(row[0], CaseKind(row[1]), Urgency(row[2]), *row[3:])
