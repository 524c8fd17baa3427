"""The simulator alone: how fast a city lives.

Enters: a city. Leaves: ns of CPU an event. Invariant: nothing is decided.
"""

from __future__ import annotations

from benchmarks.case import Case, Figure, Setting
from benchmarks.control import timed
from simulator.city import City
from simulator.scenario import load

SLICES_BEFORE, SLICES = 200, 60  # of three minutes each: from ten o'clock on


def measure(setting: Setting) -> list[Figure]:
    found = []
    for people in setting.pick((5_000,), (10_000, 100_000)):
        city = City(load("city_centre"), people=people, days=1, seed=setting.seed)
        slices = city.slices()
        for _ in range(SLICES_BEFORE):
            next(slices)
        events = 0
        with timed() as around:
            for _ in range(SLICES):
                events += next(slices).frame.num_rows
        found.append(Figure("", people, around.cpu_s / events * 1e9, "ns/event", around.control))
    return found


CASES = [Case("simulator", "three hours of a city's day, nothing decided", "ns/event", "people", measure=measure)]
