"""`interceptor decide`: every line is decided or rejected, as one engine decides; pipes, interruptions, hostile lines.

Enters: lines of JSON, in files and pipes. Leaves: assertions on decisions, streams and exit codes. Invariant: nothing
of a line gets into any output but ids, kinds and times.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from interceptor.cli import app
from interceptor.commands import decide_lines
from interceptor.commands.decide_lines import LINE_BYTES_MAX, Piece, pieces
from interceptor.engine import Engine
from interceptor.rules import load
from interceptor.schema import Verdict
from interceptor.transport.edge.json_events import read_events

RULES = """\
schema: 1
features:
  - {feature: calls_1h, count: events, on: call, by: caller, within: 1h}
rules:
  - rule: third-call
    title: A third call within the hour
    on: call
    condition: calls_1h >= 3
    actions: [label, warn_2]
    reason: The line rang three times within the hour.
    remedy: Ring later.
  - rule: stranger
    title: A stranger
    on: call
    mode: shadow
    condition: not known
    actions: [block]
"""
HOSTILE = "\x1b[2J\x1b]0;owned\x07"


def call(number: int, **more: Any) -> bytes:
    event = {"kind": "call", "ts": 1_767_600_000_000 + 1_000 * number, "caller": f"+86170000000{number % 7:02d}"}
    return json.dumps({"event_id": number, **event, "callee": "+8613900139000", **more}).encode()


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "mine.yaml").write_text(RULES, "utf-8")
    return folder


@pytest.fixture
def said(rules: Path, tmp_path: Path) -> Any:
    """Runs the command on some bytes in a file."""

    def run(data: bytes, *options: str) -> Result:
        path = tmp_path / "events.ndjson"
        path.write_bytes(data)
        return CliRunner().invoke(app, ["decide", str(path), "--rules", str(rules), *options])

    return run


def decided(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def started(rules: Path, *options: str, **given: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "interceptor", "decide", *options, "--rules", str(rules)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | given
    return subprocess.Popen(command, env=environment, **pipes)


def test_decisions_are_the_engines_whatever_the_pieces(said: Any, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [call(number) for number in range(1, 201)]
    whole = said(b"\n".join(lines))
    assert whole.exit_code == 0, whole.stderr
    expected = Engine(load(rules)).decide(read_events(lines, np.zeros(200, np.uint64)).batch)
    found = decided(whole)
    assert [one["event_id"] for one in found] == expected.event_id.tolist()
    assert [Verdict[one["verdict"].upper()] for one in found] == expected.verdict.tolist()
    assert [one["line"] for one in found] == list(range(1, 201))
    monkeypatch.setattr(decide_lines, "PIECE_BYTES", 700)
    assert said(b"\n".join(lines)).stdout == whole.stdout


def test_a_decision_says_what_hit_and_why_and_nothing_of_the_people(said: Any) -> None:
    result = said(b"\n".join(call(7 * number) for number in range(1, 4)))
    third = decided(result)[2]
    assert third["verdict"] == "label"
    assert third["rules"] == ["third-call"]
    assert third["watching"] == ["stranger"]
    assert third["tier"] == 2
    assert third["actions"] == ["label", "warn_2"]
    assert third["reason"] == "The line rang three times within the hour."
    assert third["remedy"] == "Ring later."
    assert (
        decided(result)[0]
        | {"line": 3, "event_id": 21, "ts_ms": third["ts_ms"]}
        | {name: third[name] for name in ("verdict", "rules", "tier", "actions", "reason", "remedy")}
        == third
    )
    assert "170000" not in result.output
    assert "139001" not in result.output


def test_lines_that_are_no_events_are_told_and_kept(said: Any, tmp_path: Path) -> None:
    bad = [
        b"not json " + HOSTILE.encode(), b"\xff\xfe", b"[]", b'{"kind":"sms"}', call(3, colour=HOSTILE),
        call(4)[:-9], b"   ", call(5, event_id=HOSTILE, tenure_days=-4),
    ]  # fmt: skip
    lines = [call(1), bad[0], b"", *bad[1:], call(2)]
    result = said(b"\n".join(lines), "--rejected", str(tmp_path / "bad"))
    assert result.exit_code == 1
    assert [one["line"] for one in decided(result)] == [1, len(lines)]
    assert (tmp_path / "bad").read_bytes() == b"".join(line + b"\n" for line in bad)
    told = [line for line in result.stderr.splitlines() if "events.ndjson:" in line]
    numbers = [int(line.split("events.ndjson:")[1].split(":")[0]) for line in told]
    assert numbers == [2, *range(4, 11)]
    codes = [line.split(": ")[1] for line in told]
    assert codes == [
        "not-json", "not-utf8", "not-an-object", "missing-field", "unknown-field", "not-json", "empty", "out-of-range",
    ]  # fmt: skip
    assert "\x1b" not in result.output
    assert "owned" not in result.output
    assert "2 events decided" in result.stderr
    assert "; 8 rejected (" in result.stderr


def test_many_bad_lines_are_counted_not_told_one_by_one(said: Any) -> None:
    result = said(b"no\n" * 500, "--json")
    assert result.stderr.count("not JSON") == 20
    summary = json.loads(result.stderr.splitlines()[-1])
    assert (summary["events"], summary["rejected"], summary["codes"]) == (0, 500, {"not-json": 500})


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\r\n\r\n"])
def test_nothing_in_nothing_out(said: Any, data: bytes) -> None:
    result = said(data)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "0 events decided (nothing)" in result.stderr


def test_lines_may_end_as_on_windows(said: Any, tmp_path: Path) -> None:
    lines = [call(1), b"oops", call(2)]
    result = said(b"\r\n".join(lines) + b"\r\n", "--rejected", str(tmp_path / "bad"))
    assert [one["event_id"] for one in decided(result)] == [1, 2]
    assert (tmp_path / "bad").read_bytes() == b"oops\r\n"


def test_late_and_repeated_events_are_decided_and_counted(said: Any) -> None:
    late = call(1, event_id=99, ts=1_767_600_000_000 - 7_200_000)
    result = said(b"\n".join([call(1), call(1), late]))
    assert [one["status"] for one in decided(result)] == ["ok", "duplicate", "late"]
    assert "duplicate 1, late 1" in result.stderr


def test_events_without_an_id_get_one_from_their_line(said: Any) -> None:
    lines = [json.dumps({k: v for k, v in json.loads(call(n)).items() if k != "event_id"}).encode() for n in (1, 1, 2)]
    found = decided(said(b"\n".join(lines)))
    assert [one["status"] for one in found] == ["ok"] * 3
    assert [one["event_id"] - found[0]["event_id"] for one in found] == [0, 1, 2]


def test_columns_and_lines_go_to_files(said: Any, tmp_path: Path) -> None:
    data = b"\n".join(call(number) for number in range(50))
    printed = said(data)
    result = said(data, "--out", str(tmp_path / "decisions.ndjson"), "--json")
    assert (tmp_path / "decisions.ndjson").read_text("utf-8") == printed.stdout
    assert json.loads(result.stdout)["events"] == 50
    said(data, "--out", str(tmp_path / "decisions.parquet"))
    table = pq.read_table(tmp_path / "decisions.parquet")
    assert table["event_id"].to_pylist() == list(range(50))
    assert table["line"].to_pylist() == list(range(1, 51))
    assert not list(tmp_path.glob(".*.part"))


def test_what_a_person_can_mend_is_told(said: Any, tmp_path: Path, rules: Path) -> None:
    missing = CliRunner().invoke(app, ["decide", str(tmp_path / "nowhere"), "--rules", str(rules)])
    assert (missing.exit_code, "can't be read" in missing.stderr) == (2, True)
    folder = CliRunner().invoke(app, ["decide", str(tmp_path), "--rules", str(rules)])
    assert (folder.exit_code, "is a folder" in folder.stderr) == (2, True)
    same = said(call(1), "--out", str(tmp_path / "events.ndjson"))
    assert (same.exit_code, "name another file" in same.stderr) == (2, True)
    assert (tmp_path / "events.ndjson").read_bytes() == call(1)
    assert said(call(1), "--rejected", str(tmp_path / "no" / "where")).exit_code == 2
    device = said(call(1), "--out", "/dev/full")
    assert (device.exit_code, "can't be a file there" in device.stderr) == (2, True)
    (tmp_path / "broken.yaml").write_text("schema: 1\nrules: 3\n", "utf-8")
    wrong = CliRunner().invoke(
        app, ["decide", str(tmp_path / "events.ndjson"), "--rules", str(tmp_path / "broken.yaml")]
    )
    assert (wrong.exit_code, wrong.stdout) == (78, "")


def test_a_pipe_is_decided_as_it_comes(rules: Path) -> None:
    with started(rules, "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(call(1) + b"\n" + call(2)[:20])
        process.stdin.flush()
        first = json.loads(process.stdout.readline())  # while the pipe is open
        rest, _ = process.communicate(call(2)[20:])
    assert [first["event_id"], json.loads(rest)["event_id"]] == [1, 2]
    assert process.returncode == 0


def test_ctrl_c_ends_with_what_was_decided(rules: Path, tmp_path: Path) -> None:
    options = ("--out", str(tmp_path / "out.ndjson"), "--rejected", str(tmp_path / "bad"))
    with started(rules, "-", *options) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(call(1) + b"\nbad\n" + call(2) + b"\n")
        process.stdin.flush()
        while b"standard input:2" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        out = process.stdout.read()  # while the pipe is open
    assert process.returncode == 130
    assert b"stopped after 2 events decided" in out
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 2
    assert (tmp_path / "bad").read_bytes() == b"bad\n"


def test_a_reader_that_leaves_ends_it_quietly(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "many"
    path.write_bytes(b"\n".join(call(number) for number in range(20_000)))
    with started(rules, str(path)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 1
    assert b"Traceback" not in said


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def cut(tmp_path: Path, data: bytes) -> list[Piece]:
    path = tmp_path / "lines"
    path.write_bytes(data)
    with path.open("rb") as file:
        return list(pieces(file.fileno(), lambda: False))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1_000])
def test_pieces_hold_whole_lines_and_know_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(decide_lines, "PIECE_BYTES", size)
    data = b"a\n\nbb\r\nccc\n\n\ndddd"
    found = [
        (int(number), piece.data[start:end])
        for piece in cut(tmp_path, data)
        for start, end, number in zip(*piece.lines(), strict=True)
    ]
    assert found == [(1, b"a"), (3, b"bb"), (4, b"ccc"), (7, b"dddd")]
    assert b"".join(piece.data for piece in cut(tmp_path, data)) == data


def test_a_line_without_end_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide_lines, "PIECE_BYTES", 1 << 18)
    data = b"a\n" + b"x" * (LINE_BYTES_MAX * 2) + b"\nb\n" + b"y" * (LINE_BYTES_MAX + 9)
    found = cut(tmp_path, data)
    assert b"".join(piece.data for piece in found) == data
    assert max(len(piece.data) for piece in found) <= LINE_BYTES_MAX + (1 << 18)
    assert [(piece.first, piece.begins) for piece in found if piece.begins] == [(2, True), (4, True)]
    assert [piece.data for piece in found if not piece.is_part] == [b"a\n", b"b\n"]


def test_lines_that_are_too_long_are_rejected_whole(said: Any, tmp_path: Path) -> None:
    long = b"x" * (6 << 20)
    result = said(b"\n".join([call(1), long, call(2)]), "--rejected", str(tmp_path / "bad"))
    assert [one["line"] for one in decided(result)] == [1, 3]
    assert (tmp_path / "bad").read_bytes() == long + b"\n"
    assert "events.ndjson:2: too-large: " in result.stderr


def test_what_waits_in_a_pipe_is_let_go_when_somebody_stops(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"half a line")
    assert list(pieces(pipe[0], lambda: True)) == []


def test_a_disk_that_is_full_says_so(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(call(1))
    with Path("/dev/full").open("wb") as full, started(rules, str(path), stdout=full) as process:
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 75
    assert b"could not be written" in said
