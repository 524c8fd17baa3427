"""Ordinary life of the city, hour by hour.

Enters: a Population and pools of strings. Leaves: `Ordinary.hour(index)`, all events of an hour in order of time.
Invariant: an hour is a function of population and index, whatever was asked before; calls end in the hour in which they
end.

Life takes no notice of interception, so that hours can be made ahead.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from simulator.chance import generator
from simulator.clock import HOUR_MS, hour_index, hour_start_ms
from simulator.events import Pools, Rows
from simulator.hosts import usual_hosts
from simulator.institutions import directory
from simulator.lookalikes import plan
from simulator.messages import Messages
from simulator.payments import Payments
from simulator.phone_calls import DUR_MAX_S, RING_MAX_S, PhoneCalls
from simulator.population import Population
from simulator.scene import Scene
from simulator.texts import ordinary_texts
from simulator.today import Day, Hour, day_of, hour_of
from simulator.visits import Visits

# No call reaches over more hours than this.
HOURS_SPANNED = -(-(DUR_MAX_S + RING_MAX_S) * 1_000 // HOUR_MS)


class Ordinary:
    """Makes hours. Keeps the last few hours' calls and days' plans, since their ends are still to come."""

    def __init__(self, population: Population, pools: Pools, seed: int | None = None) -> None:
        self._population = population
        seed = population.seed if seed is None else seed
        hosts = usual_hosts(pools, seed)
        texts = ordinary_texts(generator(seed, "texts"), pools, population.people)
        self.directory = directory(seed)
        self.texts = texts
        self._calls = PhoneCalls(population)
        self._messages = Messages(population, texts, self.directory, hosts)
        self._visits = Visits(population, pools, hosts)
        self._payments = Payments(population, self.directory)
        self._days: OrderedDict[int, Day] = OrderedDict()
        self._plans: OrderedDict[int, Rows] = OrderedDict()
        self._made: OrderedDict[int, tuple[list[Rows], dict[int, list[Rows]]]] = OrderedDict()

    def hour(self, index: int) -> Rows:
        """All events of hour `index` (0 = the first of day 0)."""
        hour = hour_of(self._day(index // 24), index)
        parts = self.calls_parts(index)
        parts += self._messages.of(hour) + self._visits.of(hour) + self._payments.of(hour)
        parts += [_within(self._plan(day), index) for day in (index // 24 - 1, index // 24) if day >= 0]
        return Rows.merged(parts)

    def calls(self, index: int) -> Rows:
        """CALL and CALL_END of hour `index`, look-alikes left out."""
        return Rows.merged(self.calls_parts(index))

    def calls_parts(self, index: int) -> list[Rows]:
        """The hour's calls, and the ends that fall into it of those set up in it or before."""
        parts = list(self._set_up(index)[0])
        for earlier in range(max(0, index - HOURS_SPANNED), index + 1):
            parts += self._set_up(earlier)[1].get(index, [])
        return parts

    def _set_up(self, index: int) -> tuple[list[Rows], dict[int, list[Rows]]]:
        """(calls set up in an hour, their ends by the hour in which they fall)."""
        if index not in self._made:
            calls = self._calls.of(hour_of(self._day(index // 24), index))
            ends: dict[int, list[Rows]] = {}
            for one in calls:
                at_hour = hour_index(one.ends_ms())  # far below 0 for calls that nobody answers
                for hour in range(index, index + HOURS_SPANNED + 1):
                    ends.setdefault(hour, []).append(one.ends(np.flatnonzero(at_hour == hour)))
            _keep(self._made, index, ([one.rows for one in calls], ends), HOURS_SPANNED + 2)
        return self._made[index]

    def _day(self, index: int) -> Day:
        if index not in self._days:
            _keep(self._days, index, day_of(self._population, index), 2)
        return self._days[index]

    def _plan(self, day: int) -> Rows:
        if day not in self._plans:
            scene = Scene(self._day(day), self._messages, self._payments, self.directory, self.texts)
            _keep(self._plans, day, plan(scene), 2)
        return self._plans[day]


def _within(rows: Rows, hour: int) -> Rows:
    """Rows of one hour, of rows in order of time."""
    if not rows.count:
        return rows
    bounds = np.searchsorted(rows.column("ts_ms"), [hour_start_ms(hour), hour_start_ms(hour + 1)])
    return rows.cut(int(bounds[0]), int(bounds[1]))


def _keep(store: OrderedDict, key: int, value: object, most: int) -> None:  # type: ignore[type-arg]
    store[key] = value
    while len(store) > most:
        store.popitem(last=False)


__all__ = ["Hour", "Ordinary"]
