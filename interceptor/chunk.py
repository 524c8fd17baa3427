"""A chunk of a batch, and its rows of one kind as conditions see them.

Enters: a batch and the rows of it that are decided at once. Leaves: columns, derived columns and features by name.
Invariant: everything is computed at most once per chunk, and only when something asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np

from interceptor.batch import Columns, Strings
from interceptor.columns import Located, located, located_rows
from interceptor.folding import Folded, fold, fold_hosts
from interceptor.instructions import Input
from interceptor.kernels import Int64s
from interceptor.listbook import ListBook
from interceptor.memberships import Asked, memberships
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
        self.count = stop - start
        self._batch, self._start, self._readers = batch, start, readers
        self.ok = status[start:stop] == Status.OK
        self.all_ok = bool(self.ok.all())
        self.zeros = np.zeros(self.count, np.int64)
        self.features: dict[str, np.ndarray] = {}
        self.located: dict[str, Located] = {}  # what programs have read
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

    def rows(self, bits: int) -> np.ndarray:
        """int32[m]: the rows of some kinds (bits_of), in arrival order."""
        found = self._rows.get(bits)
        if found is None:
            chosen = np.array([bits >> kind & 1 for kind in range(len(Kind))], bool)
            found = self._rows[bits] = np.flatnonzero(chosen[self["kind"]]).astype(np.int32)
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
            found = self._readings[of_host] = self._readers.read(of_host, strings, rows, aspects)
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
        of_host = self._readers.words.is_of_host(name)
        bits = _WITH_HOST if of_host else _SMS
        if name in self._brought:
            return self._brought[name][self.rows(bits)], bits
        return self.reading(of_host, Aspect.SETS).has(name), bits

    def bring_words(self, name: str, found: np.ndarray) -> None:
        """What an earlier part has found of a set, bool[count]: it isn't looked for again."""
        self._brought[name] = found

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
        self.rows = chunk.rows(bits_of([kind]))
        self.count = len(self.rows)
        self.memo: dict[str, np.ndarray] = {}
        self.chunk, self._lists, self._asked = chunk, lists, asked[kind]
        self._symbols = event_symbols(kind)
        self._whole = self.count == chunk.count
        self._cut: dict[str, np.ndarray] = {}
        self._listed: dict[tuple[str, str], np.ndarray] = {}
        self._located: dict[str, Located] = {}

    def column(self, name: str) -> np.ndarray:
        found = self._cut.get(name)
        if found is None:
            found = self._cut[name] = self._of_kind(self.chunk[name])
        return found

    def feature(self, name: str) -> np.ndarray:
        return self._of_kind(self.chunk.features[name])

    def words(self, name: str) -> np.ndarray:
        key = f"words {name}"
        if key not in self._cut:
            found, bits = self.chunk.words(name)
            self._cut[key] = found if bits == _SMS else self._of_kind(self.chunk.spread(found, bits))
        return self._cut[key]

    def member(self, list_name: str, column: str) -> np.ndarray:
        found = self._listed.get((list_name, column))
        if found is not None:
            return found
        if (list_name, column) in self._asked:
            answers = memberships(self, self._lists, self._asked)
            self._listed |= zip(self._asked, answers, strict=True)
            keys = (_input("list", *question).key for question in self._asked)
            self._located |= zip(keys, located_rows(answers, [np.bool_] * len(answers), not self._whole), strict=True)
        else:  # nobody said beforehand that this would be asked
            self._listed[list_name, column] = self.member_of(list_name, column)
        return self._listed[list_name, column]

    def member_of(self, list_name: str, column: str) -> np.ndarray:
        """One look-up by itself."""
        if column == "host":
            hosts, at = self.chunk.hosts(self.rows)
            return self._lists.has_hosts(list_name, hosts, at, self.column("ts_ms"))
        return self._lists.has(list_name, self.column(column), self.column("ts_ms"))

    def located(self, sources: Sequence[Input]) -> Int64s:
        """int64[sources]: columns for a program, by their addresses."""
        mine, shared = self._located.get, self.chunk.located.get
        return np.array(
            [shared(source.key) or mine(source.key) or self._locate(source) for source in sources], np.int64
        )

    def located_column(self, name: str) -> Located:
        """A column of the chunk, by its address."""
        source = _input("column", name)
        return self.chunk.located.get(source.key) or self._locate(source)

    def _locate(self, source: Input) -> Located:
        book = self.chunk.located if source.is_of_chunk else self._located
        found = book[source.key] = located(self._loaded(source), self.count, self.chunk.count)
        return found

    def _loaded(self, source: Input) -> np.ndarray:
        """One value for each row of the kind, or for each of the chunk. It is kept, so that its address stays good."""
        match source.section:
            case "column":
                return self.chunk[source.name]
            case "feature":
                return self.chunk.features[source.name]
            case "text":
                return self.words(source.name)
            case "list":
                return self.member(source.name, source.column)
        assert source.other is not None
        found = np.broadcast_to(source.other(self), self.count)
        found = found.astype(bool if source.other.type is Type.YES_NO else np.float64)
        self._cut[source.key] = found
        return found

    def looked_up(self, name: str, at: np.ndarray) -> np.ndarray:
        """The values that a list was asked for, on some rows of the view: numbers, or hosts as text."""
        if name == "host":
            hosts, rows = self.chunk.hosts(self.rows[at])
            return np.array([hosts[row] for row in rows], object)
        return self.column(self._symbols[name].column)[at]

    def _of_kind(self, full: np.ndarray) -> np.ndarray:
        return full if self._whole else full[self.rows]


_input = cache(Input)  # asked for at every look-up

# One place per Kind, None where the chunk has no such events.
Views = list[KindView | None]
