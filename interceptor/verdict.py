"""From hits and scores to verdict and actions.

Enters: the actions that rules ask for, the scores, the policies. Leaves: verdict and final actions. Invariant:
precedence is fixed, hard block > allow > soft block > thresholds of the policy; the order of rules never matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numba import types

from interceptor.kernels import (
    IN_F64,
    IN_I32,
    IN_I64,
    IN_U8,
    OUT_U8,
    Float64s,
    Int32s,
    Int64s,
    Uint8s,
    kernel,
)
from interceptor.rules.ruleset import Policy
from interceptor.schema import BLOCKING, GATES, HOLDING, WARNINGS, Action, Kind, Verdict

Actions = np.ndarray  # uint32
Side = Literal["source", "target"]
SIDES: tuple[Side, ...] = ("source", "target")

_IN_ACTIONS, _ACTIONS = types.Array(types.uint32, 1, "C", readonly=True), types.Array(types.uint32, 1, "C")
_IS_GATE = np.array([kind in GATES for kind in Kind], np.uint8)
_ALLOW, _HARD_BLOCK, _RAISE = (np.uint32(one) for one in (Action.ALLOW, Action.HARD_BLOCK, Action.RAISE_TIER))
_BLOCKING, _HOLDING = np.uint32(BLOCKING), np.uint32(HOLDING)
_LABELLING, _WARNINGS = np.uint32(Action.LABEL | Action.CHALLENGE), np.uint32(WARNINGS)
_TIERS = tuple(np.uint32(one) for one in (0, Action.WARN_1, Action.WARN_2, Action.WARN_3, Action.WARN_4))
_PASS, _LABEL, _HOLD, _BLOCK = (int(one) for one in (Verdict.PASS, Verdict.LABEL, Verdict.HOLD, Verdict.BLOCK))


class Ladders:
    """What the scores of one side lead to at each gate."""

    def __init__(self, policies: Mapping[Kind, Policy], side: Side) -> None:
        ladders = [getattr(policies[kind], side) if kind in policies else () for kind in Kind]
        steps = [step for ladder in ladders for step in ladder]
        self._firsts = np.cumsum([0, *map(len, ladders)])
        self._score = np.array([step.score for step in steps], np.float64)
        self._kinds = np.array([step.kinds for step in steps], np.int64)
        self._actions = np.array([int(step.actions) for step in steps], np.uint32)

    def climb(self, kind: Uint8s, score: Float64s, kinds: Uint8s, collected: Actions) -> None:
        """Adds to `collected` (uint32[n]) the actions of all steps that scores (float64[n], 0 = none) and kinds of
        evidence (uint8[n]) reach, on events of `kind` (uint8[n])."""
        _climb(kind, score, kinds, self._firsts, self._score, self._kinds, self._actions, collected)


@kernel(IN_U8, IN_F64, IN_U8, IN_I64, IN_F64, IN_I64, _IN_ACTIONS, _ACTIONS)
def _climb(
    kind: Uint8s,
    score: Float64s,
    kinds: Uint8s,
    firsts: Int64s,
    step_score: Float64s,
    step_kinds: Int64s,
    step_actions: Actions,
    collected: Actions,
) -> None:
    for row in range(len(score)):
        if score[row] != 0:  # few: most of a city has no evidence against it
            for step in range(firsts[kind[row]], firsts[kind[row] + 1]):
                if score[row] >= step_score[step] and kinds[row] >= step_kinds[step]:
                    collected[row] |= step_actions[step]


@kernel(IN_I32, IN_I32, _IN_ACTIONS, _ACTIONS)
def collect(rows: Int32s, rules: Int32s, actions: Actions, collected: Actions) -> None:
    """Adds to `collected` (uint32[n]) what the rules that hit its rows ask for; `actions` uint32[rules]."""
    for hit in range(len(rows)):
        collected[rows[hit]] |= actions[rules[hit]]


def resolve(collected: Actions, kind: Uint8s) -> tuple[Uint8s, Actions]:
    """Verdict uint8[n] and final actions uint32[n] of collected actions (uint32[n]) on events of `kind` (uint8[n])."""
    verdict, actions = np.zeros(len(collected), np.uint8), np.zeros(len(collected), np.uint32)
    _resolve(collected, kind, _IS_GATE, verdict, actions)
    return verdict, actions


@kernel(_IN_ACTIONS, IN_U8, IN_U8, OUT_U8, _ACTIONS)
def _resolve(collected: Actions, kind: Uint8s, is_gate: Uint8s, verdict: Uint8s, actions: Actions) -> None:
    """`verdict` and `actions` are 0 where nothing was asked for: then the event passes."""
    for row in range(len(collected)):
        asked = collected[row]
        if asked == 0:
            continue
        if asked & _ALLOW and not asked & _HARD_BLOCK:
            asked = _ALLOW
        asked &= ~_ALLOW if asked & _HARD_BLOCK else ~np.uint32(0)
        if asked & (_WARNINGS | _RAISE):  # only the highest tier stays; RAISE_TIER makes it one tier more
            tier = 0
            for number in range(1, len(_TIERS)):
                if asked & _TIERS[number]:
                    tier = number
            if asked & _RAISE:
                tier = min(tier + 1, len(_TIERS) - 1)
            asked = asked & ~(_WARNINGS | _RAISE) | _TIERS[tier]
        actions[row] = asked
        if is_gate[kind[row]]:
            verdict[row] = (
                _BLOCK if asked & _BLOCKING else _HOLD if asked & _HOLDING else _LABEL if asked & _LABELLING else _PASS
            )
