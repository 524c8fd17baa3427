"""Events written down one by one, and events that wait for their time.

Enters: single events, or rows for later. Leaves: Rows. Invariant: what was handed in comes out once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from interceptor.schema import COLUMN, Kind
from simulator.events import POOLED, TRUTH_COLUMNS, Rows


@dataclass(slots=True)
class Scribe:
    """Collects single events; columns that a kind's event leaves out are 0."""

    _kinds: dict[Kind, list[dict[str, int | bool]]] = field(default_factory=dict)

    def write(self, kind: Kind, ts_ms: int, **columns: int | bool) -> None:
        columns["ts_ms"] = ts_ms
        self._kinds.setdefault(kind, []).append(columns)

    def rows(self) -> Rows:
        """Everything since the last call, in order of time."""
        parts = []
        for kind, events in self._kinds.items():
            names = dict.fromkeys(name for event in events for name in event if name != "ts_ms")
            columns = {
                name: np.array([event.get(name, _BLANK.get(name, 0)) for event in events], _dtype(name))
                for name in names
            }
            parts.append(Rows.of(kind, np.array([event["ts_ms"] for event in events]), **columns))
        self._kinds.clear()
        return Rows.merged(parts)


_BLANK = {"campaign": -1, "handle": -1}


@cache
def _dtype(name: str) -> np.dtype[Any]:
    """Numbers of accounts need all 64 bits: left to numpy, a list of large and small ones would become floats."""
    if name in POOLED:
        return np.dtype(np.int32)
    return np.dtype(TRUTH_COLUMNS[name] if name in TRUTH_COLUMNS else COLUMN[name].type.to_pandas_dtype())


@dataclass(slots=True)
class Later:
    """Rows that wait."""

    _rows: list[Rows] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        if rows.count:
            self._rows.append(rows)

    def due(self, end_ms: int) -> Rows:
        """Rows before `end_ms`, in order of time."""
        waiting = Rows.merged(self._rows)
        if not waiting.count:
            self._rows = []
            return waiting
        ready = int(np.searchsorted(waiting.column("ts_ms"), end_ms))
        rest = waiting.cut(ready, waiting.count)
        self._rows = [rest] if rest.count else []
        return waiting.cut(0, ready)
