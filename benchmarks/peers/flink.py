"""Flink, tuned as its documents advise: state on the heap, objects used again, tasks chained, large fetches.

Enters: the screening job (see java.running). Leaves: what it took. Invariant: a cluster within one process; at
parallelism 1 all operators are one task, at 2 records are exchanged by key, and only those that need it (calls, and
events with hits); a checkpoint into files every 10 s, output at least once.
"""

from __future__ import annotations

from benchmarks.peers.java import building, running
from benchmarks.peers.peer import JobName, Outcome, Work


class Flink:
    """`recovery`: with checkpoints, as in production; without them its state is lost in a crash."""

    job: JobName = "screening"
    most_threads, streams, folds = 2, True, False

    def __init__(self, recovery: bool = True) -> None:
        self.recovery = recovery
        self.name = "Flink" if recovery else "Flink without checkpoints"
        self.meaning = "the same" if recovery else "the same; its state is lost in a crash"

    def missing(self) -> str | None:
        return building.missing()

    def run(self, work: Work, threads: int) -> Outcome:
        return running.run("FlinkJob", work, threads, recovery=self.recovery).outcome()
