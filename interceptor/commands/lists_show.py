"""What `interceptor lists` shows: what lists there are, what is on one, what changes.

Enters: options. Leaves: text or JSON, and an exit code. Invariants: numbers are masked unless it was asked for them;
what was written as source or reason can't steer the terminal.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from interceptor.commands.lists_tools import failed, holding, masked, opened, whole
from interceptor.entries import FOREVER_MS, Columns
from interceptor.rules.errors import printable
from interceptor.rules.forms import moment_ms
from interceptor.transport.lists import codec
from interceptor.transport.lists.codec import BadEntries, Meaning
from interceptor.transport.lists.files import moment, texts_of
from interceptor.transport.lists.generation import Generation
from interceptor.transport.lists.store import SharedLists
from interceptor.transport.redis_client import RedisTrouble, told
from interceptor.tuning.tables import EXIT_CLEAN, Column, UsageProblem, print_json, progress_bar, say, show_table

SOURCES_SHOWN = 20
NEXT_SHOWN = 10
VALUES_SHOWN = 5  # of one change
WAIT_MS = 1_000
AWAY_S = 1.0


def show(name: str | None, at: str | None, config: Path | None, *, reveal: bool, as_json: bool, **options: Any) -> int:
    """All lists, or one."""
    try:
        at_ms = _at_ms(at)
        with opened(config, options) as lists, progress_bar() as bar:
            if name is None:
                found: Any = [_row(lists, one, generation) for one, generation in lists.generations().items()]
            else:
                task = bar.add_task(f"Reading {printable(name)}", total=None)
                generation, entries = whole(
                    lists, name, lambda done, total: bar.update(task, completed=done, total=max(1, total))
                )
                found = _about(name, generation, entries, at_ms, reveal=reveal)
    except Exception as error:
        return failed(error)
    if as_json:
        print_json({"lists": found} if name is None else found)
    elif name is None:
        _show_all(found)
    else:
        _show_one(found)
    return EXIT_CLEAN


def _at_ms(text: str | None) -> int:
    try:
        return int(time.time() * 1000) if text is None else moment_ms(text)
    except ValueError as error:
        raise UsageProblem(f"--at: {printable(str(error))}") from None


def _row(lists: SharedLists, name: str, generation: Generation) -> dict[str, Any]:
    return {"list": name, "match": generation.match, "of": generation.of, "values": lists.count(name, generation),
            "begun_ms": generation.at_ms, "by": generation.born}  # fmt: skip


def _show_all(found: list[dict[str, Any]]) -> None:
    if not found:
        say("There are no shared lists in Redis.")
        return
    columns = (Column("list"), Column("match"), Column("of"), Column("values", right=True), Column("begun (UTC)"))
    rows = [
        [one["list"], one["match"], one["of"], f"{one['values']:,}", f"{_minute(one['begun_ms'])} by {one['by']}"]
        for one in found
    ]
    note = "With those that have expired or were taken off; `interceptor lists show NAME` tells them apart."
    show_table("Shared lists", columns, rows, note)


def _about(name: str, generation: Generation, entries: Any, at_ms: int, *, reveal: bool) -> dict[str, Any]:
    columns = entries.columns()
    off, holds = codec.is_off(columns.from_ms), holding(columns, at_ms)
    expired = ~off & (columns.expires_ms <= at_ms)
    sources: Counter[str] = Counter()
    for code, count in enumerate(np.bincount(columns.codes[holds], minlength=len(columns.notes)).tolist()):
        sources[columns.notes[code][0]] += count
    counts = {"hold": holds, "expired": expired, "not_yet": ~(off | holds | expired), "taken_off": off}
    return {
        "list": name, "match": generation.match, "of": generation.of, "at_ms": at_ms,
        **{what: int(rows.sum()) for what, rows in counts.items()},
        "sources": {source: count for source, count in sources.most_common(SOURCES_SHOWN) if count},
        "next": _next(generation.meaning, entries, columns, holds, reveal=reveal),
    }  # fmt: skip


def _next(meaning: Meaning, entries: Any, columns: Columns, holds: np.ndarray, *, reveal: bool) -> list[dict[str, Any]]:
    """What expires next."""
    rows = np.flatnonzero(holds & (columns.expires_ms < FOREVER_MS))
    if len(rows) > NEXT_SHOWN:
        rows = rows[np.argpartition(columns.expires_ms[rows], NEXT_SHOWN)[:NEXT_SHOWN]]
    rows = rows[np.argsort(columns.expires_ms[rows], kind="stable")]
    values = texts_of(meaning, columns.keys[rows], getattr(entries, "shown", {}))
    found = []
    for row, value in zip(rows.tolist(), values, strict=True):
        source, reason = columns.notes[columns.codes[row]]
        shown = value if reveal else masked(meaning, value)
        expires_ms = int(columns.expires_ms[row])
        found.append({"value": shown, "expires_ms": expires_ms, "source": source, "reason": reason})
    return found


def _show_one(found: dict[str, Any]) -> None:
    others = ", ".join(
        f"{found[what]:,} {words}"
        for what, words in (("expired", "expired"), ("not_yet", "not yet"), ("taken_off", "taken off"))
        if found[what]
    )
    say(f"{found['list']}: {found['match']} {found['of']}, {found['hold']:,} count at {_minute(found['at_ms'])} UTC"
        f"{'; ' + others if others else ''}", bold=True)  # fmt: skip
    if found["sources"]:
        rows = [[source or "(nobody said)", f"{count:,}"] for source, count in found["sources"].items()]
        show_table("By source", (Column("source"), Column("values", right=True)), rows)
    if found["next"]:
        columns = (Column("value"), Column("expires (UTC)"), Column("source"), Column("reason", wraps=True))
        rows = [[one["value"], moment(one["expires_ms"]), one["source"], one["reason"]] for one in found["next"]]
        show_table("Expires next", columns, rows)


def watch(names: tuple[str, ...], config: Path | None, *, reveal: bool, as_json: bool, **options: Any) -> int:
    """Follows changes until it is stopped. While Redis is away it waits, and says so."""
    try:
        with opened(config, options) as lists:
            at = lists.last_change()
            print("Following changes; Ctrl-C ends.", file=sys.stderr)
            while True:
                at = _follow(lists, at, names, reveal=reveal, as_json=as_json)
    except Exception as error:
        return failed(error)


def _follow(lists: SharedLists, at: str, names: tuple[str, ...], *, reveal: bool, as_json: bool) -> str:
    """Tells of the next changes; gives the last one's id."""
    try:
        with told(lists.settings):
            if at != "0-0" and not lists.redis.xrange(lists.changes_key, at, at):
                print("Changes were missed: there were too many, or Redis was emptied.", file=sys.stderr)
                at = lists.last_change()
            found: Any = lists.redis.xread({lists.changes_key: at}, block=WAIT_MS)
    except RedisTrouble as error:
        if not error.temporary:
            raise
        print(f"{error}; waiting", file=sys.stderr)
        time.sleep(AWAY_S)
        return at
    for change, message in found[0][1] if found else ():
        at = change.decode()
        if not names or message.get(b"list", b"").decode("utf-8", "replace") in names:
            _tell(at, message, reveal=reveal, as_json=as_json)
    return at


def _tell(at: str, message: dict[bytes, bytes], *, reveal: bool, as_json: bool) -> None:
    name, at_ms = message.get(b"list", b"").decode("utf-8", "replace"), int(at.split("-")[0])
    if message.get(b"change") == b"reload":
        told_ = {"at_ms": at_ms, "list": name, "change": "reload"}
        print(json.dumps(told_) if as_json else printable(f"{_second(at_ms)} {name}: a whole list was imported"),
              flush=True)  # fmt: skip
        return
    try:
        meaning = Generation.read(message.get(b"generation", b"")).meaning
        columns, shown = codec.heard(meaning, message)
    except BadEntries as error:
        print(f"change {at}: {error}", file=sys.stderr)
        return
    off = codec.is_off(columns.from_ms)
    values = [one if reveal else masked(meaning, one) for one in texts_of(meaning, columns.keys, shown)]
    for change, rows in (("add", np.flatnonzero(~off)), ("remove", np.flatnonzero(off))):
        if len(rows):
            some, sources = [values[row] for row in rows.tolist()], _sources(columns, rows)
            if as_json:
                told_ = {"at_ms": at_ms, "list": name, "change": change}
                print(json.dumps(told_ | {"values": some, "sources": sources}), flush=True)
            else:
                print(printable(_line(at_ms, name, change, some, sources)), flush=True)


def _sources(columns: Columns, rows: np.ndarray) -> list[str]:
    return sorted({columns.notes[code][0] for code in columns.codes[rows].tolist()} - {""})


def _line(at_ms: int, name: str, change: str, values: list[str], sources: list[str]) -> str:
    more = f" and {len(values) - VALUES_SHOWN:,} more" if len(values) > VALUES_SHOWN else ""
    by = f" ({', '.join(sources[:VALUES_SHOWN])})" if sources else ""
    sign = "+" if change == "add" else "-"
    return f"{_second(at_ms)} {name}: {sign}{len(values):,} {', '.join(values[:VALUES_SHOWN])}{more}{by}"


def _minute(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _second(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
