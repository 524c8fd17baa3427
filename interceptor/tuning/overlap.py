"""`interceptor rules overlap`: which rules find the same, which add nothing, which never hit.

Enters: a recording, rules. Leaves: tables or JSON. Invariant: rules are compared by the events they hit, and apart from
that by the sources, so that rules of different gates can be seen to meet the same people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from interceptor.recording import open_recording
from interceptor.rules import RuleSet
from interceptor.schema import kinds_named
from interceptor.tuning.outcome import Outcome, blocks, decided
from interceptor.tuning.replay import guarded, rules_at
from interceptor.tuning.tables import (
    EXIT_CLEAN,
    Column,
    called,
    print_json,
    say,
    show_table,
)

ALIKE = 0.3  # Jaccard index from which a pair is told
SUBSUMED_MIN = 5  # hits below which lying within another rule is chance


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rules and what both hit, out of `hits` of each; `jaccard`: of what either hit, the share that both did."""

    rules: tuple[str, str]
    hits: tuple[int, int]
    both: int
    jaccard: float


@dataclass(frozen=True, slots=True)
class Within:
    """A rule all of whose hits are hits of another, too."""

    rule: str
    hits: int
    of: str
    hits_of: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Pairs by events and by sources, most alike first; rules within others; rules without a hit."""

    events: tuple[Pair, ...]
    within: tuple[Within, ...]
    sources: tuple[Pair, ...]
    dead: tuple[str, ...]


@guarded
def main(on: Path, rules: Path | None, *, as_json: bool) -> int:
    """Exit code 0 = done, 2 = no such recording, 78 = the rules can't be loaded."""
    recording, rule_set = open_recording(on), rules_at(rules)
    outcome = decided(recording, rule_set)
    found = overlap(outcome, rule_set)
    if as_json:
        print_json({"ruleset": outcome.ruleset, "events_seen": outcome.events, **asdict(found)})
    else:
        _show(found, rule_set, on.name)
    return EXIT_CLEAN


def overlap(outcome: Outcome, rule_set: RuleSet) -> Overlap:
    names = [called(rule) for rule in rule_set.rules]
    by_event = sum((together(hit) for hit in blocks(outcome, len(names))), np.zeros((len(names),) * 2, np.int64))
    by_source = _by_source(outcome, len(names))
    hits = by_event.diagonal()
    inside = (by_event == hits[:, None]) & (hits[:, None] >= SUBSUMED_MIN)
    within = [
        Within(names[a], int(hits[a]), names[b], int(hits[b]))
        for a, b in np.argwhere(inside)
        if a != b and not (inside[b, a] and a < b)  # of two that hit the very same, one is told
    ]
    dead = tuple(name for name, count in zip(names, hits, strict=True) if not count)
    return Overlap(_pairs(by_event, names), tuple(within), _pairs(by_source, names), dead)


def together(hit: np.ndarray) -> np.ndarray:
    """int64[rules, rules]: on how many rows (of bool[rows, rules]) both hit. float32 counts to 2^24 rows exactly."""
    one = hit.astype(np.float32)
    return (one.T @ one).astype(np.int64)


def _by_source(outcome: Outcome, rules: int) -> np.ndarray:
    """int64[rules, rules]: how many sources both hit; an unknown one, 0, is nobody."""
    sources = outcome["source"][outcome.hits.at]
    known = sources != 0
    keys, place = np.unique(sources[known], return_inverse=True)
    found, rule = np.zeros((rules, rules), np.int64), outcome.hits.rule[known]
    order = np.argsort(place, kind="stable")
    place, rule = place[order], rule[order]
    for start in range(0, len(keys), 1 << 16):
        first, last = np.searchsorted(place, [start, start + (1 << 16)])
        hit = np.zeros((min(1 << 16, len(keys) - start), rules), bool)
        hit[place[first:last] - start, rule[first:last]] = True
        found += together(hit)
    return found


def _pairs(both: np.ndarray, names: list[str]) -> tuple[Pair, ...]:
    hits = both.diagonal()
    either = hits[:, None] + hits[None, :] - both
    jaccard = both / np.maximum(either, 1)
    found = [
        Pair((names[a], names[b]), (int(hits[a]), int(hits[b])), int(both[a, b]), float(jaccard[a, b]))
        for a, b in np.argwhere(np.triu(jaccard > ALIKE, 1))
    ]
    return tuple(sorted(found, key=lambda pair: (-pair.jaccard, -pair.both)))


def _show(found: Overlap, rule_set: RuleSet, name: str) -> None:
    kinds = {called(rule): kinds_named(rule.kinds) for rule in rule_set.rules}
    what: list[tuple[str, tuple[Pair, ...], Callable[[str], str]]] = [
        (f"Rules that hit the same events of {name}", found.events, lambda rule: rule),
        ("Rules that hit the same sources", found.sources, lambda rule: f"{rule} ({kinds[rule]})"),
    ]
    for title, pairs, told in what:
        columns = [Column("rule", wraps=True), Column("and", wraps=True)]
        columns += [Column(name, right=True) for name in ("hits", "hits of it", "both", "Jaccard")]
        rows = [
            [*map(told, pair.rules), f"{pair.hits[0]:,}", f"{pair.hits[1]:,}", f"{pair.both:,}", f"{pair.jaccard:.2f}"]
            for pair in pairs
        ]
        show_table(title, columns, rows, f"Jaccard: what both hit out of what either hit; shown above {ALIKE}.\n")
    columns = [Column("rule", wraps=True), Column("hits", right=True), Column("lies within", wraps=True)]
    columns.append(Column("hits of it", right=True))
    rows = [[one.rule, f"{one.hits:,}", one.of, f"{one.hits_of:,}"] for one in found.within]
    show_table("Rules all of whose hits are another's", columns, rows, note=f"From {SUBSUMED_MIN} hits on.\n")
    if found.dead:
        say(f"Never hit: {', '.join(found.dead)}")
