"""The city's townships.

Enters: simulator/data/huainan_townships.csv. Leaves: codes, names, counties, and how many people live in each.
Invariant: 95 townships in seven counties; 0 is never a township's code.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

# People per place relative to a country town [A]: streets of the old city are dense, farms and forestry stations small.
_STREET, _TOWN, _RURAL, _OTHER = 1.6, 1.0, 0.7, 0.15
# County seats and the like, larger than their kind [A].
_LARGE = {"田家庵区": 1.5, "城关镇": 3.0, "寿春镇": 2.5, "毛集镇": 1.4}
CELLS_MIN, CELLS_MAX = 3, 8  # radio cells of a township [A]


@dataclass(frozen=True, slots=True)
class Township:
    code: int
    name: str
    county: str
    weight: float


@cache
def townships() -> tuple[Township, ...]:
    """All townships, in order of their codes."""
    text = files("simulator").joinpath("data/huainan_townships.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    places = [Township(int(r["code"]), r["township"], r["county"], _weight(r["township"], r["county"])) for r in rows]
    return tuple(sorted(places, key=lambda place: place.code))


@cache
def town_name(code: int) -> str:
    """County and township, e.g. "寿县 正阳关镇"; "外地" for 0 and unknown codes."""
    return next((f"{place.county} {place.name}" for place in townships() if place.code == code), "外地")


def codes() -> np.ndarray:
    return np.array([place.code for place in townships()], np.uint32)


def weights() -> np.ndarray:
    """Share of the residents of each township, in the order of `codes`."""
    raw = np.array([place.weight for place in townships()])
    return raw / raw.sum()


def cells_of_towns(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """First cell id of each township and how many follow it. Cell ids are 1, 2, 3 …"""
    counts = rng.integers(CELLS_MIN, CELLS_MAX + 1, len(townships()))
    return (1 + np.cumsum(counts) - counts).astype(np.uint32), counts


def town_of_cell(rng: np.random.Generator) -> np.ndarray:
    """u32[cells + 1]: the township in which each cell stands, 0 for cell 0. `rng` as cells_of_towns had it."""
    return np.append(np.uint32(0), np.repeat(codes(), cells_of_towns(rng)[1])).astype(np.uint32)


def _weight(name: str, county: str) -> float:
    if name.endswith("街道"):
        kind = _STREET
    elif name.endswith("乡"):
        kind = _RURAL
    else:
        kind = _TOWN if name.endswith("镇") else _OTHER
    return kind * _LARGE.get(county, 1.0) * _LARGE.get(name, 1.0)
