"""`interceptor dead-letters …`: what nobody could read, why, and sending it back.

Enters: what a person typed. Leaves: calls of interceptor.commands.letters_tools. Invariant: a module that does work
is imported only by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Messages that nobody could read: list them, look at one, send them back.",
    epilog="Start with: interceptor dead-letters list",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Not older: 90s, 30m, 2h, 3d, or 2027-06-30T12:00 (UTC).")
]
Code = Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only with this code.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings of the cluster.")]
Kafka = Annotated[str | None, typer.Option("--kafka", metavar="HOST:PORT", help="Brokers.  [default: 127.0.0.1:9092]")]
Name = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="What the topics' names begin with.  [default: interceptor]")
]


@app.command("list")
def list_letters(
    since: Since = None,
    code: Code = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Only the newest N.")] = 50,
    config: Config = None,
    kafka: Kafka = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """The newest dead letters, and how many there are of each code."""
    from interceptor.commands.letters_tools import show_list

    raise typer.Exit(show_list(since, code, limit, config, as_json=json, kafka=kafka, app=name))


@app.command()
def show(
    offset: Annotated[int, typer.Argument(metavar="OFFSET", min=0, help="The letter, as `list` numbers it.")],
    raw: Annotated[
        Path | None, typer.Option("--raw", metavar="FILE", help="Write the message's bytes to a file, as they are.")
    ] = None,
    config: Config = None,
    kafka: Kafka = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """Why one letter is here, where it came from, and what it looks like; long numbers are masked."""
    from interceptor.commands.letters_tools import show_one

    raise typer.Exit(show_one(offset, raw, config, as_json=json, kafka=kafka, app=name))


@app.command()
def replay(
    offsets: Annotated[
        list[int] | None, typer.Argument(metavar="[OFFSET]…", min=0, help="Letters, as `list` numbers them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that weren't sent back yet.")] = False,
    since: Since = None,
    code: Code = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most N, the oldest first.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also into topics between the stages.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what was sent back before.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send. Without it, only say what would be sent.")] = False,
    config: Config = None,
    kafka: Kafka = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """Send messages back to the topic that they came from. Exit code 1 = some can't be."""
    from interceptor.commands.letters_tools import Choice, replay

    choice = Choice(tuple(offsets or ()), everything, since, code, limit, force, again)
    raise typer.Exit(replay(choice, config, send=yes, as_json=json, kafka=kafka, app=name))
