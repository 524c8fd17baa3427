"""Two outcomes held against each other.

Enters: what rule sets A and B made of the same recording. Leaves: a Comparison. Invariant: every event is in one cell
of the matrix of verdicts; what one side doesn't know of an event is that it passed without a hit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interceptor.rules import RuleSet
from interceptor.rules.definitions import SECTIONS
from interceptor.schema import GATES, Kind, Verdict
from interceptor.tuning.outcome import Outcome
from interceptor.tuning.tables import called
from simulator.scorecard import ORDINARY

EXAMPLES_MAX = 5  # of each kind of change at each gate
_SAID = {"tests": [], "title": "", "why": "", "ref": "", "version": 1, "systems": []}  # changes no decision


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much worse B may be: scam events that A stops and B lets pass, ordinary events that B stops more than A in
    sum, victims' payments that B stops less than A in sum (fen)."""

    lost_max: int
    false_max: int
    money_max_fen: int


@dataclass(frozen=True, slots=True)
class Change:
    """Interceptions at one gate: scam and ordinary events that only B stops, and that only A does."""

    new_scam: int
    new_ordinary: int
    lost_scam: int
    lost_ordinary: int


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Hits of one rule (None: not in that set), and the events hit on one side only."""

    name: str
    hits: tuple[int | None, int | None]
    gained: int
    gained_scam: int
    lost: int
    lost_scam: int


@dataclass(frozen=True, slots=True)
class Moved:
    """An event to look at: `row` of the recording, stopped by B only (`new`) or by A only; the live rules that hit it
    on either side, or else, in brackets, those whose earlier hits are in its score."""

    row: int
    new: bool
    scam: bool
    verdicts: tuple[Verdict, Verdict]
    rules: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`matrix` int64[verdicts of A, verdicts of B] over all events at gates. Pairs are (A, B)."""

    events: int
    has_truth: bool
    matrix: np.ndarray
    gates: dict[Kind, Change]
    caught: tuple[int, int]
    wrong: tuple[int, int]
    stopped_fen: tuple[int, int]
    rules: tuple[RuleChange, ...]
    definitions: dict[str, dict[str, list[str]]]
    examples: tuple[Moved, ...]

    @property
    def lost_scam(self) -> int:
        return sum(change.lost_scam for change in self.gates.values())

    def judged(self, bounds: Bounds) -> list[tuple[str, int, int]]:
        """(what, how much, how much is allowed) for each bound."""
        return [
            ("scam events lost", self.lost_scam, bounds.lost_max),
            ("ordinary events more", self.wrong[1] - self.wrong[0], bounds.false_max),
            ("money stopped less, fen", self.stopped_fen[0] - self.stopped_fen[1], bounds.money_max_fen),
        ]


class _Joined:
    """The events of either outcome, j of them, by their row in the recording."""

    def __init__(self, a: Outcome, b: Outcome) -> None:
        self.rows = np.union1d(a["row"], b["row"])
        self.at = [np.searchsorted(self.rows, one["row"]) for one in (a, b)]
        self.verdict = [self._spread(one["verdict"], at) for one, at in zip((a, b), self.at, strict=True)]
        self.kind, self.campaign = (
            np.maximum(*(self._spread(one[name], at, missing) for one, at in zip((a, b), self.at, strict=True)))
            for name, missing in (("kind", 0), ("campaign", ORDINARY))
        )
        self.scam = self.campaign != ORDINARY

    def _spread(self, column: np.ndarray, at: np.ndarray, missing: int = 0) -> np.ndarray:
        full = np.full(len(self.rows), missing, column.dtype)
        full[at] = column
        return full


def compare(a: Outcome, b: Outcome, rules_a: RuleSet, rules_b: RuleSet) -> Comparison:
    joined = _Joined(a, b)
    in_gate = np.isin(joined.kind, GATES)
    matrix = np.zeros((len(Verdict), len(Verdict)), np.int64)
    np.add.at(matrix, (joined.verdict[0][in_gate], joined.verdict[1][in_gate]), 1)
    matrix[0, 0] += int(a.counts[list(GATES)].sum()) - np.count_nonzero(in_gate)
    stopped = [verdict >= Verdict.HOLD for verdict in joined.verdict]
    new, lost = stopped[1] & ~stopped[0], stopped[0] & ~stopped[1]
    return Comparison(
        events=a.events,
        has_truth=a.has_truth,
        matrix=matrix,
        gates={kind: _change(joined.kind == kind, new, lost, joined.scam) for kind in GATES},
        caught=_both(a, b, lambda one: np.count_nonzero(one.stopped & one.scam)),
        wrong=_both(a, b, lambda one: np.count_nonzero(one.stopped & ~one.scam)),
        stopped_fen=_both(a, b, lambda one: one.payments_fen[one.stopped].sum()),
        rules=tuple(_rule_changes((a, b), (rules_a, rules_b), joined)),
        definitions=changed_definitions(rules_a, rules_b),
        examples=tuple(_examples((a, b), (rules_a, rules_b), joined, new, lost)),
    )


def _both(a: Outcome, b: Outcome, count: Callable[[Outcome], Any]) -> tuple[int, int]:
    return int(count(a)), int(count(b))


def _change(of_gate: np.ndarray, new: np.ndarray, lost: np.ndarray, scam: np.ndarray) -> Change:
    cells = (of_gate & side & truth for side in (new, lost) for truth in (scam, ~scam))
    return Change(*(int(np.count_nonzero(cell)) for cell in cells))


def _rule_changes(
    outcomes: tuple[Outcome, Outcome], rule_sets: tuple[RuleSet, RuleSet], joined: _Joined
) -> Iterator[RuleChange]:
    """Of all rules of both sets, by name; part live, part watching are two."""
    places = [{called(rule): i for i, rule in enumerate(rule_set.rules)} for rule_set in rule_sets]
    for name in sorted(places[0] | places[1]):
        events: list[np.ndarray] = []
        for outcome, place, at in zip(outcomes, places, joined.at, strict=True):
            index = place.get(name, -1)
            events.append(at[outcome.hits.at[outcome.hits.rule == index]])
        hits = tuple(len(one) if name in place else None for one, place in zip(events, places, strict=True))
        lost, gained = (np.setdiff1d(events[i], events[1 - i], assume_unique=True) for i in (0, 1))
        scams = (int(np.count_nonzero(joined.scam[one])) for one in (gained, lost))
        yield RuleChange(name, (hits[0], hits[1]), len(gained), next(scams), len(lost), next(scams))


def _examples(
    outcomes: tuple[Outcome, Outcome], rule_sets: tuple[RuleSet, RuleSet], joined: _Joined, new: np.ndarray,
    lost: np.ndarray,
) -> Iterator[Moved]:  # fmt: skip
    """The first few of each kind of change at each gate, what hurts most first."""
    for is_new, scam in ((False, True), (True, False), (True, True), (False, False)):
        for kind in GATES:
            chosen = (new if is_new else lost) & (joined.scam == scam) & (joined.kind == kind)
            for place in np.flatnonzero(chosen)[:EXAMPLES_MAX]:
                verdicts = (Verdict(joined.verdict[0][place]), Verdict(joined.verdict[1][place]))
                row = int(joined.rows[place])
                first, second = (rules_at_row(*pair, row) for pair in zip(outcomes, rule_sets, strict=True))
                yield Moved(row, is_new, scam, verdicts, (first, second))


def rules_at_row(outcome: Outcome, rule_set: RuleSet, row: int) -> tuple[str, ...]:
    """The live rules that hit an event; where there are none, those in its scores, in brackets."""
    at = int(np.searchsorted(outcome["row"], row))
    if at == len(outcome) or outcome["row"][at] != row:
        return ()
    named: list[tuple[str, ...]] = []
    for entries in (outcome.hits, outcome.source, outcome.target):
        first, last = np.searchsorted(entries.at, [at, at + 1])
        rules = (rule_set.rules[rule] for rule in entries.rule[first:last])
        named.append(tuple(rule.name for rule in rules if rule.mode == "live"))
    return named[0] or tuple(f"({name})" for name in dict.fromkeys((*named[1], *named[2])))


def changed_definitions(a: RuleSet, b: RuleSet) -> dict[str, dict[str, list[str]]]:
    """Names added, removed and changed, by section, where there are any; a rule's own tests don't count."""
    found: dict[str, dict[str, list[str]]] = {}
    for section in SECTIONS:
        before, after = (_named(getattr(one.definitions, section)) for one in (a, b))
        changes = {
            "added": sorted(after.keys() - before.keys()),
            "removed": sorted(before.keys() - after.keys()),
            "changed": sorted(name for name in before.keys() & after.keys() if before[name] != after[name]),
        }
        if any(changes.values()):
            found[section] = changes
    if a.half_life_ms != b.half_life_ms:
        found["half_life"] = {"changed": ["half_life"]}
    return found


def _named(section: Mapping[Any, Any]) -> dict[str, Any]:
    """Definitions by name, without what changes no decision."""
    return {
        str(name): one.model_copy(update={key: value for key, value in _SAID.items() if key in type(one).model_fields})
        for name, one in section.items()
    }
