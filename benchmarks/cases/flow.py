"""Tracing of reported money, by how many transfers there are to walk through.

Enters: a made economy, whose accounts differ much in traffic, and large sums in it. Leaves: ns of CPU for each transfer
of the file. Invariant: every round does the whole work again; a trace's money adds up.

"file": a CSV in AMLSim's layout read, made ready, one case traced, as `money trace` does it. "ready": columns in memory
sorted, indexed, with balances. "300 cases": traced in what is ready, each as if alone; "networks": put together, with
the roles of all their accounts. "flood": one case of 300 payments without limits, through much of the file.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from benchmarks.case import Case, Point, Setting, Work
from interceptor.centre.flow.networks import networks
from interceptor.centre.flow.reading import open_transfers
from interceptor.centre.flow.tracing import Case as Reported
from interceptor.centre.flow.tracing import Limits, Report, Trace, Tracer
from interceptor.centre.flow.transfers import Transfers, assembled

DAYS, DAY_MS, START_MS = 10, 86_400_000, 1_614_528_000_000
PER_ACCOUNT = 5  # transfers
CASES_MANY, VICTIMS = 300, 2_000
LIMITS, NO_LIMITS = Limits(), Limits(layers=64, hours=24 * DAYS, least_fen=0, least_share=0)


@cache
def economy(count: int, seed: int) -> dict[str, np.ndarray]:
    """Columns of `count` transfers in order of time; the first VICTIMS of each day pay large sums."""
    rng = np.random.default_rng(seed)
    accounts = max(100, count // PER_ACCOUNT)
    popular = (accounts * rng.random(2 * count) ** 3).astype(np.uint64)  # a few accounts have most of the traffic
    key = (popular + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    fen = np.rint(rng.lognormal(9, 1.5, count)).astype(np.int64) + 1
    fen[rng.integers(0, count // 2, min(VICTIMS, count // 20))] = 5_000_000
    ts_ms = START_MS + np.sort(rng.integers(0, DAYS * DAY_MS, count))
    return {"ts_ms": ts_ms, "payer": key[:count], "payee": key[count:], "fen": fen}


def ready(count: int, seed: int) -> Transfers:
    made = economy(count, seed)
    transfers = assembled(
        pa.array(np.arange(count, dtype=np.uint64)), made["ts_ms"], pa.array(made["payer"]), pa.array(made["payee"]),
        made["fen"],
    )  # fmt: skip
    assert len(transfers.before_fen) == transfers.by_payer.offsets[-1] == transfers.by_payee.offsets[-1]
    return transfers


def cases_of(transfers: Transfers, most: int) -> list[Reported]:
    """Large payments, spread over the file, each a case."""
    rows = np.flatnonzero((transfers.amount_fen == 5_000_000) & (transfers.payer != transfers.payee))
    rows = rows[:: max(1, len(rows) // most)][:most]
    return [Reported(transfers.id_of(row), (Report(int(row), 5_000_000),)) for row in rows.tolist()]


def checked(traces: list[Trace]) -> dict[str, float]:
    """What is seen beside the time: that all money is accounted for, and how far it went."""
    assert all(sum(trace.balance_sheet.values()) == trace.reported_fen for trace in traces)
    return {
        "tainted_transfers": float(sum(len(trace.row) for trace in traces)),
        "tainted_accounts": float(sum(len(trace.account) for trace in traces)),
    }


def prepare(point: Point, setting: Setting) -> Work:
    count, seed = int(point.x or 0), setting.seed
    if point.series == "ready":
        economy(count, seed)
        return Work(lambda: ready(count, seed), count, 3)
    if point.series == "file":
        return _file(count, seed)
    transfers = ready(count, seed)
    tracer, cases = Tracer(transfers), cases_of(transfers, CASES_MANY)
    if point.series == "flood":
        flood = Reported("all", tuple(report for one in cases for report in one.reports))
        trace = partial(tracer.trace, flood, NO_LIMITS)
        return Work(trace, count, 3, 1, lambda: checked([trace()]))
    traces = tracer.trace_all(cases, LIMITS)
    if point.series == "networks":
        return Work(lambda: networks([replace(trace) for trace in traces]), count, 3, 1, lambda: checked(traces))
    return Work(lambda: tracer.trace_all(cases, LIMITS), count, 5, 1, lambda: checked(traces))


def _file(count: int, seed: int) -> Work:
    made = economy(count, seed)
    path = Path(tempfile.mkdtemp(prefix="interceptor-flow-")) / "transactions.csv"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    table = pa.table({
        "tran_id": np.arange(count), "orig_acct": made["payer"], "bene_acct": made["payee"],
        "base_amt": made["fen"] / 100, "tran_timestamp": pa.array(made["ts_ms"]).cast(pa.timestamp("ms")),
    })  # fmt: skip
    pacsv.write_csv(table, path, pacsv.WriteOptions(quoting_style="none"))

    def run() -> Trace:
        transfers = open_transfers(path)
        return Tracer(transfers).trace(cases_of(transfers, 1)[0], LIMITS)

    return Work(run, count, 2, 1, lambda: {"csv_mb": path.stat().st_size / 1e6})


def points(setting: Setting) -> list[Point]:
    sizes = setting.pick([20_000], [1_000_000, 5_000_000], [1_000_000, 5_000_000, 20_000_000])
    return [Point(series, size) for series in ("file", "ready", "300 cases", "networks", "flood") for size in sizes]


CASES = [Case("flow", "tracing of reported money through all transfers", "ns/transfer", "transfers", points, prepare)]
