"""What a rule finds at every cut-off, as people and machines are told it.

Enters: Curves over the same cut-offs. Leaves: rows, JSON, drawings. Invariant: from the loosest cut-off to the
strictest; what can't be known without the truth is left out of tables, and null in JSON.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from interceptor.display import yuan
from interceptor.rules.forms import DURATION_MAX_MS
from interceptor.rules.names import Type
from interceptor.rules.written import UNITS
from interceptor.tuning.cutoffs import thinned
from interceptor.tuning.tables import Column, percent
from interceptor.tuning.tally import Curve
from interceptor.tuning.threshold import Threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS_DRAWN = 600
STRETCHED_FROM = 10  # times the cut-off in force
_BAR_CELLS = 10
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def candidates(threshold: Threshold, values: np.ndarray) -> np.ndarray:
    """float64[k], oriented, in order: all cut-offs that tell some values apart, and the one in force."""
    cuts = values
    if threshold.strict and len(values):  # a value that is itself outside: one more cut-off before the first
        first = values[0] - max(threshold.step(), 1e-9)
        cuts = np.append(first, values) if threshold.sign == "<" or first >= 0 else values
    if threshold.value.type is Type.DURATION:  # written in whole ms, and not too long
        cuts = np.ceil(cuts) if threshold.strict else np.floor(cuts)
        cuts = cuts[np.abs(cuts) <= DURATION_MAX_MS]
    return np.unique(np.append(cuts, threshold.oriented(float(threshold.number))))


@dataclass(frozen=True, slots=True)
class Sweep:
    """A curve over the candidates of one threshold."""

    threshold: Threshold
    curve: Curve
    has_truth: bool

    @property
    def now(self) -> int:
        """The place of the cut-off in force."""
        return self.place(self.threshold.oriented(float(self.threshold.number)))

    def place(self, cut: float) -> int:
        return int(np.searchsorted(self.curve.cuts, cut))

    def number(self, place: int) -> float:
        """The cut-off as it would be written."""
        return self.threshold.plain(self.threshold.oriented(self.curve.cuts[place]))

    @property
    def of_money(self) -> bool:
        """Are there victims' payments among what is hit?"""
        return bool(self.curve.fen.any())

    def columns(self, bars: bool) -> list[Column]:
        names = ["hits", "alerts", "a day"]
        if self.has_truth:
            names += ["true", "false", "precision", "recall", "campaigns"] + ["scam money"] * self.of_money
        return [Column(self.threshold.term), *(Column(name, right=True) for name in names),
                *([Column("")] if bars else []), Column("")]  # fmt: skip

    def row(self, place: int, bars: bool, mark: str) -> list[str]:
        one = self.point(place)
        row = [f"{self.threshold.sign} {one['text']}", f"{one['hits']:,}", f"{one['alerts']:,}"]
        row.append(a_day(one["alerts_a_day"]))
        if self.has_truth:
            row += [f"{one['true_alerts']:,}", f"{one['false_alerts']:,}", percent(one["precision"])]
            row += [percent(one["recall"]), percent(one["recall_of_campaigns"])]
            row += [yuan(one["scam_fen"])] * self.of_money
        if bars:
            share = one["precision"] if self.has_truth else one["alerts"] / max(1, int(self.curve.alerts.max()))
            row.append(bar(share or 0.0))
        return [*row, mark]

    def point(self, place: int) -> dict[str, Any]:
        """One cut-off for JSON: durations in ms, amounts in yuan, money in fen."""
        curve, known = self.curve, self.has_truth
        alerts, true_alerts = int(curve.alerts[place]), int(curve.true_alerts[place])
        number = self.number(place)
        return {
            "cutoff": number, "text": self.threshold.literal(number), "hits": int(curve.hits[place]),
            "alerts": alerts, "alerts_a_day": alerts / curve.days,
            "true_hits": int(curve.true_hits[place]) if known else None,
            "true_alerts": true_alerts if known else None, "false_alerts": alerts - true_alerts if known else None,
            "precision": _number(curve.precision[place]) if known else None,
            "recall": _number(curve.recall[place]) if known else None,
            "campaigns": int(curve.met[place]) if known else None,
            "recall_of_campaigns": _number(curve.recall_of_campaigns[place]) if known else None,
            "scam_fen": int(curve.fen[place]) if known else None, "now": place == self.now,
        }  # fmt: skip

    def points(self) -> list[dict[str, Any]]:
        return [self.point(place) for place in range(len(self.curve))]

    # --- drawings ---

    def x(self, cuts: Any) -> Any:
        """Oriented cut-offs along the axis, in the axis' unit."""
        return self.threshold.oriented(np.asarray(cuts, np.float64)) / self.unit_length

    @property
    def unit_length(self) -> int:
        """The axis' unit, in ms for a duration."""
        return self._unit[1]

    @property
    def _unit(self) -> tuple[str, int]:
        if self.threshold.value.type is Type.DURATION:
            return next(one for one in UNITS if self.threshold.number % one[1] == 0)
        return ("yuan", 1) if self.threshold.value.type is Type.MONEY else ("", 1)

    def prepare(self, axes: Axes) -> None:
        """Names the axis, and stretches it where most cut-offs lie close together."""
        farthest, now = float(np.abs(self.x(self.curve.cuts)).max()), abs(self.threshold.number) / self.unit_length
        if farthest > STRETCHED_FROM * now > 0:
            axes.set_xscale("symlog", linthresh=now)
        unit = f" ({self._unit[0]})" if self._unit[0] else ""
        axes.set_xlabel(f"{self.threshold.term} {self.threshold.sign} …{unit}")

    def line(self, axes: Axes, counts: np.ndarray, colour: str, label: str, dashed: bool = False) -> None:
        """One curve over the cut-offs; dots where there are few."""
        at = thinned(len(counts), POINTS_DRAWN)
        axes.plot(self.x(self.curve.cuts[at]), counts[at], color=colour, label=label, lw=1.6,
                  ls="--" if dashed else "-", marker="o" if len(at) <= 40 and not dashed else "", ms=3)  # fmt: skip

    def mark_now(self, axes: Axes, colour: str) -> None:
        axes.axvline(self.x(self.curve.cuts[self.now]), color=colour, lw=1.2, ls=":", label="now")

    def draw_rates(self, axes: Axes) -> None:
        """Precision and recall over the cut-off."""
        from interceptor.tuning.page import BLUE, GREEN, ORANGE, PINK

        self.prepare(axes)
        self.line(axes, self.curve.precision, BLUE, "precision")
        self.line(axes, self.curve.recall, ORANGE, "recall")
        self.line(axes, self.curve.recall_of_campaigns, GREEN, "campaigns met")
        self.mark_now(axes, PINK)
        axes.set(ylim=(-0.03, 1.03), ylabel="share")
        finish(axes)

    def draw_alerts(self, axes: Axes) -> None:
        """Alerts a day over the cut-off."""
        from interceptor.tuning.page import BLUE, ORANGE, PINK

        self.prepare(axes)
        self.line(axes, self.curve.alerts_a_day, BLUE, "alerts a day")
        if self.has_truth:
            self.line(axes, self.curve.true_alerts / self.curve.days, ORANGE, "of them true")
        self.mark_now(axes, PINK)
        alerts = self.curve.alerts_a_day
        if alerts.max() > STRETCHED_FROM * max(float(np.median(alerts)), 1):
            axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("alerts a day")
        finish(axes)


def finish(axes: Axes) -> None:
    """Names the lines beside the picture, and writes numbers as people do."""
    from matplotlib.ticker import FuncFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def a_day(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def bar(share: float) -> str:
    """A share of ten cells."""
    whole, rest = divmod(round(share * _BAR_CELLS * 8), 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).rstrip()


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def rows_of(sweep: Sweep, places: Sequence[int], bars: bool, marks: dict[int, str]) -> list[list[str]]:
    return [sweep.row(place, bars, marks.get(place, "")) for place in places]
