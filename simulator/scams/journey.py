"""One victim's way along a chain.

Enters: a campaign, a resident, luck. Leaves: Journey. Invariant: the luck of a person for one purpose at one round of
one link is one number, whatever happened before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from simulator.events import Rows
from simulator.scams.alerts import Payment
from simulator.scams.campaign import Campaign
from simulator.scams.chains import Link
from simulator.scams.mules import Mule
from simulator.scams.victims import Luck


class For(IntEnum):
    """What luck is drawn for."""

    DELAY = 0
    CHANCE = 1
    ROUNDS = 2
    LOSS = 3
    STOPPED = 4
    PASSES = 5
    RETRY = 6
    ENTRY = 7
    LINE = 8  # or account
    TEXT = 9  # or host, or lender
    REVOKES = 10
    REPORTS = 11
    HOST = 12
    PAUSE = 13
    NIGHT = 14
    TALK = 15
    DETOUR = 16


@dataclass(slots=True)
class Journey:
    """The link that comes next, and what has happened so far."""

    index: int
    campaign: Campaign
    resident: int
    luck: Luck
    rounds: list[int]
    amounts: list[int]  # planned payments, fen
    credits: int  # rounds of loans, if any
    link: int = 0
    round: int = 0
    retries: int = 0
    paid_before: int = 0  # rounds of the last link that were over before anybody looked
    call: Rows | None = None  # that is being held
    number: int = 0  # that called last
    mule: Mule | None = None  # paid last
    asked_fen: int = 0  # of the payment that waits
    attempted: bool = False  # the payment that waits has been counted
    payer: bool = False
    paid_fen: int = 0
    borrowed_fen: int = 0
    waits_ms: int = 0  # time of the event that waits for a decision
    reports_ms: int | None = None  # so long after the payment the victim reports, where that is known
    payments: list[Payment] = field(default_factory=list)  # that have left

    @property
    def at(self) -> Link:
        return self.campaign.chain.links[self.link]

    def next_link(self) -> None:
        self.link, self.retries = self.link + 1, 0
        self.round = self.paid_before if self.link == len(self.rounds) - 1 else 0

    def chance(self, purpose: For) -> float:
        return self.luck.at(purpose, self.link, self.round)
