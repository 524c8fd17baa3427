"""Calls between people: within circles, and with strangers.

Enters: an Hour. Leaves: the calls set up in it, each with ring and duration. Invariant: who calls whom and how often
follows Population.circle and Behaviour, that is the quantiles of real lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interceptor.schema import Kind, Trunk
from simulator.clock import weekday
from simulator.events import Rows
from simulator.lines import WEEKDAY_FACTOR, hourly_profile
from simulator.population import Habit, Population
from simulator.today import Day, Hour

# [A]: about 70 % of all calls; SOURCES.md B5 has 24 % for unknown numbers abroad.
ANSWER_KNOWN, ANSWER_STRANGER = 0.72, 0.45
RING_MIN_S, RING_MAX_S = 3, 28  # until answered [A]
DUR_MAX_S = 10_000  # the file's longest calls: 6,100 s at its 99 %, fraud 8,500 s
STRANGER_DUR_FACTOR = 0.7  # strangers talk shorter [A]
# Calls with strangers that come from, and go to, other cities [A].
STRANGER_FROM_OUTSIDE, STRANGER_TO_OUTSIDE = 0.2, 0.2
# A line's calls mix its own habit with its partners', which spreads medians and lowers them; corrected so that the
# file's quantiles come out (tests/test_lines.py) [A].
SIGMA_WITHIN, OWN_PART, LONGER = 0.93, 0.92, 0.08
# Look-alikes' calls come on top: the ordinary ones are that much fewer than the file's [A].
PACE = 0.93


@dataclass(slots=True)
class Calls:
    """Calls set up, and how each went on."""

    rows: Rows
    dur_s: np.ndarray  # 0 = not answered
    ring_s: np.ndarray

    def ends_ms(self) -> np.ndarray:
        """When each call ends, 0 if it isn't answered."""
        talk_ms = (self.ring_s + self.dur_s).astype(np.int64) * 1000
        return np.where(self.dur_s > 0, self.rows.column("ts_ms") + talk_ms, 0)

    def ends(self, which: np.ndarray | None = None) -> Rows:
        """The CALL_END of each answered call, or of those picked by index."""
        answered = np.flatnonzero(self.dur_s) if which is None else which
        rows = self.rows.take(answered)
        dur_s = self.dur_s[answered]
        ts_ms = rows.column("ts_ms") + (self.ring_s[answered] + dur_s).astype(np.int64) * 1000
        rows.set(kind=Kind.CALL_END, ts_ms=ts_ms, dur_s=dur_s)
        return rows


def call_rows(
    day: Day, caller: np.ndarray, callee: np.ndarray, ts_ms: np.ndarray, /, **given: np.ndarray | int | bool
) -> Rows:
    """CALL rows between parties. `given` replaces or adds columns."""
    population = day.population
    columns: dict[str, np.ndarray | int | bool] = {
        "source": population.number[caller],
        "target": population.number[callee],
        "town": population.town[callee],
        "registered": population.registered[caller],
        "tenure_days": day.tenure_days[caller],
        "idle_days": day.idle_days[caller],
        "trunk": np.where(caller < population.people, Trunk.LOCAL, Trunk.INTERPROVINCIAL),
        "line_kind": population.line_kind[caller],
        "forwarding": population.behaviour.forwarding[callee],
        "cell": population.cell[caller],
        "imei": day.imei[caller],
        "imsi": population.imsi[caller],
        "habit": population.habit[caller],
    }
    return Rows.of(Kind.CALL, ts_ms, **(columns | given))


def draw_parties(rng: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    """A Poisson number of parties in ascending order, each party as often as its rate says."""
    return draw_parties_and_places(rng, rates)[0]


def draw_parties_and_places(rng: np.random.Generator, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same, and for each draw a uniform place in [0, 1), in ascending order among the draws of one party."""
    running = np.cumsum(rates, dtype=np.float64)
    count = int(rng.poisson(running[-1]))
    # Sums of exponentials, scaled, are uniform draws already sorted: looking them up stays in the cache.
    aims = np.cumsum(rng.standard_exponential(count + 1))
    aims *= running[-1] / aims[-1]
    found = np.minimum(np.searchsorted(running, aims[:-1], side="right"), len(rates) - 1)
    place = 1.0 - (running[found] - aims[:-1]) / rates[found]
    return found, np.clip(place, 0.0, 1.0)


def answered(rng: np.random.Generator, chance: np.ndarray | float, dur_s: np.ndarray) -> np.ndarray:
    """Durations, 0 where nobody answers."""
    luck = rng.random(len(dur_s), dtype=np.float32)
    return np.where(luck < chance, np.clip(dur_s, 1, DUR_MAX_S), 0).astype(np.uint32)


def ring(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(RING_MIN_S, RING_MAX_S, count, dtype=np.uint32)


class PhoneCalls:
    """Draws the bulk of all calls, hour by hour."""

    def __init__(self, population: Population) -> None:
        self._population = population
        behaviour = population.behaviour
        self._profile = hourly_profile("normal")
        awake = sum((behaviour.waking >> np.uint32(h) & np.uint32(1)) * self._profile[h] for h in range(24))
        self._per_awake = 1.0 / np.maximum(awake, 1e-3)
        self._dur_middle = float(behaviour.dur_ln[: population.people].mean())
        inside = np.arange(population.parties) < population.people
        shares = behaviour.stranger_share
        strangers = np.where(inside, population.out_per_day * shares, 0.0)
        outside = strangers.sum() * STRANGER_FROM_OUTSIDE / (~inside).sum()
        self._strangers_out = np.where(inside, strangers * self._per_awake, outside)
        self._strangers_in = np.where(inside, population.in_per_day * shares, 0.0)

    def of(self, hour: Hour) -> list[Calls]:
        return [self._circle_calls(hour), self._stranger_calls(hour)]

    def _pace(self, hour: Hour) -> float:
        return float(PACE * self._profile[hour.of_day] * WEEKDAY_FACTOR[weekday(hour.day.index)])

    def _circle_calls(self, hour: Hour) -> Calls:
        population, rng = self._population, hour.rng("circle calls")
        rates = np.where(hour.awake, population.behaviour.circle_calls * self._per_awake, 0.0) * self._pace(hour)
        caller, place = draw_parties_and_places(rng, rates)
        callee = called(population, caller, place)
        reached = hour.awake[callee]
        caller, callee = caller[reached], callee[reached]
        rows = call_rows(hour.day, caller, callee, hour.times(rng, len(caller)), cell=hour.cell[caller], known=True)
        dur_s = self._durations(rng, caller, callee)
        return Calls(rows, answered(rng, ANSWER_KNOWN, dur_s), ring(rng, len(caller)))

    def _stranger_calls(self, hour: Hour) -> Calls:
        population, rng = self._population, hour.rng("stranger calls")
        caller = draw_parties(rng, np.where(hour.awake, self._strangers_out, 0.0) * self._pace(hour))
        callee = _aimed(rng, np.where(hour.awake, self._strangers_in, 0.0), len(caller))
        away = (rng.random(len(caller)) < STRANGER_TO_OUTSIDE) & (caller < population.people)
        callee = np.where(away, rng.integers(population.people, population.parties, len(caller)), callee)
        apart = caller != callee
        caller, callee = caller[apart], callee[apart]
        habit = np.where(population.habit[caller] == Habit.ORDINARY, Habit.STRANGER, population.habit[caller])
        ts_ms = hour.times(rng, len(caller))
        rows = call_rows(hour.day, caller, callee, ts_ms, cell=hour.cell[caller], known=False, habit=habit)
        dur_s = self._durations(rng, caller, callee) * STRANGER_DUR_FACTOR
        return Calls(rows, answered(rng, ANSWER_STRANGER, dur_s), ring(rng, len(caller)))

    def _durations(self, rng: np.random.Generator, caller: np.ndarray, callee: np.ndarray) -> np.ndarray:
        """Both ends have a say in how long they talk, so that each line keeps its own median."""
        behaviour = self._population.behaviour
        off_middle = behaviour.dur_ln[caller] + behaviour.dur_ln[callee] - 2 * self._dur_middle
        middle = self._dur_middle + LONGER + OWN_PART * off_middle
        sigma = (behaviour.dur_sigma[caller] + behaviour.dur_sigma[callee]) * np.float32(SIGMA_WITHIN / 2)
        return np.asarray(np.exp(middle + sigma * rng.standard_normal(len(caller), dtype=np.float32)))


def called(population: Population, caller: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Whom each caller calls; `place` in [0, 1) picks one of the circle by how often it is called."""
    reach = population.behaviour.circle_reach
    low, high = population.circle_offsets[caller], population.circle_offsets[caller + 1] - 1
    # A binary search in all rows at once: rows are short, and a row is a few cache lines.
    for _ in range(int(np.diff(population.circle_offsets).max()).bit_length()):
        middle = (low + high) >> 1
        beyond = reach[middle] <= place
        low, high = np.where(beyond, middle + 1, low), np.where(beyond, high, middle)
    return population.circle[np.minimum(low, high)]


def _aimed(rng: np.random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    """`count` parties, each by its weight, in random order."""
    running = np.cumsum(weights)
    if running[-1] == 0:
        return rng.integers(0, len(weights), count)
    return np.searchsorted(running, rng.random(count) * running[-1], side="right").clip(max=len(weights) - 1)
