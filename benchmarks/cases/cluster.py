"""Kafka, Redis and workers on this machine: frames, the bridge, JSON that a worker reads itself, latency at loads.

Enters: the mixed stream. Leaves: events a second of wall time, from the first event sent (JSON: from the first decision
read) to the last decision read; CPU of workers and bridge; milliseconds. Invariant: every event's decision has arrived;
the broker is on the same cores, and its CPU isn't counted.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Figure, Setting
from benchmarks.control import control_ns


def _frames(setting: Setting, events: int, rows: int = world.FRAME_ROWS) -> list[pa.RecordBatch]:
    whole = world.stream(setting)
    count = min(events, whole.num_rows) // rows * rows or whole.num_rows
    return streams.frames_of(whole.slice(whole.num_rows - count), min(rows, count))


def kafka(setting: Setting) -> list[Figure]:
    from benchmarks import cluster_speed as speed
    from benchmarks import rig as rigs

    found = []
    many, few = _frames(setting, setting.pick(32_768, 1_000_000)), _frames(setting, setting.pick(32_768, 262_144))
    with rigs.folder() as folder, rigs.Rig(Path(folder)) as rig:
        ways = {"bridge": speed.over_the_bridge, "JSON itself": partial(speed.from_json, way="JSON itself")}
        for name in ("frames", "bridge", "JSON itself", "frames again"):
            before = control_ns()
            done = ways[name](rig, few) if name in ways else speed.on_frames(rig, many, name)
            control = (before + control_ns()) / 2
            found.append(Figure(name, None, done.per_s, "events/s", control, {"cpu_us": done.cpu_us}))
    return found


def kafka_latency(setting: Setting) -> list[Figure]:
    from benchmarks import cluster_speed as speed
    from benchmarks import rig as rigs

    found = []
    with rigs.folder() as folder, rigs.Rig(Path(folder)) as rig:
        for rate in setting.pick((5_000,), (2_000, 20_000, 100_000)):
            frames = _frames(setting, max(8_192, int(rate * setting.pick(4, 12))), 8_192)
            before = control_ns()
            late = speed.latency(rig, frames, rate)
            control = (before + control_ns()) / 2
            found += [Figure(name, rate, late[name], "ms", control) for name in ("p50", "p99")]
    return found


CASES = [
    Case("kafka", "a cluster of two workers, broker on the same cores: frames, JSON over the bridge and without",
         "events/s", measure=kafka),
    Case("kafka-latency", "the cluster at an offered load, from when an event was due until its decision is read", "ms",
         "events/s offered", measure=kafka_latency),
]  # fmt: skip
