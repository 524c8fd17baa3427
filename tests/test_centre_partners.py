"""Whose account was stopped in the simulated city: honest holders appeal at their own time, officers decide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from interceptor.centre.book import Book
from interceptor.centre.cards import acts as cards
from interceptor.centre.cards.card import Grade
from interceptor.centre.citizens import appeals
from interceptor.centre.citizens.reading import counts
from interceptor.centre.money import reading, stopping
from interceptor.centre.money.stops import one
from interceptor.centre.money.terms import Source
from interceptor.centre.orders import since
from interceptor.centre.sites.likeness import Official
from interceptor.centre.things import Thing
from interceptor.commands.centre.partners import Partners, Rhythm
from interceptor.schema import Subject
from simulator.answers import Answers, Stopped
from tests.centre_desk import DAY, HOUR, MINUTE, T0
from tests.money_desk import BY, MULE, report, victims_book


class City:
    """Banks answer after five minutes; `mule`: what is true of every account."""

    seed = 3

    def __init__(self, *, mule: bool) -> None:
        self.mule, self.released = mule, list[int]()

    def alerts(self, _: int) -> tuple[()]:
        return ()

    def stopped_ms(self, _account: int, _layer: int, asked_ms: int) -> int:
        return asked_ms + 5 * MINUTE

    def stop(self, _: int) -> Stopped:
        return Stopped(2_500_000, 2_000_000 * self.mule, self.mule)

    def is_mule(self, _: int) -> bool:
        return self.mule

    def owner_comes(self, _: int) -> bool:
        return not self.mule

    def kept_fen(self, _: int) -> int:
        return 2_000_000 * self.mule

    def proven_fen(self, _: int) -> int:
        return 2_100_000 * self.mule

    def release(self, account: int, _: int) -> None:
        self.released.append(account)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return victims_book(tmp_path)


def _live(book: Book, city: City, until_ms: int, act: Callable[[], Any], **rhythm: Any) -> Partners:
    """Ten minutes by ten, from an act on."""
    partners = Partners(book, cast(Answers, city), Official.of([]), Rhythm(**rhythm))
    act()
    heard = 0
    for now_ms in range(T0, until_ms, 10 * MINUTE):
        partners.due(now_ms)
        for order in list(since(book.db, heard)):
            heard = order.id
            partners.hear(order)
    return partners


def _stop(book: Book) -> None:
    stopping.request_stop(book, alert=report(book).id, source=Source.ALERT, **BY)


def test_an_honest_holder_appeals_and_has_the_account_back_at_once(book: Book) -> None:
    city, rhythm = City(mule=False), Rhythm()
    _live(book, city, T0 + 10 * HOUR, lambda: _stop(book), appealed=1.0)
    (appeal,) = appeals.listing(book.db)
    stop = one(book.db, 1)
    low, high = rhythm.appeal_hours
    assert low * HOUR <= appeal.filed_ms - (stop.executed_ms or 0) <= high * HOUR
    assert (appeal.outcome, appeal.by, appeal.decider) == ("upheld", "holder", "officer")
    assert appeal.decided_ms - appeal.filed_ms == rhythm.appeal_decided_hours * HOUR
    assert (stop.state, stop.wrongly, stop.ended_ms) == ("released", True, appeal.decided_ms)
    assert city.released == [MULE]
    figures = counts(book, T0, T0 + DAY)
    assert figures["median_minutes_to_lift"] == 120
    assert figures["median_minutes_blocked"] == round((appeal.decided_ms - appeal.blocked_ms) / MINUTE, 2)
    assert reading.counts(book, T0, T0 + DAY)["minutes_to_lift"] == stop.minutes_to_lift


def test_who_doesnt_appeal_is_found_honest_when_police_decide(book: Book) -> None:
    city = City(mule=False)
    _live(book, city, T0 + 2 * DAY, lambda: _stop(book), appealed=0.0)
    stop = one(book.db, 1)
    assert (stop.state, stop.wrongly) == ("released", True)
    assert (stop.ended_ms or 0) - (stop.executed_ms or 0) == Rhythm().decided_hours * HOUR
    assert appeals.listing(book.db) == []


def test_a_mule_that_appeals_is_refused_and_frozen_later(book: Book) -> None:
    _live(book, City(mule=True), T0 + 2 * DAY, lambda: _stop(book), appealed_by_mules=1.0)
    assert [one_.outcome for one_ in appeals.listing(book.db)] == ["refused"]
    assert one(book.db, 1).state == "frozen"


def test_mules_rarely_appeal(book: Book) -> None:
    _live(book, City(mule=True), T0 + 10 * HOUR, lambda: _stop(book), appealed_by_mules=0.0)
    assert appeals.listing(book.db) == []


def test_whose_line_was_limited_wrongly_has_it_back_on_appeal(book: Book) -> None:
    line = Thing(Subject.NUMBER, 8613900000001)
    _live(
        book, City(mule=False), T0 + 10 * HOUR,
        lambda: cards.limit(book, line, why="many calls", grade=Grade.MEDIUM, **BY), appealed=1.0,
    )  # fmt: skip
    assert [one_.outcome for one_ in appeals.listing(book.db)] == ["upheld"]
    assert appeals.against(book.db, line, T0 + 10 * HOUR) == []


def test_what_was_given_back_meanwhile_is_not_appealed_against(book: Book) -> None:
    city = City(mule=False)
    partners = _live(book, city, T0 + 20 * MINUTE, lambda: _stop(book), appealed=1.0)
    stopping.release(book, 1, "the case was a false alarm", by="police", at_ms=T0 + 21 * MINUTE)
    partners.due(T0 + 12 * HOUR)
    assert appeals.listing(book.db) == []
    assert not [entry for entry in book.audit.entries() if entry.outcome == "refused"]
