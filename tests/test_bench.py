"""The benchmarks' own arithmetic: cases, results, comparisons, targets, tables, streams. Nothing here is timed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer import Typer
from typer.testing import CliRunner

from benchmarks import made, run, running, streams, targets
from benchmarks.case import Case, Figure, Point, Setting, Size
from benchmarks.cases import budget, rules, windows
from benchmarks.floor import Probes, pairs, touch_s
from benchmarks.memory import bytes_held
from benchmarks.pictures import draw_all, pictures
from benchmarks.registry import CASES, FIRST, SERVERS, UnknownCase, chosen
from benchmarks.results import BadResults, Measured, Results, changes, read, worsening, write
from benchmarks.tables import budget_table, case_table, markdown, page
from interceptor.commands import bench_cli
from interceptor.engine import Engine
from interceptor.rules import default_rules_dir, load
from interceptor.schema import Kind, Verdict

QUICK, SIZES = Setting("quick", 1), ("quick", "default", "full")


def figure(value: float = 100.0, control: float = 10.0, unit: str = "ns/event", **more: float) -> Figure:
    return Figure("", None, value, unit, control, more)


def results(*cases: Measured) -> Results:
    machine, versions = {"cpu": "one", "cores": 2}, {"python": "3.11"}
    return Results("2026-01-01", "quick", 1, "0123456789ab", machine, versions, list(cases))


def measured(name: str, *figures: Figure, axis: str = "") -> Measured:
    return Measured(name, "what it measures", "ns/event", axis, list(figures))


# --- cases ---


def test_cases_are_well_formed() -> None:
    assert FIRST == "q0"
    for name, case in CASES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), name
        assert case.what, name
        assert case.unit, name
        assert (case.prepare is None) != (case.measure is None), name
        assert (case.points is None) == (case.prepare is None), name


@pytest.mark.parametrize("size", SIZES)
def test_points_differ_and_grow_with_the_size(size: Size) -> None:
    for case in CASES.values():
        points = list(case.points(Setting(size, 1))) if case.points else []
        assert len({point.id for point in points}) == len(points), case.name
        assert points or case.way == "end", case.name


def test_the_largest_sizes_are_there() -> None:
    lists, some = (CASES[name].points for name in ("lists", "windows"))
    assert lists
    assert some
    assert max(point.x or 0 for point in lists(Setting("full", 1))) == 1e8
    assert max(point.x or 0 for point in some(Setting("full", 1))) == 1e7


def test_chosen_cases_stand_in_their_order_behind_the_first() -> None:
    assert [case.name for case in chosen(["engine", "lists"])] == [FIRST, "lists", "engine"]
    assert {case.name for case in chosen([], "quick")} == set(CASES) - SERVERS
    assert {case.name for case in chosen([])} == set(CASES)


def test_an_unknown_case_names_what_is_near() -> None:
    with pytest.raises(UnknownCase, match="did you mean ledger"):
        chosen(["ledgr"])
    with pytest.raises(UnknownCase, match="one of q0"):
        chosen(["????"])


def test_smoke_runs_share_processes_and_others_do_not() -> None:
    cases = chosen(["lists", "ledger"])
    assert [[case.name for case in group] for group in running.grouped(cases, "quick")] == [["q0", "lists"], ["ledger"]]
    assert [len(group) for group in running.grouped(cases, "default")] == [1, 1, 1]


def test_points_have_ids_for_pytest() -> None:
    assert Point("count even", 1e6).id == "count_even-1_000_000"
    assert Point().id == "all"


# --- result files ---


def test_a_result_file_comes_back_the_same(tmp_path: Path) -> None:
    found = results(measured("q0", figure(bytes_each=3.0)), replace(measured("engine"), missing="no room"))
    write(found, tmp_path / "one.json")
    assert read(tmp_path / "one.json") == found


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 0}', '{"format": 1, "cases": [{}]}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.json").write_text(text, "utf-8")
    with pytest.raises(BadResults, match=re.escape("one.json")):
        read(tmp_path / "one.json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadResults, match="No such file"):
        read(tmp_path / "none.json")


def test_a_figure_is_found_by_series_and_place() -> None:
    found = results(measured("lists", Figure("exact", 1e3, 7.0, "ns/look-up", 10.0)))
    wanted = found.figure("lists", "exact", 1e3)
    assert wanted is not None
    assert wanted.value == 7.0
    assert found.figure("lists", "exact", 1e4) is None
    assert found.figure("nothing") is None


# --- comparing ---


@pytest.mark.parametrize(
    ("before", "after", "plain", "ratio"),
    [
        (figure(100, 10), figure(200, 10), 2.0, 2.0),
        (figure(100, 10), figure(200, 20), 2.0, 1.0),  # the machine is half as fast
        (figure(100, 10, "events/s"), figure(50, 10, "events/s"), 2.0, 2.0),
        (figure(100, 10, "events/s"), figure(50, 20, "events/s"), 2.0, 1.0),
        (figure(100, 10, "bytes/key"), figure(150, 20, "bytes/key"), 1.5, 1.5),
        (figure(100, 0, "ms"), figure(150, 20, "ms"), 1.5, 1.5),
    ],
)
def test_what_became_worse_is_corrected_by_the_control(
    before: Figure, after: Figure, plain: float, ratio: float
) -> None:
    assert worsening(before, after) == pytest.approx((plain, ratio))


def test_only_figures_that_both_have_are_compared() -> None:
    old = results(measured("q0", figure(10)), measured("gone", figure(1)))
    new = results(measured("q0", figure(20), Figure("more", None, 1.0, "ns/event")), measured("new", figure(1)))
    assert [(one.case, one.before, one.after, one.ratio) for one in changes(old, new)] == [("q0", 10, 20, 2.0)]


# --- targets ---


def of(name: str, found: Results, peers: targets.Peers | None = None) -> targets.Kept:
    return next(one for one in targets.kept(found, peers or {}) if one.target == name)


def test_targets_that_were_not_measured_say_so() -> None:
    assert {one.met for one in targets.kept(results(), {})} == {None}
    assert {one.measured for one in targets.kept(results(), {})} == {"not measured"}


def test_targets_are_computed_from_figures() -> None:
    found = results(
        measured("engine", Figure("mixed", None, 800.0, "ns/event", 10.0)),
        measured("budget", Figure("whole engine", None, 800.0, "ns/event", 10.0, {"floor": 200.0})),
        measured("rules", *(Figure("", x, value, "ns/event", 10.0) for x, value in ((50, 100.0), (2_000, 450.0)))),
        measured("lists", Figure("exact", 1e7, 20.0, "ns/look-up", 10.0, {"mb": 299.0})),
        measured("micro-batch", Figure("p99", 256, 2.5, "ms", 10.0)),
    )
    assert of("engine on Arrow frames, mixed stream", found) == targets.Kept(
        "engine on Arrow frames, mixed stream", "≥ 1,000,000 events/s", "1,250,000 events/s", True
    )
    assert of("engine, times its floor", found).met is False
    assert of("2,000 rules, of 50", found).measured == "4.5 ×"
    assert of("a list of 10 M entries", found).met is True
    assert of("micro-batch of 256 events, p99", found).met is False


def test_a_ratio_of_two_moments_is_corrected_by_their_controls() -> None:
    assert targets.ratio(figure(300, 20), figure(100, 10)) == pytest.approx(1.5)
    assert targets.ratio(figure(300, 20), None) is None


def test_json_is_held_against_the_quicker_decoder() -> None:
    ways = {"msgspec alone": 300.0, "into frames": 200.0, "into decisions": 400.0}
    case = measured("ndjson", *(Figure(way, None, value, "ns/event", 10.0) for way, value in ways.items()))
    assert of("from NDJSON, of the bare decode rate", results(case)).measured == "0.5"


def test_peers_come_from_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "peers.json").write_text(
        json.dumps({"ratios": {"rule-engine": 120, "rule-engine, table": 110}}), "utf-8"
    )
    peers = targets.peers_of(tmp_path / "peers.json")
    assert of("times rule-engine", results(), peers).measured == "110 ×"
    assert of("times zen-engine", results(), peers).met is None
    assert targets.peers_of(tmp_path / "none.json") == {}


# --- tables and pictures ---


def test_tables_hold_what_was_measured() -> None:
    case = measured("lists", Figure("exact", 1e4, 7.25, "ns/look-up", 12.0, {"bytes_each": 30.0}), axis="entries")
    assert case_table(case).splitlines()[0] == "| series | entries | ns/event | control, ns | bytes_each |"
    assert case_table(case).splitlines()[2] == "| exact | 10,000 | 7.25 | 12.0 | 30 |"
    stages = measured("budget", Figure("windows", None, 600.0, "ns/event", 10.0, {"floor": 200.0}))
    assert budget_table(stages).splitlines()[2] == "| windows | 600 | 200 | 3.0 |"


def test_a_cell_cannot_end_a_row() -> None:
    assert markdown(["a"], [["x|y\nz"]]).splitlines()[2] == "| x\\|y z |"


def test_the_page_names_the_run(tmp_path: Path) -> None:
    found = results(measured("q0", figure()), replace(measured("kafka"), missing="no Java here"))
    text = page(found, [("A curve", "curve.svg")], tmp_path / "peers.json")
    for said in ("0123456789ab", "seed 1", "cpu one", "python 3.11", "![A curve](curve.svg)", "no Java here"):
        assert said in text, said


def test_pictures_are_drawn_of_curves_memory_and_budget(tmp_path: Path) -> None:
    curve = measured("lists", *(figure(x, bytes_each=30.0) for x in (1.0, 2.0)), axis="entries")
    curve = replace(curve, figures=[replace(one, x=10.0**at) for at, one in enumerate(curve.figures)])
    found = results(curve, measured("budget", figure(5.0, floor=1.0)), measured("q0", figure()))
    assert [picture.name for picture in pictures(found)] == ["lists", "lists-memory", "budget"]
    drawn = draw_all(found, tmp_path)
    assert [name for _, name in drawn] == ["lists.svg", "lists-memory.svg", "budget.svg"]
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    draw_all(found, tmp_path)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before) == 6


# --- streams ---


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> pa.RecordBatch:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERCEPTOR_BENCH_CACHE", str(tmp_path_factory.mktemp("streams")))
        made_now = streams.stream("mixed", 5_000, 30_000, 1)
        assert streams.stream("mixed", 5_000, 30_000, 1).equals(made_now)  # from the disk
        return made_now


def shares(frame: pa.RecordBatch) -> dict[tuple[Kind, ...], float]:
    kinds = frame.column("kind").to_numpy()
    return {group: float(np.isin(kinds, group).mean()) for group in streams.MIXED}


def test_the_mixed_stream_has_its_shares_order_and_ids(mixed: pa.RecordBatch) -> None:
    found = shares(mixed)
    for group, share in streams.MIXED.items():
        assert found[group] == pytest.approx(share, abs=0.05), group
    assert (np.diff(mixed.column("ts_ms").to_numpy()) >= 0).all()
    assert len(np.unique(mixed.column("event_id").to_numpy())) == mixed.num_rows


def test_thinning_depends_on_the_seed_alone(mixed: pa.RecordBatch) -> None:
    one, again, other = (streams.thinned(mixed, streams.SMS_HEAVY, seed) for seed in (3, 3, 4))
    assert one.equals(again)
    assert not one.equals(other)
    assert shares(one)[(Kind.SMS,)] == pytest.approx(0.8, abs=0.05)
    assert set(streams.thinned(mixed, streams.CALL_ONLY, 1).column("kind").to_pylist()) == {Kind.CALL, Kind.CALL_END}


def test_blocklists_hold_different_numbers() -> None:
    found = streams.blocklist(50_000, 1)
    assert len(np.unique(found)) == 50_000
    assert (found == streams.blocklist(50_000, 1)).all()
    assert (found != streams.blocklist(50_000, 2)).any()


def test_half_of_an_attack_is_intercepted(mixed: pa.RecordBatch) -> None:
    numbers = streams.blocklist(10_000, 1)
    attacked = streams.attack(mixed, numbers, 1)
    assert attacked.equals(streams.attack(mixed, numbers, 1))
    engine = Engine(streams.with_blocklist(load(default_rules_dir()), numbers))
    stopped = np.concatenate(
        [engine.decide(frame).verdict >= Verdict.HOLD for frame in streams.frames_of(attacked, 8_192)]
    )
    assert 0.48 < stopped.mean() < 0.6


# --- made rules and events, floors, memory ---


@pytest.mark.parametrize("window", [name for name in windows.FEATURES if name != "none"])
def test_each_window_has_a_rule_that_reads_it(window: str) -> None:
    found = windows.rule_set(window, 2)
    assert [feature.window for feature in found.features] == [window] * 2
    assert len(found.rules) == 2


def test_made_rules_are_as_many_as_asked_and_of_a_seed() -> None:
    assert len(made.rules_of(rules.made(60, 1)).rules) == 60
    assert rules.made(60, 1) == rules.made(60, 1) != rules.made(60, 2)


def test_floors_probe_and_touch_what_they_are_given() -> None:
    probes, keys = Probes(), np.arange(1, 1_000, dtype=np.uint64)
    probes.fill("keys", keys)
    assert probes.probe_s("keys", keys) > 0
    assert touch_s([np.ones(1_001, np.uint8), np.zeros(0, np.int64)]) >= 0
    assert len(np.unique(pairs(keys, keys[::-1]))) == len(keys)


def test_every_lap_of_the_engine_has_a_stage(mixed: pa.RecordBatch) -> None:
    clock = budget.Clock()
    clock.wants_parts_apart = True
    engine = Engine(load(default_rules_dir()), observer=clock)
    engine.decide(mixed.slice(0, 4_000))
    assert set(clock.seconds) >= {"decode, admission", "enrich", "windows", "rules", "scores", "verdict"}


def test_memory_counts_an_array_once() -> None:
    array = np.zeros(1_000)
    assert bytes_held([array, array[:10], {"a": array}]) == array.nbytes


# --- the command ---


@pytest.fixture
def command() -> Typer:
    app = Typer()
    bench_cli.add_to(app)
    return app


def test_cases_are_listed(command: Typer) -> None:
    said = CliRunner().invoke(command, ["--list"])
    assert said.exit_code == 0
    assert said.stdout.splitlines()[0].startswith("q0 ")
    assert {line.split()[0] for line in said.stdout.splitlines()} == set(CASES) | {"peers"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ledgr"], "did you mean ledger?"),
        (["--quick", "--full", "q0"], "one of them"),
        (["q0", "--compare", "none.json"], "none.json"),
    ],
)
def test_wrong_use_is_told_without_a_traceback(command: Typer, arguments: list[str], says: str) -> None:
    said = CliRunner().invoke(command, arguments)
    assert said.exit_code == 2
    assert says in said.stderr
    assert "Traceback" not in said.output


def test_what_got_slower_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Typer) -> None:
    write(results(measured("q0", figure(10.0))), tmp_path / "old.json")

    def fake(cases: list[Case], _: Setting, __: running.Tell) -> list[Measured]:
        return [measured(case.name, figure(11.0)) for case in cases]

    monkeypatch.setattr(run.running, "run", fake)
    monkeypatch.setattr(run.running, "make_streams", lambda _, __: "")
    asked = ["q0", "--quick", "--to", str(tmp_path / "new"), "--compare", str(tmp_path / "old.json"), "--date", "today"]
    assert CliRunner().invoke(command, asked).exit_code == 0
    assert CliRunner().invoke(command, [*asked, "--bound", "5"]).exit_code == 1
    assert read(tmp_path / "new/results.json").date == "today"
    assert (tmp_path / "new/README.md").is_file()
    found = json.loads(CliRunner().invoke(command, [*asked, "--json"]).stdout)
    assert found["changes"][0]["ratio"] == pytest.approx(1.1)


def test_a_case_that_fails_is_told_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("trace\nE       ValueError: no room\n1 failed\n", "utf-8")
    assert running._last_line(log) == "ValueError: no room"
