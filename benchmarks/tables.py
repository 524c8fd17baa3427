"""Results as tables: Markdown for the README, columns for a terminal.

Enters: results. Leaves: text. Invariant: a table names machine, versions, seed and rule set; a figure stands beside its
unit, and what wasn't measured is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.case import Figure
from benchmarks.results import Change, Measured, Results
from benchmarks.targets import kept, peers_of, shown
from interceptor.tuning.tables import Column, say, show_table

PEERS_FILE = "peers.json"
MET = {True: "yes", False: "**no**", None: "–"}
NO_BUDGET = ("budget",)  # has a table of its own
CONTROL = (
    "Control: a step that mixes a word and adds one of a table of 64 MB, ns of CPU, right before and after each figure."
)


def page(results: Results, pictures: Sequence[tuple[str, str]], peers: Path) -> str:
    """README.md of a folder of results; `pictures`: (title, file name)."""
    parts = ["# Benchmarks", "", *_about(results), "", "## Targets", "", targets_table(results, peers), ""]
    budget = results.case("budget")
    if budget and budget.figures:
        parts += ["## Budget: ns of CPU an event", "", budget_table(budget), ""]
    for title, name in pictures:
        parts += [f"![{title}]({name})", ""]
    for case in results.cases:
        parts += [f"## {case.name}", "", _sentence(case), ""]
        if case.missing:
            parts += [f"Not measured: {case.missing}", ""]
        elif case.name not in NO_BUDGET:
            parts += [case_table(case), ""]
    return "\n".join(parts)


def targets_table(results: Results, peers: Path) -> str:
    rows = [[one.target, one.wanted, one.measured, MET[one.met]] for one in kept(results, peers_of(peers))]
    return markdown(["target", "wanted", "measured", "met?"], rows)


def budget_table(case: Measured) -> str:
    """Stages beside their floors."""
    rows = []
    for one in case.figures:
        floor = one.more.get("floor", 0.0)
        rows.append([one.series, f"{one.value:,.0f}", f"{floor:,.0f}" if floor else "–", _times(one.value, floor)])
    return markdown(["stage", "engine", "floor", "times"], rows)


def case_table(case: Measured) -> str:
    """One row a point; other figures that were seen beside it."""
    names = list(dict.fromkeys(name for one in case.figures for name in one.more if name not in ("rounds", "least")))
    with_series = any(one.series for one in case.figures)
    head = [*(["series"] if with_series else []), *([case.axis] if case.axis else []), case.unit, "control, ns", *names]
    rows = []
    for one in case.figures:
        row = [one.series] if with_series else []
        row += [_place(one)] if case.axis else []
        row += [shown(one.value), f"{one.control:.1f}" if one.control else "–"]
        rows.append(row + [shown(one.more[name]) if name in one.more else "" for name in names])
    return markdown(head, rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; what could end a cell is written so that it doesn't."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )


def show(results: Results, folder: Path, changes: Sequence[Change], bound: float) -> None:
    """Prints what was found, and what changed."""
    for line in _about(results):
        say(line.strip("- "))
    rows = []
    for case in results.cases:
        if case.missing:
            rows.append([case.name, "", "", f"not measured: {case.missing}", "", ""])
        for one in case.figures:
            rows.append([case.name, one.series, _place(one), shown(one.value), one.unit, f"{one.control:.1f}"])
    columns = [Column("case"), Column("series"), Column("at", right=True), Column("value", right=True), Column("unit"),
               Column("control", right=True)]  # fmt: skip
    show_table("Figures", columns, rows, CONTROL)
    budget = results.case("budget")
    if budget and budget.figures:
        _show_markdown("Budget: ns of CPU an event", budget_table(budget))
    _show_markdown("Targets", targets_table(results, folder / PEERS_FILE))
    if changes:
        show_changes(changes, bound)
    say(f"Written to {folder}: results.json, README.md, pictures")


def show_changes(changes: Sequence[Change], bound: float) -> None:
    """What changed, worst first; ratios are corrected by the controls."""
    rows = []
    for one in sorted(changes, key=lambda one: -one.ratio):
        place = "" if one.x is None else f"{one.x:,.0f}"
        verdict = "slower" if one.ratio > 1 + bound / 100 else "better" if one.ratio < 1 / (1 + bound / 100) else ""
        rows.append([one.case, one.series, place, shown(one.before), shown(one.after), one.unit, f"{one.plain:.2f}",
                     f"{one.ratio:.2f}", verdict])  # fmt: skip
    columns = [Column("case"), Column("series"), *(Column(name, right=True) for name in ("at", "before", "after")),
               Column("unit"), *(Column(name, right=True) for name in ("plain", "ratio")), Column("")]  # fmt: skip
    note = f"ratio: how many times slower or larger, corrected by the control; slower = by more than {bound:g} %"
    show_table("What changed", columns, rows, note)


def _about(results: Results) -> list[str]:
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in results.versions.items() if value)
    return [
        f"- {results.date}, size {results.size}, seed {results.seed}, rules {results.ruleset}",
        f"- {machine}",
        f"- {versions}",
        f"- {CONTROL}",
    ]


def _show_markdown(title: str, table: str) -> None:
    lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()]
    show_table(title, [Column(name, right=at > 0) for at, name in enumerate(lines[0])], lines[2:])


def _sentence(case: Measured) -> str:
    process = case.process
    took = f" ({process['wall_s']:.1f} s, {process['cores']:.2f} cores, {process['rss_mb']:,.0f} MB)" if process else ""
    return f"{case.what[0].upper()}{case.what[1:]}; {case.unit}{took}."


def _place(one: Figure) -> str:
    return "" if one.x is None else f"{one.x:,.0f}"


def _times(value: float, floor: float) -> str:
    return f"{value / floor:.1f}" if floor else "–"
