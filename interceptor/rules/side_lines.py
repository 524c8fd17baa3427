"""The lines of a side file into a list.

Enters: a file's bytes, and what kind of list it is for. Leaves: the list, or all that is wrong. Invariants: nothing is
taken of a file that has a line which can't be read; memory is bounded by what is kept, however long a line is.

A line is read in one of two ways that agree: nearly all of them at once, by the kernels of interceptor.rules.cells, and
what those can't read as one line of CSV. What follows the value is the same on many lines: each different text is read
once.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa

from interceptor.hosts import hash_of_host
from interceptor.lists import FOREVER_MS, DomainList, ExactList, PrefixList, RangeList
from interceptor.rules import cells
from interceptor.rules.errors import Place, Problem, RulesError, nearest
from interceptor.rules.forms import moment_ms
from interceptor.rules.values import PREFIX_DIGITS_MAX, Match, parsed

COLUMNS = ("value", "since", "expires", "source", "reason")  # as a header may name them, in any order after `value`
WITHOUT_HEADER = ("value", "expires", "source", "reason")
LINE_BYTES_MAX = 4_096
NOTES_MAX = 1_000_000  # different pairs of source and reason
TOLD_MAX = 20  # problems that are told one by one
REFUSED_MAX = 10_000  # lines after which the rest isn't read any more

AnyList = ExactList | PrefixList | RangeList | DomainList
LISTS: dict[Match, type[AnyList]] = {
    "exact": ExactList,
    "prefix": PrefixList,
    "range": RangeList,
    "domain": DomainList,
}

_BLOCK_BYTES = 4 << 20
_TAILS_MAX = 100_000  # that are remembered from block to block
_NEWLINE, _RETURN, _COMMA, _HASH = (ord(c) for c in "\n\r,#")
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_REFUSED = (0, 0, 0)
_moment = lru_cache(10_000)(moment_ms)


@dataclass(frozen=True, slots=True)
class Form:
    """What a file's values are for: `match`, `of` and `ttl` (ms) of its list."""

    match: Match
    of: str
    ttl: int | None

    def keys(self, data: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """uint64[n], or uint64[n, 2] for ranges: what the kernels can read, and 0."""
        if self.match == "range":
            return cells.ranges(data, starts, stops)
        if self.of == "host" or self.match == "domain":
            return cells.hosts(data, starts, stops) if self.match != "prefix" else np.zeros(len(starts), np.uint64)
        found = (cells.accounts if self.of == "account" else cells.numbers)(data, starts, stops)
        if self.match == "prefix":
            found[found >= np.uint64(10**PREFIX_DIGITS_MAX)] = 0
        return found

    def key(self, text: str) -> int | tuple[int, int]:
        """The same for one value, whatever it looks like. Raises ValueError."""
        value = parsed(self.match, self.of, text)
        return hash_of_host(value) if isinstance(value, str) else value


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines, each with its end. Of a line that is too long, enough is left to see that it is."""
    rest = b""
    while block := file.read(_BLOCK_BYTES):
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = b""
        rest = (rest + block[end:])[: LINE_BYTES_MAX + 2]
    if rest:
        yield rest + b"\n"


@dataclass(slots=True)
class _Lines:
    """The lines of a block that say something: their numbers in the file, where they start, where their first cell
    ends, and where they end. int64[n] each."""

    data: np.ndarray
    number: np.ndarray
    start: np.ndarray
    cell: np.ndarray
    stop: np.ndarray

    @classmethod
    def of(cls, block: bytes, first: int) -> Self:
        data = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(data == _NEWLINE)
        start = np.concatenate([[0], ends[:-1] + 1])
        stop = ends - ((ends > start) & (data[ends - 1] == _RETURN))
        rows = np.flatnonzero((stop > start) & (data[start] != _HASH))
        start, stop = start[rows], stop[rows]
        commas = np.append(np.flatnonzero(data == _COMMA), len(data))
        return cls(data, rows + first, start, np.minimum(commas[np.searchsorted(commas, start)], stop), stop)

    def __len__(self) -> int:
        return len(self.start)

    def rest(self, begin: int) -> _Lines:
        return _Lines(self.data, self.number[begin:], self.start[begin:], self.cell[begin:], self.stop[begin:])

    def line(self, row: int) -> bytes:
        return self.data[self.start[row] : self.stop[row]].tobytes()

    def pieces(self, starts: np.ndarray, stops: np.ndarray) -> pa.Array:
        """binary[k]: data[starts[i]:stops[i]], for pieces that come one behind the other."""
        offsets = np.stack([starts, stops], 1).astype(np.int32).ravel()
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self.data)]
        with_gaps = pa.Array.from_buffers(pa.binary(), max(0, len(offsets) - 1), buffers)
        return with_gaps.take(pa.array(np.arange(0, len(with_gaps), 2)))


class Reader:
    """Reads one file into one list."""

    def __init__(self, path: Path, form: Form) -> None:
        self._path, self._form = path, form
        self._entries: Any = LISTS[form.match]()
        self._columns: tuple[str, ...] = ()  # unknown before the first line
        self._tails: dict[bytes, tuple[int, int, int] | str] = {}
        self._bad: list[tuple[int, str]] = []  # row of the block, and why
        self._problems: list[Problem] = []
        self._refused = 0

    def read(self, file: BinaryIO, lines_max: int) -> Any:
        """The list with all entries. Raises RulesError with the first problems, and how many there are beside."""
        self._entries.reserve(lines_max)
        first = 1
        for block in blocks(file):
            self._take(_Lines.of(block.removeprefix(b"\xef\xbb\xbf") if first == 1 else block, first))
            first += block.count(b"\n")
            if self._refused > REFUSED_MAX:
                break
        if self._problems:
            raise RulesError(self._problems)
        len(self._entries)  # ranges are sorted now, not by whoever asks first
        return self._entries

    def _take(self, lines: _Lines) -> None:
        if not self._columns and len(lines):
            lines = lines.rest(self._header(lines))
        if not len(lines):
            return
        keys = self._form.keys(lines.data, lines.start, lines.cell)
        from_ms, expires_ms = np.zeros(len(lines), np.int64), np.full(len(lines), FOREVER_MS)
        codes = np.zeros(len(lines), np.int32)
        plain = _listed(keys) & (lines.stop - lines.start <= LINE_BYTES_MAX)
        tailed = np.flatnonzero(plain & (lines.cell < lines.stop))
        if len(tailed):
            from_ms[tailed], expires_ms[tailed], codes[tailed] = self._said(lines, tailed)
        for row in np.flatnonzero(~plain).tolist():
            if len(self._bad) > REFUSED_MAX:
                break
            keys[row], (from_ms[row], expires_ms[row], codes[row]) = self._one(lines, row)
        self._tell(lines)
        if self._refused:
            return
        if self._form.match == "exact" and self._form.of == "host":
            self._entries.remember(keys, lines.pieces(lines.start, lines.cell).cast(pa.string()))
        if not (listed := _listed(keys)).all():  # blank lines
            keys, from_ms, expires_ms, codes = (column[listed] for column in (keys, from_ms, expires_ms, codes))
        self._entries.put(keys, from_ms, expires_ms, codes)

    def _header(self, lines: _Lines) -> int:
        """Which columns there are; gives how many lines say that, 0 or 1."""
        self._columns = WITHOUT_HEADER
        raw = lines.line(0)
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            self._stop(lines, "not-utf8", "the file is UTF-16", "save it as UTF-8")
        names = [name.strip().lower() for name in raw[:LINE_BYTES_MAX].decode("utf-8", "replace").split(",")]
        if names[0].strip('"') != "value":
            return 0
        self._columns = tuple(name.strip('"') for name in names)
        for name in self._columns:
            if name not in COLUMNS:
                hint = nearest(name, COLUMNS) or f"there are {', '.join(COLUMNS)}"
                self._stop(lines, "unknown-key", f"there is no column {name!r} in a side file", hint)
            if self._columns.count(name) > 1:
                self._stop(lines, "duplicate-key", f"the column {name} stands twice", "keep one of the two")
        return 1

    def _said(self, lines: _Lines, rows: np.ndarray) -> np.ndarray:
        """int64[3, k]: since and until when, and code of the note, as the ends of some lines say."""
        tails = lines.pieces(lines.cell[rows] + 1, lines.stop[rows]).dictionary_encode()
        known = [self._tail(tail) for tail in tails.dictionary.to_pylist()]
        at = tails.indices.to_numpy()
        if wrong := {place: why for place, why in enumerate(known) if isinstance(why, str)}:
            self._bad += [
                (row, wrong[place]) for row, place in zip(rows.tolist(), at.tolist(), strict=True) if place in wrong
            ]
        return np.array([_REFUSED if isinstance(one, str) else one for one in known], np.int64)[at].T

    def _tail(self, raw: bytes) -> tuple[int, int, int] | str:
        """What one of them says, or what is wrong with it."""
        found = self._tails.get(raw)
        if found is None:
            if len(self._tails) >= _TAILS_MAX:
                self._tails.clear()
            try:
                found = self._meant(_cells(raw))
            except ValueError as error:
                found = str(error)
            self._tails[raw] = found
        return found

    def _one(self, lines: _Lines, row: int) -> tuple[Any, tuple[int, int, int]]:
        """Key and meaning of one line, whatever it looks like."""
        try:
            value, *others = _cells(lines.line(row))
            if value.lstrip().startswith("#") or not (value.strip() or any(cell.strip() for cell in others)):
                return 0, _REFUSED
            return self._form.key(value), self._meant(others)
        except ValueError as error:
            self._bad.append((row, str(error)))
            return 0, _REFUSED

    def _meant(self, others: list[str]) -> tuple[int, int, int]:
        """Since and until when (ms), and the note's code, as the cells after the value say. Raises ValueError."""
        others = [cell.strip() for cell in others]
        names = self._columns[1:]
        if any(others[len(names) :]):
            hint = 'put "quotes" around a cell with a comma in it'
            raise ValueError(f"more than {len(names) + 1} cells ({', '.join(self._columns)}): {hint}")
        said = dict(zip(names, others, strict=False))
        since, until = (_moment(said[name]) if said.get(name) else None for name in ("since", "expires"))
        if until is None:
            until = FOREVER_MS if self._form.ttl is None or since is None else since + self._form.ttl
        source, reason = said.get("source", ""), said.get("reason", "")
        if found := _STEERING.search(source + reason):
            raise ValueError(f"control character U+{ord(found[0]):04X} in source or reason: delete it")
        code = self._entries.note(source, reason)
        if self._entries.notes > NOTES_MAX:
            raise ValueError(f"more than {NOTES_MAX:,} different sources and reasons: shorten or leave them out")
        return since or 0, until, code

    def _tell(self, lines: _Lines) -> None:
        """The first bad lines one by one, then one problem that counts the others."""
        for row, why in sorted(self._bad):
            self._refused += 1
            if self._refused <= TOLD_MAX + 1:
                self._problems.append(self._problem(lines, row, "bad-value", why))
        self._bad.clear()
        if (more := self._refused - TOLD_MAX) > 0:
            line = self._problems[TOLD_MAX].line
            lines_ = "line" if more == 1 else "lines"
            message = (
                f"and {'at least ' if self._refused > REFUSED_MAX else ''}{more:,} more {lines_} that can't be read"
            )
            hint = f"one entry a line: {','.join(self._columns)}"
            self._problems[TOLD_MAX] = Problem(Place(str(self._path), line, 1), "bad-value", message, hint)

    def _stop(self, lines: _Lines, code: str, message: str, hint: str) -> None:
        raise RulesError([self._problem(lines, 0, code, message, hint)])

    def _problem(self, lines: _Lines, row: int, code: str, message: str, hint: str = "") -> Problem:
        shown = lines.line(row)[:200].decode("utf-8", "replace")
        return Problem(Place(str(self._path), int(lines.number[row]), 1, shown), code, message, hint)


def _listed(keys: np.ndarray) -> np.ndarray:
    """bool[n]: which are keys, or ranges, and not 0."""
    return (keys if keys.ndim == 1 else keys[:, 1]) != 0


def _cells(raw: bytes) -> list[str]:
    """One line as CSV, at least one cell. Raises ValueError."""
    if len(raw) > LINE_BYTES_MAX:
        raise ValueError(f"a line of more than {LINE_BYTES_MAX:,} bytes: one value a line")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} of the cells here is not UTF-8: save the file as UTF-8") from None
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise ValueError(f"quotes that don't fit ({error})") from None
