"""What passed the gates and what didn't, by day and township.

Enters: what was seen. Leaves: counts and sums in gate_days. Invariant: each event is counted once, under its local day.
"""

from __future__ import annotations

import numpy as np

from interceptor.centre.book import Book, Sums
from interceptor.centre.seen import Seen
from interceptor.entries import FOREVER_MS
from interceptor.schema import GATES, Kind, Verdict

LOCAL_MS, DAY_MS = 8 * 3_600_000, 86_400_000
_GATES = frozenset(map(int, GATES))
_ADD = (
    "INSERT INTO gate_days VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events,"
    " amount_fen = amount_fen + excluded.amount_fen"
)


class TallySystem:
    """One of the centre's systems; it has nothing that falls due."""

    waits, wakes_ms = "0", FOREVER_MS

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:  # noqa: ARG002 (every event has its own time)
        sums = book.sums(_ADD)
        passed = (seen.verdict == 0).nonzero()[0]
        days, kinds = (seen.column("ts_ms")[passed] + LOCAL_MS) // DAY_MS, seen.column("kind")[passed]
        amounts = np.where(kinds == int(Kind.TRANSFER), seen.column("amount_fen")[passed], 0)
        for day in set(days.tolist()):
            of_day = days == day
            events, fen = np.bincount(kinds[of_day], minlength=len(Kind)).tolist(), int(amounts[of_day].sum())
            for gate in GATES:
                if events[gate]:
                    _count(sums, (day, int(gate), 0, 0), events[gate], fen if gate is Kind.TRANSFER else 0)
        for event in seen.events:
            if event.verdict and event.kind in _GATES:
                day, fen = (event.ts_ms + LOCAL_MS) // DAY_MS, event.amount_fen if event.kind == Kind.TRANSFER else 0
                _count(sums, (day, event.kind, event.verdict, event.town), 1, fen)

    def due(self, book: Book, now_ms: int) -> None:
        pass


def _count(sums: Sums, group: tuple[int, ...], events: int, fen: int) -> None:
    known = sums.setdefault(group, [0, 0])
    known[0] += events
    known[1] += fen


def counts(book: Book, from_ms: int, to_ms: int) -> dict[str, int]:
    """Events, intercepted events and sums of whole local days in [from_ms, to_ms), by gate."""
    first, last = (from_ms + LOCAL_MS) // DAY_MS, (to_ms + LOCAL_MS) // DAY_MS
    found: dict[str, int] = {}
    for gate in GATES:
        name = gate.name.lower()
        found |= {f"{name}_events": 0, f"{name}_blocked": 0, f"{name}_held": 0, f"{name}_marked": 0}
    found |= {"transfer_blocked_fen": 0, "transfer_held_fen": 0}
    words = {Verdict.BLOCK: "blocked", Verdict.HOLD: "held", Verdict.LABEL: "marked"}
    rows = book.db.execute(
        "SELECT kind, verdict, sum(events), sum(amount_fen) FROM gate_days WHERE day >= ? AND day < ? GROUP BY 1, 2",
        (first, last),
    )
    for kind, verdict, events, fen in rows:
        name = Kind(kind).name.lower()
        found[f"{name}_events"] += events
        if verdict in words:
            found[f"{name}_{words[Verdict(verdict)]}"] += events
        if kind == Kind.TRANSFER and verdict in (Verdict.BLOCK, Verdict.HOLD):
            found[f"transfer_{words[Verdict(verdict)]}_fen"] += fen
    return found


def by_town(book: Book, from_ms: int, to_ms: int) -> dict[int, int]:
    """Events that were intercepted, for each township of the citizen they were meant for; 0 = not in this city."""
    first, last = (from_ms + LOCAL_MS) // DAY_MS, (to_ms + LOCAL_MS) // DAY_MS
    rows = book.db.execute(
        "SELECT town, sum(events) FROM gate_days WHERE day >= ? AND day < ? AND verdict >= ?"
        " GROUP BY 1 ORDER BY 2 DESC, 1",
        (first, last, Verdict.HOLD),
    )
    return dict(rows.fetchall())


def by_day(book: Book, from_ms: int, to_ms: int) -> dict[tuple[int, int], int]:
    """Blocked and held events for each (local day since 1970, kind)."""
    first, last = (from_ms + LOCAL_MS) // DAY_MS, (to_ms + LOCAL_MS) // DAY_MS
    rows = book.db.execute(
        "SELECT day, kind, sum(events) FROM gate_days WHERE day >= ? AND day < ? AND verdict >= ? GROUP BY 1, 2",
        (first, last, Verdict.HOLD),
    )
    return {(day, kind): events for day, kind, events in rows}
