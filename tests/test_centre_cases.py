"""Cases: one timeline for all, officers, deadlines, outcomes, and what rules learn from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interceptor.centre.book import Book
from interceptor.centre.cases import acts, judging, officers, reading
from interceptor.centre.cases.opening import open_or_join
from interceptor.centre.cases.system import CasesSystem
from interceptor.centre.cases.terms import CaseKind, CaseTerms, Outcome, Party, Urgency
from interceptor.centre.cases.timeline import current, enter
from interceptor.centre.orders import Verb, since
from interceptor.centre.things import Thing
from interceptor.commands.centre_cli import app
from interceptor.schema import Action, Kind, Subject, rule_key
from interceptor.schema import Outcome as Feedback
from tests.centre_desk import DAY, HOUR, MINUTE, T0, new_book, refused, seen

ONE, TWO, THREE = (Thing(Subject.ACCOUNT, 0xF000_0000_0000_0000 + n) for n in (1, 2, 3))
LINE = Thing(Subject.NUMBER, 8617012345678)
VICTIM = 8613905541234
BY: dict[str, Any] = {"by": "officer", "at_ms": T0}


@pytest.fixture
def book(tmp_path: Path) -> Any:
    with new_book(tmp_path) as made:
        yield made
        assert made.audit.verify() is None


def _open(book: Book, *things: Thing, at_ms: int = T0, **more: Any) -> int:
    more = {"reason": "a rule says so", "rules": ("some-rule",)} | more
    return open_or_join(book, more.pop("kind", CaseKind.MONEY), things, **more, by="gates", at_ms=at_ms)


def test_police_bank_and_carrier_stand_on_one_timeline(book: Book) -> None:
    case = _open(book, ONE, LINE, citizens=(VICTIM,))
    acts.note(book, case, "the victim was rung up", by="officer", at_ms=T0 + 10 * MINUTE)
    acts.note(book, case, "the line is cut off", party=Party.CARRIER, about=LINE, by="carrier", at_ms=T0 + 5 * MINUTE)
    with book.act("money.executed", "stop:1", "bank", T0 + 7 * MINUTE) as act:
        enter(act, case, Party.BANK, "stopped", by="bank", at_ms=T0 + 7 * MINUTE, about=ONE, ref="stop:1")
    file = reading.one(book, case)
    assert [(entry.party, entry.what) for entry in file.timeline] == [
        ("rule", "a rule says so"), ("carrier", "the line is cut off"), ("bank", "stopped"),
        ("police", "the victim was rung up"),
    ]  # fmt: skip
    assert (file.things, file.rules) == ([ONE, LINE], ["some-rule"])
    assert [who.key for who in file.citizens] == [VICTIM]
    assert file.case.handled_ms == T0 + 10 * MINUTE  # the first that was written down


def test_what_comes_about_the_same_thing_joins(book: Book) -> None:
    case = _open(book, ONE)
    assert _open(book, TWO, ONE, at_ms=T0 + DAY) == case
    assert _open(book, TWO, at_ms=T0 + 2 * DAY) == case
    assert _open(book, THREE) != case
    entries = len(reading.one(book, case).timeline)
    log = book.audit.head()
    assert _open(book, ONE, at_ms=T0 + 3 * DAY) == case  # nothing new in it: a hit, no more
    assert (reading.one(book, case).case.hits, len(reading.one(book, case).timeline)) == (4, entries)
    assert book.audit.head() == log
    assert _open(book, ONE, at_ms=T0 + 4 * DAY, rules=("other-rule",)) == case
    assert len(reading.one(book, case).timeline) == entries + 1
    assert _open(book, ONE, at_ms=T0 + 12 * DAY) != case  # nothing happened in it for a week


def test_an_ended_case_is_joined_by_nothing_and_a_victim_joins_no_cases(book: Book) -> None:
    case = _open(book, ONE, citizens=(VICTIM,))
    assert _open(book, Thing(Subject.NUMBER, VICTIM)) != case
    acts.outcome(book, case, Outcome.UNDECIDED, **BY)
    assert _open(book, ONE) != case


def test_a_more_urgent_reason_makes_it_more_urgent_never_less(book: Book) -> None:
    case = _open(book, LINE, kind=CaseKind.LINE)
    assert reading.one(book, case).case.urgency is Urgency.MEDIUM
    _open(book, LINE, kind=CaseKind.LINE, urgency=Urgency.URGENT, at_ms=T0 + HOUR)
    found = reading.one(book, case).case
    assert (found.urgency, found.handle_by_ms) == (Urgency.URGENT, T0 + HOUR + 30 * MINUTE)
    _open(book, LINE, kind=CaseKind.LINE, urgency=Urgency.LOW, rules=("third",), at_ms=T0 + HOUR)
    assert reading.one(book, case).case.urgency is Urgency.URGENT


def test_officers_with_the_least_to_do_get_cases_up_to_their_load(book: Book) -> None:
    officers.officer(book, "Li", load_max=1, **BY)
    officers.officer(book, "Wang", load_max=2, **BY)
    cases = [_open(book, Thing(Subject.ACCOUNT, n)) for n in range(1, 5)]
    given = [reading.one(book, case).case.officer for case in cases]
    assert given == ["Li", "Wang", "Wang", ""]
    acts.outcome(book, cases[0], Outcome.CONFIRMED, **BY)
    CasesSystem().due(book, T0 + MINUTE)
    assert reading.one(book, cases[3]).case.officer == "Li"
    acts.assign(book, cases[3], "Wang", **BY)  # by name there is no bound
    assert officers.roster(book.db) == [("Li", 0, 1), ("Wang", 3, 2)]
    assert acts.assign(book, cases[1], **BY) == "Li"
    assert officers.roster(book.db) == [("Li", 1, 1), ("Wang", 2, 2)]


def test_missed_deadlines_are_told_once(book: Book) -> None:
    handled, forgotten = _open(book, ONE), _open(book, TWO)
    acts.note(book, handled, "rung up", **BY)
    system = CasesSystem()
    system.due(book, T0 + 30 * MINUTE - 1)
    assert reading.overdue(book) == []
    for _ in range(2):
        system.due(book, T0 + 30 * MINUTE)
        assert [(case.id, case.overdue) for case in reading.overdue(book)] == [(forgotten, "handling")]
    system.due(book, T0 + 3 * DAY)
    assert [(case.id, case.overdue) for case in reading.overdue(book)] == [
        (handled, "decision"),
        (forgotten, "decision"),
    ]
    entries = [entry.what for entry in reading.one(book, forgotten).timeline]
    assert entries == ["a rule says so", "first handling is overdue", "decision is overdue"]
    acts.outcome(book, forgotten, Outcome.CONFIRMED, by="officer", at_ms=T0 + 3 * DAY)
    assert [case.id for case in reading.overdue(book)] == [handled]
    found = reading.counts(book, T0, T0 + 2 * DAY)
    assert (found["cases_opened"], found["cases_handled_late"], found["cases_decided_late"]) == (2, 1, 0)
    assert reading.counts(book, T0 + 2 * DAY, T0 + 4 * DAY)["cases_decided_late"] == 2


def test_two_cases_that_share_an_account_become_one(book: Book) -> None:
    old, new = _open(book, ONE), _open(book, TWO, at_ms=T0 + HOUR)
    refused(book, "out-of-order", lambda: acts.merge(book, old, new, **BY))
    refused(book, "nothing-shared", lambda: acts.merge(book, old, new, by="officer", at_ms=T0 + HOUR))
    apart = CaseTerms(join_ms=0)
    new = open_or_join(
        book, CaseKind.LINE, (LINE, ONE), "found later", rules=("b",), terms=apart, by="x", at_ms=T0 + DAY
    )
    acts.note(book, new, "noted there", by="officer", at_ms=T0 + DAY)
    assert acts.merge(book, old, new, by="officer", at_ms=T0 + DAY) == old
    file = reading.one(book, old)
    assert file.things == [ONE, LINE]
    assert file.rules == ["b", "some-rule"]
    assert [entry.what for entry in file.timeline] == [
        "a rule says so", "found later", "noted there", f"case {new} is part of it: {ONE}",
    ]  # fmt: skip
    assert file.case.handled_ms == T0 + DAY
    assert current(book.db, new) == old
    assert _open(book, LINE, at_ms=T0 + DAY) == old
    refused(book, "case-ended", lambda: acts.merge(book, old, new, **BY))


def test_wrong_requests_change_nothing(book: Book) -> None:
    case = _open(book, ONE)
    refused(book, "no-such-case", lambda: acts.note(book, 99, "x", **BY))
    refused(book, "no-such-case", lambda: acts.outcome(book, 99, Outcome.CONFIRMED, **BY))
    refused(book, "no-words", lambda: acts.note(book, case, " ", **BY))
    refused(book, "no-officer", lambda: acts.assign(book, case, **BY))
    refused(book, "no-such-officer", lambda: acts.assign(book, case, "Zhao", **BY))
    refused(book, "same-case", lambda: acts.merge(book, case, case, **BY))
    refused(book, "no-load", lambda: officers.officer(book, "Li", load_max=-1, **BY))
    refused(book, "no-name", lambda: officers.officer(book, " ", **BY))
    refused(book, "no-thing", lambda: open_or_join(book, CaseKind.LINE, (), "because", **BY))
    refused(book, "out-of-order", lambda: acts.outcome(book, case, Outcome.CONFIRMED, by="x", at_ms=T0 - 1))
    acts.outcome(book, case, Outcome.CONFIRMED, **BY)
    for act in (
        lambda: acts.outcome(book, case, Outcome.FALSE_ALARM, **BY),
        lambda: acts.note(book, case, "late", **BY),
        lambda: acts.assign(book, case, **BY),
    ):
        refused(book, "case-ended", act)


def test_after_a_false_alarm_all_is_to_be_lifted(book: Book) -> None:
    case = _open(book, ONE, LINE)
    acts.outcome(book, case, Outcome.FALSE_ALARM, **BY)
    lifted = [order for order in since(book.db) if order.verb is Verb.LIFT]
    assert [(order.thing, order.ref) for order in lifted] == [(ONE, f"case:{case}"), (LINE, f"case:{case}")]


def _judge(book: Book, right: int, wrong: int, rule: str = "some-rule", **more: Any) -> None:
    key = judging.learn_name(book.db, rule)
    for n in range(right + wrong):
        at_ms = more.get("at_ms", T0) + n * more.get("every", 1)
        judging.judge(
            book, key, more.get("first", 1) + n, wrong=n >= right, appeal=more.get("appeal", False), by="x", at_ms=at_ms
        )


def _shadowed(book: Book) -> list[str]:
    return [order.ref for order in since(book.db) if order.verb is Verb.TO_SHADOW]


def test_a_rule_that_is_often_wrong_steps_back_at_the_bound_and_not_before(book: Book) -> None:
    _judge(book, 48, 1)
    assert _shadowed(book) == []
    _judge(book, 0, 1, first=100)  # the fiftieth, two wrong: 4 %
    assert _shadowed(book) == ["rule some-rule"]
    found = judging.standings(book.db, T0 + HOUR)
    assert "2 of 50 things were wrong, 4.0% where 2% is the bound" in found[0].why
    cases = [case for case in reading.listing(book) if case.kind is CaseKind.RULE]
    assert [case.ref for case in cases] == ["rule some-rule"]
    assert [entry.outcome for entry in book.audit.entries("rule:some-rule")] == ["done"]


def test_two_of_a_hundred_are_not_above_the_bound(book: Book) -> None:
    _judge(book, 98, 2)
    assert _shadowed(book) == []


def test_three_appeals_within_a_day_suffice_and_within_three_days_dont(book: Book) -> None:
    _judge(book, 0, 3, every=25 * HOUR, appeal=True)
    assert _shadowed(book) == []
    _judge(book, 0, 3, every=8 * HOUR, appeal=True, rule="other", first=50)
    assert _shadowed(book) == ["rule other"]


def test_old_judgements_are_forgotten_and_a_shadowed_rule_begins_anew(book: Book) -> None:
    _judge(book, 0, 40)
    _judge(book, 49, 0, first=100, at_ms=T0 + 8 * DAY)
    assert _shadowed(book) == []
    _judge(book, 0, 2, first=200, at_ms=T0 + 8 * DAY)
    assert len(_shadowed(book)) == 1
    _judge(book, 0, 60, first=300, at_ms=T0 + 9 * DAY)  # was done to people before it stepped back
    assert len(_shadowed(book)) == 1
    _judge(book, 0, 50, first=400, at_ms=T0 + 16 * DAY)
    assert len(_shadowed(book)) == 2


def test_a_thing_is_judged_once_by_the_latest_word(book: Book) -> None:
    rule = rule_key("some-rule")
    for wrong, at_ms in ((True, T0), (False, T0 + 5), (True, T0 + 3)):
        judging.judge(book, rule, ONE.key, wrong=wrong, by="x", at_ms=at_ms)
    found = judging.standing(book.db, rule, T0 + 10)
    assert (found.judged, found.wrong) == (1, 0)


def test_several_findings_about_one_thing_are_one_false_positive_at_most(book: Book) -> None:
    """At the gates rule-often-wrong counts 60 findings, of which 3 are wrong; it is one thing of 20."""
    for nth in range(3):
        _judge(book, 19, 1, at_ms=T0 + nth)
    assert _shadowed(book) == []
    found = judging.standing(book.db, rule_key("some-rule"), T0 + 10)
    assert (found.judged, found.wrong) == (20, 1)


def test_outcomes_of_cases_speak_of_the_rules_behind_them(book: Book) -> None:
    for n, end in enumerate((Outcome.CONFIRMED, Outcome.FALSE_ALARM, Outcome.UNDECIDED), start=1):
        acts.outcome(book, _open(book, Thing(Subject.ACCOUNT, n)), end, **BY)
    found = judging.standings(book.db, T0)
    assert [(rule.rule, rule.judged, rule.wrong) for rule in found] == [("some-rule", 2, 1)]


CALL = {"event_id": 1, "kind": Kind.CALL, "ts_ms": T0, "source": LINE.key, "target": VICTIM}


def _kinds_of_events() -> list[tuple[dict[str, Any], int, CaseKind, Thing]]:
    paid = {"kind": Kind.TRANSFER, "source": ONE.key, "payer": TWO.key}
    about = {"source": ONE.key, "subject": Subject.ACCOUNT}
    site = Thing(Subject.SITE, 77, "bank.example")
    return [
        (CALL, 0, CaseKind.LINE, LINE),
        ({"kind": Kind.WEB, "source": 77, "host": "bank.example"}, 0, CaseKind.SITE, site),
        (paid, 0, CaseKind.MONEY, ONE),
        (paid, Action.STOP_48H, CaseKind.MONEY, TWO),
        ({"kind": Kind.REGISTRATION} | about, 0, CaseKind.CARD, ONE),
        ({"kind": Kind.REPORT} | about, 0, CaseKind.MONEY, ONE),
        ({"kind": Kind.REPORT, "source": LINE.key, "subject": Subject.TEXT}, 0, CaseKind.LINE, LINE),
        ({"kind": Kind.FEEDBACK, "target": LINE.key}, 0, CaseKind.CITIZEN, LINE),
    ]


@pytest.mark.parametrize(("event", "actions", "kind", "thing"), _kinds_of_events())
def test_what_a_gate_asks_to_be_looked_into(
    book: Book, event: dict[str, Any], actions: int, kind: CaseKind, thing: Thing
) -> None:
    asked = seen([{"ts_ms": T0} | event], [Action.OPEN_CASE | actions], [["rule-b", "rule-a"]])
    CasesSystem().take(book, asked, T0 + MINUTE)
    (case,) = reading.listing(book)
    assert (case.kind, reading.one(book, case.id).things) == (kind, [thing])
    assert reading.one(book, case.id).rules == ["rule-a", "rule-b"]


def test_feedback_of_the_stream_counts_but_not_that_of_warnings(book: Book) -> None:
    about = {"kind": Kind.FEEDBACK, "rule": rule_key("some-rule"), "ts_ms": T0, "subject": Subject.NUMBER}
    events = [
        about | {"source": 1, "outcome": Feedback.CONFIRMED}, about | {"source": 2, "outcome": Feedback.APPEAL_UPHELD},
        about | {"source": 3, "outcome": Feedback.FALSE_ALARM, "tier": 3}, about | {"source": 4},
        about | {"source": 5, "outcome": Feedback.UNREACHED}, about | {"source": 6, "outcome": Feedback.APPEAL_REFUSED},
    ]  # fmt: skip
    CasesSystem().take(book, seen(events, hits=[["some-rule"]] + [()] * 5), T0)
    (found,) = judging.standings(book.db, T0)
    assert (found.rule, found.judged, found.wrong, found.appeals) == ("some-rule", 3, 1, 1)


def test_reports_findings_and_officers_words_stand_on_the_timeline(book: Book) -> None:
    case = _open(book, LINE, kind=CaseKind.LINE)
    about = {"ts_ms": T0 + HOUR, "source": LINE.key, "subject": Subject.NUMBER, "target": VICTIM}
    events = [
        about | {"kind": Kind.REPORT}, about | {"kind": Kind.REPORT, "subject": Subject.TEXT},
        about | {"kind": Kind.REPORT, "target": VICTIM + 1}, about | {"kind": Kind.REPORT, "finding": 7},
        about | {"kind": Kind.FEEDBACK, "tier": 3, "outcome": Feedback.PERSUADED}, about | {"kind": Kind.FEEDBACK},
        about | {"kind": Kind.FEEDBACK, "outcome": Feedback.CONFIRMED, "rule": 5},
        about | {"kind": Kind.REPORT, "source": 99},
    ]  # fmt: skip
    CasesSystem().take(book, seen(events), T0 + HOUR)
    file = reading.one(book, case)
    assert [(entry.party, entry.what) for entry in file.timeline[1:]] == [
        (Party.CITIZEN, "reported by a citizen"), (Party.CITIZEN, "reported by a citizen"),
        (Party.POLICE, "finding 7: sold, let or lent"), (Party.POLICE, "warning of tier 3: persuaded"),
        (Party.POLICE, "looked into: confirmed"),
    ]  # fmt: skip
    assert [who.key for who in file.citizens] == [VICTIM, VICTIM + 1]


def test_the_gates_own_rule_about_rules_is_followed(book: Book) -> None:
    event = {"kind": Kind.FEEDBACK, "rule": rule_key("bad"), "ts_ms": T0, "source": 9, "outcome": Feedback.FALSE_ALARM}
    asked = seen([event], [Action.TO_SHADOW | Action.OPEN_CASE], [["rule-often-wrong"]])
    asked.rules = [*asked.rules, "bad"]
    for _ in range(2):
        CasesSystem().take(book, asked, T0)
    assert _shadowed(book) == ["rule bad"]
    assert [case.kind for case in reading.listing(book)] == [CaseKind.RULE]


def test_nothing_seen_writes_nothing(book: Book) -> None:
    before = book.db.total_changes
    CasesSystem().take(book, seen([CALL] * 3), T0)
    assert book.db.total_changes == before


# --- commands ---


def _run(path: Path, *words: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["cases", *words, "--book", str(path)])
    assert found.exit_code == code, found.output
    return found.output


def _told(path: Path, *words: str) -> Any:
    return json.loads(_run(path, *words, "--json"))


def test_a_case_by_commands(tmp_path: Path) -> None:
    path = tmp_path / "centre.sqlite"
    at = ("--at", "2021-03-05T10:00")
    _run(path, "officers", "--add", "Li", "--load", "2", *at)
    opened = (
        "open",
        "account:0xf000000000000001",
        "number:17012345678",
        "--reason",
        "paid",
        "--citizen",
        "13905541234",
    )
    assert _told(path, *opened, *at) == {"case": 1}
    assert "Case 1" in _run(path, *opened, *at)
    assert "Noted" in _run(path, "note", "1", "line cut off", "--party", "carrier", *at)
    shown = _run(path, "show", "1")
    assert "line cut off" in shown
    assert "13905541234" not in shown
    assert _told(path, "show", "1")["citizens"] == ["number:13905541234"]
    assert "Li" in _run(path, "list")
    assert len(_told(path, "list", "--officer", "Li")["cases"]) == 1
    assert len(_told(path, "list", "--about", "number:17012345678")["cases"]) == 1
    assert "Nothing is overdue" in _run(path, "overdue")
    assert "refused (no-such-officer)" in _run(path, "assign", "1", "Wang", *at, code=1)
    assert _told(path, "assign", "1", "Li", *at) == {"case": 1, "officer": "Li"}
    assert "write confirmed" in _run(path, "outcome", "1", "perhaps", *at, code=2)
    assert _told(path, "outcome", "1", "false-alarm", *at) == {"case": 1, "outcome": "false_alarm", "to_shadow": []}
    assert "refused (case-ended)" in _run(path, "note", "1", "more", *at, code=1)
    assert "refused (case-ended)" in _run(path, "merge", "1", "2", *at, code=1)
    assert _told(path, "list")["cases"] == []
    assert _told(path, "list", "--closed")["cases"][0]["outcome"] == "false_alarm"
    assert _told(path, "officers")["officers"] == [{"name": "Li", "cases": 0, "at_most": 2}]


def test_an_outcome_by_command_says_which_rule_stepped_back(tmp_path: Path) -> None:
    with new_book(tmp_path) as book:
        (tmp_path / "centre.sqlite.key").write_text(bytes(range(32)).hex())
        _judge(book, 48, 1, first=50)
        _open(book, ONE)
    said = _run(tmp_path / "centre.sqlite", "outcome", "1", "false_alarm", "--at", "2021-03-05T11:00")
    assert said.splitlines() == ["Case 1: false alarm", "some-rule is put to shadow"]


def test_rules_by_commands_say_who_stepped_back_and_why(tmp_path: Path) -> None:
    with new_book(tmp_path) as book:
        _judge(book, 48, 2)
        (tmp_path / "centre.sqlite.key").write_text(bytes(range(32)).hex())
    shown = _run(tmp_path / "centre.sqlite", "rules", "--at", "2021-03-05T11:00")
    assert "put to shadow 2021-03-05 10:00: 2 of 50" in shown.replace("  ", " ")
    assert _told(tmp_path / "centre.sqlite", "rules", "--at", "2021-03-05T11:00")["rules"][0]["rule"] == "some-rule"
    assert _told(tmp_path / "centre.sqlite", "overdue")["cases"] == []
