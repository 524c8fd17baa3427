"""Rules that are edited while a run goes on: when files are read, what is said, and who decided what.

Enters: edits of files, a clock that the test turns. Leaves: what reaches the engine and the screen. Invariant: no test
waits for real time to pass.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from interceptor import run, watching
from interceptor.bulletin import show
from interceptor.cli import app
from interceptor.display import Glance, LiveView, PlainLines
from interceptor.engine import Engine
from interceptor.reload import compared
from interceptor.rules import RulesError, RuleSet, load
from interceptor.watching import POLL_S, QUIET_S, Edits, RulesInForce, told
from simulator.city import Slice
from simulator.report import RulesUsed
from simulator.scorecard import ScoreCard
from tests.recordings import RULES, record, rules
from tests.streams import START_MS, Alphabet, frame, seeded
from tests.test_bulletin import REPORT

HOUR_MS = 3_600_000


class Clock:
    """Turned by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Followed:
    """A folder of rules, and what comes of edits in it."""

    def __init__(self, folder: Path, lists: tuple[Path, ...], clock: Clock) -> None:
        self.file, self.clock = folder / "rules.yaml", clock
        self.edits = Edits(folder, lists)
        self.before = load(folder, lists)

    def write(self, text: str) -> None:
        self.file.write_text(text, "utf-8")

    def look(self, after_s: float = POLL_S) -> RuleSet | RulesError | None:
        """Looks once, when any reading that goes on has ended."""
        if self.edits._reading:
            self.edits._reading.exception()
        self.clock.now_s += after_s
        return self.edits.take(self.before)

    def take(self) -> RuleSet | RulesError | None:
        """What came of an edit after a while without another."""
        return next((found for after_s in (POLL_S, QUIET_S, POLL_S, POLL_S) if (found := self.look(after_s))), None)


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Followed]]:
    clock, made = Clock(), list[Followed]()
    monkeypatch.setattr(watching, "monotonic", clock)

    def begun(*lists: Path) -> Followed:
        made.append(Followed(rules(tmp_path / "rules"), lists, clock))
        return made[-1]

    yield begun
    for one in made:
        one.edits.close()


def test_nothing_is_read_while_nothing_changes(follow: Callable[..., Followed]) -> None:
    followed = follow()
    assert [followed.look(QUIET_S) for _ in range(4)] == [None] * 4


def test_files_are_read_when_they_have_been_left_alone(follow: Callable[..., Followed]) -> None:
    followed = follow()
    for half in (RULES[:200], RULES[:400], RULES.replace("score: 2}", "score: 3}")):
        followed.write(half)
        assert [followed.look(QUIET_S * 0.4) for _ in range(3)] == [None] * 3
        assert followed.edits._reading is None
    assert followed.look(QUIET_S * 0.4) is None
    assert followed.edits._reading is not None
    found = followed.look()
    assert isinstance(found, RuleSet)
    assert found.hash == load(followed.file.parent).hash != followed.before.hash
    assert [followed.look(QUIET_S) for _ in range(3)] == [None] * 3


def test_what_changes_while_it_is_read_is_read_again(follow: Callable[..., Followed]) -> None:
    followed = follow()
    followed.write(RULES.replace("score: 2}", "score: 3}"))
    followed.look()
    assert followed.look(QUIET_S) is None
    assert followed.edits._reading is not None
    followed.write(RULES.replace("score: 2}", "score: 4}"))
    assert followed.look() is None
    found = followed.take()
    assert isinstance(found, RuleSet)
    assert found.definitions.rules["young"].score == 4


def test_between_two_looks_nothing_is_looked_at(
    follow: Callable[..., Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = follow()
    followed.look()
    monkeypatch.setattr(Edits, "_paths", lambda _: pytest.fail("looked"))
    assert followed.look(POLL_S * 0.9) is None


def test_a_look_that_was_slow_by_chance_does_not_blind_for_long(
    follow: Callable[..., Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = follow()
    prints = followed.edits._prints

    def slow() -> dict[Path, tuple[int, ...]]:
        followed.clock.now_s += 5
        return prints()

    with monkeypatch.context() as patched:
        patched.setattr(followed.edits, "_prints", slow)
        followed.look()
    followed.write(RULES.replace("score: 2}", "score: 3}"))
    found = [followed.look(QUIET_S) for _ in range(4)]
    assert any(isinstance(one, RuleSet) for one in found)


@pytest.mark.parametrize("name", ["more.yaml", "below/more.yaml", "young_people.csv"])
def test_files_that_come_and_go_are_edits(follow: Callable[..., Followed], name: str) -> None:
    followed = follow()
    path = followed.file.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("schema: 1\nlists: [{list: more}]\n", "utf-8")
    found = followed.take()
    assert isinstance(found, RuleSet)
    assert (found.hash != followed.before.hash) == (path.suffix == ".yaml")
    path.unlink()
    found = followed.take()
    assert isinstance(found, RuleSet)
    assert found.hash == followed.before.hash


def test_a_file_that_takes_the_place_of_another_is_an_edit(follow: Callable[..., Followed], tmp_path: Path) -> None:
    followed = follow()
    new, before = tmp_path / "new", followed.file.stat()
    new.write_text(RULES.replace("score: 2}", "score: 3}"), "utf-8")
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(followed.file)  # of the same size and age
    assert isinstance(followed.take(), RuleSet)


def test_files_of_lists_are_followed(follow: Callable[..., Followed], tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text('schema: 1\nlists: [{list: more, items: ["8613"]}]\n', "utf-8")
    followed = follow(tmp_path / "more.yaml")
    (tmp_path / "more.yaml").write_text('schema: 1\nlists: [{list: more, items: ["8614"]}]\n', "utf-8")
    found = followed.take()
    assert isinstance(found, RuleSet)
    assert found.definitions.lists["more"].items[0].value == "8614"


def test_whatever_is_wrong_with_an_edit_is_said(
    follow: Callable[..., Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = follow()
    followed.file.unlink()
    found = followed.take()
    assert isinstance(found, RulesError)
    assert found.problems[0].code == "no-rules"
    monkeypatch.setattr(watching, "load", lambda *_: 1 / 0)
    followed.write(RULES)
    found = followed.take()
    assert isinstance(found, RulesError)
    assert "ZeroDivisionError" in str(found)


class Screen(PlainLines):
    """What was said, line by line, and what stands there."""

    def __init__(self) -> None:
        self.out, self.standing = io.StringIO(), ("", False)
        super().__init__(Console(file=self.out, width=200), "title")

    def stand(self, words: str, *, wrong: bool = False) -> None:
        super().stand(words, wrong=wrong)
        self.standing = words, wrong


def test_a_bad_edit_stays_said_until_it_is_mended(follow: Callable[..., Followed]) -> None:
    followed, screen = follow(), Screen()
    engine = Engine(followed.before)
    force, old = RulesInForce(engine, followed.edits, screen, START_MS), followed.before.hash

    def edited(text: str) -> str:
        screen.out.seek(0)
        screen.out.truncate()
        followed.write(text)
        for after_s in (0, QUIET_S, POLL_S):
            if followed.edits._reading:
                followed.edits._reading.exception()
            followed.clock.now_s += POLL_S + after_s
            force.exchange(START_MS)
        return screen.out.getvalue()

    said = edited(RULES.replace("tenure <= 30d", "tenur <= 30d").replace('"sip"', '"sap"'))
    line = next(n for n, text in enumerate(RULES.splitlines(), 1) if "tenure <= 30d" in text)
    assert f"2021-03-01 00:00 rules not reloaded: the edit has 2 errors, {old} goes on" in said
    assert f"rules.yaml:{line}:" in said
    assert "and 1 more" in said
    assert screen.standing[0].startswith(f"rules: old set {old}, edit has 2 errors")
    assert screen.standing[1]
    assert engine.rule_set is followed.before
    assert f"rules mended: {old} goes on" in edited(RULES)
    assert not screen.standing[1]
    assert edited(RULES + "# the same rules\n") == ""
    said = edited(RULES.replace("condition: has_link", "condition: not has_link"))
    assert f"rules reloaded: {old} → {engine.rule_set.hash}" in said
    assert "changed linked" in said
    assert engine.rule_set.hash != old
    assert engine.rule_set.hash in screen.standing[0]


def test_the_hourly_line_says_that_the_old_set_decides() -> None:
    screen, look = Screen(), Glance(ScoreCard()).look
    screen.stand("rules: old set abc, edit has 2 errors", wrong=True)
    screen.tick(0, look)
    screen.tick(HOUR_MS, look)
    assert screen.out.getvalue().splitlines()[-1].endswith("rules: old set abc, edit has 2 errors")
    screen.stand("rules: def")
    screen.tick(2 * HOUR_MS, look)
    assert "rules" not in screen.out.getvalue().splitlines()[-1]


def test_the_live_view_keeps_it_in_sight() -> None:
    out = io.StringIO()
    view = LiveView(Console(file=out, force_terminal=True, width=100), "title", 0, HOUR_MS)
    view.tell("told [/y]\nof two lines", wrong=True)
    view.stand("rules: old set abc, edit has 2 errors", wrong=True)
    view.tick(0, Glance(ScoreCard()).look)
    view.close()
    assert "told [/y]" in out.getvalue()
    assert "rules: old set abc, edit has 2 errors" in out.getvalue()


def test_a_reload_in_words(tmp_path: Path) -> None:
    more = "\n".join(f"  - {{feature: f{n}, count: events, by: citizen, on: call, within: 1h}}" for n in range(8))
    reads = " and ".join(f"f{n} >= 0" for n in range(8))
    added = RULES.replace("features:", f"features:\n{more}").replace("met_1h >= 4", f"met_1h >= 4 and {reads}")
    before, after = (load(rules(tmp_path / name, text)) for name, text in (("before", RULES), ("after", added)))
    assert told(compared(before, after)).splitlines() == [
        f"rules reloaded: {before.hash} → {after.hash}",
        "  rules: changed busy-citizen",
        "  windows: kept met_1h; new f0, f1, f2, f3, f4, f5 and 2 more",
    ]
    assert told(compared(after, before)).splitlines()[2] == (
        "  windows: kept met_1h; dropped f0, f1, f2, f3, f4, f5 and 2 more"
    )
    assert "lists, words, policies or the half-life" in told(compared(after, after))
    wider = load(rules(tmp_path / "wider", RULES.replace("within: 1h", "within: 2h")))
    assert told(compared(before, wider)).splitlines()[1:] == [
        "  rules: the same",
        "  windows: kept none; begun anew met_1h",
    ]
    assert "windows: 9 kept" in told(compared(after, after))


def test_the_bulletin_names_all_that_decided() -> None:
    out, used = io.StringIO(), [RulesUsed(f"{n:012x}", 100 + n, 10 + n, START_MS + n * HOUR_MS) for n in range(10)]
    show(replace(REPORT, rule_sets=used), Console(file=out, width=80))
    assert "10 rule sets" in out.getvalue()
    assert "000000000001 decided 11 events with 101 rules, from 01 Mar 01:00 on" in out.getvalue()
    assert "and 2 more decided 37 events" in out.getvalue()


def test_a_run_that_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = rules(tmp_path / "rules")
    first = load(folder)
    second = load(rules(tmp_path / "second", RULES.replace("tenure <= 30d", "tenure <= 29d")))
    day = record(tmp_path / "day.parquet", first, seeded(1, 3_000, Alphabet(jumps=10)))
    with pytest.raises(RulesError) as wrong:
        load(rules(tmp_path / "wrong", RULES.replace("tenure <= 30d", "tenur <= 30d")))
    news = iter([None, second, None, wrong.value, None, first, None])
    monkeypatch.setattr(Edits, "take", lambda *_: next(news, None))

    def slices(source: run.RecordedSource) -> Iterator[Slice]:
        return source._recording.slices(500)

    monkeypatch.setattr(run.RecordedSource, "slices", slices)
    out = tmp_path / "again.parquet"
    given = ["run", "--scenario", str(day), "--rules", str(folder), "--watch", "--record", str(out), "--json"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    expected = [(first.hash, 1_000), (second.hash, 2_000)]
    assert [(used["ruleset"], used["events"]) for used in report["rulesets"]] == expected
    assert (report["ruleset"], report["events"]) == (first.hash, 3_000)
    recorded = pq.read_table(out, columns=["event_id", "ruleset"])
    assert recorded["ruleset"].to_pylist() == [first.hash] * 500 + [second.hash] * 2_000 + [first.hash] * 500
    assert recorded["event_id"].to_pylist() == pq.read_table(day)["event_id"].to_pylist()
    for words in (f"{first.hash} → {second.hash}", "rules not reloaded", f"{second.hash} → {first.hash}"):
        assert words in result.stderr


def test_frames_are_decided_by_what_is_in_force(tmp_path: Path) -> None:
    rule_set = load(rules(tmp_path / "rules"))
    engine = Engine(rule_set)
    force = RulesInForce(engine, None, Screen(), START_MS)
    decisions = engine.decide(frame(seeded(1, 30, Alphabet())))
    force.count(decisions.ruleset, len(decisions))
    assert force.used == [RulesUsed(rule_set.hash, len(rule_set.rules), 30, START_MS)]
    assert force.gates_of_rule["sip"] == "calls"
