"""What an event would have come to, had one rule not been there.

Enters: an Outcome and its rule set. Leaves: verdicts. Invariant: with no rule left out they are the engine's own; with
one left out they are exact for each event by itself, and for the whole stream where nothing that the rule does is read
by another (`feeds_back`).

A score holds at most the sixteen rules with the newest hits: a seventeenth that was pushed out isn't brought back.
"""

from __future__ import annotations

import numpy as np

from interceptor.rules import RuleSet
from interceptor.rules.ruleset import Rule
from interceptor.schema import Action
from interceptor.tuning.outcome import Entries, Outcome, live
from interceptor.verdict import SIDES, Ladders, Side, collect, resolve

NONE = -1  # no rule is left out


def feeds_back(rule_set: RuleSet, rule: Rule) -> bool:
    """Whether other rules read what this one does: a list that it fills, or the score that it adds to."""
    if rule.mode != "live":
        return False
    lists_read = {name for section, name in rule_set.reads if section == "list"}
    if rule.adds_to in lists_read:
        return True
    if rule.score and rule.stage == "source" and any(section == "stage" for section, _ in rule_set.reads):
        return True
    # What is allowed is put on no list
    return bool(rule.actions & Action.ALLOW) and any(other.adds_to in lists_read for other in rule_set.rules)


class LeftOut:
    """Verdicts of the events `rows` (bool[k] of the outcome), q of them, without one rule or another."""

    def __init__(self, outcome: Outcome, rule_set: RuleSet, rows: np.ndarray) -> None:
        rules = rule_set.rules
        self._ladders = {side: Ladders(rule_set.policies, side) for side in SIDES}
        self._actions = np.array([int(rule.actions) for rule in rules], np.uint32) * live(rule_set).astype(np.uint32)
        self._half = np.array([rule.score for rule in rules]) / 2
        self._evidence = np.uint64(1) << np.array([rule.evidence for rule in rules], np.uint64)
        self._kind = outcome["kind"][rows].astype(np.uint8, copy=False)
        self._hits = outcome.hits.of(rows)
        self._sides: dict[Side, Entries] = {"source": outcome.source.of(rows), "target": outcome.target.of(rows)}

    def touched(self, rule: int) -> np.ndarray:
        """bool[q]: the events that the rule has a part in."""
        part = np.zeros(len(self._kind), bool)
        for entries in (self._hits, *self._sides.values()):
            part[entries.at[entries.rule == rule]] = True
        return part

    def verdict(self, rule: int = NONE) -> np.ndarray:
        """uint8[q]: all events' verdicts without that rule (its position)."""
        collected = np.zeros(len(self._kind), np.uint32)
        kept = self._hits.rule != rule
        rows, rules = (column[kept].astype(np.int32) for column in (self._hits.at, self._hits.rule))
        collect(rows, rules, self._actions, collected)
        for side, entries in self._sides.items():
            self._ladders[side].climb(self._kind, *self._scored(entries, rule), collected)
        return resolve(collected, self._kind)[0]

    def _scored(self, entries: Entries, rule: int) -> tuple[np.ndarray, np.ndarray]:
        """Score float64[q] and kinds of evidence uint8[q]. bincount adds up in the order of the rules, as the engine
        does; a rule is evidence for one half-life, while it brings at least half of its points."""
        kept = entries.rule != rule
        at, rules, points = entries.at[kept], entries.rule[kept], entries.points[kept]
        score = np.bincount(at, points, len(self._kind)).astype(np.float64, copy=False)
        seen, fresh = np.zeros(len(self._kind), np.uint64), points >= self._half[rules]
        np.bitwise_or.at(seen, at[fresh], self._evidence[rules[fresh]])
        return score, np.bitwise_count(seen)
