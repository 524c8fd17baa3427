"""How decisions lie in the ledger: however they are cut into pieces, the same comes back; older files, damaged ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from interceptor.commands.ledger_cli import app
from interceptor.transport import wire
from interceptor.transport.ledger import file as ledger_file
from interceptor.transport.ledger import pieces as ledger_pieces
from interceptor.transport.ledger.book import Added, Ledger
from interceptor.transport.ledger.file import LedgerError
from tests.decided_frames import frame

_FRAMES = st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=8)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as made:
        yield made


@given(frames=_FRAMES, asked=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_it_agrees_with_a_dict_however_it_is_cut_into_pieces(
    frames: list[list[int]], asked: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Pieces so small that frames are cut, spans end, pieces overlap and grow together."""
    with pytest.MonkeyPatch.context() as patch, Ledger(tmp_path_factory.mktemp("cut") / "ledger.sqlite") as ledger:
        for name, value in (("PIECE_ROWS", 4), ("SMALL_ROWS", 6), ("SPAN_BITS", 3), ("READ_ROWS", 5)):
            patch.setattr(ledger_pieces, name, value)
        known = set[int]()
        for places in frames:
            assert ledger.add(frame(places)).new == len(set(places) - known)
            known |= set(places)
        expected = frame(sorted(known))
        assert ledger.rows().equals(pa.Table.from_batches([expected]))
        assert all(batch.num_rows <= 5 for batch in ledger.batches())
        assert ledger.places().tolist() == sorted(known)
        assert ledger.decided(*asked)["place"].to_pylist() == [
            one for one in sorted(known) if asked[0] <= one < asked[1]
        ]
        for place in range(31):
            assert ledger.find(2**64 - 1 - place)["place"].to_pylist() == [place] * (place in known)


def test_decisions_that_trickle_in_do_not_become_as_many_pieces(ledger: Ledger) -> None:
    for place in range(500):
        ledger.add(frame([place << wire.ROW_BITS]))
    assert len(ledger.places()) == 500
    with sqlite3.connect(ledger.path) as db:
        assert db.execute("SELECT count(*) FROM pieces").fetchone()[0] < 12
    db.close()


def test_a_column_that_was_damaged_is_told_of(ledger: Ledger) -> None:
    ledger.add(frame([1, 2, 3]))
    with sqlite3.connect(ledger.path) as db:
        db.execute("UPDATE pieces SET score = x'00'")
    db.close()
    result = CliRunner().invoke(app, ["export", str(ledger.path.with_name("x.parquet")), "--file", str(ledger.path)])
    assert result.exit_code == 2
    assert "the file is damaged" in result.stderr


def of_version_1(path: Path, batch: pa.RecordBatch, differing: pa.RecordBatch) -> None:
    """A ledger as it was once written: a row for each decision, numbers signed."""
    db = sqlite3.connect(path)
    for statement in ledger_file.MIGRATIONS[0]:
        assert isinstance(statement, str)
        db.execute(statement)
    db.execute("PRAGMA user_version = 1")
    hits, rulesets = {}, {}
    for table, rows in (("decisions", batch), ("differing", differing)):
        for row in rows.to_pylist():
            row["event_id"] -= 2**64 * (row["event_id"] >= 2**63)
            row["rules"] = hits.setdefault(",".join(row["rules"]), len(hits) + 1)
            row["ruleset"] = rulesets.setdefault(row["ruleset"], len(rulesets) + 1)
            id_ = [None] if table == "differing" else []
            db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len([*id_, *row]))})", [*id_, *row.values()])
    db.executemany("INSERT INTO hits (rules, id) VALUES (?, ?)", hits.items())
    db.executemany("INSERT INTO rulesets (hash, id) VALUES (?, ?)", rulesets.items())
    db.execute("INSERT INTO offsets VALUES ('t', 0, 7)")
    db.commit()
    db.close()


def test_a_ledger_of_version_1_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interceptor.transport.ledger.older.PIECE_ROWS", 7)
    path, batch = tmp_path / "ledger.sqlite", frame([0, *range(2, 40), 1 << 40, 2**63 - 1])
    differing = frame([5, 3, 5], score=[1.5, 2.5, 3.5])
    of_version_1(path, batch, differing)
    with pytest.raises(LedgerError, match="older version"):
        Ledger(path, read_only=True)
    with Ledger(path) as ledger:
        assert ledger.rows().to_batches()[0].equals(batch)
        assert ledger.differing().to_batches()[0].equals(differing)
        assert ledger.offsets("t") == {0: 7}
        assert ledger.find(2**64 - 1 - 3)["place"].to_pylist() == [3]
        assert ledger.add(frame([0, 1, 39], score=[0.0, 1 / 7, -1.0])) == Added(1, 1, 1)
        assert ledger.differing()["place"].to_pylist() == [5, 3, 5, 39]
