"""From hits and scores to verdict and actions.

Enters: the actions that rules ask for, the scores, the policies. Leaves: verdict and final actions. Invariant:
precedence is fixed, hard block > allow > soft block > thresholds of the policy; the order of rules never matters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interceptor.rules.ruleset import LadderStep
from interceptor.schema import BLOCKING, GATES, HOLDING, WARNINGS, Action, Verdict

_TIERS = (Action.WARN_1, Action.WARN_2, Action.WARN_3, Action.WARN_4)
_LABELLING = Action.LABEL | Action.CHALLENGE


def ladder_actions(ladder: Sequence[LadderStep], score: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """uint32[n]: actions of all steps that scores (float64[n]) and kinds of evidence (uint8[n]) reach."""
    actions = np.zeros(len(score), np.uint32)
    for step in ladder:
        actions[(score >= step.score) & (kinds >= step.kinds)] |= np.uint32(step.actions)
    return actions


def resolve(collected: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Verdict uint8[n] and final actions uint32[n] of collected actions (uint32[n]) on events of `kind` (uint8[n])."""
    hard = _has(collected, Action.HARD_BLOCK)
    allowed = _has(collected, Action.ALLOW) & ~hard
    actions = np.where(allowed, np.uint32(Action.ALLOW), collected & ~np.uint32(Action.ALLOW))
    actions = _one_warning(actions)
    verdict = np.where(_has(actions, _LABELLING), np.uint8(Verdict.LABEL), np.uint8(Verdict.PASS))
    verdict[_has(actions, HOLDING)] = Verdict.HOLD
    verdict[_has(actions, BLOCKING)] = Verdict.BLOCK
    verdict[~np.isin(kind, GATES)] = Verdict.PASS
    return verdict, actions


def _has(actions: np.ndarray, bits: Action) -> np.ndarray:
    return (actions & np.uint32(bits)) != 0


def _one_warning(actions: np.ndarray) -> np.ndarray:
    """Keeps only the highest tier; RAISE_TIER turns into one tier more."""
    tier = np.zeros(len(actions), np.int64)
    for number, bit in enumerate(_TIERS, 1):
        tier[_has(actions, bit)] = number
    tier = np.minimum(tier + _has(actions, Action.RAISE_TIER), len(_TIERS))
    bits = np.array([0, *_TIERS], np.uint32)[tier]
    return (actions & ~np.uint32(WARNINGS | Action.RAISE_TIER)) | bits
