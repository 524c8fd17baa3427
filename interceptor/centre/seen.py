"""What the gates saw and decided, as the centre's systems take it in.

Enters: a frame of events and the decisions on them. Leaves: columns of all events, and the few events of which
something is said, one by one. Invariant: rows are in the stream's order, and only events that count (status OK) are
among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interceptor.schema import Kind, Status


class Decided(Protocol):
    """What is read of the engine's Decisions, of a ledger's rows or of a frame from the cluster."""

    @property
    def status(self) -> np.ndarray: ...
    @property
    def verdict(self) -> np.ndarray: ...
    @property
    def actions(self) -> np.ndarray: ...
    @property
    def score(self) -> np.ndarray: ...
    @property
    def hit_row(self) -> np.ndarray: ...
    @property
    def hit_rule(self) -> np.ndarray: ...
    @property
    def rules(self) -> Sequence[str]: ...
    @property
    def shadow(self) -> np.ndarray: ...


class Event(NamedTuple):
    """One event as plain numbers: schema.COLUMNS says what they mean. `rules`: names of the live rules that hit it."""

    row: int
    event_id: int
    ts_ms: int
    kind: int
    source: int
    target: int
    town: int
    registered: bool
    trunk: int
    line_kind: int
    cell: int
    cell_town: int
    imei: int
    imsi: int
    dur_s: int
    payer: int
    amount_fen: int
    agent: int
    person: int
    subject: int
    finding: int
    outcome: int
    tier: int
    rule: int
    verdict: int
    actions: int
    score: float
    rules: tuple[str, ...]


_COLUMNS = Event._fields[1:-4]


@dataclass(slots=True)
class Seen:
    """n events of EVENT_SCHEMA. verdict u8[n], actions u32[n] (Action bits), score f64[n]; hits: row and rule i32[m],
    by row."""

    frame: pa.RecordBatch
    verdict: np.ndarray
    actions: np.ndarray
    score: np.ndarray
    hit_row: np.ndarray
    hit_rule: np.ndarray
    rules: Sequence[str]
    _columns: dict[str, np.ndarray] = field(default_factory=dict)
    _events: list[Event] | None = None

    @classmethod
    def of(cls, frame: pa.RecordBatch, decided: Decided) -> Seen:
        """Hits of shadow rules aren't among them: nobody acts on these."""
        live = ~decided.shadow[decided.hit_rule]
        row, rule = decided.hit_row[live], decided.hit_rule[live]
        verdict, actions, score = decided.verdict, decided.actions, decided.score
        ok = decided.status == Status.OK
        if not ok.all():
            kept = np.flatnonzero(ok)
            frame = frame.take(pa.array(kept))
            place = np.cumsum(ok) - 1
            of_kept = ok[row]
            row, rule = place[row[of_kept]], rule[of_kept]
            verdict, actions, score = verdict[kept], actions[kept], score[kept]
        return cls(frame, verdict, actions, score, row, rule, decided.rules)

    def __len__(self) -> int:
        return len(self.verdict)

    def column(self, name: str) -> np.ndarray:
        """A column that isn't text, as numpy."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self.frame.column(name).to_numpy(zero_copy_only=False)
        return found

    def text(self, name: str, row: int) -> str:
        """`text` or `host` of one event. It is a stranger's: nothing in it may be believed, or shown as it is."""
        return str(self.frame.column(name)[row].as_py())

    def texts(self, name: str, rows: list[int]) -> list[str]:
        """The same of several."""
        return self.frame.column(name).take(pa.array(rows, pa.int64())).to_pylist() if rows else []

    def is_written(self, name: str) -> np.ndarray:
        """bool[n]: where `text` or `host` isn't empty."""
        return np.asarray(pc.binary_length(self.frame.column(name))) > 0

    def of_kind(self, kind: Kind) -> np.ndarray:
        """i64[…]: rows of this kind."""
        return (self.column("kind") == int(kind)).nonzero()[0]  # numpy is slow with an enum's members

    @property
    def events(self) -> list[Event]:
        """Those of which something is said: by a rule's hit, a decision or a score; by a citizen, an officer or a
        register. Everything else is daily life, and there are dozens of that for each of these."""
        if self._events is None:
            self._events = self._told()
        return self._events

    def _told(self) -> list[Event]:
        told = (self.column("kind") >= int(Kind.REGISTRATION)) | (self.verdict != 0) | (self.actions != 0)
        told |= self.score != 0
        told[self.hit_row] = True
        rows = told.nonzero()[0]
        if not len(rows):
            return []
        columns = [self.column(name)[rows].tolist() for name in _COLUMNS]
        columns += [values[rows].tolist() for values in (self.verdict, self.actions, self.score)]
        hits: dict[int, list[str]] = {row: [] for row in rows.tolist()}
        for row, rule in zip(self.hit_row.tolist(), self.hit_rule.tolist(), strict=True):
            hits[row].append(self.rules[rule])
        return [Event(*values) for values in zip(hits, *columns, map(tuple, hits.values()), strict=True)]
