"""`interceptor rules …`: write, check, test and tune rules.

Enters: what a person typed. Leaves: calls of one module of interceptor.tuning for each command. Invariant: a module
that does work is imported only by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Write, check, test and tune rules.",
    epilog="Start with: interceptor rules check rules",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
Rules = Annotated[
    Path | None, typer.Option("--rules", metavar="FOLDER", help="Rules to use.  [default: those that came with it]")
]
Recording = Annotated[Path, typer.Option("--on", metavar="FILE.parquet", help="A recording made by `run --record`.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a page with the curves drawn.")]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="Name of the rule.")]


@app.command()
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="Rules files or folders; together one rule set.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as findings, too.")] = False,
    json: Json = False,
) -> None:
    """Find what is wrong in rules files, all of it in one go. Exit code 0 = clean, 1 = errors."""
    from interceptor.tuning.check import main

    raise typer.Exit(main(tuple(paths or ()), strict=strict, as_json=json))


@app.command()
def schema() -> None:
    """Print the JSON Schema (draft-07) of rules files, for editors."""
    from interceptor.tuning.check import print_schema

    raise typer.Exit(print_schema())


@app.command("test")
def run_tests(
    rules: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Rules to test.  [default: those that came with it]")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--rule", metavar="RULE", help="Only this rule's tests.")] = None,
    json: Json = False,
) -> None:
    """Run the tests that stand in the rules files through the engine, with coverage."""
    from interceptor.tuning.testing import main

    raise typer.Exit(main(rules, tuple(only or ()), as_json=json))


@app.command()
def explain(
    event: Annotated[int, typer.Argument(metavar="EVENT_ID", help="Id of the event in the recording.")],
    on: Recording,
    rules: Rules = None,
    show_all: Annotated[bool, typer.Option("--all", help="All rules that were considered.")] = False,
    json: Json = False,
) -> None:
    """Say why an event was stopped, or why it passed."""
    from interceptor.tuning.explain import main

    raise typer.Exit(main(event, on, rules, show_all=show_all, as_json=json))


@app.command()
def backtest(on: Recording, rules: Rules = None, json: Json = False, html: Html = None) -> None:
    """What each rule finds in a recording, how often it is right, and what only it finds."""
    from interceptor.tuning.backtest import main

    raise typer.Exit(main(on, rules, as_json=json, html=html))


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="Rules before.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Rules after.")],
    on: Recording,
    lost_max: Annotated[
        int, typer.Option("--lost-max", metavar="N", help="At most N scam events stopped by A may pass B.")
    ] = 0,
    false_max: Annotated[
        int, typer.Option("--false-max", metavar="N", help="At most N ordinary events more may be stopped by B.")
    ] = 0,
    money_max: Annotated[
        float, typer.Option("--money-max", metavar="YUAN", help="At most so much less scam money may be stopped by B.")
    ] = 0.0,
    json: Json = False,
    html: Html = None,
) -> None:
    """Compare two rule sets on a recording. Exit code 1 = B is worse than the bounds allow."""
    from interceptor.tuning.diff import Bounds, main

    bounds = Bounds(lost_max, false_max, round(money_max * 100))
    raise typer.Exit(main(before, after, on, bounds, as_json=json, html=html))


@app.command()
def curve(
    rule: RuleName,
    on: Recording,
    term: Annotated[
        str | None, typer.Option("--term", metavar="TERM", help="The compared value to vary.  [default: the first]")
    ] = None,
    rules: Rules = None,
    json: Json = False,
    html: Html = None,
) -> None:
    """What a rule would find at every threshold, in one pass."""
    from interceptor.tuning.curve import main

    raise typer.Exit(main(rule, on, term, rules, as_json=json, html=html))


@app.command()
def suggest(
    rule: RuleName,
    on: Recording,
    budget: Annotated[str, typer.Option("--budget", metavar="N/day", help="How many alerts a day can be handled.")],
    term: Annotated[
        str | None, typer.Option("--term", metavar="TERM", help="The compared value to vary.  [default: the first]")
    ] = None,
    protect: Annotated[
        Path | None,
        typer.Option("--protect", metavar="FILE", help="Ids of events, one a line, that must stay found."),
    ] = None,
    rules: Rules = None,
    json: Json = False,
    html: Html = None,
) -> None:
    """Suggest a threshold that keeps to a budget of alerts, checked on a period held back."""
    from interceptor.tuning.suggest import main

    raise typer.Exit(main(rule, on, budget, term, protect, rules, as_json=json, html=html))


@app.command()
def overlap(on: Recording, rules: Rules = None, json: Json = False) -> None:
    """Which rules find the same, which add nothing, which never hit."""
    from interceptor.tuning.overlap import main

    raise typer.Exit(main(on, rules, as_json=json))


@app.command()
def profile(on: Recording, rules: Rules = None, json: Json = False) -> None:
    """What each rule and feature costs, in ns for each event."""
    from interceptor.tuning.profile import main

    raise typer.Exit(main(on, rules, as_json=json))


@app.command()
def texts(
    file: Annotated[Path, typer.Argument(metavar="FILE.tsv", help="Columns class, source_label, text; with a header.")],
    rules: Rules = None,
    show: Annotated[
        str | None, typer.Option("--show", metavar="CLASS", help="Print this class's flagged texts with their rules.")
    ] = None,
    json: Json = False,
) -> None:
    """Run the SMS rules over labelled texts: how many of each class are flagged, how many blocked."""
    from interceptor.tuning.texts import main

    raise typer.Exit(main(file, rules, show, as_json=json))
