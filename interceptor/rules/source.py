"""YAML into plain data, with the place of every value.

Enters: the text of a rules file. Leaves: dicts, lists, strings, numbers and booleans, and a Place for every path into
them. Invariant: the document is refused as soon as it could grow (aliases), run something (tags) or nest without end;
nothing is guessed about a value that YAML reads in more than one way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from interceptor.rules.errors import Place, Problem, RulesError

FILE_BYTES_MAX = 4_000_000
DEPTH_MAX = 12

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_DECIMAL = re.compile(r"[-+]?[0-9][0-9_]*\.[0-9]+")
_MANGLED = re.compile(r"[-+]?0[0-9_]+|0[xob][0-9a-fA-F_]+|[-+]?[0-9]+(:[0-9]{2})+|[-+]?[0-9.]+[eE][-+]?[0-9]+")
_MANGLED_WORDS = {"yes", "no", "on", "off", "null", "~", ".inf", "-.inf", ".nan"}
_TEXT_KEYS = {"mode"}  # where `off` can only be the word
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


@dataclass(slots=True)
class Document:
    """A rules file as plain data. `places` maps a path such as ("rules", 0, "condition") to where its value stands."""

    path: str
    lines: list[str]
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)

    def place(self, path: Path) -> Place:
        """The place of a value, or of the closest thing around it that has one."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path) or self.at(0, 0)

    def at(self, line: int, column: int) -> Place:
        snippet = self.lines[line] if line < len(self.lines) else ""
        return Place(self.path, line + 1, column + 1, snippet)


def parse(path: str, raw: bytes) -> Document:
    """Reads one document. Raises RulesError with the first thing that makes it unreadable."""
    document = Document(path, [])
    if len(raw) > FILE_BYTES_MAX:
        hint = "put long lists into a side file (one value a line)"
        _refuse(document.at(0, 0), "file-too-large", f"{len(raw):,} bytes, at most {FILE_BYTES_MAX:,}", hint)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        document.lines = raw[: error.start].decode("utf-8", "replace").split("\n")
        place = document.at(len(document.lines) - 1, len(document.lines[-1]))
        _refuse(place, "not-utf8", f"byte {error.start} is not UTF-8", "save the file as UTF-8")
    document.lines = text.splitlines()
    _check_characters(document)
    try:
        document.data = _Reader(document, text).read()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = document.at(mark.line, mark.column) if mark else document.at(0, 0)
        _refuse(place, "yaml", str(error.problem or error.context), "check indentation, quotes and colons")
    except (YAMLError, RecursionError, ValueError) as error:
        _refuse(document.at(0, 0), "yaml", str(error).split("\n")[0])
    return document


def _refuse(place: Place, code: str, message: str, hint: str = "") -> None:
    raise RulesError([Problem(place, code, message, hint)])


def _check_characters(document: Document) -> None:
    for number, line in enumerate(document.lines):
        found = _BIDIRECTIONAL.search(line)
        if found:
            message = f"bidirectional control character U+{ord(found[0]):04X}: the line may not read as it runs"
            _refuse(document.at(number, found.start()), "bidirectional-control", message, "delete it")


class _Reader:
    """Builds plain data straight from the parser's events, so that nothing is composed that could not be allowed."""

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._events = YAML(typ="safe", pure=True).parse(text)
        self._depth = 0

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        documents = 0
        for event in self._events:
            if isinstance(event, NodeEvent):
                documents += 1
                if documents > 1 or not isinstance(event, MappingStartEvent):
                    message = "a rules file is one mapping: schema, lists, features, rules …"
                    _refuse(self._at(event), "not-a-mapping", message)
                found = self._value(event, ())
        return found

    def _value(self, event: Any, path: Path) -> Any:
        place = self._document.places[path] = self._at(event)
        if isinstance(event, AliasEvent) or event.anchor:
            _refuse(place, "yaml-alias", "anchors and aliases are not allowed", "write it out, or use a macro")
        if event.tag:
            _refuse(place, "yaml-tag", "tags are not allowed", "delete the word that begins with !")
        if isinstance(event, ScalarEvent):
            text = path and path[-1] in _TEXT_KEYS
            return event.value if text else _scalar(place, event)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            _refuse(place, "too-deep", f"nested deeper than {DEPTH_MAX}")
        made = self._mapping(path) if isinstance(event, MappingStartEvent) else self._sequence(path)
        self._depth -= 1
        return made

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            place = self._at(event)
            if not isinstance(event, ScalarEvent) or event.anchor or event.tag:
                _refuse(place, "bad-key", "a key is a plain word")
            key = event.value
            if key in found:
                _refuse(place, "duplicate-key", f"{key} stands twice", "keep one of the two")
            found[key] = self._value(next(self._events), (*path, key))
            self._document.places[(*path, key, "key")] = place
        return found

    def _at(self, event: Any) -> Place:
        return self._document.at(event.start_mark.line, event.start_mark.column)


def _scalar(place: Place, event: Any) -> Any:
    text = event.value
    if event.style is not None:  # quoted, or a block: the author says that it's text
        return text
    if _MANGLED.fullmatch(text) or text.lower() in _MANGLED_WORDS:
        message = f"{text}: YAML reads this in more than one way"
        _refuse(place, "mangled-value", message, f'write "{text}", or true, false or a decimal number')
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    if _DECIMAL.fullmatch(text):
        return float(text.replace("_", ""))
    return text
