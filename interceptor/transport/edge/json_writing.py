"""A frame as JSON events: what a gateway would have sent.

Enters: a record batch with EVENT_SCHEMA. Leaves: one JSON object for each row, in its order. Invariant: the bridge
reads the same rows again, as long as a row holds nothing that its kind doesn't have.
"""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa

from interceptor.rules.names import kinds_of
from interceptor.schema import COLUMNS, Kind
from interceptor.transport.edge.json_fields import REQUIRED, UNKNOWN, VOCABULARIES

_ALWAYS = ("event_id", "ingest_ts_ms", *REQUIRED)
_encode = msgspec.json.Encoder().encode


def to_json_events(batch: pa.RecordBatch) -> list[bytes]:
    """Fields that have their default are left out."""
    kinds = batch.column("kind").to_numpy()
    found: list[bytes] = [b""] * batch.num_rows
    for kind in map(Kind, np.unique(kinds).tolist()):
        rows = np.flatnonzero(kinds == kind)
        for row, event in zip(rows.tolist(), _events(batch.take(pa.array(rows)), kind), strict=True):
            found[row] = event
    return found


def _events(batch: pa.RecordBatch, kind: Kind) -> list[bytes]:
    names = [column.name for column in COLUMNS if column.name != "kind" and kind in kinds_of(column.name)]
    absent = [None if name in _ALWAYS else UNKNOWN.get(name, 0) for name in names]
    columns = [_written(batch, name) for name in names]
    word = kind.name.lower()
    found = []
    for values in zip(*columns, strict=True):
        event = {"kind": word}
        for name, value, default in zip(names, values, absent, strict=True):
            if value != default and value != "":
                event[name] = value
        found.append(_encode(event))
    return found


def _written(batch: pa.RecordBatch, name: str) -> list[object]:
    values = batch.column(name).to_pylist()
    if name not in VOCABULARIES:
        return values
    words = {int(member): member.name.lower() for member in VOCABULARIES[name]} | {0: 0}
    return [words[value] for value in values]
