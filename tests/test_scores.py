"""Scores: against a dictionary of newest hits.

Enters: streams of events with the rules that hit. Leaves: equal scores, to the last bit, and kinds of evidence.
Invariant: however the stream is cut.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.scores import EvidenceScores
from tests.kernel_models import NOON_MS, ClockModel, Stream, cuts, random_cuts, random_stream, streams

HALF_LIFE_MS = 1000
RULES = 24
WEIGHTS = np.array(
    [0.0 if rule % 5 == 4 else 0.25 + rule * 0.37 - (8.0 if rule == 7 else 0.0) for rule in range(RULES)]
)
KINDS = np.array([rule % 8 for rule in range(RULES)], np.uint8)


class Model:
    """hits[key][rule]: the newest hit. Keys come and go as in a table with a cap."""

    def __init__(self, keys_max: int) -> None:
        self.clock = ClockModel(keys_max)
        self.hits: dict[tuple[int, int], dict[int, int]] = {}

    def apply(self, key: int, ts_ms: int, ok: bool, rules: list[int]) -> tuple[float, int]:
        scoring = [rule for rule in rules if WEIGHTS[rule] != 0] if ok else []
        slot = self.clock.slot(key, bool(scoring))
        if slot[0] < 0:
            return 0.0, 0
        hits = self.hits.setdefault(slot, {})
        for rule in scoring:
            if rule not in hits and len(hits) == 16:
                del hits[min(hits, key=lambda known: (hits[known], known))]
            hits[rule] = max(hits.get(rule, ts_ms), ts_ms)
        ages = {rule: max(0, ts_ms - hits[rule]) for rule in sorted(hits)}
        score = 0.0
        for rule, age_ms in ages.items():
            if age_ms <= 10 * HALF_LIFE_MS:
                score += float(WEIGHTS[rule]) * math.exp2(-age_ms / HALF_LIFE_MS)
        return score, len({int(KINDS[rule]) for rule, age_ms in ages.items() if age_ms <= HALF_LIFE_MS})


def _hits(stream: Stream, seed: int, hits_max: int) -> list[list[int]]:
    """Ascending rules of each event; about half of the events have none."""
    chance = np.random.default_rng(seed)
    counts = np.maximum(chance.integers(-hits_max, hits_max + 1, len(stream)), 0)
    return [sorted(chance.choice(RULES, count, replace=False).tolist()) for count in counts]


def _flat(rules: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and rules of all hits."""
    found = [(row, rule) for row, some in enumerate(rules) for rule in some]
    flat = np.array(found, np.int32).reshape(-1, 2)
    return np.ascontiguousarray(flat[:, 0]), np.ascontiguousarray(flat[:, 1])


def _run(
    stream: Stream, hits: list[list[int]], keys_max: int, batches: list[tuple[int, int]]
) -> tuple[list[tuple[float, int]], EvidenceScores]:
    scores, found = EvidenceScores(WEIGHTS, KINDS, HALF_LIFE_MS, keys_max), []
    for start, stop in batches:
        part, rules = stream.part(start, stop), hits[start:stop]
        score, kinds, _ = scores.apply(part.key, part.ts_ms, part.updates, *_flat(rules))
        found += list(zip(score.tolist(), kinds.tolist(), strict=True))
    return found, scores


def _check(
    stream: Stream, hits: list[list[int]], keys_max: int, batches: list[tuple[int, int]]
) -> list[tuple[float, int]]:
    found, scores = _run(stream, hits, keys_max, batches)
    model = Model(keys_max)
    events = zip(stream.key.tolist(), stream.ts_ms.tolist(), stream.updates.tolist(), hits, strict=True)
    assert found == [model.apply(*event) for event in events]
    assert scores.evicted == model.clock.evicted
    return found


@settings(max_examples=100)
@given(st.data(), st.sampled_from([1, 4, 24]), st.sampled_from([2, 100]))
def test_scores_are_those_of_the_model(data: st.DataObject, hits_max: int, keys_max: int) -> None:
    stream = data.draw(streams(HALF_LIFE_MS * 5))
    hits = _hits(stream, data.draw(st.integers(0, 1000)), hits_max)
    _check(stream, hits, keys_max, data.draw(cuts(len(stream))))


@pytest.mark.parametrize("keys_max", [500, 10_000])
def test_many_keys(keys_max: int) -> None:
    stream = random_stream(5, 10_000, 3000, 2, 1)
    stream.ts_ms[:] = NOON_MS + np.arange(10_000)
    found = _check(stream, _hits(stream, 6, 3), keys_max, random_cuts(7, 10_000, 20))
    assert max(kinds for _, kinds in found) > 3


def _one_key(*events: tuple[int, list[int]]) -> list[tuple[float, int]]:
    ones = np.ones(len(events), np.bool_)
    ts_ms = np.array([ts_ms for ts_ms, _ in events])
    stream = Stream(ones.astype(np.uint64), ones.astype(np.uint64), ts_ms, ones, ones, ones.astype(np.uint64))
    return _run(stream, [rules for _, rules in events], 10, [(0, len(events))])[0]


def test_a_score_halves_and_ends() -> None:
    weight = float(WEIGHTS[1])
    found = _one_key((0, [1]), (1000, []), (2000, []), (10_000, []), (10_001, []))
    assert found == [(weight, 1), (weight / 2, 1), (weight / 4, 0), (weight / 1024, 0), (0.0, 0)]


def test_a_rule_that_hits_again_counts_once() -> None:
    weight = float(WEIGHTS[1])
    assert _one_key((0, [1]), (0, [1]), (500, [1])) == [(weight, 1)] * 3


def test_rules_without_weight_take_no_room() -> None:
    assert _one_key((0, [4, 9, 14])) == [(0.0, 0)]
    stream = Stream(*(column[:1] for column in vars(random_stream(1, 5, 9, 9, 1)).values()))
    assert _run(stream, [[4]], 10, [(0, 1)])[1]._keys.size == 0


def test_a_set_of_rules_without_any() -> None:
    scores = EvidenceScores(np.zeros(0), np.zeros(0, np.uint8), HALF_LIFE_MS, 10)
    keys, none = np.ones(3, np.uint64), np.zeros(0, np.int32)
    score, kinds, _ = scores.apply(keys, np.zeros(3, np.int64), keys == 1, none, none)
    assert (score.tolist(), kinds.tolist()) == ([0.0] * 3, [0] * 3)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="half_life_ms"):
        EvidenceScores(WEIGHTS, KINDS, 0, 10)
    with pytest.raises(ValueError, match="kinds of evidence"):
        EvidenceScores(np.ones(1), np.array([64], np.uint8), HALF_LIFE_MS, 10)


def test_shares_of_a_score_add_up_to_it() -> None:
    stream = random_stream(3, 400, 9, 40, 900)
    generator = np.random.default_rng(5)
    hits = [sorted(generator.choice(len(WEIGHTS), generator.integers(0, 4), replace=False)) for _ in stream.key]
    scores = EvidenceScores(WEIGHTS, KINDS, HALF_LIFE_MS, 100)
    score, kinds, points = scores.apply(stream.key, stream.ts_ms, stream.updates, *_flat(hits), detailed=True)
    assert np.count_nonzero(score) > 100
    for row in range(len(hits)):
        mine = slice(points.offsets[row], points.offsets[row + 1])
        assert sum(points.points[mine].tolist()) == score[row]
        shares = zip(points.rule[mine], points.points[mine], strict=True)
        young = {KINDS[rule] for rule, worth in shares if worth / WEIGHTS[rule] >= 0.5}
        assert len(young) == kinds[row]
