"""Money that goes back: to victims, to each his part, and to whoever paid in vain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.centre.book import Book
from interceptor.centre.money import alerts, freezing, reading, returning, stopping
from interceptor.centre.money.returning import pro_rata
from interceptor.centre.money.stops import one
from interceptor.centre.money.terms import Source, State
from interceptor.centre.orders import Verb
from tests.centre_desk import DAY, HOUR, MINUTE, T0, refused
from tests.money_desk import (
    BY,
    CLAIM,
    DEEPER,
    PAID,
    PAYER,
    TX,
    VICTIM,
    Act,
    frozen,
    orders_of,
    pay,
    report,
    stopped,
    victims_book,
)


@pytest.fixture
def book(tmp_path: Path) -> Any:
    with victims_book(tmp_path) as made:
        yield made
        assert made.audit.verify() is None


def test_what_was_frozen_goes_back_to_the_victim(book: Book) -> None:
    found = frozen(book)
    later = {"by": "officer", "at_ms": T0 + DAY}
    assert returning.give_back(book, found.id, **later) == [(1, 2_000_000)]
    (order,) = orders_of(book, Verb.RETURN_MONEY)
    assert (order.thing.key if order.thing else 0, order.ref) == (PAYER, f"{found.ref} alert:1")
    assert one(book.db, found.id).state is State.RETURNED
    assert orders_of(book, Verb.RELEASE)
    refused(book, "wrong-state", lambda: returning.give_back(book, found.id, **later))
    assert reading.counts(book, T0 + DAY, T0 + 2 * DAY)["returned_fen"] == 2_000_000


def test_no_more_goes_back_than_was_lost_or_is_there_or_is_his(book: Book) -> None:
    found = stopped(book)
    pay(book, TX + 1, ts_ms=PAID, payer=PAYER + 9)
    other = report(
        book, replace(CLAIM, tx=TX + 1, payer=PAYER + 9), loss_fen=400_000, reporter=VICTIM + 1
    )  # he had rebates: his loss is less than his last payment
    stopping.request_stop(book, alert=other.id, by="officer", at_ms=T0 + HOUR)
    freezing.freeze(book, found.id, finding="7", amount_fen=1_500_000, by="officer", at_ms=T0 + HOUR)
    later = {"by": "officer", "at_ms": T0 + DAY}
    parts = [(share.alert, share.share_fen) for share in returning.shares(book.db, one(book.db, found.id))]
    assert parts == [(1, 1_250_000), (2, 250_000)]  # 2,000,000 : 400,000 traced
    wrong: list[tuple[str, Act]] = [
        ("no-claim", lambda: returning.give_back(book, found.id, alert=9, **later)),
        ("whose", lambda: returning.give_back(book, found.id, amount_fen=5, **later)),
        ("nothing-owed", lambda: returning.give_back(book, found.id, alert=1, amount_fen=0, **later)),
        ("more-than-lost", lambda: returning.give_back(book, found.id, alert=2, amount_fen=400_001, **later)),
        ("more-than-share", lambda: returning.give_back(book, found.id, alert=2, amount_fen=250_001, **later)),
    ]
    for code, act in wrong:
        refused(book, code, act)
    assert returning.give_back(book, found.id, alert=2, **later) == [(2, 250_000)]
    refused(book, "nothing-owed", lambda: returning.give_back(book, found.id, alert=2, **later))
    assert returning.give_back(book, found.id, **later) == [(1, 1_250_000)]
    assert one(book.db, found.id).state is State.RETURNED


def test_what_nobody_has_claimed_yet_stays_frozen(book: Book) -> None:
    found = frozen(book, amount_fen=2_500_000)
    later = {"by": "officer", "at_ms": T0 + DAY}
    assert returning.give_back(book, found.id, **later) == [(1, 2_000_000)]
    assert one(book.db, found.id).state is State.FROZEN
    refused(book, "nothing-owed", lambda: returning.give_back(book, found.id, **later))


def test_a_frozen_account_without_victims_returns_nothing(book: Book) -> None:
    case = report(book).case
    found = stopping.request_stop(book, DEEPER, case=case, layer=2, source=Source.TRACE, **BY)
    stopping.executed(book, found.id, 500, **BY)
    freezing.freeze(book, found.id, finding="7", **BY)
    refused(book, "nothing-owed", lambda: returning.give_back(book, found.id, **BY))


def test_what_came_in_after_the_stop_is_sent_back(book: Book) -> None:
    found = stopped(book)
    pay(book, TX + 7, ts_ms=T0 + HOUR, payer=PAYER + 7, amount_fen=900)
    later = {"by": "officer", "at_ms": T0 + 2 * HOUR}
    refused(book, "before-the-stop", lambda: returning.refund(book, found.id, TX, **later))
    refused(book, "unknown-payment", lambda: returning.refund(book, found.id, 12345, **later))
    assert returning.refund(book, found.id, TX + 7, **later) == 900
    refused(book, "already-refunded", lambda: returning.refund(book, found.id, TX + 7, **later))
    assert reading.counts(book, T0, T0 + DAY)["refunded_fen"] == 900
    assert reading.counts(book, T0, T0 + DAY)["returned_fen"] == 0


@given(st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 50), st.integers(0, 300)), max_size=6))
def test_sharing_gives_all_there_is_and_nobody_too_much(total: int, claims: list[tuple[int, int]]) -> None:
    weights, most = [claim[0] for claim in claims], [claim[1] for claim in claims]
    parts = pro_rata(total, weights, most)
    assert all(0 <= part <= cap for part, cap in zip(parts, most, strict=True))
    assert sum(parts) == min(total, sum(cap for weight, cap in claims if weight))
    for part, weight, cap in zip(parts, weights, most, strict=True):  # nobody has more than by weight, unless full
        for other, by, full in zip(parts, weights, most, strict=True):
            assert other == full or (part - 1) * by <= (other + 1) * weight or part == 0 or not by, (cap, full)


def test_sharing_by_weights() -> None:
    assert pro_rata(100, [1, 1, 1], [100, 100, 100]) == [34, 33, 33]
    assert pro_rata(50, [60, 60], [10, 100]) == [10, 40]
    assert pro_rata(500, [60, 60], [10, 100]) == [10, 100]
    assert pro_rata(10, [0, 5], [10, 10]) == [0, 10]
    assert pro_rata(0, [1, 2], [3, 3]) == [0, 0]
    assert pro_rata(7, [], []) == []


def test_what_the_victims_bank_took_back_is_open_no_more(book: Book) -> None:
    stop = frozen(book)
    found = alerts.cancelled(book, 1, 1_000_000, by="bank", at_ms=T0 + 2 * HOUR)
    assert (found.open_fen, found.cancelled_ms) == (2_000_000, T0 + 2 * HOUR)
    assert [share.owed_fen for share in returning.shares(book.db, stop)] == [2_000_000]
    refused(book, "already-cancelled", lambda: alerts.cancelled(book, 1, 5, by="bank", at_ms=T0 + 3 * HOUR))
    assert reading.counts(book, T0, T0 + DAY)["cancelled_fen"] == 1_000_000


def test_the_largest_loss_and_what_was_saved_of_it_soon(book: Book) -> None:
    frozen(book)  # stopped after 6 minutes, 20,000 yuan traced
    span = T0, T0 + DAY
    assert {name: reading.counts(book, *span)[name] for name in ("largest_loss_fen", "largest_saved_fen")} == {
        "largest_loss_fen": 3_000_000, "largest_saved_fen": 2_000_000,
    }  # fmt: skip
    alerts.cancelled(book, 1, 500_000, by="bank", at_ms=T0 + 10 * MINUTE)
    assert reading.counts(book, *span)["largest_saved_fen"] == 2_500_000
    assert reading.counts(book, T0 + DAY, T0 + 2 * DAY)["largest_loss_fen"] == 0


def test_what_came_back_later_was_not_saved_soon(book: Book) -> None:
    report(book)
    alerts.cancelled(book, 1, 3_000_000, by="bank", at_ms=T0 + 16 * MINUTE)
    assert reading.counts(book, T0, T0 + DAY)["largest_saved_fen"] == 0
