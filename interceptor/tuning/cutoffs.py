"""Choosing a cut-off under a budget of alerts, and how sure that choice is.

Enters: a Tally, a Curve, a budget. Leaves: a cut-off, its interval; intervals of a rate and of a share. Invariant: the
same counts give the same answer to the last bit: chance has a fixed seed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import sqrt

import numpy as np

from interceptor.rules.errors import printable
from interceptor.tuning.tables import UsageProblem
from interceptor.tuning.tally import Curve, Grid, Spans, Tally

REPLICATES, SEED = 500, 20_260_101
DAYS_AS_BLOCKS_MIN = 5
SOURCE_BLOCKS = 1_000  # sources are drawn in so many random groups: the same spread as one by one, a thousandth of it
CUTS_MAX = 2_000  # in the bootstrap; of more, evenly spaced ones
TELLING = 20
Z_95 = 1.959964
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_PER = {"day": 1.0, "week": 7.0}

Interval = tuple[float, float]


def budget_a_day(text: str) -> float:
    """ "20/day", "20" or "140/week" → alerts a day. Raises UsageProblem."""
    found = re.fullmatch(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*(?:/\s*(day|d|week|w))?\s*", text, re.ASCII)
    number = float(found[1].replace("_", "")) if found else 0.0
    if not found or not 0 < number < 1e12:
        raise UsageProblem(f"--budget {printable(text)}: no number of alerts\n  hint: write it like 20/day or 140/week")
    return number / _PER[{"d": "day", "w": "week", None: "day"}.get(found[2], found[2])]


def choose(curve: Curve, budget: float) -> int | None:
    """The place of the loosest cut-off that keeps to the budget: the one that hits most. None where none does."""
    fits = curve.alerts_a_day <= budget
    return int(np.argmax(np.where(fits, curve.hits, -1))) if fits.any() else None


def cut_interval(tally: Tally, curve: Curve, budget: float, days: range) -> Interval:
    """95 % of where the cut-off would come to lie (oriented), had other days or other sources been there:
    bootstrap over the local `days` where there are enough of them, else over sources."""
    at = thinned(len(curve), CUTS_MAX)
    counts = _by_block(tally, curve.cuts[at], days)
    blocks = len(counts)
    drawn = np.random.default_rng(SEED).multinomial(blocks, np.full(blocks, 1 / blocks), size=REPLICATES)
    alerts = drawn.astype(np.float64) @ counts
    fits = alerts / curve.days <= budget
    strictest = int(np.argmin(curve.alerts[at]))
    places = np.where(fits.any(axis=1), np.argmax(np.where(fits, curve.hits[at], -1), axis=1), strictest)
    low, high = np.sort(curve.cuts[at][places])[[int(0.025 * REPLICATES), int(0.975 * REPLICATES) - 1]]
    return float(low), float(high)


def _by_block(tally: Tally, cuts: np.ndarray, days: range) -> np.ndarray:
    """float64[blocks, k]: the alerts of each block at each cut-off, which are in order."""
    sources, day, bounds = tally.alerts()
    if len(days) >= DAYS_AS_BLOCKS_MIN:
        block, blocks = np.clip(day - days[0], 0, len(days) - 1), len(days)
    else:
        spread = ((sources * _SPREAD) >> np.uint64(32)) % np.uint64(SOURCE_BLOCKS)
        block, blocks = spread.astype(np.int64), SOURCE_BLOCKS
    spans = Spans.of(bounds[:, :2])
    gone, back = (_first_failing(values, cuts, tally.grid) for values in (spans.high, spans.far))
    width = len(cuts) + 1
    change = np.bincount(block * width + back, minlength=blocks * width)
    change -= np.bincount(block * width + gone, minlength=blocks * width)
    each = np.bincount(block, minlength=blocks)
    return each[:, None] + np.cumsum(change.reshape(blocks, width), axis=1)[:, :-1].astype(np.float64)


def _first_failing(values: np.ndarray, cuts: np.ndarray, grid: Grid) -> np.ndarray:
    """For each value the place of the first cut-off at which the comparison fails."""
    return np.searchsorted(cuts, values, side="left" if grid.strict else "right")


def thinned(count: int, most: int) -> np.ndarray:
    """Places of at most so many of `count`, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def telling(curve: Curve, keep: list[int], most: int = TELLING) -> list[int]:
    """Places of the cut-offs from which the whole curve can best be drawn again: ends, knees and jumps."""
    columns = [np.log1p(curve.alerts), *(np.nan_to_num(one) * 3 for one in (curve.precision, curve.recall))]
    places, every = sorted({0, len(curve) - 1, *keep}), np.arange(len(curve))
    while len(places) < min(most, len(curve)):
        off = np.sum([np.abs(column - np.interp(every, places, column[places])) for column in columns], axis=0)
        off[places] = -1
        places = sorted({*places, int(np.argmax(off))})
    return places


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a day, with its 95 % interval."""

    count: int
    days: float

    @property
    def a_day(self) -> float:
        return self.count / self.days

    @property
    def interval(self) -> Interval:
        """Poisson, after Byar: within a hundredth of the exact one."""
        low, high = self.count, self.count + 1
        bounds = (
            low * (1 - 1 / (9 * low) - Z_95 / (3 * sqrt(low))) ** 3 if low else 0.0,
            high * (1 - 1 / (9 * high) + Z_95 / (3 * sqrt(high))) ** 3,
        )
        return bounds[0] / self.days, bounds[1] / self.days


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, with its 95 % interval after Wilson; all None where the whole is nothing."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> Interval | None:
        if not self.whole:
            return None
        n, share, z2 = self.whole, self.part / self.whole, Z_95**2
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = Z_95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)
