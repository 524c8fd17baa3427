"""`interceptor centre warnings …`: who is warned, who waits, who is free; what came of a call or visit.

Enters: what a person typed. Leaves: tables or JSON; outcomes in the book. Invariant: tables show nobody's whole number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from interceptor.commands.centre.desk import (
    BOOK,
    At,
    BookOption,
    By,
    Json,
    UsageError,
    at_of,
    done,
    moment,
    opened,
    run,
)
from interceptor.local_time import clock
from interceptor.tuning.tables import Column, print_json, show_table

if TYPE_CHECKING:
    from interceptor.centre.warnings.rows import Warning

app = typer.Typer(
    help="Citizens in danger: messages, calls, visits, and what came of them.", no_args_is_help=True,
    rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip
WarningId = Annotated[int, typer.Argument(metavar="ID", help="As `warnings list` shows it.")]


@app.command("list")
def list_(
    book: BookOption = BOOK,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that aren't closed.")] = False,
    tier: Annotated[int | None, typer.Option("--tier", min=1, max=4, help="Only this tier.  [default: all]")] = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = 30,
    json: Json = False,
) -> None:
    """The newest warnings."""

    def command() -> int:
        from interceptor.centre.warnings import reading

        with opened(book, read_only=True) as centre:
            found = reading.listing(centre, open_only=open_only, tier=tier or 0, last=last)
        return _table("Warnings", found, "There are none: rules have citizens warned.", as_json=json)

    run(command)


@app.command()
def queue(
    book: BookOption = BOOK,
    tier: Annotated[int | None, typer.Option("--tier", min=1, max=4, help="Only this tier.  [default: all]")] = None,
    json: Json = False,
) -> None:
    """Who waits for a message, a call or a visit, in the order of being served."""

    def command() -> int:
        from interceptor.centre.warnings import reading

        with opened(book, read_only=True) as centre:
            found = reading.queue(centre, tier or 0)
        return _table("Queue", found, "Nobody waits.", as_json=json)

    run(command)


@app.command()
def show(warning: WarningId, book: BookOption = BOOK, json: Json = False) -> None:
    """One warning, its tries, and what the citizen is told."""

    def command() -> int:
        from interceptor.centre.warnings import reading, texts
        from interceptor.centre.warnings.classes import Scam

        with opened(book, read_only=True) as centre:
            found = reading.one(centre, warning)
            tries = reading.tries(centre, warning)
        words = texts.warning(Scam(found.scam), found.tier)
        if json:
            print_json(found.as_object() | {"tries": tries, "text": words.zh, "text_en": words.en})
            return 0
        columns = [Column("tier"), Column("began"), Column("ended"), Column("outcome"), Column("who")]
        shown = [
            [
                reading.tier_name(one["tier"]),
                _time(one["started_ms"]),
                _time(one["ended_ms"]),
                one["outcome"],
                one["by"],
            ]
            for one in tries
        ]
        _table(f"Warning {warning}", [found], "", as_json=False)
        show_table("Tries", columns, shown, f"{words.zh}\n{words.en}")
        return 0

    run(command)


@app.command()
def outcome(
    warning: WarningId,
    said: Annotated[
        str, typer.Argument(metavar="OUTCOME", help="persuaded, confirmed, false_alarm, unreached, refused or none.")
    ],
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """What came of the message, call or visit that is under way."""

    def command() -> int:
        from interceptor.centre.warnings import acts
        from interceptor.commands.centre.acting import acting

        words = {one.name.lower(): one for one in acts.SAID}
        with acting(book, by, at) as desk:
            wanted = words.get(said.lower().replace("-", "_"))
            if wanted is None:
                raise UsageError(f"OUTCOME {said!r}: one of {', '.join(words)}")
            found = acts.outcome(desk.book, warning, wanted, by=desk.by, at_ms=desk.at_ms)
        return done(found.as_object(), f"Warning {warning}: {found.result or found.state}", as_json=json)

    run(command)


@app.command("end-hold")
def end_hold(warning: WarningId, book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False) -> None:
    """The citizen wants to pay: the hold on the citizen's own payments ends at once."""

    def command() -> int:
        from interceptor.centre.warnings import acts
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            found = acts.end_hold(desk.book, warning, by=desk.by, at_ms=desk.at_ms)
        return done(found.as_object(), f"Warning {warning}: the hold is ended", as_json=json)

    run(command)


@app.command()
def withdraw(
    warning: WarningId,
    why: Annotated[str, typer.Option("--why", metavar="WORDS", help="Why it isn't needed.")],
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """Close a warning that isn't needed, and end its hold."""

    def command() -> int:
        from interceptor.centre.warnings import acts
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            found = acts.withdraw(desk.book, warning, why, by=desk.by, at_ms=desk.at_ms)
        return done(found.as_object(), f"Warning {warning}: withdrawn", as_json=json)

    run(command)


@app.command()
def capacity(book: BookOption = BOOK, at: At = None, json: Json = False) -> None:
    """Messages, lines, officers and cars: who is there, busy, and how many citizens wait."""

    def command() -> int:
        from interceptor.centre.warnings import reading

        with opened(book, read_only=True) as centre:
            rooms = reading.capacity(centre, at_of(centre, at))
        if json:
            print_json({"capacity": [reading.as_object(room) for room in rooms]})
            return 0
        columns = [
            Column("tier"),
            Column("district"),
            *(Column(name, right=True) for name in ("there", "busy", "wait")),
        ]
        rows = [
            [reading.tier_name(room.tier), room.place or "all", str(room.there), str(room.busy), str(room.waiting)]
            for room in rooms
        ]
        show_table("Capacity", columns, rows, "")
        return 0

    run(command)


@app.command()
def counts(
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="As 2021-03-05 or 2021-03-05T09:30.")],
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Not included.  [default: now]")] = None,
    book: BookOption = BOOK,
    json: Json = False,
) -> None:
    """What was done in a span of time: tries, reached, persuaded, waiting, the officers' load."""

    def command() -> int:
        from interceptor.centre.warnings import reading

        with opened(book, read_only=True) as centre:
            span = moment(since, "--from"), moment(until, "--to") if until is not None else at_of(centre, None)
            found = reading.counts(centre, *span) | {"officers_load": reading.load(centre, *span)}
        if json:
            print_json(found)
            return 0
        rows = [[name.replace("_", " "), f"{value:,}"] for name, value in found.items()]
        show_table("Early warning", [Column("what"), Column("count", right=True)], rows, "")
        return 0

    run(command)


def _table(title: str, found: list[Warning], none: str, *, as_json: bool) -> int:
    from interceptor.centre.warnings import reading
    from interceptor.centre.warnings.classes import Scam
    from interceptor.commands.centre.telling import town

    if as_json:
        print_json({"warnings": [one.as_object() for one in found]})
        return 0
    columns = [Column("id", right=True), *map(Column, ("opened", "citizen", "town", "tier", "state", "scam"))]
    columns += [Column(name, right=True) for name in ("risk", "yuan", "tries")] + [Column("result")]
    rows: list[list[Any]] = [
        [str(one.id), _time(one.opened_ms), one.who.masked, town(one.town), reading.tier_name(one.tier), one.state,
         Scam(one.scam).word, str(one.risk), f"{one.stake_fen / 100:,.0f}", str(one.tries),
         one.result.replace("_", " ")]
        for one in found
    ]  # fmt: skip
    show_table(title, columns, rows, "" if rows else none)
    return 0


def _time(ms: int) -> str:
    return f"{clock(ms):%Y-%m-%d %H:%M:%S}" if ms else "–"
