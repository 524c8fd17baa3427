"""What the engine decided.

Enters: arrays of one batch. Leaves: Decisions, as columns, as an Arrow batch, or as a notice for one person. Invariant:
one decision for every event that came in, in the same order, whatever its status.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.lists import Entry
from interceptor.notice import Finding, Notice
from interceptor.rules.ruleset import RuleSet
from interceptor.schema import Action, Kind, Status, Verdict

DECISION_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.uint64(), nullable=False),
        pa.field("status", pa.uint8(), nullable=False),
        pa.field("verdict", pa.uint8(), nullable=False),
        pa.field("actions", pa.uint32(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("target_score", pa.float64(), nullable=False),
        pa.field("rules", pa.list_(pa.string()), nullable=False),
        pa.field("ruleset", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Where one rule hit, `rows` int64[h], and for each term what it compared there, float64[h], or looked up."""

    rule: int
    rows: np.ndarray
    terms: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions of one batch of n events, in its order, with their m hits (sorted by row, then rule).

    event_id uint64[n], kind uint8[n], ts_ms int64[n], status uint8[n], verdict uint8[n], actions uint32[n] (Action
    bits), score and target_score float64[n], hit_row int64[m], hit_rule int32[m] (index into ruleset.rules).
    """

    event_id: np.ndarray
    kind: np.ndarray
    ts_ms: np.ndarray
    status: np.ndarray
    verdict: np.ndarray
    actions: np.ndarray
    score: np.ndarray
    target_score: np.ndarray
    hit_row: np.ndarray
    hit_rule: np.ndarray
    facts: tuple[Facts, ...]
    rule_set: RuleSet
    entry_of: Callable[[str, Any, int], Entry | None]

    def __len__(self) -> int:
        return len(self.event_id)

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self.rule_set.rules)

    @property
    def shadow(self) -> np.ndarray:
        """bool[rules]: which rules only watch."""
        return np.array([rule.mode == "shadow" for rule in self.rule_set.rules], bool)

    @property
    def ruleset(self) -> str:
        return self.rule_set.hash

    def to_arrow(self) -> pa.RecordBatch:
        """The decisions with DECISION_SCHEMA; `rules` holds the names of all hits, shadow rules included."""
        offsets = np.searchsorted(self.hit_row, np.arange(len(self) + 1)).astype(np.int32)
        names = pa.array(self.rules, pa.string()).take(pa.array(self.hit_rule, pa.int32()))
        arrays = [
            *(
                pa.array(getattr(self, name))
                for name in ("event_id", "status", "verdict", "actions", "score", "target_score")
            ),
            pa.ListArray.from_arrays(pa.array(offsets), names),
            pa.repeat(pa.scalar(self.ruleset), len(self)),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=DECISION_SCHEMA)

    def notice(self, row: int) -> Notice:
        """Everything about the decision of one row (0 … n - 1)."""
        start, stop = np.searchsorted(self.hit_row, [row, row + 1])
        hits = [int(rule) for rule in self.hit_rule[start:stop]]
        told = _most_telling(self, [rule for rule in hits if self.rule_set.rules[rule].mode == "live"])
        return Notice(
            event_id=int(self.event_id[row]),
            gate=Kind(self.kind[row]),
            status=Status(self.status[row]),
            verdict=Verdict(self.verdict[row]),
            actions=Action(int(self.actions[row])),
            score=float(self.score[row]),
            target_score=float(self.target_score[row]),
            findings=tuple(self._finding(row, rule) for rule in hits),
            reason=told[0],
            remedy=told[1],
            ruleset=self.ruleset,
        )

    def _finding(self, row: int, index: int) -> Finding:
        rule = self.rule_set.rules[index]
        values: dict[str, float] = {}
        entries: dict[str, Entry] = {}
        for facts in self.facts:
            if facts.rule != index:
                continue
            at = int(np.searchsorted(facts.rows, row))
            if at == len(facts.rows) or facts.rows[at] != row:
                continue
            for term, column in facts.terms.items():
                if " in " not in term:
                    values[term] = float(column[at])
                    continue
                entry = self.entry_of(term.split(" in ")[1], column[at], int(self.ts_ms[row]))
                if entry is not None:
                    entries[term] = entry
        return Finding(rule.name, rule.title, rule.version, rule.mode == "shadow", values, entries)


def _most_telling(decisions: Decisions, hits: Sequence[int]) -> tuple[str, str]:
    """Reason and remedy of the hit that weighs most: actions first, then score."""
    rules = [decisions.rule_set.rules[hit] for hit in hits]
    rules = sorted(rules, key=lambda rule: (bool(rule.actions), rule.score), reverse=True)
    return next(((rule.reason, rule.remedy) for rule in rules if rule.reason), ("", ""))
