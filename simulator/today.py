"""What is true of all parties on one day and in one hour.

Enters: a Population, a day or an hour. Leaves: arrays over parties that change from day to day or hour to hour, and
generators for the hour. Invariant: a pure function of population and time, whatever was looked at before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator import numbers
from simulator.chance import generator, uniform
from simulator.clock import HOUR_MS, day_start_ms, hour_start_ms, weekday
from simulator.lines import DAYS
from simulator.population import Habit, Population
from simulator.settling import DEVICE_SLOTS, TENURE_UNKNOWN

WORKING_HOURS = (8, 18)  # residents with a work cell are there [A]
ACCOUNT_IDLE_MEAN_DAYS = 1.5  # between payments of an account in use [A]
DORMANT_SHARE = 0.03  # accounts that nobody uses [A]
DORMANT_MIN_DAYS, DORMANT_MAX_DAYS = 90, 900
KEPT_IDLE_DAYS = 29  # a keep-alive SIM is used once a month (SOURCES.md A5)
TRAVELLERS_PER_1000, TRAVELLERS_MIN = 0.3, 4  # residents abroad at a time [A]
_IDLE_MAX_DAYS = 2_000


@dataclass(slots=True)
class Day:
    """Arrays over parties."""

    index: int
    population: Population
    active: np.ndarray  # bool, the line is in use today
    idle_days: np.ndarray  # u16, of the line
    tenure_days: np.ndarray  # u16, of the line
    account_idle_days: np.ndarray  # u16
    account_tenure_days: np.ndarray  # u16
    imei: np.ndarray  # u64, the device in use
    travelling: np.ndarray  # i32, residents who are abroad; their lines are not active at home

    @property
    def start_ms(self) -> int:
        return day_start_ms(self.index)

    @property
    def works(self) -> bool:
        """Monday to Friday."""
        return weekday(self.index) < 5

    def rng(self, *purpose: str) -> np.random.Generator:
        return generator(self.population.seed, "ordinary", *purpose, self.index)

    def at(self, hours: np.ndarray) -> np.ndarray:
        """ts_ms of hours after local midnight, e.g. 13.5."""
        return self.start_ms + (hours * HOUR_MS).astype(np.int64)


@dataclass(slots=True)
class Hour:
    """Arrays over parties, and the day they belong to."""

    index: int
    day: Day
    awake: np.ndarray  # bool, the line is in use in this hour
    cell: np.ndarray  # u32, where it is

    @property
    def population(self) -> Population:
        return self.day.population

    @property
    def of_day(self) -> int:
        return self.index % 24

    def rng(self, *purpose: str) -> np.random.Generator:
        return generator(self.population.seed, "ordinary", *purpose, self.index)

    def times(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """ts_ms within the hour."""
        return hour_start_ms(self.index) + rng.integers(0, HOUR_MS, count, dtype=np.int32).astype(np.int64)


def day_of(population: Population, index: int) -> Day:
    parties = np.arange(population.parties)
    share = population.behaviour.active_share
    active = uniform(population.seed, "active", parties, index) < share
    active[population.habit == Habit.KEEP_ALIVE] = False
    travelling = _travellers(population, index)
    active[travelling] = False
    return Day(
        index=index,
        population=population,
        active=active,
        idle_days=_idle_days(population, index),
        tenure_days=_older(population.tenure_days, index),
        account_idle_days=_account_idle_days(population, index),
        account_tenure_days=_older(population.behaviour.account_tenure_days, index),
        imei=_devices(population, index),
        travelling=travelling,
    )


def hour_of(day: Day, index: int) -> Hour:
    behaviour = day.population.behaviour
    of_day = index % 24
    awake = (behaviour.waking >> np.uint32(of_day) & np.uint32(1)).astype(bool) & day.active
    at_work = day.works and WORKING_HOURS[0] <= of_day < WORKING_HOURS[1]
    return Hour(index, day, awake, behaviour.work_cell if at_work else day.population.cell)


def _older(days: np.ndarray, index: int) -> np.ndarray:
    return np.where(days == TENURE_UNKNOWN, days, np.minimum(days.astype(np.int64) + index, 60_000)).astype(np.uint16)


def _idle_days(population: Population, index: int) -> np.ndarray:
    """Days since the line's last call: geometric, by the chance of a call on any day."""
    busy = np.minimum(population.out_per_day + population.in_per_day, 20.0)
    quiet_chance = 1.0 - population.behaviour.active_share * -np.expm1(-busy)
    luck = uniform(population.seed, "idle", np.arange(population.parties), index)
    with np.errstate(divide="ignore"):
        days = np.log1p(-luck) / np.log(np.clip(quiet_chance, 1e-9, 0.97))
    days[population.people :] = 0
    days[population.habit == Habit.KEEP_ALIVE] = KEPT_IDLE_DAYS
    return np.minimum(days, _IDLE_MAX_DAYS).astype(np.uint16)


def _account_idle_days(population: Population, index: int) -> np.ndarray:
    parties = np.arange(population.parties)
    days = -np.log1p(-uniform(population.seed, "account idle", parties, index)) * ACCOUNT_IDLE_MEAN_DAYS
    dormant = uniform(population.seed, "dormant", parties)
    asleep = (dormant < DORMANT_SHARE) & ~population.corporate
    since = DORMANT_MIN_DAYS + dormant / DORMANT_SHARE * (DORMANT_MAX_DAYS - DORMANT_MIN_DAYS)
    return np.where(asleep, np.minimum(since + index, _IDLE_MAX_DAYS), days).astype(np.uint16)


def _travellers(population: Population, index: int) -> np.ndarray:
    """Residents abroad in this week."""
    count = max(TRAVELLERS_MIN, round(population.people * TRAVELLERS_PER_1000 / 1000))
    ordinary = np.flatnonzero(population.habit[: population.people] == Habit.ORDINARY)
    rng = generator(population.seed, "travellers", index // 7)
    return rng.choice(ordinary, count, replace=False).astype(np.int32)


def _devices(population: Population, index: int) -> np.ndarray:
    """Each party's device of the day: those with several go through all of them in a month."""
    several = np.flatnonzero(population.behaviour.imeis > 1)
    count = population.behaviour.imeis[several].astype(np.int64)
    phase = (uniform(population.seed, "device phase", several) * DAYS).astype(np.int64)
    which = (index + phase) % DAYS * count // DAYS
    imei = population.imei.copy()
    imei[several] = numbers.imeis(several * DEVICE_SLOTS + which, population.seed)
    return imei


def times_between(day: Day, rng: np.random.Generator, count: int, first: float, last: float) -> np.ndarray:
    """ts_ms spread evenly over hours of the day, e.g. 9 to 17.5."""
    return day.at(first + rng.random(count) * (last - first))
