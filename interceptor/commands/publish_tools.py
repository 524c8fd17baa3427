"""What `interceptor rules publish` and `interceptor rules published` do.

Enters: a folder of rules, or nothing. Leaves: what all workers decide by from now on, or what it is. Invariant: a rule
set with mistakes changes nothing, and all of them are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interceptor.commands.lists_tools import failed
from interceptor.rules.errors import printable
from interceptor.transport.published import Publication, Published
from interceptor.transport.settings import load_settings
from interceptor.tuning.tables import EXIT_CLEAN, Column, UsageProblem, print_json, say, show_table


def publish(folder: Path | None, lists: Sequence[Path], again: str | None, config: Path | None, *,
            as_json: bool, **options: Any) -> int:  # fmt: skip
    """Publishes a folder's rule set, or (`again`) one that was published before."""
    try:
        if (folder is None) == (again is None):
            raise UsageProblem("name a folder, or with --again a rule set that was published before")
        published = Published(load_settings(config, **options))
        try:
            before = published.current_hash()
            if folder is not None:
                if not folder.exists():
                    raise UsageProblem(f"{printable(str(folder))}: there is no such file or folder")
                hash_ = published.publish(folder, lists)
            else:
                hash_ = again or ""
                published.publish_again(hash_)
            now = published.history()[0]
        finally:
            published.close()
    except Exception as error:
        return failed(error)
    if as_json:
        print_json({"before": before, **asdict(now)})
    else:
        said = "the same as before" if before == hash_ else f"before: {before or 'none'}"
        say(f"Rule set {hash_} is published: {now.rules:,} rules, {now.lists:,} lists, {now.bytes:,} bytes; {said}.")
    return EXIT_CLEAN


def show_published(config: Path | None, *, as_json: bool, **options: Any) -> int:
    """Which rule set counts, and those before."""
    try:
        published = Published(load_settings(config, **options))
        try:
            current, history = published.current_hash(), published.history()
        finally:
            published.close()
    except Exception as error:
        return failed(error)
    if as_json:
        print_json({"current": current, "history": [asdict(one) for one in history]})
        return EXIT_CLEAN
    if current is None:
        say("No rule set is published: workers decide by their own.")
        return EXIT_CLEAN
    columns = (Column("rule set"), Column("published (UTC)"), Column("rules", right=True), Column("lists", right=True),
               Column("bytes", right=True))  # fmt: skip
    show_table(f"Rule set {printable(current)} counts", columns, [_row(one) for one in history])
    return EXIT_CLEAN


def _row(one: Publication) -> list[str]:
    at = datetime.fromtimestamp(one.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return [one.hash, at, f"{one.rules:,}", f"{one.lists:,}", f"{one.bytes:,}"]
