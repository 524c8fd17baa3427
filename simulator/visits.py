"""Visits to sites in an ordinary hour.

Enters: an Hour. Leaves: WEB rows. Invariant: no host is visited before its birth; `source` is the host's number.
"""

from __future__ import annotations

import numpy as np

from interceptor.schema import Kind
from simulator.events import Pools, Rows
from simulator.hosts import Hosts, fresh_hosts, usual_hosts
from simulator.phone_calls import draw_parties
from simulator.population import Habit, Population
from simulator.today import Hour

# Visits that pass the gate, per resident and day [A]: first requests to a site, not page views.
VISITS_PER_DAY = 2.7
SMALL_SITE_SHARE = 0.006  # to a new site of some person or shop [A]
APK_SHARE = 0.001  # fetch an app outside a store [A]: makers' own sites, small tools
APK_SMALL_SHARE = 0.01  # … of visits to small sites
ASKS_CARD_SHARE, ASKS_CODE_SHARE = 0.05, 0.25  # of visits to sites that have such forms at all
KNOWN_SHARE, KNOWN_SMALL_SHARE = 0.75, 0.15  # visited before
# When people are online, by local hour [A]: little sleep, noon and evening peaks.
HOURS = np.array([2, 1, 0.6, 0.4, 0.4, 0.8, 2, 3.5, 4.5, 5, 5, 5, 6, 5.5, 4.5, 4.5, 4.5, 5, 5.5, 6.5, 7.5, 7.5, 6, 4])
YOUNG_FACTOR, OLD_FACTOR = 1.2, 0.35  # below 45, from 65


class Visits:
    """Draws visits, hour by hour."""

    def __init__(self, population: Population, pools: Pools, hosts: Hosts | None = None) -> None:
        self._population, self._pools = population, pools
        self._hosts = hosts or usual_hosts(pools, population.seed)
        self._running = np.cumsum(self._hosts.weight)
        age = population.age[: population.people]
        rate = np.where(age < 45, YOUNG_FACTOR, np.where(age < 65, 1.0, OLD_FACTOR))
        self._rate = rate / rate.mean() * VISITS_PER_DAY
        self._fresh: tuple[int, Hosts] | None = None

    def of(self, hour: Hour) -> list[Rows]:
        return [self._usual(hour), self._small(hour)]

    def _usual(self, hour: Hour) -> Rows:
        rng = hour.rng("visits")
        visitor = draw_parties(rng, self._rate * self._pace(hour) * (1 - SMALL_SITE_SHARE))
        which = np.searchsorted(self._running, rng.random(len(visitor)) * self._running[-1], side="right")
        apk = rng.random(len(visitor), dtype=np.float32) < APK_SHARE
        habit = np.where(apk, Habit.APP_FETCHER, Habit.ORDINARY)
        return self._rows(hour, rng, self._hosts, which, visitor, KNOWN_SHARE, apk, habit)

    def _small(self, hour: Hour) -> Rows:
        rng, hosts = hour.rng("small sites"), self._fresh_hosts(hour.day.index)
        # One more than the draw, so that small cities have them every hour.
        visitor = draw_parties(rng, self._rate * self._pace(hour) * SMALL_SITE_SHARE)
        visitor = np.append(visitor, rng.integers(0, self._population.people))
        running = np.cumsum(np.where(hosts.born_h <= hour.index, hosts.weight, 0.0))
        which = np.searchsorted(running, rng.random(len(visitor)) * running[-1], side="right")
        apk = rng.random(len(visitor), dtype=np.float32) < APK_SMALL_SHARE
        habit = np.where(apk, Habit.APP_FETCHER, Habit.SMALL_SITE)
        return self._rows(hour, rng, hosts, which, visitor, KNOWN_SMALL_SHARE, apk, habit)

    def _rows(
        self, hour: Hour, rng: np.random.Generator, hosts: Hosts, which: np.ndarray, visitor: np.ndarray,
        known: float, apk: np.ndarray, habit: np.ndarray,
    ) -> Rows:  # fmt: skip
        count = len(visitor)
        luck = rng.random(count, dtype=np.float32)
        age_h = hosts.age_h(which, hour.index)
        return Rows.of(
            Kind.WEB, hour.times(rng, count), source=hosts.number[which], target=self._population.number[visitor],
            town=self._population.town[visitor], known=rng.random(count, dtype=np.float32) < known,
            address=hosts.address[which], registered=hosts.registered[which],
            tenure_days=np.minimum(age_h // 24, 60_000), host=hosts.pool[which], host_age_h=age_h, apk=apk,
            asks_card=hosts.asks_card[which] & (luck < ASKS_CARD_SHARE),
            asks_code=hosts.asks_code[which] & (luck < ASKS_CODE_SHARE), habit=habit,
        )  # fmt: skip

    def _pace(self, hour: Hour) -> float:
        return float(HOURS[hour.of_day] / HOURS.sum())

    def _fresh_hosts(self, day: int) -> Hosts:
        if self._fresh is None or self._fresh[0] != day:
            self._fresh = (day, fresh_hosts(self._pools, self._population.seed, day))
        return self._fresh[1]
