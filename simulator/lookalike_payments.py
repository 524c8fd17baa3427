"""Ordinary payments that look like fraud or laundering (SOURCES.md D3).

Enters: a Scene. Leaves: the transfers of one day, one function for each habit. Invariant: every function gives some
events on every day, at any size of the city; nobody in it is deceived.

All figures are A unless P (SOURCES.md A5, D3) stands behind them.
"""

from __future__ import annotations

import numpy as np

from interceptor.schema import Channel
from simulator.clock import DAY_MS, MINUTE_MS, calendar
from simulator.events import Rows
from simulator.institutions import INSTITUTIONS, of_sector, service_line
from simulator.lookalike_calls import Made
from simulator.population import Habit, apart
from simulator.scene import Scene
from simulator.today import times_between

PAYDAYS, PAYDAY_SHARE, PAYROLL_PER_1000 = (5, 10, 15, 25), 0.2, 0.15  # companies that pay on these days, on others
EMPLOYEES, SALARY_YUAN, NEW_EMPLOYEE, PAYROLL_MINUTES = (12, 60), (4_300.0, 0.4), 0.03, 25
RENT_DAYS, RENT_DAY_PER_1000, RENT_PER_1000, RENT_YUAN, NEW_LANDLORD = (1, 15), 20.0, 1.0, (900.0, 0.35), 0.12
GIFTS_PER_1000, GIFT_GUESTS, GIFT_KNOWN = 0.05, 90, 0.8
GIFT_YUAN = np.array([200, 200, 300, 500, 500, 600, 666, 800, 888, 1_000, 1_000, 2_000])
RUSH_PER_1000, RUSH_PAYERS, RUSH_KNOWN = 0.05, (40, 160), 0.1  # a stall or shop with an offer: strangers pay by QR
GROUP_HEADS_A_DAY, GROUP_PAYERS, GROUP_KNOWN, GROUP_YUAN = 0.3, (20, 80), 0.7, (20, 130)
GROUP_PAID_ON = 0.88  # of what came in goes to the wholesaler within the hour
SALES_PER_1000, SALE_YUAN, SALE_NIGHT = 0.08, (5_000, 30_000), 0.2  # P: watches
MONTH_END_DAYS, MONTH_END_SHARE, LARGE_PER_1000, LARGE_YUAN = 3, 0.5, 0.1, (350_000.0, 0.7)
LARGE_NEW_FIRM, LARGE_TO_PERSON, LARGE_NEW_PERSON = 0.06, 0.08, 0.01  # new supplier; grain bought from a farmer
BORROWERS_PER_1000, LOAN_YUAN, LOAN_PAID_ON, LOAN_TWO_LENDERS, LOAN_KNOWN = 0.1, (25_000.0, 0.7), 0.85, 0.25, 0.9
INVESTORS_PER_1000, INVESTED_YUAN, INVESTED_OWN_ACCOUNT = 0.1, (45_000.0, 0.8), 0.5
NIGHT_PAYERS_PER_1000, NIGHT_PAYMENTS, NIGHT_YUAN = 0.1, (4, 8), (60.0, 0.9)  # live shopping, games, a night out
WOKEN_PER_1000, WOKEN_CREDITS, WOKEN_IDLE_DAYS, WOKEN_YUAN = 0.08, (2, 5), (95, 700), (1_500.0, 1.0)
SCREEN_SHARERS_PER_1000 = 0.03  # a child guides a parent through a payment from afar


def payroll(scene: Scene) -> Made:
    """One company pays all its people within minutes."""
    rng, population = scene.day.rng("payroll"), scene.population
    companies = np.flatnonzero(population.corporate)
    if calendar(scene.day.index).day in PAYDAYS:
        count = max(2, round(len(companies) * PAYDAY_SHARE))
    else:
        count = min(scene.count(PAYROLL_PER_1000), len(companies))
    firms = rng.choice(companies, count, replace=False)
    many = rng.integers(*EMPLOYEES, count)
    payer = np.repeat(firms, many)
    # The same people every month: neighbours of the company, by its own index.
    payee = (payer + 7 * (1 + np.concatenate([np.arange(m) for m in many]))) % scene.people
    start = np.repeat(times_between(scene.day, rng, count, 9.0, 16.5), many)
    ts_ms = start + rng.integers(0, PAYROLL_MINUTES * MINUTE_MS, len(payer))
    amount = (100 * SALARY_YUAN[0] * rng.lognormal(0, SALARY_YUAN[1], len(payer))).astype(np.int64)
    known = rng.random(len(payer)) >= NEW_EMPLOYEE
    return [scene.payments.between(scene.day, rng, payer, payee, ts_ms, amount, known, habit=Habit.PAYROLL)]


def rent(scene: Scene) -> Made:
    """Tenants pay landlords, most of them on two days of the month."""
    rng = scene.day.rng("rent")
    rent_day = calendar(scene.day.index).day in RENT_DAYS
    tenants = scene.some(rng, RENT_DAY_PER_1000 if rent_day else RENT_PER_1000)
    landlords = scene.trade(Habit.RENT)
    landlord = landlords[tenants % len(landlords)]
    amount = scene.payments.amounts(rng, tenants, RENT_YUAN, whole=True) // 5_000 * 5_000 + 30_000
    months = np.where(rng.random(len(tenants)) < 0.3, 3, 1)  # a quarter at once
    ts_ms = times_between(scene.day, rng, len(tenants), 8.0, 22.0)
    known = rng.random(len(tenants)) >= NEW_LANDLORD
    return [scene.payments.between(scene.day, rng, tenants, landlord, ts_ms, amount * months, known, habit=Habit.RENT)]


def wedding_gift(scene: Scene) -> Made:
    """A whole circle pays round sums to one person before noon."""
    rng = scene.day.rng("wedding gift")
    hosts = scene.some(rng, GIFTS_PER_1000, contacts=25)
    guests = [scene.circle(one, rng, GIFT_GUESTS) for one in hosts]
    guests = [g[g < scene.people] for g in guests]
    payer, payee = np.concatenate(guests), np.repeat(hosts, [len(g) for g in guests])
    ts_ms = times_between(scene.day, rng, len(payer), 9.5, 13.0)
    amount = 100 * rng.choice(GIFT_YUAN, len(payer))
    known = rng.random(len(payer)) < GIFT_KNOWN
    return [
        scene.payments.between(
            scene.day, rng, payer, payee, ts_ms, amount, known, channel=Channel.QR, habit=Habit.WEDDING_GIFT
        )
    ]


def shop_rush(scene: Scene) -> Made:
    """A shop or stall that many strangers pay within an hour or two."""
    rng, shops = scene.day.rng("shop rush"), scene.payments.shops
    chosen = rng.integers(0, len(shops.account), scene.count(RUSH_PER_1000))
    many = rng.integers(*RUSH_PAYERS, len(chosen))
    shop, start = np.repeat(chosen, many), np.repeat(times_between(scene.day, rng, len(chosen), 8.0, 20.0), many)
    ts_ms = start + rng.integers(0, 100 * MINUTE_MS, len(shop))
    payer = scene.anybody(rng, len(shop))
    amount = rng.integers(500, 20_000, len(shop))
    known = rng.random(len(shop)) < RUSH_KNOWN
    return [
        scene.payments.to(
            rng, payer, ts_ms, amount, known=known, channel=Channel.QR, **shops.columns(shop, scene.day.index)
        )
    ]  # fmt: skip


def group_buyer(scene: Scene) -> Made:
    """The unregistered head of a group purchase: many small payments in an hour, then one to the wholesaler."""
    rng, population = scene.day.rng("group buyer"), scene.population
    heads = scene.on_duty(rng, Habit.GROUP_BUYER, GROUP_HEADS_A_DAY)
    many = rng.integers(*GROUP_PAYERS, len(heads))
    head, start = np.repeat(heads, many), times_between(scene.day, rng, len(heads), 18.0, 21.0)
    payer = scene.neighbours(rng, head)
    amount = 100 * rng.integers(*GROUP_YUAN, len(head))
    known = rng.random(len(head)) < GROUP_KNOWN
    paid = scene.payments.between(
        scene.day, rng, payer, head, np.repeat(start, many) + rng.integers(0, 55 * MINUTE_MS, len(head)), amount, known,
        channel=Channel.QR, habit=Habit.GROUP_BUYER,
    )  # fmt: skip
    total = np.add.reduceat(amount, np.cumsum(many) - many) * GROUP_PAID_ON
    wholesaler = np.flatnonzero(population.corporate)[heads % population.corporate.sum()]
    later = start + rng.integers(57 * MINUTE_MS, 100 * MINUTE_MS, len(heads))
    passed = scene.payments.between(
        scene.day, rng, heads, wholesaler, later, total, True, registered=population.registered[wholesaler],
        habit=Habit.GROUP_BUYER,
    )  # fmt: skip
    return [paid, passed]


def second_hand(scene: Scene) -> Made:
    """A watch, a phone, a motorcycle: thousands of yuan to a person never met before."""
    rng, population = scene.day.rng("second hand"), scene.population
    buyers = scene.some(rng, SALES_PER_1000)
    seller = apart(rng.integers(0, population.parties, len(buyers)), buyers, scene.people)
    low, high = np.log(SALE_YUAN)
    amount = 10_000 * np.rint(np.exp(rng.uniform(low, high, len(buyers))) / 100)
    late = rng.random(len(buyers)) < SALE_NIGHT
    hours = np.where(late, rng.uniform(20, 23.9, len(buyers)), rng.uniform(9, 20, len(buyers)))
    ts_ms = scene.day.at(hours)
    return [scene.payments.between(scene.day, rng, buyers, seller, ts_ms, amount, False, habit=Habit.SECOND_HAND)]


def accountant(scene: Scene) -> Made:
    """Large transfers of companies, most of them at the end of a month."""
    rng, population = scene.day.rng("accountant"), scene.population
    companies = np.flatnonzero(population.corporate)
    count = min(scene.count(LARGE_PER_1000), len(companies))
    if calendar(scene.day.index + MONTH_END_DAYS).month != calendar(scene.day.index).month:
        count = max(count, round(len(companies) * MONTH_END_SHARE))
    payer = rng.choice(companies, count, replace=False)
    luck = rng.random(count)
    to_person = luck < LARGE_TO_PERSON
    payee = np.where(to_person, scene.payments.contact(rng, payer), scene.payments.company(rng, payer))
    known = (luck >= LARGE_NEW_PERSON) & (luck < 1 - LARGE_NEW_FIRM)
    amount = 10_000 * np.rint(LARGE_YUAN[0] * rng.lognormal(0, LARGE_YUAN[1], count) / 100)
    ts_ms = times_between(scene.day, rng, count, 8.8, 17.3)
    return [
        scene.payments.between(
            scene.day, rng, payer, payee, ts_ms, amount, known, registered=~to_person, habit=Habit.ACCOUNTANT
        )
    ]


def borrower(scene: Scene) -> Made:
    """A loan comes in, from one lender or two, and most of it is paid on within the hour: to a builder or a brother."""
    rng, population = scene.day.rng("borrower"), scene.population
    people = scene.some(rng, BORROWERS_PER_1000)
    start = times_between(scene.day, rng, len(people), 8.5, 20.0)
    loan = 10_000 * np.rint(LOAN_YUAN[0] * rng.lognormal(0, LOAN_YUAN[1], len(people)) / 100)
    twice = np.flatnonzero(rng.random(len(people)) < LOAN_TWO_LENDERS)
    who = np.concatenate([people, people[twice]])
    paid_out = np.concatenate([start, start[twice] + 6 * MINUTE_MS])
    credits = _from_lenders(scene, rng, who, paid_out, np.concatenate([loan, loan[twice]]))
    total = loan.copy()
    total[twice] *= 2
    later = start + rng.integers(10 * MINUTE_MS, 55 * MINUTE_MS, len(people))
    known = rng.random(len(people)) < LOAN_KNOWN
    stranger = apart(rng.integers(0, population.parties, len(people)), people, scene.people)
    payee = np.where(known, scene.payments.contact(rng, people), stranger)
    passed = scene.payments.between(
        scene.day, rng, people, payee, later, total * LOAN_PAID_ON, known, habit=Habit.BORROWER
    )
    return [credits, passed]


def _from_lenders(
    scene: Scene, rng: np.random.Generator, borrower: np.ndarray, ts_ms: np.ndarray, amount_fen: np.ndarray
) -> Rows:
    """Loans paid out. The payer is the lender; its service line stands for the person to protect."""
    lenders = of_sector("lender")
    which = lenders[rng.integers(0, len(lenders), len(borrower))]
    line = np.array([service_line(one.digits) for one in INSTITUTIONS], np.uint64)
    return scene.payments.between(
        scene.day, rng, borrower, borrower, ts_ms, amount_fen, rng.random(len(borrower)) < 0.5,
        target=line[which], town=0, payer=scene.directory.account[which], typical_fen=10**7, balance_fen=10**12,
        corporate=True, habit=Habit.BORROWER,
    )  # fmt: skip


def investor(scene: Scene) -> Made:
    """Savings move to one's own account elsewhere or to a registered broker."""
    rng, population = scene.day.rng("investor"), scene.population
    people = scene.some(rng, INVESTORS_PER_1000)
    thousands = INVESTED_YUAN[0] * rng.lognormal(0, INVESTED_YUAN[1], len(people)) / 1000
    amount = 100_000 * np.maximum(1, np.rint(thousands))
    ts_ms = times_between(scene.day, rng, len(people), 9.0, 15.5)
    which = scene.directory.draw(rng, len(people), "securities")
    own = rng.random(len(people)) < INVESTED_OWN_ACCOUNT
    # One's own account at another bank: known to the payer, no organisation's.
    source = np.where(own, population.account[people] ^ np.uint64(2), scene.directory.account[which])
    known = own | (rng.random(len(people)) < 0.6)
    return [
        scene.payments.to(
            rng, people, ts_ms, amount, source=source, registered=~own, known=known,
            tenure_days=scene.day.account_tenure_days[people], habit=Habit.INVESTOR,
        )
    ]  # fmt: skip


def night_payer(scene: Scene) -> Made:
    """Several payments to strangers between 23 and 5 o'clock."""
    rng, population = scene.day.rng("night payer"), scene.population
    people = scene.some(rng, NIGHT_PAYERS_PER_1000)
    payer = np.repeat(people, rng.integers(*NIGHT_PAYMENTS, len(people)))
    hours = np.where(payer % 2 == 0, rng.uniform(23.0, 24.0, len(payer)), rng.uniform(0.0, 5.0, len(payer)))
    payee = apart(rng.integers(0, population.parties, len(payer)), payer, scene.people)
    amount = scene.payments.amounts(rng, payer, NIGHT_YUAN)
    known = rng.random(len(payer)) < 0.25
    return [
        scene.payments.between(
            scene.day,
            rng,
            payer,
            payee,
            scene.day.at(hours),
            amount,
            known,
            channel=Channel.QR,
            habit=Habit.NIGHT_PAYER,
        )
    ]


def woken_account(scene: Scene) -> Made:
    """An account unused for months is paid by relatives, then pays."""
    rng = scene.day.rng("woken account")
    owners = scene.some(rng, WOKEN_PER_1000, contacts=8)
    many = rng.integers(*WOKEN_CREDITS, len(owners))
    payee, start = np.repeat(owners, many), times_between(scene.day, rng, len(owners), 9.0, 20.0)
    idle = rng.integers(*WOKEN_IDLE_DAYS, len(owners))
    payer = scene.payments.contact(rng, payee)
    inside = payer < scene.people
    ts_ms = np.repeat(start, many) + rng.integers(0, 55 * MINUTE_MS, len(payee))
    known = rng.random(len(payee)) < 0.9
    credits = scene.payments.between(
        scene.day, rng, payer, payee, ts_ms, scene.payments.amounts(rng, payer, WOKEN_YUAN, whole=True), known,
        idle_days=np.repeat(idle, many), habit=Habit.WOKEN_ACCOUNT,
    ).take(inside)  # fmt: skip
    later = start + rng.integers(60 * MINUTE_MS, 180 * MINUTE_MS, len(owners))
    shop = scene.payments.shops.near(rng, owners)
    spent = scene.payments.to(
        rng, owners, later, scene.payments.amounts(rng, owners, WOKEN_YUAN), known=False, channel=Channel.QR,
        **(scene.payments.shops.columns(shop, scene.day.index) | {"habit": np.full(len(owners), Habit.WOKEN_ACCOUNT)}),
    )  # fmt: skip
    return [credits, spent]


def phone_payer(scene: Scene) -> Made:
    """Pays a relative, or for one, while on the phone with them; a few share their screen."""
    rng = scene.day.rng("phone payer")
    people = np.concatenate([scene.some(rng, 0.5), scene.some(rng, SCREEN_SHARERS_PER_1000)])
    sharing = np.arange(len(people)) >= scene.count(0.5)
    start = times_between(scene.day, rng, len(people), 8.0, 21.5)
    other = scene.payments.contact(rng, people)
    calls = scene.calls(rng, other, people, start, answer=1.0, dur_s=(420.0, 0.6), known=True, habit=Habit.PHONE_PAYER)
    talk_ms = calls.dur_s.astype(np.int64) * 1_000
    ts_ms = start + calls.ring_s.astype(np.int64) * 1_000
    ts_ms += (talk_ms * rng.uniform(0.3, 1.2, len(people))).astype(np.int64)
    known = rng.random(len(people)) < 0.85
    payee = np.where(known, other, scene.strangers(rng, people))
    amount = scene.payments.amounts(rng, people, (800.0, 1.2), whole=True)
    paid = scene.payments.between(
        scene.day, rng, people, payee, np.minimum(ts_ms, start + DAY_MS // 4), amount, known, screen_share=sharing,
        habit=Habit.PHONE_PAYER,
    )  # fmt: skip
    return [calls, paid]


PAYMENTS = (
    payroll, rent, wedding_gift, shop_rush, group_buyer, second_hand, accountant, borrower, investor, night_payer,
    woken_account, phone_payer,
)  # fmt: skip
