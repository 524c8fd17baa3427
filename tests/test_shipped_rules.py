"""The shipped rules in a small closed-loop city: they stop scams, and leave everybody else alone.

One seed that no rule was tuned on. The bulletin of a larger run says more; this says when a change breaks something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from interceptor.engine import Engine
from interceptor.rules import default_rules_dir, load
from interceptor.schema import Action, Kind, Verdict
from simulator.city import City
from simulator.population import Habit
from simulator.scenario import load as load_scenario

PEOPLE, SEED = 40_000, 31_337
TAKEN_AWAY = Action.LIMIT | Action.STOP_48H | Action.FREEZE_6M


@dataclass(frozen=True)
class Day:
    """All decided events of gates of one day, and the city afterwards."""

    city: City
    kind: np.ndarray
    campaign: np.ndarray
    habit: np.ndarray
    verdict: np.ndarray
    actions: np.ndarray


@pytest.fixture(scope="module")
def day() -> Day:
    city = City(load_scenario("city_centre"), people=PEOPLE, days=1, seed=SEED)
    engine = Engine(load(default_rules_dir()))
    parts = []
    for moment in city.slices():
        decisions = engine.decide(moment.frame)
        city.feedback(decisions)
        parts.append((decisions.kind, moment.campaign, moment.habit, decisions.verdict, decisions.actions))
    assert engine.counters == {"duplicate": 0, "late": 0, "future": 0, "evicted": 0}
    return Day(city, *(np.concatenate(column) for column in zip(*parts, strict=True)))


@pytest.mark.parametrize("kind", [Kind.CALL, Kind.SMS])
def test_what_is_blocked_is_scam(day: Day, kind: Kind) -> None:
    stopped = (day.kind == kind) & (day.verdict >= Verdict.HOLD)
    assert np.count_nonzero(stopped) >= 20
    assert np.mean(day.campaign[stopped] >= 0) >= 0.98


def test_no_ordinary_line_is_blocked_or_limited(day: Day) -> None:
    """All look-alikes are among them: couriers, call centres, teachers, redialers, repairers, students …"""
    ordinary = day.campaign < 0
    assert {Habit(habit) for habit in np.unique(day.habit[ordinary])} >= {Habit.COURIER, Habit.NEW_STUDENT}
    taken = (day.actions & int(TAKEN_AWAY)) != 0
    blocked = np.isin(day.kind, (Kind.CALL, Kind.SMS)) & (day.verdict == Verdict.BLOCK)
    touched = [Habit(habit).name for habit in np.unique(day.habit[ordinary & (taken | blocked)])]
    assert touched == []


def test_campaigns_are_met_and_money_stays(day: Day) -> None:
    met = np.unique(day.campaign[(day.campaign >= 0) & (day.verdict >= Verdict.HOLD)])
    assert len(met) >= 0.6 * len(day.city.campaigns)
    without = day.city.counterfactual()
    assert without.lost > 0
    assert day.city.losses.lost <= 0.5 * without.lost
