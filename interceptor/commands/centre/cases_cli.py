"""`interceptor centre cases …`: what police, banks and carriers do in one matter, and what rules learn from it.

Enters: what a person typed. Leaves: acts in the book. Invariant: a refusal changes nothing and is on the log. What only
shows is in cases_tables.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from interceptor.commands.centre import cases_tables
from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, UsageError, done, run

app = typer.Typer(
    help="Cases: one timeline for all, officers, deadlines, outcomes.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip
Case = Annotated[int, typer.Argument(metavar="CASE", help="Number of a case.")]
_Word = TypeVar("_Word", bound=StrEnum)
cases_tables.add(app)


@app.command("open")
def open_(
    things: Annotated[list[str], typer.Argument(metavar="THING…", help="As number:…, account:…, site:…, person:…")],
    reason: Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why.")],
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="money, line, site, card, place, …")] = "money",
    citizen: Annotated[list[str] | None, typer.Option("--citizen", metavar="NUMBER", help="Whom it concerns.")] = None,
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Open a case, or join the open one about the same thing."""

    def command() -> int:
        from interceptor.centre.cases.opening import open_or_join
        from interceptor.centre.cases.terms import CaseKind, Party
        from interceptor.centre.things import parse
        from interceptor.commands.centre.acting import acting
        from interceptor.schema import Subject

        with acting(book, by, at) as desk:
            of_kind = _word(CaseKind, kind, "--kind")
            case = open_or_join(
                desk.book, of_kind, [parse(thing) for thing in things], reason, party=Party.POLICE,
                citizens=[parse(number, Subject.NUMBER).key for number in citizen or ()], by=desk.by, at_ms=desk.at_ms,
            )  # fmt: skip
        return done({"case": case}, f"Case {case}", as_json=json)

    run(command)


@app.command()
def assign(
    number: Case,
    officer: Annotated[str, typer.Argument(metavar="[OFFICER]", help="[default: who has the least to do]")] = "",
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Give a case to an officer."""

    def command() -> int:
        from interceptor.centre.cases import acts
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            name = acts.assign(desk.book, number, officer, by=desk.by, at_ms=desk.at_ms)
        return done({"case": number, "officer": name}, f"Case {number} is {name}'s", as_json=json)

    run(command)


@app.command()
def note(
    number: Case,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="What was done or said.")],
    party: Annotated[str, typer.Option("--party", metavar="WHO", help="police, bank, carrier, …")] = "police",
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """A line on a case's timeline."""

    def command() -> int:
        from interceptor.centre.cases import acts
        from interceptor.centre.cases.terms import Party
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            of = _word(Party, party, "--party")
            entry = acts.note(desk.book, number, words, party=of, by=desk.by, at_ms=desk.at_ms)
        return done({"case": number, "entry": entry}, f"Noted in case {number}", as_json=json)

    run(command)


@app.command()
def outcome(
    number: Case,
    found: Annotated[str, typer.Argument(metavar="OUTCOME", help="confirmed, false_alarm, undecided.")],
    why: Annotated[str, typer.Option("--why", metavar="WORDS", help="What it rests on.")] = "",
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """End a case; rules behind it learn from that."""

    def command() -> int:
        from interceptor.centre.cases import acts
        from interceptor.centre.cases.judging import shadowed_by
        from interceptor.centre.cases.terms import Outcome
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            end = _word(Outcome, found, "OUTCOME")
            last = desk.book.audit.head().entries
            acts.outcome(desk.book, number, end, why, by=desk.by, at_ms=desk.at_ms)
            rules = shadowed_by(desk.book, last)
        lines = [f"Case {number}: {str(end).replace('_', ' ')}", *(f"{rule} is put to shadow" for rule in rules)]
        return done({"case": number, "outcome": end, "to_shadow": rules}, "\n".join(lines), as_json=json)

    run(command)


@app.command()
def merge(
    into: Case,
    other: Annotated[int, typer.Argument(metavar="OTHER", help="The case that becomes part of it.")],
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Make one of two cases that share an account, a number, a site or a person."""

    def command() -> int:
        from interceptor.centre.cases import acts
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            acts.merge(desk.book, into, other, by=desk.by, at_ms=desk.at_ms)
        return done({"case": into, "merged": other}, f"Case {other} is part of case {into}", as_json=json)

    run(command)


@app.command()
def officers(
    add: Annotated[str | None, typer.Option("--add", metavar="NAME", help="Put on the roster, or change.")] = None,
    load: Annotated[int, typer.Option("--load", metavar="N", help="Open cases at most.")] = 20,
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """The roster: who has how many cases, and how many he can take."""

    def command() -> int:
        from interceptor.centre.cases.officers import officer
        from interceptor.commands.centre.acting import acting

        if add is not None:
            with acting(book, by, at) as desk:
                officer(desk.book, add, load_max=load, by=desk.by, at_ms=desk.at_ms)
        return cases_tables.show_officers(book, as_json=json)

    run(command)


def _word(words: type[_Word], text: str, option: str) -> _Word:
    try:
        return words(text.replace("-", "_"))
    except ValueError:
        raise UsageError(f"{option} {text!r}: write {', '.join(words)}") from None
