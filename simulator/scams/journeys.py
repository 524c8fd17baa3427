"""What happens to each person who took the bait, link by link.

Enters: hooked people and chats, decisions on their events. Leaves: events, reports, money. Invariant: a person has at
most one event in a slice and gets on only after the decision on it, so every link can be prevented.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass, field

from interceptor.schema import Action, Kind, Verdict
from simulator.clock import DAY_MS, MINUTE_MS
from simulator.laundering import Launderer
from simulator.population import Population
from simulator.scams.alerts import Payment, Switchboard
from simulator.scams.campaign import Campaign, Chat, Happened
from simulator.scams.chains import Look, Step
from simulator.scams.endings import alert, one_row, release, reported_ms, reports
from simulator.scams.handles import JOURNEYS, handle_of
from simulator.scams.journey import For, Journey
from simulator.scams.looks import CREDITED, Looks
from simulator.scams.mules import Mule
from simulator.scams.scribe import Later, Scribe
from simulator.scams.victims import Luck, Warned, log_normal, night_after, planned_payments
from simulator.scams.volleys import Hooked
from simulator.scenario import Scenario

INCIDENTS = 8  # medium of cases that are known to have happened
CHATS = 9  # medium of those whom a messenger brought, beside volleys' media
RETRIES_MAX = 2  # of one link
RETRY_MINUTES = (8.0, 50.0)  # until a refused payment, a blocked call or site is tried again
RESUME_JITTER_MS = 80_000  # a link that would fall into a slice already taken comes so soon after
HOLD_UP_MS = 30_000  # who drops out hangs up within


@dataclass(slots=True)
class Journeys:
    """All victims of a run."""

    scenario: Scenario
    population: Population
    launderer: Launderer
    warned: Warned
    scribe: Scribe
    later: Later
    looks: Looks
    seed: int
    revoked_fen: int = 0
    attempted_fen: int = 0
    switchboard: Switchboard = field(default_factory=Switchboard)
    _agenda: list[tuple[int, int]] = field(default_factory=list)  # (ts_ms, index)
    _all: list[Journey] = field(default_factory=list)
    _waiting: dict[int, Journey] = field(default_factory=dict)
    _delayed: list[tuple[int, int, Journey, Mule, Payment]] = field(default_factory=list)  # arrives after 24 h
    _order: int = 0
    _next_ms: int = 0

    def hook(self, hooked: Hooked) -> None:
        journey = self._begin(hooked.campaign, hooked.resident, hooked.medium, hooked.hook)
        if hooked.call is not None:
            journey.call, journey.number = hooked.call, int(hooked.call.column("source")[0])
        self._go_on(journey, hooked.ts_ms)

    def chat(self, chat: Chat) -> None:
        journey = self._begin(chat.campaign, chat.resident, CHATS, chat.hook)
        if chat.campaign.chain.late_entry:
            journey.paid_before = int(journey.luck.at(For.ENTRY) * journey.rounds[-1])
        self._go_on(journey, chat.ts_ms)

    def happened(self, case: Happened) -> None:
        """One payment, of a sum that is known."""
        journey = self._begin(case.campaign, case.resident, INCIDENTS, case.campaign.index)
        links = case.campaign.chain.links
        journey.link = next(n for n, link in enumerate(links) if link.look is Look.PAYMENT)
        journey.rounds[journey.link] = 1
        journey.amounts = [case.incident.yuan * 100]
        journey.reports_ms = int(case.incident.reported_minutes * MINUTE_MS)
        self._plan(journey, case.ts_ms)

    def due(self, end_ms: int) -> None:
        """Write down what happens before `end_ms`."""
        self._next_ms = end_ms
        while self._delayed and self._delayed[0][0] < end_ms:
            ts_ms, _, _, mule, payment = heapq.heappop(self._delayed)
            self.launderer.receive(mule, payment.amount_fen, ts_ms)
        while self._agenda and self._agenda[0][0] < end_ms:
            ts_ms, index = heapq.heappop(self._agenda)
            journey = self._all[index]
            if self._warned_off(journey):
                self._end(journey, ts_ms, warned=True)
            else:
                self._act(journey, ts_ms)

    def cancel(self, event_ids: Collection[int]) -> int:
        """Of these payments those that are still delayed don't arrive any more; gives their sum, fen."""
        wanted = [delayed for delayed in self._delayed if delayed[-1].event_id in event_ids]
        for delayed in wanted:
            journey, amount_fen = delayed[2], delayed[-1].amount_fen
            journey.paid_fen -= amount_fen
            journey.campaign.paid_fen -= amount_fen
            self._delayed.remove(delayed)
        heapq.heapify(self._delayed)
        sum_fen = sum(delayed[-1].amount_fen for delayed in wanted)
        self.revoked_fen += sum_fen
        return sum_fen

    def feedback(self, index: int, verdict: int, actions: int, event_id: int) -> None:
        """What was decided on the event of the journey with this index."""
        journey = self._waiting.pop(index)
        ts_ms = journey.waits_ms
        if journey.at.look is Look.PAYMENT:
            self._paid(journey, ts_ms, verdict, event_id)
        elif verdict == Verdict.BLOCK:
            self._blocked(journey, ts_ms)
        elif self._put_off(journey, verdict, actions) or self._warned_off(journey):
            self._end(journey, ts_ms, warned=True)
        else:
            self._done(journey, ts_ms)

    def _begin(self, campaign: Campaign, resident: int, medium: int, hook: int) -> Journey:
        luck, chain = Luck(self.seed, medium, hook), campaign.chain
        rounds = [
            link.rounds[0] + int(luck.at(For.ROUNDS, n) * (link.rounds[1] - link.rounds[0] + 1))
            for n, link in enumerate(chain.links)
        ]
        corporate = bool(self.population.corporate[resident]) and chain.corporate > 0
        amounts = planned_payments(
            chain, campaign.scam_type, self.scenario.victims, rounds[-1], luck.at(For.LOSS), corporate
        )
        loans = sum(n for n, link in zip(rounds, chain.links, strict=True) if link.look is Look.CREDIT)
        journey = Journey(len(self._all), campaign, resident, luck, rounds, amounts, loans)
        self._all.append(journey)
        campaign.victims += 1
        return journey

    def _go_on(self, journey: Journey, ts_ms: int) -> None:
        """Plan the next event, skipping links that don't come about for this person."""
        chain = journey.campaign.chain
        while journey.link < len(chain.links):
            if journey.chance(For.CHANCE) < journey.at.chance:
                self._plan(journey, self._after(journey, ts_ms))
                return
            if journey.at.must:
                break
            journey.next_link()
        self._end(journey, ts_ms, warned=False)

    def _after(self, journey: Journey, ts_ms: int) -> int:
        link, wait = journey.at, log_normal(journey.chance(For.DELAY), journey.at.minutes, journey.at.sigma)
        if journey.round and journey.round == journey.paid_before:
            wait *= journey.luck.at(For.ENTRY, 1)  # some of the time since the last payment has gone by
        at_ms = ts_ms + int(wait * MINUTE_MS)
        return night_after(at_ms, journey.chance(For.NIGHT)) if link.night and journey.round == 0 else at_ms

    def _plan(self, journey: Journey, ts_ms: int) -> None:
        soonest = self._next_ms + int(journey.chance(For.PAUSE) * RESUME_JITTER_MS)
        heapq.heappush(self._agenda, (max(ts_ms, soonest), journey.index))

    def _act(self, journey: Journey, ts_ms: int) -> None:
        look = journey.at.look
        if look is Look.CHAT or look is Look.FORWARDING:
            if look is Look.FORWARDING:
                self.looks.forwarded.add(int(self.population.number[journey.resident]))
            self._done(journey, ts_ms)
            return
        columns = self.looks.columns(journey, ts_ms)
        if columns is None:  # no line, no account to do it with
            if look is Look.PAYMENT and journey.retries < RETRIES_MAX:
                self._try_again(journey, ts_ms)
            else:
                self._blocked(journey, ts_ms)
            return
        kind, step, shown = columns
        if look is Look.PAYMENT and not journey.attempted:
            self._attempt(journey)
        self.scribe.write(
            kind, ts_ms, **shown, campaign=journey.campaign.index, step=step, handle=handle_of(JOURNEYS, journey.index)
        )
        journey.waits_ms = ts_ms
        if look is Look.CALL:
            journey.number = int(shown["source"])
            journey.call = one_row(Kind.CALL, ts_ms, Step.CALL, shown, journey.campaign.index)
        self._waiting[journey.index] = journey

    def _attempt(self, journey: Journey) -> None:
        campaign = journey.campaign
        campaign.payers += not journey.payer
        journey.payer = True
        campaign.attempted_fen += journey.asked_fen
        self.attempted_fen += journey.asked_fen
        journey.attempted = True

    def _done(self, journey: Journey, ts_ms: int) -> None:
        """The link has worked: the next round, or the next link."""
        link = journey.at
        if link.look is Look.CALL and not link.keep_open:
            median, sigma = link.duration_s
            self._hang_up(journey, ts_ms + int(log_normal(journey.chance(For.TALK), median, sigma) * 1000))
        journey.retries, journey.attempted = 0, False
        journey.round += 1
        if journey.round >= journey.rounds[journey.link]:
            journey.next_link()
        self._go_on(journey, ts_ms)

    def _blocked(self, journey: Journey, ts_ms: int) -> None:
        """The scammer tries another line or host, or does without it, or gives up."""
        link = journey.at
        if link.look is Look.CALL:
            journey.call = None
        if link.look is Look.CREDIT:
            self._lend_less(journey)
        again = journey.retries < RETRIES_MAX and journey.chance(For.RETRY) < self.scenario.victims.retry_contact
        if again and link.look is not Look.CREDIT:
            self._try_again(journey, ts_ms)
        elif self._can_do_without(journey):
            journey.next_link()
            self._go_on(journey, ts_ms)
        else:
            self._end(journey, ts_ms, warned=False)

    def _can_do_without(self, journey: Journey) -> bool:
        link = journey.at
        if link.look in (Look.SITE, Look.APP) and not link.essential:
            return journey.chance(For.DETOUR) < self.scenario.victims.without_site
        return not link.must or link.look is Look.CREDIT

    def _try_again(self, journey: Journey, ts_ms: int) -> None:
        journey.retries += 1
        low, high = RETRY_MINUTES
        self._plan(journey, ts_ms + int((low + journey.chance(For.PASSES) * (high - low)) * MINUTE_MS))

    def _lend_less(self, journey: Journey) -> None:
        """What isn't borrowed can't be lost."""
        kept = 1 - CREDITED / max(journey.credits, 1)
        journey.amounts = [max(100, int(amount * kept)) for amount in journey.amounts]

    def _put_off(self, journey: Journey, verdict: int, actions: int) -> bool:
        """A mark, a prompt, a warning page that this person heeds."""
        victims, luck = self.scenario.victims, journey.chance(For.PASSES)
        if journey.at.look in (Look.SITE, Look.APP) and verdict == Verdict.HOLD:
            return luck >= victims.warn_page
        if actions & Action.CHALLENGE and journey.at.look is Look.CALL:
            return luck >= victims.challenged
        return bool(actions & Action.LABEL) and luck >= victims.labelled

    def _paid(self, journey: Journey, ts_ms: int, verdict: int, event_id: int) -> None:
        mule, victims = journey.mule, self.scenario.victims
        assert mule is not None, "a payment to nobody"
        if verdict == Verdict.BLOCK:
            again = journey.retries < RETRIES_MAX and journey.chance(For.RETRY) < victims.retry_payee
            if again and not self._warned_off(journey):
                self._try_again(journey, ts_ms)
            else:
                self._end(journey, ts_ms, warned=True)
            return
        if verdict == Verdict.HOLD and self._revokes(journey):
            self.revoked_fen += journey.asked_fen
            self._end(journey, ts_ms, warned=True)
            return
        payer = int(self.population.account[journey.resident])
        payment = Payment(event_id, ts_ms, payer, mule.account, journey.asked_fen)
        journey.payments.append(payment)
        self._left(journey, mule, payment, ts_ms + (DAY_MS if verdict == Verdict.HOLD else 0))
        if self._warned_off(journey):
            self._end(journey, ts_ms, warned=True)
        else:
            self._done(journey, ts_ms)

    def _left(self, journey: Journey, mule: Mule, payment: Payment, arrives_ms: int) -> None:
        """The money has left the victim, at once or after a delay that nobody used."""
        journey.paid_fen += payment.amount_fen
        journey.campaign.paid_fen += payment.amount_fen
        if arrives_ms < self._next_ms:
            self.launderer.receive(mule, payment.amount_fen, arrives_ms)
        else:
            self._order += 1
            heapq.heappush(self._delayed, (arrives_ms, self._order, journey, mule, payment))

    def _warned_off(self, journey: Journey) -> bool:
        """Of a case that is known to have happened, it is known that nobody was."""
        return journey.reports_ms is None and self.warned.stops(journey.resident, journey.luck.at(For.STOPPED))

    def _revokes(self, journey: Journey) -> bool:
        return journey.reports_ms is None and self.warned.revokes(journey.resident, journey.chance(For.REVOKES))

    def _hang_up(self, journey: Journey, ts_ms: int) -> None:
        call, journey.call = journey.call, None
        if call is not None:
            pause_ms = int(journey.chance(For.PAUSE) * HOLD_UP_MS)
            self.later.add(release(call, max(ts_ms, self._next_ms) + pause_ms))

    def _end(self, journey: Journey, ts_ms: int, *, warned: bool) -> None:
        """Out of the chain: the call ends; some report what they know."""
        self._hang_up(journey, ts_ms)
        at_ms = reported_ms(journey, self.scenario.victims, ts_ms, self._next_ms, warned=warned)
        if at_ms is None:
            return
        for rows in reports(journey, self.population, at_ms):
            self.later.add(rows)
        if journey.payments:
            self.switchboard.add(alert(journey, self.population, at_ms))
