"""How a city comes to be: who lives there, with which lines, accounts and acquaintances.

Enters: the number of residents and a seed. Leaves: a Population. Invariant: a pure function of the two; each property
is drawn from a generator of its own, so that a new one changes none of the old.
"""

from __future__ import annotations

import numpy as np

from interceptor.schema import LineKind
from simulator import circles, lines, numbers, towns
from simulator.chance import generator
from simulator.population import Behaviour, Habit, Population

PEOPLE_MIN = 100
OUTSIDERS_PER_RESIDENT = 0.3  # contacts in other cities [A]
LINE_KINDS = {LineKind.MOBILE: 0.93, LineKind.VIRTUAL: 0.03, LineKind.FIXED: 0.04}  # [A]
# Residents with a phone by age [A], in the proportions of an inland city: (from, to, share).
AGES = ((12, 18, 0.07), (18, 25, 0.09), (25, 35, 0.18), (35, 45, 0.17), (45, 55, 0.20), (55, 65, 0.15), (65, 88, 0.14))
LINE_TENURE_MEAN_DAYS, ACCOUNT_TENURE_MEAN_DAYS, TENURE_MAX_DAYS = 1_500, 1_900, 8_000  # [A]
TENURE_UNKNOWN = 65_535
OUTSIDER_TENURE_KNOWN = 0.7  # share of outside lines whose carrier answers the question [A]
CORPORATE_SHARE = 0.02  # parties that are companies with an accountant [A]
CORPORATE_REGISTERED = 0.5  # of their lines [A]
WEALTH_SIGMA = 0.6  # spread of ln amounts between people [A]
BALANCE_MEDIAN_FEN, BALANCE_SIGMA = 900_000, 1.2  # [A]
CORPORATE_BALANCE_MEDIAN_FEN, CORPORATE_BALANCE_SIGMA = 60_000_000, 1.0  # [A]
# 95th percentile of the ordinary payments of a person and of a company of wealth 1; tests/test_ordinary.py measures it.
TYPICAL_FEN, CORPORATE_TYPICAL_FEN = 46_000, 9_000_000
FORWARDING_SHARE = 0.02  # lines that forward their calls [A]
WORKS_ELSEWHERE = 0.4  # residents whose working hours are spent in another cell [A]
IMEIS_MAX = 8  # devices of one resident; the file's 99 % is 5.9
# Strangers are that part of a line's dispersion: who scatters more meets more people once [A].
STRANGER_PART, STRANGER_SHARE_MAX = 0.4, 0.6
# Ties of one circle differ in rate by a log-normal factor with this sigma: their strength and the partners' activity
# [A], chosen so that a month's distinct counterparties come out as in the file (tests/test_lines.py).
TIE_SIGMA = 1.3
DEVICE_SLOTS = 16  # device slots of one party in numbers.imeis

# Habits that stay with a resident: per 1,000 residents [A], and never fewer than HANDFUL.
HABITS_PER_1000: dict[Habit, float] = {
    Habit.COURIER: 1.0,
    Habit.CALL_CENTRE: 0.2,
    Habit.NOTICE_CALLER: 0.3,
    Habit.RESTAURANT: 1.5,
    Habit.CLINIC: 0.5,
    Habit.TEACHER: 5.0,
    Habit.PHONE_REPAIRER: 0.15,
    Habit.KEEP_ALIVE: 10.0,
    Habit.NEW_STUDENT: 4.0,
    Habit.GROUP_BUYER: 1.0,
    Habit.RENT: 3.0,
}
HANDFUL = 4


def settle(people: int, seed: int) -> Population:
    """The whole city. Raises ValueError below PEOPLE_MIN residents."""
    if people < PEOPLE_MIN:
        raise ValueError(f"a city needs at least {PEOPLE_MIN} residents, not {people}")
    parties = people + max(20, round(people * OUTSIDERS_PER_RESIDENT))
    town, cell, work_cell = _places(people, parties, seed)
    habit, corporate = _trades(people, parties, seed)
    drawn = lines.draw_lines("normal", people, generator(seed, "lines"))
    out, into, active, stranger, size = _rates(drawn, parties, habit)
    waking = np.full(parties, _mask(7, 23), np.uint32)
    waking[:people] = lines.waking_hours(drawn["active_hours"], generator(seed, "waking"))
    reach = active * _awake_share(waking)
    ties = circles.build(
        town, people, size, out * (1 - stranger), into * (1 - stranger), reach, seed, generator(seed, "ties")
    )
    wealth = generator(seed, "wealth").lognormal(0, WEALTH_SIGMA, parties).astype(np.float32)
    kind = _line_kinds(people, parties, habit, seed)
    tenure, account_tenure = _tenures(people, parties, habit, seed)
    behaviour = Behaviour(
        active_share=active,
        waking=waking,
        stranger_share=stranger,
        **_durations(drawn, parties),
        imeis=_filled(np.minimum(drawn["imeis"], IMEIS_MAX), parties, 0, np.uint8),
        work_cell=work_cell,
        forwarding=generator(seed, "forwarding").random(parties) < FORWARDING_SHARE,
        wealth=wealth,
        account_tenure_days=account_tenure,
        circle_calls=ties.made,
        circle_reach=ties.reach,
    )
    slots = np.arange(parties, dtype=np.uint64)
    inside = slots < people
    typical = np.where(corporate, CORPORATE_TYPICAL_FEN, TYPICAL_FEN) * wealth
    return Population(
        people=people,
        seed=seed,
        number=_numbers(kind, people, seed),
        account=numbers.accounts("party", slots),
        town=town,
        cell=cell,
        imei=np.where(inside, numbers.imeis(slots * np.uint64(DEVICE_SLOTS), seed), 0).astype(np.uint64),
        imsi=np.where(inside, numbers.imsis(slots, seed), 0).astype(np.uint64),
        tenure_days=tenure,
        line_kind=kind,
        registered=_registered(people, kind, habit, corporate, seed),
        habit=habit,
        age=_ages(parties, habit, seed),
        typical_fen=typical.astype(np.int64),
        balance_fen=_balances(corporate, wealth, seed),
        corporate=corporate,
        out_per_day=out.astype(np.float32),
        in_per_day=into.astype(np.float32),
        circle_offsets=ties.offsets,
        circle=ties.members,
        behaviour=behaviour,
    )


def habit_count(people: int, per_1000: float) -> int:
    """How many of `people` do it: at least a handful, at any scale."""
    return max(HANDFUL, round(people * per_1000 / 1000))


def _places(people: int, parties: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(town, cell, work_cell) of all parties; residents are sorted by town."""
    rng = generator(seed, "places")
    first, count = towns.cells_of_towns(rng)
    place = np.sort(rng.choice(len(first), people, p=towns.weights()))
    town, cell, work = np.zeros((3, parties), np.uint32)
    town[:people] = towns.codes()[place]
    cell[:people] = first[place] + (rng.random(people) * count[place]).astype(np.uint32)
    # Half of those who work elsewhere go to another cell of the same township, the others where more people live.
    elsewhere = np.where(rng.random(people) < 0.5, place, rng.choice(len(first), people, p=towns.weights()))
    there = first[elsewhere] + (rng.random(people) * count[elsewhere]).astype(np.uint32)
    work[:people] = np.where(rng.random(people) < WORKS_ELSEWHERE, there, cell[:people])
    return town, cell, work


def _trades(people: int, parties: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(habit, corporate): who keeps a look-alike's habit for good, and who is a company."""
    order = generator(seed, "trades").permutation(people)
    habit, corporate = np.zeros(parties, np.uint8), np.zeros(parties, bool)
    companies = habit_count(people, CORPORATE_SHARE * 1000)
    corporate[order[:companies]] = True
    habit[order[:companies]] = Habit.ACCOUNTANT
    taken = companies
    for trade, per_1000 in HABITS_PER_1000.items():
        count = habit_count(people, per_1000)
        habit[order[taken : taken + count]] = trade
        taken += count
    return habit, corporate


def _rates(drawn: lines.Lines, parties: int, habit: np.ndarray) -> tuple[np.ndarray, ...]:
    """(out, into, active, stranger, size): calls per active day, share of active days, share of calls with strangers,
    contacts. Outsiders' rates are left at 0; the circles fit them."""
    calls, dispersion = drawn["calls_per_day"], drawn["dispersion"]
    # On an active day there is at least one call; calls come as a Poisson count, which may be none.
    rate = _poisson_rate(calls)
    active = np.minimum(1.0, drawn["active_days"] / lines.DAYS / -np.expm1(-rate))
    active[habit[: len(active)] == Habit.KEEP_ALIVE] = 0.0
    stranger = np.minimum(STRANGER_PART * dispersion, STRANGER_SHARE_MAX)
    month = rate * active * lines.DAYS
    size = _circle_size(month * (1 - stranger), month * (dispersion - stranger))
    return (
        _filled(rate * drawn["out_share"], parties, 0.0, np.float64),
        _filled(rate * (1 - drawn["out_share"]), parties, 0.0, np.float64),
        _filled(active, parties, 1.0, np.float32),
        _filled(stranger, parties, 0.0, np.float32),
        size,
    )


def _poisson_rate(mean_if_any: np.ndarray) -> np.ndarray:
    """Rate of a Poisson count whose mean, when it isn't 0, is `mean_if_any`."""
    rate = np.linspace(0.01, 8, 4000)
    return np.where(mean_if_any < 8, np.interp(mean_if_any, rate / -np.expm1(-rate), rate), mean_if_any)


def _circle_size(calls: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Contacts k of which about `seen` come up in `calls` calls, their rates differing by TIE_SIGMA."""
    per_contact = np.geomspace(0.02, 400, 400)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    rate = np.exp(TIE_SIGMA * nodes - TIE_SIGMA**2 / 2)
    ever = (-np.expm1(-np.outer(per_contact, rate))) @ (weights / weights.sum())
    share = ever / per_contact  # distinct / calls, falls as calls per contact rise
    wanted = np.clip(seen / np.maximum(calls, 1e-3), share[-1], share[0])
    return np.asarray(calls / np.interp(wanted, share[::-1], per_contact[::-1]))


def _awake_share(waking: np.ndarray) -> np.ndarray:
    """Share of a day's calls that fall into the waking hours."""
    profile = lines.hourly_profile("normal")
    return sum((waking >> np.uint32(hour) & np.uint32(1)) * profile[hour] for hour in range(24))


def _durations(drawn: lines.Lines, parties: int) -> dict[str, np.ndarray]:
    sigma = lines.duration_spread(drawn["dur_median_s"], drawn["dur_mean_s"])
    middle = np.log(drawn["dur_median_s"])
    return {
        "dur_ln": _filled(middle, parties, float(middle.mean()), np.float32),
        "dur_sigma": _filled(sigma, parties, float(sigma.mean()), np.float32),
    }


def _line_kinds(people: int, parties: int, habit: np.ndarray, seed: int) -> np.ndarray:
    rng = generator(seed, "line kinds")
    kind = np.full(parties, LineKind.MOBILE, np.uint8)
    kind[:people] = rng.choice([k.value for k in LINE_KINDS], people, p=list(LINE_KINDS.values()))
    mobile_trades = (Habit.COURIER, Habit.TEACHER, Habit.PHONE_REPAIRER, Habit.NEW_STUDENT, Habit.KEEP_ALIVE)
    kind[np.isin(habit, mobile_trades)] = LineKind.MOBILE
    kind[np.isin(habit, (Habit.CLINIC, Habit.CALL_CENTRE))] = LineKind.FIXED
    return kind


def _numbers(kind: np.ndarray, people: int, seed: int) -> np.ndarray:
    number = np.zeros(len(kind), np.uint64)
    for line_kind in LINE_KINDS:
        of_kind = np.flatnonzero(kind[:people] == line_kind)
        number[of_kind] = numbers.huainan_numbers(line_kind, np.arange(len(of_kind)), seed)
    number[people:] = numbers.elsewhere_numbers(np.arange(len(kind) - people), seed)
    return number


def _tenures(people: int, parties: int, habit: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(tenure_days of the line, of the account) on day 0."""
    rng = generator(seed, "tenure")
    line = np.minimum(rng.exponential(LINE_TENURE_MEAN_DAYS, parties), TENURE_MAX_DAYS)
    account = np.minimum(rng.exponential(ACCOUNT_TENURE_MEAN_DAYS, parties), TENURE_MAX_DAYS)
    settled = np.isin(habit, (Habit.COURIER, Habit.RESTAURANT, Habit.CLINIC, Habit.TEACHER, Habit.CALL_CENTRE))
    line[settled] = 365 + rng.exponential(900, settled.sum())  # SOURCES.md D3: a courier's line is over a year old
    student = habit == Habit.NEW_STUDENT
    line[student] = rng.integers(1, 25, student.sum())
    kept = habit == Habit.KEEP_ALIVE
    line[kept] = 1_000 + rng.exponential(1_500, kept.sum())
    unknown = np.arange(parties) >= people
    unknown &= rng.random(parties) >= OUTSIDER_TENURE_KNOWN
    days = np.where(unknown, TENURE_UNKNOWN, np.minimum(line, TENURE_MAX_DAYS))
    return days.astype(np.uint16), account.astype(np.uint16)


def _registered(people: int, kind: np.ndarray, habit: np.ndarray, corporate: np.ndarray, seed: int) -> np.ndarray:
    luck = generator(seed, "registered").random(len(kind))
    verified = corporate & (luck < CORPORATE_REGISTERED)
    verified |= np.isin(habit, (Habit.CLINIC, Habit.CALL_CENTRE)) & (luck < 0.7)  # [A]
    verified |= (habit == Habit.NOTICE_CALLER) & (kind == LineKind.FIXED)
    verified[people:] = False
    return verified


def _ages(parties: int, habit: np.ndarray, seed: int) -> np.ndarray:
    rng = generator(seed, "ages")
    low, high, share = (np.array(part) for part in zip(*AGES, strict=True))
    group = rng.choice(len(AGES), parties, p=share / share.sum())
    age = low[group] + rng.random(parties) * (high - low)[group]
    working = np.isin(habit, [*(h for h in HABITS_PER_1000 if h != Habit.NEW_STUDENT), Habit.ACCOUNTANT])
    age[working] = rng.uniform(20, 60, working.sum())
    student = habit == Habit.NEW_STUDENT
    age[student] = rng.uniform(18, 20, student.sum())
    return age.astype(np.uint8)


def _balances(corporate: np.ndarray, wealth: np.ndarray, seed: int) -> np.ndarray:
    luck = generator(seed, "balances").standard_normal(len(wealth))
    person = BALANCE_MEDIAN_FEN * np.exp(BALANCE_SIGMA * luck)
    company = CORPORATE_BALANCE_MEDIAN_FEN * np.exp(CORPORATE_BALANCE_SIGMA * luck)
    return (np.where(corporate, company, person) * wealth).astype(np.int64)


def _filled(values: np.ndarray, parties: int, rest: float, dtype: type) -> np.ndarray:
    """`values` for the residents, `rest` for the outsiders."""
    array: np.ndarray = np.full(parties, rest, dtype)
    array[: len(values)] = values.astype(dtype)
    return array


def _mask(first: int, last: int) -> int:
    """Bits of the hours first … last - 1."""
    return sum(1 << hour for hour in range(first, last))
