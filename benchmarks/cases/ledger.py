"""The ledger: decisions written down, and an attack intercepted with its ledger.

Enters: decisions of the mixed and of the attack stream. Leaves: ns of CPU a decision; interceptions a second.
Invariant: every decision of the measured events is in the ledger when the clock stops.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Figure, Setting
from benchmarks.control import timed
from interceptor.decisions import Decisions
from interceptor.schema import Verdict
from interceptor.transport.ledger.book import Ledger
from interceptor.transport.wire import DECIDED_SCHEMA


def decided(decisions: Decisions, first: int) -> pa.RecordBatch:
    """As decisions travel; places count up from `first`."""
    batch = decisions.to_arrow()
    place = np.arange(first, first + batch.num_rows, dtype=np.uint64)
    own = {"place": pa.array(place), "kind": pa.array(decisions.kind), "ts_ms": pa.array(decisions.ts_ms)}
    columns = [own[name] if name in own else batch.column(name) for name in DECIDED_SCHEMA.names]
    return pa.RecordBatch.from_arrays(columns, schema=DECIDED_SCHEMA)


@contextmanager
def _ledger() -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "one.sqlite") as ledger:
        yield ledger


def writing(setting: Setting) -> list[Figure]:
    engine, end = world.warm(setting)
    found = []
    for rows, share in ((1_024, 0.25), (world.FRAME_ROWS, 1.0)):
        frames = streams.frames_of(end.slice(0, int(min(end.num_rows, setting.pick(20_000, 300_000)) * share)), rows)
        batches = [decided(engine.decide(frame), 1 + number * rows) for number, frame in enumerate(frames)]
        with _ledger() as ledger, timed() as around:
            added = sum(ledger.add(batch).new for batch in batches)
        more = {"wall_ns": around.wall_s / added * 1e9}
        found.append(Figure("", rows, around.cpu_s / added * 1e9, "ns/decision", around.control, more))
    return found


def attacked(setting: Setting) -> list[Figure]:
    """Engine alone, and engine with the ledger of all decisions, of what was intercepted only."""
    found = []
    for series in ("engine alone", "ledger of interceptions", "ledger of all decisions"):
        engine, end = world.warm(setting, "attack")
        frames = world.frames_of_end(end)
        engine.decide(frames[0])
        stopped, count = 0, sum(frame.num_rows for frame in frames[1:])
        with _ledger() as ledger, timed() as around:
            for number, frame in enumerate(frames[1:]):
                decisions = engine.decide(frame)
                hits = decisions.verdict >= Verdict.HOLD
                stopped += int(hits.sum())
                if series != "engine alone":
                    batch = decided(decisions, 1 + number * world.FRAME_ROWS)
                    ledger.add(batch.filter(pa.array(hits)) if series == "ledger of interceptions" else batch)
        more = {"intercepted": stopped / count, "wall_per_s": stopped / around.wall_s}
        found.append(Figure(series, None, stopped / around.cpu_s, "interceptions/s", around.control, more))
    return found


CASES = [
    Case("ledger", "decisions written into SQLite", "ns/decision", "decisions a frame", measure=writing),
    Case("attack", "half of all events intercepted, on one core", "interceptions/s", measure=attacked),
]  # fmt: skip
