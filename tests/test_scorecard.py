"""The score card against counts made by hand, and against itself on the same stream cut otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.schema import Action, Kind, Verdict
from simulator.city import Slice
from simulator.events import Pools, Rows, to_frame
from simulator.scams.chains import Step
from simulator.scorecard import ORDINARY, Score, ScoreCard

MINUTE_MS = 60_000


@dataclass
class Decided:
    """As much of the engine's Decisions as the score card reads."""

    kind: np.ndarray
    verdict: np.ndarray
    actions: np.ndarray
    hit_row: np.ndarray
    hit_rule: np.ndarray
    rules: tuple[str, ...] = ("a", "b", "quiet")
    shadow: np.ndarray = field(default_factory=lambda: np.array([False, False, True]))
    ruleset: str = "1"

    @property
    def status(self) -> np.ndarray:
        return np.zeros(len(self.kind), np.uint8)


@dataclass
class Event:
    kind: Kind
    campaign: int = ORDINARY
    verdict: Verdict = Verdict.PASS
    hits: tuple[int, ...] = ()
    actions: int = 0
    ts_ms: int = 0
    step: int = 0
    habit: int = 0
    source: int = 1
    target: int = 2
    town: int = 340402001
    amount_fen: int = 0


def scored(events: list[Event], *, cuts: tuple[int, ...] = (), types: tuple[int, ...] = (0, 1)) -> Score:
    card = ScoreCard()
    edges = [0, *cuts, len(events)]
    for start, stop in pairwise(edges):
        _add(card, events[start:stop])
    return card.score(np.array(types), 2)


def _add(card: ScoreCard, events: list[Event]) -> None:
    def column(name: str, dtype: type) -> np.ndarray:
        return np.array([getattr(event, name) for event in events], dtype)

    names = {"source": np.uint64, "target": np.uint64, "town": np.uint32, "amount_fen": np.int64, "kind": np.uint8}
    columns = {name: column(name, dtype) for name, dtype in names.items()} | {"ts_ms": column("ts_ms", np.int64)}
    frame: pa.RecordBatch = to_frame(Rows.of(**columns), Pools.empty(), 0)
    hits = [(row, rule) for row, event in enumerate(events) for rule in event.hits]
    rows, rules = (np.array([hit[i] for hit in hits], np.int32) for i in (0, 1))
    decided = Decided(columns["kind"], column("verdict", np.uint8), column("actions", np.uint32), rows, rules)
    seen = Slice(frame, column("campaign", np.int32), column("step", np.uint8), column("habit", np.uint8), 0, 0)
    card.add(seen, decided)


def test_gate_counts_and_ratios() -> None:
    score = scored(
        [
            Event(Kind.CALL, 0, Verdict.BLOCK),
            Event(Kind.CALL, 0, Verdict.LABEL),  # a label is no interception
            Event(Kind.CALL, 1, Verdict.HOLD),
            Event(Kind.CALL, verdict=Verdict.BLOCK),
            *[Event(Kind.CALL)] * 3,
            Event(Kind.CALL_END, 0),
            Event(Kind.SMS),
        ]
    )
    calls = score.gates[Kind.CALL]
    assert (calls.events, calls.scam, calls.caught, calls.wrong, calls.intercepted) == (7, 3, 2, 1, 3)
    assert calls.precision == pytest.approx(2 / 3)
    assert calls.recall == pytest.approx(2 / 3)
    assert calls.false_per_100k == pytest.approx(25_000)
    sms = score.gates[Kind.SMS]
    assert (sms.events, sms.precision, sms.recall, sms.false_per_100k) == (1, None, None, 0)
    assert score.gates[Kind.WEB].false_per_100k is None
    assert (score.events, score.statuses["ok"], score.statuses["late"]) == (9, 9, 0)


def test_campaigns_are_caught_once_and_timed_from_their_first_event_at_a_gate() -> None:
    score = scored(
        [
            Event(Kind.REGISTRATION, 0, ts_ms=0),
            Event(Kind.CALL, 0, ts_ms=10 * MINUTE_MS),
            Event(Kind.SMS, 1, ts_ms=11 * MINUTE_MS),
            Event(Kind.SMS, 2, ts_ms=12 * MINUTE_MS),
            Event(Kind.WEB, 0, Verdict.BLOCK, ts_ms=16 * MINUTE_MS),
            Event(Kind.TRANSFER, 0, Verdict.BLOCK, ts_ms=40 * MINUTE_MS),
            Event(Kind.SMS, 2, Verdict.BLOCK, ts_ms=14 * MINUTE_MS),
        ],
        types=(0, 1, 0, 1),  # campaign 3 has no event yet
    )
    first, second = score.types
    assert (first.count, first.caught, first.recall) == (2, 2, 1.0)
    assert first.median_minutes == pytest.approx(4)  # 6 and 2 minutes
    assert (second.count, second.caught, second.recall, second.median_minutes) == (1, 0, 0.0, None)


def test_harm_is_what_happens_to_ordinary_people() -> None:
    score = scored(
        [
            Event(Kind.CALL, verdict=Verdict.BLOCK, habit=1, source=7),
            Event(Kind.CALL, verdict=Verdict.LABEL, actions=Action.LIMIT | Action.REVERIFY, habit=1, source=7),
            Event(Kind.CALL, habit=1),
            Event(Kind.TRANSFER, verdict=Verdict.HOLD, target=8),
            Event(Kind.TRANSFER, verdict=Verdict.BLOCK, target=8),
            Event(Kind.TRANSFER, verdict=Verdict.BLOCK, target=9),
            Event(Kind.TRANSFER, 0, Verdict.BLOCK, target=10, actions=Action.STOP_48H),
        ]
    )
    assert (score.calls_blocked, score.people_delayed, score.lines_limited) == (1, 2, 1)
    assert [(h.habit, h.events, h.touched) for h in score.habits] == [(0, 3, 3), (1, 3, 2)]


def test_rules_are_credited_where_their_hits_were_intercepted() -> None:
    score = scored(
        [
            Event(Kind.CALL, 0, hits=(0,)),
            Event(Kind.TRANSFER, 0, Verdict.HOLD, hits=(0, 2), amount_fen=500_00),
            Event(Kind.CALL, verdict=Verdict.BLOCK, hits=(1,)),
            Event(Kind.CALL, 0, Verdict.BLOCK, hits=(2,)),  # only a shadow rule: the block came from earlier evidence
        ]
    )
    a, b, quiet = score.rules
    assert (a.name, a.hits, a.true_hits, a.catches, a.precision, a.held_fen) == ("a", 2, 2, 1, 1.0, 500_00)
    assert (b.hits, b.true_hits, b.catches, b.precision) == (1, 0, 0, 0.0)
    assert (quiet.shadow, quiet.hits, quiet.catches) == (True, 2, 2)
    assert score.by_score_alone == 1
    assert score.held_fen == 500_00


def test_a_rule_set_that_changes_in_mid_run_is_summed_by_name() -> None:
    card = ScoreCard()
    frame = to_frame(Rows.of(Kind.CALL, np.zeros(1, np.int64)), Pools.empty(), 0)
    for rules, ruleset in ((("a", "b"), "1"), (("b", "c"), "2")):
        decided = Decided(
            np.zeros(1, np.uint8), np.zeros(1, np.uint8), np.zeros(1, np.uint32), np.zeros(1, np.int32),
            np.array([rules.index("b")], np.int32), rules, np.zeros(2, bool), ruleset,
        )  # fmt: skip
        none = np.zeros(1, np.uint8)
        card.add(Slice(frame, np.array([0], np.int32), none, none, 0, 0), decided)
    assert {rule.name: rule.hits for rule in card.score(np.array([0]), 1).rules} == {"a": 0, "b": 2, "c": 0}


def test_only_victims_payments_count_as_money_asked() -> None:
    score = scored(
        [
            Event(Kind.TRANSFER, 0, Verdict.HOLD, step=Step.PAYMENT, amount_fen=1_000_00, town=1),
            Event(Kind.TRANSFER, 0, step=Step.PAYMENT, amount_fen=300_00, town=1),
            Event(Kind.TRANSFER, 1, step=Step.HOP_2, amount_fen=900_00, town=2),
            Event(Kind.TRANSFER, amount_fen=50_00, town=2),
        ]
    )
    assert [(type_.asked_fen, type_.passed_fen) for type_ in score.types] == [(1_300_00, 300_00), (0, 0)]
    assert score.passed_fen == {1: 300_00, 2: 0}


def test_townships_count_scam_events_that_got_through() -> None:
    score = scored(
        [
            Event(Kind.SMS, 0, town=340402001),
            Event(Kind.SMS, 0, Verdict.BLOCK, town=340402001),
            Event(Kind.CALL, 1, Verdict.LABEL, town=340402100),
            Event(Kind.CALL, town=340402100),
        ]
    )
    assert score.reached == {340402001: 1, 340402100: 1}


def test_an_empty_run_has_nothing_to_divide_by() -> None:
    score = ScoreCard().score(np.zeros(0, np.int64), 2)
    assert score.events == 0
    assert all(gate.precision is None and gate.false_per_100k is None for gate in score.gates.values())
    assert [type_.recall for type_ in score.types] == [None, None]


EVENTS = st.lists(
    st.builds(
        Event,
        kind=st.sampled_from(list(Kind)[:4]),
        campaign=st.integers(-1, 200),
        verdict=st.sampled_from(list(Verdict)),
        hits=st.lists(st.integers(0, 2), max_size=2, unique=True).map(lambda hits: tuple(sorted(hits))),
        actions=st.sampled_from([0, int(Action.LIMIT)]),
        ts_ms=st.integers(0, 10**9),
        step=st.sampled_from([Step.CALL, Step.PAYMENT]),
        habit=st.integers(0, 3),
        source=st.integers(1, 5),
        amount_fen=st.integers(0, 10**8),
    ),
    max_size=40,
)


@given(EVENTS, st.data())
def test_slices_do_not_matter(events: list[Event], data: st.DataObject) -> None:
    cuts = tuple(sorted(data.draw(st.sets(st.integers(0, len(events)), max_size=5))))
    types = tuple(number % 2 for number in range(201))
    assert scored(events, cuts=cuts, types=types) == scored(events, types=types)
