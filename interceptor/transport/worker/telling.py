"""Decisions on their way out of a shard.

Enters: what was decided, and where the events stand in the stream. Leaves: messages for `decisions`, and counts of
them. Invariant: none has more rows than a frame may have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.decisions import Decisions
from interceptor.schema import GATE_NAMES, Kind, Verdict
from interceptor.transport.topics import DECISIONS
from interceptor.transport.wire import DECIDED_SCHEMA, FRAME_ROWS_MAX, encode
from interceptor.transport.worker.messages import Outgoing, Taken
from interceptor.transport.worker.shards import Shard, covers


def tell(
    shard: Shard[Any], decisions: Decisions, place: np.ndarray, chosen: np.ndarray, last: int, taken: Taken
) -> None:
    """The chosen (bool[n]) of n decisions, at their places uint64[n], go out; they cover what the shard hasn't applied
    yet, up to the origin `last`."""
    if not chosen.any():
        return
    first = [pa.array(place), pa.array(decisions.kind), pa.array(decisions.ts_ms)]
    frame = pa.RecordBatch.from_arrays([*first, *decisions.to_arrow().columns], schema=DECIDED_SCHEMA)
    if not chosen.all():
        frame = frame.filter(pa.array(chosen))
    covering = covers(shard.applied + 1, last, shard.rules_hash)
    for start in range(0, frame.num_rows, FRAME_ROWS_MAX):
        value = encode(frame.slice(start, FRAME_ROWS_MAX))
        taken.outgoing.append(Outgoing(DECISIONS, shard.partition, value, covering))
    _count(taken, decisions.kind[chosen], decisions.verdict[chosen])


def _count(taken: Taken, kind: np.ndarray, verdict: np.ndarray) -> None:
    """How many decisions there are by gate and verdict."""
    counts = np.bincount(kind.astype(np.int64) * len(Verdict) + verdict)
    for pair in np.flatnonzero(counts).tolist():
        of, what = Kind(pair // len(Verdict)), Verdict(pair % len(Verdict)).name.lower()
        key = (GATE_NAMES.get(of, of.name.lower()), what)
        taken.verdicts[key] = taken.verdicts.get(key, 0) + int(counts[pair])
