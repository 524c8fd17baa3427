"""Look-ups in lists of each kind, by how many entries they have.

Enters: made entries. Leaves: ns of CPU a look-up, bytes an entry. Invariant: one value in 200 is listed.
"""

from __future__ import annotations

import numpy as np

from benchmarks.case import Case, Point, Setting, Work
from benchmarks.streams import blocklist
from interceptor.folding import strings_of
from interceptor.lists import FOREVER_MS, DomainList, ExactList, PrefixList, host_hash

LOOKED_UP, LISTED_SHARE, NOW_MS = 200_000, 200, 1_788_200_000_000
PREFIXES_FROM = 10_000_000_000  # eleven digits, so that there is room for ten million of them


def prepare(point: Point, setting: Setting) -> Work:
    entries, count = int(point.x or 0), setting.pick(20_000, LOOKED_UP)
    keys = blocklist(entries, setting.seed)
    rng = np.random.default_rng(setting.seed)
    values = rng.integers(1, 1 << 62, count).astype(np.uint64)
    listed = rng.integers(0, count, count // LISTED_SHARE)
    chosen = rng.integers(0, entries, len(listed))
    now = np.full(count, NOW_MS, np.int64)
    if point.series == "exact":
        values[listed] = keys[chosen]
        return _work(_filled(ExactList(), keys), values, now)
    if point.series == "prefix":
        keys = keys // np.uint64(100)  # of numbers with 13 digits
        values[listed] = keys[chosen] * np.uint64(100)
        return _work(_filled(PrefixList(), keys), values, now)
    names = [f"www.host-{one % (1 << 40)}.example" for one in values.tolist()]
    for at, which in zip(listed.tolist(), chosen.tolist(), strict=True):
        names[at] = f"pay.{_domain(which)}"
    keys = np.concatenate([
        host_hash(strings_of([_domain(one) for one in range(start, min(start + 1_000_000, entries))]))
        for start in range(0, entries, 1_000_000)
    ])  # fmt: skip
    return _work(_filled(DomainList(), keys), strings_of(names), now)


def _domain(number: int) -> str:
    return f"d{number}.example"


def _filled(made: ExactList | PrefixList | DomainList, keys: np.ndarray) -> ExactList | PrefixList | DomainList:
    made.reserve(len(keys))
    for start in range(0, len(keys), 1_000_000):  # so that the columns of times take no memory to speak of
        some = keys[start : start + 1_000_000]
        zero, forever = np.zeros(len(some), np.int64), np.full(len(some), FOREVER_MS, np.int64)
        made.put(some, zero, forever, np.zeros(len(some), np.int32))
    return made


def _work(made: ExactList | PrefixList | DomainList, values: object, now: np.ndarray) -> Work:
    more = {"bytes_each": made.bytes_held / len(made), "mb": made.bytes_held / 1e6}
    return Work(lambda: made.contains(values, now), len(now), 7, 1, lambda: more)  # type: ignore[arg-type]


def points(setting: Setting) -> list[Point]:
    tops = {"exact": setting.pick(4, 7, 8), "prefix": setting.pick(4, 6, 7), "domain": setting.pick(4, 6, 7)}
    return [Point(kind, 10**power) for kind, top in tops.items() for power in range(3, top + 1)]


CASES = [Case("lists", "look-ups in a list, one value in 200 is on it", "ns/look-up", "entries", points, prepare)]
