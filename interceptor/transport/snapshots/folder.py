"""Snapshots in a folder that all workers share.

Enters: packed states. Leaves: those, from FOLDER/stage/partition/offset.snapshot. Invariants: a file of that name was
written whole and is on the disk, whenever the process or the machine stops; a file that is being written is locked, so
that what a dead process left can be told from what a living one writes, and is cleared away with the next save.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from interceptor.rules.errors import printable
from interceptor.transport.snapshots.packing import OtherVersion
from interceptor.transport.snapshots.store import KEPT, SnapshotStoreAway, check_place, why_damaged

_NAME = re.compile(r"(\d{20})\.snapshot")
_PARTIAL = ".partial"
_log = logging.getLogger(__name__)


class FolderSnapshots:
    """One folder. Only its owner can read what it writes: state holds phone numbers."""

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    def save(self, stage: str, partition: int, next_offset: int, data: bytes) -> bool:
        """See Snapshots.save."""
        check_place(stage, partition, next_offset)
        folder = self._of(stage, partition)
        with _told(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _clear(folder)
            if any(offset >= next_offset for offset, _ in _snapshots(folder)):
                return False
            _write(folder, f"{next_offset:020d}.snapshot", data)
            for _, path in _snapshots(folder)[KEPT:]:
                path.unlink(missing_ok=True)
        return True

    def newest(self, stage: str, partition: int, at_most: int | None = None) -> tuple[int, bytes] | None:
        """See Snapshots.newest. A damaged one is deleted: it would stand in the way of those before it."""
        check_place(stage, partition)
        folder = self._of(stage, partition)
        with _told(folder):
            for offset, path in _snapshots(folder):
                if at_most is not None and offset > at_most:
                    continue
                try:
                    data = path.read_bytes()
                except FileNotFoundError:  # two newer ones came meanwhile
                    return self.newest(stage, partition, at_most)
                damage = why_damaged(data)
                if damage is None or isinstance(damage, OtherVersion):
                    return offset, data
                _log.warning("%s: damaged, deleted: %s", printable(str(path)), damage)
                path.unlink(missing_ok=True)
        return None

    def forget(self, stage: str, partition: int, above: int = -1) -> None:
        """See Snapshots.forget."""
        check_place(stage, partition)
        folder = self._of(stage, partition)
        with _told(folder):
            for offset, path in _snapshots(folder):
                if offset > above:
                    path.unlink(missing_ok=True)

    def _of(self, stage: str, partition: int) -> Path:
        return self._folder / stage / f"{partition:04d}"


def _snapshots(folder: Path) -> list[tuple[int, Path]]:
    """Offset and file, the newest first."""
    try:
        found = [(match, folder / match.string) for match in map(_NAME.fullmatch, os.listdir(folder)) if match]
    except FileNotFoundError:
        return []
    return sorted(((int(match[1]), path) for match, path in found), reverse=True)


def _write(folder: Path, name: str, data: bytes) -> None:
    """The file is there whole, or not at all."""
    while True:
        handle, partial = mkstemp(suffix=_PARTIAL, prefix=f".{name}.", dir=folder)
        with os.fdopen(handle, "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not _is_there(partial, file.fileno()):
                    continue  # somebody found it before it was locked, and cleared it away
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.rename(partial, folder / name)
            except BaseException:
                with suppress(OSError):
                    os.unlink(partial)
                raise
        break
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clear(folder: Path) -> None:
    """Deletes what dead processes were writing."""
    for name in os.listdir(folder):
        if not name.endswith(_PARTIAL):
            continue
        with suppress(OSError), open(folder / name, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Unless it has got its final name since.
            if _is_there(str(folder / name), file.fileno()):
                os.unlink(folder / name)


def _is_there(path: str, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where, what = printable(str(error.filename or folder)), error.strerror or "no answer"
        raise SnapshotStoreAway(
            f"{where}: {what}\n  hint: is the folder of snapshots there, with room, and yours?"
        ) from None
