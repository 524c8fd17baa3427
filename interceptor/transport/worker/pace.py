"""How much of the stream is between the stages, and whether more may come in.

Enters: what the shards of this process have taken. Leaves: whether the first stage should wait. Invariant: waiting ends
by itself; what waits lies in `events`, where it costs nothing and is taken in larger batches.

A batch of ten events costs a shard nearly what a batch of a thousand does. So the first stage lets only a few batches
be on their way at once: at low rates an event goes through at once, at high ones batches grow instead of queues. The
last stage has only taken an origin when all shards of the one before have, also those of other processes; so the
shards of the last stage that are here know how far all are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

from interceptor.transport.worker.shards import Shard

SMALL_ROWS = 4_000  # of a batch: below that one is on its way at a time
ON_THE_WAY_MAX = 3  # larger batches of the first stage
WAIT_MAX_S = 1.0  # shards come and go: nobody waits longer for one batch
LOOK_S = 0.05


class Pace:
    """Of one process. `last_shards`: those of the last stage that are here now."""

    def __init__(self, last_shards: Callable[[], Sequence[Shard[object]]]) -> None:  # type: ignore[type-var]
        self._last_shards = last_shards
        self._on_the_way: deque[int] = deque()  # the last origin of each batch
        self._moved = asyncio.Event()
        self.rows_of_batch = 0.0  # of the last few, on average

    def admitted(self, last_origin: int, rows: int) -> None:
        """The first stage has taken a batch."""
        self._on_the_way.append(last_origin)
        self.rows_of_batch += (rows - self.rows_of_batch) / 16

    def decided(self) -> None:
        """A shard of the last stage has taken something."""
        self._moved.set()

    async def room(self) -> None:
        """Returns when another batch may come in."""
        until_s = monotonic() + WAIT_MAX_S
        while self._is_full() and monotonic() < until_s:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), LOOK_S)
            except TimeoutError:
                continue

    def _is_full(self) -> bool:
        shards = self._last_shards()
        if not shards:
            self._on_the_way.clear()
            return False
        decided = min(shard.applied for shard in shards)
        while self._on_the_way and self._on_the_way[0] <= decided:
            self._on_the_way.popleft()
        return len(self._on_the_way) >= (ON_THE_WAY_MAX if self.rows_of_batch >= SMALL_ROWS else 1)
