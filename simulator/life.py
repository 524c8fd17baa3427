"""Ordinary life as a scenario has it: on busy days more calls, and gifts of money.

Enters: how much busier, a Population. Leaves: `Life.hour(index)`, all ordinary events of an hour in order of time.
Invariant: at the factors' defaults an hour is just simulator.ordinary's.
"""

from __future__ import annotations

import numpy as np

from interceptor.schema import Channel, Kind
from simulator.chance import generator, uniform
from simulator.clock import HOUR_MS, hour_start_ms
from simulator.events import NO_ROWS, Pools, Rows
from simulator.ordinary import Ordinary
from simulator.population import Habit, Population
from simulator.scenario import OrdinaryLife

# The calls on top are those that some of the callers will make in a week, made today as well.
BORROWED_HOURS = 7 * 24
GIFT_YUAN = (66, 88, 100, 168, 200, 200, 500, 600, 666, 800, 888, 1_000)  # [A]
# When gifts are sent, by local hour [A]: after breakfast, at noon, most in the evening.
GIFT_HOURS = np.array([3, 1, 0, 0, 0, 0, 1, 3, 6, 8, 8, 8, 8, 5, 4, 4, 4, 5, 8, 9, 9, 8, 6, 4])


class Life:
    """Makes hours."""

    def __init__(self, plan: OrdinaryLife, population: Population, pools: Pools) -> None:
        self._plan, self._population = plan, population
        self._ordinary = Ordinary(population, pools)
        self._more = Ordinary(population, pools) if plan.calls_factor > 1 else None

    def hour(self, index: int) -> Rows:
        """All ordinary events of hour `index` (0 = the first of day 0)."""
        rows = self._ordinary.hour(index)
        extra = [self._more_calls(index), self._gifts(index)]
        return Rows.merged([rows, *extra]) if any(part.count for part in extra) else rows

    def _more_calls(self, index: int) -> Rows:
        if self._more is None:
            return NO_ROWS
        rows = self._more.calls(index + BORROWED_HOURS)
        luck = uniform(self._population.seed, "calls more", rows.column("source"))
        rows = rows.take(luck < self._plan.calls_factor - 1)
        rows.set(ts_ms=rows.column("ts_ms") - BORROWED_HOURS * HOUR_MS)
        return rows

    def _gifts(self, index: int) -> Rows:
        """Money for people one knows."""
        population, rng = self._population, generator(self._population.seed, "gifts", index)
        per_hour = self._plan.gifts_per_resident * GIFT_HOURS[index % 24] / GIFT_HOURS.sum()
        payer = rng.integers(0, population.people, rng.poisson(per_hour * population.people))
        size = np.diff(population.circle_offsets)[payer]
        payer, size = payer[size > 0], size[size > 0]
        payee = population.circle[population.circle_offsets[payer] + (rng.random(len(payer)) * size).astype(np.int64)]
        amount = rng.choice(np.array(GIFT_YUAN) * 100, len(payer))
        return Rows.of(
            Kind.TRANSFER, hour_start_ms(index) + rng.integers(0, HOUR_MS, len(payer)),
            source=population.account[payee], target=population.number[payer], town=population.town[payer], known=True,
            payer=population.account[payer], amount_fen=amount, typical_fen=population.typical_fen[payer],
            balance_fen=np.maximum(population.balance_fen[payer], amount), channel=Channel.APP,
            tenure_days=population.behaviour.account_tenure_days[payee], habit=Habit.WEDDING_GIFT,
        )  # fmt: skip
