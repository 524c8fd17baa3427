"""The bulletin of a run, for people.

Enters: a Report. Leaves: tables of at most 80 columns, plain where there is no terminal. Invariant: it says nothing
that the report as JSON doesn't say; what is undefined (a share of nothing, money without a counterfactual) is "–".
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from interceptor.display import clean, short, yuan
from interceptor.local_time import clock
from interceptor.schema import GATE_NAMES, GATES
from simulator.report import Money, Report, rate
from simulator.scorecard import ratio

RULES_SHOWN, TOWNS_SHOWN, HABITS_SHOWN, SETS_SHOWN = 10, 10, 5, 8
LABEL_WIDTH = 10


def show(report: Report, console: Console) -> None:
    """Prints the bulletin, 80 columns wide at most. All is Text: no name or title is read as markup."""
    console.print(Text(), _headline(report), Text(), _told(report.money), Text(), sep="\n")
    for title, table in (
        ("Gates", _gate_table(report)),
        ("Scam campaigns", _type_table(report) if report.truth else None),
        ("Rules that did most", _rule_table(report)),
        ("Worst townships", _town_table(report) if report.truth else None),
    ):
        if table is not None:
            console.print(Text(title, style="bold"), table, Text(), sep="\n")
    console.print(_harm(report), Text(), _speed(report), sep="\n")


def _paragraph(label: str, lines: Sequence[str]) -> Table:
    """A bold label, and lines beside it."""
    grid = Table.grid()
    grid.add_column(width=LABEL_WIDTH)
    for number, line in enumerate(lines):
        grid.add_row(Text("" if number else label, style="bold"), Text(line))
    return grid


def _headline(report: Report) -> Table:
    score, setting = report.score, report.setting
    what = f"{clean(setting.scenario)} · {setting.people:,} people · {_many(setting.days, 'day')}"
    lines = [f"{what} · seed {setting.seed} · {score.events:,} events"]
    lines += _rules_used(report)
    if report.stopped_ms is not None:
        lines.append(f"Stopped at {clock(report.stopped_ms):%d %b %H:%M}: all figures are of what came before.")
    if not report.truth:
        lines.append("There is no truth beside this recording: right and wrong can't be told.")
    return _paragraph("Bulletin", lines)


def _rules_used(report: Report) -> list[str]:
    """The rule set; each of them, with what it decided, where they changed."""
    used = report.rule_sets
    if len(used) <= 1:
        return [f"{report.rules} rules, rule set {report.ruleset}, interceptor {report.version}"]
    lines = [
        f"{one.ruleset} decided {_many(one.events, 'event')} with {_many(one.rules, 'rule')}, "
        f"from {clock(one.from_ms):%d %b %H:%M} on"
        for one in used[:SETS_SHOWN]
    ]
    if rest := used[SETS_SHOWN:]:
        lines.append(f"and {len(rest)} more decided {_many(sum(one.events for one in rest), 'event')}")
    return [f"{len(used)} rule sets, interceptor {report.version}", *lines]


def _told(money: Money) -> Table:
    recovered = f", {yuan(money.recovered)} stopped on its way" if money.recovered else ""
    lines = [f"{yuan(money.lost)} lost of {yuan(money.attempted)} that people set out to pay{recovered}"]
    if money.without is None or money.saved is None:
        lines.append("what would have been lost without interception isn't known")
    else:
        share = percent(ratio(money.saved, money.without))
        lines.append(f"{yuan(money.without)} would have been lost without interception")
        lines.append(f"{yuan(money.saved)} saved, {share}" if money.without else "so there was nothing to save")
    return _paragraph("Money", lines)


def _gate_table(report: Report) -> Table:
    heads = ("", "events", "scam", "intercepted", "precision", "recall", "false alarms\nper 100,000")
    table = _table(*heads)
    for kind in GATES:
        gate = report.score.gates[kind]
        judged = (percent(gate.precision), percent(gate.recall), number(gate.false_per_100k))
        table.add_row(
            GATE_NAMES[kind], f"{gate.events:,}", f"{gate.scam:,}" if report.truth else "–", f"{gate.intercepted:,}",
            *(judged if report.truth else ("–", "–", "–")),
        )  # fmt: skip
    return table


def _type_table(report: Report) -> Table:
    table = _table("", "", "count", "recall", "met\nafter", "yuan\ntaken", "yuan\nwithout")
    table.columns[1].justify = "left"
    absent = []
    for (id_, chinese), type_, money in zip(report.types, report.score.types, report.money_of_type, strict=True):
        if not type_.count:
            absent.append(id_.replace("_", " "))
            continue
        table.add_row(
            id_.replace("_", " "), Text(clean(chinese)), f"{type_.count:,}", percent(type_.recall),
            minutes(type_.median_minutes), short(money.lost), "–" if money.without is None else short(money.without),
        )  # fmt: skip
    if absent:
        table.caption = Text(f"none of: {', '.join(absent)}", style="dim")
        table.caption_justify = "left"
    return table


def _rule_table(report: Report) -> Table:
    table = _table("", "", "hits", "right", "caught\nwith it", "yuan\nheld")
    table.columns[1].justify = "left"
    best = sorted(report.score.rules, key=lambda rule: (-rule.catches, -rule.held_fen, -rule.hits))
    for rule in [rule for rule in best if rule.hits and not rule.shadow][:RULES_SHOWN]:
        judged = (percent(rule.precision), f"{rule.catches:,}") if report.truth else ("–", "–")
        where = Text(report.gates_of_rule.get(rule.name, ""), style="dim")
        table.add_row(Text(rule.name), where, f"{rule.hits:,}", *judged, short(rule.held_fen))
    alone = report.score.by_score_alone
    if alone:
        table.add_row(Text("earlier evidence alone", style="dim"), "", "", "", f"{alone:,}", "")
    return table


def _town_table(report: Report) -> Table:
    table = _table(
        "", "residents", "scam events\nlet through", "per 1,000\nresidents", "yuan\npaid", "yuan per\nresident"
    )
    for town in report.towns[:TOWNS_SHOWN]:
        table.add_row(
            Text(clean(town.name)), f"{town.residents:,}", f"{town.reached:,}",
            number(town.reached_per_1000), short(town.paid_fen), number(town.paid_each_fen / 100),
        )  # fmt: skip
    return table


def _harm(report: Report) -> Table:
    score = report.score
    if not report.truth:
        return _paragraph("Harm", ["not known"])
    limited = _many(score.lines_limited, "ordinary line or account", "ordinary lines or accounts")
    delayed = _many(score.people_delayed, "person", "people")
    lines = [f"{_many(score.calls_blocked, 'ordinary call')} blocked, {delayed} wrongly delayed, {limited} limited"]
    touched = sorted((habit for habit in score.habits if habit.touched), key=lambda habit: -habit.touched)
    for habit in touched[:HABITS_SHOWN]:
        name = report.habits[habit.habit].replace("_", " ")
        lines.append(f"{name}: {habit.touched:,} of {habit.events:,} events intercepted or limited")
    if touched[HABITS_SHOWN:]:
        lines.append(f"and {', '.join(report.habits[h.habit].replace('_', ' ') for h in touched[HABITS_SHOWN:])}")
    return _paragraph("Harm", lines)


def _speed(report: Report) -> Table:
    speed, events = report.speed, report.score.events
    names = {"set_up": "set-up", "compile": "compiling"}
    parts = ["set_up", "compile", "simulator", "engine", "scoring", *(["centre"] if speed.centre else []), "rest"]
    split = ", ".join(f"{names.get(part, part)} {getattr(speed, part):.1f}" for part in parts)
    each = ", ".join(f"{name} {rate(events, getattr(speed, name)) or 0:,}" for name in ("engine", "simulator"))
    lines = [f"{speed.total:.1f} s, {rate(events, speed.total) or 0:,} events a second; {each}", f"seconds: {split}"]
    if speed.counterfactual is not None:
        lines.append(f"the run without interception, on another core: {speed.counterfactual:.1f} s")
    counted = [f"{count:,} {name}" for name, count in report.counters.items() if count]
    if counted:
        lines.append(f"the engine counted {', '.join(counted)}")
    return _paragraph("Speed", lines)


def _table(*columns: str) -> Table:
    """First column left, the others right; all heads are of two lines."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    two = any("\n" in column for column in columns)
    for index, column in enumerate(columns):
        head = f"\n{column}" if two and "\n" not in column else column
        table.add_column(Text(head), justify="right" if index else "left", no_wrap=True)
    return table


def percent(share: float | None) -> str:
    """98.7 %; never 100 % for what isn't all."""
    if share is None:
        return "–"
    if 0.9995 <= share < 1:
        return f"{min(share * 100, 99.99):.2f} %"
    return f"{share:.0%}".replace("%", " %") if share in (0, 1) else f"{share * 100:.1f} %"


def minutes(value: float | None) -> str:
    """At once, 45 s, 12 min, 3.4 h, 2.1 days."""
    if not value:
        return "–" if value is None else "at once"
    for limit, size, unit in ((1, 1 / 60, "s"), (100, 1, "min"), (48 * 60, 60, "h")):
        if value < limit:
            return f"{value / size:.0f} {unit}" if unit != "h" else f"{value / size:.1f} h"
    return f"{value / 1440:.1f} days"


def number(value: float | None) -> str:
    """Two places below 10, none from 100."""
    if value is None:
        return "–"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"
