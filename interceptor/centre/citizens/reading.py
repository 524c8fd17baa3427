"""The figures of citizens' reports, protection, appeals and advice.

Enters: a book, a span of time. Leaves: counts. Invariant: counts of two spans that meet add up to those of both
together; medians, of course, don't.
"""

from __future__ import annotations

from statistics import median

from interceptor.centre.book import Book
from interceptor.centre.citizens.appeals import AT_GATES, TURNED_DOWN, UPHELD
from interceptor.centre.citizens.terms import MINUTE_MS

_COUNTED = {
    "reports": "votes WHERE at_ms BETWEEN ? AND ?",
    "reports_withdrawn": "votes WHERE withdrawn_ms BETWEEN ? AND ? AND withdrawn_ms > 0",
    "bursts_blocked": "bursts WHERE at_ms BETWEEN ? AND ? AND outcome = 'blocked'",
    "bursts_at_gates": "bursts WHERE at_ms BETWEEN ? AND ? AND outcome = 'gate'",
    "bursts_alert": "bursts WHERE at_ms BETWEEN ? AND ? AND outcome = 'alert'",
    "protected": "protected WHERE since_ms BETWEEN ? AND ?",
    "protections_ended": "protected WHERE ended_ms BETWEEN ? AND ? AND ended_ms > 0",
    "appeals_filed": "appeals WHERE filed_ms BETWEEN ? AND ?",
    "appeals_upheld": f"appeals WHERE decided_ms BETWEEN ? AND ? AND outcome = '{UPHELD}'",
    "appeals_refused": f"appeals WHERE decided_ms BETWEEN ? AND ? AND outcome = '{TURNED_DOWN}'",
    "appeals_overdue": "appeals WHERE overdue_ms BETWEEN ? AND ? AND overdue_ms > 0",
    "advised": "advised WHERE at_ms BETWEEN ? AND ?",
}


def counts(book: Book, from_ms: int, to_ms: int) -> dict[str, int | float]:
    """What happened from from_ms up to, not including, to_ms. Medians in minutes, of appeals upheld; 0 of nothing. Of
    those that were decided at the gates nobody knows when they were filed: they aren't in the first one."""
    span = (from_ms, to_ms - 1)
    found: dict[str, int | float] = {
        name: book.db.execute(f"SELECT count(*) FROM {what}", span).fetchone()[0] for name, what in _COUNTED.items()
    }
    lifted = book.db.execute("SELECT sum(lifted) FROM appeals WHERE decided_ms BETWEEN ? AND ?", span).fetchone()[0]
    found["orders_lifted"] = lifted or 0
    for name, start, of in (
        ("median_minutes_to_lift", "filed_ms", f"AND papers <> '{AT_GATES}'"),
        ("median_minutes_blocked", "blocked_ms", ""),
    ):
        wanted = f"SELECT decided_ms - {start} FROM appeals WHERE decided_ms BETWEEN ? AND ? AND outcome = '{UPHELD}'"
        times = [value for (value,) in book.db.execute(f"{wanted} {of}", span)]
        found[name] = round(median(times) / MINUTE_MS, 2) if times else 0.0
    return found
