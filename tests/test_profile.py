"""Profiles: the parts are all there and add up, texts stand apart, costs stand beside hits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from interceptor.recording import open_recording
from interceptor.rules import load
from interceptor.tuning import outcome, profile
from interceptor.tuning.outcome import OUTSIDE, Watch, outcome_of
from interceptor.tuning.profile import Cost, costs
from interceptor.tuning.tables import EXIT_CLEAN
from tests.recordings import record, rules
from tests.streams import Alphabet, seeded


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profile")
    rule_set = load(rules(folder / "rules"))
    return record(folder / "day.parquet", rule_set, seeded(7, 1_000, Alphabet()))


def by_name(found: Sequence[Cost]) -> dict[tuple[str, str], Cost]:
    return {(cost.section, cost.name): cost for cost in found}


def test_every_part_is_told_with_its_hits(made: Path) -> None:
    rule_set = load(made.parent / "rules")
    found = outcome_of(open_recording(made), rule_set, lambda _: None)
    told = by_name(costs(found, rule_set))
    assert {name for section, name in told if section == "rule"} == {rule.name for rule in rule_set.rules}
    assert ("feature", "met_1h") in told
    hits = [int((found.hits.rule == index).sum()) for index in range(len(rule_set.rules))]
    assert [told["rule", rule.name].hits for rule in rule_set.rules] == hits
    assert told["feature", "met_1h"].hits == told["rule", "busy-citizen"].hits
    assert told["admission", ""].hits is None


def test_parts_add_up(made: Path) -> None:
    rule_set = load(made.parent / "rules")
    found = outcome_of(open_recording(made), rule_set, lambda _: None)
    told = costs(found, rule_set)
    assert OUTSIDE not in {cost.section for cost in told}
    assert sum(cost.share for cost in told) == pytest.approx(1)
    assert sum(cost.ns_per_event for cost in told) == pytest.approx(found.engine_ns / found.events)
    assert [cost.ns_per_event for cost in told] == sorted((cost.ns_per_event for cost in told), reverse=True)


def test_each_lap_is_charged_to_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0, 5, 12, 13, 33])
    monkeypatch.setattr(outcome, "perf_counter_ns", lambda: next(now))
    watch = Watch()
    for section, name in (("outside", ""), ("rule", "a"), ("rule", "b"), ("rule", "a")):
        watch.lap(section, name)
    assert dict(watch.ns) == {("outside", ""): 5, ("rule", "a"): 27, ("rule", "b"): 1}


TEXTS = """\
schema: 1
texts:
  - {text: gift, patterns: [积分]}
  - {text: shop, of: host, patterns: [bad]}
rules:
  - {rule: a-gift, title: t, on: sms, condition: gift, actions: [label]}
  - {rule: a-shop, title: t, on: web, condition: shop, actions: [label]}
"""


def test_texts_are_read_before_rules_where_an_observer_wants_that(tmp_path: Path) -> None:
    rule_set = load(rules(tmp_path / "rules", TEXTS))
    path = record(tmp_path / "day.parquet", rule_set, seeded(7, 300, Alphabet()))
    found = outcome_of(open_recording(path), rule_set, lambda _: None)
    order = list(found.ns)
    assert order.index(("text", "messages")) < order.index(("rule", "a-gift"))
    assert order.index(("text", "hosts")) < order.index(("rule", "a-shop"))


def test_rules_without_texts_read_none(made: Path) -> None:
    found = outcome_of(open_recording(made), load(made.parent / "rules"), lambda _: None)
    assert "text" not in {section for section, _ in found.ns}


def test_table_and_json(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made.parent / "rules"
    assert profile.main(made, folder, as_json=True) == EXIT_CLEAN
    said = json.loads(capsys.readouterr().out)
    assert said["events"] == 1_000
    assert {part["section"] for part in said["parts"]} >= {"admission", "feature", "rule", "score", "verdict", "list"}
    assert profile.main(made, folder, as_json=False) == EXIT_CLEAN
    out = capsys.readouterr().out
    assert "busy-citizen" in out
    assert profile.NOTE in out


CHAINED = """\
schema: 1
features:
  - {feature: calls_1h, count: events, by: caller, on: call, within: 1h}
  - {feature: busy_1h, count: events, by: citizen, on: call, where: calls_1h >= 2, within: 1h}
rules:
  - {rule: busy, title: t, on: call, condition: busy_1h >= 1, actions: [warn_1]}
  - {rule: many, title: t, on: call, condition: calls_1h >= 3, actions: [label]}
"""


def test_features_have_the_hits_of_all_who_read_them(tmp_path: Path) -> None:
    rule_set = load(rules(tmp_path / "rules", CHAINED))
    path = record(tmp_path / "day.parquet", rule_set, seeded(7, 600, Alphabet()))
    told = by_name(costs(outcome_of(open_recording(path), rule_set, lambda _: None), rule_set))
    busy, many = (told["rule", name].hits or 0 for name in ("busy", "many"))
    assert min(busy, many) > 0
    assert told["feature", "busy_1h"].hits == busy
    assert told["feature", "calls_1h"].hits == busy + many
