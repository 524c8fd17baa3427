"""The systems on duty: who takes in what the gates saw, and whose time has come.

Enters: a book, what was seen, the time. Leaves: acts in the book. Invariant: one transaction a call. Nothing is taken
in twice: who follows a stream keeps his place in it in the book, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from interceptor.centre.book import Book
from interceptor.centre.seen import Seen


class System(Protocol):
    """One of the centre's systems. `waits`: a condition in SQL that tells whether something in its tables is due by
    :now; `wakes_ms`: when it has its turn whatever stands there."""

    waits: str
    wakes_ms: int

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        """What the gates saw and decided up to now_ms. Cheap where nothing concerns it."""

    def due(self, book: Book, now_ms: int) -> None:
        """What ends, is overdue or has its turn by now_ms."""


class Duty:
    """All systems, in the order in which they take their turn."""

    def __init__(self, book: Book, systems: Sequence[System]) -> None:
        self.book, self._systems = book, systems
        self._waits = f"SELECT {', '.join(system.waits for system in systems)}"

    def take(self, seen: Seen, now_ms: int) -> None:
        with self.book.together():
            for system in self._systems:
                system.take(self.book, seen, now_ms)
            self._due(now_ms)

    def due(self, now_ms: int) -> None:
        with self.book.together():
            self._due(now_ms)

    def _due(self, now_ms: int) -> None:
        done = 0
        while (turn := self._next_turn(done, now_ms)) is not None:
            self._systems[turn].due(self.book, now_ms)
            done = turn + 1

    def _next_turn(self, done: int, now_ms: int) -> int | None:
        """Mostly nothing is due, and one look tells. It is taken again after each turn: what one system does may
        concern those after it."""
        waiting = self.book.db.execute(self._waits, {"now": now_ms}).fetchone()
        for nth in range(done, len(waiting)):
            if waiting[nth] or self._systems[nth].wakes_ms <= now_ms:
                return nth
        return None
