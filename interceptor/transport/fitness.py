"""Which rows of a frame can be events at all.

Enters: a frame with the columns of an event. Leaves: for each reason the rows that it applies to. Invariant: what
passes can't make the engine fail, whatever it says: kinds are known, times and texts have a length that something can
have.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interceptor.batch import BadFrame
from interceptor.schema import EVENT_SCHEMA, Kind

NOT_FIT = "not-an-event"
TIME_MS_MAX = 1 << 43  # in the year 2248
TEXT_BYTES_MAX = 1 << 16  # of a text or a host; the bridge refuses longer ones one by one
_TEXTS = [field.name for field in EVENT_SCHEMA if pa.types.is_string(field.type)]
_TIMES = ("ts_ms", "ingest_ts_ms")


def unfit(frame: pa.RecordBatch) -> dict[str, np.ndarray]:
    """Reason → bool[n]. Raises BadFrame where columns are missing, or of another type."""
    for field in EVENT_SCHEMA:
        place = frame.schema.get_field_index(field.name)
        if place < 0 or frame.schema.field(place) != field:
            raise BadFrame(f"column {field.name} is missing, or of another type than {field.type} without nulls")
        if frame.column(place).null_count:
            raise BadFrame(f"column {field.name}: {frame.column(place).null_count} nulls, an event has none")
    reasons = {"a kind that there isn't": frame.column("kind").to_numpy() >= len(Kind)}
    for name in _TIMES:
        time = frame.column(name).to_numpy()
        reasons[f"{name} isn't a time"] = (time < 0) | (time > TIME_MS_MAX)
    for name in _TEXTS:
        long = pc.greater(pc.binary_length(frame.column(name)), TEXT_BYTES_MAX)
        reasons[f"{name} of more than {TEXT_BYTES_MAX:,} bytes"] = long.to_numpy(zero_copy_only=False)
    return {reason: rows for reason, rows in reasons.items() if rows.any()}
