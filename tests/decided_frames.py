"""Decisions that are made up.

Enters: places. Leaves: a frame of decisions as workers send it. Invariant: all that isn't given follows from the place.
"""

from __future__ import annotations

import pyarrow as pa

from interceptor.transport.wire import DECIDED_SCHEMA


def frame(places: list[int], **given: list[object]) -> pa.RecordBatch:
    """Decisions that follow from their places, but for the columns that are given."""
    rules = [[f"rule-{place % 3}", "other"][: place % 3] for place in places]
    columns: dict[str, list[object]] = {
        "place": [*places],
        "kind": [place % 8 for place in places],
        "ts_ms": [1_614_528_000_000 + place % 1_000_003 for place in places],
        "event_id": [2**64 - 1 - place for place in places],
        "status": [int(place % 5 == 0) for place in places],
        "verdict": [place % 4 for place in places],
        "actions": [(place * 7) % 2**32 for place in places],
        "score": [place / 7 for place in places],
        "target_score": [0.1 * (place % 2) for place in places],
        "rules": [*rules],
        "ruleset": [f"hash-{place % 2}" for place in places],
    } | given
    arrays = [pa.array(columns[field.name], field.type) for field in DECIDED_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=DECIDED_SCHEMA)
