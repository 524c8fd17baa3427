"""Networks: which cases belong together, who does what, and the picture of it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.centre.flow.networks import HUB_PAYERS, JOINING_FEN, Network, Role, networks
from interceptor.centre.flow.picture import draw, write_picture
from interceptor.centre.flow.scheme import NODES_MAX, REST, scheme
from interceptor.centre.flow.tracing import Case, Limits, Report, Trace, Tracer
from interceptor.centre.flow.transfers import FileProblem, assembled
from tests.flow_models import HOUR_MS, chain, random_networks, transfers_of
from tests.reference_flow import Paid

MINUTE_MS = 60_000


def found(paid: list[Paid], *cases: tuple[int, ...], limits: Limits | None = None) -> list[Network]:
    """Networks of cases, each given by the ids of its reported payments."""
    transfers = transfers_of(paid)
    tracer = Tracer(transfers)
    traces = [
        tracer.trace(
            Case(
                f"case {at}",
                tuple(
                    Report(transfers.row_of(str(one)), int(transfers.amount_fen[transfers.row_of(str(one))]))
                    for one in ids
                ),
            ),
            limits or Limits(),
        )
        for at, ids in enumerate(cases)
    ]
    return networks(traces)


def roles(network: Network) -> dict[int, Role]:
    return {int(network.transfers.account(member.account), 16): member.role for member in network.members}


def test_victims_of_one_account_are_one_network() -> None:
    (one,) = found(chain((1, 9, 50_000), (2, 9, 70_000)), (1,), (2,))
    assert one.cases == ("case 0", "case 1")
    assert one.reported_fen == 120_000
    assert [one.transfers.account(account)[-1] for account in one.joined_by] == ["9"]


def test_cases_that_meet_two_layers_down_are_one_network() -> None:
    paid = chain((1, 8, 50_000), (2, 9, 70_000), (8, 7, 50_000), (9, 7, 70_000), (7, 6, 120_000))
    (one,) = found(paid, (1,), (2,))
    assert roles(one) == {8: Role.TRANSIT, 9: Role.TRANSIT, 7: Role.COLLECTOR, 6: Role.EXIT}


def test_a_shop_where_two_launderers_spend_joins_nothing() -> None:
    paid = chain((1, 8, 50_000), (2, 9, 70_000), (8, 7, 50_000), (9, 7, 70_000))
    assert len(found(paid, (1,), (2,))) == 2


@pytest.mark.parametrize(("others", "together"), [(HUB_PAYERS - 1, 1), (HUB_PAYERS, 2)])
def test_an_exchange_that_everybody_pays_joins_nothing(others: int, together: int) -> None:
    """Also one that pays on, and that the victims paid themselves."""
    paid = [Paid(1, 1, 1, 9, 500_000), Paid(2, 2, 2, 9, 500_000), Paid(999, 5 * MINUTE_MS, 9, 3, 900_000)]
    paid += [Paid(10 + at, 3, 100 + at, 9, 50_000) for at in range(others)]
    assert len(found(paid, (1,), (2,))) == together


def test_small_change_and_thin_money_join_nothing() -> None:
    small = chain((1, 9, JOINING_FEN - 1), (2, 9, 70_000), (9, 8, 70_000))
    assert len(found(small, (1,), (2,))) == 2
    thin = [Paid(1, 1, 1, 9, 20_000), Paid(2, 2, 2, 9, 20_000), Paid(3, 3, 9, 8, 500_000, balance_fen=9_000_000)]
    assert len(found(thin, (1,), (2,), limits=Limits(least_share=0))) == 2


def test_roles_sums_and_times_of_a_network() -> None:
    """Three victims, a collector, a splitter, two exits, one of them a cash machine; one victim's money still lies."""
    at = [MINUTE_MS * minute for minute in range(100)]
    paid = [
        Paid(1, at[0], 1, 10, 100_000), Paid(2, at[4], 2, 10, 200_000), Paid(3, at[5], 3, 12, 90_000),
        Paid(4, at[10], 10, 20, 300_000), Paid(5, at[12], 20, 30, 100_000), Paid(6, at[13], 20, 31, 200_000),
        Paid(7, at[20], 31, 40, 200_000, way="cashed"),
    ]  # fmt: skip
    one, other = found(paid, (1, 2), (3,))
    assert roles(one) == {10: Role.COLLECTOR, 20: Role.SPLITTER, 30: Role.EXIT, 31: Role.EXIT}
    assert roles(other) == {12: Role.HOLDER}
    collector, splitter, cash, last = one.members
    assert (collector.victims_fen, collector.came_fen, collector.left_fen, collector.payers) == (300_000, 300_000, 0, 2)
    assert collector.dwell_ms == 6 * MINUTE_MS  # 200,000 of 300,000 lay six minutes
    assert (splitter.layer, splitter.payees, splitter.dwell_ms) == (2, 2, 3 * MINUTE_MS)
    assert (cash.out_by, cash.came_fen, cash.left_fen) == ("cash", 200_000, 0)
    assert (last.left_fen, last.dwell_ms, last.share) == (100_000, -1, 1.0)
    assert one.layers == 3
    assert one.ended_fen == one.reported_fen == sum(one.balance_sheet.values())
    assert one.with_role(Role.EXIT) == (cash, last)


@given(random_networks(), st.randoms(use_true_random=False))
def test_networks_do_not_depend_on_the_order_of_cases(
    network: tuple[list[Paid], dict[int, int]], shuffler: object
) -> None:
    paid, reports = network
    ids = [(one,) for one in reports]
    mixed = list(ids)
    shuffler.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = (
        {frozenset(report.row for trace in one.traces for report in trace.case.reports) for one in found(paid, *order)}
        for order in (ids, mixed)
    )
    assert first == second
    for one in found(paid, *ids):
        assert sum(member.left_fen for member in one.members) == one.balance_sheet["left"]
        assert sum(one.balance_sheet.values()) == one.reported_fen
        plan = scheme(one)
        assert sum(fen for (start, _), fen in plan.links.items() if start.startswith("v")) == one.reported_fen


def wide(accounts: int) -> Network:
    """One collector that pays `accounts` others, which pay on."""
    paid = [Paid(1, 0, 1, 2, 1_000 * accounts)]
    paid += [Paid(2 + at, 1 + at, 2, 100 + at, 1_000) for at in range(accounts)]
    paid += [Paid(2 + accounts + at, HOUR_MS + at, 100 + at, 5_000 + at % 7, 1_000) for at in range(accounts)]
    return found(paid, (1,), limits=Limits(least_fen=0))[0]


def test_a_large_picture_folds_what_is_smallest_and_loses_nothing(tmp_path: Path) -> None:
    network = wide(300)
    plan = scheme(network)
    assert len(plan.nodes) <= NODES_MAX
    (rest,) = [node for node in plan.nodes if node.kind == REST]
    shown = [node for node in plan.nodes if node.column == rest.column and node is not rest]
    assert rest.name == f"… and {300 - len(shown)} more"
    assert sum(node.size_fen for node in [*shown, rest]) == 300_000
    for name in ("flow.svg", "flow.png"):
        write_picture(tmp_path / name, network, "wide")
        first = (tmp_path / name).read_bytes()
        write_picture(tmp_path / name, network, "wide")
        assert (tmp_path / name).read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flow.png", "flow.svg"]


def test_money_that_goes_round_can_be_drawn() -> None:
    (network,) = found(chain((1, 2, 80_000), (2, 3, 80_000), (3, 2, 80_000), (2, 3, 80_000), (3, 1, 80_000)), (1,))
    draw(network, "round")


def test_hostile_names_and_titles_show_as_text(tmp_path: Path) -> None:
    names = pa.array(['<script>alert("x")</script>', "$\\frac{1}{0}$", "\x1b[31m\u202e]]>&amp;"])
    transfers = assembled(
        pa.array([1, 2], pa.uint64()), np.array([0, 1]), names.take(pa.array([0, 1])), names.take(pa.array([1, 2])),
        np.array([500, 500]),
    )  # fmt: skip
    (network,) = networks([Tracer(transfers).trace(Case("c", (Report(0, 500),)))])
    write_picture(tmp_path / "flow.svg", network, "<img onerror=x> \x1b[2J $x$ " + "long " * 99)
    text = (tmp_path / "flow.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert {element.tag.rpartition("}")[2] for element in root.iter()}.isdisjoint(
        {"script", "image", "foreignObject", "a"}
    )
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("name", "words"), [("flow.jpg", "neither"), ("folder.svg", "a folder"), ("none/flow.svg", "no folder")]
)
def test_pictures_that_can_not_be_written(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(FileProblem, match=words):
        write_picture(tmp_path / name, wide(2), "t")


def test_no_cases_no_networks() -> None:
    none: list[Trace] = []
    assert networks(none) == []
