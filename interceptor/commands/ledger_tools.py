"""What `interceptor ledger` does: follow, show, export, find.

Enters: options. Leaves: text, JSON or Parquet, and an exit code. Invariants: an export has its name only when it is
whole; what comes with data can't steer the terminal.
"""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from interceptor.commands.live_line import LiveLine
from interceptor.commands.stopping import Watch, stopped_by_signals
from interceptor.rules.errors import printable
from interceptor.schema import GATE_NAMES, Action, Kind, Status, Verdict
from interceptor.transport import wire
from interceptor.transport.clients import Away
from interceptor.transport.ledger import follow as ledger_follow
from interceptor.transport.ledger.book import Counts, Ledger
from interceptor.transport.ledger.file import LedgerBusy, LedgerError, told
from interceptor.transport.ledger.follow import OtherTopic, Progress
from interceptor.transport.settings import SettingsError, load_settings
from interceptor.transport.wire import DECIDED_SCHEMA
from interceptor.tuning.tables import (
    EXIT_CLEAN,
    EXIT_CONFIGURATION,
    EXIT_FOUND,
    EXIT_STOPPED,
    EXIT_USAGE,
    Column,
    fail,
    print_json,
    say,
    show_table,
)

EXIT_TRY_LATER = 75
FOUND_MAX = 100
ROW_GROUP_ROWS = 1 << 17
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def follow(
    file: Path, for_s: float | None, idle_s: float | None, config: Path | None, *, as_json: bool, **options: Any
) -> int:
    """Until SIGINT or SIGTERM, or as long as was asked."""
    stop, watch = Event(), Watch(for_s, idle_s)
    try:
        settings = load_settings(config, **options)
        with Ledger(file) as ledger, stopped_by_signals(stop) as signals, LiveLine() as line:
            telling = Telling(ledger.counts())

            def tell(progress: Progress) -> None:
                line.tick(lambda: telling.words(progress))
                seen = (progress.added, progress.letters, progress.missed, progress.behind)
                if watch.is_over(seen, more_to_come=bool(progress.behind or progress.away_s)):
                    stop.set()

            progress = ledger_follow.consume(settings, ledger, stop, tell=tell)
            counts = ledger.counts()
    except (SettingsError, Away, sqlite3.Error, LedgerError) as error:
        return _failed(error, file)
    if as_json:
        print_json(counted(counts) | {"new": progress.added.new, "behind": progress.behind})
    else:
        say(f"{printable(str(file))}: {progress.added.new:,} decisions came in, {counts.decisions:,} in all.")
        say(repeats(counts))
    return EXIT_STOPPED if signal.SIGINT in signals else EXIT_CLEAN


def show(file: Path, *, as_json: bool) -> int:
    """Counts."""
    try:
        with Ledger(file, read_only=True) as ledger:
            counts = ledger.counts()
    except (sqlite3.Error, LedgerError) as error:
        return _failed(error, file)
    if as_json:
        print_json(counted(counts))
        return EXIT_CLEAN
    columns = [Column("gate"), *(Column(name, right=True) for name in ("all", *_VERDICTS, *_STATUSES[1:]))]
    rows = [[gate, *(f"{count:,}" for count in _line_of(counts, kind))] for kind, gate in _kinds(counts)]
    show_table(f"{counts.decisions:,} decisions in {printable(str(file))}", columns, rows)
    for (ruleset,), count in counts.by("ruleset").items():
        say(f"By rule set {printable(str(ruleset))}: {count:,}.")
    say(repeats(counts))
    return EXIT_CLEAN


def export(to: Path, file: Path, *, as_json: bool) -> int:
    """Everything as Parquet, by place."""
    if not to.parent.is_dir() or (to.exists() and not to.is_file()):  # a device would be replaced by a file
        return fail(f"{printable(str(to))}: can't be a file there\n  hint: name a file in a folder that there is")
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        with Ledger(file, read_only=True) as ledger:
            count = _write(part, ledger.batches())
            part.replace(to)
    except (sqlite3.Error, LedgerError) as error:
        return _failed(error, file)
    except OSError as error:
        code = EXIT_TRY_LATER if error.errno in _NO_ROOM else EXIT_USAGE
        return fail(f"{printable(str(to))}: can't be written: {error.strerror or error}", code)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    if as_json:
        print_json({"file": str(to), "decisions": count, "bytes": to.stat().st_size})
    else:
        say(f"{printable(str(to))}: {count:,} decisions.")
    return EXIT_CLEAN


def find(event: int, file: Path, *, as_json: bool) -> int:
    """The decisions about an event."""
    try:
        with Ledger(file, read_only=True) as ledger:
            found = [_named(row) for row in ledger.find(event).slice(0, FOUND_MAX).to_pylist()]
    except (sqlite3.Error, LedgerError) as error:
        return _failed(error, file)
    if as_json:
        print_json({"event_id": event, "decisions": found})
        return EXIT_CLEAN if found else EXIT_FOUND
    if not found:
        return fail(f"{printable(str(file))}: nothing was decided about event {event}", EXIT_FOUND)
    names = ("frame", "row", "gate", "status", "verdict", "actions", "score", "target_score", "rules", "ruleset")
    cells = [[_cell(one[name]) for name in names] for one in found]
    show_table(f"Event {event}", [Column(name.replace("_", " ")) for name in names], cells)
    return EXIT_CLEAN


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return ", ".join(value) if isinstance(value, list) else str(value)


def counted(counts: Counts) -> dict[str, Any]:
    """For machines."""
    gates = {gate: dict(zip(("all", *_VERDICTS, *_STATUSES[1:]), _line_of(counts, kind), strict=True))
             for kind, gate in _kinds(counts)}  # fmt: skip
    return {
        "decisions": counts.decisions,
        "raw_duplicates": counts.repeated,
        "differing": counts.differing,
        "letters": counts.tallies.get("letters", 0),
        "missed": counts.tallies.get("missed", 0),
        "gates": gates,
        "rulesets": {str(ruleset): count for (ruleset,), count in counts.by("ruleset").items()},
    }


def repeats(counts: Counts) -> str:
    """What wasn't as it should be, for people."""
    said = [f"Raw duplicates: {counts.repeated:,} decisions came again, said the same, and count once."]
    if counts.differing:
        said.append(f"DIFFERING: {counts.differing:,} came again and said something else; the first ones stand.")
    if letters := counts.tallies.get("letters", 0):
        said.append(f"Dead letters: {letters:,} messages could not be read (`interceptor dead-letters list`).")
    if missed := counts.tallies.get("missed", 0):
        said.append(f"MISSED: {missed:,} messages were deleted by the broker before they were read.")
    return "\n".join(said)


_VERDICTS = tuple(verdict.name.lower() for verdict in Verdict)
_STATUSES = tuple(status.name.lower() for status in Status)


def _kinds(counts: Counts) -> list[tuple[int, str]]:
    return [(int(kind), _kind(int(kind))) for (kind,) in counts.by("kind")]


def _kind(kind: int) -> str:
    if kind not in set(Kind):
        return f"kind {kind}"
    return GATE_NAMES.get(Kind(kind), Kind(kind).name.lower().replace("_", " "))


def _line_of(counts: Counts, kind: int) -> list[int]:
    """All, by verdict, by status but OK."""
    by_verdict, by_status = counts.by("kind", "verdict"), counts.by("kind", "status")
    verdicts = [by_verdict.get((kind, int(verdict)), 0) for verdict in Verdict]
    statuses = [by_status.get((kind, int(status)), 0) for status in Status if status]
    return [counts.by("kind").get((kind,), 0), *verdicts, *statuses]


def _named(row: dict[str, Any]) -> dict[str, Any]:
    verdict, status = row["verdict"], row["status"]
    return row | {
        "frame": row["place"] >> wire.ROW_BITS,
        "row": row["place"] % wire.PLACE_ROWS_MAX,
        "gate": _kind(row["kind"]),
        "verdict": _VERDICTS[verdict] if verdict < len(_VERDICTS) else str(verdict),
        "status": _STATUSES[status] if status < len(_STATUSES) else str(status),
        "actions": [(action.name or "").lower() for action in Action if row["actions"] & action],
    }


def _write(path: Path, batches: Iterator[pa.RecordBatch]) -> int:
    count = 0
    with pq.ParquetWriter(path, DECIDED_SCHEMA, compression="zstd", version="2.6") as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=ROW_GROUP_ROWS)
            count += batch.num_rows
    return count


def _failed(error: Exception, file: Path) -> int:
    known = told(error, file) if isinstance(error, sqlite3.Error) else error
    if isinstance(known, SettingsError | OtherTopic):
        return fail(str(known), EXIT_CONFIGURATION)
    return fail(str(known), EXIT_TRY_LATER if isinstance(known, Away | LedgerBusy) else EXIT_USAGE)


class Telling:
    """The words of the line: what is in the ledger, and how many came in since the line before."""

    def __init__(self, before: Counts) -> None:
        self._before, self._new, self._at_s = before, 0, time.monotonic()

    def words(self, progress: Progress) -> str:
        now_s, added = time.monotonic(), progress.added
        pace = (added.new - self._new) / max(now_s - self._at_s, 1e-3)
        self._new, self._at_s = added.new, now_s
        if progress.away_s:
            return f"no broker answers for {progress.away_s:.0f} s ({progress.away_why}); trying again"
        repeated = self._before.repeated + added.repeated
        words = f"{self._before.decisions + added.new:,} decisions  {pace:,.0f}/s  raw duplicates {repeated:,}"
        more = {
            "differing": self._before.differing + added.differing,
            "dead letters": self._before.tallies.get("letters", 0) + progress.letters,
            "missed": self._before.tallies.get("missed", 0) + progress.missed,
        }
        words += "".join(f"  {name} {count:,}" for name, count in more.items() if count)
        return f"{words}  behind {progress.behind:,} messages"
