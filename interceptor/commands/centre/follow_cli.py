"""`interceptor centre follow`: the centre behind a cluster.

Enters: what a person typed. Leaves: acts in the book until somebody stops it. Invariant: stopped in any way, it goes
on later where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interceptor.commands.centre.desk import BOOK, BookOption, Json

LEDGER = Path("ledger.sqlite")


def add_to(app: typer.Typer) -> None:
    app.command()(follow)


def follow(
    book: BookOption = BOOK,
    ledger: Annotated[
        Path, typer.Option("--ledger", metavar="FILE.sqlite", help="Kept by `interceptor ledger follow` meanwhile.")
    ] = LEDGER,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FOLDER", help="What the cluster decides by.  [default: those that came]"),
    ] = None,
    for_s: Annotated[float | None, typer.Option("--for", metavar="SECONDS", min=0, help="Stop after that.")] = None,
    idle_s: Annotated[
        float | None,
        typer.Option("--until-idle", metavar="SECONDS", min=0, help="Stop once nothing has come for this long."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings of the cluster.")
    ] = None,
    kafka: Annotated[str | None, typer.Option("--kafka", metavar="HOST:PORT", help="Brokers.")] = None,
    redis: Annotated[str | None, typer.Option("--redis", metavar="URL", help='Redis; "" for none.')] = None,
    name: Annotated[
        str | None, typer.Option("--app", metavar="NAME", help="What the topics' names begin with.")
    ] = None,
    json: Json = False,
) -> None:
    """Take in what the cluster decides, and put on its shared lists what the centre orders. Exit code 75 = no
    broker."""
    from interceptor.commands.centre.follow_tools import Asked, follow

    options = {"kafka": kafka, "redis": redis, "app": name}
    raise typer.Exit(follow(Asked(book, ledger, rules, for_s, idle_s, config), options, as_json=json))
