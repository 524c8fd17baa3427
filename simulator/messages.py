"""SMS of an ordinary hour.

Enters: an Hour, rendered texts. Leaves: SMS rows of people and of institutions. Invariant: what an institution signs
comes from its own service number or one of its ports.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from interceptor.schema import Kind, LineKind, Trunk
from simulator import numbers
from simulator.chance import generator, mix
from simulator.events import Rows
from simulator.hosts import Hosts
from simulator.institutions import HOST_AGE_H, INSTITUTIONS, PORTS_EACH, TENURE_DAYS, Directory, line_kind_of_sender
from simulator.phone_calls import draw_parties
from simulator.population import Habit, Population, apart
from simulator.texts import TextPool
from simulator.today import Day, Hour

# Messages per resident and day [A], some 4.5 in all; real lines have more (SOURCES.md B5), mostly group messages.
CHAT_PER_DAY, STRANGER_PER_DAY = 1.1, 0.06
CHAT_LINK_SHARE = 0.03
CHAT_UNKNOWN_SHARE = 0.01  # written to someone met today
REPLY_SHARE_OUTSIDE = 0.1  # of chat comes from outsiders
ENGLISH_PER_DAY = 0.01
ADVERTISERS, ADVERTISERS_REGISTERED = 300, 0.85  # ports of agencies that send for others [A]
KNOWN_SENDER = 0.85  # residents who had a message of this institution within 90 days
LAC_JUMP_SHARE = 2e-4  # location area changes at the edge of a cell, without any fake station


class Mass(NamedTuple):
    """One kind of message that organisations send."""

    texts: str
    habit: Habit
    per_day: float
    hours: tuple[int, int]  # from, until
    known: float


MASS = (
    Mass("code", Habit.CODE_SENDER, 1.0, (7, 24), 0.7),
    Mass("bank", Habit.BANK_NOTICE, 0.65, (7, 23), KNOWN_SENDER),
    Mass("parcel", Habit.PARCEL_NOTICE, 0.55, (8, 21), 0.75),
    Mass("advert", Habit.ADVERTISER, 0.75, (9, 20), 0.3),
    Mass("carrier", Habit.ADVERTISER, 0.2, (9, 20), KNOWN_SENDER),
    Mass("government", Habit.NOTICE_CALLER, 0.12, (8, 19), 0.6),
)


class Messages:
    """Draws SMS, hour by hour."""

    def __init__(self, population: Population, texts: dict[str, TextPool], directory: Directory, hosts: Hosts) -> None:
        self._population, self._texts, self._directory = population, texts, directory
        self._people = population.people
        self._sizes = np.diff(population.circle_offsets)
        self._age_of_host = _ages_by_pool(hosts)
        slots = np.arange(ADVERTISERS, dtype=np.uint64) + np.uint64(len(INSTITUTIONS) * PORTS_EACH)
        self.agencies = numbers.sms_ports(slots, population.seed)
        luck = generator(population.seed, "agencies").random(ADVERTISERS)
        self._agency_registered = luck < ADVERTISERS_REGISTERED
        writes = np.where(population.age[: self._people] < 65, 1.0, 0.4)
        self._writers = np.where(self._sizes[: self._people] > 0, writes / writes.mean(), 0.0)

    def of(self, hour: Hour) -> list[Rows]:
        return [self._chat(hour), self._strangers(hour), self._english(hour)] + [self._mass(hour, m) for m in MASS]

    def _chat(self, hour: Hour) -> Rows:
        population, rng = self._population, hour.rng("chat")
        pace = CHAT_PER_DAY * _share_of_day(hour.of_day, 7, 24)
        awake = hour.awake[: self._people]
        one = draw_parties(rng, self._writers * awake * pace)
        place = (rng.random(len(one)) * self._sizes[one]).astype(np.int64)
        other = population.circle[population.circle_offsets[one] + place]
        back = rng.random(len(one), dtype=np.float32) < 0.5
        back |= (other >= self._people) & (rng.random(len(one), dtype=np.float32) < REPLY_SHARE_OUTSIDE)
        sender, receiver = np.where(back, other, one), np.where(back, one, other)
        linked = rng.random(len(one), dtype=np.float32) < CHAT_LINK_SHARE
        chat, link = self._pick(rng, "chat", len(one)), self._pick(rng, "chat_link", len(one))
        text = np.where(linked, self._texts["chat_link"].text[link], self._texts["chat"].text[chat])
        host = np.where(linked, self._texts["chat_link"].host[link], 0)
        known = rng.random(len(one), dtype=np.float32) >= CHAT_UNKNOWN_SHARE
        return self.between(hour.day, sender, receiver, hour.times(rng, len(one)), text, host, known=known)

    def _strangers(self, hour: Hour) -> Rows:
        rng = hour.rng("stranger messages")
        pace = STRANGER_PER_DAY * _share_of_day(hour.of_day, 8, 22)
        sender = draw_parties(rng, hour.awake[: self._people] * pace)
        receiver = apart(rng.integers(0, self._people, len(sender)), sender, self._people)
        which = self._pick(rng, "stranger", len(sender))
        text = self._texts["stranger"].text[which]
        ts_ms = hour.times(rng, len(sender))
        return self.between(hour.day, sender, receiver, ts_ms, text, 0, known=False, habit=Habit.STRANGER)

    def _english(self, hour: Hour) -> Rows:
        """From abroad: codes of foreign services, relatives, roaming partners."""
        rng = hour.rng("english")
        count = rng.poisson(self._people * ENGLISH_PER_DAY * _share_of_day(hour.of_day, 6, 24))
        receiver = rng.integers(0, self._people, count)
        return Rows.of(
            Kind.SMS, hour.times(rng, count), source=numbers.foreign_numbers(rng, count),
            target=self._population.number[receiver], town=self._population.town[receiver],
            known=rng.random(count) < 0.5, tenure_days=65_535, trunk=Trunk.INTERNATIONAL, line_kind=LineKind.FOREIGN,
            text=self._texts["english"].text[self._pick(rng, "english", count)], habit=Habit.FAMILY_ABROAD,
        )  # fmt: skip

    def between(
        self, day: Day, sender: np.ndarray, receiver: np.ndarray, ts_ms: np.ndarray, text: np.ndarray,
        host: np.ndarray | int, **given: np.ndarray | int | bool,
    ) -> Rows:  # fmt: skip
        """SMS from party to party. `given` replaces or adds columns."""
        population = self._population
        host = np.broadcast_to(np.asarray(host), len(sender))
        columns: dict[str, np.ndarray | int | bool] = {
            "source": population.number[sender],
            "target": population.number[receiver],
            "town": population.town[receiver],
            "registered": population.registered[sender],
            "tenure_days": day.tenure_days[sender],
            "idle_days": day.idle_days[sender],
            "trunk": np.where(sender < population.people, Trunk.LOCAL, Trunk.INTERPROVINCIAL),
            "line_kind": population.line_kind[sender],
            "cell": population.cell[sender],
            "imei": day.imei[sender],
            "imsi": population.imsi[sender],
            "text": text,
            "host": host,
            "host_age_h": self._host_age_h(host, day.index),
            "lac_jump": mix(ts_ms + sender) % np.uint64(round(1 / LAC_JUMP_SHARE)) == 0,
            "habit": population.habit[sender],
        }
        return Rows.of(Kind.SMS, ts_ms, **(columns | given))

    def _mass(self, hour: Hour, mass: Mass) -> Rows:
        population, rng, pool = self._population, hour.rng(mass.texts), self._texts[mass.texts]
        count = rng.poisson(self._people * mass.per_day * _share_of_day(hour.of_day, *mass.hours))
        receiver = rng.integers(0, self._people, count)
        which = self._pick(rng, mass.texts, count)
        sender, registered, habit = self._senders(rng, pool.institution[which].astype(np.int64), mass.habit)
        host = pool.host[which]
        return Rows.of(
            Kind.SMS, hour.times(rng, count), source=sender, target=population.number[receiver],
            town=population.town[receiver], known=rng.random(count, dtype=np.float32) < mass.known,
            registered=registered, tenure_days=TENURE_DAYS, trunk=Trunk.LOCAL, line_kind=line_kind_of_sender(sender),
            text=pool.text[which], host=host, host_age_h=self._host_age_h(host, hour.day.index),
            lac_jump=rng.random(count, dtype=np.float32) < LAC_JUMP_SHARE, habit=habit,
        )  # fmt: skip

    def _senders(
        self, rng: np.random.Generator, institution: np.ndarray, habit: Habit
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(number, registered, habit) of those who send for these institutions, -1 = an agency for some shop."""
        named = institution >= 0
        own = self._directory.ports[np.maximum(institution, 0), rng.integers(0, PORTS_EACH, len(institution))]
        agency = rng.integers(0, ADVERTISERS, len(institution))
        sender = np.where(named, own, self.agencies[agency])
        return sender, named | self._agency_registered[agency], np.full(len(sender), habit, np.uint8)

    def _pick(self, rng: np.random.Generator, kind: str, count: int) -> np.ndarray:
        return rng.integers(0, len(self._texts[kind].text), count)

    def _host_age_h(self, host: np.ndarray, day: int) -> np.ndarray:
        return np.where(host > 0, self._age_of_host[host] + day * 24, 0)


def _ages_by_pool(hosts: Hosts) -> np.ndarray:
    """Age on day 0 of every usual host, by its index in the pool; links in texts lead to no others."""
    ages = np.full(int(hosts.pool.max()) + 1, HOST_AGE_H, np.int64)
    ages[hosts.pool] = -hosts.born_h
    return ages


def _evening(of_day: int) -> float:
    return 1.5 if 18 <= of_day < 22 else 1.0


def _share_of_day(of_day: int, first: int, until: int) -> float:
    """Share of a day's messages that fall into an hour: even from `first` to `until`, more in the evening."""
    total = sum(_evening(hour) for hour in range(first, until))
    return _evening(of_day) / total if first <= of_day < until else 0.0
