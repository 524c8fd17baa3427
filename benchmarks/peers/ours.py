"""This project's engine, on the rules of just this job.

Enters: events as Arrow frames, as JSON, or from a topic. Leaves: an outcome. Invariant: it decides as anywhere else:
admission (late, duplicate, future), lists, windows, verdicts; `label` is what each hit asks for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from benchmarks.peers import ours_rules
from benchmarks.peers.peer import FRAME, JobName, Meter, Outcome, Work
from interceptor.engine import Engine
from interceptor.rules import RuleSet, load
from interceptor.transport.edge.json_events import read_events

FRAME_ROWS = 32_768


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
        Engine(rule_set).decide(whole.slice(0, FRAME_ROWS))  # kernels are loaded
        given = whole if self.takes == "frames" else work.lines()
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


def decided(rule_set: RuleSet, frames: Iterator[pa.RecordBatch]) -> dict[str, int]:
    """How many events hit each rule."""
    engine, counts = Engine(rule_set), np.zeros(len(rule_set.rules), np.int64)
    for frame in frames:
        counts += np.bincount(engine.decide(frame).hit_rule, minlength=len(counts))
    names = [ours_rules.name_of(rule.name) for rule in rule_set.rules]
    return dict(zip(names, counts.tolist(), strict=True))
