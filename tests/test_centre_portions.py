"""What gates saw, in whatever portions it comes: the centre's book is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.centre.cases.system import CasesSystem
from interceptor.centre.duty import System
from interceptor.centre.money.system import MoneySystem
from interceptor.schema import Action, Kind, Outcome, Subject
from tests.centre_desk import MINUTE, T0, dump, new_book, seen

RULES = [["a"], ["b"], ["a", "b"], []]
ACTIONS = [0, Action.OPEN_CASE, Action.OPEN_CASE | Action.STOP_48H, Action.STOP_48H, Action.OPEN_CASE | Action.BLOCK]
EVENT = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([*Kind, Kind.TRANSFER, Kind.REPORT, Kind.FEEDBACK]), "source": st.integers(1, 3),
        "target": st.integers(11, 13), "payer": st.integers(1, 3), "amount_fen": st.just(500_000),
        "subject": st.sampled_from(list(Subject)), "person": st.integers(0, 1), "finding": st.sampled_from([0, 0, 7]),
        "outcome": st.sampled_from(list(Outcome)), "tier": st.sampled_from([0, 0, 3]), "rule": st.just(5),
    }
)  # fmt: skip
SEEN = st.lists(st.tuples(EVENT, st.sampled_from(ACTIONS), st.sampled_from(RULES)), min_size=1, max_size=12)


@pytest.mark.parametrize("system", [CasesSystem, MoneySystem])
@given(events=SEEN, cuts=st.sets(st.integers(1, 11)))
@settings(max_examples=50, deadline=None)
def test_portions_dont_matter(
    system: Callable[[], System], events: list[tuple[dict[str, Any], int, list[str]]], cuts: set[int]
) -> None:
    found = [_taken(system(), events, sorted(cut for cut in of if cut < len(events))) for of in (cuts, set())]
    assert found[0] == found[1]


def _taken(system: System, events: list[tuple[dict[str, Any], int, list[str]]], cuts: list[int]) -> dict[str, Any]:
    rows = [event | {"event_id": 100 + n, "ts_ms": T0 + n * MINUTE} for n, (event, _, _) in enumerate(events)]
    with tempfile.TemporaryDirectory() as folder, new_book(Path(folder)) as book:
        for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            _, actions, hits = zip(*events[start:stop], strict=True)
            with book.together():
                system.take(book, seen(rows[start:stop], actions, hits), T0)
        assert book.audit.verify() is None
        tables = dump(book)
        tables["case_entries"] = sorted(row[1:] for row in tables["case_entries"])  # of several cases, in any order
        return tables
