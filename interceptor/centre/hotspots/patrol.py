"""S8 on duty: townships and dens.

Enters: what the gates saw. Leaves: counts, dens. Invariant: a batch without suspects costs some comparisons.
"""

from __future__ import annotations

from interceptor.centre.book import Book
from interceptor.centre.hotspots.dens import forget, watch
from interceptor.centre.hotspots.towns import BOUNDS, HOUR_MS, Bounds, close_days, count, day_of
from interceptor.centre.seen import Seen


class HotspotsSystem:
    """S8 on duty."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.bounds = bounds
        self._day, self._forgot_ms = -1, 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        if not (len(seen.hit_row) or seen.verdict.any() or seen.score.any()):
            return
        with book.together():
            count(book, seen, self.bounds)
            watch(book, seen, now_ms, self.bounds)

    def due(self, book: Book, now_ms: int) -> None:
        day = day_of(now_ms - self.bounds.close_after_ms)
        if day == self._day and now_ms - self._forgot_ms < HOUR_MS:
            return
        with book.together():
            if day != self._day:
                close_days(book, now_ms, self.bounds)
            forget(book, now_ms, self.bounds)
        self._day, self._forgot_ms = day, now_ms
