"""`interceptor cluster demo`: a cluster on this machine at work, with live counts.

Enters: a folder, how many events and workers. Leaves: servers, workers, a feed and a ledger while it runs, the counts
at the end. Invariant: all that it started has ended when it ends, however it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pyarrow as pa

from interceptor.commands.ledger_tools import show
from interceptor.commands.live_line import LiveLine
from interceptor.machine.cluster import Wish, bring_up, take_down
from interceptor.machine.problems import MachineProblem
from interceptor.rules.errors import printable
from interceptor.transport.clients import Away
from interceptor.transport.edge.sending import send_frames
from interceptor.transport.ledger.book import Ledger
from interceptor.transport.ledger.follow import Follower
from interceptor.transport.settings import Settings, settings_from
from interceptor.tuning.tables import fail, say
from simulator.city import City
from simulator.scenario import load as load_scenario

EXIT_DONE, EXIT_TRY_LATER, EXIT_STOPPED = 0, 75, 130
PEOPLE, IDLE_S, STOP_S = 30_000, 60.0, 20.0


@dataclass(frozen=True, slots=True)
class Options:
    """`rate`: events a second; `seed` of the city."""

    data: Path
    light: bool
    workers: int
    events: int
    rate: float
    seed: int


def main(options: Options) -> int:
    """Runs it to the end of the feed, or until Ctrl-C."""
    try:
        return _demo(options)
    except (MachineProblem, Away) as problem:
        return fail(str(problem), EXIT_TRY_LATER)
    except KeyboardInterrupt:
        return EXIT_STOPPED


def _demo(options: Options) -> int:
    with ExitStack() as stack:
        line = stack.enter_context(LiveLine())
        line.say("Starting Kafka and Redis …")
        stack.callback(take_down, options.data)
        bring_up(Wish(options.data, options.light, 0, 0, 0))
        settings = settings_from({}, options.data / "cluster.toml")
        for number in range(options.workers):
            stack.enter_context(_worker(options.data, number + 1))
        path = options.data / "ledger.sqlite"
        ledger = stack.enter_context(closing(Ledger(path)))
        follower = stack.enter_context(closing(Follower(settings, ledger)))
        before = ledger.counts().decisions
        line.say(f"{options.workers} workers are starting; their logs are {printable(str(options.data))}/worker-*.log")
        done, failed = Event(), list[BaseException]()
        Thread(target=_feed, args=(settings, options, done, failed), daemon=True).start()
        whole = _watch(follower, options.events, done, failed, line)
        show(path, as_json=False)
        say(f"{ledger.counts().decisions - before:,} of {options.events:,} events are decided and in {path}")
        return EXIT_DONE if whole else EXIT_TRY_LATER


def _watch(follower: Follower, events: int, done: Event, failed: list[BaseException], line: LiveLine) -> bool:
    """Until all events are decided; False where no more decisions come."""
    began_s = newest_s = time.monotonic()
    new = 0
    while new < events:
        added = follower.step().added
        now_s = time.monotonic()
        began_s = began_s if new else now_s  # workers take some seconds to start
        if added.new > new:
            new, newest_s = added.new, now_s
        rate = new / max(now_s - began_s, 1.0)
        words = _words(new, rate, added.repeated, done.is_set())
        line.tick(partial(str, words))
        if failed:
            raise failed[0]
        if done.is_set() and now_s - newest_s > IDLE_S:
            return False
    return True


def _words(new: int, rate: float, repeated: int, fed: bool) -> str:
    feed = "all events are sent" if fed else "the feed goes on"
    return f"{new:,} decisions · {rate:,.0f} a second · {repeated:,} raw repeats · {feed}"


def _feed(settings: Settings, options: Options, done: Event, failed: list[BaseException]) -> None:
    try:
        send_frames(settings, _frames(options), producer_name=f"demo:{time.time_ns()}", rate=options.rate)
    except BaseException as error:
        failed.append(error)
    done.set()


def _frames(options: Options) -> Iterator[pa.RecordBatch]:
    """A city in which nothing is stopped, up to so many events."""
    left = options.events
    for moment in City(load_scenario("city_centre"), people=PEOPLE, days=30, seed=options.seed).slices():
        if left <= 0:
            return
        yield moment.frame.slice(0, left)
        left -= moment.frame.num_rows


@contextmanager
def _worker(data: Path, number: int) -> Iterator[None]:
    """A worker as a process; asked to end in the end."""
    environment = os.environ | {"INTERCEPTOR_CONFIG": str(data / "cluster.toml")}
    with (data / f"worker-{number}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "interceptor", "worker"], env=environment, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
