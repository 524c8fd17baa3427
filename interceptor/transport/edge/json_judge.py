"""Events as JSON, one a message, into a frame: what each message means, and why it is none.

Enters: the values of messages, and what Kafka says of each. Leaves: Read: one record batch with EVENT_SCHEMA, and a
Refused for each message that isn't an event. Invariants: every message is in one of the two; which one depends on that
message alone, never on its neighbours; a reason holds nothing of the message but names of fields.

Fields are those of `json_fields`. msgspec decodes; then fields are read kind by kind and column by column. This is the
judge; `json_events` spares it what is written plainly, and that is nearly everything.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import UNSET

from interceptor.schema import COLUMNS, EVENT_SCHEMA, Kind
from interceptor.transport.edge.json_fields import (
    AHEAD_MAX_MS,
    EARLIEST_MS,
    FIELDS,
    HOST,
    KIND_OF_STRUCT,
    LATEST_MS,
    REQUIRED,
    SEVERAL_NAMES,
    SITE,
    STRUCTS,
    UNKNOWN,
    Field,
    source_key,
)
from interceptor.transport.edge.json_refusals import (
    MESSAGE_BYTES_MAX,
    Refused,
    out_of_range,
    refusal,
    says_twice,
)
from interceptor.transport.fitness import TEXT_BYTES_MAX

_TEXTS = ("text", "host")
_DECODE = msgspec.json.Decoder(functools.reduce(operator.or_, STRUCTS.values())).decode
_INGEST, _ID = "ingest_ts_ms", "event_id"


@dataclass(frozen=True, slots=True)
class Read:
    """What n messages held. `rows` int64[k]: the message of each of the batch's k events, ascending; `refused`:
    (message, why) of the n - k others, ascending."""

    batch: pa.RecordBatch
    rows: np.ndarray
    refused: list[tuple[int, Refused]]


def read_slowly(values: Sequence[bytes | None], ids: np.ndarray, taken_ms: np.ndarray | None = None) -> Read:
    """Every event by its own object, whatever is in it: what `json_events` is measured by. `ids` uint64[n]: for events
    without one. `taken_ms` int64[n]: when Kafka got the message, -1 = unknown; that is also `ingest_ts` where it isn't
    said."""
    work = _Work(values, ids, np.full(len(values), -1, np.int64) if taken_ms is None else taken_ms)
    return work.read()


class _Work:
    """The columns of n messages in the making; rows of what is refused hold anything."""

    def __init__(self, values: Sequence[bytes | None], ids: np.ndarray, taken_ms: np.ndarray) -> None:
        self._values, self._taken_ms = values, taken_ms
        count = len(values)
        self._refused: dict[int, Refused] = {}
        self._keys = np.ones(count, np.int64)  # how many keys the object has that were understood; `kind` is one
        self._columns: dict[str, Any] = {}
        for column in COLUMNS:
            if column.name in _TEXTS:
                self._columns[column.name] = np.full(count, "", object)
            else:
                self._columns[column.name] = np.zeros(count, column.type.to_pandas_dtype())
        self._columns[_ID][:] = ids
        self._has_ingest = np.zeros(count, bool)

    def read(self) -> Read:
        for kind, rows, events in self._decoded():
            self._columns["kind"][rows] = int(kind)
            self._read_kind(kind, rows, events)
        self._check_keys()
        self._check_times()
        batch = self._batch()
        kept = np.ones(len(self._values), bool)
        kept[list(self._refused)] = False
        return Read(
            batch if kept.all() else batch.filter(pa.array(kept)), np.flatnonzero(kept), sorted(self._refused.items())
        )

    def _decoded(self) -> list[tuple[Kind, np.ndarray, list[msgspec.Struct]]]:
        """By kind: where its events stand, and the events."""
        found: dict[type, tuple[list[int], list[msgspec.Struct]]] = {struct: ([], []) for struct in STRUCTS.values()}
        for row, event in enumerate(self._all_decoded()):
            if event is not None:
                rows, events = found[type(event)]
                rows.append(row)
                events.append(event)
        return [(KIND_OF_STRUCT[type_], np.array(rows), events) for type_, (rows, events) in found.items() if rows]

    def _all_decoded(self) -> list[msgspec.Struct | None]:
        try:
            values = [value for value in self._values if value is not None]
            if len(values) == len(self._values) and max(map(len, values), default=0) <= MESSAGE_BYTES_MAX:
                return list(map(_DECODE, values))
        except (ValueError, RecursionError):  # one of them: now each by itself
            pass
        return [self._decode(row, value) for row, value in enumerate(self._values)]

    def _decode(self, row: int, value: bytes | None) -> msgspec.Struct | None:
        if value is not None and len(value) <= MESSAGE_BYTES_MAX:
            try:
                return _DECODE(value)
            except (ValueError, RecursionError):  # msgspec's own errors and Unicode's are ValueErrors
                pass
        self._refused[row] = refusal(value)
        return None

    def _read_kind(self, kind: Kind, rows: np.ndarray, events: list[msgspec.Struct]) -> None:
        told = [msgspec.structs.astuple(event) for event in events]
        self._keys[rows] = len(FIELDS[kind]) + 1 - np.array([event.count(UNSET) for event in told])
        by_field: dict[Field, Sequence[Any]] = dict(zip(FIELDS[kind], zip(*told, strict=True), strict=True))
        given: dict[str, np.ndarray] = {}  # column → which of these events have it
        sources: list[tuple[Field, np.ndarray, Sequence[Any]]] = []
        for field, values in by_field.items():
            if values.count(UNSET) == len(values):
                if field.column in UNKNOWN:
                    self._columns[field.column][rows] = UNKNOWN[field.column]
            elif field.column not in SEVERAL_NAMES:
                filled = [field.default if value is UNSET else value for value in values]
                self._fill(field, rows, filled, field.read)
            else:
                has = np.array([value is not UNSET for value in values])
                said = [value for value in values if value is not UNSET]
                self._note(field, rows, given, has)
                if field.column == "source":
                    sources.append((field, rows[has], said))  # what it means depends on the subject
                else:
                    self._fill(field, rows[has], said, field.read)
        for source in sources:
            self._fill_sources(kind, *source)
        if kind is Kind.WEB:
            self._join_site(rows, by_field, given)
        self._check_required(kind, rows, given)

    def _check_required(self, kind: Kind, rows: np.ndarray, given: dict[str, np.ndarray]) -> None:
        for column in REQUIRED:
            missing = ~given[column] if column in given else np.ones(len(rows), bool)
            for row in rows[missing].tolist():
                names = " or ".join(field.name for field in FIELDS[kind] if field.column == column)
                self._refuse(row, Refused("missing-field", f"a {kind.name.lower()} event needs {names}"))

    def _note(self, field: Field, rows: np.ndarray, given: dict[str, np.ndarray], has: np.ndarray) -> None:
        """One column under two names is a contradiction waiting to happen."""
        seen = given.setdefault(field.column, np.zeros(len(rows), bool))
        for row in rows[seen & has].tolist():
            self._refuse(row, Refused("given-twice", f"{field.name} is given under another name, too"))
        seen |= has
        if field.column == _INGEST:
            self._has_ingest[rows[has]] = True

    def _fill(self, field: Field, rows: np.ndarray, values: Sequence[Any], read: Callable[[Any], Any] | None) -> None:
        column = self._columns[field.column]
        try:
            found = values if read is None or (field.or_int and set(map(type, values)) == {int}) else map(read, values)
            column[rows] = np.fromiter(found, column.dtype, len(values))
            if field.column in _TEXTS:
                self._check_length(field, rows, column[rows])
        except (ValueError, OverflowError):
            for row, value in zip(rows.tolist(), values, strict=True):
                self._fill_one(field, row, value, read)

    def _fill_one(self, field: Field, row: int, value: Any, read: Callable[[Any], Any] | None) -> None:
        try:
            found = value if read is None else read(value)
            self._columns[field.column][row] = np.fromiter([found], self._columns[field.column].dtype, 1)[0]
            if field.column in _TEXTS and len(found.encode()) > TEXT_BYTES_MAX:
                self._refuse(row, Refused("too-long", f"{field.name} has more than {TEXT_BYTES_MAX:,} bytes"))
        except OverflowError:
            self._refuse(row, out_of_range(field))
        except ValueError:
            self._refuse(row, Refused("bad-value", f"{field.name} is not {field.wanted}"))

    def _check_length(self, field: Field, rows: np.ndarray, texts: np.ndarray) -> None:
        """Raises ValueError where one of them has to be looked at."""
        if len(texts) and max(map(len, texts)) * 4 > TEXT_BYTES_MAX:
            raise ValueError(f"{field.name} of {len(rows)} events")

    def _fill_sources(self, kind: Kind, field: Field, rows: np.ndarray, values: Sequence[Any]) -> None:
        if set(map(type, values)) == {int}:
            self._fill(field, rows, values, None)
            return
        subjects = self._columns["subject"][rows].tolist()
        pairs = list(zip(subjects, values, strict=True))
        self._fill(field, rows, pairs, lambda pair: pair[1] if isinstance(pair[1], int) else source_key(kind, *pair))

    def _join_site(self, rows: np.ndarray, by_field: dict[Field, Sequence[Any]], given: dict[str, np.ndarray]) -> None:
        """Of a visit either says the other: its site as a name is its host, its host is its site."""
        nothing = np.zeros(len(rows), bool)
        has_source, has_host = given.get("source", nothing), given.get("host", nothing)
        for field, values in by_field.items():
            if field.column == "source":
                named = [at for at, value in enumerate(values) if isinstance(value, str) and not has_host[at]]
                self._fill(HOST, rows[named], [values[at] for at in named], HOST.read)
            elif field.column == "host":
                alone = [at for at, value in enumerate(values) if value is not UNSET and value and not has_source[at]]
                self._fill_sources(Kind.WEB, SITE, rows[alone], [values[at] for at in alone])
                given["source"] = has_source | np.isin(np.arange(len(rows)), alone)

    def _check_keys(self) -> None:
        """Of a name that stands there twice msgspec takes the last. Counting the keys is a quick way to see it: where
        the count is right, there is none; where it isn't, the text may just be written in another way."""
        counted = np.array([value.count(b'":') if value else 0 for value in self._values], np.int64)
        doubtful = counted != self._keys
        if _has_spaced_keys(b"".join(value for value in self._values if value)):
            doubtful |= np.array([_has_spaced_keys(value or b"") for value in self._values], bool)
        for row in np.flatnonzero(doubtful).tolist():
            if row not in self._refused and says_twice(self._values[row] or b""):
                self._refuse(row, Refused("given-twice", "a field stands there twice"))

    def _check_times(self) -> None:
        ts_ms, ingest_ms, taken_ms = self._columns["ts_ms"], self._columns[_INGEST], self._taken_ms
        for name, times, said in (("ts", ts_ms, True), ("ingest_ts", ingest_ms, self._has_ingest)):
            wrong = said & ((times < EARLIEST_MS) | (times >= LATEST_MS))
            ahead = said & (taken_ms >= 0) & (times > taken_ms + AHEAD_MAX_MS)
            for row in np.flatnonzero(wrong | ahead).tolist():
                reason = "isn't between 2000 and 2100" if wrong[row] else "is more than a day ahead of Kafka's clock"
                self._refuse(row, Refused("bad-time", f"{name} {reason}"))
        unsaid = ~self._has_ingest
        ingest_ms[unsaid] = np.where(taken_ms[unsaid] >= 0, taken_ms[unsaid], ts_ms[unsaid])

    def _refuse(self, row: int, why: Refused) -> None:
        self._refused.setdefault(row, why)

    def _batch(self) -> pa.RecordBatch:
        arrays = [pa.array(self._columns[column.name], column.type) for column in COLUMNS]
        return pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA)


def _has_spaced_keys(text: bytes) -> bool:
    """Whether there may be keys with a space before the colon, which `":` doesn't find."""
    return any(space in text and space + b":" in text for space in (b" ", b"\t", b"\n", b"\r"))
