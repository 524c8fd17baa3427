"""The flow of a network as a picture.

Enters: a Network, a title, a path. Leaves: an SVG or PNG file, whole or not at all. Invariants: the same network gives
the same bytes; accounts are masked; whatever stands in a name shows as plain text, and nothing in it is run.

Layers stand from left to right. A box is as high as the stolen money that came through it, its dark part is what still
lies there; a band is as wide as what flowed.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path as Outline

from interceptor.centre.flow.networks import Network, Role
from interceptor.centre.flow.scheme import REST, VICTIM, Node, Scheme, scheme
from interceptor.centre.flow.transfers import FileProblem
from interceptor.rules.errors import printable

# To be told apart by those who see fewer colours, too
COLOURS = {
    VICTIM: "#777777", Role.COLLECTOR.value: "#3b82c4", Role.SPLITTER.value: "#d9822b", Role.TRANSIT.value: "#7a68c9",
    Role.EXIT.value: "#b8453c", Role.HOLDER.value: "#2f9e77", REST: "#9a9a9a",
}  # fmt: skip
SUFFIXES = (".svg", ".png")
DPI, COLUMN_INCHES, NODE_INCHES, INCHES_MIN = 120, 2.1, 0.34, 3.2
BOX, GAP, LEAST = 0.13, 0.012, 0.011  # width of a box in columns; between boxes, and the least height, of the whole
TEXT_CHARS_MAX = 40
STYLE: dict[Any, Any] = {
    "svg.fonttype": "path", "svg.hashsalt": "interceptor", "text.parse_math": False, "font.size": 7,
}  # fmt: skip
NO_METADATA = {".svg": {"Date": None, "Creator": None}, ".png": {"Software": None}}


def check_path(path: Path) -> None:
    """Before long work: could a picture be written there? Raises FileProblem."""
    name = printable(str(path))
    if path.suffix.lower() not in SUFFIXES:
        raise FileProblem(f"--picture {name}: neither .svg nor .png\n  hint: name a file such as flow.svg")
    if path.is_dir():
        raise FileProblem(f"--picture {name}: this is a folder\n  hint: name a file in it, such as flow.svg")
    if not path.parent.is_dir():
        raise FileProblem(f"--picture {name}: there is no folder {printable(str(path.parent))}")


def write_picture(path: Path, network: Network, title: str) -> None:
    """Raises FileProblem where it can't be written."""
    check_path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    suffix = path.suffix.lower()
    try:
        with rc_context(STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            drawing = draw(network, title)
            drawing.savefig(part, format=suffix[1:], dpi=DPI, metadata=NO_METADATA[suffix])
        part.replace(path)
    except OSError as error:
        raise FileProblem(f"--picture {printable(str(path))}: can't be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def draw(network: Network, title: str) -> Drawing:
    """The drawing itself."""
    plan = scheme(network)
    tallest = max(len(column) for column in plan.columns)
    size = (COLUMN_INCHES * len(plan.columns) + 0.6, max(INCHES_MIN, NODE_INCHES * tallest + 1.2))
    drawing = Drawing(figsize=size, layout="constrained")
    axes = drawing.subplots()
    scale = _place(plan)
    _bands(axes, plan, scale)
    for node in plan.nodes:
        _box(axes, node, scale)
    for at, column in enumerate(plan.columns):
        heading = "victims" if column[0].kind == VICTIM else f"layer {column[0].column}"
        axes.text(at, -0.02, heading if any(node.kind != REST for node in column) else "", va="bottom", color="#555555")
    kinds = [kind for kind in COLOURS if any(node.kind == kind for node in plan.nodes)]
    patches = [Patch(color=COLOURS[kind], label=kind) for kind in kinds]
    patches.append(Patch(color="none", label="sums in yuan; dark: still there"))
    axes.legend(handles=patches, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(patches), frameon=False)
    axes.set_title(_words(title, 120), loc="left", fontsize=9)
    axes.set_xlim(-0.05, len(plan.columns))
    axes.set_ylim(1.02, -0.06)
    axes.set_axis_off()
    return drawing


def _place(plan: Scheme) -> float:
    """Puts boxes into their columns; gives the height of a fen, the whole being 1 high."""
    scale = 1.0
    for column in plan.columns:
        total = sum(node.size_fen for node in column)
        scale = min(scale, max(0.05, 1 - len(column) * (GAP + LEAST)) / max(total, 1))
    for at, column in enumerate(plan.columns):
        heights = [_height(node, scale) + GAP for node in column]
        y = (1 - sum(heights)) / 2
        for node, height in zip(column, heights, strict=True):
            node.column, node.y = at if node.kind != VICTIM else 0, y
            y += height
    return scale


def _height(node: Node, scale: float) -> float:
    return max(LEAST, node.size_fen * scale)


def _box(axes: Axes, node: Node, scale: float) -> None:
    x, height, colour = _x(node), _height(node, scale), COLOURS[node.kind]
    left = height * min(1.0, node.left_fen / max(node.size_fen, 1))
    axes.add_patch(Rectangle((x, node.y), BOX, height, facecolor=colour, alpha=0.45, linewidth=0))
    axes.add_patch(Rectangle((x, node.y + height - left), BOX, left, facecolor=colour, linewidth=0))
    words = f"{_words(node.name, TEXT_CHARS_MAX)}  {node.size_fen / 100:,.0f}"
    axes.text(x + BOX + 0.02, node.y + height / 2, words, va="center", fontsize=6.5)


def _x(node: Node) -> float:
    return float(node.column)


def _bands(axes: Axes, plan: Scheme, scale: float) -> None:
    """Bands leave a box from its top down, and come in likewise, each side in the order of the other ends."""
    nodes = {node.key: node for node in plan.nodes}
    out: dict[str, float] = dict.fromkeys(nodes, 0.0)
    into: dict[str, float] = dict.fromkeys(nodes, 0.0)
    ways = sorted(
        plan.links.items(), key=lambda link: (nodes[link[0][1]].column, nodes[link[0][1]].y, nodes[link[0][0]].y)
    )
    for (one, other), fen in ways:
        start, end, width = nodes[one], nodes[other], fen * scale
        y, z = start.y + out[one], end.y + into[other]
        out[one], into[other] = out[one] + width, into[other] + width
        a, b = _x(start) + BOX, _x(end)
        bend = a + (b - a) / 2 if b > a else a + 0.35
        back = b - (bend - a) if b <= a else bend
        points = [
            (a, y),
            (bend, y),
            (back, z),
            (b, z),
            (b, z + width),
            (back, z + width),
            (bend, y + width),
            (a, y + width),
        ]
        codes = [Outline.MOVETO, *[Outline.CURVE4] * 3, Outline.LINETO, *[Outline.CURVE4] * 3]
        axes.add_patch(PathPatch(Outline(points, codes), color=COLOURS[start.kind], alpha=0.25, linewidth=0.2))


def _words(text: str, chars: int) -> str:
    """Plain text, not too long."""
    plain = printable(text)
    return plain if len(plain) <= chars else f"{plain[: chars - 1]}…"
