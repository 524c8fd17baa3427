"""How people react: to bait, to warnings, to delays, and what they pay.

Enters: warnings, luck. Leaves: chances and sums. Invariant: someone whom a warning of one tier stops would also be
stopped by every higher tier: the luck of a person at a place of a chain is one number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from interceptor.schema import WARNINGS, Action
from simulator.chance import Draws
from simulator.clock import DAY_0_MS, DAY_MS, HOUR_MS, MINUTE_MS
from simulator.scam_types import TYPES
from simulator.scams.chains import Chain
from simulator.scenario import Victims

LOSS_MIN_FEN = 10_000
CORPORATE_MIN_FEN, CORPORATE_MAX_FEN, CORPORATE_SIGMA = 10_000_000, 200_000_000, 0.8  # D2: 0.1–2 m yuan
REBATE_FEN = (500, 5_000)  # D2
NIGHT_FROM_H, NIGHT_MINUTES = 22.6, 80.0  # stolen cards are emptied from then on, so many minutes as a median later [A]
LINKS_MAX, ROUNDS_MAX, PURPOSES = 6, 10, 17
_NORMAL = NormalDist()
_LOSS_YUAN = {type_.id: type_.loss_yuan for type_ in TYPES}


class Luck:
    """The luck of one victim: a number in [0, 1) for each purpose at each round of each link."""

    __slots__ = ("_draws",)

    def __init__(self, seed: int, medium: int, hook: int) -> None:
        self._draws = Draws(seed, "victim", medium, hook)

    def at(self, purpose: int, link: int = 0, round_: int = 0) -> float:
        return self._draws.of((min(link, LINKS_MAX - 1) * ROUNDS_MAX + round_ % ROUNDS_MAX) * PURPOSES + purpose)


def log_normal(luck: float, median: float, sigma: float) -> float:
    """A log-normal draw by its quantile `luck`."""
    return float(median * np.exp(sigma * _NORMAL.inv_cdf(min(max(luck, 1e-9), 1 - 1e-9))))


def planned_payments(
    chain: Chain, scam_type: str, victims: Victims, rounds: int, luck: float, corporate: bool
) -> list[int]:
    """Amounts in fen that a victim will have paid if nobody stops them: rising, round as people's sums are."""
    if corporate:
        total = log_normal(luck, chain.corporate_loss_yuan * 100, CORPORATE_SIGMA) * victims.loss_factor
        total = min(max(total, CORPORATE_MIN_FEN), CORPORATE_MAX_FEN)
    else:
        total = log_normal(luck, _LOSS_YUAN[scam_type] * 100, victims.loss_sigma) * victims.loss_factor
        total = min(max(total, LOSS_MIN_FEN), victims.loss_yuan_max * 100)
    weights = [chain.rising**n for n in range(rounds)]
    return [_round_sum(total * weight / sum(weights)) for weight in weights]


def _round_sum(fen: float) -> int:
    """People pay 4,990 or 12,800, not 12,786.31."""
    step = 100 if fen < 100_000 else 1_000 if fen < 1_000_000 else 10_000
    return max(100, round(fen / step) * step)


def night_after(ts_ms: int, luck: float) -> int:
    """A time in the night that begins on the day of `ts_ms`, not before it."""
    day_start = DAY_0_MS + (ts_ms - DAY_0_MS) // DAY_MS * DAY_MS
    begins = max(ts_ms, day_start + int(NIGHT_FROM_H * HOUR_MS))
    return begins + int(log_normal(luck, NIGHT_MINUTES, 0.6) * MINUTE_MS)


def tiers(actions: np.ndarray) -> np.ndarray:
    """u8[n]: highest warning tier among the actions, 0 = none."""
    ladder = (Action.WARN_1, Action.WARN_2, Action.WARN_3, Action.WARN_4)
    highest = np.zeros(len(actions), np.uint8)
    for tier, warning in enumerate(ladder, start=1):
        highest[(actions & np.uint32(warning)) != 0] = tier
    return highest


@dataclass(slots=True)
class Warned:
    """The highest warning that each resident has had lately, whatever it was about: it is on their mind in any later
    step, until they forget it."""

    model: Victims
    tier: np.ndarray  # u8[residents]
    now_ms: int = 0
    _forgotten_ms: np.ndarray = field(init=False)  # i64[residents]
    _chance: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self._chance = np.array([0.0, *self.model.stopped_by_warning])
        self._forgotten_ms = np.full(len(self.tier), np.iinfo(np.int64).max)

    def at(self, now_ms: int) -> None:
        """It is that time now."""
        self.now_ms = now_ms

    def note(self, residents: np.ndarray, tier: np.ndarray) -> None:
        """`tier` u8[n] of the warnings that residents, i64[n], have got now."""
        self.tier[residents] = np.where(self._forgotten_ms[residents] <= self.now_ms, 0, self.tier[residents])
        np.maximum.at(self.tier, residents, tier)
        self._forgotten_ms[residents] = self.now_ms + int(self.model.warning_days * DAY_MS)

    def stop_chance(self, residents: np.ndarray) -> np.ndarray:
        known = self._forgotten_ms[residents] > self.now_ms
        return np.where(known, self._chance[self.tier[residents]], 0.0)

    def stops(self, resident: int, luck: float) -> bool:
        return bool(luck < self._chance[self._tier(resident)])

    def _tier(self, resident: int) -> int:
        return int(self.tier[resident]) if self._forgotten_ms[resident] > self.now_ms else 0

    def revokes(self, resident: int, luck: float) -> bool:
        """Withdraws a delayed transfer within the 24 hours."""
        tier = self._tier(resident)
        return luck < self.model.revoke + (self.model.revoke_by_tier[tier - 1] if tier else 0.0)


def any_warning(actions: np.ndarray) -> np.ndarray:
    return (actions & np.uint32(WARNINGS)) != 0
