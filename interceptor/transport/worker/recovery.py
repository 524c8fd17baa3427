"""How a shard comes to where the next message stands: from memory, a snapshot, the log.

Enters: what is known of a partition, and the offset of the message that waits. Leaves: a shard that stands right before
it. Invariant: what was acknowledged in the group before isn't told again, what wasn't is, whoever had taken it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from interceptor.rules.errors import printable
from interceptor.state import State, StateMisfit
from interceptor.transport.clients import Away
from interceptor.transport.settings import Settings
from interceptor.transport.snapshots.store import Loaded, Snapshots, SnapshotStoreAway, load
from interceptor.transport.snapshots.writer import SnapshotWriter
from interceptor.transport.topics import EVENTS
from interceptor.transport.wire import RULES
from interceptor.transport.worker.log import Log
from interceptor.transport.worker.messages import Incoming, Taken, before, text
from interceptor.transport.worker.rulesets import RulesUnknown
from interceptor.transport.worker.shards import Shard
from interceptor.transport.worker.suspects import Suspects

AGAIN_S = 1.0
Snapshot = tuple[int, int, State, dict[str, Any]]  # of a shard: partition, next offset, state, about it

_log = logging.getLogger(__name__)


class Recovery:
    """Of one stage. `make`: a new shard of a partition; `prepare`: gets hold of a rule set, may take its time."""

    def __init__(
        self, settings: Settings, make: Callable[[int], Shard[Any]], prepare: Callable[[str], None],
        store: Snapshots, writer: SnapshotWriter, topic: str, of: type[Shard[Any]],
    ) -> None:  # fmt: skip
        self.stage, self._of = of.stage, of
        self._settings, self._make, self._prepare, self._topic = settings, make, prepare, topic
        self._store, self._writer = store, writer
        self._prepared = ""  # the rule set that was asked for last

    async def ready(
        self, shard: Shard[Any] | None, partition: int, offset: int, suspects: Suspects
    ) -> tuple[Shard[Any], Taken]:
        """A shard that has taken everything before `offset`, at least; and what follows from messages before it that
        nobody had acknowledged."""
        if shard is not None and shard.next_offset >= offset:
            return shard, Taken()
        log = Log(self._settings, self._topic, partition, self._of.at_once, self._of.given)
        try:
            committed = await self._patiently(log.committed, self._settings.app)
            while True:
                near = await self._nearest(log, shard, partition, suspects)
                taken = await self._brought(log, near, offset, committed, suspects)
                if taken is not None:
                    return near, taken
                shard = None
        finally:
            await asyncio.to_thread(log.close)

    def tell_failure(self, error: Exception, partition: int, messages: Sequence[Incoming]) -> None:
        """For whoever has to mend the engine."""
        what, first, last = printable(f"{type(error).__name__}: {error}"), messages[0].offset, messages[-1].offset
        _log.error("%s %d, offsets %d to %d: %s", self.stage, partition, first, last, what, exc_info=error)

    async def prepare(self, messages: Sequence[Incoming]) -> None:
        """Gets hold of the rule sets that messages name; those of `events` come from anybody, and name none."""
        if self._of.takes == EVENTS:
            return
        for rules_hash in {text(message.headers, RULES) for message in messages} - {"", self._prepared}:
            await self._patiently(self._prepare, rules_hash)
            self._prepared = rules_hash

    def is_free(self, shard: Shard[Any]) -> bool:
        """Whether another snapshot of the shard could be saved now."""
        return not self._writer.is_busy(self.stage, shard.partition)

    def save(self, shard: Shard[Any]) -> None:
        """Has the shard's state saved, all that followed from it being delivered."""
        self.save_state(self.state_of(shard))

    def state_of(self, shard: Shard[Any]) -> Snapshot:
        """A snapshot that can be saved later."""
        return shard.partition, shard.finished, *shard.state()

    def save_state(self, snapshot: Snapshot) -> None:
        partition, finished, state, about = snapshot
        self._writer.put(self.stage, partition, finished, state, about)

    async def _brought(
        self, log: Log, shard: Shard[Any], offset: int, committed: int, suspects: Suspects
    ) -> Taken | None:
        """Brings a shard to an offset by the log. None: the engine failed, and the shard is of no use any more."""
        taken = Taken()
        if shard.next_offset < offset:
            first, last = shard.next_offset, offset - 1
            _log.info("%s %d: reads offsets %d to %d again", self.stage, shard.partition, first, last)
        while shard.next_offset < offset:
            messages: Sequence[Incoming] = await self._patiently(log.read, shard.next_offset, offset)
            if not messages:
                shard.next_offset = offset  # a hole in the log, as transactions leave them
                break
            some = suspects.some(messages)
            told = before(some, committed)
            some = told or some
            await self.prepare(some)
            shard.heed(told)
            try:
                found = shard.take(some)
            except RulesUnknown:
                raise
            except Exception as error:
                self.tell_failure(error, shard.partition, some)
                suspects.failed(error, some)
                return None
            if not told:
                taken.add(found)
            await asyncio.sleep(0)  # others have their turn, too
        return taken

    async def _nearest(self, log: Log, shard: Shard[Any] | None, partition: int, suspects: Suspects) -> Shard[Any]:
        """The shard in memory, or one made from a snapshot that is further, or a new one."""
        low, high = await self._patiently(log.ends)
        found = await self._saved(shard, partition)
        if found is not None and found.next_offset > high:
            _log.warning("%s %d: the log was begun anew: its snapshots are dropped", self.stage, partition)
            await self._patiently(self._store.forget, self.stage, partition, -1)
            found, shard = None, None
        if shard is not None and (found is None or found.next_offset <= shard.next_offset):
            return shard
        made = await self._from(found, partition) if found is not None else self._make(partition)
        if made.next_offset < low:
            _log.error("%s %d: the log begins at %d, %d is needed: windows and scores lack what was between",
                       self.stage, partition, low, made.next_offset)  # fmt: skip
            made.next_offset = low
        made.poison = suspects.poison
        return made

    async def _saved(self, shard: Shard[Any] | None, partition: int) -> Loaded | None:
        """The newest snapshot. Who has a shard in memory doesn't wait for a store that is away."""
        if shard is None:
            found: Loaded | None = await self._patiently(self._newest, partition)
            return found
        try:
            return await asyncio.to_thread(self._newest, partition)
        except SnapshotStoreAway as error:
            _log.warning("%s: %s", self.stage, error)
            return None

    async def _from(self, found: Loaded, partition: int) -> Shard[Any]:
        """A shard that goes on where the snapshot was taken, or, where it can't, a new one."""
        shard = self._make(partition)
        try:
            await self._patiently(self._prepare, str(found.about["rules"]))
            shard.put_back(found.next_offset, found.state, found.about)
        except (StateMisfit, KeyError, ValueError) as error:
            _log.error("%s %d: a snapshot that can't be used: %s", self.stage, partition, error)
            return self._make(partition)
        return shard

    def _newest(self, partition: int) -> Loaded | None:
        found = load(self._store, self.stage, partition)
        for line in found.passed_over if isinstance(found, Loaded) else found:
            _log.warning("%s", line)
        return found if isinstance(found, Loaded) else None

    async def _patiently(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        """Asks in a thread, again and again while who is asked is away: without an answer nothing can go on. The
        watchdog ends the process when that takes too long."""
        while True:
            try:
                return await asyncio.to_thread(ask, *arguments)
            except (Away, SnapshotStoreAway) as error:
                _log.warning("%s: %s", self.stage, error)
                await asyncio.sleep(AGAIN_S)
