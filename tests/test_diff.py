"""Differences of two rule sets, against two engines compared event by event."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from interceptor import recording
from interceptor.recording import open_recording, truth_path
from interceptor.rules import load
from interceptor.schema import GATES, Kind, Trunk, Verdict
from interceptor.tuning import diff, pair
from interceptor.tuning.compare import EXAMPLES_MAX, Bounds, Comparison, changed_definitions, compare
from interceptor.tuning.outcome import Outcome, outcome_of
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_CONFIGURATION, EXIT_FOUND, EXIT_USAGE, UsageProblem
from tests.recordings import RULES, campaign_of, pays, record, rules
from tests.reference import Outcome as Decided
from tests.streams import START_MS, Alphabet, Event, event, outcomes_of, seeded

# B looks at younger lines only, lets foreign SMS pass, delays more transfers, and knows one rule that A doesn't.
CHANGED = (
    RULES.replace("tenure <= 30d", "tenure <= 6d")
    .replace('on: [call, sms], condition: trunk == "international"', 'on: call, condition: trunk == "international"')
    .replace("{score: 3, actions: [delay_24h]}", "{score: 1, actions: [delay_24h]}")
    .replace("  - {rule: sip, title: t, on: call, ", "  - {rule: by-wire, title: t, on: call, ")
)
ALL = Bounds(10**9, 10**9, 10**15)


@dataclass(frozen=True)
class Made:
    path: Path
    a: Path
    b: Path
    events: list[Event]
    decided: tuple[list[Decided], list[Decided]]
    found: Comparison

    def run(self, bounds: Bounds = ALL, **given: Any) -> int:
        return diff.main(self.a, self.b, self.path, bounds, **({"as_json": False, "html": None} | given))

    def changes(self, *, new: bool) -> list[Event]:
        """The events that only B stops, or only A."""
        stopping = (
            (event, *(one.verdict >= Verdict.HOLD for one in pair))
            for event, *pair in zip(self.events, *self.decided, strict=True)
        )
        return [event for event, by_a, by_b in stopping if by_a != by_b and by_b == new]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("diff")
    a, b = rules(folder / "a"), rules(folder / "b", CHANGED)
    sets = (load(a), load(b))
    events = seeded(11, 2_500, Alphabet())
    path = record(folder / "day.parquet", sets[0], events)
    first, second = (outcome_of(open_recording(path), one, lambda _: None) for one in sets)
    found = compare(first, second, *sets)
    return Made(path, a, b, events, (outcomes_of(sets[0], [events]), outcomes_of(sets[1], [events])), found)


def test_new_and_lost_interceptions(made: Made) -> None:
    for kind, change in made.found.gates.items():
        for new in (True, False):
            events = [event for event in made.changes(new=new) if event["kind"] == kind]
            scam = sum(campaign_of(event) >= 0 for event in events)
            told = (change.new_scam, change.new_ordinary) if new else (change.lost_scam, change.lost_ordinary)
            assert told == (scam, len(events) - scam)
    assert made.found.lost_scam == sum(campaign_of(event) >= 0 for event in made.changes(new=False)) > 10
    assert sum(change.new_ordinary for change in made.found.gates.values()) > 10


def test_matrix_money_and_false_alarms(made: Made) -> None:
    matrix = np.zeros((len(Verdict), len(Verdict)), np.int64)
    money, wrong, caught = [0, 0], [0, 0], [0, 0]
    for row, *verdicts in zip(made.events, *((one.verdict for one in side) for side in made.decided), strict=True):
        if row["kind"] in GATES:
            matrix[tuple(verdicts)] += 1
        for side, verdict in enumerate(verdicts):
            if verdict >= Verdict.HOLD:
                money[side] += row["amount_fen"] * pays(row)
                wrong[side] += campaign_of(row) < 0
                caught[side] += campaign_of(row) >= 0
    assert made.found.matrix.tolist() == matrix.tolist()
    assert (list(made.found.stopped_fen), list(made.found.wrong)) == (money, wrong)
    assert list(made.found.caught) == caught
    assert money[0] != money[1]
    assert wrong[0] != wrong[1]


def test_hits_of_rules(made: Made) -> None:
    told = {one.name: one for one in made.found.rules}
    for name, one in told.items():
        plain = name.removesuffix(" (shadow)")
        sides = [{row for row, decided in enumerate(side) if plain in decided.rules} for side in made.decided]
        scam = [
            sum(campaign_of(made.events[row]) >= 0 for row in rows)
            for rows in (sides[1] - sides[0], sides[0] - sides[1])
        ]
        assert (one.gained, one.lost) == (len(sides[1] - sides[0]), len(sides[0] - sides[1]))
        assert [one.gained_scam, one.lost_scam] == scam
        assert [count or 0 for count in one.hits] == [len(side) for side in sides]
    assert told["sip"].hits[1] is None
    assert told["by-wire"].hits[0] is None
    assert told["young"].lost > 10


def test_changed_definitions_but_no_mere_words(made: Made, tmp_path: Path) -> None:
    changed = made.found.definitions
    assert changed["rules"] == {"added": ["by-wire"], "removed": ["sip"], "changed": ["foreign", "young"]}
    assert list(changed) == ["rules", "policies"]
    reworded = rules(tmp_path / "words", RULES.replace("title: t", "title: other, version: 3"))
    assert changed_definitions(load(made.a), load(reworded)) == {}


def test_examples_are_changed_events_masked(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert made.run(as_json=True) == EXIT_CLEAN
    out = capsys.readouterr().out
    told = json.loads(out)["examples"]
    for one in told:
        row = next(
            changed
            for changed in made.changes(new=one["change"] == "new")
            if (changed["event_id"], Kind(changed["kind"]).name.lower()) == (one["event_id"], one["gate"])
        )
        assert one["scam"] == (campaign_of(row) >= 0)
        assert str(row["target"]) not in out or row["target"] == 0
    kinds = Counter((one["change"], one["scam"], one["gate"]) for one in told)
    assert max(kinds.values()) == EXAMPLES_MAX
    assert len(kinds) == sum(
        count > 0
        for change in made.found.gates.values()
        for count in (change.new_scam, change.new_ordinary, change.lost_scam, change.lost_ordinary)
    )


@pytest.mark.parametrize("which", [0, 1, 2])
def test_each_bound_decides(made: Made, which: int, capsys: pytest.CaptureFixture[str]) -> None:
    found = made.found
    values = [found.lost_scam, found.wrong[1] - found.wrong[0], found.stopped_fen[0] - found.stopped_fen[1]]
    at = [10**9, 10**9, 10**15]
    at[which] = values[which]
    assert made.run(Bounds(*at)) == EXIT_CLEAN
    assert "WORSE" not in capsys.readouterr().out
    at[which] -= 1
    assert made.run(Bounds(*at)) == EXIT_FOUND
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("ok", "WORSE"))]
    assert [line.startswith("WORSE") for line in lines] == [which == place for place in range(3)]


def test_the_same_rules_are_within_no_bounds_at_all(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff.main(made.a, made.a, made.path, Bounds(0, 0, 0), as_json=False, html=None) == EXIT_CLEAN
    out = capsys.readouterr().out
    assert "The two decide by the same definitions." in out
    assert "Examples" not in out


def same(one: Outcome, other: Outcome) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one.columns) and all(
        np.array_equal(x, y)
        for ours, theirs in zip(
            (one.hits, one.source, one.target), (other.hits, other.source, other.target), strict=True
        )
        for x, y in zip(ours, theirs, strict=True)
    )


def test_two_processes_find_what_one_does(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folders, sets = (made.a, made.b), (load(made.a), load(made.b))
    here = pair.outcomes(made.path, folders, sets)
    monkeypatch.setattr(pair, "ONE_PROCESS_MAX", 0)
    there = pair.outcomes(made.path, folders, sets)
    assert all(map(same, here, there))
    assert not same(*there)


def test_rules_that_change_meanwhile(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folders, sets = (made.a, made.b), (load(made.a), load(made.b))
    b, a = pair.outcomes(made.path, folders, sets)
    monkeypatch.setattr(pair, "ONE_PROCESS_MAX", 0)
    monkeypatch.setattr(pair, "_beside_each_other", lambda *_: [b, b])
    with pytest.raises(UsageProblem, match="changed meanwhile"):
        pair.outcomes(made.path, folders, sets)
    assert a.ruleset != b.ruleset


def test_without_truth_no_bound_is_met(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "day.parquet"
    path.write_bytes(made.path.read_bytes())
    assert not truth_path(path).exists()
    assert diff.main(made.a, made.b, path, ALL, as_json=False, html=tmp_path / "page.html") == EXIT_USAGE
    captured = capsys.readouterr()
    assert diff.NO_TRUTH in captured.err
    assert "Interceptions" in captured.out
    assert "scam" not in captured.out
    assert diff.main(made.a, made.b, path, ALL, as_json=True, html=None) == EXIT_USAGE
    told = json.loads(capsys.readouterr().out)
    assert told["bounds"] is None
    assert {one["scam"] for one in told["examples"]} == {None}


HOSTILE = "\x1b[31m[bold]red[/] \u202egnp <script>alert(1)</script>"


def test_what_strangers_wrote_steers_nothing(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sent = [
        event(
            Kind.SMS, START_MS + row, row + 1, text=HOSTILE, source=8617000000000 + row, target=8613905541234,
            trunk=int(Trunk.INTERNATIONAL), tenure_days=400,
        )
        for row in range(30)
    ]  # fmt: skip
    path, page = record(tmp_path / "day.parquet", load(made.a), sent), tmp_path / "page.html"
    assert diff.main(made.a, made.b, path, ALL, as_json=False, html=page) == EXIT_CLEAN
    out = capsys.readouterr().out
    assert "[bold]red[/]" in out
    assert not {"\x1b", "\u202e"} & set(out)
    text = page.read_text("utf-8")
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert not {"\x1b", "\u202e"} & set(text)
    assert "8613905541234" not in out + text


def test_what_a_person_can_mend_is_one_message(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = rules(tmp_path / "broken", RULES.replace("rules:", "rulez:"))
    assert diff.main(made.a, broken, made.path, ALL, as_json=False, html=None) == EXIT_CONFIGURATION
    assert "error[unknown-key]" in capsys.readouterr().err
    assert diff.main(made.a, made.b, tmp_path / "no.parquet", ALL, as_json=False, html=None) == EXIT_USAGE
    assert capsys.readouterr().err == f"{tmp_path / 'no.parquet'}: no such file\n"


def test_events_are_found_in_any_row_group(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "ROW_GROUP_ROWS", 100)
    path = record(tmp_path / "day.parquet", load(made.a), made.events[:350])
    rows = [349, 100, 0, 99, 299, 200, 300]
    assert pq.ParquetFile(path).metadata.num_row_groups == 4
    found = diff.events_at(path, rows)
    assert {row: one["event_id"] for row, one in found.items()} == {row: made.events[row]["event_id"] for row in rows}
