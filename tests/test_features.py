"""Banks of features: conditions that read features of the bank before, and what a watcher sees.

Enters: a small rule set whose features lean on each other, and a random stream. Leaves: decisions as the reference has
them. Invariant: in whatever order the features are written down, and whether or not somebody watches.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from interceptor.engine import Engine
from interceptor.observer import Observer
from interceptor.rules import load
from interceptor.rules.definitions import read
from tests.recordings import rules
from tests.reference import Reference
from tests.streams import alphabet_of, as_outcomes, cut, frame, seeded
from tests.test_invariance import assert_same

FEATURES = (
    "  - {feature: calls, count: events, on: call, by: caller, within: 1h}\n",
    "  - {feature: busy_share, ratio: calls >= 2, on: call, by: callee, within: 1h}\n",
    "  - {feature: busy_calls, count: events, on: call, where: calls >= 2, by: callee, within: 1h}\n",
)
RULES = """rules:
  - {rule: half, title: t, on: call, condition: busy_share >= 0.5, evidence: traffic, score: 1}
  - {rule: twice, title: t, on: call, condition: busy_calls >= 2, evidence: traffic, score: 1}
"""


class _Laps(Observer):
    def __init__(self) -> None:
        self.names: list[str] = []

    def lap(self, section: str, name: str) -> None:
        self.names += [name] * (section == "feature")


@pytest.mark.parametrize("features", [FEATURES, FEATURES[::-1]], ids=["in order", "turned round"])
def test_conditions_that_read_features(tmp_path: Path, features: tuple[str, ...]) -> None:
    folder = rules(tmp_path, "schema: 1\nfeatures:\n" + "".join(features) + RULES)
    definitions, rule_set, laps = read(folder), load(folder), _Laps()
    events = seeded(5, 1_500, alphabet_of(definitions))
    expected = Reference(definitions).decide_all(events)
    for observer in (Observer(), laps):
        engine = Engine(rule_set, observer=observer)
        found = [one for part in cut(events, [700, 1, 99]) for one in as_outcomes(engine.decide(frame(part)))]
        assert_same(events, found, expected, type(observer).__name__)
    assert {name for outcome in expected for name in outcome.rules} == {"half", "twice"}
    assert set(laps.names) == {"calls", "busy_share", "busy_calls"}
