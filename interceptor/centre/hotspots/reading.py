"""What is known of townships and dens, for tables, JSON, the map and the bulletin.

Enters: a book. Leaves: scores of a day, a township's days, counts. Invariant: nothing here writes.
"""

from __future__ import annotations

from interceptor.centre.book import Book
from interceptor.centre.hotspots.towns import BOUNDS, DAY_MS, Bounds, TownDay, day_start_ms, scored

WORST = 10


def last_day(book: Book) -> int | None:
    """The latest day of which something is known; None = nothing is."""
    row = book.db.execute(
        "SELECT max((SELECT ifnull(max(day), -1) FROM town_seen), (SELECT ifnull(max(day), -1) FROM town_days))"
    ).fetchone()
    return int(row[0]) if row[0] >= 0 else None


def worst(book: Book, day: int, last: int | None = WORST, bounds: Bounds = BOUNDS) -> list[TownDay]:
    """The worst townships of a day."""
    return scored(book.db, day, bounds)[:last]


def town(book: Book, code: int, day: int, bounds: Bounds = BOUNDS) -> list[tuple[int, TownDay]]:
    """A township's last four weeks up to a day, the latest first; days without anything are left out."""
    found = []
    for one in range(day, day - bounds.baseline_days, -1):
        found += [(one, of) for of in scored(book.db, one, bounds) if of.town == code]
    return found


def counts(book: Book, from_ms: int, to_ms: int) -> dict[str, int]:
    """What happened in [from_ms, to_ms): townships found hot (as their day was closed), dens found, moved to another
    township, cleared."""
    span = (from_ms, to_ms)
    queries = {
        "hot_towns": "SELECT count(*) FROM hot_towns WHERE at_ms >= ? AND at_ms < ?",
        "dens_found": "SELECT count(*) FROM dens WHERE first_ms >= ? AND first_ms < ?",
        "dens_moved": "SELECT count(*) FROM den_places WHERE moved AND at_ms >= ? AND at_ms < ?",
        "dens_cleared": "SELECT count(*) FROM dens WHERE cleared_ms > 0 AND cleared_ms >= ? AND cleared_ms < ?",
    }
    return {name: int(book.db.execute(query, span).fetchone()[0]) for name, query in queries.items()}


def span_of(day: int) -> tuple[int, int]:
    """[from_ms, to_ms) of a day."""
    return day_start_ms(day), day_start_ms(day) + DAY_MS
