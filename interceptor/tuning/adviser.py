"""Which cut-off to take under a budget of alerts, and whether that may be suggested.

Enters: a recording, a rule set, a rule, its Threshold, a budget, ids that must stay found. Leaves: an Advice.
Invariant: it is learned on the first part of the event time alone; what only this rule finds, what was asked for and
what its tests hold stays found, or the suggestion is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from interceptor.recording import Recording
from interceptor.rules.names import DAY_MS, LOCAL_TIME_MS
from interceptor.rules.ruleset import Rule, RuleSet
from interceptor.tuning.advice import Advice, Period, Verdict
from interceptor.tuning.curve import days_of
from interceptor.tuning.cutoffs import Interval, choose, cut_interval
from interceptor.tuning.edits import Edit, edits_of
from interceptor.tuning.left_out import feeds_back
from interceptor.tuning.outcome import local_day
from interceptor.tuning.probe import comes_back, needed, probed, span_ms
from interceptor.tuning.protection import Loss, Protection, Tests
from interceptor.tuning.sweep import Sweep, a_day, candidates
from interceptor.tuning.tally import Curve, Grid, Tally
from interceptor.tuning.threshold import Threshold

LEARNED_SHARE = 0.7  # of the event time; the rest is held out


def split(first_ms: int, last_ms: int, days: int) -> tuple[int, float]:
    """Where the held-out part begins, and how many days come before: about seven tenths of the days; of one day, of its
    time. Whole days, because an alert is a source on a day: one that is cut in two counts twice."""
    if days == 1:
        return first_ms + round(LEARNED_SHARE * (last_ms - first_ms)), LEARNED_SHARE
    learned = min(max(1, round(LEARNED_SHARE * days)), days - 1)
    return (int(local_day(np.array([first_ms]))[0]) + learned) * DAY_MS - LOCAL_TIME_MS, float(learned)


class Adviser:
    """Replays the recording once; with truth, under all rules. Raises RecordingError, UsageProblem."""

    def __init__(
        self, recording: Recording, rule_set: RuleSet, rule: Rule, threshold: Threshold, budget: float, ids: np.ndarray
    ) -> None:
        self.recording, self.rule_set, self.rule, self.threshold = recording, rule_set, rule, threshold
        self.budget, self.known = budget, recording.has_truth
        self.first_ms, self.last_ms = span_ms(recording)
        days = days_of(self.first_ms, self.last_ms)
        self.split_ms, learned_days = split(self.first_ms, self.last_ms, days)
        self.now = threshold.oriented(float(threshold.number))
        self.grid = Grid(threshold.strict, self.now)
        self.protection = Protection(self.grid, self.now, ids)
        self.tests = Tests(rule_set, rule, threshold)
        learned, held = Tally(self.grid, learned_days), Tally(self.grid, days - learned_days)
        whole = Tally(self.grid, days)
        self._count(learned, held, whole)
        self.values = np.union1d(learned.values, held.values)
        cuts = candidates(threshold, learned.values)
        self.learned = self._period("learned", self.first_ms, self.split_ms, learned, cuts)
        self.held = self._period("held out", self.split_ms, self.last_ms, held, cuts)
        self.whole = self._period("whole", self.first_ms, self.last_ms, whole, cuts)

    def _count(self, learned: Tally, held: Tally, whole: Tally) -> None:
        rules = self.rule_set if self.known else needed(self.rule_set, self.rule.name)
        for seen in probed(self.recording, rules, self.rule, self.threshold, f"Trying cut-offs of {self.rule.name}"):
            for late, tally in ((False, learned), (True, held)):
                tally.add_all(seen.scam[(seen.scam_ts_ms >= self.split_ms) == late])
                tally.add(seen.found.of((seen.ts_ms >= self.split_ms) == late))
            whole.add_all(seen.scam)
            whole.add(seen.found)
            self.protection.add(seen)

    def _period(self, name: str, start_ms: int, end_ms: int, tally: Tally, cuts: np.ndarray) -> Period:
        return Period(name, start_ms, end_ms, tally, Sweep(self.threshold, tally.curve(cuts), self.known))

    def advice(self) -> Advice:
        """What to do."""
        curve, threshold = self.learned.curve, self.threshold
        missed = self.protection.check()
        notes = [missed] if missed else []
        place = choose(curve, self.budget)
        if place is None:
            least = len(curve) - 1 - int(np.argmin(curve.alerts[::-1]))
            text, rate = threshold.text(self.learned.sweep.number(least)), a_day(curve.alerts_a_day[least])
            return self._made(Verdict.IMPOSSIBLE, f"even {text} gives {rate} alerts a day.", None, notes=notes)
        if not self.learned.tally.values.size:
            return self._made(Verdict.KEEP, "no hit in the learned part hangs on it.", threshold.number, notes=notes)
        number, interval = self._number(curve.cuts[place]), self._interval(curve.cuts[place])
        if len(np.unique(self.grid.below(self.values, np.array([curve.cuts[place], self.now])))) == 1:
            why = "it is the loosest that keeps to the budget."
            return self._made(Verdict.KEEP, why, threshold.number, interval, notes)
        if self._finds_no_more(number):
            why = f"{threshold.text(number)} would be in the budget, too, and finds no more scam."
            return self._made(Verdict.KEEP, why, threshold.number, interval, notes)
        losses, lost_tests = self.protection.losses(threshold.oriented(float(number))), self.tests.lost(number)
        losses += [Loss("tests that expect hits", tuple(lost_tests))] if lost_tests else []
        if interval[0] <= threshold.number <= interval[1]:
            notes.append("The cut-off in force lies within the interval: the difference may be chance.")
        notes += self._notes(number)
        if not losses:
            return self._made(Verdict.CHANGE, "", number, interval, notes)
        why = "it loses what must stay found."
        return self._made(Verdict.REFUSED, why, number, interval, notes, losses, self._keeping(curve))

    def _made(
        self, verdict: Verdict, why: str, number: float | None, interval: Interval | None = None,
        notes: Sequence[str] = (), losses: Sequence[Loss] = (), keeping: float | None = None,
    ) -> Advice:  # fmt: skip
        edits: list[Edit] = []
        if verdict is Verdict.CHANGE and number is not None:
            edits = edits_of(self.rule_set, self.rule, self.threshold, number)
            if not edits:
                place = self.rule_set.definitions.place("rules", self.rule.name, "condition")
                notes = [*notes, f"{place.path}:{place.line}: edit by hand: {self.threshold.text(number)}"]
        return Advice(
            self.rule, self.threshold, self.budget, self.rule_set.hash, self.known, self.learned, self.held, self.whole,
            verdict, why, comes_back(self.rule_set, self.rule), self.grid.coarse, number, interval, keeping,
            tuple(losses), tuple(notes), tuple(edits), self.protection.counts,
        )  # fmt: skip

    def _number(self, cut: float) -> float:
        """As it would be written: the roundest of those cut-offs between which no value lies."""
        if not self.grid.coarse:
            at = int(self.grid.below(self.values, np.array([cut]))[0])
            ends = np.concatenate([[-np.inf], self.values, [np.inf]])
            cut = self.threshold.rounded(cut, float(ends[at + 1] if self.grid.strict else ends[at]))
        return self.threshold.plain(self.threshold.oriented(cut))

    def _interval(self, cut: float) -> Interval:
        first, last = local_day(np.array([self.first_ms, self.split_ms - 1])).tolist()
        ends = cut_interval(self.learned.tally, self.learned.curve, self.budget, range(first, last + 1))
        ends = min(ends[0], cut), max(ends[1], cut)
        low, high = sorted(self.threshold.plain(self.threshold.oriented(end)) for end in ends)
        return low, high

    def _keeping(self, curve: Curve) -> float | None:
        """The strictest cut-off that loses nothing."""
        kept = np.flatnonzero(self.protection.kept(curve.cuts)).tolist()
        places = sorted(kept, key=lambda one: (curve.alerts[one], -curve.cuts[one]))
        low, high = 0, len(places)
        while low < high:  # tests are lost on the stricter side only
            middle = (low + high) // 2
            if self.tests.lost(self._number(curve.cuts[places[middle]])):
                low = middle + 1
            else:
                high = middle
        return self._number(curve.cuts[places[low]]) if low < len(places) else None

    def _finds_no_more(self, number: float) -> bool:
        """Is it looser than the one in force, for nothing?"""
        new, old = self.learned.at(number), self.learned.at(self.threshold.number)
        return self.known and new.hits > old.hits and new.recall == old.recall

    def _notes(self, number: float) -> Iterator[str]:
        """What whoever makes the edit should know."""
        changed = self.tests.changed(number)
        if changed:
            yield f"Tests to be changed with it: {', '.join(changed)}"
        if feeds_back(self.rule_set, self.rule):
            yield (
                "~ Other rules read the list or the score that this rule adds to: what they find will change, too, and"
                " with it what only this rule finds. `interceptor rules diff` shows it."
            )
