"""All files of one rule set, read and merged.

Enters: paths. Leaves: Definitions, with the place of each. Invariant: the order of files and of definitions in them
has no meaning; a name stands for one thing in the whole rule set.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from interceptor.rules.errors import Place, Problem, RulesError, nearest
from interceptor.rules.model import (
    Definition,
    FeatureDef,
    FileDef,
    ItemDef,
    ListDef,
    MacroDef,
    PolicyDef,
    RuleDef,
    TextDef,
)
from interceptor.rules.source import Document, parse

SECTIONS = ("lists", "macros", "texts", "features", "rules", "policies")


@dataclass(slots=True)
class Definitions:
    """Everything that the files of a rule set define, in order of name."""

    lists: dict[str, ListDef] = field(default_factory=dict)
    macros: dict[str, MacroDef] = field(default_factory=dict)
    texts: dict[str, TextDef] = field(default_factory=dict)
    features: dict[str, FeatureDef] = field(default_factory=dict)
    rules: dict[str, RuleDef] = field(default_factory=dict)
    policies: dict[str, PolicyDef] = field(default_factory=dict)
    half_life_ms: int = 86_400_000
    places: dict[tuple[str, str], tuple[Document, tuple[str | int, ...]]] = field(default_factory=dict)

    def place(self, section: str, name: str, *path: str | int) -> Place:
        """Where (a part of) a definition stands."""
        document, start = self.places[section, name]
        return document.place((*start, *path))


def read(folder: Path, extra_lists: Sequence[Path] = ()) -> Definitions:
    """Reads all *.yaml below `folder` (or the one file), then the extra lists. Raises RulesError with all problems."""
    problems: list[Problem] = []
    found: list[tuple[Document, FileDef]] = []
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.yaml"))
    if not paths:
        hint = "give a folder with *.yaml files"
        raise RulesError([Problem(Place(str(folder), 1, 1), "no-rules", "no rules files here", hint)])
    for path in [*paths, *(path for path in extra_lists if path.suffix in (".yaml", ".yml"))]:
        try:
            document = parse(str(path), _bytes(path))
            found.append((document, _validated(document)))
        except RulesError as error:
            problems += error.problems
    definitions = Definitions()
    for document, file in found:
        problems += _merge(definitions, document, file)
    for path in extra_lists:
        if path.suffix not in (".yaml", ".yml"):
            problems += _add_side_file(definitions, path)
    if problems:
        raise RulesError(problems)
    return definitions


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        problem = Problem(Place(str(path), 1, 1), "unreadable", error.strerror or str(error), "check path and rights")
        raise RulesError([problem]) from None


def _validated(document: Document) -> FileDef:
    try:
        return FileDef.model_validate(document.data)
    except ValidationError as error:
        raise RulesError([_problem(document, details) for details in error.errors()]) from None


def _problem(document: Document, details: ErrorDetails) -> Problem:
    path = details["loc"]
    message, hint = details["msg"].removeprefix("Value error, "), ""
    code = details["type"].replace("_", "-")
    if details["type"] == "missing":
        message, path = f"`{path[-1]}` is missing", path[:-1]
    elif details["type"] == "extra_forbidden":
        message, hint = f"there is no key `{path[-1]}` here", nearest(str(path[-1]), _keys_at(path))
        path = (*path, "key")
        code = "unknown-key"
    elif details["type"] == "value_error":
        code = "bad-value"
    return Problem(document.place(path), code, message, hint)


_SECTION_MODELS: dict[str, type[Definition]] = {
    "lists": ListDef,
    "macros": MacroDef,
    "texts": TextDef,
    "features": FeatureDef,
    "rules": RuleDef,
    "policies": PolicyDef,
}


def _keys_at(path: tuple[str | int, ...]) -> list[str]:
    if len(path) == 1:
        return ["schema", *SECTIONS, "half_life"]
    model = _SECTION_MODELS.get(str(path[0])) if len(path) == 3 else ItemDef
    return list(model.model_fields) if model else []


def _merge(definitions: Definitions, document: Document, file: FileDef) -> Iterator[Problem]:
    if file.half_life is not None:
        definitions.half_life_ms = file.half_life
    for section in SECTIONS:
        known = getattr(definitions, section)
        for index, definition in enumerate(getattr(file, section)):
            name = getattr(definition, "policy" if section == "policies" else section.removesuffix("s"))
            if name in known and section == "lists":
                known[name] = _joined_list(known[name], definition)
                continue
            if name in known:
                first = definitions.place(section, name)
                message = f"{name} is defined twice, first at {first.path}:{first.line}"
                yield Problem(document.place((section, index)), "defined-twice", message, "rename one of the two")
                continue
            known[name] = definition
            definitions.places[section, name] = (document, (section, index))


def _joined_list(first: ListDef, more: ListDef) -> ListDef:
    """One list may get its items from several files: hand-made ones beside exported ones."""
    return first.model_copy(update={"items": [*first.items, *more.items]})


def _add_side_file(definitions: Definitions, path: Path) -> Iterator[Problem]:
    """`NAME.csv` or `NAME.txt`: value[,expires[,source[,reason]]] a line, added to the list NAME."""
    known = definitions.lists.get(path.stem)
    if known is None:
        message = f"a side file fills the list of its own name, and there is no list {path.stem}"
        yield Problem(Place(str(path), 1, 1), "unknown-list", message, nearest(path.stem, definitions.lists))
        return
    items = list(known.items)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for number, row in enumerate(csv.reader(lines), 1):
                if not row or row[0].startswith("#"):
                    continue
                keys = ("value", "expires", "source", "reason")
                data = {key: cell.strip() for key, cell in zip(keys, row, strict=False) if cell.strip()}
                try:
                    items.append(ItemDef.model_validate(data))
                except ValidationError as error:
                    message = error.errors()[0]["msg"].removeprefix("Value error, ")
                    yield Problem(Place(str(path), number, 1, ",".join(row)), "bad-value", message)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        yield Problem(Place(str(path), 1, 1), "unreadable", str(error), "a text file in UTF-8, one value a line")
    definitions.lists[path.stem] = known.model_copy(update={"items": items})
