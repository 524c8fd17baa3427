"""`interceptor rules check` and `interceptor rules schema`: what is wrong in rules files, all of it in one go.

Enters: files and folders; together they are one rule set. Leaves: problems with file, line and column, or one line that
says what was checked; an exit code. Invariant: a file of any content gives problems, never a traceback.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from interceptor.rules import RulesError, RuleSet, default_rules_dir
from interceptor.rules.compile import compile_rules
from interceptor.rules.definitions import Definitions, gather
from interceptor.rules.editor import schema
from interceptor.rules.errors import Problem, in_order, printable
from interceptor.rules.lint import warnings
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_FOUND, EXIT_USAGE, fail, print_json

EXIT_INTERNAL = 70
SHOWN_MAX = 200
_STYLES = {"error": "bold red", "warning": "bold yellow"}


def main(paths: Sequence[Path], *, strict: bool, as_json: bool) -> int:
    """Exit code 0 = clean, 1 = errors (or warnings, if `strict`), 2 = no such path, 70 = a mistake of this program."""
    paths = list(paths) or [default_rules_dir()]
    for path in paths:
        if not os.path.exists(path):  # unlike Path.exists, it takes any name
            return fail(f"{printable(str(path))}: there is no such file or folder", EXIT_USAGE)
    try:
        checked = _Checked(paths, int(datetime.now(UTC).timestamp() * 1000))
    except Exception as error:
        places = printable(", ".join(map(str, paths)))
        what = f"{type(error).__name__}: {printable(str(error))[:200]}"
        hint = "this is a mistake of interceptor itself; please report it with the file"
        return fail(f"{places}: could not be checked: {what}\n    hint: {hint}", EXIT_INTERNAL)
    if as_json:
        print_json(checked.as_json())
    else:
        checked.show()
    return EXIT_FOUND if checked.errors or (strict and checked.warnings) else EXIT_CLEAN


class _Checked:
    """One rule set and what is wrong with it."""

    def __init__(self, paths: Sequence[Path], today_ms: int) -> None:
        self.definitions, problems = gather(paths)
        self.rule_set: RuleSet | None = None
        try:
            rule_set = compile_rules(self.definitions, searching=False)
        except RulesError as error:
            problems += error.problems
        else:
            if not problems:
                self.rule_set = rule_set
                problems += warnings(rule_set, today_ms)
        self.problems = in_order(problems)
        found = Counter(problem.severity for problem in self.problems)
        self.errors, self.warnings = found["error"], found["warning"]

    def show(self) -> None:
        """Problems and a last line, on standard output."""
        console = Console(highlight=False, soft_wrap=True)
        for problem in self.problems[:SHOWN_MAX]:
            console.print(_text(problem))
        more = len(self.problems) - SHOWN_MAX
        if more > 0:
            console.print(f"… and {more:,} more", style="dim")
        found = ((self.errors, "errors"), (self.warnings, "warnings"))
        counts = ", ".join(_counted(count, words) for count, words in found if count)
        told = [counts or "No problems", *([f"rule set {self.rule_set.hash}"] if self.rule_set else [])]
        console.print(Text(f"{': '.join(told)} · {_extent(self.definitions)}"))

    def as_json(self) -> dict[str, Any]:
        return {
            "ruleset": self.rule_set.hash if self.rule_set else None,
            "errors": self.errors,
            "warnings": self.warnings,
            "checked": _counts(self.definitions),
            "problems": [_as_json(problem) for problem in self.problems],
        }


def _counts(definitions: Definitions) -> dict[str, int]:
    return {
        "files": definitions.files,
        "rules": len(definitions.rules),
        "features": len(definitions.features),
        "macros": len(definitions.macros),
        "texts": len(definitions.texts),
        "lists": len(definitions.lists),
        "entries": sum(len(one.items) + sum(map(len, one.sides)) for one in definitions.lists.values()),
    }


def _extent(definitions: Definitions) -> str:
    return ", ".join(_counted(count, name) for name, count in _counts(definitions).items())


def _counted(count: int, words: str) -> str:
    one = "entry" if words == "entries" else words.removesuffix("s")
    return f"{count:,} {one if count == 1 else words}"


def _text(problem: Problem) -> Text:
    """A problem as it is printed: plain in a pipe, with colours on a terminal."""
    style = _STYLES[problem.severity]
    text = Text.assemble((problem.where, "bold"), ": ", (f"{problem.severity}[{problem.code}]", style), ": ")
    text.append(printable(problem.message))
    for line, look in zip(problem.excerpt, ("", style), strict=False):
        text.append("\n").append(line, look)
    if problem.hint:
        text.append("\n    hint: ", "cyan").append(printable(problem.hint))
    return text


def _as_json(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
    }


def print_schema() -> int:
    """Prints the JSON Schema of rules files."""
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
    return EXIT_CLEAN
