"""Two cards: the register, limits, the ladder of measures, sanctions, outlets, and the commands."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.centre.book import Book
from interceptor.centre.cards import acts, reading, sanctions
from interceptor.centre.cards.card import DAY_MS, RUNGS, TERMS, Grade, State, found
from interceptor.centre.cards.register import CardsSystem, deadlines
from interceptor.centre.orders import Order, Verb, since
from interceptor.centre.refusal import Refused
from interceptor.centre.things import Thing, parse
from interceptor.schema import Action, Kind, LineKind, Outcome, Subject, Trunk, Verdict
from tests.centre_desk import refused
from tests.centre_rows import Row, book_in, centre_book, command, command_json, row, seen_of
from tests.streams import HOUR_MS, START_MS

LINE, ACCOUNT = parse("number:+8617012345678"), parse("account:0x1234")
OFFICER = "officer-7"
LOCAL = {"trunk": Trunk.LOCAL, "line_kind": LineKind.MOBILE}


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with book_in(tmp_path) as book:
        yield book


def _take(book: Book, *rows: Row, at_ms: int = START_MS + HOUR_MS, system: CardsSystem | None = None) -> None:
    (system or CardsSystem()).take(book, seen_of(rows), at_ms)


def _opening(n: int, subject: Subject = Subject.NUMBER, **more: Any) -> Row:
    key = 8617012345000 + n if subject is Subject.NUMBER else n
    return row(Kind.REGISTRATION, START_MS + n * 60_000, source=key, subject=subject, **{"agent": 7} | more)


def _state(book: Book, thing: Thing) -> State:
    card = found(book.db, thing)
    return card.state if card else State.FREE


def _orders(book: Book, after: int = 0) -> list[tuple[Verb, str]]:
    return [(order.verb, order.list) for order in since(book.db, after)]


def test_openings_go_into_the_register(book: Book) -> None:
    _take(book, _opening(1, person=9, target=8613905541234), _opening(2, Subject.ACCOUNT, person=9), _opening(3))
    cards, none = reading.person(book, Thing(Subject.PERSON, 9))
    assert [str(card.thing) for card in cards] == ["number:8617012345001", "account:0x0000000000000002"]
    assert (cards[0].phone, cards[0].outlet, none) == ("number:8613905541234", "0x0000000000000007", [])
    assert reading.counts(book, START_MS, START_MS + HOUR_MS)["opened"] == 3
    assert not list(since(book.db))


def test_what_the_gates_ask_for_is_taken_over_once(book: Book) -> None:
    calls = [
        row(Kind.CALL, START_MS, source=LINE.key, actions=int(Action.REVERIFY), rules=["woken"], **LOCAL),
        row(Kind.CALL, START_MS, source=LINE.key, actions=int(Action.LIMIT | Action.REVERIFY), rules=["box"], **LOCAL),
        row(Kind.CALL, START_MS, source=5, actions=int(Action.LIMIT), trunk=Trunk.INTERNATIONAL),
        row(Kind.TRANSFER, START_MS, source=ACCOUNT.key, actions=int(Action.REVERIFY), rules=["woken-account"]),
        row(Kind.TRANSFER, START_MS, source=77, actions=int(Action.REVERIFY), registered=True),
        row(Kind.TRANSFER, START_MS, source=78, actions=int(Action.REVERIFY), rules=["suspended-account-pays"]),
    ]
    for _ in range(2):
        _take(book, *calls, system=CardsSystem(reasons={"box": "Several SIMs take turns in one device."}))
    assert book.db.execute("SELECT count(*) FROM cards").fetchone() == (2,)
    assert (_state(book, LINE), _state(book, ACCOUNT)) == (State.LIMITED, State.REVERIFY)
    assert _orders(book) == [(Verb.LIMIT, ""), (Verb.PUT_ON_LIST, "limited_lines"), (Verb.REVERIFY, "")]
    told = list(since(book.db))
    assert told[0].reason == "Several SIMs take turns in one device."
    assert all(order.remedy and order.papers for order in told)


def test_bursts_and_more_sims_than_allowed_are_looked_into(book: Book) -> None:
    _take(book, *(_opening(n, person=9) for n in range(2)))
    assert _state(book, parse("number:8617012345001")) is State.FREE
    _take(book, _opening(2, person=9), _opening(3, person=0), _opening(4, person=0))
    card, history = reading.one(book, parse("number:8617012345002"))
    assert (card.state, card.grade, history[0].why[:7]) == (State.REVERIFY, Grade.MEDIUM, "3 cards")
    for n in range(10, 14):
        _take(book, _opening(n, person=8), at_ms=START_MS + n * DAY_MS)
    for n in range(14, 16):
        _take(book, _opening(n, person=8), at_ms=START_MS + n * 10 * DAY_MS)
    assert _state(book, parse("number:8617012345014")) is State.FREE
    card, history = reading.one(book, parse("number:8617012345015"))
    assert (card.state, history[0].why[:6]) == (State.REVERIFY, "6 SIMs")


def test_all_owners_behind_a_shared_phone_are_asked(book: Book) -> None:
    shared = {"subject": Subject.ACCOUNT, "target": 8613905541234}
    _take(book, _opening(1, person=1, **shared), _opening(2, person=2, **shared))
    actions = int(Action.LIMIT | Action.REVERIFY)
    _take(book, _opening(3, person=3, actions=actions, rules=["one-phone-many-people"], **shared))
    states = [_state(book, Thing(Subject.ACCOUNT, n)) for n in (1, 2, 3)]
    assert states == [State.REVERIFY, State.REVERIFY, State.LIMITED]


def test_an_outlet_whose_cards_turn_up_is_flagged_once(book: Book) -> None:
    _take(book, *(_opening(n) for n in range(20)), *(_opening(n, agent=8) for n in range(100, 119)))
    blocked = [
        row(Kind.CALL, START_MS, source=8617012345000 + n, verdict=int(Verdict.BLOCK), **LOCAL)
        for n in (*range(4), *range(100, 110))
    ]
    _take(book, *blocked)
    assert not [outlet for outlet in reading.outlets(book) if outlet.flagged_ms]
    for n in (4, 4, 5):
        about = {"source": 8617012345000 + n, "subject": Subject.NUMBER, "outcome": Outcome.CONFIRMED}
        _take(book, row(Kind.FEEDBACK, START_MS, **about))
    eight, seven = reading.outlets(book)
    assert (eight.cards, eight.listed, eight.flagged_ms, eight.is_bad()) == (19, 10, 0, False)
    assert (seven.cards, seven.listed, seven.flagged_ms, seven.is_bad()) == (20, 6, START_MS + HOUR_MS, True)
    assert reading.counts(book, START_MS, START_MS + DAY_MS)["outlets_flagged"] == 1


def test_listings_by_others_count(book: Book) -> None:
    _take(book, _opening(1, Subject.ACCOUNT))
    with book.act("money.stop", "account:1", OFFICER, START_MS) as act:
        from interceptor.centre.orders import order

        order(act, Verb.PUT_ON_LIST, Thing(Subject.ACCOUNT, 1), START_MS, list="stopped_accounts")
    _take(book, _opening(2, Subject.ACCOUNT))
    assert reading.outlets(book)[0].listed == 1


def test_the_ladder_by_deadlines(book: Book) -> None:
    acts.reverify(book, LINE, by=OFFICER, at_ms=START_MS, why="x")
    at_ms, states = START_MS, []
    for days in (TERMS.verify_days[0], TERMS.limited_days, TERMS.suspended_days):
        deadlines(book, at_ms + days * DAY_MS - 1)
        states.append(_state(book, LINE))
        at_ms += days * DAY_MS
        deadlines(book, at_ms)
        states.append(_state(book, LINE))
    up = [State.REVERIFY, State.LIMITED, State.LIMITED, State.SUSPENDED, State.SUSPENDED, State.CLOSED]
    assert states == up
    deadlines(book, at_ms + 1_000 * DAY_MS)
    refused(book, "closed", lambda: acts.lift(book, LINE, by=OFFICER, at_ms=at_ms, why="x"))
    refused(book, "closed", lambda: acts.reverify(book, LINE, by=OFFICER, at_ms=at_ms, why="x"))


def test_verified_ends_all_and_failed_goes_up(book: Book) -> None:
    acts.reverify(book, ACCOUNT, by=OFFICER, at_ms=START_MS, why="x")
    acts.verified(book, ACCOUNT, passed=False, by="bank", at_ms=START_MS)
    assert _state(book, ACCOUNT) is State.LIMITED
    acts.verified(book, ACCOUNT, passed=False, by="bank", at_ms=START_MS)
    assert _state(book, ACCOUNT) is State.SUSPENDED
    last = list(since(book.db))[-1].id
    acts.verified(book, ACCOUNT, passed=True, by="bank", at_ms=START_MS)
    assert _state(book, ACCOUNT) is State.FREE
    assert _orders(book, last) == [(Verb.LIFT, ""), (Verb.TAKE_OFF_LIST, "suspended_accounts")]
    asked = row(Kind.TRANSFER, START_MS, source=ACCOUNT.key, actions=int(Action.REVERIFY))
    _take(book, asked)
    assert _state(book, ACCOUNT) is State.FREE  # was looked into just now
    _take(book, asked, at_ms=START_MS + 31 * DAY_MS)
    assert _state(book, ACCOUNT) is State.REVERIFY


def test_feedback_lifts_or_suspends(book: Book) -> None:
    about = {"source": LINE.key, "subject": Subject.NUMBER}
    _take(book, row(Kind.FEEDBACK, START_MS, outcome=Outcome.APPEAL_UPHELD, **about))
    assert found(book.db, LINE) is None
    acts.reverify(book, LINE, by=OFFICER, at_ms=START_MS, why="x")
    _take(book, row(Kind.FEEDBACK, START_MS, outcome=Outcome.FALSE_ALARM, tier=3, **about))
    assert _state(book, LINE) is State.REVERIFY
    _take(book, row(Kind.FEEDBACK, START_MS, outcome=Outcome.APPEAL_UPHELD, **about))
    assert _state(book, LINE) is State.FREE
    _take(book, row(Kind.FEEDBACK, START_MS, outcome=Outcome.CONFIRMED, **about))
    assert _state(book, LINE) is State.SUSPENDED


def test_refusals(book: Book) -> None:
    who: dict[str, Any] = {"by": OFFICER, "at_ms": START_MS}
    why: dict[str, Any] = who | {"why": "x"}
    refused(book, "too-harsh", lambda: acts.limit(book, LINE, **why))
    refused(book, "too-harsh", lambda: acts.suspend(book, LINE, **why, grade=Grade.MEDIUM))
    refused(book, "unknown", lambda: acts.verified(book, LINE, passed=True, **who))
    refused(book, "unknown", lambda: acts.lift(book, LINE, **why))
    acts.reverify(book, LINE, **why)
    refused(book, "already", lambda: acts.reverify(book, LINE, **why))
    refused(book, "too-harsh", lambda: acts.limit(book, LINE, **why))
    refused(book, "too-harsh", lambda: acts.suspend(book, LINE, **why))
    acts.limit(book, LINE, **why, grade=Grade.MEDIUM)
    refused(book, "already", lambda: acts.limit(book, LINE, **why, grade=Grade.HIGH))
    refused(book, "too-harsh", lambda: acts.suspend(book, LINE, **why))
    acts.suspend(book, LINE, **why, grade=Grade.HIGH)
    refused(book, "already", lambda: acts.suspend(book, LINE, **why, grade=Grade.HIGH))
    acts.lift(book, LINE, **why)
    refused(book, "nothing-to-lift", lambda: acts.lift(book, LINE, **why))
    refused(book, "not-asked", lambda: acts.verified(book, LINE, passed=True, **who))
    refused(book, "no-finding", lambda: sanctions.sanction(book, LINE, finding=0, **who))
    refused(book, "no-card", lambda: sanctions.sanction(book, parse("site:a.example"), finding=1, **who))
    refused(book, "not-sanctioned", lambda: sanctions.lift_sanction(book, LINE, **why))


def test_a_finding_reaches_all_accounts_of_the_person_for_five_years(book: Book) -> None:
    _take(book, *(_opening(n, Subject.ACCOUNT, person=9) for n in (1, 2)), _opening(3, person=9))
    one, other, line = Thing(Subject.ACCOUNT, 1), Thing(Subject.ACCOUNT, 2), parse("number:8617012345003")
    acts.verified(book, line, passed=True, by="hall", at_ms=START_MS)  # three cards on one day
    last = list(since(book.db))[-1].id
    finding = row(Kind.REPORT, START_MS, actions=int(Action.SANCTION_5Y), finding=4, source=1, subject=Subject.ACCOUNT)
    of_person = finding | {"source": 9, "subject": Subject.PERSON}
    _take(book, finding, of_person)
    orders: list[Order] = list(since(book.db, last))
    listed = {(order.list, str(order.thing)) for order in orders if order.verb is Verb.PUT_ON_LIST}
    assert listed == {
        ("sanctioned", str(one)), ("sanctioned", "person:0x0000000000000009"), ("suspended_accounts", str(one)),
        ("suspended_accounts", str(other)),
    }  # fmt: skip
    assert (_state(book, one), _state(book, other), _state(book, line)) == (
        State.SUSPENDED,
        State.SUSPENDED,
        State.FREE,
    )
    who: dict[str, Any] = {"by": OFFICER, "at_ms": START_MS}
    refused(book, "sanctioned-already", lambda: sanctions.sanction(book, line, finding=5, **who))
    refused(book, "sanctioned", lambda: acts.lift(book, other, why="x", **who))
    refused(book, "sanctioned", lambda: acts.verified(book, other, passed=True, **who))
    deadlines(book, START_MS + 1_000 * DAY_MS)
    assert _state(book, other) is State.SUSPENDED
    deadlines(book, START_MS + HOUR_MS + 5 * 365 * DAY_MS)
    assert (_state(book, one), _state(book, other)) == (State.FREE, State.FREE)
    assert reading.person(book, Thing(Subject.PERSON, 9))[1][0].state == "ended"
    assert book.audit.verify() is None


def test_a_sanction_is_lifted_at_once(book: Book) -> None:
    sanctions.sanction(book, ACCOUNT, finding=3, by=OFFICER, at_ms=START_MS)
    assert _state(book, ACCOUNT) is State.SUSPENDED
    sanctions.lift_sanction(book, ACCOUNT, by=OFFICER, at_ms=START_MS, why="appeal")
    assert _state(book, ACCOUNT) is State.FREE
    assert sanctions.active(book, ACCOUNT) is None
    assert [verb for verb, name in _orders(book) if name == "sanctioned"] == [Verb.PUT_ON_LIST, Verb.TAKE_OFF_LIST]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reverify", "limit", "suspend", "passed", "failed", "lift", "wait"]), st.sampled_from(Grade)
    ),
    max_size=12,
)


@given(STEPS)
@settings(max_examples=60)
def test_the_ladder_keeps_to_its_rules(steps: list[tuple[str, Grade]]) -> None:
    """Against a model: the rung and its deadline."""
    with tempfile.TemporaryDirectory() as folder, book_in(Path(folder)) as book:
        at_ms, rung, due_ms = START_MS, 0, 0
        for name, grade in steps:
            at_ms += DAY_MS
            before = rung
            if name == "wait":
                at_ms = max(at_ms, due_ms) if due_ms else at_ms
                deadlines(book, at_ms)
                rung += bool(before) and rung < 4
            else:
                allowed = _allowed(name, grade, rung, due_ms <= at_ms)
                try:
                    _step(book, name, grade, at_ms)
                except Refused:
                    assert not allowed
                    continue
                assert allowed
                rung = {"reverify": 1, "limit": 2, "suspend": 3, "failed": min(rung + 1, 3)}.get(name, 0)
            card = found(book.db, LINE)
            assert RUNGS.index(_state(book, LINE)) == rung
            due_ms = card.due_ms if card else 0
            assert bool(due_ms) == (rung in (1, 2, 3))
        assert book.audit.verify() is None


def _allowed(name: str, grade: Grade, rung: int, is_over: bool) -> bool:
    if name == "reverify":
        return rung == 0
    if name == "limit":
        return rung < 2 and (grade >= Grade.MEDIUM or (rung == 1 and is_over))
    if name == "suspend":
        return rung < 3 and (grade is Grade.HIGH or (rung == 2 and is_over))
    return rung in (1, 2, 3)


def _step(book: Book, name: str, grade: Grade, at_ms: int) -> None:
    who: dict[str, Any] = {"by": OFFICER, "at_ms": at_ms}
    if name in ("passed", "failed"):
        acts.verified(book, LINE, passed=name == "passed", **who)
    elif name == "lift":
        acts.lift(book, LINE, why="x", **who)
    else:
        {"reverify": acts.reverify, "limit": acts.limit, "suspend": acts.suspend}[name](
            book, LINE, why="x", grade=grade, **who
        )


def test_commands(tmp_path: Path) -> None:
    with centre_book(tmp_path) as book:
        _take(book, _opening(1, Subject.ACCOUNT, person=9), _opening(2, person=9, target=8613905541234))
    at, number = ("--at", "2021-03-01T09:30"), "number:+8617012345002"
    assert "re-verify" in command(tmp_path, "cards", "limit", number, "--why", "x", *at, code=1)
    assert "reverify, next step 2021-03-08" in command(tmp_path, "cards", "reverify", number, "--why", "x", *at)
    assert "+86 170****5002" in command(tmp_path, "cards", "list")
    assert "8617012345002" not in command(tmp_path, "cards", "list")
    assert command_json(tmp_path, "cards", "list")["cards"][0]["thing"] == "number:8617012345002"
    late = ("--at", "2021-03-20T09:30")
    assert command_json(tmp_path, "cards", "verify", number, "--failed", *late)["state"] == "suspended"
    assert "free" in command(tmp_path, "cards", "verify", number, "--passed", *late)
    assert "refused (no-finding)" in command(tmp_path, "cards", "sanction", "account:1", *late, code=1)
    assert "active" in command(tmp_path, "cards", "sanction", "account:1", "--finding", "5", *late)
    assert "sanction 1 by finding 5" in command(tmp_path, "cards", "person", "person:9")
    assert len(command_json(tmp_path, "cards", "person", "9")["cards"]) == 2
    assert "lifted" in command(tmp_path, "cards", "lift", "person:9", "--why", "appeal", *late)
    assert [line["what"] for line in command_json(tmp_path, "cards", "show", "account:1")["history"]] == [
        "suspended", "lifted",
    ]  # fmt: skip
    assert "0x0000000000000007" in command(tmp_path, "cards", "outlets")
    assert command_json(tmp_path, "cards", "outlets")["outlets"][0]["cards"] == 2
    assert "suspended" in command(tmp_path, "cards", "suspend", "account:1", "--why", "x", "--grade", "high", *late)
    command(tmp_path, "cards", "lift", "account:1", "--why", "x", *late)
    command(tmp_path, "cards", "limit", "account:1", "--why", "x", "--grade", "odd", *late, code=2)
    command(tmp_path, "cards", "show", "number:+8613905540000", code=1)
