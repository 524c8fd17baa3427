"""Events written down one by one, and events that wait for their time.

Enters: single events, or rows for later. Leaves: Rows. Invariant: what was handed in comes out once.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from operator import itemgetter

from interceptor.schema import Kind
from simulator.events import NO_ROWS, Rows


@dataclass(slots=True)
class Scribe:
    """Collects single events; columns that a kind's event leaves out are 0."""

    _kinds: dict[Kind, list[dict[str, int | bool]]] = field(default_factory=dict)

    def write(self, kind: Kind, ts_ms: int, **columns: int | bool) -> None:
        self._kinds.setdefault(kind, []).append({"kind": kind, "ts_ms": ts_ms, **columns})

    def rows(self) -> Rows:
        """Everything since the last call, in order of time."""
        if not self._kinds:
            return NO_ROWS
        written = [event for events in self._kinds.values() for event in events]
        self._kinds.clear()
        return Rows.one_by_one(written).in_order()


@dataclass(slots=True)
class Later:
    """Rows that wait."""

    _waiting: list[tuple[int, int, Rows]] = field(default_factory=list)  # by time: of the first, order of coming
    _order: int = 0

    def add(self, rows: Rows) -> None:
        if rows.count:
            self._order += 1
            self._wait(self._order, rows.in_order())

    def due(self, end_ms: int) -> list[Rows]:
        """Rows before `end_ms`, each part in order of time, the parts in the order in which they came."""
        ready: list[tuple[int, Rows]] = []
        while self._waiting and self._waiting[0][0] < end_ms:
            _, order, rows = heapq.heappop(self._waiting)
            until = int(rows.column("ts_ms").searchsorted(end_ms))
            ready.append((order, rows.cut(0, until)))
            if until < rows.count:
                self._wait(order, rows.cut(until, rows.count))
        return [rows for _, rows in sorted(ready, key=itemgetter(0))]

    def _wait(self, order: int, rows: Rows) -> None:
        heapq.heappush(self._waiting, (int(rows.column("ts_ms")[0]), order, rows))
