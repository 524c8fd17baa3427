"""A process's copy of the shared lists: read once, then kept up by the stream of changes.

Enters: the lists in Redis and their changes. Leaves: entries in a ListBook's shared part. Invariants: nothing here
makes the engine wait: Redis is talked to by a thread of its own, whole lists are built there, and the engine's thread
puts into effect what is ready; what was known is never lost by Redis being away, restarted or emptied.

What counts when Redis loses something, said for those who run it:

- Redis doesn't answer: the last known lists stay in force, `stale_s` says for how long by now, and when it answers
  again what was missed is caught up, or everything is read anew where the stream of changes doesn't go back that far.
- Redis is empty (FLUSHALL, a restart without its data): the last known lists stay in force, `lost` names them and
  `stale_s` counts. A list comes back by `interceptor lists import NAME FILE`: a whole list takes the place of whatever
  is known. Single values that people or verdicts put on it meanwhile come on top of what is known, and don't end that.
  Whoever wants Redis's content to count as it is imports it (an empty file empties a list), or starts the worker anew:
  a worker that starts knows only what Redis has.
- Redis has gone back to an older state (a copy of yesterday, the last second of its log): its content comes on top of
  what is known, and `set_back` counts it.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from interceptor.entries import Columns
from interceptor.listbook import ListBook
from interceptor.rules.side_lines import AnyList
from interceptor.sharing import Shared, SharedList
from interceptor.transport.lists import codec
from interceptor.transport.lists.codec import BadEntries
from interceptor.transport.lists.generation import Generation, Moved, part_of
from interceptor.transport.lists.store import SharedLists
from interceptor.transport.redis_client import RedisTrouble, told
from interceptor.transport.settings import Settings

WAIT_MS = 500  # for a change, before it is looked whether Redis still is what it was
CHANGES_AT_ONCE = 200
READY_MAX = 2_000  # changes that nobody has put into effect yet: then no more are read
VALUES_AT_ONCE = 100_000  # that one call puts into effect: some ten milliseconds
AWAY_MIN_S, AWAY_MAX_S = 0.2, 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A list that takes the place of the one before."""

    name: str
    generation: Generation
    entries: AnyList


@dataclass(frozen=True, slots=True)
class _Some:
    """Entries that are put on or taken off."""

    name: str
    generation: Generation
    columns: Columns
    texts: dict[int, str]


class ListFollower:
    """Follows the shared lists from `start` to `stop`. One for a process; any number of books, all on one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lists = SharedLists(settings)
        self._shared = Shared()
        self._ready: deque[_Whole | _Some] = deque()
        self._stopping = threading.Event()
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lists", daemon=True)
        self._at: str | None = None  # the change up to which all is known; None: read everything
        self._known: dict[str, Generation] = {}
        self._lost: frozenset[str] = frozenset()
        self._last_contact_s = time.monotonic()
        self._in_touch = False
        self.set_back = 0
        self.reloads = 0
        self.trouble = ""  # what is wrong with Redis, for people

    # -------------------------------------------------------------------------------------------- the engine's thread

    def start(self) -> None:
        """Begins to follow; comes back at once."""
        self._thread.start()

    def stop(self, within_s: float = 3.0) -> None:
        """Ends the thread; what is known stays."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within_s)
        self._lists.redis.close()

    def wait(self, seconds: float) -> bool:
        """Waits until the lists were read for the first time; False where that took longer. For those who would rather
        begin late than without lists."""
        return self._loaded.wait(seconds)

    def apply_to(self, book: ListBook) -> int:
        """Puts into effect what has arrived; gives how many values that were. Some microseconds where nothing has, and
        never more than VALUES_AT_ONCE values in one call."""
        if book.shared is not self._shared:
            book.share(self._shared)
        values = 0
        while self._ready and values < VALUES_AT_ONCE:
            change = self._ready.popleft()
            generation = change.generation
            if isinstance(change, _Whole):
                self._shared.replace(change.name, SharedList(generation.match, generation.of, change.entries))
                values += len(change.entries)
            else:
                self._put(change)
                values += len(change.columns)
        return values

    def _put(self, change: _Some) -> None:
        name, match, of = change.name, change.generation.match, change.generation.of
        off = codec.is_off(change.columns.from_ms)
        if off.any():
            self._shared.remove(name, match, of, change.columns.keys[off])
        self._shared.add(name, match, of, part_of(change.columns, ~off), change.texts)

    # ---------------------------------------------------------------------------------------------- what is to be seen

    @property
    def stale_s(self) -> float | None:
        """None where all that is in force is what Redis says now; else since when, in s, it may not be."""
        if self._in_touch and not self._lost:
            return None
        return time.monotonic() - self._last_contact_s

    @property
    def revision(self) -> str:
        """The last change that is known; "" before the lists were read."""
        return self._at or ""

    @property
    def lost(self) -> tuple[str, ...]:
        """Lists in force here of which Redis has lost entries."""
        return tuple(sorted(self._lost))

    @property
    def waiting(self) -> int:
        """Changes that have arrived and aren't in effect."""
        return len(self._ready)

    # -------------------------------------------------------------------------------------------------- its own thread

    def _run(self) -> None:
        pause_s = AWAY_MIN_S
        while not self._stopping.is_set():
            try:
                self._follow(self._lists)
            except Moved:
                continue
            except Exception as error:  # whatever it is: who follows must not end and look as if nothing had changed
                known = isinstance(error, RedisTrouble | BadEntries)
                words = str(error) if known else f"{type(error).__name__} (a mistake of interceptor itself)"
                if self._in_touch or not self.trouble:
                    _log.warning("shared lists: %s; the last known ones stay in force", words)
                    pause_s = AWAY_MIN_S
                self._in_touch, self.trouble = False, words
                self._stopping.wait(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(AWAY_MAX_S, pause_s * 2)

    def _follow(self, lists: SharedLists) -> None:
        """Keeps up until something goes wrong."""
        while not self._stopping.is_set():
            if len(self._ready) > READY_MAX:
                self._stopping.wait(0.05)
                continue
            if self._at is None or not self._is_there(lists, self._at):
                self._read_all(lists)
            self._heard_from_redis()
            for at, message in self._next(lists, self._at or "0-0"):
                try:
                    self._take(lists, message)
                except BadEntries as error:
                    _log.warning("shared lists: change %s: %s; all lists are read anew", at, error)
                    self._at = None
                    break
                self._at = at

    def _heard_from_redis(self) -> None:
        if not self._in_touch and self.trouble:
            _log.warning("shared lists: Redis is back")
        self._in_touch, self.trouble = True, ""
        if not self._lost:
            self._last_contact_s = time.monotonic()

    def _is_there(self, lists: SharedLists, at: str) -> bool:
        """Whether the stream still has the last known change: then it has all that came after it, too."""
        with told(self._settings):
            return bool(lists.redis.xrange(lists.changes_key, at, at))

    def _next(self, lists: SharedLists, at: str) -> list[tuple[str, dict[bytes, bytes]]]:
        """The next changes; none where there were none for a while. Raises Moved where some were trimmed away."""
        with told(self._settings):
            found: Any = lists.redis.xread({lists.changes_key: at}, count=CHANGES_AT_ONCE, block=WAIT_MS)
        changes = [(change.decode(), message) for _, some in found or () for change, message in some]
        if changes and self._at is not None and not self._is_there(lists, self._at):
            raise Moved
        return changes

    def _take(self, lists: SharedLists, message: dict[bytes, bytes]) -> None:
        """One change."""
        try:
            name, generation = message[b"list"].decode(), Generation.read(message[b"generation"])
        except KeyError:
            raise BadEntries("a change of a list can't be read") from None
        if message.get(b"change") == b"reload":
            now = lists.generation(name)
            if now is not None and now != self._known.get(name):
                self._read(lists, name, now, on_top=False)
            return
        if self._known.get(name, generation) != generation and name not in self._lost:
            return  # of a generation that counts no more: what was changed then is in the one that does
        columns, texts = codec.heard(generation.meaning, message)
        self._known[name] = generation
        self._ready.append(_Some(name, generation, columns, texts))

    def _read_all(self, lists: SharedLists) -> None:
        """Reads all lists that Redis has, and sees what it has lost."""
        last, set_back = lists.last_change(), self._has_gone_back(lists)
        now = lists.generations()
        if self._at is None and last == "0-0" and now == self._known and not self._lost:
            self._loaded.set()
            return  # somebody has taken the stream away, or there is nothing yet
        lost = {name for name in self._known if name not in now}
        for name, generation in now.items():
            grown_anew = self._known.get(name, generation) != generation or name in self._lost
            if grown_anew and generation.born == "add":
                lost.add(name)
            self._read(lists, name, generation, on_top=set_back or name in lost)
        self.set_back += set_back
        self.reloads += self._at is not None
        if lost - self._lost:
            _log.warning("shared lists: Redis has lost %s; what is known stays in force", ", ".join(sorted(lost)))
        self._lost = frozenset(lost)
        self._at = None if last == "0-0" else last
        self._loaded.set()

    def _has_gone_back(self, lists: SharedLists) -> bool:
        """Whether older changes than the last known one are there, and it isn't: trimming takes the oldest first."""
        if self._at is None:
            return False
        with told(self._settings):
            return bool(lists.redis.xrange(lists.changes_key, max=self._at, count=1))

    def _read(self, lists: SharedLists, name: str, generation: Generation, *, on_top: bool) -> None:
        """Has a list read in the place of what is known of it, or put on top of that."""
        entries: Any = lists.read(name, generation)
        self._known[name] = generation
        if not on_top:
            self._lost -= {name}
            self._ready.append(_Whole(name, generation, entries))
            return
        columns, texts = entries.columns(), getattr(entries, "shown", {})
        for start in range(0, len(columns), VALUES_AT_ONCE):
            some = part_of(columns, np.s_[start : start + VALUES_AT_ONCE])
            shown = {key: texts[key] for key in some.keys.tolist() if key in texts} if texts else {}
            self._ready.append(_Some(name, generation, some, shown))
