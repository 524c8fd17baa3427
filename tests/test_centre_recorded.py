"""`interceptor run RECORDING --centre FILE`: the bulletin of each period, figure by figure, counted anew and slowly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from interceptor.centre.audit import DONE, Entry
from interceptor.centre.book import Book
from interceptor.centre.bulletin.lines import COUNTS, WANTED
from interceptor.centre.bulletin.periods import PERIODS, day_of
from interceptor.centre.parts import PARTS
from interceptor.cli import app
from interceptor.commands.centre.flow_tools import was_observed
from interceptor.commands.centre.keys import VARIABLE
from interceptor.engine import Engine
from interceptor.recording import Recorder
from interceptor.rules import load
from interceptor.schema import GATES, Kind, Status, Subject, Trunk, Verdict
from simulator.clock import DAY_0_MS, DAY_MS, HOUR_MS
from simulator.report import OBSERVED, Setting
from tests.recordings import RULES, TYPE_OF_CAMPAIGN, rules, truth_of
from tests.streams import Event, event, frame

KEY = bytes(32)
DAYS, EVENTS = 5, 1_500  # from Monday 1 March 2021 on
KINDS = (Kind.CALL, Kind.SMS, Kind.WEB, Kind.TRANSFER, Kind.REPORT)
MORE = """\
  - {rule: reported, title: t, on: report, condition: citizen != 0, actions: [open_case]}
  - {rule: tell, title: t, on: sms, condition: has_link, evidence: warning, score: 0.1, actions: [warn_1]}
"""


def _events() -> list[Event]:
    """Calls, messages, visits, payments of five days, in order; citizens report numbers that call."""
    rng, found = np.random.default_rng(8), []
    for nth, ts_ms in enumerate(np.sort(rng.integers(DAY_0_MS, DAY_0_MS + DAYS * DAY_MS, EVENTS)).tolist()):
        kind = Kind(int(rng.choice(KINDS, p=(0.3, 0.3, 0.1, 0.2, 0.1))))
        given: dict[str, Any] = {
            "source": 8617000000000 + int(rng.integers(60)), "target": 8613900000000 + int(rng.integers(90)),
            "town": int(rng.choice([0, 340402001, 340422105])), "known": bool(rng.random() < 0.3),
        }  # fmt: skip
        if kind is Kind.SMS:
            given |= {"text": f"text {nth} http://a{nth}.example", "host": f"a{nth}.example"}
        elif kind is Kind.CALL:
            given |= {"trunk": int(rng.choice([Trunk.LOCAL, Trunk.SIP, Trunk.INTERNATIONAL]))}
        elif kind is Kind.TRANSFER:
            given |= {"amount_fen": int(rng.integers(1, 2_000_000)), "payer": int(rng.integers(1, 90))}
        elif kind is Kind.REPORT:
            given |= {"subject": int(Subject.NUMBER)}
        found.append(event(kind, ts_ms, nth + 1, **given))
    return found


def _record(folder: Path, name: str) -> Path:
    rule_set, path, events = load(folder), folder.parent / "days.parquet", _events()
    setting = Setting(name, 100, DAYS, 1, DAY_0_MS, DAY_0_MS + DAYS * DAY_MS)
    with Recorder(path, setting, rule_set.hash) as recorder:
        batch = frame(events)
        recorder.add(batch, Engine(rule_set).decide(batch), truth_of(events), TYPE_OF_CAMPAIGN)
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording; the book lies beside it."""
    folder = tmp_path_factory.mktemp("recorded")
    path = _record(rules(folder / "rules", RULES + MORE), "city_centre" + OBSERVED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY.hex())
        words = ["run", "--scenario", str(path), "--rules", str(folder / "rules"), "--centre", str(folder / "c.sqlite")]
        found = CliRunner().invoke(app, [*words, "--json"])
    assert found.exit_code == 0, found.output
    return path


@pytest.fixture
def book(recorded: Path) -> Book:
    return Book(recorded.with_name("c.sqlite"), KEY, PARTS, read_only=True)


def _bulletin(book: Book, *words: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY.hex())
        found = CliRunner().invoke(app, ["centre", "bulletin", "--book", str(book.path), *words, "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def _ledger(recorded: Path, inside: Callable[[int], bool]) -> Counter[str]:
    """What stands beside the events of a recording, event by event."""
    found = Counter[str]()
    names = ("kind", "ts_ms", "verdict", "status", "amount_fen")
    for row in pq.read_table(recorded, columns=list(names)).to_pylist():
        if row["status"] != Status.OK or row["kind"] not in list(GATES) or not inside(row["ts_ms"]):
            continue
        gate = Kind(row["kind"]).name.lower()
        word = {Verdict.BLOCK: "blocked", Verdict.HOLD: "held", Verdict.LABEL: "marked"}.get(Verdict(row["verdict"]))
        found[f"{gate}_events"] += 1
        if word:
            found[f"{gate}_{word}"] += 1
        if gate == "transfer" and word in ("blocked", "held"):
            found[f"transfer_{word}_fen"] += row["amount_fen"]
    return found


def _done(act: str, **told: Any) -> Callable[[Entry], bool]:
    return lambda entry: entry.act == act and told.items() <= entry.details.items()


# Which entries of the log are the events of a line; a line that has none here counted nothing.
OF_LOG: dict[str, Callable[[Entry], bool]] = {
    "cases_opened": _done("case.open"), "opened": _done("warning.open"), "reports": _done("report.add"),
    "bursts_blocked": _done("report.burst", outcome="blocked"), "proposed": _done("site.propose"),
    "appeals_filed": _done("appeal.file"), "alerts": _done("money.report"), "dens_found": _done("den.found"),
    "cases_handled_late": _done("case.overdue", what="first handling"),
}  # fmt: skip


@pytest.mark.parametrize("word", PERIODS)
def test_every_figure_is_what_the_ledger_and_the_log_say(recorded: Path, book: Book, word: str) -> None:
    for on in (date(2021, 3, 1), date(2021, 3, 4)):
        period = PERIODS[word](on)
        told = _bulletin(book, "--period", word, "--on", str(on))
        assert (told["first"], told["last"]) == (str(period.first), str(period.last))

        def inside(ts_ms: int, period: Any = period) -> bool:
            return bool(period.first <= day_of(ts_ms) <= period.last)

        ledger, log = _ledger(recorded, inside), [
            entry for entry in book.audit.entries() if entry.outcome == DONE and inside(entry.at_ms)
        ]  # fmt: skip
        assert sum(ledger.values()) > 0
        for line in WANTED:
            now = told["sections"][line.section][line.name]["now"]
            if line.section == "gates":
                assert now == ledger[line.name], line
            elif line.name in OF_LOG and (line.section, line.name) != ("cards", "opened"):
                assert now == sum(map(OF_LOG[line.name], log)), line
    counted = _bulletin(book, "--period", "whole")["sections"]
    assert all(counted[section][name]["now"] > 0 for section, name in
               (("cases", "cases_opened"), ("warnings", "opened"), ("citizens", "reports")))  # fmt: skip


def test_days_add_up_to_weeks_months_and_years(book: Book) -> None:
    summed = [line for line in WANTED if line.unit != "minutes"]
    for word in ("week", "month", "to-date"):
        period = PERIODS[word](date(2021, 3, 5))
        for section, count in COUNTS.items():
            whole = count(book, period.from_ms, period.to_ms)
            days = [PERIODS["day"](period.first + timedelta(days=n)) for n in range(period.days)]
            parts = [count(book, day.from_ms, day.to_ms) for day in days]
            for line in summed:
                if line.section == section and line.name not in ("stopped_accounts", "frozen_accounts"):
                    assert whole[line.name] == sum(part[line.name] or 0 for part in parts), line


def test_a_bulletin_of_what_only_happened_on_paper_says_so(recorded: Path, book: Book) -> None:
    assert was_observed(recorded)
    assert not was_observed(recorded.with_name("nowhere.parquet"))
    assert _bulletin(book)["everything_passed"] is True
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY.hex())
        text = recorded.with_name("b.md")
        words = ["centre", "bulletin", "--book", str(book.path), "--markdown", str(text)]
        shown = CliRunner().invoke(app, words).stdout
    assert "nobody was spared anything" in " ".join(shown.split())
    assert "nobody was spared anything" in text.read_text()


def test_the_book_of_a_recording_has_its_time(book: Book) -> None:
    last = max(entry.at_ms for entry in book.audit.entries())
    assert DAY_0_MS < last < DAY_0_MS + DAYS * DAY_MS + HOUR_MS
    assert book.audit.verify() is None
