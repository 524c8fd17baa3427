"""What verdicts put on lists, on its way to the shared lists in Redis.

Enters: values with their times, from the engine's thread. Leaves: entries in Redis. Invariants: who hands something
over never waits; it is kept until it is written, however long Redis is away, merged by value: one entry for each, from
its earliest start to its latest end. Beyond VALUES_MAX values the oldest are dropped, and counted.

At the end `stop` writes what it can; what is left then is in the workers' own lists, and is written when a verdict says
so again.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterable, Iterator

import numpy as np

from interceptor.config import LISTS_KEPT_MS
from interceptor.entries import Columns
from interceptor.rules.model import ListDef
from interceptor.transport.lists.codec import BadEntries, Meaning
from interceptor.transport.lists.store import CHANGE_VALUES_MAX, OtherMeaning, SharedLists
from interceptor.transport.redis_client import RedisTrouble
from interceptor.transport.settings import Settings

VALUES_MAX = 500_000  # some 100 MB
EVERY_S = 0.25  # what comes within that is written at once
AWAY_MIN_S, AWAY_MAX_S = 0.2, 5.0

_log = logging.getLogger(__name__)

_Entry = tuple[int, int, str]  # from when, until when, by which rule
_Pending = dict[tuple[str, int], _Entry]  # by list and value, the oldest first


class ListPublisher:
    """Writes additions from `start` to `stop`, in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._lists = SharedLists(settings)
        self._lock = threading.Lock()  # held for moments only, never while Redis is asked
        self._pending: _Pending = {}
        self._meanings: dict[str, Meaning] = {}
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._stop_by_s = 0.0
        self._thread = threading.Thread(target=self._run, name="verdicts", daemon=True)
        self.dropped = 0  # values that were never written
        self.written = 0
        self.refused = 0  # values whose list means something else in Redis
        self.trouble = ""

    def start(self) -> None:
        """Begins to write; comes back at once."""
        self._thread.start()

    def stop(self, within_s: float = 3.0) -> None:
        """Writes what is pending, as far as that is done in time, and ends."""
        self._stop_by_s = time.monotonic() + within_s
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(within_s + 3.0)
        self._lists.redis.close()

    def know(self, definitions: Iterable[ListDef]) -> None:
        """The lists of the rule set that is in force: what their values are."""
        self._meanings = {one.list: Meaning(one.match, one.of) for one in definitions if one.match == "exact"}

    def add(self, name: str, values: np.ndarray, from_ms: int, expires_ms: int, rule: str) -> None:
        """Hands over what a verdict puts on a list: values uint64[k], by event time. Never waits."""
        with self._lock:
            for value in values.tolist():
                _extend(self._pending, (name, value), (from_ms, expires_ms, rule))
            self._bound()
        self._wake.set()

    @property
    def pending(self) -> int:
        """Values that aren't in Redis yet."""
        return len(self._pending)

    def _bound(self) -> None:
        """Drops the oldest beyond VALUES_MAX."""
        while len(self._pending) > VALUES_MAX:
            del self._pending[next(iter(self._pending))]
            self.dropped += 1

    def _run(self) -> None:
        pause_s = AWAY_MIN_S
        while True:
            self._wake.wait()
            self._wake.clear()
            self._stopping.wait(EVERY_S)
            try:
                self._write_all()
            except Exception as error:  # whatever it is: what is pending must not wait for good
                known = isinstance(error, RedisTrouble | BadEntries)
                words = str(error) if known else f"{type(error).__name__} (a mistake of interceptor itself)"
                if not self.trouble:
                    _log.warning("verdicts for shared lists wait: %s", words)
                self.trouble = words
                self._wake.set()
                if self._stopping.wait(pause_s * random.uniform(0.5, 1.0)):
                    time.sleep(AWAY_MIN_S)
                pause_s = min(AWAY_MAX_S, pause_s * 2)
            else:
                self.trouble, pause_s = "", AWAY_MIN_S
            if self._stopping.is_set() and (not self._pending or time.monotonic() > self._stop_by_s):
                return

    def _write_all(self) -> None:
        """Writes what is pending now; what can't be written is pending again."""
        with self._lock:
            taken, self._pending = self._pending, {}
        try:
            for name, some in _batches(taken):
                self._write(name, some)
                for value in some:
                    del taken[name, value]
        finally:
            if taken:
                with self._lock:
                    for key, entry in self._pending.items():
                        _extend(taken, key, entry)
                    self._pending = taken
                    self._bound()

    def _write(self, name: str, some: dict[int, _Entry]) -> None:
        meaning = self._meanings.get(name, Meaning("exact", "number"))
        try:
            self._lists.add(name, meaning, _columns(some), {}, before_ms=_before_ms(some))
        except OtherMeaning as error:
            self.refused += len(some)
            _log.warning("verdicts for list %s aren't shared: %s", name, error)
        else:
            self.written += len(some)


def _extend(pending: _Pending, key: tuple[str, int], entry: _Entry) -> None:
    """Adds an entry, or extends the one that is there; the rule of the later end is kept."""
    known = pending.get(key)
    if known is None:
        pending[key] = entry
    else:
        rule = entry[2] if entry[1] >= known[1] else known[2]
        pending[key] = min(known[0], entry[0]), max(known[1], entry[1]), rule


def _batches(taken: _Pending) -> Iterator[tuple[str, dict[int, _Entry]]]:
    """Entries by list, some at a time."""
    by_list: dict[str, dict[int, _Entry]] = {}
    for (name, value), entry in taken.items():
        by_list.setdefault(name, {})[value] = entry
    for name, entries in by_list.items():
        rows = list(entries.items())
        for start in range(0, len(rows), CHANGE_VALUES_MAX):
            yield name, dict(rows[start : start + CHANGE_VALUES_MAX])


def _columns(some: dict[int, _Entry]) -> Columns:
    notes = [("", ""), *{(rule, ""): None for _, _, rule in some.values() if rule}]
    codes = {note: code for code, note in enumerate(notes)}
    return Columns(
        np.array(list(some), np.uint64),
        np.array([one[0] for one in some.values()], np.int64),
        np.array([one[1] for one in some.values()], np.int64),
        np.array([codes[one[2], ""] for one in some.values()], np.int32),
        notes,
    )


def _before_ms(some: dict[int, _Entry]) -> int:
    """When an entry must have expired to be cleared away: nothing that still arrives can be that old."""
    return min(from_ms for from_ms, _, _ in some.values()) - LISTS_KEPT_MS
