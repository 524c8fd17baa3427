"""The bulletin: its sums are the decisions' own, periods, comparisons, what is told and how."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from interceptor.centre.book import Book
from interceptor.centre.bulletin import earlier, tally
from interceptor.centre.bulletin.gather import Bulletin, Line, Ranking, Wanted, gather
from interceptor.centre.bulletin.lines import COUNTS, SECTIONS, WANTED, rankings
from interceptor.centre.bulletin.periods import PERIODS, day_of
from interceptor.centre.bulletin.tally import TallySystem
from interceptor.centre.parts import PARTS
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Seen
from interceptor.cli import app
from interceptor.commands.centre.bulletin_told import markdown, tables, told
from interceptor.commands.centre.keys import VARIABLE
from interceptor.schema import EVENT_SCHEMA, GATES, Kind, Status, Verdict

KEY = bytes(32)
DAY_MS = 86_400_000
NOON = 1_614_571_200_000  # 1 March 2021, 12:00 in the city
FIGURES = "section,name,first,last,value,source\ngates,call_blocked,2020-03-01,2020-03-31,403,report of 2020\n"


class Decided:
    """Decisions without hits."""

    rules: tuple[str, ...] = ()
    shadow = np.zeros(0, bool)
    hit_row = hit_rule = np.zeros(0, np.int32)

    def __init__(self, verdict: np.ndarray, status: np.ndarray) -> None:
        self.verdict, self.status = verdict, status
        self.actions, self.score = np.zeros(len(verdict), np.uint32), np.zeros(len(verdict))


def _events(rng: np.random.Generator, count: int) -> tuple[pa.RecordBatch, Decided]:
    columns = {name: np.zeros(count, np.int64) for name in EVENT_SCHEMA.names if name not in ("text", "host")}
    columns["ts_ms"] = NOON + rng.integers(0, 40 * DAY_MS, count)
    columns["kind"] = rng.integers(0, len(Kind), count)
    columns["town"] = rng.choice([0, 340402001, 340422105], count)
    columns["amount_fen"] = np.where(columns["kind"] == Kind.TRANSFER, rng.integers(1, 10**9, count), 0)
    arrays = [
        pa.array([""] * count, field.type)
        if field.name in ("text", "host")
        else pa.array(columns[field.name]).cast(field.type)
        for field in EVENT_SCHEMA
    ]
    status = np.where(rng.random(count) < 0.1, Status.DUPLICATE, Status.OK).astype(np.uint8)
    return pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA), Decided(
        rng.integers(0, 4, count).astype(np.uint8), status
    )


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "centre.sqlite", KEY, PARTS)


def test_sums_are_those_of_the_decisions(book: Book) -> None:
    rng, wanted, system = np.random.default_rng(1), Counter[tuple[date, Kind, Verdict]](), TallySystem()
    fen = Counter[tuple[Kind, Verdict]]()
    for _ in range(5):
        frame, decided = _events(rng, 400)
        with book.together():
            system.take(book, Seen.of(frame, decided), NOON)
        for row in np.flatnonzero(decided.status == Status.OK).tolist():
            kind, verdict = Kind(frame.column("kind")[row].as_py()), Verdict(decided.verdict[row])
            wanted[day_of(frame.column("ts_ms")[row].as_py()), kind, verdict] += 1
            fen[kind, verdict] += frame.column("amount_fen")[row].as_py()
    for word in PERIODS:
        for day in (date(2021, 3, 1), date(2021, 3, 17), date(2021, 4, 5)):
            period = PERIODS[word](day)
            found = tally.counts(book, period.from_ms, period.to_ms)
            for gate in GATES:
                count = Counter[Verdict]()
                for (d, k, v), n in wanted.items():
                    if k == gate and period.first <= d <= period.last:
                        count[v] += n
                assert found[f"{gate.name.lower()}_events"] == count.total()
                assert found[f"{gate.name.lower()}_blocked"] == count[Verdict.BLOCK]
                assert found[f"{gate.name.lower()}_held"] == count[Verdict.HOLD]
                assert found[f"{gate.name.lower()}_marked"] == count[Verdict.LABEL]
    whole = tally.counts(book, NOON - DAY_MS, NOON + 50 * DAY_MS)
    assert whole["transfer_blocked_fen"] == fen[Kind.TRANSFER, Verdict.BLOCK]
    assert whole["transfer_held_fen"] == fen[Kind.TRANSFER, Verdict.HOLD]


@pytest.mark.parametrize(
    ("word", "first", "last", "before", "year_before"),
    [
        ("day", "2021-03-01", "2021-03-01", "2021-02-28", "2020-03-01"),
        ("week", "2021-03-01", "2021-03-07", "2021-02-22", "2020-03-01"),
        ("month", "2021-03-01", "2021-03-31", "2021-02-01", "2020-03-01"),
        ("to-date", "2021-01-01", "2021-03-03", "2020-10-31", "2020-01-01"),
    ],
)
def test_periods(word: str, first: str, last: str, before: str, year_before: str) -> None:
    day = date(2021, 3, 1) if word == "day" else date(2021, 3, 3)
    period = PERIODS[word](day)
    assert (str(period.first), str(period.last)) == (first, last)
    assert str(period.before().first) == before
    assert period.before().to_ms == period.from_ms
    assert str(period.year_before().first) == year_before
    assert period.to_ms - period.from_ms == period.days * DAY_MS


def test_a_leap_day_is_compared_with_the_day_before_march() -> None:
    assert PERIODS["day"](date(2024, 2, 29)).year_before().first == date(2023, 2, 28)


def test_what_was_before_the_book_comes_from_earlier_reports_or_is_unknown(book: Book) -> None:
    frame, decided = _events(np.random.default_rng(2), 300)
    with book.together():
        TallySystem().take(book, Seen.of(frame, decided), NOON)
    assert earlier.keep(book, FIGURES, by="officer", at_ms=NOON) == 1
    found = gather(book, PERIODS["month"](date(2021, 3, 5)), WANTED, COUNTS, [])
    lines = {line.wanted.name: line for line in found.lines}
    assert lines["call_blocked"].year_before == 403
    assert lines["call_blocked"].year_on_year == pytest.approx((lines["call_blocked"].now or 0) / 403 - 1)
    assert lines["call_blocked"].before is None
    assert lines["sms_blocked"].year_before is None
    following = gather(book, PERIODS["month"](date(2021, 4, 5)), WANTED, COUNTS, [])
    again = {line.wanted.name: line for line in following.lines}
    assert again["call_events"].before == lines["call_events"].now


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a,b\n1,2\n", "bad-columns"),
        (FIGURES + "gates,x,2020-13-01,2020-03-01,1,\n", "bad-line"),
        (FIGURES + "gates,x,2020-03-02,2020-03-01,1,\n", "bad-line"),
        (FIGURES + "gates,x,2020-03-01,2020-03-01,many,\n", "bad-line"),
        (FIGURES + "gates,x\n", "bad-line"),
    ],
)
def test_earlier_figures_that_make_no_sense_are_refused(book: Book, text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        earlier.keep(book, text, by="officer", at_ms=NOON)
    assert refused.value.code == code
    assert not book.db.execute("SELECT count(*) FROM earlier").fetchone()[0]
    assert list(book.audit.entries())[-1].details["code"] == code


def test_every_line_is_counted_by_its_section(book: Book) -> None:
    assert {line.section for line in WANTED} <= set(SECTIONS)
    found = gather(book, PERIODS["week"](date(2021, 3, 3)), WANTED, COUNTS, [])
    assert len(found.lines) == len(WANTED)
    assert {line.wanted.section for line in found.lines} == set(COUNTS)


def test_names_show_as_text_in_markdown() -> None:
    hostile = "a|b](http://x) <script>`*_\n# head"
    line = Line(Wanted("gates", "call_events", hostile), 1, None, None)
    bulletin = Bulletin(PERIODS["day"](date(2021, 3, 1)), [line], [Ranking(hostile, "n", [(hostile, 3)])], "0:00")
    text = markdown(bulletin)
    rows = [row for row in text.splitlines() if row.startswith("| a")]
    assert len(rows) == 2
    assert all(part not in text for part in ("](http", "<script>", "\n# head"))
    assert [len(table.rows) for table in tables(bulletin)] == [1, 1]


def test_figures_in_their_units() -> None:
    assert [told(None, "fen"), told(12_345, "events"), told(0.5, "share"), told(3.25, "minutes")] == [
        "–", "12,345", "50.0 %", "3.2 min",
    ]  # fmt: skip
    assert told(145_000_000_000, "fen") == "1.45 bn yuan"


def test_townships_come_by_what_was_intercepted(book: Book) -> None:
    frame, decided = _events(np.random.default_rng(3), 500)
    with book.together():
        TallySystem().take(book, Seen.of(frame, decided), NOON)
    period = PERIODS["to-date"](date(2021, 5, 1))
    ranked = rankings(book, period, lambda town: f"town {town}")
    assert [name for name, _ in ranked[0].rows] != []
    values = [value or 0 for _, value in ranked[0].rows]
    assert values == sorted(values, reverse=True)


def test_the_command_tells_the_same_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY.hex())
    path, page, text = tmp_path / "centre.sqlite", tmp_path / "b.html", tmp_path / "b.md"
    with Book(path, KEY, PARTS) as book, book.together():
        frame, decided = _events(np.random.default_rng(4), 300)
        TallySystem().take(book, Seen.of(frame, decided), NOON)
    figures = tmp_path / "figures.csv"
    figures.write_text(FIGURES)
    command = ["centre", "bulletin", "--book", str(path), "--period", "month", "--on", "2021-03-09"]
    runner = CliRunner()
    shown = runner.invoke(app, [*command, "--markdown", str(text), "--html", str(page), "--earlier", str(figures)])
    assert shown.exit_code == 0, shown.output
    found = json.loads(runner.invoke(app, [*command, "--json"]).output)
    blocked = found["sections"]["gates"]["call_blocked"]
    for form in (shown.output, text.read_text(), page.read_text()):
        assert f"{blocked['now']:,}" in form
        assert "403" in form
    assert runner.invoke(app, [*command[:-1], "May"]).exit_code == 2
    assert runner.invoke(app, ["centre", "bulletin", "--book", str(tmp_path / "none.sqlite")]).exit_code == 78


def test_month_on_month_and_year_on_year_are_hand_sums(book: Book) -> None:
    rng, system, by_day = np.random.default_rng(5), TallySystem(), Counter[tuple[date, Kind, Verdict]]()
    fen = Counter[tuple[date, Verdict]]()
    for month in range(15):  # from March 2021 on
        frame, decided = _events(rng, 300)
        later = (frame.column("ts_ms").to_numpy() + month * 30 * DAY_MS).tolist()
        frame = frame.set_column(frame.schema.get_field_index("ts_ms"), "ts_ms", pa.array(later, pa.int64()))
        with book.together():
            system.take(book, Seen.of(frame, decided), NOON)
        columns = (frame.column(name).to_pylist() for name in ("kind", "amount_fen"))
        for ts_ms, verdict, status, kind, amount in zip(
            later, decided.verdict.tolist(), decided.status.tolist(), *columns, strict=True
        ):
            if status == Status.OK:
                by_day[day_of(ts_ms), Kind(kind), Verdict(verdict)] += 1
                fen[day_of(ts_ms), Verdict(verdict)] += amount

    def blocked(first: str, last: str) -> int:
        span = date.fromisoformat(first), date.fromisoformat(last)
        return sum(
            n for (day, k, v), n in by_day.items() if (k, v) == (Kind.CALL, Verdict.BLOCK) and span[0] <= day <= span[1]
        )

    spans = {
        "month": (("2022-04-01", "2022-04-30"), ("2022-03-01", "2022-03-31"), ("2021-04-01", "2021-04-30")),
        "week": (("2022-04-18", "2022-04-24"), ("2022-04-11", "2022-04-17"), ("2021-04-18", "2021-04-24")),
        "day": (("2022-04-20", "2022-04-20"), ("2022-04-19", "2022-04-19"), ("2021-04-20", "2021-04-20")),
    }
    for word, (now, before, year_before) in spans.items():
        found = gather(book, PERIODS[word](date(2022, 4, 20)), WANTED, COUNTS, [])
        (line,) = [line for line in found.lines if line.wanted.name == "call_blocked"]
        hand = [blocked(*span) for span in (now, before, year_before)]
        assert [line.now, line.before, line.year_before] == hand
        assert line.change == (None if not hand[1] else (hand[0] - hand[1]) / hand[1])
        assert line.year_on_year == (None if not hand[2] else (hand[0] - hand[2]) / hand[2])
    assert min(blocked(*span) for span in spans["month"]) > 0
    whole = gather(book, PERIODS["month"](date(2022, 4, 20)), WANTED, COUNTS, [])
    (line,) = [line for line in whole.lines if line.wanted.name == "transfer_blocked_fen"]
    assert line.now == sum(
        n for (day, v), n in fen.items() if v == Verdict.BLOCK and (day.year, day.month) == (2022, 4)
    )
