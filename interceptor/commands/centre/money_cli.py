"""`interceptor centre money …`: victims' reports, stops, freezes, money that goes back.

Enters: what a person typed. Leaves: acts in the book. Invariant: a refusal changes nothing and is on the log. What only
shows is in money_tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from interceptor.commands.centre import money_tables
from interceptor.commands.centre.desk import BOOK, At, BookOption, By, Json, UsageError, done, moment, run

app = typer.Typer(
    help="Victims' reports, stop-payment, freezes, money that goes back.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip
Stop = Annotated[int, typer.Argument(metavar="STOP", help="Number of a stop.")]
Finding = Annotated[str, typer.Option("--finding", metavar="NUMBER", help="The police's decision.")]
money_tables.add(app)


@app.command()
def report(
    reporter: Annotated[str, typer.Argument(metavar="NUMBER", help="The victim's phone number.")],
    payee: Annotated[str, typer.Option("--payee", metavar="ACCOUNT", help="The account that was paid.")],
    payer: Annotated[str, typer.Option("--payer", metavar="ACCOUNT", help="The victim's account.")],
    amount: Annotated[str, typer.Option("--amount", metavar="YUAN", help="The last transfer.")],
    loss: Annotated[str | None, typer.Option("--loss", metavar="YUAN", help="In all.  [default: that]")] = None,
    paid_at: Annotated[str | None, typer.Option("--paid-at", metavar="TIME", help="When it was made.")] = None,
    minutes_ago: Annotated[float | None, typer.Option("--minutes-ago", metavar="N", help="Or how long ago.")] = None,
    name: Annotated[str, typer.Option("--name", help="The payee's, as the victim's bank shows it.")] = "",
    bank: Annotated[str, typer.Option("--bank", help="The payee's.")] = "",
    tx: Annotated[int, typer.Option("--tx", metavar="ID", help="Number of the transfer.")] = 0,
    scam_type: Annotated[str, typer.Option("--type", metavar="WORDS", help="Kind of scam.")] = "",
    text: Annotated[str, typer.Option("--text", help="What the victim says.")] = "",
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Take a victim's report down: an alert, and a case about the account."""

    def command() -> int:
        from interceptor.centre.money import alerts
        from interceptor.centre.money.books import holder_key
        from interceptor.centre.money.matching import Claim
        from interceptor.centre.things import parse
        from interceptor.commands.centre.acting import acting, fen
        from interceptor.schema import Subject

        with acting(book, by, at) as desk:
            claim = Claim(
                payer=parse(payer, Subject.ACCOUNT).key, payee=parse(payee, Subject.ACCOUNT).key,
                amount_fen=fen(amount, "--amount"), paid_ms=_paid(paid_at, minutes_ago, desk.at_ms), tx=tx,
                holder=holder_key(name) if name else 0, bank=bank,
            )  # fmt: skip
            alert = alerts.report(
                desk.book, reporter=parse(reporter, Subject.NUMBER).key, scam_type=scam_type,
                loss_fen=fen(loss or amount, "--loss"), claim=claim, text=text, by=desk.by, at_ms=desk.at_ms,
            )  # fmt: skip
        words = f"Alert {alert.id}, case {alert.case}\n  next: interceptor centre money stop --alert {alert.id}"
        return done({"alert": alert.id, "case": alert.case, "minutes_since": alert.minutes_since}, words, as_json=json)

    run(command)


@app.command()
def amend(
    alert: Annotated[int, typer.Argument(metavar="ALERT", help="Number of an alert.")],
    scam_type: Annotated[str | None, typer.Option("--type", metavar="WORDS", help="Kind of scam.")] = None,
    loss: Annotated[str | None, typer.Option("--loss", metavar="YUAN", help="The whole loss.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="What the victim says now.")] = None,
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Write down what is known later of a victim's loss."""

    def command() -> int:
        from interceptor.centre.money import alerts
        from interceptor.centre.money.terms import yuan
        from interceptor.commands.centre.acting import acting, fen

        with acting(book, by, at) as desk:
            found = alerts.amend(
                desk.book, alert, scam_type=scam_type, loss_fen=fen(loss, "--loss") if loss is not None else None,
                text=text, by=desk.by, at_ms=desk.at_ms,
            )  # fmt: skip
        told = {"alert": alert, "scam_type": found.scam_type, "loss_fen": found.loss_fen, "text": found.text}
        return done(told, f"Alert {alert}: {found.scam_type or 'a fraud'}, {yuan(found.loss_fen)}", as_json=json)

    run(command)


@app.command()
def cancelled(
    alert: Annotated[int, typer.Argument(metavar="ALERT", help="Number of an alert.")],
    amount: Annotated[str, typer.Option("--amount", metavar="YUAN", help="Sum of the payments taken back.")],
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Write down that the victim's own bank took back payments that it still delayed."""

    def command() -> int:
        from interceptor.centre.money import alerts
        from interceptor.centre.money.terms import yuan
        from interceptor.commands.centre.acting import acting, fen

        with acting(book, by, at) as desk:
            found = alerts.cancelled(desk.book, alert, fen(amount, "--amount"), by=desk.by, at_ms=desk.at_ms)
        told = {"alert": alert, "cancelled_fen": found.cancelled_fen, "open_fen": found.open_fen}
        words = f"Alert {alert}: {yuan(found.cancelled_fen)} taken back, {yuan(found.open_fen)} open"
        return done(told, words, as_json=json)

    run(command)


@app.command()
def stop(
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Of an alert: the one paid.")] = None,
    alert: Annotated[int | None, typer.Option("--alert", metavar="N", help="The victim's report.")] = None,
    case: Annotated[int | None, typer.Option("--case", metavar="N", help="Or the case that it is for.")] = None,
    layer: Annotated[int, typer.Option("--layer", metavar="N", help="1 = a victim paid into it.")] = 1,
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Ask the bank to stop an account for 48 hours; what doesn't match is refused."""

    def act(desk: Any) -> Any:
        from interceptor.centre.money.stopping import request_stop
        from interceptor.centre.money.terms import Source
        from interceptor.centre.things import parse
        from interceptor.schema import Subject

        key = parse(account, Subject.ACCOUNT).key if account else 0
        source = Source.ALERT if alert is not None else Source.OFFICER
        return request_stop(
            desk.book, key, alert=alert, case=case, layer=layer, source=source, by=desk.by, at_ms=desk.at_ms
        )

    _on_stop(act, book, by, at, json)


@app.command()
def executed(
    number: Stop,
    balance: Annotated[str, typer.Option("--balance", metavar="YUAN", help="What was in the account.")] = "0",
    mismatch: Annotated[str, typer.Option("--mismatch", metavar="WHAT", help="name, account, amount, time.")] = "",
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """The bank's answer: stopped from now on, or what doesn't match there."""

    def act(desk: Any) -> Any:
        from interceptor.centre.money import stopping
        from interceptor.commands.centre.acting import fen

        return stopping.executed(
            desk.book, number, fen(balance, "--balance"), mismatch=mismatch, by=desk.by, at_ms=desk.at_ms
        )

    _on_stop(act, book, by, at, json)


@app.command()
def extend(number: Stop, book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False) -> None:
    """Another 48 hours; an account is stopped twice at most for one matter."""

    def act(desk: Any) -> Any:
        from interceptor.centre.money import stopping

        return stopping.extend(desk.book, number, by=desk.by, at_ms=desk.at_ms)

    _on_stop(act, book, by, at, json)


@app.command()
def freeze(
    number: Stop,
    finding: Finding = "",
    case: Annotated[int | None, typer.Option("--case", metavar="N", help="Or the case it is decided in.")] = None,
    amount: Annotated[str | None, typer.Option("--amount", metavar="YUAN", help="[default: as traced]")] = None,
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Freeze for six months, by a decision of police and while the stop bites."""

    def act(desk: Any) -> Any:
        from interceptor.centre.money import freezing
        from interceptor.commands.centre.acting import fen

        return freezing.freeze(
            desk.book, number, finding=finding, case=case,
            amount_fen=fen(amount, "--amount") if amount is not None else None, by=desk.by, at_ms=desk.at_ms,
        )  # fmt: skip

    _on_stop(act, book, by, at, json)


@app.command()
def renew(
    number: Stop, finding: Finding = "", book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False
) -> None:
    """Freeze for another six months."""

    def act(desk: Any) -> Any:
        from interceptor.centre.money import freezing

        return freezing.renew(desk.book, number, finding=finding, by=desk.by, at_ms=desk.at_ms)

    _on_stop(act, book, by, at, json)


@app.command()
def release(
    number: Stop,
    reason: Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why.")],
    wrongly: Annotated[bool, typer.Option("--wrongly", help="The holder is innocent.")] = False,
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Lift a stop or a freeze at once, or take a request back."""

    def act(desk: Any) -> Any:
        from interceptor.centre.money import stopping

        return stopping.release(desk.book, number, reason, wrongly=wrongly, by=desk.by, at_ms=desk.at_ms)

    _on_stop(act, book, by, at, json)


@app.command("return")
def give_back(
    number: Stop,
    alert: Annotated[int | None, typer.Option("--alert", metavar="N", help="One victim's.")] = None,
    amount: Annotated[str | None, typer.Option("--amount", metavar="YUAN", help="[default: his share]")] = None,
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Return what is frozen to the victims, to each his share, or to one."""

    def command() -> int:
        from interceptor.centre.money import returning
        from interceptor.centre.money.terms import yuan
        from interceptor.commands.centre.acting import acting, fen

        with acting(book, by, at) as desk:
            paid = returning.give_back(
                desk.book, number, alert=alert, amount_fen=fen(amount, "--amount") if amount is not None else None,
                by=desk.by, at_ms=desk.at_ms,
            )  # fmt: skip
        told = {"stop": number, "returned": [{"alert": of, "fen": sum_fen} for of, sum_fen in paid]}
        words = "\n".join(f"{yuan(sum_fen)} to the victim of alert {of}" for of, sum_fen in paid)
        return done(told, words, as_json=json)

    run(command)


@app.command()
def refund(
    number: Stop,
    tx: Annotated[int, typer.Argument(metavar="TX", help="Number of a payment.")],
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Send back a payment that came in after the account was stopped."""

    def command() -> int:
        from interceptor.centre.money import returning
        from interceptor.centre.money.terms import yuan
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            sum_fen = returning.refund(desk.book, number, tx, by=desk.by, at_ms=desk.at_ms)
        return done({"stop": number, "tx": tx, "fen": sum_fen}, f"{yuan(sum_fen)} go back", as_json=json)

    run(command)


@app.command()
def accounts(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns account, name, bank.")],
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Read who holds which account; names are kept as keys only."""

    def command() -> int:
        from interceptor.centre.money.books import read_register, register
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            try:
                with open(file, encoding="utf-8-sig", newline="") as lines:
                    rows = read_register(lines)
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"{file}: can't be read: {error}") from None
            read = register(desk.book, rows, by=desk.by, at_ms=desk.at_ms)
        return done({"accounts": read}, f"{read:,} accounts", as_json=json)

    run(command)


@app.command()
def bank(
    name: Annotated[str, typer.Argument(metavar="BANK", help="Its name.")],
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="online, branch or elsewhere.")],
    book: BookOption = BOOK, by: By = None, at: At = None, json: Json = False,
) -> None:  # fmt: skip
    """Say how a bank is reached, which its terms depend on."""

    def command() -> int:
        from interceptor.centre.money.books import set_bank
        from interceptor.centre.money.terms import BankKind
        from interceptor.commands.centre.acting import acting

        with acting(book, by, at) as desk:
            if kind not in set(BankKind):
                raise UsageError(f"--kind {kind!r}: write {', '.join(BankKind)}")
            set_bank(desk.book, name, BankKind(kind), by=desk.by, at_ms=desk.at_ms)
        return done({"bank": name, "kind": kind}, f"{name} is reached {kind}", as_json=json)

    run(command)


def _on_stop(act: Any, book: Path, by: str | None, at: str | None, as_json: bool) -> None:
    """Does an act that gives a Stop, and says how that stands now."""

    def command() -> int:
        from interceptor.commands.centre.acting import acting
        from interceptor.commands.centre.money_tables import as_object, told

        with acting(book, by, at) as desk:
            found = act(desk)
        return done(as_object(found), told(found), as_json=as_json)

    run(command)


def _paid(paid_at: str | None, minutes_ago: float | None, at_ms: int) -> int:
    if paid_at is not None and minutes_ago is None:
        return moment(paid_at, "--paid-at")
    if minutes_ago is None or paid_at is not None:
        raise UsageError("when was the last transfer? Give --paid-at or --minutes-ago, one of them")
    if not 0 <= minutes_ago * 60_000 <= at_ms:  # not a number isn't, either
        raise UsageError(f"--minutes-ago {minutes_ago}: no span of time")
    return at_ms - round(minutes_ago * 60_000)
