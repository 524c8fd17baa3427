"""`interceptor lists …`: what is on the shared lists, and changing it while the cluster runs.

Enters: what a person typed. Leaves: calls of interceptor.commands.lists_tools. Invariant: a module that does work is
imported only by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Lists that all workers share through Redis: put numbers on them, take them off, follow what changes.",
    epilog="Start with: interceptor lists show",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The list, as the rules call it.")]
Values = Annotated[list[str], typer.Argument(metavar="VALUE…", help="As in rules files: +8613905541234, example.cn.")]
File = Annotated[Path, typer.Argument(metavar="FILE.csv", help="As side files: value,since,expires,source,reason.")]
Source = Annotated[str, typer.Option("--source", metavar="WORDS", help="Who says so.")]
Reason = Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why.")]
Rules = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FOLDER", help="Rules that define the lists.  [default: the published ones]"),
]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings of the cluster.")]
Redis = Annotated[
    str | None, typer.Option("--redis", metavar="URL", help="Redis.  [default: redis://127.0.0.1:6379/0]")
]
App = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="What the keys' names begin with.  [default: interceptor]")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show numbers in full.")]


@app.command()
def add(
    name: Name,
    values: Values,
    ttl: Annotated[str | None, typer.Option("--ttl", metavar="14d", help="For how long, from --since or now.")] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DATE", help="Until when: 2027-01-31, or 2027-01-31T12:00 (UTC).")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="From when on.  [default: for events of any time]")
    ] = None,
    source: Source = "",
    reason: Reason = "",
    rules: Rules = None,
    config: Config = None,
    redis: Redis = None,
    name_: App = None,
    json: Json = False,
) -> None:
    """Put values on a list. One that is on it is extended, never cut short."""
    from interceptor.commands.lists_tools import Entry, add

    entry = Entry(ttl, expires, since, source, reason)
    raise typer.Exit(add(name, values, entry, rules, config, as_json=json, redis=redis, app=name_))


@app.command()
def remove(
    name: Name,
    values: Values,
    source: Source = "",
    reason: Reason = "",
    rules: Rules = None,
    config: Config = None,
    redis: Redis = None,
    name_: App = None,
    json: Json = False,
) -> None:
    """Take values off a list, also where a verdict put them there. Exit code 1 = some stand in the rules' own files."""
    from interceptor.commands.lists_tools import remove

    raise typer.Exit(remove(name, values, source, reason, rules, config, as_json=json, redis=redis, app=name_))


@app.command("import")
def import_(
    name: Name,
    file: File,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of all that is on the list.")] = False,
    rules: Rules = None,
    config: Config = None,
    redis: Redis = None,
    name_: App = None,
    json: Json = False,
) -> None:
    """Put a file's values on a list, up to 10 million: all of them count at once, or none. Exit code 1 = bad lines."""
    from interceptor.commands.lists_tools import import_file

    raise typer.Exit(import_file(name, file, rules, config, replace=replace, as_json=json, redis=redis, app=name_))


@app.command()
def export(
    name: Name,
    config: Config = None,
    redis: Redis = None,
    name_: App = None,
    json: Json = False,
) -> None:
    """Write all that is on a list as CSV to standard output, numbers in full; --json: one object a line."""
    from interceptor.commands.lists_tools import export

    raise typer.Exit(export(name, config, as_json=json, redis=redis, app=name_))


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this list, with what is on it.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="As of then.  [default: now]")] = None,
    reveal: Reveal = False,
    config: Config = None,
    redis: Redis = None,
    name_: App = None,
    json: Json = False,
) -> None:
    """What lists there are; of one, how many values count, who listed them, and what expires next."""
    from interceptor.commands.lists_show import show

    raise typer.Exit(show(name, at, config, reveal=reveal, as_json=json, redis=redis, app=name_))


@app.command()
def watch(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="Only these lists.")] = None,
    reveal: Reveal = False,
    config: Config = None,
    redis: Redis = None,
    name_: App = None,
    json: Json = False,
) -> None:
    """Follow what changes, a line each, until stopped; --json: one object a line."""
    from interceptor.commands.lists_show import watch

    raise typer.Exit(watch(tuple(names or ()), config, reveal=reveal, as_json=json, redis=redis, app=name_))
