"""Tables on a narrow terminal: columns that don't wrap are there in full, others run over lines."""

from __future__ import annotations

import pytest

from interceptor.tuning.tables import Column, show_table


def test_a_narrow_terminal_loses_no_cell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    columns = [Column("id", right=True), Column("township"), Column("when"), Column("why", wraps=True)]
    rows = [["4711", "大通区 大通街道", "2021-03-02 22:38:32", "lines that called from there and were blocked"]]
    show_table("Cases", columns, rows)
    shown = capsys.readouterr().out
    assert all(cell in shown for row in rows for cell in row[:3])
    assert "…" not in shown
