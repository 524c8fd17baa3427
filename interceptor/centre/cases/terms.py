"""What a case is: its kind, its urgency, who acts in it, what may come of it, and how long things may take.

Enters: nothing. Leaves: words and figures. Invariant: a figure that isn't from a source is marked [A].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class CaseKind(StrEnum):
    """What a case is about."""

    MONEY = "money"  # somebody lost money, or is about to
    LINE = "line"  # a number that calls or writes
    SITE = "site"
    CARD = "card"  # SIMs, accounts, outlets
    PLACE = "place"
    CITIZEN = "citizen"  # somebody in danger whom nobody reaches
    RULE = "rule"  # a rule that is often wrong


class Urgency(IntEnum):
    """The four grades that officers work by [P, A1]; the most urgent first."""

    URGENT = 0
    HIGH = 1
    MEDIUM = 2
    LOW = 3


class Party(StrEnum):
    """Who did or said what stands on a timeline."""

    POLICE = "police"
    BANK = "bank"
    CARRIER = "carrier"
    CENTRE = "centre"
    CITIZEN = "citizen"
    RULE = "rule"


class Outcome(StrEnum):
    """What came of a case."""

    CONFIRMED = "confirmed"  # it was fraud
    FALSE_ALARM = "false_alarm"  # it was none: whatever was done because of it is lifted
    UNDECIDED = "undecided"  # it ends, and says nothing about the rules behind it


URGENCY = {
    CaseKind.MONEY: Urgency.URGENT, CaseKind.CITIZEN: Urgency.URGENT, CaseKind.SITE: Urgency.HIGH,
    CaseKind.PLACE: Urgency.HIGH, CaseKind.LINE: Urgency.MEDIUM, CaseKind.CARD: Urgency.MEDIUM,
    CaseKind.RULE: Urgency.MEDIUM,
}  # fmt: skip
"""How urgent a case is where nobody says [A]."""


def _minutes(*by_urgency: float) -> Mapping[Urgency, int]:
    return {urgency: round(minutes * MINUTE_MS) for urgency, minutes in zip(Urgency, by_urgency, strict=True)}


@dataclass(frozen=True, slots=True)
class CaseTerms:
    """Times in ms; shares from 0 to 1."""

    # A first-level account must be entered within 30 minutes [P, A1: the platform of 2016]; the other grades [A].
    handle_ms: Mapping[Urgency, int] = field(default_factory=lambda: _minutes(30, 120, 24 * 60, 72 * 60))
    # A freeze has to be ordered within the 48 hours of a stop [P, A1]; the other grades [A].
    decide_ms: Mapping[Urgency, int] = field(default_factory=lambda: _minutes(*(60 * h for h in (48, 72, 168, 336))))
    join_ms: int = 7 * DAY_MS  # what comes about the same thing within that joins the open case [A]
    load_max: int = 20  # open cases of an officer where nobody says [A]
    merge_shared: int = 1  # things that two cases must share to be one [A]
    # X06 [A, D4]: more than so many wrong among so many looked into, or so many appeals upheld. Bounds and spans are
    # those of rules/centre.yaml; what is counted isn't: see judging.
    wrong_share_max: float = 0.02
    judged_min: int = 50
    judged_within_ms: int = 7 * DAY_MS
    appeals: int = 3
    appeals_within_ms: int = DAY_MS


TERMS = CaseTerms()
