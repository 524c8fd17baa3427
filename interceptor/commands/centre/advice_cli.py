"""`interceptor centre advice …`: who is most at risk of which scam, and advice for them.

Enters: what a person typed. Leaves: tables or JSON; orders for carriers. Invariant: tables show townships, not people.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interceptor.commands.centre.citizens_desk import scam_of
from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, at_of, done, opened, run
from interceptor.tuning.tables import Column, print_json, show_table

app = typer.Typer(
    help="Advice aimed at those most at risk, by class of scam.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip
ScamOption = Annotated[str | None, typer.Option("--type", metavar="CLASS", help="Only this class.  [default: all]")]


@app.command("list")
def list_(
    residents: Annotated[
        Path | None,
        typer.Option("--residents", metavar="FILE.csv", help="Columns code and residents, for shares of townships."),
    ] = None,
    scam: ScamOption = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="So many townships for each class.")] = 3,
    book: BookOption = BOOK,
    at: At = None,
    json: Json = False,
) -> None:
    """For each class of scam the townships most at risk, and what people there are told."""

    def command() -> int:
        from interceptor.centre.citizens import advice
        from interceptor.centre.warnings import texts
        from interceptor.commands.centre.telling import town

        wanted = scam_of(scam)
        living = advice.residents_of(residents) if residents else None
        with opened(book, read_only=True) as centre:
            at_ms = at_of(centre, at)
            found = [
                one for one in advice.groups(centre, at_ms, residents=living) if wanted is None or one.scam == wanted
            ]
            readers = advice.readers(centre, at_ms, scam=wanted)
        by_class = {one.scam: [group for group in found if group.scam == one.scam][:top] for one in found}
        shown = [group for groups in by_class.values() for group in groups]
        told = {one: texts.advice(one) for one in by_class}
        if json:
            objects = [
                {"type": one.scam.word, "town": one.town, "met": one.met, "warned": one.warned,
                 "stake_yuan": one.stake_fen / 100, "per_1000": one.per_1000, "advice": told[one.scam].zh}
                for one in shown
            ]  # fmt: skip
            print_json({"groups": objects, "to_be_advised": len(readers)})
            return 0
        names = ("met it", "warned", "yuan at stake", "per 1,000")
        columns = [Column("type"), Column("town"), *(Column(name, right=True) for name in names)]
        rows = [
            [one.scam.word, town(one.town), str(one.met), str(one.warned), f"{one.stake_fen / 100:,.0f}",
             f"{one.per_1000:.2f}" if living else "–"]
            for one in shown
        ]  # fmt: skip
        words = [f"{one.word}: {text.zh}\n  {text.en}" for one, text in told.items()]
        note = "\n".join(
            [*words, f"Met one lately and weren't warned or advised: {len(readers):,}; `advice give` writes to them."]
        )
        show_table("At risk", columns, rows, note)
        return 0

    run(command)


@app.command()
def give(
    scam: ScamOption = None,
    most: Annotated[int | None, typer.Option("--most", metavar="N", min=1, help="So many citizens at most.")] = None,
    book: BookOption = BOOK,
    by: By = None,
    at: At = None,
    json: Json = False,
) -> None:
    """Send advice to those who met a scam lately and were neither warned nor advised this month."""

    def command() -> int:
        from dataclasses import replace

        from interceptor.centre.citizens import advice
        from interceptor.commands.centre.acting import acting

        terms = replace(advice.TERMS, advice_most=most) if most else advice.TERMS
        with acting(book, by, at) as desk:
            sent = advice.give(desk.book, by=desk.by, at_ms=desk.at_ms, scam=scam_of(scam), terms=terms)
        return done({"sent": sent}, f"Advice goes to {sent:,} citizens", as_json=json)

    run(command)
