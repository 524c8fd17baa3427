"""Scores of sources and targets: what the rules that hit a key lately add up to.

Enters: rows of a batch in arrival order with the rules that hit on each. Leaves: per row the key's score and how many
kinds of evidence it rests on. Invariants: per key and rule only the newest hit counts, halved with every half-life; the
sum is made in the order of the rules, so it is the same to the last bit however the hits came.
"""

from __future__ import annotations

import math

import numpy as np

from interceptor.kernels import (
    FLOAT,
    IN_BOOL,
    IN_F64,
    IN_I32,
    IN_I64,
    IN_U8,
    OUT_F64,
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
from interceptor.panes import slots_used
from interceptor.sightings import elapsed_ms
from interceptor.tables import KeyTable

EVIDENCE_MAX = 16  # rules remembered per key; then the one with the oldest newest hit makes room
HALF_LIVES_MAX = 10  # a hit older than this no longer counts
EVIDENCE_KINDS_MAX = 64

_BEFORE_ALL_MS = -(2**62)
_EPOCH, _COUNT = EVIDENCE_MAX, EVIDENCE_MAX + 1  # int32 words of a row, behind the rules


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

    @property
    def evicted(self) -> int:
        """Keys that lost their score to make room for others."""
        return self._keys.evicted

    def apply(
        self, rows: Int32s, keys: Uint64s, ts_ms: Int64s, ok: Bools, hit_offsets: Int32s, hit_rules: Int32s
    ) -> tuple[Float64s, Uint8s]:
        """Record the hits of `ok` rows (row i: hit_rules[hit_offsets[i]:hit_offsets[i + 1]], ascending), then score."""
        scoring = np.concatenate((np.zeros(1, np.int64), np.cumsum(self._weights[hit_rules] != 0)))[hit_offsets]
        slots = self._keys.slots(keys, rows, ok & (scoring[1:] > scoring[:-1]))
        used = slots_used(slots, slots)
        self._last_ms, self._words = grown(self._last_ms, used), grown(self._words, used)
        score, kinds = np.zeros(len(keys), np.float64), np.zeros(len(keys), np.uint8)
        _score(
            rows, slots.slot, slots.epoch, ts_ms, ok, hit_offsets, hit_rules, self._weights, self._kinds,
            float(self._half_life_ms), self._last_ms, self._words.view(np.int32), score, kinds,
        )  # fmt: skip
        return score, kinds


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
    FLOAT, TABLE, TABLE_I32, OUT_F64, OUT_U8,
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
) -> None:
    for i in range(len(rows)):
        prefetch_ahead(last_ms, rows, i, slots, slots)
        row = rows[i]
        slot = np.int64(slots[row])
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
                score[row] += weights[rule] * math.exp2(-age_ms / half_life_ms)
            if age_ms <= half_life_ms:
                seen |= np.uint64(1) << evidence_kinds[rule]
        while seen:
            kinds[row] += 1
            seen &= seen - np.uint64(1)
