"""Places where a worker can be killed on purpose, for tests of what happens then.

Enters: INTERCEPTOR_FAILPOINTS, a seed; then SIGRTMIN (Faust keeps others for itself), from whoever tests. Leaves: a
process that is gone, as by kill -9, the next time it comes by a place that chance has chosen. Invariant: without the
variable, reaching a place does nothing.
"""

from __future__ import annotations

import os
import random
import signal

VARIABLE = "INTERCEPTOR_FAILPOINTS"
PLACES = ("decode", "decide", "send", "ack", "snapshot")

_chosen = ""


def reach(name: str) -> None:
    """The process comes by this place; it may not get any further."""
    if name == _chosen:
        os.kill(os.getpid(), signal.SIGKILL)


def listen() -> None:
    """Has the signal choose a place, where the variable says so. For the main thread."""
    seed = os.environ.get(VARIABLE)
    if seed is None:
        return
    chance = random.Random(seed)

    def choose(*_: object) -> None:
        global _chosen
        _chosen = chance.choice(PLACES)

    signal.signal(signal.SIGRTMIN, choose)
