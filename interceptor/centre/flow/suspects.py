"""Laundering networks that nobody has reported: accounts that money only passes through.

Enters: Transfers. Leaves: Suspects, and the networks that they form among themselves. Invariants: whole fen; the
measures of an account are those of its own transfers, whatever else is in the file.

An account passes money on if what comes in goes out again soon, first in, first out. That by itself is what a treasurer
or the head of a group purchase does too, so it takes more: most of what comes in and most of what goes out is such
money, it is much, and others that it pays or is paid by do the same. All thresholds are assumptions [A].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interceptor.centre.flow.transfers import Transfers
from interceptor.kernels import IN_I32, IN_I64, IN_U8, INT, OUT_I64, TABLE, Int32s, Int64s, Uint8s, helper, kernel

HOUR_MS = 3_600_000
THROUGH, DWELL, PAYERS, PAYEES, IN, OUT, MEASURES = 0, 1, 2, 3, 4, 5, 6  # columns of what the kernel finds


@dataclass(frozen=True, slots=True)
class Pattern:
    """What makes a suspect: at least `least_fen` went through within `hours`, the mean fen lay no longer than
    `dwell_minutes`, `share` of what came in and of what went out is such money, with `counterparties` or more; and a
    network has `accounts` suspects or more that pay one another. Raises ValueError for what can't be."""

    hours: float = 24.0
    least_fen: int = 200_000
    share: float = 0.50
    dwell_minutes: float = 720.0
    counterparties: int = 3
    accounts: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.hours <= 24 * 366:
            raise ValueError(f"hours: {self.hours:g} isn't above 0 and up to 8,784")
        if self.least_fen < 1 or not 0 < self.share <= 1:
            raise ValueError("the least sum is 1 fen or more, the share above 0 and up to 1")


@dataclass(frozen=True)
class Found:
    """Networks of suspects: account int32[k] with its network int32[k] (0 = most money), and the measures of each,
    int64[k]: through_fen, dwell_ms (mean), payers, payees, in_fen, out_fen."""

    account: Int32s
    network: Int32s
    measures: Int64s

    @property
    def through_fen(self) -> Int64s:
        return self.measures[:, THROUGH]

    @cached_property
    def networks(self) -> int:
        return int(self.network.max(initial=-1)) + 1


def find(transfers: Transfers, pattern: Pattern = Pattern()) -> Found:
    """All networks of suspects in these transfers."""
    measures = measured(transfers, pattern.hours)
    through = measures[:, THROUGH]
    suspect = (through >= pattern.least_fen) & ~transfers.merchant
    suspect &= (through >= pattern.share * measures[:, IN]) & (through >= pattern.share * measures[:, OUT])
    suspect &= measures[:, DWELL] <= pattern.dwell_minutes * 60_000
    suspect &= measures[:, PAYERS] + measures[:, PAYEES] >= pattern.counterparties
    between = suspect[transfers.payer] & suspect[transfers.payee] & (transfers.payer != transfers.payee)
    head = np.arange(len(transfers.accounts))
    _unite(transfers.payer[between], transfers.payee[between], head)
    account = np.flatnonzero(suspect)
    of, size = np.unique(head[account], return_inverse=True)[1], np.bincount(head[account], minlength=len(head))
    large = size[head[account]] >= pattern.accounts
    account, of = account[large], of[large]
    sums = np.zeros(int(of.max(initial=-1)) + 1, np.int64)
    np.add.at(sums, of, through[account])
    rank = np.empty(len(sums), np.int64)
    rank[np.argsort(-sums, kind="stable")] = np.arange(len(sums))
    order = np.lexsort((account, -through[account], rank[of]))
    return Found(
        account[order].astype(np.int32),
        rank[of][order].astype(np.int32),
        np.ascontiguousarray(measures[account[order]]),
    )


def measured(transfers: Transfers, hours: float) -> Int64s:
    """int64[m, MEASURES] of every account."""
    found = np.zeros((len(transfers.accounts), MEASURES), np.int64)
    out, into = transfers.by_payer, transfers.by_payee
    _measure(
        out.offsets, out.rows, into.offsets, into.rows, transfers.payer, transfers.payee, transfers.ts_ms,
        transfers.amount_fen, transfers.way, round(hours * HOUR_MS), found,
    )  # fmt: skip
    return found


@helper
def _different(rows: Int32s, start: int, stop: int, of: Int32s, most: int) -> int:
    """How many different accounts stand in some rows; no more than `most` are counted."""
    found = 0
    for place in range(start, stop):
        new = True
        for before in range(start, place):
            if of[rows[before]] == of[rows[place]]:
                new = False
                break
        found += new
        if found >= most:
            break
    return found


@kernel(IN_I64, IN_I32, IN_I64, IN_I32, IN_I32, IN_I32, IN_I64, IN_I64, IN_U8, INT, TABLE)
def _measure(
    out_offsets: Int64s,
    out_rows: Int32s,
    in_offsets: Int64s,
    in_rows: Int32s,
    payer: Int32s,
    payee: Int32s,
    ts_ms: Int64s,
    amount: Int64s,
    way: Uint8s,
    within_ms: int,
    found: Int64s,
) -> None:
    """Pays what went out from what came in, first in, first out, as long as it came no longer than within_ms ago."""
    for account in range(len(out_offsets) - 1):
        out_start, out_stop = out_offsets[account], out_offsets[account + 1]
        place, stop = in_offsets[account], in_offsets[account + 1]
        if out_start == out_stop or place == stop:
            continue
        came, went, through, waited, taken = 0, 0, 0, 0.0, 0
        for at in range(place, stop):
            came += amount[in_rows[at]] if way[in_rows[at]] == 0 else 0
        for at in range(out_start, out_stop):
            row = out_rows[at]
            went += amount[row]
            wanted = amount[row]
            while wanted > 0 and place < stop and in_rows[place] < row:
                source = in_rows[place]
                late = ts_ms[row] - ts_ms[source] > within_ms or way[source] != 0
                rest = np.int64(0) if late else amount[source] - taken
                used = min(rest, wanted)
                through, wanted, taken = through + used, wanted - used, taken + used
                waited += np.float64(used) * (ts_ms[row] - ts_ms[source])
                if used == rest:
                    place, taken = place + 1, 0
        found[account, 0], found[account, 4], found[account, 5] = through, came, went
        found[account, 1] = np.int64(waited / through) if through > 0 else -1
        found[account, 2] = _different(in_rows, in_offsets[account], stop, payer, 16)
        found[account, 3] = _different(out_rows, out_start, out_stop, payee, 16)


@kernel(IN_I32, IN_I32, OUT_I64)
def _unite(one: Int32s, other: Int32s, head: Int64s) -> None:
    """Gives every account the smallest one of those that it is connected with."""
    for at in range(len(one)):
        a, b = np.int64(one[at]), np.int64(other[at])
        while head[a] != a:
            head[a] = head[head[a]]
            a = head[a]
        while head[b] != b:
            head[b] = head[head[b]]
            b = head[b]
        head[max(a, b)] = min(a, b)
    for at in range(len(head)):
        head[at] = head[head[at]]
