"""`interceptor bench`: benchmarks of this project on this machine.

Enters: what a person typed. Leaves: calls of benchmarks.run. Invariant: what does the work is imported only once the
command is called; benchmarks are part of a checkout, not of an installed package, so they are looked up by name.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

EXIT_USAGE = 2
EXAMPLES = """\b
Examples:
  interceptor bench --quick
  interceptor bench engine budget
  interceptor bench --to now --compare benchmarks/results/results.json
  interceptor bench peers"""


def bench(
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="CASE…", help="Which; `peers` for the others.  [default: all cases]")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small sizes: does it all work? Says nothing of speed.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="The largest sizes: up to 10^8 entries, 10^7 keys.")] = False,
    list_cases: Annotated[bool, typer.Option("--list", help="Name the cases, and run none.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The same number, the same events.")] = 1,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where results.json, pictures and README.md go.")] = Path(
        "benchmarks/results"
    ),
    compare: Annotated[
        Path | None,
        typer.Option(metavar="OLD.json", help="Show what changed since; exit code 1 = something got slower."),
    ] = None,
    bound: Annotated[
        float, typer.Option(metavar="PERCENT", min=0, help="How much slower than OLD.json, corrected by the control.")
    ] = 15.0,
    date: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the results say of when.  [default: now]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Measure this project on this machine: kernels, engine, memory, budget, cluster."""
    try:
        runner = importlib.import_module("benchmarks.run")
    except ModuleNotFoundError as error:
        sys.stderr.write(f"interceptor bench: needs a checkout with its tools for development (make bench): {error}\n")
        raise typer.Exit(EXIT_USAGE) from None
    try:
        options = runner.options_of(
            cases or (), quick=quick, full=full, seed=seed, to=to, compare=compare, bound=bound, date=date,
            as_json=json, list_cases=list_cases,
        )  # fmt: skip
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.Exit(runner.main(options))


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLES)(bench)
