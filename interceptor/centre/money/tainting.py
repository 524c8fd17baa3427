"""Accounts into which a victim's money was traced.

Enters: what a trace found, account by account. Leaves: requests to stop them, how much of whose money is in each.
Invariant: an account is asked for only where enough of it, or enough in all, is victims' money (T10).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from interceptor.centre.book import Act, Book
from interceptor.centre.cases.timeline import current
from interceptor.centre.money import alerts
from interceptor.centre.money.returning import pro_rata
from interceptor.centre.money.stopping import PAPERS, REMEDY, request_stop
from interceptor.centre.money.stops import TAINTED, Stop, one, open_on, taint
from interceptor.centre.money.terms import DESK, TERMS, BankDesk, MoneyTerms, Source
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused

REASON = "Money of a reported fraud was traced into this account."


@dataclass(frozen=True, slots=True)
class Traced:
    """`layer`: 1 = paid into by the victim; `tainted_fen` of his money are in the account, which is `share` of all that
    is in it."""

    account: int
    layer: int
    tainted_fen: int
    share: float


def enough(found: Traced, terms: MoneyTerms = TERMS) -> bool:
    """Is there reason to stop the account?"""
    if found.layer > terms.layers_max or found.tainted_fen < terms.taint_least_fen:
        return False
    return found.share >= terms.taint_share or found.tainted_fen >= terms.taint_fen


def tainted(
    book: Book, case: int, traced: Iterable[Traced], *, alert: int | None = None, terms: MoneyTerms = TERMS,
    desk: BankDesk = DESK, by: str, at_ms: int,
) -> list[Stop]:  # fmt: skip
    """Asks for stops of these accounts where there is enough (T10), lists them until the bank answers, and notes whose
    money is there: of one alert, else of all alerts of the case by their losses. Those that may not be stopped any
    more are left out, which the log says. Gives the stops, old and new. Raises Refused."""
    with book.act("money.tainted", f"case:{case}", by, at_ms) as act:
        act.note(alert=alert)
        case = current(act.db, case)
        victims = [alerts.one(act.db, alert)] if alert is not None else alerts.of_case(act.db, case)
        stops = []
        for found in filter(lambda found: enough(found, terms), traced):
            stop = open_on(act.db, found.account)
            if stop is None or (stop.until_ms is not None and stop.until_ms <= at_ms):
                try:
                    stop = request_stop(
                        book, found.account, case=case, layer=found.layer, source=Source.TRACE, terms=terms,
                        desk=desk, by=by, at_ms=at_ms,
                    )  # fmt: skip
                except Refused:
                    continue
            losses = [victim.loss_fen for victim in victims]
            for victim, fen in zip(victims, pro_rata(found.tainted_fen, losses, losses), strict=True):
                taint(act, stop.id, victim.id, fen)
            if stop.executed_ms is None:
                _list(act, stop, at_ms, terms)
            stops.append(one(act.db, stop.id))
        act.note(stops=[stop.id for stop in stops])
    return stops


def _list(act: Act, stop: Stop, at_ms: int, terms: MoneyTerms) -> None:
    order(
        act, Verb.PUT_ON_LIST, stop.account, at_ms, list=TAINTED, until_ms=at_ms + terms.taint_listed_ms,
        reason=REASON, remedy=REMEDY, papers=PAPERS, ref=stop.ref,
    )  # fmt: skip
