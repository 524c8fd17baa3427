"""Alerts: victims who ring the police with a loss.

Enters: journeys that have ended. Leaves: alerts for later, in order of time. Invariant: an alert says what the victim
knows, and nothing that the victim can't: the accounts paid, sums and times, not where the money went.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Payment:
    """A transfer that left a victim. `event_id`: the bank's number of it."""

    event_id: int
    ts_ms: int
    payer: int
    payee: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Alert:
    """`number`: the victim's; `scam_type`: position in SCAM_TYPES, `campaign`: the truth; payments in order of time."""

    ts_ms: int
    number: int
    town: int
    scam_type: int
    campaign: int
    payments: tuple[Payment, ...]

    @property
    def loss_fen(self) -> int:
        return sum(payment.amount_fen for payment in self.payments)

    @property
    def minutes_since(self) -> float:
        """Since the last payment."""
        return (self.ts_ms - self.payments[-1].ts_ms) / 60_000


@dataclass(slots=True)
class Switchboard:
    """Alerts that wait for their time."""

    _waiting: list[tuple[int, int, Alert]] = field(default_factory=list)
    _order: int = 0

    def add(self, alert: Alert) -> None:
        self._order += 1
        heapq.heappush(self._waiting, (alert.ts_ms, self._order, alert))

    def due(self, end_ms: int) -> list[Alert]:
        """Those before `end_ms`, in order of time."""
        found = []
        while self._waiting and self._waiting[0][0] < end_ms:
            found.append(heapq.heappop(self._waiting)[2])
        return found
