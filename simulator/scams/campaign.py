"""Campaigns: which start on a day, with which lines and sites, and what they set out to do.

Enters: scenario, population, a day. Leaves: campaigns, their works (volleys to send) and their chats (victims met in
messengers). Invariant: a day's campaigns are a pure function of seed and day; nothing that happens changes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log

import numpy as np

from interceptor.schema import Kind, Subject
from simulator.chance import generator, uniform
from simulator.clock import HOUR_MS, day_start_ms
from simulator.events import Pools, Rows
from simulator.numbers import accounts
from simulator.population import Population
from simulator.scam_types import MULE_NETWORK, SCAM_TYPES
from simulator.scams.chains import CHAINS, Chain, Look, Lure, Step
from simulator.scams.lines import Crew, FraudLines
from simulator.scams.manners import Outfit, Use, use
from simulator.scams.outfits import BOX_SIMS, Deck, NumberBook, Place, deck
from simulator.scams.sites import Site
from simulator.scams.templates import BANKS, CARRIERS
from simulator.scenario import Incident, Scenario

# Lines and senders of one campaign [A].
TRUNK_LINES, RESOLD_LINES, PORTS = (4, 9), (2, 4), (1, 2)
BOX_TYPICAL_MAX = 20
MESSAGES_PER_SIM, MESSAGES_PER_FOREIGN = 6, 15
OUTLETS = 3  # shops that open lines and accounts for whoever comes [A]
SIMS_OF_STRAW_MAN = 3  # opened in one name [A]
LINK_LINES = 3  # for calls and messages of links where no lure has lines
PHISHED_BRANDS = (*BANKS, *CARRIERS, *([""] * 5))  # "" = a toll card, an office, a parcel


@dataclass(slots=True)
class Campaign:
    """One campaign and what has become of it. A mule network is one too, without victims of its own."""

    index: int
    type: int
    chain: Chain
    start_ms: int
    site: Site
    network: int = -1
    crews: list[Crew] = field(default_factory=list)
    victims: int = 0  # people hooked
    payers: int = 0  # of them, who tried to pay
    attempted_fen: int = 0
    paid_fen: int = 0  # left the victims, whatever became of it later

    @property
    def scam_type(self) -> str:
        return SCAM_TYPES[self.type]


@dataclass(frozen=True, slots=True)
class Work:
    """One lure of one campaign on one day. `targets`: first and last + 1 of the residents it reaches."""

    campaign: Campaign
    lure: Lure
    crew: Crew | None
    from_ms: int
    to_ms: int
    count: float
    targets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chat:
    """A victim whom a messenger brought, at that time."""

    campaign: Campaign
    resident: int
    ts_ms: int
    hook: int


@dataclass(frozen=True, slots=True)
class Happened:
    """A case that is known to have happened: the victim is at the payment at `ts_ms`."""

    campaign: Campaign
    resident: int
    incident: Incident
    ts_ms: int


@dataclass(slots=True)
class Recruits:
    """Everything that starts on one day."""

    campaigns: list[Campaign] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    chats: list[Chat] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    registrations: list[Rows] = field(default_factory=list)


@dataclass(slots=True)
class Recruiter:
    """Makes the campaigns, day by day. Days must be asked for in order, once each."""

    scenario: Scenario
    population: Population
    pools: Pools
    seed: int
    lines: FraudLines
    _book: NumberBook = field(init=False)
    _place: Place = field(init=False)
    _open: list[Campaign] = field(default_factory=list)  # mule networks
    _next: int = 0

    def __post_init__(self) -> None:
        people = self.population.people
        self._book = NumberBook(self.population.seed)
        self._place = Place(self.population.cell[:people], self.population.town[:people])

    def open_networks(self) -> list[Campaign]:
        """The mule networks, which last for the whole run."""
        wanted = self.population.people / 100_000 * self.scenario.campaigns.networks_per_100k_people
        self._open = [self._campaign(MULE_NETWORK, day_start_ms(0), "") for _ in range(max(1, round(wanted)))]
        return self._open

    def day(self, day: int) -> Recruits:
        made = Recruits()
        for network in self._open:
            rng = generator(self.seed, "recruiting", network.index, day)
            for number, lure in enumerate(network.chain.lures):
                self._engage(made, network, lure, number, day, "", rng)
        for type_, count in self._counts(day):
            for _ in range(count):
                self._start(made, type_, day)
        for nth, incident in enumerate(self.scenario.incidents):
            if incident.day == day:
                made.happened.append(self._incident(made, incident, nth))
        return made

    def _incident(self, made: Recruits, incident: Incident, nth: int) -> Happened:
        """To a company, if scammers of the type are after companies."""
        ts_ms = day_start_ms(incident.day) + int(incident.hour * HOUR_MS)
        campaign = self._campaign(SCAM_TYPES.index(incident.scam_type), ts_ms, "")
        campaign.network = campaign.site.gang = self._open[nth % len(self._open)].index
        made.campaigns.append(campaign)
        people = np.arange(self.population.people)
        companies = people[self.population.corporate[people]]
        among = companies if campaign.chain.corporate and len(companies) else people
        resident = int(generator(self.seed, "incident", nth).choice(among))
        return Happened(campaign, resident, incident, ts_ms)

    def _counts(self, day: int) -> Iterator[tuple[int, int]]:
        """Campaigns of each type: the expected number, rounded up or down by chance."""
        scenario, people = self.scenario, self.population.people
        total = scenario.campaigns.per_100k_people * people / 100_000
        least = 1 if people >= scenario.campaigns.every_type_from_people else 0
        luck = uniform(self.seed, "campaigns", np.arange(MULE_NETWORK), day)
        counts = []
        for type_ in range(MULE_NETWORK):
            weight = scenario.weight(SCAM_TYPES[type_])
            counts.append(max(int(weight * total + luck[type_]), least if weight else 0))
        if not sum(counts):
            weights = [scenario.weight(SCAM_TYPES[type_]) for type_ in range(MULE_NETWORK)]
            counts[int(generator(self.seed, "only campaign", day).choice(MULE_NETWORK, p=weights))] = 1
        yield from enumerate(counts)

    def _campaign(self, type_: int, start_ms: int, brand: str) -> Campaign:
        index, self._next = self._next, self._next + 1
        chain = CHAINS[SCAM_TYPES[type_]]
        site = Site(SCAM_TYPES[type_], brand, chain, index, self.seed, self.pools, self.scenario.rotation)
        return Campaign(index, type_, chain, start_ms, site)

    def _start(self, made: Recruits, type_: int, day: int) -> None:
        rng = generator(self.seed, "campaign", self._next)
        brand = str(rng.choice(PHISHED_BRANDS)) if SCAM_TYPES[type_] == "phishing_sms" else ""
        campaign = self._campaign(type_, day_start_ms(day + 1), brand)
        campaign.network = campaign.site.gang = self._open[int(rng.integers(len(self._open)))].index
        made.campaigns.append(campaign)
        lures = [lure for lure in campaign.chain.lures if rng.random() < lure.share] or [campaign.chain.lures[-1]]
        for number, lure in enumerate(lures):
            self._engage(made, campaign, lure, number, day, brand, rng)
        if campaign.chain.callers and not campaign.crews:
            self._hire(made, campaign, campaign.chain.callers, LINK_LINES, brand, campaign.start_ms, rng)

    def _engage(self, made: Recruits, campaign: Campaign, lure: Lure, number: int, day: int, brand: str,
                rng: np.random.Generator) -> None:  # fmt: skip
        """Plan one lure: when, how much, over which lines."""
        first, last = lure.hours
        slack = 2.0 if lure.look is Look.CALL else max(last - first - lure.spread_h, 0.0)
        from_h = first + rng.random() * slack
        to_h = last if lure.look is Look.CALL else min(from_h + lure.spread_h, last + 1)
        from_ms, to_ms = (day_start_ms(day) + int(hour * HOUR_MS) for hour in (from_h, to_h))
        campaign.start_ms = min(campaign.start_ms, from_ms)
        if lure.look is Look.CHAT:
            made.chats += self._chats(campaign, lure, from_ms, to_ms, number, rng)
            return
        volleys = self.scenario.volleys
        factor = volleys.visits_factor if lure.look is Look.SITE else volleys.messages_factor
        count = lure.per_campaign * factor * rng.uniform(0.6, 1.5)
        crew, targets = None, (0, self.population.people)
        if lure.outfits:
            names, weights = zip(*lure.outfits, strict=True)
            outfit = names[int(rng.choice(len(names), p=weights))]
            size = _size(outfit, lure, count, self.scenario, rng)
            crew, targets = self._hire(made, campaign, outfit, size, brand, from_ms, rng)
        made.works.append(Work(campaign, lure, crew, from_ms, to_ms, count, targets))

    def _hire(self, made: Recruits, campaign: Campaign, outfit: Outfit, size: int, brand: str, from_ms: int,
              rng: np.random.Generator) -> tuple[Crew, tuple[int, int]]:  # fmt: skip
        """A crew, and whom it can reach: a fake base station only those around it."""
        places: Use = use(outfit, size, rng)
        spare = round(size * self.scenario.rotation.spare_lines)
        cards: Deck = deck(outfit, places, spare, brand, self._place, self._book, self.scenario.rotation, rng)
        crew = self.lines.add(campaign.index, places, cards)
        campaign.crews.append(crew)
        if outfit in (Outfit.SIMS, Outfit.BOX, Outfit.SNOWSHOE):
            made.registrations.append(_registrations(cards, size, campaign.index, from_ms, rng))
        reach = (0, self.population.people)
        if outfit is Outfit.FAKE_STATION:
            # Residents are sorted by township.
            town = self.population.town[: self.population.people]
            reach = (int(np.searchsorted(town, cards.town[0])), int(np.searchsorted(town, cards.town[0], "right")))
        return crew, reach

    def _chats(self, campaign: Campaign, lure: Lure, from_ms: int, to_ms: int, number: int,
               rng: np.random.Generator) -> list[Chat]:  # fmt: skip
        people, chain = self.population.people, campaign.chain
        age, corporate = self.population.age[:people], self.population.corporate[:people]
        chats = []
        for nth in range(max(1, int(rng.poisson(lure.per_campaign)))):
            fitting = corporate if rng.random() < chain.corporate else (age >= chain.ages[0]) & (age <= chain.ages[1])
            fits = np.flatnonzero(fitting)
            resident = int(fits[int(rng.random() * len(fits))]) if len(fits) else int(rng.integers(people))
            ts_ms = from_ms + int(rng.random() * (to_ms - from_ms))
            chats.append(Chat(campaign, resident, ts_ms, (campaign.index * 8 + number) * 4096 + nth))
        return chats


def _registrations(cards: Deck, size: int, campaign: int, from_ms: int, rng: np.random.Generator) -> Rows:
    """Lines in use that were opened today, within two hours before they are needed."""
    fresh = np.flatnonzero(cards.tenure_days[:size] == 0)
    ts_ms = from_ms - (rng.random(len(fresh)) * 2 * HOUR_MS).astype(np.int64)
    return Rows.of(
        Kind.REGISTRATION, ts_ms, source=cards.number[fresh], target=cards.number[fresh], town=cards.town[fresh],
        subject=Subject.NUMBER, agent=accounts("outlet", rng.integers(0, OUTLETS, len(fresh))),
        person=accounts("straw man", cards.number[fresh[np.arange(len(fresh)) // SIMS_OF_STRAW_MAN]]),
        campaign=campaign, step=Step.REGISTRATION,
    )  # fmt: skip


def _size(outfit: Outfit, lure: Lure, count: float, scenario: Scenario, rng: np.random.Generator) -> int:
    """Lines in use at a time."""
    volleys, many = scenario.volleys, rng.uniform(0.6, 1.5)
    if outfit is Outfit.SIMS:
        return max(2, round(lure.lines * many * volleys.lines_factor))
    if outfit is Outfit.BOX:
        sims = np.exp(rng.uniform(log(BOX_SIMS[0]), log(BOX_TYPICAL_MAX))) * volleys.lines_factor
        return int(np.clip(round(sims), *BOX_SIMS))
    if outfit is Outfit.TRUNK:
        factor = volleys.lines_factor * volleys.trunk_factor
        return max(2, round(int(rng.integers(TRUNK_LINES[0], TRUNK_LINES[1] + 1)) * factor))
    if outfit is Outfit.RESOLD_400:
        return max(2, round(int(rng.integers(RESOLD_LINES[0], RESOLD_LINES[1] + 1)) * volleys.lines_factor))
    if outfit is Outfit.PORT:
        return int(rng.integers(PORTS[0], PORTS[1] + 1))
    if outfit is Outfit.FAKE_STATION:
        return 1
    return max(3, round(count / (MESSAGES_PER_SIM if outfit is Outfit.SNOWSHOE else MESSAGES_PER_FOREIGN)))
