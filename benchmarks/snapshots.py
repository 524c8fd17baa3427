"""What a snapshot costs: taken, packed, saved, loaded, put back; for an engine after a city's first hours.

Enters: how many people and events. Leaves: a table. Invariant: the engine that goes on decides the next frames as the
one before.

    python -m benchmarks.snapshots [PEOPLE [EVENTS]]
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from interceptor.engine import Engine
from interceptor.rules import default_rules_dir, load
from interceptor.transport.redis_client import connect
from interceptor.transport.snapshots.folder import FolderSnapshots
from interceptor.transport.snapshots.in_redis import RedisSnapshots
from interceptor.transport.snapshots.packing import pack, unpack
from simulator.city import City
from simulator.scenario import load as load_scenario
from tests.engine_state import restored, taken
from tests.redis_server import running

Result = TypeVar("Result")
ROUNDS = 5


def main(people: int = 100_000, events: int = 1_000_000) -> None:
    rule_set = load(default_rules_dir())
    engine, decided, rest = Engine(rule_set), 0, []
    city = City(load_scenario("city_centre"), people=people, days=2, seed=42)
    for moment in city.slices():
        if decided >= events:
            rest.append(moment.frame)
            if len(rest) == 5:
                break
            continue
        decided += moment.frame.num_rows
        engine.decide(moment.frame)
    print(f"{people:,} people, {decided:,} events, {len(rule_set.features)} features, {len(rule_set.rules)} rules")
    state = timed("take", lambda: taken(engine))
    held = sum(array.nbytes for array in state.values())
    data = timed("pack", lambda: pack(state, {"next_offset": decided}))
    with tempfile.TemporaryDirectory() as folder:
        store, offsets = FolderSnapshots(folder), iter(range(1, 100))
        timed("save to a folder", lambda: store.save("all", 0, next(offsets), data))
        timed("load from a folder", lambda: store.newest("all", 0))
        with running(Path(folder) / "redis") as server:
            remote = RedisSnapshots(connect(server.settings()), server.settings())
            timed("save to Redis", lambda: remote.save("all", 0, next(offsets), data))
            timed("load from Redis", lambda: remote.newest("all", 0))
    found = timed("unpack", lambda: unpack(data)[0])
    again, _ = timed("put back", lambda: restored(rule_set, found))
    timed("(a new engine alone)", lambda: Engine(rule_set))
    print(f"{len(state):,} arrays, {held / 1e6:.1f} MB, packed {len(data) / 1e6:.1f} MB")
    sizes: dict[str, int] = defaultdict(int)
    for name, array in state.items():
        sizes["/".join(name.split("/")[:2])] += array.nbytes
    for part, size in sorted(sizes.items(), key=lambda one: -one[1])[:8]:
        print(f"  {part:<24}{size / 1e6:8.1f} MB")
    for frame in rest:
        assert again.decide(frame).to_arrow().equals(engine.decide(frame).to_arrow())


def timed(what: str, call: Callable[[], Result]) -> Result:
    """The result of the last of ROUNDS calls; prints the first one's time, and the least."""
    took: list[float] = []
    for _ in range(ROUNDS):
        found = None  # its memory goes before more is asked for
        began = perf_counter()
        found = call()
        took.append(perf_counter() - began)
    assert found is not None
    first, best, worst = (ms * 1e3 for ms in (took[0], min(took), max(took[1:])))
    print(f"{what:<24}{first:9.1f} ms at first{best:9.1f} ms at best{worst:9.1f} ms at worst")
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
