"""What is wrong with a rules file, said so that its author can mend it.

Enters: a place, a code, words. Leaves: Problem, and RulesError that carries all problems of a rule set. Invariant:
every problem names file, line and column, counted from 1, and has one of the codes in `codes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from unicodedata import combining, east_asian_width

SNIPPET_CHARS = 100
PROBLEMS_MAX = 200  # of one file, or of what files mean together: nobody reads more
NAMES_MAX = 300


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a rules file. `line` and `column` count from 1; `snippet` is the whole line.

    `inner` gives the place of a character of the value that stands here, however it is quoted, folded or escaped.
    """

    path: str
    line: int
    column: int
    snippet: str = ""
    inner: Callable[[int], Place] | None = field(default=None, compare=False, repr=False)

    def inside(self, offset: int) -> Place:
        """The place of a character of this value."""
        return self.inner(offset) if self.inner else self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `code` is stable, for machines and for looking it up."""

    place: Place
    code: str
    message: str
    hint: str = ""
    severity: str = "error"

    path = property(lambda self: self.place.path)
    line = property(lambda self: self.place.line)
    column = property(lambda self: self.place.column)
    snippet = property(lambda self: self.place.snippet)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.severity}[{self.code}]: {printable(self.message)}", *self.excerpt]
        if self.hint:
            lines.append(f"    hint: {printable(self.hint)}")
        return "\n".join(lines)

    @property
    def where(self) -> str:
        """path:line:column"""
        return f"{printable(self.place.path)}:{self.place.line}:{self.place.column}"

    @property
    def excerpt(self) -> tuple[str, ...]:
        """The line and a caret below it; nothing where there is no line to show."""
        if not self.place.snippet.strip():
            return ()
        shown, caret = _excerpt(self.place.snippet, self.place.column - 1)
        return f"    {shown}", f"    {' ' * caret}^"


class RulesError(Exception):
    """A rule set that can't be used, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = in_order(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, by file, line and column."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.place.path, p.place.line, p.place.column, p.code)))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint with the closest known names, or "" where none is close."""
    names = sorted(set(known))
    if len(names) > NAMES_MAX:  # comparing takes its time
        names = [name for name in names if name[:2] == word[:2]][:NAMES_MAX]
    close = get_close_matches(word[:60], names, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else ""


def printable(text: str) -> str:
    """Text with everything that could steer a terminal or reorder a line made visible as �."""
    return "".join(c if c.isprintable() or c == " " else "�" for c in text.expandtabs(1))


def shortened(text: str) -> str:
    """A value as it is quoted in a message."""
    return text if len(text) <= 60 else f"{text[:57]}…"


def _excerpt(line: str, at: int) -> tuple[str, int]:
    """At most 100 characters of the line around `at`, and how many columns of a terminal the caret goes in."""
    start = max(0, at - 60) if len(line) > SNIPPET_CHARS else 0
    cut = printable(line[start : start + SNIPPET_CHARS])
    return cut, sum(_cells(c) for c in cut[: max(0, at - start)])


def _cells(character: str) -> int:
    return 2 if east_asian_width(character) in "WF" else 0 if combining(character) else 1
