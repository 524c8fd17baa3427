"""Broken rules files, each with what `interceptor rules check` says about it.

Enters: files/broken/NAME.yaml, beside it NAME.txt. Leaves: differences. Invariant: a message names the line that its
author must edit. After a change of words: `python -m tests.test_broken_files` writes all NAME.txt anew; read the
difference before you keep it.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from interceptor.rules import RulesError, default_rules_dir
from interceptor.rules.codes import ERRORS
from interceptor.rules.compile import compile_rules
from interceptor.rules.definitions import gather
from interceptor.rules.errors import Problem, in_order

BROKEN = Path(__file__).parent / "files" / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))
# Limits, and what isn't a file: tests/test_check.py
ELSEWHERE = {"no-rules", "file-too-large", "too-many-files", "too-many-definitions"}
MUTATIONS = 250


def problems_of(path: Path) -> tuple[Problem, ...]:
    definitions, problems = gather([path])
    try:
        compile_rules(definitions, searching=False)
    except RulesError as error:
        problems += error.problems
    return in_order(problems)


def said_about(name: str) -> str:
    return "".join(f"{problem}\n" for problem in problems_of(Path(f"{name}.yaml")))


@pytest.mark.parametrize("name", NAMES)
def test_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)
    assert said_about(name) == Path(f"{name}.txt").read_text("utf-8")


def test_every_error_has_a_broken_file() -> None:
    assert len(NAMES) >= 80
    said = {problem.code for name in NAMES for problem in problems_of(BROKEN / f"{name}.yaml")}
    assert said == set(ERRORS) - ELSEWHERE


def test_the_rest_of_a_broken_file_is_read(tmp_path: Path) -> None:
    """What stands before and beside an error is checked; what may only follow from it isn't told."""
    (tmp_path / "a.yaml").write_text(
        "schema: 1\nmacros:\n  - {macro: first, condition: tenur > 3d}\n  - {macro: second, condition: known\n", "utf-8"
    )
    (tmp_path / "b.yaml").write_text(
        "schema: 1\nrules:\n  - {rule: one, title: One, on: call, condition: second and knwon, actions: [lable]}\n"
        "  - {rule: two, title: Two, on: call, condition: second, actions: [label]}\n"
        "  - {rule: three, title: Three, on: call, condition: thrid, actions: [label]}\n",
        "utf-8",
    )
    told = [(Path(problem.path).name, problem.line, problem.code) for problem in problems_of(tmp_path)]
    assert told == [
        ("a.yaml", 3, "unknown-name"),
        ("a.yaml", 4, "yaml-bracket"),
        ("b.yaml", 3, "bad-value"),
        ("b.yaml", 5, "unknown-name"),
    ]


def mutated(lines: list[str], draw: random.Random) -> tuple[list[str], int]:
    """The lines with one line changed, and which (from 0)."""
    at = draw.randrange(len(lines))
    line = lines[at]
    column = draw.randrange(len(line) + 1)
    sign = draw.choice("\"'[]{}:,-#&*!|>%@ \tx0=()")
    changed = draw.choice(
        (
            [line[:column] + line[column + 1 :]],
            [line[:column] + sign + line[column:]],
            [line[:column] + sign + line[column + 1 :]],
            ["  " + line],
            [line.removeprefix(" ")],
            [line, line],
            [],
        )
    )
    return [*lines[:at], *changed, *lines[at + 1 :]], at


def test_no_mutation_of_the_shipped_files_is_too_much(tmp_path: Path) -> None:
    """Whatever one line is changed into, problems are told, and nearly always of that line."""
    draw, near = random.Random(41), Counter[bool]()
    sources = [path.read_text("utf-8").split("\n") for path in sorted(default_rules_dir().rglob("*.yaml"))]
    sources = [lines[:120] for lines in sources]
    alone = []
    for number, lines in enumerate(sources):
        path = tmp_path / f"{number}.yaml"
        path.write_text("\n".join(lines), "utf-8")
        alone.append({(problem.code, problem.message) for problem in problems_of(path)})
    for _ in range(MUTATIONS):
        number = draw.randrange(len(sources))
        lines, at = mutated(sources[number], draw)
        path = tmp_path / f"{number}.yaml"
        path.write_text("\n".join(lines), "utf-8")
        new = [problem for problem in problems_of(path) if (problem.code, problem.message) not in alone[number]]
        if new:
            near[any(abs(problem.line - 1 - at) <= 1 for problem in new)] += 1
    assert sum(near.values()) >= MUTATIONS / 4
    assert near[True] >= 0.9 * sum(near.values())


if __name__ == "__main__":
    import os

    os.chdir(BROKEN)
    for each in NAMES:
        Path(f"{each}.txt").write_text(said_about(each), "utf-8")
