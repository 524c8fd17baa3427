"""Scenario files: the ones that come with the project, and what is said about broken ones.

Enters: YAML. Leaves: nothing. Invariant: every error names file and line, or what is known.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scam_types import MULE_NETWORK, SCAM_TYPES, TYPES
from simulator.scenario import Scenario, ScenarioError, known_scenarios, load, parse

HEAD = "scenario: mine\ntitle: Mine\n"


def problem(text: str | bytes) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse(text.encode() if isinstance(text, str) else text, "mine.yaml")
    return str(caught.value)


@pytest.mark.parametrize("name", ["city_centre", "carrier_edge", "festival", "burst"])
def test_known_scenarios_load(name: str) -> None:
    scenario = load(name)
    assert scenario.scenario == name
    assert scenario.title
    assert scenario.people >= 100_000
    assert name in known_scenarios()


def test_the_default_is_the_assumptions_as_they_stand() -> None:
    """city_centre changes nothing, so the figures in simulator.scenario are the ones that hold."""
    told = load("city_centre").model_dump(exclude={"scenario", "title", "about"})
    assert told == Scenario(scenario="x", title="x").model_dump(exclude={"scenario", "title", "about"})


def test_weights_are_shares() -> None:
    scenario = load("city_centre")
    shares = [scenario.weight(name) for name in SCAM_TYPES[:MULE_NETWORK]]
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == pytest.approx(TYPES[0].weight_percent / sum(t.weight_percent for t in TYPES))
    more = load("festival")
    assert more.weight("fake_shopping") > scenario.weight("fake_shopping")


def test_a_path_is_taken_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + "people: 5000\nvictims:\n  retry_payee: 0.5\n", "utf-8")
    scenario = load(str(path))
    assert (scenario.people, scenario.victims.retry_payee) == (5000, 0.5)


def test_an_unknown_name_lists_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ScenarioError) as caught:
        load("city_center")
    assert caught.value.missing
    assert "did you mean city_centre" in str(caught.value)
    assert "burst, carrier_edge, city_centre, festival" in str(caught.value)


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + "peple: 5000\n", "mine.yaml:3:1: error[unknown-field]: peple: unknown field"),
        (HEAD + "peple: 5000\n", "hint: did you mean people?"),
        (HEAD + "victims:\n  retry_paye: 0.5\n", "mine.yaml:4:3: error[unknown-field]: victims.retry_paye"),
        (HEAD + "victims:\n  retry_paye: 0.5\n", "hint: did you mean retry_payee"),
        (HEAD + "zzz: 1\n", "hint: known: scenario, title"),
        (HEAD + "people: -5\n", "mine.yaml:3:9: error[bad-value]: people: input should be greater than or"),
        (HEAD + "people: many\n", "people: input should be a valid integer"),
        (HEAD + "victims:\n  labelled: 1.5\n", "mine.yaml:4:13: error[bad-value]: victims.labelled: input"),
        (HEAD + "volleys:\n  report_sigma: .nan\n", "mine.yaml:4:"),
        (HEAD + "rotation:\n  minutes: [60, 5]\n", "mine.yaml:4:12: error[bad-value]: rotation.minutes: two numbers"),
        (HEAD + "rotation:\n  minutes: [1]\n", "mine.yaml:4:12: error[missing-field]: rotation.minutes.1"),
        (HEAD + "laundering:\n  exits: [0.5, 0.5, 0.5, 0]\n", "laundering.exits: shares add up to 1.5, must be 1"),
        (HEAD + "laundering:\n  fresh: 0.8\n  dormant: 0.3\n", "laundering.fresh: fresh and dormant add up to 1.1"),
        (HEAD + "campaigns:\n  weights:\n    fake_bos: 2\n", "mine.yaml:5:5: error[unknown-type]: campaigns.weights"),
        (HEAD + "campaigns:\n  weights:\n    fake_bos: 2\n", "hint: did you mean fake_boss"),
        (HEAD + "campaigns:\n  weights: {mule_network: 2}\n", "unknown scam type mule_network"),
        ("title: Mine\n", "mine.yaml:1:1: error[missing-field]: scenario is missing"),
        ("- 1\n", "mine.yaml:1:1: error[not-a-mapping]: a scenario file is one mapping"),
        ("", "mine.yaml:1:1: error[missing-field]: scenario is missing"),
        (HEAD + "people: [1\n", "mine.yaml:3:9: error[yaml-bracket]"),
        (HEAD + "title: again\n", "mine.yaml:3:1: error[duplicate-key]"),
        (HEAD + "about: &a b\n", "mine.yaml:3:8: error[yaml-alias]"),
        (b"scenario: mine\ntitle: \xff\n", "mine.yaml:2:8: error[not-utf8]"),
        (HEAD + "about: " + "[" * 3000, "mine.yaml:3:"),
    ],
)  # fmt: skip
def test_broken_files_are_told_with_their_line(text: str | bytes, told: str) -> None:
    assert told in problem(text)


def test_all_weights_zero_is_refused() -> None:
    weights = "".join(f"    {name}: 0\n" for name in SCAM_TYPES[:MULE_NETWORK])
    assert "campaigns.weights: at least one type" in problem(HEAD + "campaigns:\n  weights:\n" + weights)


def test_several_errors_come_at_once() -> None:
    assert problem(HEAD + "people: -5\ndays: 0\n").count("error[bad-value]") == 2
