"""Results as pictures: cost and memory as curves, the budget as bars.

Enters: results. Leaves: PNG and SVG files. Invariant: the same results give the same pictures; machine and date
stand in the page beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from benchmarks.results import Measured, Results

INCHES, DPI = (7.5, 4.2), 120
COLOURS = ("#3b82c4", "#d9822b", "#2f9e77", "#c2679a", "#7a68c9", "#8c8c3a", "#b8453c", "#4aa8b5", "#777777")
STYLE: dict[Any, Any] = {
    "svg.fonttype": "path", "svg.hashsalt": "interceptor", "text.parse_math": False, "font.size": 9, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "grid.linewidth": 0.5, "grid.alpha": 0.5,
    "axes.axisbelow": True, "legend.frameon": False,
}  # fmt: skip
NO_METADATA = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@dataclass(frozen=True, slots=True)
class Picture:
    """`draw` fills the axes."""

    name: str
    title: str
    draw: Callable[[Axes], None]


def draw_all(results: Results, folder: Path) -> list[tuple[str, str]]:
    """Writes all pictures that the results give, as NAME.png and NAME.svg; (title, NAME.svg) of each."""
    found = []
    for picture in pictures(results):
        with rc_context(STYLE):
            drawing = Drawing(figsize=INCHES, layout="constrained")
            axes = drawing.subplots()
            picture.draw(axes)
            axes.set_title(picture.title, loc="left")
            for suffix, metadata in NO_METADATA.items():
                drawing.savefig(folder / f"{picture.name}.{suffix}", dpi=DPI, metadata=metadata)
        found.append((picture.title, f"{picture.name}.svg"))
    return found


def pictures(results: Results) -> list[Picture]:
    """One for each case with an axis and more than one place on it, one more for its memory, one for the budget."""
    found = []
    for case in results.cases:
        places = {figure.x for figure in case.figures}
        if case.name == "budget" and case.figures:
            found.append(Picture("budget", "Budget: each stage beside its floor", partial(_bars, case)))
        elif case.axis and len(places) > 1:
            title = case.what[0].upper() + case.what[1:]
            found.append(Picture(case.name, title, partial(_curves, case, "")))
            if any("bytes_each" in figure.more for figure in case.figures):
                memory = f"Memory: {case.what}"
                found.append(Picture(f"{case.name}-memory", memory, partial(_curves, case, "bytes_each")))
    return found


def _curves(case: Measured, more: str, axes: Axes) -> None:
    for number, series in enumerate(dict.fromkeys(figure.series for figure in case.figures)):
        mine = [one for one in case.figures if one.series == series and (not more or more in one.more)]
        mine = sorted(mine, key=lambda one: one.x or 0)
        values = [one.more[more] if more else one.value for one in mine]
        colour, style = COLOURS[number // 2 % len(COLOURS)], ("-", "--")[number % 2]
        axes.plot(
            [one.x or 0 for one in mine], values, style, color=colour, marker="o", markersize=3, label=series or None
        )
    axes.set_xscale("log")
    axes.set_xlabel(case.axis)
    axes.set_ylabel("bytes each" if more else case.unit)
    axes.set_ylim(bottom=0)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, ncols=2)


def _bars(case: Measured, axes: Axes) -> None:
    stages = [one for one in case.figures if not one.series.startswith("whole")]
    places = range(len(stages))
    axes.barh([at - 0.2 for at in places], [one.value for one in stages], 0.4, color=COLOURS[0], label="engine")
    floors = [one.more.get("floor", 0.0) for one in stages]
    axes.barh([at + 0.2 for at in places], floors, 0.4, color=COLOURS[1], label="floor")
    axes.set_yticks(list(places), [one.series for one in stages])
    axes.invert_yaxis()
    axes.set_xlabel(case.unit)
    axes.legend()
