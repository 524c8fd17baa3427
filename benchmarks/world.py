"""The situation that the targets speak of: all rules, a blocklist, live keys, a warm engine.

Enters: a Setting. Leaves: rules, streams, engines that have seen all of a stream but its end. Invariant: what is
measured was never shown to the engine before, and comes right behind what was.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import pyarrow as pa

from benchmarks import streams
from benchmarks.case import Setting
from interceptor.engine import Engine
from interceptor.observer import Observer
from interceptor.rules import RuleSet, default_rules_dir, load

FRAME_ROWS = 32_768
# People and events of a stream. With two million people and these events, some million keys are live.
PEOPLE = {"quick": 20_000, "default": 1_900_000, "full": 1_900_000}
EVENTS = {"quick": 60_000, "default": 4_600_000, "full": 4_600_000}
MEASURED = {"quick": 30_000, "default": 500_000, "full": 1_000_000}
LISTED = {"quick": 20_000, "default": 10_000_000, "full": 10_000_000}


@lru_cache(1)
def plain_rules() -> RuleSet:
    """The rules that come with the package."""
    return load(default_rules_dir())


@lru_cache(1)
def numbers(setting: Setting) -> np.ndarray:
    """uint64[n]: the blocklist."""
    return streams.blocklist(LISTED[setting.size], setting.seed)


@lru_cache(1)
def rules(setting: Setting) -> RuleSet:
    """The same with the blocklist."""
    return streams.with_blocklist(plain_rules(), numbers(setting))


def stream(setting: Setting, name: str = "mixed") -> pa.RecordBatch:
    """A stream of `benchmarks.streams`, or `attack`: the mixed one with its measured end under attack."""
    size = setting.size
    if name in ("call-only", "SMS-heavy"):  # shares that a city has less of: fewer events
        return streams.stream(name, setting.pick(PEOPLE[size], PEOPLE[size] // 4), EVENTS[size] // 4, setting.seed)
    whole = streams.stream("mixed", PEOPLE[size], EVENTS[size], setting.seed)
    if name == "attack":
        before, end = parted(whole, setting)
        end = streams.attack(end, numbers(setting), setting.seed)
        return pa.concat_batches([before, end])
    return whole


def parted(whole: pa.RecordBatch, setting: Setting) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """What comes first, and the end that is measured."""
    at = whole.num_rows - min(MEASURED[setting.size], whole.num_rows // 2)
    return whole.slice(0, at), whole.slice(at)


def warm(
    setting: Setting, name: str = "mixed", observer: Observer | None = None, rule_set: RuleSet | None = None,
) -> tuple[Engine, pa.RecordBatch]:  # fmt: skip
    """An engine that has decided all but the end of a stream, and that end."""
    before, end = parted(stream(setting, name), setting)
    engine = Engine(rule_set or rules(setting), observer=observer)
    for frame in streams.frames_of(before, FRAME_ROWS):
        engine.decide(frame)
    return engine, end


def frames_of_end(end: pa.RecordBatch) -> list[pa.RecordBatch]:
    """In frames of FRAME_ROWS, of a short one smaller: the first is to warm up with, three or more are measured."""
    rows = min(FRAME_ROWS, end.num_rows // 4)
    return streams.frames_of(end.slice(0, end.num_rows // rows * rows), rows)


def live_keys(setting: Setting) -> dict[str, float]:
    """How many sources and targets the mixed stream has, before its end."""
    before, _ = parted(stream(setting), setting)
    return {f"{side}s": float(len(np.unique(before.column(side).to_numpy()))) for side in ("source", "target")}


def taking_turns(frames: list[pa.RecordBatch], work: Callable[[pa.RecordBatch], object]) -> Callable[[], object]:
    """A function that works on the next of these with each call."""
    waiting = iter(frames)
    return lambda: work(next(waiting))


def make_streams(setting: Setting, names: Iterable[str]) -> None:
    """Puts streams on the disk, where they aren't yet."""
    for name in names:
        stream(setting, name)


if __name__ == "__main__":
    make_streams(Setting(sys.argv[1], int(sys.argv[2])), sys.argv[3:])  # type: ignore[arg-type]
