"""Kafka Streams, tuned as its documents advise: stores in memory, a cache before their changelogs, large fetches.

Enters: the screening job (see java.running). Leaves: what it took. Invariant: one processor does the whole job of a
partition, as the topic is keyed by source and need not be repartitioned; it commits every 10 s, at least once.
"""

from __future__ import annotations

from benchmarks.peers.java import building, running
from benchmarks.peers.peer import JobName, Outcome, Work


class KafkaStreams:
    """`recovery`: with changelog topics, as in production; without them its state is lost in a crash."""

    job: JobName = "screening"
    most_threads, streams, folds = 2, True, False

    def __init__(self, recovery: bool = True) -> None:
        self.recovery = recovery
        self.name = "Kafka Streams" if recovery else "Kafka Streams without changelogs"
        self.meaning = "the same" if recovery else "the same; its state is lost in a crash"

    def missing(self) -> str | None:
        return building.missing()

    def run(self, work: Work, threads: int) -> Outcome:
        return running.run("KafkaStreamsJob", work, threads, recovery=self.recovery).outcome()
