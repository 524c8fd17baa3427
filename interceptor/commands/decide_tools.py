"""What `interceptor decide` does.

Enters: options. Leaves: a decision for each line that is an event, the other lines in a file of their own if that was
asked for, a summary; an exit code. Invariants: a line is decided or rejected, never lost; what is decided depends on
the lines alone, however they were cut into pieces; nothing of a line gets to the terminal.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from interceptor.commands.decide_lines import LINE_BYTES_MAX, Piece, pieces
from interceptor.commands.decide_rows import Columns, JsonLines, Output
from interceptor.commands.live_line import LiveLine
from interceptor.commands.signals import Signals
from interceptor.decisions import Decisions
from interceptor.engine import Engine
from interceptor.rules import RulesError, default_rules_dir, load
from interceptor.rules.errors import printable
from interceptor.schema import Status, Verdict
from interceptor.transport.edge.json_events import read_joined
from interceptor.transport.edge.json_refusals import Refused
from interceptor.transport.edge.raw_topics import first_id
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_CONFIGURATION, EXIT_FOUND, EXIT_STOPPED, EXIT_USAGE, fail

EXIT_TRY_LATER = 75
TOLD_MAX = 20  # rejected lines that are told one by one
STDIN = "-"
_TOO_LONG = Refused("too-large", f"more than {LINE_BYTES_MAX:,} bytes")
_FIRST_ID = np.uint64(first_id("decide", 0))  # ids of events that have none count up from here, by line


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; None = not said."""

    file: str
    rules: Path | None
    lists: tuple[Path, ...]
    out: Path | None
    rejected: Path | None
    json: bool


class Problem(Exception):
    """What a person can mend; the message says how."""

    def __init__(self, message: str, code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Tally:
    """So far. Lines = events + rejected + empty ones, which count as nothing."""

    bytes_: int = 0
    events: int = 0
    rejected: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    verdicts: np.ndarray = field(default_factory=lambda: np.zeros(len(Verdict), np.int64))
    statuses: np.ndarray = field(default_factory=lambda: np.zeros(len(Status), np.int64))

    def count(self, decisions: Decisions) -> None:
        self.events += len(decisions)
        self.verdicts += np.bincount(decisions.verdict, minlength=len(Verdict))
        self.statuses += np.bincount(decisions.status, minlength=len(Status))


def main(options: Options) -> int:
    """Decides all lines, or those until somebody stops it; gives the exit code."""
    try:
        with ExitStack() as stack:
            return _run(options, stack)
    except Problem as problem:
        return fail(str(problem), problem.code)
    except RulesError as problem:
        return fail(str(problem), EXIT_CONFIGURATION)


def _run(options: Options, stack: ExitStack) -> int:
    source, size = _opened(options.file, stack)
    _check_apart(options)
    rule_set = load(options.rules or default_rules_dir(), options.lists)
    signals, live = stack.enter_context(Signals()), stack.enter_context(LiveLine())
    rejected = stack.enter_context(_writing(options.rejected)) if options.rejected else None
    live.say(f"{_name(options.file)} · rules {rule_set.hash} · the engine is being made ready")
    work = _Work(options, Engine(rule_set), rejected, live)
    began_s = time.monotonic()
    with _output(options.out) as output:
        for piece in pieces(source, lambda: bool(signals.heard)):
            work.take(piece, output)
            live.tick(lambda: _progress(work.tally, size, time.monotonic() - began_s))
            if signals.heard:
                break
    _tell(options, work.tally, rule_set.hash, time.monotonic() - began_s, stopped=bool(signals.heard))
    if signals.heard:
        return EXIT_STOPPED
    return EXIT_FOUND if work.tally.rejected else EXIT_CLEAN


class _Work:
    """Lines through the engine."""

    def __init__(self, options: Options, engine: Engine, rejected: BinaryIO | None, live: LiveLine) -> None:
        self.tally = Tally()
        self._name, self._engine, self._rejected, self._live = _name(options.file), engine, rejected, live

    def take(self, piece: Piece, output: Output) -> None:
        self.tally.bytes_ += len(piece.data)
        if piece.is_part:
            self._keep(piece.data)
            if piece.begins:
                self._reject(piece.first, _TOO_LONG)
            return
        starts, ends, lines = piece.lines()
        read = read_joined(piece.data, starts, ends, lines.astype(np.uint64) + _FIRST_ID)
        for row, why in read.refused:
            self._keep(piece.line(int(starts[row])))
            self._reject(int(lines[row]), why)
        if read.batch.num_rows:
            decisions = self._engine.decide(read.batch)
            output.add(decisions, lines[read.rows])
            self.tally.count(decisions)

    def _keep(self, data: bytes) -> None:
        if self._rejected is not None:
            with _telling(self._rejected.name):
                self._rejected.write(data)

    def _reject(self, line: int, why: Refused) -> None:
        self.tally.rejected += 1
        self.tally.codes[why.code] += 1
        if self.tally.rejected <= TOLD_MAX:
            self._live.say(f"{self._name}:{line}: {why.code}: {why.reason}")
        elif self.tally.rejected == TOLD_MAX + 1:
            self._live.say(f"{self._name}: further lines that are no events are counted only")


def _opened(file: str, stack: ExitStack) -> tuple[int, int]:
    """A file descriptor, and how many bytes there are; 0 = nobody knows."""
    if file == STDIN:
        if sys.stdin is None:  # Python has none where its descriptor is closed
            raise Problem("standard input is closed")
        if sys.stdin.isatty():
            print("Reads events from the keyboard; Ctrl-D ends", file=sys.stderr)
        return sys.stdin.fileno(), 0
    try:
        if Path(file).is_dir():
            raise Problem(f"{printable(file)}: this is a folder; name a file, or - for standard input")
        opened = os.open(file, os.O_RDONLY)
        stack.callback(os.close, opened)
        return opened, os.fstat(opened).st_size
    except OSError as error:
        raise Problem(f"{printable(file)}: can't be read: {error.strerror}") from None


def _check_apart(options: Options) -> None:
    """What is written must not be what is read, nor one the other. Raises Problem."""
    named = {"--out": options.out, "--rejected": options.rejected}
    taken = {Path(options.file).resolve(): "the file that is read"} if options.file != STDIN else {}
    for option, path in named.items():
        if path is None:
            continue
        shown = f"{option} {printable(str(path))}"
        if (path.exists() and not path.is_file()) or not path.parent.is_dir():  # a device would be replaced by a file
            raise Problem(f"{shown}: can't be a file there\n  hint: name a file in a folder that there is")
        if path.resolve() in taken:
            raise Problem(f"{shown}: this is {taken[path.resolve()]}; name another file")
        taken[path.resolve()] = f"the file of {option}"


@contextmanager
def _output(path: Path | None) -> Iterator[Output]:
    """Standard output; or a file that is there once it is whole."""
    if path is None:
        sys.stdout.flush()
        output: Output = JsonLines(sys.stdout.buffer)
        yield output
        output.close()
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _telling(str(path)):
            if path.suffix == ".parquet":
                output = Columns(part)
                yield output
                output.close()
            else:
                with part.open("wb") as file:
                    output = JsonLines(file)
                    yield output
            part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    with _telling(str(path)), path.open("wb") as file:
        yield file


@contextmanager
def _telling(path: str) -> Iterator[None]:
    """Turns what goes wrong with a file into a Problem; the output's reader may leave."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Problem(f"{printable(path)}: can't be written: {error.strerror or error}", EXIT_TRY_LATER) from None


def _name(file: str) -> str:
    return "standard input" if file == STDIN else printable(file)


def _progress(tally: Tally, size: int, seconds: float) -> str:
    share = f"{min(1.0, tally.bytes_ / size):.0%}, " if size else ""
    return f"{share}{tally.events:,} events, {tally.events / max(seconds, 1e-3):,.0f}/s{_rejected(tally)}"


def _rejected(tally: Tally) -> str:
    codes = ", ".join(f"{code} {count:,}" for code, count in sorted(tally.codes.items()))
    return f"; {tally.rejected:,} rejected ({codes})" if tally.rejected else ""


def _tell(options: Options, tally: Tally, ruleset: str, seconds: float, *, stopped: bool) -> None:
    """The summary: on standard error where standard output has the decisions."""
    to = sys.stdout if options.out else sys.stderr
    verdicts, statuses = _counted(tally.verdicts, Verdict), _counted(tally.statuses, Status)
    if options.json:
        found: dict[str, Any] = {
            "events": tally.events, "rejected": tally.rejected, "codes": dict(sorted(tally.codes.items())),
            "verdicts": verdicts, "statuses": statuses, "ruleset": ruleset, "complete": not stopped,
            "seconds": round(seconds, 3), "events_per_s": round(tally.events / max(seconds, 1e-3)),
        }  # fmt: skip
        print(msgspec.json.encode(found).decode(), file=to, flush=True)
        return
    unusual = {name: count for name, count in statuses.items() if name != "ok"}
    said = ", ".join(f"{name} {count:,}" for name, count in [*verdicts.items(), *unusual.items()] if count)
    until = "stopped after " if stopped else ""
    events = f"{tally.events:,} event{'s' if tally.events != 1 else ''}"
    print(f"{until}{events} decided ({said or 'nothing'}){_rejected(tally)}", file=to, flush=True)


def _counted(counts: np.ndarray, of: Any) -> dict[str, int]:
    return {member.name.lower(): int(counts[member]) for member in of}
