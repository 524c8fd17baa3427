"""The centre's partners in a simulated city: victims who ring, banks that stop accounts, police who decide, citizens.

Enters: orders of the centre, the time. Leaves: acts: what was reported, executed, heard, decided. Invariants:
whatever a partner does happens at its own time, after it was asked for; nobody knows the truth but the city that
answers.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from interceptor.centre.book import Book
from interceptor.centre.cards import acts as cards
from interceptor.centre.cases.officers import officer
from interceptor.centre.citizens import appeals
from interceptor.centre.citizens.appeals import Appeal
from interceptor.centre.flow.tracing import Limits
from interceptor.centre.money import alerts, freezing, returning, stopping
from interceptor.centre.money.books import account_of, holding
from interceptor.centre.money.matching import Claim
from interceptor.centre.money.stops import one, open_on
from interceptor.centre.money.tainting import tainted
from interceptor.centre.money.terms import Source, State
from interceptor.centre.orders import Order, Verb
from interceptor.centre.refusal import Refused
from interceptor.centre.sites import acts as site_acts
from interceptor.centre.sites import reading as sites
from interceptor.centre.sites.likeness import Official
from interceptor.centre.things import Thing
from interceptor.centre.warnings import acts as warnings
from interceptor.commands.centre.tracer import traced
from interceptor.entries import FOREVER_MS
from interceptor.local_time import clock
from interceptor.schema import Outcome
from simulator.answers import Answers
from simulator.chance import uniform
from simulator.clock import DAY_MS, HOUR_MS, MINUTE_MS
from simulator.scam_types import SCAM_TYPES
from simulator.scams.alerts import Alert

ADVICE_IS_LIKE = 1  # tier
BANK, POLICE, CITIZEN, CENTRE, OFFICER, HOLDER = "bank", "police", "victim", "tracing", "officer", "holder"
PAPERS = "identity card, and what shows where the money comes from"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How the people of the centre work."""

    # A1: a first-layer account is asked for within minutes; further down it takes queries. After so many minutes the
    # money is looked for again, since it has moved on meanwhile [A].
    trace_minutes: tuple[float, ...] = (2.0, 20.0, 90.0, 360.0)
    limits: Limits = field(default_factory=Limits)
    decided_hours: float = 40.0  # A: after a stop police decide: "freeze order within the 48 h stop" (A1)
    freeze_fen: int = 100_000  # A: for less of this city's, no order is made; two of ten stopped accounts got one (B1)
    # Of honest holders so many appeal, within so many hours; of mules few. All A, as simulator/officers.py has them for
    # what gates take. An officer decides after so long (A; the law says "in time", art. 32); whoever doesn't appeal is
    # found honest when police decide.
    appealed: float = 0.7
    appealed_by_mules: float = 0.03
    appeal_hours: tuple[float, float] = (0.5, 6.0)
    appeal_decided_hours: float = 2.0
    returned_days: float = 30.0  # A: after a freeze, to the victims
    verified_hours: float = 20.0  # A: until an owner comes who was asked to
    patrol_minutes: float = 60.0  # A: an officer looks at what patrol proposes so often, by day
    patrol_h: tuple[int, int] = (8, 22)
    cases_each: int = 40  # A: open cases of an officer at a time
    officers: int = 12  # A
    try_minutes: tuple[float, float, float, float] = (0.0, 1.0, 4.0, 35.0)  # A: until a try of each tier has its end


@dataclass(slots=True)
class Partners:
    """All partners of one run."""

    book: Book
    answers: Answers
    official: Official
    rhythm: Rhythm = field(default_factory=Rhythm)
    _agenda: list[tuple[int, int, Callable[[int], None]]] = field(default_factory=list)
    _order: int = 0
    _tries: int = 0
    _patrols_ms: int = 0

    def on_duty(self, at_ms: int) -> None:
        """Puts the officers on the roster."""
        for nth in range(self.rhythm.officers):
            officer(self.book, f"officer {nth + 1}", load_max=self.rhythm.cases_each, by=CENTRE, at_ms=at_ms)

    def hear(self, order: Order) -> None:
        """An order that a partner carries out, at its own time."""
        if order.thing is None:
            return
        if order.verb is Verb.STOP and order.until_ms == FOREVER_MS:  # an extension has an end, and awaits no answer
            self._stop(order)
        elif order.verb is Verb.WARN and order.tier:
            self._warn(order)
        elif order.verb is Verb.WARN:  # advice: read like any message of the centre's, and no more is heard of it
            self._tries += 1
            self.answers.warn(order.thing.key, ADVICE_IS_LIKE, order.at_ms, self._tries)
        elif order.verb is Verb.REVERIFY:
            self._asked_to_verify(order.thing, order.at_ms)
        elif order.verb in (Verb.LIMIT, Verb.SUSPEND):
            self._may_appeal(order.thing, order.at_ms, lambda card: self.answers.owner_comes(card.key))
        elif order.verb is Verb.RELEASE:
            self.answers.release(order.thing.key, order.at_ms)
        elif order.verb is Verb.FREEZE:
            stop = _number(order.ref)
            self._at(order.at_ms + int(self.rhythm.returned_days * DAY_MS), lambda at_ms: self._give_back(stop, at_ms))

    def due(self, now_ms: int) -> None:
        """What has its time before now_ms, in order of time."""
        self._patrol(now_ms)
        for alert in self.answers.alerts(now_ms):
            self._at(alert.ts_ms, lambda at_ms, alert=alert: self._report(alert, at_ms))  # type: ignore[misc]
        while self._agenda and self._agenda[0][0] < now_ms:
            at_ms, _, act = heapq.heappop(self._agenda)
            with suppress(Refused):  # the log says so: an account that was released meanwhile, a warning that is over
                act(at_ms)

    def _at(self, ts_ms: int, act: Callable[[int], None]) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (ts_ms, self._order, act))

    # --- victims ---

    def _report(self, alert: Alert, at_ms: int) -> None:
        """110 takes the alert down, the account paid last is asked for at once, then the money is followed."""
        last = alert.payments[-1]  # the holder's name that the victim's bank shows is the true one
        claim = Claim(
            last.payer, last.payee, last.amount_fen, last.ts_ms, last.event_id, holding(self.book.db, last.payee).holder
        )
        made = alerts.report(
            self.book, reporter=alert.number, scam_type=SCAM_TYPES[alert.scam_type], loss_fen=alert.loss_fen,
            claim=claim, by=CITIZEN, at_ms=at_ms,
        )  # fmt: skip
        with suppress(Refused):
            stopping.request_stop(self.book, alert=made.id, source=Source.ALERT, by=CENTRE, at_ms=at_ms)
        told_ms = self.answers.stopped_ms(last.payer, 1, at_ms)
        self._at(told_ms, lambda now_ms: self._cancel(made.id, alert, now_ms))
        payments = tuple(payment.event_id for payment in alert.payments)
        for minutes in self.rhythm.trace_minutes:
            self._at(at_ms + int(minutes * MINUTE_MS), lambda now_ms: self._trace(made.case, made.id, payments, now_ms))

    def _cancel(self, made: int, alert: Alert, at_ms: int) -> None:
        """What the victim's own bank still delays goes back to him."""
        cancelled_fen = self.answers.cancel(alert)
        if cancelled_fen:
            alerts.cancelled(self.book, made, cancelled_fen, by=BANK, at_ms=at_ms)

    def _trace(self, case: int, alert: int, payments: tuple[int, ...], at_ms: int) -> None:
        found = traced(self.book.db, payments, self.rhythm.limits, at_ms)
        if found:
            tainted(self.book, case, found, alert=alert, by=CENTRE, at_ms=at_ms)

    # --- banks and police ---

    def _stop(self, order: Order) -> None:
        stop = _number(order.ref)
        account = order.thing.key if order.thing else 0
        layer = one(self.book.db, stop).layer
        self._at(
            self.answers.stopped_ms(account, layer, order.at_ms), lambda at_ms: self._executed(stop, account, at_ms)
        )

    def _executed(self, stop: int, account: int, at_ms: int) -> None:
        if one(self.book.db, stop).state not in (State.REQUESTED, State.MATCHED):
            return
        found = self.answers.stop(account)
        stopping.executed(self.book, stop, found.gross_fen, by=BANK, at_ms=at_ms)
        self._may_appeal(account_of(account), at_ms, lambda held: not self.answers.is_mule(held.key))
        decided_ms = at_ms + int(self.rhythm.decided_hours * HOUR_MS)
        self._at(decided_ms, lambda now_ms: self._decide(stop, account, now_ms))

    def _decide(self, stop: int, account: int, at_ms: int) -> None:
        """What the bank's statement shows of victims' money decides; who is found innocent gets his account back."""
        found = open_on(self.book.db, account)
        if found is None or found.id != stop:
            return
        if not self.answers.is_mule(account):
            stopping.release(self.book, stop, "nothing speaks against the holder", wrongly=True, by=POLICE, at_ms=at_ms)
            return
        if self.answers.kept_fen(account) >= self.rhythm.freeze_fen:
            proven_fen = min(self.answers.proven_fen(account), found.gross_fen)
            freezing.freeze(self.book, stop, case=found.case, amount_fen=proven_fen, by=POLICE, at_ms=at_ms)

    def _give_back(self, stop: int, at_ms: int) -> None:
        account = one(self.book.db, stop).account.key
        for _, fen in returning.give_back(self.book, stop, by=POLICE, at_ms=at_ms):
            self.answers.give_back(account, fen)

    # --- appeals ---

    def _may_appeal(self, thing: Thing, at_ms: int, honest: Callable[[Thing], bool]) -> None:
        """Whose line or account was taken may say that it is wrong, at his own time."""
        rhythm, luck = self.rhythm, uniform(self.answers.seed, "appeal", thing.key, at_ms, np.arange(2)).tolist()
        if luck[0] < (rhythm.appealed if honest(thing) else rhythm.appealed_by_mules):
            low, high = rhythm.appeal_hours
            files_ms = at_ms + int((low + luck[1] * (high - low)) * HOUR_MS)
            self._at(files_ms, lambda now_ms: self._appeal(thing, now_ms, honest))

    def _appeal(self, thing: Thing, at_ms: int, honest: Callable[[Thing], bool]) -> None:
        if not appeals.against(self.book.db, thing, at_ms):
            return  # was given back meanwhile
        appeal = appeals.file(self.book, thing, PAPERS, by=HOLDER, at_ms=at_ms)
        decided_ms = at_ms + int(self.rhythm.appeal_decided_hours * HOUR_MS)
        self._at(decided_ms, lambda now_ms: self._decide_appeal(appeal, now_ms, upheld=honest(thing)))

    def _decide_appeal(self, appeal: Appeal, at_ms: int, *, upheld: bool) -> None:
        if upheld:
            appeals.uphold(self.book, appeal.id, by=OFFICER, at_ms=at_ms, why="the papers show that it is honest")
        else:
            appeals.refuse(self.book, appeal.id, "the bank's statement speaks against it", by=OFFICER, at_ms=at_ms)

    # --- officers ---

    def _patrol(self, now_ms: int) -> None:
        """An officer opens each site that patrol proposes, and says what it is."""
        low, high = self.rhythm.patrol_h
        if now_ms < self._patrols_ms or not low <= clock(now_ms).hour < high:
            return
        self._patrols_ms = now_ms + int(self.rhythm.patrol_minutes * MINUTE_MS)
        for site in sites.listing(self.book):
            with suppress(Refused):
                if self.answers.is_scam_site(site.thing.key):
                    site_acts.confirm(self.book, site.id, self.official, by=OFFICER, at_ms=now_ms)
                else:
                    site_acts.reject(self.book, site.id, by=OFFICER, at_ms=now_ms, why="the page is what it says it is")

    # --- citizens ---

    def _asked_to_verify(self, card: Thing, at_ms: int) -> None:
        """Whoever can show that a card is his own comes; others stay away."""
        if self.answers.owner_comes(card.key):
            comes_ms = at_ms + int(self.rhythm.verified_hours * HOUR_MS)
            self._at(comes_ms, lambda at_ms: self._verified(card, at_ms))

    def _verified(self, card: Thing, at_ms: int) -> None:
        cards.verified(self.book, card, passed=True, by=CITIZEN, at_ms=at_ms)

    def _warn(self, order: Order) -> None:
        warning, number, tier = _number(order.ref), order.thing.key if order.thing else 0, order.tier
        wait_ms = int(self.rhythm.try_minutes[tier - 1] * MINUTE_MS)
        self._at(order.at_ms + wait_ms, lambda at_ms: self._answered(warning, number, tier, at_ms))

    def _answered(self, warning: int, number: int, tier: int, at_ms: int) -> None:
        self._tries += 1
        said = self.answers.warn(number, tier, at_ms, self._tries)
        if said is not Outcome.NONE:  # of a message, and of a machine's call, nobody hears more
            warnings.outcome(self.book, warning, said, by=CITIZEN, at_ms=at_ms)


def _number(ref: str) -> int:
    """stop:17 and warning:17 → 17."""
    return int(ref.partition(":")[2])
