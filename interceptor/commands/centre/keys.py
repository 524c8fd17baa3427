"""The key of a book's audit log.

Enters: the path of a book, perhaps INTERCEPTOR_CENTRE_KEY. Leaves: 32 bytes. Invariant: a key that was made is on the
disk, readable for its owner only, before anything is written under it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from interceptor.centre.book import BookError
from interceptor.rules.errors import printable

VARIABLE = "INTERCEPTOR_CENTRE_KEY"
KEY_BYTES = 32


def key_of(book: Path, *, make: bool) -> bytes:
    """From the variable (64 hex digits), else from the file beside the book; made where neither book nor key is there
    and `make`. Raises BookError."""
    given = os.environ.get(VARIABLE)
    if given:
        return _parsed(given, VARIABLE)
    path = book.with_name(f"{book.name}.key")
    try:
        return _parsed(path.read_text("ascii"), printable(str(path)))
    except FileNotFoundError:
        if not make and not book.exists():
            raise BookError(
                f"{printable(str(book))}: no such book\n  hint: `interceptor run --centre FILE` makes one;"
                " --book names it"
            ) from None
        if (book.exists() and book.stat().st_size) or not make:
            raise BookError(
                f"{printable(str(path))}: the key of the book's audit log isn't there\n  hint: put it back, or set"
                f" {VARIABLE}"
            ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BookError(f"{printable(str(path))}: the key can't be read ({error})") from None
    return _made(path)


def _made(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:  # another process was faster
        return _parsed(path.read_text("ascii"), printable(str(path)))
    except OSError as error:
        raise BookError(f"{printable(str(path))}: the key can't be written: {error.strerror}") from None
    return key


def _parsed(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BookError(f"{where}: not a key; wanted are {2 * KEY_BYTES} hex digits")
    return key
