"""Latency of the embedded engine in small batches, at rest and at offered loads.

Enters: the mixed stream, warm. Leaves: milliseconds, p50 to p99.9. Invariant: at an offered load latency is from the
moment at which an event was due, not from when it was its turn, so a slow batch is felt by those that wait behind it.
"""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Figure, Setting
from benchmarks.control import timed
from interceptor.engine import Engine

ROWS = 256
SHARES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9}


def _figures(x: float, seconds: np.ndarray, control: float, more: dict[str, float], of: str = "") -> list[Figure]:
    return [
        Figure(name + of, x, float(np.percentile(seconds, share)) * 1e3, "ms", control, more if name == "p50" else {})
        for name, share in SHARES.items()
    ]


def micro_batches(setting: Setting) -> list[Figure]:
    """One batch after another, of several sizes."""
    engine, end = world.warm(setting)
    found, at = list[Figure](), 0
    for rows in setting.pick((ROWS,), (16, 64, ROWS, 1_024)):
        batches = min(setting.pick(60, 400), (end.num_rows // 4) // rows)
        frames = [end.slice(at + number * rows, rows) for number in range(batches + 5)]
        at += rows * len(frames)
        with timed() as around:
            took_s, used_s = np.array([_took_s(engine, frame) for frame in frames])[5:].T
        cpu_us = around.cpu_s / (rows * len(frames)) * 1e6
        found += _figures(rows, took_s, around.control, {"cpu_us_event": cpu_us})
        found += _figures(rows, used_s, around.control, {}, ", CPU")
    return found


def offered(setting: Setting) -> list[Figure]:
    """Events come at a rate, whatever the engine does; a batch is decided when its last event is there."""
    engine, end = world.warm(setting)
    found, at = list[Figure](), 0
    for rate in setting.pick((20_000,), (10_000, 20_000, 50_000, 100_000, 200_000)):
        batches = int(min(setting.pick(0.5, 4.0) * rate, (end.num_rows - at) * 0.4) / ROWS)
        frames = streams.frames_of(end.slice(at, batches * ROWS), ROWS)
        at += batches * ROWS
        with timed() as around:
            late_s = _late_s(engine, frames, rate)
        found += _figures(rate, late_s[len(late_s) // 10 :], around.control, {"cores": around.cpu_s / around.wall_s})
    return found


def _took_s(engine: Engine, frame: pa.RecordBatch) -> tuple[float, float]:
    """Wall time and CPU time."""
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    engine.decide(frame)
    return time.perf_counter() - began_s, time.process_time() - cpu_began_s


def _late_s(engine: Engine, frames: list[pa.RecordBatch], rate: float) -> np.ndarray:
    """float64[events]: from when an event was due until it was decided."""
    began_s, found = time.perf_counter(), []
    due_s = np.arange(len(frames) * ROWS) / rate
    for number, frame in enumerate(frames):
        mine = due_s[number * ROWS : (number + 1) * ROWS]
        wait_s = mine[-1] - (time.perf_counter() - began_s)
        if wait_s > 0:
            time.sleep(wait_s)
        engine.decide(frame)
        found.append(time.perf_counter() - began_s - mine)
    return np.concatenate(found)


CASES = [
    Case("micro-batch", "batches one after another, time of each", "ms", "events a batch", measure=micro_batches),
    Case(
        "latency", f"batches of {ROWS} at an offered load, from when an event was due", "ms", "events/s offered",
        measure=offered,
    ),
]  # fmt: skip
