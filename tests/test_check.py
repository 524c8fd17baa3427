"""`interceptor rules check` and `schema`: exit codes, what is printed, limits, and what editors are told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from interceptor.cli import app
from interceptor.rules import default_rules_dir
from interceptor.rules.codes import ERRORS, WARNINGS, table
from interceptor.rules.compile import compile_rules
from interceptor.rules.definitions import gather
from interceptor.rules.editor import schema
from interceptor.rules.errors import RulesError
from interceptor.rules.source import read_document
from interceptor.rules.words import weight
from interceptor.tuning import check

CLEAN = "schema: 1\nlists:\n  - {list: bait, items: ['88299']}\nrules:\n"
RULE = "  - {rule: one, title: One, on: call, condition: caller in bait, actions: [label]%s}\n"
TEST = ", tests: [{name: misses, events: [{on: call}], expect: {hits: 0}}]"
ROOT = Path(__file__).parent.parent


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["rules", "check", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")


def told(*paths: Path) -> list[str]:
    """Codes of all errors."""
    definitions, problems = gather(paths)
    try:
        compile_rules(definitions, searching=False)
    except RulesError as error:
        problems += error.problems
    return [problem.code for problem in problems]


def test_a_clean_rule_set_is_one_line(tmp_path: Path) -> None:
    write(tmp_path, a=CLEAN + RULE % TEST)
    code, text = run(tmp_path)
    assert code == 0
    assert re.fullmatch(
        r"No problems: rule set [0-9a-f]{12} · 1 file, 1 rule, 0 features, 0 macros, 0 texts, 1 list, 1 entry\n", text
    )


def test_several_paths_are_one_rule_set(tmp_path: Path) -> None:
    write(tmp_path, lists=CLEAN.removesuffix("rules:\n"), rules="schema: 1\nrules:\n" + RULE % TEST)
    assert run(tmp_path / "lists.yaml", tmp_path / "rules.yaml")[0] == 0
    assert run(tmp_path, tmp_path / "rules.yaml")[0] == 0  # the same file twice
    code, text = run(tmp_path / "rules.yaml")
    assert code == 1
    assert f"{tmp_path}/rules.yaml:3:60: error[unknown-list]: there is no list bait" in text
    assert text.endswith("1 error · 1 file, 1 rule, 0 features, 0 macros, 0 texts, 0 lists, 0 entries\n")


def test_warnings_count_if_strict(tmp_path: Path) -> None:
    write(tmp_path, a=CLEAN + RULE % "")
    code, text = run(tmp_path)
    assert (code, text.splitlines()[-1][:27]) == (0, "1 warning: rule set " + text.splitlines()[-1][20:27])
    assert "a.yaml:5:5: warning[untested-rule]" in text
    assert run("--strict", tmp_path)[0] == 1


def test_json(tmp_path: Path) -> None:
    write(tmp_path, a=CLEAN + (RULE % "").replace("bait", "bat"))
    code, text = run("--json", tmp_path)
    found = json.loads(text)
    assert code == 1
    assert (found["ruleset"], found["errors"], found["warnings"]) == (None, 1, 0)
    assert found["checked"]["rules"] == 1
    assert found["problems"] == [
        {
            "path": str(tmp_path / "a.yaml"),
            "line": 5,
            "column": 60,
            "code": "unknown-list",
            "severity": "error",
            "message": "there is no list bat",
            "hint": "did you mean bait?",
        }
    ]


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    code, text = run(tmp_path / "nothing.yaml")
    assert code == 2
    assert "there is no such file or folder" in text


def test_the_shipped_rules_are_the_default() -> None:
    code, text = run()
    assert code == 0, text


def test_a_mistake_of_the_program_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("no \x1b[31mway")

    monkeypatch.setattr(check, "gather", fails)
    write(tmp_path, a=CLEAN)
    code, text = run(tmp_path)
    assert code == 70
    assert str(tmp_path) in text
    assert "\x1b" not in text


def test_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    write(tmp_path, a='schema: 1\n"a\\e[31mb[bold]": 1\n')
    text = run(tmp_path)[1]
    assert "\x1b" not in text
    assert "a�[31mb[bold]" in text


def test_two_files_that_contradict_each_other(tmp_path: Path) -> None:
    write(tmp_path, a="schema: 1\nhalf_life: 12h\n" + CLEAN.removeprefix("schema: 1\n") + RULE % TEST)
    write(tmp_path, b="schema: 1\nhalf_life: 24h\nrules:\n" + RULE % TEST)
    text = run(tmp_path)[1]
    assert "b.yaml:2:12: error[defined-twice]: half_life is another one than at " in text
    assert "b.yaml:4:6: error[defined-twice]: one is defined twice, first at " in text


def test_entries_of_one_list_from_two_files_keep_their_lines(tmp_path: Path) -> None:
    write(
        tmp_path, a=CLEAN + RULE % TEST, b="schema: 1\nlists:\n  - list: bait\n    items:\n      - '12'\n      - 'x'\n"
    )
    assert "b.yaml:6:9: error[bad-value]" in run(tmp_path)[1]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("schema: 1\nlists:\n  - {list: a, items: [\n" + "1,\n" * 60_000 + "]}\n", "file-too-large"),
        ("schema: 1\n# " + "x\n# " * 700_000, "file-too-large"),
        ("schema: 1\nlists: " + "[" * 5_000, "too-deep"),
        ("schema: 1\nlists: " + "{a: " * 2_000, "too-deep"),
        ("schema: 1\nrules:\n" + "- {rule: a, title: A}\n" * 5_001, "missing-key"),
        (
            "schema: 1\nmacros:\n" + "".join(f"- {{macro: m{n}, condition: known}}\n" for n in range(5_001)),
            "too-many-definitions",
        ),
        ("schema: 1\nmacros:\n  - {macro: a, condition: '" + "(" * 300 + "known" + ")" * 300 + "'}\n", "too-complex"),
        ("schema: 1\nmacros:\n  - {macro: a, condition: " + "not " * 900 + "known}\n", "too-complex"),
        ("schema: 1\nmacros:\n  - {macro: a, condition: known == " + "9" * 3_900 + "}\n", "huge-number"),
        (
            "schema: 1\ntexts:\n" + "".join(f"  - {{text: t{n}, regex: ['a{n}.{{0,100}}b']}}\n" for n in range(60)),
            "bad-pattern",
        ),
    ],
    ids=["values", "bytes", "lists", "mappings", "errors", "macros", "brackets", "nots", "digits", "expressions"],
)
def test_limits(tmp_path: Path, text: str, code: str) -> None:
    write(tmp_path, a=text)
    assert code in told(tmp_path)


def test_macros_that_double_at_every_step_are_refused(tmp_path: Path) -> None:
    macros = "".join(f"  - {{macro: m{n}, condition: m{n - 1} and m{n - 1}}}\n" for n in range(1, 60))
    write(tmp_path, a="schema: 1\nmacros:\n  - {macro: m0, condition: known}\n" + macros)
    codes = told(tmp_path)
    assert set(codes) == {"too-complex"}
    assert len(codes) < 60 - 5  # the first ones are short


def test_folders_without_rules_and_with_too_many(tmp_path: Path) -> None:
    assert told(tmp_path) == ["no-rules"]
    for number in range(1_001):
        (tmp_path / f"{number}.yaml").write_text("schema: 1\n", "utf-8")
    assert told(tmp_path) == ["too-many-files"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("a.{0,6}b", 6), ("(a{2,3}b){4}", 12), ("[{9}]x{5,}", 5), (r"a\{3,9}", 0), ("(?:ab|c{2}){3}d{4}", 10)],
)
def test_weight_of_expressions(expression: str, expected: int) -> None:
    assert weight(expression) == expected


def test_the_schema_knows_the_shipped_files() -> None:
    Draft7Validator.check_schema(schema())
    validator = Draft7Validator(schema())
    for path in default_rules_dir().rglob("*.yaml"):
        raw = path.read_bytes()
        errors = [error.message for error in validator.iter_errors(read_document(str(path), raw).data)]
        assert errors == [], path
        modeline = raw.decode().split("\n")[0]
        assert modeline.startswith("# yaml-language-server: $schema="), path
        assert (path.parent / modeline.partition("=")[2]).resolve() == (default_rules_dir() / "schema.json").resolve()


def test_the_shipped_schema_is_the_one_of_the_models() -> None:
    """Otherwise: interceptor rules schema > rules/schema.json"""
    result = CliRunner().invoke(app, ["rules", "schema"])
    assert (default_rules_dir() / "schema.json").read_text("utf-8") == result.output


def test_the_schema_refuses_most_that_is_broken() -> None:
    validator = Draft7Validator(schema())
    refused = 0
    paths = sorted((Path(__file__).parent / "files" / "broken").glob("*.yaml"))
    for path in paths:
        document = read_document(str(path), path.read_bytes())
        refused += bool(document.problems) or not validator.is_valid(document.data)
    assert refused >= 0.55 * len(paths)


def test_the_readme_lists_all_codes() -> None:
    """Otherwise: python -c "from interceptor.rules.codes import table; print(table())" """
    assert table() in (ROOT / "rules" / "README.md").read_text("utf-8")
    assert not set(ERRORS) & set(WARNINGS)
