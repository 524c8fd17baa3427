"""The city as it is settled: people, numbers, accounts, circles.

Enters: small cities. Leaves: nothing. Invariant: what is asserted holds for any seed; seeds are named.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from interceptor.schema import LineKind
from simulator import numbers, towns
from simulator.chance import generator
from simulator.clock import DAY_0_MS, at_ms, calendar, day_index, hour_index, hour_of_day, weekday
from simulator.institutions import directory, official_numbers
from simulator.population import Behaviour, Habit, Population, build
from simulator.settling import HABITS_PER_1000, HANDFUL, LINE_KINDS, TENURE_UNKNOWN

PEOPLE = 3_000


@pytest.fixture(scope="module")
def city() -> Population:
    return build(PEOPLE, seed=7)


def test_same_seed_same_city() -> None:
    one, other, different = build(500, 3), build(500, 3), build(500, 4)
    for part, again in ((one, other), (one.behaviour, other.behaviour)):
        for field in fields(part):
            left, right = getattr(part, field.name), getattr(again, field.name)
            if isinstance(left, np.ndarray):
                assert left.dtype == right.dtype, field.name
                assert np.array_equal(left, right), field.name
    assert not np.array_equal(one.number, different.number)


def test_arrays_cover_all_parties(city: Population) -> None:
    assert city.people == PEOPLE
    assert city.parties == PEOPLE + round(0.3 * PEOPLE)
    ragged = {"people", "seed", "circle", "circle_offsets", "behaviour", "circle_reach"}
    for part in (city, city.behaviour):
        for field in fields(part):
            if field.name not in ragged:
                assert len(getattr(part, field.name)) == city.parties, field.name
    assert isinstance(city.behaviour, Behaviour)


def test_too_small_a_city_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100 residents, not 99"):
        build(99, 7)


def test_residents_live_in_townships_and_outsiders_do_not(city: Population) -> None:
    residents, outsiders = slice(0, PEOPLE), slice(PEOPLE, None)
    assert set(city.town[residents]) <= set(towns.codes())
    assert np.all(np.diff(city.town[residents].astype(np.int64)) >= 0), "sorted by township"
    assert not city.town[outsiders].any()
    assert not city.cell[outsiders].any()
    assert not city.imei[outsiders].any()
    cells = {town: set(city.cell[residents][city.town[residents] == town]) for town in set(city.town[residents])}
    assert max(len(of_town) for of_town in cells.values()) <= towns.CELLS_MAX
    assert sum(len(of_town) for of_town in cells.values()) == len(set().union(*cells.values())), "a cell has one town"


def test_seven_counties_with_95_townships() -> None:
    places = towns.townships()
    assert len(places) == 95
    assert len({place.county for place in places}) == 7
    assert towns.weights().sum() == pytest.approx(1.0)
    assert towns.town_name(340422104) == "寿县 正阳关镇"


def test_numbers_are_unique_and_of_the_city(city: Population) -> None:
    assert len(np.unique(city.number)) == city.parties
    assert len(np.unique(city.account)) == city.parties
    prefixes = {prefix for prefix, _ in numbers.huainan_prefixes()}
    assert len(prefixes) == 668
    mobile = city.line_kind[:PEOPLE] != LineKind.FIXED
    assert set((city.number[:PEOPLE][mobile] // 10_000 % 10**7).tolist()) <= prefixes
    assert np.all(city.number[:PEOPLE][~mobile] // 10**7 == 86_554)
    assert not set((city.number[PEOPLE:] // 10_000 % 10**7).tolist()) & prefixes


def test_virtual_operators_and_land_lines_are_few(city: Population) -> None:
    for kind in (LineKind.VIRTUAL, LineKind.FIXED):
        share = np.mean(city.line_kind[:PEOPLE] == kind)
        assert 0.5 * LINE_KINDS[kind] < share < 2 * LINE_KINDS[kind]
    heads = city.number[city.line_kind == LineKind.VIRTUAL] // 10**8 % 1000
    assert set(heads.tolist()) <= set(numbers.VIRTUAL_HEADS)


def test_campaigns_find_numbers_that_nobody_has(city: Population) -> None:
    for kind in (LineKind.MOBILE, LineKind.VIRTUAL, LineKind.FIXED):
        slots = numbers.free_slot(kind) + np.arange(2_000)
        assert not np.isin(numbers.huainan_numbers(kind, slots, city.seed), city.number).any()
    with pytest.raises(ValueError, match="numbers of this kind"):
        numbers.huainan_numbers(LineKind.VIRTUAL, np.array([10**7]), city.seed)


def test_devices_have_a_check_digit(city: Population) -> None:
    for imei in city.imei[:50].tolist():
        digits = [int(digit) for digit in str(imei)]
        doubled = [sum(divmod(2 * d, 10)) if i % 2 else d for i, d in enumerate(digits)]
        assert len(digits) == 15
        assert sum(doubled) % 10 == 0
    assert all(len(str(imsi)) == 15 and str(imsi).startswith("460") for imsi in city.imsi[:50].tolist())


def test_service_numbers_are_written_as_dialled() -> None:
    assert numbers.service_number(95588) == 8_695_588
    assert numbers.local_service_number(96110) == 8_655_496_110
    assert {8_695_588, 8_610_086, 8_655_496_110} <= set(official_numbers())
    assert set(directory(7).number.tolist()) >= set(official_numbers())


def test_foreign_numbers_have_their_countries_length() -> None:
    drawn = numbers.foreign_numbers(generator(7, "test"), 500)
    for number in drawn.tolist():
        plans = [
            (code, digits) for code, (digits, _) in numbers.FOREIGN_PLANS.items() if str(number).startswith(str(code))
        ]
        assert any(len(str(number)) == len(str(code)) + digits for code, digits in plans)


def test_a_host_has_one_number() -> None:
    assert numbers.host_number("icbc.com.cn") == numbers.host_number("icbc.com.cn") != numbers.host_number("ccb.com")
    assert numbers.host_number("") == 0


def test_circles_are_symmetric(city: Population) -> None:
    rows = np.repeat(np.arange(city.parties), np.diff(city.circle_offsets))
    there = rows * city.parties + city.circle
    back = city.circle.astype(np.int64) * city.parties + rows
    assert len(np.unique(there)) == len(there), "no contact twice"
    assert np.array_equal(np.sort(back), there)
    assert not np.any(rows == city.circle), "nobody knows itself"


def test_circles_are_near_and_of_human_size(city: Population) -> None:
    size = np.diff(city.circle_offsets)[:PEOPLE]
    assert 35 <= np.median(size) <= 70
    rows = np.repeat(np.arange(city.parties), np.diff(city.circle_offsets))
    inside = (rows < PEOPLE) & (city.circle < PEOPLE)
    same_town = np.mean(city.town[rows[inside]] == city.town[city.circle[inside]])
    by_chance = np.mean(city.town[:PEOPLE] == np.random.default_rng(1).permutation(city.town[:PEOPLE]))
    assert same_town > 2 * by_chance
    assert np.array_equal(city.contacts(5), city.circle[city.circle_offsets[5] : city.circle_offsets[6]])


def test_ties_carry_the_calls_of_their_ends(city: Population) -> None:
    behaviour = city.behaviour
    wanted = city.out_per_day[:PEOPLE] * (1 - behaviour.stranger_share[:PEOPLE])
    heavy = wanted > 1
    ratio = behaviour.circle_calls[:PEOPLE][heavy] / wanted[heavy]
    assert np.quantile(np.abs(ratio - 1), 0.9) < 0.15
    last = city.circle_offsets[1:][np.diff(city.circle_offsets) > 0] - 1
    assert np.all(behaviour.circle_reach[last] == 1.0)
    inner = np.ones(len(city.circle), bool)
    inner[last] = False
    assert np.all(np.diff(behaviour.circle_reach)[inner[:-1]] >= 0)


@pytest.mark.parametrize("people", [2_000, 20_000])
def test_every_trade_is_there_at_any_size(people: int) -> None:
    habit = build(people, 11).habit[:people]
    for trade, per_1000 in HABITS_PER_1000.items():
        count = np.count_nonzero(habit == trade)
        assert count == max(HANDFUL, round(people * per_1000 / 1000)), trade.name


def test_trades_have_what_makes_them_ordinary(city: Population) -> None:
    courier, student = city.habit == Habit.COURIER, city.habit == Habit.NEW_STUDENT
    assert city.tenure_days[courier].min() >= 365
    assert city.tenure_days[student].max() <= 30
    assert city.age[student].max() <= 20
    assert not city.behaviour.active_share[city.habit == Habit.KEEP_ALIVE].any()
    companies = city.corporate
    assert np.array_equal(companies, city.habit == Habit.ACCOUNTANT)
    assert 0.01 < companies[:PEOPLE].mean() < 0.04
    assert np.median(city.balance_fen[companies]) > 10 * np.median(city.balance_fen[:PEOPLE][~companies[:PEOPLE]])


def test_carriers_elsewhere_do_not_always_say_how_old_a_line_is(city: Population) -> None:
    unknown = city.tenure_days == TENURE_UNKNOWN
    assert not unknown[:PEOPLE].any()
    assert 0.2 < unknown[PEOPLE:].mean() < 0.4
    new = np.mean(city.tenure_days[:PEOPLE] <= 30)
    assert 0.01 < new < 0.05


def test_the_clock_is_the_citys() -> None:
    assert calendar(0).isoformat() == "2021-03-01"
    assert weekday(0) == 0
    assert at_ms(0) == DAY_0_MS
    assert DAY_0_MS % 86_400_000 == 16 * 3_600_000
    assert at_ms(2, 9, 30) == DAY_0_MS + ((2 * 24 + 9) * 60 + 30) * 60_000
    assert (day_index(at_ms(2, 9)), hour_index(at_ms(2, 9)), hour_of_day(at_ms(2, 9))) == (2, 57, 9)
    assert weekday(6) == 6
    assert calendar(31).isoformat() == "2021-04-01"
