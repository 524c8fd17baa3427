"""Where snapshots are kept: what a folder and Redis have in common, and which of them it is.

Enters: settings; a shard (stage and partition) and its packed states. Leaves: a store; the newest state that can be
used. Invariants: of each shard the newest two are kept; an older one never takes the place of a newer one, however late
it is written; a damaged one is passed over.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from interceptor.rules.errors import printable
from interceptor.state import State
from interceptor.transport.settings import Settings
from interceptor.transport.snapshots.packing import SnapshotDamaged, check, unpack

KEPT = 2  # of each shard: the newest, and the one before should that be damaged
OFFSET_MAX = 1 << 53  # whole numbers in Lua end there
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,40}")


class SnapshotStoreAway(Exception):
    """The store can't be reached, or doesn't do what it was asked; trying again later may help. For people."""


class Snapshots(Protocol):
    """A store. Its methods may be called by several threads and processes; they raise SnapshotStoreAway."""

    def save(self, stage: str, partition: int, next_offset: int, data: bytes) -> bool:
        """Keeps a shard's state from before `next_offset`. False: there is one that is as new, and nothing changed."""
        ...

    def newest(self, stage: str, partition: int, at_most: int | None = None) -> tuple[int, bytes] | None:
        """The newest that isn't damaged, with its offset; of those up to `at_most` where that is given."""
        ...

    def forget(self, stage: str, partition: int, above: int = -1) -> None:
        """Drops a shard's snapshots of offsets above this one: those of a log that was begun anew."""
        ...


class Loaded(NamedTuple):
    """A snapshot that can be used, and why newer ones can't: a line each."""

    next_offset: int
    state: State
    about: dict[str, Any]
    passed_over: tuple[str, ...]


def load(store: Snapshots, stage: str, partition: int, at_most: int | None = None) -> Loaded | tuple[str, ...]:
    """The newest state of a shard that can be used; where there is none, why not, a line for each that was found.
    Raises SnapshotStoreAway."""
    passed_over: list[str] = []
    while (found := store.newest(stage, partition, at_most)) is not None:
        next_offset, data = found
        try:
            return Loaded(next_offset, *unpack(data), tuple(passed_over))
        except SnapshotDamaged as error:
            passed_over.append(f"snapshot of {stage} {partition} at {next_offset}: {error}")
            at_most = next_offset - 1
    return tuple(passed_over)


def store_from(settings: Settings) -> Snapshots:
    """The store that the settings name. Raises SettingsError where there can't be one."""
    if settings.snapshots == "redis":
        from interceptor.transport.redis_client import connect
        from interceptor.transport.snapshots.in_redis import RedisSnapshots

        return RedisSnapshots(connect(settings), settings)
    from interceptor.transport.snapshots.folder import FolderSnapshots

    return FolderSnapshots(Path(settings.snapshots) / settings.app)


def check_place(stage: str, partition: int, next_offset: int = 0) -> None:
    """Raises ValueError where there can be no such shard or offset."""
    if not _STAGE.fullmatch(stage) or not 0 <= partition < 10_000 or not 0 <= next_offset < OFFSET_MAX:
        raise ValueError(f"no shard of a log: {printable(stage)!r}, partition {partition}, offset {next_offset}")


def why_damaged(data: bytes) -> SnapshotDamaged | None:
    """What is wrong with a snapshot's bytes, as far as can be seen without unpacking them."""
    try:
        check(data)
    except SnapshotDamaged as error:
        return error
    return None
