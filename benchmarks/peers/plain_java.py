"""A plain loop in Java: what can be had by hand, and the control beside which Kafka Streams and Flink are measured.

Enters: the screening job (see java.running). Leaves: what it took. Invariant: one consumer, one producer, and maps of
primitive values in each thread; nothing survives a crash.
"""

from __future__ import annotations

from benchmarks.peers.java import building, running
from benchmarks.peers.peer import JobName, Outcome, Work


class PlainJava:
    name = "plain Java loop"
    job: JobName = "screening"
    most_threads, streams, folds = 2, True, False
    meaning = "the same; its state and its place in the topic are lost in a crash"

    def missing(self) -> str | None:
        return building.missing()

    def run(self, work: Work, threads: int) -> Outcome:
        return running.run("PlainLoop", work, threads, recovery=False).outcome()
