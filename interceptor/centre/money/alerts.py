"""Victims' reports: who lost how much, and the last transfer.

Enters: what a victim tells the centre. Leaves: an alert, and a case about the account that was paid. Invariant: an
alert is what was said; whether it is so is asked when somebody wants the account stopped.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from interceptor.centre.book import Act, Book
from interceptor.centre.cases.opening import open_or_join
from interceptor.centre.cases.terms import CaseKind, Party, Urgency
from interceptor.centre.cases.timeline import enter, parts_of
from interceptor.centre.money.books import account_of
from interceptor.centre.money.matching import Claim
from interceptor.centre.money.terms import MINUTE_MS, yuan
from interceptor.centre.refusal import Refused
from interceptor.centre.signed import signed, unsigned

_COLUMNS = (
    "id, at_ms, reporter, scam_type, loss_fen, text, case_id, payer, payee, amount_fen, paid_ms, tx, holder, bank,"
    " cancelled_fen, cancelled_ms"
)


@dataclass(frozen=True, slots=True)
class Alert:
    """`reporter`: the victim's phone number; `claim`: the last transfer, as he knows it; `cancelled_fen`: of his
    payments, what his bank still delayed and took back at `cancelled_ms`."""

    id: int
    at_ms: int
    reporter: int
    scam_type: str
    loss_fen: int
    text: str
    case: int
    claim: Claim
    cancelled_fen: int = 0
    cancelled_ms: int | None = None

    @property
    def open_fen(self) -> int:
        """What the victim is without after his own bank took back what it could."""
        return self.loss_fen - self.cancelled_fen

    @property
    def minutes_since(self) -> float:
        """From the last transfer to the report."""
        return (self.at_ms - self.claim.paid_ms) / MINUTE_MS


def report(
    book: Book, *, reporter: int, scam_type: str, loss_fen: int, claim: Claim, text: str = "", by: str, at_ms: int
) -> Alert:
    """Takes a victim's report down; his loss includes the last transfer. Raises Refused."""
    with book.act("money.report", str(account_of(claim.payee)), by, at_ms) as act:
        act.note(reporter=reporter, scam_type=scam_type, loss_fen=loss_fen, paid_ms=claim.paid_ms)
        _check(act.db, reporter, loss_fen, claim, at_ms)
        minutes = (at_ms - claim.paid_ms) // MINUTE_MS
        case_id = open_or_join(
            book, CaseKind.MONEY, (account_of(claim.payee),),
            f"{scam_type or 'a fraud'}: {yuan(loss_fen)} lost, the last {yuan(claim.amount_fen)} {minutes} minutes ago",
            citizens=(reporter,), party=Party.CITIZEN, urgency=Urgency.URGENT, by=by, at_ms=at_ms,
        )  # fmt: skip
        alert = _written(act, Alert(0, at_ms, reporter, scam_type, loss_fen, text, case_id, claim))
        act.about = f"alert:{alert.id}"
        act.note(case=case_id, account=str(account_of(claim.payee)))
    return alert


def amend(
    book: Book, alert_id: int, *, scam_type: str | None = None, loss_fen: int | None = None, text: str | None = None,
    by: str, at_ms: int,
) -> Alert:  # fmt: skip
    """What is known later: the kind of scam, the whole loss, more of the story. The last transfer stays as it was
    reported. Raises Refused."""
    with book.act("money.amend", f"alert:{alert_id}", by, at_ms) as act:
        before = one(act.db, alert_id)
        told = {"scam_type": scam_type, "loss_fen": loss_fen, "text": text}
        told = {name: value for name, value in told.items() if value is not None}
        act.note(**told, was={name: getattr(before, name) for name in told})
        if not told:
            raise Refused("nothing-new", "what is known now? The kind of scam, the loss or the story")
        if loss_fen is not None and loss_fen <= 0:
            raise Refused("no-loss", "nothing was lost: the loss is a sum above 0")
        if at_ms < before.at_ms:
            raise Refused("out-of-order", f"alert {alert_id} was made later than that")
        names = ", ".join(f"{name} = ?" for name in told)
        act.db.execute(f"UPDATE alerts SET {names} WHERE id = ?", (*told.values(), alert_id))
        return one(act.db, alert_id)


def cancelled(book: Book, alert_id: int, amount_fen: int, *, by: str, at_ms: int) -> Alert:
    """The victim's bank has taken back what it still delayed. Raises Refused."""
    with book.act("money.cancelled", f"alert:{alert_id}", by, at_ms) as act:
        act.note(fen=amount_fen)
        alert = one(act.db, alert_id)
        if alert.cancelled_ms is not None:
            raise Refused(
                "already-cancelled", f"of alert {alert_id}, {yuan(alert.cancelled_fen)} were taken back before"
            )
        if not 0 < amount_fen <= alert.loss_fen:
            raise Refused("wrong-sum", f"{yuan(amount_fen)} isn't part of a loss of {yuan(alert.loss_fen)}")
        if at_ms < alert.at_ms:
            raise Refused("out-of-order", f"alert {alert_id} was made later than that")
        what = f"{yuan(amount_fen)} of payments that were still delayed went back to the victim"
        enter(act, alert.case, Party.BANK, what, by=by, at_ms=at_ms)
        act.db.execute(
            "UPDATE alerts SET cancelled_fen = ?, cancelled_ms = ? WHERE id = ?", (amount_fen, at_ms, alert_id)
        )
        return one(act.db, alert_id)


def between(db: sqlite3.Connection, from_ms: int, to_ms: int) -> list[Alert]:
    """Those reported in [from, to), in order: what a bulletin tells by kind of scam, loss and victim."""
    found = db.execute(f"SELECT {_COLUMNS} FROM alerts WHERE at_ms >= ? AND at_ms < ? ORDER BY id", (from_ms, to_ms))
    return [_alert(row) for row in found]


def one(db: sqlite3.Connection, alert_id: int) -> Alert:
    """Raises Refused where there is none."""
    found = db.execute(f"SELECT {_COLUMNS} FROM alerts WHERE id = ?", (alert_id,)).fetchone()
    if found is None:
        raise Refused("no-such-alert", f"there is no alert {alert_id}", "`interceptor centre money alerts` has them")
    return _alert(found)


def listing(db: sqlite3.Connection, last: int = 100) -> list[Alert]:
    """The latest first."""
    found = db.execute(f"SELECT {_COLUMNS} FROM alerts ORDER BY id DESC LIMIT ?", (last,))
    return [_alert(row) for row in found]


def of_case(db: sqlite3.Connection, case_id: int) -> list[Alert]:
    """Those of a case and of the cases that were merged into it."""
    parts = parts_of(db, case_id)
    found = db.execute(
        f"SELECT {_COLUMNS} FROM alerts WHERE case_id IN ({', '.join('?' * len(parts))}) ORDER BY id", parts
    )
    return [_alert(row) for row in found]


def reported(db: sqlite3.Connection, reporter: int, payee: int, tx: int, paid_ms: int) -> int | None:
    """The alert of the same victim about the same payment, if there is one."""
    found = db.execute(
        "SELECT id FROM alerts WHERE reporter = ? AND payee = ? AND (tx = ? AND tx != 0 OR paid_ms = ?)",
        (signed(reporter), signed(payee), signed(tx), paid_ms),
    ).fetchone()
    return int(found[0]) if found else None


def _check(db: sqlite3.Connection, reporter: int, loss_fen: int, claim: Claim, at_ms: int) -> None:
    if not reporter:
        raise Refused("no-reporter", "who reports it? A phone number is wanted")
    if not claim.payer or not claim.payee:
        raise Refused("no-account", "the accounts of payer and payee are wanted")
    if not 0 <= claim.tx < 1 << 64:
        raise Refused("no-transfer", f"{claim.tx}: no transfer has this number")
    if claim.payer == claim.payee:
        raise Refused("same-account", "nobody is cheated by paying himself")
    if claim.amount_fen <= 0 or loss_fen <= 0:
        raise Refused("no-loss", "nothing was lost: loss and last transfer are sums above 0")
    if claim.paid_ms > at_ms:
        raise Refused("in-the-future", "the last transfer would be later than its report")
    earlier = reported(db, reporter, claim.payee, claim.tx, claim.paid_ms)
    if earlier is not None:
        raise Refused("already-reported", f"alert {earlier} is the same victim's about the same transfer")


def _written(act: Act, alert: Alert) -> Alert:
    claim = alert.claim
    values = (
        alert.at_ms, signed(alert.reporter), alert.scam_type, alert.loss_fen, alert.text, alert.case,
        signed(claim.payer), signed(claim.payee), claim.amount_fen, claim.paid_ms, signed(claim.tx),
        signed(claim.holder), claim.bank, alert.cancelled_fen, alert.cancelled_ms,
    )  # fmt: skip
    marks = ", ".join("?" * len(values))
    made = act.db.execute(f"INSERT INTO alerts ({_COLUMNS}) VALUES (NULL, {marks})", values)
    return one(act.db, int(made.lastrowid or 0))


def _alert(row: tuple) -> Alert:  # type: ignore[type-arg]
    id_, at_ms, reporter, scam_type, loss_fen, text, case_id = row[:7]
    payer, payee, amount_fen, paid_ms, tx, holder, bank, *cancelled = row[7:]
    claim = Claim(unsigned(payer), unsigned(payee), amount_fen, paid_ms, unsigned(tx), unsigned(holder), bank)
    return Alert(id_, at_ms, unsigned(reporter), scam_type, loss_fen, text, case_id, claim, *cancelled)
