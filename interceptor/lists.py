"""Lists of numbers, hashes, number ranges and domains, each entry with a time to live.

Enters: entries, and values with the time of their event. Leaves: which values are listed at their time, and the entry
behind a match. Invariants: an entry counts for events with from_ms <= ts_ms < expires_ms, whatever the clock says; a
value that is added again is extended, from the earlier start to the later end, and never cut short; one that was taken
off counts for no event until it is added again.

Everything is kept in columns, and a source and reason once, however many entries have them. Measured on one core: 10
million exact values take 2 s to add and 286 MB to hold; to find that a value isn't among them takes 22 ns (9 ns among
10,000), in a prefix list 30 to 50 ns, for a host with three labels 45 to 70 ns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from interceptor.batch import Strings
from interceptor.entries import FOREVER_MS, TAKEN_OFF_MS, Columns, Entry, Noted, last_to_expire
from interceptor.folding import spans
from interceptor.hosts import hash_of_host
from interceptor.kernels import Bools, Int32s, Int64s, Uint64s
from interceptor.lookups import (
    EXPIRES,
    FROM,
    SpanTable,
    begins,
    hash_hosts,
    is_below,
)
from interceptor.ranges import RangeList

__all__ = ["FOREVER_MS", "DomainList", "Entry", "ExactList", "NumberList", "PrefixList", "RangeList", "host_hash"]

_POWERS = 10 ** np.arange(1, 20, dtype=np.uint64)


class NumberList(Protocol):
    """What exact, prefix and range lists have in common; a DomainList is asked for hosts instead of numbers."""

    def __len__(self) -> int: ...

    def contains(self, values: Uint64s, ts_ms: Int64s) -> Bools:
        """bool[n]: which of `values` (uint64[n]) are listed at `ts_ms` (int64[n])."""
        ...

    def entry(self, value: int, ts_ms: int) -> Entry | None:
        """The entry behind a match: of several, the one that expires last."""
        ...


class _Keyed(Noted):
    """Entries that are found by one 64-bit key each; 29 bytes an entry, 5 more where there are sources or reasons."""

    def __init__(self) -> None:
        super().__init__()
        self._table = SpanTable()
        self._shown: dict[int, str] = {}
        self._removes = False

    def __len__(self) -> int:
        return self._table.size

    @property
    def table(self) -> SpanTable:
        """Where the keys are, for kernels."""
        return self._table

    @property
    def bytes_held(self) -> int:
        """Memory of the table, without sources and reasons."""
        return self._table.bytes_held

    def reserve(self, entries: int) -> None:
        """Makes room for so many entries more, at once instead of by and by."""
        self._table.reserve(entries)

    def ended(self, ts_ms: int) -> int:
        """How many entries don't hold any more at `ts_ms`."""
        return self._table.ending(ts_ms)

    def put(self, keys: Uint64s, from_ms: Int64s, expires_ms: Int64s, codes: Int32s) -> None:
        """Lists keys uint64[k], each with its own time (int64[k]) and note (int32[k]); zeros are left out."""
        self._table.put(keys, from_ms, expires_ms, codes)

    def remove(self, keys: Uint64s) -> None:
        """Takes keys uint64[k] off, also ones that aren't there; zeros are left out."""
        (from_ms, expires_ms), nothing = TAKEN_OFF_MS, np.zeros(len(keys), np.int32)
        self.put(keys, np.full(len(keys), from_ms, np.int64), np.full(len(keys), expires_ms, np.int64), nothing)
        self._table.set(keys, from_ms, expires_ms)
        self._removes = self._removes or len(keys) > 0

    @property
    def removes(self) -> bool:
        """Whether anything was ever taken off."""
        return self._removes

    def taken_off(self, keys: Uint64s) -> Bools:
        """bool[n]: which keys were taken off, and not put on again."""
        at = self._table.find(keys)
        off = at >= 0
        off[off] = (self._table.spans[at[off]] == TAKEN_OFF_MS).all(1)
        return off

    def show(self, keys: Iterable[int], texts: Iterable[str]) -> None:
        """How people write what each key is the hash of."""
        self._shown.update(zip(keys, texts, strict=True))

    @property
    def shown(self) -> Mapping[int, str]:
        """The keys that have a text, with it."""
        return self._shown

    def columns(self) -> Columns:
        """All entries, also those that were taken off or have expired."""
        return Columns(*self._table.held(), self._notes)

    def _put_one(self, key: int, from_ms: int, expires_ms: int, note: tuple[str, str], shown: str) -> None:
        if shown:
            self._shown[key] = shown
        self.put(
            np.array([key], np.uint64),
            np.array([from_ms], np.int64),
            np.array([expires_ms], np.int64),
            np.array([self.note(*note)], np.int32),
        )

    def _get(self, key: int, plain: str, ts_ms: int) -> Entry | None:
        """The entry of a key, if it holds; `plain` is how it is shown where nobody said otherwise."""
        found = self._table.get(key)
        if found is None or not found[FROM] <= ts_ms < found[EXPIRES]:
            return None
        from_ms, expires_ms, code = found
        return Entry(self._shown.get(key, plain), from_ms, expires_ms, *self._notes[code])


class ExactList(_Keyed):
    """Numbers, or 64-bit keys of hosts and accounts. The value 0 is never listed."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: list[tuple[Uint64s, Sequence[object]]] = []

    def add(
        self, value: int, from_ms: int, expires_ms: int, source: str = "", reason: str = "", shown: str = ""
    ) -> None:
        """Lists `value`; `shown` is how people write it where that is more than its digits. ValueError for 0."""
        if not 0 < value < 1 << 64:
            raise ValueError(f"{value} can't be listed: a number from 1 to 2^64 - 1")
        self._put_one(value, from_ms, expires_ms, (source, reason), shown)

    def add_many(
        self, values: Uint64s, from_ms: Int64s, expires_ms: Int64s, source: str = "", reason: str = ""
    ) -> None:
        """Lists values uint64[k], each with its own time; zeros are left out."""
        self.put(values, from_ms, expires_ms, np.full(len(values), self.note(source, reason), np.int32))

    def remember(self, keys: Uint64s, texts: Sequence[object]) -> None:
        """Which text each key is the hash of; str(text) is shown. Costs nothing but the memory of the two columns."""
        self._texts.append((keys, texts))

    def contains(self, values: Uint64s, ts_ms: Int64s) -> Bools:
        at = self._table.find(values)
        listed = at >= 0
        rows = np.flatnonzero(listed)
        if len(rows):
            held = self._table.spans[at[rows]]
            listed[rows] = (held[:, FROM] <= ts_ms[rows]) & (ts_ms[rows] < held[:, EXPIRES])
        return listed

    def entry(self, value: int, ts_ms: int) -> Entry | None:
        found = self._get(int(value), "", ts_ms)
        if found is None or found.value:
            return found
        texts = (str(texts[int(row)]) for keys, texts in self._texts for row in np.flatnonzero(keys == value)[:1])
        return Entry(next(texts, str(value)), found.from_ms, found.expires_ms, found.source, found.reason)

    def forget(self, before_ms: int) -> int:
        """Drops what expired at `before_ms` or earlier, to make room; gives how many that were."""
        return self._table.drop(before_ms)


class PrefixList(_Keyed):
    """Beginnings of numbers, in decimal digits."""

    def __init__(self) -> None:
        super().__init__()
        self._lengths = 0  # bit n: there is a prefix of n digits

    def add(
        self, value: int | str, from_ms: int, expires_ms: int, source: str = "", reason: str = "", shown: str = ""
    ) -> None:
        """Lists all numbers that begin with these digits. ValueError where they aren't digits or begin with 0."""
        digits = str(value).removeprefix("+")
        if not (digits.isascii() and digits.isdigit() and digits[0] != "0" and len(digits) < 20):
            raise ValueError(f"{value!r} begins no number: 1 to 19 digits, the first of them not 0")
        self._put_one(int(digits), from_ms, expires_ms, (source, reason), shown or str(value))

    def put(self, keys: Uint64s, from_ms: Int64s, expires_ms: Int64s, codes: Int32s) -> None:
        super().put(keys, from_ms, expires_ms, codes)
        for digits in np.flatnonzero(np.bincount(np.searchsorted(_POWERS, keys[keys != 0], "right"))).tolist():
            self._lengths |= 1 << digits + 1

    @property
    def lengths(self) -> int:
        """Bit n: there is a prefix of n digits."""
        return self._lengths

    def contains(self, values: Uint64s, ts_ms: Int64s) -> Bools:
        listed = np.zeros(len(values), np.bool_)
        if len(self):
            held = self._table
            begins(values, ts_ms, self._lengths, held.sieve, held.keys, held.spans, listed.view(np.uint8))
        return listed

    def entry(self, value: int, ts_ms: int) -> Entry | None:
        digits = str(value)
        beginnings = (digits[:length] for length in range(len(digits), 0, -1))
        return last_to_expire(self._get(int(one), one, ts_ms) for one in beginnings)


class DomainList(_Keyed):
    """Domains with all hosts below them. Compared by 64-bit hashes: among a million domains, one of 10^13 other names
    would be taken for a listed one."""

    def add(
        self, value: str, from_ms: int, expires_ms: int, source: str = "", reason: str = "", shown: str = ""
    ) -> None:
        """Lists a domain, in any case. ValueError where there is nothing but dots."""
        domain = value.lower().strip(".")
        if not domain:
            raise ValueError(f"{value!r} is no domain")
        self._put_one(hash_of_host(domain), from_ms, expires_ms, (source, reason), shown)

    def contains(self, hosts: Strings, ts_ms: Int64s, rows: Int32s | None = None) -> Bools:
        """bool[m]: which hosts (lower case; `rows` int32[m] of them, default all) are listed at `ts_ms` (int64[m])."""
        starts, stops = spans(hosts, rows)
        listed = np.zeros(len(starts), np.bool_)
        if len(self):
            held = self._table
            is_below(hosts.data, starts, stops, ts_ms, held.sieve, held.keys, held.spans, listed.view(np.uint8))
        return listed

    def entry(self, value: str, ts_ms: int) -> Entry | None:
        labels = value.split(".")
        domains = (".".join(labels[first:]) for first in range(len(labels)))
        return last_to_expire(self._get(hash_of_host(domain), domain, ts_ms) for domain in domains)


def host_hash(hosts: Strings, rows: Int32s | None = None) -> Uint64s:
    """uint64[m]: a hash of each host (`rows` int32[m] of them, default all), 0 for the empty one."""
    starts, stops = spans(hosts, rows)
    hashes = np.zeros(len(starts), np.uint64)
    hash_hosts(hosts.data, starts, stops, hashes.view(np.int64))
    return hashes
