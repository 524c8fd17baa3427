"""One pass over a recording that tells what a rule would find at every cut-off of a threshold.

Enters: a recording, a rule set, a Threshold. Leaves: the events whose fate hangs on it, frame by frame. Invariant: what
a rule hits is its own condition on the engine's own values; only where its hits come back to it (`comes_back`) would
the engine, set to another cut-off, have seen other values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from typing_extensions import override

from interceptor.chunk import Chunk, Views
from interceptor.engine import Engine
from interceptor.hits import Hits
from interceptor.observer import Observer
from interceptor.recording import Recording
from interceptor.rules.ruleset import Rule, RuleSet
from interceptor.schema import Action
from interceptor.scores import Points
from interceptor.tuning.outcome import local_day
from interceptor.tuning.replay import replay
from interceptor.tuning.tally import Found
from interceptor.tuning.threshold import Threshold
from simulator.city import Slice
from simulator.scams.chains import Step
from simulator.scorecard import ORDINARY


def comes_back(rule_set: RuleSet, rule: Rule) -> str:
    """Why a hit of this rule may change its later hits; "" where it can't."""
    if rule.mode != "live":
        return ""
    reads = rule_set.only([rule.name]).reads
    if rule.adds_to and ("list", rule.adds_to) in reads:
        return f"its hits go onto the list {rule.adds_to}, and whether it hits hangs on that list"
    if rule.score and rule.stage == "source" and any(section == "stage" for section, _ in reads):
        return "its hits add to scores, and whether it hits hangs on scores"
    filled = {("list", other.adds_to) for other in rule_set.rules if other.adds_to}
    if rule.actions & (Action.ALLOW | Action.HARD_BLOCK) and reads & filled:
        return "what it allows goes onto no list, and whether it hits hangs on lists that rules fill"
    return ""


def needed(rule_set: RuleSet, name: str) -> RuleSet:
    """The rule by itself, with its windows, where it decides alone whether it hits; else all rules."""
    small = rule_set.only([name])
    alone = all(rule.name == name for rule in small.rules)
    return small if alone and not comes_back(rule_set, small.rules[0]) else rule_set


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame: what was found in it, when each of that happened (int64[m]), and the campaigns (int32[s]) and times
    (int64[s]) of all scam events of the rule's kinds."""

    found: Found
    ts_ms: np.ndarray
    scam: np.ndarray
    scam_ts_ms: np.ndarray
    frame_ids: np.ndarray


def probed(recording: Recording, rule_set: RuleSet, rule: Rule, threshold: Threshold, task: str) -> Iterator[Seen]:
    """Replays the recording under these rules. Raises RecordingError."""
    watch = _Watch(rule_set, rule, threshold)
    kinds = np.array(sorted(rule.kinds))
    for taken, decided in replay(recording, Engine(rule_set, observer=watch), task):
        scam = np.flatnonzero((taken.campaign != ORDINARY) & np.isin(decided.kind, kinds))
        rows, found = watch.taken(taken)
        yield Seen(found, decided.ts_ms[rows], taken.campaign[scam], decided.ts_ms[scam], decided.event_id)


class _Watch(Observer):
    """Evaluates a rule's condition with the comparison held true and held false."""

    def __init__(self, rule_set: RuleSet, rule: Rule, threshold: Threshold) -> None:
        self._kinds, self._threshold = rule.kinds, threshold
        self._holds, self._fails = threshold.both(rule)
        self._others = [
            index for index, other in enumerate(rule_set.rules)
            if other.name != rule.name and other.mode == "live" and other.actions != Action.ALLOW
        ]  # fmt: skip
        self._seen: list[tuple[np.ndarray, ...]] = []

    @override
    def saw(self, start: int, chunk: Chunk, views: Views, hits: Hits, source: Points, target: Points) -> None:
        others: np.ndarray | None = None
        for view in views:
            if view is None or view.kind not in self._kinds:
                continue
            holds, fails = (np.broadcast_to(one(view), view.count) for one in (self._holds, self._fails))
            at = np.flatnonzero(holds | fails)
            if not len(at):
                continue
            if others is None:
                others = self._hit_by_others(chunk.count, hits)
            values = np.broadcast_to(self._threshold.value(view), view.count)[at]
            rows = view.rows[at]
            self._seen.append((start + rows.astype(np.int64), values.astype(np.float64), holds[at], fails[at],
                               others[rows]))  # fmt: skip

    def _hit_by_others(self, count: int, hits: Hits) -> np.ndarray:
        hit = np.zeros(count, bool)
        hit[hits.rows[np.isin(hits.rules, self._others)]] = True
        return hit

    def taken(self, frame: Slice) -> tuple[np.ndarray, Found]:
        """Rows of the frame and what was found there, since the last call."""
        empty = (np.zeros(0, np.int64), np.zeros(0), *(np.zeros(0, bool) for _ in range(3)))
        rows, values, holds, fails, other = (np.concatenate(one) for one in zip(empty, *self._seen, strict=True))
        self._seen.clear()
        source, ts_ms, fen, ids = (
            frame.frame.column(name).to_numpy()[rows] for name in ("source", "ts_ms", "amount_fen", "event_id")
        )
        campaign = frame.campaign[rows]
        pays = (campaign != ORDINARY) & (frame.step[rows] == Step.PAYMENT)
        return rows, Found(
            self._threshold.oriented(values), holds, fails, source, local_day(ts_ms), campaign,
            np.where(pays, fen, 0), ids, other,
        )  # fmt: skip


def span_ms(recording: Recording) -> tuple[int, int]:
    """Event time of the first and the last row, in ms; (0, 0) for a recording of nothing."""
    with pq.ParquetFile(recording.path) as file:
        groups = file.num_row_groups
        if not recording.events:
            return 0, 0
        first, last = (file.read_row_group(group, columns=["ts_ms"])["ts_ms"] for group in (0, groups - 1))
    return first[0].as_py(), last[-1].as_py()
