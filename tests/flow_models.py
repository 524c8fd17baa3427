"""Made transfers for the tests of money flows.

Enters: draws of hypothesis, or steps written down. Leaves: transfers as tuples, and the same as Transfers. Invariant:
the ids of transfers and accounts are whole numbers.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from interceptor.centre.flow.transfers import UNKNOWN, Transfers, Way, assembled
from tests.reference_flow import Paid

HOUR_MS = 3_600_000


def transfers_of(paid: list[Paid]) -> Transfers:
    return assembled(
        pa.array([one.id for one in paid], pa.uint64()),
        np.array([one.ts_ms for one in paid], np.int64),
        pa.array([one.payer for one in paid], pa.uint64()),
        pa.array([one.payee for one in paid], pa.uint64()),
        np.array([one.fen for one in paid], np.int64),
        balance_fen=np.array([UNKNOWN if one.balance_fen is None else one.balance_fen for one in paid], np.int64),
        way=np.array([Way[one.way.upper()] for one in paid], np.uint8),
    )


def chain(*steps: tuple[int, int, int], gap_ms: int = 60_000) -> list[Paid]:
    """(payer, payee, fen), a minute apart; ids from 1."""
    return [Paid(at + 1, at * gap_ms, *step) for at, step in enumerate(steps)]


_MONEY = st.one_of(st.integers(0, 50), st.integers(0, 10_000), st.integers(0, 10**15))


@st.composite
def random_networks(draw: st.DrawFn) -> tuple[list[Paid], dict[int, int]]:
    count, accounts = draw(st.integers(1, 40)), draw(st.integers(2, 8))
    ids = draw(st.permutations(range(count)))
    paid = [
        Paid(
            ids[nth],
            draw(st.integers(0, 12)) * HOUR_MS,
            draw(st.integers(0, accounts)),
            draw(st.integers(0, accounts)),
            draw(_MONEY),
            draw(st.one_of(st.none(), _MONEY)),
            draw(st.sampled_from(["arrived"] * 8 + ["held", "cashed"])),
        )
        for nth in range(count)
    ]
    can = [one for one in paid if one.fen and one.way != "held" and one.payer != one.payee]
    chosen = draw(st.lists(st.sampled_from(can), max_size=4, unique=True)) if can else []
    return paid, {one.id: draw(st.integers(1, one.fen)) for one in chosen}
