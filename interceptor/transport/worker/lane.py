"""The shards of one stage in this process: what one of them takes, when, and what is acknowledged then.

Enters: messages, partition by partition. Leaves: acknowledgements, in order. Invariants: a message is
acknowledged after everything that follows from it was delivered; a shard takes a message only when it stands right
before it, and is brought there first; what makes the engine fail goes to the dead letters, and the shard goes on as if
that message had never been.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from interceptor.transport.worker.failpoints import reach
from interceptor.transport.worker.messages import Given, Incoming, Taken, since
from interceptor.transport.worker.outbox import Outbox
from interceptor.transport.worker.recovery import Recovery, Snapshot
from interceptor.transport.worker.rulesets import RulesUnknown
from interceptor.transport.worker.shards import Shard
from interceptor.transport.worker.suspects import Suspects

AT_ONCE_BYTES = 4 << 20  # packed; more than that isn't taken in one go
ON_THE_WAY_MAX = 4  # batches of a shard whose outcome isn't delivered yet


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a lane asks and tells. `before`: waits until a shard may take more; `between`: called before each batch;
    `took`: what came of a batch and the seconds it needed; `failed`: the process can't go on."""

    before: Callable[[Runner], Awaitable[None]]
    between: Callable[[], None]
    took: Callable[[Shard[Any], Taken, float], None]
    failed: Callable[[BaseException], None]


class Runner:
    """One partition: its shard, and the messages that wait for it."""

    def __init__(
        self, partition: int, shard: Shard[Any] | None, recovery: Recovery, outbox: Outbox, hooks: Hooks,
        every_s: float, queue_max: int,
    ) -> None:  # fmt: skip
        """`every_s`: seconds between two snapshots, at least; `queue_max`: of what was given and waits."""
        self.shard = shard
        self._partition, self._recovery, self._outbox, self._hooks = partition, recovery, outbox, hooks
        self._every_s, self._snapshot_s = every_s, monotonic()
        self._queue: asyncio.Queue[Given] = asyncio.Queue(queue_max)
        self._unacked: deque[Given] = deque()  # what was taken, in order
        self._on_the_way: deque[asyncio.Task[None]] = deque()
        self._suspects = Suspects()
        self._closed = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @property
    def at_rest(self) -> bool:
        """Whether all that followed from what was taken is delivered; asked after `stop`."""
        return all(task.done() and not task.cancelled() and task.exception() is None for task in self._on_the_way)

    async def put(self, given: Given) -> None:
        """Hands over messages; waits while there are too many. What comes after `stop` is left alone."""
        if self._queue.full() and not self._closed.is_set():
            waiting = [asyncio.ensure_future(one) for one in (self._queue.put(given), self._closed.wait())]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in waiting:
                one.cancel()
        elif not self._closed.is_set():
            self._queue.put_nowait(given)

    async def settle(self) -> None:
        """Waits until all that followed from what was taken is delivered."""
        while self._on_the_way:
            await self._on_the_way[0]
            self._on_the_way.popleft()

    def save(self) -> None:
        """Has the shard's state saved; everything must be settled."""
        if self.shard is not None:
            self._recovery.save(self.shard)

    async def stop(self, within_s: float) -> None:
        """Takes nothing more. What is on its way is waited for and acknowledged; then the shard's state is saved."""
        self._closed.set()
        self._task.cancel()
        await asyncio.wait([self._task, *self._on_the_way], timeout=within_s)
        if self.at_rest and self._task.done():
            self.save()
        for task in self._on_the_way:
            task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._round(await self._some())
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._hooks.failed(error)

    async def _some(self) -> list[Given]:
        """What waits, as much as is taken in one go; at least one."""
        some = [await self._queue.get()]
        size = some[0].size
        while size < AT_ONCE_BYTES and not self._queue.empty():
            some.append(self._queue.get_nowait())
            size += some[-1].size
        return some

    async def _round(self, waiting: Sequence[Given]) -> None:
        await self._hooks.before(self)
        messages = waiting[0].messages if len(waiting) == 1 else [one for given in waiting for one in given.messages]
        await self._recovery.prepare(messages)
        reach("decode")
        shard = await self._ready(self.shard, waiting[0].begins)
        self._unacked.extend(waiting)
        while messages := since(messages, shard.next_offset):
            shard = await self._take(shard, self._suspects.some(messages))
        self._forward(shard, Taken())  # what had been taken before is acknowledged as well
        while len(self._on_the_way) > ON_THE_WAY_MAX or (self._on_the_way and self._on_the_way[0].done()):
            await self._on_the_way[0]
            self._on_the_way.popleft()

    async def _take(self, shard: Shard[Any], messages: Sequence[Incoming]) -> Shard[Any]:
        self._hooks.between()
        began_s = monotonic()
        try:
            taken = shard.take(messages)
        except RulesUnknown:
            raise
        except Exception as error:
            return await self._after_failure(error, messages)
        self._hooks.took(shard, taken, monotonic() - began_s)
        reach("decide")
        self._forward(shard, taken)
        return shard

    async def _after_failure(self, error: Exception, messages: Sequence[Incoming]) -> Shard[Any]:
        """Nobody knows what state the shard is in. Back to before, then one message at a time; one that the engine
        fails on alone is poison."""
        self._recovery.tell_failure(error, self._partition, messages)
        self._suspects.failed(error, messages)
        return await self._ready(None, messages[0].offset)

    async def _ready(self, shard: Shard[Any] | None, offset: int) -> Shard[Any]:
        self.shard, taken = await self._recovery.ready(shard, self._partition, offset, self._suspects)
        self._forward(self.shard, taken)
        return self.shard

    def _forward(self, shard: Shard[Any], taken: Taken) -> None:
        """Sends what follows, and acknowledges what is finished once that is delivered and all that came before is."""
        if not taken.outgoing and not self._is_finished(shard.finished):
            return
        snapshot = None
        if monotonic() - self._snapshot_s >= self._every_s and self._recovery.is_free(shard):
            snapshot, self._snapshot_s = self._recovery.state_of(shard), monotonic()
        delivered = self._outbox.send(taken.outgoing)
        reach("send")
        before = self._on_the_way[-1] if self._on_the_way else None
        task = asyncio.create_task(self._confirm(before, delivered, shard.finished, snapshot))
        task.add_done_callback(self._confirmed)
        self._on_the_way.append(task)

    def _is_finished(self, finished: int) -> bool:
        """Whether the first of what isn't acknowledged lies below that offset."""
        return bool(self._unacked) and self._unacked[0].messages[-1].offset < finished

    def _confirmed(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._hooks.failed(error)

    async def _confirm(
        self, before: asyncio.Task[None] | None, delivered: Awaitable[None], finished: int, snapshot: Snapshot | None
    ) -> None:
        if before is not None:
            await asyncio.shield(before)
        await delivered
        reach("ack")
        while self._is_finished(finished):
            await self._unacked.popleft().done()
        if snapshot is not None:
            reach("snapshot")
            self._recovery.save_state(snapshot)


class Lane:
    """A stage's partitions, as they come and go."""

    def __init__(self, make: Callable[[int, Shard[Any] | None], Runner], leave_within_s: float) -> None:
        self._make, self._leave_within_s = make, leave_within_s
        self._open = False
        self._runners: dict[int, Runner] = {}
        self._parked: dict[int, Shard[Any]] = {}  # of partitions that were taken away, and may come back at once

    @property
    def shards(self) -> list[Shard[Any]]:
        """Those that are at work."""
        return [runner.shard for runner in self._runners.values() if runner.shard is not None]

    async def put(self, partition: int, given: Given) -> None:
        """Messages of any partition. What comes between two assignments is left alone: it will come again."""
        if not self._open:
            return
        runner = self._runners.get(partition)
        if runner is None:
            runner = self._runners[partition] = self._make(partition, self._parked.pop(partition, None))
        await runner.put(given)

    async def leave(self) -> None:
        """Partitions are being handed out anew: everything comes to rest, and nothing is acknowledged afterwards."""
        self._open = False
        runners, self._runners = self._runners, {}
        await asyncio.gather(*(runner.stop(self._leave_within_s) for runner in runners.values()))
        for partition, runner in runners.items():
            if runner.shard is not None and runner.at_rest:
                self._parked[partition] = runner.shard

    def keep(self, partitions: set[int]) -> None:
        """Those were handed out to this process: what it knows of others is dropped."""
        self._open = True
        self._parked = {partition: shard for partition, shard in self._parked.items() if partition in partitions}
