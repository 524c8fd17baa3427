"""Tracing an alert through the payments of the book: an act, and a refusal that is on the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interceptor.centre.audit import REFUSED
from interceptor.centre.book import Book
from interceptor.cli import app
from tests.amlsim_files import HEADER
from tests.centre_desk import KEY, MINUTE, T0, dump
from tests.money_desk import CLAIM, DEEPER, MULE, PAID, PAYER, TX, pay, report, victims_book

AT = "2021-03-05T10:30"


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """A victim's two payments into an account, which passes most of the money on."""
    (tmp_path / "centre.sqlite.key").write_text(KEY.hex())
    book = victims_book(tmp_path)
    pay(book, TX - 1, ts_ms=PAID - MINUTE, amount_fen=900_000)
    pay(book, TX + 1, ts_ms=PAID + MINUTE, source=DEEPER, payer=MULE, target=0, amount_fen=1_500_000)
    report(book)
    return book


def _trace(book: Book, *words: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["centre", "money", "trace", *words, "--book", str(book.path), "--by", "Wang"])
    assert found.exit_code == code, found.output
    return found.output


def _last(book: Book) -> Any:
    return next(book.audit.entries(last=1))


def test_an_alert_is_followed_through_the_book_which_says_who_looked(book: Book) -> None:
    told = json.loads(_trace(book, "--alert", "1", "--at", AT, "--json"))
    assert [paid["tx"] for paid in told["payments"]] == [TX - 1, TX]
    accounts = {one["account"]: (one["layer"], one["tainted_fen"]) for one in told["accounts"]}
    assert accounts == {f"account:0x{MULE:x}": (1, 2_900_000), f"account:0x{DEEPER:x}": (2, 1_500_000)}
    last = _last(book)
    assert (last.act, last.about, last.by, last.at_ms) == ("money.trace", "alert:1", "Wang", T0 + 30 * MINUTE)
    assert not book.db.execute("SELECT count(*) FROM stops").fetchone()[0]
    shown = _trace(book, "--alert", "1", "--at", AT)
    assert "--stop` asks the banks" in shown
    assert f"{DEEPER:x}" not in shown


def test_it_asks_for_the_stops(book: Book) -> None:
    told = json.loads(_trace(book, "--alert", "1", "--at", AT, "--stop", "--json"))
    assert sorted(one["stop"] for one in told["accounts"]) == [1, 2]
    assert sorted(book.db.execute("SELECT layer, state FROM stops")) == [(1, "requested"), (2, "requested")]
    assert "stop 1: requested" in _trace(book, "--alert", "1", "--at", AT, "--stop")


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (["--alert", "9", "--at", AT], 1, "no-such-alert"),
        (["--alert", "-1", "--at", AT], 1, "no-such-alert"),
        (["--alert", "1", "--at", "2021-03-05T09:00"], 1, "out-of-order"),
        (["--alert", "2", "--at", AT], 1, "amount-differs"),
        (["FILE", "--report", "77"], 1, "unknown-transfer"),
        (["FILE", "--report", "1:0"], 1, "wrong-sum"),
        (["nowhere.csv", "--report", "1"], 2, "wrong-use"),
        (["FILE", "--report", "1", "--hours", "nan"], 2, "wrong-use"),
    ],
)
def test_what_cant_be_traced_is_refused_on_the_log(book: Book, words: list[str], exit_code: int, code: str) -> None:
    file = book.path.with_name("t.csv")
    file.write_text(f"{HEADER}\n1,1,2,T,1000,2021-03-01T01:00:00Z,True,5\n")
    wrong = {name: getattr(CLAIM, name) for name in ("payee", "paid_ms", "tx", "holder", "bank")}
    report(book, type(CLAIM)(payer=PAYER, amount_fen=1_999_999, **wrong), reporter=8613900000009)
    before = dump(book)
    _trace(book, *(str(file) if word == "FILE" else word for word in words), code=exit_code)
    assert dump(book) == before
    last = _last(book)
    assert (last.act, last.outcome, last.details["code"]) == ("money.trace", REFUSED, code)


def test_a_file_without_a_book_is_traced_and_noted_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["centre", "money", "trace", "nowhere.csv", "--report", "1"])
    assert found.exit_code == 2
    assert CliRunner().invoke(app, ["centre", "money", "trace", "--report", "1"]).exit_code == 2
    assert list(tmp_path.iterdir()) == []
