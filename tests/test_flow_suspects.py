"""Suspects: accounts that money only passes through are found, and people who look a bit like it are left alone."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from interceptor.centre.flow.suspects import DWELL, IN, OUT, PAYEES, PAYERS, THROUGH, Pattern, find, measured
from tests.amlsim_files import write_amlsim
from tests.flow_models import HOUR_MS, random_networks, transfers_of
from tests.reference_flow import Paid
from tests.test_flow_cli import app

MINUTE_MS = 60_000


def slowly(paid: list[Paid], account: int, within_ms: int) -> tuple[int, int, int, int]:
    """(through, mean wait, in, out) of an account, payment by payment with a queue."""
    through = waited = came = went = 0
    waiting: deque[list[int]] = deque()
    for one in sorted(paid, key=lambda each: (each.ts_ms, each.id)):
        if one.payer == account:
            went, wanted = went + one.fen, one.fen
            while wanted and waiting:
                if one.ts_ms - waiting[0][0] > within_ms or not waiting[0][1]:
                    waiting.popleft()
                    continue
                used = min(wanted, waiting[0][1])
                waiting[0][1], wanted, through = waiting[0][1] - used, wanted - used, through + used
                waited += used * (one.ts_ms - waiting[0][0])
        if one.payee == account and one.way == "arrived":
            came += one.fen
            waiting.append([one.ts_ms, one.fen])
    return through, waited // through if through else -1, came, went


@given(random_networks(), st.integers(1, 13))
def test_measures_are_those_of_a_queue(network: tuple[list[Paid], dict[int, int]], hours: int) -> None:
    paid, _ = network
    transfers = transfers_of(paid)
    found = measured(transfers, hours)
    for at in range(len(transfers.accounts)):
        account = int(transfers.account(at), 16)
        if not {account} <= {one.payer for one in paid} & {one.payee for one in paid}:
            assert not found[at].any()
            continue
        through, wait, came, went = slowly(paid, account, hours * HOUR_MS)
        assert found[at, [THROUGH, IN, OUT]].tolist() == [through, came, went]
        assert found[at, DWELL] == pytest.approx(wait, rel=1e-9, abs=1)
        assert found[at, PAYERS] == len({one.payer for one in paid if one.payee == account})
        assert found[at, PAYEES] == len({one.payee for one in paid if one.payer == account})


def laundering() -> list[Paid]:
    """Two victims, a collector, three who pass on, a shop."""
    paid = [Paid(1, 0, 1, 10, 900_000), Paid(2, MINUTE_MS, 2, 10, 600_000)]
    for at in range(3):
        paid += [
            Paid(3 + at, (5 + at) * MINUTE_MS, 10, 20 + at, 500_000),
            Paid(6 + at, (15 + at) * MINUTE_MS, 20 + at, 30 + at, 250_000),
            Paid(9 + at, (16 + at) * MINUTE_MS, 20 + at, 40 + at, 240_000),
        ]
    return paid


def names(paid: list[Paid], pattern: Pattern | None = None) -> set[int]:
    transfers = transfers_of(paid)
    return {int(transfers.account(account), 16) for account in find(transfers, pattern or Pattern()).account.tolist()}


def test_a_collector_and_those_behind_it_are_found() -> None:
    transfers = transfers_of(laundering())
    found = find(transfers)
    assert names(laundering()) == {10, 20, 21, 22}
    assert found.networks == 1
    assert found.through_fen.tolist() == [1_500_000, 490_000, 490_000, 490_000]


def test_one_who_collects_for_a_group_is_left_alone() -> None:
    """Ten colleagues pay one, who pays the restaurant: nobody around passes money on."""
    paid = [Paid(at, at * MINUTE_MS, 100 + at, 10, 30_000) for at in range(1, 11)]
    assert names([*paid, Paid(99, HOUR_MS, 10, 50, 300_000)]) == set()


def test_families_and_savers_are_left_alone() -> None:
    """Money that stays, and money that was there before."""
    stays = [one._replace(ts_ms=one.ts_ms * 300) for one in laundering()]
    assert names(stays, Pattern(hours=6)) == set()
    rich = [*laundering(), *(Paid(50 + at, HOUR_MS, 20 + at, 60, 9_000_000) for at in range(3))]
    assert names(rich) == set()


def test_nothing_is_found_in_nothing() -> None:
    assert find(transfers_of([])).networks == 0


@pytest.mark.parametrize("wrong", [{"hours": 0}, {"hours": float("nan")}, {"least_fen": 0}, {"share": 0}, {"share": 2}])
def test_patterns_that_are_none(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the words differ)
        Pattern(**wrong)  # type: ignore[arg-type]


def test_a_recorded_city_and_a_labelled_file(city_recording: Path, tmp_path: Path) -> None:
    folder = write_amlsim(tmp_path / "aml", 5, accounts=1_000, alerts=20)
    for arguments, precision, recall in (
        ([city_recording, "--observed"], 0.8, 0.5), ([folder], 0.9, 0.5),
    ):  # fmt: skip
        result = CliRunner().invoke(app, ["find", *map(str, arguments), "--check", "--json"])
        assert result.exit_code == 0, result.stderr
        check = json.loads(result.stdout)["check"]
        assert check["precision"] >= precision
        assert check["recall"] >= recall
    shown = CliRunner().invoke(app, ["find", str(folder)])
    assert shown.exit_code == 1
    assert "that money only passes through" in shown.stdout
    for wrong in (["find", str(folder), "--hours", "0"], ["find", str(tmp_path / "none.csv")]):
        assert CliRunner().invoke(app, wrong).exit_code == 2
