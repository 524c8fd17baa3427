"""What the centre's partners answer: victims who ring, banks that stop accounts, citizens who are warned.

Enters: questions with the time of asking. Leaves: answers, and what follows from them in the city. Invariant: an
answer depends on who is asked, when and how often, and on nothing that was asked of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interceptor.schema import Outcome
from simulator.chance import draw
from simulator.clock import MINUTE_MS, hour_of_day
from simulator.officers import Officers
from simulator.scams.alerts import Alert
from simulator.scams.operation import Operation
from simulator.scams.victims import log_normal
from simulator.scenario import Banks

DESKS = ("large bank", "small bank", "payment company")
NIGHT_H = (22, 8)


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a bank found when it stopped an account. `gross_fen`: all that was in it; `ours_fen`: of it, money of this
    city's victims. `is_mule`: the truth."""

    gross_fen: int
    ours_fen: int
    is_mule: bool


@dataclass(slots=True)
class Answers:
    """Of one city."""

    banks: Banks
    operation: Operation
    officers: Officers
    seed: int

    def alerts(self, end_ms: int) -> Sequence[Alert]:
        """Who rings before `end_ms`, in order of time."""
        return self.operation.journeys.switchboard.due(end_ms)

    def desk(self, account: int) -> int:
        """Which kind of bank keeps an account: position in DESKS."""
        bounds = np.cumsum(self.banks.desk_shares)
        return int(np.searchsorted(bounds[:-1], draw(self.seed, "desk", account), side="right"))

    def stopped_ms(self, account: int, layer: int, asked_ms: int) -> int:
        """When a stop asked for bites: the desk's time, and that of the queries that lead down to this layer."""
        median = self.banks.desk_minutes[self.desk(account)] + self.banks.query_minutes * max(layer - 1, 0)
        hour = hour_of_day(asked_ms)
        if hour >= NIGHT_H[0] or hour < NIGHT_H[1]:
            median *= self.banks.night_factor
        luck = draw(self.seed, "desk minutes", account, asked_ms)
        return asked_ms + int(log_normal(luck, median, self.banks.desk_sigma) * MINUTE_MS)

    def cancel(self, alert: Alert) -> int:
        """Payments of a victim's that his bank still delays don't arrive any more; gives their sum, fen."""
        return self.operation.journeys.cancel({payment.event_id for payment in alert.payments})

    def stop(self, account: int) -> Stopped:
        """The account may receive, not pay, from now on."""
        launderer = self.operation.launderer
        gross_fen = launderer.found_fen(account)
        if gross_fen is None:
            return Stopped(self.operation.balance_fen(account), 0, is_mule=False)
        launderer.hold(account)
        return Stopped(gross_fen, launderer.kept_fen(account), is_mule=True)

    def kept_fen(self, account: int) -> int:
        """Money of this city's victims in a stopped account."""
        return self.operation.launderer.kept_fen(account)

    def proven_fen(self, account: int) -> int:
        """Of what is in a stopped account, what police can freeze as victims' money, of whatever city."""
        return self.operation.launderer.proven_fen(account)

    def is_mule(self, account: int) -> bool:
        """What police find out about a holder whom they ask."""
        return self.operation.launderer.found_fen(account) is not None

    def release(self, account: int, now_ms: int) -> None:
        self.operation.launderer.release(account, now_ms)

    def give_back(self, account: int, amount_fen: int) -> int:
        """Out of a stopped account to a victim; gives what was there, fen."""
        return self.operation.launderer.give_back(account, amount_fen)

    def owner_comes(self, number_or_account: int) -> bool:
        """Whether somebody comes who can show that a line or an account is his own."""
        return self.operation.is_citizens(number_or_account)

    def is_scam_site(self, site: int) -> bool:
        """What an officer sees who opens it."""
        return site in self.operation.scam_sites

    def warn(self, number: int, tier: int, now_ms: int, nth: int) -> Outcome:
        """One try. Whoever is reached keeps it in mind."""
        outcome = self.officers.answer(number, tier, now_ms, nth)
        if outcome not in (Outcome.UNREACHED, Outcome.REFUSED):
            self.operation.warned(number, tier, now_ms)
        return outcome
