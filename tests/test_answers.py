"""What the city answers to a centre: alerts, banks, citizens, and a case that is known to have happened."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from interceptor.schema import Action, Kind, Outcome, Verdict
from simulator.city import City, Slice
from simulator.clock import HOUR_MS, day_start_ms
from simulator.scam_types import SCAM_TYPES
from simulator.scams.alerts import Alert
from simulator.scenario import Scenario, ScenarioError, load, parse

CASE = b"""
scenario: known
title: One case that is known
people: 1000
days: 1
incidents:
  - {day: 0, hour: 10.5, scam_type: fake_boss, yuan: 1750000, reported_minutes: 6}
"""


@dataclass
class Nothing:
    """Everything passes, but for actions on rows that were asked for."""

    taken: Slice
    acted: dict[int, Action] = field(default_factory=dict)
    rules: tuple[str, ...] = ()

    @property
    def event_id(self) -> np.ndarray:
        return np.asarray(self.taken.frame.column("event_id"))

    @property
    def verdict(self) -> np.ndarray:
        return np.zeros(self.taken.frame.num_rows, np.uint8)

    @property
    def actions(self) -> np.ndarray:
        found = np.zeros(self.taken.frame.num_rows, np.uint32)
        for row, action in self.acted.items():
            found[row] = action
        return found

    hit_row = hit_rule = np.zeros(0, np.int32)
    shadow = np.zeros(0, bool)


def _alerts(city: City) -> list[Alert]:
    found: list[Alert] = []
    for taken in city.slices():
        city.feedback(Nothing(taken))
        found += city.answers.alerts(taken.end_ms)
    return found


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return parse(CASE, "known.yaml")


def test_a_known_case_comes_as_it_was(scenario: Scenario) -> None:
    city = City(scenario, 1000, 1, 5, centre=True)
    alert = next(alert for alert in _alerts(city) if alert.loss_fen == 175_000_000)
    assert SCAM_TYPES[alert.scam_type] == "fake_boss"
    assert len(alert.payments) == 1
    assert alert.minutes_since == pytest.approx(6, abs=0.1)
    ten = day_start_ms(0) + 10 * HOUR_MS
    assert ten <= alert.payments[0].ts_ms < ten + HOUR_MS


class Delays(Nothing):
    """Large transfers are delayed."""

    @property
    def verdict(self) -> np.ndarray:
        large = np.asarray(self.taken.frame.column("amount_fen")) >= 175_000_000
        return np.where(large, Verdict.HOLD, Verdict.PASS).astype(np.uint8)


def test_what_a_bank_still_delays_it_takes_back(scenario: Scenario) -> None:
    city, sums = City(scenario, 1000, 1, 5, centre=True), []
    for taken in city.slices():
        city.feedback(Delays(taken))
        for alert in city.answers.alerts(taken.end_ms):
            if alert.loss_fen == 175_000_000:
                before = city.losses
                sums = [city.answers.cancel(alert) for _ in range(2)]
                after = city.losses
    assert sums == [175_000_000, 0]
    assert after.paid_fen == before.paid_fen - 175_000_000
    assert after.revoked_fen == before.revoked_fen + 175_000_000


def test_alerts_tell_true_transfers(scenario: Scenario) -> None:
    city = City(scenario, 1000, 1, 5, centre=True)
    transfers: dict[int, tuple[int, ...]] = {}
    alerts: list[Alert] = []
    for taken in city.slices():
        frame = taken.frame
        columns = [
            frame.column(name).to_pylist() for name in ("event_id", "ts_ms", "payer", "source", "amount_fen", "kind")
        ]
        transfers |= {row[0]: row[:5] for row in zip(*columns, strict=True) if row[5] == Kind.TRANSFER}
        city.feedback(Nothing(taken))
        alerts += city.answers.alerts(taken.end_ms)
    payments = [payment for alert in alerts for payment in alert.payments]
    assert payments
    for payment in payments:
        told = (payment.event_id, payment.ts_ms, payment.payer, payment.payee, payment.amount_fen)
        assert transfers[payment.event_id] == told


def test_a_bank_finds_what_is_there_and_lets_go_of_it_again(scenario: Scenario) -> None:
    city = City(scenario, 1000, 1, 5, centre=True)
    slices = city.slices()
    for taken in slices:
        city.feedback(Nothing(taken))
        if alerts := [alert for alert in city.answers.alerts(taken.end_ms) if alert.loss_fen == 175_000_000]:
            break
    payee = alerts[0].payments[0].payee
    stopped = city.answers.stop(payee)
    assert stopped.is_mule
    assert 0 < stopped.ours_fen <= stopped.gross_fen
    assert city.answers.stop(payee) == stopped  # again: the same is in it
    returned = city.answers.give_back(payee, 1_000_000)
    assert returned == 1_000_000
    assert city.answers.kept_fen(payee) == stopped.ours_fen - returned
    lost_fen = city.losses.lost_fen
    city.answers.release(payee, taken.end_ms)
    assert city.answers.kept_fen(payee) == 0
    assert city.losses.lost_fen == lost_fen + stopped.ours_fen - returned


def test_an_ordinary_account_has_what_its_owner_has() -> None:
    city = City(load("city_centre"), 1000, 1, 5, centre=True)
    account = int(city.population.account[7])
    stopped = city.answers.stop(account)
    assert (stopped.gross_fen, stopped.is_mule) == (int(city.population.balance_fen[7]), False)
    assert city.answers.stop(12345).gross_fen == 0


def test_stops_take_longer_further_down() -> None:
    answers = City(load("city_centre"), 1000, 1, 5, centre=True).answers
    noon = day_start_ms(0) + 12 * HOUR_MS
    waits = [
        np.median([answers.stopped_ms(account, layer, noon) - noon for account in range(1, 400)]) for layer in (1, 3)
    ]
    assert waits[0] < waits[1]
    assert {answers.desk(account) for account in range(1, 400)} == {0, 1, 2}


def test_whoever_is_reached_keeps_it_in_mind_for_a_while() -> None:
    city = City(load("city_centre"), 1000, 1, 5, centre=True)
    warned = city._operation._warned
    number, resident, noon = int(city.population.number[3]), np.array([3]), day_start_ms(0) + 12 * HOUR_MS
    outcomes = {city.answers.warn(number, 3, noon + nth, nth) for nth in range(40)}
    assert outcomes >= {Outcome.FALSE_ALARM}  # nobody is after this citizen
    assert warned.stop_chance(resident)[0] == pytest.approx(city.scenario.victims.stopped_by_warning[2])
    warned.at(noon + int((city.scenario.victims.warning_days + 1) * 24 * HOUR_MS))
    assert warned.stop_chance(resident)[0] == 0
    assert not warned.stops(3, 0.0)


def test_without_a_centre_officers_do_their_part_by_themselves() -> None:
    for centre in (False, True):
        city = City(load("city_centre"), 1000, 1, 5, centre=centre)
        taken = next(iter(city.slices()))
        calls = np.flatnonzero(np.asarray(taken.frame.column("kind")) == Kind.CALL)
        city.feedback(Nothing(taken, {int(calls[0]): Action.WARN_3}))
        target = taken.frame.column("target")[int(calls[0])].as_py()
        resident = np.flatnonzero(city.population.number[:1000] == target)
        assert bool(city._operation._warned.stop_chance(resident).any()) == (not centre and len(resident) > 0)


def test_a_case_of_no_scam_is_refused() -> None:
    with pytest.raises(ScenarioError, match="unknown scam type fake_bos"):
        parse(CASE.replace(b"fake_boss", b"fake_bos"), "known.yaml")
