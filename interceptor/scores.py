"""Scores of sources and targets: what the rules that hit a key lately add up to.

Enters: rows of a batch in arrival order with the rules that hit on each. Leaves: per row the key's score and how many
kinds of evidence it rests on. Invariants: per key and rule only the newest hit counts, halved with every half-life; the
sum is made in the order of the rules, so it is the same to the last bit however the hits came.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from interceptor.kernels import (
    FLOAT,
    IN_BOOL,
    IN_F64,
    IN_I32,
    IN_I64,
    IN_U8,
    OUT_F64,
    OUT_I32,
    OUT_U8,
    TABLE,
    TABLE_I32,
    Bools,
    Float64s,
    Int32s,
    Int64s,
    Uint8s,
    Uint64s,
    grown,
    helper,
    kernel,
    prefetch_ahead,
    table,
)
from interceptor.sightings import elapsed_ms
from interceptor.state import State, begun_put_back, begun_taken, checked, nested, within
from interceptor.tables import KeyTable

EVIDENCE_MAX = 16  # rules remembered per key; then the one with the oldest newest hit makes room
HALF_LIVES_MAX = 10  # a hit older than this no longer counts
EVIDENCE_KINDS_MAX = 64

_BEFORE_ALL_MS = -(2**62)
_EPOCH, _COUNT = EVIDENCE_MAX, EVIDENCE_MAX + 1  # int32 words of a row, behind the rules, the one behind the other


class Points(NamedTuple):
    """What each rule adds to a score right after an event: for row i the entries offsets[i] … offsets[i + 1] - 1 of
    rule int32[p] (positions in the rule set) and points float64[p], half-life applied; their sum is the score.

    A rule counts as a kind of evidence for one half-life: while its points are at least half of its score.
    """

    offsets: Int32s
    rule: Int32s
    points: Float64s


class Scored(NamedTuple):
    """Score float64[n] and kinds of evidence uint8[n] after each event, and what they are made of, if asked for."""

    score: Float64s
    kinds: Uint8s
    points: Points


class EvidenceScores:
    """Scores of at most `keys_max` keys; only a key with a hit takes room, 208 bytes. Rules of weight 0 count for
    nothing."""

    def __init__(self, weights: Float64s, evidence_kinds: Uint8s, half_life_ms: int, keys_max: int) -> None:
        if half_life_ms < 1:
            raise ValueError(f"half_life_ms is {half_life_ms}, must be at least 1")
        self._weights = np.ascontiguousarray(weights, np.float64)
        self._kinds = np.ascontiguousarray(evidence_kinds, np.uint8)
        if np.any(self._kinds[self._weights != 0] >= EVIDENCE_KINDS_MAX):
            raise ValueError(f"kinds of evidence are numbered from 0 to {EVIDENCE_KINDS_MAX - 1}")
        self._half_life_ms = half_life_ms
        self._keys = KeyTable(keys_max)
        self._last_ms = table(0, EVIDENCE_MAX)
        self._words = table(0, (EVIDENCE_MAX + 4) // 2)

    def reloaded(self, weights: Float64s, evidence_kinds: Uint8s, half_life_ms: int, places: Int32s) -> EvidenceScores:
        """The same keys under other rules: `places` int32[rules so far] says where each stands now, in the same order,
        -1 = gone. Evidence is kept of rules that still are there and have a weight. Both share their keys from now on:
        go on with one of them."""
        scores = EvidenceScores(weights, evidence_kinds, half_life_ms, self._keys.keys_max)
        scores._keys, scores._last_ms, scores._words = self._keys, self._last_ms, self._words
        weighing = np.append(scores._weights, 0)[places] != 0  # place -1 is the 0 that was put behind
        places = np.where(weighing, places, -1).astype(np.int32)
        if np.any((places != np.arange(len(places))) & (self._weights != 0)):
            scores._last_ms, scores._words = _copied(self._last_ms), _copied(self._words)
            _renumber(places, scores._last_ms, scores._words.view(np.int32))
        return scores

    def taken(self) -> State:
        """Its state; rules are numbers in it, as in the rule set of now."""
        used = min(self._keys.size, len(self._words))
        evidence = begun_taken(self._last_ms, self._words.view(np.int32), used, _EPOCH)
        return nested({"keys": self._keys.taken(), "evidence": evidence})

    def put_back(self, state: Mapping[str, np.ndarray], places: Int32s) -> None:
        """Goes on where other scores were, maybe under other rules: `places` as for `reloaded`. Raises StateMisfit."""
        self._keys.put_back(within(state, "keys"))
        evidence = within(state, "evidence")
        used = len(evidence.get("heads", ()))
        self._last_ms, self._words = table(used, EVIDENCE_MAX), table(used, self._words.shape[1])
        begun_put_back(evidence, self._last_ms, self._words.view(np.int32), _EPOCH)
        rules = evidence["words"]
        checked(not len(rules) or (rules.min() >= 0 and rules.max() < len(places)), "evidence of a rule nobody named")
        weighing = np.append(self._weights, 0)[places] != 0
        _renumber(np.where(weighing, places, -1).astype(np.int32), self._last_ms, self._words.view(np.int32))

    @property
    def evicted(self) -> int:
        """Keys that lost their score to make room for others."""
        return self._keys.evicted

    def apply(
        self, rows: Int32s, keys: Uint64s, ts_ms: Int64s, ok: Bools, hit_offsets: Int32s, hit_rules: Int32s,
        detailed: bool = False,
    ) -> Scored:  # fmt: skip
        """Record the hits of `ok` rows (row i: hit_rules[hit_offsets[i]:hit_offsets[i + 1]], ascending), then score.
        Which rule brought how much is only written down where it is asked for (`detailed`)."""
        scoring = np.concatenate((np.zeros(1, np.int64), np.cumsum(self._weights[hit_rules] != 0)))[hit_offsets]
        slots = self._keys.slots(keys, rows, ok & (scoring[1:] > scoring[:-1]))
        self._last_ms, self._words = grown(self._last_ms, slots.used), grown(self._words, slots.used)
        score, kinds = np.zeros(len(keys), np.float64), np.zeros(len(keys), np.uint8)
        room = EVIDENCE_MAX * int(np.count_nonzero(slots.slot >= 0)) if detailed else 0
        points = Points(np.zeros(len(keys) + 1, np.int32), np.zeros(room, np.int32), np.zeros(room, np.float64))
        _score(
            rows, slots.slot, slots.epoch, ts_ms, ok, hit_offsets, hit_rules, self._weights, self._kinds,
            float(self._half_life_ms), self._last_ms, self._words.view(np.int32), score, kinds,
            points.offsets, points.rule, points.points,
        )  # fmt: skip
        used = points.offsets[-1]
        return Scored(score, kinds, Points(points.offsets, points.rule[:used], points.points[:used]))


def _copied(rows: Int64s) -> Int64s:
    copy = table(*rows.shape)
    copy[:] = rows
    return copy


@kernel(IN_I32, TABLE, TABLE_I32)
def _renumber(places: Int32s, last_ms: Int64s, words: Int32s) -> None:
    """Give the rules of all rows their new places; what had a rule that is gone, closes up."""
    for slot in range(len(words)):
        left = 0
        for place in range(words[slot, _COUNT]):
            rule = places[words[slot, place]]
            if rule >= 0:
                words[slot, left] = rule
                last_ms[slot, left] = last_ms[slot, place]
                left += 1
        words[slot, _COUNT] = left


@helper
def _place_for(last_ms: Int64s, words: Int32s, slot: int, rule: int) -> int:
    """Place of `rule` among the key's rules, which stay in order; a new one has no hit yet."""
    count = words[slot, _COUNT]
    place = 0
    while place < count and words[slot, place] < rule:
        place += 1
    if place < count and words[slot, place] == rule:
        return place
    gap = count
    if count < EVIDENCE_MAX:
        words[slot, _COUNT] = count + 1
    else:
        gap = 0
        for other in range(1, count):
            if last_ms[slot, other] < last_ms[slot, gap]:
                gap = other
        if gap < place:
            place -= 1
    while gap != place:  # bring the gap to the place
        source = gap - 1 if gap > place else gap + 1
        words[slot, gap] = words[slot, source]
        last_ms[slot, gap] = last_ms[slot, source]
        gap = source
    words[slot, place] = rule
    last_ms[slot, place] = _BEFORE_ALL_MS
    return place


@kernel(
    IN_I32, IN_I32, IN_I32, IN_I64, IN_BOOL, IN_I32, IN_I32, IN_F64, IN_U8,
    FLOAT, TABLE, TABLE_I32, OUT_F64, OUT_U8, OUT_I32, OUT_I32, OUT_F64,
)  # fmt: skip
def _score(
    rows: Int32s,
    slots: Int32s,
    epochs: Int32s,
    ts_ms: Int64s,
    ok: Bools,
    hit_offsets: Int32s,
    hit_rules: Int32s,
    weights: Float64s,
    evidence_kinds: Uint8s,
    half_life_ms: float,
    last_ms: Int64s,
    words: Int32s,
    score: Float64s,
    kinds: Uint8s,
    offsets: Int32s,
    point_rule: Int32s,
    points: Float64s,
) -> None:
    used = 0
    for i in range(len(rows)):
        prefetch_ahead(last_ms, rows, i, slots, slots)
        row = rows[i]
        slot = np.int64(slots[row])
        offsets[row + 1] = used
        if slot < 0:
            continue
        if words[slot, _EPOCH] != epochs[row]:
            words[slot, _EPOCH] = epochs[row]
            words[slot, _COUNT] = 0
        if ok[row]:
            for hit in range(hit_offsets[row], hit_offsets[row + 1]):
                if weights[hit_rules[hit]] != 0:
                    place = _place_for(last_ms, words, slot, hit_rules[hit])
                    last_ms[slot, place] = max(last_ms[slot, place], ts_ms[row])
        seen = np.uint64(0)
        for place in range(words[slot, _COUNT]):
            rule = words[slot, place]
            age_ms = elapsed_ms(ts_ms[row], last_ms[slot, place])
            if age_ms <= HALF_LIVES_MAX * half_life_ms:
                worth = weights[rule] * math.exp2(-age_ms / half_life_ms)
                score[row] += worth
                if len(points):
                    point_rule[used], points[used] = rule, worth
                    used += 1
            if age_ms <= half_life_ms:
                seen |= np.uint64(1) << evidence_kinds[rule]
        offsets[row + 1] = used
        while seen:
            kinds[row] += 1
            seen &= seen - np.uint64(1)
