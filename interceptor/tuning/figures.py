"""What a backtest counts, for each rule and in sum.

Enters: an Outcome, its rule set, the recording's scam types. Leaves: RuleFigures and Totals. Invariant: hits, scams and
interceptions are counted as a run's score card counts them; what is undefined is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interceptor.rules import RuleSet
from interceptor.rules.ruleset import Rule
from interceptor.schema import GATES, Action, Kind, Verdict
from interceptor.tuning.left_out import NONE, LeftOut, feeds_back
from interceptor.tuning.outcome import Outcome, blocks, live
from simulator.scam_types import SCAM_TYPES
from simulator.scorecard import ORDINARY, GateScore, ratio


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Of `count` campaigns that came to the rule's gates, how many it hit at least once there."""

    count: int
    hit: int

    @property
    def recall(self) -> float | None:
        return ratio(self.hit, self.count)


@dataclass(frozen=True, slots=True)
class WithoutRule:
    """What would change if the rule were taken out: scam events and victims' payments (fen) no longer stopped,
    ordinary events that would pass; negative where more would be stopped. `about`: firing feeds back, so this is what
    changes at each event by itself, and not all that would change in the end."""

    scam: int
    money_fen: int
    ordinary: int
    about: bool


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One rule. An alert is one source on one local day, however often the rule hits it. `only_true`, `only_false`:
    scam and ordinary events that no other live rule hit. `without` is None for a rule that only watches. ns_per_event:
    its own evaluation; of both parts of a rule that is rolled out."""

    rule: Rule
    hits: int
    true_hits: int
    alerts: int
    alerts_a_day: float
    campaigns: Campaigns
    by_type: dict[str, Campaigns]
    only_true: int
    only_false: int
    without: WithoutRule | None
    ns_per_event: float

    @property
    def precision(self) -> float | None:
        return ratio(self.true_hits, self.hits)

    @property
    def shadow(self) -> bool:
        return self.rule.mode == "shadow"


@dataclass(frozen=True, slots=True)
class Totals:
    """The rule set as a whole. Money: what victims were about to pay, and what of it was held or blocked."""

    events: int
    days: int
    verdicts: dict[str, int]
    gates: dict[Kind, GateScore]
    asked_fen: int
    stopped_fen: int
    campaigns: Campaigns
    engine_ns_per_event: float


def totals(outcome: Outcome) -> Totals:
    gates, payments = {}, outcome.payments_fen
    for kind in GATES:
        ordinary, scam = (outcome.counts[kind, truth] for truth in (0, 1))
        caught, wrong = int(scam[Verdict.HOLD :].sum()), int(ordinary[Verdict.HOLD :].sum())
        gates[kind] = GateScore(int(ordinary.sum() + scam.sum()), int(scam.sum()), caught, wrong)
    at_gate = outcome.scam & outcome.at_gate
    begun = np.unique(outcome["campaign"][at_gate])
    met = np.unique(outcome["campaign"][at_gate & outcome.stopped])
    return Totals(
        events=outcome.events,
        days=outcome.days,
        verdicts={one.name.lower(): int(outcome.counts[list(GATES), :, one].sum()) for one in Verdict},
        gates=gates,
        asked_fen=int(payments.sum()),
        stopped_fen=int(payments[outcome.stopped].sum()),
        campaigns=Campaigns(len(begun), len(met)),
        engine_ns_per_event=outcome.engine_ns / max(1, outcome.events),
    )


def figures(outcome: Outcome, rule_set: RuleSet, type_of_campaign: np.ndarray) -> list[RuleFigures]:
    """Of every rule, in the rule set's order; type_of_campaign holds positions in SCAM_TYPES."""
    count = len(rule_set.rules)
    scam = outcome.scam
    hits = np.bincount(outcome.hits.rule, minlength=count)
    true_hits = np.bincount(outcome.hits.rule[scam[outcome.hits.at]], minlength=count)
    alerts, only, without = _alerts(outcome, count), _only(outcome, live(rule_set)), _without(outcome, rule_set)
    return [
        RuleFigures(
            rule=rule,
            hits=int(hits[i]),
            true_hits=int(true_hits[i]),
            alerts=int(alerts[i]),
            alerts_a_day=float(alerts[i] / outcome.days),
            campaigns=(met := _campaigns(outcome, rule, i, type_of_campaign))[0],
            by_type=met[1],
            only_true=int(only[1, i]),
            only_false=int(only[0, i]),
            without=without[i],
            ns_per_event=outcome.ns.get(("rule", rule.name), 0) / max(1, outcome.events),
        )
        for i, rule in enumerate(rule_set.rules)
    ]


def _alerts(outcome: Outcome, rules: int) -> np.ndarray:
    """int64[rules]: how many sources each rule hit, counted anew every local day."""
    at, rule = outcome.hits.at, outcome.hits.rule
    source, day = outcome["source"][at], outcome.day[at]
    order = np.lexsort((rule, day, source))
    columns = [column[order] for column in (source, day, rule)]
    new = np.ones(len(order), bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return np.bincount(rule[order][new], minlength=rules)


def _only(outcome: Outcome, is_live: np.ndarray) -> np.ndarray:
    """int64[2, rules]: ordinary and scam events that the rule hit and no other live rule."""
    found, scam, done = np.zeros((2, len(is_live)), np.int64), outcome.scam, 0
    for hit in blocks(outcome, len(is_live)):
        lives = np.count_nonzero(hit & is_live, axis=1)
        alone = hit & ((lives[:, None] - is_live) == 0)
        for truth in (0, 1):
            found[truth] += np.count_nonzero(alone[scam[done : done + len(hit)] == truth], axis=0)
        done += len(hit)
    return found


def _campaigns(
    outcome: Outcome, rule: Rule, index: int, type_of_campaign: np.ndarray
) -> tuple[Campaigns, dict[str, Campaigns]]:
    """Campaigns with events of the rule's kinds, all and by scam type."""
    campaign = outcome["campaign"]
    hit_rows = outcome.hits.at[outcome.hits.rule == index]
    there = np.unique(campaign[outcome.scam & np.isin(outcome["kind"], list(rule.kinds))])
    hit = np.unique(campaign[hit_rows])
    hit = hit[hit != ORDINARY]
    counts, hits = (
        np.bincount(type_of_campaign[of], minlength=len(SCAM_TYPES)) if len(of) else np.zeros(len(SCAM_TYPES), int)
        for of in (there, hit)
    )
    by_type = {
        name: Campaigns(int(n), int(h)) for name, n, h in zip(SCAM_TYPES, counts, hits, strict=True) if n
    }  # fmt: skip
    return Campaigns(len(there), len(hit)), by_type


def _without(outcome: Outcome, rule_set: RuleSet) -> list[WithoutRule | None]:
    """Each rule left out of what decided the events that were stopped or allowed: no others could change."""
    could = outcome.stopped | ((outcome["actions"] & np.uint32(Action.ALLOW)) != 0)
    left_out = LeftOut(outcome, rule_set, could)
    scam, money = outcome.scam[could], outcome.payments_fen[could]
    before = left_out.verdict(NONE) >= Verdict.HOLD
    found: list[WithoutRule | None] = []
    for index, rule in enumerate(rule_set.rules):
        if rule.mode != "live":
            found.append(None)
            continue
        change = before.astype(np.int8)
        if left_out.touched(index).any():
            change -= left_out.verdict(index) >= Verdict.HOLD
        else:
            change[:] = 0
        about = feeds_back(rule_set, rule)
        found.append(WithoutRule(int(change[scam].sum()), int((money * change).sum()), int(change[~scam].sum()), about))
    return found


def most_useful_first(found: Sequence[RuleFigures]) -> list[RuleFigures]:
    """What would be missed most first; without truth, what hits most. Rules that never hit are left out."""

    def worth(one: RuleFigures) -> tuple[int, ...]:
        without = one.without
        lost = (without.money_fen, without.scam) if without else (0, 0)
        return (*lost, one.only_true, one.true_hits, one.hits)

    return sorted((one for one in found if one.hits), key=worth, reverse=True)
