"""Lines behave like the real ones: simulated months against the quantiles of simulator/data/sichuan_lines.json.

Enters: a month of calls in a small city, and of drawn fraud lines. Leaves: nothing. Invariant: a tolerance is the
largest relative error that the quartiles of a feature may have; `python -m tests.test_lines` prints the whole table.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from simulator import lines
from simulator.chance import generator
from simulator.events import Pools, Rows
from simulator.ordinary import Ordinary
from simulator.population import Habit, build

PEOPLE, DAYS, SEED = 2_000, lines.DAYS, 7
QUARTILES = (0.25, 0.5, 0.75)
# Largest relative error at the quartiles. Counterparties fall a little short above the median, since circles have at
# most 300 members; long durations fall short, since a call's length mixes the habits of both ends.
NORMAL_TOLERANCE = {
    "calls_total": 0.16,
    "distinct_counterparties": 0.15,
    "out_share": 0.08,
    "calls_per_counterparty": 0.14,
    "dispersion": 0.12,
    "calls_per_active_day": 0.14,
    "callees_per_active_day": 0.13,
    "distinct_imei": 0.0,
    "distinct_days_of_month": 0.1,
    "distinct_hours_of_day": 0.1,
    "dur_median_s": 0.08,
    "dur_mean_s": 0.12,
}
# The file's calls, days and counterparties of fraud lines are tied only by the copula: the quartiles of their products
# are looser than those of what is drawn.
FRAUD_TOLERANCE = {
    "calls_total": 0.3,
    "distinct_counterparties": 0.25,
    "out_share": 0.05,
    "calls_per_counterparty": 0.08,
    "dispersion": 0.06,
    "calls_per_active_day": 0.1,
    "callees_per_active_day": 0.2,
    "distinct_imei": 0.0,
    "distinct_days_of_month": 0.2,
    "dur_median_s": 0.1,
    "dur_mean_s": 0.15,
}
Month = dict[str, np.ndarray]


def city_month() -> Month:
    """Features of the ordinary lines of a small city after a month: its calls only, look-alikes left out."""
    city = build(PEOPLE, SEED)
    ordinary = Ordinary(city, Pools.empty(), SEED)
    hours = [ordinary.calls(hour) for hour in range(DAYS * 24)]
    rows = Rows.merged(hours)
    order = np.argsort(city.number)

    def party(column: str) -> np.ndarray:
        return order[np.searchsorted(city.number, rows.column(column), sorter=order)]

    calls = rows.column("kind") == 0
    since_ms = rows.column("ts_ms") - rows.column("ts_ms")[0]
    caller, callee = party("source"), party("target")
    month = measured(
        caller[calls], callee[calls], since_ms[calls] // 3_600_000, rows.column("imei")[calls], city.parties
    )
    month |= durations(caller[~calls], callee[~calls], rows.column("dur_s")[~calls], city.parties)
    # The file has no line without calls.
    kept = (np.arange(city.parties) < PEOPLE) & (month["calls_total"] >= 3) & (city.habit == Habit.ORDINARY)
    return {name: values[kept] for name, values in month.items()}


def fraud_month(count: int = 2_000) -> Month:
    """Features of drawn fraud lines that dial out, and are called back, as their draws say."""
    rng = generator(SEED, "fraud month")
    drawn = lines.draw_lines("fraud", count, rng)
    days = drawn["active_days"].astype(np.int64)
    per_day = np.repeat(drawn["calls_per_day"], days)
    line_of_day = np.repeat(np.arange(count), days)
    calls = np.maximum(1, rng.poisson(per_day))
    line = np.repeat(line_of_day, calls)
    day = np.repeat(np.concatenate([np.arange(n) for n in days]), calls)
    # The next number of a list, or, where the line scatters less, one that it had before.
    first = np.searchsorted(line, line, "left") == np.arange(len(line))
    fresh = first | (rng.random(len(line)) < drawn["dispersion"][line])
    dialled = np.cumsum(fresh)
    before = dialled - (dialled - fresh)[np.searchsorted(line, line, "left")]
    entry = np.where(fresh, before, 1 + (rng.random(len(line)) * before).astype(np.int64))
    other = count + line * 100_000 + entry
    out = rng.random(len(line)) < drawn["out_share"][line]
    imei = line * 64 + (rng.random(len(line)) * drawn["imeis"][line]).astype(np.int64)
    month = measured(
        np.where(out, line, other), np.where(out, other, line), day * 24 + 12, imei, count, line, other, out
    )
    spread = lines.duration_spread(drawn["dur_median_s"], drawn["dur_mean_s"])
    seconds = drawn["dur_median_s"][line] * np.exp(spread[line] * rng.standard_normal(len(line)))
    return month | durations(line, np.zeros(0, np.int64), np.maximum(1, seconds), count)


def measured(
    caller: np.ndarray, callee: np.ndarray, hour: np.ndarray, imei: np.ndarray, parties: int,
    line: np.ndarray | None = None, other: np.ndarray | None = None, out: np.ndarray | None = None,
) -> Month:  # fmt: skip
    """The file's features, for lines on both ends of the calls or, if `line` is given, for those alone."""
    if line is None or other is None or out is None:
        line, other = np.concatenate([caller, callee]), np.concatenate([callee, caller])
        out = np.arange(len(line)) < len(caller)
        hour, imei = np.concatenate([hour, hour]), np.concatenate([imei, np.zeros_like(imei)])
    calls = np.bincount(line, minlength=parties)
    counterparties, days = distinct(line, other, parties), distinct(line, hour // 24, parties)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "calls_total": calls,
            "distinct_counterparties": counterparties,
            "out_share": np.bincount(line[out], minlength=parties) / calls,
            "calls_per_counterparty": calls / counterparties,
            "dispersion": counterparties / calls,
            "calls_per_active_day": calls / days,
            "callees_per_active_day": counterparties / days,
            "distinct_imei": np.maximum(1, distinct(line[out], np.unique(imei[out], return_inverse=True)[1], parties)),
            "distinct_days_of_month": days,
            "distinct_hours_of_day": distinct(line, hour % 24, parties),
        }


def distinct(line: np.ndarray, value: np.ndarray, parties: int) -> np.ndarray:
    """How many different values each line has; values below 2 ** 36."""
    pairs = np.unique(line.astype(np.int64) << 36 | value.astype(np.int64))
    return np.bincount(pairs >> 36, minlength=parties)


def durations(caller: np.ndarray, callee: np.ndarray, seconds: np.ndarray, parties: int) -> Month:
    """Median and mean duration of each line with three answered calls or more; nan for the others."""
    line = np.concatenate([caller, callee])
    seconds = np.concatenate([seconds, seconds]) if len(callee) else seconds
    order = np.lexsort((seconds, line))
    line, seconds = line[order], seconds[order].astype(np.float64)
    first, last = np.searchsorted(line, np.arange(parties), "left"), np.searchsorted(line, np.arange(parties), "right")
    count = last - first
    middle = np.minimum(first + count // 2, len(seconds) - 1)
    total = np.concatenate([[0.0], np.cumsum(seconds)])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (total[last] - total[first]) / count
    return {
        "dur_median_s": np.where(count >= 3, seconds[middle], np.nan),
        "dur_mean_s": np.where(count >= 3, mean, np.nan),
    }


def errors(month: Month, kind: lines.Kind, tolerance: dict[str, float]) -> Iterator[tuple[str, float, float, float]]:
    """(feature, share, quantile of the file, simulated quantile)."""
    for feature in tolerance:
        shares, values = lines.quantiles(feature, kind)
        for share in QUARTILES:
            yield feature, share, values[np.flatnonzero(shares == share)[0]], np.nanquantile(month[feature], share)


@pytest.fixture(scope="module")
def normal() -> Month:
    return city_month()


@pytest.fixture(scope="module")
def fraud() -> Month:
    return fraud_month()


@pytest.mark.parametrize("feature", list(NORMAL_TOLERANCE))
def test_ordinary_lines_have_the_files_quartiles(normal: Month, feature: str) -> None:
    for _, share, real, simulated in errors(normal, "normal", {feature: NORMAL_TOLERANCE[feature]}):
        assert simulated == pytest.approx(real, rel=NORMAL_TOLERANCE[feature]), f"{share:.0%}"


@pytest.mark.parametrize("feature", list(FRAUD_TOLERANCE))
def test_fraud_lines_have_the_files_quartiles(fraud: Month, feature: str) -> None:
    for _, share, real, simulated in errors(fraud, "fraud", {feature: FRAUD_TOLERANCE[feature]}):
        assert simulated == pytest.approx(real, rel=FRAUD_TOLERANCE[feature]), f"{share:.0%}"


@pytest.mark.parametrize("kind", ["normal", "fraud"])
def test_draws_follow_the_file(kind: lines.Kind) -> None:
    drawn = lines.draw_lines(kind, 20_000, generator(1, kind))
    for name, feature in lines.FEATURES.items():
        shares, values = lines.quantiles(feature, kind)
        inner = (shares >= 0.05) & (shares <= 0.95)
        assert np.quantile(drawn[name], shares[inner]) == pytest.approx(values[inner], rel=0.1, abs=0.51), name  # type: ignore[literal-required]


def test_fraud_lines_are_burst_or_camouflaged() -> None:
    """SOURCES.md B5: up to 7 days 52 %, dispersion .89, 32 callees a day; from 25 days 27 %, dispersion .25, out .59"""
    drawn = lines.draw_lines("fraud", 20_000, generator(1, "kinds"))
    burst, long_lived = drawn["active_days"] <= 7, drawn["active_days"] >= 25
    assert 0.45 < burst.mean() < 0.58
    assert 0.22 < long_lived.mean() < 0.33
    assert np.median(drawn["dispersion"][burst]) == pytest.approx(0.89, abs=0.06)
    assert np.median(drawn["callees_per_day"][burst]) == pytest.approx(32, rel=0.2)
    assert np.median(drawn["dispersion"][long_lived]) == pytest.approx(0.25, abs=0.12)
    assert np.median(drawn["out_share"][long_lived]) == pytest.approx(0.59, abs=0.15)


def test_calls_peak_before_noon_and_before_evening() -> None:
    normal, fraud = lines.hourly_profile("normal"), lines.hourly_profile("fraud")
    assert normal.sum() == pytest.approx(1.0)
    assert set(np.argsort(normal)[-4:].tolist()) == {10, 11, 17, 18}
    assert 0.08 < normal.max() < 0.11
    assert normal[:6].sum() < 0.05
    assert fraud[19:].sum() < 0.2
    assert fraud[13:18].sum() > 0.35


def test_same_seed_same_lines() -> None:
    one, other = (lines.draw_lines("fraud", 50, generator(5, "x")) for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)  # type: ignore[literal-required]


if __name__ == "__main__":
    tables = (("normal", city_month(), NORMAL_TOLERANCE), ("fraud", fraud_month(), FRAUD_TOLERANCE))
    for kind, month, tolerance in tables:
        for feature, share, real, simulated in errors(month, kind, tolerance):
            error = simulated / real - 1
            print(f"{kind:7}{feature:25}{share:5.0%} file {real:9.2f} simulated {simulated:9.2f} {error:+6.1%}")
