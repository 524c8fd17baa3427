"""What a shared list is in Redis, and how entries from there come on a list of the engine.

Enters: what stands in Redis. Leaves: Generation, entries put on and taken off. Invariant: which generation of a list
counts says alone what is on it; whole lists change by a new one taking the place of the old.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from interceptor.entries import Columns
from interceptor.rules.side_lines import LISTS
from interceptor.transport.lists import codec
from interceptor.transport.lists.codec import BadEntries, Meaning


class Moved(Exception):
    """Another generation of the list took the place of the one that was being read."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A list as it is in Redis. `born`: "import" is a whole list that takes the place of the one before, "add" one that
    grew from nothing."""

    id: str
    match: Any
    of: str
    born: Literal["import", "add"]
    at_ms: int

    @property
    def meaning(self) -> Meaning:
        return Meaning(self.match, self.of)

    @classmethod
    def new(cls, meaning: Meaning, born: Literal["import", "add"]) -> Generation:
        return cls(secrets.token_hex(4), meaning.match, meaning.of, born, int(time.time() * 1000))

    @classmethod
    def read(cls, text: bytes) -> Generation:
        """Raises BadEntries."""
        try:
            found = cls(**json.loads(text))
            if found.match not in LISTS or found.born not in ("import", "add") or not found.id.isalnum():
                raise ValueError
        except (ValueError, TypeError, AttributeError):
            raise BadEntries("what a list means can't be read") from None
        return found

    def text(self) -> str:
        return json.dumps(asdict(self))


def apply(entries: Any, columns: Columns, texts: Mapping[int, str]) -> None:
    """Puts entries on a list of the engine, and takes those off that say so."""
    if texts:
        entries.show(texts.keys(), texts.values())
    off = codec.is_off(columns.from_ms)
    if off.any():
        entries.remove(columns.keys[off])
        columns = part_of(columns, ~off)
    entries.put(columns.keys, columns.from_ms, columns.expires_ms, entries.codes_of(columns))


def part_of(columns: Columns, rows: Any) -> Columns:
    """Some of the entries."""
    keys, from_ms, expires_ms, codes = (
        column[rows] for column in (columns.keys, columns.from_ms, columns.expires_ms, columns.codes)
    )
    return Columns(keys, from_ms, expires_ms, codes, columns.notes)
