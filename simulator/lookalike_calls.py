"""Ordinary callers who look like fraud (SOURCES.md D3): trades, institutions, people from afar.

Enters: a Scene. Leaves: the calls and messages of one day, one function for each habit. Invariant: every function gives
some events on every day, at any size of the city.

Parameters from D3 are marked P, assumptions A.
"""

from __future__ import annotations

import numpy as np

from interceptor.schema import LineKind, Trunk
from simulator import numbers
from simulator.chance import generator
from simulator.clock import MINUTE_MS
from simulator.events import Rows
from simulator.institutions import INSTITUTIONS, of_sector, service_line
from simulator.phone_calls import Calls
from simulator.population import Habit
from simulator.scene import Scene
from simulator.today import times_between

Made = list[Rows | Calls]

COURIER_STRANGERS, COURIER_DUR_S, COURIER_ON_DUTY = (60, 150), (16.0, 0.25), 0.86  # P, P (10–25 s), A
COURIER_KNOWN, COURIER_ANSWER, COURIER_HOURS = 0.2, 0.8, (8.2, 19.5)  # A
COURIER_WRITES, COURIER_TEXTS, COURIER_TEXT_MINUTES = 0.4, (15, 45), 12  # A: share of couriers, texts of one burst
CENTRE_CALLS, CENTRE_ANSWER, CENTRE_DUR_S = (120, 280), 0.3, (20.0, 0.9)  # A; trade's own fixed lines
INSTITUTION_CALLS_PER_1000, INSTITUTION_ANSWER = 60.0, 0.35  # A
FREEPHONES, FREEPHONE_CALLS_PER_1000 = 60, 25.0  # A: companies behind 400 numbers
TO_SERVICE_PER_1000, TO_SERVICE_DUR_S = 40.0, (90.0, 0.8)  # A: people who call 100xx, 955xx, 12345
NOTICE_CALLS, NOTICE_DUR_S, NOTICE_KNOWN = (40, 120), (30.0, 0.5), 0.4  # A
OFFICE_CALLS_PER_1000 = 4.0  # A: health office, 12345, police warnings from 96110
BRANCHES, BRANCH_CALLS_PER_1000, BRANCH_DUR_S = 60, 8.0, (55.0, 0.7)  # A
TABLE_CALLERS, TABLE_KNOWN, TABLE_DUR_S, TABLE_BACK = (15, 50), 0.35, (35.0, 0.6), 0.12  # A: a restaurant's day
PATIENT_CALLERS, PATIENT_KNOWN, PATIENT_DUR_S, PATIENT_BACK = (25, 70), 0.5, (55.0, 0.7), 0.15  # A: a clinic's day
FAMILIES_PER_1000, FAMILY_CALLS_A_DAY, FAMILY_KNOWN, FAMILY_DUR_S = 8.0, 0.3, 0.92, (500.0, 0.9)  # A
FOREIGN_BUSINESS_PER_1000, FOREIGN_BUSINESS_DUR_S = 0.3, (120.0, 0.8)  # A: schools, visas, hotels, wrong numbers
TRAVELLER_CALLS, TRAVELLER_DUR_S = (2, 6), (110.0, 0.9)  # A


def courier(scene: Scene) -> Made:
    """60–150 strangers of one neighbourhood, short calls, often from below their house; some send a text to all."""
    rng = scene.day.rng("courier")
    on_duty = scene.on_duty(rng, Habit.COURIER, COURIER_ON_DUTY)
    caller = np.repeat(on_duty, rng.integers(*COURIER_STRANGERS, len(on_duty)))
    callee = scene.neighbours(rng, caller)
    ts_ms = times_between(scene.day, rng, len(caller), *COURIER_HOURS)
    calls = scene.calls(
        rng, caller, callee, ts_ms, answer=COURIER_ANSWER, dur_s=COURIER_DUR_S,
        known=rng.random(len(caller)) < COURIER_KNOWN, cell=scene.population.cell[callee],
    )  # fmt: skip
    return [calls, _courier_texts(scene, rng, on_duty)]


def _courier_texts(scene: Scene, rng: np.random.Generator, on_duty: np.ndarray) -> Rows:
    writers = on_duty[rng.random(len(on_duty)) < COURIER_WRITES]
    many = rng.integers(*COURIER_TEXTS, len(writers))
    start = times_between(scene.day, rng, len(writers), 9.0, 18.0)
    sender, pool = np.repeat(writers, many), scene.texts["stranger"]
    ts_ms = np.repeat(start, many) + rng.integers(0, COURIER_TEXT_MINUTES * MINUTE_MS, len(sender))
    text = np.repeat(pool.text[rng.integers(0, len(pool.text), len(writers))], many)
    return scene.messages.between(scene.day, sender, scene.neighbours(rng, sender), ts_ms, text, 0, known=False)


def call_centre(scene: Scene) -> Made:
    """Fixed lines that call all day, 95x and 400 numbers; and people who call such numbers."""
    rng, day = scene.day.rng("call centre"), scene.day
    lines = scene.on_duty(rng, Habit.CALL_CENTRE, 0.9 if day.works else 0.4)
    caller = np.repeat(lines, rng.integers(*CENTRE_CALLS, len(lines)))
    ts_ms = times_between(day, rng, len(caller), 9.0, 18.5)
    own = scene.calls(
        rng, caller, scene.strangers(rng, caller), ts_ms, answer=CENTRE_ANSWER, dur_s=CENTRE_DUR_S, known=False,
        cell=0,
    )  # fmt: skip
    return [own, _institutions_call(scene, rng), _freephones_call(scene, rng), _people_call(scene, rng)]


def _institutions_call(scene: Scene, rng: np.random.Generator) -> Calls:
    count = scene.count(INSTITUTION_CALLS_PER_1000)
    which = _with_number(scene, rng, count, "bank", "carrier", "parcel", "app", "insurer", "lender", "securities")
    return scene.calls_from_outside(
        rng, scene.directory.number[which], scene.anybody(rng, count), times_between(scene.day, rng, count, 9.0, 20.0),
        answer=INSTITUTION_ANSWER, dur_s=CENTRE_DUR_S, known=rng.random(count) < 0.3, habit=Habit.CALL_CENTRE,
    )  # fmt: skip


def _freephones_call(scene: Scene, rng: np.random.Generator) -> Calls:
    count = scene.count(FREEPHONE_CALLS_PER_1000)
    lines = numbers.freephone_numbers(np.arange(FREEPHONES), scene.population.seed)
    return scene.calls_from_outside(
        rng, rng.choice(lines, count), scene.anybody(rng, count), times_between(scene.day, rng, count, 9.0, 20.0),
        answer=INSTITUTION_ANSWER, dur_s=CENTRE_DUR_S, known=rng.random(count) < 0.15, habit=Habit.CALL_CENTRE,
        tenure_days=700,
    )  # fmt: skip


def _people_call(scene: Scene, rng: np.random.Generator) -> Calls:
    count = scene.count(TO_SERVICE_PER_1000)
    which = _with_number(scene, rng, count, "bank", "carrier", "parcel", "app", "insurer", "government", "utility")
    return scene.calls_to_service(
        rng, scene.anybody(rng, count), scene.directory.number[which], times_between(scene.day, rng, count, 8.0, 21.0),
        answer=0.9, dur_s=TO_SERVICE_DUR_S, known=rng.random(count) < 0.4,
    )  # fmt: skip


def notice_caller(scene: Scene) -> Made:
    """Community workers ring round about elections and tests; offices and the anti-fraud centre call too."""
    rng, day = scene.day.rng("notice caller"), scene.day
    workers = scene.on_duty(rng, Habit.NOTICE_CALLER, 0.8 if day.works else 0.3)
    caller = np.repeat(workers, rng.integers(*NOTICE_CALLS, len(workers)))
    ts_ms = times_between(day, rng, len(caller), 8.5, 18.0)
    known = rng.random(len(caller)) < NOTICE_KNOWN
    rounds = scene.calls(rng, caller, scene.neighbours(rng, caller), ts_ms, answer=0.7, dur_s=NOTICE_DUR_S, known=known)
    count = scene.count(OFFICE_CALLS_PER_1000)
    office = _with_number(scene, rng, count, "government")
    offices = scene.calls_from_outside(
        rng, scene.directory.number[office], scene.anybody(rng, count), times_between(day, rng, count, 8.5, 20.0),
        answer=0.6, dur_s=(60.0, 0.8), known=rng.random(count) < 0.2, trunk=Trunk.LOCAL, habit=Habit.NOTICE_CALLER,
    )  # fmt: skip
    return [rounds, offices]


def bank_caller(scene: Scene) -> Made:
    """A branch's land line that shows its bank's service number."""
    rng, count = scene.day.rng("bank caller"), scene.count(BRANCH_CALLS_PER_1000)
    first = numbers.free_slot(LineKind.FIXED) - BRANCHES  # the last slots that no resident has
    lines = numbers.huainan_numbers(LineKind.FIXED, first + np.arange(BRANCHES), scene.population.seed)
    banks = of_sector("bank")
    branch = rng.integers(0, BRANCHES, count)
    return [
        scene.calls_from_outside(
            rng, lines[branch], scene.anybody(rng, count), times_between(scene.day, rng, count, 9.0, 17.5), answer=0.55,
            dur_s=BRANCH_DUR_S, display=scene.directory.number[banks[branch % len(banks)]], trunk=Trunk.LOCAL,
            line_kind=LineKind.FIXED, known=rng.random(count) < 0.4, habit=Habit.BANK_CALLER,
        )
    ]  # fmt: skip


def restaurant(scene: Scene) -> Made:
    """Called by many at meal times, calls some back."""
    rng = scene.day.rng("restaurant")
    owners = scene.trade(Habit.RESTAURANT)
    callee = np.repeat(owners, rng.integers(*TABLE_CALLERS, len(owners)))
    noon = rng.random(len(callee)) < 0.45
    hours = np.where(noon, rng.uniform(9.8, 13.2, len(callee)), rng.uniform(15.5, 20.5, len(callee)))
    return _called_often(scene, rng, callee, hours, TABLE_KNOWN, TABLE_DUR_S, TABLE_BACK, Habit.RESTAURANT)


def clinic(scene: Scene) -> Made:
    """Called by patients, calls some back about an appointment."""
    rng = scene.day.rng("clinic")
    clinics = scene.trade(Habit.CLINIC)
    callee = np.repeat(clinics, rng.integers(*PATIENT_CALLERS, len(clinics)))
    hours = rng.uniform(7.5, 17.5, len(callee))
    return _called_often(scene, rng, callee, hours, PATIENT_KNOWN, PATIENT_DUR_S, PATIENT_BACK, Habit.CLINIC)


def _called_often(
    scene: Scene, rng: np.random.Generator, callee: np.ndarray, hours: np.ndarray, known: float,
    dur_s: tuple[float, float], back: float, habit: Habit,
) -> Made:  # fmt: skip
    caller = scene.neighbours(rng, callee, reach=max(250, scene.people // 40))
    ts_ms = scene.day.at(hours)
    inbound = scene.calls(
        rng, caller, callee, ts_ms, answer=0.85, dur_s=dur_s, known=rng.random(len(caller)) < known, habit=habit
    )
    some = rng.random(len(caller)) < back
    later = ts_ms[some] + rng.integers(10 * MINUTE_MS, 90 * MINUTE_MS, some.sum())
    # They have just been called by them: known.
    outbound = scene.calls(rng, callee[some], caller[some], later, answer=0.8, dur_s=dur_s, known=True)
    return [inbound, outbound]


def traveller(scene: Scene) -> Made:
    """Own subscribers abroad: their own national number on an international trunk, roaming verified."""
    rng, day = scene.day.rng("traveller"), scene.day
    caller = np.repeat(day.travelling.astype(np.int64), rng.integers(*TRAVELLER_CALLS, len(day.travelling)))
    ts_ms = times_between(day, rng, len(caller), 7.0, 23.0)
    return [
        scene.calls(
            rng, caller, scene.payments.contact(rng, caller), ts_ms, answer=0.75, dur_s=TRAVELLER_DUR_S, known=True,
            trunk=Trunk.INTERNATIONAL, roamer=True, cell=0, habit=Habit.TRAVELLER,
        )
    ]  # fmt: skip


def family_abroad(scene: Scene) -> Made:
    """Foreign numbers: children who study abroad, and a few that nobody knows."""
    rng, day, seed = scene.day.rng("family abroad"), scene.day, scene.population.seed
    settled = generator(seed, "families abroad")
    families = scene.count(FAMILIES_PER_1000)
    member, line = settled.integers(0, scene.people, families), numbers.foreign_numbers(settled, families)
    today = np.flatnonzero(rng.random(families) < FAMILY_CALLS_A_DAY)
    if not len(today):
        today = np.arange(2)
    evening = rng.random(len(today)) < 0.7
    hours = np.where(evening, rng.uniform(18.5, 23, len(today)), rng.uniform(6.5, 10, len(today)))
    abroad = {"registered": False, "tenure_days": 65_535, "trunk": Trunk.INTERNATIONAL, "line_kind": LineKind.FOREIGN}
    home = scene.calls_from_outside(
        rng, line[today], member[today], day.at(hours), answer=0.8, dur_s=FAMILY_DUR_S,
        known=rng.random(len(today)) < FAMILY_KNOWN, habit=Habit.FAMILY_ABROAD, **abroad,
    )  # fmt: skip
    count = scene.count(FOREIGN_BUSINESS_PER_1000)
    business = scene.calls_from_outside(
        rng, numbers.foreign_numbers(rng, count), scene.anybody(rng, count), times_between(day, rng, count, 8.0, 22.0),
        answer=0.5, dur_s=FOREIGN_BUSINESS_DUR_S, known=False, habit=Habit.FAMILY_ABROAD, **abroad,
    )  # fmt: skip
    return [home, business]


def _with_number(scene: Scene, rng: np.random.Generator, count: int, *sectors: str) -> np.ndarray:
    """Institutions of these sectors that have a service number."""
    which = np.array([i for i in of_sector(*sectors) if INSTITUTIONS[i].digits])
    weight = scene.directory.weight[which]
    return rng.choice(which, count, p=weight / weight.sum())


CALLS = (courier, call_centre, notice_caller, bank_caller, restaurant, clinic, traveller, family_abroad)
CARRIER_LINE = service_line(10086)
