"""Files of values for shared lists: the same lines as side files, in and out.

Enters: a CSV file and the definition of its list, or entries of a list. Leaves: entries, with the text of hosts, or
lines of CSV. Invariants: a file with a line that can't be read gives nothing but what is wrong with it; what was
written is read again as the same entries.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
import pyarrow as pa

from interceptor.entries import FOREVER_MS
from interceptor.hosts import hash_of_host
from interceptor.rules.errors import Place, Problem, RulesError
from interceptor.rules.model import ListDef
from interceptor.rules.side_files import FILE_BYTES_MAX, LINES_MAX
from interceptor.rules.side_lines import AnyList, Form, Reader
from interceptor.rules.values import host
from interceptor.transport.lists import codec
from interceptor.transport.lists.codec import Meaning

_BLOCK_BYTES = 4 << 20
_ROWS = 50_000  # written at once
_LAST_MS = 253_402_300_799_999  # of the calendar

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Remembering(Form):
    """The form of a file of hosts, that keeps each host's text beside its hash."""

    texts: dict[int, str] = field(default_factory=dict, compare=False)

    def keys(self, data: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        # Not super(): a dataclass with slots is made anew, and isn't the class any more that super() would look for
        found = Form.keys(self, data, starts, stops)
        offsets = np.stack([starts, stops], 1).astype(np.int32).ravel()
        pieces = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
        rows = np.flatnonzero(found)
        for key, text in zip(found[rows].tolist(), pieces.take(pa.array(rows * 2)).to_pylist(), strict=True):
            self.texts[key] = host(text.decode().strip('"'))
        return found

    def key(self, text: str) -> int | tuple[int, int]:
        name = host(text)
        self.texts[hash_of_host(name)] = name
        return hash_of_host(name)


def read_file(path: Path, definition: ListDef, progress: Progress) -> AnyList:
    """All entries of a file. Raises RulesError with the lines that can't be read."""
    meaning = Meaning(definition.match, definition.of)
    texts: dict[int, str] = {}
    form = Form(definition.match, definition.of, definition.ttl)
    if meaning.is_text:
        form = _Remembering(definition.match, definition.of, definition.ttl, texts)
    try:
        size, lines = _size(path)
        with path.open("rb") as file:
            entries: Any = Reader(path, form).read(_Watched(file, size, progress), lines)  # type: ignore[arg-type]
    except OSError as error:
        raise _refusal(path, "unreadable", error.strerror or str(error), "check path and rights") from None
    if texts:
        entries.show(texts.keys(), texts.values())
    return entries


class _Watched:
    """A file that says how far it has been read."""

    def __init__(self, file: BinaryIO, size: int, progress: Progress) -> None:
        self._file, self._size, self._progress, self._done = file, size, progress, 0

    def read(self, size: int) -> bytes:
        block = self._file.read(size)
        self._done += len(block)
        self._progress(self._done, self._size)
        return block


def _size(path: Path) -> tuple[int, int]:
    """Bytes and lines of a file that may be read."""
    if not path.is_file():
        raise _refusal(path, "unreadable", "this is no file" if path.exists() else "there is no such file")
    size, lines = path.stat().st_size, 1
    if size > FILE_BYTES_MAX:
        raise _refusal(path, "file-too-large", f"more than {FILE_BYTES_MAX:,} bytes", "split it")
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            lines += block.count(b"\n")
    if lines > LINES_MAX:
        raise _refusal(path, "file-too-large", f"more than {LINES_MAX:,} lines", "split it")
    return size, lines


def _refusal(path: Path, code: str, message: str, hint: str = "") -> RulesError:
    return RulesError([Problem(Place(str(path), 1, 1), code, message, hint)])


def write_file(out: TextIO, meaning: Meaning, entries: AnyList) -> int:
    """Writes all entries that weren't taken off as CSV with a header; gives how many."""
    made: Any = entries
    columns, shown = made.columns(), getattr(made, "shown", {})
    on = np.flatnonzero(~codec.is_off(columns.from_ms))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("value", "since", "expires", "source", "reason"))
    for start in range(0, len(on), _ROWS):
        rows = on[start : start + _ROWS]
        values = texts_of(meaning, columns.keys[rows], shown)
        since = (moment(ms) if ms else "" for ms in columns.from_ms[rows].tolist())
        until = (moment(ms) if ms < FOREVER_MS else "" for ms in columns.expires_ms[rows].tolist())
        notes = (columns.notes[code] for code in columns.codes[rows].tolist())
        writer.writerows((*entry, *note) for *entry, note in zip(values, since, until, notes, strict=True))
    return len(on)


def texts_of(meaning: Meaning, keys: np.ndarray, shown: Any) -> Iterator[str]:
    """Values as people write them, and as a file is read."""
    if meaning.match == "range":
        return (f"+{first}..+{last}" for first, last in keys.tolist())
    if meaning.is_text:
        return (shown.get(key) or f"#{key:016x}" for key in keys.tolist())
    return (f"{'' if meaning.of == 'account' else '+'}{key}" for key in keys.tolist())


def moment(ms: int) -> str:
    """A time as side files have it, to the ms where it has some."""
    at = datetime.fromtimestamp(min(ms, _LAST_MS) / 1000, UTC)
    if ms % 86_400_000 == 0:
        return at.date().isoformat()
    return at.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").removesuffix("+00:00")
