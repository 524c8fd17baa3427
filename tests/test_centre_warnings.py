"""Early warning: who is warned, how, in which order; what follows; what is never said; what is refused."""

from __future__ import annotations

import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from interceptor.centre import orders
from interceptor.centre.book import Book
from interceptor.centre.orders import Verb
from interceptor.centre.parts import PARTS
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Seen
from interceptor.centre.things import Thing
from interceptor.centre.warnings import acts, reading, rows, texts
from interceptor.centre.warnings.acts import HELD, Reason, advance, end_hold, outcome, warn, withdraw
from interceptor.centre.warnings.classes import Scam, of_rules, of_texts
from interceptor.centre.warnings.means import MINUTE_MS, SENDER, Means, following
from interceptor.centre.warnings.system import WarningSystem
from interceptor.commands.centre.warnings_cli import app
from interceptor.engine import Engine
from interceptor.rules import default_rules_dir, load
from interceptor.schema import WARNINGS, Action, Kind, Outcome, Subject, Trunk, Verdict
from tests.centre_desk import refused_within
from tests.streams import DAY_MS, START_MS, Numbered, frame

KEY = bytes(range(32))
TOWN = 340402001
NOON = START_MS + DAY_MS // 2
CITIZENS = tuple(8613900000001 + n for n in range(6))
FEW = Means(officers=(1,) * 24, lines=1, cars=1, messages_a_minute=2)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with Book(tmp_path / "centre.sqlite", KEY, PARTS) as book:
        yield book
        assert book.audit.verify() is None


def _warn(book: Book, tier: int, citizen: int = CITIZENS[0], at: float = 0, means: Means = FEW, **given: Any) -> int:
    found = warn(book, citizen, TOWN, Reason(tier, **given), by="centre", at_ms=NOON + int(at * MINUTE_MS), means=means)
    return found.id if found else 0


def _say(book: Book, warning: int, said: Outcome, at: float) -> rows.Warning:
    return outcome(book, warning, said, by="officer 1", at_ms=NOON + int(at * MINUTE_MS), means=FEW)


def _one(book: Book, warning: int) -> rows.Warning:
    return rows.found(book.db, warning)


def _orders(book: Book, verb: Verb) -> list[orders.Order]:
    return [one for one in orders.since(book.db) if one.verb is verb]


# --- the ladder ---


def test_a_message_is_sent_at_once_and_closes_by_itself(book: Book) -> None:
    warning = _warn(book, 1, scam=Scam.REBATE)
    (order,) = _orders(book, Verb.WARN)
    assert (order.tier, order.list, order.thing) == (1, str(SENDER), Thing(Subject.NUMBER, CITIZENS[0]))
    assert order.reason == texts.warning(Scam.REBATE, 1).zh
    assert _one(book, warning).state == rows.SENT
    advance(book, NOON + 60 * MINUTE_MS, FEW)
    assert (_one(book, warning).state, _one(book, warning).result) == (rows.CLOSED, "sent")


def test_an_officer_who_reaches_nobody_for_fifteen_minutes_goes_there(book: Book) -> None:
    warning = _warn(book, 3)
    for at in (1, 7, 13):
        assert _say(book, warning, Outcome.UNREACHED, at).tier == 3
    advance(book, NOON + 18 * MINUTE_MS, FEW)
    found = _say(book, warning, Outcome.UNREACHED, 19)
    assert (found.tier, found.state) == (4, rows.ON_THE_WAY)
    (held,) = _orders(book, Verb.PUT_ON_LIST)
    assert (held.list, held.until_ms) == (HELD, NOON + (19 + 240) * MINUTE_MS)
    found = _say(book, warning, Outcome.PERSUADED, 50)
    assert (found.result, found.reached_ms) == ("persuaded", NOON + 50 * MINUTE_MS)
    assert [one.list for one in _orders(book, Verb.TAKE_OFF_LIST)] == [HELD]


def test_who_hangs_up_three_times_goes_a_tier_up(book: Book) -> None:
    warning = _warn(book, 2)
    for at in (1, 12):
        assert _say(book, warning, Outcome.REFUSED, at).tier == 2
    assert _say(book, warning, Outcome.REFUSED, 23).tier == 3
    found = _say(book, warning, Outcome.REFUSED, 25)  # an officer, too
    assert (found.tier, found.state) == (4, rows.ON_THE_WAY)
    assert _say(book, warning, Outcome.REFUSED, 60).state == rows.WAITING
    advance(book, NOON + 180 * MINUTE_MS, FEW)
    assert _say(book, warning, Outcome.REFUSED, 190).result == "refused"
    assert not _orders(book, Verb.TAKE_OFF_LIST)  # the hold ends when its time is over


def test_nobody_says_what_came_of_it(book: Book) -> None:
    call = _warn(book, 2)
    officer = _warn(book, 3, CITIZENS[1])
    advance(book, NOON + 3 * MINUTE_MS, FEW)
    assert _one(book, call).result == "played"
    advance(book, NOON + 60 * MINUTE_MS, FEW)
    assert _one(book, officer).tier == 4
    advance(book, NOON + DAY_MS, FEW)
    assert _one(book, officer).result == "unreached"


def test_a_citizen_outside_is_handed_over_to_the_police_there(book: Book) -> None:
    found = warn(book, CITIZENS[0], 0, Reason(4), by="centre", at_ms=NOON, means=FEW)
    assert found is not None
    assert found.result == "handed over"
    assert [one.tier for one in _orders(book, Verb.WARN)] == [4]


# --- joined, raised, not again ---


def test_more_about_the_same_citizen_joins_the_open_warning(book: Book) -> None:
    warning = _warn(book, 1)
    assert _warn(book, 1, at=1) == 0  # nothing new
    assert _warn(book, 1, at=2, scam=Scam.LOAN, score=5, stake_fen=1_000_000) == warning
    found = _one(book, warning)
    assert (found.scam, found.risk, found.tier) == (Scam.LOAN, 51, 1)
    assert _warn(book, 3, at=3) == warning
    assert (_one(book, warning).tier, _one(book, warning).state) == (3, rows.CALLED)
    assert len(_orders(book, Verb.WARN)) == 2
    assert len(reading.listing(book)) == 1


def test_the_same_tier_is_not_used_again_within_the_hour(book: Book) -> None:
    warning = _warn(book, 3)
    _say(book, warning, Outcome.CONFIRMED, 5)
    assert _warn(book, 3, at=64.9) == 0
    assert _warn(book, 2, at=64.9) == 0
    assert _warn(book, 4, at=64.9) != 0
    assert _warn(book, 3, CITIZENS[1], at=64.9) != 0
    _say(book, 2, Outcome.PERSUADED, 70)
    assert _warn(book, 3, at=131) != 0


def test_after_a_false_alarm_the_same_rules_rest_for_a_day(book: Book) -> None:
    for citizen in CITIZENS[:2]:
        _say(book, _warn(book, 3, citizen, rules="a b"), Outcome.FALSE_ALARM, 0.1)
    day = 24 * 60
    assert _warn(book, 3, at=day, rules="a") == 0
    assert _warn(book, 3, at=day, rules="a c") != 0
    assert _warn(book, 3, CITIZENS[1], at=day, rules="b a") == 0
    assert _warn(book, 3, CITIZENS[1], at=day + 1, rules="b a") != 0


def test_a_call_under_way_is_broken_off_for_a_visit(book: Book) -> None:
    warning = _warn(book, 3)
    waiting = _warn(book, 3, CITIZENS[1], at=1)
    assert _one(book, waiting).state == rows.QUEUED
    _warn(book, 4, at=2)
    assert _one(book, warning).state == rows.ON_THE_WAY
    assert _one(book, waiting).state == rows.CALLED  # the officer is free again


# --- capacity and the queue ---


def test_the_queue_is_served_by_risk_and_nobody_starves(book: Book) -> None:
    first = _warn(book, 3)
    mild = _warn(book, 3, CITIZENS[1], at=0.1, score=1)
    grave = _warn(book, 3, CITIZENS[2], at=0.2, score=8, stake_fen=20_000_000)
    assert [one.id for one in reading.queue(book)] == [grave, mild]
    _say(book, first, Outcome.PERSUADED, 4)
    assert _one(book, grave).state == rows.CALLED
    advance(book, NOON + 3 * MINUTE_MS, FEW)
    late = _warn(book, 3, CITIZENS[3], at=5, score=9, stake_fen=20_000_000)
    assert [one.id for one in reading.queue(book)] == [late, mild]
    # Two hours of head start are all there is: who waits longer than that is served, whoever comes.
    later = NOON + 125 * MINUTE_MS
    most = FEW.risk(100, 10**12) * MINUTE_MS
    assert most <= 2 * FEW.head_start_max * MINUTE_MS
    assert _one(book, mild).urgency_ms < later - most


def test_messages_wait_for_the_next_minute(book: Book) -> None:
    for citizen in CITIZENS[:5]:
        _warn(book, 1, citizen)
    assert [one.state for one in reversed(reading.listing(book))] == [rows.SENT] * 2 + [rows.QUEUED] * 3
    assert [room.waiting for room in reading.capacity(book, NOON, FEW)] == [3, 0, 0]
    advance(book, NOON + 2 * MINUTE_MS, FEW)
    assert {one.state for one in reading.listing(book)} == {rows.SENT}
    assert [one.at_ms - NOON for one in _orders(book, Verb.WARN)] == [0, 0, 60_000, 60_000, 120_000]


def test_more_officers_come_with_their_shift(book: Book) -> None:
    night = Means(officers=(0,) * 13 + (2,) * 11)
    _warn(book, 3, means=night)
    assert reading.queue(book)
    advance(book, NOON + 60 * MINUTE_MS, night)
    assert [one.at_ms for one in _orders(book, Verb.WARN)] == [NOON + 60 * MINUTE_MS]


def test_each_district_has_its_cars(book: Book) -> None:
    for n, town in enumerate((TOWN, TOWN + 1, TOWN + 1000)):
        warn(book, CITIZENS[n], town, Reason(4), by="centre", at_ms=NOON, means=FEW)
    assert [one.state for one in reversed(reading.listing(book))] == [rows.ON_THE_WAY, rows.QUEUED, rows.ON_THE_WAY]
    assert [(room.place, room.busy, room.waiting) for room in reading.capacity(book, NOON, FEW)][3:] == [
        ("340402", 1, 1), ("340403", 1, 0),
    ]  # fmt: skip


# --- refused ---


def _closed(book: Book) -> int:
    warning = _warn(book, 3)
    _say(book, warning, Outcome.PERSUADED, 1)
    return warning


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("no-such-warning", lambda book: _say(book, 99, Outcome.PERSUADED, 2)),
        ("not-under-way", lambda book: _say(book, _closed(book), Outcome.PERSUADED, 2)),
        ("before-start", lambda book: _say(book, _warn(book, 3), Outcome.PERSUADED, -1)),
        ("wrong-outcome", lambda book: _say(book, _warn(book, 3), Outcome.APPEAL_UPHELD, 2)),
        ("no-hold", lambda book: end_hold(book, _warn(book, 3), by="somebody", at_ms=NOON)),
        ("closed-already", lambda book: withdraw(book, _closed(book), "why", by="somebody", at_ms=NOON)),
        ("no-reason", lambda book: withdraw(book, _warn(book, 3), " ", by="somebody", at_ms=NOON)),
    ],
)
def test_what_is_refused_changes_nothing(book: Book, code: str, wrong: Any, monkeypatch: Any) -> None:
    refused_within(book, code, wrong, monkeypatch)


def test_a_citizen_ends_the_hold_at_once_and_once(book: Book) -> None:
    warning = _warn(book, 4)
    assert [one.list for one in orders.in_force(book.db, Thing(Subject.NUMBER, CITIZENS[0]), NOON)] == [HELD]
    end_hold(book, warning, by="citizen", at_ms=NOON + 1)
    assert orders.in_force(book.db, Thing(Subject.NUMBER, CITIZENS[0]), NOON + 1) == []
    with pytest.raises(Refused, match="no hold"):
        end_hold(book, warning, by="citizen", at_ms=NOON + 2)
    assert _one(book, warning).state == rows.ON_THE_WAY


# --- properties ---

SAID = st.sampled_from([Outcome.NONE, Outcome.UNREACHED, Outcome.REFUSED, Outcome.PERSUADED, Outcome.FALSE_ALARM])
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["warn", "say", "wait"]), st.integers(0, 5), st.integers(1, 4), SAID, st.integers(0, 40)),
    max_size=25,
)


@given(actions=ACTIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_book_stays_sound(actions: list[Any], tmp_path_factory: Any) -> None:
    with Book(tmp_path_factory.mktemp("book") / "centre.sqlite", KEY, PARTS) as book:
        at, tiers = 0.0, {}
        for what, who, tier, said, minutes in actions:
            at += minutes
            if what == "warn":
                _warn(book, tier, CITIZENS[who], at)
            elif what == "say" and (under_way := reading.under_way(book)):
                with suppress(Refused):  # its time may be over just now
                    _say(book, under_way[who % len(under_way)].id, said, at)
            else:
                advance(book, NOON + int(at * MINUTE_MS), FEW)
            assert {one.id for one in reading.under_way(book)} == {
                one.id for one in reading.listing(book) if one.under_way
            }
            for one in reading.listing(book):
                assert one.tier >= tiers.get(one.id, 0)
                tiers[one.id] = one.tier
                assert (one.closed_ms > 0) == (one.state == rows.CLOSED) == bool(one.result)
                assert one.closed_ms == 0 or one.next_ms == 0
            _sound(book, NOON + int(at * MINUTE_MS))
        _counts_add_up(book)


def _sound(book: Book, at_ms: int) -> None:
    for room in reading.capacity(book, at_ms, FEW):
        assert room.busy <= room.there
        if room.tier > 1:
            assert room.busy == room.there or not room.waiting  # nobody waits where somebody is free
    doubled = "SELECT 1 FROM warnings WHERE closed_ms = 0 GROUP BY citizen HAVING count(*) > 1"
    assert book.db.execute(doubled).fetchone() is None


def _counts_add_up(book: Book) -> None:
    ends = [0, NOON + 30 * MINUTE_MS, NOON + 60 * MINUTE_MS, 1 << 60]
    parts = [reading.counts(book, *span) for span in pairwise(ends)]
    for name, value in reading.counts(book, 0, 1 << 60).items():
        if "median" not in name:
            assert value == pytest.approx(sum(part[name] for part in parts)), name


@given(st.integers(1, 4), SAID, st.integers(1, 4), st.integers(0, 4), st.integers(0, 20))
def test_a_try_closes_goes_on_or_goes_up(tier: int, said: Outcome, tries: int, refusals: int, minutes: int) -> None:
    step = following(
        Means(), tier, said, tries=tries, refusals=refusals, missed_ms=NOON, at_ms=NOON + minutes * MINUTE_MS
    )
    assert not (step.closed and step.up)
    assert not (step.up and tier == 4)
    if said in (Outcome.PERSUADED, Outcome.FALSE_ALARM):
        assert step.closed


# --- what is said ---


@pytest.mark.parametrize("scam", Scam)
def test_texts_hold_nothing_that_a_fraudster_could_use(scam: Scam) -> None:
    said = [texts.advice(scam), *(texts.warning(scam, tier) for tier in texts.TIERS)]
    for words in said:
        assert texts.ABOUT[scam].name.zh in words.zh
        for text in (words.zh, words.en):
            assert "{" not in text
            assert not [char for char in text if unicodedata.category(char).startswith("N")], text
        numerals = [char for char in words.zh if unicodedata.numeric(char, None) is not None or char in "幺〇"]
        assert len(numerals) <= 2, numerals  # none spelled out
        assert "无需回复" in words.zh


def test_all_nine_classes_have_words_of_their_own() -> None:
    assert len({texts.warning(scam, 1).zh for scam in Scam}) == 10


DETECTOR = """
schema: 1
rules:
  - rule: detector
    title: Anything that could be followed
    on: sms
    version: 1
    mode: live
    condition: >-
      carries_link or link_call or bare_link or contact_invite or mobile_number or card_number or union_card
      or disguised >= 1
    actions: [open_case]
    reason: x
    remedy: x
    systems: [S4]
    tests:
      - {name: a link, events: [{on: sms, text: "见 https://a.example"}], expect: {hits: 1}}
      - {name: none, events: [{on: sms, text: "你好"}], expect: {hits: 0}}
"""


def test_the_engine_finds_no_link_number_or_contact_in_any_text(tmp_path: Path) -> None:
    shutil.copytree(default_rules_dir(), tmp_path / "rules")
    (tmp_path / "rules" / "detector.yaml").write_text(DETECTOR, "utf-8")
    engine = Engine(load(tmp_path / "rules"))
    said = [texts.warning(scam, tier).zh for scam in Scam for tier in texts.TIERS]
    said += [texts.advice(scam).zh for scam in Scam]
    told = [*said, "请点击 https://a.example", "加微信 abc12345", "请拨打 13905541234"]
    make = Numbered(source=SENDER, target=CITIZENS[0], registered=True, trunk=int(Trunk.LOCAL), town=TOWN)
    decisions = engine.decide(frame([make.event(Kind.SMS, NOON + n, text=text) for n, text in enumerate(told)]))
    detector = decisions.rules.index("detector")
    hit = set(decisions.hit_row[decisions.hit_rule == detector].tolist())
    assert {told[row] for row in hit} == set(told[len(said) :])
    assert not (decisions.verdict[: len(said)] >= Verdict.HOLD).any()


# --- from the gates ---


def test_the_centre_s_own_line_gets_through_and_a_fake_does_not() -> None:
    engine = Engine(load(default_rules_dir()))
    make = Numbered(target=CITIZENS[0], town=TOWN)
    own = {"source": SENDER, "registered": True, "trunk": int(Trunk.LOCAL)}
    fakes = [
        {"source": 8617012345678, "display": SENDER, "trunk": int(Trunk.LOCAL)},
        {"source": 864001234567, "display": SENDER, "trunk": int(Trunk.SIP), "registered": True},
        {"source": 63612345678, "display": SENDER, "trunk": int(Trunk.INTERNATIONAL)},
        {"source": SENDER, "trunk": int(Trunk.INTERNATIONAL), "registered": True},
    ]
    events = [
        make.event(kind, NOON + n, **given) for kind in (Kind.CALL, Kind.SMS) for n, given in enumerate([own, *fakes])
    ]
    verdict = engine.decide(frame(events)).verdict
    assert verdict.tolist() == [Verdict.PASS, *[Verdict.BLOCK] * 4] * 2


def test_classes_are_told_by_rules_and_words() -> None:
    told = ["在家点赞,佣\u200b金日结,➕薇 abc12345", "您涉案, 法院传票", "", "你好", "低息貸款"]
    assert of_texts(told) == [Scam.REBATE, Scam.POLICE, Scam.UNCLEAR, Scam.UNCLEAR, Scam.LOAN]
    assert of_rules(["many-senders-one-text", "refund-lure"], Scam.LOAN) is Scam.LOAN
    assert of_rules(["refund-lure"], Scam.LOAN) is Scam.CUSTOMER_SERVICE
    assert of_rules(["stranger-spread"], Scam.LOAN) is Scam.LOAN
    assert of_rules(["brand-clone", "borrowed-and-paid-on"]) is Scam.LOAN
    assert of_rules(["stranger-spread"]) is Scam.UNCLEAR


def _seen(events: list[dict[str, Any]], actions: list[int], hits: list[tuple[int, int]], rules: list[str]) -> Seen:
    row = np.array([row for row, _ in hits], np.int32)
    rule = np.array([rule for _, rule in hits], np.int32)
    zeros = np.zeros(len(events))
    return Seen(frame(events), zeros.astype(np.uint8), np.array(actions, np.uint32), zeros + 3.0, row, rule, rules)


def _day() -> tuple[list[dict[str, Any]], list[int], list[tuple[int, int]], list[str]]:
    rules = ["lure-with-contact", "large-first-payment", "foreign-pair"]
    make = Numbered(town=TOWN)
    events, actions, hits = [], [], []
    for n in range(40):
        citizen, at = CITIZENS[n % 5], NOON + n * 3 * MINUTE_MS
        kind = (Kind.SMS, Kind.TRANSFER, Kind.CALL, Kind.FEEDBACK)[n % 4]
        given: dict[str, Any] = {"source": 8617000000000 + n, "target": citizen}
        if kind == Kind.SMS:
            given["text"] = "刷单返利日结" if n % 8 else "低息贷款"
        if kind == Kind.TRANSFER:
            given["amount_fen"] = 1_000_000 * n
        if kind == Kind.FEEDBACK:
            given |= {"tier": 3, "outcome": int(Outcome.UNREACHED if n % 8 == 3 else Outcome.PERSUADED)}
        events.append(make.event(kind, at, **given))
        actions.append((0, int(Action.WARN_3), int(Action.WARN_1), 0)[n % 4])
        if n % 4 < 3:
            hits.append((n, n % 4))
    return events, actions, hits, rules


@given(st.sets(st.integers(1, 39), max_size=8))
@settings(max_examples=10, deadline=None)
def test_however_the_stream_is_cut_the_same_is_done_at_the_same_time(cuts: set[int]) -> None:
    whole, cut = (_taken(places) for places in ((), tuple(sorted(cuts))))
    assert whole == cut
    assert len(whole[0]) > 3


def _taken(cuts: tuple[int, ...]) -> tuple[Any, ...]:
    events, actions, hits, rules = _day()
    system, ends = WarningSystem(FEW), [*cuts, len(events)]
    with tempfile.TemporaryDirectory() as folder, Book(Path(folder) / "b.sqlite", KEY, PARTS) as book:
        first = 0
        for end in ends:
            within = [(row - first, rule) for row, rule in hits if first <= row < end]
            now_ms = events[end - 1]["ts_ms"]
            system.take(book, _seen(events[first:end], actions[first:end], within, rules), now_ms)
            system.due(book, now_ms)
            first = end
        system.due(book, NOON + DAY_MS)
        return tuple(book.db.execute(f"SELECT * FROM {name}").fetchall() for name in ("warnings", "tries", "orders"))


def test_the_class_of_a_payment_is_that_of_the_message_before(book: Book) -> None:
    rules = ["lure-with-contact", "large-first-payment"]
    make = Numbered(town=TOWN, target=CITIZENS[0])
    events = [
        make.event(Kind.SMS, NOON, source=8617000000001, text="佣金日结"),
        make.event(Kind.TRANSFER, NOON + 1, source=77, amount_fen=5_000_000),
    ]
    WarningSystem(FEW).take(book, _seen(events, [0, int(Action.WARN_3)], [(0, 0), (1, 1)], rules), NOON + 1)
    (found,) = reading.listing(book)
    assert (found.scam, found.stake_fen, found.source) == (Scam.REBATE, 5_000_000, f"account:0x{77:016x}")


def test_a_page_that_asks_for_a_card_belongs_to_the_scam_before(book: Book) -> None:
    make = Numbered(town=TOWN)
    asked = int(Action.WARN_1)
    events = [
        make.event(Kind.SMS, NOON, source=8617000000001, target=CITIZENS[0], text="佣金日结"),
        make.event(Kind.WEB, NOON + 1, source=7, target=CITIZENS[0], host="a.example"),
        make.event(Kind.WEB, NOON + 2, source=7, target=CITIZENS[1], host="a.example"),
    ]
    rules = ["lure-with-contact", "young-card-form"]
    WarningSystem().take(book, _seen(events, [0, asked, asked], [(0, 0), (1, 1), (2, 1)], rules), NOON + 2)
    assert [Scam(one.scam) for one in reversed(reading.listing(book))] == [Scam.REBATE, Scam.PHISHING]


def test_feedback_of_others_and_a_second_escalation_change_nothing(book: Book) -> None:
    system = WarningSystem(FEW)
    warning = _warn(book, 3)
    make = Numbered(town=TOWN, target=CITIZENS[0])
    said = {"tier": 3, "outcome": int(Outcome.UNREACHED)}
    early = make.event(Kind.FEEDBACK, NOON - 1, **said)
    system.take(book, _seen([early], [0], [], []), NOON)
    assert _one(book, warning).state == rows.CALLED
    for at in (1, 7, 13, 19):  # the rule officer-reaches-nobody asks for a visit, too, as the centre has seen to
        asked = int(Action.WARN_4) if at == 19 else 0
        now_ms = NOON + at * MINUTE_MS
        system.take(book, _seen([make.event(Kind.FEEDBACK, now_ms, **said)], [asked], [], []), now_ms)
    assert _one(book, warning).state == rows.ON_THE_WAY
    assert [one.tier for one in _orders(book, Verb.WARN)] == [3, 3, 3, 3, 4]
    assert reading.counts(book, 0, 1 << 60)["raised"] == 1


def test_nothing_seen_costs_nothing(book: Book) -> None:
    make = Numbered(town=TOWN, target=CITIZENS[0])
    before = book.audit.head()
    WarningSystem().take(book, _seen([make.event(Kind.CALL, NOON)], [int(Action.LABEL)], [], []), NOON)
    assert book.audit.head() == before
    assert not int(Action.LABEL) & int(WARNINGS)


# --- commands ---


def test_commands(tmp_path: Path) -> None:
    path = tmp_path / "centre.sqlite"
    run, at = CliRunner().invoke, ["--at", "2021-03-01T12:05"]
    from interceptor.commands.centre.desk import opened

    with opened(path) as book:
        warn(book, CITIZENS[0], TOWN, Reason(4, Scam.POLICE, score=4), by="centre", at_ms=NOON)
    told = ["--book", str(path)]
    shown = run(app, ["list", *told])
    assert shown.exit_code == 0
    assert str(CITIZENS[0]) not in shown.output
    assert "police" in shown.output
    assert "0001" in run(app, ["show", "1", *told]).output
    assert f'"citizen": {CITIZENS[0]}' in run(app, ["show", "1", *told, "--json"]).output
    assert "340402" in run(app, ["capacity", *told, *at]).output
    assert run(app, ["queue", *told]).exit_code == 0
    assert run(app, ["counts", *told, "--from", "2021-03-01", "--to", "2021-03-02", "--json"]).exit_code == 0
    assert run(app, ["end-hold", "1", *told, *at]).exit_code == 0
    assert run(app, ["outcome", "1", "persuaded", *told, *at]).exit_code == 0
    again = run(app, ["outcome", "1", "persuaded", *told, *at])
    assert again.exit_code == 1
    assert "not-under-way" in again.output
    assert run(app, ["outcome", "1", "glad", *told]).exit_code == 2
    assert run(app, ["withdraw", "1", *told, "--why", "x", *at]).exit_code == 1
    assert acts.PROGRAM == "centre"
