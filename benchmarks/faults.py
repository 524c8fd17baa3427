"""What can go wrong, on real servers, with the books kept: `python -m benchmarks.faults`.

Enters: which trials, how long, a seed. Leaves: for each trial whether every event fed was decided once and as one
engine decides it, how many repeats there were, and the longest pause. Invariant: exit code 0 only where nothing is
lost, nothing is in the ledger twice, nothing is decided otherwise, and pauses are within their bounds.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from benchmarks import rig as rigs
from benchmarks.rig import Rig, Stream, Worker
from interceptor.rules import default_rules_dir, load

RESUME_MAX_S, BROKER_MAX_S = 15.0, 60.0
IDLE_S = 90.0
EXIT_TRY_LATER = 75


@dataclass(slots=True)
class Outcome:
    """Of one trial. Seconds; `pause_s` is the longest without a new decision after a fault."""

    trial: str
    seed: int
    faults: int
    events: int
    lost: int
    extra: int
    otherwise: int
    repeats: int
    differing: int
    pause_s: float
    seconds: float
    notes: str

    @property
    def good(self) -> bool:
        within = RESUME_MAX_S if self.trial not in ("broker",) else BROKER_MAX_S
        clean = not (self.lost or self.extra or self.otherwise or self.differing)
        return clean and self.pause_s <= within and "!" not in self.notes


class Trial:
    """A stream, its workers, and somebody who does harm."""

    def __init__(self, stream: Stream, rig: Rig, chance: random.Random, faults: int) -> None:
        self.stream, self.rig, self.chance, self.wanted = stream, rig, chance, faults
        self.workers: list[Worker] = []
        self.faults = 0
        self.pauses: list[tuple[float, float]] = []  # of each fault: when, and until when it counts
        self.notes: list[str] = []

    def start(self, workers: int) -> None:
        self.workers = [self.stream.worker() for _ in range(workers)]
        for worker in self.workers:
            worker.wait_ready()

    def struck(self, counts_s: float) -> None:
        """A fault happened just now."""
        self.faults += 1
        now_s = time.monotonic()
        self.pauses.append((now_s, now_s + counts_s))

    def rest(self, low_s: float, high_s: float) -> bool:
        """Some time of peace; False once the stream has ended."""
        until_s = time.monotonic() + self.chance.uniform(low_s, high_s)
        while time.monotonic() < until_s and self.stream.feeding:
            self.supervise()
            time.sleep(0.05)
        return self.stream.feeding

    def recover(self) -> None:
        """Until there are new decisions again, so that the next fault isn't one with this."""
        struck_s = time.monotonic()
        while self.stream.feeding and not (self.stream.watched.at_s and self.stream.watched.at_s[-1] > struck_s + 1.0):
            self.supervise()
            time.sleep(0.05)

    def supervise(self) -> None:
        """Starts again what has ended by itself, as any supervisor would."""
        for place, worker in enumerate(self.workers):
            if not worker.running:
                code = worker.process.returncode
                if code not in (0, EXIT_TRY_LATER, -9):
                    self.notes.append(f"a worker ended with {code}!")
                if code == EXIT_TRY_LATER:
                    self.notes.append("exit 75")
                self.workers[place] = self.stream.worker()

    def pause_s(self) -> float:
        return max((self.stream.watched.longest_pause_s(at, until) for at, until in self.pauses), default=0.0)


def kill_workers(trial: Trial) -> None:
    """kill -9 between decode, decide, send, acknowledge and snapshot."""
    while trial.faults < trial.wanted and trial.rest(1.5, 3.5):
        place = trial.chance.randrange(len(trial.workers))
        trial.workers[place].fail(within_s=3.0)
        trial.struck(20.0)
        trial.workers[place] = trial.stream.worker()
        trial.recover()


def join_and_leave(trial: Trial) -> None:
    """Workers come and go while the stream runs."""
    while trial.faults < trial.wanted and trial.rest(3.0, 6.0):
        if len(trial.workers) > 1 and trial.chance.random() < 0.5:
            code = trial.workers.pop(trial.chance.randrange(len(trial.workers))).stop()
            trial.notes += [f"a worker ended with {code}!"] if code else []
        else:
            trial.workers.append(trial.stream.worker())
        trial.struck(15.0)


def stop_the_world(trial: Trial) -> None:
    """SIGSTOP past the session's time-out: when it goes on, somebody else has its partitions."""
    import signal

    while trial.faults < trial.wanted and trial.rest(4.0, 6.0):
        worker = trial.workers[trial.chance.randrange(len(trial.workers))]
        worker.process.send_signal(signal.SIGSTOP)
        trial.struck(20.0)
        trial.rest(10.0, 12.0)
        worker.process.send_signal(signal.SIGCONT)


def hurt_redis(trial: Trial) -> None:
    """Killed, paused, emptied."""
    ways: list[Callable[[], None]] = [trial.rig.redis.kill, trial.rig.redis.pause, trial.rig.redis.flush]
    while trial.faults < trial.wanted and trial.rest(4.0, 6.0):
        ways[trial.faults % len(ways)]()
        trial.struck(12.0)
        trial.rest(8.0, 10.0)
        trial.rig.redis.resume()
        trial.rig.redis.start()


def hurt_the_broker(trial: Trial) -> None:
    """Stopped cleanly, and killed."""
    while trial.faults < trial.wanted and trial.rest(5.0, 7.0):
        trial.struck(60.0)
        if trial.faults % 2:
            trial.rig.broker.stop()
        else:
            trial.rig.broker.kill()
        time.sleep(trial.chance.uniform(0.5, 4.0))
        trial.rig.broker.start()
        trial.rest(15.0, 20.0)


TRIALS: dict[str, tuple[Callable[[Trial], None], int]] = {
    "kill": (kill_workers, 50),
    "members": (join_and_leave, 20),
    "stopped": (stop_the_world, 3),
    "redis": (hurt_redis, 6),
    "broker": (hurt_the_broker, 4),
}


def run_trial(
    name: str, rig: Rig, frames: list[pa.RecordBatch], wanted: pa.Table, rate: float, faults: int,
    seed: int, from_json: bool,
) -> Outcome:  # fmt: skip
    """One of TRIALS, with two workers at first."""
    harm, _ = TRIALS[name]
    more = {"snapshots": "redis"} if name == "redis" else {}
    settings = rig.json_settings(**more) if from_json else rig.settings(**more)
    began_s = time.monotonic()
    with Stream(rig.folder, settings, frames, rate) as stream:
        trial = Trial(stream, rig, random.Random(seed), faults)
        trial.start(2)
        stream.begin()
        harm(trial)
        while stream.feeding:
            trial.rest(1.0, 1.0)
        finished = stream.wait(IDLE_S)
        for worker in trial.workers:
            worker.stop()
        found = rigs.verdict_of(stream, wanted) if finished or stream.watched.new else {}
        notes = [*dict.fromkeys(trial.notes), *(f"{one}!" for one in stream.trouble)]
        return Outcome(
            name, seed, trial.faults, stream.events, found.get("lost", stream.events), found.get("extra", 0),
            found.get("otherwise", -1), stream.watched.repeated, stream.watched.differing, trial.pause_s(),
            time.monotonic() - began_s, "; ".join(notes),
        )  # fmt: skip


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(TRIALS)}; may be given several times.")] = None,
    events: Annotated[int, typer.Option(help="Events of each trial.")] = 500_000,
    rate: Annotated[float, typer.Option(help="Events a second.")] = 800.0,
    faults: Annotated[int | None, typer.Option(help="Of each trial.  [default: 50, 20, 3, 6, 4]")] = None,
    frame_rows: Annotated[int, typer.Option(help="Events of a frame, at most.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same stream, the same moments of harm.")] = 1,
    from_json: Annotated[
        bool, typer.Option("--from-json", help="Workers that read a topic of JSON themselves.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Do harm to a cluster on this machine, and look whether anything is lost."""
    rule_set = load(default_rules_dir()).with_static_lists()
    frames = rigs.city_frames(events, seed, frame_rows)
    wanted = rigs.expected(rule_set, frames)
    outcomes: list[Outcome] = []
    print(f"seed {seed} · {events:,} events of a city, {rate:,.0f} a second", file=sys.stderr)
    with rigs.folder() as folder, Rig(Path(folder)) as rig:
        for name in only or TRIALS:
            count = faults if faults is not None else TRIALS[name][1]
            outcome = run_trial(name, rig, frames, wanted, rate, count, seed, from_json)
            outcomes.append(outcome)
            if not as_json:
                _show(outcome)
    if as_json:
        print(json.dumps([asdict(one) | {"good": one.good} for one in outcomes], indent=1))
    raise typer.Exit(0 if all(one.good for one in outcomes) else 1)


def _show(one: Outcome) -> None:
    said: dict[str, Any] = {
        "faults": one.faults, "events": f"{one.events:,}", "lost": one.lost, "twice": one.extra,
        "otherwise": one.otherwise, "raw repeats": f"{one.repeats:,}", "differing": one.differing,
        "longest pause": f"{one.pause_s:.1f} s", "took": f"{one.seconds:.0f} s",
    }  # fmt: skip
    words = " · ".join(f"{name} {value}" for name, value in said.items())
    print(f"{'ok ' if one.good else 'BAD'} {one.trial:8} {words}{' · ' + one.notes if one.notes else ''}", flush=True)


if __name__ == "__main__":
    typer.run(main)
