"""Runs peers, each in a process of its own, between two runs of the control.

Enters: Work for all events, keys of peers. Leaves: Measured, one for each peer and number of threads. Invariants: what
can't run here says why; the control is run right before and right after each peer, so that drift of the machine shows;
hits are held against the reference for just the events that a peer was given.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.peers import environment, job
from benchmarks.peers.environment import NotMade
from benchmarks.peers.peer import Outcome, Peer, Work
from benchmarks.peers.registry import BY_KEY, CONTROLS, Entry
from benchmarks.peers.topics import Topics

ROOT = Path(__file__).resolve().parents[2]
TRIAL_EVENTS, CONTROL_EVENTS = 2_000, 100_000
STEPS = (1, 2, 5)  # numbers of events are these times powers of ten
RUN_S = 900.0
TOLD_CHARS = 300
Tell = Callable[[str], None]


@dataclass(slots=True)
class Measured:
    """What a run of a peer gave, or why there is nothing (`missing`: it can't run here; `failed`: it broke).

    `given`: events; `timed`: those of them that the figures are of. `cpu_us`: an event; `control_us`: the same of the
    control, mean of before and after. `differing`: hits and expected hits by rule, where they aren't equal. `ratio`:
    how many times the CPU of the entry `beside` it needs, each divided by its own control."""

    key: str
    name: str
    job: str
    threads: int
    meaning: str
    beside: str
    given: int = 0
    timed: int = 0
    per_s: float = 0.0
    cpu_us: float = 0.0
    control_us: float = 0.0
    rss_peak_mb: float = 0.0
    ratio: float | None = None
    differing: dict[str, tuple[int, int]] = field(default_factory=dict)
    missing: str = ""
    failed: str = ""


class NotRun(Exception):
    """A peer can't run here; the message says why."""


def steps_to(events: int) -> list[int]:
    """How many events a peer may be given: 2,000, 5,000, 10,000 … and all of them."""
    powers = (10**power for power in range(3, len(str(events))))
    found = (step * power for power in powers for step in STEPS)
    return [*(one for one in found if TRIAL_EVENTS <= one < events), events]


class Measuring:
    """`budget_s`: of CPU, that a peer may take for its run."""

    def __init__(self, work: Work, topics: Topics | str, budget_s: float, tell: Tell) -> None:
        """`topics`: or why there is no broker."""
        self._work, self._topics, self._budget_s, self._tell = work, topics, budget_s, tell
        self._steps = steps_to(work.events)
        self._hits = job.reference(work, set(self._steps))
        self._controls: dict[str, float] = {}  # the newest, by job

    def all(self, entries: Sequence[Entry], threads: Sequence[int]) -> Iterator[Measured]:
        """Each as it is done, without ratios."""
        for entry in entries:
            peer = entry.peer()
            for number in [one for one in threads if one <= peer.most_threads] or [1]:
                self._tell(f"{entry.key}, {number} thread{'s' * (number > 1)}")
                yield self._measured(entry, peer, number)

    def _measured(self, entry: Entry, peer: Peer, threads: int) -> Measured:
        found = Measured(entry.key, peer.name, peer.job, threads, peer.meaning, entry.beside)
        try:
            work = self._work
            why = peer.missing() if entry.home == "project" else None  # builds what it needs, outside of a run's time
            if why:
                raise NotRun(why)
            if entry.trial:
                work = self._within_budget(entry, peer, threads)
            before = self._controls.get(peer.job) or self._control(peer.job)
            outcome = self._run(entry, peer, work, threads)
            after = self._controls[peer.job] = self._control(peer.job)
        except (NotRun, NotMade) as error:
            found.missing = str(error)
            return found
        except RuntimeError as error:
            found.failed = str(error)
            return found
        found.given, found.timed, found.rss_peak_mb = work.events, outcome.events, outcome.rss_peak_mb
        found.per_s, found.cpu_us = outcome.events / outcome.wall_s, outcome.cpu_s / outcome.events * 1e6
        found.control_us = (before + after) / 2
        expected = job.expected(self._hits[work.events], peer.job, peer.folds)
        pairs = {name: (outcome.hits.get(name, 0), expected.get(name, 0)) for name in {**expected, **outcome.hits}}
        found.differing = {name: pair for name, pair in sorted(pairs.items()) if pair[0] != pair[1]}
        return found

    def _within_budget(self, entry: Entry, peer: Peer, threads: int) -> Work:
        """With as many events as it can do, by what a few take."""
        few = replace(self._work, events=self._steps[0])
        tried = self._run(entry, peer, few, threads)
        most = self._budget_s * few.events / max(tried.cpu_s, 1e-9)
        return replace(self._work, events=max(step for step in self._steps if step <= max(most, few.events)))

    def _control(self, of: str) -> float:
        """CPU µs an event."""
        entry = BY_KEY[CONTROLS[of]]
        step = max(step for step in self._steps if step <= max(CONTROL_EVENTS, self._steps[0]))
        outcome = self._run(entry, entry.peer(), replace(self._work, events=step), 1)
        return outcome.cpu_s / outcome.events * 1e6

    def _run(self, entry: Entry, peer: Peer, work: Work, threads: int) -> Outcome:
        """Raises NotRun; RuntimeError with its last words where it breaks."""
        if peer.streams:
            if isinstance(self._topics, str):
                raise NotRun(self._topics)
            work = self._topics.given(work, entry.partitions)
        python = environment.python() if entry.home == "peers" else Path(sys.executable)
        with tempfile.TemporaryDirectory(prefix="peers-run-") as name:
            told, to = Path(name) / "work.json", Path(name) / "outcome.json"
            work.save(told)
            command = [str(python), "-m", "benchmarks.peers.one", entry.key, str(told), str(threads), str(to)]
            try:
                done = subprocess.run(
                    command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=RUN_S
                )
            except subprocess.TimeoutExpired:
                raise RuntimeError(f"it wasn't done after {RUN_S:.0f} s") from None
            found: dict[str, Any] = json.loads(to.read_text("utf-8")) if to.is_file() else {}
        if "missing" in found:
            raise NotRun(found["missing"])
        if not found:
            lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            raise RuntimeError(lines[-1][:TOLD_CHARS])
        return Outcome(**found)


def with_ratios(found: Sequence[Measured]) -> None:
    """Fills in `ratio`, where what a run is held against was run, too."""
    ours = {one.key: one for one in found if one.timed and one.threads == 1}
    for one in found:
        beside = ours.get(one.beside)
        if one.timed and beside:
            one.ratio = (one.cpu_us / one.control_us) / (beside.cpu_us / beside.control_us)
