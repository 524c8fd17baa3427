"""The run without interception, in a process of its own beside the run that is watched.

Enters: a scenario, how many people and days, a seed. Leaves: Without, what the same campaigns take when nobody is in
their way. Invariant: nothing of it touches the watched run, and whatever becomes of that, no process is left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter

from simulator.aside import begin, end
from simulator.city import unhindered
from simulator.population import build
from simulator.scam_types import TYPES
from simulator.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Without:
    """`paid_fen` is by scam type, as TYPES; `seconds` is what the process took, the city included."""

    lost_fen: int
    paid_fen: list[int]
    seconds: float


class WithoutInterception:
    """Runs from the moment it is made. Use as a context: leaving it ends the process, done or not."""

    def __init__(self, scenario: Scenario, people: int, days: int, seed: int) -> None:
        self._process, self._receiver = begin(_run, scenario, people, days, seed)

    @property
    def is_done(self) -> bool:
        return self._receiver.poll()

    def result(self, give_up: Callable[[], bool]) -> Without | None:
        """Waits for it. None if `give_up` says so, or if the process has failed."""
        while not self._receiver.poll(0.1):
            if give_up():
                return None
        try:
            found = self._receiver.recv()
        except EOFError:
            return None
        return found if isinstance(found, Without) else None

    def __enter__(self) -> WithoutInterception:
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)


def without_interception(scenario: Scenario, people: int, days: int, seed: int) -> Without:
    """The same run here and now."""
    began_s = perf_counter()
    operation = unhindered(scenario, build(people, seed), days, seed)
    paid_fen = [0] * len(TYPES)
    for campaign in operation.campaigns:
        paid_fen[campaign.type] += campaign.paid_fen
    return Without(operation.losses.lost_fen, paid_fen, perf_counter() - began_s)


def _run(sender: Connection, scenario: Scenario, people: int, days: int, seed: int) -> None:
    found = without_interception(scenario, people, days, seed)
    with suppress(BrokenPipeError):  # nobody waits any more
        sender.send(found)
