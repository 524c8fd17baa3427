"""`interceptor centre money trace` and `find`: where reported money went, and who passes on what nobody reported.

Enters: what a person typed. Leaves: calls of flow_tools, alert_tools and suspects_tools. Invariant: what does the work
is imported only when a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interceptor.commands.centre.desk import BOOK, By, Json, UsageError, run

NotedIn = Annotated[
    Path | None,
    typer.Option(
        "--book",
        metavar="FILE.sqlite",
        help="The centre's book, whose log says who traced what.  [default: none for a file, else centre.sqlite]",
    ),
]
Observed = Annotated[
    bool,
    typer.Option(
        "--observed", help="What was decided stopped nothing; a recording made with --observe says so itself."
    ),
]
EXAMPLES = """\b
Examples:
  interceptor centre money trace --alert 17 --stop
  interceptor centre money trace day.parquet --report 2431907
  interceptor centre money trace day.parquet --report 2431907:500000,2440113 --at 2021-03-01T12:30 --picture flow.svg
  interceptor centre money trace amlsim_output --report 664370 --hours 720 --json
  interceptor centre money trace day.parquet --check --observed"""


def trace(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="A recording (run --record), transfers as CSV or Parquet, or AMLSim's folder."
        ),
    ] = None,
    alert: Annotated[
        int | None,
        typer.Option(metavar="N", help="Instead of a file: a victim's report, through the payments in the book."),
    ] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="With --alert: have the accounts stopped in which there is enough.")
    ] = False,
    report: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TX[:FEN][,…]",
            help="A victim's payments: ids of transfers, and how much of each was lost; again for another case.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="As of 2021-03-05T09:30, or of day 12.5 in a file that counts days.  [default: the end of it; of"
            " a book, now]",
        ),
    ] = None,
    layers: Annotated[int, typer.Option(metavar="N", help="Accounts in a row that are followed.")] = 6,
    hours: Annotated[float, typer.Option(metavar="H", help="How long after the last payment of a case.")] = 24.0,
    least: Annotated[int, typer.Option(metavar="FEN", help="Smallest tainted sum that is followed.")] = 100,
    least_percent: Annotated[
        float, typer.Option(metavar="PERCENT", help="Smallest tainted part of a transfer that is followed.")
    ] = 1.0,
    observed: Observed = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.svg|.png", help="Also draw the largest network.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Trace what the truth or the labels of the file say, and compare.")
    ] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Every account, not the largest only.")] = False,
    book: NotedIn = None,
    by: By = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Follow reported money from account to account: who has it, who is to be stopped, which cases belong together."""

    def command() -> int:
        from interceptor.commands.centre import alert_tools
        from interceptor.commands.centre.flow_tools import Asked, main

        if (file is None) == (alert is None):
            raise UsageError("one of FILE and --alert is needed\n  hint: --alert N traces what the centre's book has")
        if alert is not None:
            limits = alert_tools.limits_of(layers, hours, least, least_percent)
            return alert_tools.main(alert, limits, book or BOOK, by, at, stop=stop, as_json=json)
        assert file is not None
        reports = tuple(report or ())
        asked = Asked(file, reports, at, layers, hours, least, least_percent, observed, picture, check, show_all)
        if book is None:
            return main(asked, as_json=json)
        return alert_tools.noted(lambda: main(asked, as_json=json), file, reports, book, by)

    run(command)


def find(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As for trace.")],
    hours: Annotated[float, typer.Option(metavar="H", help="Money that goes on within so long passes through.")] = 24.0,
    least: Annotated[int, typer.Option(metavar="FEN", help="So much must pass through an account.")] = 200_000,
    least_percent: Annotated[
        float,
        typer.Option(metavar="PERCENT", help="So much of what comes in, and of what goes out, must be such money."),
    ] = 50.0,
    observed: Observed = False,
    check: Annotated[bool, typer.Option("--check", help="Compare with the truth or the labels of the file.")] = False,
    json: Json = False,
) -> None:
    """Look for laundering networks that nobody has reported. Exit code 1 = some were found."""
    from interceptor.commands.centre.suspects_tools import main

    run(lambda: main(file, hours, least, least_percent, observed=observed, check=check, as_json=json))


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("trace", epilog=EXAMPLES)(trace)
    app.command("find")(find)
