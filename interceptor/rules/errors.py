"""What is wrong with a rules file, said so that its author can mend it.

Enters: a place, a code, words. Leaves: Problem, and RulesError that carries all problems of a rule set. Invariant:
every problem names file, line and column, counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a rules file. `line` and `column` count from 1; `snippet` is the whole line."""

    path: str
    line: int
    column: int
    snippet: str = ""

    def shifted(self, columns: int) -> Place:
        return Place(self.path, self.line, self.column + columns, self.snippet)


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
        place = self.place
        lines = [f"{place.path}:{place.line}:{place.column}: {self.severity}[{self.code}]: {printable(self.message)}"]
        if place.snippet:
            shown, caret = _excerpt(place.snippet, place.column - 1)
            lines += [f"    {shown}", f"    {' ' * caret}^"]
        if self.hint:
            lines.append(f"    hint: {printable(self.hint)}")
        return "\n".join(lines)


class RulesError(Exception):
    """A rule set that can't be used, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(sorted(problems, key=lambda p: (p.place.path, p.place.line, p.place.column)))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint with the closest known names, or "" where none is close."""
    close = get_close_matches(word, sorted(set(known)), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else ""


def printable(text: str) -> str:
    """Text with everything that could steer a terminal or reorder a line made visible as �."""
    return "".join(c if c.isprintable() or c == " " else "�" for c in text.expandtabs(1))


def _excerpt(line: str, at: int) -> tuple[str, int]:
    """At most 100 characters of the line around `at`, and where the caret goes."""
    start = max(0, at - 60) if len(line) > 100 else 0
    cut = printable(line[start : start + 100])
    return cut, max(0, min(at - start, len(cut)))
