"""Bytes into columns: the pass-through (q0), frames, JSON.

Enters: the mixed stream as Arrow, as frames on the wire, as one JSON event a message. Leaves: ns of CPU an event.
Invariant: the same events in all forms.
"""

from __future__ import annotations

import msgspec
import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Point, Setting, Work
from interceptor.batch import Batch
from interceptor.transport.edge.json_events import read_events
from interceptor.transport.edge.json_writing import to_json_events
from interceptor.transport.wire import decode, encode

_BARE = msgspec.json.Decoder().decode


def _end(setting: Setting, count: int) -> list[pa.RecordBatch]:
    _, end = world.parted(world.stream(setting), setting)
    return streams.frames_of(end.slice(0, count), world.FRAME_ROWS)


def pass_through(_: Point, setting: Setting) -> Work:
    frames = _end(setting, setting.pick(20_000, 200_000))
    return Work(lambda: [Batch.from_arrow(frame) for frame in frames], sum(frame.num_rows for frame in frames))


def frames(point: Point, setting: Setting) -> Work:
    count = setting.pick(20_000, 100_000)
    whole = _end(setting, count)
    rows = int(point.x or 0)
    cut = [encode(piece) for frame in whole for piece in streams.frames_of(frame, rows)]
    size = sum(map(len, cut)) / count
    return Work(lambda: [Batch.from_arrow(decode(one)) for one in cut], count, more=lambda: {"bytes_each": size})


def ndjson(point: Point, setting: Setting) -> Work:
    rows, rounds = setting.pick(5_000, world.FRAME_ROWS), 4
    _, end = world.parted(world.stream(setting), setting)
    frames = streams.frames_of(end.slice(0, rows * (rounds + 1)), rows)
    made = [(to_json_events(frame), frame.column("event_id").to_numpy()) for frame in frames]
    waiting = iter(made)
    if point.series == "msgspec alone":
        return Work(lambda: [_BARE(line) for line in next(waiting)[0]], rows, rounds)
    if point.series == "into frames":
        return Work(lambda: read_events(*next(waiting)), rows, rounds)
    engine, _ = world.warm(setting)
    return Work(lambda: engine.decide(read_events(*next(waiting)).batch), rows, rounds)


def ndjson_points(_: Setting) -> list[Point]:
    return [Point("msgspec alone"), Point("into frames"), Point("into decisions")]


CASES = [
    Case(
        "q0", "pass-through: frames as numpy columns and nothing else, to know the harness itself", "ns/event",
        points=lambda _: [Point()], prepare=pass_through,
    ),
    Case(
        "frames", "frames on the wire (LZ4) checked and decoded, by how many events a frame has", "ns/event",
        "events a frame", lambda _: [Point("", rows) for rows in (256, 2_048, 16_384, 32_768)], frames,
    ),
    Case(
        "ndjson", "one JSON event a message: decoded alone, into a frame, and decided by the warm engine", "ns/event",
        points=ndjson_points, prepare=ndjson,
    ),
]  # fmt: skip
