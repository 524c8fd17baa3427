"""`interceptor rules curve`: what a rule would find at every threshold, in one pass.

Enters: a rule, a recording. Leaves: a table of telling cut-offs, the whole curve as JSON, or a page; an exit code.
Invariant: a row says what the engine finds with the threshold set so; where that can't be had in one pass, it says so.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interceptor.recording import Recording, open_recording
from interceptor.rules import RuleSet
from interceptor.rules.ruleset import Rule
from interceptor.tuning.cutoffs import telling
from interceptor.tuning.outcome import local_day
from interceptor.tuning.probe import comes_back, needed, probed, span_ms
from interceptor.tuning.replay import guarded, rule_named, rules_at
from interceptor.tuning.sweep import Sweep, candidates, rows_of
from interceptor.tuning.tables import EXIT_CLEAN, NO_TRUTH, Table, say, tell
from interceptor.tuning.tally import Grid, Tally
from interceptor.tuning.threshold import Threshold, chosen

if TYPE_CHECKING:
    from interceptor.tuning.page import Block

NOTE = (
    "hits: events. alert: one source on one local day, true if any of its hits is. precision: of hits. recall: of scam"
    " events of the rule's kinds.\ncampaigns: met at least once, of those with such events. scam money: victims'"
    " payments hit. Of many cut-offs, those are shown between which the curve is straight."
)
COARSE = "There were too many different values to keep them all apart: cut-offs are steps of at most 0.05 %."


@guarded
def main(rule: str, on: Path, term: str | None, rules: Path | None, *, as_json: bool, html: Path | None) -> int:
    """Exit code 0 = done, 2 = no such rule, comparison or recording, 78 = the rules can't be loaded."""
    recording, rule_set = open_recording(on), rules_at(rules)
    meant = rule_named(rule_set, rule)
    told = Told(recording, rule_set, meant, chosen(meant, term))
    tell(told, as_json=as_json, html=html)
    return EXIT_CLEAN


def days_of(first_ms: int, last_ms: int) -> int:
    """Local days that a recording touches."""
    first, last = local_day(np.array([first_ms, last_ms])).tolist()
    return max(1, last - first + 1)


class Told:
    """A curve in words, numbers and pictures."""

    def __init__(self, recording: Recording, rule_set: RuleSet, rule: Rule, threshold: Threshold) -> None:
        self.recording, self.rule_set, self.rule, self.threshold = recording, rule_set, rule, threshold
        self.days = days_of(*span_ms(recording))
        self.grid = Grid(threshold.strict, threshold.oriented(float(threshold.number)))
        tally = Tally(self.grid, self.days)
        for seen in probed(recording, needed(rule_set, rule.name), rule, threshold, f"Trying cut-offs of {rule.name}"):
            tally.add_all(seen.scam)
            tally.add(seen.found)
        curve = tally.curve(candidates(threshold, tally.values))
        self.sweep = Sweep(threshold, curve, recording.has_truth)
        self.about = comes_back(rule_set, rule)

    @property
    def title(self) -> str:
        return f"{self.rule.name} on {self.recording.path.name}: {self.threshold.text(self.threshold.number)}"

    def lines(self) -> list[str]:
        """What is to be said beside the numbers."""
        curve, days = self.sweep.curve, "one day" if self.days == 1 else f"{self.days} days"
        found = [f"{self.recording.events:,} events, {days}; {len(curve):,} cut-offs"]
        if self.recording.has_truth:
            found[0] += f"; {curve.scam:,} scam events of {curve.campaigns:,} campaigns at the rule's gates"
        else:
            found.append(NO_TRUTH)
        if self.about:
            found.append(f"~ Approximate: {self.about}. At other cut-offs than the one in force that would differ.")
        if self.grid.coarse:
            found.append(COARSE)
        return found

    def table(self, bars: bool) -> Table:
        places = telling(self.sweep.curve, [self.sweep.now])
        rows = rows_of(self.sweep, places, bars, {self.sweep.now: "◀ now"})
        if self.about:
            rows = [[f"~ {row[0]}", *row[1:]] if not row[-1] else row for row in rows]
        return Table(self.title, self.sweep.columns(bars), rows, NOTE if self.recording.has_truth else "")

    def show(self) -> None:
        """On standard output; with a bar for each precision where that is a terminal."""
        self.table(bars=sys.stdout.isatty()).show()
        for line in self.lines():
            say(line)

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        curve, known = self.sweep.curve, self.recording.has_truth
        return {
            "recording": {
                "file": self.recording.path.name, "events": self.recording.events, "days": self.days, "truth": known,
            },
            "ruleset": self.rule_set.hash, "rule": self.rule.name, "term": self.threshold.term,
            "sign": self.threshold.sign, "type": self.threshold.value.type.name.lower(),
            "now": self.threshold.number, "approximate": bool(self.about), "why_approximate": self.about,
            "coarse": self.grid.coarse, "scam_events": curve.scam if known else None,
            "campaigns": curve.campaigns if known else None, "points": self.sweep.points(),
        }  # fmt: skip

    def blocks(self) -> list[Block]:
        """The page."""
        from interceptor.tuning.page import Figure, Words

        pictures = [Figure("Alerts a day over the cut-off", self.sweep.draw_alerts)]
        if self.recording.has_truth:
            pictures.insert(0, Figure("Precision and recall over the cut-off", self.sweep.draw_rates))
        table = self.table(bars=False)
        return [*(Words(line) for line in self.lines()), *pictures,
                Table("Telling cut-offs", table.columns, table.rows, table.note)]  # fmt: skip
