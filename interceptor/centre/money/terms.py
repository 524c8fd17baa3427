"""The law's times, and how long banks take.

Enters: nothing. Leaves: figures and the words of a stop's life. Invariant: a figure that isn't from a source is marked
[A].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
YUAN = 100  # fen


class State(StrEnum):
    """Of a stop, in the order of its life; the last three are its ends."""

    REQUESTED = "requested"  # the bank has to say whether the holder's name fits
    MATCHED = "matched"  # all that the victim says is as it stands in the books
    STOPPED = "stopped"  # for 48 hours the account may receive, not pay
    EXTENDED = "extended"  # for another 48 hours
    FROZEN = "frozen"  # for six months, again and again
    MISMATCH_REFUSED = "mismatch_refused"  # the bank must refuse
    RETURNED = "returned"  # all that was frozen went back to victims
    RELEASED = "released"  # the account pays again


class Source(StrEnum):
    """Who wants an account stopped."""

    ALERT = "alert"  # a victim
    TRACE = "trace"  # money of a victim was followed into it
    RULE = "rule"  # a rule at the gate
    OFFICER = "officer"


class BankKind(StrEnum):
    """How a bank is reached."""

    ONLINE = "online"  # through the platform
    BRANCH = "branch"  # by paper to a branch in the city
    ELSEWHERE = "elsewhere"  # a branch in another city


@dataclass(frozen=True, slots=True)
class MoneyTerms:
    """Times in ms, sums in fen, shares from 0 to 1."""

    stop_ms: int = 48 * HOUR_MS  # from the moment it bites [P, A3: the notice of 2016]
    stops_max: int = 2  # on one account for one matter [P, A3]
    freeze_ms: int = 183 * DAY_MS  # six months, renewable without limit [P, A3: the joint rule of 2013]
    amount_tolerance_fen: int = 0  # the amount must match [P, A3]
    time_tolerance_ms: int = 30 * MINUTE_MS  # so must the time; how exactly is [A]
    payments_kept_ms: int = 7 * DAY_MS  # [A]
    # T10 [A, D4]: an account is stopped if 30 % of it or 5,000 yuan are tainted, at most 6 layers down.
    taint_share: float = 0.30
    taint_fen: int = 5_000 * YUAN
    taint_least_fen: int = 100 * YUAN  # whatever share that is [A]
    layers_max: int = 6
    taint_listed_ms: int = 48 * HOUR_MS  # as long as a stop would last; rules/lists/filled.yaml
    alerts_from_stream: bool = True  # a report that a gate stops an account for is an alert, if its payment is found
    freeze_on_finding: bool = True  # of city-level police, about an account that is stopped
    lift_on_feedback: bool = True  # of officers or after an appeal, that there was nothing wrong with an account


@dataclass(frozen=True, slots=True)
class BankDesk:
    """How long a bank takes to carry a stop out, in minutes from the request; medians of a log-normal [A]. Anchors: "in
    minutes" is what centres aim at [P, A1], 30 minutes is the platform's term for a first-level account [P, A1]; one
    first-layer corporate stop took 15 minutes in all [S, B1]."""

    minutes: Mapping[BankKind, float] = field(
        default_factory=lambda: {BankKind.ONLINE: 6.0, BankKind.BRANCH: 15.0, BankKind.ELSEWHERE: 40.0}
    )  # [A]
    deeper: float = 1.5  # factor for each layer below the first: requests for many accounts at once [A]
    sigma: float = 0.7  # of the logarithm [A]
    first_layer_minutes: float = 30.0  # [P, A1]
    late_factor: float = 3.0  # a deeper layer is late after so many medians [A]

    def expected_minutes(self, kind: BankKind, layer: int) -> float:
        """The median."""
        return self.minutes[kind] * self.deeper ** (layer - 1)

    def taken_minutes(self, kind: BankKind, layer: int, luck: float) -> float:
        """Of one stop; `luck`: a standard normal deviate."""
        return self.expected_minutes(kind, layer) * math.exp(self.sigma * luck)

    def answer_minutes(self, kind: BankKind, layer: int) -> float:
        """Until when the bank has to answer."""
        late = self.late_factor * self.expected_minutes(kind, layer)
        return self.first_layer_minutes if layer == 1 else max(self.first_layer_minutes, late)


TERMS = MoneyTerms()
DESK = BankDesk()


def yuan(fen: int) -> str:
    """For people: 12,345.60 yuan."""
    return f"{fen // YUAN:,}.{fen % YUAN:02} yuan"
