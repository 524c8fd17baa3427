"""Side files of lists: which file fills which list, and that the same content is held once.

Enters: NAME.csv or NAME.txt, named by a list (`file: NAME.csv`) or given beside the rules (`--lists NAME.csv`). Leaves:
list definitions with their entries. Invariants: a file that a list names lies in or below the folder of its rules file;
the same bytes for the same kind of list are the same object as long as anyone holds it, so that a reload neither reads
nor builds it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from interceptor.rules.errors import Place, Problem, RulesError, nearest

if TYPE_CHECKING:
    from interceptor.rules.model import ListDef
    from interceptor.rules.side_lines import AnyList, Form

SUFFIXES = (".csv", ".txt")
FILE_BYTES_MAX = 2_000_000_000
LINES_MAX = 20_000_000
_BLOCK_BYTES = 4 << 20
_HELD: WeakValueDictionary[tuple[str, Form], AnyList] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class SideFile:
    """What one file adds to a list: `entries`, shared and never changed. Equal where the bytes are, by `digest`."""

    digest: str
    path: Path = field(compare=False)
    entries: AnyList = field(compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.entries)


def add_named(lists: dict[str, ListDef], definition: ListDef, place: Place) -> Iterator[Problem]:
    """Adds to its list the file that a definition names; `place` is where it does."""
    if definition.list not in lists:
        return
    try:
        path = _within(definition.file or "", Path(place.path).parent)
    except ValueError as error:
        yield Problem(place, "bad-file", str(error), "put it beside or below the rules file that names it")
        return
    if path.is_file():
        yield from _add(lists, definition.list, path)
        return
    beside = [other.name for other in path.parent.glob("*") if other.suffix in SUFFIXES and other.is_file()]
    yield Problem(place, "unreadable", f"there is no file {path}", nearest(path.name, beside))


def add_extra(lists: dict[str, ListDef], path: Path) -> Iterator[Problem]:
    """Adds NAME.csv or NAME.txt to the list NAME."""
    place = Place(str(path), 1, 1)
    if path.suffix not in SUFFIXES:
        yield Problem(place, "bad-file", f"a side file ends in {' or '.join(SUFFIXES)}, a file of rules in .yaml")
    elif path.stem not in lists:
        message = f"a side file fills the list of its own name, and there is no list {path.stem}"
        yield Problem(place, "unknown-list", message, nearest(path.stem, lists))
    else:
        yield from _add(lists, path.stem, path)


def read_side_file(path: Path, form: Form) -> SideFile:
    """Reads a file for a list. Raises RulesError."""
    from interceptor.rules.side_lines import Reader

    try:
        digest, lines = _surveyed(path)
        entries = _HELD.get((digest, form))
        if entries is None:
            with path.open("rb") as file:
                entries = Reader(path, form).read(file, lines)
            if _surveyed(path) != (digest, lines):
                raise _refusal(path, "unreadable", "the file was changed while it was read", "load the rules again")
            _HELD[digest, form] = entries
    except OSError as error:
        raise _refusal(path, "unreadable", error.strerror or str(error), "check path and rights") from None
    return SideFile(digest, path, entries)


def _within(file: str, folder: Path) -> Path:
    """The path that `file` means. Raises ValueError where it leads out of `folder`, or isn't one for a side file."""
    given, path = Path(file), folder / file
    if given.is_absolute() or ".." in given.parts or "\0" in file:
        raise ValueError(
            f"{file!r}: a side file is named from the folder of its rules file on, without .. and leading /"
        )
    if given.suffix not in SUFFIXES:
        raise ValueError(f"{file!r}: a side file ends in {' or '.join(SUFFIXES)}")
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        inside = False
    if not inside:
        raise ValueError(f"{file!r} is a link that leads out of the folder of its rules file")
    return path


def _add(lists: dict[str, ListDef], name: str, path: Path) -> Iterator[Problem]:
    from interceptor.rules.side_lines import Form  # brings the kernels: not for rule sets without side files

    known = lists[name]
    try:
        side = read_side_file(path, Form(known.match, known.of, known.ttl))
    except RulesError as error:
        yield from error.problems
        return
    if side not in known.sides:
        lists[name] = known.with_side(side)


def _surveyed(path: Path) -> tuple[str, int]:
    """Digest of a file that may be read, and how many lines it has at most."""
    if not path.is_file():
        raise _refusal(path, "unreadable", "this is no file" if path.exists() else "there is no such file")
    if path.stat().st_size > FILE_BYTES_MAX:
        raise _refusal(path, "file-too-large", f"more than {FILE_BYTES_MAX:,} bytes", "split it over several lists")
    digest, lines = blake2b(digest_size=16), 1
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            lines += block.count(b"\n")
    if lines > LINES_MAX:
        raise _refusal(path, "file-too-large", f"more than {LINES_MAX:,} lines", "split it over several lists")
    return digest.hexdigest(), lines


def _refusal(path: Path, code: str, message: str, hint: str = "") -> RulesError:
    return RulesError([Problem(Place(str(path), 1, 1), code, message, hint)])
