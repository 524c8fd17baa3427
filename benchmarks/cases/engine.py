"""The whole engine, warm, all rules on: mixed, call-only, SMS-heavy and attack streams, and over live keys.

Enters: the streams of `benchmarks.world`. Leaves: ns of CPU an event, and how much was intercepted. Invariant: every
event is decided once; what came before is in windows, lists and scores.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Point, Setting, Work
from benchmarks.memory import bytes_held
from interceptor.config import Limits
from interceptor.engine import Engine
from interceptor.schema import Verdict

STREAMS = ("mixed", "call-only", "SMS-heavy", "attack")
KEYS_BEYOND, CAP = 1_000, 20_000


def prepare(point: Point, setting: Setting) -> Work:
    engine, end = world.warm(setting, point.series)
    frames = world.frames_of_end(end)
    stopped = []

    def decide(frame: pa.RecordBatch) -> None:
        stopped.append((engine.decide(frame).verdict >= Verdict.HOLD).mean())

    def more() -> dict[str, float]:
        held = {"intercepted": float(np.mean(stopped[1:])), "state_mb": bytes_held(engine) / 1e6}
        return held | (world.live_keys(setting) if point.series == "mixed" else {})

    return Work(world.taking_turns(frames, decide), frames[0].num_rows, len(frames) - 1, 1, more)


def prepare_keys(point: Point, setting: Setting) -> Work:
    """The mixed stream among so many lines: each event's parties are drawn anew, those of a pair together."""
    keys, rows, rounds = int(point.x or 0), setting.pick(8_192, world.FRAME_ROWS), 5
    whole = world.stream(setting)
    taken = min(whole.num_rows, 3 * keys + rows * (rounds + 1))
    whole = relabelled(whole.slice(whole.num_rows - taken), keys)
    engine = Engine(world.plain_rules())
    frames = streams.frames_of(whole, rows)[-(rounds + 2) :][: rounds + 1]
    for frame in streams.frames_of(whole.slice(0, max(0, whole.num_rows - rows * (rounds + 2))), rows):
        engine.decide(frame)
    return Work(world.taking_turns(frames, engine.decide), rows, rounds, 1, lambda: {
        "bytes_each": bytes_held(engine) / keys / max(1, len(engine.rule_set.features)),
    })  # fmt: skip


def relabelled(frame: pa.RecordBatch, keys: int) -> pa.RecordBatch:
    """The same events, but between `keys` sources and as many targets."""
    columns = list(frame.columns)
    for name in ("source", "target"):
        place = frame.schema.get_field_index(name)
        values = frame.column(name).to_numpy()
        columns[place] = pa.array(np.uint64(streams.LISTED_FROM) + streams.mixed(values) % np.uint64(keys))
    return pa.RecordBatch.from_arrays(columns, schema=frame.schema)


def prepare_cap(_point: Point, _setting: Setting) -> Work:
    """Windows with a cap, and more keys than that: what is held must not grow, and all others are evicted."""
    from benchmarks.cases.windows import filled, rule_set

    engine, twin = (Engine(rule_set("count"), Limits(keys_max=CAP)) for _ in range(2))
    frame, known = (filled(one, "count", CAP) for one in (engine, twin))
    for _ in range(4):  # as many events, but of keys that are held: ids take room, too
        twin.decide(known(np.arange(KEYS_BEYOND)))
    beyond = [frame(CAP + np.arange(KEYS_BEYOND) + number * KEYS_BEYOND) for number in range(4)]
    evicted = list[int]()

    def decide(one: pa.RecordBatch) -> None:
        engine.decide(one)
        evicted.append(engine.counters["evicted"])

    waiting = iter(beyond)
    return Work(lambda: decide(next(waiting)), KEYS_BEYOND, 3, 1, lambda: {
        "evicted": float(evicted[0]), "grown_bytes": float(bytes_held(engine) - bytes_held(twin)),
    })  # fmt: skip


CASES = [
    Case(
        "engine", "the whole engine on a stream, all rules, a blocklist, warm; one core", "ns/event",
        points=lambda _: [Point(name) for name in STREAMS], prepare=prepare,
    ),
    Case(
        "engine-keys", "the whole engine on the mixed stream, by how many sources and targets take part", "ns/event",
        "live keys", lambda setting: [Point("", 10**power) for power in range(4, setting.pick(4, 6) + 1)], prepare_keys,
    ),
    Case(
        "caps", "a count window at its cap of keys, and a thousand keys more", "ns/event",
        points=lambda _: [Point()], prepare=prepare_cap,
    ),
]  # fmt: skip
