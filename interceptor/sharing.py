"""Lists that several engines share: what came from outside, for any number of ListBooks.

Enters: entries of lists by name, put on, taken off, or whole lists in place of others. Leaves: the part of a list that
is shared. Invariants: a list here has one `match` and one kind of value, and counts only for a rule set whose list of
that name has the same; it is kept when a rule set doesn't name it, so that a reload can bring it back. Nothing is read
from outside, and everything is called by the one thread that runs the engines.

An entry of a shared exact list that was taken off also hides what verdicts added: see ListBook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from interceptor.entries import Columns
from interceptor.lists import ExactList
from interceptor.rules.model import ListDef
from interceptor.rules.side_lines import LISTS, AnyList
from interceptor.rules.values import Match

FORGET_SHARE = 8  # expired entries are dropped once they are one in so many: that moves all others


@dataclass(frozen=True, slots=True)
class SharedList:
    """One list with what its entries mean."""

    match: Match
    of: str
    entries: AnyList

    def fits(self, definition: ListDef) -> bool:
        """Whether this is what a rule set means by the list."""
        return (self.match, self.of) == (definition.match, definition.of)


class Shared:
    """Shared lists by name. `version` grows with every change that could bring a list where there was none."""

    def __init__(self) -> None:
        self._lists: dict[str, SharedList] = {}
        self.version = 0

    def get(self, name: str) -> SharedList | None:
        """The list of that name."""
        return self._lists.get(name)

    def fitting(self, definition: ListDef) -> AnyList | None:
        """What is shared of a rule set's list."""
        found = self._lists.get(definition.list)
        return found.entries if found and found.fits(definition) else None

    def replace(self, name: str, shared: SharedList) -> None:
        """Puts a whole list in the place of the one before."""
        self._lists[name] = shared
        self.version += 1

    def add(
        self, name: str, match: Match, of: str, columns: Columns, texts: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        """Puts entries on a list. One that is there is extended, from the earlier start to the later end. `texts`: how
        people write what a key is the hash of."""
        entries: Any = self._list(name, match, of).entries
        if texts:
            entries.show(texts.keys(), texts.values())
        entries.put(columns.keys, columns.from_ms, columns.expires_ms, entries.codes_of(columns))
        self.version += 1

    def remove(self, name: str, match: Match, of: str, keys: np.ndarray) -> None:
        """Takes entries off a list: uint64[k], uint64[k, 2] for ranges."""
        self._list(name, match, of).entries.remove(keys)
        self.version += 1

    def forget(self, before_ms: int) -> None:
        """Drops exact values that expired before a time that no accepted event can have any more."""
        for shared in self._lists.values():
            entries = shared.entries
            if isinstance(entries, ExactList) and entries.ended(before_ms) * FORGET_SHARE > len(entries):
                entries.forget(before_ms)
                self.version += 1

    def _list(self, name: str, match: Match, of: str) -> SharedList:
        """The list of that name; a new one where there is none, or one that meant something else."""
        found = self._lists.get(name)
        if found is None or (found.match, found.of) != (match, of):
            found = self._lists[name] = SharedList(match, of, LISTS[match]())
        return found
