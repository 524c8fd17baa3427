"""`interceptor rules backtest`: what each rule finds in a recording, and what would be missed without it.

Enters: a recording, rules. Leaves: a table, JSON or a page. Invariant: one pass of the engine; all figures are counted
from its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interceptor.display import yuan
from interceptor.recording import open_recording
from interceptor.schema import GATE_NAMES, kinds_named
from interceptor.tuning.figures import Campaigns, RuleFigures, Totals, figures, most_useful_first, totals
from interceptor.tuning.outcome import decided
from interceptor.tuning.replay import guarded, rules_at
from interceptor.tuning.tables import (
    EXIT_CLEAN,
    NO_TRUTH,
    Column,
    Table,
    called,
    check_page_path,
    percent,
    print_json,
    say,
    show_table,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from interceptor.tuning.page import Block

NOTE = (
    "right: hits on scam events. camp. met: of the campaigns with events at the rule's gates, the share that it hit.\n"
    "alerts a day: sources that it hit, each once a local day. only it: events that no other live rule hit, scam and\n"
    "ordinary. without it: victims' payments and events no longer stopped if the rule were taken out and all others\n"
    "did what they do; ~ where others read its list or its score, so that they would do something else then.\n"
    "ns: what evaluating the rule costs, for each event of the recording."
)
_SHOWN_IN_PICTURE = 12


@guarded
def main(on: Path, rules: Path | None, *, as_json: bool, html: Path | None) -> int:
    """Exit code 0 = done, 2 = no such recording, 78 = the rules can't be loaded."""
    check_page_path(html)
    recording, rule_set = open_recording(on), rules_at(rules)
    outcome = decided(recording, rule_set)
    found, whole = figures(outcome, rule_set, recording.type_of_campaign), totals(outcome)
    said = Told(on.name, rule_set.hash, outcome.has_truth, whole, found)
    if html:
        from interceptor.tuning.page import write_page

        write_page(html, f"Backtest of rules {said.ruleset} on {said.name}", said.blocks())
    if as_json:
        print_json(said.as_object())
    else:
        said.show()
    return EXIT_CLEAN


class Told:
    """A backtest in words, numbers and pictures."""

    def __init__(
        self, name: str, ruleset: str, has_truth: bool, whole: Totals, found: Sequence[RuleFigures]
    ) -> None:  # fmt: skip
        self.name, self.ruleset, self.has_truth, self.whole = name, ruleset, has_truth, whole
        self.rules = most_useful_first(found)
        self.dead = [called(one.rule) for one in found if not one.hits]
        self.all = found

    def show(self) -> None:
        """The tables, on standard output."""
        title = f"Rules {self.ruleset} on {self.name}: {self.whole.events:,} events, {_days(self.whole.days)}"
        show_table(title, self.gate_columns, self.gate_rows())
        for line in self.sums():
            say(line)
        say("")
        show_table("Rules", self.columns, self.rows(), NOTE)
        if self.dead:
            say(f"Never hit: {', '.join(self.dead)}")

    @property
    def gate_columns(self) -> list[Column]:
        names = ["events", "scam", "stopped", "right", "precision", "recall", "false per 100,000"]
        return [Column("Gate"), *(Column(name, right=True) for name in (names if self.has_truth else names[::2][:2]))]

    def gate_rows(self) -> list[list[str]]:
        rows = []
        for kind, gate in self.whole.gates.items():
            row = [GATE_NAMES[kind], f"{gate.events:,}"]
            if self.has_truth:
                rate = gate.false_per_100k
                row += [f"{gate.scam:,}", f"{gate.intercepted:,}", f"{gate.caught:,}", percent(gate.precision)]
                row += [percent(gate.recall), "–" if rate is None else f"{rate:.2f}"]
            else:
                row += [f"{gate.intercepted:,}"]
            rows.append(row)
        return rows

    def sums(self) -> list[str]:
        """Lines below the gates."""
        whole = self.whole
        lines = ["Verdicts: " + ", ".join(f"{count:,} {name}" for name, count in whole.verdicts.items())]
        if not self.has_truth:
            return [*lines, NO_TRUTH]
        share = percent(whole.stopped_fen / whole.asked_fen) if whole.asked_fen else "–"
        met = whole.campaigns
        lines.append(f"Victims' payments: {yuan(whole.asked_fen)} asked, {yuan(whole.stopped_fen)} stopped ({share})")
        return [*lines, f"Campaigns met: {met.hit:,} of {met.count:,}"]

    @property
    def columns(self) -> list[Column]:
        names = ["hits"]
        names += ["right", "camp.\nmet"] if self.has_truth else []
        names += ["alerts\na day"]
        names += ["only it\nscam", "ord."] if self.has_truth else ["only it"]
        names += ["without it\nyuan", "scam", "ord."] if self.has_truth else ["without it"]
        return [Column("rule", wraps=True), Column("on"), *(Column(name, right=True) for name in [*names, "ns"])]

    def rows(self) -> list[list[str]]:
        return [self._row(one) for one in self.rules]

    def _row(self, one: RuleFigures) -> list[str]:
        row = [called(one.rule), kinds_named(one.rule.kinds), f"{one.hits:,}"]
        if self.has_truth:
            row += [percent(one.precision), percent(one.campaigns.recall)]
        row.append(f"{one.alerts_a_day:,.0f}" if one.alerts_a_day >= 10 else f"{one.alerts_a_day:.1f}")
        row += [f"{one.only_true:,}", f"{one.only_false:,}"] if self.has_truth else [f"{one.only_false:,}"]
        without = one.without
        if without is None:
            row += ["–"] * (3 if self.has_truth else 1)
        else:
            about = "~" if without.about else ""
            if self.has_truth:
                row += [f"{about}{without.money_fen / 100:,.0f}", f"{about}{without.scam:,}"]
            row.append(f"{about}{without.ordinary:,}")
        return [*row, f"{one.ns_per_event:.1f}"]

    def as_object(self) -> dict[str, Any]:
        """For JSON. Shares are None where there was nothing to divide by, or no truth."""
        whole, known = self.whole, self.has_truth
        return {
            "recording": {"file": self.name, "events": whole.events, "days": whole.days, "truth": known},
            "ruleset": self.ruleset,
            "totals": {
                "verdicts": whole.verdicts,
                "gates": {
                    kind.name.lower(): {"events": gate.events, "intercepted": gate.intercepted}
                    | ({
                        "scam": gate.scam, "caught": gate.caught, "wrong": gate.wrong, "precision": gate.precision,
                        "recall": gate.recall, "false_per_100k": gate.false_per_100k,
                    } if known else {})
                    for kind, gate in whole.gates.items()
                },
                "asked_fen": whole.asked_fen if known else None,
                "stopped_fen": whole.stopped_fen if known else None,
                "campaigns": _campaigns(whole.campaigns) if known else None,
                "engine_ns_per_event": whole.engine_ns_per_event,
            },
            "rules": [self._rule_object(one) for one in [*self.rules, *(one for one in self.all if not one.hits)]],
            "dead": self.dead,
        }  # fmt: skip

    def _rule_object(self, one: RuleFigures) -> dict[str, Any]:
        found: dict[str, Any] = {
            "rule": one.rule.name, "mode": one.rule.mode,
            "kinds": [kind.name.lower() for kind in sorted(one.rule.kinds)],
            "hits": one.hits, "alerts": one.alerts, "alerts_a_day": one.alerts_a_day, "ns_per_event": one.ns_per_event,
        }  # fmt: skip
        without = one.without
        if not self.has_truth:
            lost = None if without is None else {"events": without.ordinary, "approximate": without.about}
            return {**found, "only": one.only_false, "without": lost}
        return {
            **found, "true_hits": one.true_hits, "precision": one.precision,
            "campaigns": _campaigns(one.campaigns),
            "by_type": {name: _campaigns(campaigns) for name, campaigns in one.by_type.items()},
            "only_true": one.only_true, "only_false": one.only_false,
            "without": None if without is None else {
                "scam_events": without.scam, "money_fen": without.money_fen, "ordinary_events": without.ordinary,
                "approximate": without.about,
            },
        }  # fmt: skip

    def blocks(self) -> list[Block]:
        """The page."""
        from interceptor.tuning.page import Figure, Words

        blocks: list[Block] = [
            Words(f"{self.whole.events:,} events, {_days(self.whole.days)}."),
            Table("Gates", self.gate_columns, self.gate_rows()),
            *(Words(line) for line in self.sums()),
            Table("Rules", self.columns, self.rows(), NOTE),
        ]
        if self.dead:
            blocks.append(Words(f"Never hit: {', '.join(self.dead)}"))
        if self.has_truth and self.rules:
            blocks.append(Figure("What would be missed without each rule", self._draw_missed))
            blocks.append(Figure("How often each rule is right, and how many campaigns it meets", self._draw_worth))
        return blocks

    def _draw_missed(self, axes: Axes) -> None:
        from interceptor.tuning.page import BLUE

        missed = [(one.without.scam, called(one.rule)) for one in self.rules if one.without and one.without.scam > 0]
        shown = sorted(missed)[-_SHOWN_IN_PICTURE:]
        axes.barh([name for _, name in shown], [count for count, _ in shown], color=BLUE)
        axes.set_xlabel("scam events no longer stopped")

    def _draw_worth(self, axes: Axes) -> None:
        """A point for each rule; those that fall together share a label."""
        from interceptor.tuning.page import BLUE

        near: dict[tuple[float, float], list[str]] = {}
        for one in self.rules:
            x, y = one.campaigns.recall, one.precision
            if x is not None and y is not None:
                axes.plot(x, y, "o", color="gray" if one.shadow else BLUE, alpha=0.7)
                near.setdefault((round(x * 20) / 20, round(y * 20) / 20), []).append(called(one.rule))
        for (x, y), names in near.items():
            label = names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"
            axes.annotate(label, (x, y), (4, -8), textcoords="offset points", fontsize=6)
        axes.set(xlabel="share of campaigns hit", ylabel="share of hits that are right", xlim=(-0.02, 1.2))


def _days(days: int) -> str:
    return "one day" if days == 1 else f"{days} days"


def _campaigns(of: Campaigns) -> dict[str, Any]:
    return {"count": of.count, "hit": of.hit, "recall": of.recall}
