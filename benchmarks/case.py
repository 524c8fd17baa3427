"""What a benchmark is, and what it leaves: cases, points on their axes, figures.

Enters: nothing. Leaves: Case, Point, Work, Figure. Invariant: every figure has a unit, and one that is a time stands
beside a control, measured right before and right after it in the same process.

A case is of one of two ways. A *kernel* is one piece of work that is repeated in a process, by pytest-benchmark, timed
in CPU time of the process. An *end* (end to end) has a process of its own and gives its figures itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Size = Literal["quick", "default", "full"]
SIZES: tuple[Size, ...] = ("quick", "default", "full")
Way = Literal["kernel", "end"]


class Point(NamedTuple):
    """Where on its axes a figure stands: which curve, and how far along it (None: there is no axis)."""

    series: str = ""
    x: float | None = None

    @property
    def id(self) -> str:
        """For people and for pytest."""
        place = "" if self.x is None else f"{self.x:,.0f}".replace(",", "_")
        return "-".join(filter(None, (self.series.replace(" ", "_"), place))) or "all"


@dataclass(slots=True)
class Work:
    """A kernel at one point, ready to run: `run` does `count` units of work and may be called `rounds` times after
    `warm` more that don't count. `more` is asked once at the end: other figures by name."""

    run: Callable[[], object]
    count: int
    rounds: int = 5
    warm: int = 1
    more: Callable[[], dict[str, float]] = dict


@dataclass(frozen=True, slots=True)
class Setting:
    """How a case is run: the size of the run, its seed, and the time that one point may take, in seconds."""

    size: Size
    seed: int

    def pick(self, quick: Any, default: Any, full: Any = None) -> Any:
        """What belongs to this size."""
        return {"quick": quick, "default": default, "full": default if full is None else full}[self.size]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `control`: ns of the control around it, 0 where none belongs (bytes, shares). `more`: what
    else was seen, such as wall_s, cores, rss_mb, bytes_each."""

    series: str
    x: float | None
    value: float
    unit: str
    control: float = 0.0
    more: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, float | None, str]:
        """What makes two figures of a case comparable."""
        return self.series, self.x, self.unit


Points = Callable[[Setting], Sequence[Point]]


@dataclass(frozen=True, slots=True)
class Case:
    """One benchmark. `points` and `prepare` make a kernel, `measure` an end."""

    name: str
    what: str
    unit: str
    axis: str = ""
    points: Points | None = None
    prepare: Callable[[Point, Setting], Work] | None = None
    measure: Callable[[Setting], list[Figure]] | None = None

    @property
    def way(self) -> Way:
        return "kernel" if self.prepare else "end"
