"""What tests of stopped money share: a victim's payment of 20,000 yuan, its report, a stop, a freeze.

Enters: a book. Leaves: acts in it. Invariant: nothing here asserts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from interceptor.centre.book import Book
from interceptor.centre.money import alerts, freezing, stopping
from interceptor.centre.money.books import register
from interceptor.centre.money.matching import Claim
from interceptor.centre.money.stops import Stop
from interceptor.centre.money.system import MoneySystem
from interceptor.centre.money.terms import Source
from interceptor.centre.orders import Order, Verb, since
from interceptor.schema import Kind, rule_key
from tests.centre_desk import HOUR, MINUTE, T0, new_book, seen

PAYER, MULE, DEEPER = 0xA000_0000_0000_0001, 0xF000_0000_0000_0001, 0xF000_0000_0000_0002
TX = 0xE000_0000_0000_0001
VICTIM = 8613905541234
NAME = rule_key("张三")
PAID = T0 - 12 * MINUTE
CLAIM = Claim(PAYER, MULE, 2_000_000, PAID, TX, NAME, "Bank of A")
BY: dict[str, Any] = {"by": "officer", "at_ms": T0}
Act = Callable[[], object]


def pay(book: Book, tx: int = TX, **more: Any) -> None:
    event = {
        "event_id": tx, "kind": Kind.TRANSFER, "ts_ms": PAID, "source": MULE, "payer": PAYER, "target": VICTIM,
        "amount_fen": 2_000_000,
    }  # fmt: skip
    with book.together():
        MoneySystem().take(book, seen([event | more]), T0)


def report(book: Book, claim: Claim = CLAIM, *, loss_fen: int = 3_000_000, **more: Any) -> alerts.Alert:
    given = {"reporter": VICTIM, "scam_type": "brushing", "by": "110", "at_ms": T0} | more
    return alerts.report(book, loss_fen=loss_fen, claim=claim, **given)


def stopped(book: Book, balance_fen: int = 2_500_000) -> Stop:
    found = stopping.request_stop(book, alert=report(book).id, source=Source.ALERT, **BY)
    return stopping.executed(book, found.id, balance_fen, by="bank", at_ms=T0 + 6 * MINUTE)


def frozen(book: Book, **more: Any) -> Stop:
    return freezing.freeze(book, stopped(book).id, finding="7", by="officer", at_ms=T0 + HOUR, **more)


def orders_of(book: Book, verb: Verb) -> list[Order]:
    return [order for order in since(book.db) if order.verb is verb]


def victims_book(folder: Path) -> Book:
    """Where the payment is known, and who holds the two accounts."""
    book = new_book(folder)
    pay(book)
    register(book, [(MULE, NAME, "Bank of A"), (DEEPER, rule_key("李四"), "Bank of B")], **BY)
    return book
