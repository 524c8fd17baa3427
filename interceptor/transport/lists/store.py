"""Shared lists in Redis: the truth of what is on them, and the stream of changes.

Enters: entries to put on or take off. Leaves: lists as they are, changes as they come. Invariants: truth and change are
written in one transaction, so that who has read the truth and follows the stream from then on knows all; a value that
is put on again is extended, from the earlier start to the later end, as in the engine; a value that was taken off stays
as such, so that it is never forgotten that it was.

    APP:lists                     hash: name → what the list means, and which generation of it counts
    APP:list:NAME:GEN:BUCKET      hash: value → since, until when, note; some 76 of ten million values in each
    APP:list:NAME:GEN:used        bits: which buckets there are
    APP:list:NAME:GEN:notes       hash: digest → source and reason
    APP:list-changes              stream, of the last CHANGES_MAX changes

Writers don't wait for each other: who finds that a bucket was changed since it was read begins again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from redis.exceptions import WatchError

from interceptor.entries import TAKEN_OFF_MS, Columns
from interceptor.kernels import Int64s, Uint64s
from interceptor.rules.side_lines import LISTS, AnyList
from interceptor.transport.lists import codec
from interceptor.transport.lists.codec import Meaning, Note
from interceptor.transport.lists.generation import Generation, Moved, apply, part_of
from interceptor.transport.redis_client import RedisTrouble, connect, told
from interceptor.transport.settings import Settings

CHANGE_VALUES_MAX = 1_000  # of one change
CHANGES_MAX = 10_000  # kept: whoever was away for longer reads the lists anew
TRIES_MAX = 100
READ_BUCKETS = 512  # asked for at once
_SPLIT_AFTER = 2  # tries

Progress = Callable[[int, int], None]  # done, of how many


class OtherMeaning(RedisTrouble):
    """A list is of other values in Redis than in the rules."""


class SharedLists:
    """The lists of one installation. All methods raise RedisTrouble; those that read also BadEntries."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = connect(settings)
        self.lists_key, self.changes_key = f"{settings.app}:lists", f"{settings.app}:list-changes"

    def key(self, name: str, generation: Generation, part: object) -> str:
        """Where a bucket stands, or "used" or "notes"."""
        return f"{self.settings.app}:list:{name}:{generation.id}:{part}"

    def generations(self) -> dict[str, Generation]:
        """Which lists there are, by name."""
        with told(self.settings):
            found: Any = self.redis.hgetall(self.lists_key)
        return {name.decode(): Generation.read(text) for name, text in sorted(found.items())}

    def generation(self, name: str) -> Generation | None:
        """The list of that name."""
        with told(self.settings):
            text: Any = self.redis.hget(self.lists_key, name)
        return None if text is None else Generation.read(text)

    def last_change(self) -> str:
        """Id of the latest change, "0-0" where there is none."""
        with told(self.settings):
            found: Any = self.redis.xrevrange(self.changes_key, count=1)
        return found[0][0].decode() if found else "0-0"

    # ------------------------------------------------------------------------------------------------------- writing

    def add(
        self, name: str, meaning: Meaning, columns: Columns, shown: Mapping[int, str], before_ms: int | None = None
    ) -> int:
        """Puts different values on a list, and begins it if need be; gives how many were not on it. By the way, what
        expired in the same buckets before `before_ms` is dropped."""
        done = 0
        for start in range(0, len(columns), CHANGE_VALUES_MAX):
            some = part_of(columns, slice(start, start + CHANGE_VALUES_MAX))
            done += self._commit(name, meaning, some, shown, before_ms)
        return done

    def add_at_once(self, name: str, meaning: Meaning, columns: Columns, shown: Mapping[int, str]) -> int:
        """The same in one transaction: all or nothing. For some ten thousand values."""
        return self._commit(name, meaning, columns, shown, None, whole=True)

    def remove(
        self, name: str, meaning: Meaning, keys: Uint64s, shown: Mapping[int, str], note: Note, at_ms: int
    ) -> int:
        """Takes values off a list; gives how many were on it."""
        (since, _), count = TAKEN_OFF_MS, len(keys)
        notes = [("", ""), note]
        codes = np.full(count, int(note != ("", "")), np.int32)
        columns = Columns(keys, np.full(count, since, np.int64), np.full(count, at_ms, np.int64), codes, notes)
        return self.add(name, meaning, columns, shown)

    def _commit(
        self,
        name: str,
        meaning: Meaning,
        columns: Columns,
        shown: Mapping[int, str],
        before_ms: int | None,
        *,
        whole: bool = False,
    ) -> int:
        for tries in range(TRIES_MAX):
            try:
                with told(self.settings):
                    return self._try(name, meaning, columns, shown, before_ms)
            except WatchError:
                pass
            if tries >= _SPLIT_AFTER and len(columns) > 1 and not whole:
                half = len(columns) // 2
                halves = part_of(columns, slice(half)), part_of(columns, slice(half, None))
                return sum(self._commit(name, meaning, one, shown, before_ms) for one in halves)
            time.sleep(random.uniform(0, 0.002 * (tries + 1)))
        raise RedisTrouble(f"list {name} is being changed by so many at once that this change didn't get through")

    def _try(
        self, name: str, meaning: Meaning, columns: Columns, shown: Mapping[int, str], before_ms: int | None
    ) -> int:
        """One transaction; raises WatchError where somebody else was faster."""
        with self.redis.pipeline() as pipe:
            pipe.watch(self.lists_key)  # type: ignore[no-untyped-call]
            text: Any = pipe.hget(self.lists_key, name)
            generation = Generation.new(meaning, "add") if text is None else Generation.read(text)
            self.counting(generation, name, meaning)
            fields, at = meaning.fields(columns.keys, shown), codec.buckets_of(columns.keys)
            keys = [self.key(name, generation, bucket) for bucket in at.tolist()]
            pipe.watch(*keys)  # type: ignore[no-untyped-call]
            held, dead = self._held(keys, fields, before_ms)
            values, more = _merged(columns, held)
            pipe.multi()
            if text is None:
                pipe.hset(self.lists_key, name, generation.text())
            self.queue_entries(pipe, name, generation, at, fields, values)
            for key, gone in dead.items():
                pipe.hdel(key, *gone)
            self.queue_notes(pipe, name, generation, columns.notes)
            for start in range(0, len(columns), CHANGE_VALUES_MAX):
                some = part_of(columns, slice(start, start + CHANGE_VALUES_MAX))
                self.queue_change(pipe, "entries", name, generation, codec.told(meaning, some, shown))
            pipe.execute()
        return more

    def counting(self, generation: Generation, name: str, meaning: Meaning) -> None:
        """Raises OtherMeaning where the list means something else in Redis."""
        if generation.meaning != meaning:
            raise OtherMeaning(
                f"list {name} is of {generation.meaning} in Redis, and of {meaning} in the rules\n"
                f"  hint: `interceptor lists import {name} FILE --replace` makes it anew",
                temporary=False,
            )

    def _held(
        self, keys: list[str], fields: list[bytes], before_ms: int | None
    ) -> tuple[list[bytes | None], dict[str, list[bytes]]]:
        """What the buckets hold for the fields, and what expired in them. Other commands than those of the transaction,
        so over another connection."""
        with self.redis.pipeline(transaction=False) as pipe:
            for key, field in zip(keys, fields, strict=True):
                _ = pipe.hget(key, field) if before_ms is None else pipe.hgetall(key)
            found: list[Any] = pipe.execute()
        if before_ms is None:
            return found, {}
        dead = {}
        for key, bucket in zip(keys, found, strict=True):
            from_ms, expires_ms, _ = codec.unpacked(list(bucket.values()))
            gone = (expires_ms <= before_ms) & ~codec.is_off(from_ms)
            names = {field for field, is_gone in zip(bucket, gone.tolist(), strict=True) if is_gone}
            if names := names.difference(fields):
                dead[key] = sorted(names)
        return [bucket.get(field) for bucket, field in zip(found, fields, strict=True)], dead

    def queue_entries(
        self, pipe: Any, name: str, generation: Generation, at: Int64s, fields: list[bytes], values: list[bytes]
    ) -> None:
        """Adds to a pipeline what writes fields and values into their buckets (`at`: int64[n])."""
        used = self.key(name, generation, "used")
        for bucket, field, value in zip(at.tolist(), fields, values, strict=True):
            pipe.hset(self.key(name, generation, bucket), field, value)
            pipe.setbit(used, bucket, 1)

    def queue_notes(self, pipe: Any, name: str, generation: Generation, notes: list[Note]) -> None:
        """Adds to a pipeline what keeps sources and reasons."""
        if found := {codec.note_digest(note): codec.note_text(note) for note in notes[1:]}:
            pipe.hset(self.key(name, generation, "notes"), mapping=found)

    def queue_change(
        self, pipe: Any, change: str, name: str, generation: Generation, more: Mapping[str, bytes] | None = None
    ) -> None:
        """Adds to a pipeline what tells of a change: "entries", or "reload" of the whole list."""
        fields = {"change": change, "list": name, "generation": generation.text(), **(more or {})}
        pipe.xadd(self.changes_key, fields, maxlen=CHANGES_MAX, approximate=True)

    # ------------------------------------------------------------------------------------------------------- reading

    def changes_after(self, at: str) -> list[tuple[str, dict[bytes, bytes]]]:
        """All changes after one, with their ids. Raises Moved where they aren't all there any more."""
        with told(self.settings):
            if at != "0-0" and not self.redis.xrange(self.changes_key, at, at):
                raise Moved
            found: Any = self.redis.xrange(self.changes_key, min=f"({at}")
        return [(change.decode(), message) for change, message in found]

    def used(self, name: str, generation: Generation) -> Int64s:
        """int64[k]: the buckets of a list that hold something."""
        with told(self.settings):
            bits: Any = self.redis.get(self.key(name, generation, "used"))
        return np.flatnonzero(np.unpackbits(np.frombuffer(bits or b"", np.uint8)))

    def notes(self, name: str, generation: Generation) -> dict[int, Note]:
        """Sources and reasons of a list, by digest."""
        with told(self.settings):
            found: Any = self.redis.hgetall(self.key(name, generation, "notes"))
        return {int.from_bytes(digest, "big"): codec.note_of(text) for digest, text in found.items()}

    def count(self, name: str, generation: Generation) -> int:
        """How many values a list has, with those that have expired or were taken off."""
        total = 0
        for some in _in_parts(self.used(name, generation), 8 * READ_BUCKETS):
            with told(self.settings), self.redis.pipeline(transaction=False) as pipe:
                for bucket in some.tolist():
                    pipe.hlen(self.key(name, generation, bucket))
                total += sum(pipe.execute())
        return total

    def read(self, name: str, generation: Generation, progress: Progress = lambda *_: None) -> AnyList:
        """A whole list as it is now; changes that are made meanwhile may be in it or not. Raises Moved."""
        entries: Any = LISTS[generation.match]()
        notes = self.notes(name, generation)
        buckets, done, count = self.used(name, generation), 0, 0
        for some in _in_parts(buckets, READ_BUCKETS):
            count += self._take(name, generation, some, notes, entries)
            if not done:  # values are spread evenly: so many there will be
                entries.reserve(int(count * max(0.0, len(buckets) / len(some) - 1) * 1.05))
            done += len(some)
            progress(done, len(buckets))
        if self.generation(name) != generation:
            raise Moved
        len(entries)  # ranges are sorted now, not by whoever asks first
        return entries

    def _take(self, name: str, generation: Generation, buckets: Int64s, notes: dict[int, Note], entries: Any) -> int:
        """Puts what some buckets hold on a list; gives how many values that were. `notes` grows with what is new."""
        with told(self.settings), self.redis.pipeline(transaction=False) as pipe:
            for bucket in buckets.tolist():
                pipe.hgetall(self.key(name, generation, bucket))
            found: list[dict[bytes, bytes]] = pipe.execute()
        keys, texts = generation.meaning.keys([field for bucket in found for field in bucket])
        from_ms, expires_ms, digests = codec.unpacked([value for bucket in found for value in bucket.values()])
        if not notes.keys() >= set(np.unique(digests[digests != 0]).tolist()):
            notes.update(self.notes(name, generation))
        codes, known = codec.codes_of(digests, notes)
        apply(entries, Columns(keys, from_ms, expires_ms, codes, known), texts)
        return len(keys)


def _in_parts(buckets: Int64s, size: int) -> list[Int64s]:
    return [buckets[start : start + size] for start in range(0, len(buckets), size)]


def _merged(columns: Columns, held: list[bytes | None]) -> tuple[list[bytes], int]:
    """What each field holds from now on, and how many values come on a list, or go off it, by that."""
    there = np.array([one is not None for one in held], bool)
    from_ms, expires_ms, digests = codec.unpacked([one or b"" for one in held])
    there &= ~codec.is_off(from_ms)
    off = codec.is_off(columns.from_ms)
    given, extends = codec.digests_of(columns), there & ~off
    told_now = (given != 0) & (columns.expires_ms >= expires_ms)
    return (
        codec.packed(
            np.where(extends, np.minimum(from_ms, columns.from_ms), columns.from_ms),
            np.where(extends, np.maximum(expires_ms, columns.expires_ms), columns.expires_ms),
            np.where(extends & ~told_now, digests, given),
        ),
        int((there == off).sum()),
    )
