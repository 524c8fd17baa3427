"""What the scams of a run have cost.

Enters: sums in fen. Leaves: Losses, in yuan for people. Invariant: lost = paid - recovered; attempted - lost was
saved.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Losses:
    """Sums in fen.

    attempted: what victims set out to pay, each payment once however often it was tried. paid: what left them for
    good, delayed transfers that nobody withdrew included. recovered: of that, stopped in the layers. gone: reached an
    exit; the rest is still in the networks when the run ends, and counts as lost.
    """

    attempted_fen: int
    paid_fen: int
    revoked_fen: int
    recovered_fen: int
    gone_fen: int
    lines_replaced: int = 0
    accounts_replaced: int = 0
    rotation_cost_yuan: float = 0.0

    @property
    def lost_fen(self) -> int:
        return self.paid_fen - self.recovered_fen

    @property
    def attempted(self) -> float:
        """Yuan."""
        return self.attempted_fen / 100

    @property
    def lost(self) -> float:
        """Yuan."""
        return self.lost_fen / 100

    @property
    def held(self) -> float:
        """Yuan that were attempted and not lost: refused, withdrawn, or stopped in the layers."""
        return (self.attempted_fen - self.lost_fen) / 100
