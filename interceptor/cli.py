"""The command line: options in, exit code out.

Enters: what a person typed. Leaves: calls of the commands' own modules. Invariant: a module that does work is imported
only by the command that needs it, so that --help and completion answer at once. Results go to standard output,
everything else to standard error.

Exit codes: 0 done, 1 found something or the reader of the output left, 2 wrong use, 75 try again later, 78 wrong
configuration, 130 stopped from the keyboard.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from interceptor import __version__

EXIT_BROKEN_PIPE = 1
EXIT_STOPPED = 130

app = typer.Typer(
    help="Intercepts scam calls, SMS, site visits and transfers as they stream by.",
    epilog="Start with: interceptor run",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"interceptor {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Its options come before a command's name."""


@app.command()
def run(
    scenario: Annotated[
        str,
        typer.Option(help="city_centre, carrier_edge, festival, burst, a scenario's YAML, or a recording to replay."),
    ] = "city_centre",
    people: Annotated[
        int | None,
        typer.Option(min=500, max=2_000_000, help="Residents of the city.  [default: the scenario's, 100000]"),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=366, help="Simulated days.  [default: the scenario's, 1]")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="The same number, the same run.  [default: drawn and printed]"),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Rules to use.  [default: those that came with it]")
    ] = None,
    lists: Annotated[list[Path] | None, typer.Option(metavar="PATH", help="More list files; may be repeated.")] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet", help="Keep events and decisions; the truth goes into a file beside."),
    ] = None,
    counterfactual: Annotated[
        bool,
        typer.Option("--counterfactual/--no-counterfactual", help="Also see what would be lost without interception."),
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="The bulletin as one JSON object.")] = False,
) -> None:
    """Run a simulated city through the interceptor, and read what it saved and what harm it did."""
    from interceptor.run import Options, main

    options = Options(scenario, people, days, seed, rules, tuple(lists or ()), record, counterfactual, json)
    raise typer.Exit(main(options))


def main() -> None:
    """Ends the process with the command's exit code, without a traceback for what a person did on purpose."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that can't show a name gets ?, not an exception
    try:
        app()
    except BrokenPipeError:
        _close_quietly()
        sys.exit(EXIT_BROKEN_PIPE)
    except KeyboardInterrupt:
        sys.exit(EXIT_STOPPED)


def _close_quietly() -> None:
    """The interpreter flushes both streams at its end: what nobody reads must go nowhere."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
