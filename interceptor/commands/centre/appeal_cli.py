"""`interceptor centre appeal …`: somebody says that a block is wrong; what is upheld is lifted at once.

Enters: what a person typed. Leaves: appeals and their decisions in the book. Invariant: a decision that lifts has
lifted by the time the command ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interceptor.commands.centre.citizens_desk import ThingArgument, time_of
from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, at_of, done, opened, run
from interceptor.tuning.tables import Column, print_json, show_table

if TYPE_CHECKING:
    from interceptor.centre.citizens.appeals import Appeal

app = typer.Typer(
    help="Appeals against blocks, limits and stops.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip
AppealId = Annotated[int, typer.Argument(metavar="ID", help="As `appeal list` shows it.")]


@app.command()
def file(
    thing: ThingArgument,
    papers: Annotated[
        str, typer.Option("--papers", metavar="WORDS", help="What is brought: identity card, contract …")
    ],
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """Appeal against what was done to a number, a site, an account."""

    def command() -> int:
        from interceptor.centre.citizens import appeals
        from interceptor.centre.things import parse
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            found = appeals.file(desk.book, parse(thing), papers, by=desk.by, at_ms=desk.at_ms)
        words = f"Appeal {found.id} about {found.thing.masked} will be decided by {time_of(found.due_ms)}"
        return done(found.as_object(), words, as_json=json)

    run(command)


@app.command()
def uphold(
    appeal: AppealId,
    why: Annotated[str, typer.Option("--why", metavar="WORDS", help="What was found.")] = "",
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """It was wrong: everything is lifted now."""

    def command() -> int:
        from interceptor.centre.citizens import appeals
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            found = appeals.uphold(desk.book, appeal, by=desk.by, at_ms=desk.at_ms, why=why)
        told = found.as_object()
        words = (
            f"Appeal {appeal} is upheld: {found.lifted} orders lift everything, {told['minutes_to_lift']:,.1f} minutes"
            f" after it was filed and {told['minutes_blocked']:,.1f} after the block"
        )
        return done(told, words, as_json=json)

    run(command)


@app.command()
def refuse(
    appeal: AppealId,
    why: Annotated[str, typer.Option("--why", metavar="WORDS", help="What the person is told.")],
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """It was right: everything stays, for a reason that the person is told."""

    def command() -> int:
        from interceptor.centre.citizens import appeals
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            found = appeals.refuse(desk.book, appeal, why, by=desk.by, at_ms=desk.at_ms)
        return done(found.as_object(), f"Appeal {appeal} is refused: {why}", as_json=json)

    run(command)


@app.command("list")
def list_(
    open_only: Annotated[bool, typer.Option("--open", help="Only those that nobody has decided.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that should have been decided.")] = False,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = 30,
    book: BookOption = BOOK,
    at: At = None,
    json: Json = False,
) -> None:
    """The newest appeals, or the oldest that are overdue."""

    def command() -> int:
        from interceptor.centre.citizens import appeals

        with opened(book, read_only=True) as centre:
            late_ms = at_of(centre, at) if overdue else 0
            found = appeals.listing(centre.db, open_only=open_only, overdue_at_ms=late_ms, last=last)
        return _table(found, as_json=json)

    run(command)


def _table(found: list[Appeal], *, as_json: bool) -> int:
    if as_json:
        print_json({"appeals": [one.as_object() for one in found]})
        return 0
    columns = [Column("id", right=True), *map(Column, ("thing", "filed", "decide by", "blocked since", "outcome"))]
    columns += [Column("minutes to lift", right=True), Column("decided by")]
    rows = [
        [str(one.id), one.thing.masked, time_of(one.filed_ms), time_of(one.due_ms), time_of(one.blocked_ms),
         one.outcome or "open", str(one.as_object().get("minutes_to_lift", "–")), one.decider or "–"]
        for one in found
    ]  # fmt: skip
    show_table("Appeals", columns, rows, "" if rows else "There are none: `appeal file THING` takes one down.")
    return 0
