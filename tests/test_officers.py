"""What officers, citizens and police say afterwards: FEEDBACK and findings of the closed loop."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from interceptor.rules.fields import fields_of
from interceptor.schema import Action, Kind, Outcome, Subject, Verdict, rule_key
from simulator.city import City
from simulator.clock import DAY_0_MS, HOUR_MS, MINUTE_MS
from simulator.events import Rows
from simulator.officers import CASES_A_SLICE, Officers, heard_of
from tests.test_city import CROWDED, PEOPLE, SEED, Answers, people

STOPPED = (0.15, 0.3, 0.55, 0.9)
NEXT_MS = DAY_0_MS + 3 * MINUTE_MS
RULE = rule_key("some-rule")
END_MS = DAY_0_MS + 100 * HOUR_MS


def said(actions: Action, count: int = 400, **columns: Any) -> Rows:
    """What follows when these actions are taken on `count` events of different sources and citizens."""
    given = {"source": np.arange(count) + 1, "target": np.arange(count) + 10_001, "payer": np.arange(count) + 20_001}
    rows = Rows.of(columns.pop("kind", Kind.CALL), np.full(count, DAY_0_MS), **(given | columns))
    officers = Officers(SEED, STOPPED, lambda account: account + 50_000 if account > 20_000 else 0)
    officers.hear(rows, np.full(count, actions, np.uint32), [RULE] * count, NEXT_MS)
    assert not officers.due(NEXT_MS)
    return Rows.merged(officers.due(END_MS))


def outcomes(rows: Rows) -> Counter[Outcome]:
    return Counter(Outcome(outcome) for outcome in rows.column("outcome")[rows.column("kind") == Kind.FEEDBACK])


def test_only_warnings_from_tier_2_on_and_what_takes_something_are_heard_of() -> None:
    quiet = Action.LABEL | Action.OPEN_CASE | Action.REVERIFY | Action.WARN_1 | Action.DELAY_24H
    loud = [Action.WARN_2, Action.WARN_4, Action.LIMIT, Action.BLOCK, Action.HARD_BLOCK, Action.STOP_48H]
    rows, actions = Rows.of(Kind.CALL, np.arange(8), campaign=3), np.array([0, quiet, *loud], np.uint32)
    rows.set(campaign=np.repeat([3, -1], 4))
    assert heard_of(rows, actions, SEED).tolist() == [2, 3, 4, 5, 6, 7]


def test_of_much_fraud_some_is_looked_into_and_of_warnings_and_honest_people_all() -> None:
    rows = Rows.of(Kind.CALL, np.arange(100), source=np.arange(100), campaign=np.repeat([5, -1], 50))
    blocked = heard_of(rows, np.full(100, Action.BLOCK, np.uint32), SEED)
    assert (blocked < 50).sum() == CASES_A_SLICE
    assert (blocked >= 50).sum() == 50
    assert len(heard_of(rows, np.full(100, Action.WARN_2, np.uint32), SEED)) == 100


def test_an_officers_warning_is_tried_until_somebody_listens() -> None:
    rows = said(Action.WARN_3, kind=Kind.TRANSFER, campaign=4)
    assert set(rows.column("tier")) == {3}
    assert set(rows.column("rule")) == {RULE}
    assert set(rows.column("subject")) == {Subject.ACCOUNT}
    assert (rows.column("known") & (rows.column("campaign") == 4)).all()
    by_citizen: dict[int, list[Outcome]] = {}
    for citizen, outcome in zip(rows.column("target").tolist(), rows.column("outcome").tolist(), strict=True):
        by_citizen.setdefault(citizen, []).append(Outcome(outcome))
    assert len(by_citizen) == 400
    missed = {Outcome.UNREACHED, Outcome.REFUSED}
    assert all(set(tries[:-1]) <= missed and len(tries) <= 4 for tries in by_citizen.values())
    last = Counter(tries[-1] for tries in by_citizen.values())
    assert set(last) <= {Outcome.PERSUADED, Outcome.CONFIRMED, *missed}
    assert 0.4 <= last[Outcome.PERSUADED] / 400 <= 0.65
    assert any(tries.count(Outcome.UNREACHED) >= 3 for tries in by_citizen.values())


def test_who_was_warned_for_nothing_says_so() -> None:
    found = outcomes(said(Action.WARN_4, campaign=-1))
    assert found[Outcome.FALSE_ALARM] >= 320
    assert not found[Outcome.PERSUADED] + found[Outcome.CONFIRMED]


def test_of_an_automatic_call_it_is_known_that_it_was_made() -> None:
    assert outcomes(said(Action.WARN_2, campaign=1)) == {Outcome.NONE: 400}


def test_a_citizen_is_warned_once_an_hour() -> None:
    assert outcomes(said(Action.WARN_2, target=7)) == {Outcome.NONE: 1}


def test_honest_owners_appeal_and_fraud_is_confirmed() -> None:
    honest, fraud = outcomes(said(Action.LIMIT, campaign=-1)), outcomes(said(Action.LIMIT, campaign=1))
    assert 0.6 <= honest[Outcome.APPEAL_UPHELD] / 400 <= 0.8
    assert set(honest) == {Outcome.APPEAL_UPHELD, Outcome.FALSE_ALARM}
    assert 0.2 <= fraud[Outcome.CONFIRMED] / 400 <= 0.4
    assert set(fraud) == {Outcome.CONFIRMED, Outcome.APPEAL_REFUSED}
    assert outcomes(said(Action.LIMIT, source=5)).total() <= 1  # a line is looked into once


def test_what_is_stopped_is_the_payer() -> None:
    rows = said(Action.STOP_48H, kind=Kind.TRANSFER, campaign=-1)
    assert set(rows.column("source")) <= set(range(20_001, 20_401))
    refused = said(Action.BLOCK, kind=Kind.TRANSFER, campaign=-1)
    assert set(refused.column("source")) <= set(range(1, 401))


def test_police_find_out_who_sold_an_account() -> None:
    rows = said(Action.STOP_48H, kind=Kind.TRANSFER, campaign=3)
    reports = rows.take(rows.column("kind") == Kind.REPORT)
    assert reports.count >= 20
    assert (reports.column("finding") != 0).all()
    found: dict[int, dict[int, int]] = {}
    names = ("finding", "subject", "source")
    for number, subject, source in zip(*(reports.column(name).tolist() for name in names), strict=True):
        found.setdefault(number, {})[subject] = source
    assert all(one[Subject.PERSON] == one[Subject.ACCOUNT] + 50_000 for one in found.values())
    assert not (said(Action.LIMIT, campaign=3).column("kind") == Kind.REPORT).any()  # lines have no such finding


def test_a_victim_is_not_found_out() -> None:
    """A payment that was stopped: the account paid into is confirmed; whose it is isn't known here."""
    rows = said(Action.STOP_48H, kind=Kind.TRANSFER, campaign=3, payer=9_000)
    assert set(rows.column("kind")) == {Kind.FEEDBACK}
    assert set(rows.column("source")) <= set(range(1, 401))


def test_a_rule_is_known_by_the_same_key_everywhere() -> None:
    assert fields_of(Kind.FEEDBACK)["rule"].read("some-rule") == RULE
    assert rule_key("some-rule") != rule_key("some-rules")


def test_feedback_comes_back_into_the_stream() -> None:
    """With the rule that was behind it, as a shadow rule never is."""
    city, answered = City(CROWDED, PEOPLE, 1, SEED, people()), Counter[int]()
    warned = 0
    for taken in city.slices():
        ids, kind, rule = (taken.frame.column(name).to_numpy() for name in ("event_id", "kind", "rule"))
        answered += Counter(rule[kind == Kind.FEEDBACK].tolist())
        rows = np.flatnonzero((taken.campaign >= 0) & (kind == Kind.WEB))
        warned += len(rows)
        city.feedback(
            Answers(
                ids[rows], np.full(len(rows), Verdict.PASS, np.uint8), np.full(len(rows), Action.WARN_2, np.uint32),
                hit_row=np.repeat(np.arange(len(rows)), 2), hit_rule=np.tile([0, 1], len(rows)).astype(np.int32),
                rules=("watching", "warning"), shadow=np.array([True, False]),
            )
        )  # fmt: skip
    assert warned > 5
    assert 0 < answered.total() <= warned
    assert set(answered) == {rule_key("warning")}
