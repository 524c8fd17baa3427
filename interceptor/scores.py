"""Scores of sources and targets: what the rules that hit a key lately add up to.

Enters: rows of a batch in arrival order with the rules that hit on each. Leaves: per row the key's score and how many
kinds of evidence it rests on. Invariants: per key and rule only the newest hit counts, halved with every half-life; the
sum is made in the order of the rules, so it is the same to the last bit however the hits came.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from interceptor.kernels import (
    FLOAT,
    IN_BOOL,
    IN_F64,
    IN_I32,
    IN_I64,
    IN_U8,
    IN_U64,
    INT,
    OUT_F64,
    OUT_I32,
    OUT_I64,
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
    prefetch,
    table,
)
from interceptor.sightings import elapsed_ms
from interceptor.state import State, begun_put_back, begun_taken, checked, nested, within
from interceptor.tables import NO_ROOM, KeyTable, epoch_of, mixed, placed, slot_of

EVIDENCE_MAX = 16  # rules remembered per key; then the one with the oldest newest hit makes room
HALF_LIVES_MAX = 10  # a hit older than this no longer counts
EVIDENCE_KINDS_MAX = 64

BLOCK = 64  # rows whose memory is asked for before it is read
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
        self, keys: Uint64s, ts_ms: Int64s, ok: Bools, hit_rows: Int32s, hit_rules: Int32s, detailed: bool = False
    ) -> Scored:
        """Record the hits of `ok` rows (in order of rows, then rules), then score. Which rule brought how much is only
        written down where it is asked for (`detailed`)."""
        count, done = len(keys), 0
        score, kinds = np.zeros(count, np.float64), np.zeros(count, np.uint8)
        scoring, offsets = np.zeros(count, np.uint8), np.zeros(count + 1, np.int32)
        room = EVIDENCE_MAX * count if detailed else 0
        rule, points = np.zeros(room, np.int32), np.zeros(room, np.float64)
        _mark(hit_rows, hit_rules, ok, self._weights, scoring)
        while True:
            self._last_ms, self._words = (grown(rows, self._keys.capacity) for rows in (self._last_ms, self._words))
            done = _score(
                done, keys, ts_ms, scoring, hit_rows, hit_rules, self._keys.keys_max, *self._keys.memory,
                self._weights, self._kinds, float(self._half_life_ms), self._last_ms, self._words.view(np.int32),
                score, kinds, offsets, rule, points,
            )  # fmt: skip
            if done == count:
                break
            self._keys.grow()
        used = int(offsets[-1])
        return Scored(score, kinds, Points(offsets, rule[:used], points[:used]))


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


@helper
def _record(
    last_ms: Int64s, words: Int32s, slot: int, hit: Any, hit_rows: Int32s, hit_rules: Int32s, weights: Float64s,
    ts_ms: int,
) -> Any:  # fmt: skip
    """The hits of a row from `hit` on, of rules that count for anything; gives the first hit behind them."""
    row = hit_rows[hit]
    while hit < len(hit_rows) and hit_rows[hit] == row:
        if weights[hit_rules[hit]] != 0:
            place = _place_for(last_ms, words, slot, hit_rules[hit])
            last_ms[slot, place] = max(last_ms[slot, place], ts_ms)
        hit += 1
    return hit


@helper
def _sum(
    last_ms: Int64s, words: Int32s, slot: int, now_ms: int, weights: Float64s, evidence_kinds: Uint8s,
    half_life_ms: float, used: int, point_rule: Int32s, points: Float64s,
) -> tuple[float, int, int]:  # fmt: skip
    """Score, kinds of evidence, and how many points are written down now."""
    score, seen, kinds = 0.0, np.uint64(0), 0
    for at in range(words[slot, _COUNT]):
        rule = words[slot, at]
        age_ms = elapsed_ms(now_ms, last_ms[slot, at])
        if age_ms <= HALF_LIVES_MAX * half_life_ms:
            worth = weights[rule] * math.exp2(-age_ms / half_life_ms)
            score += worth
            if len(points) > 0:
                point_rule[used], points[used] = rule, worth
                used += 1
        if age_ms <= half_life_ms:
            seen |= np.uint64(1) << evidence_kinds[rule]
    while seen:
        kinds += 1
        seen &= seen - np.uint64(1)
    return score, kinds, used


@kernel(IN_I32, IN_I32, IN_BOOL, IN_F64, OUT_U8)
def _mark(hit_rows: Int32s, hit_rules: Int32s, ok: Bools, weights: Float64s, scoring: Uint8s) -> None:
    """Marks the rows that bring evidence."""
    for hit in range(len(hit_rows)):
        if ok[hit_rows[hit]] and weights[hit_rules[hit]] != 0:
            scoring[hit_rows[hit]] = 1


@kernel(
    INT, IN_U64, IN_I64, IN_U8, IN_I32, IN_I32, INT, TABLE, OUT_I64, OUT_I32, OUT_U8, OUT_I64,
    IN_F64, IN_U8, FLOAT, TABLE, TABLE_I32, OUT_F64, OUT_U8, OUT_I32, OUT_I32, OUT_F64,
)  # fmt: skip
def _score(
    done: int,
    keys: Uint64s,
    ts_ms: Int64s,
    scoring: Uint8s,
    hit_rows: Int32s,
    hit_rules: Int32s,
    keys_max: int,
    index: Int64s,
    key_of_slot: Int64s,
    epoch_of_slot: Int32s,
    touched: Uint8s,
    state: Int64s,
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
) -> int:
    """Works through the rows from `done` on; gives the first whose key finds no room, else len(keys)."""
    hit, hashes, places = np.searchsorted(hit_rows, done), np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    for start in range(done, len(keys), BLOCK):
        stop = min(start + BLOCK, len(keys))
        for row in range(start, stop):
            hashes[row - start] = mixed(np.int64(keys[row]))
            prefetch(index, hashes[row - start] & (len(index) - 1))
        for row in range(start, stop):
            hash_ = hashes[row - start]
            place = placed(hash_, scoring[row] != 0, keys_max, index, key_of_slot, epoch_of_slot, touched, state)
            if place == NO_ROOM:
                stop = row
                break
            places[row - start] = place
            if place >= 0:
                prefetch(last_ms, slot_of(place))
                prefetch(words, slot_of(place))
        for row in range(start, stop):
            offsets[row + 1] = offsets[row]
            place = places[row - start]
            if place < 0:
                continue
            slot = slot_of(place)
            if words[slot, _EPOCH] != epoch_of(place):
                words[slot, _EPOCH], words[slot, _COUNT] = epoch_of(place), 0
            if scoring[row] != 0:
                while hit < len(hit_rows) and hit_rows[hit] < row:
                    hit += 1
                hit = _record(last_ms, words, slot, hit, hit_rows, hit_rules, weights, ts_ms[row])
            score[row], kinds[row], offsets[row + 1] = _sum(
                last_ms,
                words,
                slot,
                ts_ms[row],
                weights,
                evidence_kinds,
                half_life_ms,
                offsets[row],
                point_rule,
                points,
            )
        if stop < min(start + BLOCK, len(keys)):
            return stop
    return len(keys)
