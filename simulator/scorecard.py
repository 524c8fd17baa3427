"""What a run was worth: the truth held against the decisions, event by event.

Enters: frames, what the simulator knows of them, decisions. Leaves: a Score. Invariant: every event is counted in
exactly one of four cells of its kind (scam or ordinary, intercepted or not), whatever the slices. Intercepted means
that the verdict is HOLD or BLOCK: a label isn't an interception.

The sums are kept as arrays and made with a few array operations a slice: keeping score costs some hundredths of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from interceptor.schema import GATES, Action, Kind, Status, Verdict
from simulator.scams.chains import Step

ORDINARY = -1  # the campaign of an event that belongs to none
# Takes a line or an account away, beyond the one event
LIMITING = Action.LIMIT | Action.STOP_48H | Action.FREEZE_6M | Action.SANCTION_5Y
_NEVER = np.iinfo(np.int64).max
_IN_GATE = np.isin(np.arange(len(Kind)), GATES)


class Seen(Protocol):
    """What is read of a slice: n events, and the truth about them."""

    @property
    def frame(self) -> pa.RecordBatch: ...
    @property
    def campaign(self) -> np.ndarray: ...
    @property
    def step(self) -> np.ndarray: ...
    @property
    def habit(self) -> np.ndarray: ...


class Decided(Protocol):
    """What is read of the engine's Decisions: n events, m hits of rules, row-major."""

    @property
    def kind(self) -> np.ndarray: ...
    @property
    def status(self) -> np.ndarray: ...
    @property
    def verdict(self) -> np.ndarray: ...
    @property
    def actions(self) -> np.ndarray: ...
    @property
    def hit_row(self) -> np.ndarray: ...
    @property
    def hit_rule(self) -> np.ndarray: ...
    @property
    def rules(self) -> Sequence[str]: ...
    @property
    def shadow(self) -> np.ndarray: ...
    @property
    def ruleset(self) -> str: ...


@dataclass(frozen=True, slots=True)
class GateScore:
    """One gate's four cells. Ratios are None where nothing was there to divide by."""

    events: int
    scam: int
    caught: int
    wrong: int  # ordinary events intercepted

    @property
    def intercepted(self) -> int:
        return self.caught + self.wrong

    @property
    def precision(self) -> float | None:
        return ratio(self.caught, self.intercepted)

    @property
    def recall(self) -> float | None:
        return ratio(self.caught, self.scam)

    @property
    def false_per_100k(self) -> float | None:
        share = ratio(self.wrong, self.events - self.scam)
        return None if share is None else share * 100_000


@dataclass(frozen=True, slots=True)
class TypeScore:
    """Campaigns of one scam type. The median is over those that were caught at least once.

    asked_fen: sum of their victims' payments at the gate, tried again or not; passed_fen: of those not intercepted.
    """

    count: int
    caught: int
    median_minutes: float | None
    asked_fen: int
    passed_fen: int

    @property
    def recall(self) -> float | None:
        return ratio(self.caught, self.count)


@dataclass(frozen=True, slots=True)
class RuleScore:
    """One rule. `catches`: hits on scam events that were intercepted; `held_fen`: sum of scam transfers among them."""

    name: str
    shadow: bool
    hits: int
    true_hits: int
    catches: int
    held_fen: int

    @property
    def precision(self) -> float | None:
        return ratio(self.true_hits, self.hits)


@dataclass(frozen=True, slots=True)
class HabitScore:
    """Ordinary events sent by people of one habit; `touched`: intercepted, or their line or account limited."""

    habit: int
    events: int
    touched: int


@dataclass(frozen=True, slots=True)
class Score:
    """Everything about right and wrong. By town code: `reached`, scam events that got through, and `passed_fen`."""

    events: int
    statuses: dict[str, int]
    gates: dict[Kind, GateScore]
    types: list[TypeScore]
    rules: list[RuleScore]
    by_score_alone: int
    habits: list[HabitScore]
    reached: dict[int, int]
    passed_fen: dict[int, int]
    calls_blocked: int
    people_delayed: int
    lines_limited: int
    held_fen: int


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(slots=True)
class ScoreCard:
    """Add slices in the order of the stream, then ask for `score`."""

    events: int = 0
    held_fen: int = 0
    by_score_alone: int = 0
    calls_blocked: int = 0
    _cells: np.ndarray = field(default_factory=lambda: np.zeros(len(Kind) * 4, np.int64))
    _statuses: np.ndarray = field(default_factory=lambda: np.zeros(len(Status), np.int64))
    _habits: np.ndarray = field(default_factory=lambda: np.zeros((2, 256), np.int64))  # events, touched
    _first_ms: np.ndarray = field(default_factory=lambda: np.full(64, _NEVER))
    _caught_ms: np.ndarray = field(default_factory=lambda: np.full(64, _NEVER))
    _payments_fen: np.ndarray = field(default_factory=lambda: np.zeros((64, 2), np.int64))  # asked, passed
    _delayed: set[int] = field(default_factory=set)
    _limited: set[int] = field(default_factory=set)
    _towns: dict[int, list[int]] = field(default_factory=dict)  # reached, passed_fen
    _rules: _Rules = field(default_factory=lambda: _Rules())

    def add(self, seen: Seen, decided: Decided) -> None:
        """One slice and its decisions, row by row."""
        frame, habit = seen.frame, seen.habit
        scam = seen.campaign != ORDINARY
        intercepted = decided.verdict >= Verdict.HOLD
        self.events += len(scam)
        self._cells += np.bincount(decided.kind * 4 + scam * np.uint8(2) + intercepted, minlength=len(self._cells))
        self._statuses += np.bincount(decided.status, minlength=len(self._statuses))
        self._habits[0] += np.bincount(habit[~scam], minlength=256)
        touched = intercepted | ((decided.actions & np.uint32(LIMITING)) != 0)
        self._add_harm(frame, decided, habit, np.flatnonzero(touched & ~scam))
        at_gate = np.flatnonzero(scam & _IN_GATE[decided.kind])
        if len(at_gate):
            self._add_campaigns(seen, at_gate, intercepted[at_gate])
        held = np.flatnonzero(scam & intercepted & (decided.kind == Kind.TRANSFER))
        amounts = np.zeros(len(scam), np.int64)
        amounts[held] = _column(frame, "amount_fen")[held]
        self.held_fen += int(amounts.sum())
        self.by_score_alone += self._rules.add(decided, scam, intercepted, amounts)

    def _add_harm(self, frame: pa.RecordBatch, decided: Decided, habit: np.ndarray, rows: np.ndarray) -> None:
        """`rows`: ordinary events that were intercepted, or whose source was limited."""
        if not len(rows):
            return
        kind, verdict = decided.kind[rows], decided.verdict[rows]
        self._habits[1] += np.bincount(habit[rows], minlength=256)
        self.calls_blocked += int(np.count_nonzero((kind == Kind.CALL) & (verdict == Verdict.BLOCK)))
        delayed = rows[(kind == Kind.TRANSFER) & (verdict >= Verdict.HOLD)]
        self._delayed.update(_column(frame, "target")[delayed].tolist())
        limited = rows[(decided.actions[rows] & np.uint32(LIMITING)) != 0]
        self._limited.update(_column(frame, "source")[limited].tolist())

    def _add_campaigns(self, seen: Seen, rows: np.ndarray, caught: np.ndarray) -> None:
        """`rows`: scam events at a gate. A campaign begins with the first of them: before, nobody could meet it."""
        ids, ts_ms = seen.campaign[rows], _column(seen.frame, "ts_ms")[rows]
        self._make_room(int(ids.max()) + 1)
        np.minimum.at(self._first_ms, ids, ts_ms)
        np.minimum.at(self._caught_ms, ids[caught], ts_ms[caught])
        pays = seen.step[rows] == Step.PAYMENT
        asked_fen = np.where(pays, _column(seen.frame, "amount_fen")[rows], 0)
        passed_fen = np.where(caught, 0, asked_fen)
        np.add.at(self._payments_fen, ids, np.column_stack([asked_fen, passed_fen]))
        towns, place = np.unique(_column(seen.frame, "town")[rows], return_inverse=True)
        reached = np.bincount(place, ~caught)
        passed = np.bincount(place, passed_fen)
        for town, count, fen in zip(towns.tolist(), reached.tolist(), passed.tolist(), strict=True):
            sums = self._towns.setdefault(town, [0, 0])
            sums[0] += int(count)
            sums[1] += int(fen)

    def _make_room(self, campaigns: int) -> None:
        missing = max(campaigns, 2 * len(self._first_ms)) - len(self._first_ms)
        if campaigns > len(self._first_ms):
            self._first_ms = np.append(self._first_ms, np.full(missing, _NEVER))
            self._caught_ms = np.append(self._caught_ms, np.full(missing, _NEVER))
            self._payments_fen = np.vstack([self._payments_fen, np.zeros((missing, 2), np.int64)])

    @property
    def met(self) -> tuple[int, int]:
        """(campaigns that were caught at least once, campaigns that have begun)."""
        return int(np.count_nonzero(self._caught_ms != _NEVER)), int(np.count_nonzero(self._first_ms != _NEVER))

    def gate(self, kind: Kind) -> GateScore:
        missed_none, wrong, missed, caught = (int(n) for n in self._cells[kind * 4 : kind * 4 + 4])
        return GateScore(missed_none + wrong + missed + caught, missed + caught, caught, wrong)

    def score(self, type_of_campaign: np.ndarray, types: int) -> Score:
        """The sums so far; `type_of_campaign[campaign]` is below `types`."""
        touched = np.flatnonzero(self._habits[0])
        return Score(
            events=self.events,
            statuses={status.name.lower(): int(self._statuses[status]) for status in Status},
            gates={kind: self.gate(kind) for kind in GATES},
            types=[self._type(type_of_campaign == index) for index in range(types)],
            rules=self._rules.scores(),
            by_score_alone=self.by_score_alone,
            habits=[HabitScore(int(h), int(self._habits[0, h]), int(self._habits[1, h])) for h in touched],
            reached={town: sums[0] for town, sums in self._towns.items()},
            passed_fen={town: sums[1] for town, sums in self._towns.items()},
            calls_blocked=self.calls_blocked,
            people_delayed=len(self._delayed),
            lines_limited=len(self._limited),
            held_fen=self.held_fen,
        )

    def _type(self, member: np.ndarray) -> TypeScore:
        """`member` bool[campaigns]: which campaigns to look at; those without an event so far don't count."""
        self._make_room(len(member))
        seen = np.flatnonzero(member & (self._first_ms[: len(member)] != _NEVER))
        caught = seen[self._caught_ms[seen] != _NEVER]
        waits_ms = self._caught_ms[caught] - self._first_ms[caught]
        median = float(np.median(waits_ms)) / 60_000 if len(caught) else None
        asked_fen, passed_fen = (int(fen) for fen in self._payments_fen[seen].sum(axis=0))
        return TypeScore(len(seen), len(caught), median, asked_fen, passed_fen)


@dataclass(slots=True)
class _Rules:
    """Sums by rule. A rule set may change in mid-run, so sums are kept by name."""

    ruleset: str = ""
    shadow: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    index: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))  # position in a Decisions → row of sums
    of: dict[tuple[str, bool], int] = field(default_factory=dict)
    sums: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.int64))  # hits, true, catches, held_fen

    def add(self, decided: Decided, scam: np.ndarray, intercepted: np.ndarray, held_fen: np.ndarray) -> int:
        """Number of events that were intercepted with no live rule's hit on them: by the score of earlier hits."""
        if decided.ruleset != self.ruleset:
            self._learn(decided)
        if not len(decided.hit_rule):
            return int(np.count_nonzero(intercepted))
        row, rule = decided.hit_row, self.index[decided.hit_rule]
        true, count = scam[row], len(self.sums)
        self.sums[:, 0] += np.bincount(rule, minlength=count)
        self.sums[:, 1] += np.bincount(rule[true], minlength=count)
        self.sums[:, 2] += np.bincount(rule[true & intercepted[row]], minlength=count)
        # bincount adds as float64: exact below 2**53 fen, 90 thousand billion yuan a slice
        self.sums[:, 3] += np.bincount(rule, held_fen[row], minlength=count).astype(np.int64)
        unexplained = intercepted.copy()
        unexplained[row[~self.shadow[decided.hit_rule]]] = False
        return int(np.count_nonzero(unexplained))

    def _learn(self, decided: Decided) -> None:
        self.ruleset, self.shadow = decided.ruleset, decided.shadow
        keys = list(zip(decided.rules, self.shadow.tolist(), strict=True))
        for key in keys:
            self.of.setdefault(key, len(self.of))
        self.index = np.array([self.of[key] for key in keys], np.intp)
        self.sums = np.vstack([self.sums, np.zeros((len(self.of) - len(self.sums), 4), np.int64)])

    def scores(self) -> list[RuleScore]:
        return [RuleScore(name, shadow, *(int(n) for n in self.sums[at])) for (name, shadow), at in self.of.items()]


def _column(frame: pa.RecordBatch, name: str) -> np.ndarray:
    return frame.column(name).to_numpy()
