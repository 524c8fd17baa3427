"""Stores of snapshots: the newest whole one is found, whatever was interrupted, late or damaged.

Enters: a folder, and a Redis of the test's own; writers that are killed. Leaves: for a failure, what was found instead.
Invariant: both kinds of store keep to the same promises.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import monotonic

import numpy as np
import pytest

from interceptor.transport.redis_client import connect
from interceptor.transport.settings import Settings, SettingsError
from interceptor.transport.snapshots import in_redis as redis_snapshots
from interceptor.transport.snapshots.folder import FolderSnapshots
from interceptor.transport.snapshots.in_redis import RedisSnapshots
from interceptor.transport.snapshots.packing import pack, unpack
from interceptor.transport.snapshots.store import Loaded, Snapshots, SnapshotStoreAway, load, store_from
from tests.redis_server import RedisServer, running, until

SHARD = ("protect", 3)


@dataclass
class Kept:
    """A store, and how to get at what it holds of SHARD behind its back."""

    store: Snapshots
    offsets: Callable[[], list[int]]
    damage: Callable[[int], None]
    leftovers: Callable[[], int]  # of what was half written


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running(tmp_path_factory.mktemp("redis")) as one:
        yield one


@pytest.fixture(params=["folder", "redis"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "folder":
        return in_folder(tmp_path / "snapshots")
    return in_redis(request.getfixturevalue("server"))


def in_folder(folder: Path) -> Kept:
    def files(pattern: str) -> list[Path]:
        return sorted((folder / "protect" / "0003").glob(pattern))

    def damage(offset: int) -> None:
        (path,) = files(f"*{offset}.snapshot")
        path.write_bytes(path.read_bytes()[:-7])

    return Kept(
        FolderSnapshots(folder),
        lambda: [int(path.stem) for path in files("*.snapshot")],
        damage,
        lambda: len(files(".*")) + len(files("*")) - len(files("*.snapshot")),
    )


def in_redis(server: RedisServer) -> Kept:
    settings = server.settings(app="city")
    client, index = connect(settings), "city:{snapshot:protect:3}"
    client.flushall()

    def entries() -> dict[int, str]:
        return {int(offset): entry.decode() for offset, entry in client.hgetall(index).items()}

    def damage(offset: int) -> None:
        client.setrange(f"{index}:{offset}:{entries()[offset].split()[0]}:0", 20, b"?")

    def leftovers() -> int:
        used = {f"{index}:{at}:{entry.split()[0]}" for at, entry in entries().items()}
        return sum(key.decode().rpartition(":")[0] not in used for key in client.keys(f"{index}:*"))

    return Kept(RedisSnapshots(client, settings), lambda: sorted(entries()), damage, leftovers)


def snapshot(number: int, rows: int = 1_000) -> bytes:
    return pack({"a": np.random.default_rng(number).integers(0, 2**60, rows)}, {"number": number})


def test_the_newest_two_are_kept(kept: Kept) -> None:
    assert kept.store.newest(*SHARD) is None
    for offset in (9, 10, 11, 100):
        assert kept.store.save(*SHARD, offset, snapshot(offset))
        assert kept.store.newest(*SHARD) == (offset, snapshot(offset))
    assert kept.offsets() == [11, 100]
    assert kept.store.newest(*SHARD, 100) == (100, snapshot(100))
    assert kept.store.newest(*SHARD, at_most=99) == (11, snapshot(11))
    assert kept.store.newest(*SHARD, at_most=10) is None
    assert kept.leftovers() == 0


def test_an_older_one_never_takes_the_place_of_a_newer_one(kept: Kept) -> None:
    kept.store.save(*SHARD, 50, snapshot(50))
    kept.store.save(*SHARD, 60, snapshot(60))
    for late in (0, 49, 50, 55, 60):
        assert not kept.store.save(*SHARD, late, snapshot(1))
    assert kept.offsets() == [50, 60]
    assert kept.store.newest(*SHARD) == (60, snapshot(60))
    assert kept.leftovers() == 0


def test_shards_are_kept_apart(kept: Kept) -> None:
    for stage, partition in (("admit", 0), ("screen", 3), ("screen", 30), ("protect", 3)):
        kept.store.save(stage, partition, 1 + partition, snapshot(partition))
    assert kept.store.newest("screen", 3) == (4, snapshot(3))
    assert kept.store.newest("screen", 30) == (31, snapshot(30))
    assert kept.store.newest("screen", 4) is None


def test_a_damaged_one_gives_way_to_the_one_before(kept: Kept) -> None:
    for offset in (7, 8):
        kept.store.save(*SHARD, offset, snapshot(offset))
    kept.damage(8)
    assert kept.store.newest(*SHARD) == (7, snapshot(7))
    assert kept.offsets() == [7]  # or 8 would be as new as what is saved next
    assert kept.store.save(*SHARD, 8, snapshot(88))
    assert kept.store.newest(*SHARD) == (8, snapshot(88))
    kept.damage(7)
    kept.damage(8)
    assert kept.store.newest(*SHARD) is None


def test_a_log_that_was_begun_anew(kept: Kept) -> None:
    for offset in (7, 8):
        kept.store.save(*SHARD, offset, snapshot(offset))
    kept.store.forget(*SHARD, above=7)
    assert kept.store.newest(*SHARD) == (7, snapshot(7))
    kept.store.forget(*SHARD)
    kept.store.forget(*SHARD)
    assert kept.offsets() == []
    assert kept.leftovers() == 0
    assert kept.store.save(*SHARD, 2, snapshot(2))


def test_load_passes_over_what_cannot_be_used(kept: Kept) -> None:
    assert load(kept.store, *SHARD) == ()
    other = bytearray(snapshot(9))
    other[8] += 1  # the version
    kept.store.save(*SHARD, 8, snapshot(8))
    kept.store.save(*SHARD, 9, bytes(other))
    found = load(kept.store, *SHARD)
    assert isinstance(found, Loaded)
    assert (found.next_offset, found.about) == (8, {"number": 8})
    assert np.array_equal(found.state["a"], unpack(snapshot(8))[0]["a"])
    assert len(found.passed_over) == 1
    assert found.passed_over[0].startswith("snapshot of protect 3 at 9: of version 2")
    assert kept.offsets() == [8, 9]  # the other version may come back for its own
    assert load(kept.store, *SHARD, at_most=7) == ()


def test_places_that_cannot_be_are_refused(kept: Kept) -> None:
    for stage, partition, offset in (
        ("../x", 0, 0),
        ("x}", 0, 0),
        ("", 0, 0),
        ("a", -1, 0),
        ("a", 0, -1),
        ("a", 0, 2**60),
    ):
        with pytest.raises(ValueError, match="no shard of a log"):
            kept.store.save(stage, partition, offset, b"")


def test_many_writers_and_a_reader(kept: Kept) -> None:
    """However they take turns, a reader finds a whole one, never older than the one before."""
    made = {offset: snapshot(offset, 3_000) for offset in range(1, 41)}
    threads = [Thread(target=save_all, args=(kept.store, first, made)) for first in (1, 2, 3)]
    for thread in threads:
        thread.start()
    seen = 0
    while any(thread.is_alive() for thread in threads):
        found = kept.store.newest(*SHARD)
        if found:
            assert found[0] >= seen
            assert found[1] == made[found[0]]
            seen = found[0]
    for thread in threads:
        thread.join(10)
    assert kept.store.newest(*SHARD) == (40, made[40])
    kept.store.save(*SHARD, 41, made[40])
    assert kept.offsets() == [40, 41]
    assert kept.leftovers() == 0


def save_all(store: Snapshots, first: int, made: dict[int, bytes]) -> None:
    for offset in range(first, 41):
        store.save(*SHARD, offset, made[offset])


WRITER = """
import sys
from pathlib import Path
from tests.test_snapshot_stores import SHARD, killed_store, snapshot
store, offset, data = killed_store(sys.argv[1]), int(sys.argv[2]), snapshot(5, 400_000)
print("ready", flush=True)
while True:
    offset += 1
    store.save(*SHARD, offset, data)
    print(offset, flush=True)
"""


def killed_store(where: str) -> Snapshots:
    if where.startswith("redis://"):
        settings = Settings(redis=where, app="city")
        return RedisSnapshots(connect(settings), settings)
    return FolderSnapshots(where)


@pytest.mark.parametrize("kind", ["folder", "redis"])
def test_a_writer_that_is_killed_at_any_moment(kind: str, tmp_path: Path, server: RedisServer) -> None:
    kept = in_folder(tmp_path / "snapshots") if kind == "folder" else in_redis(server)
    where, chance = str(tmp_path / "snapshots") if kind == "folder" else server.url, np.random.default_rng(11)
    data, offset = snapshot(5, 400_000), 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, where, str(offset)],
            cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            until_ms = monotonic() + float(chance.uniform(0.05, 0.3))
            until(lambda: monotonic() > until_ms)  # noqa: B023 (waited for at once)
        finally:
            process.kill()
            process.wait(10)
        told = [int(line) for line in process.stdout.read().split()]
        process.stdout.close()
        found = kept.store.newest(*SHARD)
        if told:
            assert found is not None
            assert found[0] >= told[-1]
        if found:
            assert found[1] == data
            offset = found[0]
    kept.store.save(*SHARD, offset + 1, data)
    assert len(kept.offsets()) <= 2
    if kind == "folder":
        assert kept.leftovers() == 0
    else:  # they go by themselves
        ttls = [server.client().ttl(key) for key in server.client().keys("city:{snapshot:protect:3}:*")]
        assert all(0 < ttl <= redis_snapshots.UNFINISHED_S or ttl == -1 for ttl in ttls)
        assert ttls.count(-1) == len(kept.offsets())


# ---------------------------------------------------------------------------------------------------- folder only


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    FolderSnapshots(tmp_path / "snapshots").save(*SHARD, 12, snapshot(1))
    (path,) = (tmp_path / "snapshots").rglob("*.snapshot")
    assert path.relative_to(tmp_path).as_posix() == "snapshots/protect/0003/00000000000000000012.snapshot"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_a_dead_process_left_is_cleared_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    kept = in_folder(tmp_path)
    kept.store.save(*SHARD, 1, snapshot(1))
    folder = tmp_path / "protect" / "0003"
    (folder / ".left.partial").write_bytes(b"half")
    program = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'wb'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    writing = subprocess.Popen(
        [sys.executable, "-c", program, str(folder / ".writing.partial")], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    try:
        assert writing.stdout
        assert writing.stdout.readline() == b"locked\n"
        kept.store.save(*SHARD, 2, snapshot(2))
        assert sorted(path.name for path in folder.glob(".*")) == [".writing.partial"]
    finally:
        writing.communicate(timeout=10)
    kept.store.save(*SHARD, 3, snapshot(3))
    assert list(folder.glob(".*")) == []


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FolderSnapshots(tmp_path / "file")
    with pytest.raises(SnapshotStoreAway, match="Not a directory\n  hint: is the folder of snapshots there"):
        store.save(*SHARD, 1, snapshot(1))


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = in_folder(tmp_path)
    kept.store.save(*SHARD, 1, snapshot(1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SnapshotStoreAway, match="No space left on device"):
            kept.store.save(*SHARD, 2, snapshot(2))
    assert kept.offsets() == [1]
    assert kept.leftovers() == 0


# ----------------------------------------------------------------------------------------------------- Redis only


def test_a_snapshot_of_many_chunks(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = in_redis(server)
    monkeypatch.setattr(redis_snapshots, "CHUNK_BYTES", 1_000)
    data = snapshot(1, 10_000)
    kept.store.save(*SHARD, 5, data)
    keys = server.client().keys("city:{snapshot:protect:3}:5:*")
    assert len(keys) == -(-len(data) // 1_000)
    assert {server.client().ttl(key) for key in keys} == {-1}
    assert kept.store.newest(*SHARD) == (5, data)
    for offset in (6, 7):
        kept.store.save(*SHARD, offset, snapshot(offset))
    assert server.client().keys("city:{snapshot:protect:3}:5:*") == []


def test_half_a_snapshot_is_never_seen(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = in_redis(server)
    kept.store.save(*SHARD, 5, snapshot(5))
    monkeypatch.setattr(redis_snapshots, "UNFINISHED_S", 1)
    settings = server.settings(app="city")
    slow = RedisSnapshots(connect(settings), settings)
    publish = slow._publish

    def late(**arguments: object) -> object:
        until(lambda: not server.client().keys("city:{snapshot:protect:3}:6:*"))  # the chunks have expired
        return publish(**arguments)

    slow._publish = late  # type: ignore[assignment]
    with pytest.raises(SnapshotStoreAway, match="took longer"):
        slow.save(*SHARD, 6, snapshot(6))
    assert kept.store.newest(*SHARD) == (5, snapshot(5))
    assert kept.offsets() == [5]


def test_a_chunk_that_somebody_deleted(server: RedisServer) -> None:
    kept = in_redis(server)
    for offset in (5, 6):
        kept.store.save(*SHARD, offset, snapshot(offset))
    server.client().delete(*server.client().keys("city:{snapshot:protect:3}:6:*"))
    assert kept.store.newest(*SHARD) == (5, snapshot(5))


def test_redis_away(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        kept = in_redis(server)
        kept.store.save(*SHARD, 5, snapshot(5))
        server.pause()  # it takes what it is sent and doesn't answer
        with pytest.raises(SnapshotStoreAway, match="doesn't answer"):
            kept.store.save(*SHARD, 6, snapshot(6))
        server.go_on()
        until(lambda: kept.store.newest(*SHARD) is not None)
    for call in (
        lambda: kept.store.save(*SHARD, 7, b""),
        lambda: kept.store.newest(*SHARD),
        lambda: kept.store.forget(*SHARD),
    ):
        with pytest.raises(SnapshotStoreAway, match="Redis at 127"):
            call()


def test_the_settings_say_which(tmp_path: Path, server: RedisServer) -> None:
    folder = store_from(Settings(snapshots=str(tmp_path), app="city"))
    assert isinstance(folder, FolderSnapshots)
    folder.save(*SHARD, 1, snapshot(1))
    assert len(list(tmp_path.glob("city/protect/0003/*.snapshot"))) == 1
    assert isinstance(store_from(server.settings()), RedisSnapshots)
    with pytest.raises(SettingsError, match="there is no Redis"):
        store_from(Settings(redis=""))
