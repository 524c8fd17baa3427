"""Ordinary life made ahead, in a process of its own: it takes no notice of what is decided meanwhile.

Enters: a scenario's ordinary life, how many people, a seed. Leaves: `Ahead.hour(index)`, the same rows as Life's.
Invariant: one hour is made ahead, no more: the process waits until it is taken. Whatever becomes of the run, no process
is left behind.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from multiprocessing.connection import Connection

import numpy as np

from simulator.aside import begin, cores, end
from simulator.events import Pools, Rows, StringPool
from simulator.life import Life
from simulator.population import build
from simulator.scenario import OrdinaryLife

# Below so many residents times days a process takes longer to start than it saves. Of a large city, handing an hour
# over costs about as much as making it: with 100,000 people 0.65 ms a 1,000 events instead of 0.70, and a later start.
PERSON_DAYS_MIN, PEOPLE_MAX = 100_000, 50_000


class Ahead:
    """Begins to make hours when it is made; they are to be taken in order, each once.

    `pools`: the strings of the hours so far, to which others may add their own.
    """

    def __init__(self, plan: OrdinaryLife, people: int, days: int, seed: int) -> None:
        self.pools = Pools.empty()
        self._places = {
            name: np.zeros(1, np.int32) for name in ("text", "host")
        }  # in `pools`, of the process's strings
        self.process, self._receiver = begin(_make, plan, people, days, seed)
        self._end = weakref.finalize(self, end, self.process)

    def hour(self, index: int) -> Rows:
        """All ordinary events of hour `index`. Raises RuntimeError if the process has failed; it has said why."""
        try:
            made, rows, fresh = self._receiver.recv()
        except (EOFError, OSError):  # before an hour, or within one
            raise RuntimeError("the process that makes ordinary life has ended before its time") from None
        assert made == index, "hours are taken in order"
        for name, strings in fresh.items():
            pool: StringPool = getattr(self.pools, name)
            self._places[name] = np.concatenate([self._places[name], pool.add_all(strings)])
            rows.set(**{name: self._places[name][rows.column(name)]})
        return rows

    def close(self) -> None:
        """No more hours are needed."""
        self._end()


def pays(people: int, days: int) -> bool:
    """Whether making ahead is worth a process."""
    return cores() > 1 and people <= PEOPLE_MAX and people * days >= PERSON_DAYS_MIN


def _make(sender: Connection, plan: OrdinaryLife, people: int, days: int, seed: int) -> None:
    pools = Pools.empty()
    life, known = Life(plan, build(people, seed), pools), {"text": 1, "host": 1}
    with suppress(BrokenPipeError):  # the run has gone
        for index in range(24 * days):
            rows = life.hour(index)
            fresh = {name: getattr(pools, name).since(count) for name, count in known.items()}
            known = {name: count + len(fresh[name]) for name, count in known.items()}
            sender.send((index, rows, fresh))
