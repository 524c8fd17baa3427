"""All files of one rule set, read and merged.

Enters: paths. Leaves: Definitions, with the place of each. Invariant: the order of files and of definitions in them
has no meaning; a name stands for one thing in the whole rule set; what is wrong in one place hides nothing elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from interceptor.rules.errors import PROBLEMS_MAX, Place, Problem, RulesError
from interceptor.rules.forms import Definition
from interceptor.rules.misfits import misfits
from interceptor.rules.model import (
    FeatureDef,
    FileDef,
    ListDef,
    MacroDef,
    PolicyDef,
    RuleDef,
    TextDef,
)
from interceptor.rules.side_files import add_extra, add_named
from interceptor.rules.source import FILE_BYTES_MAX, VALUES_MAX, Document, read_document

SECTIONS = ("lists", "macros", "texts", "features", "rules", "policies")
FILES_MAX = 1_000
BYTES_MAX = 8_000_000
VALUES_IN_ALL_MAX = 100_000
DEFINITIONS_MAX = 5_000  # of one section
ANYTHING = "*"  # in `unread`: it isn't known what could not be read

_MODELS: dict[str, type[Definition]] = {
    "lists": ListDef,
    "macros": MacroDef,
    "texts": TextDef,
    "features": FeatureDef,
    "rules": RuleDef,
    "policies": PolicyDef,
}
_TOP_KEYS = ("schema", *SECTIONS, "half_life")
_DEFINED = re.compile(
    r"""(?:-\s*\{?\s*["']?\w+|\b(?:list|macro|text|feature|rule))["']?\s*:?\s*["']?([a-z][a-z0-9_-]*)"""
)


@dataclass(slots=True)
class Definitions:
    """Everything that the files of a rule set define, in order of name.

    `unread` holds names that stand in definitions which could not be read: nobody should be told that they are unknown.
    """

    lists: dict[str, ListDef] = field(default_factory=dict)
    macros: dict[str, MacroDef] = field(default_factory=dict)
    texts: dict[str, TextDef] = field(default_factory=dict)
    features: dict[str, FeatureDef] = field(default_factory=dict)
    rules: dict[str, RuleDef] = field(default_factory=dict)
    policies: dict[str, PolicyDef] = field(default_factory=dict)
    half_life_ms: int = 86_400_000
    files: int = 0
    places: dict[tuple[str, str], tuple[Document, tuple[str | int, ...]]] = field(default_factory=dict)
    parts: dict[str, list[tuple[int, Document, tuple[str | int, ...]]]] = field(default_factory=dict)
    side_files: list[tuple[ListDef, Place]] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def place(self, section: str, name: str, *path: str | int) -> Place:
        """Where (a part of) a definition stands."""
        document, start = self.places[section, name]
        if section == "lists" and len(path) > 1 and isinstance(path[1], int):
            for first, other, at in self.parts.get(name, ()):
                if first <= path[1]:
                    return other.place((*at, "items", path[1] - first, *path[2:]))
        return document.place((*start, *path))


def read(folder: Path, extra_lists: Sequence[Path] = ()) -> Definitions:
    """Reads all *.yaml below `folder` (or the one file), then the extra lists. Raises RulesError with all problems."""
    definitions, problems = gather([folder], extra_lists)
    if problems:
        raise RulesError(problems)
    return definitions


def gather(paths: Sequence[Path], extra_lists: Sequence[Path] = ()) -> tuple[Definitions, list[Problem]]:
    """All that can be read of a rule set, and what can't."""
    definitions, problems = Definitions(), list[Problem]()
    files = list(_files(paths, problems))
    files += [path for path in extra_lists if path.suffix in (".yaml", ".yml")]
    values, size = VALUES_IN_ALL_MAX, BYTES_MAX
    for path in files:
        raw = _bytes(path, definitions, problems)
        if raw is None:
            continue
        size -= len(raw)
        if size < 0:
            problems.append(_whole(path, "file-too-large", f"a rule set of more than {BYTES_MAX:,} bytes"))
            definitions.unread.add(ANYTHING)
            break
        document = read_document(str(path), raw, _TOP_KEYS, min(values, VALUES_MAX))
        values = max(0, values - document.values)
        before = len(problems)
        problems += document.problems
        problems += islice(_merge(definitions, document), PROBLEMS_MAX)
        if len(problems) > before:
            names = _DEFINED.findall(raw[:FILE_BYTES_MAX].decode("utf-8", "replace"))
            definitions.unread.update(names, (name.replace("-", "_") for name in names))
    for named, place in definitions.side_files:
        problems += add_named(definitions.lists, named, place)
    for path in extra_lists:
        if path.suffix not in (".yaml", ".yml"):
            problems += add_extra(definitions.lists, path)
    return definitions, problems


def _whole(path: Path, code: str, message: str, hint: str = "") -> Problem:
    return Problem(Place(str(path), 1, 1), code, message, hint)


def _files(paths: Sequence[Path], problems: list[Problem]) -> Iterator[Path]:
    """The files below the paths, each once."""
    seen: set[Path] = set()
    for path in paths:
        found = sorted(islice(_below(path), FILES_MAX + 1)) if path.is_dir() else [path]
        if not found:
            problems.append(_whole(path, "no-rules", "no rules files here", "give a folder with *.yaml files"))
        for one in found:
            if one.resolve() in seen:
                continue
            seen.add(one.resolve())
            if len(seen) > FILES_MAX:
                problems.append(_whole(path, "too-many-files", f"more than {FILES_MAX:,} rules files"))
                return
            yield one


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.yaml") if not path.is_dir())


def _bytes(path: Path, definitions: Definitions, problems: list[Problem]) -> bytes | None:
    why = "no such file" if not path.exists() else "not a file" if not path.is_file() else ""
    if not why:
        try:
            with path.open("rb") as file:
                definitions.files += 1
                return file.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            why = error.strerror or str(error)
    problems.append(_whole(path, "unreadable", why, "check path and rights"))
    definitions.unread.add(ANYTHING)
    return None


def _merge(definitions: Definitions, document: Document) -> Iterator[Problem]:
    """Adds what one document defines."""
    if not document.lines or document.broken_at is None:
        head = {key: value for key, value in document.data.items() if key not in SECTIONS}
        try:
            file = FileDef.model_validate(head)
        except ValidationError as error:
            yield from misfits(document, (), FileDef, error)
        else:
            yield from _set_half_life(definitions, document, file)
    for section in SECTIONS:
        given = document.data.get(section, [])
        if not isinstance(given, list):
            definitions.unread.update(given if isinstance(given, dict) else ())
            if (section,) not in document.refused:
                message, hint = (
                    f"`{section}` is a list of definitions",
                    f"begin each with `- {_name_key(section)}: NAME`",
                )
                yield Problem(document.place((section,)), "wrong-type", message, hint)
            continue
        for index, data in enumerate(given):
            if (section, index) not in document.refused:
                yield from _add(definitions, document, section, index, data)


def _set_half_life(definitions: Definitions, document: Document, file: FileDef) -> Iterator[Problem]:
    if file.half_life is None:
        return
    if ("half_life", "") in definitions.places and definitions.half_life_ms != file.half_life:
        first = definitions.place("half_life", "")
        message = f"half_life is another one than at {first.path}:{first.line}"
        yield Problem(document.place(("half_life",)), "defined-twice", message, "keep one of the two")
    definitions.half_life_ms = file.half_life
    definitions.places["half_life", ""] = (document, ("half_life",))


def _name_key(section: str) -> str:
    return "policy" if section == "policies" else section.removesuffix("s")


def _section_of(section: str, data: object) -> str:
    """The other section that a definition belongs to by its name, or ""."""
    if not isinstance(data, dict) or _name_key(section) in data:
        return ""
    return next((other for other in SECTIONS if isinstance(data.get(_name_key(other)), str)), "")


def _add(definitions: Definitions, document: Document, section: str, index: int, data: object) -> Iterator[Problem]:
    """Adds one definition."""
    start = (section, index)
    other = _section_of(section, data)
    if other:
        key = _name_key(other)
        message, hint = f"a {key} stands below `{section}:`", f"it belongs below `{other}:`"
        yield Problem(document.place((*start, key, "key")), "unknown-key", message, hint)
        return
    try:
        definition = _MODELS[section].model_validate(data)
    except ValidationError as error:
        yield from misfits(document, start, _MODELS[section], error)
        return
    if any(path[:2] == start for path in document.refused):
        return
    name, known = getattr(definition, _name_key(section)), getattr(definitions, section)
    if isinstance(definition, ListDef) and definition.file is not None:
        definitions.side_files.append((definition, document.place((*start, "file"))))
    if isinstance(definition, ListDef) and name in known:
        yield from _join(definitions, document, start, definition)
        return
    if name in known:
        first = definitions.place(section, name)
        message = f"{name} is defined twice, first at {first.path}:{first.line}"
        place = document.place((*start, _name_key(section), "key"))
        yield Problem(place, "defined-twice", message, "rename one of the two")
        return
    if len(known) == DEFINITIONS_MAX and (section, "") not in definitions.places:
        definitions.places[section, ""] = (document, start)  # told once
        yield Problem(document.place(start), "too-many-definitions", f"more than {DEFINITIONS_MAX:,} {section}")
    if len(known) < DEFINITIONS_MAX:
        known[name] = definition
        definitions.places[section, name] = (document, start)


def _join(
    definitions: Definitions, document: Document, start: tuple[str | int, ...], more: ListDef
) -> Iterator[Problem]:
    """One list may get its items from several files: hand-made ones beside exported ones."""
    first = definitions.lists[more.list]
    for key in ("match", "of", "ttl"):
        if key in more.model_fields_set and getattr(first, key) != getattr(more, key):
            place = definitions.place("lists", more.list)
            message = f"list {more.list} has another `{key}` at {place.path}:{place.line}"
            yield Problem(document.place((*start, key)), "defined-twice", message, "say it once")
    definitions.parts.setdefault(more.list, []).insert(0, (len(first.items), document, start))
    definitions.lists[more.list] = first.model_copy(update={"items": [*first.items, *more.items]})


def digest(definitions: Definitions) -> str:
    """12 hex digits over all that is defined, in whatever order and files."""
    sections = {
        section: {
            name: definition.model_dump(mode="json", exclude={"file"})  # side files count by what is in them
            for name, definition in getattr(definitions, section).items()
        }
        for section in SECTIONS
    }
    sides = {name: sorted(side.digest for side in one.sides) for name, one in definitions.lists.items()}
    content = json.dumps([sections, sides, definitions.half_life_ms], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
