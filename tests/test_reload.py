"""Reloads: what was seen stays as if nothing had happened, and nothing is ever decided by half of a rule set.

Enters: streams during which the rules change, to the same ones, to others and back. Leaves: for a failure, the first
event that is decided differently. Invariant: a reload changes no more than it says.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.config import LIST_TICK_MS, Limits
from interceptor.engine import Engine
from interceptor.rules import RulesError, RuleSet, load
from interceptor.rules.definitions import Definitions, read
from interceptor.rules.source import read_document
from interceptor.schema import Kind, Verdict
from interceptor.scores import EvidenceScores
from tests.reference import Outcome, Reference
from tests.reference_reload import reloaded
from tests.streams import START_MS, Event, Numbered, alphabet_of, as_outcomes, frame, outcomes_of, seeded, streams
from tests.test_invariance import EVENTS_MAX, EXAMPLES, RULE_SETS, THOROUGH, assert_same

VARIANTS = 4
Steps = Sequence[tuple[int, int]]  # decide so many events by this variant
Variants = list[tuple[RuleSet, Definitions]]


@pytest.fixture(scope="module", params=RULE_SETS, ids=lambda path: path.stem)
def variants(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """A rule set, and what becomes of it by some edits."""
    chance, made = random.Random(request.param.stem), []
    for number in range(VARIANTS):
        folder = tmp_path_factory.mktemp("variant")
        copytree(request.param.parent / "lists", folder / "lists")
        data = read_document(str(request.param), request.param.read_bytes()).data
        if number:
            edit(data, chance)
        (folder / "rules.yaml").write_text(json.dumps(data, indent=1), "utf-8")
        made.append((load(folder), read(folder)))
    return made


def edit(data: dict[str, Any], chance: random.Random) -> None:
    """What people do to rules: some go, weigh more or only watch; windows and macros mean something else."""
    data["half_life"] = chance.choice([data["half_life"], "7m"])
    data["rules"] = [rule for rule in data["rules"] if chance.random() < 0.8]
    for rule in data["rules"]:
        if chance.random() < 0.2:
            rule["mode"] = chance.choice(["live", "shadow"])
        if rule.get("score") and chance.random() < 0.2:
            rule["score"] = 3
        if rule.get("score") and rule.get("actions") and chance.random() < 0.2:
            rule["score"] = 0
    for feature in data.get("features", []):
        if chance.random() < 0.25:
            feature["within"] = "42m"
    for macro in data.get("macros", []):
        if chance.random() < 0.5:
            macro["condition"] = f"not ({macro['condition']})"


def outcomes_with_reloads(variants: Variants, events: Sequence[Event], steps: Steps) -> list[Outcome]:
    engine, found, start = Engine(variants[0][0]), [], 0
    for size, number in [*steps, (len(events), 0)]:
        engine.reload(variants[number][0])
        part = events[start : start + size]
        start += size
        found += as_outcomes(engine.decide(frame(part)))
    return found


def expected_with_reloads(variants: Variants, events: Sequence[Event], steps: Steps) -> list[Outcome]:
    reference, found, start = Reference(variants[0][1]), [], 0
    for size, number in [*steps, (len(events), 0)]:
        reference = reloaded(reference, variants[number][1])
        found += reference.decide_all(list(events[start : start + size]))
        start += size
    return found


reloads = st.lists(st.tuples(st.integers(1, 60), st.integers(0, VARIANTS - 1)), max_size=8)


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_random_streams_through_random_reloads(variants: Variants, data: st.DataObject) -> None:
    events, steps = data.draw(streams(alphabet_of(variants[0][1]), EVENTS_MAX)), data.draw(reloads)
    expected = expected_with_reloads(variants, events, steps)
    assert_same(events, outcomes_with_reloads(variants, events, steps), expected, f"reloads {steps}")


def test_a_long_stream_through_reloads_back_and_forth(variants: Variants) -> None:
    events = seeded(7, 6_000 if THOROUGH else 1_500, alphabet_of(variants[0][1]))
    steps = [(150, number % VARIANTS) for number in range(len(events) // 150)]
    expected = expected_with_reloads(variants, events, steps)
    assert_same(events, outcomes_with_reloads(variants, events, steps), expected, "150 events each")
    finer = [(50, number) for size, number in steps for _ in range(size // 50)]  # the same cut into three
    assert_same(events, outcomes_with_reloads(variants, events, finer), expected, "50 events each")


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_reload_of_the_same_rules_changes_nothing(variants: Variants, data: st.DataObject) -> None:
    events, steps = data.draw(streams(alphabet_of(variants[0][1]), EVENTS_MAX)), data.draw(reloads)
    expected = outcomes_of(variants[0][0], [events])
    same = [(size, 0) for size, _ in steps]
    assert outcomes_with_reloads(variants, events, same) == expected  # to the last bit


RULES = """\
schema: 1
half_life: 1h
lists: [{list: limited}, {list: friends, items: ["8613905541251"]}]
macros: [{macro: stranger, condition: not known}]
features:
  - {feature: calls_1h, count: events, on: call, by: caller, within: 1h}
  - {feature: callees_1h, distinct: callee, on: call, where: stranger, by: caller, within: 1h}
  - {feature: strange_1h, count: events, on: call, where: stranger, by: caller, within: 1h}
  - {feature: chased_1h, count: events, on: call, where: calls_1h >= 2, by: callee, within: 1h}
  - {feature: local_share, ratio: trunk == "local", on: call, by: caller, within: 1h}
  - feature: hooked
    sequence: [{on: call, where: stranger}, {on: transfer}]
    unless: {on: report}
    by: citizen
    within: 1h
rules:
  - {rule: busy, title: t, on: call, condition: calls_1h >= 3, evidence: traffic, score: 2}
  - {rule: limits, title: t, on: call, condition: callees_1h >= 3, actions: [label], list: {to: limited, ttl: 1h}}
  - {rule: limited-caller, title: t, on: call, condition: caller in limited, actions: [block]}
  - {rule: stranger-again, title: t, on: call, condition: strange_1h >= 2, evidence: identity, score: 1}
  - {rule: chased, title: t, on: call, condition: chased_1h >= 2, actions: [warn_1]}
  - {rule: on-the-hook, title: t, on: transfer, condition: hooked, actions: [warn_2]}
  - {rule: from-outside, title: t, on: call, condition: local_share < 0.2, actions: [warn_3]}
policies: [{policy: call, source: [{score: 3, kinds: 2, actions: [block]}]}]
"""
SMALL = """\
schema: 1
features:
  - {feature: calls_1h, count: events, on: call, by: caller, within: 1h}
rules:
  - {rule: busy, title: t, on: call, condition: calls_1h >= 3, evidence: traffic, score: 1, version: 1}
"""
CALLER = 8617055501234
numbered = Numbered(source=CALLER, target=8613905541234)


def rules(folder: Path, *replaced: tuple[str, str], more: str = "") -> RuleSet:
    text = RULES.replace("policies:", f"{more}policies:")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    (folder / "rules.yaml").write_text(text, "utf-8")
    return load(folder)


def call(minutes: float, kind: Kind = Kind.CALL, **given: Any) -> Event:
    return numbered.event(kind, START_MS + round(minutes * 60_000), **given)


def score_after(engine: Engine, minutes: float) -> float:
    """The caller's score; no rule hits the event that asks for it."""
    return decided(engine, call(minutes, Kind.SMS))[0].score


def decided(engine: Engine, *events: Event) -> list[Outcome]:
    return as_outcomes(engine.decide(frame(events)))


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([("title: t, on: call, condition: calls_1h >= 3", "title: u, on: call, condition: calls_1h >= 4")],
         {"rules_changed": ("busy",)}),
        ([("where: calls_1h >= 2, by: callee, within: 1h", "where: calls_1h >= 2, by: callee, within: 2h")],
         {"reset": ("chased_1h",)}),
        ([("count: events, on: call, by: caller", "count: events, on: call, where: known, by: caller")],
         {"reset": ("calls_1h", "chased_1h")}),
        ([("condition: not known", "condition: not known and tenure > 0d")],
         {"reset": ("callees_1h", "hooked", "strange_1h")}),
        ([("distinct: callee", "distinct: cell")], {"reset": ("callees_1h",)}),
        ([('ratio: trunk == "local"', 'ratio: trunk == "sip"')], {"reset": ("local_share",)}),
        ([("{on: transfer}]", "{on: web}]")], {"reset": ("hooked",)}),
        ([("unless: {on: report}", "unless: {on: report, where: registered}")], {"reset": ("hooked",)}),
        ([("feature: strange_1h", "feature: unknown_1h"), ("condition: strange_1h", "condition: unknown_1h")],
         {"added": ("unknown_1h",), "removed": ("strange_1h",), "rules_changed": ("stranger-again",)}),
        ([("rule: chased, ", "rule: chased, mode: 'off', ")],
         {"unread": ("chased_1h",), "rules_removed": ("chased",)}),
        ([("rule: chased, ", "rule: hunted, ")], {"rules_added": ("hunted",), "rules_removed": ("chased",)}),
        ([("half_life: 1h", "half_life: 2h")], {}),
        ([('items: ["8613905541251"]', "items: []")], {}),
    ],
)  # fmt: skip
def test_it_says_what_was_kept(tmp_path: Path, edits: list[tuple[str, str]], told: dict[str, Any]) -> None:
    before, after = rules(tmp_path), rules(tmp_path, *edits)
    said = Engine(before).reload(after)
    assert (said.before, said.after) == (before.hash, after.hash)
    for name in ("reset", "added", "removed", "unread", "rules_added", "rules_changed", "rules_removed"):
        assert getattr(said, name) == told.get(name, ()), name
    gone = {*said.reset, *said.removed, *said.unread}
    features = {"calls_1h", "callees_1h", "strange_1h", "chased_1h", "local_share", "hooked"}
    assert said.kept == tuple(sorted(features - gone))


NEW = "  - {rule: new, title: t, mode: shadow, on: call, condition: new_1h >= 2, actions: [block]}\n"
NEW_WINDOW = "{feature: new_1h, distinct: callee, on: call, where: stranger, by: caller, within: 30m}"


def test_old_rules_decide_as_if_the_new_one_had_not_come(tmp_path: Path) -> None:
    before = rules(tmp_path)
    after = rules(tmp_path, ("\nrules:", f"\n  - {NEW_WINDOW}\nrules:"), more=NEW)
    events = seeded(3, 800, alphabet_of(before.definitions))
    engine, found = Engine(before), []
    for start in range(0, len(events), 100):
        found += decided(engine, *events[start : start + 100])
        engine.reload(after if engine.rule_set is before else before)
    assert any("new" in one.rules for one in found)
    found = [replace(one, rules=tuple(name for name in one.rules if name != "new")) for one in found]
    assert found == outcomes_of(before, [events])


def test_a_new_window_is_empty_beside_an_old_one_with_its_keys(tmp_path: Path) -> None:
    before = rules(tmp_path)
    after = rules(tmp_path, ("\nrules:", f"\n  - {NEW_WINDOW}\nrules:"), more=NEW)
    engine = Engine(before)
    for again in range(3):  # each time it is gone, and comes back without what it knew
        decided(engine, *(call(again, target=target) for target in (1, 2, 3)))
        assert engine.reload(after).added == ("new_1h",)
        hits = [one.rules for one in decided(engine, call(again), call(again, target=1))]
        assert ["new" in names for names in hits] == [False, True]
        assert "limits" in hits[0]
        assert engine.reload(before).removed == ("new_1h",)


def test_scores_follow_the_rules(tmp_path: Path) -> None:
    before = rules(tmp_path)
    engine = Engine(before)
    assert [one.score for one in decided(engine, *(call(0) for _ in range(3)))] == [0, 1, 3]
    assert engine.reload(rules(tmp_path, ("score: 2", "score: 5"))).rules_changed == ("busy",)
    assert score_after(engine, 0) == 6
    engine.reload(rules(tmp_path, ("half_life: 1h", "half_life: 30m")))
    assert score_after(engine, 30) == 1.5
    engine.reload(rules(tmp_path, ("rule: busy, ", "rule: busy, mode: 'off', ")))
    assert score_after(engine, 30) == pytest.approx(2**-0.5)
    engine.reload(before)
    assert score_after(engine, 30) == pytest.approx(2**-0.5)  # what is gone doesn't come back


def test_a_rule_that_scores_no_more_is_no_evidence(tmp_path: Path) -> None:
    one_kind = ("score: 3, kinds: 2", "score: 1, kinds: 2")
    engine = Engine(rules(tmp_path, one_kind))
    assert decided(engine, *(call(0) for _ in range(3)))[2].verdict == Verdict.BLOCK
    engine.reload(rules(tmp_path, one_kind, ("score: 2}", "score: 0, actions: [label]}")))
    again = decided(engine, call(0))[0]
    assert (again.score, again.verdict) == (1, Verdict.LABEL)


@pytest.mark.parametrize("still_adding", [True, False])
def test_what_waits_for_its_list_gets_there(tmp_path: Path, *, still_adding: bool) -> None:
    before = rules(tmp_path)
    edits = () if still_adding else ((", list: {to: limited, ttl: 1h}", ""),)
    tick_min = LIST_TICK_MS / 60_000
    engine = Engine(before)
    decided(engine, *(call(0, target=target) for target in (1, 2, 3)))
    engine.reload(rules(tmp_path, *edits))
    same, later = decided(engine, call(1), call(tick_min))  # one batch: whoever waits still cuts it
    assert ["limited-caller" in one.rules for one in (same, later)] == [False, True]
    engine.reload(rules(tmp_path, ("{list: limited}", "{list: limited, of: account}"), *edits))
    assert "limited-caller" not in decided(engine, call(2 * tick_min))[0].rules


def test_ids_clock_and_counters_go_on(tmp_path: Path) -> None:
    before = rules(tmp_path)
    engine = Engine(before, Limits(keys_max=2))
    first = [call(120 + n, source=CALLER + n) for n in range(6)]
    decided(engine, *first)
    evicted = engine.counters["evicted"]
    assert evicted > 0
    engine.reload(rules(tmp_path, ("{macro: stranger, condition: not known}", "{macro: stranger, condition: known}")))
    assert engine.counters["evicted"] == evicted
    assert [one.status.name for one in decided(engine, first[0], call(0))] == ["DUPLICATE", "LATE"]
    assert (engine.counters["duplicate"], engine.counters["late"]) == (1, 1)


def test_a_thousand_reloads_half_of_them_wrong(tmp_path: Path) -> None:
    file, text, wrong = tmp_path / "rules.yaml", SMALL, ("calls_1h >=", "calls_2h >= 3", "[calls_1h", "")
    file.write_text(text, "utf-8")
    engine = Engine(load(tmp_path))
    events = seeded(11, 4_000, alphabet_of(engine.rule_set.definitions))
    found, hashes = list[Outcome](), set[str]()
    for number, start in enumerate(range(0, len(events), 4)):
        before = engine.rule_set
        if number % 2:
            file.write_text(text.replace("calls_1h >= 3", wrong[number % 4]), "utf-8")
            with pytest.raises(RulesError):
                engine.reload(load(tmp_path, previous=before))
            assert engine.rule_set is before
        else:
            text = SMALL.replace("version: 1", f"version: {number + 1}")
            file.write_text(text, "utf-8")
            assert engine.reload(load(tmp_path, previous=before)).kept == ("calls_1h",)
            assert engine.rule_set.hash not in hashes
        hashes.add(engine.rule_set.hash)
        decisions = engine.decide(frame(events[start : start + 4]))
        assert set(decisions.to_arrow()["ruleset"].to_pylist()) == {engine.rule_set.hash}
        found += as_outcomes(decisions)
    assert len(hashes) == 500
    assert found == outcomes_of(engine.rule_set, [events])


def test_reloads_of_another_thread_fall_between_batches(tmp_path: Path) -> None:
    sets = [rules(tmp_path), rules(tmp_path, ("calls_1h >= 3", "calls_1h >= 4"))]
    engine, done = Engine(sets[0]), False
    events = seeded(5, 600, alphabet_of(sets[0].definitions))

    def reload() -> None:
        while not done:
            for one in sets:
                engine.reload(one)

    other = Thread(target=reload)
    other.start()
    found = [engine.decide(frame(events[start : start + 20])) for start in range(0, len(events), 20)]
    done = True
    other.join()
    busy_from = {sets[0].hash: 3, sets[1].hash: 4}
    for decisions in found:
        for row in decisions.hit_row.tolist():
            for finding in decisions.notice(row).findings:
                if finding.rule == "busy":
                    assert finding.values["calls_1h"] >= busy_from[decisions.ruleset]
    assert sum(map(len, found)) == len(events)


def test_a_reload_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rules(tmp_path)
    events = seeded(9, 400, alphabet_of(before.definitions))
    engine = Engine(before)
    found = decided(engine, *events[:200])

    def out_of_memory(*_: object) -> EvidenceScores:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(EvidenceScores, "reloaded", out_of_memory)
        with pytest.raises(MemoryError):
            engine.reload(
                rules(tmp_path, ("within: 1h", "within: 2h"), ("{list: limited}, ", "{list: limited, ttl: 1h}, "))
            )
    assert engine.rule_set is before
    assert found + decided(engine, *events[200:]) == outcomes_of(before, [events])
