"""All ordinary behaviour that looks like fraud, planned day by day.

Enters: a Scene. Leaves: one day's events of every look-alike of SOURCES.md D3, in order of time; calls made late in the
evening may end on the next day. Invariant: a function of the scene's day alone.

Codes, bank notices, parcels and adverts are too many to plan by the day: simulator.messages sends them hour by hour, as
simulator.visits does with small sites and simulator.payments with shops.
"""

from __future__ import annotations

from simulator.events import Rows
from simulator.lookalike_calls import CALLS
from simulator.lookalike_payments import PAYMENTS
from simulator.lookalike_people import PEOPLE
from simulator.phone_calls import Calls
from simulator.scene import Scene

LOOKALIKES = {make.__name__: make for make in (*CALLS, *PEOPLE, *PAYMENTS)}


def plan(scene: Scene) -> Rows:
    """Everything that look-alikes do on the scene's day."""
    parts: list[Rows] = []
    for make in LOOKALIKES.values():
        for made in make(scene):
            parts += [made.rows, made.ends()] if isinstance(made, Calls) else [made]
    return Rows.merged(parts)
