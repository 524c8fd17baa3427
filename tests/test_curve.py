"""Curves: at every cut-off what the engine finds with the threshold really written so, counted one event at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interceptor.recording import open_recording, truth_path
from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.rules.names import DAY_MS, LOCAL_TIME_MS
from interceptor.rules.ruleset import Rule
from interceptor.schema import Kind
from interceptor.tuning import curve, tally
from interceptor.tuning.cutoffs import telling
from interceptor.tuning.edits import edits_of
from interceptor.tuning.figures import figures
from interceptor.tuning.outcome import outcome_of
from interceptor.tuning.probe import Seen, comes_back
from interceptor.tuning.protection import Protection
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_CONFIGURATION, EXIT_USAGE, UsageProblem
from interceptor.tuning.tally import Folded, Found, Grid, Tally
from interceptor.tuning.threshold import chosen, thresholds, with_number
from tests.recordings import campaign_of, pays, record, rules
from tests.streams import Alphabet, Event, outcomes_of, seeded

MIXED = Alphabet(jumps=8, same=150, amounts=(100, 1, 99_900, 499_999, 500_000, 500_001, 123, 5_000_000, 777_777, 0))
TRIED_MAX = 7  # cut-offs of each shape

HEAD = """\
schema: 1
macros:
  - {macro: busy, condition: calls_24h >= 3}
lists:
  - {list: seen_callers, of: number}
features:
  - {feature: calls_24h, count: events, by: caller, on: call, within: 24h}
  - {feature: callees_24h, distinct: callee, by: caller, on: call, within: 24h}
  - {feature: paid_24h, sum: amount, by: payee, on: transfer, within: 24h}
  - {feature: since_call, since_last: events, by: caller, on: call, within: 24h}
"""
RULE = 'rules:\n  - {rule: r, title: t, on: KIND, evidence: traffic, score: 1, condition: "IF"MORE}\n'

# What is written, with # for the cut-off; the kind of event; the cut-off in force; what else the rule says
SHAPES = {
    "count": ("calls_24h >= #", "call", "4", ""),
    "strict": ("calls_24h > #", "call", "4", ""),
    "below": ("calls_24h < # and tenure <= 400d", "call", "4", ""),
    "at most": ("calls_24h <= #", "call", "4", ""),
    "duration": ("tenure <= #", "[call, sms]", "30d", ""),
    "time since": ("since_call <= #", "call", "10m", ""),
    "amount": ("amount > #", "transfer", "4000", ""),
    "sum": ("paid_24h >= # and not registered", "transfer", "20_000", ""),
    "mirrored": ("# <= amount", "transfer", "5000", ""),
    "ratio": ("callees_24h / calls_24h >= #", "call", "0.5", ""),
    "difference": ("calls_24h - callees_24h >= #", "call", "1", ""),
    "negated": ("not calls_24h >= #", "call", "4", ""),
    "both ways": ("calls_24h >= # and known or not (calls_24h >= #) and registered", "call", "4", ""),
    "always for some": ("known or calls_24h >= # and not registered", "call", "4", ""),
    "exception": ("calls_24h >= #", "call", "4", ", exceptions: [{name: e, condition: known, owner: o}]"),
    "sampled": ("calls_24h >= #", "call", "4", ", rollout: {percent: 40, by: caller}"),
    "off the engine": ("hour >= #", "call", "12", ""),
}


def text_of(shape: str, literal: str) -> str:
    condition, kind, _, more = SHAPES[shape]
    return HEAD + RULE.replace("IF", condition.replace("#", literal)).replace("KIND", kind).replace("MORE", more)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return seeded(7, 1_500, MIXED)


@pytest.fixture(scope="module")
def recording(events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curves")
    return record(folder / "day.parquet", load(rules(folder / "rules", HEAD + "rules: []\n")), events)


def counted(events: Sequence[Event], rule_set: RuleSet) -> dict[str, Any]:
    """What the rule finds, with plain loops."""
    hits = [event for event, one in zip(events, outcomes_of(rule_set, [events]), strict=True) if "r" in one.rules]
    scams = [event for event in hits if campaign_of(event) >= 0]
    alerts, true_alerts = ({alert_of(event) for event in some} for some in (hits, scams))
    return {
        "hits": len(hits), "true_hits": len(scams), "alerts": len(alerts), "true_alerts": len(true_alerts),
        "false_alerts": len(alerts) - len(true_alerts), "campaigns": len({campaign_of(event) for event in scams}),
        "scam_fen": sum(event["amount_fen"] for event in scams if pays(event)),
    }  # fmt: skip


def alert_of(event: Event) -> tuple[int, int]:
    return event["source"], (event["ts_ms"] + LOCAL_TIME_MS) // DAY_MS


def told(capsys: pytest.CaptureFixture[str], recording: Path, folder: Path, term: str | None = None) -> dict[str, Any]:
    assert curve.main("r", recording, term, folder, as_json=True, html=None) == EXIT_CLEAN
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_a_point_is_what_the_engine_finds(
    shape: str, events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = SHAPES[shape][2]
    found = told(capsys, recording, rules(tmp_path / "rules", text_of(shape, now)))
    points = [point for point in found["points"] if point["cutoff"] >= 0]
    assert [point["text"] for point in points if point["now"]] == [now]
    assert found["approximate"] is False
    if shape != "off the engine":
        assert len({point["alerts"] for point in points}) >= 3, "the recording tells something"
    some = {0, len(points) - 1, *np.random.default_rng(1).integers(len(points), size=TRIED_MAX).tolist()}
    for point in [points[place] for place in some]:
        rule_set = load(rules(tmp_path / "set", text_of(shape, point["text"])))
        expected = counted(events, rule_set)
        assert {name: point[name] for name in expected} == expected, point["text"]
        assert point["precision"] == (expected["true_hits"] / expected["hits"] if expected["hits"] else None)
        assert point["alerts_a_day"] * found["recording"]["days"] == pytest.approx(expected["alerts"])


def test_recall_is_of_the_rules_kinds(
    events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, recording, rules(tmp_path / "rules", text_of("duration", "30d")))
    there = [event for event in events if event["kind"] in (Kind.CALL, Kind.SMS) and campaign_of(event) >= 0]
    assert found["scam_events"] == len(there)
    assert found["campaigns"] == len({campaign_of(event) for event in there})
    for point in found["points"]:
        assert point["recall"] == point["true_hits"] / len(there)
        assert point["recall_of_campaigns"] == point["campaigns"] / found["campaigns"]


def test_every_distinct_value_is_a_cut_off(
    events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, recording, rules(tmp_path / "rules", text_of("mirrored", "5000")))
    amounts = {event["amount_fen"] / 100 for event in events if event["kind"] == Kind.TRANSFER}
    assert {point["cutoff"] for point in found["points"]} == amounts | {5_000}


def test_with_many_values_every_point_is_exact_still(
    events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tally, "DISTINCT_MAX", 3)
    monkeypatch.setattr(tally, "_PENDING_MIN", 50)
    monkeypatch.setattr(tally, "_LOW_BITS", np.int64((1 << 51) - 1))  # halves of powers of two are all that is left
    for shape, now in (("sum", "20_001"), ("amount", "4_999.99"), ("both ways", "3"), ("duration", "30d")):
        found = told(capsys, recording, rules(tmp_path / "rules", text_of(shape, now)))
        assert found["coarse"]
        assert any(point["now"] for point in found["points"])
        for point in found["points"]:
            expected = counted(events, load(rules(tmp_path / "set", text_of(shape, point["text"]))))
            assert {name: point[name] for name in expected} == expected, (shape, point["text"])


def found_by_chance(count: int, seed: int) -> Found:
    """Events of every kind: hit where the comparison holds, where it fails, or either way."""
    chance = np.random.default_rng(seed)
    way = chance.integers(1, 4, count)
    return Found(
        chance.integers(0, 5_000, count) / 7, way % 2 == 1, way >= 2, chance.integers(1, 40, count).astype(np.uint64),
        chance.integers(0, 5, count), chance.integers(-1, 3, count).astype(np.int32), chance.integers(0, 9, count),
        np.arange(count, dtype=np.uint64), chance.integers(0, 2, count) == 1,
    )  # fmt: skip


@pytest.mark.parametrize("strict", [False, True])
def test_counting_in_parts_is_exact_before_and_after_values_are_too_many(
    strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "DISTINCT_MAX", 150)
    monkeypatch.setattr(tally, "_PENDING_MIN", 20)
    monkeypatch.setattr(tally, "_LOW_BITS", np.int64((1 << 47) - 1))
    found, grid = found_by_chance(900, 5), Grid(strict, 300.1)
    parts, other = Tally(grid, 1.0), Tally(grid, 1.0)
    for start in range(0, 900, 90):
        some = (np.arange(900) >= start) & (np.arange(900) < start + 90)
        parts.add(found.of(some))
        if start == 0:
            other.add(found)  # all of it before there were too many
    assert grid.coarse
    cuts = np.append(parts.values, 300.1)
    assert 10 < len(cuts) < 300
    for one in (parts, other):
        curve_ = one.curve(cuts)
        for place, cut in enumerate(cuts.tolist()):
            hit = found.of(found.hits_at(cut, strict))
            scam = hit.campaign >= 0
            assert curve_.hits[place] == len(hit.value)
            assert (curve_.true_hits[place], curve_.fen[place]) == (scam.sum(), hit.fen.sum())
            pairs = list(zip(hit.source.tolist(), hit.day.tolist(), scam.tolist(), strict=True))
            assert curve_.alerts[place] == len({pair[:2] for pair in pairs})
            assert curve_.true_alerts[place] == len({pair[:2] for pair in pairs if pair[2]})
            assert curve_.met[place] == len(set(hit.campaign[scam].tolist()))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("ways", [(True, False), (False, True), (True, True)])
def test_kept_is_where_nothing_is_lost(strict: bool, ways: tuple[bool, bool]) -> None:
    found, now = found_by_chance(60, 8), 350.0
    found = found.of((found.holds & ways[0]) | (found.fails & ways[1]))
    protection = Protection(Grid(strict, now), now, np.zeros(0, np.uint64))
    protection.add(Seen(found, *(np.zeros(0, np.int64) for _ in range(4))))
    cuts = np.sort(np.append(found.value, now))
    kept = protection.kept(cuts)
    assert kept[cuts == now].all()
    assert [not protection.losses(cut) for cut in cuts.tolist()] == kept.tolist()


@pytest.mark.parametrize("strict", [False, True])
def test_the_grid_keeps_order_and_its_own_points(strict: bool) -> None:
    values = np.concatenate([np.random.default_rng(3).normal(0, 1e6, 500), [0.0, 5.0, -5.0, 7.3, np.inf, -np.inf]])
    grid = Grid(strict, 7.3, coarse=True)
    found = grid.snapped(values)
    assert np.array_equal(grid.snapped(found), found)
    assert np.all(found >= values if strict else found <= values)
    assert np.all(np.diff(found[np.argsort(values)]) >= 0)
    assert 7.3 in found


def test_rows_are_folded_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "_PENDING_MIN", 7)
    chance, sums, expected = np.random.default_rng(2), Folded(np.int64, np.int64, 2, np.add), {}
    for _ in range(20):
        keys, rows = chance.integers(9, size=5), chance.integers(100, size=(5, 2))
        sums.add(keys, rows)
        for key, row in zip(keys.tolist(), rows.tolist(), strict=True):
            old = expected.get(key, (0, 0))
            expected[key] = old[0] + row[0], old[1] + row[1]
    assert dict(zip(sums.keys.tolist(), map(tuple, sums.rows.tolist()), strict=True)) == expected
    assert sums.keys.tolist() == sorted(expected)


# --- which comparison ---


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    text = HEAD + RULE.replace("KIND", "call").replace("MORE", "").replace(
        "IF", "tenure <= 30d and busy and (calls_24h >= 20 or callees_24h / calls_24h > 0.8) and hour < 12_000"
    )
    return load(rules(tmp_path_factory.mktemp("several") / "rules", text))


def rule_r(rule_set: RuleSet) -> Rule:
    return next(rule for rule in rule_set.rules if rule.name == "r")


def test_what_can_be_varied(several: RuleSet) -> None:
    found = [(one.text(one.number), one.macro) for one in thresholds(rule_r(several))]
    assert found == [
        ("tenure <= 30d", ""), ("calls_24h >= 3", "busy"), ("calls_24h >= 20", ""),
        ("callees_24h / calls_24h > 0.8", ""), ("hour < 12_000", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (None, "calls_24h >= 20"),
        ("tenure", "tenure <= 30d"),
        ("callees_24h/calls_24h", "callees_24h / calls_24h > 0.8"),
        ("calls_24h >= 20", "calls_24h >= 20"),
        ("calls_24h", "calls_24h >= 3"),
        ("busy", "calls_24h >= 3"),
    ],
)
def test_a_comparison_is_named_by_its_value(several: RuleSet, term: str | None, text: str) -> None:
    one = chosen(rule_r(several), term)
    assert one.text(one.number) == text


def test_an_unknown_term_is_answered_with_the_known(several: RuleSet) -> None:
    with pytest.raises(UsageProblem) as problem:
        chosen(rule_r(several), "tenur")
    assert "did you mean tenure?" in str(problem.value)
    assert "callees_24h / calls_24h > 0.8" in str(problem.value)


@pytest.mark.parametrize(
    ("term", "number"), [("tenure", 7 * DAY_MS), ("busy", 1_234_567), ("callees_24h / calls_24h", 0.95)]
)
def test_the_edit_gives_the_condition_that_was_tried(
    several: RuleSet, term: str, number: float, tmp_path: Path
) -> None:
    rule = rule_r(several)
    one = chosen(rule, term)
    (edit,) = edits_of(several, rule, one, number)
    path = Path(edit.path)
    lines = path.read_text().splitlines()
    assert lines[edit.line - 1].strip() == edit.before
    lines[edit.line - 1] = lines[edit.line - 1].replace(edit.before, edit.after)
    after = rule_r(load(rules(tmp_path / "after", "\n".join(lines))))
    assert after.stated.key == rule_r(with_number(several, rule, one, number)).stated.key != rule.stated.key
    assert edit.macro == one.macro


def test_an_edit_over_several_lines_and_of_equal_comparisons(tmp_path: Path) -> None:
    text = HEAD + (
        'rules:\n  - rule: r\n    title: "3 things"\n    on: call\n    evidence: traffic\n    score: 3\n'
        "    condition: >-\n      tenure <= 3d and calls_24h >= 3\n"
        "      and (known or calls_24h >= 3\n      or hour >= 3)\n"
    )
    rule_set = load(rules(tmp_path / "rules", text))
    rule = rule_r(rule_set)
    edits = edits_of(rule_set, rule, chosen(rule, "calls_24h"), 12)
    assert [(edit.before, edit.after) for edit in edits] == [
        ("tenure <= 3d and calls_24h >= 3", "tenure <= 3d and calls_24h >= 12"),
        ("and (known or calls_24h >= 3", "and (known or calls_24h >= 12"),
    ]


@pytest.mark.parametrize(
    ("type_", "cut", "neighbour", "rounded"),
    [
        ("duration", 10 * DAY_MS + 5, 9 * DAY_MS, 10 * DAY_MS),
        ("duration", DAY_MS + 61_000, DAY_MS + 1, DAY_MS + 60_000),
        ("amount", 20_013.55, 19_988.0, 20_000.0), ("amount", 20_013.55, 20_013.5, 20_013.55),
        ("ratio", 0.7333333333, 0.7, 0.73), ("ratio", 0.7333333333, 0.73, 0.733), ("count", 17.0, 12.0, 17.0),
    ],
)  # fmt: skip
def test_rounding_stays_before_the_next_value(
    type_: str, cut: float, neighbour: float, rounded: float, tmp_path: Path
) -> None:
    conditions = {
        "duration": ("host_age >= 5d", "web"), "amount": ("amount >= 5000", "transfer"),
        "ratio": ("callees_24h / calls_24h >= 0.5", "call"), "count": ("calls_24h >= 5", "call"),
    }  # fmt: skip
    condition, kind = conditions[type_]
    text = HEAD + RULE.replace("IF", condition).replace("KIND", kind).replace("MORE", "")
    (one,) = thresholds(rule_r(load(rules(tmp_path / "rules", text))))
    assert one.rounded(cut, neighbour) == rounded


# --- what comes back ---


@pytest.mark.parametrize(
    ("more", "condition", "why"),
    [
        ("", "calls_24h >= 3", ""),
        (", list: {to: seen_callers, ttl: 1h}", "calls_24h >= 3", ""),
        (", list: {to: seen_callers, ttl: 1h}", "calls_24h >= 3 and not caller in seen_callers", "list seen_callers"),
        (", mode: shadow, list: {to: seen_callers, ttl: 1h}", "calls_24h >= 3 and not caller in seen_callers", ""),
    ],
)
def test_what_comes_back_is_said(
    more: str, condition: str, why: str, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HEAD + RULE.replace("IF", condition).replace("KIND", "call").replace("MORE", more)
    folder = rules(tmp_path / "rules", text)
    rule_set = load(folder)
    assert why in comes_back(rule_set, rule_r(rule_set))
    assert bool(comes_back(rule_set, rule_r(rule_set))) == bool(why)
    assert told(capsys, recording, folder)["approximate"] == bool(why)
    curve.main("r", recording, None, folder, as_json=False, html=None)
    shown = capsys.readouterr().out
    assert ("~ >=" in shown) == ("~ Approximate" in shown) == bool(why)


def test_a_score_comes_back_through_a_list(tmp_path: Path) -> None:
    text = HEAD + RULE.replace("IF", "calls_24h >= 3 and not caller in seen_callers").replace("KIND", "call").replace(
        "MORE", ""
    )
    text += "  - {rule: s, title: t, on: call, condition: source_score >= 1, list: {to: seen_callers, ttl: 1h}}\n"
    rule_set = load(rules(tmp_path / "rules", text))
    assert "scores" in comes_back(rule_set, rule_r(rule_set))


def test_an_allow_rule_comes_back_through_a_list(tmp_path: Path) -> None:
    condition = "calls_24h >= 3 and not caller in seen_callers"
    text = HEAD + RULE.replace("IF", condition).replace("KIND", "call").replace("MORE", ", actions: [allow]")
    alone = load(rules(tmp_path / "rules", text))
    assert comes_back(alone, rule_r(alone)) == ""
    text += "  - {rule: s, title: t, on: call, condition: known, list: {to: seen_callers, ttl: 1h}}\n"
    filled = load(rules(tmp_path / "rules", text))
    assert "goes onto no list" in comes_back(filled, rule_r(filled))


def test_at_the_cut_off_in_force_a_rule_that_feeds_itself_is_exact(
    events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HEAD + RULE.replace("IF", "calls_24h >= 2 and not caller in seen_callers").replace("KIND", "call").replace(
        "MORE", ", list: {to: seen_callers, ttl: 1h}"
    )
    text += "  - {rule: a, title: t, on: call, condition: known, actions: [allow]}\n"  # allowed ones aren't listed
    folder = rules(tmp_path / "rules", text)
    (now,) = [point for point in told(capsys, recording, folder)["points"] if point["now"]]
    expected = counted(events, load(folder))
    assert expected["hits"] > 50
    assert {name: now[name] for name in expected} == expected


# --- the command ---


def test_without_truth_only_alerts_are_told(
    events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "alone.parquet"
    alone.write_bytes(recording.read_bytes())
    assert not truth_path(alone).exists()
    folder = rules(tmp_path / "rules", text_of("count", "4"))
    found = told(capsys, alone, folder)
    (now,) = [point for point in found["points"] if point["now"]]
    assert (now["precision"], now["true_hits"], now["recall"]) == (None, None, None)
    assert now["alerts"] == counted(events, load(folder))["alerts"]
    assert curve.main("r", alone, None, folder, as_json=False, html=None) == EXIT_CLEAN
    shown = capsys.readouterr().out
    assert "no truth file" in shown
    assert "precision" not in shown


@pytest.mark.parametrize(
    ("rule", "term", "code", "message"),
    [
        ("rr", None, EXIT_USAGE, "rr: there is no such rule"),
        ("r\x1b[2J", None, EXIT_USAGE, "r�[2J: there is no such rule"),
        ("o", None, EXIT_USAGE, "this rule is off"),
        ("r", "nothing", EXIT_USAGE, "r has no such comparison"),
        ("f", None, EXIT_USAGE, "nothing in its condition can be varied"),
    ],
)
def test_what_cant_be_done_is_said(
    rule: str, term: str | None, code: int, message: str, recording: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    text = text_of("count", "4")
    text += "  - {rule: o, title: t, on: call, mode: off, condition: calls_24h >= 2, evidence: traffic, score: 1}\n"
    text += "  - {rule: f, title: t, on: call, condition: known, evidence: traffic, score: 1}\n"
    folder = rules(tmp_path / "rules", text)
    assert curve.main(rule, recording, term, folder, as_json=False, html=None) == code
    assert message in capsys.readouterr().err


def test_files_that_arent_there(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = rules(tmp_path / "rules", text_of("count", "4"))
    assert curve.main("r", tmp_path / "no.parquet", None, folder, as_json=False, html=None) == EXIT_USAGE
    assert curve.main("r", recording, None, tmp_path / "nothing", as_json=False, html=None) == EXIT_CONFIGURATION
    assert "no such file" in capsys.readouterr().err


def test_the_table_shows_the_telling_cut_offs(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = rules(tmp_path / "rules", text_of("mirrored", "5000"))
    html = tmp_path / "page.html"
    assert curve.main("r", recording, None, folder, as_json=False, html=html) == EXIT_CLEAN
    shown = capsys.readouterr().out
    (now,) = [line for line in shown.splitlines() if "◀ now" in line]
    assert now.startswith(">= 5000")
    page = html.read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "amount &gt;= …" in page


def test_telling_cut_offs_hold_ends_and_knees() -> None:
    count = 1_000
    alerts = np.concatenate([np.full(400, 5_000), np.full(600, 10)])
    zeros = np.zeros(count, np.int64)
    one = tally.Curve(
        np.arange(count) * 1.0, alerts, zeros, zeros, alerts, zeros, zeros, scam=1, campaigns=1, days=1.0
    )  # fmt: skip
    places = telling(one, [700], most=8)
    assert {0, 399, 400, 700, 999} <= set(places)
    assert len(places) == 8


def test_a_recorded_city(city_recording: Path) -> None:
    """The shipped rules: what stands in force is what a backtest counts."""
    rule_set, opened = load(default_rules_dir()), open_recording(city_recording)
    outcome = outcome_of(opened, rule_set, lambda _: None)
    of_rule = {one.rule.name: one for one in figures(outcome, rule_set, opened.type_of_campaign)}
    for name in ("stranger-spread", "fresh-site"):
        rule, expected = next(rule for rule in rule_set.rules if rule.name == name), of_rule[name]
        sweep = curve.Told(opened, rule_set, rule, chosen(rule, None)).sweep
        point = sweep.point(sweep.now)
        assert point["hits"] == expected.hits > 0, name
        assert (point["true_hits"], point["alerts"]) == (expected.true_hits, expected.alerts)
        assert point["alerts_a_day"] == expected.alerts_a_day
        assert point["recall_of_campaigns"] == expected.campaigns.recall
