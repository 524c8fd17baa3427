"""A cluster of its own for benchmarks and trials: servers, workers as processes, a stream, the ledger.

Enters: how many events, how fast, how many workers. Leaves: what the ledger has in the end, beside what the engine says
of the same events. Invariant: everything is on loopback, in one temporary folder, and ends with the rig.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.engine import Engine
from interceptor.machine.broker import Broker
from interceptor.machine.redis_server import RedisServer
from interceptor.rules import RuleSet
from interceptor.transport.edge.json_writing import to_json_events
from interceptor.transport.edge.pacing import at_rate, paced
from interceptor.transport.edge.raw_topics import make_raw_topic
from interceptor.transport.edge.sending import Mail, send_frames
from interceptor.transport.ledger.book import Ledger
from interceptor.transport.ledger.follow import Follower
from interceptor.transport.making import create_topics
from interceptor.transport.settings import Settings
from interceptor.transport.worker.failpoints import VARIABLE as FAILPOINTS
from simulator.city import City
from simulator.scenario import load as load_scenario

JSON_WAITING_MAX = 50_000  # messages on their way
READY = "has "  # what a worker's log says once it has partitions
DECISION = ["event_id", "status", "verdict", "actions", "score", "target_score", "rules"]


def city_frames(events: int, seed: int, rows: int, people: int = 50_000) -> list[pa.RecordBatch]:
    """The first events of a city in which nothing is stopped, in frames of `rows`."""
    city = City(load_scenario("city_centre"), people=people, days=2, seed=seed)
    taken, count = [], 0
    for moment in city.slices():
        taken.append(moment.frame)
        count += moment.frame.num_rows
        if count >= events:
            break
    whole = pa.concat_batches(taken).slice(0, events)
    return [whole.slice(start, rows) for start in range(0, events, rows)]


class Worker:
    """One `interceptor worker`, as a process of its own."""

    def __init__(self, settings: Settings, folder: Path, number: int, options: Sequence[str] = ()) -> None:
        self.log = folder / f"{settings.app}-worker-{number}.log"
        environment = {
            **os.environ,
            "INTERCEPTOR_APP": settings.app,
            "INTERCEPTOR_KAFKA": settings.kafka,
            "INTERCEPTOR_REDIS": settings.redis,
            "INTERCEPTOR_PARTITIONS": str(settings.partitions),
            "INTERCEPTOR_FROM_JSON": settings.from_json,
            "INTERCEPTOR_SNAPSHOTS": settings.snapshots,
            "INTERCEPTOR_STATIC_LISTS": str(settings.static_lists),
            FAILPOINTS: str(number),
        }
        environment.pop("INTERCEPTOR_CONFIG", None)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "interceptor", "worker", *options], env=environment, stdout=log, stderr=log
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_ready(self, within_s: float = 60.0) -> None:
        """Until it has partitions."""
        until_s = time.monotonic() + within_s
        while READY not in self.log.read_text("utf-8", "replace"):
            if not self.running or time.monotonic() > until_s:
                raise RuntimeError(f"a worker didn't start:\n{self.log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def fail(self, within_s: float) -> bool:
        """Has it die at a place that it chooses; killed outright where it doesn't come by one in time (False)."""
        self.process.send_signal(signal.SIGRTMIN)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(within_s)
            return True
        self.kill()
        return False

    def stop(self, within_s: float = 30.0) -> int:
        """Asks it to end, and gives its exit code; -9 where it had to be killed."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(within_s)
        self.kill()
        return -9


@dataclass(slots=True)
class Watched:
    """What the ledger saw while the stream ran: when there were new decisions, in seconds of time.monotonic."""

    new: int = 0
    repeated: int = 0
    differing: int = 0
    at_s: list[float] = field(default_factory=list)

    def longest_pause_s(self, after_s: float, until_s: float) -> float:
        """The longest time without a new decision that began before `until_s` and ended after `after_s`."""
        times = [after_s, *(at for at in self.at_s if at > after_s)]
        pauses = [b - a for a, b in pairwise(times) if a <= until_s]
        return max(pauses, default=0.0)


class Rig:
    """Servers that run; streams with workers can follow each other, each with topics of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker, self.redis = Broker(folder / "kafka"), RedisServer(folder / "redis")
        self._streams = 0

    def __enter__(self) -> Rig:
        for server in (self.broker, self.redis):
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self.broker, self.redis):
            server.resume()
            server.kill()

    def settings(self, partitions: int = 8, **more: Any) -> Settings:
        """For a stream of its own, with its topics made."""
        self._streams += 1
        usual = {"static_lists": True, "snapshots": str(self.folder / "snapshots")}
        servers = {"kafka": self.broker.address, "redis": self.redis.url}
        settings = Settings(**{"app": f"trial{self._streams}", "partitions": partitions, **servers, **usual, **more})
        create_topics(settings)
        return settings

    def json_settings(self, **more: Any) -> Settings:
        """For a worker that reads a topic of JSON itself."""
        settings = self.settings(1, **more)
        settings = settings.model_copy(update={"from_json": f"{settings.app}.gateway"})
        make_raw_topic(settings, settings.from_json)
        return settings


class Stream:
    """One stream through workers into a ledger; use as a context."""

    def __init__(self, folder: Path, settings: Settings, frames: Sequence[pa.RecordBatch], rate: float | None) -> None:
        """`rate`: events a second, None = as fast as it goes."""
        self.settings, self.watched = settings, Watched()
        self.events = sum(frame.num_rows for frame in frames)
        self._folder, self._frames, self._rate = folder, frames, rate
        self._stop, self._started = Event(), 0
        self._ledger_path = folder / f"{settings.app}.sqlite"
        self._feeding = Thread(target=self._feed, daemon=True)
        self._following = Thread(target=self._follow, daemon=True)
        self.trouble: list[str] = []
        self.began_s = 0.0

    def __enter__(self) -> Stream:
        self._following.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._following.join(30)

    def worker(self) -> Worker:
        """One more, starting."""
        self._started += 1
        return Worker(self.settings, self._folder, self._started)

    def begin(self) -> None:
        self.began_s = time.monotonic()
        self._feeding.start()

    @property
    def feeding(self) -> bool:
        return self._feeding.is_alive()

    @property
    def done(self) -> bool:
        return not self.feeding and self.watched.new >= self.events

    def wait(self, idle_s: float) -> bool:
        """Until all is decided; False where nothing new came for `idle_s`."""
        while not self.done:
            newest_s = self.watched.at_s[-1] if self.watched.at_s else self.began_s
            if not self.feeding and time.monotonic() - newest_s > idle_s:
                return False
            time.sleep(0.05)
        return True

    def decided(self) -> pa.Table:
        """What the ledger has, in the order of places."""
        with Ledger(self._ledger_path, read_only=True) as ledger:
            return ledger.rows()

    def rule_sets(self) -> set[str]:
        """Those by which anything was decided so far."""
        with Ledger(self._ledger_path, read_only=True) as ledger:
            return {str(by) for (by,) in ledger.counts().by("ruleset")}

    def _feed(self) -> None:
        rows = max(frame.num_rows for frame in self._frames)
        try:
            if self.settings.from_json:
                send_json(self.settings, self._frames, self._rate)
            else:
                send_frames(self.settings, self._frames, producer_name="trial", rate=self._rate, frame_rows=rows)
        except Exception as error:
            self.trouble.append(f"feed: {error}")

    def _follow(self) -> None:
        with Ledger(self._ledger_path) as ledger:
            follower = Follower(self.settings, ledger, away_max_s=300.0)
            try:
                while not self._stop.is_set():
                    before = self.watched.new
                    added = follower.step().added
                    self.watched.new, self.watched.repeated = added.new, added.repeated
                    self.watched.differing = added.differing
                    if added.new > before:
                        self.watched.at_s.append(time.monotonic())
            except Exception as error:
                self.trouble.append(f"ledger: {error}")
            finally:
                follower.close()


def send_json(settings: Settings, frames: Sequence[pa.RecordBatch], rate: float | None) -> None:
    """One JSON event a message, into the topic that workers read."""
    mail = Mail(settings, settings.from_json, "feed", JSON_WAITING_MAX, packs=True)
    for frame in frames if rate is None else paced(frames, at_rate(rate), frames[0].num_rows):
        for line in to_json_events(frame):
            mail.send(line, {}, lambda _: None, partition=0)
    mail.flush()


def expected(rule_set: RuleSet, frames: Sequence[pa.RecordBatch]) -> pa.Table:
    """What one engine says of the stream."""
    engine = Engine(rule_set)
    return pa.Table.from_batches([engine.decide(frame).to_arrow() for frame in frames]).combine_chunks()


def verdict_of(stream: Stream, expected_rows: pa.Table) -> dict[str, int]:
    """How many events are lost, and how many decided otherwise; both should be 0."""
    found = stream.decided()
    ids = found["event_id"].to_numpy()
    wanted = expected_rows["event_id"].to_numpy()
    lost = len(np.setdiff1d(wanted, ids))
    extra = max(0, len(ids) - len(wanted))
    if lost or extra:
        return {"lost": lost, "extra": extra, "otherwise": -1}
    mine, theirs = (table.select(DECISION).combine_chunks() for table in (found, expected_rows))
    same = mine.equals(theirs)
    otherwise = 0 if same else sum(mine.slice(row, 1) != theirs.slice(row, 1) for row in range(len(mine)))
    return {"lost": 0, "extra": 0, "otherwise": otherwise}


def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="interceptor-rig-")
