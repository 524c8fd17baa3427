"""Tests in rules files: how a story becomes events, what passes, what fails, and what counts as tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from interceptor.rules import RulesError, RuleSet, load
from interceptor.rules.cases import DAY_OF_TESTS_MS, CaseDef, CaseError, events_of
from interceptor.rules.fields import fields_of
from interceptor.schema import Kind
from interceptor.tuning.testing import main
from interceptor.tuning.trial import try_rule

HEAD = """\
schema: 1
lists:
  - {list: confirmed}
features:
  - {feature: strangers_1h, distinct: callee, on: call, where: not known, by: caller, within: 1h}
  - {feature: paid_1h, sum: amount, on: transfer, by: payee, within: 1h}
"""
SWEEPER = """\
rules:
  - rule: sweeper
    title: Sweeps
    on: call
    condition: strangers_1h >= 20 and tenure <= 30d and caller not in confirmed
    evidence: traffic
    score: 3
    actions: [label]
    tests:
"""


def rules_of(tmp_path: Path, tests: str, rule: str = SWEEPER) -> RuleSet:
    path = tmp_path / "rules.yaml"
    path.write_text(HEAD + rule + tests)
    return load(path)


def case(**given: object) -> CaseDef:
    return CaseDef.model_validate({"name": "a", "expect": {"hits": 1}, **given})


TWENTY = """\
      - name: at the twentieth stranger
        given: {tenure: 30d}
        events:
          - {on: call, caller: "+8617012345678", callee: "+8613900000001", vary: callee, repeat: 20, every: 90s}
        expect: {hits: 1, first: 20, verdict: label}
"""
OLD = """\
      - name: not from an old line
        given: {tenure: 31d}
        events:
          - {on: call, caller: anybody, vary: callee, repeat: 21}
        expect: {hits: 0}
"""
LISTED = """\
      - name: not from a listed one
        lists: {confirmed: ["+8617012345678"]}
        events:
          - {on: call, caller: "+8617012345678", tenure: 1d, vary: callee, repeat: 21}
        expect: {hits: 0, verdict: pass}
"""


def test_passes_with_full_coverage(tmp_path: Path) -> None:
    trial = try_rule(rules_of(tmp_path, TWENTY + OLD + LISTED), "sweeper")
    assert not trial.failed
    assert (trial.has_hit, trial.has_miss) == (True, True)
    assert [outcome.hits for outcome in trial.outcomes] == [(20,), (), ()]
    assert all(tried.both_ways for tried in trial.tried)
    assert [tried.closely for tried in trial.tried] == [True, True, False]  # the third compares with no number


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("hits: 1, first: 20", "hits: 2"), "expected 2 events hit, found 1 event (20)"),
        (("first: 20", "first: 19"), "expected event 19 to be the first that is hit, found event 20"),
        (("verdict: label", "verdict: block"), "expected verdict block for the last event, found label"),
        (("repeat: 20", "repeat: 19"), "expected 1 event hit, found 0 events"),
    ],
)
def test_says_what_was_found_instead(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    trial = try_rule(rules_of(tmp_path, TWENTY.replace(*change)), "sweeper")
    assert [outcome.problem for outcome in trial.failed] == [problem]


def test_thresholds_that_are_tried_from_afar_do_not_count(tmp_path: Path) -> None:
    far = TWENTY.replace("{tenure: 30d}", "{tenure: 3d}") + OLD.replace("31d", "400d")
    trial = try_rule(rules_of(tmp_path, far), "sweeper")
    by_key = {tried.leaf.key: tried for tried in trial.tried}
    assert by_key["(strangers_1h >= 20)"].closely
    assert not by_key["(tenure <= 2592000000ms)"].closely
    assert by_key["(tenure <= 2592000000ms)"].both_ways
    assert not by_key["caller in confirmed"].both_ways


def test_what_other_rules_score_is_there_in_a_test(tmp_path: Path) -> None:
    """A rule that reads a score is tried with the rules that make it."""
    both = SWEEPER.replace("    tests:\n", "") + (
        "  - rule: after-sweep\n    title: t\n    on: call\n    condition: source_score >= 3\n    actions: [warn_1]\n"
        "    tests:\n"
    )
    assert not try_rule(rules_of(tmp_path, TWENTY.replace(", verdict: label", ""), both), "after-sweep").failed


def test_events_of_a_story() -> None:
    events = events_of(
        case(
            start="23:30",
            given={"tenure": "3d", "amount": 20_000, "trunk": "sip"},
            events=[
                {"on": "call", "caller": "+86 139-0554-1234", "repeat": 3, "every": "1m", "count_up": "callee"},
                {"on": "transfer", "after": "30m", "payee": "mule", "payer": "victim"},
                {"on": "web", "at": "2h", "host": "A.Example.com", "host_age": "3h"},
            ],
        )
    )
    start_ms = DAY_OF_TESTS_MS + (23 * 60 + 30) * 60_000
    minutes = [(event["ts_ms"] - start_ms) / 60_000 for event in events]
    assert minutes == [0, 1, 2, 32, 120]
    assert [event["event_id"] for event in events] == [1, 2, 3, 4, 5]
    assert [event["source"] for event in events[:3]] == [8613905541234] * 3
    assert [event["target"] - events[0]["target"] for event in events[:3]] == [0, 1, 2]
    assert events[0]["tenure_days"] == 3
    assert events[0]["trunk"] == 4
    assert "trunk" not in events[3]
    assert events[3]["amount_fen"] == 2_000_000
    assert events[3]["source"] != events[3]["payer"]
    assert events[4]["host"] == "a.example.com"
    assert events[4]["host_age_h"] == 3
    assert events[4]["source"] not in (0, 8613800138000)  # the host's own number


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        ({"events": [{"on": "call", "calller": "a"}]}, ("events", 0, "calller"), "call events have no field calller"),
        ({"events": [{"on": "call", "tenure": 3}]}, ("events", 0, "tenure"), "3 is no duration"),
        ({"events": [{"on": "call", "trunk": "moon"}]}, ("events", 0, "trunk"), "'moon' is none of"),
        ({"events": [{"on": "sms", "text": 5}]}, ("events", 0, "text"), "5 is no text"),
        ({"events": [{"on": "call", "known": "yes"}]}, ("events", 0, "known"), "'yes' is not true or false"),
        ({"events": [{"on": "transfer", "amount": "much"}]}, ("events", 0, "amount"), "'much' is no amount"),
        ({"events": [{"on": "call", "caller": True}]}, ("events", 0, "caller"), "True is nobody"),
        ({"events": [{"on": "call", "vary": "trunkk"}]}, ("events", 0), "trunkk can't be another one"),
        ({"events": [{"on": "sms"}], "given": {"amount": 5}}, ("given", "amount"), "sms events have no field amount"),
        (
            {"events": [{"on": "sms", "repeat": 5000}] * 5},
            ("events", 4, "repeat"),
            "a test has at most 20,000 events",
        ),
    ],
)
def test_refuses_what_cannot_be_meant(given: dict[str, object], path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(CaseError, match=message) as raised:
        events_of(case(**given))
    assert raised.value.path == path


def test_every_kind_has_its_parties() -> None:
    for kind in Kind:
        assert {"source", "target", "citizen", "known", "tenure"} <= set(fields_of(kind)), kind


def test_a_broken_test_is_found_with_the_rules(tmp_path: Path) -> None:
    with pytest.raises(RulesError) as raised:
        rules_of(tmp_path, TWENTY.replace("vary: callee", "vary: calle") + OLD.replace("tenure", "tenur"))
    assert [(problem.code, problem.line) for problem in raised.value.problems] == [("bad-test", 19), ("bad-test", 22)]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules_of(tmp_path, TWENTY + OLD.replace("hits: 0", "hits: 1"))
    assert main(tmp_path, (), as_json=False) == 1
    out = capsys.readouterr().out
    assert "sweeper: not from an old line: expected 1 event hit, found 0 events" in out
    assert f"{tmp_path / 'rules.yaml'}:21" in out
    assert main(tmp_path, ("sweper",), as_json=False) == 2
    assert "did you mean sweeper?" in capsys.readouterr().err
    assert main(tmp_path / "nowhere", (), as_json=False) == 78
