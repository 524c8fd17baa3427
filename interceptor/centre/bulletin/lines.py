"""Which lines a bulletin has, and who counts them.

Enters: nothing. Leaves: COUNTS and WANTED. Invariant: every line names a figure that its section counts (a test asks
all).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from interceptor.centre.book import Book
from interceptor.centre.bulletin import tally
from interceptor.centre.bulletin.gather import Counts, Ranking, Wanted
from interceptor.centre.bulletin.periods import Period

RANKED = 10

COUNTS: Mapping[str, Counts] = {"gates": tally.counts}

WANTED: Sequence[Wanted] = (
    Wanted("gates", "call_events", "calls seen"),
    Wanted("gates", "call_blocked", "calls intercepted"),
    Wanted("gates", "sms_events", "messages seen"),
    Wanted("gates", "sms_blocked", "messages intercepted"),
    Wanted("gates", "web_events", "site visits seen"),
    Wanted("gates", "web_blocked", "visits blocked"),
    Wanted("gates", "web_held", "visits behind a warning page"),
    Wanted("gates", "transfer_events", "transfers seen"),
    Wanted("gates", "transfer_blocked", "transfers refused"),
    Wanted("gates", "transfer_blocked_fen", "sum of transfers refused", "fen"),
    Wanted("gates", "transfer_held", "transfers delayed"),
    Wanted("gates", "transfer_held_fen", "sum of transfers delayed", "fen"),
)

SECTIONS = {
    "gates": "At the gates", "sites": "Scam sites", "warnings": "Early warning", "money": "Stopped money",
    "cases": "Alerts and cases", "cards": "Two cards", "hotspots": "Hot spots", "citizens": "Citizens",
}  # fmt: skip


def rankings(book: Book, period: Period, town_name: Callable[[int], str]) -> list[Ranking]:
    """Townships by what was intercepted on its way to their citizens."""
    towns = tally.by_town(book, period.from_ms, period.to_ms)
    rows = [(town_name(town), events) for town, events in towns.items() if town][:RANKED]
    return [Ranking("Townships", "intercepted", rows)] if rows else []
