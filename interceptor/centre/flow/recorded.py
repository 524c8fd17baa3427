"""Transfers out of a recording of `interceptor run --record`.

Enters: FILE.parquet, and the truth beside it where it is asked for. Leaves: Transfers; of the truth, which transfers
moved stolen money. Invariant: what a run blocked didn't happen, what it held hasn't arrived; in a run that only
observed, everything happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interceptor.centre.flow.transfers import AMOUNT_FEN_MAX, FileProblem, Transfers, Way, assembled
from interceptor.recording import RecordingError, open_recording, truth_path
from interceptor.rules.errors import printable
from interceptor.schema import Kind, Status, Verdict

_COLUMNS = (
    "event_id", "ts_ms", "source", "payer", "amount_fen", "balance_fen", "channel", "registered", "status", "verdict",
)  # fmt: skip
PAYMENT, HOPS = "payment", ("hop_2", "hop_3", "exit")  # the truth's steps that move stolen money


@dataclass(frozen=True, slots=True)
class StolenMoney:
    """The truth of n transfers: `payment` and `hop` bool[n], a victim's payment and what the launderers moved on;
    campaign int64[n], of a hop its network's, -1 = none."""

    payment: np.ndarray
    hop: np.ndarray
    campaign: np.ndarray


def read_recording(path: Path, *, observed: bool = False) -> Transfers:
    """`observed`: nothing was stopped in that run. Raises FileProblem."""
    try:
        open_recording(path)
        table = pq.read_table(path, columns=list(_COLUMNS), filters=[("kind", "=", int(Kind.TRANSFER))])
    except RecordingError as error:
        raise FileProblem(str(error)) from error
    except (OSError, pa.ArrowException) as error:
        raise FileProblem(f"{printable(str(path))}: its transfers can't be read: {_first_line(error)}") from error
    table = table.filter(pc.not_equal(table["status"], int(Status.DUPLICATE))).combine_chunks()
    column = {name: table[name].combine_chunks() if table.num_rows else pa.array([], table[name].type)
              for name in _COLUMNS}  # fmt: skip
    verdict = column["verdict"].to_numpy()
    blocked = (verdict == Verdict.BLOCK) & (not observed)
    happened = pa.array(np.flatnonzero(~blocked))
    ids = column["event_id"]
    column = {name: values.take(happened) for name, values in column.items()}
    held = (column["verdict"].to_numpy() == Verdict.HOLD) & (not observed)
    return assembled(
        column["event_id"],
        column["ts_ms"].to_numpy(),
        column["payer"],
        column["source"],
        np.minimum(column["amount_fen"].to_numpy(), AMOUNT_FEN_MAX),
        balance_fen=column["balance_fen"].to_numpy(),
        way=np.where(held, Way.HELD, Way.ARRIVED).astype(np.uint8),
        channel=column["channel"].to_numpy(),
        merchants=column["source"].filter(column["registered"]).unique(),
        blocked=ids.filter(pa.array(blocked)),
        source=printable(str(path)),
    )


def read_truth(path: Path, transfers: Transfers) -> StolenMoney:
    """The truth beside a recording. Raises FileProblem where there is none."""
    beside = truth_path(path)
    if not beside.exists():
        raise FileProblem(
            f"{printable(str(beside))}: no truth file beside the recording: nothing to check against\n"
            "  hint: `interceptor run --record` writes both; keep them together"
        )
    try:
        table = pq.read_table(beside, columns=["event_id", "campaign", "step"])
    except (OSError, pa.ArrowException) as error:
        raise FileProblem(f"{printable(str(beside))}: can't be read: {_first_line(error)}") from error
    at = pc.index_in(transfers.ids, table["event_id"].combine_chunks())
    known = at.is_valid().to_numpy(zero_copy_only=False)
    at = at.fill_null(0).to_numpy()
    step = table["step"].take(pa.array(at)).to_numpy() if table.num_rows else np.full(len(at), "")
    campaign = np.full(len(at), -1, np.int64)
    if table.num_rows:
        campaign[known] = table["campaign"].to_numpy().astype(np.int32)[at[known]]
    return StolenMoney(known & (step == PAYMENT), known & np.isin(step.astype(str), HOPS), campaign)


def _first_line(error: Exception) -> str:
    return printable(str(error).partition("\n")[0])
