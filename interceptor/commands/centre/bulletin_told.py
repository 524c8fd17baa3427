"""A bulletin as people read it: a table, Markdown, a page with pictures.

Enters: a Bulletin. Leaves: text. Invariant: all forms say the same figures; what is not known is "–".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from matplotlib.axes import Axes

from interceptor.centre.bulletin.gather import Bulletin, Count, Line, Ranking
from interceptor.centre.bulletin.lines import SECTIONS
from interceptor.display import yuan
from interceptor.tuning.page import BLUE, ORANGE, Block, Figure, Words
from interceptor.tuning.tables import Column, Table

HEADS = ("", "now", "before", "change", "year before", "year on year")
REPORTED = ("the report", "against it")
_MARKDOWN_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>()#+|!"})
_BARS_MAX = 10


ALL_PASSED = (
    "Everything passed the gates, whatever was decided: these events were recorded, or only observed. What is called"
    " intercepted, refused or delayed would have been; nobody was spared anything by it."
)


def title(bulletin: Bulletin) -> str:
    return f"Bulletin of the {bulletin.period.word}: {bulletin.period}"


def tables(bulletin: Bulletin) -> Iterator[Table]:
    """One a section, then the rankings."""
    reported = any(line.reported is not None for line in bulletin.lines)
    heads = (*HEADS, *(REPORTED if reported else ()))
    columns = [Column(heads[0]), *(Column(head, right=True) for head in heads[1:])]
    for section, name in SECTIONS.items():
        rows = [_cells(line, reported=reported) for line in bulletin.lines if line.wanted.section == section]
        if rows:
            yield Table(name, columns, rows)
    for ranking in bulletin.rankings:
        yield _ranked(ranking)


def markdown(bulletin: Bulletin) -> str:
    """The tables, for a page in Markdown: whatever stands in a cell shows as text."""
    parts = [f"# {_plain(title(bulletin))}", "", *([ALL_PASSED, ""] if bulletin.passed else [])]
    for table in tables(bulletin):
        parts += [f"## {_plain(table.title)}", ""]
        parts.append(_row([column.name for column in table.columns]))
        parts.append(_row(["---:" if column.right else "---" for column in table.columns], plain=False))
        parts += [_row(cells) for cells in table.rows]
        parts.append("")
    parts += [f"Head of the audit log: `{bulletin.head}`", ""]
    return "\n".join(parts)


def blocks(bulletin: Bulletin, days: Sequence[tuple[str, int]]) -> list[Block]:
    """A page's: the tables, and pictures of what was intercepted each day and of the rankings. `days`: (day,
    events)."""
    found: list[Block] = [Words(ALL_PASSED)] if bulletin.passed else []
    found.append(Words(f"Head of the audit log: {bulletin.head}"))
    if len(days) > 1:
        found.append(Figure("Intercepted each day", partial(_days, days=days)))
    found += tables(bulletin)
    found += [Figure(ranking.title, partial(_bars, ranking=ranking)) for ranking in bulletin.rankings if ranking.rows]
    return found


def told(value: Count, unit: str) -> str:
    """A figure in its unit."""
    if value is None:
        return "–"
    if unit == "fen":
        return yuan(value)
    if unit == "share":
        return f"{value:.1%}".replace("%", " %")
    if unit == "minutes":
        return f"{value:,.1f} min"
    return f"{value:,.0f}"


def _cells(line: Line, *, reported: bool) -> list[str]:
    unit = line.wanted.unit
    beside = [told(line.reported, unit), _change(line.against_report)] if reported else []
    return [
        line.wanted.title, told(line.now, unit), told(line.before, unit), _change(line.change),
        told(line.year_before, unit), _change(line.year_on_year), *beside,
    ]  # fmt: skip


def _change(share: float | None) -> str:
    return "–" if share is None else f"{share:+.1%}".replace("%", " %")


def _ranked(ranking: Ranking) -> Table:
    columns = [Column(""), Column(ranking.head, right=True)]
    return Table(ranking.title, columns, [[name, told(value, ranking.unit)] for name, value in ranking.rows])


def _row(cells: Sequence[str], *, plain: bool = True) -> str:
    return f"| {' | '.join(_plain(cell) if plain else cell for cell in cells)} |"


def _plain(text: str) -> str:
    return text.replace("\n", " ").translate(_MARKDOWN_SPECIAL)


def _days(axes: Axes, days: Sequence[tuple[str, int]]) -> None:
    axes.bar(range(len(days)), [count for _, count in days], color=BLUE)
    shown = range(0, len(days), max(1, len(days) // 12))
    axes.set_xticks(list(shown), [days[nth][0] for nth in shown], rotation=45, ha="right")
    axes.set_ylabel("calls, messages, visits, transfers")


def _bars(axes: Axes, ranking: Ranking) -> None:
    rows = list(ranking.rows)[:_BARS_MAX][::-1]
    scale = 100 if ranking.unit == "fen" else 1
    axes.barh([name for name, _ in rows], [(value or 0) / scale for _, value in rows], color=ORANGE)
    axes.set_xlabel(f"{ranking.head}, yuan" if ranking.unit == "fen" else ranking.head)
