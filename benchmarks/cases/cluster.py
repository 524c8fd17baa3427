"""Kafka, Redis and workers on this machine: frames, the bridge, JSON that a worker reads itself, latency at loads.

Enters: the mixed stream. Leaves: events a second of wall time, from the first event sent (JSON: from the first decision
read) to the last decision read; CPU of workers and bridge, and of the broker apart; milliseconds. Invariant: every
event's decision has arrived; broker, feed and reader are on the same cores.

*One piece* is what a cluster does unless it is told otherwise: one partition, one worker that decides. *Spread* is for
more cores than these: three stages over eight partitions, two workers. The spread run comes first, and the broker's
Java is warm when the others begin.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Figure, Setting
from benchmarks.control import control_ns

SPREAD = 8  # partitions of the stages


def _frames(setting: Setting, events: int, rows: int = world.FRAME_ROWS) -> list[pa.RecordBatch]:
    whole = world.stream(setting)
    count = min(events, whole.num_rows) // rows * rows or whole.num_rows
    return streams.frames_of(whole.slice(whole.num_rows - count), min(rows, count))


def kafka(setting: Setting) -> list[Figure]:
    from benchmarks import cluster_speed as speed
    from benchmarks import rig as rigs

    found = []
    rows = setting.pick(8_192, world.FRAME_ROWS)
    many, few = (
        _frames(setting, setting.pick(57_344, 1_000_000), rows),
        _frames(setting, setting.pick(8_192, 262_144), rows),
    )
    ways: dict[str, Callable[[rigs.Rig, str], speed.Speed]] = {
        "frames, spread": lambda rig, name: speed.on_frames(rig, many, name, partitions=SPREAD),
        "frames, one piece": lambda rig, name: speed.on_frames(rig, many, name, partitions=1),
        "JSON, one piece": lambda rig, name: speed.from_json(rig, many, name),
        "JSON, bridge and spread": lambda rig, _: speed.over_the_bridge(rig, few),
        "JSON, one piece again": lambda rig, name: speed.from_json(rig, many, name),
        "frames, one piece again": lambda rig, name: speed.on_frames(rig, many, name, partitions=1),
    }
    with rigs.folder() as folder, rigs.Rig(Path(folder)) as rig:
        for name, measured in ways.items():
            before = control_ns()
            done = measured(rig, name)
            control = (before + control_ns()) / 2
            more = {"cpu_us": done.cpu_us, "broker_us": done.broker_us}
            found.append(Figure(name, None, done.per_s, "events/s", control, more))
    return found


def kafka_latency(setting: Setting) -> list[Figure]:
    from benchmarks import cluster_speed as speed
    from benchmarks import rig as rigs

    found = []
    with rigs.folder() as folder, rigs.Rig(Path(folder)) as rig:
        for partitions, layout in ((SPREAD, "spread"), (1, "one piece")):
            for rate in setting.pick((5_000,), (2_000, 20_000, 100_000)):
                frames = _frames(setting, max(8_192, int(rate * setting.pick(4, 12))), 8_192)
                before = control_ns()
                late = speed.latency(rig, frames, rate, partitions)
                control = (before + control_ns()) / 2
                found += [Figure(f"{layout} {name}", rate, late[name], "ms", control) for name in ("p50", "p99")]
    return found


CASES = [
    Case("kafka", "workers behind Kafka, broker on the same cores: frames, JSON; in one piece, spread over stages",
         "events/s", measure=kafka),
    Case("kafka-latency", "the cluster at an offered load, from when an event was due until its decision is read", "ms",
         "events/s offered", measure=kafka_latency),
]  # fmt: skip
