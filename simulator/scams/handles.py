"""Handles: how a decision finds its way back to what it was about.

Enters: a family and an index. Leaves: an int64 that travels in the truth, never in a frame. Invariant: handle ↔
(family, index) is one to one; -1 is nobody's.
"""

from __future__ import annotations

FAMILY_SIZE = 1 << 40
CALLS, MESSAGES, VISITS, JOURNEYS, HOPS = 1, 2, 3, 4, 5


def handle_of(family: int, index: int) -> int:
    return family * FAMILY_SIZE + index
