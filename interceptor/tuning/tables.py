"""What the tools print: tables on a terminal, plain columns in a pipe, JSON for machines.

Enters: rows of text. Leaves: standard output; progress and errors on standard error. Invariant: nothing that came with
data can steer the terminal, and a table loses nothing when it is piped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid
from rich.text import Text

from interceptor.rules.errors import printable
from interceptor.rules.ruleset import Rule

if TYPE_CHECKING:
    from interceptor.tuning.page import Block

EXIT_CLEAN, EXIT_FOUND, EXIT_USAGE, EXIT_CONFIGURATION, EXIT_STOPPED = 0, 1, 2, 78, 130
NO_TRUTH = "There is no truth file beside the recording: nobody knows which hits are right."
PIPE_COLUMNS = 10_000  # a pipe has no width


class UsageProblem(Exception):
    """Something that can't be done as it was asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: numbers stand to the right; `wraps` where long words may run over lines."""

    name: str
    right: bool = False
    wraps: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What show_table prints, and pages show."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def show(self) -> None:
        show_table(self.title, self.columns, self.rows, self.note)


def show_table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], note: str = "") -> None:
    """Prints a table to standard output. Cells are plain text: markup and escape codes in them show as such."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    table = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    plain = [[printable(cell) for cell in row] for row in rows]
    for nth, column in enumerate(columns):
        widest = None if column.wraps else max(map(cell_len, (column.name, *(row[nth] for row in plain))))
        table.add_column(
            column.name, justify="right" if column.right else "left", no_wrap=not column.wraps, min_width=widest
        )
    for row in plain:
        table.add_row(*map(Text, row))
    say(title, bold=True)
    needed = Measurement.get(console, console.options.update(max_width=PIPE_COLUMNS), table).minimum
    console.width = max(console.width, needed)  # rather run over the edge than leave out
    with console.capture() as shown:
        console.print(table)
    print("\n".join(line.rstrip() for line in shown.get().splitlines()), flush=True)
    if note:
        say(note)


def say(words: str, *, bold: bool = False) -> None:
    """A line of plain words on standard output."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(words, style="bold" if bold else ""))


def print_json(found: Any) -> None:
    """One JSON object on standard output, readable as ASCII where the output can't show more."""
    plain = (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(found, ensure_ascii=not plain, indent=2, allow_nan=False), flush=True)


def called(rule: Rule) -> str:
    """A rule's name; one that only watches says so."""
    return f"{rule.name} (shadow)" if rule.mode == "shadow" else rule.name


def percent(share: float | None) -> str:
    """A share for people; 100 % is all, and – is a share of nothing."""
    if share is None or share in (0, 1):
        return "–" if share is None else f"{share:.0%}".replace("%", " %")
    return f"{share * 100:.2g} %" if share < 0.1 else f"{min(share * 100, 99.9):.1f} %"


class Tellable(Protocol):
    """What a tool found, as it can be told."""

    @property
    def title(self) -> str: ...
    def show(self) -> None: ...
    def as_object(self) -> dict[str, Any]: ...
    def blocks(self) -> list[Block]: ...


def tell(found: Tellable, *, as_json: bool, html: Path | None) -> None:
    """On standard output, and then on a page, if asked for. Raises UsageProblem where that can't be written."""
    if as_json:
        print_json(found.as_object())
    else:
        found.show()
    if html:
        from interceptor.tuning.page import write_page

        write_page(html, found.title, found.blocks())


def fail(message: str, code: int = EXIT_USAGE) -> int:
    """Says on standard error what went wrong; gives the exit code."""
    print(message, file=sys.stderr)
    return code


def check_page_path(path: Path | None) -> None:
    """Before long work: could a page be written there? Raises UsageProblem."""
    if path and path.is_dir():
        name = printable(str(path))
        raise UsageProblem(f"--html {name}: this is a folder\n  hint: name a file in it, such as page.html")
    if path and not path.parent.is_dir():
        raise UsageProblem(f"--html {printable(str(path))}: there is no folder {printable(str(path.parent))}")


def progress_bar() -> Progress:
    """A bar on standard error while long work goes on; nothing where that is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
        console=console, disable=not console.is_terminal, transient=True,
    )  # fmt: skip
