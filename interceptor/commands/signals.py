"""Being asked to stop, for commands that go on until somebody does.

Enters: SIGINT, SIGTERM. Leaves: which of them came. Invariant: the first one only asks, so that what is under way is
finished; a second SIGINT ends the process.
"""

from __future__ import annotations

import signal
from types import FrameType


class Signals:
    """Use as a context. `heard`: the signals that came, in order."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def __enter__(self) -> Signals:
        self._before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and signal.SIGINT in self.heard:
            raise KeyboardInterrupt
        self.heard.append(number)
