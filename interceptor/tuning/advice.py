"""An advice on a cut-off: what was found, and what follows from it.

Enters: nothing. Leaves: Advice and its parts. Invariant: all numbers are cut-offs as a rule would have them; intervals
are of 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from interceptor.rules.ruleset import Rule
from interceptor.tuning.cutoffs import Interval, Rate, Share
from interceptor.tuning.edits import Edit
from interceptor.tuning.protection import Loss
from interceptor.tuning.sweep import Sweep
from interceptor.tuning.tally import Curve, Tally
from interceptor.tuning.threshold import Threshold


class Verdict(Enum):
    KEEP = "keep"
    CHANGE = "change"
    REFUSED = "refused"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class At:
    """One period at one cut-off. true_alerts: of the alerts. Shares are None where nothing is there, or no truth."""

    hits: int
    alerts: Rate
    true_alerts: Share
    precision: float | None
    recall: float | None
    recall_of_campaigns: float | None
    known: bool


@dataclass(slots=True)
class Period:
    """A part of the recording."""

    name: str
    start_ms: int
    end_ms: int
    tally: Tally
    sweep: Sweep
    _known: dict[float, At] = field(default_factory=dict)

    @property
    def curve(self) -> Curve:
        return self.sweep.curve

    def at(self, number: float) -> At:
        """Counted at just this cut-off."""
        if number not in self._known:
            known = self.sweep.has_truth
            curve = self.tally.curve(np.array([self.sweep.threshold.oriented(float(number))]))
            columns = curve.hits, curve.true_hits, curve.alerts, curve.met
            hits, true_hits, alerts, met = (int(column[0]) for column in columns)
            self._known[number] = At(
                hits=hits,
                alerts=Rate(alerts, curve.days),
                true_alerts=Share(int(curve.true_alerts[0]), alerts),
                precision=Share(true_hits, hits).value if known else None,
                recall=Share(true_hits, curve.scam).value if known else None,
                recall_of_campaigns=Share(met, curve.campaigns).value if known else None,
                known=known,
            )
        return self._known[number]


@dataclass(frozen=True, slots=True)
class Advice:
    """`number`: the loosest cut-off in the budget, None where there is none; `interval`: where else it could have come
    to lie. `keeping`: the strictest one that loses nothing, where `number` does. `about`: why it is approximate."""

    rule: Rule
    threshold: Threshold
    budget: float
    ruleset: str
    has_truth: bool
    learned: Period
    held: Period
    whole: Period
    verdict: Verdict
    why: str
    about: str
    coarse: bool
    number: float | None = None
    interval: Interval | None = None
    keeping: float | None = None
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    protected: dict[str, int] = field(default_factory=dict)

    @property
    def final(self) -> float:
        """The cut-off that would be in force."""
        return self.threshold.number if self.verdict is Verdict.KEEP or self.number is None else self.number

    @property
    def days(self) -> float:
        return self.whole.curve.days

    @property
    def held_keeps(self) -> bool:
        """Does the held-out period keep to the budget? The parts of a single day share their sources: there, the day
        must."""
        checked = self.held if self.days > 1 else self.whole
        return checked.at(self.final).alerts.a_day <= self.budget
