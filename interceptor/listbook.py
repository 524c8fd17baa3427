"""All lists of a rule set, by name.

Enters: list definitions, and what verdicts add. Leaves: membership and entries. Invariants: an entry counts from
`since` until `expires` in the time of the event, never by a clock; what the rules' author listed (items, side files),
what verdicts added and what is shared with other engines are kept apart, and a value is listed where any of them says
so. What verdicts added and what is shared changes, and outlives a reload of the rules. A value that was taken off the
shared list isn't listed by what verdicts added either, until it is shared again; what the rules' author listed stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from interceptor.batch import Strings
from interceptor.entries import FOREVER_MS, Entry, last_to_expire
from interceptor.hosts import hash_of_host
from interceptor.lists import DomainList, ExactList
from interceptor.rules.model import ItemDef, ListDef
from interceptor.rules.side_lines import LISTS, AnyList
from interceptor.rules.values import parsed
from interceptor.sharing import Shared


class ListBook:
    """Lists by name, filled from their definitions."""

    def __init__(self, definitions: Iterable[ListDef], shared: Shared | None = None) -> None:
        self._shared = Shared() if shared is None else shared
        self._fill(definitions, {}, {}, {})

    def reloaded(self, definitions: Iterable[ListDef]) -> ListBook:
        """The lists of another rule set. What hasn't changed of items and side files is taken over as it is; so is what
        verdicts added to a list, if it still is an exact list of the same kind of value. This book and the new one
        share that from now on: go on with one of them."""
        book = ListBook((), self._shared)
        book._fill(definitions, self._definitions, self._items, self._added)
        return book

    @property
    def shared(self) -> Shared:
        """What is shared: add to it, take off, replace whole lists there."""
        return self._shared

    def share(self, shared: Shared) -> None:
        """Takes these shared lists in the place of the ones before; other books may have them, too."""
        self._shared = shared
        self._parts = self._not_empty()

    def goes_on_with(self, name: str, before: ListBook) -> bool:
        """Whether what verdicts add to a list has its place here as it had in the book before."""
        return name in self._added and self._added[name] is before._added.get(name)

    @property
    def notes(self) -> dict[Any, Any]:
        """For whoever asks to keep what was made of the lists: empty again once one of them has changed."""
        self._look_again()
        return self._notes

    def parts(self, name: str) -> list[AnyList]:
        """What makes up a list now; nothing where nothing is listed."""
        return self._of(name)

    def has(self, name: str, values: np.ndarray, ts_ms: np.ndarray) -> np.ndarray:
        """bool[n]: which values (uint64[n]) are on an exact, prefix or range list at their time."""
        values = values.astype(np.uint64, copy=False)
        return _any([part.contains(values, ts_ms) for part in self._of(name)], len(values))

    def has_hosts(self, name: str, hosts: Strings, rows: np.ndarray, ts_ms: np.ndarray) -> np.ndarray:
        """bool[m]: which of some rows' hosts are on a domain list."""
        return _any([part.contains(hosts, ts_ms, rows) for part in self._of(name)], len(rows))

    def entry(self, name: str, value: Any, ts_ms: int) -> Entry | None:
        """The entry behind a match, or None: of several, the one that expires last. `value` is a number, or a host
        where the list is one of domains."""
        return last_to_expire(
            part.entry(value if isinstance(part, DomainList) else int(value), ts_ms) for part in self._of(name)
        )

    def add(self, name: str, values: np.ndarray, from_ms: int, expires_ms: int, source: str) -> None:
        """Puts values (uint64[k]) on an exact list; one that was put there before stays for the longer of the two."""
        since, until = (np.full(len(values), ms, np.int64) for ms in (from_ms, expires_ms))
        self._added[name].add_many(values, since, until, source)
        self._parts = self._not_empty()

    def forget(self, before_ms: int) -> None:
        """Drops what was added and expired before a time that no accepted event can have any more."""
        for added in self._added.values():
            if len(added):
                added.forget(before_ms)
        self._shared.forget(before_ms)
        self._parts = self._not_empty()

    def _of(self, name: str) -> list[Any]:
        """What makes up a list now."""
        self._look_again()
        return self._parts[name]

    def _look_again(self) -> None:
        if self._seen != self._shared.version:
            self._parts = self._not_empty()

    def _not_empty(self) -> dict[str, list[Any]]:
        """What makes up each list, without what is empty: those that rules fill mostly are."""
        self._seen, self._notes = self._shared.version, dict[Any, Any]()
        parts = {}
        for name, definition in self._definitions.items():
            added, shared = self._added.get(name), self._shared.fitting(definition)
            written = (self._items[name], *(side.entries for side in definition.sides))
            if added and isinstance(shared, ExactList) and shared.removes:
                parts[name] = [part for part in (*written, Unless(added, shared), shared) if part]
            else:
                parts[name] = [part for part in (*written, added, shared) if part]
        return parts

    def _fill(
        self,
        definitions: Iterable[ListDef],
        before: dict[str, ListDef],
        items: dict[str, AnyList],
        added: dict[str, ExactList],
    ) -> None:
        self._definitions = {definition.list: definition for definition in definitions}
        self._items: dict[str, AnyList] = {}
        self._added: dict[str, ExactList] = {}
        for name, now in self._definitions.items():
            was = before.get(name)
            same = was is not None and (was.match, was.of) == (now.match, now.of)
            unchanged = same and was is not None and (was.ttl, was.items) == (now.ttl, now.items)
            self._items[name] = items[name] if unchanged else _filled(now)
            if now.match == "exact":
                self._added[name] = added[name] if same else ExactList()
        self._parts = self._not_empty()


class Unless:
    """What verdicts `added`, but for values that were taken off the `shared` list."""

    def __init__(self, added: ExactList, shared: ExactList) -> None:
        self.added, self.shared = added, shared

    def contains(self, values: np.ndarray, ts_ms: np.ndarray) -> np.ndarray:
        listed = self.added.contains(values, ts_ms)
        listed[listed] = ~self.shared.taken_off(values[listed])
        return listed

    def entry(self, value: int, ts_ms: int) -> Entry | None:
        found = self.added.entry(value, ts_ms)
        return None if found is None or self.shared.taken_off(np.array([value], np.uint64))[0] else found


def _any(found: list[np.ndarray], count: int) -> np.ndarray:
    """bool[count]: where any of them is true."""
    listed = found[0] if found else np.zeros(count, bool)
    for more in found[1:]:
        listed |= more
    return listed


def _filled(definition: ListDef) -> AnyList:
    """The items that stand in the rules files themselves."""
    made: Any = LISTS[definition.match]()
    for item in definition.items:
        value: Any = parsed(definition.match, definition.of, item.value)
        if isinstance(value, str) and definition.match == "exact":
            value = hash_of_host(value)
        made.add(value, item.since or 0, _expires_ms(definition, item), item.source, item.reason, item.value)
    return made


def _expires_ms(definition: ListDef, item: ItemDef) -> int:
    """Its own expiry, else the list's `ttl` from `since` on; an item that says neither is listed for good."""
    if item.expires is not None:
        return item.expires
    return FOREVER_MS if definition.ttl is None or item.since is None else item.since + definition.ttl
