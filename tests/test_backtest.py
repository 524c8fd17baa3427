"""Backtests: every figure against plain counting, leaving a rule out against an engine without it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interceptor.engine import Engine
from interceptor.recording import open_recording, truth_path
from interceptor.rules import RuleSet, load
from interceptor.schema import GATES, Kind, Verdict
from interceptor.tuning import backtest, overlap, profile
from interceptor.tuning import outcome as outcome_module
from interceptor.tuning.figures import RuleFigures, figures, totals
from interceptor.tuning.left_out import LeftOut, feeds_back
from interceptor.tuning.outcome import Outcome, outcome_of
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_CONFIGURATION, EXIT_USAGE
from simulator.scam_types import SCAM_TYPES
from simulator.scorecard import ScoreCard
from tests.recordings import RULES, TYPE_OF_CAMPAIGN, campaign_of, pays, record, rules, shipped_rules
from tests.reference import Outcome as Decided
from tests.streams import DAY_MS, HOUR_MS, Alphabet, Event, outcomes_of, seeded

# Few enough who do a bit of everything, over several days.
MIXED = Alphabet(jumps=8, same=150)


@dataclass(frozen=True)
class Made:
    """A recording, what the engine decided event by event, and what the tools make of it."""

    path: Path
    rule_set: RuleSet
    events: list[Event]
    decided: list[Decided]
    outcome: Outcome
    of_rule: dict[str, RuleFigures]

    def hits(self, rule: str) -> list[Event]:
        return [event for event, one in zip(self.events, self.decided, strict=True) if rule in one.rules]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    rule_set = load(rules(folder / "rules"))
    events = seeded(4, 3_000, MIXED)
    path = record(folder / "day.parquet", rule_set, events)
    outcome = outcome_of(open_recording(path), rule_set, lambda _: None)
    found = figures(outcome, rule_set, TYPE_OF_CAMPAIGN)
    assert len({event["ts_ms"] // DAY_MS for event in events}) >= 3
    return Made(path, rule_set, events, outcomes_of(rule_set, [events]), outcome, {one.rule.name: one for one in found})


@pytest.fixture(scope="module")
def city(city_recording: Path) -> tuple[Outcome, RuleSet]:
    rule_set = shipped_rules()
    return outcome_of(open_recording(city_recording), rule_set, lambda _: None), rule_set


def stopped(verdict: Verdict) -> bool:
    return verdict >= Verdict.HOLD


def test_the_made_stream_tells_something(made: Made) -> None:
    hits = {name: one.hits for name, one in made.of_rule.items()}
    assert hits.pop("never") == 0
    assert min(hits.values()) >= 10
    without = [one.without for one in made.of_rule.values() if one.without]
    assert sum(one.scam > 0 for one in without) >= 5
    assert any(one.scam < 0 or one.ordinary < 0 for one in without), "an allow rule left out stops more"


def test_hits_precision_and_alerts(made: Made) -> None:
    days = made.outcome.days
    for name, one in made.of_rule.items():
        hits = made.hits(name)
        assert one.hits == len(hits)
        assert one.true_hits == sum(campaign_of(event) >= 0 for event in hits)
        assert one.precision == (one.true_hits / one.hits if hits else None)
        assert one.alerts == len({(event["source"], (event["ts_ms"] + 8 * HOUR_MS) // DAY_MS) for event in hits})
        assert one.alerts_a_day == pytest.approx(one.alerts / days)
    told = [event["ts_ms"] for event, one in zip(made.events, made.decided, strict=True) if not one.status]
    assert days == (told[-1] + 8 * HOUR_MS) // DAY_MS - (told[0] + 8 * HOUR_MS) // DAY_MS + 1


def test_recall_by_campaign_and_type(made: Made) -> None:
    for rule in made.rule_set.rules:
        one = made.of_rule[rule.name]
        there = {campaign_of(event) for event in made.events if event["kind"] in rule.kinds} - {-1}
        hit = {campaign_of(event) for event in made.hits(rule.name)} - {-1}
        assert (one.campaigns.count, one.campaigns.hit) == (len(there), len(hit))
        for name, of_type in one.by_type.items():
            member = {c for c in there if SCAM_TYPES[TYPE_OF_CAMPAIGN[c]] == name}
            assert (of_type.count, of_type.hit) == (len(member), len(member & hit))


def test_what_only_one_rule_finds(made: Made) -> None:
    live = {rule.name for rule in made.rule_set.rules if rule.mode == "live"}
    only: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for event, one in zip(made.events, made.decided, strict=True):
        for name in one.rules:
            if not (set(one.rules) & live) - {name}:
                only[name][campaign_of(event) >= 0] += 1
    assert {name: [one.only_false, one.only_true] for name, one in made.of_rule.items() if one.hits} == {
        name: only[name] for name, one in made.of_rule.items() if one.hits
    }
    assert sum(one.only_true for one in made.of_rule.values()) > 50


def test_leaving_a_rule_out_is_an_engine_without_it(made: Made) -> None:
    for rule in made.rule_set.rules:
        others = replace(made.rule_set, rules=tuple(one for one in made.rule_set.rules if one is not rule))
        without = outcomes_of(others, [made.events])
        change = [
            (stopped(before.verdict) - stopped(after.verdict), event)
            for event, before, after in zip(made.events, made.decided, without, strict=True)
        ]
        found = made.of_rule[rule.name].without
        if rule.mode == "shadow":
            assert found is None
            assert not any(less for less, _ in change)
            continue
        assert found is not None
        assert not found.about
        assert found.scam == sum(less for less, event in change if campaign_of(event) >= 0)
        assert found.ordinary == sum(less for less, event in change if campaign_of(event) < 0)
        assert found.money_fen == sum(less * event["amount_fen"] for less, event in change if pays(event))


def test_nothing_left_out_is_what_the_engine_decided(made: Made, city: tuple[Outcome, RuleSet]) -> None:
    for outcome, rule_set in ((made.outcome, made.rule_set), city):
        everything = LeftOut(outcome, rule_set, np.ones(len(outcome), bool))
        assert np.array_equal(everything.verdict(), outcome["verdict"])
        assert len(set(outcome["verdict"].tolist())) == len(Verdict)


def test_totals_are_the_score_cards(city_recording: Path, city: tuple[Outcome, RuleSet]) -> None:
    outcome, rule_set = city
    recording, engine, card = open_recording(city_recording), Engine(rule_set), ScoreCard()
    for taken in recording.slices(10_000):
        card.add(taken, engine.decide(taken.frame))
    score, whole = card.score(recording.type_of_campaign, len(SCAM_TYPES)), totals(outcome)
    assert whole.gates == score.gates
    assert (whole.campaigns.hit, whole.campaigns.count) == card.met
    assert whole.asked_fen == sum(one.asked_fen for one in score.types)
    assert whole.stopped_fen == sum(one.asked_fen - one.passed_fen for one in score.types)
    assert 0 < whole.stopped_fen < whole.asked_fen
    found = figures(outcome, rule_set, recording.type_of_campaign)
    assert {(one.rule.name, one.shadow, one.hits, one.true_hits) for one in found} == {
        (one.name, one.shadow, one.hits, one.true_hits) for one in score.rules
    }
    assert sum(whole.verdicts.values()) == sum(gate.events for gate in whole.gates.values())


FEEDBACK = """\
schema: 1
lists:
  - {list: bad, of: number}
rules:
  - {rule: adds, title: t, on: call, condition: trunk == "sip", list: {to: bad, ttl: 1d}, actions: [label]}
  - {rule: scores, title: t, on: call, condition: trunk == "sip", evidence: traffic, score: 1}
  - {rule: quiet, title: t, on: call, condition: trunk == "sip", mode: shadow, evidence: traffic, score: 1}
  - {rule: allows, title: t, on: call, condition: known, actions: [allow]}
  - {rule: plain, title: t, on: call, condition: trunk == "local", actions: [block]}
"""
READS_LIST = "  - {rule: reads, title: t, on: call, condition: caller in bad, actions: [block]}\n"
READS_SCORE = "  - {rule: reads, title: t, on: call, condition: source_score >= 1, actions: [warn_1]}\n"


@pytest.mark.parametrize(("more", "marked"), [("", set()), (READS_LIST, {"adds", "allows"}), (READS_SCORE, {"scores"})])
def test_what_feeds_back_is_marked(tmp_path: Path, more: str, marked: set[str]) -> None:
    rule_set = load(rules(tmp_path, FEEDBACK + more))
    assert {rule.name for rule in rule_set.rules if feeds_back(rule_set, rule)} == marked


def test_json_says_all(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    code = backtest.main(made.path, made.path.parent / "rules", as_json=True, html=None)
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert (code, captured.err) == (EXIT_CLEAN, "")
    assert told["recording"]["events"] == len(made.events)
    assert told["dead"] == ["never"]
    assert {one["rule"] for one in told["rules"]} == set(made.of_rule)
    for one in told["rules"]:
        figure = made.of_rule[one["rule"]]
        assert (one["hits"], one["true_hits"], one["alerts"]) == (figure.hits, figure.true_hits, figure.alerts)
        assert one["without"] == (
            figure.without
            and {
                "scam_events": figure.without.scam,
                "money_fen": figure.without.money_fen,
                "ordinary_events": figure.without.ordinary,
                "approximate": False,
            }
        )


def test_the_table_puts_what_would_be_missed_first(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest.main(made.path, made.path.parent / "rules", as_json=False, html=None) == EXIT_CLEAN
    out = capsys.readouterr().out
    first = out.split("\nRules\n")[1].splitlines()[2].split()[0]
    money = {name: one.without.money_fen for name, one in made.of_rule.items() if one.without}
    assert first == max(money, key=money.__getitem__)
    assert "watching (shadow)" in out
    assert out.rstrip().splitlines()[-1] == "Never hit: never"


def test_without_truth_nothing_is_said_of_right_and_wrong(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "day.parquet"
    path.write_bytes(made.path.read_bytes())
    assert not truth_path(path).exists()
    folder = made.path.parent / "rules"
    assert backtest.main(path, folder, as_json=True, html=tmp_path / "page.html") == EXIT_CLEAN
    told = json.loads(capsys.readouterr().out)
    assert not told["recording"]["truth"]
    for one in told["rules"]:
        figure = made.of_rule[one["rule"]]
        assert one["hits"] == figure.hits
        assert not {"precision", "true_hits", "campaigns"} & one.keys()
        if figure.without:
            assert one["without"]["events"] == figure.without.scam + figure.without.ordinary
    assert backtest.main(path, folder, as_json=False, html=None) == EXIT_CLEAN
    out = capsys.readouterr().out
    assert backtest.NO_TRUTH in out
    assert "%" not in out


def test_the_page_stands_alone(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    backtest.main(made.path, made.path.parent / "rules", as_json=False, html=page)
    capsys.readouterr()
    text = page.read_text("utf-8")
    assert text.count("<svg") == 2
    assert "watching (shadow)" in text
    outside = [part for part in ("<script", "<link", "src=", "url(http", "@import") if part in text]
    assert outside == []


COMMANDS: list[Callable[[Path, Path], int]] = [
    lambda on, folder: backtest.main(on, folder, as_json=False, html=None),
    lambda on, folder: overlap.main(on, folder, as_json=False),
    lambda on, folder: profile.main(on, folder, as_json=False),
]


@pytest.mark.parametrize("command", COMMANDS, ids=["backtest", "overlap", "profile"])
def test_what_a_person_can_mend_is_one_message(
    command: Callable[[Path, Path], int], made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def failed(on: Path, folder: Path) -> tuple[int, Any]:
        return command(on, folder), capsys.readouterr().err

    good = made.path.parent / "rules"
    code, told = failed(tmp_path / "nothing.parquet", good)
    assert (code, told) == (EXIT_USAGE, f"{tmp_path / 'nothing.parquet'}: no such file\n")
    code, told = failed(good / "rules.yaml", good)
    assert code == EXIT_USAGE
    assert "isn't a recording" in told
    broken = rules(tmp_path / "broken", RULES.replace("tenure <= 30d", "tenur <= 30d"))
    code, told = failed(made.path, broken)
    assert code == EXIT_CONFIGURATION
    assert "did you mean tenure" in told


def test_a_page_that_cant_be_written(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest.main(made.path, made.path.parent / "rules", as_json=False, html=tmp_path) == EXIT_USAGE
    assert "this is a folder" in capsys.readouterr().err
    nowhere = tmp_path / "none" / "page.html"
    assert backtest.main(made.path, made.path.parent / "rules", as_json=False, html=nowhere) == EXIT_USAGE
    captured = capsys.readouterr()
    assert "there is no folder" in captured.err
    assert captured.out == ""


def test_an_empty_recording(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path / "empty.parquet", made.rule_set, [])
    folder = made.path.parent / "rules"
    for as_json in (True, False):
        assert backtest.main(path, folder, as_json=as_json, html=None) == EXIT_CLEAN
        assert overlap.main(path, folder, as_json=as_json) == EXIT_CLEAN
        assert profile.main(path, folder, as_json=as_json) == EXIT_CLEAN
    assert "Never hit: busy-citizen" in capsys.readouterr().out


def test_kinds_of_gates_cover_all_verdicts(made: Made) -> None:
    """What isn't in an outcome passed."""
    kept = set(made.outcome["row"].tolist())
    for row, (event, one) in enumerate(zip(made.events, made.decided, strict=True)):
        plain = not one.rules and one.verdict == Verdict.PASS and campaign_of(event) < 0
        assert (row in kept) == (not plain)
    at_gates = sum(event["kind"] in GATES for event in made.events)
    assert made.outcome.counts[[Kind.CALL, Kind.SMS, Kind.WEB, Kind.TRANSFER]].sum() == at_gates


def test_frames_dont_matter(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_module, "FRAME_ROWS", 401)
    cut = outcome_of(open_recording(made.path), made.rule_set, lambda _: None)
    assert np.array_equal(cut.counts, made.outcome.counts)
    assert cut.days == made.outcome.days
    assert all(np.array_equal(cut[name], made.outcome[name]) for name in cut.columns)
    for one, other in zip(
        (cut.hits, cut.source, cut.target), (made.outcome.hits, made.outcome.source, made.outcome.target), strict=True
    ):
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(one, other, strict=True))


def test_progress_adds_up_to_the_recording(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_module, "FRAME_ROWS", 401)
    told: list[int] = []
    outcome_of(open_recording(made.path), made.rule_set, told.append)
    assert len(told) == 8
    assert sum(told) == len(made.events)
