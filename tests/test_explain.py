"""Why an event was stopped, or why it passed: what is said is what the engine did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interceptor.engine import Engine
from interceptor.recording import Recorder, Truth
from interceptor.rules import load
from interceptor.rules.cases import CaseDef, events_of
from interceptor.tuning.explain import main
from interceptor.tuning.trial import frame_of
from simulator.report import Setting

RULES = """\
schema: 1
half_life: 24h
lists:
  - list: confirmed
    items: [{value: "+8617000000001", expires: 2027-01-31, source: police, reason: "case 12 [bold]"}]
macros:
  - {macro: fresh, condition: tenure <= 30d}
texts:
  - {text: bait, patterns: [高薪, 返利]}
features:
  - {feature: strangers_1h, distinct: callee, on: call, by: caller, within: 1h}
rules:
  - rule: sweeper
    title: Sweeps
    on: call
    condition: strangers_1h >= 3 and fresh
    evidence: traffic
    score: 3
    reason: Many strangers were called.
    remedy: Bring your identity card.
    exceptions:
      - {name: couriers, condition: registered, expires: 2027-06-30, owner: ops}
  - {rule: listed, title: Listed, on: [call, sms], condition: source in confirmed, evidence: report, score: 2}
  - {rule: easy-money, title: Bait, on: sms, condition: bait and not known, evidence: text, score: 1, actions: [label]}
policies:
  - {policy: call, source: [{score: 3, actions: [label]}, {score: 4, kinds: 2, actions: [block]}]}
"""
STORY: dict[str, Any] = {
    "name": "a",
    "expect": {"hits": 1},
    "events": [
        {"on": "call", "caller": "+8617000000001", "tenure": "1d", "vary": "callee", "repeat": 3, "every": "12h"},
        {"on": "call", "caller": "+8617000000001", "tenure": "1d", "vary": "callee", "repeat": 3},
        {"on": "call", "caller": "+8617000000002", "tenure": "1d", "registered": True, "vary": "callee", "repeat": 3},
        {"on": "sms", "sender": "+8617000000003", "text": "日结高薪\x1b[31m[/bold]，加微信"},
        {"on": "call", "caller": "+8617000000004", "tenure": "31d"},
    ],
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A rules file and a recording under it: ids 1–3 and 4–6 of a listed caller, 7–9, 10 an SMS, 11."""
    folder = tmp_path_factory.mktemp("explain")
    (folder / "rules.yaml").write_text(RULES)
    frame = frame_of(events_of(CaseDef.model_validate(STORY)))
    rule_set = load(folder / "rules.yaml")
    with Recorder(folder / "day.parquet", Setting("city_centre", 1000, 1, 7, 0, 86_400_000), rule_set.hash) as recorder:
        engine = Engine(rule_set)
        for part in (frame.slice(0, 5), frame.slice(5)):
            decisions = engine.decide(part)
            recorder.add(part, decisions, Truth.nothing(part.num_rows), np.zeros(0, np.int64))
    return folder / "rules.yaml", folder / "day.parquet"


def told(recording: tuple[Path, Path], event: int, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(event, recording[1], recording[0], show_all=True, as_json=False) == 0
    return capsys.readouterr().out


def found(recording: tuple[Path, Path], event: int, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(event, recording[1], recording[0], show_all=False, as_json=True) == 0
    as_object: dict[str, Any] = json.loads(capsys.readouterr().out)
    return as_object


def test_why_it_was_stopped(recording: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    text = told(recording, 6, capsys)
    assert "call 6 decided: block (block, label)" in text
    assert "told   Many strangers were called." in text
    assert "remedy Bring your identity card." in text
    assert "✓ strangers_1h >= 3   (strangers_1h = 3)" in text
    assert "✓ fresh   (tenure = 1d)" in text
    assert "source by +8617000000001 · until 2027-01-31 00:00 UTC · police · case 12 [bold]" in text
    assert "policy: 4 with 2 kinds of evidence → block: reached" in text
    assert "8617000000001 →" not in text  # people are masked


def test_the_score_adds_up(recording: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    source = found(recording, 6, capsys)["scores"]["source"]
    assert source["score"] == sum(share["points"] for share in source["shares"])
    for share in source["shares"]:
        assert share["points"] == pytest.approx(share["weight"] * 2 ** (-share["age_ms"] / 86_400_000), abs=1e-9)
    assert {share["rule"] for share in source["shares"]} == {"sweeper", "listed"}
    assert [step["reached"] for step in source["policy"]] == [True, True]


def test_why_it_passed(recording: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    text = told(recording, 1, capsys)
    assert "call 1 decided: pass (nothing else)" in text
    assert "✗ strangers_1h >= 3   (strangers_1h = 1)" in text
    assert "policy: 3 with 1 kind of evidence → label: 1.00 points short" in text
    assert "nothing asked for anything, so it passes" in text


def test_an_exception_is_named(recording: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    text = told(recording, 9, capsys)
    assert "1 rule would have hit, but for an exception" in text
    assert "exception couriers until 2027-06-30, owner ops: let be" in text
    rules = {rule["rule"]: rule for rule in found(recording, 9, capsys)["rules"]}
    assert (rules["sweeper"]["hit"], rules["sweeper"]["exception"]) == (False, "couriers")


def test_hostile_text_stays_text(recording: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    text = told(recording, 10, capsys)
    assert "\x1b" not in text
    assert "[/bold]，加微信" in text
    assert "✓ bait   (bait: 高薪)" in text


def test_every_event_is_told_as_it_was_recorded(
    recording: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for event in range(1, 12):
        account = found(recording, event, capsys)
        assert account["verdict"] == account["recorded"]["verdict"], event
        assert account["ruleset"] == account["recorded"]["ruleset"]


def test_what_is_not_there(recording: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules, day = recording
    assert main(99, day, rules, show_all=False, as_json=False) == 2
    assert "holds no event 99\n  hint: its ids run from 1 to 11" in capsys.readouterr().err
    assert main(1, tmp_path / "none.parquet", rules, show_all=False, as_json=False) == 2
    assert main(1, day, tmp_path / "none", show_all=False, as_json=False) == 78
