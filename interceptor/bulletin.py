"""What a run comes to, for people and for programs.

Enters: a Report, plain figures. Leaves: tables of at most 100 columns, or a dictionary for JSON. Invariant: both say
the same, and what is undefined (a share of nothing, money without a counterfactual) is "–" in tables and null in JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from interceptor.display import GATE_NAMES, clean, yuan
from interceptor.schema import GATES, Kind
from simulator.scorecard import RuleScore, Score

RULES_SHOWN = 10
TOWNS_SHOWN = 10
GATE_KEYS = {kind: kind.name.lower() for kind in GATES}


@dataclass(frozen=True, slots=True)
class Money:
    """In fen. `without`: what the same campaigns would have taken with nobody in their way; None = not known."""

    attempted: int
    lost: int
    without: int | None

    @property
    def saved(self) -> int | None:
        return None if self.without is None else self.without - self.lost


@dataclass(frozen=True, slots=True)
class Town:
    """One township: residents, scam events that reached them, what they lost."""

    name: str
    residents: int
    reached: int
    paid_fen: int

    @property
    def paid_each_fen(self) -> float:
        return self.paid_fen / self.residents if self.residents else 0.0

    @property
    def reached_per_1000(self) -> float:
        return 1000 * self.reached / self.residents if self.residents else 0.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Wall-clock seconds. Total holds all; simulator and engine are those of the stream itself."""

    total: float
    simulator: float
    engine: float
    scoring: float
    set_up: float  # the city is built, the rules are loaded
    compile: float  # kernels, only the first time
    counterfactual: float | None = None  # in a process of its own, beside the rest

    @property
    def rest(self) -> float:
        return self.total - self.simulator - self.engine - self.scoring - self.set_up - self.compile


@dataclass(frozen=True, slots=True)
class Report:
    """A run. `stopped_ms`: event time at which a person stopped it, None = it came to its end."""

    scenario: str
    people: int
    days: int
    seed: int
    ruleset: str
    rules: int
    version: str
    score: Score
    types: Sequence[tuple[str, str]]  # id and Chinese name, in the order of score.types
    money: Money
    money_of_type: Sequence[Money]
    towns: Sequence[Town]
    habits: Sequence[str]
    speed: Speed
    titles: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    stopped_ms: int | None = None
    truth: bool = True


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain types; the keys are an interface, new ones may come."""
    score, speed = report.score, report.speed
    return {
        "version": report.version,
        "scenario": report.scenario,
        "people": report.people,
        "days": report.days,
        "seed": report.seed,
        "ruleset": report.ruleset,
        "complete": report.stopped_ms is None,
        "events": score.events,
        "statuses": score.statuses,
        "seconds": _seconds(speed),
        "engine_events_per_s": _rate(score.events, speed.engine),
        "simulator_events_per_s": _rate(score.events, speed.simulator),
        "gates": {GATE_KEYS[kind]: _gate(report, kind) for kind in GATES},
        "campaigns": {
            id_: {
                "name": chinese,
                "count": type_.count,
                "recall": type_.recall,
                "median_minutes_to_first": type_.median_minutes,
                "money": _money(money),
            }
            for (id_, chinese), type_, money in zip(report.types, score.types, report.money_of_type, strict=True)
        },
        "money": {**_money(report.money), "held": score.held_fen / 100},
        "harm": {
            "calls_blocked": score.calls_blocked if report.truth else None,
            "people_delayed": score.people_delayed if report.truth else None,
            "lines_limited": score.lines_limited if report.truth else None,
            "habits": {report.habits[h.habit]: {"events": h.events, "touched": h.touched} for h in score.habits},
        },
        "rules": [_rule(rule) for rule in score.rules],
        "by_score_alone": score.by_score_alone,
        "townships": [
            {"name": town.name, "residents": town.residents, "reached": town.reached, "lost": town.lost_fen / 100}
            for town in report.towns
        ],
        "engine_counters": report.counters,
    }


def _seconds(speed: Speed) -> dict[str, float | None]:
    names = ("total", "simulator", "engine", "scoring", "set_up", "compile", "rest", "counterfactual")
    values = {name: getattr(speed, name) for name in names}
    return {name: None if value is None else round(value, 3) for name, value in values.items()}


def _rate(events: int, seconds: float) -> int | None:
    return round(events / seconds) if seconds > 0 else None


def _gate(report: Report, kind: Kind) -> dict[str, Any]:
    gate = report.score.gates[kind]
    counts = {"events": gate.events, "scam": gate.scam if report.truth else None, "intercepted": gate.intercepted}
    judged = ("precision", "recall", "false_per_100k")
    return counts | {name: getattr(gate, name) if report.truth else None for name in judged}


def _money(money: Money) -> dict[str, float | None]:
    fen = {
        "attempted": money.attempted, "lost": money.lost, "lost_without": money.without, "saved": money.saved
    }  # fmt: skip
    return {name: None if value is None else value / 100 for name, value in fen.items()}


def _rule(rule: RuleScore) -> dict[str, Any]:
    return {
        "rule": rule.name, "shadow": rule.shadow, "hits": rule.hits, "true_hits": rule.true_hits,
        "catches": rule.catches, "precision": rule.precision, "held": rule.held_fen / 100,
    }  # fmt: skip


def show(report: Report, console: Console) -> None:
    """Prints the bulletin. Texts are plain Text objects: no name or title is read as markup."""
    for part in (
        _headline(report), _gate_table(report), _type_table(report), _harm(report), _rule_table(report),
        _town_table(report), _speed(report),
    ):  # fmt: skip
        console.print(part)


def _headline(report: Report) -> Text:
    score, money = report.score, report.money
    words = Text("\nBulletin", style="bold")
    words.append(f"  {clean(report.scenario)} · {report.people:,} people · {_days(report.days)}", style="not bold")
    words.append(f" · {score.events:,} events · seed {report.seed}\n", style="not bold")
    words.append(f"          {report.rules} rules, rule set {report.ruleset[:12]}\n", style="not bold dim")
    if report.stopped_ms is not None:
        words.append("Stopped early: all figures are of what had been measured by then.\n", style="yellow")
    words.append("\nMoney     ", style="bold")
    if money.saved is None:
        words.append(f"lost {yuan(money.lost)} of {yuan(money.attempted)} attempted", style="not bold")
        return words.append(" (without interception: not run)\n", style="not bold dim")
    words.append(f"saved {yuan(money.saved)}", style="bold green")
    words.append(f" ({percent(_share(money.saved, money.without))}): ", style="not bold")
    words.append(f"{yuan(money.lost)} lost, {yuan(money.without or 0)} without interception\n", style="not bold")
    return words.append(f"          {yuan(money.attempted)} attempted in this run\n", style="not bold dim")


def _gate_table(report: Report) -> Table:
    table = _table("Gates", "gate", "events", "scam", "intercepted", "precision", "recall", "false per 100,000")
    for kind in GATES:
        gate = report.score.gates[kind]
        judged = (percent(gate.precision), percent(gate.recall), number(gate.false_per_100k))
        table.add_row(
            GATE_NAMES[kind], f"{gate.events:,}", f"{gate.scam:,}" if report.truth else "–", f"{gate.intercepted:,}",
            *(judged if report.truth else ("–", "–", "–")),
        )  # fmt: skip
    return table


def _type_table(report: Report) -> Table | Text:
    if not report.truth:
        return Text("No truth beside this recording: right and wrong can't be told.\n", style="yellow")
    table = _table("Scam campaigns", "type", "", "count", "recall", "first after", "lost", "without")
    table.columns[1].justify = "left"
    for (id_, chinese), type_, money in zip(report.types, report.score.types, report.money_of_type, strict=True):
        without = "–" if money.without is None else yuan(money.without)
        table.add_row(
            id_.replace("_", " "), Text(clean(chinese)), f"{type_.count:,}", percent(type_.recall),
            minutes(type_.median_minutes), yuan(money.lost), without, style=None if type_.count else "dim",
        )  # fmt: skip
    return table


def _harm(report: Report) -> Text:
    score = report.score
    if not report.truth:
        return Text("")
    words = Text("Harm      ", style="bold")
    lines = _many(score.lines_limited, "ordinary line or account", "ordinary lines or accounts")
    words.append(f"{_many(score.calls_blocked, 'ordinary call')} blocked, ", style="not bold")
    words.append(
        f"{_many(score.people_delayed, 'person', 'people')} wrongly delayed, {lines} limited\n", style="not bold"
    )
    touched = [habit for habit in score.habits if habit.touched]
    for habit in sorted(touched, key=lambda habit: -habit.touched)[:RULES_SHOWN]:
        name = report.habits[habit.habit].replace("_", " ")
        words.append(f"          {name}: {habit.touched:,} of {habit.events:,} events touched\n", style="not bold dim")
    return words


def _rule_table(report: Report) -> Table:
    table = _table("Rules that did most", "rule", "", "hits", "catches", "precision", "money held")
    table.columns[1].justify = "left"
    table.columns[1].overflow = "ellipsis"
    best = sorted(report.score.rules, key=lambda rule: (-rule.catches, -rule.held_fen, -rule.hits))
    for rule in [rule for rule in best if rule.hits and not rule.shadow][:RULES_SHOWN]:
        title = Text(clean(report.titles.get(rule.name, "")), overflow="ellipsis", no_wrap=True, style="dim")
        judged = (f"{rule.catches:,}", percent(rule.precision)) if report.truth else ("–", "–")
        table.add_row(Text(rule.name), title, f"{rule.hits:,}", *judged, yuan(rule.held_fen))
    alone = report.score.by_score_alone
    if alone:
        table.add_row("(earlier evidence alone)", "", "", f"{alone:,}", "", "", style="dim")
    return table


def _town_table(report: Report) -> Table | Text:
    if not report.towns:
        return Text("")
    table = _table(
        "Worst townships", "township", "residents", "scam events that got through", "per 1,000", "lost", "per resident"
    )
    for town in report.towns[:TOWNS_SHOWN]:
        each = town.lost_fen / town.residents / 100 if town.residents else 0.0
        table.add_row(
            Text(clean(town.name)), f"{town.residents:,}", f"{town.reached:,}",
            number(1000 * town.reached / town.residents if town.residents else None),
            yuan(town.lost_fen), f"{each:.2f} yuan",
        )  # fmt: skip
    return table


def _speed(report: Report) -> Text:
    speed, events = report.speed, report.score.events
    parts = {
        "simulator": speed.simulator, "engine": speed.engine, "score card": speed.scoring, "set-up": speed.set_up,
        "compiling kernels": speed.compile, "rest": speed.rest,
    }  # fmt: skip
    split = " · ".join(f"{name} {seconds:.1f} s" for name, seconds in parts.items())
    words = Text("Speed     ", style="bold")
    words.append(f"{_rate(events, speed.total) or 0:,} events/s over all {speed.total:.1f} s", style="not bold")
    words.append(f" · engine alone {_rate(events, speed.engine) or 0:,}/s\n          {split}\n", style="not bold")
    if speed.counterfactual is not None:
        aside = f"          the run without interception took {speed.counterfactual:.1f} s on another core meanwhile\n"
        words.append(aside, style="not bold dim")
    counted = {name: count for name, count in report.counters.items() if count}
    if counted:
        words.append(
            f"          {', '.join(f'{name} {count:,}' for name, count in counted.items())}\n", style="not bold dim"
        )
    return words


def _table(title: str, *columns: str) -> Table:
    """First column left, the others right."""
    table = Table(
        title=title, title_style="bold", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False,
        header_style="dim", padding=(0, 1),
    )  # fmt: skip
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table


def percent(share: float | None) -> str:
    """98.7 %; never 100 % for what is not all."""
    if share is None:
        return "–"
    if 0.9995 <= share < 1:
        return f"{min(share * 100, 99.99):.2f} %"
    return "100 %" if share == 1 else f"{share * 100:.1f} %"


def minutes(value: float | None) -> str:
    """45 s, 12 min, 3.4 h, 2.1 days."""
    if value is None:
        return "–"
    for limit, size, unit in ((1, 1 / 60, "s"), (100, 1, "min"), (48 * 60, 60, "h")):
        if value < limit:
            return f"{value / size:.0f} {unit}" if unit != "h" else f"{value / size:.1f} h"
    return f"{value / 1440:.1f} days"


def number(value: float | None) -> str:
    """Two places below 10, none from 100."""
    if value is None:
        return "–"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def _share(part: float, whole: float | None) -> float | None:
    return part / whole if whole else None


def _days(days: int) -> str:
    return _many(days, "day")


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"
