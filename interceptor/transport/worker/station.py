"""One worker process: its lanes, and what their shards need.

Enters: settings; partitions that come and go, and their messages, from whoever is the group's member (`faust_app`,
`json_member`). Leaves: what follows from the messages; exit code 75 where it can't go on, 78 where it can't begin.
Invariant: when partitions are handed out anew, everything comes to rest first.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from interceptor.config import Limits
from interceptor.rules.ruleset import RuleSet
from interceptor.transport.bundles import BadBundle
from interceptor.transport.clients import Away
from interceptor.transport.lists.follower import ListFollower
from interceptor.transport.lists.publisher import ListPublisher
from interceptor.transport.published import PublishedRules
from interceptor.transport.redis_client import RedisTrouble
from interceptor.transport.settings import Settings
from interceptor.transport.snapshots.store import store_from
from interceptor.transport.snapshots.writer import SnapshotWriter
from interceptor.transport.topics import EVENTS
from interceptor.transport.worker.lane import Hooks, Lane, Runner
from interceptor.transport.worker.messages import Given, Taken
from interceptor.transport.worker.metrics import Metrics
from interceptor.transport.worker.outbox import NotDelivered, Outbox
from interceptor.transport.worker.pace import Pace
from interceptor.transport.worker.progress import Progress
from interceptor.transport.worker.recovery import Recovery
from interceptor.transport.worker.rulesets import RuleSets, RulesUnknown
from interceptor.transport.worker.shards import Shard
from interceptor.transport.worker.stages import stages_of
from interceptor.transport.worker.turning import turn_to

EXIT_TRY_LATER, EXIT_CONFIGURATION = 75, 78
LEAVE_WITHIN_S = 4.0
FIRST_LOOK_S = 3.0  # for lists and published rules, before the first event
PAUSE_S = 0.1
BATCHES_MIN = 16  # that a shard may be behind, however many events they hold

_log = logging.getLogger(__name__)


class Station:
    """Everything of one process but its membership of the group."""

    def __init__(self, settings: Settings, local: RuleSet) -> None:
        """`local`: the rule set for as long as none is published."""
        self.settings, self.stages, self._local = settings, stages_of(settings), local
        self._published = PublishedRules(settings) if settings.redis else None
        self._follower = ListFollower(settings) if settings.redis else None
        self._publisher = ListPublisher(settings) if settings.redis and not settings.static_lists else None
        self._rules = RuleSets(local, self._fetched, settings.static_lists)
        self._metrics, self._progress = Metrics(), Progress(settings, self._give_up)
        self._pace = Pace(lambda: self._lanes[self.stages[-1].stage].shards if self._lanes else [])
        self._lanes: dict[str, Lane] = {}

    async def put(self, stage: str, partition: int, given: Given) -> None:
        """Messages for a stage; waits while it has too many."""
        await self._lanes[stage].put(partition, given)

    async def arrive(self, assigned: Iterable[tuple[str, int]]) -> None:
        """These partitions, by full topic and number, are this process's from now on, and no others."""
        places = sorted(assigned)
        await self._set_up()
        for stage in self.stages:
            topic = self.settings.read_as(stage.takes)
            self._lanes[stage.stage].keep({partition for name, partition in places if name == topic})
        _log.info("has %s", ", ".join(f"{topic}/{partition}" for topic, partition in places) or "no partitions")

    async def leave(self) -> bool:
        """Everything comes to rest, and what is delivered is acknowledged. False: there was nothing yet."""
        await asyncio.gather(*(lane.leave() for lane in self._lanes.values()))
        return bool(self._lanes)

    async def end(self) -> None:
        """For good."""
        if not self._lanes:
            return  # it was asked to end before it had anything
        self._progress.stop()
        await asyncio.gather(*(lane.leave() for lane in self._lanes.values()))
        await asyncio.to_thread(self._close)

    async def _set_up(self) -> None:
        """Once, in the event loop."""
        if self._lanes:
            return
        settings = self.settings
        for one in (self._published, self._follower, self._publisher, self._progress):
            if one is not None:
                one.start()
        self._outbox, store = Outbox(settings), store_from(settings)
        self._writer = SnapshotWriter(store)
        for known in (self._published, self._follower):
            if known is not None:
                await asyncio.to_thread(known.wait, FIRST_LOOK_S)
        for stage in self.stages:
            topic = settings.read_as(stage.takes)
            recovery = Recovery(settings, self._making(stage, topic), self._prepare, store, self._writer, topic, stage)
            self._lanes[stage.stage] = Lane(self._running(stage, recovery), LEAVE_WITHIN_S)
        self._watch()

    def _making(self, stage: type[Shard[Any]], topic: str) -> Callable[[int], Shard[Any]]:
        def make(partition: int) -> Shard[Any]:
            partitions = self.settings.partitions
            return stage(partition, partitions, topic, self._rules, self._local.hash, Limits())

        return make

    def _running(self, stage: type[Shard[Any]], recovery: Recovery) -> Callable[[int, Shard[Any] | None], Runner]:
        before = self._before_entry if stage.takes == EVENTS else _nothing
        hooks = Hooks(before, self._follow_lists, self._took, self._failed)

        def run(partition: int, shard: Shard[Any] | None) -> Runner:
            every_s = self.settings.snapshot_every_s
            return Runner(partition, shard, recovery, self._outbox, hooks, every_s, stage.queue_max)

        return run

    def _watch(self) -> None:
        """Numbers for the metrics that somebody else keeps."""
        watch = self._metrics.watch
        watch("behind_batches", "Batches that the slowest shard hasn't finished", lambda: self._progress.behind)
        watch("lag_messages", "Messages that wait in all topics", lambda: sum(self._progress.lag.values()))
        watch("snapshot_failures", "Snapshots that couldn't be saved", lambda: sum(self._writer.failed.values()))
        watch("snapshot_age_seconds", "Since the oldest of the newest snapshots", self._snapshot_age_s)
        if self._follower is not None:
            watch("lists_stale_seconds", "Since when lists may be out of date; 0 = they aren't", self._lists_stale_s)
        if self._publisher is not None:
            watch("listed_pending", "Values that verdicts listed and Redis hasn't got yet", self._listed_pending)
        if self.settings.metrics_port:
            self._metrics.serve(self.settings.metrics_host, self.settings.metrics_port)

    def _close(self) -> None:
        self._outbox.close()
        self._writer.close(LEAVE_WITHIN_S)
        for one in (self._published, self._follower, self._publisher):
            if one is not None:
                one.stop()

    async def _before_entry(self, runner: Runner) -> None:
        """Nothing more comes in while a shard is far behind: what it can't take lies in `events` better than in memory.
        And this is where a rule set that was published comes into force."""
        while self._is_far_behind():
            await asyncio.sleep(PAUSE_S)
        await self._pace.room()
        wanted = self._published.wanted if self._published is not None else None
        if wanted and runner.shard is not None and wanted != runner.shard.rules_hash:
            await turn_to(wanted, runner, self._writer, self._prepare)
            if self._publisher is not None:
                self._publisher.know(self._rules(wanted)[0].lists)

    def _is_far_behind(self) -> bool:
        behind = self._progress.behind
        return behind > BATCHES_MIN and behind * self._pace.rows_of_batch > self.settings.in_flight_events_max

    def _follow_lists(self) -> None:
        if self._follower is not None:
            for book in self._rules.books():
                self._follower.apply_to(book)

    def _took(self, shard: Shard[Any], taken: Taken, seconds: float) -> None:
        self._metrics.took(shard, taken, seconds)
        if taken.gaps:
            _log.error(
                "%s %d: %d messages before %d are missing", shard.stage, shard.partition, taken.gaps, shard.next_offset
            )
        if taken.letters:
            _log.warning("%s %d: %d dead letters", shard.stage, shard.partition, taken.letters)
        if shard.takes == EVENTS:
            self._pace.admitted(shard.applied, taken.events)
        if shard.stage == self.stages[-1].stage:
            self._pace.decided()
        if self._publisher is not None:
            for addition in taken.additions:
                self._publisher.add(*addition)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, RulesUnknown):
            _log.error("%s", error)
            sys.stderr.flush()
            os._exit(EXIT_CONFIGURATION)
        _log.error("%s", error, exc_info=None if isinstance(error, NotDelivered) else error)
        self._give_up(str(error) or type(error).__name__)

    def _give_up(self, what: str) -> None:
        """Ends the process at once: what it has taken and not finished will be taken again, by whoever comes."""
        _log.error("gives up (exit code %d): %s", EXIT_TRY_LATER, what)
        sys.stderr.flush()
        os._exit(EXIT_TRY_LATER)

    def _prepare(self, rules_hash: str) -> None:
        """Gets hold of a rule set, in any thread. Raises Away and RulesUnknown."""
        self._rules(rules_hash)

    def _fetched(self, rules_hash: str) -> RuleSet | None:
        if self._published is None:
            return None
        try:
            return self._published.fetch(rules_hash)
        except RedisTrouble as error:
            raise Away(f"rule set {rules_hash} is to be fetched: {error}") from None
        except BadBundle:
            return None

    def _snapshot_age_s(self) -> float:
        now_s = monotonic()
        return max((now_s - saved.at_s for saved in self._writer.last_saved.values()), default=0.0)

    def _lists_stale_s(self) -> float:
        return (self._follower.stale_s if self._follower is not None else None) or 0.0

    def _listed_pending(self) -> float:
        return self._publisher.pending if self._publisher is not None else 0


async def _nothing(_: Runner) -> None:
    pass
