"""What a decision carries, and what the person concerned is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from interceptor.batch import BadFrame
from interceptor.decisions import DECISION_SCHEMA, Decisions
from interceptor.engine import Engine
from interceptor.rules import load
from interceptor.schema import Action, Kind, Status, Verdict
from simulator.events import Pools, Rows, to_frame

RULES = """\
schema: 1
lists:
  - list: confirmed
    items: [{value: "+86 170 5550 0001", expires: 2021-04-01, source: police, reason: case 12}]
  - {list: limited}
features:
  - {feature: calls_1h, count: events, on: call, by: caller, within: 1h}
rules:
  - rule: listed
    title: On the list
    on: call
    condition: caller in confirmed
    actions: [hard_block]
    reason: Police confirmed the number.
    remedy: Appeal with your identity card.
  - {rule: busy, title: Busy, on: call, condition: calls_1h >= 3, evidence: traffic, score: 2, version: 4}
  - {rule: tried, title: Tried out, on: call, mode: shadow, condition: calls_1h >= 2, actions: [block]}
  - rule: insists
    title: Calls on and on
    on: call
    condition: calls_1h >= 4
    actions: [limit]
    list: {to: limited, ttl: 1h}
  - {rule: held-back, title: Limited, on: call, condition: caller in limited, actions: [block], reason: Limited.}
policies:
  - {policy: call, source: [{score: 2, actions: [label]}]}
"""
MARCH_1_MS = 1_614_556_800_000  # 2021-03-01 00:00 UTC
BUSY, LISTED = 8613900000001, 8617055500001


def calls(ts_ms: list[int], source: list[int], first_id: int = 1) -> pa.RecordBatch:
    rows = Rows.of(Kind.CALL, MARCH_1_MS + np.array(ts_ms, np.int64), source=np.array(source, np.uint64), target=86110)
    return to_frame(rows, Pools.empty(), first_id)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return Engine(load(tmp_path))


@pytest.fixture
def decisions(engine: Engine) -> Decisions:
    return engine.decide(calls([0, 1_000, 2_000, 3_000, 4_000], [BUSY, BUSY, BUSY, BUSY, LISTED]))


def test_one_decision_for_every_event(decisions: Decisions) -> None:
    assert decisions.event_id.tolist() == [1, 2, 3, 4, 5]
    assert decisions.verdict.tolist() == [Verdict.PASS, Verdict.PASS, Verdict.LABEL, Verdict.LABEL, Verdict.BLOCK]
    assert decisions.score.tolist()[:2] == [0, 0]
    assert 1.99 < decisions.score[3] <= 2


def test_notice_of_a_listed_number(decisions: Decisions) -> None:
    notice = decisions.notice(4)
    entry = notice.findings[0].entries["caller in confirmed"]
    assert (entry.source, entry.reason) == ("police", "case 12")
    assert (notice.verdict, notice.actions) == (Verdict.BLOCK, Action.HARD_BLOCK)
    assert str(notice).splitlines() == [
        "call 5: block (hard_block)",
        "  why    Police confirmed the number.",
        "  remedy Appeal with your identity card.",
        "  rule listed v1: On the list",
        "    caller in confirmed: +86 170 5550 0001, until 2021-04-01 00:00 UTC, from police",
        f"  score of the source 0.00, of the citizen 0.00, rule set {decisions.ruleset}",
    ]


def test_notice_names_values_versions_and_shadow_rules(decisions: Decisions) -> None:
    findings = {finding.rule: finding for finding in decisions.notice(2).findings}
    assert findings["busy"].values == {"calls_1h": 3}
    assert findings["busy"].version == 4
    assert findings["tried"].shadow
    assert not findings["busy"].shadow


def test_a_verdict_fills_a_list_from_the_next_tick_on(engine: Engine, decisions: Decisions) -> None:
    later = engine.decide(calls([5_000, 179_999, 180_000, 3_720_000], [BUSY] * 4, first_id=6))
    assert decisions.verdict[3] == Verdict.LABEL
    assert later.verdict.tolist()[:3] == [Verdict.LABEL, Verdict.LABEL, Verdict.BLOCK]
    assert later.notice(2).findings[1].entries["caller in limited"].source == "insists"


def test_as_arrow(decisions: Decisions) -> None:
    frame = decisions.to_arrow()
    assert frame.schema == DECISION_SCHEMA
    assert frame["rules"].to_pylist() == [[], ["tried"], ["busy", "tried"], ["busy", "insists", "tried"], ["listed"]]
    assert set(frame["ruleset"].to_pylist()) == {decisions.ruleset}


def test_an_empty_batch(engine: Engine) -> None:
    assert len(engine.decide(calls([], []))) == 0


def test_repeats_leave_no_trace(engine: Engine, decisions: Decisions) -> None:
    assert len(decisions)
    again = engine.decide(calls([0, 1_000], [BUSY, BUSY]))
    assert again.status.tolist() == [Status.DUPLICATE, Status.DUPLICATE]
    assert engine.counters["duplicate"] == 2
    assert again.notice(0).findings[0].values == {"calls_1h": 4}
    assert "duplicate" in str(again.notice(0))


def test_a_bad_frame_changes_nothing(engine: Engine) -> None:
    frame = calls([0], [BUSY])
    with pytest.raises(BadFrame, match="column source is missing"):
        engine.decide(frame.drop_columns(["source"]))
    with pytest.raises(BadFrame, match="column ts_ms: int32 where int64"):
        engine.decide(frame.set_column(1, "ts_ms", pa.array([0], pa.int32())))
    assert engine.decide(frame).status.tolist() == [Status.OK]
