"""Snapshots in the background: nobody waits, the newest wins, failures are counted.

Enters: states, and stores that are slow, full or broken on purpose. Leaves: for a failure, what was saved instead.
Invariant: each test decides by itself when the store goes on; nothing depends on speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Lock, get_ident

import numpy as np
import pytest

from interceptor.state import State
from interceptor.transport.snapshots.packing import unpack
from interceptor.transport.snapshots.store import SnapshotStoreAway
from interceptor.transport.snapshots.writer import SnapshotWriter
from tests.redis_server import until

WITHIN_S = 20.0


class Store:
    """Saves when it is told to go on; fails for some offsets, has as new ones for others."""

    def __init__(self) -> None:
        self.go_on, self.began = Event(), Event()
        self.go_on.set()
        self.failing: dict[int, Exception] = {}
        self.as_new: set[int] = set()
        self.saved: list[tuple[str, int, int]] = []
        self.states: list[State] = []
        self.threads: set[int] = set()
        self.at_once = Lock()

    def save(self, stage: str, partition: int, next_offset: int, data: bytes) -> bool:
        assert self.at_once.acquire(blocking=False), "two at a time"
        try:
            self.began.set()
            assert self.go_on.wait(WITHIN_S)
            return self._save(stage, partition, next_offset, data)
        finally:
            self.at_once.release()

    def _save(self, stage: str, partition: int, next_offset: int, data: bytes) -> bool:
        self.threads.add(get_ident())
        if next_offset in self.failing:
            raise self.failing[next_offset]
        if next_offset in self.as_new:
            return False
        self.saved.append((stage, partition, next_offset))
        self.states.append(unpack(data)[0])
        return True

    def newest(self, stage: str, partition: int, at_most: int | None = None) -> tuple[int, bytes] | None:
        raise NotImplementedError

    def forget(self, stage: str, partition: int, above: int = -1) -> None:
        raise NotImplementedError


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def writer(store: Store) -> Iterator[SnapshotWriter]:
    one = SnapshotWriter(store)
    yield one
    store.go_on.set()
    one.close(WITHIN_S)


def put(writer: SnapshotWriter, offset: int, partition: int = 0) -> None:
    writer.put("screen", partition, offset, {"a": np.full(3, offset)}, {"next_offset": offset})


def test_what_is_put_is_saved_elsewhere(writer: SnapshotWriter, store: Store) -> None:
    for offset in (10, 20):
        put(writer, offset)
        assert writer.flush(WITHIN_S)
    assert store.saved == [("screen", 0, 10), ("screen", 0, 20)]
    assert store.states[1]["a"].tolist() == [20] * 3
    assert get_ident() not in store.threads
    last = writer.last_saved["screen", 0]
    assert last.next_offset == 20
    assert last.data_bytes > 0
    assert last.took_s >= 0
    assert (writer.failed, writer.overtaken, writer.refused, writer.last_error) == ({}, {}, {}, {})


def test_the_newest_wins_when_the_store_falls_behind(writer: SnapshotWriter, store: Store) -> None:
    store.go_on.clear()
    put(writer, 1)
    assert store.began.wait(WITHIN_S)
    for offset in (2, 3, 5, 4):
        put(writer, offset)
        put(writer, 10 * offset, partition=1)
    assert writer.is_busy("screen", 0)
    assert not writer.is_busy("screen", 2)
    assert not writer.flush(0.01)
    store.go_on.set()
    assert writer.flush(WITHIN_S)
    assert store.saved == [("screen", 0, 1), ("screen", 0, 5), ("screen", 1, 50)]
    assert writer.overtaken == {("screen", 0): 3, ("screen", 1): 3}
    assert not writer.is_busy("screen", 0)


def test_failures_are_counted_and_the_next_is_tried(writer: SnapshotWriter, store: Store) -> None:
    store.failing = {1: SnapshotStoreAway("Redis at 127.0.0.1:1 is \x1b[31maway"), 2: MemoryError(), 4: KeyError("x")}
    store.as_new = {5}
    for offset in (1, 2, 3):
        put(writer, offset)
        assert writer.flush(WITHIN_S)
    assert writer.failed == {("screen", 0): 2}
    assert writer.last_error == {}
    assert writer.last_saved["screen", 0].next_offset == 3
    put(writer, 4)
    assert writer.flush(WITHIN_S)
    assert writer.last_error == {("screen", 0): "'x'"}
    put(writer, 5)
    assert writer.flush(WITHIN_S)
    assert writer.refused == {("screen", 0): 1}
    assert writer.last_saved["screen", 0].next_offset == 3


def test_an_error_is_told_without_what_a_terminal_would_obey(writer: SnapshotWriter, store: Store) -> None:
    store.failing = {1: SnapshotStoreAway("is \x1b[31maway")}
    put(writer, 1)
    assert writer.flush(WITHIN_S)
    assert "\x1b" not in writer.last_error["screen", 0]


def test_closing_saves_what_waits(store: Store) -> None:
    writer = SnapshotWriter(store)
    store.go_on.clear()
    put(writer, 1)
    assert store.began.wait(WITHIN_S)
    put(writer, 2)
    store.go_on.set()
    assert writer.close(WITHIN_S)
    assert [offset for _, _, offset in store.saved] == [1, 2]
    until(lambda: not writer._thread.is_alive())
    with pytest.raises(RuntimeError, match="closed"):
        put(writer, 3)


def test_closing_does_not_wait_for_ever(store: Store) -> None:
    writer = SnapshotWriter(store)
    store.go_on.clear()
    put(writer, 1)
    assert store.began.wait(WITHIN_S)
    put(writer, 2)
    assert not writer.close(0.01)
    store.go_on.set()
    until(lambda: not writer._thread.is_alive())
    assert [offset for _, _, offset in store.saved] == [1]
