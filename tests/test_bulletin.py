"""The bulletin: what people read, what programs read, and that both hold for runs in which little is known."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from interceptor.bulletin import minutes, number, percent, show
from interceptor.schema import GATES, Kind
from simulator.report import Money, Report, Setting, Speed, Town, as_json
from simulator.scam_types import TYPES
from simulator.scorecard import GateScore, HabitScore, RuleScore, Score, TypeScore

SCORE = Score(
    events=2_900_000,
    statuses={"ok": 2_900_000, "duplicate": 0, "late": 0, "future": 0},
    gates={kind: GateScore(700_000, 1_000, 900, 9) for kind in GATES},
    types=[TypeScore(3, 2, 12.5, 500_000_00, 100_000_00) for _ in TYPES],
    rules=[
        RuleScore("number-sweeper", False, 1_234, 1_000, 800, 0),
        RuleScore("call-then-transfer", False, 40, 38, 38, 123_456_00),
        RuleScore("only-watching", True, 9_999, 9_999, 9_999, 0),
        RuleScore("never-hit", False, 0, 0, 0, 0),
    ],
    by_score_alone=17,
    habits=[HabitScore(0, 2_000_000, 3), HabitScore(1, 5_000, 0)],
    reached={340402001: 12},
    passed_fen={340402001: 50_000_00},
    calls_blocked=9,
    people_delayed=1,
    lines_limited=2,
    held_fen=123_456_00,
)
REPORT = Report(
    setting=Setting("city_centre", 100_000, 1, 7, 0, 86_400_000),
    ruleset="0123456789ab",
    rules=109,
    version="0.1.0",
    score=SCORE,
    types=[(type_.id, type_.chinese) for type_ in TYPES],
    money=Money(2_000_000_00, 400_000_00, 1_600_000_00, 30_000_00),
    money_of_type=[Money(500_000_00, 100_000_00, 400_000_00) for _ in TYPES],
    towns=[Town("大通区 大通街道", 1_200, 12, 50_000_00), Town("寿县 安徽寿县经济开发区", 0, 0, 0)],
    habits=["ordinary", "courier"],
    speed=Speed(40.0, 12.0, 9.0, 0.8, 8.0, 2.0, 6.0),
    gates_of_rule={"number-sweeper": "calls"},
    counters={"late": 0, "evicted": 3},
)
NOTHING = Score(
    0, {}, {kind: GateScore(0, 0, 0, 0) for kind in GATES}, [TypeScore(0, 0, None, 0, 0) for _ in TYPES], [], 0, [], {},
    {}, 0, 0, 0, 0,
)  # fmt: skip


def printed(report: Report, width: int = 100, **given: Any) -> str:
    out = io.StringIO()
    show(report, Console(file=out, width=width, highlight=False, **given))
    return out.getvalue()


def test_json_has_the_keys_that_programs_rely_on() -> None:
    said = json.loads(json.dumps(as_json(REPORT), allow_nan=False))
    assert {
        "seed",
        "ruleset",
        "events",
        "seconds",
        "engine_events_per_s",
        "gates",
        "campaigns",
        "money",
        "harm",
    } <= set(said)
    assert {"total", "simulator", "engine"} <= set(said["seconds"])
    assert set(said["gates"]) == {"call", "sms", "web", "transfer"}
    assert {"events", "intercepted", "precision", "recall", "false_per_100k"} <= set(said["gates"]["call"])
    assert set(said["campaigns"]) == {type_.id for type_ in TYPES}
    assert {"count", "recall", "median_minutes_to_first"} <= set(said["campaigns"]["rebate_tasks"])
    assert {"attempted", "lost", "lost_without", "saved"} <= set(said["money"])
    assert {"calls_blocked", "people_delayed"} <= set(said["harm"])


def test_json_values() -> None:
    said = as_json(REPORT)
    assert (said["seed"], said["ruleset"], said["events"], said["complete"]) == (7, "0123456789ab", 2_900_000, True)
    assert said["engine_events_per_s"] == round(2_900_000 / 9)
    assert said["gates"]["call"]["precision"] == pytest.approx(900 / 909)
    assert said["gates"]["call"]["false_per_100k"] == pytest.approx(9 / 699_000 * 100_000)
    money = {"attempted": 2_000_000, "lost": 400_000, "lost_without": 1_600_000, "saved": 1_200_000}
    assert money.items() <= said["money"].items()
    assert said["harm"]["calls_blocked"] == 9
    assert said["harm"]["habits"]["courier"] == {"events": 5_000, "touched": 0}


def test_what_is_undefined_is_null() -> None:
    said = as_json(replace(REPORT, score=NOTHING, money=Money(0, 0, None)))
    assert [said["gates"]["sms"][name] for name in ("precision", "recall", "false_per_100k")] == [None] * 3
    assert said["campaigns"]["fake_police"]["recall"] is None
    assert said["campaigns"]["fake_police"]["median_minutes_to_first"] is None
    assert (said["money"]["lost"], said["money"]["lost_without"], said["money"]["saved"]) == (0, None, None)


def test_without_truth_nothing_is_judged() -> None:
    report = replace(REPORT, truth=False)
    said = as_json(report)
    assert said["gates"]["call"]["precision"] is None
    assert said["harm"]["calls_blocked"] is None
    text = printed(report)
    assert "no truth beside this recording" in text
    assert "Scam campaigns" not in text


@pytest.mark.parametrize("width", [80, 100])
def test_the_bulletin_fits(width: int) -> None:
    text = printed(REPORT, width)
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text


def test_the_bulletin_says_what_counts() -> None:
    text = " ".join(printed(REPORT).split())
    for words in (
        "city_centre · 100,000 people · 1 day · seed 7 · 2,900,000 events",
        "1.20 m yuan saved, 75.0 %",
        "calls 700,000 1,000 909 99.0 % 90.0 % 1.29",
        "fake police 冒充公检法 3 66.7 % 12 min 100 k 400 k",
        "9 ordinary calls blocked, 1 person wrongly delayed, 2 ordinary lines or accounts limited",
        "ordinary: 3 of 2,000,000 events intercepted or limited",
        "40.0 s, 72,500 events a second; engine 322,222, simulator 241,667",
        "the engine counted 3 evicted",
    ):
        assert words in text


def test_only_live_rules_that_hit_are_praised() -> None:
    text = printed(REPORT)
    assert "only-watching" not in text
    assert "never-hit" not in text
    assert text.index("number-sweeper") < text.index("call-then-transfer") < text.index("earlier evidence alone")


def test_a_run_without_anything_can_be_told() -> None:
    text = printed(replace(REPORT, score=NOTHING, money=Money(0, 0, 0), towns=[]))
    assert "so there was nothing to save" in text
    assert "none of: rebate tasks" in text


def test_a_stopped_run_says_so() -> None:
    stopped = replace(REPORT, stopped_ms=1_614_559_800_000)
    assert "Stopped at 01 Mar 08:50" in printed(stopped)
    assert as_json(stopped)["complete"] is False


def test_plain_where_there_is_no_terminal() -> None:
    assert "\x1b" not in printed(REPORT)
    assert "\x1b[1m" in printed(REPORT, force_terminal=True)


def test_names_cannot_steer_the_terminal() -> None:
    setting = replace(REPORT.setting, scenario="[/x]\x1b[2J\u202eevil")
    rules = [RuleScore("[bold]\\[/]", False, 1, 1, 1, 0)]
    text = printed(replace(REPORT, setting=setting, score=replace(SCORE, rules=rules)), force_terminal=True)
    assert "[/x]�[2J�evil" in text
    assert "[bold]\\[/]" in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "–"), (0, "0 %"), (1, "100 %"), (0.987, "98.7 %"), (0.99999, "99.99 %"), (0.0004, "0.0 %")],
)
def test_percent(share: float | None, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "at once"), (0.5, "30 s"), (12.4, "12 min"), (119, "2.0 h"), (2_880, "2.0 days")],
)
def test_minutes(value: float | None, text: str) -> None:
    assert minutes(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0.00"), (1.234, "1.23"), (45.67, "45.7"), (1_234, "1,234")]
)
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text


def test_gates_are_in_the_order_of_a_scam() -> None:
    text = printed(REPORT)
    assert list(GATES) == [Kind.CALL, Kind.SMS, Kind.WEB, Kind.TRANSFER]
    assert text.index("\ncalls") < text.index("\nSMS") < text.index("\nvisits") < text.index("\ntransfers")
