"""Peers do the same job: reference, plain Python and this project's engine on the same events; what can't run says so.

Nothing here is about speed. Peers that need an environment of their own aren't made for it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from benchmarks.peers import environment, job, measuring, ours_rules, peer, run
from benchmarks.peers.environment import NotMade
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import KEYWORD, LISTED, MANY_CALLEES, MANY_CALLS, Condition, JobName, Work
from benchmarks.peers.plain_python import Calls, PlainPython, check
from benchmarks.peers.registry import BY_KEY, CONTROLS, ENTRIES

EVENTS, LISTED_ENTRIES = 4_000, 20_000


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("peers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERCEPTOR_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return job.make(folder, EVENTS, 1, LISTED_ENTRIES)


@pytest.fixture(scope="module")
def hits(work: Work) -> job.Hits:
    return job.reference(work, {EVENTS})[EVENTS]


@pytest.fixture
def few_calls(work: Work) -> Work:
    """Thresholds that a few thousand events reach."""
    return replace(work, many_calls=3, many_callees=2)


def test_the_job_has_hits_of_each_sort(work: Work, few_calls: Work) -> None:
    found = job.reference(few_calls, {EVENTS})[EVENTS]
    assert {LISTED, KEYWORD, MANY_CALLS, MANY_CALLEES} <= set(found)
    assert sum(condition.name in found for condition in work.conditions) >= 8
    assert len(work.keywords) == 200
    assert len(work.listed()) == LISTED_ENTRIES


@pytest.mark.parametrize("of", ["stateless", "screening"])
@pytest.mark.parametrize("takes", ["frames", "JSON"])
def test_the_engine_finds_what_the_reference_finds(few_calls: Work, takes: str, of: str) -> None:
    of_job = cast(JobName, of)
    expected = job.expected(job.reference(few_calls, {EVENTS})[EVENTS], of_job, folds=True)
    assert Ours(takes, of_job).run(few_calls, 1).hits == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("takes", "of"), [("decoded", "stateless"), ("decoded", "screening"), ("JSON", "screening")])
def test_plain_python_finds_what_the_reference_finds(few_calls: Work, takes: str, of: str) -> None:
    of_job = cast(JobName, of)
    expected = job.expected(job.reference(few_calls, {EVENTS})[EVENTS], of_job, folds=False)
    outcome = PlainPython(takes, of_job).run(few_calls, 1)  # type: ignore[arg-type]
    assert outcome.hits == expected
    assert outcome.events == EVENTS
    assert outcome.cpu_s > 0
    assert outcome.rss_peak_mb > 1


def test_windows_of_plain_python_and_reference_agree_for_late_calls_too() -> None:
    plain, reference = Calls([]), job.Calls()
    panes = [100, 100, 105, 101, 117, 106, 117, 104, 118, 118, 131, 119, 131, 160, 160, 149]
    for number, pane in enumerate(panes):
        plain.call(pane, number % 3)
        assert (plain.count, plain.callees) == reference.call(pane, number % 3), number


def test_made_code_reads_as_the_condition() -> None:
    conditions = [
        Condition("a", ("call",), (peer.Test("known", "==", False), peer.Test("dur_s", ">=", 10))),
        Condition("b", ("call",), (peer.Test("known", "!=", False), peer.Test("trunk", "!=", "sip"))),
    ]
    checked = check(conditions, "event[{!r}]")
    assert checked({"known": False, "dur_s": 10, "trunk": "sip"}) == ["a"]
    assert checked({"known": True, "dur_s": 10, "trunk": "local"}) == ["b"]
    assert checked({"known": True, "dur_s": 9, "trunk": "sip"}) == []


def test_a_work_is_read_as_it_was_written(work: Work, tmp_path: Path) -> None:
    work.save(tmp_path / "work.json")
    assert Work.load(tmp_path / "work.json") == work


def test_reference_counts_at_each_cut(work: Work, hits: job.Hits) -> None:
    found = job.reference(work, {1_000, EVENTS})
    assert found[EVENTS] == hits
    assert found[1_000] == job.reference(replace(work, events=1_000), {1_000})[1_000]


def test_keywords_are_looked_for_as_they_are_or_folded() -> None:
    counted = {KEYWORD: 3, job.FOLDED: 5, "c01": 1}
    assert job.expected(counted, "screening", folds=False) == {KEYWORD: 3, "c01": 1}
    assert job.expected(counted, "screening", folds=True) == {KEYWORD: 5, "c01": 1}
    assert job.expected(counted, "stateless", folds=True) == {"c01": 1}


def test_our_rules_are_made_from_the_job(work: Work, tmp_path: Path) -> None:
    folder = ours_rules.write(tmp_path / "rules", work, "stateless")
    text = (folder / "screening.yaml").read_text("utf-8")
    assert "tenure < 30d" in text
    assert "amount >= 10000" in text
    assert 'trunk == "international"' in text
    assert "not known" in text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_every_peer_has_the_interface(entry: object) -> None:
    entry = BY_KEY[entry.key]  # type: ignore[attr-defined]
    made = entry.peer()
    assert made.job in CONTROLS
    assert made.meaning
    assert made.most_threads >= 1
    assert not (made.streams and made.job == "stateless")
    assert callable(made.run)
    assert BY_KEY[entry.beside].peer().job == made.job
    assert BY_KEY[entry.beside].module == "ours"


def test_peers_have_keys_and_names_of_their_own() -> None:
    assert len(BY_KEY) == len(ENTRIES)
    assert len({entry.peer().name for entry in ENTRIES}) == len(ENTRIES)


def test_a_peer_is_given_a_few_steps_of_events() -> None:
    assert measuring.steps_to(2_000) == [2_000]
    assert measuring.steps_to(30_000) == [2_000, 5_000, 10_000, 20_000, 30_000]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    """The runner takes the job of these tests, and this environment for all peers."""
    monkeypatch.setattr(job, "make", lambda *_: work)
    monkeypatch.setattr(environment, "python", lambda: Path(sys.executable))


@pytest.mark.usefixtures("small")
def test_the_runner_says_what_is_missing_and_holds_hits_against_the_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "peers.json"
    assert run.main(["ours-json", "python", "rule-engine"], to=to) == 0
    found = json.loads(to.read_text("utf-8"))
    runs = {one["key"]: one for one in found["runs"]}
    assert runs["rule-engine"]["missing"] == "not installed: rule_engine"
    assert runs["ours-json"]["given"] == EVENTS
    assert runs["ours-json"]["differing"] == {}
    assert found["ratios"]["interceptor, from JSON"] == 1
    assert found["ratios"]["plain Python, from JSON"] > 0
    said = capsys.readouterr().out
    assert "missing: not installed: rule_engine" in said
    assert "hits equal" in said


@pytest.mark.usefixtures("small")
def test_hits_that_differ_make_the_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job, "expected", lambda *_: {"c01": 10**6})
    assert run.main(["python-stateless"], to=tmp_path / "peers.json", as_json=True) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["runs"][0]["differing"]["c01"][1] == 10**6


@pytest.mark.usefixtures("small")
def test_peers_whose_environment_cant_be_made_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Path:
        raise NotMade("pip couldn't make it")

    monkeypatch.setattr(environment, "python", refused)
    to = tmp_path / "peers.json"
    assert run.main(["zen-expression", "cel"], to=to, as_json=True) == 0
    assert {one["missing"] for one in json.loads(to.read_text("utf-8"))["runs"]} == {"pip couldn't make it"}


def test_an_unknown_peer_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["flnk"], to=tmp_path / "peers.json") == 2
    assert "flnk" in capsys.readouterr().err
