"""When a long command stops: asked to from outside, or by itself.

Enters: SIGINT and SIGTERM. Leaves: an Event that is set, and which signals came. Invariant: what is under way is
finished first.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


@contextmanager
def stopped_by_signals(stop: Event) -> Iterator[list[int]]:
    """The signals that came."""
    came: list[int] = []

    def heard(number: int, _: object) -> None:
        came.append(number)
        stop.set()

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Watch:
    """When to stop by itself: after so many seconds, or once nothing has come for so many; None = not for that."""

    def __init__(self, for_s: float | None, idle_s: float | None) -> None:
        self._for_s, self._idle_s = for_s, idle_s
        self._began_s = self._moved_s = time.monotonic()
        self._last: object = None

    def is_over(self, progress: object, *, more_to_come: bool = False) -> bool:
        """`progress`: anything that is equal as long as nothing has come. With more to come nobody is idle."""
        now_s = time.monotonic()
        if progress != self._last or more_to_come:
            self._last, self._moved_s = progress, now_s
        if self._for_s is not None and now_s - self._began_s >= self._for_s:
            return True
        return self._idle_s is not None and now_s - self._moved_s >= self._idle_s
