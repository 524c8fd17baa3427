"""What a run found: a result file, and how two of them differ.

Enters: figures of cases. Leaves: JSON, changes. Invariants: what is written is read back the same; a time is only held
against another time after each was divided by its own control.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.case import Figure

FORMAT = 1
# What is timed, per unit of something; rates are the other way round. Bytes have no control.
TIMES, RATES = ("ns", "µs", "ms", "s"), ("/s",)


class BadResults(Exception):
    """A file that isn't a result file; the message says why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A case with its figures, or why there are none. `process`: what it took: wall_s, cpu_s, cores, rss_mb."""

    name: str
    what: str
    unit: str
    axis: str
    figures: list[Figure] = field(default_factory=list)
    process: dict[str, float] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """One run."""

    date: str
    size: str
    seed: int
    ruleset: str
    machine: dict[str, Any]
    versions: dict[str, str]
    cases: list[Measured]

    def case(self, name: str) -> Measured | None:
        return next((case for case in self.cases if case.name == name), None)

    def figure(self, name: str, series: str = "", x: float | None = None) -> Figure | None:
        """One figure, or None where that wasn't measured."""
        case = self.case(name)
        return next((one for one in case.figures if one.series == series and one.x == x), None) if case else None


def write(results: Results, path: Path) -> None:
    path.write_text(json.dumps({"format": FORMAT} | asdict(results), ensure_ascii=False, indent=1) + "\n", "utf-8")


def read(path: Path) -> Results:
    """Raises BadResults."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror}") from None
    except ValueError:
        raise BadResults(f"{path}: this is no JSON") from None
    try:
        if found.pop("format") != FORMAT:
            raise BadResults(f"{path}: of another version of the benchmarks")
        cases = [
            Measured(**case | {"figures": [Figure(**figure) for figure in case["figures"]]})
            for case in found.pop("cases")
        ]
        return Results(**found, cases=cases)
    except (AttributeError, KeyError, TypeError):
        raise BadResults(f"{path}: not a result file of `interceptor bench`") from None


@dataclass(frozen=True, slots=True)
class Change:
    """One figure before and after. `ratio`: how many times slower, or larger, it became; below 1 is better. That of a
    time or rate is corrected by the controls, `plain` is not."""

    case: str
    series: str
    x: float | None
    unit: str
    before: float
    after: float
    plain: float
    ratio: float


def changes(old: Results, new: Results) -> list[Change]:
    """All figures that both have."""
    return list(_changes(old, new))


def _changes(old: Results, new: Results) -> Iterator[Change]:
    for case in new.cases:
        was = old.case(case.name)
        before = {figure.key: figure for figure in was.figures} if was else {}
        for after in case.figures:
            one = before.get(after.key)
            if one and one.value > 0 and after.value > 0:
                plain, ratio = worsening(one, after)
                yield Change(case.name, after.series, after.x, after.unit, one.value, after.value, plain, ratio)


def worsening(before: Figure, after: Figure) -> tuple[float, float]:
    """How many times worse it became, plainly and corrected by the controls."""
    is_rate = after.unit.endswith(RATES)
    plain = before.value / after.value if is_rate else after.value / before.value
    if not (before.control and after.control and (is_rate or after.unit.split("/")[0] in TIMES)):
        return plain, plain
    return plain, plain / (after.control / before.control)
