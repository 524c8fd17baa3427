"""What the centre has at hand to warn with, and how long it tries.

Enters: nothing. Leaves: parameters. Invariant: every figure has its mark; all can be set anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from interceptor.local_time import clock
from interceptor.schema import Outcome

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SMS, MACHINE, OFFICER, VISIT = 1, 2, 3, 4
TIER_NAMES = {SMS: "SMS", MACHINE: "automatic call", OFFICER: "officer's call", VISIT: "visit"}
SENDER = 8655496110  # 0554-96110: area code and 96110 (A1 [P]); rule forged-warning-line keeps it to its owner
REACHED = {Outcome.PERSUADED: "persuaded", Outcome.CONFIRMED: "confirmed", Outcome.FALSE_ALARM: "false_alarm"}
_DAY, _EVENING, _NIGHT = 6, 4, 2  # officers at the telephones [A]


@dataclass(frozen=True, slots=True)
class Means:
    """Minutes unless said otherwise. All [A] but for X03 (D4) and the tiers themselves (A1 [P])."""

    messages_a_minute: int = 600
    lines: int = 30  # automatic calls at a time
    officers: tuple[int, ...] = (_NIGHT,) * 8 + (_DAY,) * 11 + (_EVENING,) * 4 + (_NIGHT,)  # by hour of day
    cars: int = 2  # with two officers each, in every district, at its stations
    message_counts_for: int = 60  # further events join a warning that was sent, until then
    machine_takes: int = 2
    officer_takes: int = 8
    travel_takes: int = 20
    visit_takes: int = 25
    machine_tries: int = 3
    machine_pause: int = 10
    officer_pause: int = 5
    officer_gives_up_after: int = 15  # since the first try in vain (X03)
    hang_ups: int = 3  # then the next tier (X03)
    visits: int = 2
    visit_pause: int = 120
    again_after: int = 60  # the same tier to the same citizen
    false_alarm_rests: int = 1_440  # the same tier for the same rules, once an officer heard that all is well
    hold: int = 240  # of a citizen's own payments to strangers, at most
    score_minutes: float = 6.0  # head start in the queue for a point of score
    head_start_max: int = 60  # by score, and as much again by what is at stake

    def takes_ms(self, tier: int) -> int:
        """How long a try of this tier lasts at most."""
        minutes = (
            self.message_counts_for,
            self.machine_takes,
            self.officer_takes,
            self.travel_takes + self.visit_takes,
        )
        return minutes[tier - 1] * MINUTE_MS

    def pause_ms(self, tier: int) -> int:
        return (0, self.machine_pause, self.officer_pause, self.visit_pause)[tier - 1] * MINUTE_MS

    def room(self, tier: int, at_ms: int) -> int:
        """Messages in the minute, lines, officers on duty, cars of a district."""
        officers = self.officers[clock(at_ms).hour]
        return (self.messages_a_minute, self.lines, officers, self.cars)[tier - 1]

    def more_room_ms(self, tier: int, at_ms: int) -> int:
        """When there may be more room though nobody got free: the next minute, the next shift; 0 = never."""
        span = {SMS: MINUTE_MS, OFFICER: HOUR_MS}.get(tier, 0)
        return (at_ms // span + 1) * span if span else 0

    def risk(self, score: float, stake_fen: int) -> int:
        """Minutes of head start: a bounded number, so that whoever waits is served in the end. 1,000 yuan are 6
        minutes, 10,000 are 21, 100,000 are 40."""
        by_score = min(self.head_start_max, self.score_minutes * max(score, 0.0))
        by_stake = min(self.head_start_max, 20 * math.log10(1 + max(stake_fen, 0) / 100_000))
        return round(by_score + by_stake)


@dataclass(frozen=True, slots=True)
class Step:
    """What follows a try: `closed` with this result, else once more after a pause, else (`up`) the next tier."""

    closed: str = ""
    up: str = ""


def following(
    means: Means, tier: int, outcome: Outcome, *, tries: int, refusals: int, missed_ms: int, at_ms: int
) -> Step:
    """After a try that ended at at_ms: the tries of this tier and the refusals of all tiers include it; missed_ms: when
    the first try of this tier was in vain."""
    if outcome in REACHED:
        return Step(closed=REACHED[outcome])
    if outcome is Outcome.NONE and tier <= MACHINE:
        return Step(closed="sent" if tier == SMS else "played")
    refused = outcome is Outcome.REFUSED
    if tier == VISIT:
        return Step(closed="refused" if refused else "unreached") if tries >= means.visits else Step()
    if refused:
        return Step(up="refused") if tier == SMS or refusals >= means.hang_ups else Step()
    given_up = {
        SMS: True,
        MACHINE: tries >= means.machine_tries,
        OFFICER: at_ms - missed_ms >= means.officer_gives_up_after * MINUTE_MS,
    }
    return Step(up="unreached") if given_up[tier] else Step()
