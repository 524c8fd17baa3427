"""Made events and made rules: as many keys, rules or patterns as a curve needs.

Enters: columns, YAML. Leaves: record batches with EVENT_SCHEMA, rule sets. Invariant: what isn't given is
0, False or "".
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.rules import RuleSet, load
from interceptor.schema import COLUMNS, EVENT_SCHEMA, Kind

START_MS = 1_788_200_000_000
HOUR_MS = 3_600_000
FIRST_NUMBER = 8613000000000


def events(kind: Kind, count: int, first_id: int, ts_ms: np.ndarray, **columns: Any) -> pa.RecordBatch:
    """`count` events of one kind; `columns`: arrays [count] or single values by name."""
    given = {"event_id": np.arange(first_id, first_id + count, dtype=np.uint64), "kind": int(kind)} | columns
    given |= {"ts_ms": ts_ms, "ingest_ts_ms": ts_ms}
    arrays = []
    for column in COLUMNS:
        value = given.get(column.name, "" if pa.types.is_string(column.type) else 0)
        if isinstance(value, list):
            arrays.append(pa.array(value, column.type))
        elif isinstance(value, str):
            arrays.append(pa.repeat(pa.scalar(value, column.type), count))
        else:
            filled = np.broadcast_to(np.asarray(value).astype(column.type.to_pandas_dtype()), count)
            arrays.append(pa.array(np.ascontiguousarray(filled), column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA)


def rules_of(text: str) -> RuleSet:
    """Compiles one file of rules."""
    with tempfile.TemporaryDirectory(prefix="interceptor-bench-") as folder:
        Path(folder, "made.yaml").write_text(text, "utf-8")
        return load(Path(folder))


def rule(name: str, on: str, condition: str) -> str:
    """YAML of a rule that marks."""
    return f"""\
  - rule: {name}
    title: Made for a benchmark
    on: {on}
    condition: {condition}
    actions: [label]
    reason: Made for a benchmark.
    remedy: None.
"""
