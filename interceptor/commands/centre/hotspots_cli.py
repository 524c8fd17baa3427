"""`interceptor centre hotspots …`: the worst townships, dens, and a map of them.

Enters: what a person typed. Leaves: tables, JSON, pictures. Invariant: whatever is written is there whole or not at
all.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, UsageError, done, opened, run
from interceptor.local_time import clock

if TYPE_CHECKING:
    from interceptor.centre.book import Book
    from interceptor.centre.hotspots.dens import Den
    from interceptor.centre.hotspots.picture import Map
    from interceptor.centre.hotspots.towns import TownDay

app = typer.Typer(
    help="Townships with many suspects, dens, and a map.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip
DayOption = Annotated[str | None, typer.Option("--day", metavar="DATE", help="As 2021-03-05.  [default: the last one]")]
EPOCH = date(1970, 1, 1).toordinal()
FORMS = {".svg": "svg", ".png": "png"}


@app.command("list")
def list_(
    day: DayOption = None, book: BookOption = BOOK,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = 10, json: Json = False,
) -> None:  # fmt: skip
    """The ten worst townships of a day."""

    def command() -> int:
        from interceptor.centre.hotspots.reading import worst
        from interceptor.tuning.tables import print_json

        with opened(book, read_only=True) as centre:
            which = _day(centre, day)
            towns = worst(centre, which, last)
        if json:
            print_json({"day": _date(which), "townships": [_as_object(town) for town in towns]})
            return 0
        return _table(f"Townships on {_date(which)}", [(_name(town.town), town) for town in towns], "township")

    run(command)


@app.command()
def town(
    code: Annotated[int, typer.Argument(metavar="CODE", help="Nine digits.")], day: DayOption = None,
    book: BookOption = BOOK, json: Json = False,
) -> None:  # fmt: skip
    """One township, day by day, for four weeks."""

    def command() -> int:
        from interceptor.centre.hotspots.reading import town
        from interceptor.tuning.tables import print_json
        from simulator.towns import townships

        if code not in {place.code for place in townships()}:
            raise UsageError(f"{code}: no township of the city has this code")
        with opened(book, read_only=True) as centre:
            days = town(centre, code, _day(centre, day))
        if json:
            found = [{"day": _date(which)} | _as_object(one) for which, one in days]
            print_json({"town": code, "name": _name(code), "days": found})
            return 0
        return _table(_name(code), [(_date(which), one) for which, one in days], "day")

    run(command)


@app.command()
def dens(book: BookOption = BOOK, json: Json = False) -> None:
    """Dens and where they were, the latest first."""

    def command() -> int:
        from interceptor.centre.hotspots.dens import listing
        from interceptor.tuning.tables import Column, print_json, show_table

        with opened(book, read_only=True) as centre:
            found = listing(centre.db)
        if json:
            print_json({"dens": [_den_as_object(den) for den in found]})
            return 0
        columns = [Column("den", right=True), *map(Column, ("kind", "state")), Column("SIMs", right=True)]
        columns += [Column("first seen"), Column("last seen"), Column("where", wraps=True)]
        rows = [
            [str(den.id), den.kind, den.state, f"{den.sims:,}", _time(den.first_ms), _time(den.last_ms),
             " → ".join(f"{_name(place.town)} cell {place.cell}" for place in den.places)]
            for den in found
        ]  # fmt: skip
        show_table("Dens", columns, rows, "" if rows else "None was found.")
        return 0

    run(command)


@app.command()
def clear(
    den: Annotated[int, typer.Argument(metavar="DEN", help="Its number in the list.")],
    why: Annotated[str, typer.Option("--why", metavar="WORDS", help="What was found there.")],
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Officers have been there."""

    def command() -> int:
        from interceptor.centre.hotspots.dens import clear
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            found = clear(desk.book, den, by=desk.by, at_ms=desk.at_ms, why=why)
        return done(_den_as_object(found), f"den {den}: {found.state}", as_json=json)

    run(command)


@app.command("map")
def map_(
    out: Annotated[Path, typer.Argument(metavar="OUT.svg|OUT.png", help="Where to.")],
    day: DayOption = None, book: BookOption = BOOK, json: Json = False,
) -> None:  # fmt: skip
    """A map of a day: townships by score, dens, and the ways of those that move."""

    def command() -> int:
        from interceptor.rules.errors import printable

        if out.suffix.lower() not in FORMS:
            raise UsageError(f"{printable(str(out))}: name a file that ends in .svg or .png")
        with opened(book, read_only=True) as centre:
            which = _day(centre, day)
            shown = map_of(centre, which)
        from interceptor.centre.hotspots.picture import picture

        _write(out, picture(shown, FORMS[out.suffix.lower()]))
        told = {"written": str(out), "day": _date(which), "dens": len(shown.spots)}
        return done(told, f"{printable(str(out))}: {_date(which)}, dens: {len(shown.spots)}", as_json=json)

    run(command)


def map_of(centre: Book, day: int) -> Map:
    """The map of a day, for a picture."""
    from interceptor.centre.hotspots import dens
    from interceptor.centre.hotspots.picture import Map, Place, Spot
    from interceptor.centre.hotspots.reading import span_of
    from interceptor.centre.hotspots.towns import scored, watched_days
    from simulator.towns import townships

    found = {one.town: one for one in scored(centre.db, day)}
    places = [
        Place(town.code, town.name, town.county, max(0.0, of.score), of.suspects, of.hot)
        if (of := found.get(town.code))
        else Place(town.code, town.name, town.county)
        for town in townships()
    ]
    from_ms, to_ms = span_of(day)
    seen = [den for den in dens.listing(centre.db, from_ms, to_ms) if not 0 < den.cleared_ms < from_ms]
    spots = []
    for den in seen:
        way = [place.town for place in den.places if place.at_ms < to_ms]
        steps = [town for nth, town in enumerate(way) if nth == 0 or town != way[nth - 1]]
        spots.append(Spot(str(den.id), steps[-1], tuple(steps[-3:-1])))
    hot, watched = sum(place.hot for place in places), watched_days(centre.db, day)
    note = f"{hot} hot townships, {len(spots)} dens, {sum(bool(spot.before) for spot in spots)} on the move"
    return Map(f"Hot spots on {_date(day)}", f"{note}; {watched} days watched before", places, spots)


def _write(out: Path, data: bytes) -> None:
    from interceptor.rules.errors import printable

    part = out.parent / f".{out.name}.{os.getpid()}.part"
    try:
        part.write_bytes(data)
        part.replace(out)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UsageError(f"{printable(str(out))}: can't be written: {error.strerror}") from None


def _day(centre: Book, text: str | None) -> int:
    from interceptor.centre.hotspots.reading import last_day

    if text is None:
        found = last_day(centre)
        if found is None:
            raise UsageError("nothing was seen of any township yet\n  hint: interceptor run --centre FILE")
        return found
    try:
        return date.fromisoformat(text).toordinal() - EPOCH
    except ValueError:
        raise UsageError(f"--day {text!r}: no date; write 2021-03-05") from None


def _date(day: int) -> str:
    return date.fromordinal(day + EPOCH).isoformat()


def _time(at_ms: int) -> str:
    return f"{clock(at_ms):%Y-%m-%d %H:%M}"


def _name(code: int) -> str:
    from simulator.towns import town_name

    return town_name(code)


def _as_object(one: TownDay) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one) | {"name": _name(one.town), "score": round(one.score, 3), "mean": round(one.mean, 3)}


def _den_as_object(den: Den) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(den) | {"moving": den.moving}


def _table(title: str, rows: list[tuple[str, TownDay]], first: str) -> int:
    from interceptor.tuning.tables import Column, show_table

    names = ("code", "score", "suspects", "usual", "blocked", "citizens", "from outside")
    columns = [Column(first), *(Column(name, right=True) for name in names), Column("")]
    cells = [
        [name, str(one.town), f"{one.score:.1f}", f"{one.suspects:,}", f"{one.mean:.1f}", f"{one.blocked:,}",
         f"{one.citizens:,}", f"{one.inflow:,}", "hot" if one.hot else ""]
        for name, one in rows
    ]  # fmt: skip
    note = "Suspects: lines that called from there. Citizens: whom suspects reached, or were kept from."
    show_table(title, columns, cells, note if rows else "Nothing was seen.")
    return 0
