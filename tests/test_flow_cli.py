"""`money trace` as a person types it: tables, JSON, pictures, checks; what it says to wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from interceptor.centre.flow.reading import open_transfers
from interceptor.commands.centre import flow_cli
from interceptor.recording import truth_path
from tests.amlsim_files import HEADER, write_amlsim

app = typer.Typer(pretty_exceptions_enable=False)


@app.callback()
def _money() -> None:
    """Its commands have names."""


flow_cli.add_to(app)


def typed(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["trace", *map(str, arguments)])


def told(*arguments: str | Path) -> dict[str, Any]:
    result = typed(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


@pytest.fixture(scope="module")
def chain_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 pays 2, who pays 3 and 4; 9 pays 3, too; a day apart from an unrelated payment."""
    path = tmp_path_factory.mktemp("flow") / "t.csv"
    lines = [
        HEADER, "1,6222021234567890,2,T,1000,2021-03-01T01:00:00Z,True,5", "2,2,3,T,600,2021-03-01T01:10:00Z,True,5",
        "3,2,4,T,400,2021-03-01T01:20:00Z,True,5", "4,9,3,T,500,2021-03-01T01:30:00Z,True,6",
        "5,7,8,T,1,2021-03-02T01:00:00Z,False,-1",
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_says_who_has_the_money(chain_file: Path) -> None:
    result = typed(chain_file, "--report", "1")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "1,000.00 yuan of case 1, as of 2021-03-02 09:00:00"
    rows = [line.split() for line in lines[2:5]]
    assert [row[:4] for row in rows] == [
        ["1", "2", "splitter", "1,000.00"], ["2", "3", "exit", "600.00"], ["2", "4", "exit", "400.00"],
    ]  # fmt: skip
    assert rows[1][-1] == "stop"
    assert "Of it: 1,000.00 lies in accounts. 3 accounts to stop." in result.stdout
    assert "6222021234567890" not in result.stdout


def test_json_has_everything_whole(chain_file: Path) -> None:
    found = told(chain_file, "--report", "1:50000")
    (network,) = found["networks"]
    assert found["limits"] == {"layers": 6, "hours": 24.0, "least_fen": 100, "least_share": 0.01}
    assert network["where_fen"] == {"left": 50_000, "cashed": 0, "held": 0, "deep": 0, "thin": 0}
    assert [one["account"] for one in network["accounts"]] == ["2", "3", "4"]
    assert network["transfers"][0] == {
        "id": "1", "ts_ms": 1_614_560_400_000, "payer": "6222021234567890", "payee": "2", "amount_fen": 100_000,
        "tainted_fen": 50_000, "outcome": "followed", "case": "case 1",
    }  # fmt: skip


def test_an_earlier_time_and_fewer_layers(chain_file: Path) -> None:
    early = told(chain_file, "--report", "1", "--at", "2021-03-01T09:15")["networks"][0]
    assert [(one["account"], one["left_fen"]) for one in early["accounts"]] == [("2", 40_000), ("3", 60_000)]
    shallow = told(chain_file, "--report", "1", "--layers", "1")["networks"][0]
    assert shallow["where_fen"]["deep"] == 100_000


def test_payments_of_one_case_and_of_two(chain_file: Path) -> None:
    assert [len(one["cases"]) for one in told(chain_file, "--report", "1,4")["networks"]] == [1]
    assert [len(one["cases"]) for one in told(chain_file, "--report", "1", "--report", "2")["networks"]] == [2]


def test_a_picture_is_drawn(chain_file: Path, tmp_path: Path) -> None:
    for name in ("flow.svg", "flow.png"):
        result = typed(chain_file, "--report", "1", "--picture", tmp_path / name)
        assert result.exit_code == 0
        assert (tmp_path / name).stat().st_size > 5_000
        assert f"{name}: the flow" in result.stdout


@pytest.mark.parametrize("seed", [1, 2])
def test_a_labelled_file_is_checked(tmp_path: Path, seed: int) -> None:
    """Without the accounts' own money; with it, pro rata finds less: most of what is moved on isn't the stolen part."""
    folder = write_amlsim(tmp_path / "aml", seed, accounts=500, alerts=10)
    bare, whole = told(folder / "transactions.csv", "--check"), told(folder, "--check")
    assert bare["cases"] == whole["cases"] == 10
    assert bare["money_share"] > 0.6 > whole["money_share"] > 0.03
    assert bare["account_share"] > 0.75
    assert bare["wrong_share"] < 0.05
    assert "stolen money moved on" in typed(folder, "--check").stdout


def test_a_recording_is_checked_against_its_truth(city_recording: Path) -> None:
    found = told(city_recording, "--check", "--observed")
    assert found["cases"] > 20
    assert found["money_share"] > 0.95
    assert found["account_share"] > 0.95
    assert found["wrong_share"] < 0.01
    assert found["accounts_wrong"] == 0
    assert found["exits_found"] == found["exits"]


def test_a_payment_in_a_recording_is_followed(city_recording: Path) -> None:
    truth = pq.read_table(truth_path(city_recording), columns=["event_id", "step"]).to_pylist()
    payment = next(row["event_id"] for row in truth if row["step"] == "payment")
    (network,) = told(city_recording, "--report", payment, "--observed")["networks"]
    transfers = open_transfers(city_recording, observed=True)
    payee = transfers.account(transfers.payee[transfers.row_of(str(payment))])
    assert network["accounts"][0]["account"] == payee
    assert sum(network["where_fen"].values()) == network["reported_fen"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--report", "77"), 1, "there is no transfer 77"),
        (("--report", "1:100001"), 1, "moved 100,000 fen, not 100,001"),
        (("--report", "1:-5"), 1, "no sum in fen"),
        (("--report", "1,1"), 1, "reported twice"),
        (("--report", ","), 1, "no payment is reported"),
        (("--report", "1", "--at", "2021-02-28"), 1, "later than the time"),
        (("--report", "1", "--at", "soon"), 2, "no time"),
        (("--report", "1", "--layers", "0"), 2, "layers: 0"),
        (("--report", "1", "--hours", "nan"), 2, "hours: nan"),
        (("--report", "1", "--least-percent", "101"), 2, "share"),
        (("--report", "1", "--picture", "flow.txt"), 2, "neither .svg nor .png"),
        ((), 2, "one of --report and --check"),
        (("--check", "--report", "1"), 2, "one of --report and --check"),
        (("--check", "--at", "2021-03-01"), 2, "neither --at"),
    ],
)
def test_wrong_input_is_refused_in_words(chain_file: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = typed(chain_file, *arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert not result.stdout
    assert "Traceback" not in result.stderr


def test_files_that_are_none(tmp_path: Path, city_recording: Path) -> None:
    (tmp_path / "cut.parquet").write_bytes(city_recording.read_bytes()[:5_000])
    (tmp_path / "bare.csv").write_text(f"{HEADER.removesuffix(',is_sar,alert_id')}\n1,2,3,T,5,0\n", encoding="utf-8")
    for path, words in (
        (tmp_path / "none.parquet", "no such file"), (tmp_path / "cut.parquet", "cut short"),
        (tmp_path, "no transactions.csv"), (tmp_path / "bare.csv", "no labels"),
        (truth_path(city_recording), "can't be read"),
    ):  # fmt: skip
        result = typed(path, "--check")
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


def test_days_are_counted_where_the_file_counts_them(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{HEADER}\n1,2,3,T,500,10,True,1\n2,3,4,T,500,11,True,1\n", encoding="utf-8")
    assert "as of day 10.5" in typed(tmp_path / "t.csv", "--report", "1", "--at", "10.5").stdout
    result = typed(tmp_path / "t.csv", "--report", "1", "--at", "2021-03-01")
    assert (result.exit_code, "counts days" in result.stderr) == (2, True)
