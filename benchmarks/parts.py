"""What the three parts of the engine cost over shards, beside the engine in one piece: `python -m benchmarks.parts`.

Enters: how many events and shards. Leaves: nanoseconds an event for the engine, each part, and packing between them,
for two sizes of frames. Invariant: the same events, in one process and one run.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from benchmarks.rig import city_frames
from interceptor.config import Limits
from interceptor.engine import Engine
from interceptor.listbook import ListBook
from interceptor.packed import Packed, joined
from interceptor.parts import Admit, Protect, Screen
from interceptor.plan import shard_of
from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.transport.parcels import pack, unpack


class Clock:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began_s = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began_s


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


def main(
    events: Annotated[int, typer.Option()] = 400_000,
    shards: Annotated[int, typer.Option()] = 8,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Measure."""
    rule_set = load(default_rules_dir()).with_static_lists()
    spread(rule_set, city_frames(20_000, seed, 5_000), shards, Clock())  # kernels
    for rows in (8_192, 32_768):
        frames, clock = city_frames(events, seed, rows), Clock()
        engine = Engine(rule_set)
        with clock("engine in one piece"):
            for frame in frames:
                engine.decide(frame)
        spread(rule_set, frames, shards, clock)
        print(f"frames of {rows:,} events, {shards} shards; ns an event")
        for name, seconds in clock.seconds.items():
            print(f"  {name:20} {seconds / events * 1e9:8,.0f}")


if __name__ == "__main__":
    typer.run(main)
