"""Each kind of window over live keys, evenly used and by Zipf's law.

Enters: a kind of window, how many keys. Leaves: ns of CPU an event, and bytes a key. Invariant: every key has been seen
before anything is timed, and none has left the window.

The engine runs with one feature and one rule that reads it: the curve `none` is the same without the feature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pyarrow as pa

from benchmarks.case import Case, Figure, Point, Setting, Work
from benchmarks.made import FIRST_NUMBER, HOUR_MS, START_MS, events, rule, rules_of
from benchmarks.memory import bytes_held
from interceptor.config import Limits
from interceptor.engine import Engine
from interceptor.rules import RuleSet
from interceptor.schema import Kind

ROWS, ROUNDS, ZIPF = 32_768, 6, 1.1
FILL_HOURS = 20  # ids and lateness are as in a stream that goes on for hours
# What makes the window, and the condition by which the rule reads it (it never hits)
FEATURES = {
    "none": ("", "tenure > 60000d"),
    "count": ("count: events", "seen > 1000000"),
    "sum": ("sum: amount", "seen > 1000000000000"),
    "distinct": ("distinct: callee", "seen > 1000000"),
    "ratio": ("ratio: not known", "seen > 2"),
    "since_last": ("since_last: events", "seen > 300d"),
    "since_first": ("since_first: events", "seen > 300d"),
    "sequential": ("sequential: callee", "seen > 1000000"),
    "sequence": (
        "sequence:\n      - {on: call, where: not known}\n      - {on: call, where: known and forwarding}",
        "seen and tenure > 60000d",
    ),
}


def rule_set(window: str, features: int = 1) -> RuleSet:
    """One rule, and so many features of a kind on the same keys; each has a length of its own."""
    what, condition = FEATURES[window]
    on = "transfer" if window == "sum" else "call"
    made = ""
    for number in range(features if what else 0):
        name, hours = "seen" + "x" * number, 48 + number
        where = "" if window == "sequence" else f"    on: {on}\n"
        by = "payee" if window == "sum" else "caller"
        made += f"  - feature: {name}\n    {what}\n{where}    by: {by}\n    within: {hours}h\n"
    rules = "".join(
        rule(f"watch-{number}", on, condition.replace("seen", "seen" + "x" * number)) for number in range(features)
    )
    return rules_of("schema: 1\n" + (f"features:\n{made}" if made else "") + f"rules:\n{rules}")


def filled(engine: Engine, window: str, keys: int) -> Callable[[np.ndarray], pa.RecordBatch]:
    """Shows the engine each key once, over FILL_HOURS; gives a function from places of keys to the next frame."""
    kind = Kind.TRANSFER if window == "sum" else Kind.CALL
    ids = count(1, ROWS)

    def frame(at: np.ndarray, ts_ms: np.ndarray) -> pa.RecordBatch:
        target = FIRST_NUMBER + (at * 7 + ts_ms) % 100_000_000
        extra = {"amount_fen": 100} if kind is Kind.TRANSFER else {"known": at & 1}
        return events(kind, len(at), next(ids), ts_ms, source=FIRST_NUMBER + at, target=target, **extra)

    order = np.random.default_rng(keys).permutation(keys)
    for start in range(0, keys, ROWS):
        at = order[start : start + ROWS]
        engine.decide(frame(at, START_MS + (start + np.arange(len(at))) * (FILL_HOURS * HOUR_MS) // keys))
    later_ms = iter(range(START_MS + (FILL_HOURS + 1) * HOUR_MS, 1 << 62, 60_000))
    return lambda at: frame(at, next(later_ms) + np.arange(len(at)) * 60_000 // len(at))


def drawn(keys: int, series: str, seed: int) -> Iterator[np.ndarray]:
    """Places of keys, ROWS at a time."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(keys)
    while True:
        if series.endswith("zipf"):
            yield places[(rng.zipf(ZIPF, ROWS) - 1) % keys]
        else:
            yield rng.integers(0, keys, ROWS)


def prepare(point: Point, setting: Setting) -> Work:
    keys, window = int(point.x or 0), point.series.split(" ")[0]
    engine = Engine(rule_set(window), _limits(keys))
    frame, places = filled(engine, window, keys), drawn(keys, point.series, setting.seed)
    held = bytes_held(engine)
    ready = [frame(next(places)) for _ in range(ROUNDS + 1)]
    waiting = iter(ready)
    return Work(lambda: engine.decide(next(waiting)), ROWS, ROUNDS, 1, lambda: {"bytes_each": held / keys})


def points(setting: Setting) -> list[Point]:
    found = []
    for window in FEATURES:
        for spread in ("even", "zipf"):
            top = setting.pick(4, 7 if window in ("count", "distinct", "none") and spread == "even" else 6, 7)
            bottom = setting.pick(4, 3)
            found += [Point(f"{window} {spread}", 10**power) for power in range(bottom, top + 1)]
    return [point for point in found if setting.size != "quick" or point.series.endswith("even")]


def memory(setting: Setting) -> list[Figure]:
    """Bytes a key of a second window on the same keys; the first one has the table of keys with it."""
    keys, found = setting.pick(10_000, 1_000_000), []
    for window in FEATURES:
        held = []
        for features in (0, 1, 2) if window != "none" else ():
            engine = Engine(rule_set(window, features) if features else rule_set("none"), _limits(keys))
            filled(engine, window, keys)
            held.append(bytes_held(engine) / keys)
        if held:
            first, second = held[1] - held[0], held[2] - held[1]
            found.append(Figure(window, keys, second, "bytes/key", 0.0, {"with_table_of_keys": first}))
    return found


def _limits(keys: int) -> Limits:
    return Limits(keys_max=max(1_024, keys), pairs_max=max(64_000_000, 3 * keys))


CASES = [
    Case(
        "windows",
        "one window of each kind in the engine, over live keys, evenly used and by Zipf's law",
        "ns/event",
        "live keys",
        points,
        prepare,
    ),
    Case(
        "window-memory",
        "what one more window takes, on keys that are held already",
        "bytes/key",
        "keys",
        measure=memory,
    ),
]
