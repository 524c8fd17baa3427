"""The closed loop: a city that lives on while an interceptor acts on it.

Enters: a scenario, how many people and days, a seed; decisions. Leaves: slices of three minutes, losses. Invariant: the
same seed and the same decisions give the same bytes, and ordinary life takes no notice of decisions.

Take a slice, decide it, hand the decisions to `feedback`, take the next. A slice that gets no feedback has passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa

from interceptor.schema import Kind, rule_key
from simulator.ahead import Ahead
from simulator.answers import Answers
from simulator.chance import Draws, generator
from simulator.clock import DAY_0_MS, HOUR_MS, MINUTE_MS, day_start_ms, hour_start_ms
from simulator.events import Pools, Rows, to_frame
from simulator.life import Life
from simulator.officers import Officers, heard_of
from simulator.population import Population, build
from simulator.scams.campaign import Campaign
from simulator.scams.losses import Losses
from simulator.scams.operation import Operation
from simulator.scenario import Scenario
from simulator.towns import town_of_cell

SLICE_MS = 3 * MINUTE_MS


class Decided(Protocol):
    """What is read of the engine's Decisions."""

    @property
    def event_id(self) -> np.ndarray: ...
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


@dataclass(frozen=True, slots=True)
class Slice:
    """Three minutes of the city. `frame` has EVENT_SCHEMA, its rows in order of time; beside it stands the truth.

    campaign int32[n] (-1 = ordinary), step uint8[n] (simulator.scams.chains.Step), habit uint8[n] of the source.
    """

    frame: pa.RecordBatch
    campaign: np.ndarray
    step: np.ndarray
    habit: np.ndarray
    start_ms: int
    end_ms: int


class City:
    """One run."""

    def __init__(
        self, scenario: Scenario, people: int, days: int, seed: int, population: Population | None = None,
        *, centre: bool = False, ahead: Ahead | None = None,
    ) -> None:  # fmt: skip
        """`population`: a city already built from these people and this seed. `centre`: a centre asks for what banks
        and citizens answer; else officers are assumed to do their part by themselves. `ahead`: makes this city's
        ordinary life, and is closed when the run has ended."""
        self.scenario, self.people, self.days, self.seed = scenario, people, days, seed
        self.population = population or build(people, seed)
        self.pools = ahead.pools if ahead else Pools.empty()
        self._ordinary = ahead or Life(scenario.ordinary, self.population, self.pools)
        self._ahead = ahead
        self._operation = Operation(scenario, self.population, self.pools, seed, centre)
        self._officers = Officers(seed, scenario.victims.stopped_by_warning, self._operation.person_of, centre)
        self.answers = Answers(scenario.banks, self._operation, self._officers, seed)
        self._town_of_cell = town_of_cell(generator(self.population.seed, "places"))
        self._end_ms = 0
        self._rows: Rows | None = None
        self._first_id = self._next_id = 1

    @property
    def losses(self) -> Losses:
        """So far."""
        return self._operation.losses

    @property
    def campaigns(self) -> list[Campaign]:
        """Those that have started, in order of their index."""
        return self._operation.campaigns

    @property
    def type_of_campaign(self) -> np.ndarray:
        """i64[campaigns]: position in SCAM_TYPES."""
        return np.array([campaign.type for campaign in self.campaigns], np.int64)

    def slices(self) -> Iterator[Slice]:
        """The run, from its first three minutes to its last."""
        with closing(self._ahead) if self._ahead else nullcontext():
            for hour in range(24 * self.days):
                ordinary, start = self._ordinary.hour(hour), hour_start_ms(hour)
                bounds = np.searchsorted(ordinary.column("ts_ms"), np.arange(start, start + HOUR_MS + 1, SLICE_MS))
                for number, (low, high) in enumerate(pairwise(bounds.tolist())):
                    start_ms = start + number * SLICE_MS
                    yield self._slice(ordinary.cut(low, high), start_ms, start_ms + SLICE_MS)
        self._rows = None
        self._operation.passed()

    def feedback(self, decisions: Decided) -> None:
        """What was decided on the slice taken last; events that aren't among the decisions have passed."""
        rows = self._rows
        at = decisions.event_id.astype(np.int64) - self._first_id
        if rows is None or (len(at) and not 0 <= at.min() <= at.max() < rows.count):
            raise RuntimeError("feedback belongs to the slice taken last, once")
        self._rows = None
        verdict, actions = np.zeros(rows.count, np.uint8), np.zeros(rows.count, np.uint32)
        verdict[at], actions[at] = decisions.verdict, decisions.actions
        self._operation.feedback(rows, verdict, actions, self._first_id)
        of_interest = heard_of(rows, actions, self.seed, centre=self._officers.centre)
        if len(of_interest):
            behind = self._rules_behind(decisions, at, of_interest)
            self._officers.hear(rows.take(of_interest), actions[of_interest], behind, self._end_ms)

    def _rules_behind(self, decisions: Decided, at: np.ndarray, rows: np.ndarray) -> list[int]:
        """rule_key of one of the live rules that hit each of these rows of the slice, 0 = none did."""
        order = np.argsort(at)
        decided = order[np.searchsorted(at, rows, sorter=order)]
        first, last = (np.searchsorted(decisions.hit_row, decided, side) for side in ("left", "right"))
        names, live, luck = decisions.rules, ~decisions.shadow, Draws(self.seed, "rule behind")
        found = []
        for row, start, stop in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
            hits = [rule for rule in decisions.hit_rule[start:stop].tolist() if live[rule]]
            found.append(rule_key(names[hits[int(luck.of(row + self._first_id) * len(hits))]]) if hits else 0)
        return found

    def counterfactual(self) -> Losses:
        """What the same run loses without interception."""
        return unhindered(self.scenario, self.population, self.days, self.seed).losses

    def _slice(self, ordinary: Rows, start_ms: int, end_ms: int) -> Slice:
        rows = Rows.merged([ordinary, *self._operation.parts(start_ms, end_ms), *self._officers.due(end_ms)])
        self._forward(rows)
        rows.set(cell_town=self._town_of_cell[rows.column("cell")])
        self._end_ms = end_ms
        self._first_id, self._next_id = self._next_id, self._next_id + rows.count
        self._rows = rows
        frame = to_frame(rows, self.pools, self._first_id)
        campaign, step, habit = (rows.column(name) for name in ("campaign", "step", "habit"))
        return Slice(frame, campaign, step, habit, start_ms, end_ms)

    def _forward(self, rows: Rows) -> None:
        """Calls to those whose line a scammer has had forwarded show it, whoever calls."""
        if self._operation.forwarded and rows.count:
            reached = np.isin(rows.column("target"), np.array(list(self._operation.forwarded), np.uint64))
            reached &= rows.column("kind") == Kind.CALL
            rows.set(forwarding=rows.column("forwarding") | reached)


def unhindered(scenario: Scenario, population: Population, days: int, seed: int) -> Operation:
    """The campaigns of a run in which everything passes. Ordinary life doesn't react, so it needn't be made."""
    operation = Operation(scenario, population, Pools.empty(), seed)
    for start_ms in range(DAY_0_MS, day_start_ms(days), SLICE_MS):
        operation.rows(start_ms, start_ms + SLICE_MS)
    operation.passed()
    return operation
