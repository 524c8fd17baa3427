"""The centre's book and its log: acts, refusals, what verify detects, what a kill leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interceptor.centre.audit import DONE, REFUSED, Head
from interceptor.centre.book import Book, BookError, Part
from interceptor.centre.parts import PARTS
from interceptor.centre.refusal import Refused

KEY = bytes(range(32))
COUNTERS = Part("counters", (("CREATE TABLE counters (n INTEGER NOT NULL)",),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "centre.sqlite"


def _book(path: Path, key: bytes = KEY, *parts: Part, read_only: bool = False) -> Book:
    return Book(path, key, parts or (COUNTERS,), read_only=read_only)


def _count(book: Book) -> int:
    return int(book.db.execute("SELECT count(*) FROM counters").fetchone()[0])


def _fill(book: Book, acts: int) -> None:
    for n in range(acts):
        with book.act("counter.add", f"counter:{n % 3}", "somebody", 1_000 + n) as act:
            act.db.execute("INSERT INTO counters VALUES (?)", (n,))
            act.note(n=n, words="诈骗\x1b[31m")


def _refuse(book: Book, n: int) -> None:
    with book.act("counter.add", f"counter:{n}", "somebody", 5) as act:
        act.db.execute("INSERT INTO counters VALUES (?)", (n,))
        act.note(wanted=n)
        raise Refused("too-many", "there are enough")


def _break(book: Book, acts: int) -> None:
    with book.together():
        _fill(book, acts)
        with book.act("counter.add", "counter:1", "somebody", 5) as act:
            act.db.execute("INSERT INTO counters VALUES (1)")
            raise ZeroDivisionError


def test_an_act_and_its_entry_are_there_together(path: Path) -> None:
    with _book(path) as book:
        _fill(book, 5)
    with _book(path, read_only=True) as book:
        entries = list(book.audit.entries())
        assert _count(book) == 5
        assert [(entry.seq, entry.outcome, entry.details["n"]) for entry in entries] == [
            (n + 1, DONE, n) for n in range(5)
        ]
        assert [entry.seq for entry in book.audit.entries("counter:1")] == [2, 5]
        assert [entry.seq for entry in book.audit.entries(last=2)] == [4, 5]
        assert book.audit.verify() is None


def test_a_refusal_changes_the_log_alone(path: Path) -> None:
    with _book(path) as book:
        _fill(book, 1)
        with pytest.raises(Refused):
            _refuse(book, 7)
        assert _count(book) == 1
        last = list(book.audit.entries())[-1]
        assert (last.outcome, last.details) == (REFUSED, {"wanted": 7, "code": "too-many", "why": "there are enough"})
        assert book.audit.verify() is None


def test_what_breaks_leaves_nothing(path: Path) -> None:
    with _book(path) as book:
        for acts in (0, 3):
            with pytest.raises(ZeroDivisionError):
                _break(book, acts)
        assert _count(book) == 0
        _fill(book, 2)
        assert [entry.seq for entry in book.audit.entries()] == [1, 2]
        assert book.audit.verify() is None


def test_a_refusal_within_a_transaction_is_kept_with_what_was_done(path: Path) -> None:
    with _book(path) as book, book.together():
        _fill(book, 2)
        with pytest.raises(Refused):
            _refuse(book, 9)
        _fill(book, 1)
    with _book(path) as book:
        assert _count(book) == 3
        assert [entry.outcome for entry in book.audit.entries()] == [DONE, DONE, REFUSED, DONE]
        assert book.audit.verify() is None


def test_two_processes_write_in_turns(path: Path) -> None:
    with _book(path) as one, _book(path) as other:
        _fill(one, 2)
        _fill(other, 2)
        _fill(one, 1)
        assert one.audit.verify() is None
        assert one.audit.head().entries == 5


HARM: dict[str, str] = {
    "changed words": "UPDATE audit SET told = replace(told, '3', '4') WHERE seq = 4",
    "changed time": "UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 4",
    "changed outcome": "UPDATE audit SET outcome = 'refused' WHERE seq = 4",
    "changed hash": "UPDATE audit SET hash = zeroblob(32) WHERE seq = 4",
    "dropped": "DELETE FROM audit WHERE seq = 4",
    "dropped the first": "DELETE FROM audit WHERE seq = 1",
    "cut": "DELETE FROM audit WHERE seq > 6",
    "cut to nothing": "DELETE FROM audit",
    "cut with the head": "DELETE FROM audit WHERE seq > 6; UPDATE audit_head SET entries = 6,"
    " hash = (SELECT hash FROM audit WHERE seq = 6)",
    "head away": "DELETE FROM audit_head",
    "head changed": "UPDATE audit_head SET entries = 7",
    "reordered": "UPDATE audit SET seq = -1 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5;"
    " UPDATE audit SET seq = 5 WHERE seq = -1",
    "put in": "UPDATE audit SET seq = seq + 1000 WHERE seq > 4; UPDATE audit SET seq = seq - 999 WHERE seq > 4;"
    " INSERT INTO audit SELECT 5, at_ms, by, act, about, outcome, told, hash FROM audit WHERE seq = 4",
    "moved up": "DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4",
}


@pytest.mark.parametrize("harm", HARM)
def test_harm_to_the_log_is_detected(path: Path, harm: str) -> None:
    with _book(path) as book:
        _fill(book, 8)
        assert book.audit.verify() is None
    with sqlite3.connect(path) as db:
        db.executescript(HARM[harm])
    with _book(path, read_only=True) as book:
        assert book.audit.verify() is not None


def test_an_earlier_file_put_back_shows_against_a_head_kept_elsewhere(path: Path) -> None:
    with _book(path) as book:
        _fill(book, 3)
        earlier = book.audit.head()
        before = sqlite3.connect(":memory:")
        book.db.backup(before)
        _fill(book, 2)
        later = book.audit.head()
        assert book.audit.verify(earlier) is None
        before.backup(book.db)
        book.audit.forget()
        assert book.audit.verify() is None
        assert book.audit.verify(earlier) is None
        assert book.audit.verify(Head.parse(str(later))) is not None


def test_another_key_verifies_nothing(path: Path) -> None:
    with _book(path) as book:
        _fill(book, 1)
    with _book(path, bytes(32)) as book:
        assert book.audit.verify() is not None


@pytest.mark.parametrize("make", [lambda path: path.write_text("no database"), lambda path: _other_database(path)])
def test_files_of_others_are_left_alone(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(BookError, match="book"):
        _book(path)
    assert path.read_bytes() == before


def _other_database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE somebody (n INTEGER)")


def test_tables_of_the_future_are_refused_and_older_ones_brought_up(path: Path) -> None:
    later = Part("counters", (*COUNTERS.migrations, ("ALTER TABLE counters ADD COLUMN more INTEGER DEFAULT 5",)))
    with _book(path) as book:
        _fill(book, 1)
    with pytest.raises(BookError, match="older version"):
        _book(path, KEY, later, read_only=True)
    with _book(path, KEY, later) as book:
        assert book.db.execute("SELECT more FROM counters").fetchone() == (5,)
    with pytest.raises(BookError, match="later version"):
        _book(path)


WRITER = """
import sys
from pathlib import Path
from interceptor.centre.book import Book, Part
part = Part("counters", (("CREATE TABLE counters (n INTEGER NOT NULL)",),))
with Book(Path(sys.argv[1]), bytes(range(32)), (part,)) as book:
    n = book.audit.head().entries
    while True:
        with book.act("counter.add", "counter:1", "writer", n) as act:
            act.db.execute("INSERT INTO counters VALUES (?)", (n,))
        n += 1
        print(n, flush=True)
"""


def test_what_was_acknowledged_outlives_kill_9(path: Path) -> None:
    said = 0
    for _ in range(4):
        command = [sys.executable, "-c", WRITER, str(path)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
        assert writer.stdout is not None
        for _ in range(40):
            said = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        said = max(said, *(int(line) for line in writer.stdout.read().split()), 0)
        writer.wait()
        writer.stdout.close()
        with _book(path) as book:
            assert book.audit.verify() is None
            assert book.audit.head().entries == _count(book) >= said


def test_all_parts_are_made_at_once(path: Path) -> None:
    with Book(path, KEY, PARTS) as book:
        versions = dict(book.db.execute("SELECT name, version FROM parts"))
        assert versions == {"audit": 2} | {part.name: len(part.migrations) for part in PARTS if part.migrations}


def test_refusals_are_counted_by_an_index(path: Path) -> None:
    with _book(path) as book:
        _fill(book, 3)
        for n in range(4):
            with pytest.raises(Refused):
                _refuse(book, n)
        assert (book.audit.refusals("counter.add", 5, 6), book.audit.refusals("counter.add", 6, 9)) == (4, 0)
        assert book.audit.refusals("counter.drop", 0, 9) == 0
        plan = book.db.execute(
            "EXPLAIN QUERY PLAN SELECT count(*) FROM audit WHERE outcome = 'refused' AND act = ? AND at_ms >= ?",
            ("", 0),
        ).fetchall()
        assert "audit_refused" in plan[0][3]


def test_a_log_takes_what_isnt_text_as_its_escape(path: Path) -> None:
    with _book(path) as book:
        with book.act("counter.add", "counter:\udcff", "\udc80", 5) as act:
            act.note(words="\ud800")
        (entry,) = book.audit.entries()
        assert (entry.by, entry.about, entry.details) == ("\\udc80", "counter:\\udcff", {"words": "\ud800"})
        assert book.audit.verify() is None
