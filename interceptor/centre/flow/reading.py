"""Opening a file of transfers, whatever it is.

Enters: a path. Leaves: Transfers. Invariant: a file is told by what it holds: a recording says so in its footer.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from interceptor.centre.flow.labelled import read_labelled
from interceptor.centre.flow.recorded import read_recording
from interceptor.centre.flow.transfers import FileProblem, Transfers
from interceptor.rules.errors import printable


def is_recording(path: Path) -> bool:
    """Whether a Parquet file was written by `interceptor run --record`, of whatever version."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    return any(key.startswith(b"interceptor.") for key in metadata)


def open_transfers(path: Path, *, observed: bool = False) -> Transfers:
    """`observed`: nothing was stopped in the run that was recorded. Raises FileProblem."""
    if not path.exists():
        hint = "name a recording, a file of transfers as CSV or Parquet, or AMLSim's folder"
        raise FileProblem(f"{printable(str(path))}: no such file\n  hint: {hint}")
    if path.suffix == ".parquet" and is_recording(path):
        return read_recording(path, observed=observed)
    return read_labelled(path)
