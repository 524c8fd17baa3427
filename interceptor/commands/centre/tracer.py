"""Tracing while the centre is on duty: from an alert down the layers, through the payments that its book has.

Enters: an alert with its payments, the time. Leaves: accounts in which a victim's money is, or through which it came.
Invariant: only payments up to that time are looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from interceptor.centre.flow.tracing import Case, Limits, Report, Tracer, worth_stopping
from interceptor.centre.flow.transfers import Transfers, assembled
from interceptor.centre.money.books import Payment, payments_from
from interceptor.centre.money.tainting import Traced


def traced(db: sqlite3.Connection, payments: Sequence[int], limits: Limits, now_ms: int) -> list[Traced]:
    """`payments`: the ids of a victim's. Those that the book doesn't have any more are left out."""
    transfers = _transfers(payments_from(db, payments, limits.layers, now_ms))
    if transfers is None:
        return []
    ids = transfers.ids.to_numpy()
    rows = np.flatnonzero(np.isin(ids, np.array(payments, np.uint64))).tolist()
    case = Case("alert", tuple(Report(row, int(transfers.amount_fen[row])) for row in rows))
    trace = Tracer(transfers).trace(case, limits, now_ms)
    worth = worth_stopping(trace)
    accounts = trace.transfers.accounts.to_numpy()[trace.account].tolist()
    found = zip(
        accounts, trace.layer.tolist(), trace.came_fen.tolist(), trace.share.tolist(), worth.tolist(), strict=True
    )
    return [Traced(account, layer, fen, share) for account, layer, fen, share, wanted in found if wanted]


def _transfers(payments: Sequence[Payment]) -> Transfers | None:
    if not payments:
        return None
    tx, payer, payee = (
        pa.array([getattr(one, name) for one in payments], pa.uint64()) for name in ("tx", "payer", "payee")
    )
    at_ms = np.array([one.at_ms for one in payments], np.int64)
    return assembled(tx, at_ms, payer, payee, np.array([one.amount_fen for one in payments], np.int64))
