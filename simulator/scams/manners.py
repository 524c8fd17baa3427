"""How fraud lines behave: how much they dial, when, whom, and how long people stay on the line.

Enters: an outfit, how many places. Leaves: Use, one row a place. Invariant: a place keeps its use whichever line is
in it.

How single SIMs behave is drawn from the quantiles of real fraud lines (simulator.lines); the other kinds are
assumptions [A] after SOURCES.md A2 and D2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import Enum, IntEnum
from typing import Any, Self

import numpy as np

from simulator import lines

# D (B5): 52 % of fraud lines live a week at most, 27 % are long-lived and camouflaged.
CAMOUFLAGED_SHARE_OF_SIMS = 27 / (52 + 27)
BURST_DAYS_MAX, CAMOUFLAGED_DAYS_MIN = 7, 25
BURST_CALLEES = (25.0, 130.0)  # a campaign's SIM is in use: the drawn lines outside this range are left out [A]
CAMOUFLAGED_CALLS_MAX = 120.0
BOX_IN_TURN = 4  # a box's SIMs take turns in so many groups, an hour each
BOX_CALLS_PER_HOUR = 16.0  # below the 20 an hour at which carriers are said to look (A2, P of low grade)
BOX_CALLS_PER_HOUR_MAX = 18
# P: one robot makes about 1,000 calls a day; spread over a few numbers each [A].
TRUNK_CALLS_PER_DAY, RESOLD_CALLS_PER_DAY = 450.0, 500.0


class Outfit(Enum):
    """What a campaign has rented."""

    SIMS = "sims"
    BOX = "box"
    TRUNK = "trunk"
    RESOLD_400 = "resold_400"
    SNOWSHOE = "snowshoe"
    PORT = "port"
    SMS_ABROAD = "sms_abroad"
    FAKE_STATION = "fake_station"


class Manner(IntEnum):
    """How one line behaves."""

    BURST = 0
    CAMOUFLAGED = 1
    BOX = 2
    TRUNK = 3
    RESOLD_400 = 4
    SENDER = 5


class Table:
    """Arrays of equal length, one a property."""

    def __len__(self) -> int:
        return len(next(iter(self._arrays().values())))

    def _arrays(self) -> dict[str, np.ndarray]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in parts[0]._arrays()})


@dataclass(slots=True)
class Use(Table):
    """How the places of a campaign are used: whichever line is in a place behaves so."""

    manner: np.ndarray  # u8
    calls_per_day: np.ndarray  # f64, made
    received_per_day: np.ndarray  # f64
    repeated: np.ndarray  # f64, share of calls to someone called before within the hour
    own_people: np.ndarray  # f64, share of calls to the owner's own people
    waking: np.ndarray  # u32, bit h: used in hour h
    dur_ln: np.ndarray  # f64, of calls that aren't seen through
    dur_sigma: np.ndarray  # f64
    seen_through: np.ndarray  # f64, share of answered calls that end within half a minute


def empty_use() -> Use:
    """No places yet."""
    return use(Outfit.BOX, 0, np.random.default_rng(0))


def use(outfit: Outfit, count: int, rng: np.random.Generator) -> Use:
    """`count` places of an outfit."""
    if outfit is Outfit.SIMS:
        return _single_sims(count, rng)
    manner, per_day = {
        Outfit.BOX: (Manner.BOX, BOX_CALLS_PER_HOUR),  # by the hour, for those whose turn it is
        Outfit.TRUNK: (Manner.TRUNK, TRUNK_CALLS_PER_DAY),
        Outfit.RESOLD_400: (Manner.RESOLD_400, RESOLD_CALLS_PER_DAY),
    }.get(outfit, (Manner.SENDER, 0.0))
    drawn = _picked(count, rng, lambda d: d["active_days"] <= BURST_DAYS_MAX)
    sigma = 0.0 if outfit is Outfit.BOX else 0.3
    calls = per_day * np.exp(rng.normal(0, sigma, count))
    return _use(np.full(count, manner, np.uint8), calls, np.zeros(count), drawn, rng)


def _single_sims(count: int, rng: np.random.Generator) -> Use:
    burst = _picked(count, rng, _is_burst)
    camouflaged = _picked(count, rng, _is_camouflaged)
    hidden = rng.random(count) < CAMOUFLAGED_SHARE_OF_SIMS
    drawn = {name: np.where(hidden, camouflaged[name], burst[name]) for name in burst}
    manner = np.where(hidden, Manner.CAMOUFLAGED, Manner.BURST).astype(np.uint8)
    made = drawn["calls_per_day"] * drawn["out_share"]
    received = np.where(hidden, drawn["calls_per_day"] * (1 - drawn["out_share"]), 0.0)
    return _use(manner, made, received, drawn, rng)


def _is_burst(drawn: lines.Lines) -> Any:
    callees = drawn["callees_per_day"]
    return (drawn["active_days"] <= BURST_DAYS_MAX) & (callees >= BURST_CALLEES[0]) & (callees <= BURST_CALLEES[1])


def _is_camouflaged(drawn: lines.Lines) -> Any:
    return (drawn["active_days"] >= CAMOUFLAGED_DAYS_MIN) & (drawn["calls_per_day"] <= CAMOUFLAGED_CALLS_MAX)


def _use(manner: np.ndarray, made: np.ndarray, received: np.ndarray, drawn: dict[str, np.ndarray],
         rng: np.random.Generator) -> Use:  # fmt: skip
    n = len(manner)
    hidden = manner == Manner.CAMOUFLAGED
    alone = 1 - drawn["dispersion"]
    return Use(
        manner=manner,
        calls_per_day=made,
        received_per_day=received,
        repeated=np.where(hidden, 0.0, np.minimum(alone, 0.5)),
        own_people=np.where(hidden, alone, 0.0),
        waking=lines.waking_hours(np.maximum(drawn["active_hours"], 4), rng),
        dur_ln=np.log(drawn["dur_median_s"]),
        dur_sigma=lines.duration_spread(drawn["dur_median_s"], drawn["dur_mean_s"]),
        seen_through=rng.uniform(0.3, 0.6, n),  # [A]
    )


def _picked(count: int, rng: np.random.Generator, fits: Callable[[lines.Lines], Any]) -> dict[str, np.ndarray]:
    """`count` drawn fraud lines for which `fits` holds."""
    drawn = lines.draw_lines("fraud", max(64, 12 * count), rng)
    rows = np.flatnonzero(fits(drawn))
    rows = rows[np.arange(count) % len(rows)]
    return {name: np.asarray(values)[rows] for name, values in drawn.items()}
