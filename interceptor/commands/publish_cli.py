"""`interceptor rules publish` and `interceptor rules published`, for rules_cli to take up.

Enters: what a person typed. Leaves: calls of interceptor.commands.publish_tools. Invariant: a module that does work
is imported only by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings of the cluster.")]
Redis = Annotated[
    str | None, typer.Option("--redis", metavar="URL", help="Redis.  [default: redis://127.0.0.1:6379/0]")
]
App = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="What the keys' names begin with.  [default: interceptor]")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]


def add_to(app: typer.Typer) -> None:
    """Adds both commands to the app of `interceptor rules`."""
    app.command()(publish)
    app.command()(published)


def publish(
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Rules to publish.")] = None,
    lists: Annotated[
        list[Path] | None, typer.Option("--lists", metavar="FILE", help="A file with more lists; several times.")
    ] = None,
    again: Annotated[
        str | None, typer.Option("--again", metavar="HASH", help="Go back to a rule set that was published before.")
    ] = None,
    config: Config = None,
    redis: Redis = None,
    name: App = None,
    json: Json = False,
) -> None:
    """Let all workers decide by these rules from now on. Exit code 1 = they have mistakes, and nothing changed."""
    from interceptor.commands.publish_tools import publish

    raise typer.Exit(publish(folder, tuple(lists or ()), again, config, as_json=json, redis=redis, app=name))


def published(config: Config = None, redis: Redis = None, name: App = None, json: Json = False) -> None:
    """Say which rule set all workers decide by, and which were published before."""
    from interceptor.commands.publish_tools import show_published

    raise typer.Exit(show_published(config, as_json=json, redis=redis, app=name))
