"""Victims' reports, stops and freezes: what is allowed, what is refused, what goes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interceptor.centre.book import Book
from interceptor.centre.cases import acts as cases
from interceptor.centre.cases import reading as case_reading
from interceptor.centre.cases.opening import open_or_join
from interceptor.centre.cases.terms import CaseKind, CaseTerms, Outcome
from interceptor.centre.money import alerts, freezing, reading, returning, stopping, tainting
from interceptor.centre.money.books import holding, payments_into, read_register, set_bank
from interceptor.centre.money.matching import Claim
from interceptor.centre.money.stops import one, taints_of
from interceptor.centre.money.system import MoneySystem
from interceptor.centre.money.tainting import Traced
from interceptor.centre.money.terms import BankDesk, BankKind, MoneyTerms, Source, State
from interceptor.centre.orders import FOREVER_MS, Verb, since
from interceptor.centre.refusal import Refused
from interceptor.schema import Action, Kind, Subject, Verdict, rule_key
from interceptor.schema import Outcome as Said
from tests.centre_desk import DAY, HOUR, MINUTE, T0, refused, seen
from tests.money_desk import (
    BY,
    CLAIM,
    DEEPER,
    MULE,
    NAME,
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
)  # fmt: skip


@pytest.fixture
def book(tmp_path: Path) -> Any:
    with victims_book(tmp_path) as made:
        yield made
        assert made.audit.verify() is None


# --- reports and matching ---


def test_a_report_is_an_alert_and_a_case(book: Book) -> None:
    alert = report(book)
    assert alert.minutes_since == 12
    assert alerts.one(book.db, alert.id) == alert
    file = case_reading.one(book, alert.case)
    assert [thing.key for thing in file.things] == [MULE]
    assert [citizen.key for citizen in file.citizens] == [VICTIM]
    assert file.timeline[0].what == "brushing: 30,000.00 yuan lost, the last 20,000.00 yuan 12 minutes ago"
    assert report(book, replace(CLAIM, tx=0, paid_ms=PAID - HOUR), reporter=VICTIM + 1).case == alert.case


WRONG_REPORTS: dict[str, dict[str, Any]] = {
    "no-reporter": {"reporter": 0},
    "no-account": {"claim": replace(CLAIM, payee=0)},
    "same-account": {"claim": replace(CLAIM, payer=MULE)},
    "no-loss": {"loss_fen": 0},
    "in-the-future": {"claim": replace(CLAIM, paid_ms=T0 + 1)},
}


@pytest.mark.parametrize("code", WRONG_REPORTS)
def test_wrong_reports_are_refused(book: Book, code: str) -> None:
    refused(book, code, lambda: report(book, **WRONG_REPORTS[code]))


def test_more_is_known_of_a_loss_later(book: Book) -> None:
    alert = report(book)
    later = {"by": "officer", "at_ms": T0 + HOUR}
    found = alerts.amend(book, alert.id, scam_type="loan", loss_fen=5, **later)
    assert found == replace(alert, scam_type="loan", loss_fen=5)
    assert alerts.between(book.db, T0, T0 + 1) == [found]
    assert alerts.between(book.db, T0 + 1, T0 + DAY) == []
    refused(book, "nothing-new", lambda: alerts.amend(book, alert.id, **later))
    refused(book, "no-loss", lambda: alerts.amend(book, alert.id, loss_fen=0, **later))
    refused(book, "no-such-alert", lambda: alerts.amend(book, 9, text="", **later))
    refused(book, "out-of-order", lambda: alerts.amend(book, alert.id, text="", by="x", at_ms=T0 - 1))


def test_the_same_loss_is_reported_once(book: Book) -> None:
    report(book)
    refused(book, "already-reported", lambda: report(book, at_ms=T0 + HOUR))


def test_what_matches_is_asked_of_the_bank_at_once(book: Book) -> None:
    found = stopping.request_stop(book, alert=report(book).id, **BY)
    assert (found.state, found.layer, found.bank) == (State.MATCHED, 1, "Bank of A")
    (order,) = orders_of(book, Verb.STOP)
    assert (order.thing, order.ref) == (found.account, found.ref)
    assert all((order.reason, order.remedy, order.papers))
    assert taints_of(book.db, found.id) == {1: 2_000_000}


MISMATCHES: dict[str, Claim] = {
    "unknown-payment": replace(CLAIM, tx=TX + 1),
    "account-differs": replace(CLAIM, payee=DEEPER),
    "payer-differs": replace(CLAIM, payer=PAYER + 1),
    "amount-differs": replace(CLAIM, amount_fen=2_000_001),
    "time-differs": replace(CLAIM, paid_ms=PAID - 30 * MINUTE - 1),
    "name-differs": replace(CLAIM, holder=rule_key("王五")),
    "no-name": replace(CLAIM, holder=0),
    "bank-differs": replace(CLAIM, bank="Bank of B"),
}


@pytest.mark.parametrize("code", MISMATCHES)
def test_what_doesnt_match_is_refused(book: Book, code: str) -> None:
    alert = report(book, MISMATCHES[code])
    refused(book, code, lambda: stopping.request_stop(book, alert=alert.id, **BY))
    assert reading.listing(book) == []
    assert orders_of(book, Verb.STOP) == []


def test_without_its_number_a_payment_is_found_by_accounts_amount_and_time(book: Book) -> None:
    pay(book, TX + 5, ts_ms=PAID - MINUTE, amount_fen=70_000)
    found = stopping.request_stop(book, alert=report(book, replace(CLAIM, tx=0)).id, **BY)
    assert found.state is State.MATCHED
    other = report(book, replace(CLAIM, tx=0, amount_fen=70_001), reporter=VICTIM + 1)
    refused(book, "amount-differs", lambda: stopping.request_stop(book, alert=other.id, **BY))


def test_where_the_holder_isnt_known_the_bank_says_whether_the_name_fits(book: Book) -> None:
    pay(book, TX + 5, source=77)
    alert = report(book, replace(CLAIM, payee=77, tx=TX + 5))
    found = stopping.request_stop(book, alert=alert.id, **BY)
    assert found.state is State.REQUESTED
    found = stopping.executed(book, found.id, mismatch="name", by="bank", at_ms=T0 + 5 * MINUTE)
    assert (found.state, found.mismatch, found.executed_ms) == (State.MISMATCH_REFUSED, "name", None)
    assert orders_of(book, Verb.PUT_ON_LIST) == []
    assert reading.counts(book, T0, T0 + DAY)["refused"] == 1
    assert stopping.request_stop(book, alert=alert.id, **BY).state is State.REQUESTED  # with other words, once more


def test_blocked_payments_arent_in_the_books_and_old_ones_are_forgotten(book: Book) -> None:
    blocked = seen([{"event_id": 9, "kind": Kind.TRANSFER, "source": MULE, "ts_ms": T0}], verdict=[Verdict.BLOCK])
    MoneySystem().take(book, blocked, T0)
    assert [payment.tx for payment in payments_into(book.db, MULE)] == [TX]
    MoneySystem().due(book, PAID + 7 * DAY)
    assert len(payments_into(book.db, MULE)) == 1
    MoneySystem().due(book, PAID + 7 * DAY + 1)
    assert payments_into(book.db, MULE) == []


# --- stops ---


def test_a_stop_lasts_48_hours_from_the_moment_it_bites(book: Book) -> None:
    found = stopped(book)
    until_ms = T0 + 6 * MINUTE + 48 * HOUR
    assert (found.state, found.until_ms, found.gross_fen, found.tainted_fen) == (
        State.STOPPED, until_ms, 2_500_000, 2_000_000,
    )  # fmt: skip
    (listed,) = orders_of(book, Verb.PUT_ON_LIST)
    assert (listed.list, listed.until_ms, listed.thing) == ("stopped_accounts", until_ms, found.account)
    MoneySystem().due(book, until_ms - 1)
    assert one(book.db, found.id).state is State.STOPPED
    MoneySystem().due(book, until_ms)
    ended = one(book.db, found.id)
    assert (ended.state, ended.ended_ms, ended.wrongly) == (State.RELEASED, until_ms, False)
    assert {order.list for order in orders_of(book, Verb.TAKE_OFF_LIST)} >= {"stopped_accounts", "frozen_accounts"}
    assert len(orders_of(book, Verb.RELEASE)) == 1


def test_it_is_extended_once_and_no_third_stop_follows(book: Book) -> None:
    found = stopped(book)
    longer = stopping.extend(book, found.id, by="officer", at_ms=T0 + DAY)
    assert (longer.state, longer.until_ms, longer.times) == (State.EXTENDED, (found.until_ms or 0) + 48 * HOUR, 2)
    assert orders_of(book, Verb.PUT_ON_LIST)[-1].until_ms == longer.until_ms
    refused(book, "no-third-stop", lambda: stopping.extend(book, found.id, by="officer", at_ms=T0 + 3 * DAY))
    MoneySystem().due(book, longer.until_ms or 0)
    later = {"by": "officer", "at_ms": T0 + 5 * DAY}
    refused(book, "no-third-stop", lambda: stopping.request_stop(book, alert=1, **later))


def test_a_second_stop_after_the_first_ended_is_the_last(book: Book) -> None:
    first = stopped(book)
    at_ms = (first.until_ms or 0) + HOUR
    again = stopping.request_stop(book, alert=1, by="officer", at_ms=at_ms)  # nobody had written the end down yet
    assert one(book.db, first.id).state is State.RELEASED
    again = stopping.executed(book, again.id, 5, by="bank", at_ms=at_ms)
    refused(book, "no-third-stop", lambda: stopping.extend(book, again.id, by="officer", at_ms=at_ms + HOUR))


def test_for_another_matter_the_account_may_be_stopped_anew(book: Book) -> None:
    found = stopping.extend(book, stopped(book).id, by="officer", at_ms=T0 + DAY)
    MoneySystem().due(book, found.until_ms or 0)
    cases.outcome(book, found.case, Outcome.CONFIRMED, **BY)
    late = T0 + 5 * DAY
    pay(book, TX + 1, ts_ms=late - HOUR)
    other = report(book, replace(CLAIM, tx=TX + 1, paid_ms=late - HOUR), reporter=VICTIM + 1, at_ms=late)
    assert other.case != found.case
    assert stopping.request_stop(book, alert=other.id, by="officer", at_ms=late).state is State.MATCHED


def test_a_further_victim_joins_and_nobody_twice(book: Book) -> None:
    found = stopped(book)
    pay(book, TX + 1, ts_ms=PAID + MINUTE, payer=PAYER + 9)
    other = report(book, replace(CLAIM, tx=TX + 1, payer=PAYER + 9, paid_ms=PAID), reporter=VICTIM + 1)
    later = {"by": "officer", "at_ms": T0 + HOUR}
    assert stopping.request_stop(book, alert=other.id, **later).id == found.id
    assert taints_of(book.db, found.id) == {1: 2_000_000, 2: 2_000_000}
    assert one(book.db, found.id).tainted_fen == 2_500_000  # no more than is in it
    refused(book, "already-stopped", lambda: stopping.request_stop(book, alert=other.id, **later))
    refused(book, "already-stopped", lambda: stopping.request_stop(book, MULE, case=1, **later))


def test_wrong_requests_are_refused(book: Book) -> None:
    alert = report(book).id
    wrong: list[tuple[str, Act]] = [
        ("no-such-alert", lambda: stopping.request_stop(book, alert=9, **BY)),
        ("account-differs", lambda: stopping.request_stop(book, DEEPER, alert=alert, **BY)),
        ("out-of-order", lambda: stopping.request_stop(book, alert=alert, by="x", at_ms=T0 - 1)),
        ("no-account", lambda: stopping.request_stop(book, case=1, **BY)),
        ("no-case", lambda: stopping.request_stop(book, MULE, **BY)),
        ("no-such-case", lambda: stopping.request_stop(book, MULE, case=9, **BY)),
        ("not-in-case", lambda: stopping.request_stop(book, DEEPER, case=1, layer=2, **BY)),
        ("not-in-case", lambda: stopping.request_stop(book, DEEPER, alert=alert, layer=2, **BY)),
        ("no-layer", lambda: stopping.request_stop(book, MULE, case=1, layer=7, **BY)),
        ("no-such-stop", lambda: stopping.extend(book, 1, **BY)),
    ]
    for code, act in wrong:
        refused(book, code, act)


def test_what_an_account_of_the_case_paid_into_may_be_stopped_by_hand(book: Book) -> None:
    pay(book, TX + 3, ts_ms=T0, payer=MULE, source=DEEPER)
    found = stopping.request_stop(book, DEEPER, alert=report(book).id, layer=2, **BY)
    assert (found.state, found.layer) == (State.REQUESTED, 2)


def test_in_the_wrong_state_nothing_is_done(book: Book) -> None:
    found = stopping.request_stop(book, alert=report(book).id, **BY)
    wrong: list[tuple[str, Act]] = [
        ("wrong-state", lambda: stopping.extend(book, found.id, **BY)),
        ("wrong-state", lambda: freezing.freeze(book, found.id, finding="7", **BY)),
        ("wrong-state", lambda: freezing.renew(book, found.id, **BY)),
        ("wrong-state", lambda: returning.give_back(book, found.id, **BY)),
        ("wrong-state", lambda: returning.refund(book, found.id, TX, **BY)),
        ("out-of-order", lambda: stopping.executed(book, found.id, 1, by="bank", at_ms=T0 - 1)),
        ("no-balance", lambda: stopping.executed(book, found.id, -1, **BY)),
        ("no-reason", lambda: stopping.release(book, found.id, " ", **BY)),
    ]
    for code, act in wrong:
        refused(book, code, act)
    stopping.executed(book, found.id, 5, **BY)
    refused(book, "wrong-state", lambda: stopping.executed(book, found.id, 5, **BY))
    refused(book, "out-of-order", lambda: stopping.extend(book, found.id, by="x", at_ms=T0 - 1))
    refused(book, "stop-ended", lambda: stopping.extend(book, found.id, by="x", at_ms=T0 + 48 * HOUR))


def test_a_wrong_stop_is_lifted_at_once_and_counted(book: Book) -> None:
    found = stopped(book)
    lifted = stopping.release(book, found.id, "sold a watch", wrongly=True, by="officer", at_ms=T0 + HOUR)
    assert (lifted.state, lifted.minutes_to_lift) == (State.RELEASED, 54)
    assert "mule_accounts" in {order.list for order in orders_of(book, Verb.TAKE_OFF_LIST)}
    refused(book, "wrong-state", lambda: stopping.release(book, found.id, "again", **BY))
    figures = reading.counts(book, T0, T0 + DAY)
    assert (figures["wrongly_stopped"], figures["minutes_to_lift"], figures["released"]) == (1, 54, 1)


def test_a_request_taken_back_harmed_nobody(book: Book) -> None:
    found = stopping.request_stop(book, alert=report(book).id, **BY)
    lifted = stopping.release(book, found.id, "a mistake", wrongly=True, **BY)
    assert (lifted.state, lifted.wrongly, lifted.minutes_to_lift) == (State.RELEASED, False, None)


def test_after_a_false_alarm_all_stops_of_the_case_are_lifted(book: Book) -> None:
    found = stopped(book)
    cases.outcome(book, found.case, Outcome.FALSE_ALARM, by="officer", at_ms=T0 + HOUR)
    MoneySystem().due(book, T0 + HOUR)
    lifted = one(book.db, found.id)
    assert (lifted.state, lifted.ended_ms, lifted.wrongly) == (State.RELEASED, T0 + HOUR, True)


def test_a_matter_that_is_part_of_another_counts_its_stops_and_is_lifted_with_it(book: Book) -> None:
    found = stopping.extend(book, stopped(book).id, by="officer", at_ms=T0 + HOUR)
    apart = open_or_join(
        book, CaseKind.MONEY, (found.account,), "elsewhere", terms=CaseTerms(join_ms=0), by="x", at_ms=T0 + DAY
    )
    assert stopping.used(book.db, MULE, apart) == 0
    cases.merge(book, apart, found.case, by="x", at_ms=T0 + DAY)
    assert stopping.used(book.db, MULE, apart) == 2
    assert [stop.id for stop in reading.listing(book, case=apart)] == [found.id]
    cases.outcome(book, apart, Outcome.FALSE_ALARM, by="x", at_ms=T0 + DAY)
    MoneySystem().due(book, T0 + DAY)
    assert one(book.db, found.id).state is State.RELEASED


# --- freezes ---


def test_a_freeze_is_for_six_months_and_renewable_without_limit(book: Book) -> None:
    found = frozen(book)
    assert (found.state, found.frozen_fen, found.decision) == (State.FROZEN, 2_000_000, "finding 7")
    assert found.until_ms == T0 + HOUR + 183 * DAY
    assert orders_of(book, Verb.FREEZE)[-1].until_ms == found.until_ms
    assert [(order.list, order.until_ms) for order in orders_of(book, Verb.PUT_ON_LIST)][-1] == (
        "frozen_accounts", found.until_ms,
    )  # fmt: skip
    for n in range(1, 4):
        renewed = freezing.renew(book, found.id, by="officer", at_ms=T0 + n * 183 * DAY)
        assert (renewed.renewals, renewed.until_ms) == (n, T0 + HOUR + (n + 1) * 183 * DAY)
    MoneySystem().due(book, renewed.until_ms or 0)
    assert one(book.db, found.id).reason == "the freeze wasn't renewed"


def test_a_freeze_needs_a_decision_a_stop_and_money(book: Book) -> None:
    found = stopped(book)
    later = {"by": "officer", "at_ms": T0 + HOUR}
    wrong: list[tuple[str, Act]] = [
        ("no-decision", lambda: freezing.freeze(book, found.id, **later)),
        ("no-such-case", lambda: freezing.freeze(book, found.id, case=9, **later)),
        ("more-than-is-there", lambda: freezing.freeze(book, found.id, finding="7", amount_fen=2_500_001, **later)),
        ("stop-ended", lambda: freezing.freeze(book, found.id, finding="7", by="x", at_ms=T0 + 3 * DAY)),
        ("wrong-state", lambda: freezing.renew(book, found.id, **later)),
    ]
    for code, act in wrong:
        refused(book, code, act)
    assert freezing.freeze(book, found.id, case=found.case, amount_fen=100, **later).decision == "case 1"


def test_nothing_is_frozen_in_a_case_that_was_none(book: Book) -> None:
    found = stopped(book)
    cases.outcome(book, found.case, Outcome.FALSE_ALARM, **BY)
    later = {"by": "officer", "at_ms": T0 + HOUR}
    refused(book, "no-decision", lambda: freezing.freeze(book, found.id, case=found.case, **later))


# --- tracing, rules, banks ---


def test_traced_accounts_are_stopped_where_there_is_enough(book: Book) -> None:
    alert = report(book)
    traced = [
        Traced(DEEPER, 2, 300_000, 0.5), Traced(31, 3, 500_000, 0.01), Traced(32, 3, 499_999, 0.29),
        Traced(33, 2, 9_999, 1.0), Traced(34, 7, 900_000, 1.0), Traced(35, 6, 10_000, 0.3),
    ]  # fmt: skip
    found = tainting.tainted(book, alert.case, traced, **BY)
    assert [(stop.account.key, stop.layer, stop.source) for stop in found] == [
        (DEEPER, 2, Source.TRACE), (31, 3, Source.TRACE), (35, 6, Source.TRACE),
    ]  # fmt: skip
    listed = orders_of(book, Verb.PUT_ON_LIST)
    assert {(order.list, order.until_ms) for order in listed} == {("tainted_accounts", T0 + 48 * HOUR)}
    assert taints_of(book.db, found[0].id) == {alert.id: 300_000}
    again = tainting.tainted(book, alert.case, [Traced(DEEPER, 2, 350_000, 0.5)], alert=alert.id, **BY)
    assert [stop.id for stop in again] == [found[0].id]
    assert taints_of(book.db, found[0].id) == {alert.id: 350_000}
    refused(book, "no-such-case", lambda: tainting.tainted(book, 99, traced, **BY))


def test_tainted_money_of_several_victims_is_split_by_their_losses(book: Book) -> None:
    alert = report(book, loss_fen=3_000_000)
    report(book, replace(CLAIM, paid_ms=PAID + 1, tx=0), loss_fen=1_000_000, reporter=VICTIM + 1)
    (found,) = tainting.tainted(book, alert.case, [Traced(DEEPER, 2, 1_000_000, 0.5)], **BY)
    assert taints_of(book.db, found.id) == {1: 750_000, 2: 250_000}


def test_what_may_not_be_stopped_any_more_is_left_out(book: Book) -> None:
    once = MoneyTerms(stops_max=1)
    alert = report(book)
    found = stopping.request_stop(book, DEEPER, case=alert.case, layer=2, source=Source.TRACE, **BY)
    stopping.executed(book, found.id, 5, **BY)
    later = {"by": "trace", "at_ms": T0 + 3 * DAY}
    traced = [Traced(DEEPER, 2, 900_000, 1.0), Traced(31, 2, 900_000, 1.0)]
    stops = tainting.tainted(book, alert.case, traced, terms=once, **later)
    assert [stop.account.key for stop in stops] == [31]
    assert [entry.details["code"] for entry in book.audit.entries() if entry.outcome == "refused"] == ["no-third-stop"]


PAYS = {"event_id": 50, "kind": Kind.TRANSFER, "ts_ms": T0, "source": DEEPER, "payer": MULE, "amount_fen": 5}


def test_what_a_rule_stops_is_asked_of_the_bank_once(book: Book) -> None:
    for at_ms in (T0, T0 + HOUR):
        asked = seen([PAYS | {"ts_ms": at_ms}] * 3, [Action.STOP_48H] * 3, [["pass-through"]] * 3)
        MoneySystem().take(book, asked, at_ms)
    (found,) = reading.listing(book)
    assert (found.account.key, found.source, found.state) == (MULE, Source.RULE, State.REQUESTED)
    assert case_reading.one(book, found.case).rules == ["pass-through"]
    assert len([entry for entry in book.audit.entries() if entry.act == "money.stop"]) == 1


def test_a_report_that_a_gate_stops_an_account_for_is_an_alert(book: Book) -> None:
    event = {
        "event_id": 60,
        "kind": Kind.REPORT,
        "ts_ms": T0,
        "source": MULE,
        "target": VICTIM,
        "subject": Subject.ACCOUNT,
    }
    asked = seen([event] * 2, [Action.STOP_48H] * 2, [["victim-reports-account"]] * 2)
    MoneySystem().take(book, asked, T0)
    (alert,), (found,) = alerts.listing(book.db), reading.listing(book)
    assert (alert.reporter, alert.loss_fen, alert.claim) == (VICTIM, 2_000_000, CLAIM)
    assert (found.state, found.source) == (State.MATCHED, Source.ALERT)
    stranger = seen([event | {"target": VICTIM + 5}], [Action.STOP_48H], [["victim-reports-account"]])
    MoneySystem().take(book, stranger, T0)
    assert len(alerts.listing(book.db)) == 1


@pytest.mark.parametrize("paid", [{"payer": MULE}, {"payer": 0}, {"amount_fen": 0}])
def test_a_report_of_a_payment_that_cheats_nobody_is_a_stop_without_an_alert(book: Book, paid: dict[str, int]) -> None:
    """Such as one to oneself; the stream goes on."""
    pay(book, TX + 9, target=VICTIM + 9, **paid)
    event = {"kind": Kind.REPORT, "ts_ms": T0, "source": MULE, "target": VICTIM + 9, "subject": Subject.ACCOUNT}
    MoneySystem().take(book, seen([event], [Action.STOP_48H], [["victim-reports-account"]]), T0)
    assert alerts.listing(book.db) == []
    assert [found.source for found in reading.listing(book)] == [Source.RULE]


def test_a_finding_freezes_what_is_stopped_and_nothing_else(book: Book) -> None:
    stop = stopped(book)
    finding = {"kind": Kind.REPORT, "finding": 7, "subject": Subject.ACCOUNT, "source": MULE}
    found = [finding | {"ts_ms": T0}, finding | {"source": DEEPER, "ts_ms": T0 + HOUR}, finding | {"ts_ms": T0 + DAY}]
    MoneySystem(MoneyTerms(freeze_on_finding=False)).take(book, seen(found), T0 + DAY)
    assert one(book.db, stop.id).state is State.STOPPED
    MoneySystem().take(book, seen([*found, finding | {"ts_ms": T0 + 2 * DAY}]), T0 + DAY)
    frozen = one(book.db, stop.id)
    assert (frozen.state, frozen.frozen_ms, frozen.decision) == (State.FROZEN, T0 + DAY, "finding 7")


@pytest.mark.parametrize(("outcome", "tier", "lifted"), [
    (Said.APPEAL_UPHELD, 0, True), (Said.FALSE_ALARM, 0, True), (Said.FALSE_ALARM, 3, False),
    (Said.CONFIRMED, 0, False), (Said.APPEAL_REFUSED, 0, False),
])  # fmt: skip
def test_who_is_found_innocent_pays_again_at_once(book: Book, outcome: Said, tier: int, lifted: bool) -> None:
    stop = frozen(book)
    said = {"kind": Kind.FEEDBACK, "subject": Subject.ACCOUNT, "source": MULE, "outcome": outcome, "tier": tier}
    MoneySystem().take(book, seen([said | {"ts_ms": T0}, said | {"ts_ms": T0 + DAY}]), T0 + DAY)
    found = one(book.db, stop.id)
    assert (found.state is State.RELEASED, found.wrongly, found.ended_ms) == (
        lifted,
        lifted,
        T0 + DAY if lifted else None,
    )


def test_how_long_a_bank_takes() -> None:
    desk = BankDesk()
    assert desk.taken_minutes(BankKind.BRANCH, 1, 0.0) == desk.expected_minutes(BankKind.BRANCH, 1) == 15
    assert desk.expected_minutes(BankKind.BRANCH, 3) == 33.75
    assert desk.taken_minutes(BankKind.ONLINE, 1, 1.0) > 12
    assert desk.answer_minutes(BankKind.ELSEWHERE, 1) == 30


def test_banks_that_dont_answer_are_noted_and_how_long_they_take(book: Book) -> None:
    set_bank(book, "Bank of B", BankKind.ELSEWHERE, **BY)
    alert = report(book)
    first = stopping.request_stop(book, alert=alert.id, **BY)
    deep = stopping.request_stop(book, DEEPER, case=alert.case, layer=2, source=Source.TRACE, **BY)
    assert (first.answer_by_ms - T0, deep.answer_by_ms - T0) == (30 * MINUTE, 180 * MINUTE)
    for _ in range(2):
        MoneySystem().due(book, T0 + 30 * MINUTE)
    late = [entry for entry in case_reading.one(book, alert.case).timeline if "answered" in entry.what]
    assert [(entry.what, entry.ref) for entry in late] == [("Bank of A hasn't answered in time", first.ref)]
    stopping.executed(book, first.id, 5, by="bank", at_ms=T0 + 40 * MINUTE)
    (a, b) = reading.handling(book)
    assert (a.bank, a.stops, a.late, a.median, a.nine_of_ten, a.waiting) == ("Bank of A", 1, 1, 40, 40, 0)
    assert (b.bank, b.kind, b.layer, b.stops, b.waiting, b.median) == ("Bank of B", BankKind.ELSEWHERE, 2, 0, 1, None)
    assert b.expected == 60


def test_a_register_is_read_line_by_line_and_says_where_it_is_wrong(book: Book) -> None:
    lines = ["account,name,bank", "0xf000000000000001, 张三 ,Bank of A", "77,王五,"]
    assert read_register(lines) == [(MULE, NAME, "Bank of A"), (77, rule_key("王五"), "")]
    for wrong, words in (
        (["account,name"], "line 1"), ([*lines, "x"], "line 4"), ([*lines, "0xzz,a,b"], "line 4"), ([], "line 1"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=words):
            read_register(wrong)
    opened = {"kind": Kind.REGISTRATION, "subject": Subject.ACCOUNT, "person": 99}
    MoneySystem().take(book, seen([opened | {"source": MULE}, opened | {"source": 88}]), T0)
    assert (holding(book.db, MULE).holder, holding(book.db, 88).holder) == (NAME, 99)  # what a bank says stays


def test_a_bulletin_counts_by_time(book: Book) -> None:
    frozen(book)
    figures = reading.counts(book, T0, T0 + DAY)
    wanted = {
        "alerts": 1, "requests": 1, "refused": 0, "stopped_accounts": 1, "stopped_fen": 2_500_000,
        "tainted_fen": 2_000_000, "frozen_accounts": 1, "frozen_fen": 2_000_000, "minutes_to_stop": 6,
    }  # fmt: skip
    assert wanted.items() <= figures.items()
    assert not any(reading.counts(book, T0 + DAY, T0 + 2 * DAY).values())


def test_orders_of_stops_end_or_say_that_they_dont(book: Book) -> None:
    frozen(book)
    for order in since(book.db):
        limits = order.verb in (Verb.PUT_ON_LIST, Verb.FREEZE)
        assert (order.until_ms < FOREVER_MS) == limits
        assert order.reason
        assert not limits or (order.remedy and order.papers)
