"""Stopping a long command from outside.

Enters: SIGINT and SIGTERM. Leaves: an Event that is set, and which signals came. Invariant: what is under way is
finished first.
"""

from __future__ import annotations

import signal
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
