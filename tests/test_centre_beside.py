"""A centre beside a simulated city: alerts become stops, orders take effect, and the same run writes the same book."""

from __future__ import annotations

from pathlib import Path

import pytest

from interceptor.centre.orders import Verb, order
from interceptor.centre.things import Thing
from interceptor.commands.centre.beside import CentreBeside
from interceptor.commands.centre.keys import VARIABLE
from interceptor.engine import Engine
from interceptor.rules import default_rules_dir, load
from interceptor.schema import Subject
from simulator.clock import DAY_0_MS
from simulator.scenario import parse
from simulator.source import CitySource

PEOPLE, DAYS, SEED = 3000, 1, 4
MANY = b"""
scenario: many
title: Many victims
people: 3000
days: 1
campaigns: {per_100k_people: 1000, every_type_from_people: 1000}
volleys: {lines_factor: 0.2, trunk_factor: 0.2, hook_factor: 8}
victims: {report_loss: 1.0, report_loss_minutes: 20}
reported:
  money.alerts: 7
"""


def _run(path: Path) -> CentreBeside:
    """A day; the book stays open."""
    source = CitySource(parse(MANY, "many.yaml"), PEOPLE, DAYS, SEED, centre=True)
    source.build()
    engine = Engine(load(default_rules_dir()))
    centre = CentreBeside(path, engine, source.city)
    citizen = Thing(Subject.NUMBER, int(source.city.population.number[0]))
    with centre.book.act("test.advice", str(citizen), "tester", DAY_0_MS) as act:
        order(act, Verb.WARN, citizen, DAY_0_MS, reason="Hang up.", ref="advice")
    for taken in source.slices():
        decisions = engine.decide(taken.frame)
        source.feedback(decisions)
        centre.take(taken, decisions)
    return centre


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> CentreBeside:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, bytes(32).hex())
        return _run(tmp_path_factory.mktemp("beside") / "centre.sqlite")


def _one(centre: CentreBeside, query: str) -> int:
    return int(centre.book.db.execute(query).fetchone()[0] or 0)


def test_alerts_are_matched_and_accounts_stopped_in_more_than_one_layer(centre: CentreBeside) -> None:
    assert _one(centre, "SELECT count(*) FROM alerts") > 3
    assert _one(centre, "SELECT count(*) FROM taints") > 0
    assert _one(centre, "SELECT max(layer) FROM stops WHERE executed_ms IS NOT NULL") > 1
    assert _one(centre, "SELECT sum(gross_fen) FROM stops") > 0
    assert _one(centre, "SELECT min(executed_ms - asked_ms) FROM stops WHERE executed_ms IS NOT NULL") > 0


def test_officers_reach_citizens_and_look_at_sites(centre: CentreBeside) -> None:
    assert _one(centre, "SELECT count(*) FROM warnings WHERE reached_ms > 0") > 0
    assert _one(centre, "SELECT count(*) FROM sites WHERE state = 'confirmed'") > 0
    assert _one(centre, "SELECT count(*) FROM officers") > 0


def test_the_log_is_whole(centre: CentreBeside) -> None:
    assert centre.book.audit.verify() is None


def test_the_same_run_writes_the_same_log(
    centre: CentreBeside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, bytes(32).hex())
    with _run(tmp_path / "again.sqlite") as again:
        assert again.book.audit.head() == centre.book.audit.head()
