"""Entries of lists, and what all lists have in common: notes on entries, and how a list is handed on as columns.

Enters: sources and reasons. Leaves: Entry, codes of notes, Columns. Invariants: a source and reason is kept once,
however many entries have it; an entry that was taken off begins after all times and expires before them, so that it
never holds, and putting it on again gives the new time exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from interceptor.kernels import Int32s, Int64s, Uint64s

FOREVER_MS = 2**62
TAKEN_OFF_MS = (FOREVER_MS, -FOREVER_MS)  # from when until when an entry holds that was taken off


@dataclass(frozen=True, slots=True)
class Entry:
    """Why a value is listed, and from when until when (ms since 1970 UTC)."""

    value: str
    from_ms: int
    expires_ms: int
    source: str
    reason: str

    def holds(self, ts_ms: int) -> bool:
        return self.from_ms <= ts_ms < self.expires_ms


@dataclass(frozen=True, slots=True)
class Columns:
    """All entries of a list. `keys` uint64[n], or uint64[n, 2] for ranges; `notes`: source and reason by code, of
    which 0 says nothing."""

    keys: Uint64s
    from_ms: Int64s
    expires_ms: Int64s
    codes: Int32s
    notes: list[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.keys)


class Noted:
    """Sources and reasons: each pair is kept once, and entries refer to it by its code; 0 says nothing."""

    def __init__(self) -> None:
        self._code_of = {("", ""): 0}
        self._notes = [("", "")]

    def note(self, source: str, reason: str) -> int:
        """The code of a source and reason."""
        code = self._code_of.setdefault((source, reason), len(self._notes))
        if code == len(self._notes):
            self._notes.append((source, reason))
        return code

    @property
    def notes(self) -> int:
        """How many different ones there are."""
        return len(self._notes) - 1

    def codes_of(self, columns: Columns) -> Int32s:
        """int32[n]: the codes that the notes of these entries have here."""
        codes = [self.note(*note) for note in columns.notes]
        return np.array(codes, np.int32)[columns.codes]


def last_to_expire(entries: Iterable[Entry | None]) -> Entry | None:
    """Of some entries that hold; the first of them where several expire at once."""
    return max(filter(None, entries), key=lambda entry: entry.expires_ms, default=None)
