"""`interceptor rules suggest`: a cut-off that keeps to a budget of alerts.

Enters: a rule, a recording, a budget. Leaves: a suggestion with how sure it is, the edit to make, or a refusal; an exit
code. Invariant: what is suggested was learned on the first part of the recording only, and is shown as it does on the
rest; nothing is suggested that loses what must stay found.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interceptor.local_time import clock
from interceptor.recording import open_recording
from interceptor.rules.errors import printable
from interceptor.tuning.advice import Advice, Period, Verdict
from interceptor.tuning.adviser import Adviser
from interceptor.tuning.curve import COARSE
from interceptor.tuning.cutoffs import Interval, budget_a_day
from interceptor.tuning.protection import ids_in
from interceptor.tuning.replay import guarded, rule_named, rules_at
from interceptor.tuning.sweep import a_day, finish
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_FOUND, NO_TRUTH, Column, Table, percent, say, tell
from interceptor.tuning.threshold import chosen

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from interceptor.tuning.page import Block

NAMED_MAX = 8
NOTE = "In brackets: 95 % intervals, of alerts a day (Poisson) and of the share of alerts that are true (Wilson)."


@guarded
def main(
    rule: str, on: Path, budget: str, term: str | None, protect: Path | None, rules: Path | None, *, as_json: bool,
    html: Path | None,
) -> int:  # fmt: skip
    """Exit code 0 = suggested or nothing to change, 1 = refused, or no cut-off keeps to the budget, 2 = no such rule,
    comparison, recording or budget, 78 = the rules can't be loaded."""
    limit, ids = budget_a_day(budget), ids_in(protect)
    recording, rule_set = open_recording(on), rules_at(rules)
    meant = rule_named(rule_set, rule)
    told = Told(Adviser(recording, rule_set, meant, chosen(meant, term), limit, ids).advice())
    tell(told, as_json=as_json, html=html)
    return EXIT_CLEAN if told.advice.verdict in (Verdict.KEEP, Verdict.CHANGE) else EXIT_FOUND


class Told:
    """An advice in words, numbers and pictures."""

    def __init__(self, advice: Advice) -> None:
        self.advice, self.threshold = advice, advice.threshold

    @property
    def title(self) -> str:
        now = self.threshold.text(self.threshold.number)
        return f"{self.advice.rule.name}: {now}, for at most {self.advice.budget:,.6g} alerts a day"

    def show(self) -> None:
        self.table().show()
        for line in self.lines():
            say(printable(line))
        say(self.answer(), bold=True)
        for line in self.consequences():
            say(printable(line))

    def lines(self) -> Iterator[str]:
        """How it was found."""
        advice = self.advice
        learned, held = (f"{clock(one.start_ms):%m-%d %H:%M}" for one in (advice.learned, advice.held))
        end = f"{clock(advice.held.end_ms):%m-%d %H:%M}"
        part = "the first 70 % of the time" if advice.days == 1 else f"the first {advice.learned.curve.days:g} days"
        yield f"Learned on {part} ({learned} to {held}), checked on the rest (to {end})."
        if advice.days == 1:
            yield "A source that is found in both parts of the day counts in both: their rates come out too high."
        if not advice.has_truth:
            yield NO_TRUTH + " Only the number of alerts is known."
        if advice.about:
            yield f"~ Approximate: {advice.about}."
        if advice.coarse:
            yield COARSE

    def table(self) -> Table:
        names = ["hits", "alerts a day"]
        if self.advice.has_truth:
            names += ["alerts true", "precision", "recall", "campaigns"]
        columns = [Column("cut-off"), Column("period"), *(Column(name, right=True) for name in names)]
        rows = []
        for number in self._numbers():
            for period in (self.advice.learned, self.advice.held, self.advice.whole):
                rows.append(self._row(number, period))
        return Table(self.title, columns, rows, NOTE)

    def _numbers(self) -> list[float]:
        """The cut-offs that are compared: in force, suggested, and the strictest that loses nothing."""
        found = [self.threshold.number, self.advice.number, self.advice.keeping]
        return list(dict.fromkeys(number for number in found if number is not None))

    def _row(self, number: float, period: Period) -> list[str]:
        one = period.at(number)
        about = "~" if self.advice.about else ""
        row = [f"{about}{self.threshold.sign} {self.threshold.literal(number)}", period.name, f"{one.hits:,}"]
        row.append(f"{a_day(one.alerts.a_day)} ({_between(one.alerts.interval)})")
        if self.advice.has_truth:
            share = one.true_alerts.interval
            row.append(percent(one.true_alerts.value) + (f" ({_percents(share)})" if share else ""))
            row += [percent(one.precision), percent(one.recall), percent(one.recall_of_campaigns)]
        return row

    def answer(self) -> str:
        """The suggestion in one sentence."""
        advice, threshold = self.advice, self.threshold
        if advice.number is None:
            return f"No cut-off keeps to the budget: {advice.why}"
        told = f"{threshold.text(advice.number)}{self._interval()}"
        if advice.verdict is Verdict.KEEP:
            return f"Keep {threshold.text(threshold.number)}: {advice.why}"
        if advice.verdict is Verdict.CHANGE:
            return f"Suggestion: {told}"
        return f"Refused: {told} keeps to the budget, but {advice.why}"

    def _interval(self) -> str:
        if not self.advice.interval:
            return ""
        low, high = (self.threshold.literal(end) for end in self.advice.interval)
        return f" (95 %: {low} to {high})"

    def consequences(self) -> Iterator[str]:
        """What is lost, what else to know, and what to edit."""
        advice, threshold = self.advice, self.threshold
        for loss in advice.losses:
            some, more = loss.names[:NAMED_MAX], len(loss.names) - NAMED_MAX
            yield f"  {loss.what}: {', '.join(some)}{f' and {more:,} more' if more > 0 else ''}"
        if advice.verdict is Verdict.REFUSED and advice.keeping is None:
            yield "No cut-off keeps all of it."
        elif advice.verdict is Verdict.REFUSED and advice.keeping is not None:
            rate = advice.learned.at(advice.keeping).alerts.a_day
            yield f"The strictest cut-off that keeps it: {threshold.text(advice.keeping)}, {a_day(rate)} alerts a day."
        if advice.number is not None and not advice.held_keeps:
            checked = advice.held if advice.days > 1 else advice.whole
            what = "on the held-out days" if advice.days > 1 else "over the whole day"
            yield f"Warning: {what} the budget is broken: {a_day(checked.at(advice.final).alerts.a_day)} alerts a day."
        yield from advice.notes
        for edit in advice.edits if advice.verdict is Verdict.CHANGE else ():
            macro = f" (macro {edit.macro}: other rules that use it change with it)" if edit.macro else ""
            yield from (f"{edit.path}:{edit.line}:{macro}", f"  - {edit.before}", f"  + {edit.after}")

    def as_object(self) -> dict[str, Any]:
        """For JSON. Durations in ms, amounts in yuan."""
        advice = self.advice
        return {
            "rule": advice.rule.name, "ruleset": advice.ruleset, "term": self.threshold.term,
            "sign": self.threshold.sign, "budget_a_day": advice.budget, "truth": advice.has_truth,
            "verdict": advice.verdict.value, "why": advice.why, "now": self.threshold.number,
            "cutoff": advice.number,
            "text": None if advice.number is None else self.threshold.text(advice.number),
            "interval": advice.interval, "approximate": bool(advice.about), "why_approximate": advice.about,
            "coarse": advice.coarse, "keeping": advice.keeping,
            "held_out_within_budget": advice.held_keeps if advice.number is not None else None,
            "protected": advice.protected,
            "losses": [{"what": loss.what, "names": list(loss.names)} for loss in advice.losses],
            "notes": list(advice.notes),
            "periods": {
                period.name: {
                    "start_ms": period.start_ms, "end_ms": period.end_ms, "days": period.curve.days,
                    "points": [_point(period, number) for number in self._numbers()],
                }
                for period in (advice.learned, advice.held, advice.whole)
            },
            "edits": [
                {"path": edit.path, "line": edit.line, "before": edit.before, "after": edit.after, "macro": edit.macro}
                for edit in advice.edits
            ],
        }  # fmt: skip

    def blocks(self) -> list[Block]:
        """The page."""
        from interceptor.tuning.page import Figure, Words

        table = self.table()
        pictures = [Figure("Alerts a day over the cut-off", self._draw_alerts)]
        if self.advice.has_truth:
            pictures.append(Figure("Precision and recall over the cut-off", self._draw_rates))
        return [
            Words(self.answer()), *(Words(line) for line in (*self.consequences(), *self.lines())),
            Table("Cut-offs compared", table.columns, table.rows, table.note), *pictures,
        ]  # fmt: skip

    def _draw_alerts(self, axes: Axes) -> None:
        from interceptor.tuning.page import BLUE, GREEN, ORANGE

        advice, sweep = self.advice, self.advice.learned.sweep
        sweep.draw_alerts(axes)
        sweep.line(axes, advice.held.curve.alerts_a_day, BLUE, "alerts a day, held out", dashed=True)
        axes.axhline(advice.budget, color=ORANGE, lw=1, ls="--", label="budget")
        axes.autoscale(axis="y")
        axes.set_ylim(bottom=0)
        self._mark(axes)
        if advice.number is not None:
            rate = advice.held.at(advice.number).alerts
            x, (low, high) = advice.number / sweep.unit_length, rate.interval
            axes.errorbar([x], [rate.a_day], [[rate.a_day - low], [high - rate.a_day]], fmt="s", color=GREEN,
                          ms=5, capsize=3, label="suggested, held out")  # fmt: skip
        finish(axes)

    def _draw_rates(self, axes: Axes) -> None:
        from interceptor.tuning.page import BLUE, ORANGE

        sweep, held = self.advice.learned.sweep, self.advice.held.curve
        sweep.draw_rates(axes)
        sweep.line(axes, held.precision, BLUE, "precision, held out", dashed=True)
        sweep.line(axes, held.recall, ORANGE, "recall, held out", dashed=True)
        self._mark(axes)
        finish(axes)

    def _mark(self, axes: Axes) -> None:
        from interceptor.tuning.page import GREEN

        unit = self.advice.learned.sweep.unit_length
        if self.advice.number is not None:
            axes.axvline(self.advice.number / unit, color=GREEN, lw=1.4, label="suggested")
        if self.advice.interval:
            low, high = self.advice.interval
            axes.axvspan(low / unit, high / unit, color=GREEN, alpha=0.15, lw=0, label="95 % of the cut-off")


def _point(period: Period, number: float) -> dict[str, Any]:
    one = period.at(number)
    known = one.known
    return {
        "cutoff": number, "hits": one.hits, "alerts": one.alerts.count, "alerts_a_day": one.alerts.a_day,
        "alerts_a_day_interval": one.alerts.interval,
        "true_alerts": one.true_alerts.part if known else None,
        "true_share": one.true_alerts.value if known else None,
        "true_share_interval": one.true_alerts.interval if known else None,
        "precision": one.precision, "recall": one.recall, "recall_of_campaigns": one.recall_of_campaigns,
    }  # fmt: skip


def _between(interval: Interval) -> str:
    return f"{a_day(interval[0])}–{a_day(interval[1])}"


def _percents(interval: Interval) -> str:
    return f"{interval[0] * 100:.0f}–{interval[1] * 100:.0f} %"
