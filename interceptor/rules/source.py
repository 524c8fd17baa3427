"""YAML into plain data, with the place of every value.

Enters: the text of a rules file. Leaves: dicts, lists, strings, numbers and booleans, a Place for every path into
them, and what is wrong with the file. Invariant: nothing that could grow (aliases), run something (tags) or nest
without end is ever followed; nothing is guessed about a value that YAML reads in more than one way.

libyaml's parser gives the events: 25 times as fast as one in Python, so that a large file is still read in a moment.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from yaml import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    MarkedYAMLError,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    YAMLError,
)
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # its stub forgets to export it

from interceptor.rules.errors import PROBLEMS_MAX, Place, Problem, RulesError, nearest, shortened
from interceptor.rules.spots import spot
from interceptor.rules.syntax import Complaint, complaint

FILE_BYTES_MAX = 2_000_000
VALUES_MAX = 30_000  # of one file; longer lists stand in side files
LINE_CHARS_MAX = 10_000
DIGITS_MAX = 20
DEPTH_MAX = 12

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_DECIMAL = re.compile(r"[-+]?[0-9][0-9_]*\.[0-9]+")
_MANGLED = re.compile(
    r"[-+]?0[0-9_]+|0[xob][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*(:[0-9]{1,2})+|[-+]?([0-9.]+[eE][-+]?[0-9]+|\.[0-9]+|[0-9]+\.)"
)
_MANGLED_WORDS = {"yes", "no", "on", "off", "null", "~", ".inf", "-.inf", "+.inf", ".nan"}
_TEXT_KEYS = {"mode"}  # where `off` can only be the word
_LINE_END = re.compile("\r\n|[\n\r]")  # the others that YAML knows are refused
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_CONTROL = re.compile(
    "[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)  # what YAML doesn't allow, and line ends that no editor shows


@dataclass(slots=True)
class Document:
    """A rules file as plain data. `nodes` maps a path such as ("rules", 0, "condition") to the event of its value.

    Values at the paths in `refused` are no use, and it has been said why. Where `broken_at` isn't None, the data ends
    with the last definition before that line (from 0).
    """

    path: str
    lines: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    nodes: dict[Path, Any] = field(default_factory=dict)
    refused: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    broken_at: int | None = None
    values: int = 0

    def place(self, path: Path) -> Place:
        """The place of a value, or of the closest thing around it that has one."""
        while path and path not in self.nodes:
            path = path[:-1]
        event = self.nodes.get(path)
        if event is None:
            return self.at(0, 0)
        place = self.at(event.start_mark.line, event.start_mark.column)
        if not isinstance(event, ScalarEvent):
            return place
        return Place(place.path, place.line, place.column, place.snippet, partial(self._inside, event))

    def at(self, line: int, column: int) -> Place:
        """The place of a line and column from 0; behind the end of the file, the end of its last line."""
        if line >= len(self.lines) and self.lines:
            line, column = len(self.lines) - 1, len(self.lines[-1])
        return Place(self.path, line + 1, column + 1, self.lines[line] if self.lines else "")

    def refuse(self, place: Place, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(place, code, message, hint))
        if len(self.problems) >= PROBLEMS_MAX:
            raise _Stop

    def refuse_last(self) -> None:
        """The last definition so far isn't whole."""
        section = next(reversed(self.data), "")
        if isinstance(given := self.data.get(section), list) and given:
            self.refused.add((section, len(given) - 1))

    def _inside(self, event: Any, offset: int) -> Place:
        start, end = event.start_mark, event.end_mark
        return self.at(*spot(self.lines, (start.line, start.column), (end.line, end.column), event, offset))


class _Stop(Exception):
    """The rest of the document is not looked at."""


def parse(path: str, raw: bytes) -> Document:
    """Reads one document. Raises RulesError with all that is wrong with it."""
    document = read_document(path, raw)
    if document.problems:
        raise RulesError(document.problems)
    return document


def read_document(path: str, raw: bytes, top_keys: Collection[str] = (), values_max: int = VALUES_MAX) -> Document:
    """Reads one document; all that is wrong with it is in its `problems`. `top_keys`: what its first level may hold."""
    document = Document(path)
    try:
        text = _text(document, raw)
    except _Stop:
        text = None
    if text is None:
        document.broken_at = 0
    else:
        reader = _Reader(document, text, top_keys, values_max)
        try:
            reader.read()
        except _Stop:
            document.broken_at = reader.line
        except MarkedYAMLError as error:
            document.broken_at = reader.line
            if not reader.misplaced_key:  # that is the reason, and has been told
                _tell(document, complaint(document.lines, error, reader.last, reader.flows))
        except (YAMLError, RecursionError, ValueError) as error:
            document.broken_at = reader.line
            document.refuse(document.at(reader.line, 0), "yaml", str(error).split("\n")[0])
        if document.broken_at is not None:
            document.refuse_last()
    return document


def _tell(document: Document, found: Complaint) -> None:
    document.refuse(document.at(found.line, found.column), found.code, found.message, found.hint)


def _text(document: Document, raw: bytes) -> str | None:
    """The file's text, if it is fit to be parsed."""
    if len(raw) > FILE_BYTES_MAX:
        hint = "put long lists into a side file (one value a line)"
        message = f"{len(raw):,} bytes, at most {FILE_BYTES_MAX:,}"
        document.refuse(document.at(0, 0), "file-too-large", message, hint)
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        document.lines = _LINE_END.split(raw[: error.start].decode("utf-8-sig", "replace"))
        place = document.at(len(document.lines) - 1, len(document.lines[-1]))
        document.refuse(place, "not-utf8", f"byte {error.start} is not UTF-8", "save the file as UTF-8")
        return None
    document.lines = _LINE_END.split(text)
    _check_characters(document)
    return None if document.problems else text


def _check_characters(document: Document) -> None:
    for number, line in enumerate(document.lines):
        place = partial(document.at, number)
        if len(line) > LINE_CHARS_MAX:
            message = f"a line of {len(line):,} characters, at most {LINE_CHARS_MAX:,}"
            document.refuse(place(LINE_CHARS_MAX), "line-too-long", message, "break it into lines")
        elif found := _BIDIRECTIONAL.search(line):
            message = f"bidirectional control character U+{ord(found[0]):04X}: the line may not read as it runs"
            document.refuse(place(found.start()), "bidirectional-control", message, "delete it")
        elif found := _CONTROL.search(line):
            document.refuse(
                place(found.start()), "control-character", f"control character U+{ord(found[0]):04X}", "delete it"
            )


class _Reader:
    """Builds plain data straight from the parser's events, so that nothing is composed that could not be allowed."""

    def __init__(self, document: Document, text: str, top_keys: Collection[str], values_max: int) -> None:
        self._document = document
        self._parser = CParser(text)
        self._top_keys = top_keys
        self._values_max = values_max
        self.line = 0
        self.last: Any = None  # the last event
        self.flows: list[Any] = []  # brackets that are open
        self.misplaced_key = False  # the last key of the first level is unknown there

    def read(self) -> None:
        documents = 0
        while not isinstance(event := self._next(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent):
                documents += 1
            if documents > 1:
                self._stop(event, "second-document", "a second document begins here", "one file, one document: no ---")
            if isinstance(event, NodeEvent) and not isinstance(event, MappingStartEvent):
                message = "a rules file is one mapping, which begins with `schema: 1`"
                self._stop(event, "not-a-mapping", message)
            if isinstance(event, NodeEvent):
                self._value(event, ())

    def _next(self) -> Any:
        event: Any = self._parser.get_event()
        self.last, self.line = event, event.start_mark.line
        return event

    def _stop(self, event: Any, code: str, message: str, hint: str = "") -> None:
        self._refuse(event, code, message, hint)
        raise _Stop

    def _refuse(self, event: Any, code: str, message: str, hint: str = "") -> None:
        place = self._document.at(event.start_mark.line, event.start_mark.column)
        self._document.refuse(place, code, message, hint)

    def _value(self, event: Any, path: Path) -> Any:
        self._document.values += 1
        if self._document.values > self._values_max:
            hint = "put long lists into a side file (one value a line)"
            self._stop(event, "file-too-large", "too many values: 30,000 in a file, 100,000 in a rule set", hint)
        self._document.nodes[path] = event
        if self._forbidden(event):
            self._document.refused.add(path)
        if isinstance(event, AliasEvent):
            return None
        if isinstance(event, ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= DEPTH_MAX:
            self._stop(event, "too-deep", f"nested deeper than {DEPTH_MAX}")
        if event.flow_style:
            self.flows.append(event)
        made = self._mapping(path) if isinstance(event, MappingStartEvent) else self._sequence(path)
        if event.flow_style:
            self.flows.pop()
        return made

    def _forbidden(self, event: Any) -> bool:
        if isinstance(event, AliasEvent) or event.anchor:
            self._refuse(event, "yaml-alias", "anchors and aliases are not allowed", "write it out, or use a macro")
            return True
        if event.tag:
            self._refuse(event, "yaml-tag", "tags are not allowed", "delete the word that begins with !, or quote it")
            return True
        return False

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        if len(path) == 1 and not self.misplaced_key:  # so that the definitions before an error aren't lost
            self._document.data[str(path[0])] = items
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(None)
            items[-1] = self._value(event, (*path, len(items) - 1))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {} if path else self._document.data
        seen: set[str] = set()
        repeated = False
        while not isinstance(event := self._next(), MappingEndEvent):
            if not isinstance(event, ScalarEvent) or event.anchor or event.tag:
                self._stop(
                    event, "yaml-key", "a key is a plain word", 'quote text that begins with {, [, &, * or !: "…"'
                )
            key, place = event.value, (*path, event.value)
            if not path:
                self._top_key(event)
            if key in seen:
                if not repeated:  # of two definitions that ran together, the first key says it all
                    self._repeated(event, path)
                repeated, place = True, (*place, "again")
            else:
                self._document.nodes[(*place, "key")] = event
            value = self._value(self._next(), place)
            if key not in seen and (path or not self.misplaced_key):
                found[key] = value
            seen.add(key)
        return found

    def _top_key(self, event: Any) -> None:
        key = event.value
        self.misplaced_key = bool(self._top_keys) and key not in self._top_keys
        if self.misplaced_key:
            hint = nearest(key, self._top_keys) or f"known: {', '.join(self._top_keys)}; is its indentation right?"
            self._document.refuse_last()
            self._refuse(event, "unknown-key", f"there is no key `{shortened(key)}` at the first level", hint)

    def _repeated(self, event: Any, path: Path) -> None:
        names = "a new definition begins with `- `" if len(path) == 2 else ""
        self._refuse(event, "duplicate-key", f"{shortened(event.value)} stands twice", names or "keep one of the two")

    def _scalar(self, event: Any, path: Path) -> Any:
        text = event.value
        if event.style or path in self._document.refused:  # quoted, or a block: the author says that it's text
            return text
        if not text:
            key = self._document.nodes.get((*path, "key"), event)
            words = f"`{shortened(str(path[-1]))}`" if isinstance(path[-1], str) else "this entry" if path else "this"
            self._document.refused.add(path)
            self._refuse(key, "empty-value", f"{words} has no value", "write one behind it, or delete it")
            return None
        if path and path[-1] in _TEXT_KEYS:
            return text
        if _MANGLED.fullmatch(text) or text.lower() in _MANGLED_WORDS:
            self._document.refused.add(path)
            hint = f'write "{text}", or true, false or a decimal number'
            self._refuse(event, "mangled-value", f"{shortened(text)}: YAML reads this in more than one way", hint)
            return None
        return self._number(event, path)

    def _number(self, event: Any, path: Path) -> Any:
        text = event.value
        if text in ("true", "false"):
            return text == "true"
        whole = _INTEGER.fullmatch(text)
        if (whole or _DECIMAL.fullmatch(text)) and len(text) > DIGITS_MAX:
            self._document.refused.add(path)
            self._refuse(event, "huge-number", f"a number of more than {DIGITS_MAX} digits", "put text into quotes")
            return None
        if whole:
            return int(text.replace("_", ""))
        return float(text.replace("_", "")) if _DECIMAL.fullmatch(text) else text
