"""`interceptor centre sites …`: what patrol proposes, and what officers make of it.

Enters: what a person typed. Leaves: acts in the book, tables or JSON. Invariant: a host is a stranger's word and shown
as plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, UsageError, done, opened, run
from interceptor.commands.centre.official import RulesOption, official
from interceptor.local_time import clock

if TYPE_CHECKING:
    from interceptor.centre.sites.reading import File
    from interceptor.centre.sites.site import Site

app = typer.Typer(
    help="Scam sites: patrol proposes, an officer confirms.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip
SHOWN = 30
WhatArgument = Annotated[str, typer.Argument(metavar="ID|HOST", help="Its number in the list, or the host.")]
HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="Without http:// and path.")]
Why = Annotated[str, typer.Option("--why", metavar="WORDS", help="For the log and the owner.")]


@app.command("list")
def list_(
    state: Annotated[
        str,
        typer.Option("--state", metavar="STATE", help="watched, proposed, confirmed, rejected, lifted, ended, all."),
    ] = "proposed",
    book: BookOption = BOOK,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = SHOWN,
    json: Json = False,
) -> None:
    """The sites that wait for an officer, or those of another state."""

    def command() -> int:
        from interceptor.centre.sites.reading import listing
        from interceptor.centre.sites.site import State
        from interceptor.tuning.tables import Column, print_json, show_table

        if state != "all" and state not in list(State):
            raise UsageError(f"--state {state!r}: none of {', '.join(State)}, all")
        with opened(book, read_only=True) as centre:
            sites = listing(centre, None if state == "all" else State(state), last)
        if json:
            print_json({"sites": [as_object(site) for site in sites]})
            return 0
        columns = [Column("id", right=True), Column("host", wraps=True), Column("state"), Column("last seen")]
        columns += [Column(name, right=True) for name in ("visits", "messages", "reports")]
        rows = [
            [str(site.id), site.host, site.state, _time(site.last_ms), f"{site.visits:,}", f"{site.messages:,}",
             f"{site.reports:,}"]
            for site in sites
        ]  # fmt: skip
        show_table(
            "Sites",
            columns,
            rows,
            "" if rows else "None is in this state; `sites list --state all` shows what patrol has seen.",
        )
        return 0

    run(command)


@app.command()
def show(what: WhatArgument, book: BookOption = BOOK, rules: RulesOption = None, json: Json = False) -> None:
    """All that is known of one site, and what was done about it."""

    def command() -> int:
        from interceptor.centre.sites.reading import one

        with opened(book, read_only=True) as centre:
            return _tell(one(centre, what, official(rules)), json)

    run(command)


@app.command()
def check(host: HostArgument, book: BookOption = BOOK, rules: RulesOption = None, json: Json = False) -> None:
    """What patrol thinks of a host, seen or not; nothing is changed."""

    def command() -> int:
        from interceptor.centre.sites.reading import opinion

        known = official(rules)
        with opened(book, read_only=True) as centre:
            found = opinion(centre, host, known)
        words = f"{found.host}: "
        if found.official:
            words += f"belongs to {found.official}"
        else:
            words += str(found.like) if found.like else "like no official domain"
            words += f"; {found.file.site.state}, {found.file.points} points" if found.file else "; never seen"
        told = {
            "host": found.host, "official": found.official, "like": str(found.like) if found.like else None,
            "site": file_as_object(found.file) if found.file else None,
        }  # fmt: skip
        return done(told, words, as_json=json)

    run(command)


@app.command()
def propose(
    host: HostArgument, why: Why = "", book: BookOption = BOOK, by: By = None, at: At = None,
    rules: RulesOption = None, json: Json = False,
) -> None:  # fmt: skip
    """Put a host before the officers."""

    def command() -> int:
        from interceptor.centre.sites.acts import propose
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            known = official(rules)
            site = propose(desk.book, host, known, by=desk.by, at_ms=desk.at_ms, why=why)
        return _did(site, json)

    run(command)


@app.command()
def confirm(
    what: WhatArgument, book: BookOption = BOOK, by: By = None, at: At = None, rules: RulesOption = None,
    json: Json = False,
) -> None:  # fmt: skip
    """It is a scam site: block it at the source, for 30 days."""

    def command() -> int:
        from interceptor.centre.sites.acts import confirm
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            known = official(rules)
            site = confirm(desk.book, what, known, by=desk.by, at_ms=desk.at_ms)
        return _did(site, json)

    run(command)


@app.command()
def reject(
    what: WhatArgument, why: Why, book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False
) -> None:
    """It was proposed, but it is none."""

    def command() -> int:
        from interceptor.centre.sites.acts import reject
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            site = reject(desk.book, what, by=desk.by, at_ms=desk.at_ms, why=why)
        return _did(site, json)

    run(command)


@app.command()
def lift(
    what: WhatArgument, why: Why, book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False
) -> None:
    """An appeal was upheld: open it at once."""

    def command() -> int:
        from interceptor.centre.sites.acts import lift
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            site = lift(desk.book, what, by=desk.by, at_ms=desk.at_ms, why=why)
        return _did(site, json)

    run(command)


def as_object(site: Site) -> dict[str, Any]:
    from dataclasses import asdict

    from interceptor.centre.sites.site import Trait

    told = asdict(site)
    del told["key"]
    names = [trait.name.lower() for trait in Trait if trait in site.traits and trait.name]
    return told | {"address": f"0x{site.address & (1 << 64) - 1:016x}", "traits": names}


def file_as_object(file: File) -> dict[str, Any]:
    from dataclasses import asdict

    return as_object(file.site) | {
        "points": file.points,
        "evidence": [asdict(one) for one in file.told],
        "history": [asdict(one) for one in file.history],
    }


def _tell(file: File, as_json: bool) -> int:
    from interceptor.tuning.tables import Column, print_json, say, show_table

    if as_json:
        print_json(file_as_object(file))
        return 0
    site = file.site
    until = f" until {_time(site.until_ms)}" if site.until_ms else ""
    say(f"{site.id}  {site.host}: {site.state}{until}, {file.points} points", bold=True)
    say(f"seen {_time(site.first_ms)} to {_time(site.last_ms)}: {site.visits:,} visits, {site.messages:,} messages")
    rows = [[f"{one.points}", one.words] for one in file.told]
    show_table("Evidence", [Column("points", right=True), Column("what", wraps=True)], rows, "" if rows else "None.")
    columns = [*map(Column, ("when", "what", "who")), Column("why", wraps=True)]
    history = [[_time(one.at_ms), one.what, one.by, one.why] for one in file.history]
    show_table("History", columns, history, "" if history else "Nothing was done about it.")
    return 0


def _did(site: Site, as_json: bool) -> int:
    until = f" until {_time(site.until_ms)}" if site.until_ms else ""
    return done(as_object(site), f"{site.id}  {site.host}: {site.state}{until}", as_json=as_json)


def _time(at_ms: int) -> str:
    return f"{clock(at_ms):%Y-%m-%d %H:%M}"
