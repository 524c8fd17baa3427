"""Commands that act: whatever is due happens first, of all systems; what is refused on the way is on the log; when."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interceptor.centre.audit import REFUSED
from interceptor.centre.book import Book
from interceptor.centre.cards import acts as cards
from interceptor.centre.cards.card import Grade, card_thing
from interceptor.centre.citizens import appeals
from interceptor.centre.marks import CLOCK, mark, move
from interceptor.centre.money.stops import one
from interceptor.centre.sites import acts as sites
from interceptor.centre.sites.likeness import Official
from interceptor.centre.warnings.acts import Reason, warn
from interceptor.cli import app
from tests.centre_desk import DAY, HOUR, KEY, T0, dump, new_book
from tests.money_desk import BY, MULE, pay, stopped

ACCOUNT, NUMBER = f"account:0x{MULE:x}", "+8613900000001"


@pytest.fixture
def book(tmp_path: Path) -> Book:
    (tmp_path / "centre.sqlite.key").write_text(KEY.hex())
    return new_book(tmp_path)


def _run(book: Book, *words: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["centre", *words, "--book", str(book.path)])
    assert found.exit_code == code, found.output
    return found.output


def _last(book: Book) -> Any:
    return next(book.audit.entries(last=1))


def test_any_act_lets_everything_of_all_systems_happen_first(book: Book) -> None:
    pay(book)
    stop = stopped(book)
    appeals.file(book, stop.account, "identity card", by="owner", at_ms=T0 + HOUR)
    cards.reverify(book, card_thing(NUMBER), why="young", **BY)
    official = Official.of([])
    site = sites.propose(book, "a-shop.example", official, why="asks for cards", **BY)
    sites.confirm(book, site.id, official, **BY)
    warn(book, int(NUMBER[1:]), 340402001, Reason(3), **BY)
    _run(book, "protect", "add", "+8613900000002", "--owner", "Li", "--papers", "contract", "--at", "2021-04-20")
    assert one(book.db, stop.id).state == "released"
    done = {entry.act for entry in book.audit.entries()}
    assert {"money.ended", "case.overdue", "appeal.overdue", "card.limited", "site.end", "warning.timeout"} <= done
    assert _last(book).act == "protect.add"
    assert book.audit.verify() is None


def test_books_are_opened_for_acts_in_one_place() -> None:
    folder = Path(__file__).parents[1] / "interceptor" / "commands" / "centre"
    writes = {
        file.name for file in folder.glob("*.py") if re.search(r"\bopened\((?!.*read_only=True)", file.read_text())
    }
    assert writes == {"desk.py", "acting.py", "follow_tools.py"}


def test_an_upheld_appeal_gives_back_what_each_system_took(book: Book) -> None:
    pay(book)
    stop = stopped(book)
    cards.limit(book, stop.account, why="many payers", grade=Grade.MEDIUM, **BY)
    _run(book, "appeal", "file", ACCOUNT, "--papers", "identity card", "--at", "2021-03-05T11:00")
    told = _run(book, "appeal", "uphold", "1", "--at", "2021-03-05T13:00", "--by", "Wang")
    assert "120.0 minutes after it was filed" in told
    found = one(book.db, stop.id)
    assert (found.state, found.wrongly, found.minutes_to_lift) == ("released", True, 174)
    assert book.db.execute("SELECT state FROM cards").fetchone() == ("free",)
    assert appeals.against(book.db, stop.account, T0 + 3 * HOUR) == []


WRONG: dict[str, tuple[list[str], int, str]] = {
    "no account": (["money", "stop", "0xzz", "--case", "1"], 1, "no-account"),
    "no thing": (["appeal", "file", "13900000001", "--papers", "x"], 1, "no-subject"),
    "no sum": (["money", "executed", "1", "--balance", "NaN"], 2, "wrong-use"),
    "huge": (["money", "extend", str(10**20)], 1, "too-large"),
    "no time": (["money", "extend", "1", "--at", "never"], 2, "wrong-use"),
    "future": (["money", "extend", "1", "--at", "2999-01-01"], 1, "in-the-future"),
    "nobody": (["money", "extend", "1", "--by", " "], 1, "nobody"),
    "no text": (["protect", "add", NUMBER, "--owner", "\udcff", "--papers", "x"], 1, "no-text"),
    "no name": (["protect", "add", NUMBER, "--owner", "x", "--papers", "x", "--by", "\udcff"], 1, "no-text"),
    "long": (["protect", "add", NUMBER, "--owner", "x", "--papers", "x" * 5000], 1, "too-long"),
    "no town": (["report", "add", "text:1", "--by-number", NUMBER, "--town", "7"], 1, "no-town"),
    "no word": (["cases", "outcome", "1", "guilty"], 2, "wrong-use"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_before_it_comes_to_an_act_is_on_the_log(book: Book, name: str) -> None:
    words, code, said = WRONG[name]
    before = dump(book)
    told = _run(book, *words, code=code)
    assert "Traceback" not in told
    assert dump(book) == before
    last = _last(book)
    assert (last.act, last.outcome, last.details["code"]) == (".".join(words[:2]), REFUSED, said)
    assert book.audit.verify() is None


def test_a_refusal_is_on_the_log_once(book: Book) -> None:
    _run(book, "money", "extend", "1", "--at", "2021-03-05T11:00", code=1)
    assert [(entry.act, entry.at_ms) for entry in book.audit.entries()] == [("money.extend", T0 + HOUR)]


def test_in_the_book_of_a_run_now_is_where_it_ended(book: Book) -> None:
    with book.together():
        move(book.db, CLOCK, T0 + DAY)
    _run(book, "protect", "add", NUMBER, "--owner", "Li", "--papers", "contract")
    assert mark(book.db, CLOCK) == _last(book).at_ms == T0 + DAY
    _run(book, "protect", "end", NUMBER, "--at", "2021-03-06T11:00")
    assert _last(book).at_ms == T0 + DAY + HOUR
