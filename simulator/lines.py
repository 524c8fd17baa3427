"""How real lines behave, normal ones and fraud ones.

Enters: simulator/data/sichuan_lines.json, quantiles of 6,106 subscriber lines. Leaves: drawn lines, an array a feature.
Invariant: each feature follows the file's quantiles; how features go together is a Gaussian copula below.

The file gives no joint figures. Where three of its features are tied by definition (calls = calls a day × days; callees
a day = dispersion × calls a day) the spread of their logarithms gives the correlation, marked D; the others are A.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from math import erf, sqrt
from typing import Literal, TypedDict

import numpy as np

Kind = Literal["normal", "fraud"]

DAYS = 31  # the file pools days of the month over up to eight months; here it is read as one month
# Our names of the file's features, in the copula's order.
FEATURES = {
    "calls_per_day": "calls_per_active_day",  # made and received
    "active_days": "distinct_days_of_month",
    "dispersion": "dispersion",  # distinct counterparties / calls
    "out_share": "out_share",
    "imeis": "distinct_imei",
    "active_hours": "distinct_hours_of_day",
    "dur_median_s": "dur_median_s",
    "dur_mean_s": "dur_mean_s",
}
_CORRELATION: dict[Kind, dict[tuple[str, str], float]] = {
    "normal": {
        ("calls_per_day", "active_days"): 0.7,  # D: calls_total spreads as if they were tied
        ("calls_per_day", "dispersion"): -0.62,  # D
        ("calls_per_day", "active_hours"): 0.75,  # A: who calls more is seen in more hours
        ("active_days", "active_hours"): 0.6,  # A
        ("active_days", "dispersion"): -0.4,  # A
        ("dispersion", "active_hours"): -0.45,  # A
        ("calls_per_day", "out_share"): -0.25,  # A: lines that only call out are little used
        ("calls_per_day", "imeis"): 0.15,  # A
        ("calls_per_day", "dur_median_s"): -0.15,  # A
        ("dur_median_s", "dur_mean_s"): 0.75,  # A
    },
    "fraud": {
        ("calls_per_day", "active_days"): -0.2,  # D: calls_total spreads less than if they were independent
        ("calls_per_day", "dispersion"): 0.28,  # D
        ("active_days", "dispersion"): -0.85,  # D: burst SIMs scatter, long-lived lines do not (B5)
        ("active_days", "out_share"): -0.7,  # A after B5: out share .59 on long-lived lines
        ("dispersion", "out_share"): 0.7,  # A after B5
        ("active_days", "active_hours"): 0.5,  # A
        ("calls_per_day", "active_hours"): 0.15,  # A
        ("dispersion", "active_hours"): -0.35,  # A
        ("active_days", "imeis"): 0.3,  # A
        ("dur_median_s", "dur_mean_s"): 0.75,  # A
    },
}
# The busiest hour of many subscribers is more peaked than the traffic of each: its square root makes 9.6 % of the calls
# fall into the busiest hour [A], where reports of call traffic have 8–10 %.
_PROFILE_POWER = 0.5
_PROFILE_FLOOR = 0.3  # count of subscribers taken for hours in which the file has none [A]
# Traffic of Monday … Sunday [A], mild; the days of nuisance calls in SOURCES.md B5 differ by as much.
WEEKDAY_FACTOR = (1.02, 1.02, 1.03, 1.03, 1.04, 0.97, 0.89)


class Lines(TypedDict):
    """Drawn lines, float64[n] each; counts are rounded."""

    calls_per_day: np.ndarray
    active_days: np.ndarray
    dispersion: np.ndarray
    out_share: np.ndarray
    imeis: np.ndarray
    active_hours: np.ndarray
    dur_median_s: np.ndarray
    dur_mean_s: np.ndarray
    counterparties: np.ndarray
    callees_per_day: np.ndarray


@cache
def _file() -> dict[str, dict]:  # type: ignore[type-arg]
    return json.loads(files("simulator").joinpath("data/sichuan_lines.json").read_text("utf-8"))


def quantiles(feature: str, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """(shares, values) of one feature of the file, under the file's name."""
    return np.array(_file()["quantiles"]), np.array(_file()["features"][feature][kind])


def draw_lines(kind: Kind, n: int, rng: np.random.Generator) -> Lines:
    """n lines of one class. Beyond the file's 1 % and 99 % the outermost value is repeated."""
    latent = rng.standard_normal((n, len(FEATURES))) @ _factor(kind).T
    share = _normal_cdf(latent)
    drawn = {
        name: np.interp(share[:, i], *quantiles(feature, kind)) for i, (name, feature) in enumerate(FEATURES.items())
    }
    for count in ("active_days", "imeis", "active_hours"):
        drawn[count] = np.maximum(np.rint(drawn[count]), 1.0)
    drawn["dur_mean_s"] = np.maximum(drawn["dur_mean_s"], drawn["dur_median_s"] * 1.02)
    calls = drawn["calls_per_day"] * drawn["active_days"]
    drawn["counterparties"] = np.clip(np.rint(drawn["dispersion"] * calls), 1, None)
    drawn["callees_per_day"] = drawn["counterparties"] / drawn["active_days"]
    return drawn  # type: ignore[return-value]


@cache
def hourly_profile(kind: Kind) -> np.ndarray:
    """float64[24]: share of a day's calls set up in each local hour."""
    counts = _file()["busiest_hour_of_subscriber"][kind]
    raw = np.array([max(counts.get(str(hour), 0), _PROFILE_FLOOR) for hour in range(24)]) ** _PROFILE_POWER
    return np.asarray(raw / raw.sum())


def duration_spread(median_s: np.ndarray, mean_s: np.ndarray) -> np.ndarray:
    """Sigma of a log-normal duration with this median and mean."""
    return np.sqrt(2 * np.log(np.maximum(mean_s / median_s, 1.02)))


def waking_hours(active_hours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint32[n] masks of the hours in which a line is used: `active_hours` around the early afternoon."""
    span = np.clip(active_hours, 1, 24).astype(np.int64)
    middle = rng.normal(13.6, 1.0, len(span))  # [A] early risers and late sleepers
    start = np.rint(middle - span / 2).astype(np.int64)
    mask = np.zeros(len(span), np.uint32)
    for offset in range(24):
        bit = np.uint32(1) << ((start + offset) % 24).astype(np.uint32)
        mask |= np.where(offset < span, bit, np.uint32(0))
    return mask


@cache
def _factor(kind: Kind) -> np.ndarray:
    """Lower factor of the copula's correlation matrix. Raises LinAlgError if the table above is impossible."""
    names = list(FEATURES)
    matrix = np.eye(len(names))
    for (one, other), value in _CORRELATION[kind].items():
        i, j = names.index(one), names.index(other)
        matrix[i, j] = matrix[j, i] = value
    return np.linalg.cholesky(matrix)


_CDF_GRID = np.linspace(-6.0, 6.0, 4001)
_CDF = 0.5 * (1 + np.array([erf(x / sqrt(2)) for x in _CDF_GRID]))


def _normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.interp(x, _CDF_GRID, _CDF)
