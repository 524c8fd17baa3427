"""What a YAML parser's complaint means, and the line where its author must edit.

Enters: the file's lines, the parser's error, what it read last. Leaves: a Complaint. Invariant: an unclosed quote or
bracket is reported where it opens, a wrong indentation at the line that is out of step with its neighbours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from yaml import MarkedYAMLError, ScalarEvent

_STRUCTURE = ("mapping values are not allowed", "did not find expected key", "did not find expected '-'")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_VALUE = re.compile(r"\s*(?:- +)*(?:[^\s:#][^:#]*: +)?[\[{]")
_KEY = re.compile(r"""(- +)*("[^"]*"|'[^']*'|[^\s"'{\[#][^#]*?):(\s|$)""")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A syntax error. `line` and `column` from 0."""

    line: int
    column: int
    code: str
    message: str
    hint: str


def complaint(lines: Sequence[str], error: MarkedYAMLError, last: Any, flows: Sequence[Any]) -> Complaint:
    """What is wrong and where; `last` is the event before the error, `flows` the brackets that are open then."""
    mark = error.problem_mark or error.context_mark
    line, column = (min(mark.line, len(lines) - 1), mark.column) if mark else (0, 0)
    problem = str(error.problem or error.context or "")
    return (
        _tab(lines, line)
        or _unclosed_quote(error, last, line)
        or _unclosed_bracket(lines, last, flows, line)
        or _missing_colon(lines, error, last, line)
        or _indented_file(lines, problem)
        or _indentation(lines, problem, line, column)
        or _two_colons(problem, line, column)
        or Complaint(line, column, "yaml", _plainly(problem), _advice(problem))
    )


def _tab(lines: Sequence[str], line: int) -> Complaint | None:
    indentation = lines[line][: len(lines[line]) - len(lines[line].lstrip())]
    if "\t" not in indentation:
        return None
    return Complaint(line, indentation.index("\t"), "yaml-tab", "a tab in the indentation", "indent with spaces")


def _unclosed_quote(error: MarkedYAMLError, last: Any, line: int) -> Complaint | None:
    start: Any = None
    context: Any = error.context_mark
    if "quoted scalar" in str(error.context) and context and context.line < line:
        start = context
    elif isinstance(last, ScalarEvent) and last.style in ("'", '"'):
        mark, end = cast(Any, last.start_mark), cast(Any, last.end_mark)
        start = mark if mark.line < end.line == line else None
    if start is None:
        return None
    hint = 'close it; inside "…" a quote is written \\", inside \'…\' it is written twice'
    return Complaint(start.line, start.column, "yaml-quote", "the quote that opens here is not closed", hint)


def _unclosed_bracket(lines: Sequence[str], last: Any, flows: Sequence[Any], line: int) -> Complaint | None:
    """A bracket is taken for unclosed where a line below it is not indented deeper, or the file ends."""
    opened = [(flow.start_mark.line, flow.start_mark.column) for flow in flows]
    if not opened and last is not None:
        opened = _opened(lines, last.end_mark.line, line)
    for start, column in opened:
        outside = _indent(lines[start])
        below = [number for number in range(start + 1, line + 1) if lines[number].strip(" \t]}")]
        dashed = start < line and lines[line].lstrip().startswith("- ")  # no dash begins an entry inside brackets
        if dashed or any(_indent(lines[number]) <= outside for number in below) or not any(lines[line:]):
            bracket = lines[start][column]
            words = f"the bracket {bracket} that opens here is not closed"
            return Complaint(start, column, "yaml-bracket", words, f"close it with {'}' if bracket == '{' else ']'}")
    return None


def _opened(lines: Sequence[str], start: int, stop: int) -> list[tuple[int, int]]:
    """Brackets that open as values in these lines and don't close in their line: the parser didn't get to them."""
    found = []
    for number in range(start, stop):
        line = _QUOTED.sub(lambda text: "x" * len(text[0]), lines[number].split(" #")[0])
        value = _VALUE.match(line)
        if value and line.count("[") + line.count("{") > line.count("]") + line.count("}"):
            found.append((number, value.end() - 1))
    return found


def _missing_colon(lines: Sequence[str], error: MarkedYAMLError, last: Any, line: int) -> Complaint | None:
    mark: Any = None
    if "could not find expected ':'" in str(error.problem) and error.context_mark:
        mark = error.context_mark
    elif isinstance(last, ScalarEvent) and not last.style:
        start = cast(Any, last.start_mark)
        mark = start if start.line < line and not _KEY.match(lines[start.line].strip()) else None
    if mark is None:
        return None
    hint = "a key is followed by a colon and a space; text that goes on is indented deeper than its key"
    return Complaint(mark.line, mark.column, "yaml-colon", "a key without colon", hint)


def _indented_file(lines: Sequence[str], problem: str) -> Complaint | None:
    """The first key is indented, and the others aren't."""
    first = next((number for number, text in enumerate(lines) if text.strip() and not text.startswith("#")), 0)
    if "<document start>" not in problem or not _indent(lines[first]):
        return None
    return Complaint(first, _indent(lines[first]), "yaml-indent", "wrong indentation", "begin at the left margin")


def _indentation(lines: Sequence[str], problem: str, line: int, column: int) -> Complaint | None:
    """One of two neighbours is out of step: the one that doesn't go with the other lines."""
    said = lines[line].strip()
    if not problem.startswith(_STRUCTURE) or not (_KEY.match(said) or said.startswith("-")):
        return None
    if column > _indent(lines[line]) and not problem.startswith(_STRUCTURE[0]):
        return None  # the line began well
    above = _line_above(lines, line)
    if _depth(lines[above]) == _depth(lines[line]) and problem.startswith(_STRUCTURE[0]):
        return None
    glued = next((number for number in (line, above) if re.match(r"\s*-[a-z_]+:", lines[number])), None)
    if glued is not None:
        hint = "a dash, a space, then the key: - rule: name"
        return Complaint(glued, _indent(lines[glued]), "yaml-indent", "no space behind the dash", hint)
    culprit = _item_out_of_step(lines, line) if said.startswith("- ") else _key_out_of_step(lines, above, line)
    hint = "keys of one mapping begin in one column, and so do the dashes of one list"
    return Complaint(culprit, _indent(lines[culprit]), "yaml-indent", "wrong indentation", hint)


def _key_out_of_step(lines: Sequence[str], above: int, line: int) -> int:
    before = _line_above(lines, above)
    if lines[above].strip().startswith("- -"):
        return above
    return above if before < above and _depth(lines[above]) < _depth(lines[line]) == _depth(lines[before]) else line


def _item_out_of_step(lines: Sequence[str], line: int) -> int:
    """Of this item and the last one above, the one that is indented as few others in the file are."""
    common = Counter(_indent(text) for text in lines if text.lstrip().startswith("- "))
    items = (number for number in range(line - 1, -1, -1) if lines[number].lstrip().startswith("- "))
    above = next(items, line)
    there, here = _indent(lines[above]), _indent(lines[line])
    return above if abs(there - here) <= 2 and common[there] < common[here] else line


def _two_colons(problem: str, line: int, column: int) -> Complaint | None:
    if not problem.startswith(_STRUCTURE[0]):
        return None
    return Complaint(line, column, "yaml", "a second colon in one line", "put text that holds a colon into quotes")


def _line_above(lines: Sequence[str], line: int) -> int:
    """The nearest line above that says something, or the same line where there is none."""
    for number in range(line - 1, -1, -1):
        if lines[number].strip() and not lines[number].lstrip().startswith("#"):
            return number
    return line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _depth(line: str) -> int:
    """The column of a line's first key: behind its dashes."""
    return len(line) - len(line.lstrip(" -")) if line.lstrip().startswith("- ") else _indent(line)


def _plainly(problem: str) -> str:
    if "cannot start any token" in problem:
        return "text can't begin with this character"
    if "unknown escape" in problem:
        return 'this is no escape that "…" knows'
    if "did not find expected ',' or" in problem:
        return f"a comma or {problem[-2]} is missing before this"
    if "block sequence entries are not allowed" in problem:
        return "a list can't begin in this line"
    return problem.replace("did not find expected key", "this is no key, and the value before it has ended")


def _advice(problem: str) -> str:
    if "unknown escape" in problem:
        return "write '…' instead, where a backslash is only a backslash"
    if "cannot start any token" in problem or "did not find expected" in problem:
        return "put text into quotes where it begins or ends with a sign"
    return "check indentation, quotes and colons"
