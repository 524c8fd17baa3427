"""The house rules that a program can check: sizes, the direction of imports, what an engine may touch, words.

Enters: the project's files. Leaves: a list of places, one a line. Invariant: every check names file and line.

To change a rule, edit the tables below; the checks further down read nothing else.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = {"interceptor": 350, "simulator": 350, "benchmarks": 350, "tests": 600}

# The cluster: it runs the engine's parts, and knows brokers, clocks and processes.
TRANSPORT = "interceptor.transport"

# What happens after a decision: it keeps a book, and knows neither clock nor chance.
CENTRE = "interceptor.centre"

# The outermost layer: talks to people and files, knows the clock, and brings engine and simulator together.
COMMAND_MODULES = {
    "interceptor.__main__",
    "interceptor.bulletin",
    "interceptor.cli",
    "interceptor.commands",  # with all modules in it
    "interceptor.display",
    "interceptor.machine",  # with all modules in it
    "interceptor.recording",
    "interceptor.rules_cli",
    "interceptor.run",
    "interceptor.tuning",  # with all modules in it
    "interceptor.watching",
}

# Imports go down only: whoever is on the left must not import what is on the right.
FORBIDDEN_IMPORTS = {
    "command": ("tests", "benchmarks"),
    "transport": ("simulator", CENTRE, "tests", "benchmarks", *COMMAND_MODULES),
    "engine": ("simulator", "interceptor.transport", CENTRE, "tests", "benchmarks", *COMMAND_MODULES),
    "centre": (
        "simulator",
        "interceptor.transport",
        "tests",
        "benchmarks",
        *(COMMAND_MODULES - {"interceptor.recording"}),
    ),
    "simulator": ("interceptor.transport", CENTRE, "tests", "benchmarks", *COMMAND_MODULES),
}

# Time and chance are handed to the engine, and it does no input or output but for reading rule files (pathlib).
ENGINE_FORBIDDEN_IMPORTS = ("time", "random", "secrets", "uuid", "os", "socket", "subprocess")
ENGINE_FORBIDDEN_CALLS = (
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "np.random",
    "print",
    "input",
)
# A seed is the simulator's only source of chance, the event its only clock. The run's seconds are measured outside.
SIMULATOR_FORBIDDEN_IMPORTS = ("random", "secrets", "uuid", "socket")
SIMULATOR_FORBIDDEN_CALLS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time")

BUILT_FOLDERS = {"__pycache__", "build", "dist"}
TEXT_SUFFIXES = {
    "",
    ".cfg",
    ".csv",
    ".in",
    ".ini",
    ".json",
    ".lock",
    ".md",
    ".py",
    ".sh",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}
# Written in pieces, so that this file passes its own check.
BANNED_WORDS = {
    "a path of one machine": re.compile(r"(?<![\w.*~-])/(?:home|root|Users|work|tmp)" + r"/"),
    "the host of a package registry": re.compile(
        r"pypi\." + r"org|files\.python" + r"hosted\.org|registry\.npm" + r"js"
    ),
    "work left for later": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b"),
}


def test_functions_are_short() -> None:
    offences = [
        f"{_where(path, node)}: {node.name} has {_lines(node)} lines, at most {FUNCTION_LINES_MAX}"
        for path, tree in _modules(*FILE_LINES_MAX)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > FUNCTION_LINES_MAX
    ]
    assert not offences, _told(offences)


def test_files_are_short() -> None:
    offences = []
    for folder, lines_max in FILE_LINES_MAX.items():
        for path, _ in _modules(folder):
            lines = len(path.read_text("utf-8").splitlines())
            if lines > lines_max:
                offences.append(f"{path.relative_to(ROOT)}: {lines} lines, at most {lines_max}")
    assert not offences, _told(offences)


def test_every_module_says_what_it_is() -> None:
    offences = [
        f"{path.relative_to(ROOT)}: no docstring"
        for path, tree in _modules(*FILE_LINES_MAX)
        if tree.body and not ast.get_docstring(tree)
    ]
    assert not offences, _told(offences)


def test_imports_go_down_only() -> None:
    offences = []
    for path, tree in _modules("interceptor", "simulator"):
        layer = _layer(path)
        for node, name in _imports(path, tree):
            if _within(name, FORBIDDEN_IMPORTS[layer]):
                offences.append(f"{_where(path, node)}: {layer} module imports {name}")
    assert not offences, _told(offences)


def test_engine_and_simulator_take_time_and_chance_from_outside() -> None:
    tables = {
        "engine": (ENGINE_FORBIDDEN_IMPORTS, ENGINE_FORBIDDEN_CALLS),
        "simulator": (SIMULATOR_FORBIDDEN_IMPORTS, SIMULATOR_FORBIDDEN_CALLS),
        "centre": (SIMULATOR_FORBIDDEN_IMPORTS, SIMULATOR_FORBIDDEN_CALLS),
        "command": ((), ()),
        "transport": ((), ()),
    }
    offences = []
    for path, tree in _modules("interceptor", "simulator"):
        imports, calls = tables[_layer(path)]
        named: list[tuple[ast.AST, str]] = [pair for pair in _imports(path, tree) if _within(pair[1], imports)]
        named += [pair for pair in _calls(tree) if _within(pair[1], calls) or _ends(pair[1], calls)]
        offences += [f"{_where(path, node)}: {name}" for node, name in named]
    assert not offences, _told(offences)


def test_banned_words() -> None:
    offences = []
    for path in _text_files():
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
            offences += [
                f"{path.relative_to(ROOT)}:{number}: {what}: {line.strip()[:80]}"
                for what, pattern in BANNED_WORDS.items()
                if pattern.search(line)
            ]
    assert not offences, _told(offences)


def test_the_checks_see_the_project() -> None:
    """A check that looks at nothing passes too: these are the places that must be among what is looked at."""
    seen = {_module_name(path) for path, _ in _modules("interceptor", "simulator")}
    assert {"interceptor.schema", "interceptor.batch", "simulator.events"} <= seen
    names = {path.relative_to(ROOT).as_posix() for path in _text_files()}
    assert {"Makefile", "pyproject.toml", "requirements.lock", ".ci/run", "tests/test_tidy.py"} <= names


def _modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"), str(path))


def _text_files() -> Iterator[Path]:
    """The project's own files: no hidden folder but .ci, nothing that was built."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name == ".ci" or not (name[0] == "." or name in BUILT_FOLDERS))
        for path in (Path(folder, name) for name in sorted(names) if name != ".git"):
            if path.suffix in TEXT_SUFFIXES:
                yield path


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _layer(path: Path) -> str:
    name = _module_name(path)
    if _within(name, (TRANSPORT,)):
        return "transport"
    if _within(name, (CENTRE,)):
        return "centre"
    if _within(name, tuple(COMMAND_MODULES)):
        return "command"
    return "engine" if name.startswith("interceptor") else "simulator"


def _imports(path: Path, tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every imported module or name in full, also inside functions: `from a import b` gives a.b."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node, f"{prefix}.{alias.name}") for alias in node.names)


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node, ast.unparse(node.func)


def _within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def _ends(name: str, endings: tuple[str, ...]) -> bool:
    """`datetime.datetime.now` is `datetime.now` as well."""
    return any(name.endswith("." + ending) for ending in endings if "." in ending)


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def _told(offences: list[str]) -> str:
    return "\n" + "\n".join(offences)
