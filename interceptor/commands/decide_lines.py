"""A file or a pipe of lines, in pieces that the engine takes at once.

Enters: a file descriptor. Leaves: pieces, each of whole lines. Invariants: every byte comes out once, in order; however
long a line is, no more than PIECE_BYTES and LINE_BYTES_MAX of it are held: one that is longer comes in parts, which say
so; a line that came through a pipe waits no longer than FLUSH_S for others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from select import select

import numpy as np

from interceptor.transport.edge.json_events import lines_in
from interceptor.transport.edge.json_refusals import MESSAGE_BYTES_MAX

PIECE_BYTES = 4 << 20
LINE_BYTES_MAX = MESSAGE_BYTES_MAX  # a longer one is no event
FLUSH_S = 0.05
LOOK_S = 0.25  # somebody may have asked to stop while nothing came

_LINE_END = 10


@dataclass(frozen=True, slots=True)
class Piece:
    """`first`: the number of the line with which it begins, from 1. `is_part`: of one line that is too long, not lines;
    `begins`: the first part of it."""

    data: bytes
    first: int
    is_part: bool = False
    begins: bool = False

    def lines(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where lines start and end in `data`, empty ones left out, and their numbers: int64[n] each."""
        starts, ends = lines_in(self.data)
        line_ends = np.flatnonzero(np.frombuffer(self.data, np.uint8) == _LINE_END)
        return starts, ends, self.first + np.searchsorted(line_ends, starts)

    def line(self, start: int) -> bytes:
        """The line that starts there, as it is; the last one gets the line end that it lacks."""
        end = self.data.find(b"\n", start)
        return self.data[start : end + 1] if end >= 0 else self.data[start:] + b"\n"


def pieces(file: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
    """To the end of a file descriptor, or until `stopped`."""
    rest, line, is_long = b"", 1, False
    while data := _some(file, stopped):
        data, rest = rest + data, b""
        if is_long:
            end = data.find(b"\n") + 1
            yield Piece(data[:end] if end else data, line, is_part=True)
            if not end:
                continue
            data, line, is_long = data[end:], line + 1, False
        end = data.rfind(b"\n") + 1
        if end:
            yield Piece(data[:end], line)
            line += data.count(b"\n")
        rest = data[end:]
        if len(rest) > LINE_BYTES_MAX:
            yield Piece(rest, line, is_part=True, begins=True)
            rest, is_long = b"", True
    if rest:
        yield Piece(rest, line)


def _some(file: int, stopped: Callable[[], bool]) -> bytes:
    """What there is, PIECE_BYTES at most; nothing at the end, or when `stopped`."""
    found, size, until_s = list[bytes](), 0, 0.0
    while size < PIECE_BYTES:
        wait_s = until_s - time.monotonic() if found else LOOK_S
        ready, _, _ = select([file], [], [], max(0.0, wait_s))
        if stopped():
            break
        if not ready:
            if found:
                break
            continue
        data = os.read(file, PIECE_BYTES - size)
        if not data:
            break
        until_s = until_s or time.monotonic() + FLUSH_S
        found.append(data)
        size += len(data)
    return b"".join(found)
