"""`interceptor decide`: events from a file or a pipe, decisions out, without a server.

Enters: what a person typed. Leaves: a call of interceptor.commands.decide_tools. Invariant: a module that does work is
imported only by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  interceptor decide events.ndjson > decisions.ndjson
  interceptor decide events.ndjson --rules my_rules --rejected bad.ndjson --out decisions.parquet
  tail -f gateway.ndjson | interceptor decide - | jq -c 'select(.verdict == "block")'"""


def decide(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="One JSON event a line; - for standard input.")],
    rules: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Rules to use.  [default: those that came with it]")
    ] = None,
    lists: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file with more lists; may be given several times.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Decisions go here; columns where it ends in .parquet.  [default: stdout]"),
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Lines that are no events go here, as they are.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="The summary as one JSON object: with --out on stdout, else last on stderr.")
    ] = False,
) -> None:
    """Decide events in the order of a file: one JSON event a line in, one decision a line out.

    Exit code 1 = some lines are no events, or the reader of the output left."""
    from interceptor.commands.decide_tools import Options, main

    raise typer.Exit(main(Options(file, rules, tuple(lists or ()), out, rejected, json)))


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLES)(decide)
