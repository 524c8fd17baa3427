"""Texts as the reference engine sees them: folded, searched, and in groups of near-equal ones.

Enters: texts and hosts, for groups in order of arrival. Leaves: what occurs in them, sketches, wordings. Invariant:
nothing is shared with the engine but folding and the constants that say what "near" is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from interceptor import folding
from interceptor.config import WORDING_KEPT_MS
from interceptor.simhash import ANCHORS, CHARACTERS_MIN
from interceptor.wording import BITS_MAX, PLACES

WORD = 2**64 - 1
FACTOR = 0xD6E8FEB86659FD93


@dataclass(frozen=True, slots=True)
class Folded:
    """One message in plain form, how many disguised characters it had, and the hash of what isn't ASCII."""

    text: str
    disguised: int
    shape: int


@cache
def folded_text(text: str) -> Folded:
    row = folding.fold(folding.strings_of([text]))
    return Folded(row[0], int(row.disguised[0]), int(row.shape[0]))


@cache
def occurs(of: str, patterns: tuple[str, ...], expressions: tuple[str, ...], raw: str) -> bool:
    """Whether any of the literals or expressions is found in a text or host, once it is folded."""
    found_in = plain(of, raw)
    literal = any(plain(of, pattern) in found_in for pattern in patterns)
    return literal or any(re.search(expression, found_in) for expression in expressions)


@cache
def plain(of: str, raw: str) -> str:
    return folding.fold_host(raw) if of == "host" else folding.fold_one(raw)


def hashed(gram: str) -> int:
    bits = 0
    for character in gram:
        bits = bits << 21 | ord(character)
    for _ in range(2):
        bits = ((bits ^ bits >> 32) * FACTOR) & WORD
    return bits ^ bits >> 32


@cache
def sketch(folded: str) -> tuple[int, list[int]]:
    """Simhash, 0 for a short text, and anchors: of the hashes with the same lowest two bits the smallest one."""
    text = "".join(character for character in folded if not character.isascii())
    if len(text) < CHARACTERS_MIN:
        return 0, []
    hashes = [hashed(text[i : i + 3]) for i in range(len(text) - 2)]
    simhash = 0
    for bit in range(64):
        if sum(one >> bit & 1 for one in hashes) > len(hashes) / 2:
            simhash |= 1 << bit
    quarters = [[one for one in hashes if one % ANCHORS == quarter] for quarter in range(ANCHORS)]
    return simhash or 1, [min(quarter) for quarter in quarters if quarter]


@dataclass
class Founders:
    """Whom each anchor leads to: founder → when it was last used by the anchor. Where anchors share `lines` of places
    (a power of two), whom each line leads to; `evicted` counts anchors that lost their last place."""

    lines: int = 0
    evicted: int = 0
    led_to: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)  # (founder, last used, anchor)

    def wording(self, folded: str, ts_ms: int, founding: bool) -> int:
        simhash, anchors = sketch(folded)
        near = []
        for anchor in anchors:
            for founder, used_ms, _ in self.led_to.get(self.line(anchor), []):
                bits = (founder ^ simhash).bit_count()
                if ts_ms - used_ms <= WORDING_KEPT_MS and bits <= BITS_MAX:
                    near.append((bits, founder))
        found = min(near)[1] if near else simhash if founding else 0
        for anchor in anchors if founding else []:
            self.remember(anchor, found, ts_ms)
        return found

    def line(self, anchor: int) -> int:
        return anchor // ANCHORS % self.lines if self.lines else anchor

    def remember(self, anchor: int, founder: int, ts_ms: int) -> None:
        places = self.led_to.setdefault(self.line(anchor), [])
        for place, (other, used_ms, _) in enumerate(places):
            if other == founder:
                places[place] = founder, max(used_ms, ts_ms), anchor
                return
        if len(places) < PLACES:
            places.append((founder, ts_ms, anchor))
            return
        users = [other for _, _, other in places]
        spare = [place for place, other in enumerate(users) if other == anchor or users.count(other) > 1]
        oldest = min(spare or range(PLACES), key=lambda place: places[place][1])
        self.evicted += not spare and ts_ms - places[oldest][1] <= WORDING_KEPT_MS
        places[oldest] = founder, ts_ms, anchor
