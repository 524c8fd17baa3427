"""`interceptor centre money …`: what people type, and what they are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interceptor.centre.money.system import MoneySystem
from interceptor.commands.centre_cli import app
from interceptor.schema import Kind
from tests.centre_desk import KEY, MINUTE, T0, new_book, seen

PAYER, MULE, VICTIM = "0xa000000000000001", "0xf000000000000001", "13905541234"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A book in which a victim's payment of 20,000 yuan at 9:48 is known."""
    (tmp_path / "centre.sqlite.key").write_text(KEY.hex())
    with new_book(tmp_path) as book:
        paid = {"event_id": 5, "kind": Kind.TRANSFER, "ts_ms": T0 - 12 * MINUTE, "source": int(MULE, 16),
                "payer": int(PAYER, 16), "target": int("86" + VICTIM), "amount_fen": 2_000_000}  # fmt: skip
        late = paid | {"event_id": 6, "ts_ms": T0 + 60 * MINUTE, "amount_fen": 900}
        MoneySystem().take(book, seen([paid, late]), T0)
    (tmp_path / "banks.csv").write_text(f"account,name,bank\n{MULE},张三,Bank of A\n", "utf-8")
    return tmp_path / "centre.sqlite"


def _run(path: Path, *words: str, at: str = "10:00", code: int = 0) -> str:
    reads = ("list", "show", "alerts", "banks")
    when = () if words[0] in reads else ("--at", f"2021-03-0{5 + at.count('+')}T{at.strip('+')}", "--by", "Li")
    found = CliRunner().invoke(app, ["money", *words, "--book", str(path), *when])
    assert found.exit_code == code, found.output
    return found.output


def _told(path: Path, *words: str, at: str = "10:00") -> Any:
    return json.loads(_run(path, *words, "--json", at=at))


def _report(**changed: str) -> list[str]:
    given = {"payee": MULE, "payer": PAYER, "amount": "20,000", "loss": "30000", "minutes-ago": "12", "name": "张三",
             "bank": "Bank of A", "tx": "5", "type": "brushing"} | changed  # fmt: skip
    return ["report", "+86" + VICTIM, *(word for name, value in given.items() for word in (f"--{name}", value))]


def test_from_a_report_to_the_money_back(path: Path) -> None:
    assert _told(path, "accounts", str(path.with_name("banks.csv"))) == {"accounts": 1}
    assert "reached branch" in _run(path, "bank", "Bank of A", "--kind", "branch")
    assert _told(path, *_report()) == {"alert": 1, "case": 1, "minutes_since": 12.0}
    assert "loan, 31,000.00 yuan" in _run(path, "amend", "1", "--type", "loan", "--loss", "31000")
    assert _told(path, "stop", "--alert", "1")["state"] == "matched"
    assert "refused (already-stopped)" in _run(path, "stop", "--alert", "1", code=1)
    assert "stopped until 2021-03-07 10:15" in _run(path, "executed", "1", "--balance", "25000.50", at="10:15")
    assert _told(path, "extend", "1", at="12:00+")["times"] == 2
    assert "refused (no-third-stop)" in _run(path, "extend", "1", at="12:00++", code=1)
    assert "refused (no-decision)" in _run(path, "freeze", "1", at="12:00++", code=1)
    assert _told(path, "freeze", "1", "--finding", "7", at="12:00++")["frozen_fen"] == 2_000_000
    assert _told(path, "renew", "1", at="12:00++")["renewals"] == 1
    assert _told(path, "refund", "1", "6", at="12:00++") == {"stop": 1, "tx": 6, "fen": 900}
    assert "refused (more-than-share)" in _run(
        path, "return", "1", "--alert", "1", "--amount", "20000.01", at="12:00++", code=1
    )
    assert _told(path, "return", "1", at="12:00++")["returned"] == [{"alert": 1, "fen": 2_000_000}]
    assert "refused (wrong-state)" in _run(path, "release", "1", "--reason", "late", at="12:00++", code=1)
    with new_book(path.parent) as book:
        assert book.audit.verify() is None
        log = [(entry.act, entry.outcome) for entry in book.audit.entries("stop:1") if entry.by == "Li"]
    assert log == [
        ("money.stop", "done"), ("money.executed", "done"), ("money.extend", "done"), ("money.extend", "refused"),
        ("money.freeze", "refused"), ("money.freeze", "done"), ("money.renew", "done"), ("money.refund", "done"),
        ("money.return", "refused"), ("money.return", "done"), ("money.release", "refused"),
    ]  # fmt: skip


WRONG = {
    "name-differs": {"name": "李四"}, "bank-differs": {"bank": "Bank of B"}, "amount-differs": {"amount": "19999.99"},
    "time-differs": {"minutes-ago": "60"}, "account-differs": {"payee": "0x77"}, "unknown-payment": {"tx": "9"},
}  # fmt: skip


@pytest.mark.parametrize("code", WRONG)
def test_what_doesnt_match_is_one_clear_refusal(path: Path, code: str) -> None:
    _run(path, "accounts", str(path.with_name("banks.csv")))
    _run(path, *_report(**WRONG[code]))
    said = _run(path, "stop", "--alert", "1", code=1)
    assert said.startswith(f"refused ({code}): ")
    assert "Traceback" not in said
    assert _told(path, "list")["stops"] == []
    with new_book(path.parent) as book:
        last = next(book.audit.entries(last=1))
    assert (last.act, last.outcome, last.details["code"]) == ("money.stop", "refused", code)


def test_tables_mask_accounts_and_json_doesnt(path: Path) -> None:
    _run(path, *_report())
    _run(path, "stop", "--alert", "1")
    _run(path, "executed", "1", "--balance", "5", at="10:05")
    for words in (("list",), ("show", "1"), ("alerts",), ("banks",)):
        shown = _run(path, *words)
        assert MULE not in shown
        assert VICTIM not in shown
    assert _told(path, "list", "--state", "stopped", "--case", "1")["stops"][0]["account"] == f"account:{MULE}"
    assert _told(path, "list", "--state", "frozen")["stops"] == []
    shown = _told(path, "show", "1")
    assert [entry["act"] for entry in shown["log"]] == ["money.stop", "money.executed"]
    assert shown["victims"] == [{"alert": 1, "tainted_fen": 2_000_000, "owed_fen": 3_000_000, "share_fen": 0}]
    assert _told(path, "alerts")["alerts"][0]["claim"]["payee"] == int(MULE, 16)
    assert _told(path, "banks")["banks"][0]["median"] == 5


def test_a_command_finds_what_had_ended_by_then(path: Path) -> None:
    _run(path, *_report())
    _run(path, "stop", "--alert", "1")
    _run(path, "executed", "1", "--balance", "5")
    assert "refused (wrong-state): stop 1 is released" in _run(path, "extend", "1", at="10:00++", code=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--state", "gone"], "--state 'gone': write requested"),
        (["bank", "A", "--kind", "far"], "--kind 'far': write online, branch, elsewhere"),
        (["executed", "1", "--balance", "much"], "--balance 'much': no sum in yuan"),
        (["executed", "1", "--balance", "1.005"], "--balance '1.005': no sum in yuan"),
        (["accounts", "nowhere.csv"], "nowhere.csv: can't be read"),
        (["report", VICTIM, "--payee", "1", "--payer", "2", "--amount", "5"], "Give --paid-at or --minutes-ago"),
    ],
)
def test_wrong_use_is_said_in_one_line(path: Path, words: list[str], said: str) -> None:
    assert said in _run(path, *words, code=2)


def test_a_register_with_a_wrong_line_changes_nothing(path: Path) -> None:
    file = path.with_name("banks.csv")
    file.write_text(file.read_text("utf-8") + "0xzz,x,y\n", "utf-8")
    assert "refused (bad-line): line 3" in _run(path, "accounts", str(file), code=1)
    with new_book(path.parent) as book:
        assert book.db.execute("SELECT count(*) FROM accounts").fetchone() == (0,)
