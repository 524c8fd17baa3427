"""What `interceptor centre cases` shows: cases, a timeline, what is overdue, how rules stand.

Enters: a book. Leaves: tables or JSON. Invariant: nothing here writes; a table shows no citizen's number in full.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interceptor.commands.centre.desk import BOOK, At, BookOption, Json, at_of, opened, run
from interceptor.tuning.tables import Column, percent, print_json, show_table

if TYPE_CHECKING:
    from interceptor.centre.book import Book
    from interceptor.centre.cases.reading import Case


def add(app: typer.Typer) -> None:
    """Puts the commands of this module into the app."""
    for name, command in (("list", list_), ("show", show), ("overdue", overdue), ("rules", rules)):
        app.command(name)(command)


def list_(
    officer: Annotated[str | None, typer.Option("--officer", metavar="NAME", help="His cases.")] = None,
    about: Annotated[str | None, typer.Option("--about", metavar="THING", help="As number:…, account:…")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Also those that have ended.")] = False,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = 50,
    book: BookOption = BOOK, json: Json = False,
) -> None:  # fmt: skip
    """Open cases, the most urgent first."""

    def command() -> int:
        from interceptor.centre.cases.reading import listing
        from interceptor.centre.things import parse

        with opened(book, read_only=True) as centre:
            thing = parse(about) if about else None
            return _cases(
                centre,
                "Cases",
                listing(centre, closed=closed, officer=officer, about=thing, last=last),
                "There is none: rules open cases, and `cases open` does.",
                json,
            )

    run(command)


def overdue(book: BookOption = BOOK, json: Json = False) -> None:
    """Open cases that missed a deadline, the longest overdue first."""

    def command() -> int:
        from interceptor.centre.cases import reading

        with opened(book, read_only=True) as centre:
            return _cases(centre, "Overdue", reading.overdue(centre), "Nothing is overdue.", json)

    run(command)


def show(
    number: Annotated[int, typer.Argument(metavar="CASE", help="Number of a case.")],
    book: BookOption = BOOK, json: Json = False,
) -> None:  # fmt: skip
    """A case: whom and what it is about, and its timeline."""

    def command() -> int:
        from interceptor.centre.cases.reading import one
        from interceptor.commands.centre.acting import when
        from interceptor.commands.centre.telling import thing

        with opened(book, read_only=True) as centre:
            file = one(centre, number)
        if json:
            print_json(
                _as_object(file.case) | {
                    "things": [str(thing) for thing in file.things], "citizens": [str(who) for who in file.citizens],
                    "rules": file.rules, "timeline": [dataclasses.asdict(entry) for entry in file.timeline],
                }
            )  # fmt: skip
            return 0
        show_table(f"Case {number}", [Column(""), Column("", wraps=True)], [
            *_facts(file.case),
            ["about", ", ".join(f"{thing.subject.name.lower()} {thing.masked}" for thing in file.things) or "–"],
            ["citizens", ", ".join(who.masked for who in file.citizens) or "–"],
            ["rules", ", ".join(file.rules) or "–"],
        ])  # fmt: skip
        columns = [*map(Column, ("when", "party", "who", "about", "ref")), Column("what", wraps=True)]
        rows = [
            [when(entry.at_ms), entry.party, entry.by, thing(entry.about), entry.ref, entry.what]
            for entry in file.timeline
        ]
        show_table("\nTimeline", columns, rows)
        return 0

    run(command)


def rules(book: BookOption = BOOK, at: At = None, json: Json = False) -> None:
    """Of how many things rules were wrong of late, and which of them only watch because of that (X06)."""

    def command() -> int:
        from interceptor.centre.cases.judging import standings
        from interceptor.centre.cases.terms import TERMS
        from interceptor.commands.centre.acting import when

        with opened(book, read_only=True) as centre:
            found = standings(centre.db, at_of(centre, at))
        if json:
            print_json({"rules": [dataclasses.asdict(rule) | {"share": rule.share} for rule in found]})
            return 0
        columns = [
            Column("rule"),
            *(Column(name, right=True) for name in ("things judged", "wrong", "share", "appeals upheld")),
        ]
        rows = [
            [r.rule, str(r.judged), str(r.wrong), percent(r.share), str(r.appeals),
             f"put to shadow {when(r.shadowed_ms)}: {r.why}" if r.shadowed_ms is not None else "live"]
            for r in found
        ]  # fmt: skip
        note = (
            f"Lines, accounts and sites that it acted on, each by what was found of it last, within"
            f" {TERMS.judged_within_ms // 86_400_000} days or since the rule was put to shadow. Bounds (X06): more than"
            f" {percent(TERMS.wrong_share_max)} wrong of {TERMS.judged_min} or more, or {TERMS.appeals} appeals upheld"
            " within a day."
        )
        show_table("Rules", [*columns, Column("stands", wraps=True)], rows, note)
        return 0

    run(command)


def show_officers(book: Path, *, as_json: bool) -> int:
    """The roster."""
    from interceptor.centre.cases.officers import roster

    with opened(book, read_only=True) as centre:
        found = roster(centre.db)
    if as_json:
        print_json({"officers": [{"name": name, "cases": load, "at_most": most} for name, load, most in found]})
        return 0
    columns = [Column("officer"), Column("cases", right=True), Column("at most", right=True)]
    rows = [[name, str(load), str(most)] for name, load, most in found]
    show_table("Officers", columns, rows, "" if rows else "Nobody is on the roster: `cases officers --add NAME`.")
    return 0


def _cases(centre: Book, title: str, found: list[Case], none: str, as_json: bool) -> int:
    from interceptor.centre.cases.opening import things_of
    from interceptor.commands.centre.acting import when

    if as_json:
        print_json({"cases": [_as_object(case) for case in found]})
        return 0
    columns = [Column("case", right=True), *map(Column, ("kind", "urgency", "opened", "about", "officer")),
               Column("hits", right=True), *map(Column, ("handle by", "decide by", "overdue", "outcome")),
               Column("why", wraps=True)]  # fmt: skip
    rows = []
    for case in found:
        things = things_of(centre.db, case.id)
        more = f" and {len(things) - 1} more" if len(things) > 1 else ""
        rows.append(
            [str(case.id), case.kind, case.urgency.name.lower(), when(case.opened_ms),
             f"{things[0].masked}{more}" if things else "–", case.officer or "nobody", f"{case.hits:,}",
             when(case.handle_by_ms), when(case.decide_by_ms), case.overdue or "–", _outcome(case), case.reason]
        )  # fmt: skip
    show_table(title, columns, rows, "" if rows else none)
    return 0


def _facts(case: Case) -> list[list[str]]:
    from interceptor.commands.centre.acting import when

    facts = {
        "kind": case.kind, "urgency": case.urgency.name.lower(), "why": case.reason,
        "officer": case.officer or "nobody", "opened": when(case.opened_ms),
        "handle by": when(case.handle_by_ms), "handled": when(case.handled_ms),
        "decide by": when(case.decide_by_ms), "overdue": case.overdue or "–", "hits": f"{case.hits:,}",
        "outcome": _outcome(case), "ended": when(case.closed_ms),
    }  # fmt: skip
    return [[name, value] for name, value in facts.items()]


def _outcome(case: Case) -> str:
    if case.merged_into is not None:
        return f"part of case {case.merged_into}"
    return case.outcome.replace("_", " ") or "open"


def _as_object(case: Case) -> dict[str, Any]:
    return dataclasses.asdict(case) | {"urgency": case.urgency.name.lower(), "overdue": case.overdue}
