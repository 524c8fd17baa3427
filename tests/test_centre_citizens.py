"""Citizens: votes, bursts, look-ups, own-number protection, appeals, advice; what is refused changes nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from interceptor.centre import orders
from interceptor.centre.book import Book
from interceptor.centre.citizens import advice, appeals, protection, reading, reports
from interceptor.centre.citizens.keys import signed, thing_of
from interceptor.centre.citizens.lookup import look_up
from interceptor.centre.citizens.system import CitizenSystem
from interceptor.centre.citizens.terms import DAY_MS, HOUR_MS, MINUTE_MS, PROTECTED, Official, Terms
from interceptor.centre.orders import Verb, in_force
from interceptor.centre.parts import PARTS
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Seen
from interceptor.centre.things import Thing, parse
from interceptor.centre.warnings.acts import Reason, warn
from interceptor.centre.warnings.classes import Scam
from interceptor.commands.centre_cli import app
from interceptor.engine import Engine
from interceptor.hosts import hash_of_host
from interceptor.rules import default_rules_dir, load
from interceptor.rules.definitions import read
from interceptor.schema import Action, Kind, Outcome, Subject, Trunk, Verdict
from tests.centre_desk import refused_within
from tests.streams import START_MS, Numbered, frame

KEY = bytes(range(32))
NOON = START_MS + DAY_MS // 2
TOWNS = (340402001, 340403001, 340404001)
PEOPLE = tuple(8613900000001 + n for n in range(12))
NUMBER, SITE, ACCOUNT = (
    parse(text) for text in ("number:+8617012345678", "site:shop.example", "account:0x9fffffffffffffff")
)
TERMS = Terms()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with Book(tmp_path / "centre.sqlite", KEY, PARTS) as book:
        yield book
        assert book.audit.verify() is None


def _report(book: Book, who: int = 0, thing: Thing = NUMBER, at: float = 0, **given: Any) -> reports.Vote:
    town = given.pop("town", TOWNS[who % 3])
    return reports.add(book, thing, PEOPLE[who], town, by="clerk", at_ms=NOON + int(at * MINUTE_MS), **given)


def _crowd(book: Book, thing: Thing = NUMBER, people: int = 5, at: float = 0, **given: Any) -> str:
    return [_report(book, n, thing, at + n, **given).burst for n in range(people)][-1]


def _file(book: Book, thing: Thing = NUMBER, at: float = 10, papers: str = "identity card") -> appeals.Appeal:
    return appeals.file(book, thing, papers, by="owner", at_ms=NOON + int(at * MINUTE_MS))


def _uphold(book: Book, appeal: int, at: float = 60) -> appeals.Appeal:
    return appeals.uphold(book, appeal, by="officer", at_ms=NOON + int(at * MINUTE_MS))


def _orders(book: Book) -> list[tuple[Verb, str, str]]:
    return [(one.verb, str(one.thing), one.list) for one in orders.since(book.db)]


# --- orders in force ---


def test_orders_in_force_are_those_that_neither_ended_nor_were_taken_back(book: Book) -> None:
    wanted = [
        (1, Verb.PUT_ON_LIST, "a", 10), (2, Verb.PUT_ON_LIST, "b", 100), (3, Verb.STOP, "", 100),
        (4, Verb.REVERIFY, "", 100), (5, Verb.PUT_ON_LIST, "a", 50), (6, Verb.WARN, "", 100),
    ]  # fmt: skip
    with book.act("x", "x", "x", 0) as act:
        for at, verb, name, until in wanted:
            orders.order(act, verb, SITE, at, until_ms=until, list=name)
        orders.order(act, Verb.FREEZE, NUMBER, 1)

    def names(at: int, thing: Thing = SITE) -> list[str]:
        return [one.list or one.verb for one in in_force(book.db, thing, at)]

    assert names(0) == []
    assert names(3) == ["a", "b", "stop"]
    assert names(10) == ["b", "stop", "reverify", "a"]
    assert names(60) == ["b", "stop", "reverify"]
    with book.act("x", "x", "x", 0) as act:
        for at, verb, name in ((70, Verb.LIFT, ""), (71, Verb.RELEASE, ""), (72, Verb.TAKE_OFF_LIST, "b")):
            orders.order(act, verb, SITE, at, list=name)
    assert [names(at) for at in (70, 71, 72, 69)] == [["b", "stop"], ["b"], [], ["b", "stop", "reverify"]]
    assert names(72, NUMBER) == ["freeze"]


def test_a_site_is_found_by_name_and_by_key(book: Book) -> None:
    with book.act("x", "x", "x", 0) as act:
        orders.order(act, Verb.PUT_ON_LIST, Thing(Subject.SITE, SITE.key), 1, list="scam_hosts")
    assert len(in_force(book.db, SITE, 2)) == 1


@given(st.integers(1, (1 << 64) - 1))
def test_keys_come_back_as_they_were(key: int) -> None:
    assert -(1 << 63) <= signed(key) < 1 << 63
    assert thing_of(int(Subject.ACCOUNT), signed(key), "").key == key


# --- votes ---


def test_a_vote_counts_once_can_be_taken_back_and_cast_anew(book: Book) -> None:
    _report(book)
    assert reports.tally(book.db, NUMBER, NOON).people == 1
    reports.withdraw(book, NUMBER, PEOPLE[0], by="clerk", at_ms=NOON)
    assert reports.tally(book.db, NUMBER, NOON).people == 0
    _report(book, at=1)
    _report(book, thing=SITE)
    assert reports.tally(book.db, NUMBER, NOON + MINUTE_MS) == reports.Tally(1, 1.0)


def test_votes_fade_and_end(book: Book) -> None:
    _report(book)
    weights = [reports.tally(book.db, NUMBER, NOON + days * DAY_MS).weight for days in (0, 14, 28, 89, 90)]
    assert weights == [1.0, 0.5, 0.25, pytest.approx(2 ** (-89 / 14), abs=1e-3), 0]
    assert _report(book, at=91 * 24 * 60).weight == 1.0  # a new one counts


def test_who_was_wrong_weighs_less_and_who_was_right_makes_up_for_it(book: Book) -> None:
    for n, thing in enumerate((NUMBER, SITE)):
        _report(book, 0, thing)
        with book.act("x", "x", "x", 0) as act:
            assert reports.judge(act, thing, right=bool(n)) == 1
            assert reports.judge(act, thing, right=bool(n)) == 0
    assert TERMS.of_record(0, 0) == 1
    assert [TERMS.of_record(0, 1), TERMS.of_record(1, 1)] == [0.5, 0.6]
    assert _report(book, 0, ACCOUNT).weight == 0.6
    assert reports.tally(book.db, NUMBER, NOON).people == 0  # what was wrong counts no more
    assert reports.tally(book.db, SITE, NOON).people == 1


@pytest.mark.parametrize(
    ("thing", "name"), [(NUMBER, "provisional_numbers"), (SITE, "scam_hosts"), (ACCOUNT, "mule_accounts")]
)
def test_five_people_of_three_towns_within_the_hour_block_for_two(book: Book, thing: Thing, name: str) -> None:
    assert _crowd(book, thing, 4) == ""
    assert _report(book, 4, thing, 59).burst == "blocked"
    assert _report(book, 5, thing, 60).burst == ""  # once
    (order,) = in_force(book.db, thing, NOON + 59 * MINUTE_MS)
    assert (order.list, order.until_ms) == (name, NOON + 59 * MINUTE_MS + 2 * HOUR_MS)
    assert order.reason
    assert order.remedy
    assert order.papers
    assert in_force(book.db, thing, order.until_ms) == []


def test_two_towns_or_too_slow_or_known_for_wrong_reports_block_nothing(book: Book) -> None:
    assert [_report(book, n, NUMBER, n, town=TOWNS[n % 2]).burst for n in range(6)][-1] == ""
    assert [_report(book, n, SITE, 16 * n).burst for n in range(6)][-1] == ""
    other = parse("site:honest.example")
    assert _crowd(book, other, 5, at=1) == "blocked"
    _uphold(book, _file(book, other).id)
    assert _crowd(book, ACCOUNT, 5, at=70) == ""  # the same people, who were wrong


@pytest.mark.parametrize("subject", ["number:95588", "site:mybank.icbc.com.cn"])
def test_what_is_official_is_never_blocked_by_a_crowd(book: Book, subject: str) -> None:
    official = Official.of(read(default_rules_dir() / "lists" / "official.yaml").lists)
    assert _crowd(book, parse(subject), official=official) == "alert"
    assert _orders(book) == []
    assert [one.outcome for one in reports.bursts(book.db)] == ["alert"]
    assert look_up(book, parse(subject), NOON, official=official).state == "official"


def test_a_protected_number_is_never_blocked_by_a_crowd(book: Book) -> None:
    protection.protect(book, NUMBER, "Li", "identity card", by="clerk", at_ms=NOON)
    assert _crowd(book) == "alert"
    assert [one.list for one in in_force(book.db, NUMBER, NOON + HOUR_MS)] == [PROTECTED]
    protection.end(book, NUMBER, by="clerk", at_ms=NOON + HOUR_MS)
    assert in_force(book.db, NUMBER, NOON + HOUR_MS) == []


def test_a_protected_number_can_t_be_shown_by_others() -> None:
    engine = Engine(load(default_rules_dir()))
    own = 8616900000220  # the example on the list
    make = Numbered(target=PEOPLE[0], town=TOWNS[0])
    events = [
        make.event(Kind.CALL, NOON, source=864001234567, display=own, trunk=int(Trunk.SIP), registered=True),
        make.event(Kind.SMS, NOON + 1, source=63612345678, display=own, trunk=int(Trunk.INTERNATIONAL)),
        make.event(Kind.CALL, NOON + 2, source=own, trunk=int(Trunk.LOCAL)),
    ]
    assert engine.decide(frame(events)).verdict.tolist() == [Verdict.BLOCK, Verdict.BLOCK, Verdict.PASS]


# --- appeals ---


def test_an_upheld_appeal_has_lifted_everything_in_the_same_act(book: Book) -> None:
    with book.act("x", "x", "x", NOON) as act:
        for verb, name in (
            (Verb.PUT_ON_LIST, "confirmed_numbers"),
            (Verb.LIMIT, ""),
            (Verb.STOP, ""),
            (Verb.FREEZE, ""),
        ):
            orders.order(act, verb, NUMBER, NOON - HOUR_MS, list=name)
    _crowd(book)
    found = _uphold(book, _file(book).id, at=40)
    assert in_force(book.db, NUMBER, NOON + 40 * MINUTE_MS) == []
    assert (found.outcome, found.lifted) == ("upheld", 4)
    assert found.as_object()["minutes_to_lift"] == 30
    assert found.as_object()["minutes_blocked"] == 100
    assert look_up(book, NUMBER, NOON + 40 * MINUTE_MS).state == "unknown"
    told = reading.counts(book, NOON, NOON + HOUR_MS)
    assert (told["appeals_upheld"], told["median_minutes_to_lift"], told["orders_lifted"]) == (1, 30, 4)


def test_a_refused_appeal_changes_nothing_and_makes_reports_right(book: Book) -> None:
    _crowd(book)
    found = appeals.refuse(book, _file(book).id, "three victims", by="officer", at_ms=NOON + HOUR_MS)
    assert (found.outcome, found.why) == ("refused", "three victims")
    assert look_up(book, NUMBER, NOON + HOUR_MS).state == "blocked"
    assert reports.tally(book.db, NUMBER, NOON + 4 * MINUTE_MS, TERMS).people == 5


def test_appeals_that_nobody_decides_are_overdue_once(book: Book) -> None:
    _crowd(book)
    _file(book)
    for _ in range(2):
        CitizenSystem().due(book, NOON + 4 * DAY_MS)
    late = [entry for entry in book.audit.entries() if entry.act == "appeal.overdue"]
    assert [entry.at_ms for entry in late] == [NOON + 10 * MINUTE_MS + 3 * DAY_MS]
    assert [one.id for one in appeals.listing(book.db, overdue_at_ms=NOON + 4 * DAY_MS)] == [1]
    assert appeals.listing(book.db, overdue_at_ms=NOON + DAY_MS) == []


def test_another_system_gives_back_in_the_same_act_or_nothing_is(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    _crowd(book)
    appeal, before = _file(book).id, []

    def fails(*given: Any, **_: Any) -> None:
        before.append(given)
        raise Refused("can-t", "the bank is closed")

    monkeypatch.setattr("interceptor.centre.citizens.giving_back.give_back", fails)
    with pytest.raises(Refused, match="closed"):
        appeals.uphold(book, appeal, by="officer", at_ms=NOON + HOUR_MS)
    assert before[0][1:3] == (NUMBER, "appeal:1")
    assert appeals.one(book.db, appeal).outcome == ""
    assert look_up(book, NUMBER, NOON + HOUR_MS).state == "blocked"


# --- refused ---


def _voted(book: Book) -> Any:
    _report(book)
    return _report(book, at=5)


def _many(book: Book) -> Any:
    for n in range(21):
        _report(book, thing=parse(f"site:s{n}.example"))


def _appealed(book: Book) -> int:
    _crowd(book)
    return _file(book).id


def _decided(book: Book) -> int:
    return _uphold(book, _appealed(book)).id


def _protect(book: Book, thing: Thing = NUMBER, owner: str = "Li", papers: str = "card") -> Any:
    return protection.protect(book, thing, owner, papers, by="clerk", at_ms=NOON)


def _listed(book: Book) -> Any:
    with book.act("x", "x", "x", NOON) as act:
        orders.order(act, Verb.PUT_ON_LIST, NUMBER, NOON, list="confirmed_numbers")
    return _protect(book)


def _refuse(book: Book, why: str) -> Any:
    return appeals.refuse(book, _appealed(book), why, by="officer", at_ms=NOON + HOUR_MS)


REFUSED: list[tuple[str, Any]] = [
    ("voted-already", _voted),
    ("too-many", _many),
    ("not-reportable", lambda book: _report(book, thing=parse("person:li"))),
    ("no-reporter", lambda book: reports.add(book, NUMBER, 0, 0, by="clerk", at_ms=NOON)),
    ("no-vote", lambda book: reports.withdraw(book, NUMBER, PEOPLE[0], by="clerk", at_ms=NOON)),
    ("nothing-to-appeal", _file),
    ("nothing-to-appeal", lambda book: (_protect(book), _file(book))),
    ("appealed-already", lambda book: (_appealed(book), _file(book))),
    ("no-papers", lambda book: (_crowd(book), _file(book, papers=" "))),
    ("no-such-appeal", lambda book: _uphold(book, 7)),
    ("decided-already", lambda book: _uphold(book, _decided(book))),
    ("before-filing", lambda book: _uphold(book, _appealed(book), at=0)),
    ("no-reason", lambda book: _refuse(book, "")),
    ("no-papers", lambda book: _protect(book, papers="")),
    ("not-a-number", lambda book: _protect(book, SITE)),
    ("protected-already", lambda book: (_protect(book), _protect(book))),
    ("listed", _listed),
    ("not-protected", lambda book: protection.end(book, NUMBER, by="clerk", at_ms=NOON)),
    ("nobody-to-advise", lambda book: advice.give(book, by="clerk", at_ms=NOON)),
]


@pytest.mark.parametrize(("code", "wrong"), REFUSED)
def test_what_is_refused_changes_nothing(book: Book, code: str, wrong: Any, monkeypatch: Any) -> None:
    refused_within(book, code, wrong, monkeypatch)


# --- a small model of votes ---

STEPS = st.lists(
    st.tuples(st.sampled_from(["vote", "back", "right", "wrong"]), st.integers(0, 3), st.integers(0, 1)), max_size=30
)


@given(STEPS)
@settings(max_examples=25, deadline=None)
def test_votes_are_as_in_a_small_model(steps: list[Any]) -> None:
    things, model = (NUMBER, SITE), {0: dict[int, bool](), 1: dict[int, bool]()}  # judged or not, by person
    with tempfile.TemporaryDirectory() as folder, Book(Path(folder) / "b.sqlite", KEY, PARTS) as book:
        for n, (what, who, which) in enumerate(steps):
            thing, votes = things[which], model[which]
            with suppress(Refused):
                if what == "vote":
                    _report(book, who, thing, n / 10, town=0)
                    assert who not in votes
                    votes[who] = False
                elif what == "back":
                    reports.withdraw(book, thing, PEOPLE[who], by="x", at_ms=NOON + n * 6_000)
                    del votes[who]
                else:
                    with book.act("x", "x", "x", 0) as act:
                        reports.judge(act, thing, right=what == "right")
                    model[which] = {one: True for one, judged in votes.items() if judged or what == "right"}
            now = NOON + n * 6_000
            assert [reports.tally(book.db, one, now).people for one in things] == [len(model[0]), len(model[1])]


# --- from the gates ---


def _seen(events: list[dict[str, Any]], actions: dict[int, int], hits: dict[int, str] | None = None) -> Seen:
    rules = sorted(set((hits or {}).values()))
    rows = sorted(hits or {})
    acted = np.array([actions.get(row, 0) for row in range(len(events))], np.uint32)
    rule = np.array([rules.index((hits or {})[row]) for row in rows], np.int32)
    zeros = np.zeros(len(events))
    return Seen(frame(events), zeros.astype(np.uint8), acted, zeros, np.array(rows, np.int32), rule, rules)


def _reported(people: int, **given: Any) -> list[dict[str, Any]]:
    make = Numbered(source=NUMBER.key, subject=int(Subject.NUMBER), **given)
    return [make.event(Kind.REPORT, NOON + n * MINUTE_MS, target=PEOPLE[n], town=TOWNS[n % 3]) for n in range(people)]


def test_reports_of_the_stream_are_votes_and_the_second_of_a_person_is_refused(book: Book) -> None:
    events = _reported(2)
    CitizenSystem().take(book, _seen([*events, events[0]], {}), NOON)
    assert reports.tally(book.db, NUMBER, NOON + HOUR_MS).people == 2
    refused = [entry.details["code"] for entry in book.audit.entries() if entry.outcome == "refused"]
    assert refused == ["voted-already"]
    assert str(PEOPLE[0]) not in "".join(entry.told + entry.by for entry in book.audit.entries())


def test_a_burst_that_a_rule_has_listed_is_not_listed_twice(book: Book) -> None:
    CitizenSystem().take(book, _seen(_reported(7), {}, {4: "many-report-number"}), NOON)
    assert [one.outcome for one in reports.bursts(book.db)] == ["gate"]
    assert _orders(book) == []


def test_findings_and_persons_are_no_votes(book: Book) -> None:
    make = Numbered(source=5, target=PEOPLE[0])
    events = [
        make.event(Kind.REPORT, NOON, subject=int(Subject.ACCOUNT), finding=7),
        make.event(Kind.REPORT, NOON, subject=int(Subject.PERSON)),
    ]
    CitizenSystem().take(book, _seen(events, {}), NOON)
    assert reading.counts(book, 0, 1 << 60)["reports"] == 0


def test_what_the_gates_did_can_be_looked_up_and_appealed(book: Book) -> None:
    make = Numbered(target=PEOPLE[0])
    events = [
        make.event(Kind.CALL, NOON, source=NUMBER.key),
        make.event(Kind.WEB, NOON + 1, source=SITE.key, host="shop.example"),
        make.event(Kind.TRANSFER, NOON + 2, source=77, payer=ACCOUNT.key),
        make.event(Kind.TRANSFER, NOON + 3, source=78, payer=79),
        make.event(Kind.TRANSFER, NOON + 4, source=80, payer=81),
    ]
    acted = [Action.LIMIT, Action.BLOCK, Action.STOP_48H, Action.BLOCK, Action.BLOCK]
    rules = ["young-line-volume", "brand-clone", "pass-through", "listed-account", "suspended-account-pays"]
    seen = _seen(events, {n: int(one) for n, one in enumerate(acted)}, dict(enumerate(rules)))
    CitizenSystem().take(book, seen, NOON)
    states = {
        thing: look_up(book, parse(thing), NOON + 9).state
        for thing in (
            "number:+8617012345678",
            "site:shop.example",
            str(ACCOUNT),
            "account:78",
            "account:81",
            "account:80",
        )
    }
    assert list(states.values()) == ["limited", "blocked", "blocked", "blocked", "blocked", "unknown"]
    assert look_up(book, Thing(Subject.SITE, hash_of_host("shop.example")), NOON + 9).thing.shown == "shop.example"
    assert look_up(book, NUMBER, NOON + 9).by == "young-line-volume"
    _uphold(book, _file(book).id, at=20)
    assert look_up(book, NUMBER, NOON + HOUR_MS).state == "unknown"
    assert [one for one in _orders(book) if one[2] == "limited_lines"] == [
        (Verb.TAKE_OFF_LIST, "number:8617012345678", "limited_lines")
    ]


def test_a_site_is_blocked_with_what_it_lies_below(book: Book) -> None:
    with book.act("x", "x", "x", NOON) as act:
        orders.order(act, Verb.PUT_ON_LIST, SITE, NOON, list="blocked_sites")
    assert look_up(book, parse("site:www.shop.example"), NOON + 1).state == "blocked"
    assert look_up(book, parse("site:myshop.example"), NOON + 1).state == "unknown"


@pytest.mark.parametrize(
    ("outcome", "state"), [(Outcome.APPEAL_UPHELD, "unknown"), (Outcome.APPEAL_REFUSED, "limited")]
)
def test_feedback_on_appeals_decides_them(book: Book, outcome: Outcome, state: str) -> None:
    make = Numbered(source=NUMBER.key, target=NUMBER.key, subject=int(Subject.NUMBER))
    said = [make.event(Kind.FEEDBACK, NOON + n, outcome=int(outcome)) for n in (0, HOUR_MS)]
    call = make.event(Kind.CALL, NOON + 1)
    CitizenSystem().take(book, _seen([said[0], call, said[1]], {1: int(Action.LIMIT)}), NOON + HOUR_MS)
    assert look_up(book, NUMBER, NOON + HOUR_MS).state == state
    codes = [entry.details["code"] for entry in book.audit.entries() if entry.outcome == "refused"]
    assert codes == ["nothing-to-appeal"]  # what came before anything was done
    (found,) = appeals.listing(book.db)
    assert found.as_object().get("minutes_blocked", 60.0) == 60.0


def test_judged_at_the_gates_reports_are_right_or_wrong(book: Book) -> None:
    make = Numbered(source=NUMBER.key, target=PEOPLE[5], subject=int(Subject.NUMBER))
    said = make.event(Kind.FEEDBACK, NOON + HOUR_MS, outcome=int(Outcome.FALSE_ALARM))
    CitizenSystem().take(book, _seen([*_reported(2), said], {}), NOON + HOUR_MS)
    assert reports.tally(book.db, NUMBER, NOON + HOUR_MS).people == 0
    assert _report(book, 0, SITE).weight == 0.5


def test_nothing_seen_writes_nothing(book: Book) -> None:
    before = book.audit.head()
    make = Numbered(target=PEOPLE[0], source=1)
    warned = make.event(Kind.FEEDBACK, NOON, tier=3, outcome=int(Outcome.FALSE_ALARM), subject=1)
    system = CitizenSystem()
    system.take(book, _seen([make.event(Kind.CALL, NOON), warned], {}), NOON)
    system.due(book, NOON)
    assert book.audit.head() == before


# --- advice ---


def _met(book: Book, *people: tuple[int, Scam, int]) -> None:
    rows = [(PEOPLE[who], scam, TOWNS[who % 3], NOON, events) for who, scam, events in people]
    book.db.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?, ?)", rows)


def test_advice_goes_to_those_who_met_a_scam_and_were_not_warned_once_a_month(book: Book) -> None:
    _met(book, (0, Scam.LOAN, 1), (1, Scam.LOAN, 3), (2, Scam.REBATE, 1), (3, Scam.LOAN, 9))
    warn(book, PEOPLE[3], TOWNS[0], Reason(1, Scam.LOAN, stake_fen=100), by="centre", at_ms=NOON)
    assert [one.citizen for one in advice.readers(book, NOON + 1)] == [PEOPLE[1], PEOPLE[0], PEOPLE[2]]
    assert advice.give(book, by="clerk", at_ms=NOON + 1, scam=Scam.LOAN, terms=Terms(advice_most=1)) == 1
    assert [one.citizen for one in advice.readers(book, NOON + 2)] == [PEOPLE[0], PEOPLE[2]]
    advised = [one for one in orders.since(book.db) if one.ref == "advice"]
    assert [(one.verb, one.tier, one.thing) for one in advised] == [(Verb.WARN, 0, Thing(Subject.NUMBER, PEOPLE[1]))]
    groups = advice.groups(book, NOON + 3, residents={TOWNS[0]: 1000, TOWNS[1]: 100})
    assert [(one.scam, one.town, one.per_1000) for one in groups] == [
        (Scam.REBATE, TOWNS[2], 0.0), (Scam.LOAN, TOWNS[1], 10.0), (Scam.LOAN, TOWNS[0], 2.0),
    ]  # fmt: skip


def test_rounds_come_every_seven_days_at_nine(book: Book) -> None:
    _met(book, (0, Scam.LOAN, 1))
    system = CitizenSystem()
    for hours in range(0, 24 * 15, 3):
        system.due(book, NOON + hours * HOUR_MS)
    times = [at_ms for (at_ms,) in book.db.execute("SELECT at_ms FROM rounds ORDER BY at_ms")]
    assert len(times) == 2
    assert {(at_ms + 8 * HOUR_MS) % DAY_MS for at_ms in times} == {9 * HOUR_MS}
    assert reading.counts(book, 0, 1 << 60)["advised"] == 1


def test_counts_of_spans_add_up(book: Book) -> None:
    _crowd(book)
    _uphold(book, _file(book).id, at=60)
    _protect(book)
    reports.withdraw(book, _report(book, 9, SITE, 30).thing, PEOPLE[9], by="x", at_ms=NOON + 90 * MINUTE_MS)
    ends = [0, NOON + 30 * MINUTE_MS, NOON + 70 * MINUTE_MS, 1 << 60]
    parts = [reading.counts(book, *span) for span in pairwise(ends)]
    whole = reading.counts(book, 0, 1 << 60)
    for name, value in whole.items():
        if "median" not in name:
            assert value == sum(part[name] for part in parts), name
    assert (whole["reports"], whole["bursts_blocked"], whole["reports_withdrawn"]) == (6, 1, 1)


# --- commands ---


def test_commands(tmp_path: Path) -> None:
    path = tmp_path / "centre.sqlite"

    def run(*words: str, at: str = "2021-03-01T12:00", code: int = 0, when: bool = True) -> str:
        told = CliRunner().invoke(app, [*words, "--book", str(path), *(["--at", at] if when else [])])
        assert told.exit_code == code, told.output
        return told.output

    for n, who in enumerate(PEOPLE[:5]):
        args = ("--by-number", f"+{who}", "--town", str(TOWNS[n % 3]), "--type", "police", "--text", "x")
        said = run("report", "add", "number:+8617012345678", *args)
    assert "blocked for two hours" in said
    assert "voted-already" in run("report", "add", str(NUMBER), "--by-number", str(PEOPLE[0]), "--town", "0", code=1)
    found = run("lookup", str(NUMBER))
    assert "blocked" in found
    assert "5 people" in found
    assert not any(str(who) in found for who in PEOPLE)
    assert '"state": "blocked"' in run("lookup", str(NUMBER), "--json")
    assert "5" in run("report", "top")
    assert "blocked" in run("report", "bursts", when=False)
    assert "decided by" in run("appeal", "file", str(NUMBER), "--papers", "identity card")
    assert "appealed-already" in run("appeal", "file", str(NUMBER), "--papers", "x", code=1)
    assert "nothing-to-appeal" in run("appeal", "file", "number:+8617012345679", "--papers", "x", code=1)
    assert "There are none" in run("appeal", "list", "--overdue")
    assert "30.0 minutes" in run("appeal", "uphold", "1", at="2021-03-01T12:30")
    assert '"minutes_to_lift": 30.0' in run("appeal", "list", "--json")
    assert "decided-already" in run("appeal", "refuse", "1", "--why", "x", code=1)
    assert "unknown" in run("lookup", str(NUMBER), at="2021-03-01T12:31")
    assert "protected" in run("protect", "add", "+8613905541234", "--owner", "Li", "--papers", "card")
    assert "+86 139****1234" in run("protect", "list", when=False)
    assert "isn't protected" in run("protect", "end", "+8613905541234")
    assert "no-vote" in run("report", "withdraw", "site:a.example", "--by-number", str(PEOPLE[0]), code=1)
    assert "advised: 0;" in run("advice", "list")
    assert "nobody-to-advise" in run("advice", "give", code=1)
    assert "--type" in run("advice", "give", "--type", "nonsense", code=2)
    assert '"intact": true' in run("audit", "verify", "--json", when=False)
