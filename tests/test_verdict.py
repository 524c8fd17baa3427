"""Precedence and warnings: from collected actions to one verdict."""

from __future__ import annotations

import numpy as np
import pytest

from interceptor.rules.ruleset import LadderStep, Policy
from interceptor.schema import Action, Kind, Verdict
from interceptor.verdict import Ladders, collect, resolve


def resolved(actions: Action, kind: Kind = Kind.CALL) -> tuple[Verdict, Action]:
    verdict, final = resolve(np.array([int(actions)], np.uint32), np.array([kind], np.uint8))
    return Verdict(verdict[0]), Action(int(final[0]))


@pytest.mark.parametrize(
    ("collected", "verdict", "final"),
    [
        (Action(0), Verdict.PASS, Action(0)),
        (Action.LABEL, Verdict.LABEL, Action.LABEL),
        (Action.CHALLENGE, Verdict.LABEL, Action.CHALLENGE),
        (Action.OPEN_CASE | Action.REVERIFY, Verdict.PASS, Action.OPEN_CASE | Action.REVERIFY),
        (Action.HOLD | Action.LABEL, Verdict.HOLD, Action.HOLD | Action.LABEL),
        (Action.WARN_PAGE, Verdict.HOLD, Action.WARN_PAGE),
        (Action.BLOCK | Action.HOLD, Verdict.BLOCK, Action.BLOCK | Action.HOLD),
        (Action.ALLOW | Action.BLOCK | Action.STOP_48H, Verdict.PASS, Action.ALLOW),
        (Action.ALLOW | Action.HARD_BLOCK, Verdict.BLOCK, Action.HARD_BLOCK),
        (Action.WARN_1 | Action.WARN_3, Verdict.PASS, Action.WARN_3),
        (Action.WARN_2 | Action.RAISE_TIER, Verdict.PASS, Action.WARN_3),
        (Action.WARN_4 | Action.RAISE_TIER, Verdict.PASS, Action.WARN_4),
        (Action.RAISE_TIER, Verdict.PASS, Action.WARN_1),
    ],
)
def test_precedence(collected: Action, verdict: Verdict, final: Action) -> None:
    assert resolved(collected) == (verdict, final)


@pytest.mark.parametrize("kind", [Kind.CALL_END, Kind.REPORT, Kind.REGISTRATION])
def test_events_that_are_no_gate_always_pass(kind: Kind) -> None:
    assert resolved(Action.BLOCK | Action.WARN_3, kind) == (Verdict.PASS, Action.BLOCK | Action.WARN_3)


def test_ladder_asks_for_score_and_kinds() -> None:
    ladder = (LadderStep(3, 1, Action.LABEL), LadderStep(6, 2, Action.BLOCK))
    policies = {Kind.CALL: Policy(source=ladder), Kind.SMS: Policy(target=(LadderStep(1, 1, Action.HOLD),))}
    score = np.array([2.999, 3, 6, 6, 5.999, 9, 9])
    kinds = np.array([2, 1, 1, 2, 2, 9, 9], np.uint8)
    kind = np.array([Kind.CALL] * 5 + [Kind.SMS, Kind.REPORT], np.uint8)
    collected = np.zeros(7, np.uint32)
    collected[1] = Action.ALLOW
    Ladders(policies, "source").climb(kind, score, kinds, collected)
    assert collected.tolist() == [
        0,
        Action.ALLOW | Action.LABEL,
        Action.LABEL,
        Action.LABEL | Action.BLOCK,
        Action.LABEL,
        0,
        0,
    ]
    Ladders(policies, "target").climb(kind, score, kinds, collected)
    assert collected[5:].tolist() == [Action.HOLD, 0]


def test_actions_of_all_rules_that_hit() -> None:
    rows, rules = np.array([0, 0, 2], np.int32), np.array([0, 1, 1], np.int32)
    collected = np.zeros(3, np.uint32)
    collect(rows, rules, np.array([Action.LABEL, Action.HOLD], np.uint32), collected)
    assert collected.tolist() == [Action.LABEL | Action.HOLD, 0, Action.HOLD]
