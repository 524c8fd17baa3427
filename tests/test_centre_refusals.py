"""What a hostile hand types: each wrong request is a clear refusal, changes nothing, and is on the log."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from interceptor.centre.audit import REFUSED
from interceptor.centre.book import Book
from interceptor.centre.cards import acts as cards
from interceptor.centre.cards import sanctions
from interceptor.centre.cards.card import Grade, card_thing
from interceptor.centre.cases import acts as case_acts
from interceptor.centre.cases.officers import officer
from interceptor.centre.cases.opening import open_or_join
from interceptor.centre.cases.terms import CaseKind, Outcome
from interceptor.centre.citizens import appeals, protection, reports
from interceptor.centre.money import freezing, stopping
from interceptor.centre.money.matching import Claim
from interceptor.centre.money.terms import Source
from interceptor.centre.sites import acts as sites
from interceptor.centre.sites.likeness import Official
from interceptor.centre.things import parse
from interceptor.centre.warnings.acts import Reason, warn
from interceptor.cli import app
from tests.centre_desk import HOUR, KEY, MINUTE, T0, dump, new_book
from tests.money_desk import BY, CLAIM, DEEPER, MULE, PAID, PAYER, TX, VICTIM, pay, report, stopped, victims_book

N1, N2, N3 = "+8613900000001", "+8613900000002", "+8613900000003"
A1, A2 = f"0x{MULE:x}", f"0x{DEEPER:x}"
NOW = "2021-03-05T12:00"  # T0 + 2 h
LONG, ESCAPE, BYTES = "x" * 9_999, "\x1b[31m\x07", "\udcff"


def _fill(book: Book) -> None:
    """Everything once: stop 1 bites, stop 2 is frozen with 10,000 yuan of victim 2, appeal 1 was upheld, 2 is open …"""
    stopped(book)
    pay(book, TX + 7, source=DEEPER, payer=PAYER + 1, target=VICTIM + 1, amount_fen=1_000_000)
    second = report(book, Claim(PAYER + 1, DEEPER, 1_000_000, PAID, TX + 7, CLAIM.holder + 1, "Bank of B"),
                    reporter=VICTIM + 1, loss_fen=1_000_000)  # fmt: skip
    asked = stopping.request_stop(
        book, DEEPER, case=second.case, source=Source.OFFICER, tainted_fen=1_000_000, **BY
    )  # fmt: skip
    stopping.executed(book, asked.id, 1_500_000, by="bank", at_ms=T0 + MINUTE)
    freezing.freeze(book, asked.id, finding="7", by="officer", at_ms=T0 + HOUR)
    officer(book, "Li", load_max=5, **BY)
    third = open_or_join(book, CaseKind.LINE, (parse(f"number:{N3}"),), "rings all day", **BY)
    case_acts.outcome(book, third, Outcome.UNDECIDED, **BY)
    reports.add(book, parse("text:5"), VICTIM, 340402001, **BY)
    for thing in (N1, N2):
        cards.limit(book, card_thing(thing), why="bursts", grade=Grade.MEDIUM, **BY)
        appeals.file(book, parse(f"number:{thing}"), "identity card", by="owner", at_ms=T0 + MINUTE)
    appeals.uphold(book, 1, by="officer", at_ms=T0 + 2 * MINUTE)
    protection.protect(book, parse(f"number:{N3}"), "Zhang", "contract", **BY)
    sanctions.sanction(book, parse("person:77"), finding=3, **BY)
    sites.propose(book, "a-shop.example", Official.of([]), why="asks for cards", **BY)
    sites.propose(book, "b-shop.example", Official.of([]), why="asks for cards", **BY)
    sites.confirm(book, 2, Official.of([]), **BY)
    warn(book, int(N1[1:]), 340402001, Reason(3), **BY)
    with book.together():
        book.db.execute("INSERT INTO dens VALUES (1, 'cell', 'cleared', 9, ?, ?, ?)", (T0, T0, T0))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    with victims_book(folder) as book:
        _fill(book)
    return folder / "centre.sqlite"


@pytest.fixture
def book(full: Path, tmp_path: Path) -> Iterator[Book]:
    shutil.copy(full, tmp_path)
    (tmp_path / "centre.sqlite.key").write_text(KEY.hex())
    (tmp_path / "banks.csv").write_text("account,name,bank\n0xzz,x,y\n")
    (tmp_path / "figures.csv").write_text(
        "section,name,first,last,value,source\ngates,call_blocked,2020-03-01,2020-03-31,nan,x\n"
    )
    with new_book(tmp_path) as opened:
        yield opened


def _report(**changed: str) -> str:
    given = {"payer": f"0x{PAYER:x}", "payee": A1, "amount": "20000", "paid-at": "2021-03-05T09:48"} | changed
    return f"money report {N1} " + " ".join(f"--{name}={value}" for name, value in given.items())


# What is typed (| where a space belongs to a word), exit code, the refusal's code.
WRONG: list[tuple[str, int, str]] = [
    # a victim's report
    (_report(amount="0"), 1, "no-loss"),
    (_report(amount="-5"), 1, "no-loss"),
    (_report(amount="NaN"), 2, "wrong-use"),
    (_report(amount="1e999999999"), 2, "wrong-use"),
    (_report(amount="99999999999999999999"), 2, "wrong-use"),
    (_report(amount=""), 2, "wrong-use"),
    (_report(loss="-1"), 1, "no-loss"),
    (_report(payee="0x"), 1, "no-account"),
    (_report(payee="0"), 1, "no-account"),
    (_report(payee="-7"), 1, "no-account"),
    (_report(payee=f"0x{1 << 64:x}"), 1, "no-account"),
    (_report(payee=f"0x{PAYER:x}"), 1, "same-account"),
    (_report(**{"paid-at": "2021-03-05T12:01"}), 1, "in-the-future"),
    (_report(**{"paid-at": "yesterday"}), 2, "wrong-use"),
    (_report(**{"minutes-ago": "3"}), 2, "wrong-use"),
    (_report(tx=str(1 << 70)), 1, "no-transfer"),
    (_report(tx="-1"), 1, "no-transfer"),
    (_report().replace("paid-at=2021-03-05T09:48", "minutes-ago=nan"), 2, "wrong-use"),
    (_report().replace("paid-at=2021-03-05T09:48", "minutes-ago=-1"), 2, "wrong-use"),
    (_report().replace("paid-at=2021-03-05T09:48", "minutes-ago=1e300"), 2, "wrong-use"),
    (_report().replace(N1, "13900|x"), 1, "no-number"),
    (_report().replace(N1, ""), 1, "no-number"),
    (_report(text=LONG), 1, "too-long"),
    (_report(text=BYTES), 1, "no-text"),
    ("money amend 1", 1, "nothing-new"),
    ("money amend 1 --loss 0", 1, "no-loss"),
    ("money amend 9 --loss 5", 1, "no-such-alert"),
    ("money amend 1 --loss 5 --at 2021-03-05T08:00", 1, "out-of-order"),
    ("money cancelled 9 --amount 5", 1, "no-such-alert"),
    ("money cancelled 1 --amount 0", 1, "wrong-sum"),
    ("money cancelled 1 --amount 30000.01", 1, "wrong-sum"),
    ("money cancelled 1 --amount 5 --at 2021-03-05T08:00", 1, "out-of-order"),
    # stops
    ("money stop --alert 9", 1, "no-such-alert"),
    ("money stop --alert 1", 1, "already-stopped"),
    ("money stop --alert 2", 1, "name-differs"),
    (f"money stop {A2} --alert 1", 1, "account-differs"),
    ("money stop --alert 1 --at 2021-03-05T08:00", 1, "out-of-order"),
    ("money stop 0x99", 1, "no-case"),
    ("money stop 0x99 --case 9", 1, "no-such-case"),
    ("money stop 0x99 --case 1", 1, "not-in-case"),
    (f"money stop {A1} --case 1 --layer 0", 1, "no-layer"),
    (f"money stop {A1} --case 1 --layer 99", 1, "no-layer"),
    ("money stop --case 1", 1, "no-account"),
    ("money executed 1 --balance 5", 1, "wrong-state"),
    ("money executed 9 --balance 5", 1, "no-such-stop"),
    ("money executed 1 --balance=-5", 1, "wrong-state"),
    ("money extend 9", 1, "no-such-stop"),
    ("money extend -- -1", 1, "no-such-stop"),
    (f"money extend {1 << 64}", 1, "too-large"),
    ("money extend 2", 1, "wrong-state"),
    ("money extend 1 --at 2021-03-05T10:01", 1, "out-of-order"),
    ("money extend 1 --at 2021-03-07T10:06", 1, "wrong-state"),
    ("money freeze 1", 1, "no-decision"),
    ("money freeze 1 --finding |", 1, "no-decision"),
    ("money freeze 1 --case 99", 1, "no-such-case"),
    ("money freeze 2 --finding 7", 1, "wrong-state"),
    ("money freeze 1 --finding 7 --amount 25000.01", 1, "more-than-is-there"),
    ("money freeze 1 --finding 7 --amount=-1", 1, "no-sum"),
    ("money freeze 1 --finding 7 --amount 0", 1, "no-sum"),
    ("money freeze 1 --finding 7 --at 2021-03-05T08:00", 1, "out-of-order"),
    ("money renew 1", 1, "wrong-state"),
    ("money renew 2 --at 2022-03-05", 1, "wrong-state"),
    ("money release 1 --reason |", 1, "no-reason"),
    ("money release 1 --reason x --at 2021-03-05T08:00", 1, "out-of-order"),
    ("money return 1", 1, "wrong-state"),
    ("money return 2 --amount 5", 1, "whose"),
    ("money return 2 --alert 1", 1, "no-claim"),
    ("money return 2 --alert 2 --amount 10000.01", 1, "no-claim"),
    ("money refund 1 9", 1, "unknown-payment"),
    (f"money refund 1 {TX}", 1, "before-the-stop"),
    ("money refund 1 -- -9", 1, "unknown-payment"),
    ("money accounts banks.csv", 1, "bad-line"),
    ("money accounts nowhere.csv", 2, "wrong-use"),
    ("money accounts .", 2, "wrong-use"),
    ("money bank | --kind online", 1, "no-bank"),
    ("money bank x --kind far", 2, "wrong-use"),
    # cases
    ("cases open thing --reason x", 1, "no-subject"),
    (f"cases open number:{N1} --reason |", 1, "no-reason"),
    (f"cases open number:{N1} --reason x --kind war", 2, "wrong-use"),
    (f"cases open number:{N1} --reason x --citizen 7x", 1, "no-number"),
    ("cases assign 1 Nobody", 1, "no-such-officer"),
    ("cases assign 9 Li", 1, "no-such-case"),
    ("cases assign 3 Li", 1, "case-ended"),
    ("cases assign 1 Li --at 2021-03-05T08:00", 1, "out-of-order"),
    ("cases note 1 |", 1, "no-words"),
    ("cases note 1 x --party mafia", 2, "wrong-use"),
    ("cases outcome 3 confirmed", 1, "case-ended"),
    ("cases outcome 1 guilty", 2, "wrong-use"),
    ("cases outcome 1 confirmed --at 2021-03-05T08:00", 1, "out-of-order"),
    ("cases merge 1 1", 1, "same-case"),
    ("cases merge 1 2", 1, "nothing-shared"),
    ("cases merge 1 3", 1, "case-ended"),
    ("cases officers --add |", 1, "no-name"),
    ("cases officers --add x --load=-1", 1, "no-load"),
    # cards
    (f"cards reverify {N2} --why x", 1, "already"),
    ("cards reverify 0900 --why x", 1, "no-number"),
    ("cards reverify site:a.example --why x", 1, "no-card"),
    (f"cards reverify {N3} --why |", 1, "no-reason"),
    (f"cards limit {N3} --why x", 1, "too-harsh"),
    (f"cards limit {N2} --why x --grade high", 1, "already"),
    (f"cards suspend {N2} --why x", 1, "too-harsh"),
    (f"cards suspend {N2} --why x --grade high --at 2021-03-05T08:00", 1, "out-of-order"),
    (f"cards suspend {N2} --why x --grade extreme", 2, "wrong-use"),
    (f"cards verify {N1} --passed", 1, "not-asked"),
    (f"cards verify {N3} --passed", 1, "unknown"),
    (f"cards verify {N2} --passed --at 2021-03-05T08:00", 1, "out-of-order"),
    (f"cards lift {N1} --why x", 1, "nothing-to-lift"),
    (f"cards lift {N2} --why |", 1, "no-reason"),
    ("cards lift person:5 --why x", 1, "not-sanctioned"),
    ("cards lift person:77 --why x --at 2021-03-05T08:00", 1, "out-of-order"),
    (f"cards sanction {N2}", 1, "no-subject"),
    (f"cards sanction number:{N2}", 1, "no-finding"),
    ("cards sanction person:5 --finding 0", 1, "no-finding"),
    ("cards sanction person:5 --finding=-3", 1, "no-finding"),
    ("cards sanction person:77 --finding 4", 1, "sanctioned-already"),
    ("cards sanction site:a.example --finding 4", 1, "no-card"),
    # citizens
    (f"report add text:5 --by-number {VICTIM} --town 340402001", 1, "voted-already"),
    (f"report add number:{N1} --by-number x --town 0", 1, "no-number"),
    (f"report add number:{N1} --by-number {N3} --town 1", 1, "no-town"),
    ("report add person:5 --by-number 139 --town 0", 1, "not-reportable"),
    (f"report add site:xn--\x1b[31m --by-number {N3} --town 0", 1, "no-site"),
    (f"report add site:xn--999999999.com --by-number {N3} --town 0", 1, "no-site"),
    (f"report add site:{'a' * 300}.com --by-number {N3} --town 0", 1, "no-site"),
    (f"report add site: --by-number {N3} --town 0", 1, "no-site"),
    (f"report add number:{N1} --by-number {N3} --town 0 --type war", 2, "wrong-use"),
    (f"report add number:{N1} --by-number {N3} --town 0 --rules nowhere", 2, "wrong-use"),
    (f"report withdraw number:{N2} --by-number {VICTIM}", 1, "no-vote"),
    (f"report withdraw text:5 --by-number {VICTIM} --at 2021-03-05T08:00", 1, "out-of-order"),
    (f"protect add {N3} --owner x --papers y", 1, "protected-already"),
    (f"protect add {N1} --owner x --papers |", 1, "no-papers"),
    ("protect add site:a.example --owner x --papers y", 1, "wrong-subject"),
    (f"protect end {N1}", 1, "not-protected"),
    (f"protect end {N3} --at 2021-03-05T08:00", 1, "out-of-order"),
    ("appeal file number:+8613911111111 --papers x", 1, "nothing-to-appeal"),
    (f"appeal file number:{N2} --papers x", 1, "appealed-already"),
    (f"appeal file account:{A1} --papers |", 1, "no-papers"),
    (f"appeal file account:{A1} --papers x --at 2021-03-05T08:00", 1, "nothing-to-appeal"),
    ("appeal uphold 1", 1, "decided-already"),
    ("appeal uphold 9", 1, "no-such-appeal"),
    ("appeal uphold 2 --at 2021-03-05T08:00", 1, "before-filing"),
    ("appeal refuse 1 --why x", 1, "decided-already"),
    ("appeal refuse 2 --why |", 1, "no-reason"),
    ("advice give", 1, "nobody-to-advise"),
    ("advice give --type war", 2, "wrong-use"),
    # sites, warnings, hot spots, the bulletin
    ("sites propose a-shop.example --why x", 1, "proposed-already"),
    ("sites propose www.gov.cn --why x", 1, "official"),
    ("sites propose example --why x", 1, "too-broad"),
    ("sites propose c-shop.example", 1, "no-evidence"),
    ("sites propose xn--999999999.com --why x", 1, "no-site"),
    ("sites propose http://x.example/ --why x", 1, "no-site"),
    (f"sites propose {ESCAPE}.example --why x", 1, "no-site"),
    ("sites confirm 2", 1, "confirmed-already"),
    ("sites confirm 99", 1, "unknown"),
    (f"sites confirm {1 << 64}", 1, "too-large"),
    ("sites confirm a-shop.example --by patrol", 1, "officer-needed"),
    ("sites confirm 1 --at 2021-03-05T08:00", 1, "out-of-order"),
    ("sites reject 2 --why x", 1, "not-proposed"),
    ("sites reject 1 --why |", 1, "no-reason"),
    ("sites lift 1 --why x", 1, "not-blocked"),
    ("sites lift 2 --why x --at 2021-03-05T08:00", 1, "out-of-order"),
    ("warnings outcome 9 persuaded", 1, "no-such-warning"),
    ("warnings outcome 1 happy", 2, "wrong-use"),
    ("warnings outcome 1 persuaded --at 2021-03-05T08:00", 1, "before-start"),
    ("warnings end-hold 1 --at 2021-03-05T10:00", 1, "no-hold"),
    ("warnings withdraw 1 --why |", 1, "no-reason"),
    ("warnings withdraw 1 --why x --at 2021-03-05T08:00", 1, "out-of-order"),
    ("hotspots clear 1 --why x", 1, "cleared-already"),
    ("hotspots clear 9 --why x", 1, "unknown"),
    ("centre bulletin --earlier figures.csv", 1, "bad-line"),
    ("centre bulletin --earlier nowhere.csv", 2, "wrong-use"),
    # when, who
    ("money extend 1 --at 1000-01-01", 2, "wrong-use"),
    ("money extend 1 --at 9999-12-31T23:59", 1, "in-the-future"),
    ("money extend 1 --at now", 2, "wrong-use"),
    ("money extend 1 --at |", 2, "wrong-use"),
    ("money extend 1 --by |", 1, "nobody"),
    (f"money extend 1 --by {LONG}", 1, "too-long"),
    (f"money extend 1 --by {BYTES}", 1, "no-text"),
]


@pytest.mark.parametrize("typed", WRONG, ids=lambda row: f"{row[0][:70]!r}")
def test_wrong_requests_change_nothing_and_are_on_the_log(
    book: Book, typed: tuple[str, int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line, exit_code, code = typed
    monkeypatch.chdir(book.path.parent)
    words = [word.replace("|", " ") for word in line.split(" ")]
    for option, value in (("--at", NOW), ("--by", "Wang")):
        if option not in words:
            words[2:2] = [option, value]
    before, entries = dump(book), book.audit.head().entries
    found = CliRunner().invoke(app, words if words[0] == "centre" else ["centre", *words])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    assert (found.exit_code, dump(book)) == (exit_code, before), found.output
    assert "Traceback" not in found.output
    assert "\x1b" not in found.output
    assert len(found.output) < 500
    book.audit.forget()
    assert book.audit.head().entries == entries + 1, found.output
    last = next(book.audit.entries(last=1))
    assert (last.outcome, last.details["code"]) == (REFUSED, code), found.output
    assert book.audit.verify() is None


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _of_another(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (a)")


def _newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE parts SET version = 99 WHERE name = 'money'")


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a book at all" * 99)


def _other_key(path: Path) -> None:
    path.with_name(f"{path.name}.key").write_text("zz")


def _no_key(path: Path) -> None:
    path.with_name(f"{path.name}.key").unlink()


@pytest.mark.parametrize("spoil", [_directory, _of_another, _newer, _garbage, _other_key, _no_key])
@pytest.mark.parametrize("line", ["money extend 1", "money list", "audit verify", "bulletin"])
def test_a_file_that_is_no_book_of_this_program_is_told_in_a_line(
    full: Path, tmp_path: Path, spoil: Callable[[Path], None], line: str
) -> None:
    path = tmp_path / full.name
    shutil.copy(full, path)
    path.with_name(f"{path.name}.key").write_text(KEY.hex())
    spoil(path)
    found = CliRunner().invoke(app, ["centre", *line.split(), "--book", str(path)])
    assert isinstance(found.exception, SystemExit), found.exception
    assert found.exit_code == 78, found.output
    assert "Traceback" not in found.output
    assert len(found.output.splitlines()) <= 2
