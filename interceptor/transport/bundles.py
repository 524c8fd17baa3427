"""A rule set as one piece of bytes: its files, packed, and back.

Enters: a folder of rules and more lists, or packed bytes. Leaves: the other. Invariants: what is unpacked lies below
the folder that was given, whatever the bytes say, and takes no more room than BYTES_MAX; the same files are the same
bytes.

A bundle is a tar file packed with zstd: `rules/` with all that was below the folder and counts, `lists/` with the files
that were given beside it.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pyarrow as pa

from interceptor.rules import RulesError, RuleSet, load
from interceptor.rules.errors import Place, Problem, printable

PACKED_MAX = 256 << 20
BYTES_MAX = 4 << 30
FILES_MAX = 5_000
RULES, LISTS = "rules", "lists"
_BLOCK_BYTES = 1 << 20
_PACKING = "zstd"


class BadBundle(Exception):
    """Bytes that aren't a bundle of rules."""


def bundle(folder: Path, extra_lists: Sequence[Path] = ()) -> tuple[bytes, RuleSet]:
    """The files of a rule set as bytes, and the rule set. Raises RulesError where it has mistakes, BadBundle where it
    is too large. What was packed is what was checked: it is read back from the bytes."""
    given = load(folder, extra_lists)
    packed = _pack(_files(folder, extra_lists, given))
    with unpacked(packed, given) as found:
        if found.hash != given.hash:
            message = "a file was changed while the rule set was read"
            raise RulesError([Problem(Place(str(folder), 1, 1), "unreadable", message, "publish it again")])
        return packed, found


def _files(folder: Path, extra_lists: Sequence[Path], rule_set: RuleSet) -> Iterator[tuple[str, Path]]:
    """Names in the bundle, and where the files are."""
    base = folder if folder.is_dir() else folder.parent
    found = {path for path in folder.rglob("*.yaml") if path.is_file()} if folder.is_dir() else {folder}
    found |= {Path(place.path).parent / (one.file or "") for one, place in rule_set.definitions.side_files}
    yield from ((f"{RULES}/{path.relative_to(base).as_posix()}", path) for path in sorted(found))
    names = [path.name for path in extra_lists]
    for path in extra_lists:
        if names.count(path.name) > 1:
            message = "two files of one name"
            raise RulesError([Problem(Place(str(path), 1, 1), "bad-file", message, "rename one, or join them")])
        yield f"{LISTS}/{path.name}", path


def _pack(files: Iterator[tuple[str, Path]]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, _PACKING) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        for name, path in files:
            info = tarfile.TarInfo(name)
            with path.open("rb") as file:
                info.size = path.stat().st_size
                tar.addfile(info, file)
    packed: bytes = sink.getvalue().to_pybytes()
    if len(packed) > PACKED_MAX:
        raise BadBundle(
            f"the rule set is {len(packed):,} bytes packed, at most {PACKED_MAX:,}\n"
            "  hint: long lists belong into Redis: `interceptor lists import NAME FILE`"
        )
    return packed


@contextmanager
def unpacked(packed: bytes, previous: RuleSet | None = None) -> Iterator[RuleSet]:
    """The rule set in a bundle, while its files are there. Raises BadBundle, and RulesError as load does; `previous` as
    there."""
    with tempfile.TemporaryDirectory(prefix="interceptor-rules-") as folder:
        base = Path(folder)
        (base / RULES).mkdir()
        (base / LISTS).mkdir()
        try:
            _unpack(packed, base)
        except (tarfile.TarError, pa.ArrowException, OSError, EOFError, ValueError) as error:
            what = printable(str(error)).splitlines() or [type(error).__name__]
            raise BadBundle(f"this is no bundle of rules: {what[0][:200]}") from None
        yield load(base / RULES, sorted((base / LISTS).iterdir()), previous)


def _unpack(packed: bytes, base: Path) -> None:
    room, names = BYTES_MAX, set[str]()
    raw = pa.CompressedInputStream(pa.BufferReader(packed), _PACKING)
    with io.BufferedReader(_Readable(raw)) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            room -= member.size
            names.add(member.name)
            inside = not path.is_absolute() and ".." not in path.parts and path.parts[:1] in ((RULES,), (LISTS,))
            if not (member.isreg() and inside and len(path.parts) > 1):
                raise BadBundle(f"no file below {RULES}/ or {LISTS}/: {printable(member.name)!r}")
            if room < 0 or len(names) > FILES_MAX:
                raise BadBundle(f"a bundle holds {BYTES_MAX:,} bytes in {FILES_MAX:,} files at most")
            file = tar.extractfile(member)
            target = base / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                while file and (block := file.read(_BLOCK_BYTES)):
                    out.write(block)


class _Readable(io.RawIOBase):
    """An Arrow stream as io has them."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream, self._room = stream, BYTES_MAX + (FILES_MAX << 12)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        block: bytes = self._stream.read(len(view))
        self._room -= len(block)
        if self._room < 0:
            raise BadBundle(f"a bundle unpacks to {BYTES_MAX:,} bytes at most")
        view[: len(block)] = block
        return len(block)
