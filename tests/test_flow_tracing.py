"""Tracing: the kernel does what the slow reference says; no fen is lost; limits are limits."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.centre.flow.tracing import (
    Case,
    Limits,
    Report,
    Trace,
    Tracer,
    reported,
    worth_stopping,
)
from interceptor.centre.flow.walk import Outcome
from interceptor.centre.refusal import Refused
from tests.flow_models import HOUR_MS, chain, random_networks, transfers_of
from tests.reference_flow import Paid, follow


def traced(paid: list[Paid], *reports: str, limits: Limits | None = None, at_ms: int | None = None) -> Trace:
    transfers = transfers_of(paid)
    return Tracer(transfers).trace(reported(transfers, reports or ("1",)), limits or Limits(least_share=0), at_ms)


def left(trace: Trace) -> dict[str, int]:
    return {
        str(int(trace.transfers.account(account), 16)): fen
        for account, fen in zip(trace.account, trace.left_fen.tolist(), strict=True)
    }


@given(
    random_networks(),
    st.integers(1, 8),
    st.integers(1, 14),
    st.sampled_from([0, 1, 100]),
    st.sampled_from([0, 1, 10_000]),
)
def test_kernel_and_slow_version_agree(
    network: tuple[list[Paid], dict[int, int]], layers: int, hours: int, least_fen: int, least_ppm: int
) -> None:
    paid, reports = network
    if not reports:
        return
    transfers = transfers_of(paid)
    case = Case("c", tuple(Report(transfers.row_of(str(name)), fen) for name, fen in reports.items()))
    tracer = Tracer(transfers)
    limits = Limits(layers, hours, least_fen, least_ppm / 1e6)
    tracer.trace(Case("before", (case.reports[0],)), Limits(least_fen=0))  # leaves nothing behind
    trace = tracer.trace(case, limits)
    until = max(one.ts_ms for one in paid if one.id in reports) + hours * HOUR_MS
    slow = follow(paid, reports, layers=layers, until_ms=until, least_fen=least_fen, least_ppm=least_ppm)
    ids = [int(transfers.id_of(row)) for row in trace.row]
    outcomes = [Outcome(outcome).name.lower() for outcome in trace.outcome]
    assert list(zip(ids, trace.fen.tolist(), outcomes, strict=True)) == slow.carried
    assert left(trace) == {str(account): fen for account, fen in slow.left.items()}
    layer_of = dict(zip(map(int, left(trace)), trace.layer.tolist(), strict=True))
    assert layer_of == slow.layer
    assert sum(trace.balance_sheet.values()) == trace.reported_fen == sum(reports.values())
    assert (trace.came_fen - trace.went_fen() == trace.left_fen).all()
    assert (trace.left_fen >= 0).all()
    assert (trace.share <= 1).all()


@given(random_networks(), st.integers(0, 12))
def test_what_an_account_had(network: tuple[list[Paid], dict[int, int]], hour: int) -> None:
    """What went out since stolen money came, and what is there now: beside a count by hand."""
    paid, reports = network
    ordered = sorted(paid, key=lambda one: (one.ts_ms, one.id))
    transfers = transfers_of(paid)
    for name, fen in reports.items():
        row = transfers.row_of(str(name))
        at_ms = max(hour * HOUR_MS, int(transfers.ts_ms[row]))
        trace = Tracer(transfers).trace(Case("c", (Report(row, fen),)), Limits(least_fen=0), at_ms)
        for account, first, had in zip(left(trace), trace.first_row.tolist(), trace.had_fen.tolist(), strict=True):
            balance = since = 0
            for at, one in enumerate(ordered):
                if one.ts_ms <= trace.as_of_ms and one.payer == int(account):
                    balance = int(transfers.before_fen[at]) - one.fen
                    since += one.fen if at >= first and one.payee != one.payer else 0
                if one.ts_ms <= trace.as_of_ms and one.payee == int(account) and one.way == "arrived":
                    balance += one.fen
            assert had == balance + since


@given(random_networks())
def test_rounding_costs_less_than_a_fen_a_transfer(network: tuple[list[Paid], dict[int, int]]) -> None:
    """Whole fen beside exact fractions, without limits that rounding could cross."""
    paid, reports = network
    wide = {"layers": 64, "until_ms": 20 * HOUR_MS}
    whole, exact = follow(paid, reports, **wide), follow(paid, reports, **wide, whole=False)
    for account, fen in exact.left.items():
        assert abs(whole.left.get(account, Fraction(0)) - fen) <= len(paid)


@given(random_networks())
def test_a_case_does_not_depend_on_others(network: tuple[list[Paid], dict[int, int]]) -> None:
    paid, reports = network
    transfers = transfers_of(paid)
    cases = [Case(str(name), (Report(transfers.row_of(str(name)), fen),)) for name, fen in reports.items()]
    together, alone = Tracer(transfers).trace_all(cases), [Tracer(transfers).trace(case) for case in cases]
    for one, other in zip(together, alone, strict=True):
        assert one.balance_sheet == other.balance_sheet
        assert (one.row == other.row).all()


def test_money_is_followed_pro_rata() -> None:
    """1,000 of 4,000 in account 2 are tainted: a quarter of each payment is."""
    trace = traced(chain((9, 2, 3_000), (1, 2, 1_000), (2, 3, 2_000), (2, 4, 1_000)), "2")
    assert trace.fen.tolist() == [1_000, 500, 250]
    assert left(trace) == {"2": 250, "3": 500, "4": 250}
    assert trace.layer.tolist() == [1, 2, 2]


def test_a_known_balance_counts_if_it_is_more_than_the_implied_one() -> None:
    paid = [Paid(1, 0, 1, 2, 1_000), Paid(2, 1, 2, 3, 500, balance_fen=10_000)]
    assert traced(paid).fen.tolist() == [1_000, 50]


def test_what_left_unseen_took_its_part_along() -> None:
    """2,000 came in, half of it stolen; the bank says that 600 are there: half of them are."""
    paid = [Paid(1, 0, 1, 2, 1_000), Paid(2, 1, 9, 2, 1_000), Paid(3, 2, 2, 3, 500, balance_fen=600)]
    assert traced(paid).fen.tolist() == [1_000, 250]


def test_layers_end_where_they_were_asked_to() -> None:
    paid = chain(*((at, at + 1, 1_000) for at in range(12)))
    for layers in (1, 6, 11):
        trace = traced(paid, limits=Limits(layers=layers))
        assert trace.layer.tolist() == list(range(1, layers + 1))
        assert trace.balance_sheet["deep"] == 1_000
        assert not trace.left_fen.any()
    assert traced(paid, limits=Limits(layers=32)).balance_sheet["left"] == 1_000


def test_hours_count_from_the_last_report_and_include_their_end() -> None:
    reports = [Paid(1, 0, 1, 2, 1_000), Paid(2, 5 * HOUR_MS, 1, 2, 1_000)]
    at_the_end, after = (Paid(3, 29 * HOUR_MS + late, 2, 3, 2_000) for late in (0, 1))
    assert left(traced([*reports, at_the_end], "1", "2")) == {"2": 0, "3": 2_000}
    assert left(traced([*reports, after], "1", "2")) == {"2": 2_000}
    assert left(traced([*reports, at_the_end], "1")) == {"2": 1_000}


def test_an_earlier_time_shows_what_was_there_then() -> None:
    paid = chain((1, 2, 900), (2, 3, 900), (3, 4, 900))
    assert left(traced(paid, at_ms=60_000)) == {"2": 0, "3": 900}
    assert left(traced(paid, at_ms=0)) == {"2": 900}


def test_money_that_comes_round_is_counted_once() -> None:
    trace = traced(chain((1, 2, 800), (2, 3, 800), (3, 1, 800), (1, 2, 800), (2, 4, 800)))
    assert left(trace) == {"2": 0, "3": 0, "1": 0, "4": 800}
    assert trace.came_fen.tolist() == [1_600, 800, 800, 800]
    assert dict(zip(left(trace), trace.layer.tolist(), strict=True)) == {"2": 1, "3": 2, "1": 3, "4": 2}


def test_at_the_same_time_ids_are_the_order() -> None:
    first, second = Paid(1, 0, 1, 2, 500), Paid(2, 0, 2, 3, 500)
    assert left(traced([second, first])) == {"2": 0, "3": 500}
    before = Paid(0, 0, 2, 3, 500)
    assert left(traced([first, before])) == {"2": 500}


def test_held_and_cashed_money_goes_no_further() -> None:
    paid = [
        *chain((1, 2, 900)), Paid(2, 1, 2, 3, 300, way="held"), Paid(3, 2, 2, 4, 300, way="cashed"),
        Paid(4, 3, 3, 5, 300), Paid(5, 4, 4, 5, 300),
    ]  # fmt: skip
    sheet = traced(paid).balance_sheet
    assert sheet == {"left": 300, "cashed": 300, "held": 300, "deep": 0, "thin": 0}


def test_through_a_hub_money_gets_too_thin() -> None:
    """A shop that 200 people pay: what it pays on isn't followed, and its creditors aren't suspects."""
    crowd = [Paid(at, at, 1_000 + at, 2, 10_000) for at in range(2, 202)]
    onward = [Paid(at, at, 2, 3_000 + at, 50_000) for at in range(202, 232)]
    trace = traced([Paid(1, 202, 1, 2, 10_000), *crowd, *onward], limits=Limits())
    assert left(trace).keys() == {"2"}
    assert trace.balance_sheet["thin"] > 0


def test_what_is_worth_stopping() -> None:
    """30 % of what it had, or 5,000 yuan; but not for small change."""
    paid = [
        Paid(1, 1, 1, 2, 30_000), Paid(2, 2, 9, 2, 70_000), Paid(3, 3, 1, 3, 29_000), Paid(4, 4, 9, 3, 71_000),
        Paid(5, 5, 1, 4, 500_000), Paid(6, 6, 9, 4, 90_000_000), Paid(7, 7, 1, 5, 9_999), Paid(8, 8, 1, 6, 400_000),
        Paid(9, 9, 6, 7, 10_000, balance_fen=90_000_000),
    ]  # fmt: skip
    trace = traced(paid, "1", "3", "5", "7", "8", limits=Limits(least_fen=0, least_share=0))
    stopped = dict(zip(left(trace), worth_stopping(trace).tolist(), strict=True))
    assert stopped == {"2": True, "3": False, "4": True, "5": False, "6": False, "7": False}
    assert trace.had_fen[:3].tolist() == [100_000, 100_000, 90_500_000]
    assert trace.share[4] == pytest.approx(400_000 / 90_000_000)


@pytest.mark.parametrize(
    ("reports", "at_ms", "words"),
    [
        (("77",), None, "there is no transfer 77"),
        (("x",), None, "there is no transfer x"),
        (("-1",), None, "there is no transfer -1"),
        (("1:1001",), None, "moved 1,000 fen, not 1,001"),
        (("1:0",), None, "moved 1,000 fen, not 0"),
        (("1:x",), None, "no sum in fen"),
        (("1", "1:5"), None, "reported twice"),
        (("2",), None, "is held"),
        (("3",), None, "to itself"),
        (("4",), 3, "later than the time"),
        ((), None, "no payment is reported"),
    ],
)
def test_reports_that_nobody_can_trace(reports: tuple[str, ...], at_ms: int | None, words: str) -> None:
    paid = [Paid(1, 0, 1, 2, 1_000), Paid(2, 1, 2, 3, 5, way="held"), Paid(3, 2, 3, 3, 5), Paid(4, 4, 3, 4, 5)]
    transfers = transfers_of(paid)
    with pytest.raises(Refused, match=words):
        Tracer(transfers).trace(reported(transfers, reports), at_ms=at_ms)


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"layers": 65}, {"hours": 0}, {"hours": float("nan")},
                                   {"least_share": 1.5}, {"least_fen": -1}])  # fmt: skip
def test_limits_that_are_none(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the words differ)
        Limits(**wrong)


def test_large_sums_stay_exact() -> None:
    """Where a float would round."""
    big = 10**15 - 7
    paid = [Paid(1, 0, 1, 2, big), Paid(2, 1, 9, 2, big - 1), Paid(3, 2, 2, 3, big - 3)]
    assert traced(paid).fen.tolist() == [big, big * (big - 3) // (2 * big - 1)]
