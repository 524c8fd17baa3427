"""S8 on duty: townships and dens.

Enters: what the gates saw. Leaves: counts, dens. Invariant: a batch without suspects costs some comparisons.
"""

from __future__ import annotations

from interceptor.centre.book import Book
from interceptor.centre.hotspots.dens import forget, watch
from interceptor.centre.hotspots.towns import BOUNDS, HOUR_MS, Bounds, close_days, count, day_of, day_start_ms
from interceptor.centre.seen import Seen


class HotspotsSystem:
    """S8 on duty."""

    waits = "0"

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.bounds = bounds
        self._day, self.wakes_ms = -1, 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        if seen.events:
            with book.together():
                count(book, seen.events, self.bounds)
                watch(book, seen.events, now_ms, self.bounds)

    def due(self, book: Book, now_ms: int) -> None:
        if now_ms < self.wakes_ms:
            return
        day = day_of(now_ms - self.bounds.close_after_ms)
        with book.together():
            if day != self._day:
                close_days(book, now_ms, self.bounds)
            forget(book, now_ms, self.bounds)
        self._day = day
        self.wakes_ms = min(now_ms + HOUR_MS, day_start_ms(day + 1) + self.bounds.close_after_ms)
