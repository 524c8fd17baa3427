"""Money goes back: to victims from what was frozen, to whoever paid into an account that couldn't pay any more.

Enters: a decision of police. Leaves: acts in the book, orders to the bank. Invariants: no victim gets more than he
lost, over all accounts; no account gives more than was frozen in it; several victims share by what was traced of each.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from interceptor.centre.book import Act, Book
from interceptor.centre.cases.terms import Party
from interceptor.centre.cases.timeline import enter
from interceptor.centre.money import alerts
from interceptor.centre.money.books import account_of, payment
from interceptor.centre.money.stops import Stop, biting, lift, taints_of
from interceptor.centre.money.terms import State, yuan
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused
from interceptor.centre.signed import signed


@dataclass(frozen=True, slots=True)
class Share:
    """What a victim may have from one account: `share_fen` of what is left there, by what was traced of his money;
    never more than `owed_fen`, his loss less what he got back."""

    alert: int
    tainted_fen: int
    owed_fen: int
    share_fen: int


def give_back(
    book: Book, stop_id: int, *, alert: int | None = None, amount_fen: int | None = None, by: str, at_ms: int
) -> list[tuple[int, int]]:
    """Returns what was frozen to all victims, to each his share, or to one; gives (alert, fen). The account pays again
    once all of it went back; what nobody has claimed yet stays frozen. Raises Refused."""
    with book.act("money.return", f"stop:{stop_id}", by, at_ms) as act:
        act.note(alert=alert, amount_fen=amount_fen)
        found = biting(act, stop_id, at_ms, State.FROZEN)
        paid = [(share.alert, fen) for share, fen in _wanted(shares(act.db, found), alert, amount_fen) if fen]
        if not paid:
            raise Refused("nothing-owed", f"nobody has a claim to what is frozen by stop {stop_id}")
        for alert_id, fen in paid:
            _pay(act, found, alert_id, fen, by, at_ms)
        act.note(returned=dict(paid))
        if _returned(act.db, "stop_id", stop_id) == found.frozen_fen:
            lift(act, found, State.RETURNED, at_ms, "What was frozen went back to victims.")
    return paid


def refund(book: Book, stop_id: int, tx: int, *, by: str, at_ms: int) -> int:
    """Sends a payment back that came in after the account was stopped, when it could only lie there; gives the fen.
    Raises Refused."""
    with book.act("money.refund", f"stop:{stop_id}", by, at_ms) as act:
        act.note(tx=tx)
        found = biting(act, stop_id, at_ms)
        paid = payment(act.db, tx)
        if paid is None or paid.payee != found.account.key:
            raise Refused("unknown-payment", f"the books have no payment {tx} into this account")
        if paid.at_ms < (found.executed_ms or 0):
            raise Refused("before-the-stop", "the payment came in before the stop: victims share what was there then")
        if act.db.execute("SELECT count(*) FROM given_back WHERE tx = ?", (signed(tx),)).fetchone()[0]:
            raise Refused("already-refunded", f"payment {tx} was sent back already")
        act.db.execute(
            "INSERT INTO given_back (stop_id, tx, at_ms, amount_fen) VALUES (?, ?, ?, ?)",
            (stop_id, signed(tx), at_ms, paid.amount_fen),
        )
        words = f"{yuan(paid.amount_fen)} that came in after the stop go back"
        order(act, Verb.RETURN_MONEY, account_of(paid.payer), at_ms, reason=words, ref=f"{found.ref} payment:{tx}")
        enter(act, found.case, Party.POLICE, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)
    return paid.amount_fen


def shares(db: sqlite3.Connection, found: Stop) -> list[Share]:
    """Of all victims of an account, in the order of their alerts. Whoever had his part first, or nothing yet: the parts
    are the same."""
    taints = taints_of(db, found.id)
    owed = [max(0, alerts.one(db, alert).open_fen - _returned(db, "alert_id", alert)) for alert in taints]
    had = [_returned(db, "stop_id", found.id, alert) for alert in taints]
    traced = list(taints.values())
    most = [min(fen, o + h) for fen, o, h in zip(traced, owed, had, strict=True)]
    open_fen = [max(0, part - h) for part, h in zip(pro_rata(found.frozen_fen, traced, most), had, strict=True)]
    left = found.frozen_fen - _returned(db, "stop_id", found.id)
    parts = pro_rata(left, open_fen, open_fen)  # less than that where a victim came after others had theirs
    return [Share(*values) for values in zip(taints, traced, owed, parts, strict=True)]


def pro_rata(total: int, weights: Sequence[int], most: Sequence[int]) -> list[int]:
    """`total` shared by weights, to each `most` at most; what one can't take goes to the others. Whole fen: the largest
    rests get the odd ones."""
    parts, left, takers = [0] * len(weights), max(0, total), [n for n, w in enumerate(weights) if w > 0]
    while takers:
        weight = sum(weights[n] for n in takers)
        full = [n for n in takers if left * weights[n] >= most[n] * weight]
        if not full:
            break
        for n in full:
            parts[n] = most[n]
        takers = [n for n in takers if n not in full]
        left = max(0, total - sum(parts))
    if takers:
        rests = sorted(takers, key=lambda n: (-(left * weights[n] % weight), n))
        for n in takers:
            parts[n] = left * weights[n] // weight
        for n in rests[: left - sum(parts[n] for n in takers)]:
            parts[n] += 1
    return parts


def _wanted(found: list[Share], alert: int | None, amount_fen: int | None) -> list[tuple[Share, int]]:
    if alert is None:
        if amount_fen is not None:
            raise Refused("whose", "a sum is returned to somebody", "name the victim's alert by --alert")
        return [(share, share.share_fen) for share in found]
    mine = next((share for share in found if share.alert == alert), None)
    if mine is None:
        raise Refused("no-claim", f"no money of alert {alert} was traced into this account")
    fen = mine.share_fen if amount_fen is None else amount_fen
    if fen <= 0:
        raise Refused("nothing-owed", f"alert {alert} has no claim to what is frozen here")
    if fen > mine.owed_fen:
        raise Refused("more-than-lost", f"{yuan(mine.owed_fen)} of the victim's loss are open, not {yuan(fen)}")
    if fen > mine.share_fen:
        raise Refused("more-than-share", f"the victim's share of what is frozen here is {yuan(mine.share_fen)}")
    return [(mine, fen)]


def _pay(act: Act, found: Stop, alert_id: int, fen: int, by: str, at_ms: int) -> None:
    act.db.execute(
        "INSERT INTO given_back (stop_id, alert_id, at_ms, amount_fen) VALUES (?, ?, ?, ?)",
        (found.id, alert_id, at_ms, fen),
    )
    alert = alerts.one(act.db, alert_id)
    words = f"{yuan(fen)} go back to the victim of alert {alert_id}"
    order(
        act, Verb.RETURN_MONEY, account_of(alert.claim.payer), at_ms, reason=words, ref=f"{found.ref} alert:{alert_id}"
    )
    enter(act, found.case, Party.POLICE, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)


def _returned(db: sqlite3.Connection, column: str, of: int, alert: int | None = None) -> int:
    """Fen that victims had back: from one stop, of one alert, or both."""
    also, values = (" AND alert_id = ?", [alert]) if alert is not None else ("", [])
    found = db.execute(
        f"SELECT total(amount_fen) FROM given_back WHERE {column} = ? AND alert_id IS NOT NULL{also}", (of, *values)
    )
    return int(found.fetchone()[0])
