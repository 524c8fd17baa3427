"""`interceptor centre cards …`: who holds which card, and what is done about it.

Enters: what a person typed. Leaves: acts in the book, tables or JSON. Invariant: tables show no number in full.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, UsageError, done, opened, run
from interceptor.local_time import clock

if TYPE_CHECKING:
    from interceptor.centre.cards.card import Card
    from interceptor.centre.cards.sanctions import Sanction
    from interceptor.commands.centre.acting import Desk

app = typer.Typer(
    help="SIMs and accounts: who opened them, and measures on them.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip
SHOWN = 30
CardArgument = Annotated[str, typer.Argument(metavar="CARD", help="number:… or account:…")]
Why = Annotated[str, typer.Option("--why", metavar="WORDS", help="For the log and the owner.")]
GradeOption = Annotated[str, typer.Option("--grade", metavar="GRADE", help="low, medium or high.")]


@app.command("list")
def list_(
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="reverify, limited, suspended, closed.")
    ] = "reverify",
    book: BookOption = BOOK,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = SHOWN,
    json: Json = False,
) -> None:
    """Cards with a measure on them, the next deadline first."""

    def command() -> int:
        from interceptor.centre.cards.card import State
        from interceptor.centre.cards.reading import listing
        from interceptor.tuning.tables import print_json

        if state not in list(State):
            raise UsageError(f"--state {state!r}: none of {', '.join(State)}")
        with opened(book, read_only=True) as centre:
            cards = listing(centre, State(state), last)
        if json:
            print_json({"cards": [as_object(card) for card in cards]})
            return 0
        return _table(f"Cards: {state}", cards)

    run(command)


@app.command()
def show(card: CardArgument, book: BookOption = BOOK, json: Json = False) -> None:
    """One card, and all that was done about it."""

    def command() -> int:
        from dataclasses import asdict

        from interceptor.centre.cards.card import card_thing
        from interceptor.centre.cards.reading import one
        from interceptor.tuning.tables import Column, print_json, show_table

        with opened(book, read_only=True) as centre:
            found, history = one(centre, card_thing(card))
        if json:
            print_json(as_object(found) | {"history": [asdict(line) for line in history]})
            return 0
        _table("Card", [found])
        rows = [[_time(line.at_ms), line.what, line.by, line.why] for line in history]
        columns = [*map(Column, ("when", "what", "who")), Column("why", wraps=True)]
        show_table("History", columns, rows, "" if rows else "Nothing was done about it.")
        return 0

    run(command)


@app.command()
def person(
    key: Annotated[str, typer.Argument(metavar="PERSON", help="person:KEY")], book: BookOption = BOOK,
    json: Json = False,
) -> None:  # fmt: skip
    """Somebody's cards and sanctions."""

    def command() -> int:
        from interceptor.centre.cards.reading import person
        from interceptor.centre.things import parse
        from interceptor.schema import Subject
        from interceptor.tuning.tables import print_json

        with opened(book, read_only=True) as centre:
            cards, sanctions = person(centre, parse(key, Subject.PERSON))
        if json:
            found = {"cards": list(map(as_object, cards)), "sanctions": list(map(_sanction_as_object, sanctions))}
            print_json(found)
            return 0
        for one in sanctions:
            typer.echo(_sanctioned(one))
        return _table("Cards", cards)

    run(command)


@app.command()
def outlets(
    book: BookOption = BOOK,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = SHOWN,
    json: Json = False,
) -> None:
    """Outlets by how many of their cards turned up listed."""

    def command() -> int:
        from dataclasses import asdict

        from interceptor.centre.cards.reading import outlets
        from interceptor.tuning.tables import Column, percent, print_json, show_table

        with opened(book, read_only=True) as centre:
            found = outlets(centre, last)
        if json:
            print_json({"outlets": [asdict(one) | {"bad": one.is_bad()} for one in found]})
            return 0
        columns = [Column("outlet"), *(Column(name, right=True) for name in ("cards", "listed", "share"))]
        rows = [
            [one.outlet, f"{one.cards:,}", f"{one.listed:,}", percent(one.listed / one.cards),
             f"flagged {_time(one.flagged_ms)}" if one.flagged_ms else ""]
            for one in found
        ]  # fmt: skip
        show_table("Outlets", [*columns, Column("")], rows, "" if rows else "No card was opened yet.")
        return 0

    run(command)


@app.command()
def reverify(
    card: CardArgument, why: Why, grade: GradeOption = "low", book: BookOption = BOOK, by: By = None, at: At = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Ask its owner to show who he is."""
    _measure("reverify", card, why, grade, book, by, at, json)


@app.command()
def limit(
    card: CardArgument, why: Why, grade: GradeOption = "low", book: BookOption = BOOK, by: By = None, at: At = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Limit it; at a low grade only once its owner didn't re-verify in time."""
    _measure("limit", card, why, grade, book, by, at, json)


@app.command()
def suspend(
    card: CardArgument, why: Why, grade: GradeOption = "low", book: BookOption = BOOK, by: By = None, at: At = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Suspend it; below a high grade only once it was limited and the time is over."""
    _measure("suspend", card, why, grade, book, by, at, json)


@app.command()
def verify(
    card: CardArgument,
    passed: Annotated[bool, typer.Option("--passed/--failed", help="Is he who he says?")],
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Its owner came with his papers."""

    def act(desk: Desk) -> Card | Sanction:
        from interceptor.centre.cards.acts import verified
        from interceptor.centre.cards.card import card_thing

        return verified(desk.book, card_thing(card), passed=passed, by=desk.by, at_ms=desk.at_ms)

    _acting(act, book, by, at, json)


@app.command()
def lift(
    thing: Annotated[str, typer.Argument(metavar="CARD|PERSON", help="number:…, account:… or person:…")],
    why: Why, book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """An appeal was upheld: end all measures on a card, or a person's sanction, at once."""

    def act(desk: Desk) -> Card | Sanction:
        from interceptor.centre.cards.acts import lift
        from interceptor.centre.cards.card import card_thing
        from interceptor.centre.cards.sanctions import lift_sanction
        from interceptor.centre.things import parse
        from interceptor.schema import Subject

        if thing.lower().startswith("person:"):
            return lift_sanction(desk.book, parse(thing, Subject.PERSON), by=desk.by, at_ms=desk.at_ms, why=why)
        return lift(desk.book, card_thing(thing), by=desk.by, at_ms=desk.at_ms, why=why)

    _acting(act, book, by, at, json)


@app.command()
def sanction(
    thing: Annotated[str, typer.Argument(metavar="CARD|PERSON", help="number:…, account:… or person:…")],
    finding: Annotated[int, typer.Option("--finding", metavar="N", help="The finding of the city's police.")] = 0,
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Five years at the counter only, by a finding that a card was sold, let or lent."""

    def act(desk: Desk) -> Card | Sanction:
        from interceptor.centre.cards.sanctions import sanction
        from interceptor.centre.things import parse

        return sanction(desk.book, parse(thing), finding=finding, by=desk.by, at_ms=desk.at_ms)

    _acting(act, book, by, at, json)


def as_object(card: Card) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(card) | {"thing": str(card.thing)}


def _measure(name: str, card: str, why: str, grade: str, book: Any, by: str | None, at: str | None, json: bool) -> None:
    def act(desk: Desk) -> Card | Sanction:
        from interceptor.centre.cards import acts
        from interceptor.centre.cards.card import Grade, card_thing

        if grade.upper() not in Grade.__members__:
            raise UsageError(f"--grade {grade!r}: low, medium or high")
        do = {"reverify": acts.reverify, "limit": acts.limit, "suspend": acts.suspend}[name]
        return do(desk.book, card_thing(card), by=desk.by, at_ms=desk.at_ms, why=why, grade=Grade[grade.upper()])

    _acting(act, book, by, at, json)


def _acting(act: Callable[[Desk], Card | Sanction], book: Any, by: str | None, at: str | None, as_json: bool) -> None:
    def command() -> int:
        from interceptor.centre.cards.sanctions import Sanction
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            found = act(desk)
        if isinstance(found, Sanction):
            return done(_sanction_as_object(found), _sanctioned(found), as_json=as_json)
        until = f", next step {_time(found.due_ms)}" if found.due_ms else ""
        return done(as_object(found), f"{found.thing.masked}: {found.state}{until}", as_json=as_json)

    run(command)


def _sanctioned(one: Sanction) -> str:
    return f"{one.thing.masked}: sanction {one.id} by finding {one.finding} until {_time(one.until_ms)}, {one.state}"


def _sanction_as_object(one: Sanction) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one) | {"thing": str(one.thing)}


def _table(title: str, cards: list[Card]) -> int:
    from interceptor.centre.things import parse
    from interceptor.tuning.tables import Column, show_table

    names = ("card", "kind", "person", "phone", "outlet", "opened", "state", "since", "next step", "listed")
    rows = [
        [card.thing.masked, card.thing.subject.name.lower(), parse(card.person).masked if card.person else "",
         parse(card.phone).masked if card.phone else "", card.outlet, _time(card.opened_ms), card.state,
         _time(card.since_ms), _time(card.due_ms), _time(card.bad_ms)]
        for card in cards
    ]  # fmt: skip
    show_table(title, [Column(name) for name in names], rows, "" if rows else "None is in the register so.")
    return 0


def _time(at_ms: int) -> str:
    return f"{clock(at_ms):%Y-%m-%d %H:%M}" if at_ms else ""
