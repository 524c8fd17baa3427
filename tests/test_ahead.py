"""Ordinary life made ahead: the same rows, and no process left behind.

Enters: small cities. Leaves: nothing. Invariant: no test waits for a whole run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from itertools import islice

import numpy as np
import pytest

from simulator import ahead as ahead_of_time
from simulator.ahead import Ahead, pays
from simulator.chance import Draws, draw, uniform
from simulator.city import City
from simulator.events import Pools, StringPool, to_frame
from simulator.life import Life
from simulator.population import build
from simulator.scenario import load

PEOPLE, SEED = 400, 3
PLAN = load("festival").ordinary

# Starts an Ahead, says which process makes it, and is gone without a word.
GONE = """
import multiprocessing, os, signal
from simulator.ahead import Ahead
from simulator.scenario import load
if __name__ == "__main__":
    ahead = Ahead(load("city_centre").ordinary, 400, 50, 3)
    ahead.hour(0)
    print(multiprocessing.active_children()[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def alive(pid: int) -> bool:
    """Zombies aren't."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_hours_made_ahead_are_the_same_although_others_have_added_strings() -> None:
    pools = Pools.empty()
    life = Life(PLAN, build(PEOPLE, SEED), pools)
    with closing(Ahead(PLAN, PEOPLE, 2, SEED)) as ahead:
        for hour in range(26):  # fresh hosts are born on the second day
            ahead.pools.host.add(f"scam-{hour}.example")
            ahead.pools.text.add(f"scam {hour}")
            here, there = to_frame(life.hour(hour), pools, 1), to_frame(ahead.hour(hour), ahead.pools, 1)
            assert here.equals(there)


def test_a_city_closes_what_makes_its_life_when_nobody_takes_slices_any_more() -> None:
    ahead = Ahead(load("city_centre").ordinary, PEOPLE, 50, SEED)
    slices = City(load("city_centre"), PEOPLE, 50, SEED, ahead=ahead).slices()
    assert sum(one.frame.num_rows for one in islice(slices, 40))
    assert ahead.process.is_alive()
    slices.close()
    assert not ahead.process.is_alive()


def test_a_process_that_fails_ends_the_run() -> None:
    with closing(Ahead(PLAN, PEOPLE, 50, SEED)) as ahead:
        ahead.hour(0)
        ahead.process.terminate()
        with pytest.raises(RuntimeError, match="before its time"):
            list(map(ahead.hour, range(1, 50)))


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks the system for processes by number")
def test_a_run_that_is_killed_leaves_no_process() -> None:
    found = subprocess.run([sys.executable, "-c", GONE], capture_output=True, text=True, check=False, timeout=120)
    assert found.returncode == -signal.SIGKILL
    until = time.monotonic() + 30
    while alive(int(found.stdout)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not alive(int(found.stdout))


def test_it_pays_for_long_runs_on_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead_of_time, "cores", lambda: 2)
    assert pays(5_000, 243)
    assert not pays(5_000, 1)
    assert not pays(100_000, 1)
    monkeypatch.setattr(ahead_of_time, "cores", lambda: 1)
    assert not pays(5_000, 243)


def test_single_draws_are_those_of_arrays() -> None:
    ids, last = (2**64 - 1, -1, 0, 8_613_800_001_234), np.arange(40)
    many = uniform(7, "luck", *(np.array([one]).astype(np.uint64) for one in ids), last)
    assert [Draws(7, "luck", *ids).of(nth) for nth in last.tolist()] == many.tolist()
    assert draw(7, "luck", *ids, 39) == many[39]


def test_a_pool_that_grows_keeps_its_strings() -> None:
    pool = StringPool()
    first = pool.add_all(["积分", "", "zero", "积分"])
    taken = pool.take(first)
    later = pool.add_all(f"text {nth}" for nth in range(1000))
    assert pool.take(first).to_pylist() == taken.to_pylist() == ["积分", "", "zero", "积分"]
    assert pool.take(later).to_pylist() == pool.since(3)
    assert len(pool) == 1003
