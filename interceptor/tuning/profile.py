"""`interceptor rules profile`: what each rule, feature and other part of the engine costs.

Enters: a recording, rules. Leaves: a table or JSON. Invariant: the parts' times add up to the engine's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from interceptor.recording import open_recording
from interceptor.rules import RuleSet
from interceptor.tuning.outcome import OUTSIDE, Outcome, decided
from interceptor.tuning.replay import guarded, rules_at
from interceptor.tuning.tables import EXIT_CLEAN, Column, percent, print_json, show_table

NOTE = (
    "ns: for each event of the recording, of whatever kind. What several rules need is worked out once: the first that"
    " asks for it\npays for it, rules in the order of their names; features of one key share its look-up in the same"
    " way. hits: of a feature, those\nof the rules that read it, by themselves or through another feature."
)


@dataclass(frozen=True, slots=True)
class Cost:
    """One part. `hits`: of the rule, or of the rules that read the feature; None for the other parts."""

    section: str
    name: str
    ns_per_event: float
    share: float
    hits: int | None


@guarded
def main(on: Path, rules: Path | None, *, as_json: bool) -> int:
    """Exit code 0 = done, 2 = no such recording, 78 = the rules can't be loaded."""
    recording, rule_set = open_recording(on), rules_at(rules)
    outcome = decided(recording, rule_set)
    found = costs(outcome, rule_set)
    each = outcome.engine_ns / max(1, outcome.events)
    if as_json:
        parts = [asdict(cost) for cost in found]
        print_json({"ruleset": outcome.ruleset, "events": outcome.events, "ns_per_event": each, "parts": parts})
        return EXIT_CLEAN
    columns = [Column("part"), Column("name", wraps=True)]
    columns += [Column(name, right=True) for name in ("ns", "share", "hits")]
    rows = []
    for one in found:
        hits = "" if one.hits is None else f"{one.hits:,}"
        rows.append([one.section, one.name, f"{one.ns_per_event:.1f}", percent(one.share), hits])
    title = f"Rules {outcome.ruleset} on {on.name}: {outcome.events:,} events, {each:,.0f} ns each in the engine"
    show_table(title, columns, rows, NOTE)
    return EXIT_CLEAN


def costs(outcome: Outcome, rule_set: RuleSet) -> list[Cost]:
    """Every part of the engine, dearest first."""
    hits_of = _hits(outcome, rule_set)
    whole, events = max(1, outcome.engine_ns), max(1, outcome.events)
    found = [
        Cost(section, name, ns / events, ns / whole, hits_of.get((section, name)))
        for (section, name), ns in outcome.ns.items()
        if section != OUTSIDE
    ]
    return sorted(found, key=lambda cost: -cost.ns_per_event)


def _hits(outcome: Outcome, rule_set: RuleSet) -> dict[tuple[str, str], int]:
    """Hits by rule, and by feature: of all rules that read it."""
    counts = np.bincount(outcome.hits.rule, minlength=len(rule_set.rules)).tolist()
    reads_of = {("feature", feature.name): feature.uses for feature in rule_set.features}
    found: dict[tuple[str, str], int] = dict.fromkeys(reads_of, 0)
    for rule, count in zip(rule_set.rules, counts, strict=True):
        found["rule", rule.name] = found.get(("rule", rule.name), 0) + count
        waiting, seen = set(rule.condition.uses), set[tuple[str, str]]()
        while waiting:
            one = waiting.pop()
            if one in reads_of and one not in seen:
                seen.add(one)
                found[one] += count
                waiting |= reads_of[one]
    return found
