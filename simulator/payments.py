"""Transfers of an ordinary hour.

Enters: an Hour. Leaves: TRANSFER rows of people and companies. Invariant: `source` is the account that is paid,
`target` the phone of whoever pays, `payer` the account that pays.
"""

from __future__ import annotations

import numpy as np

from interceptor.schema import Channel, Kind
from simulator import numbers
from simulator.chance import generator
from simulator.events import Rows
from simulator.institutions import TENURE_DAYS, Directory
from simulator.phone_calls import draw_parties
from simulator.population import Habit, Population, apart
from simulator.today import Day, Hour

# Payments per adult and day [A], some 2.7 with the look-alikes'.
SHOP_PER_DAY, ONLINE_PER_DAY, KNOWN_PER_DAY, FIRST_TIME_PER_DAY, BILL_PER_DAY = 1.6, 0.45, 0.3, 0.03, 0.06
COMPANY_PER_DAY = 5.0  # payments of one company on a working day
# (median in yuan, sigma of ln) at wealth 1 [A].
SHOP_YUAN, ONLINE_YUAN, BILL_YUAN, KNOWN_YUAN = (22.0, 1.0), (55.0, 1.0), (110.0, 0.5), (200.0, 1.4)
FIRST_TIME_YUAN = (450.0, 1.7)  # a stranger is paid: rent deposits, second-hand goods, craftsmen
FIRST_TIME_MIN_YUAN, FIRST_TIME_MAX_YUAN = 50.0, 30_000.0
COMPANY_YUAN = (8_000.0, 1.5)
PEOPLE_PER_SHOP, SHOPS_MIN = 30, 120  # [A]
SHOP_REGISTERED = 0.85  # the others take money by a person's own QR code [A]
SHOP_TENURE_MEAN_DAYS, SHOP_SIGMA = 900, 1.2  # age of their accounts; spread of ln custom [A]
SHOP_NEAR = 0.7  # bought in one's own township
SHOP_KNOWN, ONLINE_KNOWN, KNOWN_KNOWN, COMPANY_KNOWN = 0.6, 0.6, 0.98, 0.9
FIRST_TIME_OUTSIDE = 0.45  # of strangers who are paid live elsewhere
COMPANY_PAYS_PERSON = 0.12
SCREEN_SHARE = 2e-4  # a child helps a parent from afar
CHANNELS_KNOWN = ((Channel.APP, 0.45), (Channel.QR, 0.35), (Channel.THIRD_PARTY, 0.15), (Channel.COUNTER, 0.03),
                  (Channel.ATM, 0.02))  # fmt: skip
# When people and companies pay, by local hour [A].
PERSON_HOURS = np.array([1, 0.5, 0.3, 0.2, 0.3, 0.8, 3, 6, 6, 5.5, 6, 8, 8.5, 6, 5, 5, 5.5, 7, 8.5, 8, 7, 5.5, 3.5, 2])
COMPANY_HOURS = np.array([0] * 8 + [0.5, 2, 3, 3, 1, 1, 2.5, 3, 3, 1.5, 0.3] + [0] * 5)
CHILD_FACTOR, OLD_FACTOR = 0.3, 0.4  # below 16, from 65


class Payments:
    """Draws transfers, hour by hour."""

    def __init__(self, population: Population, directory: Directory) -> None:
        self._population, self._directory = population, directory
        people = population.people
        self._sizes = np.diff(population.circle_offsets)
        age, corporate = population.age[:people], population.corporate[:people]
        factor = np.where(age < 16, CHILD_FACTOR, np.where(age < 65, 1.0, OLD_FACTOR))
        self._persons = np.where(corporate, 0.0, factor / factor.mean())
        self._companies = np.flatnonzero(corporate)
        self.shops = Shops(population)

    def of(self, hour: Hour) -> list[Rows]:
        return [self._shop(hour), self._online(hour), self._bills(hour), self._known(hour), self._first_time(hour),
                self._company(hour)]  # fmt: skip

    def between(
        self, day: Day, rng: np.random.Generator, payer: np.ndarray, payee: np.ndarray, ts_ms: np.ndarray,
        amount_fen: np.ndarray, known: np.ndarray | bool, /, **given: np.ndarray | int | bool,
    ) -> Rows:  # fmt: skip
        """Transfers from party to party. `given` replaces or adds columns, here and below."""
        population = self._population
        columns: dict[str, np.ndarray | int | bool] = {
            "source": population.account[payee],
            "registered": False,
            "tenure_days": day.account_tenure_days[payee],
            "idle_days": day.account_idle_days[payee],
        }
        return self.to(rng, payer, ts_ms, amount_fen, **({"known": known} | columns | given))

    def to(
        self, rng: np.random.Generator, payer: np.ndarray, ts_ms: np.ndarray, amount_fen: np.ndarray, /,
        **given: np.ndarray | int | bool,
    ) -> Rows:  # fmt: skip
        """Transfers of parties to accounts; `given` says to which."""
        population = self._population
        amount_fen = np.maximum(np.asarray(amount_fen).astype(np.int64), 1)
        balance = population.balance_fen[payer] * (0.4 + 1.2 * rng.random(len(payer)))
        columns: dict[str, np.ndarray | int | bool] = {
            "target": population.number[payer],
            "town": population.town[payer],
            "payer": population.account[payer],
            "amount_fen": amount_fen,
            "typical_fen": population.typical_fen[payer],
            "balance_fen": np.maximum(balance.astype(np.int64), amount_fen + amount_fen // 50),
            "channel": Channel.APP,
            "corporate": population.corporate[payer],
            "screen_share": rng.random(len(payer), dtype=np.float32) < SCREEN_SHARE,
        }
        return Rows.of(Kind.TRANSFER, ts_ms, **(columns | given))

    def institutions(
        self, rng: np.random.Generator, payer: np.ndarray, ts_ms: np.ndarray, amount_fen: np.ndarray,
        which: np.ndarray, **given: np.ndarray | int | bool,
    ) -> Rows:  # fmt: skip
        """Transfers to INSTITUTIONS."""
        given = {"source": self._directory.account[which], "registered": True, "tenure_days": TENURE_DAYS} | given
        return self.to(rng, payer, ts_ms, amount_fen, **given)

    def amounts(
        self, rng: np.random.Generator, payer: np.ndarray, yuan: tuple[float, float], *, whole: bool = False
    ) -> np.ndarray:
        """Log-normal amounts in fen, scaled by the payer's wealth; whole yuan if people agree on them."""
        middle, sigma = yuan
        fen = 100 * middle * self._population.behaviour.wealth[payer] * rng.lognormal(0, sigma, len(payer))
        return np.maximum(np.rint(fen / 100) * 100 if whole else np.rint(fen), 100 if whole else 1).astype(np.int64)

    def _payers(self, hour: Hour, rng: np.random.Generator, per_day: float) -> np.ndarray:
        pace = per_day * PERSON_HOURS[hour.of_day] / PERSON_HOURS.sum()
        return draw_parties(rng, self._persons * pace)

    def _shop(self, hour: Hour) -> Rows:
        rng = hour.rng("shops")
        payer = self._payers(hour, rng, SHOP_PER_DAY)
        shop = self.shops.near(rng, payer)
        known = rng.random(len(payer), dtype=np.float32) < SHOP_KNOWN
        return self.to(
            rng, payer, hour.times(rng, len(payer)), self.amounts(rng, payer, SHOP_YUAN), known=known,
            channel=Channel.QR, **self.shops.columns(shop, hour.day.index),
        )  # fmt: skip

    def _online(self, hour: Hour) -> Rows:
        rng = hour.rng("online")
        payer = self._payers(hour, rng, ONLINE_PER_DAY)
        which = self._directory.draw(rng, len(payer), "app")
        known = rng.random(len(payer), dtype=np.float32) < ONLINE_KNOWN
        amount = self.amounts(rng, payer, ONLINE_YUAN)
        ts_ms = hour.times(rng, len(payer))
        return self.institutions(rng, payer, ts_ms, amount, which, known=known, channel=Channel.THIRD_PARTY)

    def _bills(self, hour: Hour) -> Rows:
        rng = hour.rng("bills")
        payer = self._payers(hour, rng, BILL_PER_DAY)
        which = self._directory.draw(rng, len(payer), "utility", "carrier", "insurer", "government")
        amount = self.amounts(rng, payer, BILL_YUAN)
        return self.institutions(rng, payer, hour.times(rng, len(payer)), amount, which, known=True)

    def _known(self, hour: Hour) -> Rows:
        rng = hour.rng("known payees")
        payer = self._payers(hour, rng, KNOWN_PER_DAY)
        payee = self.contact(rng, payer)
        amount = self.amounts(rng, payer, KNOWN_YUAN, whole=True)
        known = rng.random(len(payer)) < KNOWN_KNOWN
        kinds, shares = zip(*CHANNELS_KNOWN, strict=True)
        channel = rng.choice(np.array(kinds, np.uint8), len(payer), p=shares)
        ts_ms = hour.times(rng, len(payer))
        return self.between(hour.day, rng, payer, payee, ts_ms, amount, known, channel=channel)

    def _first_time(self, hour: Hour) -> Rows:
        population, rng = self._population, hour.rng("first-time payees")
        payer = self._payers(hour, rng, FIRST_TIME_PER_DAY)
        outside = rng.random(len(payer)) < FIRST_TIME_OUTSIDE
        low, high = np.where(outside, population.people, 0), np.where(outside, population.parties, population.people)
        payee = apart(low + (rng.random(len(payer)) * (high - low)).astype(np.int64), payer, population.people)
        amount = self.amounts(rng, payer, FIRST_TIME_YUAN, whole=True)
        amount = np.clip(amount, FIRST_TIME_MIN_YUAN * 100, FIRST_TIME_MAX_YUAN * 100)
        channel = np.where(rng.random(len(payer)) < 0.5, Channel.APP, Channel.QR)
        ts_ms = hour.times(rng, len(payer))
        return self.between(hour.day, rng, payer, payee, ts_ms, amount, False, channel=channel)

    def _company(self, hour: Hour) -> Rows:
        rng = hour.rng("companies")
        pace = COMPANY_PER_DAY * COMPANY_HOURS[hour.of_day] / COMPANY_HOURS.sum() * (1.0 if hour.day.works else 0.15)
        payer = self._companies[draw_parties(rng, np.full(len(self._companies), pace))]
        person = rng.random(len(payer)) < COMPANY_PAYS_PERSON
        payee = np.where(person, self.contact(rng, payer), self.company(rng, payer))
        known = rng.random(len(payer)) < COMPANY_KNOWN
        amount = self.amounts(rng, payer, COMPANY_YUAN)
        channel = np.where(rng.random(len(payer)) < 0.85, Channel.APP, Channel.COUNTER)
        ts_ms = hour.times(rng, len(payer))
        return self.between(
            hour.day,
            rng,
            payer,
            payee,
            ts_ms,
            amount,
            known,
            channel=channel,
            registered=~person,
            habit=Habit.ACCOUNTANT,
        )

    def company(self, rng: np.random.Generator, payer: np.ndarray) -> np.ndarray:
        """Another company for each of these."""
        own = np.searchsorted(self._companies, payer)
        step = rng.integers(1, len(self._companies), len(payer))
        return self._companies[(own + step) % len(self._companies)]

    def contact(self, rng: np.random.Generator, party: np.ndarray) -> np.ndarray:
        """One of the circle of each party; itself's neighbour by index if it knows nobody."""
        population, size = self._population, self._sizes[party]
        place = population.circle_offsets[party] + (rng.random(len(party)) * size).astype(np.int64)
        found = population.circle[np.minimum(place, len(population.circle) - 1)]
        return np.where(size > 0, found, (party + 1) % population.people)


class Shops:
    """Merchants and market stalls; arrays over shops, sorted by township."""

    def __init__(self, population: Population) -> None:
        people = population.people
        rng = generator(population.seed, "shops")
        count = max(SHOPS_MIN, people // PEOPLE_PER_SHOP)
        town = np.sort(population.town[rng.integers(0, people, count)])
        self.account = numbers.accounts("shop", np.arange(count))
        self.registered = rng.random(count) < SHOP_REGISTERED
        self.tenure_days = np.minimum(rng.exponential(SHOP_TENURE_MEAN_DAYS, count), 8_000).astype(np.int64)
        self._running = np.concatenate([[0.0], np.cumsum(rng.lognormal(0, SHOP_SIGMA, count))])
        # Who lives in a township without any shop goes to the next one.
        first = np.searchsorted(town, population.town[:people], "left")
        last = np.searchsorted(town, population.town[:people], "right")
        none = first == last
        self._first = np.where(none, 0, first)
        self._last = np.where(none, count, last)

    def near(self, rng: np.random.Generator, payer: np.ndarray) -> np.ndarray:
        """A shop for each payer, mostly one of its township."""
        far = rng.random(len(payer), dtype=np.float32) >= SHOP_NEAR
        low = self._running[np.where(far, 0, self._first[payer])]
        high = self._running[np.where(far, len(self.account), self._last[payer])]
        aim = low + rng.random(len(payer)) * (high - low)
        return np.minimum(np.searchsorted(self._running, aim, side="right") - 1, len(self.account) - 1)

    def columns(self, shop: np.ndarray, day: int) -> dict[str, np.ndarray]:
        return {
            "source": self.account[shop],
            "registered": self.registered[shop],
            "tenure_days": self.tenure_days[shop] + day,
            "habit": np.full(len(shop), Habit.SHOP, np.uint8),
        }
