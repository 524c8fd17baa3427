"""Suggestions: the loosest cut-off in the budget by plain counting; what must not be lost; how sure it all is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interceptor.recording import truth_path
from interceptor.rules import load
from interceptor.rules.names import DAY_MS, LOCAL_TIME_MS
from interceptor.schema import Kind
from interceptor.tuning import suggest
from interceptor.tuning.adviser import split
from interceptor.tuning.cutoffs import Rate, Share, budget_a_day, choose, cut_interval
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_FOUND, EXIT_USAGE, UsageProblem
from interceptor.tuning.tally import Curve, Found, Grid, Tally
from tests.recordings import campaign_of, record, rules
from tests.streams import HOUR_MS, START_MS, Event, event, outcomes_of

DAYS = 10
LONG_AGO = 400

HEAD = """\
schema: 1
features:
  - {feature: calls_24h, count: events, by: caller, on: call, within: 24h}
rules:
"""
RULE = """\
  - rule: r
    title: t
    on: call
    evidence: traffic
    score: 1
    condition: >-
      not registered
      and calls_24h >= #
"""
OTHER = "  - {rule: other, title: t, on: call, condition: MORE, evidence: identity, score: 1}\n"
HELD_MS = START_MS + 7 * DAY_MS


def calls_of(day: int, caller: int, count: int, first_id: int) -> list[Event]:
    """So many calls of one caller, five minutes apart."""
    start_ms = START_MS + day * DAY_MS + 8 * HOUR_MS
    return [
        event(Kind.CALL, start_ms + i * 300_000, first_id + i, source=caller, target=90 + i, tenure_days=LONG_AGO)
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Ten days on which caller k makes k calls, for k up to 40, in other order every day, and one more on the last."""
    chance, made = np.random.default_rng(5), []
    for day in range(DAYS):
        for caller in chance.permutation(40).tolist():
            made += calls_of(day, 1_000 * (day + 1) + caller, caller + 1 + (day >= 7), len(made) + 1)
    ends = [event(Kind.SMS, START_MS + ms, 50_000 + ms) for ms in (0, DAYS * DAY_MS - 1)]
    made = sorted([*made, *ends], key=lambda one: (one["ts_ms"], one["event_id"]))
    return made


@pytest.fixture(scope="module")
def recording(events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suggest")
    return record(folder / "days.parquet", load(rules(folder / "rules", HEAD + RULE.replace("#", "20"))), events)


def folder_of(tmp_path: Path, number: int, more: str = "") -> Path:
    return rules(tmp_path / "rules", HEAD + RULE.replace("#", str(number)) + more)


# Everything that the rule finds is found by another one, too: nothing is lost by making it stricter.
ALL_OTHER = OTHER.replace("MORE", "not known")


def told(
    capsys: pytest.CaptureFixture[str], recording: Path, folder: Path, budget: str, protect: Path | None = None
) -> tuple[int, dict[str, Any]]:
    code = suggest.main("r", recording, budget, None, protect, folder, as_json=True, html=None)
    return code, json.loads(capsys.readouterr().out)


def hits(events: Sequence[Event], number: int) -> list[Event]:
    made: dict[int, int] = {}
    found = []
    for one in events:
        if one["kind"] == Kind.CALL:
            made[one["source"]] = made.get(one["source"], 0) + 1
            if made[one["source"]] >= number:
                found.append(one)
    return found


def alerts_a_day(events: Sequence[Event], number: int, held: bool) -> float:
    some = [one for one in hits(events, number) if (one["ts_ms"] >= HELD_MS) == held]
    alerts = {(one["source"], (one["ts_ms"] + LOCAL_TIME_MS) // DAY_MS) for one in some}
    return len(alerts) / (3 if held else 7)


def test_the_plain_count_is_the_engines(events: list[Event], tmp_path: Path) -> None:
    outcomes = outcomes_of(load(folder_of(tmp_path, 20)), [events])
    found = [one["event_id"] for one, outcome in zip(events, outcomes, strict=True) if outcome.rules]
    assert found == [one["event_id"] for one in hits(events, 20)]


@pytest.mark.parametrize(
    ("budget", "number"), [("10/day", 31), ("70/week", 31), ("10.9", 31), ("5/day", 36), ("1", 40)]
)
def test_the_loosest_cut_off_in_the_budget(
    budget: str, number: int, events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = told(capsys, recording, folder_of(tmp_path, 20, ALL_OTHER), budget)
    assert (code, found["verdict"], found["cutoff"]) == (EXIT_CLEAN, "change", number)
    limit = budget_a_day(budget)
    assert alerts_a_day(events, number, held=False) <= limit < alerts_a_day(events, number - 1, held=False)
    for name, held in (("learned", False), ("held out", True)):
        for point in found["periods"][name]["points"]:
            assert point["alerts_a_day"] == pytest.approx(alerts_a_day(events, point["cutoff"], held))
            some = [one for one in hits(events, point["cutoff"]) if (one["ts_ms"] >= HELD_MS) == held]
            assert point["hits"] == len(some)
            assert point["precision"] == sum(campaign_of(one) >= 0 for one in some) / len(some)
            low, high = point["alerts_a_day_interval"]
            assert low < point["alerts_a_day"] < high
    held_rate = alerts_a_day(events, number, held=True)
    assert found["held_out_within_budget"] == (held_rate <= limit)
    assert found["interval"] == [number, number], "all days are alike"


def test_a_budget_that_breaks_later_is_said(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the last three days everybody calls once more."""
    folder = folder_of(tmp_path, 20, ALL_OTHER)
    assert suggest.main("r", recording, "10/day", None, None, folder, as_json=False, html=None) == EXIT_CLEAN
    shown = capsys.readouterr().out
    assert "Suggestion: calls_24h >= 31 (95 %: 31 to 31)" in shown
    assert "Warning: on the held-out days the budget is broken: 11.0 alerts a day." in shown
    assert "(03-01 00:00 to 03-08 00:00)" in shown.replace("03-07 23:59", "03-08 00:00")


def test_the_edit_leads_there(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path, 20, ALL_OTHER)
    _, found = told(capsys, recording, folder, "10/day")
    (edit,) = found["edits"]
    assert (edit["before"], edit["after"], edit["line"]) == ("and calls_24h >= 20", "and calls_24h >= 31", 12)
    path = Path(edit["path"])
    path.write_text(path.read_text().replace(edit["before"], edit["after"]))
    code, again = told(capsys, recording, folder, "10/day")
    assert (code, again["verdict"], again["now"], again["edits"]) == (EXIT_CLEAN, "keep", 31, [])


def test_what_only_this_rule_finds_is_not_given_up(
    events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, 20)
    code, found = told(capsys, recording, folder, "10/day")
    assert (code, found["verdict"], found["cutoff"], found["edits"]) == (EXIT_FOUND, "refused", 31, [])
    now, then = hits(events, 20), {one["event_id"] for one in hits(events, 31)}
    scams = [one for one in now if campaign_of(one) >= 0]
    lost = [str(one["event_id"]) for one in scams if one["event_id"] not in then]
    (loss,) = found["losses"]
    assert sorted(loss["names"]) == sorted(lost)
    assert found["protected"] == {"found_by_this_rule_alone": len(scams), "asked_for": 0}
    # The strictest that keeps it: with the weakest of the scam events just in.
    made: dict[int, int] = {}
    value_of = {}
    for one in events:
        made[one["source"]] = made.get(one["source"], 0) + 1
        value_of[one["event_id"]] = made[one["source"]]
    assert found["keeping"] == min(value_of[one["event_id"]] for one in scams)
    assert suggest.main("r", recording, "10/day", None, None, folder, as_json=False, html=None) == EXIT_FOUND
    shown = capsys.readouterr().out
    assert "Refused: calls_24h >= 31" in shown
    assert f"The strictest cut-off that keeps it: calls_24h >= {found['keeping']}" in shown
    assert lost[0] in shown


def test_what_a_rule_that_only_watches_finds_is_not_found(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watching = ALL_OTHER.replace("on: call", "on: call, mode: shadow")
    assert told(capsys, recording, folder_of(tmp_path, 20, watching), "10/day")[1]["verdict"] == "refused"


def test_ids_that_were_asked_for_are_kept(
    events: list[Event], recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, protect = folder_of(tmp_path, 20, ALL_OTHER), tmp_path / "ids.txt"
    of_20, of_25, of_26 = ([one["event_id"] for one in hits(events, number)] for number in (20, 25, 26))
    kept = next(id_ for id_ in of_25 if id_ not in of_26)
    missed = next(one["event_id"] for one in events if one["event_id"] not in of_20)
    protect.write_text(f"# kept\n\n{kept} # one\n{missed}\n")
    code, found = told(capsys, recording, folder, "10/day", protect)
    assert (code, found["verdict"], found["keeping"]) == (EXIT_FOUND, "refused", 25)
    assert found["losses"] == [{"what": "asked for by --protect", "names": [str(kept)]}]
    assert any(f"found by this rule today: {missed}" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"123\nabc\n", "ids.txt:2: abc is no id"),
        (b"-4\n", "ids.txt:1: -4 is no id"),
        (b"99999999999999999999\n", "is no id"),
        (b"\xff\xfe", "not a text file"),
        (b"987654321\n", "1 ids aren't in the recording: 987654321"),
        (b"\x1b[2J\n", "ids.txt:1: \xef\xbf\xbd[2J is no id"),
        (None, "can't be read"),
    ],
)
def test_a_file_of_ids_that_cant_be_used(
    text: bytes | None, message: str, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protect = tmp_path / "ids.txt"
    if text is not None:
        protect.write_bytes(text)
    folder = folder_of(tmp_path, 20, ALL_OTHER)
    assert suggest.main("r", recording, "10", None, protect, folder, as_json=False, html=None) == EXIT_USAGE
    error = capsys.readouterr().err
    assert message.encode("latin-1").decode("utf-8") in error
    assert "\x1b" not in error


TEST = """\
    tests:
      - name: {name}
        events: [{{on: call, caller: a, callee: b, vary: callee, repeat: {calls}}}]
        expect: {{hits: {hits}}}
"""


def test_a_test_that_expects_hits_is_not_given_up(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = TEST.format(name="a busy line", calls=28, hits=9)
    tests += TEST.format(name="not before", calls=20, hits=1).replace("    tests:\n", "")
    code, found = told(capsys, recording, folder_of(tmp_path, 20, tests + ALL_OTHER), "10/day")
    assert (code, found["verdict"], found["cutoff"], found["keeping"]) == (EXIT_FOUND, "refused", 31, 28)
    assert found["losses"] == [{"what": "tests that expect hits", "names": ["a busy line"]}]
    assert found["notes"] == ["Tests to be changed with it: not before"], "it only says where the cut-off is"


def test_tests_that_see_other_hits_are_named(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = TEST.format(name="a busy line", calls=33, hits=14)
    tests += TEST.format(name="a quiet line", calls=19, hits=0).replace("    tests:\n", "")
    code, found = told(capsys, recording, folder_of(tmp_path, 20, tests + ALL_OTHER), "10/day")
    assert (code, found["verdict"], found["notes"]) == (
        EXIT_CLEAN,
        "change",
        ["Tests to be changed with it: a busy line"],
    )
    code, found = told(capsys, recording, folder_of(tmp_path, 20, tests + ALL_OTHER), "25/day")
    assert (found["cutoff"], found["notes"]) == (16, ["Tests to be changed with it: a busy line, a quiet line"])


@pytest.mark.parametrize(
    ("number", "budget", "why"),
    [(31, "10/day", "it is the loosest that keeps to the budget"), (41, "0.5/day", "it is the loosest")],
)
def test_what_is_right_is_kept(
    number: int, budget: str, why: str, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, number, ALL_OTHER)
    code, found = told(capsys, recording, folder, budget)
    assert (code, found["verdict"]) == (EXIT_CLEAN, "keep")
    assert why in found["why"]


def test_a_difference_that_may_be_chance_is_said(
    events: list[Event], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of three days in ten nothing was kept: had other days been there, other cut-offs would fill the budget."""
    some = [one for one in events if one["kind"] == Kind.SMS or (one["ts_ms"] - START_MS) // DAY_MS not in (1, 2, 5)]
    folder = folder_of(tmp_path, 26, ALL_OTHER)
    path = record(tmp_path / "days.parquet", load(folder), some)
    _, found = told(capsys, path, folder, "10/day")
    assert found["verdict"] == "change"
    low, high = found["interval"]
    assert low < found["cutoff"] < high
    said = [note for note in found["notes"] if "may be chance" in note]
    assert bool(said) == (low <= 26 <= high)
    assert said


def test_a_rule_that_hits_nothing_at_any_cut_off_is_kept(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = rules(tmp_path / "rules", HEAD + RULE.replace("#", "20").replace("not registered", "registered"))
    code, found = told(capsys, recording, folder, "10")
    assert (code, found["verdict"], found["cutoff"]) == (EXIT_CLEAN, "keep", 20)


def test_a_budget_that_nothing_keeps_to(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everybody's first call hits at any cut-off."""
    text = HEAD + RULE.replace("#", "20").replace("and calls_24h >= 20", "and (callee == 90 or calls_24h >= 20)")
    code = suggest.main("r", recording, "10/day", None, None, rules(tmp_path / "rules", text), as_json=False, html=None)
    assert code == EXIT_FOUND
    assert "No cut-off keeps to the budget: even calls_24h >= 40 gives 40.0 alerts a day" in capsys.readouterr().out


def test_without_truth(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = tmp_path / "alone.parquet"
    alone.write_bytes(recording.read_bytes())
    assert not truth_path(alone).exists()
    folder, html = folder_of(tmp_path, 20), tmp_path / "page.html"
    assert suggest.main("r", alone, "10/day", None, None, folder, as_json=False, html=html) == EXIT_CLEAN
    shown = capsys.readouterr().out
    assert "Only the number of alerts is known" in shown
    assert "precision" not in shown
    assert html.read_text(encoding="utf-8").count("<svg") == 1
    _, found = told(capsys, alone, folder, "10/day")
    assert (found["cutoff"], found["truth"], found["periods"]["learned"]["points"][0]["precision"]) == (31, False, None)


@pytest.mark.parametrize(
    "text", ["", "0", "-3/day", "many", "5/hour", "5/day/day", "1e9", "\x1b[31m", "٣/day", "5 per day"]
)
def test_a_budget_that_is_none(text: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        budget_a_day(text)
    assert "20/day" in str(problem.value)
    assert "\x1b" not in str(problem.value)


def test_budgets() -> None:
    assert [budget_a_day(text) for text in ("20/day", "20", " 20 / day ", "140/week", "1_000", "0.5/d")] == [
        20, 20, 20, 20, 1_000, 0.5,
    ]  # fmt: skip


# --- how sure it is ---


def tally_of(values_by_day: Sequence[Sequence[float]], same_sources: bool = False) -> Tally:
    """One event for each value, of another source each, or of the same ones every day."""
    tally = Tally(Grid(strict=False, current=0.0), float(len(values_by_day)))
    for day, values in enumerate(values_by_day):
        count, numbers = len(values), np.arange(len(values), dtype=np.uint64)
        tally.add(Found(
            np.array(values, np.float64), np.ones(count, bool), np.zeros(count, bool),
            numbers + np.uint64(0 if same_sources else 10_000 * day), np.full(count, day),
            np.full(count, -1, np.int32), np.zeros(count, np.int64), numbers, np.zeros(count, bool),
        ))  # fmt: skip
    return tally


def test_the_interval_knows_how_different_days_are() -> None:
    chance = np.random.default_rng(1)
    alike = tally_of([np.arange(100) for _ in range(8)])
    other = tally_of([np.arange(100) * scale for scale in chance.uniform(0.3, 1.7, 8)])
    found = []
    for tally in (alike, other):
        curve = tally.curve(tally.values)
        found.append(cut_interval(tally, curve, 10.0, range(8)))
        assert cut_interval(tally, curve, 10.0, range(8)) == found[-1], "the same every time"
    assert found[0] == (90.0, 90.0)
    low, high = found[1]
    cut = other.values[choose(other.curve(other.values), 10.0) or 0]
    assert low < cut < high


def test_the_interval_covers_what_other_sources_would_give() -> None:
    """Few days: sources are drawn. Of 200 worlds made alike, the interval of one holds about 95 of 100."""
    chance = np.random.default_rng(3)
    worlds = [tally_of([chance.exponential(10, 400)]) for _ in range(200)]
    cuts = np.array([world.values[choose(world.curve(world.values), 20.0) or 0] for world in worlds])
    covered = []
    for world in worlds[:12]:
        low, high = cut_interval(world, world.curve(world.values), 20.0, range(1))
        covered.append(np.mean((cuts >= low) & (cuts <= high)))
    assert 0.75 < np.mean(covered) <= 1.0, "wide enough"
    assert np.mean(np.ptp(cuts)) > 0.5 * (high - low), "and not too wide"


def test_sources_that_come_every_day_are_drawn_together() -> None:
    chance = np.random.default_rng(4)
    values = chance.exponential(10, 300)
    apart = tally_of([chance.exponential(10, 300) for _ in range(4)])
    again = tally_of([values] * 4, same_sources=True)
    widths = [np.ptp(cut_interval(one, one.curve(one.values), 20.0, range(4))) for one in (apart, again)]
    assert widths[1] > 1.3 * widths[0]


def test_the_loosest_is_the_one_that_hits_most() -> None:
    zeros = np.zeros(4, np.int64)
    alerts, found = np.array([9, 5, 3, 4]), np.array([90, 50, 30, 60])
    curve = Curve(np.arange(4.0), found, zeros, zeros, alerts, zeros, zeros, scam=0, campaigns=0, days=1.0)
    assert [choose(curve, budget) for budget in (10, 5, 3.5, 2)] == [0, 3, 2, None]


@pytest.mark.parametrize(
    ("count", "low", "high"),  # exact Poisson limits, from tables of the chi-square distribution
    [(0, 0.0, 3.689), (1, 0.025, 5.572), (5, 1.623, 11.668), (20, 12.217, 30.888), (100, 81.364, 121.627)],
)
def test_intervals_of_a_rate(count: int, low: float, high: float) -> None:
    found = Rate(count, 2.0).interval
    assert found[0] * 2 == pytest.approx(low, rel=0.05, abs=0.03)
    assert found[1] * 2 == pytest.approx(high, rel=0.02)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)]
)
def test_intervals_of_a_share(part: int, whole: int, low: float, high: float) -> None:
    assert Share(part, whole).interval == pytest.approx((low, high), abs=5e-5)
    assert Share(0, 0).interval is None


def test_what_was_found_is_shown_even_if_the_page_cant_be_written(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, 20, ALL_OTHER)
    assert suggest.main("r", recording, "10", None, None, folder, as_json=False, html=tmp_path) == EXIT_USAGE
    shown = capsys.readouterr()
    assert "Suggestion: calls_24h >= 31" in shown.out
    assert "this is a folder" in shown.err


def test_a_recorded_city(city_recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped rules, and a page."""
    html = tmp_path / "page.html"
    code = suggest.main("fresh-site", city_recording, "3/day", None, None, None, as_json=False, html=html)
    shown = capsys.readouterr().out
    assert code == (EXIT_CLEAN if "Keep" in shown or "Suggestion" in shown else EXIT_FOUND)
    assert "fresh-site: host_age <= 3d, for at most 3 alerts a day" in shown
    page = html.read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "host_age &lt;= " in page


def test_days_are_not_cut_in_two() -> None:
    """An alert is a source on a day: held out are whole days, where there are any."""
    for days, learned in ((2, 1), (3, 2), (10, 7), (30, 21)):
        last_ms = START_MS + days * DAY_MS - 1
        assert split(START_MS, last_ms, days) == (START_MS + learned * DAY_MS, learned)
    assert split(START_MS, START_MS + DAY_MS, 1) == (START_MS + round(0.7 * DAY_MS), 0.7)


def test_looser_for_nothing_is_not_suggested(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All scam comes from lines of ten days: a budget that allows older ones to be found buys nothing."""
    scam = [number for number in range(1, 600) if campaign_of({"event_id": number}) >= 0]
    ordinary = [number for number in range(1, 600) if campaign_of({"event_id": number}) < 0]
    events = [
        event(Kind.CALL, START_MS + number * 100_000, number, source=number, target=9, tenure_days=age)
        for age, numbers in ((10, scam), (30, ordinary))
        for number in numbers
    ]
    text = HEAD + RULE.replace("not registered\n      and calls_24h >= #", "tenure <= 20d")
    folder = rules(tmp_path / "rules", text.replace("  - {feature", "  # - {feature").replace("features:\n", ""))
    day = record(tmp_path / "day.parquet", load(folder), sorted(events, key=lambda one: one["ts_ms"]))
    code, found = told(capsys, day, folder, "10000/day")
    assert (code, found["verdict"], found["cutoff"]) == (EXIT_CLEAN, "keep", 20 * DAY_MS)
    assert found["why"].endswith("finds no more scam.")
