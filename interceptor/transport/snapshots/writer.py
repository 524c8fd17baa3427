"""Saves snapshots in a thread of its own.

Enters: states of shards, as fast as they come. Leaves: packed ones in a store, and what became of them, for metrics.
Invariants: who hands over a state never waits; of each shard one state at most waits and one is being saved, and a
newer one takes the place of the one that waits; whatever fails is counted, and the next one is tried.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic
from typing import Any

from interceptor.rules.errors import printable
from interceptor.state import State
from interceptor.transport.snapshots.packing import pack
from interceptor.transport.snapshots.store import Snapshots

Shard = tuple[str, int]  # stage and partition
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot that is in the store. `at_s`: when, by time.monotonic."""

    next_offset: int
    data_bytes: int
    took_s: float
    at_s: float


@dataclass(frozen=True, slots=True)
class _Job:
    next_offset: int
    state: State
    about: dict[str, Any]


class SnapshotWriter:
    """One store. Counters by shard, to be read at any time: `failed`, `overtaken` (a newer state came before it was its
    turn), `refused` (the store had one as new). `last_saved` and `last_error` are of the newest of each shard."""

    def __init__(self, store: Snapshots) -> None:
        self.failed: Counter[Shard] = Counter()
        self.overtaken: Counter[Shard] = Counter()
        self.refused: Counter[Shard] = Counter()
        self.last_saved: dict[Shard, Saved] = {}
        self.last_error: dict[Shard, str] = {}
        self._store = store
        self._waiting: dict[Shard, _Job] = {}  # whoever waits longest comes first
        self._busy: Shard | None = None
        self._closing = False
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="snapshots", daemon=True)
        self._thread.start()

    def put(self, stage: str, partition: int, next_offset: int, state: State, about: dict[str, Any]) -> None:
        """Has a state saved, which nobody changes any more. Returns at once."""
        shard = (stage, partition)
        with self._changed:
            if self._closing:
                raise RuntimeError("the writer of snapshots is closed")
            before = self._waiting.get(shard)
            if before is not None:
                self.overtaken[shard] += 1
                if before.next_offset > next_offset:
                    return
            self._waiting[shard] = _Job(next_offset, state, about)
            self._changed.notify_all()

    def is_busy(self, stage: str, partition: int) -> bool:
        """Whether a state of the shard waits or is being saved: another one needn't be taken yet."""
        with self._changed:
            return self._busy == (stage, partition) or (stage, partition) in self._waiting

    def flush(self, timeout_s: float) -> bool:
        """Waits until nothing waits any more; False where it took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._busy is None, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Saves what waits, then ends; False where that took longer, and then what waits is dropped."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        done = self.flush(timeout_s)
        with self._changed:
            self._waiting.clear()
        return done

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = None
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                shard = next(iter(self._waiting))
                job, self._busy = self._waiting.pop(shard), shard
            self._save(shard, job)
            del job  # its memory isn't held while nothing is to be done

    def _save(self, shard: Shard, job: _Job) -> None:
        began_s = monotonic()
        try:
            data = pack(job.state, job.about)
            saved = self._store.save(*shard, job.next_offset, data)
        except Exception as error:  # whatever it is: the stream goes on
            self.failed[shard] += 1
            self.last_error[shard] = printable(str(error) or type(error).__name__)
            _log.warning("snapshot of %s %d at %d: %s", *shard, job.next_offset, self.last_error[shard])
            return
        if not saved:
            self.refused[shard] += 1
            return
        now_s = monotonic()
        self.last_saved[shard] = Saved(job.next_offset, len(data), now_s - began_s, now_s)
        self.last_error.pop(shard, None)
