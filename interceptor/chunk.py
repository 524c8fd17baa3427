"""A chunk of a batch, and its rows of one kind as conditions see them.

Enters: a batch and the rows of it that are decided at once. Leaves: columns, derived columns and features by name.
Invariant: everything is computed at most once per chunk, and only when something asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from interceptor.batch import Columns, Strings
from interceptor.columns import address_of, located, located_rows
from interceptor.folding import Folded, fold, fold_hosts
from interceptor.instructions import Input, inputs_known
from interceptor.kernels import IN_U8, INT, OUT_I32, Int32s, Int64s, Uint8s, choose_kinds, kernel
from interceptor.listbook import ListBook
from interceptor.memberships import Asked, Question, memberships
from interceptor.reading import Aspect, Readers, Reading
from interceptor.rules.names import DAY_MS, LOCAL_TIME_MS, URL_IN_TEXT, Type, event_symbols
from interceptor.schema import Kind, Status
from interceptor.wording import Wordings


def bits_of(kinds: Iterable[int]) -> int:
    """Kinds of event as a bit mask: cheaper to look up than a set of them."""
    bits = 0
    for kind in kinds:
        bits |= 1 << int(kind)
    return bits


_SMS = bits_of([Kind.SMS])
_WITH_HOST = bits_of([Kind.SMS, Kind.WEB])
DAY_STEP = 0x9E3779B97F4A7C15


class Chunk:
    """Rows start … stop - 1 of a batch, in arrival order, `count` of them; `ok` are those that leave a trace."""

    def __init__(self, batch: Columns, start: int, stop: int, status: np.ndarray, readers: Readers) -> None:
        self.count, self.readers = stop - start, readers
        self._batch, self._start = batch, start
        self.ok = status[start:stop] == Status.OK
        self.all_ok = bool(self.ok.all())
        self.features: dict[str, np.ndarray] = {}
        names, places = batch.located(start)
        numbers = _numbers_of(names)
        self._board = np.zeros((len(Kind), inputs_known()), np.int64)
        self._board[:, numbers] = places
        self._walked: list[tuple[Mapping[str, tuple[int, np.dtype[Any]]], np.ndarray]] = []
        self._columns: dict[str, np.ndarray] = {}
        self._rows: dict[int, np.ndarray] = {}
        self._readings: dict[bool, Reading] = {}
        self._brought: dict[str, np.ndarray] = {}
        self.kinds = np.flatnonzero(np.bincount(self["kind"], minlength=len(Kind))).tolist()
        self.bits = bits_of(self.kinds)

    def __getitem__(self, name: str) -> np.ndarray:
        """A schema or derived column, or one that was set: [count]."""
        found = self._columns.get(name)
        if found is None:
            compute = _DERIVED.get(name)
            found = compute(self) if compute else self._batch[name][self._start : self._start + self.count]
            self._columns[name] = found
        return found

    def __setitem__(self, name: str, column: np.ndarray) -> None:
        self._columns[name] = column

    def places(self, names: tuple[str, ...]) -> Int64s:
        """Columns by their addresses."""
        numbers = _numbers_of(names)
        board = self.board
        found: Int64s = board[0, numbers]
        for at in (found == 0).nonzero()[0].tolist() if np.count_nonzero(found) < len(found) else ():
            found[at] = board[:, numbers[at]] = located(self[names[at]], self.count, self.count)
        return found

    @property
    def board(self) -> Int64s:
        """int64[kinds, inputs]: what programs read, by the number of the Input: where it is; 0 = nobody asked for it
        yet."""
        more = inputs_known() - self._board.shape[1]
        if more > 0:  # by what was compiled since the chunk was begun
            self._board = np.pad(self._board, ((0, 0), (0, more)))
        return self._board

    def feature(self, name: str) -> np.ndarray:
        """The values of a window, [count]. KeyError where there is none of that name."""
        for rows, values in self._walked if name not in self.features else ():
            if name in rows:
                row, dtype = rows[name]
                self.features[name] = values[row].view(dtype)
        return self.features[name]

    def bring_windows(
        self, rows: Mapping[str, tuple[int, np.dtype[Any]]], values: np.ndarray, numbers: Int64s, places: Int64s
    ) -> None:
        """The values of windows, int64[windows, count]; for each name the row and what it holds. `places`: where they
        are, by the numbers of their Inputs."""
        self._walked.append((rows, values))
        self.board[:, numbers] = places

    def rows(self, bits: int) -> np.ndarray:
        """int32[m]: the rows of some kinds (bits_of), in arrival order."""
        found = self._rows.get(bits)
        if found is None:
            chosen = np.empty(self.count + 1, np.int32)
            found = self._rows[bits] = chosen[: _choose(self["kind"], bits, chosen)]
        return found

    def hosts(self, rows: np.ndarray) -> tuple[Strings, np.ndarray]:
        """The batch's host column, and where in it some rows of the chunk stand."""
        return self._batch.strings("host"), (rows + self._start).astype(np.int32)

    def reading(self, of_host: bool, aspects: int = Aspect.LOOKS) -> Reading:
        """What is in the texts of the SMS rows, or in the hosts of the SMS and web rows."""
        found = self._readings.get(of_host)
        if found is None or aspects & ~found.aspects:
            strings = self._batch.strings("host" if of_host else "text")
            rows = (self.rows(_WITH_HOST if of_host else _SMS) + self._start).astype(np.int32)
            found = self._readings[of_host] = self.readers.read(of_host, strings, rows, aspects)
        return found

    def folded(self, of_host: bool) -> Folded:
        """The same texts or hosts, folded: for tools that look at them again."""
        strings = self._batch.strings("host" if of_host else "text")
        rows = (self.rows(_WITH_HOST if of_host else _SMS) + self._start).astype(np.int32)
        return (fold_hosts if of_host else fold)(strings, rows)

    def group(self, wordings: Wordings) -> None:
        """Gives the chunk its column `wording` uint64[count]. Once, and chunk by chunk: groups grow by it."""
        rows, texts = self.rows(_SMS), self.reading(False, Aspect.LIKENESS).sketches
        self["wording"] = self.spread(wordings.apply(texts, self["ts_ms"][rows], self.ok[rows]), _SMS)

    def words(self, name: str) -> tuple[np.ndarray, int]:
        """bool[m]: which texts (or hosts) have any pattern of the set; and the kinds whose rows those are."""
        of_host = self.readers.words.is_of_host(name)
        bits = _WITH_HOST if of_host else _SMS
        if name in self._brought:
            return self._brought[name][self.rows(bits)], bits
        return self.reading(of_host, Aspect.SETS).has(name), bits

    def sets(self, of_host: bool, bits: int) -> np.ndarray:
        """bool[sets, m]: which sets occur in the texts (or hosts) of the rows of some kinds that have any."""
        found, others = self.reading(of_host, Aspect.SETS).sets, (_WITH_HOST if of_host else _SMS) & ~bits
        if not others & self.bits:
            return found
        return np.take(found, np.searchsorted(self.rows(bits | others), self.rows(bits)), axis=1)

    def bring_words(self, name: str, found: np.ndarray) -> None:
        """What an earlier part has found of a set, bool[count]: it isn't looked for again."""
        self._brought[name] = found

    def brought(self, name: str) -> np.ndarray | None:
        """What an earlier part has found of a set."""
        return self._brought.get(name)

    def spread(self, values: np.ndarray, bits: int) -> np.ndarray:
        """Values of the rows of some kinds as a full column, 0 elsewhere."""
        full = np.zeros(self.count, values.dtype)
        full[self.rows(bits)] = values
        return full


def _source_of_day(chunk: Chunk) -> np.ndarray:
    """uint64[count]: the source, moved by a large odd step a local day; 0 = nobody."""
    day = ((chunk["ts_ms"] + LOCAL_TIME_MS) // DAY_MS).astype(np.uint64)
    return np.where(chunk["source"] == 0, np.uint64(0), chunk["source"] + day * np.uint64(DAY_STEP))


_DERIVED: dict[str, Callable[[Chunk], np.ndarray]] = {
    "link": lambda chunk: chunk.spread(chunk.reading(True).link, _WITH_HOST),
    "has_link": lambda chunk: chunk["link"] != 0,
    "shape": lambda chunk: chunk.spread(chunk.reading(False).shape, _SMS),
    "disguised": lambda chunk: chunk.spread(chunk.reading(False).disguised, _SMS),
    "source_of_day": _source_of_day,
    URL_IN_TEXT: lambda chunk: chunk.spread(*chunk.words(URL_IN_TEXT)),
}


class KindView:
    """The rows of one kind of a chunk: what conditions are evaluated on (rules.names.View). `asked`: the look-ups in
    lists that are made all together once one of them is wanted."""

    def __init__(self, chunk: Chunk, kind: Kind, lists: ListBook, asked: Asked) -> None:
        self.kind = kind
        self.rows = chunk.rows(1 << kind)
        self.count = len(self.rows)
        self.rows_at = address_of(self.rows)
        self.memo: dict[str, np.ndarray] = {}
        self.chunk, self._lists, self._asked = chunk, lists, asked[kind]
        self._symbols = event_symbols(kind)
        self._whole = self.count == chunk.count
        self._cut: dict[str, np.ndarray] = {}
        self._listed: dict[tuple[str, str], np.ndarray] = {}
        self._sets: dict[bool, np.ndarray] = {}
        self._others = list[np.ndarray]()

    def column(self, name: str) -> np.ndarray:
        found = self._cut.get(name)
        if found is None:
            found = self._cut[name] = self._of_kind(self.chunk[name])
        return found

    def feature(self, name: str) -> np.ndarray:
        return self._of_kind(self.chunk.feature(name))

    def words(self, name: str) -> np.ndarray:
        brought = self.chunk.brought(name)
        if brought is not None:
            return self._of_kind(brought)
        words = self.chunk.readers.words
        of_host = words.is_of_host(name)
        found = self._sets.get(of_host)
        if found is None:
            found = self._sets[of_host] = self.chunk.sets(of_host, 1 << self.kind)
        row: np.ndarray = found[words.numbers(of_host)[name]]
        return row

    def member(self, list_name: str, column: str) -> np.ndarray:
        found = self._listed.get((list_name, column))
        if found is not None:
            return found
        if (list_name, column) in self._asked:
            answers = memberships(self, self._lists, self._asked)
            self._listed |= zip(self._asked, answers, strict=True)
            self.chunk.board[self.kind, _numbers_asked(self._asked)] = located_rows(answers, not self._whole)
        else:  # nobody said beforehand that this would be asked
            self._listed[list_name, column] = self.member_of(list_name, column)
        return self._listed[list_name, column]

    def member_of(self, list_name: str, column: str) -> np.ndarray:
        """One look-up by itself."""
        if column == "host":
            hosts, at = self.chunk.hosts(self.rows)
            return self._lists.has_hosts(list_name, hosts, at, self.column("ts_ms"))
        return self._lists.has(list_name, self.column(column), self.column("ts_ms"))

    def locate(self, source: Input) -> None:
        """Puts a column on the chunk's board, and those that are found along with it. They are kept, so that addresses
        stay good."""
        match source.section:
            case "column":
                self.chunk.places((source.name,))
                return
            case "feature":
                found = self.chunk.feature(source.name)
            case "text":
                brought = self.chunk.brought(source.name)
                found = self.words(source.name) if brought is None else brought
                if brought is None:
                    self._locate_sets(self.chunk.readers.words.is_of_host(source.name))
            case "list":
                found = self.member(source.name, source.column)
            case "other":
                assert source.other is not None
                found = np.broadcast_to(source.other(self), self.count)
                found = found.astype(bool if source.other.type is Type.YES_NO else np.float64)
                self._others.append(found)
        self.chunk.board[self.kind, source.number] = located(found, self.count, self.chunk.count)

    def _locate_sets(self, of_host: bool) -> None:
        """All of texts, or all of hosts."""
        numbers = self.chunk.readers.inputs[of_host]
        self.chunk.board[self.kind, numbers] = located_rows(self._sets[of_host], not self._whole)

    def looked_up(self, name: str, at: np.ndarray) -> np.ndarray:
        """The values that a list was asked for, on some rows of the view: numbers, or hosts as text."""
        if name == "host":
            hosts, rows = self.chunk.hosts(self.rows[at])
            return np.array([hosts[row] for row in rows], object)
        return self.column(self._symbols[name].column)[at]

    def _of_kind(self, full: np.ndarray) -> np.ndarray:
        return full if self._whole else full[self.rows]


@cache
def _numbers_of(columns: tuple[str, ...]) -> Int64s:
    """The numbers of columns as Inputs."""
    return np.array([Input("column", name).number for name in columns], np.int64)


@cache
def _numbers_asked(questions: tuple[Question, ...]) -> Int64s:
    """The numbers of look-ups as Inputs."""
    return np.array([Input("list", *question).number for question in questions], np.int64)


@kernel(IN_U8, INT, OUT_I32)
def _choose(kinds: Uint8s, bits: int, rows: Int32s) -> int:
    return choose_kinds(kinds, bits, rows)


# One place per Kind, None where the chunk has no such events.
Views = list[KindView | None]
