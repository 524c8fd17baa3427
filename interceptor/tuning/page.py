"""Pages: tables, words and pictures in one HTML file that asks nothing of the network.

Enters: blocks. Leaves: a file. Invariant: whatever is in a cell or a caption shows as text; the same blocks give the
same bytes.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from interceptor.rules.errors import printable
from interceptor.tuning.tables import Table, UsageProblem

__all__ = ["Block", "Figure", "Table", "Words", "write_page"]

INCHES = (7.5, 3.6)
# Of lines and bars: to be told apart on white and on black, and by those who see fewer colours
COLOURS = BLUE, ORANGE, GREEN, PINK = "#3b82c4", "#d9822b", "#2f9e77", "#c2679a"
_INK, _LINE = "#010203", "#040506"  # stand for the page's own colours, which the reader's screen decides
# Text stays text, so that the reader's browser has the fonts; "$" in a name is no formula; ids don't depend on chance.
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "text.parse_math": False, "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "font.family": "sans-serif", "grid.color": _LINE,
    "grid.linewidth": 0.6, "axes.axisbelow": True, "axes.facecolor": "none", "figure.facecolor": "none",
    "savefig.facecolor": "none", "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
}  # fmt: skip
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture: `draw` fills the axes."""

    title: str
    draw: Callable[[Axes], None]
    note: str = ""

    @property
    def svg(self) -> Markup:
        """The drawing, to stand inside a page."""
        with rc_context({**_STYLE, "svg.hashsalt": self.title}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the browser has it
            drawing = Drawing(figsize=INCHES, layout="constrained")
            self.draw(drawing.add_subplot())
            buffer = io.StringIO()
            drawing.savefig(buffer, format="svg", metadata=_NO_METADATA)
        text = buffer.getvalue().replace(f": {_INK}", ": currentColor").replace(f": {_LINE}", ": var(--line)")
        return Markup(_shown(text[text.index("<svg") :]))  # nosec: made here, and matplotlib escapes the words in it


Block = Table | Figure | Words


def write_page(path: Path, title: str, blocks: Sequence[Block]) -> None:
    """Writes one self-contained page, whole or not at all. Raises UsageProblem where it can't be written."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["kind"] = lambda block: type(block).__name__
    environment.filters["shown"] = _shown
    text = environment.from_string(_PAGE).render(title=title, blocks=blocks)
    name = printable(str(path))
    part = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        if path.is_dir():
            raise UsageProblem(f"--html {name}: this is a folder\n  hint: name a file in it, such as page.html")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UsageProblem(f"--html {name}: can't be written: {error.strerror}") from error


def _shown(text: str) -> str:
    """Nothing that could reorder a line or steer a terminal that prints the page."""
    return "\n".join(printable(line) for line in text.split("\n"))


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title | shown }}</title>
<style>
:root { color-scheme: light dark; --ink: #1f2328; --pale: #656d76; --line: #d8dee4; --even: #f6f8fa; --page: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --pale: #9aa4ae; --line: #30363d; --even: #1b2027; --page: #12161b }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
       max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
th { text-align: left; font-weight: 600; border-bottom: 1px solid var(--pale) }
th, td { padding: .2rem .9rem .2rem .3rem; white-space: nowrap; vertical-align: top }
th { white-space: pre-line; vertical-align: bottom }
td.wraps { white-space: normal } .right { text-align: right; font-variant-numeric: tabular-nums }
tbody tr:nth-child(even) { background: var(--even) } p, .note { white-space: pre-line } .note { color: var(--pale) }
svg { max-width: 100%; height: auto; color: var(--ink) } svg text { font-family: system-ui, sans-serif }
</style>
</head>
<body>
<h1>{{ title | shown }}</h1>
{% for block in blocks %}
{% if block | kind == "Words" %}
<p>{{ block.text | shown }}</p>
{% else %}
<h2>{{ block.title | shown }}</h2>
{% if block | kind == "Figure" %}
{{ block.svg }}
{% else %}
<table>
<thead><tr>
{%- for column in block.columns %}<th{% if column.right %} class="right"{% endif %}>{{ column.name | shown }}</th>
{%- endfor %}</tr></thead>
<tbody>
{% for row in block.rows %}
<tr>{% for cell in row %}{% set column = block.columns[loop.index0] -%}
<td{% if column.right %} class="right"{% elif column.wraps %} class="wraps"{% endif %}>{{ cell | shown }}</td>
{%- endfor %}</tr>
{% endfor %}
</tbody>
</table>
{% endif %}
{% if block.note %}
<p class="note">{{ block.note | shown }}</p>
{% endif %}
{% endif %}
{% endfor %}
</body>
</html>
"""
