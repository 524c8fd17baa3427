"""What a run comes to, in plain figures.

Enters: a score card's sums, losses, seconds. Leaves: a Report, and the same as plain types for JSON. Invariant: what is
undefined (a share of nothing, money without a counterfactual) is None, never 0 or NaN.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

from interceptor.schema import GATES, Kind
from simulator.scorecard import RuleScore, Score

GATE_KEYS = {kind: kind.name.lower() for kind in GATES}


OBSERVED = ", observed"  # how a scenario is called where nothing was stopped


@dataclass(frozen=True, slots=True)
class Setting:
    """What a stream is of; the times are event time."""

    scenario: str
    people: int
    days: int
    seed: int
    start_ms: int
    end_ms: int

    @property
    def observed(self) -> bool:
        """Everything passed, whatever was decided."""
        return self.scenario.endswith(OBSERVED)

    def as_text(self) -> dict[str, str]:
        return {"setting": json.dumps(asdict(self))}

    @classmethod
    def from_text(cls, about: dict[str, str]) -> Setting:
        """Raises KeyError, TypeError or ValueError for what `as_text` didn't write."""
        return cls(**json.loads(about["setting"]))


@dataclass(frozen=True, slots=True)
class Money:
    """In fen. `without`: what the same campaigns would have taken with nobody in their way; None = not known.

    `recovered`: was paid, but stopped in the accounts that it went through; it isn't part of `lost`.
    """

    attempted: int
    lost: int
    without: int | None
    recovered: int = 0

    @property
    def saved(self) -> int | None:
        return None if self.without is None else self.without - self.lost


@dataclass(frozen=True, slots=True)
class Town:
    """One township: residents, scam events that reached them, what they lost."""

    name: str
    residents: int
    reached: int
    paid_fen: int

    @property
    def paid_each_fen(self) -> float:
        return self.paid_fen / self.residents if self.residents else 0.0

    @property
    def reached_per_1000(self) -> float:
        return 1000 * self.reached / self.residents if self.residents else 0.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Wall-clock seconds. Total holds all; simulator and engine are those of the stream itself."""

    total: float
    simulator: float
    engine: float
    scoring: float
    set_up: float  # the city is built, the rules are loaded
    compile: float  # kernels, only the first time
    centre: float = 0.0  # on duty beside the run, if there is one
    counterfactual: float | None = None  # in a process of its own, beside the rest

    @property
    def rest(self) -> float:
        of_parts = self.simulator + self.engine + self.scoring + self.centre + self.set_up + self.compile
        return self.total - of_parts


class Stopwatch:
    """Wall-clock seconds by what they were spent on, from the moment it is made."""

    def __init__(self) -> None:
        self._began_s = perf_counter()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """`part`: a field of Speed."""
        began_s = perf_counter()
        try:
            yield
        finally:
            self._seconds[part] = self._seconds.get(part, 0.0) + perf_counter() - began_s

    def speed(self, counterfactual: float | None) -> Speed:
        total = perf_counter() - self._began_s
        parts = {
            name: self._seconds.get(name, 0.0)
            for name in ("simulator", "engine", "scoring", "centre", "set_up", "compile")
        }
        return Speed(total=total, counterfactual=counterfactual, **parts)


@dataclass(frozen=True, slots=True)
class RulesUsed:
    """One of the rule sets that decided: its hash and number of rules, how many events it decided, and since when it
    was there (event time)."""

    ruleset: str
    rules: int
    events: int
    from_ms: int


@dataclass(frozen=True, slots=True)
class Report:
    """A run. `ruleset` is what decided at its end, `rule_sets` are all that did, in order. `stopped_ms`: event time at
    which a person stopped it, None = it came to its end."""

    setting: Setting
    ruleset: str
    rules: int
    version: str
    score: Score
    types: Sequence[tuple[str, str]]  # id and Chinese name, in the order of score.types
    money: Money
    money_of_type: Sequence[Money]
    towns: Sequence[Town]
    habits: Sequence[str]
    speed: Speed
    gates_of_rule: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    stopped_ms: int | None = None
    truth: bool = True
    rule_sets: Sequence[RulesUsed] = ()


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain types; the keys are an interface, new ones may come."""
    score, speed = report.score, report.speed
    return {
        "version": report.version,
        "scenario": report.setting.scenario,
        "people": report.setting.people,
        "days": report.setting.days,
        "seed": report.setting.seed,
        "ruleset": report.ruleset,
        "rulesets": [asdict(used) for used in report.rule_sets],
        "complete": report.stopped_ms is None,
        "events": score.events,
        "statuses": score.statuses,
        "seconds": _seconds(speed),
        "engine_events_per_s": rate(score.events, speed.engine),
        "simulator_events_per_s": rate(score.events, speed.simulator),
        "gates": {GATE_KEYS[kind]: _gate(report, kind) for kind in GATES},
        "campaigns": {
            id_: {
                "name": chinese,
                "count": type_.count,
                "recall": type_.recall,
                "median_minutes_to_first": type_.median_minutes,
                "money": _money(money),
            }
            for (id_, chinese), type_, money in zip(report.types, score.types, report.money_of_type, strict=True)
        },
        "money": {**_money(report.money), "recovered": report.money.recovered / 100, "held": score.held_fen / 100},
        "harm": {
            "calls_blocked": score.calls_blocked if report.truth else None,
            "people_delayed": score.people_delayed if report.truth else None,
            "lines_limited": score.lines_limited if report.truth else None,
            "habits": {report.habits[h.habit]: {"events": h.events, "touched": h.touched} for h in score.habits},
        },
        "rules": [_rule(rule) for rule in score.rules],
        "by_score_alone": score.by_score_alone,
        "townships": [
            {"name": town.name, "residents": town.residents, "reached": town.reached, "paid": town.paid_fen / 100}
            for town in report.towns
        ],
        "engine_counters": report.counters,
    }


def _seconds(speed: Speed) -> dict[str, float | None]:
    names = ("total", "simulator", "engine", "scoring", "centre", "set_up", "compile", "rest", "counterfactual")
    values = {name: getattr(speed, name) for name in names}
    return {name: None if value is None else round(value, 3) for name, value in values.items()}


def rate(events: int, seconds: float) -> int | None:
    """Events a second."""
    return round(events / seconds) if seconds > 0 else None


def _gate(report: Report, kind: Kind) -> dict[str, Any]:
    gate = report.score.gates[kind]
    counts = {"events": gate.events, "scam": gate.scam if report.truth else None, "intercepted": gate.intercepted}
    judged = ("precision", "recall", "false_per_100k")
    return counts | {name: getattr(gate, name) if report.truth else None for name in judged}


def _money(money: Money) -> dict[str, float | None]:
    fen = {
        "attempted": money.attempted, "lost": money.lost, "lost_without": money.without, "saved": money.saved
    }  # fmt: skip
    return {name: None if value is None else value / 100 for name, value in fen.items()}


def _rule(rule: RuleScore) -> dict[str, Any]:
    return {
        "rule": rule.name, "shadow": rule.shadow, "hits": rule.hits, "true_hits": rule.true_hits,
        "catches": rule.catches, "precision": rule.precision, "held": rule.held_fen / 100,
    }  # fmt: skip
