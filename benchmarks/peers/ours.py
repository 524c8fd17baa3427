"""This project's engine, and a worker with it on a topic, on the rules of just this job.

Enters: events as Arrow frames, as JSON, or from a topic. Leaves: an outcome. Invariant: it decides as anywhere else:
admission (late, duplicate, future), lists, windows, verdicts; `label` is what each hit asks for.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal
from uuid import uuid4

import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, TopicPartition

from benchmarks.peers import ours_rules
from benchmarks.peers.peer import FRAME, JobName, Meter, Outcome, Work
from interceptor.engine import Engine
from interceptor.rules import RuleSet, load
from interceptor.transport import clients
from interceptor.transport.edge.json_events import read_events
from interceptor.transport.making import create_topics
from interceptor.transport.settings import Settings
from interceptor.transport.topics import DECISIONS
from interceptor.transport.wire import decode
from interceptor.transport.worker.json_member import JsonMember
from interceptor.transport.worker.stages import stages_of
from interceptor.transport.worker.station import Station
from interceptor.transport.worker.warming import warm_up

FRAME_ROWS = 32_768
SILENT_S = 60.0


class Ours:
    """`takes`: what is given to it: frames of FRAME_ROWS events, or as many JSON events at once."""

    most_threads, streams, folds = 1, False, True

    def __init__(self, takes: Literal["frames", "JSON"], job: JobName) -> None:
        self.takes, self.job = takes, job
        more = [word for word, said in (("stateless", job == "stateless"), ("from JSON", takes == "JSON")) if said]
        self.name = ", ".join(["interceptor", *more])
        self.meaning = f"the same, {FRAME_ROWS:,} events at a time, and more: duplicate and late events, verdicts"
        if job == "screening":
            self.meaning += "; texts are folded first"

    def missing(self) -> str | None:
        return None

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        with tempfile.TemporaryDirectory(prefix="peers-rules-") as folder:
            rule_set = load(ours_rules.write(Path(folder) / "rules", work, self.job))
        whole = pa.ipc.open_file(pa.memory_map(str(work.folder / FRAME))).get_batch(0)
        given = whole if self.takes == "frames" else work.lines()
        decided(rule_set, self._frames(given, min(FRAME_ROWS, work.events)))  # kernels are loaded
        meter = Meter()
        return meter.outcome(work.events, decided(rule_set, self._frames(given, work.events)))

    @staticmethod
    def _frames(given: pa.RecordBatch | list[bytes], events: int) -> Iterator[pa.RecordBatch]:
        for start in range(0, events, FRAME_ROWS):
            stop = min(start + FRAME_ROWS, events)
            if isinstance(given, list):
                yield read_events(given[start:stop], np.arange(start, stop, dtype=np.uint64)).batch
            else:
                yield given.slice(start, stop - start)


class OursOnTopic:
    """`interceptor worker --from-json`, within this process: consumer group, snapshots, decisions into a topic."""

    name = "interceptor worker, JSON topic"
    job: JobName = "screening"
    most_threads, streams, folds = 2, True, True
    meaning = (
        "the same and more: duplicate and late events, verdicts, a decision goes out for each event; texts are folded "
        "first; the topic has one partition, as the stream's order counts; 1 thread: all of it on one core; 2: "
        "messages are read while those before are decided"
    )

    def missing(self) -> str | None:
        return None

    def run(self, work: Work, threads: int) -> Outcome:
        if threads == 1:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before any thread is made
        with tempfile.TemporaryDirectory(prefix="peers-worker-") as folder:
            rule_set = load(ours_rules.write(Path(folder) / "rules", work, self.job))
            settings = Settings(
                app=f"ours-{uuid4().hex[:8]}", kafka=work.kafka, redis="", partitions=1, from_json=work.topic,
                snapshots=str(Path(folder) / "snapshots"),
            )  # fmt: skip
            create_topics(settings)
            warm_up(rule_set, stages_of(settings))
            gc.freeze()
            outcome = asyncio.run(_Metered.through(settings, rule_set, work.events))
        return replace(outcome, hits=_told(settings, work.events))


class _Metered(JsonMember):
    """Time counts from when it has its partition until the last decision is delivered."""

    meter: Meter

    @classmethod
    async def through(cls, settings: Settings, rule_set: RuleSet, events: int) -> Outcome:
        member = cls(Station(settings, rule_set))
        running = asyncio.create_task(member.run())
        while member._finished < events and not running.done():
            await asyncio.sleep(0.01)
        outcome = member.meter.outcome(events, {})
        member.stop()
        await running
        return outcome

    def _assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        super()._assign(client, partitions)
        self.meter = Meter()


def _told(settings: Settings, events: int) -> dict[str, int]:
    """How many of the decisions that stand in the topic name each rule."""
    reader = clients.consumer(settings, "count")
    reader.assign([TopicPartition(settings.topic(DECISIONS), 0, 0)])
    counts, seen, until_s = Counter[str](), 0, time.monotonic() + SILENT_S
    while seen < events:
        for message in reader.consume(500, 0.1):
            if message.error() is None:
                frame = decode(message.value() or b"")
                seen += frame.num_rows
                counts.update(frame.column("rules").flatten().to_pylist())
        if time.monotonic() > until_s:
            raise RuntimeError(f"{seen:,} of {events:,} events are decided")
    reader.close()
    return {ours_rules.name_of(rule): count for rule, count in counts.items()}


def decided(rule_set: RuleSet, frames: Iterator[pa.RecordBatch]) -> dict[str, int]:
    """How many events hit each rule."""
    engine, counts = Engine(rule_set), np.zeros(len(rule_set.rules), np.int64)
    for frame in frames:
        counts += np.bincount(engine.decide(frame).hit_rule, minlength=len(counts))
    names = [ours_rules.name_of(rule.name) for rule in rule_set.rules]
    return dict(zip(names, counts.tolist(), strict=True))
