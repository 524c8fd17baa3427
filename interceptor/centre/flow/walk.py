"""The walk of one case through the transfers, as a kernel.

Enters: arrays of Transfers and its index by payer; the reported rows. Leaves: the transfers that carried tainted money,
and what is left where. Invariant: whole fen, none lost and none made: after every transfer, what was reported so far is
what lies in accounts plus what left them.

Only accounts that hold tainted money are walked: a heap has the next outgoing transfer of each, so the cost of a case
is that of the transfers of its accounts, however long the file is.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from interceptor.kernels import (
    IN_I32,
    IN_I64,
    IN_U8,
    INT,
    OUT_I32,
    OUT_I64,
    OUT_U8,
    TABLE,
    Int32s,
    Int64s,
    Uint8s,
    helper,
    kernel,
)


class Outcome(IntEnum):
    """What became of the tainted money in a transfer."""

    FOLLOWED = 0  # it is in the payee's account, or went on from there
    CASHED = 1  # it left the accounts: cash
    HELD = 2  # it is on its way, and can be revoked
    DEEP = 3  # it went beyond the last layer
    THIN = 4  # too little to follow, or too small a part of the transfer


# Columns of `state`, int64[m, COLUMNS]: tainted fen in an account, its layer (0 = untouched), 1 while a transfer of it
# is in the heap
TAINT, LAYER, QUEUED, COLUMNS = 0, 1, 2, 3
MILLION = 1_000_000


@helper
def part_of(taint: int, amount: int, balance: int) -> int:
    """⌊taint × amount / balance⌋ for taint, amount ≤ balance ≤ 2⁶⁰: the estimate is off by a few, and what remains of
    it, taken modulo 2⁶⁴, says by how many."""
    found = int(taint / balance * amount)
    remains = taint * amount - found * balance
    while remains < 0:
        found -= 1
        remains += balance
    while remains >= balance:
        found += 1
        remains -= balance
    return found


@helper
def _push(heap: Int32s, size: int, row: int) -> None:
    at = size
    while at > 0 and heap[(at - 1) >> 1] > row:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = row


@helper
def _pop(heap: Int32s, size: int) -> None:
    """Takes the first away; `size` counts it."""
    last, at = heap[size - 1], 0
    while True:
        child = 2 * at + 1
        if child >= size - 1:
            break
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = last


@helper
def _next_row(offsets: Int64s, rows: Int32s, account: int, row: int) -> int:
    """Place in `rows` of the account's first outgoing transfer after `row`."""
    low, high = offsets[account], offsets[account + 1]
    while low < high:
        middle = (low + high) >> 1
        if rows[middle] > row:
            high = middle
        else:
            low = middle + 1
    return low


@helper
def _least(amount: int, least_fen: int, least_ppm: int) -> int:
    """The smallest tainted sum in a transfer of this amount that is followed."""
    share = amount // MILLION * least_ppm + amount % MILLION * least_ppm // MILLION
    return max(least_fen, share)


@helper
def _outcome(deep: bool, thin: bool, way: int) -> int:
    if deep:
        return 3  # Outcome.DEEP
    if thin:
        return 4  # Outcome.THIN
    if way == 0:  # Way.ARRIVED
        return 0  # Outcome.FOLLOWED
    return 2 if way == 1 else 1  # Way.HELD: Outcome.HELD, else CASHED


@helper
def _queue(
    state: Int64s, heap: Int32s, size: int, offsets: Int64s, rows: Int32s, account: int, row: int, stop_row: int
) -> int:
    """Puts the account's first transfer after `row` into the heap, if it has one and money for it. Gives its size."""
    place = _next_row(offsets, rows, account, row)
    more = state[account, TAINT] > 0 and place < offsets[account + 1] and rows[place] < stop_row
    state[account, QUEUED] = more
    if more:
        _push(heap, size, rows[place])
        size += 1
    return size


@kernel(
    IN_I32, IN_I32, IN_I64, IN_I64, IN_U8, IN_I64, IN_I32, IN_I32, IN_I64, INT, INT, INT, INT,
    TABLE, OUT_I32, OUT_I32, OUT_I32, OUT_I64, OUT_U8, OUT_I64
)  # fmt: skip
def walk(
    payer: Int32s,
    payee: Int32s,
    amount: Int64s,
    before: Int64s,
    way: Uint8s,
    offsets: Int64s,
    rows: Int32s,
    start_row: Int32s,
    start_fen: Int64s,
    stop_row: int,
    layers: int,
    least_fen: int,
    least_ppm: int,
    state: Int64s,
    heap: Int32s,
    touched: Int32s,
    out_row: Int32s,
    out_fen: Int64s,
    out_outcome: Uint8s,
    counts: Int64s,
) -> None:
    """Rows start_row (ascending, < stop_row) bring start_fen of reported money; rows below stop_row are walked.

    A transfer that carries less than least_fen, or of whose amount less than least_ppm millionths are tainted, isn't
    followed; a reported one always is. Out: the transfers that carried tainted money, in order, how much and to what
    end; accounts touched; counts = [transfers, accounts]. `state` must be zero, and is left as it is at the end.
    """
    found, accounts, size, start = 0, 0, 0, 0
    while True:
        row = np.int64(heap[0]) if size > 0 else np.int64(stop_row)
        if start < len(start_row):
            row = min(row, np.int64(start_row[start]))
        if row >= stop_row:
            break
        a, b, reported = payer[row], payee[row], np.int64(0)
        if start < len(start_row) and start_row[start] == row:
            reported = start_fen[start]
            start += 1
        queued = size > 0 and heap[0] == row
        if queued:
            _pop(heap, size)
            size -= 1
        taint = state[a, TAINT]
        carried = part_of(taint, amount[row] - reported, max(before[row], taint)) if taint > 0 else 0
        if carried + reported > 0 and a != b:
            state[a, TAINT] -= carried
            layer = 1 if reported > 0 else state[a, LAYER] + 1
            thin = reported == 0 and carried < _least(amount[row], least_fen, least_ppm)
            outcome = _outcome(layer > layers, thin, way[row])
            if outcome == 0:
                if state[b, LAYER] == 0:
                    touched[accounts] = b
                    accounts += 1
                    state[b, LAYER] = layer
                state[b, LAYER] = min(state[b, LAYER], layer)
                state[b, TAINT] += carried + reported
                if state[b, QUEUED] == 0:
                    size = _queue(state, heap, size, offsets, rows, b, row, stop_row)
            out_row[found], out_fen[found], out_outcome[found] = row, carried + reported, outcome
            found += 1
        if queued:
            size = _queue(state, heap, size, offsets, rows, a, row, stop_row)
    counts[0], counts[1] = found, accounts


@kernel(TABLE, IN_I32)
def forget(state: Int64s, touched: Int32s) -> None:
    """Makes `state` as good as new."""
    for account in touched:
        state[account, :] = 0


@kernel(IN_I32, IN_I64, INT, IN_I64, IN_I32, IN_I64, IN_I32, IN_I32, IN_I64, IN_I64, IN_U8, IN_I64, OUT_I64)
def had(
    accounts: Int32s,
    first: Int64s,
    stop_row: int,
    out_offsets: Int64s,
    out_rows: Int32s,
    in_offsets: Int64s,
    in_rows: Int32s,
    payee: Int32s,
    amount: Int64s,
    before: Int64s,
    way: Uint8s,
    opening: Int64s,
    found: Int64s,
) -> None:
    """What accounts have right before stop_row, and what they paid to others from row `first` on. They have the balance
    after the last payment, or what they began with, and what arrived since."""
    for at in range(len(accounts)):
        account, last = accounts[at], -1
        balance, paid = opening[account], 0
        for place in range(out_offsets[account], out_offsets[account + 1]):
            row = out_rows[place]
            if row < stop_row:
                last, balance = row, before[row] - amount[row]
                paid += amount[row] if row >= first[at] and payee[row] != account else 0
        place = in_offsets[account + 1] - 1
        while place >= in_offsets[account] and in_rows[place] >= last:
            row = in_rows[place]
            balance += amount[row] if row < stop_row and way[row] == 0 else 0  # Way.ARRIVED
            place -= 1
        found[at] = min(balance + paid, 1 << 61)
