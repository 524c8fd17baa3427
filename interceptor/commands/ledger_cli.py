"""`interceptor ledger …`: keep the cluster's decisions, count them, take them away as Parquet.

Enters: what a person typed. Leaves: calls of interceptor.commands.ledger_tools. Invariant: a module that does work is
imported only by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Keep the cluster's decisions, each once, and count them.",
    epilog="Start with: interceptor ledger follow",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

File = Annotated[Path, typer.Option("--file", metavar="FILE.sqlite", help="The ledger.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings of the cluster.")]
Kafka = Annotated[str | None, typer.Option("--kafka", metavar="HOST:PORT", help="Brokers.  [default: 127.0.0.1:9092]")]
Name = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="What the topics' names begin with.  [default: interceptor]")
]

LEDGER = Path("ledger.sqlite")


@app.command()
def follow(
    file: File = LEDGER,
    for_s: Annotated[float | None, typer.Option("--for", metavar="SECONDS", min=0, help="Stop after that.")] = None,
    idle_s: Annotated[
        float | None,
        typer.Option("--until-idle", metavar="SECONDS", min=0, help="Stop once nothing has come for this long."),
    ] = None,
    config: Config = None,
    kafka: Kafka = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """Write down decisions as they come, until stopped; goes on where it was. Exit code 75 = no broker answers."""
    from interceptor.commands.ledger_tools import follow

    raise typer.Exit(follow(file, for_s, idle_s, config, as_json=json, kafka=kafka, app=name))


@app.command()
def show(file: File = LEDGER, json: Json = False) -> None:
    """What was decided, by gate and verdict, and what was said more than once."""
    from interceptor.commands.ledger_tools import show

    raise typer.Exit(show(file, as_json=json))


@app.command()
def export(
    to: Annotated[Path, typer.Argument(metavar="FILE.parquet", help="Where to. What is there is replaced.")],
    file: File = LEDGER,
    json: Json = False,
) -> None:
    """All decisions as Parquet, in the order of the stream. May run while `follow` does."""
    from interceptor.commands.ledger_tools import export

    raise typer.Exit(export(to, file, as_json=json))


@app.command()
def find(
    event: Annotated[int, typer.Argument(metavar="EVENT_ID", min=0, max=2**64 - 1, help="Id of the event.")],
    file: File = LEDGER,
    json: Json = False,
) -> None:
    """What was decided about an event. Exit code 1 = nothing."""
    from interceptor.commands.ledger_tools import find

    raise typer.Exit(find(event, file, as_json=json))
