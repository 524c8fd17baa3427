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

from interceptor.hits import Hits
from interceptor.lists import Entry
from interceptor.notice import Finding, Notice
from interceptor.rules.ruleset import Rule, RuleSet
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
class Decisions:
    """Decisions of one batch of n events, in its order, with their m hits (sorted by row, then rule).

    event_id uint64[n], kind uint8[n], ts_ms int64[n], status uint8[n], verdict uint8[n], actions uint32[n] (Action
    bits), score and target_score float64[n]; hits: rows are the batch's. `looked_up(row, name)`: the value that a
    name had in an event, for look-ups in lists; None where the event doesn't have it (any more).
    """

    event_id: np.ndarray
    kind: np.ndarray
    ts_ms: np.ndarray
    status: np.ndarray
    verdict: np.ndarray
    actions: np.ndarray
    score: np.ndarray
    target_score: np.ndarray
    hits: Hits
    rule_set: RuleSet
    entry_of: Callable[[str, Any, int], Entry | None]
    looked_up: Callable[[int, str], Any]

    def __len__(self) -> int:
        return len(self.event_id)

    @property
    def rules(self) -> tuple[str, ...]:
        return self.rule_set.names

    @property
    def hit_row(self) -> np.ndarray:
        """int32[m], ascending."""
        return self.hits.rows

    @property
    def hit_rule(self) -> np.ndarray:
        """int32[m]: positions in rule_set.rules, ascending within a row."""
        return self.hits.rules

    @property
    def shadow(self) -> np.ndarray:
        """bool[rules]: which rules only watch."""
        return self.rule_set.shadow

    @property
    def ruleset(self) -> str:
        return self.rule_set.hash

    def to_arrow(self) -> pa.RecordBatch:
        """The decisions with DECISION_SCHEMA; `rules` holds the names of all hits, shadow rules included."""
        offsets = self.hits.offsets(len(self))
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
        hits = range(int(start), int(stop))
        rules = [int(rule) for rule in self.hit_rule[start:stop]]
        reason, remedy = most_telling(
            [rule for rule in map(self.rule_set.rules.__getitem__, rules) if rule.mode == "live"]
        )
        return Notice(
            event_id=int(self.event_id[row]),
            gate=Kind(self.kind[row]),
            status=Status(self.status[row]),
            verdict=Verdict(self.verdict[row]),
            actions=Action(int(self.actions[row])),
            score=float(self.score[row]),
            target_score=float(self.target_score[row]),
            findings=tuple(self._finding(row, hit) for hit in hits),
            reason=reason,
            remedy=remedy,
            ruleset=self.ruleset,
        )

    def _finding(self, row: int, hit: int) -> Finding:
        number = int(self.hits.rules[hit])
        rule = self.rule_set.rules[number]
        values: dict[str, float] = {}
        entries: dict[str, Entry] = {}
        known = (one.of(row, number) for one in self.hits.compared)
        compared = next((one for one in known if one is not None), None)
        if compared is not None:
            values = dict(zip(rule.compares, compared, strict=True))
            for name, of in rule.looks_up:
                entry = self.entry_of(of, self.looked_up(row, name), int(self.ts_ms[row]))
                entries |= {f"{name} in {of}": entry} if entry else {}
        return Finding(rule.name, rule.title, rule.version, rule.mode == "shadow", values, entries)


def most_telling(rules: Sequence[Rule]) -> tuple[str, str]:
    """Reason and remedy of the rule that weighs most, of live ones that hit: actions first, then score."""
    by_weight = sorted(rules, key=lambda rule: (bool(rule.actions), rule.score), reverse=True)
    return next(((rule.reason, rule.remedy) for rule in by_weight if rule.reason), ("", ""))
