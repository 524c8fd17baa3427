"""`interceptor rules test`: the tests that stand in rules files, with coverage.

Enters: a rules folder. Leaves: what failed, and how much of each condition was tried; an exit code. Invariant: a failed
test is named with its file and line, and with what was found instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interceptor.rules import RuleSet
from interceptor.rules.errors import printable
from interceptor.rules.written import written
from interceptor.tuning.replay import guarded, rule_named, rules_at
from interceptor.tuning.tables import (
    EXIT_CLEAN,
    EXIT_FOUND,
    Column,
    print_json,
    progress_bar,
    say,
    show_table,
)
from interceptor.tuning.trial import RuleTrial, Tried, try_rule

COLUMNS = (
    Column("rule"), Column("tests", right=True), Column("failed", right=True), Column("hit"), Column("miss"),
    Column("both ways", right=True), Column("thresholds", right=True),
)  # fmt: skip


@guarded
def main(folder: Path | None, only: Sequence[str], *, as_json: bool) -> int:
    """Exit code 0 = all passed, 1 = some failed, 2 = no such rule, 78 = the rules can't be loaded."""
    rule_set = rules_at(folder)
    names = list(dict.fromkeys(rule.name for rule in rule_set.rules))
    for name in only:
        rule_named(rule_set, name)
    trials = []
    with progress_bar() as bar:
        for name in bar.track(list(only) or names, description="Testing rules"):
            trials.append(try_rule(rule_set, name))
    if as_json:
        print_json(_as_json(rule_set, trials))
    else:
        _show(rule_set, trials, gaps=bool(only))
    return EXIT_FOUND if any(trial.failed for trial in trials) else EXIT_CLEAN


def _show(rule_set: RuleSet, trials: Sequence[RuleTrial], *, gaps: bool) -> None:
    show_table(f"Tests of rule set {rule_set.hash}", COLUMNS, [_row(trial) for trial in trials])
    for trial in trials:
        for gap in _gaps(trial) if gaps else ():
            say(f"{trial.rule.name}: {gap}")
    for trial in trials:
        for outcome in trial.failed:
            index = rule_set.definitions.rules[trial.rule.name].tests.index(outcome.case)
            place = rule_set.definitions.place("rules", trial.rule.name, "tests", index)
            at = f"{place.path}:{place.line}: "
            say(printable(f"{at}{trial.rule.name}: {outcome.case.name}: {outcome.problem}"))
    tests, failed = sum(len(trial.outcomes) for trial in trials), sum(len(trial.failed) for trial in trials)
    both = sum(trial.has_hit and trial.has_miss for trial in trials)
    leaves = [tried for trial in trials for tried in trial.tried]
    edges = [tried for tried in leaves if tried.threshold is not None]
    say(
        f"{tests:,} tests, {failed:,} failed · {both:,} of {len(trials):,} rules have a hit and a miss · "
        f"{sum(tried.both_ways for tried in leaves):,} of {len(leaves):,} conditions tried both ways · "
        f"{sum(tried.closely for tried in edges):,} of {len(edges):,} thresholds tried on both sides, closely"
    )


def _row(trial: RuleTrial) -> list[str]:
    edges = [tried for tried in trial.tried if tried.threshold is not None]
    return [
        trial.rule.name,
        f"{len(trial.outcomes)}",
        f"{len(trial.failed) or '–'}",
        "yes" if trial.has_hit else "no",
        "yes" if trial.has_miss else "no",
        f"{sum(tried.both_ways for tried in trial.tried)}/{len(trial.tried)}",
        f"{sum(tried.closely for tried in edges)}/{len(edges)}",
    ]


def _gaps(trial: RuleTrial) -> list[str]:
    """What no test tried yet, in words."""
    return [words for tried in trial.tried if (words := _gap(tried))]


def _gap(tried: Tried) -> str:
    if not tried.both_ways:
        seen = "was always true" if True in tried.was else "was always false" if tried.was else "was never tried"
        return f"{written(tried.leaf)} {seen}"
    if tried.threshold is not None and not tried.closely:
        return f"{written(tried.leaf)} was tried at {tried.below:g} and {tried.above:g}, with room in between"
    return ""


def _as_json(rule_set: RuleSet, trials: Sequence[RuleTrial]) -> dict[str, Any]:
    return {
        "ruleset": rule_set.hash,
        "tests": sum(len(trial.outcomes) for trial in trials),
        "failed": sum(len(trial.failed) for trial in trials),
        "rules": {trial.rule.name: _rule_as_json(trial) for trial in trials},
    }


def _rule_as_json(trial: RuleTrial) -> dict[str, Any]:
    edges = [tried for tried in trial.tried if tried.threshold is not None]
    return {
        "hit": trial.has_hit,
        "miss": trial.has_miss,
        "conditions": {"all": len(trial.tried), "both_ways": sum(tried.both_ways for tried in trial.tried)},
        "thresholds": {"all": len(edges), "closely": sum(tried.closely for tried in edges)},
        "gaps": _gaps(trial),
        "tests": [
            {"name": one.case.name, "passed": one.passed, "problem": one.problem, "hits": list(one.hits)}
            for one in trial.outcomes
        ],
    }
