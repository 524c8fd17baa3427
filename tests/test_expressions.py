"""Conditions: what they mean, and what is refused, at which character."""

from __future__ import annotations

import numpy as np
import pytest

from interceptor.rules.conditions import Scope, compile_condition
from interceptor.rules.expressions import comparisons, constant, sampled, with_leaf
from interceptor.rules.mistakes import ConditionError
from interceptor.rules.names import event_symbols
from interceptor.schema import Kind, Trunk


class Rows:
    """A view with given columns: three calls."""

    count = 3

    def __init__(self) -> None:
        self.memo: dict[str, np.ndarray] = {}
        self.columns = {
            "tenure_days": np.array([3, 30, 31], np.uint16),
            "trunk": np.array([Trunk.LOCAL, Trunk.INTERNATIONAL, Trunk.SIP], np.uint8),
            "known": np.array([True, False, False]),
            "registered": np.array([True, False, True]),
            "source": np.array([1, 2, 3], np.uint64),
            "display": np.array([1, 110, 0], np.uint64),
            "ts_ms": np.array([0, 3_600_000, 57_600_000], np.int64),
        }

    def column(self, name: str) -> np.ndarray:
        return self.columns[name]

    def feature(self, name: str) -> np.ndarray:
        raise AssertionError(name)

    words = feature

    def member(self, list_name: str, column: str) -> np.ndarray:
        assert list_name == "watched"
        return self.columns[column] == 2


SCOPE = Scope(
    event_symbols(Kind.CALL),
    {"fresh": "tenure <= 30d", "snake": "snake or known"},
    {"watched": "exact", "sites": "domain"},
    lambda name: frozenset({("column", name)}),
    lambda name: "is only known on transfer events" if name == "amount" else "",
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("tenure <= 30d", [1, 1, 0]),
        ("720h < tenure", [0, 0, 1]),
        ("3d <= tenure < 31d", [1, 1, 0]),
        ("fresh and not known", [0, 1, 0]),
        ('trunk == "international" or trunk == "sip"', [0, 1, 1]),
        ('"local" != trunk', [0, 1, 1]),
        ("caller in watched", [0, 1, 0]),
        ("display not in watched and display == source", [1, 0, 0]),
        ("known + registered >= 1", [1, 0, 1]),
        ("tenure / (tenure - 3d) > 1", [0, 1, 1]),
        ("max(tenure, 31d) == 31d", [1, 1, 1]),
        ("-known < 0", [1, 0, 0]),
        ("hour == 8 or hour == 0", [1, 0, 1]),
        ("display == 110", [0, 1, 0]),
        ("True", [1, 1, 1]),
    ],
)
def test_means(condition: str, expected: list[int]) -> None:
    assert compile_condition(condition, SCOPE)(Rows()).astype(int).tolist() == expected


@pytest.mark.parametrize(
    ("condition", "offset", "code"),
    [
        ("known and tenuree <= 30d", 10, "unknown-name"),
        ("amount >= 5", 0, "unknown-name"),
        ("tenure <= 30", 10, "wrong-unit"),
        ("tenure + 3 > 1d", 0, "wrong-unit"),
        ('trunk == "intl"', 0, "unknown-word"),
        ('trunk > "sip"', 0, "wrong-type"),
        ("caller in watche", 10, "unknown-list"),
        ("caller in sites", 0, "wrong-type"),
        ("caller in (1, 2)", 10, "unknown-list"),
        ("snake", 0, "macro-circle"),
        ("tenure", 0, "not-a-condition"),
        ("known and", 9, "syntax"),
        ("(薇 > 3)", 1, "unknown-name"),
        ("__import__('os').system('true')", 0, "not-allowed"),
        ("known.real", 0, "not-allowed"),
        ("[known for known in source]", 0, "not-allowed"),
        ("(lambda: known)()", 0, "not-allowed"),
        ("tenure ** 2d > 1", 0, "not-allowed"),
        ("known if known else known", 0, "not-allowed"),
        ("(" * 500 + "known" + ")" * 500, 0, "too-complex"),
        ("not " * 200 + "known", None, "too-complex"),
        ("known; known", None, "syntax"),
        ("", None, "syntax"),
    ],
)
def test_refuses(condition: str, offset: int | None, code: str) -> None:
    with pytest.raises(ConditionError) as raised:
        compile_condition(condition, SCOPE)
    assert raised.value.code == code
    assert offset is None or raised.value.offset == offset


def test_equal_parts_are_evaluated_once() -> None:
    rows = Rows()
    condition = compile_condition("fresh or (fresh and known)", SCOPE)
    condition(rows)
    assert "(tenure <= 2592000000ms)" in rows.memo


def test_suggests_the_nearest_name() -> None:
    with pytest.raises(ConditionError) as raised:
        compile_condition("tenurr <= 30d", SCOPE)
    assert "tenure" in raised.value.hint


def test_a_condition_can_be_taken_apart() -> None:
    condition = compile_condition("not (known and tenure > 30d) or fresh and 3d <= tenure < 31d", SCOPE)
    assert [leaf.key for leaf in comparisons(condition)] == [
        "known", "(tenure > 2592000000ms)", "(tenure <= 2592000000ms)", "(259200000ms <= tenure)",
        "(tenure < 2678400000ms)",
    ]  # fmt: skip
    assert condition.parts[1].parts[0].label == "fresh"


@pytest.mark.parametrize("value", [True, False])
def test_a_leaf_can_be_replaced(value: bool) -> None:
    condition = compile_condition("registered and not (tenure > 30d or known)", SCOPE)
    replaced = with_leaf(condition, "(tenure > 2592000000ms)", constant(value))
    expected = [0, 0, 0] if value else [0, 0, 1]
    assert replaced(Rows()).astype(int).tolist() == expected
    assert condition(Rows()).astype(int).tolist() == [0, 0, 0]


def test_a_sample_is_a_share_of_the_keys() -> None:
    view = Rows()
    view.count, view.columns["source"] = 100_000, np.arange(1, 100_001, dtype=np.uint64) * np.uint64(13)
    chosen = {percent: sampled("source", percent, 7)(view) for percent in (1, 10, 50, 100)}
    assert [round(100 * found.mean(), 0) for found in chosen.values()] == [1, 10, 50, 100]
    assert not (chosen[1] & ~chosen[10]).any()  # whoever is in the smaller sample stays in the larger one
    assert (sampled("source", 10, 8)(view) != chosen[10]).any()  # another rule, another sample
