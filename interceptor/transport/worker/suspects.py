"""Messages that the engine fails on.

Enters: batches on which it failed. Leaves: which messages to take alone, and which without what they hold. Invariant: a
message counts as poison only when the engine failed on it alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from interceptor.transport.worker.messages import Incoming


class Suspects:
    """Of one partition. `poison`: offset → how the engine failed."""

    def __init__(self) -> None:
        self.poison: dict[int, str] = {}
        self._singly_until = -1

    def some(self, messages: Sequence[Incoming]) -> Sequence[Incoming]:
        """As many of the next messages as may be taken at once."""
        return messages[:1] if messages[0].offset <= self._singly_until else messages

    def failed(self, error: Exception, messages: Sequence[Incoming]) -> None:
        """The engine failed on these. Raises the error again where it fails even without what they hold."""
        first, last = messages[0].offset, messages[-1].offset
        if first in self.poison:
            raise error
        if first == last:
            self.poison[first] = type(error).__name__
        self._singly_until = max(self._singly_until, last)
