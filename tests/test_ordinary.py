"""Ordinary life: same bytes for the same seed, hours that stand alone, volumes, every look-alike of SOURCES.md D3.

Enters: small cities. Leaves: nothing. Invariant: what is asserted of a look-alike is what makes it look like fraud.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from interceptor.schema import EVENT_SCHEMA, Kind, LineKind, Subject, Trunk
from simulator.clock import HOUR_MS, day_start_ms, hour_start_ms
from simulator.events import Pools, Rows, to_frame
from simulator.institutions import official_numbers
from simulator.lookalikes import LOOKALIKES
from simulator.ordinary import Ordinary
from simulator.population import Habit, Population, build

PEOPLE, SEED = 2_000, 7


@pytest.fixture(scope="module")
def city() -> Population:
    return build(PEOPLE, SEED)


@pytest.fixture(scope="module")
def life(city: Population) -> Ordinary:
    return Ordinary(city, Pools.empty(), SEED)


@pytest.fixture(scope="module")
def day(life: Ordinary) -> Rows:
    """The first day of the run, a Monday and a rent day."""
    return Rows.merged(life.hour(hour) for hour in range(24))


def of(rows: Rows, habit: Habit, *kinds: Kind) -> Rows:
    return rows.take((rows.column("habit") == habit) & np.isin(rows.column("kind"), kinds or list(Kind)))


def frames(people: int, seed: int, hours: list[int]) -> list[pa.RecordBatch]:
    pools = Pools.empty()
    life = Ordinary(build(people, seed), pools, seed)
    return [to_frame(life.hour(hour), pools, 0) for hour in hours]


def test_same_seed_same_bytes() -> None:
    one, other = frames(500, 3, [8, 9]), frames(500, 3, [8, 9])
    assert all(a.equals(b) for a, b in zip(one, other, strict=True))
    assert not frames(500, 4, [8])[0].equals(one[0])


def test_an_hour_does_not_depend_on_what_was_asked_before() -> None:
    in_turn, alone = frames(500, 3, list(range(20, 34)))[-1], frames(500, 3, [33])[0]
    assert in_turn.equals(alone)
    assert frames(500, 3, [33, 21])[1].equals(frames(500, 3, [21])[0])


def test_hours_keep_to_their_hour_and_order(life: Ordinary) -> None:
    for hour in (0, 11, 23, 24):
        ts_ms = life.hour(hour).column("ts_ms")
        assert ts_ms.min() >= hour_start_ms(hour)
        assert ts_ms.max() < hour_start_ms(hour) + HOUR_MS
        assert np.all(np.diff(ts_ms) >= 0)


def test_a_frame_has_the_schema(city: Population) -> None:
    pools = Pools.empty()
    frame = to_frame(Ordinary(city, pools, SEED).hour(12), pools, 0)
    assert frame.schema.equals(EVENT_SCHEMA)
    texts = frame.column("text").to_pylist()
    assert all(
        bool(text) == (kind == Kind.SMS) for text, kind in zip(texts, frame.column("kind").to_pylist(), strict=True)
    )


def test_volumes_per_resident(day: Rows) -> None:
    per_resident = np.bincount(day.column("kind"), minlength=len(Kind)) / PEOPLE
    expected = {Kind.CALL: 14, Kind.CALL_END: 10, Kind.SMS: 4.5, Kind.WEB: 2.7, Kind.TRANSFER: 2.8}
    for kind, count in expected.items():
        assert per_resident[kind] == pytest.approx(count, rel=0.2), kind.name
    assert 25 < per_resident.sum() < 40
    assert per_resident[Kind.REPORT] > 0
    assert per_resident[Kind.REGISTRATION] > 0


def test_every_habit_is_there_every_day(life: Ordinary, day: Rows) -> None:
    later = Rows.merged(life.hour(hour) for hour in range(48, 72))
    for rows in (day, later):
        counts = np.bincount(rows.column("habit"), minlength=len(Habit))
        missing = [habit.name for habit in Habit if counts[habit] < 4]
        assert not missing


def test_every_lookalike_is_a_function_with_a_purpose() -> None:
    assert len(LOOKALIKES) >= 28
    assert all(make.__doc__ for make in LOOKALIKES.values())


def test_ends_follow_their_calls(day: Rows) -> None:
    """Each end of 24 hours has a call with the same parties."""
    pair = day.column("source") ^ (day.column("target") << np.uint64(7))
    ends, calls = day.column("kind") == Kind.CALL_END, day.column("kind") == Kind.CALL
    assert np.isin(pair[ends], pair[calls]).all()
    assert day.column("dur_s")[ends].min() >= 1
    assert not day.column("dur_s")[~ends].any()
    assert 0.65 < ends.sum() / calls.sum() < 0.78


def test_nobody_deals_with_himself(day: Rows) -> None:
    assert not np.any(day.column("source") == day.column("target"))
    transfers = day.take(day.column("kind") == Kind.TRANSFER)
    own = transfers.column("source") == transfers.column("payer")
    assert not own.any()


def test_columns_mean_something_on_every_kind(day: Rows) -> None:
    for kind in (Kind.CALL, Kind.SMS, Kind.WEB, Kind.TRANSFER):
        rows = day.take(day.column("kind") == kind)
        for name in ("known", "registered"):
            assert 0.001 < rows.column(name).mean() < 0.98, (kind, name)
        assert rows.column("source").all()
        assert rows.column("target").all()
        assert len(np.unique(rows.column("tenure_days"))) > 1
    calls = day.take(day.column("kind") == Kind.CALL)
    assert set(np.unique(calls.column("trunk")).tolist()) == {1, 2, 3, 4}


def test_calls_from_abroad_show_a_foreign_number_or_roam(day: Rows) -> None:
    calls = day.take((day.column("trunk") == Trunk.INTERNATIONAL) & (day.column("kind") == Kind.CALL))
    national = calls.column("line_kind") != LineKind.FOREIGN
    assert national.any()
    assert np.array_equal(national, calls.column("roamer"))


def test_official_numbers_are_shown_by_registered_lines_only(day: Rows) -> None:
    shown = np.isin(day.column("display"), official_numbers()) | np.isin(day.column("source"), official_numbers())
    assert shown.any()
    assert day.column("registered")[shown].all()


def test_couriers_meet_strangers_all_day(day: Rows) -> None:
    rows = of(day, Habit.COURIER, Kind.CALL)
    busiest = np.bincount(np.unique(rows.column("source"), return_inverse=True)[1]).max()
    ends = of(day, Habit.COURIER, Kind.CALL_END)
    assert 60 <= busiest <= 220
    assert rows.column("known").mean() < 0.6
    assert rows.column("tenure_days").min() > 365
    assert 8 < np.median(ends.column("dur_s")) < 30


def test_a_redialler_has_one_callee(day: Rows) -> None:
    rows = of(day, Habit.REDIALLER, Kind.CALL)
    for caller in np.unique(rows.column("source")):
        of_caller = rows.take(rows.column("source") == caller)
        assert 18 <= of_caller.count <= 24
        assert len(np.unique(of_caller.column("target"))) == 1


def test_a_repairers_device_carries_many_sims(day: Rows) -> None:
    rows = of(day, Habit.PHONE_REPAIRER, Kind.CALL)
    sims = [len(np.unique(rows.column("imsi")[rows.column("imei") == imei])) for imei in np.unique(rows.column("imei"))]
    assert max(sims) >= 5


def test_weddings_and_greetings_go_to_the_known(day: Rows) -> None:
    for habit, kind in ((Habit.WEDDING_CALLER, Kind.CALL), (Habit.GREETER, Kind.SMS)):
        rows = of(day, habit, kind)
        assert rows.column("known").all()
        assert len(np.unique(rows.column("target"))) / len(np.unique(rows.column("source"))) > 20


def test_new_students_call_more_people_than_they_have_days(day: Rows) -> None:
    rows = of(day, Habit.NEW_STUDENT, Kind.CALL)
    assert rows.column("tenure_days").max() <= 30
    assert rows.column("known").mean() > 0.6


def test_kept_sims_are_idle(day: Rows) -> None:
    rows = of(day, Habit.KEEP_ALIVE, Kind.CALL)
    assert rows.column("idle_days").min() >= 25
    assert rows.column("known").all()


def test_group_buyers_are_paid_by_many_and_pay_on(day: Rows) -> None:
    rows = of(day, Habit.GROUP_BUYER, Kind.TRANSFER)
    fan_in = rows.take(rows.column("amount_fen") < 20_000)
    payers = [
        len(np.unique(fan_in.column("payer")[fan_in.column("source") == s])) for s in np.unique(fan_in.column("source"))
    ]
    assert max(payers) >= 15
    assert not fan_in.column("registered").any()
    assert (~fan_in.column("known")).any()
    heads = np.intersect1d(fan_in.column("source"), rows.column("payer"))
    paid_on = rows.take(np.isin(rows.column("payer"), heads) & (rows.column("amount_fen") > 20_000))
    for head in heads:
        came, went = (part.column("amount_fen")[part.column(side) == head].sum()
                      for part, side in ((fan_in, "source"), (paid_on, "payer")))  # fmt: skip
        assert 0.6 * came < went < came


def test_borrowers_pay_on_what_lenders_paid_them(day: Rows) -> None:
    rows = of(day, Habit.BORROWER, Kind.TRANSFER)
    credits, passed = rows.take(rows.column("corporate")), rows.take(~rows.column("corporate"))
    assert np.isin(passed.column("payer"), credits.column("source")).all()
    assert passed.column("amount_fen").sum() > 0.7 * credits.column("amount_fen").sum()


def test_strangers_are_paid_real_money(day: Rows) -> None:
    sales = of(day, Habit.SECOND_HAND, Kind.TRANSFER)
    assert not sales.column("known").any()
    assert not sales.column("registered").any()
    assert sales.column("amount_fen").min() >= 490_000
    assert sales.column("amount_fen").max() <= 3_010_000
    woken = of(day, Habit.WOKEN_ACCOUNT, Kind.TRANSFER)
    assert woken.column("idle_days").max() >= 95
    night = of(day, Habit.NIGHT_PAYER, Kind.TRANSFER)
    hour = (night.column("ts_ms") - day_start_ms(0)) // HOUR_MS
    assert np.isin(hour, [23, 0, 1, 2, 3, 4]).all()
    assert (~night.column("known")).mean() > 0.5


def test_some_pay_while_on_the_phone(day: Rows) -> None:
    calls, paid = of(day, Habit.PHONE_PAYER, Kind.CALL), of(day, Habit.PHONE_PAYER, Kind.TRANSFER)
    assert np.isin(paid.column("target"), calls.column("target")).all()
    assert paid.column("screen_share").any()
    assert not paid.column("screen_share").all()


def test_salaries_come_from_one_payer(day: Rows) -> None:
    rows = of(day, Habit.PAYROLL, Kind.TRANSFER)
    assert rows.column("corporate").all()
    assert len(np.unique(rows.column("source"))) / len(np.unique(rows.column("payer"))) > 10


def test_small_sites_are_fresh_or_unregistered_and_some_fetch_apps(day: Rows) -> None:
    small = of(day, Habit.SMALL_SITE, Kind.WEB)
    assert (small.column("host_age_h") < 72).any()
    assert 0.1 < small.column("registered").mean() < 0.8
    assert of(day, Habit.APP_FETCHER, Kind.WEB).column("apk").all()
    visits = day.take(day.column("kind") == Kind.WEB)
    assert small.count < 0.05 * visits.count


def test_reports_and_registrations_are_about_something(day: Rows) -> None:
    reports = day.take(day.column("kind") == Kind.REPORT)
    opened = day.take(day.column("kind") == Kind.REGISTRATION)
    assert set(np.unique(reports.column("subject")).tolist()) <= {Subject.NUMBER, Subject.TEXT}
    assert set(np.unique(opened.column("subject")).tolist()) == {Subject.NUMBER, Subject.ACCOUNT}
    assert opened.column("agent").all()


def test_typical_amount_is_the_95th_percentile(life: Ordinary) -> None:
    rows = Rows.merged(life.hour(hour) for hour in range(24, 96))
    paid = rows.take((rows.column("kind") == Kind.TRANSFER) & (rows.column("typical_fen") < 10**8))
    over = paid.column("amount_fen") > paid.column("typical_fen")
    assert 0.02 < over.mean() < 0.1
    assert np.all(paid.column("balance_fen") >= paid.column("amount_fen"))


def test_bulk_life_is_mostly_ordinary() -> None:
    """In a larger city look-alikes other than shops and mass messages are a small part of it."""
    life = Ordinary(build(20_000, SEED), Pools.empty(), SEED)
    habit = life.hour(10).column("habit")
    mass = (Habit.SHOP, Habit.CODE_SENDER, Habit.BANK_NOTICE, Habit.PARCEL_NOTICE, Habit.ADVERTISER)
    assert np.isin(habit, [Habit.ORDINARY, Habit.STRANGER, *mass]).mean() > 0.9
