"""What the three parts of the engine cost over shards, beside the engine in one piece.

Enters: the mixed stream. Leaves: ns of CPU an event for the engine, for each part, and for packing between them.
Invariant: the same events, in one process and one run.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Figure, Setting
from benchmarks.control import timed
from interceptor.config import Limits
from interceptor.engine import Engine
from interceptor.listbook import ListBook
from interceptor.packed import Packed, joined
from interceptor.parts import Admit, Protect, Screen
from interceptor.plan import shard_of
from interceptor.rules import RuleSet
from interceptor.transport.parcels import pack, unpack

SHARDS, ONE_PIECE = 8, "engine in one piece"


class Clock:
    """Seconds of CPU by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began_s = time.process_time()
        yield
        self.seconds[name] += time.process_time() - began_s


def spread(rule_set: RuleSet, frames: list[pa.RecordBatch], shards: int, clock: Clock) -> None:
    """All frames through all parts, each piece packed and unpacked as between processes."""
    lists, limits = ListBook(rule_set.lists), Limits()
    admit = Admit(rule_set, lists, limits)
    screens = [Screen(rule_set, lists, limits) for _ in range(shards)]
    protects = [Protect(rule_set, lists, limits) for _ in range(shards)]
    place = 0
    for frame in frames:
        with clock("admit"):
            admitted = admit.apply(frame, np.arange(place, place + frame.num_rows, dtype=np.uint64))
        place += frame.num_rows
        screened = []
        for screen, piece in zip(screens, _dealt(admitted, "source", None, shards, clock), strict=True):
            with clock("screen"):
                screened.append(screen.apply(piece))
        pieces = [_dealt(events, "target", echo, shards, clock) for events, echo in screened]
        for shard, protect in enumerate(protects):
            with clock("protect"):
                contacts = joined([piece[shard] for piece in pieces])
                contacts = contacts.take(np.argsort(contacts["place"], kind="stable"))
                protect.apply(contacts, shard_of(contacts["target"], shards) == shard)


def _dealt(events: Packed, key: str, echo: np.ndarray | None, shards: int, clock: Clock) -> list[Packed]:
    with clock("pack"):
        owner = shard_of(events[key], shards)
        mine = [np.flatnonzero((owner == shard) | (False if echo is None else echo)) for shard in range(shards)]
        whole, ends = events.take(np.concatenate(mine)), np.cumsum([0, *map(len, mine)])
        packed = [pack(whole.slice(int(ends[shard]), int(ends[shard + 1]))) for shard in range(shards)]
    with clock("unpack"):
        return [unpack(one) for one in packed]


def measure(setting: Setting) -> list[Figure]:
    rule_set = world.plain_rules().with_static_lists()
    _, end = world.parted(world.stream(setting), setting)
    end = end.slice(0, setting.pick(20_000, 300_000))
    spread(rule_set, streams.frames_of(end.slice(0, 10_000), 5_000), SHARDS, Clock())  # kernels
    found = []
    for rows in setting.pick((8_192,), (8_192, 32_768)):
        frames, clock = streams.frames_of(end, rows), Clock()
        with timed() as around:
            engine = Engine(rule_set)
            with clock(ONE_PIECE):
                for frame in frames:
                    engine.decide(frame)
            spread(rule_set, frames, SHARDS, clock)
        found += [
            Figure(name, rows, seconds / end.num_rows * 1e9, "ns/event", around.control)
            for name, seconds in clock.seconds.items()
        ]
    return found


CASES = [
    Case(
        "shards",
        f"the engine's parts over {SHARDS} shards, and in one piece",
        "ns/event",
        "events a frame",
        measure=measure,
    )
]
