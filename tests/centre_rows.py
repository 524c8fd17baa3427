"""What tests of the centre's systems share: rows of the gates with what was decided, and commands.

Enters: events as dicts with what was decided. Leaves: Seen, what a command prints. Invariant: a command has the book
that the test has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from interceptor.centre.book import Book
from interceptor.centre.parts import PARTS
from interceptor.centre.seen import Seen
from interceptor.cli import app
from interceptor.schema import Kind
from tests.centre_desk import KEY
from tests.streams import event, frame

Row = dict[str, Any]


def book_in(folder: Path) -> Book:
    return Book(folder / "centre.sqlite", KEY, PARTS)


def row(kind: Kind, ts_ms: int, *, verdict: int = 0, actions: int = 0, score: float = 0.0, rules: Sequence[str] = (),
        **given: Any) -> Row:  # fmt: skip
    """One event, and what was decided on it."""
    decided = {"_verdict": verdict, "_actions": actions, "_score": score, "_rules": tuple(rules)}
    return event(kind, ts_ms, 0, **given) | decided


def seen_of(rows: Sequence[Row]) -> Seen:
    """What the gates saw, in this order."""
    plain = [{name: value for name, value in one.items() if name[0] != "_"} for one in rows]
    names = sorted({name for one in rows for name in one["_rules"]})
    hits = [(at, names.index(name)) for at, one in enumerate(rows) for name in sorted(one["_rules"])]
    return Seen(
        frame(plain),
        np.array([one["_verdict"] for one in rows], np.uint8),
        np.array([one["_actions"] for one in rows], np.uint32),
        np.array([one["_score"] for one in rows], np.float64),
        np.array([at for at, _ in hits], np.int32),
        np.array([rule for _, rule in hits], np.int32),
        names,
    )


@contextmanager
def centre_book(folder: Path) -> Iterator[Book]:
    """The book as the commands make it: with its key beside it."""
    path = folder / "centre.sqlite"
    key = path.with_name("centre.sqlite.key")
    if not key.exists():
        key.write_text(KEY.hex() + "\n", "ascii")
    with book_in(folder) as book:
        yield book


def command(folder: Path, *words: str, code: int = 0) -> str:
    """What `interceptor centre …` prints."""
    found = CliRunner().invoke(app, ["centre", *words, "--book", str(folder / "centre.sqlite")])
    assert found.exit_code == code, found.output
    return found.output


def command_json(folder: Path, *words: str) -> Any:
    return json.loads(command(folder, *words, "--json"))
