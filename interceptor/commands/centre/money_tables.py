"""What `interceptor centre money` shows: stops, alerts, banks.

Enters: a book. Leaves: tables or JSON. Invariant: nothing here writes; a table shows nobody's account in full.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interceptor.commands.centre.desk import BOOK, BookOption, Json, UsageError, opened, run
from interceptor.tuning.tables import Column, print_json, show_table

if TYPE_CHECKING:
    from interceptor.centre.money.stops import Stop

_LIST = ("account", "bank", "layer", "case", "state", "asked", "bit", "until", "gross", "traced", "frozen")


def add(app: typer.Typer) -> None:
    """Puts the commands of this module into the app."""
    for name, command in (("list", list_), ("show", show), ("alerts", alerts), ("banks", banks)):
        app.command(name)(command)


def list_(
    state: Annotated[str | None, typer.Option("--state", metavar="STATE", help="As stopped, frozen.")] = None,
    case: Annotated[int | None, typer.Option("--case", metavar="N", help="Those of a case.")] = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = 50,
    book: BookOption = BOOK, json: Json = False,
) -> None:  # fmt: skip
    """Stops, the latest first."""

    def command() -> int:
        from interceptor.centre.money.reading import listing
        from interceptor.centre.money.terms import State

        if state is not None and state not in set(State):
            raise UsageError(f"--state {state!r}: write {', '.join(State)}")
        with opened(book, read_only=True) as centre:
            stops = listing(centre, state=State(state) if state else None, case=case, last=last)
        if json:
            print_json({"stops": [as_object(stop) for stop in stops]})
            return 0
        columns = [Column("stop", right=True), *(Column(name, name in ("gross", "traced", "frozen")) for name in _LIST)]
        show_table(
            "Stops",
            columns,
            [_row(stop) for stop in stops],
            "" if stops else "There is none: `money report` takes a victim's report down, `money stop` asks the bank.",
        )
        return 0

    run(command)


def show(
    number: Annotated[int, typer.Argument(metavar="STOP", help="Number of a stop.")],
    book: BookOption = BOOK, json: Json = False,
) -> None:  # fmt: skip
    """One stop: how it stands, whose money is in the account, what was done."""

    def command() -> int:
        from interceptor.centre.money.returning import shares
        from interceptor.centre.money.stops import one
        from interceptor.centre.money.terms import yuan
        from interceptor.commands.centre.acting import when

        with opened(book, read_only=True) as centre:
            found = one(centre.db, number)
            victims = shares(centre.db, found)
            entries = list(centre.audit.entries(found.ref))
        if json:
            log = [
                {"at_ms": e.at_ms, "by": e.by, "act": e.act, "outcome": e.outcome, "told": e.details} for e in entries
            ]
            shared = [dataclasses.asdict(share) for share in victims]
            print_json(as_object(found) | {"victims": shared, "log": log})
            return 0
        show_table(f"Stop {found.id}", [Column(""), Column("", wraps=True)], _facts(found))
        columns = [Column("alert", True), *(Column(name, True) for name in ("traced", "still owed", "share"))]
        rows = [[str(s.alert), *map(yuan, (s.tainted_fen, s.owed_fen, s.share_fen))] for s in victims]
        show_table("\nVictims", columns, rows, "" if rows else "Nobody's money was traced into it.")
        columns = [*map(Column, ("when", "who", "act", "outcome")), Column("why", wraps=True)]
        done = [[when(e.at_ms), e.by, e.act, e.outcome, str(e.details.get("why", ""))] for e in entries]
        show_table("\nLog", columns, done)
        return 0

    run(command)


def alerts(
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many at most.")] = 50,
    book: BookOption = BOOK, json: Json = False,
) -> None:  # fmt: skip
    """Victims' reports, the latest first."""

    def command() -> int:
        from interceptor.centre.money.alerts import listing
        from interceptor.centre.money.books import account_of
        from interceptor.centre.money.terms import yuan
        from interceptor.commands.centre.acting import when
        from interceptor.masking import masked

        with opened(book, read_only=True) as centre:
            found = listing(centre.db, last)
        if json:
            objects = [dataclasses.asdict(alert) | {"minutes_since": alert.minutes_since} for alert in found]
            print_json({"alerts": objects})
            return 0
        columns = [Column("alert", True), Column("when"), Column("victim"), Column("scam"), Column("lost", True),
                   Column("last transfer", True), Column("minutes since", True), Column("paid into"),
                   Column("case", True)]  # fmt: skip
        rows = [
            [str(a.id), when(a.at_ms), masked(a.reporter), a.scam_type or "–", yuan(a.loss_fen),
             yuan(a.claim.amount_fen), f"{a.minutes_since:.0f}", account_of(a.claim.payee).masked, str(a.case)]
            for a in found
        ]  # fmt: skip
        show_table(
            "Alerts", columns, rows, "" if rows else "Nobody reported a loss yet: `money report` takes one down."
        )
        return 0

    run(command)


def banks(book: BookOption = BOOK, json: Json = False) -> None:
    """How long banks take, by layer: minutes from the request until it bites."""

    def command() -> int:
        from interceptor.centre.money.reading import handling

        with opened(book, read_only=True) as centre:
            found = handling(centre)
        if json:
            print_json({"banks": [dataclasses.asdict(bank) for bank in found]})
            return 0
        names = ("layer", "stops", "refused", "waiting", "late", "median", "90 %", "expected")
        columns = [Column("bank"), Column("reached"), *(Column(name, right=True) for name in names)]
        rows = [
            [b.bank or "unknown", b.kind, *map(str, (b.layer, b.stops, b.refused, b.waiting, b.late)),
             *("–" if minutes is None else f"{minutes:.0f}" for minutes in (b.median, b.nine_of_ten, b.expected))]
            for b in found
        ]  # fmt: skip
        show_table("Banks, in minutes", columns, rows, "" if rows else "No bank was asked for a stop yet.")
        return 0

    run(command)


def as_object(stop: Stop) -> dict[str, Any]:
    """For machines."""
    return {field.name: getattr(stop, field.name) for field in dataclasses.fields(stop)} | {
        "account": str(stop.account), "minutes_to_lift": stop.minutes_to_lift,
    }  # fmt: skip


def told(stop: Stop) -> str:
    """A line about how it stands."""
    from interceptor.commands.centre.acting import when

    until = f" until {when(stop.until_ms)}" if stop.until_ms and stop.ended_ms is None else ""
    why = f": {stop.reason}" if stop.reason else ""
    return f"Stop {stop.id} of {stop.account.masked}: {stop.words}{until}{why}"


def _row(stop: Stop) -> list[str]:
    from interceptor.centre.money.terms import yuan
    from interceptor.commands.centre.acting import when

    return [
        str(stop.id), stop.account.masked, stop.bank or "unknown", str(stop.layer), str(stop.case), stop.words,
        when(stop.asked_ms), when(stop.executed_ms), when(stop.until_ms if stop.ended_ms is None else None),
        *map(yuan, (stop.gross_fen, stop.tainted_fen, stop.frozen_fen)),
    ]  # fmt: skip


def _facts(stop: Stop) -> list[list[str]]:
    from interceptor.centre.money.terms import yuan
    from interceptor.commands.centre.acting import when

    facts = {
        "account": stop.account.masked, "bank": stop.bank or "unknown", "layer": str(stop.layer),
        "case": str(stop.case), "asked by": stop.source, "state": stop.words, "asked": when(stop.asked_ms),
        "answer by": when(stop.answer_by_ms), "bit": when(stop.executed_ms), "until": when(stop.until_ms),
        "stops used": str(stop.times), "in the account": yuan(stop.gross_fen), "traced": yuan(stop.tainted_fen),
        "frozen": yuan(stop.frozen_fen), "decision": stop.decision or "–", "ended": when(stop.ended_ms),
        "why": stop.reason or "–", "wrongly": "yes" if stop.wrongly else "no",
    }  # fmt: skip
    return [[name, value] for name, value in facts.items()]
