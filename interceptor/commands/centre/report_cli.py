"""`interceptor centre report …`: citizens report numbers, texts, sites and accounts, and take it back.

Enters: what a person typed. Leaves: votes in the book. Invariant: who reported is shown to nobody.
"""

from __future__ import annotations

from typing import Annotated

import typer

from interceptor.commands.centre.citizens_desk import (
    RulesOption,
    ThingArgument,
    citizen,
    official,
    scam_of,
    time_of,
)
from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, at_of, done, opened, run
from interceptor.tuning.tables import Column, print_json, show_table

app = typer.Typer(
    help="Citizens report what they met: one vote a person, which can be taken back.", no_args_is_help=True,
    rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip
ByNumber = Annotated[
    str, typer.Option("--by-number", metavar="+86…", help="Phone number of the citizen, who is named to nobody.")
]
LOOK_FOR = "`interceptor centre lookup THING` says what is known of it"


@app.command()
def add(
    thing: ThingArgument,
    by_number: ByNumber,
    town: Annotated[int, typer.Option("--town", metavar="CODE", min=0, help="Township of the citizen, 0 = elsewhere.")],
    text: Annotated[str, typer.Option("--text", metavar="WORDS", help="What the citizen says of it.")] = "",
    scam: Annotated[str | None, typer.Option("--type", metavar="CLASS", help="Such as rebate, police.")] = None,
    rules: RulesOption = None,
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """One report of one person; the second of the same thing is refused."""

    def command() -> int:
        from interceptor.centre.citizens import reports
        from interceptor.centre.things import parse
        from interceptor.centre.warnings.classes import Scam
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            spared = official(rules)
            _check_town(town)
            vote = reports.add(
                desk.book, parse(thing), citizen(by_number), town, by=desk.by, at_ms=desk.at_ms, text=text,
                scam=scam_of(scam) or Scam.UNCLEAR, official=spared,
            )  # fmt: skip
        told = {"vote": vote.id, "thing": str(vote.thing), "weight": vote.weight, "burst": vote.burst}
        more = {"blocked": "; many reported it: blocked for two hours", "alert": "; many reported it: an officer looks"}
        return done(told, f"Report {vote.id} of {vote.thing.masked} counts{more.get(vote.burst, '')}", as_json=json)

    run(command)


@app.command()
def withdraw(
    thing: ThingArgument,
    by_number: ByNumber,
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """The citizen takes the report back."""

    def command() -> int:
        from interceptor.centre.citizens import reports
        from interceptor.centre.things import parse
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            about = parse(thing)
            vote = reports.withdraw(desk.book, about, citizen(by_number), by=desk.by, at_ms=desk.at_ms)
        return done({"vote": vote}, f"Report {vote} of {about.masked} is withdrawn", as_json=json)

    run(command)


@app.command()
def top(
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many things at most.")] = 20,
    book: BookOption = BOOK,
    at: At = None,
    json: Json = False,
) -> None:
    """What weighs most by now: how many people reported it, never who."""

    def command() -> int:
        from interceptor.centre.citizens import reports
        from interceptor.centre.citizens.keys import named

        with opened(book, read_only=True) as centre:
            found = [(named(centre.db, thing), n) for thing, n in reports.heaviest(centre.db, at_of(centre, at), last)]
        if json:
            print_json(
                {"things": [{"thing": str(thing), "people": n.people, "weight": n.weight} for thing, n in found]}
            )
            return 0
        columns = [Column("what"), Column("thing"), Column("people", right=True), Column("weight", right=True)]
        rows = [
            [thing.subject.name.lower(), thing.masked, str(tally.people), f"{tally.weight:.2f}"]
            for thing, tally in found
        ]
        show_table("Reported", columns, rows, LOOK_FOR if rows else "Nothing is reported: `report add THING`.")
        return 0

    run(command)


@app.command()
def bursts(
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = 20,
    book: BookOption = BOOK,
    json: Json = False,
) -> None:
    """When many reported one thing within the hour, and what became of it."""

    def command() -> int:
        from interceptor.centre.citizens import reports

        with opened(book, read_only=True) as centre:
            found = reports.bursts(centre.db, last)
        if json:
            print_json({"bursts": [one.as_object() for one in found]})
            return 0
        columns = [Column(name) for name in ("when", "thing", "outcome", "until")]
        columns += [Column("people", right=True), Column("townships", right=True)]
        rows = [
            [time_of(one.at_ms), one.thing.masked, one.outcome, time_of(one.until_ms), str(one.people), str(one.towns)]
            for one in found
        ]
        show_table("Bursts of reports", columns, rows, "" if rows else "There were none.")
        return 0

    run(command)


def _check_town(code: int) -> None:
    """A burst counts townships, so they must be some. Raises Refused."""
    from interceptor.centre.refusal import Refused
    from simulator.towns import townships

    if code and code not in {town.code for town in townships()}:
        raise Refused("no-town", f"{code}: no township of the city has this code", "0 = elsewhere")
