"""What `interceptor centre money trace` does in a book: follow an alert through its payments, say who traced what.

Enters: options. Leaves: a table or JSON; acts. Invariant: whoever looks where somebody's money went is on the log, and
so is whom that is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from interceptor.centre.book import Book
from interceptor.centre.flow.tracing import Limits
from interceptor.centre.money import alerts
from interceptor.centre.money.alerts import Alert
from interceptor.centre.money.books import Payment, account_of, payments_into
from interceptor.centre.money.matching import match
from interceptor.centre.money.stops import Stop
from interceptor.centre.money.tainting import Traced, enough, tainted
from interceptor.centre.money.terms import TERMS, yuan
from interceptor.centre.refusal import not_before
from interceptor.commands.centre.acting import acting
from interceptor.commands.centre.flow_tools import wrong_use
from interceptor.commands.centre.tracer import traced
from interceptor.tuning.tables import Column, percent, print_json, show_table


def limits_of(layers: int, hours: float, least_fen: int, least_percent: float) -> Limits:
    """Raises UsageError."""
    with wrong_use():
        return Limits(layers, hours, least_fen, least_percent / 100)


def main(
    number: int, limits: Limits, book: Path, by: str | None, at: str | None, *, stop: bool, as_json: bool
) -> int:  # fmt: skip
    """Raises Refused, UsageError, BookError."""
    with acting(book, by, at) as desk, desk.book.act("money.trace", f"alert:{number}", desk.by, desk.at_ms) as act:
        alert = alerts.one(desk.book.db, number)
        not_before(desk.at_ms, alert.at_ms, f"alert {number} was made")
        payments = _payments(desk.book, alert)
        found = traced(desk.book.db, [paid.tx for paid in payments], limits, desk.at_ms)
        act.note(payments=[paid.tx for paid in payments], accounts=[str(account_of(one.account)) for one in found])
        stops = []
        if stop:
            stops = tainted(desk.book, alert.case, found, alert=number, by=desk.by, at_ms=desk.at_ms)
    stop_of = {one.account.key: one for one in stops}
    if as_json:
        print_json(_as_object(alert, payments, found, stop_of))
        return 0
    columns = [Column("layer", True), Column("account"), Column("came in", True), Column("share", True), Column("stop")]
    rows = [
        [str(one.layer), account_of(one.account).masked, yuan(one.tainted_fen), percent(one.share),
         _stop(one, stop_of.get(one.account))]
        for one in found
    ]  # fmt: skip
    note = "" if stop else f"`interceptor centre money trace --alert {number} --stop` asks the banks"
    lost = yuan(sum(paid.amount_fen for paid in payments))
    show_table(f"{lost} of alert {number}", columns, rows, note if rows else "It is in no account any more.")
    return 0


def noted(trace: Callable[[], int], file: Path, reports: Sequence[str], book: Path, by: str | None) -> int:
    """A trace through a file, on the log of a book. Raises what the trace raises."""
    with (
        acting(book, by, None) as desk,
        desk.book.act("money.trace", f"file:{file.name}", desk.by, desk.at_ms) as act,
    ):  # fmt: skip
        act.note(reports=list(reports))
        return trace()


def _payments(book: Book, alert: Alert) -> list[Payment]:
    """The one that the victim names, and those to the same account before it that his loss may hold. Raises
    Refused."""
    last, _ = match(book.db, alert.claim, TERMS)
    found, left = [last], alert.loss_fen - last.amount_fen
    for paid in reversed(payments_into(book.db, last.payee)):
        if paid.payer == last.payer and paid.at_ms < last.at_ms and paid.amount_fen <= left:
            found.append(paid)
            left -= paid.amount_fen
    return found[::-1]


def _stop(one: Traced, stop: Stop | None) -> str:
    if stop is not None:
        return f"stop {stop.id}: {stop.words}"
    return "to be stopped" if enough(one) else "too little"


def _as_object(
    alert: Alert, payments: list[Payment], found: list[Traced], stop_of: dict[int, Stop]
) -> dict[str, object]:
    accounts = [
        {
            "account": str(account_of(one.account)), "layer": one.layer, "tainted_fen": one.tainted_fen,
            "share": one.share, "enough": enough(one),
            "stop": stop_of[one.account].id if one.account in stop_of else None,
        }
        for one in found
    ]  # fmt: skip
    reported = [{"tx": paid.tx, "at_ms": paid.at_ms, "fen": paid.amount_fen} for paid in payments]
    return {"alert": alert.id, "case": alert.case, "payments": reported, "accounts": accounts}
