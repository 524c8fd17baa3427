"""Scam sites: look-alikes, patrol's proposals, an officer's word, lifting, and the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.centre.book import Book
from interceptor.centre.orders import Verb, since
from interceptor.centre.sites import acts, reading
from interceptor.centre.sites.likeness import How, Official, decoded, edit_distance, stem_of
from interceptor.centre.sites.patrol import SitesSystem
from interceptor.centre.sites.site import DAY_MS, State, by_key, found
from interceptor.hosts import hash_of_host
from interceptor.schema import Action, Kind, Outcome, Subject, Verdict
from tests.centre_desk import refused
from tests.centre_rows import Row, book_in, centre_book, command, command_json, row, seen_of
from tests.streams import HOUR_MS, START_MS

OFFICIAL = Official.of(
    ["icbc.com.cn", "abchina.com", "10086.cn", "jd.com", "apple.com", "gov.cn", "wechat.com"], ["t.cn"]
)
OFFICER = "officer-7"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with book_in(tmp_path) as book:
        yield book


@pytest.mark.parametrize(
    ("host", "domain", "how"),
    [
        ("1cbc.com", "icbc.com.cn", How.SKELETON),
        ("lcbc.top", "icbc.com.cn", How.SKELETON),
        ("icbc.top", "icbc.com.cn", How.SKELETON),
        ("vvechat.com", "wechat.com", How.SKELETON),
        ("m.i-cbc.com", "icbc.com.cn", How.SKELETON),
        ("xn--80ak6aa92e.com", "apple.com", How.SKELETON),  # Cyrillic
        ("icbc.com.cn.pay.top", "icbc.com.cn", How.CARRIES),
        ("www.icbc.com.cn-login.top", "icbc.com.cn", How.CARRIES),
        ("abchima.com", "abchina.com", How.EDITS),
        ("abchian.com", "abchina.com", How.EDITS),
        ("icbc-points.top", "icbc.com.cn", How.WORD),
        ("jf.icbc23.com", "icbc.com.cn", How.WORD),
        ("icbcjf.cfd", "icbc.com.cn", How.WORD),
        ("10086-jf.top", "10086.cn", How.WORD),
        ("jd-huainan.com", "jd.com", How.WORD),
    ],
)
def test_lookalikes(host: str, domain: str, how: How) -> None:
    like = OFFICIAL.imitated(host)
    assert like is not None
    assert (like.domain, like.how) == (domain, how)


@pytest.mark.parametrize(
    "host", ["icbc.com.cn", "mybank.icbc.com.cn", "ha.gov.cn", "t.cn", "jinda.com", "flowers.example", "xn--.com", "a"]
)
def test_what_imitates_nobody(host: str) -> None:
    assert OFFICIAL.imitated(host) is None


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.integers(0, 3))
def test_edit_distance(one: str, other: str, most: int) -> None:
    def slow(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        best = min(slow(i - 1, j) + 1, slow(i, j - 1) + 1, slow(i - 1, j - 1) + (one[i - 1] != other[j - 1]))
        if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
            best = min(best, slow(i - 2, j - 2) + 1)
        return best

    expected = slow(len(one), len(other))
    assert edit_distance(one, other, most) == (expected if expected <= most else None)


@given(st.text(max_size=60))
def test_any_text_may_stand_for_a_host(text: str) -> None:
    OFFICIAL.imitated(text)
    decoded(text)
    stem_of(text)


def _visit(host: str, minute: int = 0, **more: Any) -> Row:
    return row(
        Kind.WEB, START_MS + minute * 60_000, **{"source": hash_of_host(host), "host": host, "host_age_h": 5} | more
    )


def _seen(book: Book, *rows: Row, patrol: SitesSystem | None = None) -> SitesSystem:
    patrol = patrol or SitesSystem(OFFICIAL)
    patrol.take(book, seen_of(rows), START_MS + HOUR_MS)
    return patrol


def _proposed(book: Book) -> list[str]:
    return sorted(site.host for site in reading.listing(book))


def test_patrol_proposes_what_two_kinds_of_evidence_speak_against(book: Book) -> None:
    _seen(
        book, _visit("icbc-jf.top"), _visit("flowers.example"), _visit("old.example", host_age_h=9_000),
        _visit("1cbc.com", host_age_h=9_000), _visit("shop.example", host_age_h=100, asks_card=True, asks_code=True),
        _visit("my.icbc.com.cn"), _visit("icbc-branch.cn", registered=True), _visit("t.cn"),
        row(Kind.SMS, START_MS, host="bait.example", host_age_h=9, text="x", verdict=int(Verdict.BLOCK), score=6.0),
        row(Kind.SMS, START_MS, host="mild.example", text="x"), row(Kind.SMS, START_MS, text="x"),
    )  # fmt: skip
    assert _proposed(book) == ["bait.example", "icbc-jf.top", "shop.example"]
    kept = {site.host for site in reading.listing(book, None)}
    assert kept == {*_proposed(book), "flowers.example", "1cbc.com", "mild.example"}
    [entry] = [entry for entry in book.audit.entries() if entry.about == "site:icbc-jf.top"]
    assert (entry.by, entry.act) == (acts.PATROL, "site.propose")
    assert entry.details["evidence"][0] == "look-alike of icbc.com.cn: its name as a word"
    assert not list(since(book.db))
    assert book.audit.verify() is None


def test_the_same_batch_in_pieces_gives_the_same_rows(tmp_path: Path) -> None:
    rows = [_visit("icbc-jf.top", 1), _visit("a.example", 2, apk=True), _visit("icbc-jf.top", 3, host_age_h=6)]
    kept = []
    for size in (1, 3):
        (tmp_path / str(size)).mkdir()
        with book_in(tmp_path / str(size)) as book:
            patrol = SitesSystem(OFFICIAL)
            for start in range(0, 3, size):
                _seen(book, *rows[start : start + size], patrol=patrol)
            kept.append(book.db.execute("SELECT * FROM sites ORDER BY host").fetchall())
    assert [one[1:] for one in kept[0]] == [one[1:] for one in kept[1]]


def test_reports_and_findings_count_and_a_cleared_host_is_left_alone(book: Book) -> None:
    patrol = _seen(book, _visit("a.example"), _visit("icbc-b.top", 1, asks_card=False, host_age_h=700))
    site = by_key(book.db, hash_of_host("a.example"))
    assert site is not None
    about = {"source": hash_of_host("a.example"), "subject": Subject.SITE}
    _seen(book, row(Kind.FEEDBACK, START_MS, outcome=Outcome.APPEAL_UPHELD, **about), patrol=patrol)
    for _ in range(3):
        _seen(book, row(Kind.REPORT, START_MS, **about), _visit("a.example", asks_card=True), patrol=patrol)
    assert "a.example" not in _proposed(book)
    about["source"] = hash_of_host("icbc-b.top")
    _seen(book, row(Kind.FEEDBACK, START_MS, outcome=Outcome.CONFIRMED, **about), patrol=patrol)
    assert "icbc-b.top" in _proposed(book)


def test_feedback_lets_go_of_what_was_proposed_or_confirmed(book: Book) -> None:
    hosts = ("icbc-jf.top", "icbc-kf.top")
    patrol = _seen(book, *(_visit(host) for host in hosts))
    acts.confirm(book, hosts[0], OFFICIAL, by=OFFICER, at_ms=START_MS)
    upheld = [
        row(Kind.FEEDBACK, START_MS, outcome=outcome, source=hash_of_host(host), subject=Subject.SITE)
        for host, outcome in zip(hosts, (Outcome.APPEAL_UPHELD, Outcome.FALSE_ALARM), strict=True)
    ]
    for _ in range(2):
        _seen(book, *upheld, patrol=patrol)
    states = {site.host: site.state for site in reading.listing(book, None)}
    assert states == {"icbc-jf.top": State.LIFTED, "icbc-kf.top": State.REJECTED}
    assert Verb.TAKE_OFF_LIST in {order.verb for order in since(book.db)}


def test_an_officer_confirms_and_the_list_has_it_for_thirty_days(book: Book) -> None:
    patrol = _seen(book, _visit("icbc-jf.top"))
    done = acts.confirm(book, "icbc-jf.top", OFFICIAL, by=OFFICER, at_ms=START_MS)
    assert done.state is State.CONFIRMED
    [order] = since(book.db)
    assert (order.verb, order.list, str(order.thing)) == (Verb.PUT_ON_LIST, "blocked_sites", "site:icbc-jf.top")
    assert order.until_ms == START_MS + 30 * DAY_MS
    assert order.reason
    assert order.remedy
    assert order.papers
    patrol.due(book, order.until_ms - 1)
    assert found(book, done.id) == done
    patrol.due(book, order.until_ms)
    assert reading.one(book, done.id, OFFICIAL).site.state is State.ENDED
    assert reading.counts(book, START_MS, order.until_ms + 1)["ended"] == 1


def test_hosts_at_the_address_of_a_confirmed_one_are_proposed(book: Book) -> None:
    hosts = [f"h{n}.example" for n in range(3)]
    shared = [f"s{n}.example" for n in range(3)]
    _seen(
        book, _visit("icbc-jf.top", address=9), *(_visit(host, address=9) for host in hosts),
        _visit("icbc-kf.top", address=1 << 63), *(_visit(host, address=1 << 63) for host in shared),
        _visit("settled.example", address=1 << 63, registered=True),
    )  # fmt: skip
    acts.confirm(book, "icbc-kf.top", OFFICIAL, by=OFFICER, at_ms=START_MS)
    assert not {*shared} & {*_proposed(book)}
    acts.confirm(book, "icbc-jf.top", OFFICIAL, by=OFFICER, at_ms=START_MS)
    assert {*hosts} == {*_proposed(book)}


def test_two_hosts_at_an_address_are_too_few(book: Book) -> None:
    _seen(book, _visit("icbc-jf.top", address=9), _visit("other.example", address=9, host_age_h=100))
    acts.confirm(book, "icbc-jf.top", OFFICIAL, by=OFFICER, at_ms=START_MS)
    assert "other.example" not in _proposed(book)


def test_a_lift_holds_at_once_and_patrol_doesnt_come_back(book: Book) -> None:
    patrol = _seen(book, _visit("icbc-jf.top"))
    acts.confirm(book, 1, OFFICIAL, by=OFFICER, at_ms=START_MS)
    acts.lift(book, "icbc-jf.top", by=OFFICER, at_ms=START_MS + 1, why="a branch of the bank")
    verbs = [(order.verb, order.list) for order in since(book.db, 1)]
    assert verbs == [(Verb.TAKE_OFF_LIST, "blocked_sites"), (Verb.TAKE_OFF_LIST, "scam_hosts"), (Verb.LIFT, "")]
    _seen(book, _visit("icbc-jf.top", 5, verdict=int(Verdict.BLOCK), actions=int(Action.BLOCK)), patrol=patrol)
    assert _proposed(book) == []
    acts.propose(book, "icbc-jf.top", OFFICIAL, by=OFFICER, at_ms=START_MS + 2, why="it is none")
    assert _proposed(book) == ["icbc-jf.top"]
    counts = reading.counts(book, START_MS, START_MS + 2 * HOUR_MS)
    assert {name: counts[name] for name in ("proposed", "confirmed", "lifted")} == {
        "proposed": 2, "confirmed": 1, "lifted": 1,
    }  # fmt: skip


def test_refusals(book: Book) -> None:
    def confirm(what: str, by: str = OFFICER) -> object:
        return acts.confirm(book, what, OFFICIAL, by=by, at_ms=START_MS)

    def propose(host: str, why: str = "seen it") -> object:
        return acts.propose(book, host, OFFICIAL, by=OFFICER, at_ms=START_MS, why=why)

    _seen(book, _visit("icbc-jf.top"), _visit("young.example", 1))
    refused(book, "unknown", lambda: confirm("nobody.example"))
    refused(book, "unknown", lambda: confirm("77"))
    refused(book, "not-proposed", lambda: confirm("young.example"))
    refused(book, "officer-needed", lambda: confirm("icbc-jf.top", acts.PATROL))
    refused(book, "no-evidence", lambda: propose("never.example", ""))
    refused(book, "official", lambda: propose("my.icbc.com.cn"))
    refused(book, "official", lambda: propose("com.cn"))
    refused(book, "official", lambda: propose("t.cn"))
    refused(book, "too-broad", lambda: propose("localhost"))
    refused(book, "proposed-already", lambda: propose("icbc-jf.top"))
    refused(book, "not-blocked", lambda: acts.lift(book, "young.example", by=OFFICER, at_ms=START_MS, why="x"))
    refused(book, "not-proposed", lambda: acts.reject(book, "young.example", by=OFFICER, at_ms=START_MS, why="x"))
    refused(book, "officer-needed", lambda: acts.reject(book, "1", by=acts.PATROL, at_ms=START_MS, why="x"))
    confirm("icbc-jf.top")
    refused(book, "confirmed-already", lambda: confirm("icbc-jf.top"))
    refused(book, "confirmed-already", lambda: propose("icbc-jf.top"))


def test_a_site_with_a_record_needs_more_than_an_officers_word(book: Book) -> None:
    patrol = _seen(book, _visit("firm.example", asks_card=True))
    _seen(book, _visit("firm.example", registered=True), _visit("other.example", registered=True), patrol=patrol)
    acts.propose(book, "firm.example", OFFICIAL, by=OFFICER, at_ms=START_MS, why="I think so")
    site = reading.one(book, "firm.example", OFFICIAL).site
    assert (site.visits, site.registered) == (2, True)
    refused(book, "no-evidence", lambda: acts.confirm(book, site.id, OFFICIAL, by=OFFICER, at_ms=START_MS))
    _seen(book, row(Kind.REPORT, START_MS, source=hash_of_host("firm.example"), subject=Subject.SITE), patrol=patrol)
    assert acts.confirm(book, site.id, OFFICIAL, by=OFFICER, at_ms=START_MS).state is State.CONFIRMED


def test_what_nobody_proposes_is_forgotten(book: Book) -> None:
    patrol = SitesSystem(OFFICIAL, acts.Terms(watched_max=5))
    _seen(book, *(_visit(f"h{n}.example", n) for n in range(9)), _visit("icbc-jf.top"), patrol=patrol)
    patrol.due(book, START_MS + HOUR_MS)
    assert {site.host for site in reading.listing(book, State.WATCHED)} == {f"h{n}.example" for n in range(4, 9)}
    patrol.due(book, START_MS + 40 * DAY_MS)
    assert [site.host for site in reading.listing(book, None)] == ["icbc-jf.top"]


def test_a_hostile_host_is_no_host(book: Book) -> None:
    hosts = [
        "\x1b[31mbad.example",
        "a.b\u202e.example",
        "x" * 5_000 + ".example",
        "[/red].example",
        "a b.c",
        "..",
        "é.example",
    ]
    _seen(book, *(_visit(host) for host in hosts))
    assert [site.host for site in reading.listing(book, None)] == ["xn--9ca.example"]


def test_commands(tmp_path: Path) -> None:
    with centre_book(tmp_path) as book:
        _seen(book, _visit("icbc-jf.top"), _visit("flowers.example"))
    at = ("--at", "2021-03-01T09:30")
    assert "icbc-jf.top" in command(tmp_path, "sites", "list")
    assert [site["host"] for site in command_json(tmp_path, "sites", "list")["sites"]] == ["icbc-jf.top"]
    assert len(command_json(tmp_path, "sites", "list", "--state", "all")["sites"]) == 2
    assert "none of" in command(tmp_path, "sites", "list", "--state", "odd", code=2)
    assert "look-alike of icbc.com.cn" in command(tmp_path, "sites", "check", "1cbc.com")
    assert command_json(tmp_path, "sites", "check", "www.icbc.com.cn")["official"] == "icbc.com.cn"
    assert "refused (no-evidence)" in command(tmp_path, "sites", "propose", "a.example", *at, code=1)
    assert command_json(tmp_path, "sites", "propose", "a.example", "--why", "seen", *at)["state"] == "proposed"
    assert "confirmed until 2021-03-31" in command(tmp_path, "sites", "confirm", "icbc-jf.top", "--by", OFFICER, *at)
    assert "refused (confirmed-already)" in command(tmp_path, "sites", "confirm", "icbc-jf.top", *at, code=1)
    command(tmp_path, "sites", "reject", "a.example", "--why", "a mistake", *at)
    assert "lifted" in command(tmp_path, "sites", "lift", "icbc-jf.top", "--why", "appeal", *at)
    file = command_json(tmp_path, "sites", "show", "icbc-jf.top")
    assert [one["what"] for one in file["history"]] == ["proposed", "confirmed", "lifted"]
    assert "look-alike" in command(tmp_path, "sites", "show", "icbc-jf.top")
