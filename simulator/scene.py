"""What the look-alikes of one day find in the city.

Enters: a Day and the city's messages, payments and institutions. Leaves: helpers to pick people and to make calls of
many sorts. Invariant: everything is drawn from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interceptor.schema import LineKind, Trunk
from simulator.events import Rows
from simulator.institutions import TENURE_DAYS, Directory
from simulator.messages import Messages
from simulator.payments import Payments
from simulator.phone_calls import Calls, answered, call_rows, ring
from simulator.population import Habit, Population, apart
from simulator.settling import habit_count
from simulator.texts import TextPool
from simulator.today import Day

NEIGHBOURS_MIN = 250  # a courier's or a community's round has at least so many people [A]


@dataclass(slots=True)
class Scene:
    day: Day
    messages: Messages
    payments: Payments
    directory: Directory
    texts: dict[str, TextPool]

    @property
    def population(self) -> Population:
        return self.day.population

    @property
    def people(self) -> int:
        return self.population.people

    def trade(self, habit: Habit) -> np.ndarray:
        """Residents who keep this habit for good."""
        return np.flatnonzero(self.population.habit[: self.people] == habit)

    def on_duty(self, rng: np.random.Generator, habit: Habit, share: float) -> np.ndarray:
        """Those of a trade who are at it today, at least two."""
        trade = self.trade(habit)
        order = np.argsort(rng.random(len(trade)))
        return trade[order[: max(2, round(len(trade) * share))]]

    def some(self, rng: np.random.Generator, per_1000: float, *, contacts: int = 1) -> np.ndarray:
        """Ordinary adults who do something today: so many of 1,000 residents, at least a handful."""
        population = self.population
        fit = (population.habit[: self.people] == Habit.ORDINARY) & self.day.active[: self.people]
        fit &= (population.age[: self.people] >= 18) & (np.diff(population.circle_offsets)[: self.people] >= contacts)
        candidates = np.flatnonzero(fit)
        count = min(habit_count(self.people, per_1000), len(candidates))
        return rng.choice(candidates, count, replace=False)

    def anybody(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Residents, with repetition."""
        return rng.integers(0, self.people, count)

    def neighbours(self, rng: np.random.Generator, of: np.ndarray, reach: int = NEIGHBOURS_MIN) -> np.ndarray:
        """A resident near each one: residents are sorted by township, so neighbours in index are neighbours."""
        reach = min(reach, self.people // 2)
        low = np.clip(of - reach, 0, self.people - 2 * reach)
        return apart(low + rng.integers(0, 2 * reach, len(of)), of, self.people)

    def strangers(self, rng: np.random.Generator, of: np.ndarray) -> np.ndarray:
        """Another resident for each one."""
        return apart(self.anybody(rng, len(of)), of, self.people)

    def circle(self, party: int, rng: np.random.Generator, most: int) -> np.ndarray:
        """At most `most` of a party's contacts, in random order."""
        contacts = self.population.contacts(party)
        return contacts[rng.permutation(len(contacts))[:most]].astype(np.int64)

    def count(self, per_1000: float) -> int:
        return habit_count(self.people, per_1000)

    def calls(
        self, rng: np.random.Generator, caller: np.ndarray, callee: np.ndarray, ts_ms: np.ndarray, *,
        answer: float, dur_s: tuple[float, float], **given: np.ndarray | int | bool,
    ) -> Calls:  # fmt: skip
        """Calls between parties; `dur_s` is the median and the sigma of ln."""
        return self._went_on(rng, call_rows(self.day, caller, callee, ts_ms, **given), answer, dur_s)

    def calls_from_outside(
        self, rng: np.random.Generator, source: np.ndarray, callee: np.ndarray, ts_ms: np.ndarray, *,
        answer: float, dur_s: tuple[float, float], **given: np.ndarray | int | bool,
    ) -> Calls:  # fmt: skip
        """Calls of lines that are no party: service numbers by default."""
        columns: dict[str, np.ndarray | int | bool] = {
            "source": source,
            "registered": True,
            "tenure_days": TENURE_DAYS,
            "idle_days": 0,
            "trunk": Trunk.SIP,
            "line_kind": LineKind.SERVICE,
            "cell": 0,
            "imei": 0,
            "imsi": 0,
        }
        return self._went_on(rng, call_rows(self.day, callee, callee, ts_ms, **(columns | given)), answer, dur_s)

    def calls_to_service(
        self, rng: np.random.Generator, caller: np.ndarray, target: np.ndarray, ts_ms: np.ndarray, *,
        answer: float, dur_s: tuple[float, float], **given: np.ndarray | int | bool,
    ) -> Calls:  # fmt: skip
        """Calls of parties to lines that are no party."""
        given = {"target": target, "town": 0, "forwarding": False, **given}
        return self._went_on(rng, call_rows(self.day, caller, caller, ts_ms, **given), answer, dur_s)

    def _went_on(self, rng: np.random.Generator, rows: Rows, answer: float, dur_s: tuple[float, float]) -> Calls:
        middle, sigma = dur_s
        durations = middle * rng.lognormal(0, sigma, rows.count)
        return Calls(rows, answered(rng, answer, durations), ring(rng, rows.count))
