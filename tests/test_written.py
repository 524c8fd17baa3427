"""Conditions as people write them: what is written means the same as what was read."""

from __future__ import annotations

import pytest

from interceptor.rules import default_rules_dir, load
from interceptor.rules.conditions import compile_condition
from interceptor.rules.definitions import read
from interceptor.rules.scopes import Scopes
from interceptor.rules.written import duration, roughly, written


def test_every_shipped_condition_can_be_written_and_read_again() -> None:
    scopes = Scopes(read(default_rules_dir()))
    rules = load(default_rules_dir()).rules
    for rule in rules:
        text = written(rule.stated)
        assert compile_condition(text, scopes.of(rule.kinds)).key == rule.stated.key, f"{rule.name}: {text}"
    assert len(rules) > 100


@pytest.mark.parametrize(
    ("ms", "exactly", "about"),
    [
        (86_400_000, "1d", "1d"),
        (129_600_000, "36h", "1.5d"),
        (90_000, "90s", "1.5m"),
        (1_500, "1500ms", "1.5s"),
        (0, "0ms", "0ms"),
        (5_400_001, "5400001ms", "1.5h"),
    ],
)
def test_durations(ms: int, exactly: str, about: str) -> None:
    assert (duration(ms), roughly(ms)) == (exactly, about)
