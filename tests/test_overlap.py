"""Overlap: pairs, rules within others and dead ones, against sets."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from interceptor.recording import open_recording
from interceptor.rules import RuleSet, load
from interceptor.tuning import overlap
from interceptor.tuning.outcome import Outcome, outcome_of
from interceptor.tuning.overlap import ALIKE, SUBSUMED_MIN, Overlap, Pair
from interceptor.tuning.tables import EXIT_CLEAN, called
from tests.recordings import RULES, record, rules
from tests.streams import Alphabet, seeded

MORE = """\
  - {rule: younger, title: t, on: call, condition: tenure <= 7d, evidence: identity, score: 1}
  - {rule: sip-again, title: t, on: call, condition: trunk == "sip" and tenure >= 0d, evidence: traffic, score: 1}
  - {rule: rare, title: t, on: call, condition: trunk == "sip" and tenure == 7d, evidence: traffic, score: 1}
  - {rule: opened, title: t, on: registration, condition: tenure >= 0d, actions: [open_case]}
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome, RuleSet, Overlap]:
    folder = tmp_path_factory.mktemp("overlap")
    rule_set = load(rules(folder / "rules", RULES + MORE))
    path = record(folder / "day.parquet", rule_set, seeded(7, 2_000, Alphabet(twice=0)))
    outcome = outcome_of(open_recording(path), rule_set, lambda _: None)
    return path, outcome, rule_set, overlap.overlap(outcome, rule_set)


def hits_of(outcome: Outcome, rule_set: RuleSet, column: str) -> dict[str, set[int]]:
    """By rule, the values of a column where it hit."""
    found: dict[str, set[int]] = {called(rule): set() for rule in rule_set.rules}
    names = list(found)
    for at, rule in zip(outcome.hits.at.tolist(), outcome.hits.rule.tolist(), strict=True):
        found[names[rule]].add(int(outcome[column][at]))
    return found


def pairs_by_sets(hits: dict[str, set[int]]) -> set[tuple[str, str, int, int, int, float]]:
    pairs = set()
    for a, b in combinations(hits, 2):
        both, either = len(hits[a] & hits[b]), len(hits[a] | hits[b])
        if either and both / either > ALIKE:
            pairs.add((a, b, len(hits[a]), len(hits[b]), both, round(both / either, 9)))
    return pairs


def flat(pairs: tuple[Pair, ...]) -> set[tuple[str, str, int, int, int, float]]:
    return {(*pair.rules, *pair.hits, pair.both, round(pair.jaccard, 9)) for pair in pairs}


def test_pairs_by_events(found: tuple[Path, Outcome, RuleSet, Overlap]) -> None:
    _, outcome, rule_set, told = found
    expected = pairs_by_sets(hits_of(outcome, rule_set, "row"))
    assert flat(told.events) == expected
    assert ("sip", "sip-again") in {pair[:2] for pair in expected}
    assert [pair.jaccard for pair in told.events] == sorted((pair.jaccard for pair in told.events), reverse=True)


def test_pairs_by_sources(found: tuple[Path, Outcome, RuleSet, Overlap]) -> None:
    _, outcome, rule_set, told = found
    hits = {name: sources - {0} for name, sources in hits_of(outcome, rule_set, "source").items()}
    assert flat(told.sources) == pairs_by_sets(hits)
    kinds = {called(rule): rule.kinds for rule in rule_set.rules}
    assert any(not kinds[a] & kinds[b] for a, b in (pair.rules for pair in told.sources)), "of different gates, too"


def test_rules_within_others(found: tuple[Path, Outcome, RuleSet, Overlap]) -> None:
    _, outcome, rule_set, told = found
    hits = hits_of(outcome, rule_set, "row")
    within = {(one.rule, one.of) for one in told.within}
    expected = {(a, b) for a in hits for b in hits if a != b and len(hits[a]) >= SUBSUMED_MIN and hits[a] <= hits[b]}
    equal = {(a, b) for a, b in expected if hits[a] == hits[b] and a < b}
    assert within == expected - equal
    assert {("younger", "young"), ("younger", "watching (shadow)"), ("sip-again", "sip")} <= within
    assert 0 < len(hits["rare"]) < SUBSUMED_MIN
    assert "rare" not in {a for a, _ in within}


def test_dead_rules(found: tuple[Path, Outcome, RuleSet, Overlap]) -> None:
    assert found[3].dead == ("never",)


def test_table_and_json_say_the_same(
    found: tuple[Path, Outcome, RuleSet, Overlap], capsys: pytest.CaptureFixture[str]
) -> None:
    path, _, _, told = found
    assert overlap.main(path, path.parent / "rules", as_json=True) == EXIT_CLEAN
    said = json.loads(capsys.readouterr().out)
    assert [tuple(pair["rules"]) for pair in said["events"]] == [pair.rules for pair in told.events]
    assert said["dead"] == ["never"]
    assert overlap.main(path, path.parent / "rules", as_json=False) == EXIT_CLEAN
    lines = capsys.readouterr().out.splitlines()
    for one in told.within:
        assert [one.rule, f"{one.hits}"] in [line.split()[:2] for line in lines] or "(shadow)" in one.rule
    assert lines[-1] == "Never hit: never"
