"""`interceptor` as it is used: exit codes, messages, what goes to which stream, and runs of a small town."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from interceptor import __version__, cli
from interceptor.cli import app
from simulator.scam_types import SCAM_TYPES
from simulator.scenario import load
from simulator.without import WithoutInterception, without_interception

# The runs are made once for all tests here.
pytestmark = pytest.mark.xdist_group("cli")

SMALL = ("--people", "1000", "--seed", "7")


def said(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments])


def started(*arguments: str, **given: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "interceptor", "run", *arguments]
    root = Path(cli.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **given)


def lasting(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what differs from run to run."""
    return {name: value for name, value in report.items() if not name.endswith("_per_s") and name != "seconds"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    path = tmp_path_factory.mktemp("recorded") / "day.parquet"
    return path, said(*SMALL, "--json", "--record", str(path))


def test_a_run_ends_with_one_json_object(recorded: tuple[Path, Result]) -> None:
    result = recorded[1]
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["seed"], report["people"], report["complete"]) == (7, 1000, True)
    assert report["events"] > 10_000
    assert set(report["campaigns"]) == set(SCAM_TYPES)
    assert report["money"]["lost_without"] is not None
    parts = ("simulator", "engine", "scoring", "set_up", "compile", "rest")
    assert report["seconds"]["total"] == pytest.approx(sum(report["seconds"][part] for part in parts), abs=0.01)


def test_progress_goes_to_standard_error_in_plain_lines(recorded: tuple[Path, Result]) -> None:
    lines = recorded[1].stderr.splitlines()
    assert "1,000 people" in lines[0]
    assert "seed 7" in lines[0]
    assert [line[:16] for line in lines if " events " in line and "/s" in line][-1] == "2021-03-02 00:00"
    assert "\x1b" not in recorded[1].stderr
    assert "the truth is in" in lines[-1]


def test_the_same_seed_is_the_same_run(recorded: tuple[Path, Result]) -> None:
    again = said(*SMALL, "--json", "--no-counterfactual")
    first, second = (lasting(json.loads(text)) for text in (recorded[1].stdout, again.stdout))
    assert second["money"].pop("lost_without") is None
    assert second["money"].pop("saved") is None
    for report in (first, second):
        report["money"] = {name: report["money"][name] for name in ("attempted", "lost", "recovered", "held")}
        for scam_type in report["campaigns"].values():
            del scam_type["money"]
    assert first == second


def test_a_replay_decides_what_the_run_decided(recorded: tuple[Path, Result]) -> None:
    path, run = recorded
    replay = said("--scenario", str(path), "--json")
    assert replay.exit_code == 0, replay.stderr
    first, second = json.loads(run.stdout), json.loads(replay.stdout)
    for name in ("seed", "ruleset", "events", "gates", "harm", "rules", "by_score_alone"):
        assert second[name] == first[name]
    assert second["money"]["saved"] is None


def test_the_bulletin_is_for_people(recorded: tuple[Path, Result]) -> None:
    result = said("--scenario", str(recorded[0]))
    assert result.exit_code == 0, result.stderr
    for words in ("Bulletin", "Money", "Gates", "Rules that did most", "Worst townships", "Harm", "Speed"):
        assert f"\n{words}" in result.stdout


def test_without_interception_is_the_same_in_a_process_of_its_own() -> None:
    scenario = load("city_centre")
    with WithoutInterception(scenario, 1000, 1, 7) as aside:
        found = aside.result(lambda: False)
    here = without_interception(scenario, 1000, 1, 7)
    assert found is not None
    assert (found.lost_fen, found.paid_fen) == (here.lost_fen, here.paid_fen)


def test_whoever_gives_up_gets_nothing_and_leaves_nothing_behind() -> None:
    with WithoutInterception(load("city_centre"), 5000, 3, 7) as aside:
        assert aside.result(lambda: True) is None
    assert not aside._process.is_alive()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--people", "-5"], "-5 isn't from 500 to 2,000,000"),
        (["--people", "0"], "0 isn't from 500 to"),
        (["--days", "4000"], "4,000 isn't from 1 to 366"),
        (["--seed", "-1"], "-1 isn't from 0"),
        (["--people", "many"], "--people"),
        (["--scenario", "city_center"], "did you mean city_centre?"),
        (["--scenario", "none.parquet"], "none.parquet: no such file"),
        (["--record", "."], "this is a folder"),
        (["--record", "none/day.parquet"], "can't write there"),
        (["--bogus"], "No such option: --bogus"),
    ],
)
def test_wrong_use_is_told_in_one_message(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = said(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_recording_cut_short_is_refused(recorded: tuple[Path, Result], tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    path.write_bytes(recorded[0].read_bytes()[:100_000])
    result = said("--scenario", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cut.parquet: no Parquet footer in its 100,000 bytes" in result.stderr
    assert "hint: " in result.stderr


@pytest.mark.parametrize("option", ["people", "days", "seed"])
def test_a_recording_has_its_own_people_days_and_seed(recorded: tuple[Path, Result], option: str) -> None:
    result = said("--scenario", str(recorded[0]), f"--{option}", "501" if option == "people" else "5")
    assert result.exit_code == 2
    assert f"--{option} doesn't apply" in result.stderr


def test_a_recording_is_not_replayed_into_itself(recorded: tuple[Path, Result]) -> None:
    result = said("--scenario", str(recorded[0]), "--record", str(recorded[0]))
    assert result.exit_code == 2
    assert "name another file" in result.stderr


def test_broken_rules_are_told_by_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "call.yaml").write_text("schema: 1\nrules:\n  - rule: x\n    conditon: tenure <= 3d\n", "utf-8")
    result = said("--rules", str(tmp_path), *SMALL)
    assert result.exit_code == 78
    assert "call.yaml:4:" in result.stderr
    assert "did you mean condition?" in result.stderr


def test_a_folder_without_rules_is_wrong_configuration(tmp_path: Path) -> None:
    assert said("--rules", str(tmp_path / "none"), *SMALL).exit_code == 78


def test_a_broken_scenario_file_is_wrong_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("scenario: mine\ntitle: x\npeple: 3\n", "utf-8")
    result = said("--scenario", str(path))
    assert result.exit_code == 78
    assert "mine.yaml:3:" in result.stderr


def test_version_and_help() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["--version"]).stdout == f"interceptor {__version__}\n"
    shown = runner.invoke(app, ["run", "--help"]).stdout
    for option in (
        "--scenario",
        "--people",
        "--days",
        "--seed",
        "--rules",
        "--lists",
        "--record",
        "--no-counterfactual",
    ):
        assert option in shown
    assert "[default: drawn, printed]" in " ".join(shown.split())


def test_ctrl_c_ends_with_what_was_measured_so_far(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    process = started("--people", "3000", "--record", str(path), stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if "held back" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Stopped at 01 Mar" in out
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["part.parquet", "part.truth.parquet"]


def test_a_killed_run_leaves_no_half_recording(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    process = started("--people", "3000", "--no-counterfactual", "--record", str(path), stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if "held back" in line:
            break
    process.kill()
    process.communicate(timeout=120)
    assert not path.exists()


def test_a_reader_that_leaves_is_no_error(recorded: tuple[Path, Result]) -> None:
    process = started("--scenario", str(recorded[0]), "--json", stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=120) == 1
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_told(recorded: tuple[Path, Result]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "interceptor", "run", "--scenario", str(recorded[0])]
        environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1])}
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 75
    assert "the output could not be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
