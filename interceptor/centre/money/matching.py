"""Does what a victim says fit what stands in the books?

Enters: a victim's words about one payment. Leaves: the payment, or a refusal that names what differs. Invariant: a
bank must refuse to stop an account if name, account, amount or time don't match (notice of 2016), and so does the
centre, before it asks.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from interceptor.centre.money.books import Payment, holding, payment, payments_into
from interceptor.centre.money.terms import MINUTE_MS, MoneyTerms, yuan
from interceptor.centre.refusal import Refused
from interceptor.local_time import clock

_HINT = "ask the victim for the bank's own record of the transfer"


@dataclass(frozen=True, slots=True)
class Claim:
    """A payment as the victim knows it. `tx` 0 = without its number; `holder`: the payee's name as rule_key has it, 0 =
    not known; `bank`: the payee's, "" = not known."""

    payer: int
    payee: int
    amount_fen: int
    paid_ms: int
    tx: int = 0
    holder: int = 0
    bank: str = ""


def match(db: sqlite3.Connection, claim: Claim, terms: MoneyTerms) -> tuple[Payment, bool]:
    """The payment, and whether the holder's name is known and fits; where it isn't known, the bank has to say. Raises
    Refused."""
    found = payment(db, claim.tx) if claim.tx else _nearest(db, claim)
    if found is None:
        raise Refused("unknown-payment", "the books of the last days have no such payment", _HINT)
    if found.payee != claim.payee:
        raise Refused("account-differs", "the payment went to another account than the victim says", _HINT)
    if found.payer != claim.payer:
        raise Refused("payer-differs", "the payment came from another account than the victim says", _HINT)
    if abs(found.amount_fen - claim.amount_fen) > terms.amount_tolerance_fen:
        raise Refused(
            "amount-differs", f"the payment was {yuan(found.amount_fen)}, not {yuan(claim.amount_fen)}", _HINT
        )
    apart = abs(found.at_ms - claim.paid_ms)
    if apart > terms.time_tolerance_ms:
        raise Refused(
            "time-differs",
            f"the payment was at {clock(found.at_ms):%Y-%m-%d %H:%M}, {apart // MINUTE_MS} minutes off;"
            f" {terms.time_tolerance_ms // MINUTE_MS} are allowed",
            _HINT,
        )
    return found, _holder_fits(db, claim)


def _nearest(db: sqlite3.Connection, claim: Claim) -> Payment | None:
    """From payer to payee: the amount is more telling than the time."""
    between = [p for p in payments_into(db, claim.payee) if p.payer == claim.payer]
    return min(
        between, key=lambda p: (p.amount_fen != claim.amount_fen, abs(p.at_ms - claim.paid_ms), p.tx), default=None
    )


def _holder_fits(db: sqlite3.Connection, claim: Claim) -> bool:
    known = holding(db, claim.payee)
    if known.bank and claim.bank and known.bank != claim.bank:
        raise Refused("bank-differs", f"the account is at {known.bank}, not at {claim.bank}", _HINT)
    if not known.holder:
        return False
    if not claim.holder:
        raise Refused("no-name", "the holder's name is wanted, as the victim's bank shows it", _HINT)
    if known.holder != claim.holder:
        raise Refused("name-differs", "the account is held under another name than the victim says", _HINT)
    return True
