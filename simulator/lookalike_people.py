"""Ordinary people who on one day, or with one device, look like fraud (SOURCES.md D3).

Enters: a Scene. Leaves: the calls, messages, reports and registrations of one day, a function a habit. Invariant: every
function gives some events on every day, at any size of the city.

All figures are A unless P (SOURCES.md A5, D3) stands behind them.
"""

from __future__ import annotations

import numpy as np

from interceptor.schema import Kind, LineKind, Subject
from simulator import numbers
from simulator.chance import uniform
from simulator.clock import HOUR_MS, MINUTE_MS
from simulator.events import Rows
from simulator.lookalike_calls import CARRIER_LINE, Made
from simulator.population import Habit
from simulator.scene import Scene
from simulator.settling import DEVICE_SLOTS
from simulator.today import times_between

TEACHERS_A_DAY, CLASS_SIZE, CLASS_DUR_S, CLASS_KNOWN = 0.08, (28, 46), (80.0, 0.6), 0.9
WEDDINGS_PER_1000, WEDDING_CONTACTS, WEDDING_GUESTS, WEDDING_DUR_S = 0.05, 40, 120, (55.0, 0.7)
REDIALLERS_PER_1000, REDIALS, REDIAL_HOURS = 0.1, (18, 24), 1.5  # P: about 20 times
REPAIRS, REPAIR_DUR_S = (5, 16), (6.0, 0.4)  # customers' SIMs in the shop's device
REPAIRER_DEVICES = 5  # customers' devices with the shop's SIM
KEPT_A_DAY, KEPT_DUR_S = 1 / 30, (15.0, 0.6)  # P: one call a month
STUDENTS_A_DAY, STUDENT_CALLS, STUDENT_KNOWN = 0.1, (15, 36), 0.75  # a new number is made known
GREETERS_PER_1000, GREETER_CONTACTS, GREETED, GREETING_MINUTES = 0.03, 30, 150, 45
OPENED_FOR_KIN = 0.15  # a child's, a parent's, with one's own phone behind it
REPORTS_PER_1000, NEW_LINES_PER_1000, NEW_ACCOUNTS_PER_1000 = 0.4, 0.4, 0.5
OUTLETS_MIN, PEOPLE_PER_OUTLET = 8, 2_500


def teacher(scene: Scene) -> Made:
    """One evening, all parents of a class."""
    rng = scene.day.rng("teacher")
    callers = scene.on_duty(rng, Habit.TEACHER, TEACHERS_A_DAY)
    caller = np.repeat(callers, rng.integers(*CLASS_SIZE, len(callers)))
    ts_ms = times_between(scene.day, rng, len(caller), 17.5, 20.8)
    known = rng.random(len(caller)) < CLASS_KNOWN
    return [scene.calls(rng, caller, scene.neighbours(rng, caller), ts_ms, answer=0.85, dur_s=CLASS_DUR_S, known=known)]


def wedding_caller(scene: Scene) -> Made:
    """One day, everybody they know."""
    rng = scene.day.rng("wedding caller")
    callers = scene.some(rng, WEDDINGS_PER_1000, contacts=WEDDING_CONTACTS)
    guests = [scene.circle(one, rng, WEDDING_GUESTS) for one in callers]
    caller, callee = np.repeat(callers, [len(g) for g in guests]), np.concatenate(guests)
    ts_ms = times_between(scene.day, rng, len(caller), 9.0, 20.5)
    return [
        scene.calls(rng, caller, callee, ts_ms, answer=0.8, dur_s=WEDDING_DUR_S, known=True, habit=Habit.WEDDING_CALLER)
    ]


def redialler(scene: Scene) -> Made:
    """One line that is always busy, tried some twenty times."""
    rng = scene.day.rng("redialler")
    callers = scene.some(rng, REDIALLERS_PER_1000)
    many = rng.integers(*REDIALS, len(callers))
    start = times_between(scene.day, rng, len(callers), 8.5, 16.0)
    outsiders = rng.integers(scene.people, scene.population.parties, len(callers))
    caller = np.repeat(callers, many)
    ts_ms = np.repeat(start, many) + (rng.random(len(caller)) * REDIAL_HOURS * HOUR_MS).astype(np.int64)
    return [
        scene.calls(
            rng, caller, np.repeat(outsiders, many), ts_ms, answer=0.08, dur_s=(60.0, 0.6), known=False,
            habit=Habit.REDIALLER,
        )
    ]  # fmt: skip


def phone_repairer(scene: Scene) -> Made:
    """Customers' SIMs are tried in the shop's device, and the shop's SIM in customers' devices."""
    rng, population = scene.day.rng("phone repairer"), scene.population
    shops = scene.trade(Habit.PHONE_REPAIRER)
    shop = np.repeat(shops, rng.integers(*REPAIRS, len(shops)))
    customer = scene.neighbours(rng, shop)
    ts_ms = times_between(scene.day, rng, len(shop), 9.0, 19.0)
    to_shop = rng.random(len(shop)) < 0.5
    given = {"imei": scene.day.imei[shop], "cell": population.cell[shop], "habit": Habit.PHONE_REPAIRER}
    target = np.where(to_shop, population.number[shop], np.uint64(CARRIER_LINE))
    tried = scene.calls_to_service(
        rng, customer, target, ts_ms, answer=0.9, dur_s=REPAIR_DUR_S, known=False,
        **(given | {"town": np.where(to_shop, population.town[shop], 0)}),
    )  # fmt: skip
    own = np.repeat(shops, REPAIRER_DEVICES)
    foreign = numbers.imeis(scene.neighbours(rng, own) * DEVICE_SLOTS, population.seed)
    service = np.full(len(own), CARRIER_LINE, np.uint64)
    ts_ms = times_between(scene.day, rng, len(own), 9.0, 19.0)
    return [tried, scene.calls_to_service(rng, own, service, ts_ms, answer=0.9, dur_s=REPAIR_DUR_S, imei=foreign)]


def keep_alive(scene: Scene) -> Made:
    """A SIM that is kept for its number: one call a month."""
    rng = scene.day.rng("keep alive")
    kept = scene.on_duty(rng, Habit.KEEP_ALIVE, KEPT_A_DAY)
    ts_ms = times_between(scene.day, rng, len(kept), 8.0, 21.0)
    return [scene.calls(rng, kept, scene.payments.contact(rng, kept), ts_ms, answer=0.8, dur_s=KEPT_DUR_S, known=True)]


def new_student(scene: Scene) -> Made:
    """A new SIM tells old friends and new classmates its number."""
    rng = scene.day.rng("new student")
    students = scene.on_duty(rng, Habit.NEW_STUDENT, STUDENTS_A_DAY)
    caller = np.repeat(students, rng.integers(*STUDENT_CALLS, len(students)))
    callee = scene.payments.contact(rng, caller)
    ts_ms = times_between(scene.day, rng, len(caller), 10.0, 22.0)
    known = rng.random(len(caller)) < STUDENT_KNOWN
    return [scene.calls(rng, caller, callee, ts_ms, answer=0.8, dur_s=(50.0, 0.9), known=known)]


def greeter(scene: Scene) -> Made:
    """One text to all contacts: an invitation, a new number, a greeting."""
    rng, pool = scene.day.rng("greeter"), scene.texts["greeting"]
    greeters = scene.some(rng, GREETERS_PER_1000, contacts=GREETER_CONTACTS)
    greeted = [scene.circle(one, rng, GREETED) for one in greeters]
    many = [len(g) for g in greeted]
    sender, receiver = np.repeat(greeters, many), np.concatenate(greeted)
    start = np.repeat(times_between(scene.day, rng, len(greeters), 8.0, 21.0), many)
    ts_ms = start + rng.integers(0, GREETING_MINUTES * MINUTE_MS, len(sender))
    text = np.repeat(pool.text[rng.integers(0, len(pool.text), len(greeters))], many)
    return [scene.messages.between(scene.day, sender, receiver, ts_ms, text, 0, known=True, habit=Habit.GREETER)]


def reporter(scene: Scene) -> Made:
    """Reports about nuisance that is no fraud: couriers, call centres, adverts."""
    rng, population = scene.day.rng("reporter"), scene.population
    count = scene.count(REPORTS_PER_1000)
    lines = np.concatenate([scene.trade(Habit.CALL_CENTRE), scene.trade(Habit.COURIER)])
    about_port = rng.random(count) < 0.5
    source = np.where(about_port, scene.messages.agencies[rng.integers(0, len(scene.messages.agencies), count)],
                      population.number[rng.choice(lines, count)])  # fmt: skip
    reporters = scene.anybody(rng, count)
    subject = np.where(about_port, Subject.TEXT, Subject.NUMBER)
    return [
        Rows.of(
            Kind.REPORT, times_between(scene.day, rng, count, 8.0, 22.0), source=source, subject=subject,
            target=population.number[reporters], town=population.town[reporters], known=True, tenure_days=1_000,
        )
    ]  # fmt: skip


def newcomer(scene: Scene) -> Made:
    """SIMs and accounts that are opened."""
    rng, population = scene.day.rng("newcomer"), scene.population
    lines, accounts = scene.count(NEW_LINES_PER_1000), scene.count(NEW_ACCOUNTS_PER_1000)
    # Slots behind the residents', day by day.
    slots = scene.people + scene.day.index * lines + np.arange(lines)
    number = numbers.huainan_numbers(LineKind.MOBILE, slots, population.seed)
    account = numbers.accounts("opened", scene.day.index * accounts + np.arange(accounts))
    count = lines + accounts
    owner = scene.anybody(rng, count)
    for_kin = uniform(population.seed, "opened for kin", owner, scene.day.index) < OPENED_FOR_KIN
    outlets = numbers.accounts("outlet", np.arange(max(OUTLETS_MIN, scene.people // PEOPLE_PER_OUTLET)))
    return [
        Rows.of(
            Kind.REGISTRATION, times_between(scene.day, rng, count, 8.5, 18.0), agent=rng.choice(outlets, count),
            source=np.concatenate([number, account]), target=population.number[owner], town=population.town[owner],
            person=np.where(for_kin, numbers.accounts("kin", owner), numbers.accounts("person", owner)),
            subject=np.repeat([Subject.NUMBER, Subject.ACCOUNT], [lines, accounts]),
        )
    ]  # fmt: skip


PEOPLE = (teacher, wedding_caller, redialler, phone_repairer, keep_alive, new_student, greeter, reporter, newcomer)
