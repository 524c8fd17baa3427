"""The map: a tile for each township, its county's block around it, dens as dots, moving dens as arrows.

Enters: places with their scores, dens. Leaves: SVG (text stays text; follows the reader's light or dark screen) or PNG
(on its own ground). Invariants: the same map gives the same bytes; names show as text, whatever is in them.

Nobody has published where the townships' centres are, so it is a scheme: counties stand to each other about as they do
on a map of Huainan, their townships in order of their codes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

INCHES, DPI = (11.0, 9.8), 150
# Rough place of each county on a grid of tiles [A]: column and row of its upper left tile, tiles in a row.
BLOCKS = {340421: (0, 0, 5), 340406: (6, 0, 6), 340405: (6, 3, 3), 340404: (6, 6, 4), 340403: (11, 4, 4),
          340402: (13, 0, 2), 340422: (0, 10, 10)}  # fmt: skip
APART = 13.0  # rows below which counties that aren't in BLOCKS follow
TILE = 0.92
INK, PALE, GROUND, EMPTY = "#1f2328", "#59636e", "#ffffff", "#eceff2"
DARK = {INK: "#e6e9ec", PALE: "#9aa4ae", GROUND: "#12161b", EMPTY: "#262c33"}
HEAT = ("#f6d9a8", "#ef9b57", "#cf4b3a", "#8e1f3c")  # to be told apart in grey, too; dark words on the first two
WHITE = "#fffffe"  # on dark tiles, whatever the screen; GROUND follows it
LINE_CHARS, LINES = 5, 3  # of a name on its tile
DEN, PATH = "#2463b0", "#3b82c4"
CJK = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei",
       "Microsoft YaHei", "PingFang SC", "Droid Sans Fallback")  # fmt: skip
_METADATA: dict[str, dict[str, Any]] = {
    "svg": dict.fromkeys(("Creator", "Date", "Format", "Type")), "png": {"Software": None},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A township; score: by which its tile is coloured, 0 = nothing was seen there."""

    code: int
    name: str
    county: str
    score: float = 0.0
    suspects: int = 0
    hot: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """A den on the map: where it is and, if it moves, where it was before (townships, oldest first)."""

    label: str
    town: int
    before: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Map:
    """`title` names the day; `note` stands below it."""

    title: str
    note: str
    places: Sequence[Place]
    spots: Sequence[Spot]


Centres = dict[int, tuple[float, float]]


def picture(what: Map, form: str) -> bytes:
    """`form`: svg or png."""
    names = form == "svg" or _font() is not None
    style: dict[Any, Any] = {
        "svg.fonttype": "none", "svg.hashsalt": what.title, "text.parse_math": False, "font.size": 7,
        "font.family": [_font() or "DejaVu Sans", "DejaVu Sans"] if form == "png" else ["sans-serif"],
        "text.color": INK, "figure.facecolor": GROUND, "savefig.facecolor": GROUND,
    }  # fmt: skip
    with rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the reader's browser has it
        drawing = Figure(figsize=INCHES)
        axes = drawing.add_axes((0.02, 0.02, 0.96, 0.92))
        _draw(axes, what, names)
        drawing.text(0.03, 0.965, _plain(what.title), fontsize=14, weight="bold")
        note = what.note if names else f"{what.note}; townships by the end of their codes, below their county's"
        drawing.text(0.03, 0.943, _plain(note), fontsize=8.5, color=PALE)
        buffer = io.BytesIO()
        drawing.savefig(buffer, format=form, dpi=DPI, metadata=_METADATA[form])
    return _themed(buffer.getvalue()) if form == "svg" else buffer.getvalue()


def centres(places: Iterable[Place]) -> Centres:
    """The middle of each township's tile, by its code; rows count down."""
    found: Centres = {}
    for (column, row, width), of_county in _blocks(places):
        for nth, place in enumerate(of_county):
            found[place.code] = (column + nth % width + 0.5, row + nth // width + 0.5)
    return found


def _blocks(places: Iterable[Place]) -> list[tuple[tuple[float, float, int], list[Place]]]:
    """Each county's upper left corner and width, and its townships in order."""
    counties: dict[int, list[Place]] = {}
    for place in sorted(places, key=lambda place: place.code):
        counties.setdefault(place.code // 1000, []).append(place)
    found, row = [], APART + 1
    for county, of_county in counties.items():
        corner: tuple[float, float, int] = BLOCKS.get(county, (0, row, 10))
        if county not in BLOCKS:
            row += -(-len(of_county) // 10) + 1
        found.append((corner, of_county))
    return found


def _draw(axes: Axes, what: Map, names: bool) -> None:
    where = centres(what.places)
    top = max((place.score for place in what.places), default=0.0)
    heat, scale = LinearSegmentedColormap.from_list("heat", HEAT), Normalize(0, max(top, 3.0))
    for (column, row, width), of_county in _blocks(what.places):
        rows = -(-len(of_county) // width)
        county = of_county[0].county if names else str(of_county[0].code // 1000)
        axes.text(column + 0.04, row - 0.12, _plain(county), fontsize=9, weight="bold", color=PALE)
        frame = (column - 0.02, row - 0.02)
        axes.add_patch(
            Rectangle(frame, min(width, len(of_county)) + 0.04, rows + 0.04, fill=False, edgecolor=PALE, linewidth=0.6)
        )
        for place in of_county:
            _tile(axes, place, where[place.code], heat(scale(place.score)) if place.score > 0 else EMPTY,
                  dark=place.score > 0.45 * max(top, 3.0), names=names)  # fmt: skip
    _dens(axes, what.spots, where)
    _legend(axes, heat, max(top, 3.0))
    columns, bottoms = zip(*where.values(), strict=True) if where else ((1.0,), (1.0,))
    axes.set_xlim(-0.3, max(15.4, *columns))
    axes.set_ylim(max(13.4, *bottoms) + 0.3, -0.5)
    axes.set_aspect("equal")
    axes.axis("off")


def _tile(axes: Axes, place: Place, centre: tuple[float, float], colour: Any, *, dark: bool, names: bool) -> None:
    x, y = centre
    corner = (x - TILE / 2, y - TILE / 2)
    edge = {"edgecolor": INK, "linewidth": 1.8} if place.hot else {"edgecolor": "none"}
    axes.add_patch(
        FancyBboxPatch(corner, TILE, TILE, boxstyle="round,pad=0,rounding_size=0.08", facecolor=colour, **edge)
    )
    # On tiles with a colour of their own the words keep theirs, whatever the screen.
    ink = INK if place.score <= 0 else WHITE if dark else "#2a1a10"
    name = _plain(place.name) if names else f"{place.code % 1000:03}"
    lines = max(1, min(LINES, -(-len(name) // LINE_CHARS)))
    each = -(-len(name) // lines)
    shown = "\n".join(name[start : start + each] for start in range(0, each * lines, max(each, 1)))
    axes.text(x, y - 0.1, shown, ha="center", va="center", fontsize=7.4, color=ink, linespacing=0.95)
    if place.suspects:
        axes.text(x, y + 0.31, f"{place.suspects:,}", ha="center", va="center", fontsize=7.6, weight="bold", color=ink)


def _dens(axes: Axes, spots: Sequence[Spot], where: Centres) -> None:
    """Dots at the upper corners of their tiles; a path for those that move."""
    here: dict[int, int] = {}
    for spot in spots:
        if spot.town not in where:
            continue
        nth = here.get(spot.town, 0)
        here[spot.town] = nth + 1
        x, y = where[spot.town]
        if nth < 3:
            axes.plot(x + 0.34 - 0.22 * nth, y - 0.34, "o", markersize=7, color=DEN, markeredgecolor=WHITE, zorder=4)
            axes.text(x + 0.34 - 0.22 * nth, y - 0.335, _plain(spot.label), ha="center", va="center", fontsize=4.8,
                      color=WHITE, zorder=5)  # fmt: skip
        way = [town for town in (*spot.before, spot.town) if town in where]
        for start, stop in pairwise(way):
            arrow = FancyArrowPatch(
                where[start], where[stop], connectionstyle="arc3,rad=0.18", arrowstyle="-|>", mutation_scale=11,
                color=PATH, linewidth=1.4, shrinkA=6, shrinkB=9, zorder=3,
            )  # fmt: skip
            axes.add_patch(arrow)


def _legend(axes: Axes, heat: LinearSegmentedColormap, top: float) -> None:
    x, y, steps = 11.0, 9.6, 24
    axes.text(x, y - 0.2, "Score: standard deviations above four weeks", fontsize=7.5)
    for step in range(steps):
        axes.add_patch(Rectangle((x + step * 3.6 / steps, y), 3.6 / steps + 0.01, 0.35, facecolor=heat(step / steps)))
    axes.text(x, y + 0.6, "0", fontsize=7.5, ha="left")
    axes.text(x + 3.6, y + 0.6, f"{top:.1f}", fontsize=7.5, ha="right")
    lines = (
        "number: suspect lines of the day",
        "den; its number in the list",
        "its way within two days",
        "hot township",
    )
    for nth, words in enumerate(lines):
        axes.text(x + 0.6, y + 1.15 + 0.5 * nth, words, fontsize=7.5, va="center")
    axes.text(x + 0.2, y + 1.15, "12", fontsize=7.5, weight="bold", ha="center", va="center")
    axes.plot(x + 0.2, y + 1.65, "o", markersize=7, color=DEN, markeredgecolor=WHITE)
    way = ((x, y + 2.15), (x + 0.45, y + 2.15))
    axes.add_patch(FancyArrowPatch(*way, arrowstyle="-|>", mutation_scale=10, color=PATH, linewidth=1.4))
    axes.add_patch(Rectangle((x + 0.05, y + 2.5), 0.3, 0.3, facecolor=EMPTY, edgecolor=INK, linewidth=1.8))


def _font() -> str | None:
    """A font of this machine that has Chinese characters; without one a PNG shows codes."""
    have = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in CJK if name in have), None)


def _themed(data: bytes) -> bytes:
    """The page's own colours where the reader's screen decides."""
    text = data.decode()
    names: Mapping[str, str] = {INK: "ink", PALE: "pale", GROUND: "ground", EMPTY: "empty"}
    for colour, name in names.items():
        text = text.replace(f": {colour}", f": var(--{name})")
    light = "; ".join(f"--{name}: {colour}" for colour, name in names.items())
    dark = "; ".join(f"--{name}: {DARK[colour]}" for colour, name in names.items())
    style = (
        f"<style>svg {{ {light} }} @media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}"
        " text { font-family: system-ui, 'Noto Sans SC', 'Microsoft YaHei', 'PingFang SC', sans-serif !important }"
        "</style>\n"
    )
    at = text.index(">", text.index("<svg")) + 1
    return (text[:at] + "\n" + style + text[at:]).encode()


def _plain(words: str) -> str:
    """Nothing that can't be printed in one line; matplotlib escapes the rest for SVG."""
    return "".join(char if char.isprintable() else "·" for char in words)
