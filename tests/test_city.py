"""The closed loop: what decisions do to campaigns, and what they leave alone.

Enters: small cities, decisions made here from the truth. Leaves: nothing. Invariant: no test needs the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest

from interceptor.schema import EVENT_SCHEMA, GATES, Action, Kind, Verdict
from simulator.city import SLICE_MS, City, Slice
from simulator.clock import DAY_0_MS, DAY_MS, HOUR_MS
from simulator.events import Pools, Rows
from simulator.population import Population, build
from simulator.scam_types import MULE_NETWORK, SCAM_TYPES
from simulator.scams.chains import Step
from simulator.scams.operation import Operation
from simulator.scenario import Scenario, load
from simulator.source import CitySource

PEOPLE, SEED = 2_000, 3
# Many campaigns for few people, so that a test sees all of it.
CROWDED = load("city_centre").model_copy(
    update={"campaigns": load("city_centre").campaigns.model_copy(update={"per_100k_people": 800.0})}
)


@dataclass(frozen=True)
class Answers:
    """Stands for the engine's Decisions."""

    event_id: np.ndarray
    verdict: np.ndarray
    actions: np.ndarray
    hit_row: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    hit_rule: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    rules: tuple[str, ...] = ()
    shadow: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


@cache
def people() -> Population:
    return build(PEOPLE, SEED)


def city(scenario: Scenario = CROWDED, days: int = 1) -> City:
    return City(scenario, PEOPLE, days, SEED, people())


Policy = Callable[[Rows], tuple[np.ndarray, np.ndarray]]


def run(policy: Policy | None, scenario: Scenario = CROWDED, days: int = 1) -> tuple[Operation, list[Rows]]:
    """Only the scams of a run, decided by `policy`."""
    operation = Operation(scenario, people(), Pools.empty(), SEED)
    taken = []
    # Scams begin after seven.
    for start_ms in range(DAY_0_MS + 7 * HOUR_MS, DAY_0_MS + days * DAY_MS, SLICE_MS):
        rows = operation.rows(start_ms, start_ms + SLICE_MS)
        taken.append(rows)
        if policy is None:
            operation.passed()
        else:
            operation.feedback(rows, *policy(rows))
    return operation, taken


def passing(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(rows.count, np.uint8), np.zeros(rows.count, np.uint32)


def on(kind: Kind, verdict: Verdict, action: Action, step: Step | None = None) -> Policy:
    """This verdict and action on every scam event of a kind, or of a step."""

    def policy(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        verdicts, actions = passing(rows)
        hit = (rows.column("kind") == kind) & (rows.column("campaign") >= 0)
        if step is not None:
            hit &= rows.column("step") == step
        verdicts[hit], actions[hit] = verdict, action
        return verdicts, actions

    return policy


def lure_calls(taken: list[Rows]) -> Rows:
    rows = Rows.merged(taken)
    return rows.take((rows.column("step") == Step.LURE_CALL) & (rows.column("kind") == Kind.CALL))


@cache
def untouched() -> tuple[Operation, list[Rows]]:
    return run(None)


def paid(policy: Policy) -> float:
    return run(policy)[0].losses.lost / untouched()[0].losses.lost


def digest(one: Slice) -> tuple[bytes, bytes, bytes]:
    return one.frame.serialize().to_pybytes(), one.campaign.tobytes(), one.step.tobytes()


def test_slices_cover_the_run_in_order_and_number_all_events() -> None:
    end_ms, next_id = DAY_0_MS, 1
    for one in City(CROWDED, 400, 1, SEED).slices():
        assert one.frame.schema.equals(EVENT_SCHEMA)
        assert (one.start_ms, one.end_ms) == (end_ms, end_ms + SLICE_MS)
        ts_ms, ids = one.frame.column("ts_ms").to_numpy(), one.frame.column("event_id").to_numpy()
        assert (np.diff(ts_ms) >= 0).all()
        assert not len(ts_ms) or (ts_ms[0] >= one.start_ms and ts_ms[-1] < one.end_ms)
        assert (ids == np.arange(next_id, next_id + len(ids))).all()
        assert len(one.campaign) == len(one.step) == len(one.habit) == len(ids)
        end_ms, next_id = one.end_ms, next_id + len(ids)
    assert end_ms == DAY_0_MS + DAY_MS


def test_same_seed_same_bytes() -> None:
    first, second = city(), city()
    for nth, (one, other) in enumerate(zip(first.slices(), second.slices(), strict=True)):
        assert digest(one) == digest(other)
        if nth == 290:  # campaigns have begun
            break
    different = City(CROWDED, PEOPLE, 1, SEED + 1).slices()
    assert digest(next(city().slices())) != digest(next(different))


def test_a_run_in_which_all_passes_equals_the_counterfactual() -> None:
    one = city()
    for taken in one.slices():
        ids = taken.frame.column("event_id").to_numpy()
        none = np.zeros(len(ids), np.uint32)
        one.feedback(Answers(ids, none.astype(np.uint8), none))
    assert one.losses == one.counterfactual()
    assert one.losses.lost > 0


def test_a_slice_without_feedback_has_passed() -> None:
    assert untouched()[0].losses == run(passing)[0].losses


def test_a_source_that_is_observed_hears_of_no_decision() -> None:
    source = CitySource(CROWDED, PEOPLE, 1, SEED, observed=True)
    source.build()
    for taken in source.slices():
        count = taken.frame.num_rows
        ids = taken.frame.column("event_id").to_numpy()
        verdict, actions = np.full(count, Verdict.BLOCK, np.uint8), np.full(count, Action.HARD_BLOCK, np.uint32)
        source.feedback(Answers(ids, verdict, actions))
    assert source.setting.scenario.endswith(", observed")
    assert source._city.losses == city().counterfactual()
    assert source._city.losses.lost > 0


def test_feedback_belongs_to_the_last_slice_once() -> None:
    one = city()
    taken = next(one.slices())
    ids = taken.frame.column("event_id").to_numpy()
    answers = Answers(ids, np.zeros(len(ids), np.uint8), np.zeros(len(ids), np.uint32))
    one.feedback(answers)
    with pytest.raises(RuntimeError, match="once"):
        one.feedback(answers)


def test_decisions_find_their_events_in_any_order() -> None:
    """Also when only the blocked ones come back."""
    one = city()
    for taken in one.slices():
        ids, kind = (taken.frame.column(name).to_numpy() for name in ("event_id", "kind"))
        rows = np.flatnonzero((taken.campaign >= 0) & (kind == Kind.TRANSFER))[::-1]
        verdict = np.full(len(rows), Verdict.BLOCK, np.uint8)
        one.feedback(Answers(ids[rows], verdict, np.full(len(rows), Action.BLOCK, np.uint32)))
    assert one.losses.lost == 0
    assert one.losses.attempted > 0


def test_luck_is_the_same_until_the_first_decision_that_matters() -> None:
    blocked = run(on(Kind.CALL, Verdict.BLOCK, Action.BLOCK))[1]
    for with_, without in zip(blocked, untouched()[1], strict=True):
        assert with_.count == without.count
        assert all((one == other).all() for one, other in zip(with_.blocks, without.blocks, strict=True))
        if (without.column("kind") == Kind.CALL).any():
            return
    pytest.fail("no scam calls in a whole day")


def test_blocking_a_gate_prevents_what_goes_through_it() -> None:
    calls, _ = run(on(Kind.CALL, Verdict.BLOCK, Action.BLOCK))
    reached = {campaign.scam_type for campaign in calls.campaigns if campaign.victims and campaign.crews}
    assert not reached & {"fake_customer_service", "fake_credit_record", "fake_police"}
    assert paid(on(Kind.TRANSFER, Verdict.BLOCK, Action.BLOCK, Step.PAYMENT)) == 0
    everything = [on(kind, Verdict.BLOCK, Action.BLOCK) for kind in GATES]

    def policy(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        answers = [each(rows) for each in everything]
        return np.maximum.reduce([v for v, _ in answers]), np.bitwise_or.reduce([a for _, a in answers])

    assert paid(policy) == 0


def test_marks_and_prompts_lower_success() -> None:
    hooked = {}
    for name, policy in {
        "none": None,
        "label": on(Kind.CALL, Verdict.LABEL, Action.LABEL),
        "challenge": on(Kind.CALL, Verdict.LABEL, Action.CHALLENGE),
    }.items():
        scenario = CROWDED.model_copy(update={"volleys": CROWDED.volleys.model_copy(update={"hook_factor": 8.0})})
        hooked[name] = sum(campaign.victims for campaign in run(policy, scenario)[0].campaigns if campaign.crews)
    assert hooked["challenge"] < hooked["label"] < hooked["none"]


def test_higher_warnings_stop_more() -> None:
    tiers = (Action.WARN_1, Action.WARN_2, Action.WARN_3, Action.WARN_4)
    shares = [run(on(Kind.WEB, Verdict.PASS, tier))[0].losses.attempted_fen for tier in tiers]
    assert untouched()[0].losses.attempted_fen >= shares[0] >= shares[1] >= shares[2] >= shares[3]
    assert shares[3] < untouched()[0].losses.attempted_fen


def test_a_warning_counts_whatever_it_was_about() -> None:
    """Here on any event of the slice that has the victim as its target, scam or not."""
    operation, _ = run(None)
    resident = 17
    rows = Rows.of(Kind.SMS, np.array([DAY_0_MS]), source=1, target=people().number[resident])
    assert not operation._warned.stops(resident, 0.2)
    operation.feedback(rows, np.zeros(1, np.uint8), np.array([Action.WARN_2], np.uint32))
    assert operation._warned.stops(resident, 0.2)


def test_delayed_transfers_are_withdrawn_by_some() -> None:
    losses = run(on(Kind.TRANSFER, Verdict.HOLD, Action.DELAY_24H, Step.PAYMENT))[0].losses
    assert 0 < losses.revoked_fen < losses.attempted_fen
    assert losses.paid_fen > 0
    warned = on(Kind.TRANSFER, Verdict.HOLD, Action.DELAY_24H | Action.WARN_4, Step.PAYMENT)
    assert run(warned)[0].losses.paid_fen < losses.paid_fen


def test_what_is_delayed_and_not_withdrawn_comes_a_day_later() -> None:
    operation, taken = run(on(Kind.TRANSFER, Verdict.HOLD, Action.DELAY_24H, Step.PAYMENT), days=2)
    hops = [rows.column("ts_ms")[rows.column("step") == Step.HOP_2] for rows in taken]
    assert np.concatenate(hops).min() >= DAY_0_MS + DAY_MS
    assert operation.losses.gone_fen > 0


def test_stopped_accounts_keep_the_money() -> None:
    operation, taken = run(on(Kind.TRANSFER, Verdict.BLOCK, Action.STOP_48H, Step.HOP_2))
    losses = operation.losses
    assert losses.paid_fen > 0
    assert losses.gone_fen == 0
    assert losses.recovered_fen + operation.launderer.moving_fen == operation.launderer.received_fen
    assert losses.recovered_fen > 0
    rows = Rows.merged(taken)
    hops, payments = (rows.take(rows.column("step") == step) for step in (Step.HOP_2, Step.PAYMENT))
    for account in np.unique(hops.column("payer")).tolist():
        stopped_ms = hops.column("ts_ms")[hops.column("payer") == account].min()
        later = payments.column("ts_ms")[payments.column("source") == account] - stopped_ms
        assert not (later > SLICE_MS).any(), "money was sent to an account that is stopped"


def test_lines_are_replaced_until_none_is_left() -> None:
    limit = on(Kind.CALL, Verdict.PASS, Action.LIMIT, Step.LURE_CALL)
    operation, taken = run(limit)
    calls = lure_calls(taken)
    sources, first = np.unique(calls.column("source"), return_index=True)
    assert operation.lines.replaced > 50
    # A limited line is silent: all its calls lie within the slice in which it was limited.
    for source, at in zip(sources.tolist(), first.tolist(), strict=True):
        ts_ms = calls.column("ts_ms")[calls.column("source") == source]
        assert ts_ms.max() - calls.column("ts_ms")[at] < SLICE_MS
    assert calls.count < 0.5 * lure_calls(untouched()[1]).count
    spare = CROWDED.rotation.spare_lines
    assert len(sources) <= (1 + spare) * len(operation.lines.line)
    assert operation.losses.rotation_cost_yuan > 0


def test_blocked_lines_are_dialled_on_until_their_user_notices() -> None:
    operation, taken = run(on(Kind.CALL, Verdict.BLOCK, Action.BLOCK))
    calls = lure_calls(taken)
    spans = [np.ptp(calls.column("ts_ms")[calls.column("source") == s]) for s in np.unique(calls.column("source"))]
    assert max(spans) > SLICE_MS
    assert max(spans) <= CROWDED.rotation.minutes[1] * 60_000 + SLICE_MS
    assert operation.lines.replaced > 50


def test_blocked_sites_move() -> None:
    blocked, _ = run(on(Kind.WEB, Verdict.BLOCK, Action.BLOCK))
    moves = [sum(campaign.site.moves for campaign in op.campaigns) for op in (untouched()[0], blocked)]
    assert moves[1] > moves[0]


def test_forwarded_lines_show_it_on_every_call() -> None:
    one = city()
    slices = one.slices()
    next(slices)
    callee = int(people().number[np.argmax(people().in_per_day[:PEOPLE])])
    one._operation.looks.forwarded.add(callee)
    seen: list[bool] = []
    while len(seen) < 3:
        frame = next(slices).frame
        target, kind = frame.column("target").to_numpy(), frame.column("kind").to_numpy()
        shown = frame.column("forwarding").to_numpy(zero_copy_only=False)
        seen.extend(shown[(target == callee) & (kind == Kind.CALL)].tolist())
    assert all(seen)


def test_types_of_campaigns() -> None:
    one = city()
    next(one.slices())
    assert [campaign.index for campaign in one.campaigns] == list(range(len(one.campaigns)))
    assert one.type_of_campaign[0] == MULE_NETWORK
    assert set(one.type_of_campaign.tolist()) <= set(range(len(SCAM_TYPES)))
