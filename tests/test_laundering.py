"""Mule networks: no fen is lost or made, holds keep money, hops look like hops.

Enters: payments of victims, verdicts. Leaves: nothing. Invariant: networks here have no campaigns around them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.schema import Kind, Verdict
from simulator.clock import DAY_0_MS, HOUR_MS, MINUTE_MS
from simulator.events import Rows
from simulator.laundering import LIMITS_FEN, PIECES_MAX, TEST_FEN, Launderer, split
from simulator.population import Population, build
from simulator.scams.chains import Step
from simulator.scams.handles import FAMILY_SIZE, HOPS
from simulator.scams.mules import LAYERS, Roster
from simulator.scams.scribe import Scribe
from simulator.scenario import Laundering

SLICE_MS = 3 * MINUTE_MS
START_MS = DAY_0_MS + 9 * HOUR_MS
HOP_STEPS = (Step.HOP_2, Step.HOP_3, Step.EXIT)


@cache
def people() -> Population:
    return build(300, 1)


def network(plan: Laundering | None = None, seed: int = 5) -> Launderer:
    plan = plan or Laundering()
    roster, scribe = Roster(plan, people(), seed), Scribe()
    roster.open(0, START_MS)
    roster.new_day()
    return Launderer(plan, roster, scribe, seed)


def run(launderer: Launderer, payments: list[tuple[int, int]], hours: int, verdict_of=None) -> Rows:
    """`payments`: (minute, fen). `verdict_of(step, nth)` decides hops; without it they pass."""
    taken, nth, left = [], 0, sorted(payments)
    for start_ms in range(START_MS, START_MS + hours * HOUR_MS, SLICE_MS):
        launderer.due(start_ms + SLICE_MS)
        rows = launderer.scribe.rows()
        taken.append(rows)
        while left and START_MS + left[0][0] * MINUTE_MS < start_ms + SLICE_MS:
            minute, fen = left.pop(0)
            mule = launderer.roster.pick(0, 1, (minute * 0.61803) % 1, start_ms)
            if mule is not None:
                launderer.receive(mule, fen, START_MS + minute * MINUTE_MS)
        for handle, step in zip(rows.column("handle").tolist(), rows.column("step").tolist(), strict=True):
            if handle >= 0:
                assert handle // FAMILY_SIZE == HOPS
                launderer.feedback(handle % FAMILY_SIZE, verdict_of(step, nth) if verdict_of else Verdict.PASS)
                nth += 1
    return Rows.merged(taken)


def hops(rows: Rows, *steps: Step) -> Rows:
    return rows.take((rows.column("kind") == Kind.TRANSFER) & np.isin(rows.column("step"), steps or HOP_STEPS))


def test_all_money_is_gone_in_the_end_when_nobody_stops_it() -> None:
    launderer = network()
    rows = run(launderer, [(minute, 123_456 + 7_919 * minute) for minute in range(0, 120, 3)], 10)
    assert launderer.received_fen > 0
    assert launderer.gone_fen == launderer.received_fen == hops(rows, Step.EXIT).column("amount_fen").sum()
    assert launderer.held_fen == launderer.moving_fen == launderer.roster.balances_fen() == 0


@settings(max_examples=15)
@given(
    payments=st.lists(st.tuples(st.integers(0, 200), st.integers(1_000, 60_000_000)), min_size=1, max_size=12),
    verdicts=st.lists(st.sampled_from([Verdict.PASS, Verdict.BLOCK, Verdict.HOLD]), min_size=1, max_size=7),
    held=st.integers(0, 5),
)
def test_no_fen_is_lost_or_made(payments: list[tuple[int, int]], verdicts: list[Verdict], held: int) -> None:
    launderer, stopped = network(), []

    def verdict_of(_: int, nth: int) -> Verdict:
        if nth == held:
            mule = launderer.roster.pick(0, 1 + held % LAYERS, 0.5, START_MS)
            stopped.append(mule is not None and launderer.hold(mule.account))
        return verdicts[nth % len(verdicts)]

    rows = run(launderer, payments, 40, verdict_of)
    assert launderer.moving_fen >= launderer.roster.balances_fen() >= 0
    assert 0 <= launderer.held_fen + launderer.gone_fen <= launderer.received_fen
    # The agenda is empty after so long: all is held, gone, or waits out a delay of 24 hours once more.
    if Verdict.HOLD not in verdicts:
        assert launderer.held_fen + launderer.gone_fen == launderer.received_fen
    assert (rows.column("amount_fen")[rows.column("kind") == Kind.TRANSFER] > 0).all()


def test_a_held_account_keeps_what_it_has_and_gets() -> None:
    launderer = network()
    mule = launderer.roster.pick(0, 1, 0.0, START_MS)
    assert mule is not None
    launderer.due(START_MS + SLICE_MS)
    launderer.receive(mule, 500_000, START_MS)
    assert launderer.hold(mule.account)
    launderer.receive(mule, 300_000, START_MS + MINUTE_MS)
    rows = run(launderer, [], 5)
    assert launderer.held_fen == launderer.received_fen == 800_000
    assert mule.account not in rows.column("payer").tolist()
    assert not launderer.hold(12345)


def test_a_held_account_is_replaced_while_there_are_spare_ones() -> None:
    launderer = network(Laundering(spare_accounts=4, duty_hours=1_000))
    launderer.due(START_MS)
    for _ in range(6):
        mule = launderer.roster.pick(0, 1, 0.0, START_MS + 3 * HOUR_MS)
        if mule is not None:
            launderer.hold(mule.account)
    assert launderer.roster.replaced == 4
    assert launderer.roster.pick(0, 1, 0.0, START_MS + 9 * HOUR_MS) is not None


def test_delays_between_layers_follow_the_plan() -> None:
    """SOURCES.md B7: medians 4, 8 and 25 minutes, seen through slices of three minutes."""
    waits: dict[int, list[float]] = {layer: [] for layer in range(1, LAYERS + 1)}
    for seed in range(40):
        launderer = network(Laundering(duty_hours=1_000), seed)
        for layer in waits:
            mule = launderer.roster.pick(0, layer, 0.3, START_MS)
            assert mule is not None
            waits[layer].append(launderer._delay_ms(mule, START_MS) / MINUTE_MS)
    medians = [float(np.median(waits[layer])) for layer in waits]
    assert medians == pytest.approx([4, 8, 25], rel=0.45)
    assert medians == sorted(medians)


def test_large_first_hops_take_longer() -> None:
    launderer = network()
    mule = launderer.roster.pick(0, 1, 0.0, START_MS)
    assert mule is not None
    small = launderer._delay_ms(mule, START_MS)
    mule.large = True
    assert launderer._delay_ms(mule, START_MS) == pytest.approx(small * 15 / 4, rel=0.01)


@given(
    balance=st.integers(1, 3_000_000_00), layer=st.integers(1, LAYERS),
    luck=st.lists(st.floats(0, 1, exclude_max=True), min_size=PIECES_MAX, max_size=PIECES_MAX),
)  # fmt: skip
def test_sums_are_split_into_at_most_six(balance: int, layer: int, luck: list[float]) -> None:
    pieces = split(balance, layer, luck, Laundering())
    assert 1 <= len(pieces) <= PIECES_MAX
    assert min(pieces) > 0
    assert sum(pieces) <= balance
    assert sum(pieces) == balance or len(pieces) == PIECES_MAX
    assert max(pieces) <= LIMITS_FEN[1]


def test_large_sums_are_split_just_below_the_limits() -> None:
    luck = [0.13571, 0.52468, 0.91357, 0.33579, 0.72461, 0.24683]
    for balance, limit in ((3_000_000, LIMITS_FEN[0]), (20_000_000, LIMITS_FEN[1])):
        pieces = split(balance, 1, luck, Laundering())
        assert len(pieces) >= 3
        assert all(0.9 * limit <= piece < limit for piece in pieces[:-1])
        assert any(piece % 100 for piece in pieces), "odd sums"


def test_hops_are_transfers_of_mules_to_mules() -> None:
    launderer = network()
    rows = run(launderer, [(minute, 900_000) for minute in range(0, 300, 10)], 12)
    moved, exits = hops(rows, Step.HOP_2, Step.HOP_3), hops(rows, Step.EXIT)
    roster = launderer.roster
    for payer, target, source in zip(
        *(moved.column(name).tolist() for name in ("payer", "target", "source")), strict=True
    ):
        paying, paid = roster.of_account(payer), roster.of_account(source)
        assert paying is not None
        assert paid is not None
        assert paying.phone == target
        assert paid.layer > paying.layer
    assert all(roster.of_account(source) is None for source in exits.column("source").tolist())
    assert (rows.column("campaign") == 0).all()
    residents = people().number[: people().people]
    assert not np.isin(moved.column("target"), residents).any()


def test_accounts_are_fresh_dormant_or_rented_and_some_are_tried_before() -> None:
    launderer = network(Laundering(duty_hours=2, tested=1.0))
    rows = run(launderer, [(minute, 400_000) for minute in range(0, 900, 4)], 18)
    mules = list(launderer.roster._of_account.values())
    fresh = np.mean([mule.tenure_days <= 15 for mule in mules])
    dormant = np.mean([mule.idle_days >= 90 for mule in mules])
    assert fresh == pytest.approx(0.45, abs=0.2)
    assert dormant == pytest.approx(0.35, abs=0.2)
    tests = rows.take(rows.column("step") == Step.TEST)
    assert tests.count > 5
    assert tests.column("amount_fen").max() <= TEST_FEN[1]
    opened = rows.column("kind") == Kind.REGISTRATION
    assert set(rows.column("source")[opened].tolist()) <= {m.account for m in mules if m.tenure_days == 0}
