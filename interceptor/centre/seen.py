"""What the gates saw and decided, as the centre's systems take it in.

Enters: a frame of events and the decisions on them. Leaves: columns, and rows that somebody asks for. Invariant: the
rows are in the stream's order, and only events that count (status OK) are among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from interceptor.schema import Status


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

    def of_kind(self, *kinds: int) -> np.ndarray:
        """i64[…]: rows of these kinds."""
        kind = self.column("kind")
        wanted = kind == kinds[0]
        for other in kinds[1:]:
            wanted = wanted | (kind == other)
        return np.flatnonzero(wanted)

    def acted(self, actions: int) -> np.ndarray:
        """i64[…]: rows with any of these Action bits."""
        return np.flatnonzero(self.actions & np.uint32(actions))

    def rules_of(self, row: int) -> tuple[str, ...]:
        """Names of the live rules that hit an event."""
        first, last = np.searchsorted(self.hit_row, (row, row + 1))
        return tuple(self.rules[rule] for rule in self.hit_rule[first:last].tolist())
