"""What one rule set made of one recording: what backtests, comparisons and overlaps are counted from.

Enters: a recording and a rule set. Leaves: an Outcome, columns over the events that matter. Invariant: an event that
isn't in it passed, hit no rule and belongs to no campaign; so the outcome of ten million events takes a few dozen MB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import NamedTuple

import numpy as np
from typing_extensions import override

from interceptor.chunk import Chunk, Views
from interceptor.decisions import Decisions
from interceptor.engine import Engine
from interceptor.hits import Hits
from interceptor.observer import Observer
from interceptor.recording import Recording
from interceptor.rules import RuleSet
from interceptor.rules.names import DAY_MS, LOCAL_TIME_MS
from interceptor.schema import GATES, Kind, Status, Verdict
from interceptor.scores import Points
from interceptor.tuning.replay import FRAME_ROWS, ahead
from interceptor.tuning.tables import progress_bar
from simulator.city import Slice
from simulator.scams.chains import Step
from simulator.scorecard import ORDINARY

WARM_UP_ROWS = 1 << 13
OUTSIDE = "outside"
_IN_GATE = np.isin(np.arange(len(Kind)), GATES)


class Entries(NamedTuple):
    """Rules at events, sorted by event, then rule: `at` int64[m] (position among the outcome's events), rule int32[m]
    (position in the rule set), points float64[m]: what the rule adds to the score there; empty for hits."""

    at: np.ndarray
    rule: np.ndarray
    points: np.ndarray

    def of(self, chosen: np.ndarray) -> Entries:
        """The entries of some events (bool[k]), which are numbered anew."""
        kept, place = chosen[self.at], np.cumsum(chosen) - 1
        points = self.points[kept] if len(self.points) else self.points
        return Entries(place[self.at[kept]], self.rule[kept], points)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of n events the k that hit a rule, didn't simply pass, or belong to a campaign, in the recorded order.

    Columns of length k: row int64 (of the recording), event_id, source uint64, kind, verdict, status, step uint8,
    actions uint32, ts_ms, amount_fen int64, campaign int32. `counts` int64[kinds, 2, verdicts]: all n events, ordinary
    and scam. `ns`: what the engine took, by section and name of its laps.
    """

    ruleset: str
    events: int
    days: int
    has_truth: bool
    counts: np.ndarray
    columns: dict[str, np.ndarray]
    hits: Entries
    source: Entries
    target: Entries
    ns: dict[tuple[str, str], int]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["row"])

    @property
    def scam(self) -> np.ndarray:
        """bool[k]"""
        return self["campaign"] != ORDINARY

    @property
    def stopped(self) -> np.ndarray:
        """bool[k]: held or blocked, as the score card counts it."""
        return self["verdict"] >= Verdict.HOLD

    @property
    def at_gate(self) -> np.ndarray:
        """bool[k]"""
        return _IN_GATE[self["kind"]]

    @property
    def payments_fen(self) -> np.ndarray:
        """int64[k]: what victims pay, 0 for all other events. Mules passing it on aren't counted again."""
        return np.where(self.scam & (self["step"] == Step.PAYMENT), self["amount_fen"], 0)

    @property
    def day(self) -> np.ndarray:
        """int64[k]: the local day."""
        return local_day(self["ts_ms"])

    @property
    def engine_ns(self) -> int:
        """What the engine took for all events."""
        return sum(ns for (section, _), ns in self.ns.items() if section != OUTSIDE)


def local_day(ts_ms: np.ndarray) -> np.ndarray:
    return (ts_ms + LOCAL_TIME_MS) // DAY_MS


def decided(recording: Recording, rule_set: RuleSet) -> Outcome:
    """Decides the whole recording, with a bar on the terminal. Raises RecordingError."""
    with progress_bar() as bar:
        task = bar.add_task("Deciding", total=recording.events)
        return outcome_of(recording, rule_set, lambda events: bar.advance(task, events))


def outcome_of(recording: Recording, rule_set: RuleSet, advance: Callable[[int], object]) -> Outcome:
    """Decides the whole recording. `advance` is told how many events were decided, again and again."""
    watch = Watch()
    engine, gathering = Engine(rule_set, observer=watch), _Gathering()
    for number, taken in enumerate(ahead(recording.slices(FRAME_ROWS))):
        if number == 0:  # kernels are loaded from disk on first use: nobody's cost here
            Engine(rule_set).decide(taken.frame.slice(0, WARM_UP_ROWS))
        decisions = engine.decide(taken.frame)
        gathering.add(taken, decisions, watch.taken())
        advance(taken.frame.num_rows)
    return gathering.outcome(rule_set.hash, recording.has_truth, dict(watch.ns))


Seen = list[tuple[Points, Points]]  # of the chunks of a batch, in order; source and target


class Watch(Observer):
    """Times the engine's laps, in ns; keeps what each rule adds to the scores of a batch until that is taken."""

    wants_points = True
    wants_parts_apart = True

    def __init__(self) -> None:
        self.ns: dict[tuple[str, str], int] = defaultdict(int)
        self._last = perf_counter_ns()
        self._seen: Seen = []

    @override
    def lap(self, section: str, name: str) -> None:
        now = perf_counter_ns()
        self.ns[section, name] += now - self._last
        self._last = now

    @override
    def saw(self, start: int, chunk: Chunk, views: Views, hits: Hits, source: Points, target: Points) -> None:
        self._seen.append((source, target))

    def taken(self) -> Seen:
        """The points since the last call."""
        seen, self._seen = self._seen, []
        return seen


_FROM_FRAME = ("source", "amount_fen")
_FROM_DECISIONS = ("event_id", "kind", "ts_ms", "status", "verdict", "actions")
_FROM_TRUTH = ("campaign", "step")


@dataclass(slots=True)
class _Gathering:
    """An outcome in the making."""

    events: int = 0
    kept: int = 0
    counts: np.ndarray = field(default_factory=lambda: np.zeros(len(Kind) * 2 * len(Verdict), np.int64))
    days: list[int] = field(default_factory=list)
    columns: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    entries: tuple[list[Entries], ...] = field(default_factory=lambda: ([], [], []))

    def add(self, taken: Slice, decided: Decisions, seen: Seen) -> None:
        scam = taken.campaign != ORDINARY
        cells = (decided.kind * np.uint8(2) + scam) * np.uint8(len(Verdict)) + decided.verdict
        self.counts += np.bincount(cells, minlength=len(self.counts))
        matters = scam | (decided.verdict != Verdict.PASS)
        matters[decided.hit_row] = True
        rows = np.flatnonzero(matters)
        self.columns["row"].append(rows + self.events)
        for name in _FROM_FRAME:
            self.columns[name].append(taken.frame.column(name).to_numpy()[rows])
        for name in _FROM_DECISIONS:
            self.columns[name].append(getattr(decided, name)[rows])
        for name in _FROM_TRUTH:
            self.columns[name].append(getattr(taken, name)[rows])
        hits = Entries(decided.hit_row, decided.hit_rule, np.zeros(0))
        found = (hits, *(_joined([chunk[side] for chunk in seen]) for side in (0, 1)))
        for entries, more in zip(self.entries, found, strict=True):
            of_kept = more.of(matters)
            entries.append(of_kept._replace(at=of_kept.at + self.kept))
        told = decided.ts_ms[decided.status == Status.OK]  # the time that others give counts for nothing
        self.days += local_day(told[[0, -1]]).tolist() if len(told) else []
        self.events += len(scam)
        self.kept += len(rows)

    def outcome(self, ruleset: str, has_truth: bool, ns: dict[tuple[str, str], int]) -> Outcome:
        names = ("row", *_FROM_FRAME, *_FROM_DECISIONS, *_FROM_TRUTH)
        columns = {name: _concatenated(self.columns[name]) for name in names}
        hits, source, target = (
            Entries(*(_concatenated([getattr(part, name) for part in parts]) for name in Entries._fields))
            for parts in self.entries
        )
        counts = self.counts.reshape(len(Kind), 2, len(Verdict))
        days = self.days[-1] - self.days[0] + 1 if self.days else 1
        return Outcome(ruleset, self.events, max(1, days), has_truth, counts, columns, hits, source, target, ns)


def _joined(chunks: Sequence[Points]) -> Entries:
    """The points of consecutive chunks, over the batch."""
    if not chunks:
        return Entries(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0))
    each = np.concatenate([np.diff(points.offsets) for points in chunks])
    at = np.repeat(np.arange(len(each)), each)
    return Entries(at, *(np.concatenate([getattr(points, name) for points in chunks]) for name in ("rule", "points")))


def _concatenated(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def live(rule_set: RuleSet) -> np.ndarray:
    """bool[rules]"""
    return np.array([rule.mode == "live" for rule in rule_set.rules], bool)


def blocks(outcome: Outcome, rules: int, rows: int = 1 << 16) -> Iterator[np.ndarray]:
    """Which rule hit which event, as bool[rows, rules], for some events after the others."""
    for start in range(0, len(outcome), rows):
        first, last = np.searchsorted(outcome.hits.at, [start, start + rows])
        hit = np.zeros((min(rows, len(outcome) - start), rules), bool)
        hit[outcome.hits.at[first:last] - start, outcome.hits.rule[first:last]] = True
        yield hit
