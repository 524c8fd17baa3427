"""`interceptor centre protect …`: owners have their own numbers protected.

Enters: what a person typed. Leaves: protections in the book. Invariant: tables show nobody's whole number.
"""

from __future__ import annotations

from typing import Annotated

import typer

from interceptor.commands.centre.citizens_desk import time_of
from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, done, opened, run
from interceptor.tuning.tables import Column, print_json, show_table

app = typer.Typer(
    help="Own-number protection: nobody else shows the number, no crowd has it blocked.", no_args_is_help=True,
    rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="As +86 139 0554 1234.")]


@app.command()
def add(
    number: Number,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="The citizen or firm whose number it is.")],
    papers: Annotated[str, typer.Option("--papers", metavar="WORDS", help="What proves it: identity card, contract …")],
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """Protect a number for its owner."""

    def command() -> int:
        from interceptor.centre.citizens import protection
        from interceptor.centre.things import parse
        from interceptor.commands.centre.acting import acting
        from interceptor.schema import Subject

        with acting(book, by, at) as desk:
            thing = parse(number, Subject.NUMBER)
            found = protection.protect(desk.book, thing, owner, papers, by=desk.by, at_ms=desk.at_ms)
        return done({"id": found.id, "thing": str(thing)}, f"{thing.masked} is protected", as_json=json)

    run(command)


@app.command()
def end(number: Number, book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False) -> None:
    """The owner doesn't want it any more."""

    def command() -> int:
        from interceptor.centre.citizens import protection
        from interceptor.centre.things import parse
        from interceptor.commands.centre.acting import acting
        from interceptor.schema import Subject

        with acting(book, by, at) as desk:
            thing = parse(number, Subject.NUMBER)
            found = protection.end(desk.book, thing, by=desk.by, at_ms=desk.at_ms)
        return done({"id": found.id, "thing": str(thing)}, f"{thing.masked} isn't protected any more", as_json=json)

    run(command)


@app.command("list")
def list_(book: BookOption = BOOK, json: Json = False) -> None:
    """All protected numbers."""

    def command() -> int:
        from interceptor.centre.citizens import protection

        with opened(book, read_only=True) as centre:
            found = protection.listing(centre.db)
        if json:
            told = [
                {"id": one.id, "thing": str(one.thing), "owner": one.owner, "since_ms": one.since_ms} for one in found
            ]
            print_json({"protected": told})
            return 0
        rows = [[str(one.id), one.thing.masked, time_of(one.since_ms)] for one in found]
        columns = [Column("id", right=True), Column("number"), Column("since")]
        show_table(
            "Protected numbers", columns, rows, "" if rows else "There are none: `protect add NUMBER` protects one."
        )
        return 0

    run(command)
