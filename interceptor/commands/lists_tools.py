"""What `interceptor lists` does to lists: add, remove, import, export.

Enters: options. Leaves: changes in Redis, text or JSON, and an exit code. Invariants: a value is checked by the list's
definition before anything is written; what is wrong is told of all values at once.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress as Bar

from interceptor.entries import FOREVER_MS, Columns
from interceptor.hosts import hash_of_host
from interceptor.listbook import ListBook
from interceptor.rules import RulesError, default_rules_dir
from interceptor.rules.definitions import gather
from interceptor.rules.errors import nearest, printable
from interceptor.rules.forms import duration_ms, moment_ms
from interceptor.rules.model import ListDef
from interceptor.rules.side_lines import LISTS
from interceptor.rules.values import parsed
from interceptor.transport.bundles import BadBundle
from interceptor.transport.lists import files as list_files
from interceptor.transport.lists.codec import BadEntries, Meaning, is_off
from interceptor.transport.lists.files import moment
from interceptor.transport.lists.generation import Generation, Moved
from interceptor.transport.lists.importing import import_list
from interceptor.transport.lists.store import Progress, SharedLists
from interceptor.transport.published import Published
from interceptor.transport.redis_client import RedisTrouble
from interceptor.transport.settings import Settings, SettingsError, load_settings
from interceptor.tuning.tables import (
    EXIT_CLEAN,
    EXIT_CONFIGURATION,
    EXIT_FOUND,
    EXIT_USAGE,
    UsageProblem,
    fail,
    print_json,
    progress_bar,
    say,
)

EXIT_TRY_LATER = 75
WORDS_MAX = 500  # of a source or a reason
TRIES_MAX = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of values that are put on a list."""

    ttl: str | None
    expires: str | None
    since: str | None
    source: str
    reason: str


def failed(error: Exception) -> int:
    """Says what went wrong; gives the exit code. Raises what is a mistake of this program."""
    match error:
        case UsageProblem():
            return fail(str(error), EXIT_USAGE)
        case SettingsError() | BadBundle():
            return fail(str(error), EXIT_CONFIGURATION)
        case RedisTrouble():
            return fail(str(error), EXIT_TRY_LATER if error.temporary else EXIT_CONFIGURATION)
        case BadEntries():
            hint = "does something else use the same keys? --app names ours"
            return fail(f"what stands in Redis isn't ours: {error}\n  hint: {hint}", EXIT_CONFIGURATION)
        case RulesError():
            return fail(str(error), EXIT_FOUND)
    raise error


@contextmanager
def opened(config: Path | None, options: dict[str, Any]) -> Iterator[SharedLists]:
    """The lists that the settings name."""
    lists = SharedLists(load_settings(config, **options))
    try:
        yield lists
    finally:
        lists.redis.close()


def add(name: str, values: Sequence[str], entry: Entry, rules: Path | None, config: Path | None, *,
        as_json: bool, **options: Any) -> int:  # fmt: skip
    """Puts values on a list."""
    try:
        with opened(config, options) as lists:
            definition = defined(name, definitions(lists.settings, rules))
            since_ms, expires_ms = _times(entry, definition, int(time.time() * 1000))
            columns, shown = _columns(definition, values, since_ms, expires_ms, entry)
            new = lists.add(name, _meaning(definition), columns, shown)
    except Exception as error:
        return failed(error)
    count = len(columns)
    found = {"list": name, "values": count, "new": new, "extended": count - new,
             "since_ms": since_ms, "expires_ms": None if expires_ms >= FOREVER_MS else expires_ms}  # fmt: skip
    if as_json:
        print_json(found)
    else:
        until = "for good" if expires_ms >= FOREVER_MS else f"until {moment(expires_ms)} UTC"
        say(f"{name}: {new:,} new, {count - new:,} extended, {until}.")
    return EXIT_CLEAN


def remove(name: str, values: Sequence[str], source: str, reason: str, rules: Path | None, config: Path | None, *,
           as_json: bool, **options: Any) -> int:  # fmt: skip
    """Takes values off a list, and says which the rules' own files still list."""
    try:
        with opened(config, options) as lists:
            definition = defined(name, definitions(lists.settings, rules))
            note = Entry(None, None, None, source, reason)
            now_ms = int(time.time() * 1000)
            columns, shown = _columns(definition, values, 0, FOREVER_MS, note)
            gone = lists.remove(name, _meaning(definition), columns.keys, shown, columns.notes[-1], now_ms)
            stays = _still_listed(definition, columns, shown, now_ms)
    except Exception as error:
        return failed(error)
    if as_json:
        print_json({"list": name, "values": len(columns), "removed": gone, "in_rules": stays})
    else:
        say(f"{name}: {gone:,} taken off, {len(columns) - gone:,} were not on it; verdicts of before don't count.")
        if stays:
            say(f"{stays:,} stay listed: they stand in the rules' own items or side files. Take them out there.")
    return EXIT_FOUND if stays else EXIT_CLEAN


def import_file(name: str, file: Path, rules: Path | None, config: Path | None, *,
                replace: bool, as_json: bool, **options: Any) -> int:  # fmt: skip
    """Puts all of a file on a list."""
    try:
        with opened(config, options) as lists, progress_bar() as bar:
            lists.generation(name)  # is there a Redis? before the file is read
            definition = defined(name, definitions(lists.settings, rules))
            entries: Any = list_files.read_file(file, definition, _watch(bar, f"Reading {printable(file.name)}"))
            read = len(entries)
            total = import_list(
                lists, name, _meaning(definition), entries, replace=replace, watch=lambda what: _watch(bar, what)
            )
    except Exception as error:
        return failed(error)
    if as_json:
        print_json({"list": name, "imported": read, "values": total, "replaced": replace})
    else:
        say(f"{name}: {read:,} imported{' in the place of what was there' if replace else ''}; {total:,} values on it.")
    return EXIT_CLEAN


def export(name: str, config: Path | None, *, as_json: bool, **options: Any) -> int:
    """Writes a list to standard output."""
    try:
        with opened(config, options) as lists, progress_bar() as bar:
            generation, entries = whole(lists, name, _watch(bar, f"Reading {name}"))
        if as_json:
            _json_lines(name, generation.meaning, entries)
        else:
            list_files.write_file(sys.stdout, generation.meaning, entries)
    except Exception as error:
        return failed(error)
    return EXIT_CLEAN


def _json_lines(name: str, meaning: Meaning, entries: Any) -> None:
    columns, shown = entries.columns(), getattr(entries, "shown", {})
    values = list_files.texts_of(meaning, columns.keys, shown)
    rows = zip(values, columns.from_ms.tolist(), columns.expires_ms.tolist(), columns.codes.tolist(),
               is_off(columns.from_ms).tolist(), strict=True)  # fmt: skip
    for value, since_ms, expires_ms, code, off in rows:
        if not off:
            source, reason = columns.notes[code]
            until_ms = None if expires_ms >= FOREVER_MS else expires_ms
            found = {"list": name, "value": value, "since_ms": since_ms, "expires_ms": until_ms}
            print(json.dumps(found | {"source": source, "reason": reason}))


def whole(lists: SharedLists, name: str, progress: Progress) -> tuple[Generation, Any]:
    """A list as it is in Redis. Raises UsageProblem where there is none."""
    for _ in range(TRIES_MAX):
        generation = lists.generation(name)
        if generation is None:
            hint = nearest(name, lists.generations()) or "`interceptor lists show` names those that there are"
            raise UsageProblem(f"there is nothing on a list {printable(name)!r} in Redis\n  hint: {hint}")
        try:
            return generation, lists.read(name, generation, progress)
        except Moved:
            continue
    raise RedisTrouble(f"list {name} is replaced again and again while it is read: try again")


def definitions(settings: Settings, rules: Path | None) -> dict[str, ListDef]:
    """The lists of the rules that were named, else of the published ones, else of the settings' or those that came with
    the program."""
    published = Published(settings) if rules is None else None
    try:
        hash_ = published.current_hash() if published else None
        if published and hash_:
            return {one.list: one for one in published.fetch(hash_).lists}
    finally:
        if published:
            published.close()
    folder = rules or settings.rules or default_rules_dir()
    found, problems = gather([folder])
    if problems:
        raise SettingsError(str(RulesError(problems)))
    return found.lists


def defined(name: str, known: dict[str, ListDef]) -> ListDef:
    """The definition of a list. Raises UsageProblem."""
    if name not in known:
        hint = nearest(name, known) or f"there are {', '.join(sorted(known)) or 'none'}"
        raise UsageProblem(f"the rules have no list {printable(name)!r}\n  hint: {hint}")
    return known[name]


def _meaning(definition: ListDef) -> Meaning:
    return Meaning(definition.match, definition.of)


def _times(entry: Entry, definition: ListDef, now_ms: int) -> tuple[int, int]:
    """From when until when. Raises UsageProblem."""
    try:
        since = moment_ms(entry.since) if entry.since is not None else None
        ttl = duration_ms(entry.ttl) if entry.ttl is not None else definition.ttl
        if entry.ttl is not None and entry.expires is not None:
            raise ValueError("--ttl and --expires both say until when: give one of the two")
        if entry.expires is not None:
            until = moment_ms(entry.expires)
        else:
            until = FOREVER_MS if ttl is None else (now_ms if since is None else since) + ttl
    except ValueError as error:
        raise UsageProblem(printable(str(error))) from None
    if until <= (since or 0):
        raise UsageProblem("that ends before it begins: look at --since and --expires")
    return since or 0, until


def _columns(
    definition: ListDef, values: Sequence[str], since_ms: int, expires_ms: int, entry: Entry
) -> tuple[Columns, dict[int, str]]:
    """Values as entries, each once, and the text of hosts. Raises UsageProblem with all that can't be read."""
    made: Any = LISTS[definition.match]()
    wrong: list[str] = []
    for place, text in enumerate(values, start=1):
        try:
            value: Any = parsed(definition.match, definition.of, text)
        except ValueError as error:
            wrong.append(f"value {place}: {printable(str(error))}")
            continue
        if isinstance(value, str):
            made.show([hash_of_host(value)], [value])
        if isinstance(value, str) and definition.match == "exact":
            value = hash_of_host(value)
        made.add(value, since_ms, expires_ms, printable(entry.source), printable(entry.reason))
    if max(len(entry.source), len(entry.reason)) > WORDS_MAX:
        wrong.append(f"--source and --reason have {WORDS_MAX} characters at most")
    if wrong:
        raise UsageProblem("\n".join(wrong))
    return made.columns(), dict(getattr(made, "shown", {}))


def _still_listed(definition: ListDef, columns: Columns, shown: dict[int, str], now_ms: int) -> int:
    """How many of these values the rules themselves list."""
    book = ListBook([definition])
    keys = columns.keys if columns.keys.ndim == 1 else columns.keys[:, 0]
    of_domains = definition.match == "domain"
    asked = [shown[key] if of_domains else key for key in keys.tolist()]
    return sum(book.entry(definition.list, one, now_ms) is not None for one in asked)


def _watch(bar: Bar, what: str) -> Progress:
    task = bar.add_task(what, total=None)

    def progress(done: int, total: int) -> None:
        bar.update(task, completed=done, total=max(1, total))

    return progress


def masked(meaning: Meaning, text: str) -> str:
    """A value with its middle hidden, where it may be somebody's own: a number or an account in full length."""
    if meaning.match != "exact" or meaning.is_text or len(text) < 8:
        return text
    return f"{text[:4]}****{text[-3:]}"


def holding(columns: Columns, at_ms: int) -> np.ndarray:
    """bool[n]: which entries hold at a time."""
    return (columns.from_ms <= at_ms) & (at_ms < columns.expires_ms)
