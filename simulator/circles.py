"""Who knows whom, and how often they call each other.

Enters: townships, wanted circle sizes and call rates of all parties. Leaves: symmetric circles as CSR arrays and how
each party spreads its calls over them. Invariant: the rates of a party's ties sum up to what it makes and receives.

Ties are drawn by a configuration model, nearer people first; rates are made to fit by Sinkhorn's scaling of rows
and columns. Ties and their strength are symmetric, so that both scalings are sums over rows. A city of a million has
some 65 million ties, so all of it is done in blocks: fresh memory costs more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from simulator.chance import mix

# Where the contacts of a resident live [A]: own township, own county, own city; the rest is outside.
SHARE_TOWN, SHARE_COUNTY, SHARE_OUTSIDE = 0.5, 0.2, 0.10
# No more than this part of a township is in one circle, or small cities would be one clique [A].
PLACE_FILL_MAX = 0.15
STRENGTH_SIGMA = 0.9  # spread of ln tie strength: some are called daily, most now and then [A]
SCALING_ROUNDS = 4  # three are enough (tests/test_population.py)
SIZE_MIN, SIZE_MAX = 4, 300  # contacts of one party [A]
_RESIDENTS_OF_BLOCK, _EDGES_OF_BLOCK = 16_384, 1 << 20
_LOW_HALF = np.uint64(0xFFFF_FFFF)


@dataclass(slots=True)
class Circles:
    offsets: np.ndarray  # i64[parties + 1]
    members: np.ndarray  # i32[edges]
    made: np.ndarray  # f64[parties], calls within the circle per active day
    reach: np.ndarray  # f32[edges], running share of a party's calls over its members, up to 1


def build(
    town: np.ndarray, people: int, size: np.ndarray, out: np.ndarray, into: np.ndarray, reach: np.ndarray, seed: int,
    rng: np.random.Generator,
) -> Circles:  # fmt: skip
    """Circles of parties 0 … len(town) - 1, residents sorted by township. `out` and `into` are calls per active day,
    `reach` the chance that a party's line is in use when it is called."""
    wanted = np.clip(size[:people], SIZE_MIN, SIZE_MAX)
    offsets, members = _symmetric(_ties(town, people, wanted, rng), len(town))
    strength = _strength(offsets, members, seed)
    made, received = _balanced(people, out.astype(np.float64), into.astype(np.float64))
    by_caller, by_callee = _scaled(offsets, members, strength, made, received, reach)
    return _spread(offsets, members, strength, by_caller, by_callee)


def _ties(town: np.ndarray, people: int, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pairs of parties as u64, one half each. Each resident asks for half of its contacts within the city and is asked
    for the others."""
    asked = _rounded(wanted * (1 - SHARE_OUTSIDE) / 2, rng)
    away = _rounded(wanted * SHARE_OUTSIDE, rng)
    pairs = np.empty(asked.sum() + away.sum(), np.uint64)
    # Everybody as often as contacts are wanted: a uniform place in it is a resident by weight.
    weighted = np.repeat(np.arange(people, dtype=np.int32), wanted.astype(np.int64))
    until = np.concatenate([[0], np.cumsum(wanted.astype(np.int64))])
    low, span, near = _places(town[:people], wanted, until)
    filled = 0
    for start in range(0, people, _RESIDENTS_OF_BLOCK):
        block = np.arange(start, min(start + _RESIDENTS_OF_BLOCK, people))
        one = np.repeat(block, asked[block])
        luck = rng.random(len(one)) * (1 - SHARE_OUTSIDE)
        level = (luck >= near[0, one]).astype(np.int8) + (luck >= near[1, one])
        other = weighted[(low[level, one] + rng.random(len(one)) * span[level, one]).astype(np.int64)]
        one_away = np.repeat(block, away[block])
        other_away = rng.integers(people, len(town), len(one_away))
        for here, there in ((one, other), (one_away, other_away)):
            pairs[filled : filled + len(here)] = here.astype(np.uint64) << np.uint64(32) | there.astype(np.uint64)
            filled += len(here)
    return pairs


def _places(town: np.ndarray, wanted: np.ndarray, until: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(low, span, near): for each resident the range of `until` that its township, county and city take, and the
    running chance that a contact is looked for in the first and the second of them."""
    people, county = len(town), town // 1000
    first, last = np.zeros((2, 3, people), np.int64)
    last[2] = people
    near, chance = np.zeros((2, people)), np.zeros(people)
    for level, place in enumerate((town, county)):
        first[level], last[level] = np.searchsorted(place, place, "left"), np.searchsorted(place, place, "right")
        share = (SHARE_TOWN, SHARE_COUNTY)[level]
        chance += np.minimum(share, PLACE_FILL_MAX * (last[level] - first[level]) / wanted)
        near[level] = chance
    return until[first], until[last] - until[first], near


def _rounded(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.floor(values + rng.random(len(values))).astype(np.int64)


def _symmetric(pairs: np.ndarray, parties: int) -> tuple[np.ndarray, np.ndarray]:
    """(offsets, members) with each tie in both directions and once; nobody knows itself."""
    keys = np.empty(2 * len(pairs), np.uint64)
    keys[: len(pairs)] = pairs
    for start in range(0, len(pairs), _EDGES_OF_BLOCK):
        part = pairs[start : start + _EDGES_OF_BLOCK]
        keys[len(pairs) + start : len(pairs) + start + len(part)] = part << np.uint64(32) | part >> np.uint64(32)
    keys.sort()
    keys = keys[: _kept_once(keys)]
    offsets = np.searchsorted(keys, np.arange(parties + 1, dtype=np.uint64) << np.uint64(32))
    members = np.empty(len(keys), np.int32)
    for start in range(0, len(keys), _EDGES_OF_BLOCK):
        members[start : start + _EDGES_OF_BLOCK] = keys[start : start + _EDGES_OF_BLOCK] & _LOW_HALF
    return offsets, members


def _kept_once(keys: np.ndarray) -> int:
    """Moves the first of equal keys to the front, those of nobody and itself left out; says how many there are."""
    kept, last = 0, ~keys[:1]
    for start in range(0, len(keys), _EDGES_OF_BLOCK):
        block = keys[start : start + _EDGES_OF_BLOCK]
        new = np.diff(block, prepend=last) != 0
        new &= block >> np.uint64(32) != block & _LOW_HALF
        last, chosen = block[-1:].copy(), block[new]
        keys[kept : kept + len(chosen)] = chosen  # never further than what has been read
        kept += len(chosen)
    return kept


def _blocks(offsets: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """(parties, edges) in blocks of some _EDGES_OF_BLOCK edges."""
    start, parties = 0, len(offsets) - 1
    while start < parties:
        stop = int(np.searchsorted(offsets, offsets[start] + _EDGES_OF_BLOCK, "right")) - 1
        stop = min(max(stop, start + 1), parties)
        yield slice(start, stop), slice(int(offsets[start]), int(offsets[stop]))
        start = stop


def _strength(offsets: np.ndarray, members: np.ndarray, seed: int) -> np.ndarray:
    """Log-normal strength of each tie, the same in both directions: from the hashes of its two ends."""
    normal = NormalDist()
    table = np.exp(STRENGTH_SIGMA * np.array([normal.inv_cdf((i + 0.5) / 4096) for i in range(4096)]))
    salt = np.uint64(seed * 2_654_435_761 % 2**48)
    hashes = mix(np.arange(len(offsets) - 1, dtype=np.uint64) + salt).astype(np.uint32)
    strength, sizes = np.empty(len(members), np.float32), np.diff(offsets)
    for parties, edges in _blocks(offsets):
        pair = np.repeat(hashes[parties], sizes[parties])
        pair ^= hashes[members[edges]]
        pair *= np.uint32(0x9E37_79B1)
        strength[edges] = table.astype(np.float32)[pair >> np.uint32(20)]
    return strength


def _balanced(people: int, out: np.ndarray, into: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rates with those of the outsiders: what residents make and receive in all need not be equal, they level it."""
    outsiders = len(out) - people
    made, received = out[:people].sum(), into[:people].sum()
    flow = SHARE_OUTSIDE * made
    out[people:] = max(flow + received - made, 0.2 * flow) / outsiders
    into[people:] = max(flow, 0.2 * flow + made - received) / outsiders
    return out, into


def _scaled(
    offsets: np.ndarray, members: np.ndarray, strength: np.ndarray, out: np.ndarray, into: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Factors of callers and callees that make the ties' rates fit `out` and `into`."""
    sums = np.empty(len(out))

    def over_ties(factor: np.ndarray) -> np.ndarray:
        reached = (factor * reach).astype(np.float32)
        for parties, edges in _blocks(offsets):
            terms = reached[members[edges]]
            terms *= strength[edges]
            sums[parties] = _row_sums(terms, offsets[parties.start : parties.stop + 1])
        return np.maximum(sums, 1e-9)

    by_callee = np.sqrt(into)
    for _ in range(SCALING_ROUNDS):
        by_caller = out / over_ties(by_callee)
        by_callee = into / over_ties(by_caller)
    return by_caller, by_callee


def _row_sums(terms: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Sums of consecutive rows, 0 for empty ones."""
    sums, filled = np.zeros(len(offsets) - 1), np.flatnonzero(np.diff(offsets))
    if len(filled):
        sums[filled] = np.add.reduceat(terms, offsets[filled] - offsets[0])
    return sums


def _spread(
    offsets: np.ndarray, members: np.ndarray, strength: np.ndarray, by_caller: np.ndarray, by_callee: np.ndarray
) -> Circles:
    """Each party's calls and their running share over its members; `strength` is overwritten."""
    made, sizes = np.zeros(len(offsets) - 1), np.diff(offsets)
    for parties, edges in _blocks(offsets):
        rates = strength[edges] * by_callee[members[edges]]
        row = _row_sums(rates, offsets[parties.start : parties.stop + 1])
        made[parties] = row * by_caller[parties]
        running = np.cumsum(rates)
        before = np.repeat(np.concatenate([[0.0], running])[offsets[parties] - offsets[parties.start]], sizes[parties])
        strength[edges] = (running - before) / np.repeat(np.maximum(row, 1e-12), sizes[parties])
    strength[offsets[1:][sizes > 0] - 1] = 1.0
    return Circles(offsets, members, made, strength)
