"""All lists of a rule set, by name.

Enters: list definitions, and what verdicts add. Leaves: membership and entries. Invariant: an entry counts from `since`
until `expires` in the time of the event, never by a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from interceptor.batch import Strings
from interceptor.lists import FOREVER_MS, DomainList, Entry, ExactList, NumberList, PrefixList, RangeList, hash_of_host
from interceptor.rules.model import ItemDef, ListDef
from interceptor.rules.values import parsed

_LISTS: dict[str, Any] = {"exact": ExactList, "prefix": PrefixList, "range": RangeList, "domain": DomainList}
AnyList = ExactList | PrefixList | RangeList | DomainList


class ListBook:
    """Lists by name, filled from their definitions."""

    def __init__(self, definitions: Iterable[ListDef]) -> None:
        self._lists: dict[str, Any] = {definition.list: _filled(definition) for definition in definitions}

    def has(self, name: str, values: np.ndarray, ts_ms: np.ndarray) -> np.ndarray:
        """bool[n]: which values (uint64[n]) are on an exact, prefix or range list at their time."""
        found: NumberList = self._lists[name]
        if not len(found):  # those that rules fill are mostly empty
            return np.zeros(len(values), bool)
        return found.contains(values.astype(np.uint64, copy=False), ts_ms)

    def has_hosts(self, name: str, hosts: Strings, rows: np.ndarray, ts_ms: np.ndarray) -> np.ndarray:
        """bool[m]: which of some rows' hosts are on a domain list."""
        found: DomainList = self._lists[name]
        if not len(found):
            return np.zeros(len(rows), bool)
        return found.contains(hosts, ts_ms, rows)

    def entry(self, name: str, value: Any, ts_ms: int) -> Entry | None:
        """The entry behind a match, or None; `value` is a number, or a host where the list is one of domains."""
        found = self._lists[name]
        return found.entry(value if isinstance(found, DomainList) else int(value), ts_ms)

    def add(self, name: str, values: np.ndarray, from_ms: int, expires_ms: int, source: str) -> None:
        """Puts values (uint64[k]) on an exact list; one that is on it already stays for the longer of the two."""
        found: ExactList = self._lists[name]
        since, until = (np.full(len(values), ms, np.int64) for ms in (from_ms, expires_ms))
        found.add_many(values, since, until, source)

    def forget(self, before_ms: int) -> None:
        """Drops entries that expired before a time that no accepted event can have any more."""
        for found in self._lists.values():
            if isinstance(found, ExactList):
                found.forget(before_ms)


def _filled(definition: ListDef) -> AnyList:
    made: AnyList = _LISTS[definition.match]()
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
