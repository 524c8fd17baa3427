"""Whole lists into Redis: all of a file's entries count at once, or none.

Enters: entries of a list, read and checked. Leaves: a new generation of the list in the place of the one before.
Invariants: until the last step nobody sees anything of it, and whoever stops it before leaves the list as it was; what
others put on or take off meanwhile isn't lost. A generation that nobody finished is swept away by the next import.

    APP:list-staging    hash: generation → name of its list and since when; what is being written, or taken away
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from redis.exceptions import WatchError

from interceptor.entries import Columns
from interceptor.rules.side_lines import AnyList
from interceptor.transport.lists import codec
from interceptor.transport.lists.codec import BUCKETS, Meaning
from interceptor.transport.lists.generation import Generation, Moved, apply, part_of
from interceptor.transport.lists.store import TRIES_MAX, Progress, SharedLists
from interceptor.transport.redis_client import RedisTrouble, told

AT_ONCE_MAX = 20_000  # entries that are put on a list that is there in one transaction
ABANDONED_MS = 3_600_000
_WRITE_VALUES = 20_000  # sent at once
_KEYS = 1_024  # deleted at once

Watch = Callable[[str], Progress]  # what is being done → how far it is


def import_list(
    lists: SharedLists, name: str, meaning: Meaning, entries: AnyList, *, replace: bool, watch: Watch
) -> int:
    """Puts entries on a list, or (`replace`) in the place of all that is on it; gives how many it has then. Raises
    RedisTrouble, and then nothing has changed."""
    made: Any = entries
    now = lists.generation(name)
    if now and not replace:
        lists.counting(now, name, meaning)
        if now.born == "import" and len(made) <= AT_ONCE_MAX:
            lists.add_at_once(name, meaning, made.columns(), _shown(made))
            return lists.count(name, now)
    return _Import(lists, name, meaning, now, watch).run(made, replace=replace)


def _shown(entries: Any) -> Any:
    return getattr(entries, "shown", {})


class _Import:
    """One new generation of one list."""

    def __init__(
        self, lists: SharedLists, name: str, meaning: Meaning, before: Generation | None, watch: Watch
    ) -> None:
        self._lists, self._redis, self._settings = lists, lists.redis, lists.settings
        self._name, self._before, self._watch = name, before, watch
        self._made = Generation.new(meaning, "import")
        self._staging_key = f"{lists.settings.app}:list-staging"
        self._used = np.zeros(BUCKETS, bool)
        self._at = "0-0"  # the last change that is in the new generation

    def run(self, entries: Any, *, replace: bool) -> int:
        """See import_list."""
        self._sweep()
        self._at = self._lists.last_change()
        if self._before and not replace:
            entries = self._joined(entries)
        with told(self._settings):
            self._redis.hset(self._staging_key, self._made.id, json.dumps([self._name, self._made.at_ms]))
        switched = False
        try:
            self._write(entries.columns(), _shown(entries), self._watch("Writing to Redis"))
            self._switch(entries)
            switched = True
        except Moved:
            raise RedisTrouble("lists changed too much while this one was imported: try again") from None
        finally:
            if not switched:
                self._delete_quietly(self._made)
        if self._before:
            self._delete_quietly(self._before)
        return len(entries)

    def _joined(self, entries: Any) -> Any:
        """What is on the list now, with these entries on top."""
        if self._before is None:
            return entries
        try:
            held = self._lists.read(self._name, self._before, self._watch("Reading the list"))
        except Moved:
            raise self._overtaken() from None
        held_: Any = held
        held_.reserve(len(entries))
        apply(held_, entries.columns(), _shown(entries))
        return held_

    def _write(self, columns: Columns, shown: Any, progress: Progress = lambda *_: None) -> None:
        """Writes entries into the buckets of the new generation."""
        at = codec.buckets_of(columns.keys)
        order = np.argsort(at, kind="stable")
        starts = np.flatnonzero(np.diff(at[order], prepend=-1))
        done = 0
        while done < len(starts):
            first = int(starts[done])
            upto = max(done + 1, int(np.searchsorted(starts, first + _WRITE_VALUES)))
            last = int(starts[upto]) if upto < len(starts) else len(order)
            self._write_some(part_of(columns, order[first:last]), at[order[first:last]], shown)
            done = upto
            progress(last, len(order))
        self._used[at] = True
        with told(self._settings), self._redis.pipeline(transaction=False) as pipe:
            self._lists.queue_notes(pipe, self._name, self._made, columns.notes)
            pipe.set(self._lists.key(self._name, self._made, "used"), np.packbits(self._used).tobytes())
            pipe.execute()

    def _write_some(self, columns: Columns, at: np.ndarray, shown: Any) -> None:
        pairs: list[bytes] = [b""] * (2 * len(columns))
        pairs[::2] = self._made.meaning.fields(columns.keys, shown)
        pairs[1::2] = codec.packed(columns.from_ms, columns.expires_ms, codec.digests_of(columns))
        starts = np.flatnonzero(np.diff(at, prepend=-1)).tolist()
        with told(self._settings), self._redis.pipeline(transaction=False) as pipe:
            for start, stop in zip(starts, [*starts[1:], len(at)], strict=True):
                key = self._lists.key(self._name, self._made, at[start])
                pipe.execute_command("HSET", key, *pairs[2 * start : 2 * stop])  # type: ignore[no-untyped-call]
            pipe.execute()

    def _switch(self, entries: Any) -> None:
        """Lets the new generation count, with all that was changed meanwhile."""
        for tries in range(TRIES_MAX):
            try:
                with told(self._settings), self._redis.pipeline() as pipe:
                    watched = (self._lists.changes_key, self._lists.lists_key, self._staging_key)
                    pipe.watch(*watched)  # type: ignore[no-untyped-call]
                    self._catch_up(entries)
                    if not pipe.hexists(self._staging_key, self._made.id):
                        raise RedisTrouble("the import took so long that another one swept it away: try again")
                    pipe.multi()
                    pipe.hset(self._lists.lists_key, self._name, self._made.text())
                    self._lists.queue_change(pipe, "reload", self._name, self._made)
                    if self._before:
                        pipe.hset(self._staging_key, self._before.id, json.dumps([self._name, 0]))
                    pipe.hdel(self._staging_key, self._made.id)
                    pipe.execute()
                return
            except WatchError:
                time.sleep(random.uniform(0, 0.002 * (tries + 1)))
        raise RedisTrouble("lists are being changed by so many at once that the import didn't get through: try again")

    def _catch_up(self, entries: Any) -> None:
        """Also writes what others changed since the list was read."""
        if self._lists.generation(self._name) != self._before:
            raise self._overtaken()
        for at, message in self._lists.changes_after(self._at):
            self._at = at
            if message.get(b"list") != self._name.encode() or message.get(b"change") != b"entries":
                continue
            if self._before is None or self._before.meaning != self._made.meaning:
                continue
            columns, texts = codec.heard(self._made.meaning, message)
            apply(entries, columns, texts)
            held = entries.columns()
            rows = _rows_of(held.keys, columns.keys)
            self._write(part_of(held, rows), _shown(entries))

    def _overtaken(self) -> RedisTrouble:
        return RedisTrouble(f"list {self._name} was imported by somebody else at the same time: try again")

    def _sweep(self) -> None:
        """Takes away what imports left behind that didn't end."""
        with told(self._settings):
            found: Any = self._redis.hgetall(self._staging_key)
        for id_, text in found.items():
            name, since_ms = json.loads(text)
            if since_ms < time.time() * 1000 - ABANDONED_MS:
                meaning = self._made.meaning
                self._delete(Generation(id_.decode(), meaning.match, meaning.of, "import", 0), name)

    def _delete_quietly(self, generation: Generation) -> None:
        """Takes a generation away that doesn't count; where that fails, the next import does it."""
        with suppress(RedisTrouble):
            self._delete(generation, self._name)

    def _delete(self, generation: Generation, name: str) -> None:
        parts = ["used", "notes", *range(BUCKETS)]
        for start in range(0, len(parts), _KEYS):
            with told(self._settings):
                self._redis.unlink(*(self._lists.key(name, generation, part) for part in parts[start : start + _KEYS]))
        with told(self._settings):
            self._redis.hdel(self._staging_key, generation.id)


def _rows_of(held: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """int64[k]: where these keys are among all."""
    if held.ndim == 1:
        return np.flatnonzero(np.isin(held, keys))
    wanted = {tuple(ends) for ends in keys.tolist()}
    return np.array([row for row, ends in enumerate(held.tolist()) if tuple(ends) in wanted], np.int64)
