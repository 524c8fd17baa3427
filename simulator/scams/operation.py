"""All scams of a run, slice by slice.

Enters: slices of time, and what the interceptor did in them. Leaves: rows, losses. Invariant: without feedback
everything passes, and a slice's rows are the same with and without it until the first decision that isn't to let
pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from interceptor.schema import Action, Kind, Subject, Verdict
from simulator.clock import day_index, day_start_ms, hour_index
from simulator.events import Pools, Rows
from simulator.institutions import directory
from simulator.laundering import Launderer
from simulator.population import Population
from simulator.scams.campaign import Campaign, Recruiter
from simulator.scams.chains import Look
from simulator.scams.handles import CALLS, FAMILY_SIZE, HOPS, JOURNEYS, MESSAGES, VISITS
from simulator.scams.journeys import Journeys
from simulator.scams.lines import FraudLines
from simulator.scams.looks import Looks
from simulator.scams.losses import Losses
from simulator.scams.mules import Roster
from simulator.scams.scribe import Later, Scribe
from simulator.scams.victims import Warned, any_warning, tiers
from simulator.scams.volleys import Volleys
from simulator.scenario import Scenario

_MEDIA = {CALLS: Look.CALL, MESSAGES: Look.MESSAGE, VISITS: Look.SITE}
_LINE_KINDS = (Kind.CALL, Kind.CALL_END, Kind.SMS)
# As plain numbers: operators of enums cost more than what is done with them here.
_LIMIT = int(Action.LIMIT)
_STOPS = int(Action.STOP_48H | Action.FREEZE_6M)
_TAKES_ACCOUNT = int(Action.LIMIT | Action.SANCTION_5Y) | _STOPS
_TAKES_LINE = int(Action.LIMIT | Action.BLOCK | Action.HARD_BLOCK)


@dataclass(slots=True)
class Operation:
    """`campaigns`: those that have started, in order of their index. `centre`: a centre brings the warnings."""

    scenario: Scenario
    population: Population
    pools: Pools
    seed: int
    centre: bool = False
    campaigns: list[Campaign] = field(default_factory=list)
    lines: FraudLines = field(init=False)
    launderer: Launderer = field(init=False)
    journeys: Journeys = field(init=False)
    looks: Looks = field(init=False)
    _recruiter: Recruiter = field(init=False)
    _volleys: Volleys = field(init=False)
    _warned: Warned = field(init=False)
    _scribe: Scribe = field(default_factory=Scribe)
    _later: Later = field(default_factory=Later)
    _roster: Roster = field(init=False)
    _order: np.ndarray = field(init=False)  # residents by number
    _number: np.ndarray = field(init=False)
    _party_of_account: dict[int, int] = field(init=False)
    scam_sites: set[int] = field(default_factory=set)  # that anybody has visited
    _hour: int = -1
    _day: int = -1
    _end_ms: int = 0
    _parts: list[Rows] | None = None  # of the slice that waits for feedback

    def __post_init__(self) -> None:
        scenario, population, seed = self.scenario, self.population, self.seed
        self.lines = FraudLines(seed, scenario.rotation)
        self._warned = Warned(scenario.victims, np.zeros(population.people, np.uint8))
        self._roster = Roster(scenario.laundering, population, seed)
        self.launderer = Launderer(scenario.laundering, self._roster, self._scribe, seed)
        self.looks = Looks(population, self.lines, self._roster, directory(population.seed), self.pools)
        self.journeys = Journeys(
            scenario, population, self.launderer, self._warned, self._scribe, self._later, self.looks, seed
        )
        self._volleys = Volleys(scenario, population, self.lines, self.campaigns, self._warned, self._later, seed)
        self._party_of_account = {account: party for party, account in enumerate(population.account.tolist())}
        self._recruiter = Recruiter(scenario, population, self.pools, seed, self.lines)
        self._order = np.argsort(population.number[: population.people])
        self._number = population.number[: population.people][self._order]
        for network in self._recruiter.open_networks():
            self.campaigns.append(network)
            self._roster.open(network.index, day_start_ms(0))

    def rows(self, start_ms: int, end_ms: int) -> Rows:
        """Events of a slice, in order of time. What happened in the slice before is settled first."""
        return Rows.merged(self.parts(start_ms, end_ms))

    def parts(self, start_ms: int, end_ms: int) -> list[Rows]:
        """The same, each part in order of time."""
        self.passed()
        if day_index(start_ms) != self._day:
            self._new_day(day_index(start_ms))
        if hour_index(start_ms) != self._hour:
            self._hour = hour_index(start_ms)
            self._volleys.plan_hour(self._hour)
        self._end_ms = end_ms
        self._warned.at(start_ms)
        self.lines.swap(start_ms)
        self.journeys.due(end_ms)
        self.launderer.due(end_ms)
        self._parts = [*self._volleys.due(start_ms, end_ms), self._scribe.rows(), *self._later.due(end_ms)]
        return self._parts

    def feedback(self, rows: Rows, verdict: np.ndarray, actions: np.ndarray, first_id: int = 0) -> None:
        """`rows`: the slice, whatever else was in it, with ids from `first_id` on; `verdict` u8[n], `actions`
        u32[n]."""
        self._parts = None
        touched = np.flatnonzero((actions != 0) | (verdict == Verdict.BLOCK))
        if len(touched) and not self.centre:
            self._warn(rows.column("target")[touched], actions[touched])
        if len(touched):
            self._take_away(rows, touched.tolist(), verdict[touched].tolist(), actions[touched].tolist())
        scams = np.flatnonzero(rows.column("campaign") >= 0)
        if self.centre and len(scams):
            visits = scams[rows.column("kind")[scams] == Kind.WEB]
            self.scam_sites.update(rows.column("source")[visits].tolist())
        self._settle(rows, verdict, actions, first_id)

    def passed(self) -> None:
        """Nothing of the slice was touched."""
        parts, self._parts = self._parts, None
        if parts is not None:
            rows = Rows.merged(parts)
            self._settle(rows, np.zeros(rows.count, np.uint8), np.zeros(rows.count, np.uint32), 0)

    @property
    def forwarded(self) -> set[int]:
        """Numbers of victims whose line forwards its calls."""
        return self.looks.forwarded

    def warned(self, number: int, tier: int, now_ms: int) -> None:
        """Somebody has told this citizen."""
        resident = self._residents(np.array([number], np.uint64))
        if resident[0] >= 0:
            self._warned.at(now_ms)
            self._warned.note(resident, np.array([tier], np.uint8))

    def party_of(self, number: int) -> int:
        """The resident with this number, -1 = none."""
        return int(self._residents(np.array([number], np.uint64))[0])

    def is_citizens(self, key: int) -> bool:
        """A number or an account of somebody who lives here."""
        party = self._party_of_account.get(key, -1)
        return 0 <= party < self.population.people or self.party_of(key) >= 0

    def balance_fen(self, account: int) -> int:
        """What an ordinary party has in its account, 0 for accounts of others."""
        party = self._party_of_account.get(account)
        return 0 if party is None else int(self.population.balance_fen[party])

    def person_of(self, account: int) -> int:
        """In whose name a mule's account is, 0 for other accounts."""
        mule = self._roster.of_account(account)
        return mule.person if mule else 0

    @property
    def losses(self) -> Losses:
        journeys, launderer = self.journeys, self.launderer
        return Losses(
            attempted_fen=journeys.attempted_fen,
            paid_fen=sum(campaign.paid_fen for campaign in self.campaigns),
            revoked_fen=journeys.revoked_fen,
            recovered_fen=launderer.held_fen,
            gone_fen=launderer.gone_fen,
            lines_replaced=self.lines.replaced,
            accounts_replaced=self._roster.replaced,
            rotation_cost_yuan=self.lines.replaced * self.scenario.rotation.line_cost_yuan,
        )

    def _new_day(self, day: int) -> None:
        self._day = day
        self._roster.new_day()
        recruits = self._recruiter.day(day)
        self.lines.settle()
        self.campaigns += recruits.campaigns
        self._volleys.works = recruits.works
        for chat in recruits.chats:
            self.journeys.chat(chat)
        for case in recruits.happened:
            self.journeys.happened(case)
        for rows in recruits.registrations:
            self._later.add(rows)

    def _settle(self, rows: Rows, verdict: np.ndarray, actions: np.ndarray, first_id: int) -> None:
        """Tell each part what became of its events."""
        held = np.flatnonzero(rows.column("handle") >= 0)
        handle = rows.column("handle")[held]
        family = handle // FAMILY_SIZE
        for medium, look in _MEDIA.items():
            own = held[family == medium]  # in the order in which they were sent, as that was the order of time
            if len(own):
                for hooked in self._volleys.feedback(look, verdict[own], actions[own], self._end_ms):
                    self.journeys.hook(hooked)
        single = np.flatnonzero(family >= JOURNEYS)
        for row, one in zip(held[single].tolist(), handle[single].tolist(), strict=True):
            if one // FAMILY_SIZE == HOPS:
                self.launderer.feedback(one % FAMILY_SIZE, int(verdict[row]))
            else:
                self.journeys.feedback(one % FAMILY_SIZE, int(verdict[row]), int(actions[row]), first_id + row)

    def _warn(self, citizens: np.ndarray, actions: np.ndarray) -> None:
        warned = np.flatnonzero(any_warning(actions))
        if len(warned):
            residents = self._residents(citizens[warned])
            self._warned.note(residents[residents >= 0], tiers(actions[warned])[residents >= 0])

    def _residents(self, numbers: np.ndarray) -> np.ndarray:
        """i64[n]: the resident of each number, -1 for others."""
        place = np.minimum(np.searchsorted(self._number, numbers), len(self._number) - 1)
        return np.where(self._number[place] == numbers, self._order[place], -1)

    def _take_away(self, rows: Rows, touched: list[int], verdicts: list[int], actions: list[int]) -> None:
        """Lines, hosts and accounts that the interceptor limited or blocked, among the rows that it did something
        about."""
        columns = [rows.column(name) for name in ("kind", "subject", "source", "ts_ms", "campaign", "payer")]
        for row, verdict, action in zip(touched, verdicts, actions, strict=True):
            if verdict != Verdict.BLOCK and not action & (_TAKES_LINE | _TAKES_ACCOUNT):
                continue
            kind, subject, source, ts_ms, campaign, payer = (int(column[row]) for column in columns)
            if kind in _LINE_KINDS or subject in (Subject.NUMBER, Subject.TEXT):
                self.lines.take_away(source, ts_ms, silenced=bool(action & _LIMIT))
            elif kind == Kind.WEB or subject == Subject.SITE:
                site = self.campaigns[campaign].site if campaign >= 0 else None
                if site is not None and source == site.number:
                    site.blocked(ts_ms)
            elif kind == Kind.TRANSFER:
                # A stop is on the payer; where that is a victim, it is the account paid into that is stopped.
                stopped = bool(action & _STOPS) and self.launderer.hold(payer)
                if action & _LIMIT or (action & _STOPS and not stopped):
                    self.launderer.hold(source)
            elif subject == Subject.ACCOUNT and action & _TAKES_ACCOUNT:
                self.launderer.hold(source)
