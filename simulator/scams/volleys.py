"""What campaigns send to many: dial lists, messages, advertised visits.

Enters: works of the day; what the interceptor did. Leaves: rows, and those who took the bait. Invariant: who is
dialled when, and everyone's luck, is planned by the hour and never depends on the interceptor; only which line dials,
and whether it still can, does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from interceptor.schema import Action, Kind, Subject, Verdict
from simulator.clock import MINUTE_MS
from simulator.events import Rows
from simulator.population import Population
from simulator.scams.campaign import Campaign, Work
from simulator.scams.chains import Look, Step
from simulator.scams.handles import CALLS, MESSAGES, VISITS, handle_of
from simulator.scams.lines import FraudLines
from simulator.scams.plans import NOTHING, Plan, plan_calls, plan_received, plan_sent
from simulator.scams.scribe import Later
from simulator.scams.victims import Warned
from simulator.scenario import Scenario

MEDIA = {Look.CALL: CALLS, Look.MESSAGE: MESSAGES, Look.SITE: VISITS}
HELD_MESSAGE_MS = 10 * MINUTE_MS
END_JITTER_MS = 20_000  # a release that falls into its call's own slice is written at the start of the next
ADVERT_ASKS_CARD = 0.4  # of visits to an advertised site get as far as the form [A]
OWN_PEOPLE_ANSWER = 0.85  # [A]


@dataclass(frozen=True, slots=True)
class Hooked:
    """Someone who took the bait. `hook`: names this one's luck. `call`: the row of the open call, if it stays open."""

    campaign: Campaign
    resident: int
    ts_ms: int
    medium: int
    hook: int
    call: Rows | None


@dataclass(slots=True)
class Sent:
    """A slice's part of one medium: its plan, its rows; row i has the handle of index i."""

    plan: Plan
    rows: Rows


@dataclass(slots=True)
class Volleys:
    """All volleys of a run, taken slice by slice."""

    scenario: Scenario
    population: Population
    lines: FraudLines
    campaigns: list[Campaign]
    warned: Warned
    later: Later
    seed: int
    works: list[Work] = field(default_factory=list)
    _plans: dict[Look, Plan] = field(default_factory=dict)
    _received: Plan = NOTHING
    _sent: dict[Look, Sent] = field(default_factory=dict)

    def plan_hour(self, hour: int) -> None:
        """Draw what is to be sent within an hour."""
        population, lines, volleys = self.population, self.lines, self.scenario.volleys
        self._plans[Look.CALL] = plan_calls(self.works, lines, population, volleys, self.seed, hour)
        self._received = plan_received(self.works, lines, population, self.seed, hour)
        for look in (Look.MESSAGE, Look.SITE):
            self._plans[look] = plan_sent(look, self.works, self.seed, hour)

    def due(self, start_ms: int, end_ms: int) -> list[Rows]:
        """Rows of a slice; feedback on them must come before the next slice is taken."""
        self._sent.clear()
        parts = []
        makers = {Look.CALL: self._calls, Look.MESSAGE: self._messages, Look.SITE: self._visits}
        for look, make in makers.items():
            plan = self._plans[look].between(start_ms, end_ms)
            if len(plan) and look is not Look.SITE:
                plan = plan.take(self.lines.usable(plan["place"]))
            if not len(plan):
                continue
            rows = make(plan)
            rows.set(handle=handle_of(MEDIA[look], 0) + np.arange(rows.count))
            self._sent[look] = Sent(plan, rows)
            parts.append(rows)
        received = self._received.between(start_ms, end_ms)
        if len(received):
            parts.append(self._taken_calls(received.take(self.lines.line[received["place"]] >= 0)))
        return parts

    def feedback(self, look: Look, verdict: np.ndarray, actions: np.ndarray, next_ms: int) -> list[Hooked]:
        """`verdict`, `actions`: of this medium's rows in the slice. What follows happens at `next_ms` or later."""
        sent = self._sent.pop(look, None)
        if sent is None:
            return []
        plan, victims = sent.plan, self.scenario.victims
        through = verdict != Verdict.BLOCK
        if look is Look.SITE:
            through &= (verdict != Verdict.HOLD) | (plan["u_pass"] < victims.warn_page)
        if look is Look.CALL:
            challenged = (actions & np.uint32(Action.CHALLENGE)) != 0
            through &= ~challenged | (plan["u_pass"] < victims.challenged)
            through &= plan["u_answer"] < np.where(plan["own"], OWN_PEOPLE_ANSWER, self.scenario.volleys.answer)
        chance = plan["hook"] * self.scenario.volleys.hook_factor
        chance = np.where((actions & np.uint32(Action.LABEL)) != 0, chance * victims.labelled, chance)
        resident = np.minimum(plan["party"], self.population.people - 1)
        chance = chance * (1 - self.warned.stop_chance(resident))
        hooked = through & (plan["party"] < self.population.people) & (plan["u_hook"] < chance)
        kept = hooked & plan["keep_open"]
        if look is Look.CALL:
            self._end_calls(sent, np.flatnonzero(through & ~kept), hooked, next_ms)
        self._report(look, sent, through & ~hooked & ~plan["own"], next_ms)
        delay_ms = np.where((verdict == Verdict.HOLD) & (look is Look.MESSAGE), HELD_MESSAGE_MS, 0)
        return [self._hooked(look, sent, row, kept, int(delay_ms[row])) for row in np.flatnonzero(hooked).tolist()]

    def _hooked(self, look: Look, sent: Sent, row: int, kept: np.ndarray, delay_ms: int) -> Hooked:
        plan = sent.plan
        call = sent.rows.take(np.array([row])) if kept[row] else None
        ts_ms = int(plan["ts_ms"][row]) + delay_ms
        campaign = self.campaigns[plan["campaign"][row]]
        return Hooked(campaign, int(plan["party"][row]), ts_ms, MEDIA[look], int(plan["id"][row]), call)

    def _calls(self, plan: Plan) -> Rows:
        population, party, ts_ms = self.population, plan["party"], plan["ts_ms"]
        return Rows.of(
            Kind.CALL, ts_ms,
            target=population.number[party], town=population.town[party], known=plan["own"],
            forwarding=population.behaviour.forwarding[party], campaign=plan["campaign"],
            step=np.where(plan["own"], Step.CAMOUFLAGE, Step.LURE_CALL),
            **self.lines.columns(plan["place"], ts_ms),
        )  # fmt: skip

    def _taken_calls(self, plan: Plan) -> Rows:
        """Calls that camouflaged lines get from their owner's people: ordinary ones."""
        population, party, line = self.population, plan["party"], self.lines.line[plan["place"]]
        rows = Rows.of(
            Kind.CALL, plan["ts_ms"],
            source=population.number[party], target=self.lines.deck.number[line], town=self.lines.deck.town[line],
            known=True, registered=population.registered[party], tenure_days=population.tenure_days[party],
            trunk=np.where(party < population.people, 1, 2), line_kind=population.line_kind[party],
            cell=population.cell[party], imei=population.imei[party], imsi=population.imsi[party],
            habit=population.habit[party],
        )  # fmt: skip
        answered = np.flatnonzero(plan["u_answer"] < OWN_PEOPLE_ANSWER)
        self.later.add(_ended(rows.take(answered), plan["ring_s"][answered], plan["dur_s"][answered], 0))
        return rows

    def _messages(self, plan: Plan) -> Rows:
        population, party, ts_ms = self.population, plan["party"], plan["ts_ms"]
        text, host, age_h = (np.zeros(len(plan), np.int64) for _ in range(3))
        for index in np.unique(plan["campaign"]).tolist():
            site, rows = self.campaigns[index].site, np.flatnonzero(plan["campaign"] == index)
            site.at(int(ts_ms[rows[0]]))
            which = (plan["u_text"][rows] * len(site.texts)).astype(np.int64)
            text[rows], host[rows] = site.texts[which], site.link_hosts[which]
            age_h[rows] = site.link_age_h(ts_ms[rows], host[rows])
            site.sent(int(np.count_nonzero(host[rows])), int(ts_ms[rows[-1]]) + 1)
        columns = self.lines.columns(plan["place"], ts_ms)
        return Rows.of(
            Kind.SMS, ts_ms,
            target=population.number[party], town=population.town[party], text=text, host=host, host_age_h=age_h,
            lac_jump=self.lines.deck.lac_jump[self.lines.line[plan["place"]]], campaign=plan["campaign"],
            step=Step.LURE_SMS, **columns,
        )  # fmt: skip

    def _visits(self, plan: Plan) -> Rows:
        population, party, ts_ms = self.population, plan["party"], plan["ts_ms"]
        host, age_h = np.zeros((2, len(plan)), np.int64)
        number, address = np.zeros((2, len(plan)), np.uint64)
        registered = np.zeros(len(plan), bool)
        for index in np.unique(plan["campaign"]).tolist():
            site, rows = self.campaigns[index].site, np.flatnonzero(plan["campaign"] == index)
            site.at(int(ts_ms[rows[0]]))
            host[rows], number[rows], age_h[rows] = site.host, site.number, site.age_h(ts_ms[rows])
            registered[rows], address[rows] = site.registered, site.address
        return Rows.of(
            Kind.WEB, ts_ms, source=number, target=population.number[party], town=population.town[party], host=host,
            host_age_h=age_h, tenure_days=np.minimum(age_h // 24, 60_000), registered=registered, address=address,
            asks_card=plan["u_text"] < ADVERT_ASKS_CARD, campaign=plan["campaign"], step=Step.LURE_VISIT,
        )  # fmt: skip

    def _end_calls(self, sent: Sent, rows: np.ndarray, hooked: np.ndarray, next_ms: int) -> None:
        plan = sent.plan
        # Who believes it listens to the end of the story; D2: 30–120 s.
        told_s = 30 + 90 * plan["u_text"][rows]
        dur_s = np.where(hooked[rows], np.maximum(plan["dur_s"][rows], told_s), plan["dur_s"][rows])
        self.later.add(_ended(sent.rows.take(rows), plan["ring_s"][rows], dur_s, next_ms))

    def _report(self, look: Look, sent: Sent, saw_through: np.ndarray, next_ms: int) -> None:
        volleys, plan = self.scenario.volleys, sent.plan
        share = {Look.CALL: volleys.report_call, Look.MESSAGE: volleys.report_message, Look.SITE: volleys.report_visit}
        subject = {Look.CALL: Subject.NUMBER, Look.MESSAGE: Subject.TEXT, Look.SITE: Subject.SITE}[look]
        rows = np.flatnonzero(saw_through & (plan["u_report"] < share[look]) & (plan["party"] < self.population.people))
        if not len(rows):
            return
        # Who reports is drawn by u_report; how soon by where in its share it fell.
        soon = plan["u_report"][rows] / share[look]
        wait = volleys.report_minutes * np.exp(volleys.report_sigma * _normal(soon))
        ts_ms = np.maximum(plan["ts_ms"][rows] + (wait * MINUTE_MS).astype(np.int64), next_ms)
        names = ("source", "target", "town", "tenure_days", "campaign")
        columns = {name: sent.rows.column(name)[rows] for name in names}
        self.later.add(Rows.of(Kind.REPORT, ts_ms, subject=subject, known=True, step=Step.REPORT, **columns))


def _ended(calls: Rows, ring_s: np.ndarray, dur_s: np.ndarray, next_ms: int) -> Rows:
    """Answered calls become their releases, not before `next_ms`."""
    ts_ms = calls.column("ts_ms")
    at_ms = ts_ms + ((ring_s + dur_s) * 1000).astype(np.int64)
    at_ms = np.where(at_ms < next_ms, next_ms + ts_ms % END_JITTER_MS, at_ms)
    calls.set(kind=Kind.CALL_END, ts_ms=at_ms, dur_s=np.maximum(dur_s, 1), handle=-1)
    return calls


def _normal(share: np.ndarray) -> np.ndarray:
    """Quantiles of the standard normal distribution, by the logistic's: within 0.1 for all but the outer 1 %."""
    share = np.clip(share, 0.01, 0.99)
    return np.asarray(np.log(share / (1 - share)) / 1.702)
