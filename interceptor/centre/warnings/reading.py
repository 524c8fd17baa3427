"""What there is to see of warnings: lists, the queue, who is free, and the figures of the bulletin.

Enters: a book, a span of time. Leaves: rows and counts. Invariant: counts of two spans that meet add up to those of
both together; medians, of course, don't.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from interceptor.centre.book import Book
from interceptor.centre.warnings import rows
from interceptor.centre.warnings.acts import MEANS
from interceptor.centre.warnings.means import HOUR_MS, MINUTE_MS, OFFICER, REACHED, SMS, TIER_NAMES, VISIT, Means
from interceptor.centre.warnings.rows import Warning
from interceptor.schema import Outcome

TIERS = (1, 2, 3, 4)


def listing(book: Book, *, open_only: bool = False, tier: int = 0, last: int = 1000) -> list[Warning]:
    """The newest so many, newest first."""
    conditions = ["closed_ms = 0"] * open_only + [f"tier = {int(tier)}"] * bool(tier)
    return list(rows.where(book.db, f"{' AND '.join(conditions) or '1'} ORDER BY id DESC LIMIT ?", last))


def one(book: Book, warning: int) -> Warning:
    """Raises Refused."""
    return rows.found(book.db, warning)


def queue(book: Book, tier: int = 0) -> list[Warning]:
    """Who waits, in the order of being served."""
    only = f" AND tier = {int(tier)}" if tier else ""
    return list(rows.where(book.db, f"state = 'queued'{only} ORDER BY tier DESC, urgency_ms, id"))


def under_way(book: Book, tier: int = 0) -> list[Warning]:
    """Who is being sent a message, called or visited: of whom somebody may say what came of it."""
    only = f" AND tier = {int(tier)}" if tier else ""
    busy = f"closed_ms = 0 AND state IN ('{rows.SENT}', '{rows.CALLED}', '{rows.ON_THE_WAY}'){only} ORDER BY id"
    return list(rows.where(book.db, busy))


@dataclass(frozen=True, slots=True)
class Room:
    """Who is there for one tier: `place` a district for visits, else everywhere."""

    tier: int
    place: str
    there: int
    busy: int
    waiting: int


def capacity(book: Book, at_ms: int, means: Means = MEANS) -> list[Room]:
    """Who is there, busy, and how many wait, by tier; for visits by district that has any."""
    waiting = dict(book.db.execute("SELECT tier, count(*) FROM warnings WHERE state = 'queued' GROUP BY tier"))
    busy = dict(book.db.execute("SELECT tier, count(*) FROM tries WHERE ended_ms = 0 GROUP BY tier"))
    minute_ms = at_ms // MINUTE_MS * MINUTE_MS
    sent = "SELECT count(*) FROM tries WHERE tier = 1 AND started_ms >= ? AND started_ms < ?"
    busy[SMS] = book.db.execute(sent, (minute_ms, minute_ms + MINUTE_MS)).fetchone()[0]
    found = [
        Room(tier, "", means.room(tier, at_ms), busy.get(tier, 0), waiting.get(tier, 0))
        for tier in TIERS
        if tier < VISIT
    ]
    places: dict[int, list[int]] = {}
    for sql, column in (
        ("SELECT district, count(*) FROM tries WHERE ended_ms = 0 AND tier = 4 GROUP BY district", 0),
        ("SELECT town / 1000, count(*) FROM warnings WHERE state = 'queued' AND tier = 4 GROUP BY 1", 1),
    ):
        for place, count in book.db.execute(sql):
            places.setdefault(place, [0, 0])[column] = count
    found += [Room(VISIT, str(place), means.cars, *places[place]) for place in sorted(places)]
    return found


def counts(book: Book, from_ms: int, to_ms: int) -> dict[str, int | float]:
    """What happened from from_ms up to, not including, to_ms. Times in minutes; the median of nothing is 0."""
    span = (from_ms, to_ms - 1)

    def number(sql: str) -> int:
        return int(book.db.execute(sql, span).fetchone()[0] or 0)

    found: dict[str, int | float] = {
        "opened": number("SELECT count(*) FROM warnings WHERE opened_ms BETWEEN ? AND ?"),
        "closed": number("SELECT count(*) FROM warnings WHERE closed_ms BETWEEN ? AND ?"),
        "escalated": number("SELECT count(*) FROM raises WHERE at_ms BETWEEN ? AND ? AND why <> 'decided'"),
        "raised": number("SELECT count(*) FROM raises WHERE at_ms BETWEEN ? AND ?"),
    }
    found |= _tries(book, span)
    results = dict(
        book.db.execute("SELECT result, count(*) FROM warnings WHERE closed_ms BETWEEN ? AND ? GROUP BY result", span)
    )
    ends = (*REACHED.values(), "sent", "played", "unreached", "refused", "handed over", "withdrawn")
    found |= {result.replace(" ", "_"): results.get(result, 0) for result in ends}
    found["median_minutes_to_contact"] = _median(
        book, "SELECT reached_ms - opened_ms FROM warnings WHERE reached_ms BETWEEN ? AND ?", span
    )
    return found


def _tries(book: Book, span: tuple[int, int]) -> dict[str, int | float]:
    """By tier: how many were made, how many of those that ended reached somebody, and how long they had to wait."""
    made = dict(
        book.db.execute("SELECT tier, count(*) FROM tries WHERE started_ms BETWEEN ? AND ? GROUP BY tier", span)
    )
    reached = ", ".join(str(int(outcome)) for outcome in REACHED)
    ended = {
        tier: (count, of_them, busy_ms)
        for tier, count, of_them, busy_ms in book.db.execute(
            f"SELECT tier, count(*), sum(outcome IN ({reached})), sum(ended_ms - started_ms) FROM tries"
            " WHERE ended_ms BETWEEN ? AND ? GROUP BY tier",
            span,
        )
    }
    missed = dict(
        book.db.execute(
            f"SELECT tier, count(*) FROM tries WHERE ended_ms BETWEEN ? AND ? AND outcome = {int(Outcome.UNREACHED)}"
            " GROUP BY tier",
            span,
        )
    )
    found: dict[str, int | float] = {}
    for tier in TIERS:
        count, of_them, busy_ms = ended.get(tier, (0, 0, 0))
        found |= {
            f"tier_{tier}_tries": made.get(tier, 0),
            f"tier_{tier}_ended": count,
            f"tier_{tier}_reached": of_them,
            f"tier_{tier}_unreached": missed.get(tier, 0),
            f"tier_{tier}_minutes": busy_ms / MINUTE_MS,
            f"tier_{tier}_median_wait": _median(
                book,
                f"SELECT started_ms - queued_ms FROM tries WHERE started_ms BETWEEN ? AND ? AND tier = {tier}",
                span,
            ),
        }
    return found


def _median(book: Book, sql: str, span: tuple[int, int]) -> float:
    """Of ms, in minutes."""
    found = [value for (value,) in book.db.execute(sql, span)]
    return round(median(found) / MINUTE_MS, 2) if found else 0.0


def load(book: Book, from_ms: int, to_ms: int, means: Means = MEANS) -> float:
    """Share of the officers' time at the telephones that they spent on calls, 0 … 1."""
    spent = counts(book, from_ms, to_ms)[f"tier_{OFFICER}_minutes"]
    hours = range(from_ms // HOUR_MS * HOUR_MS, to_ms, HOUR_MS)
    there = sum(
        means.room(OFFICER, hour) * (min(hour + HOUR_MS, to_ms) - max(hour, from_ms)) / MINUTE_MS for hour in hours
    )
    return round(spent / there, 4) if there else 0.0


def tier_name(tier: int) -> str:
    return f"W{tier} {TIER_NAMES[tier]}"


def as_object(room: Room) -> dict[str, Any]:
    return {"tier": room.tier, "district": room.place, "there": room.there, "busy": room.busy, "waiting": room.waiting}


def tries(book: Book, warning: int) -> list[dict[str, Any]]:
    """All messages, calls and visits of one warning, in order."""
    wanted = (
        "SELECT tier, district, queued_ms, started_ms, ended_ms, outcome, by FROM tries WHERE warning = ? ORDER BY id"
    )
    names = ("tier", "district", "queued_ms", "started_ms", "ended_ms", "outcome", "by")
    found = [dict(zip(names, row, strict=True)) for row in book.db.execute(wanted, (warning,))]
    return [one | {"outcome": Outcome(one["outcome"]).name.lower()} for one in found]
