"""Decisions for people's own programs: a line of JSON for each event, or columns of a Parquet file.

Enters: Decisions, and the numbers of the lines that the events came from. Leaves: bytes in a file. Invariant: nothing
of an event is in them but its id, kind and time: no number, text or account; what a line of JSON says is made of words
from the rules, and safe to show.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from interceptor.decisions import DECISION_SCHEMA, Decisions, most_telling
from interceptor.schema import Action, Kind, Status, Verdict

COLUMNS_SCHEMA = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("ts_ms", pa.int64(), nullable=False),
        *DECISION_SCHEMA,
    ]
)
_KINDS, _STATUSES, _VERDICTS = ([member.name.lower() for member in of] for of in (Kind, Status, Verdict))
_TIERS = (Action.WARN_1, Action.WARN_2, Action.WARN_3, Action.WARN_4)
_encode_lines = msgspec.json.Encoder().encode_lines


class Line(msgspec.Struct, gc=False):
    """One decision. `rules`: live ones that hit; `watching`: those in shadow, which changed nothing. `tier`: of the
    warning to the citizen, 0 = none. Scores are those right after the event."""

    line: int
    event_id: int
    kind: str
    ts_ms: int
    status: str
    verdict: str
    actions: list[str]
    tier: int
    score: float
    target_score: float
    rules: list[str]
    watching: list[str]
    reason: str
    remedy: str
    ruleset: str


class Output(Protocol):
    """Where decisions go. Writing raises OSError."""

    def add(self, decisions: Decisions, lines: np.ndarray) -> None:
        """`lines` int64[n]: of the n events."""

    def close(self) -> None: ...


class JsonLines:
    """NDJSON, written as it comes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._actions: dict[int, tuple[list[str], int]] = {}
        self._told: dict[bytes, tuple[list[str], list[str], str, str]] = {}
        self._nothing: tuple[list[str], list[str], str, str] = ([], [], "", "")

    def add(self, decisions: Decisions, lines: np.ndarray) -> None:
        hits = self._hits(decisions)
        numbers = (lines, *(getattr(decisions, name) for name in (
            "event_id", "kind", "ts_ms", "status", "verdict", "actions", "score", "target_score",
        )))  # fmt: skip
        found = []
        for row, values in enumerate(zip(*(column.tolist() for column in numbers), strict=True)):
            line, event_id, kind, ts_ms, status, verdict, actions, score, target_score = values
            names, tier = self._named(actions)
            rules, watching, reason, remedy = hits.get(row, self._nothing)
            found.append(Line(
                line, event_id, _KINDS[kind], ts_ms, _STATUSES[status], _VERDICTS[verdict], names, tier, score,
                target_score, rules, watching, reason, remedy, decisions.ruleset,
            ))  # fmt: skip
        self._file.write(_encode_lines(found))
        self._file.flush()

    def close(self) -> None:
        self._file.flush()

    def _named(self, actions: int) -> tuple[list[str], int]:
        """Words for bits of actions, and the tier of the warning."""
        found = self._actions.get(actions)
        if found is None:
            names = [(action.name or "").lower() for action in Action(actions)]
            tier = max((tier for tier, warning in enumerate(_TIERS, 1) if actions & warning), default=0)
            found = self._actions[actions] = (names, tier)
        return found

    def _hits(self, decisions: Decisions) -> dict[int, tuple[list[str], list[str], str, str]]:
        """By row: what is to be said of the rules that hit it."""
        rows, firsts = np.unique(decisions.hit_row, return_index=True)
        found = {}
        for row, rules in zip(
            rows.tolist(), np.split(decisions.hit_rule, firsts[1:]) if len(rows) else (), strict=True
        ):
            key = rules.tobytes()
            if key not in self._told:
                self._told[key] = _told(decisions, rules.tolist())
            found[row] = self._told[key]
        return found


def _told(decisions: Decisions, hits: list[int]) -> tuple[list[str], list[str], str, str]:
    """Live rules, watching rules, reason, remedy."""
    rules = [decisions.rule_set.rules[hit] for hit in hits]
    live = [rule for rule in rules if rule.mode == "live"]
    return [rule.name for rule in live], [rule.name for rule in rules if rule.mode != "live"], *most_telling(live)


class Columns:
    """Parquet; numbers for words, as in `ledger export`."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, COLUMNS_SCHEMA, compression="zstd", version="2.6")

    def add(self, decisions: Decisions, lines: np.ndarray) -> None:
        first = [pa.array(lines), pa.array(decisions.kind), pa.array(decisions.ts_ms)]
        self._writer.write_batch(
            pa.RecordBatch.from_arrays([*first, *decisions.to_arrow().columns], schema=COLUMNS_SCHEMA)
        )

    def close(self) -> None:
        self._writer.close()
