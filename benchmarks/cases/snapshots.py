"""What a snapshot costs: taken, packed, saved in a folder, loaded, put back.

Enters: the warm engine. Leaves: milliseconds of CPU, megabytes. Invariant: the engine that goes on decides the next
frame as the one before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import TypeVar

from benchmarks import world
from benchmarks.case import Case, Figure, Setting
from benchmarks.control import timed
from interceptor.transport.snapshots.folder import FolderSnapshots
from interceptor.transport.snapshots.packing import pack, unpack
from tests.engine_state import restored, taken

Result = TypeVar("Result")
ROUNDS = 3


def measure(setting: Setting) -> list[Figure]:
    engine, end = world.warm(setting)
    found = list[Figure]()

    def took(what: str, call: Callable[[], Result]) -> Result:
        """The result of the last of ROUNDS calls; what the quickest took is noted."""
        least_s, kept = float("inf"), list[Result]()
        for _ in range(ROUNDS):
            kept.clear()  # its memory goes before more is asked for
            with timed() as around:
                kept.append(call())
            least_s = min(least_s, around.cpu_s)
        found.append(Figure(what, None, least_s * 1e3, "ms", around.control))
        return kept[0]

    state = took("take", lambda: taken(engine))
    data = took("pack", lambda: pack(state, {"next_offset": 1}))
    with tempfile.TemporaryDirectory() as folder:
        store, offsets = FolderSnapshots(folder), iter(range(1, 100))
        took("save in a folder", lambda: store.save("all", 0, next(offsets), data))
        took("load from a folder", lambda: store.newest("all", 0))
    back = took("unpack", lambda: unpack(data)[0])
    again, _ = took("put back", lambda: restored(engine.rule_set, back))
    frame = end.slice(0, min(end.num_rows, world.FRAME_ROWS))
    if not again.decide(frame).to_arrow().equals(engine.decide(frame).to_arrow()):
        raise RuntimeError("an engine that was put back decided otherwise")
    more = {"state_mb": sum(array.nbytes for array in state.values()) / 1e6, "packed_mb": len(data) / 1e6}
    found[1].more.update(more)
    return found


CASES = [Case("snapshots", "a snapshot of the warm engine, CPU time of each step", "ms", measure=measure)]
