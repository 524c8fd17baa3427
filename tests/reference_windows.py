"""Windows of the reference engine: what one feature remembers, in plain lists.

Enters: one event at a time. Leaves: the feature's value. Invariant: as in reference.py, nothing comes from the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interceptor.rules.model import FeatureDef, StepDef

if TYPE_CHECKING:
    from tests.reference import Names

NEVER = 10**15
PANES = 12
PANES_OF_SUMS = 6
NEIGHBOURS_MAX = 16
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FOREVER = 10**18
# A name with its unit: the column, and how its value becomes ms or yuan.
MEASURES: dict[str, tuple[str, Callable[[int], float]]] = {
    "tenure": ("tenure_days", lambda days: days * DAY_MS),
    "idle": ("idle_days", lambda days: days * DAY_MS),
    "host_age": ("host_age_h", lambda hours: hours * HOUR_MS),
    "dur": ("dur_s", lambda seconds: seconds * 1_000),
    "amount": ("amount_fen", lambda fen: fen / 100),
    "typical": ("typical_fen", lambda fen: fen / 100),
    "balance": ("balance_fen", lambda fen: fen / 100),
}


class Window:
    """What one feature remembers. OK events of its kinds, with a key, update it where its condition holds."""

    nothing: Any = 0

    def __init__(self, feature: FeatureDef) -> None:
        self.feature, self.within = feature, feature.within

    def take(self, key: int, ts_ms: int, names: Names, accepted: bool) -> Any:
        if accepted and matches(self.feature, names):
            self.update(key, ts_ms, names.value_of(self.feature))

    def update(self, key: int, ts_ms: int, value: Any) -> None: ...

    def read(self, key: int, ts_ms: int) -> Any: ...


class Paned(Window):
    """Time in panes. Per key the values of all updates; those in the last panes up to the newest one are looked at."""

    def __init__(self, feature: FeatureDef) -> None:
        super().__init__(feature)
        self.panes = PANES_OF_SUMS if feature.window == "sum" else PANES
        self.pane_ms = -(-feature.within // self.panes)
        self.heads: dict[int, int] = {}
        self.updates: dict[int, list[tuple[int, Any]]] = {}

    def update(self, key: int, ts_ms: int, value: Any) -> None:
        pane = ts_ms // self.pane_ms
        self.heads[key] = max(self.heads.get(key, pane), pane)
        # What is too old for the head is never looked at again: forgetting it only saves time.
        oldest = self.heads[key] - self.panes
        self.updates[key] = [one for one in (*self.updates.get(key, ()), (pane, value)) if one[0] > oldest]

    def read(self, key: int, ts_ms: int) -> float:
        last = max(self.heads.get(key, -FOREVER), ts_ms // self.pane_ms)
        values = [value for pane, value in self.updates.get(key, ()) if last - self.panes < pane <= last]
        if self.feature.window == "distinct":
            return len(set(values) - {0})
        if self.feature.window == "ratio":
            return sum(values) / len(values) if values else 0.0
        return sum(values)


class SinceLast(Window):
    nothing = NEVER

    def __init__(self, feature: FeatureDef) -> None:
        super().__init__(feature)
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}

    def running(self, key: int, ts_ms: int) -> bool:
        return key in self.last and ts_ms - self.last[key] <= self.within

    def update(self, key: int, ts_ms: int, _: Any) -> None:
        if not self.running(key, ts_ms):
            self.first[key] = ts_ms
        self.last[key] = max(self.last.get(key, ts_ms), ts_ms)

    def read(self, key: int, ts_ms: int) -> int:
        return max(0, ts_ms - self.last[key]) if self.running(key, ts_ms) else NEVER


class SinceFirst(SinceLast):
    """Since the first of a row of events with no gap longer than `within`."""

    def read(self, key: int, ts_ms: int) -> int:
        return max(0, ts_ms - self.first[key]) if self.running(key, ts_ms) else NEVER


class Sequential(Window):
    """How many events in a row went to a number close to the one before: per key (number, time, run)."""

    def __init__(self, feature: FeatureDef) -> None:
        super().__init__(feature)
        self.states: dict[int, tuple[int, int, int]] = {}

    def update(self, key: int, ts_ms: int, value: Any) -> None:
        earlier, last_ms, run = self.states.get(key, (0, -FOREVER, 0))
        if ts_ms - last_ms > self.within:
            run = 1
        elif 0 < abs(value - earlier) <= NEIGHBOURS_MAX:
            run += 1
        elif value != earlier:
            run = 1
        self.states[key] = value, max(last_ms, ts_ms), run

    def read(self, key: int, ts_ms: int) -> int:
        _, last_ms, run = self.states.get(key, (0, -FOREVER, 0))
        return run if ts_ms - last_ms <= self.within else 0


class Sequence(Window):
    """Per key, start[i] = when a chain that has got as far as step i began; steps are counted from 1."""

    def __init__(self, feature: FeatureDef) -> None:
        super().__init__(feature)
        self.steps = feature.sequence or []
        self.starts: dict[int, dict[int, int]] = {}

    def take(self, key: int, ts_ms: int, names: Names, accepted: bool) -> bool:
        start, unless, count = self.starts.setdefault(key, {}), self.feature.unless, len(self.steps)
        if accepted and unless is not None and matches(unless, names):
            start.clear()

        def running(i: int) -> bool:
            return i in start and 0 <= ts_ms - start[i] <= self.within

        fits = {i: matches(step, names) for i, step in enumerate(self.steps, 1)}
        completed = fits[count] and running(count - 1)
        if accepted:
            for i in range(count - 1, 1, -1):
                if fits[i] and running(i - 1):
                    start[i] = max(start.get(i, -FOREVER), start[i - 1])
            if fits[1]:
                start[1] = max(start.get(1, -FOREVER), ts_ms)
        return bool(completed)


WINDOWS = {"since_last": SinceLast, "since_first": SinceFirst, "sequential": Sequential, "sequence": Sequence}


def matches(part: FeatureDef | StepDef, names: Names) -> bool:
    """Whether an event is of the kinds of a feature or step, and its `where` holds."""
    return names.facts["kind_number"] in (part.on or []) and (part.where is None or names.true(part.where))


def with_unit(feature: FeatureDef, value: Any) -> Any:
    return MEASURES[feature.sum][1](value) if feature.sum else value
