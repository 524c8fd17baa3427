"""What tests of the centre's systems share: a book, what is in it, a refusal that changes nothing, what gates saw.

Enters: acts. Leaves: assertions. Invariant: a refusal leaves every table as it was but the log, which tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from interceptor.centre.audit import REFUSED
from interceptor.centre.book import Book
from interceptor.centre.parts import PARTS
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Seen
from interceptor.schema import EVENT_SCHEMA, Verdict

KEY = bytes(range(32))
T0 = 1_614_909_600_000  # 5 March 2021, 10:00 in the city
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def new_book(folder: Path) -> Book:
    book = Book(folder / "centre.sqlite", KEY, PARTS)
    book.db.execute("PRAGMA synchronous = OFF")  # no power is cut in a test
    return book


def dump(book: Book) -> dict[str, list[Any]]:
    """All tables but the log's."""
    names = [name for (name,) in book.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: book.db.execute(f"SELECT * FROM {name}").fetchall()
        for name in names
        if name not in ("audit", "audit_head")
    }


def refused(book: Book, code: str, act: Callable[[], object]) -> None:
    """It is refused by that code, changes nothing, and is on the log."""
    before = dump(book)
    with pytest.raises(Refused) as found:
        act()
    assert found.value.code == code
    assert dump(book) == before
    last = next(book.audit.entries(last=1))
    assert (last.outcome, last.details["code"]) == (REFUSED, code)
    assert book.audit.verify() is None


def refused_within(book: Book, code: str, wrong: Callable[[Book], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The last act of several is refused by that code; it alone changes nothing."""
    before: dict[str, list[Any]] = {}
    act = book.act

    def watched(*given: Any) -> Any:
        before.clear()
        before.update(dump(book))
        return act(*given)

    monkeypatch.setattr(book, "act", watched)
    with pytest.raises(Refused) as found:
        wrong(book)
    assert found.value.code == code
    assert dump(book) == before
    last = next(book.audit.entries(last=1))
    assert (last.outcome, last.details["code"]) == (REFUSED, code)


def seen(
    events: Sequence[dict[str, Any]], actions: Sequence[int] | None = None, hits: Sequence[Sequence[str]] | None = None,
    verdict: Sequence[int] | None = None,
) -> Seen:  # fmt: skip
    """What gates saw of these events: columns by name, the rest 0, False or ""."""
    columns = []
    for field in EVENT_SCHEMA:
        nothing: Any = "" if field.type == pa.string() else False if field.type == pa.bool_() else 0
        columns.append(pa.array([event.get(field.name, nothing) for event in events], field.type))
    frame = pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)
    hits = hits or [()] * len(events)
    rules = sorted({rule for of_event in hits for rule in of_event})
    pairs = [(row, rules.index(rule)) for row, of_event in enumerate(hits) for rule in sorted(of_event)]
    row, rule = (np.array([pair[n] for pair in pairs], np.int32) for n in (0, 1))
    return Seen(
        frame, np.array(verdict or [Verdict.PASS] * len(events), np.uint8),
        np.array(actions or [0] * len(events), np.uint32), np.zeros(len(events)), row, rule, rules,
    )  # fmt: skip
