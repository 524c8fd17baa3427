"""Townships: who calls from there under suspicion, who lives there and is called, and whether that is more than usual.

Enters: what the gates saw. Leaves: counts per township and day; hot townships. Invariants: everybody counts once a day
and township; what was counted is in the book, so a killed process loses none of it; a day is closed once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from math import sqrt

from interceptor.centre.book import Book
from interceptor.centre.seen import Event
from interceptor.centre.signed import signed
from interceptor.local_time import LOCAL_TIME
from interceptor.schema import GATES, Kind, Trunk, Verdict

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PATROL = "hotspots"
_LAST_GATE = max(GATES)
_SPEAKS = (Kind.CALL, Kind.SMS)
_AWAY = (Trunk.INTERPROVINCIAL, Trunk.INTERNATIONAL)
_offset = LOCAL_TIME.utcoffset(None)
OFFSET_MS = int(_offset.total_seconds() * 1000) if _offset else 0


class Sign(IntEnum):
    """What is counted of a township."""

    SUSPECT = 0  # suspect lines that call or write from its cells
    BLOCKED = 1  # those of them that were blocked
    CITIZEN = 2  # its citizens to whom suspects came, or for whom something was held back
    INFLOW = 3  # suspect lines of other provinces or countries that called or wrote to its citizens


@dataclass(frozen=True, slots=True)
class Bounds:
    """From when on. Of townships as rules/places.yaml has it (X04); of dens D4 C09 and X04 [A]."""

    score: float = 3.0
    z: float = 3.0
    suspects: int = 8
    watched_days: int = 14
    baseline_days: int = 28
    close_after_ms: int = 10 * 60_000  # events come so late at most
    den_score: float = 2.0
    device_ms: int = DAY_MS
    sims_of_cell: int = 8
    overlap: float = 0.05  # share of the time in which two of them talk
    move_ms: int = 2 * DAY_MS
    return_ms: int = 6 * HOUR_MS  # [A] to and fro within so long is no move
    shared_sims: float = 0.5  # of a den's SIMs at another cell: the same den


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class TownDay:
    """A township on a day. `mean`: suspects a day over the four weeks before, `score`: by how many standard deviations
    the day lies above it (rare lines scatter like their mean; a mean below 1 counts as 1)."""

    town: int
    suspects: int
    blocked: int
    citizens: int
    inflow: int
    mean: float
    hot: bool

    @property
    def score(self) -> float:
        return (self.suspects - self.mean) / sqrt(max(self.mean, 1.0))


def day_of(ts_ms: int) -> int:
    """The day on the city's clock, counted from 1970."""
    return (ts_ms + OFFSET_MS) // DAY_MS


def day_start_ms(day: int) -> int:
    return day * DAY_MS - OFFSET_MS


def count(book: Book, events: Iterable[Event], bounds: Bounds = BOUNDS) -> None:
    """Writes down who is new today, of the few events that somebody suspects."""
    new: set[tuple[int, int, int, int]] = set()
    for event in events:
        suspect = event.score >= bounds.score
        gate = event.kind <= _LAST_GATE
        if not (suspect or (gate and event.verdict >= Verdict.HOLD)):
            continue
        day, source = day_of(event.ts_ms), signed(event.source)
        if event.town and gate:
            new.add((day, Sign.CITIZEN, event.town, signed(event.target)))
        if suspect and event.kind in _SPEAKS:
            if event.cell_town:
                new.add((day, Sign.SUSPECT, event.cell_town, source))
                if event.verdict == Verdict.BLOCK:
                    new.add((day, Sign.BLOCKED, event.cell_town, source))
            if event.town and event.trunk in _AWAY:
                new.add((day, Sign.INFLOW, event.town, source))
    book.db.executemany("INSERT OR IGNORE INTO town_seen VALUES (?, ?, ?, ?)", new)


def close_days(book: Book, now_ms: int, bounds: Bounds = BOUNDS) -> None:
    """Sums up the days that are over; says which townships were hot."""
    row = book.db.execute("SELECT next_day FROM hotspot_watch").fetchone()
    today = day_of(now_ms - bounds.close_after_ms)
    if row is None:
        first = min(today, book.db.execute("SELECT min(day) FROM town_seen").fetchone()[0] or today)
        book.db.execute("INSERT INTO hotspot_watch VALUES (1, ?, ?)", (first, first))
        row = (first,)
    for day in range(row[0], today):
        found = scored(book.db, day, bounds)
        for one in found:
            if one.hot:
                _say_hot(book, one, day, now_ms)
        book.db.executemany(
            "INSERT OR REPLACE INTO town_days VALUES (?, ?, ?, ?, ?, ?)",
            [(one.town, day, one.suspects, one.blocked, one.citizens, one.inflow) for one in found],
        )
        book.db.execute("DELETE FROM town_seen WHERE day <= ?", (day,))
        book.db.execute("UPDATE hotspot_watch SET next_day = ?", (day + 1,))


def scored(db: sqlite3.Connection, day: int, bounds: Bounds = BOUNDS) -> list[TownDay]:
    """Townships of which anything was seen on a day, closed or not, the worst first."""
    counts: dict[int, list[int]] = {}
    for town, *values in db.execute(
        "SELECT town, suspects, blocked, citizens, inflow FROM town_days WHERE day = ?", (day,)
    ):
        counts[town] = values
    for town, what, number in db.execute(
        "SELECT town, what, count(*) FROM town_seen WHERE day = ? GROUP BY town, what", (day,)
    ):
        counts.setdefault(town, [0] * len(Sign))[what] = number
    days = watched_days(db, day, bounds)
    means = dict(
        db.execute(
            "SELECT town, sum(suspects) FROM town_days WHERE day >= ? AND day < ? GROUP BY town",
            (day - bounds.baseline_days, day),
        ).fetchall()
    )
    days_or_one = max(days, 1)
    found = [_town_day(town, values, means.get(town, 0) / days_or_one, days, bounds) for town, values in counts.items()]
    return sorted(found, key=lambda one: (-one.score, -one.citizens, one.town))


def watched_days(db: sqlite3.Connection, day: int, bounds: Bounds = BOUNDS) -> int:
    """Of the four weeks before a day."""
    row = db.execute("SELECT since_day FROM hotspot_watch").fetchone()
    return max(0, min(bounds.baseline_days, day - row[0])) if row else 0


def _town_day(town: int, values: Iterable[int], mean: float, days: int, bounds: Bounds) -> TownDay:
    suspects, blocked, citizens, inflow = values
    above = suspects - mean
    hot = days >= bounds.watched_days and suspects >= bounds.suspects and above > 0
    return TownDay(town, suspects, blocked, citizens, inflow, mean, hot and above**2 >= bounds.z**2 * mean)


def _say_hot(book: Book, one: TownDay, day: int, now_ms: int) -> None:
    with book.act("town.hot", f"town:{one.town}", PATROL, now_ms) as act:
        act.note(day=day, suspects=one.suspects, mean=round(one.mean, 3))
        act.db.execute(
            "INSERT OR REPLACE INTO hot_towns VALUES (?, ?, ?, ?, ?)", (one.town, day, now_ms, one.suspects, one.mean)
        )
