"""Warnings: what a rule set says that its author hardly meant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from interceptor.rules import load
from interceptor.rules.lint import warnings

TODAY_MS = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)
HEAD = """\
schema: 1
lists:
  - {list: bait, items: ["88299"]}
  - {list: filled}
  - {list: hollow}
macros:
  - {macro: fresh, condition: tenure <= 30d}
features:
  - {feature: calls_1h, count: events, on: call, by: caller, within: 1h}
  - {feature: share, ratio: known, on: call, by: caller, within: 1h}
rules:
  - rule: all
    title: Uses everything, so that nothing is left over
    on: call
    condition: fresh and calls_1h >= 7 and share >= 0.5 and caller in bait and caller not in filled
    list: {to: filled, ttl: 1d}
    tests: [{name: hits, events: [{on: call}], expect: {hits: 0}}]
"""


def codes(folder: Path, text: str) -> list[str]:
    (folder / "rules.yaml").write_text(text, "utf-8")
    return [problem.code for problem in warnings(load(folder), TODAY_MS)]


def of_rule(folder: Path, condition: str, more: str = "") -> list[str]:
    """Warnings that a rule with this condition adds."""
    before = codes(folder, HEAD)
    rule = f"  - {{rule: one, title: One, on: call, condition: {condition!r}, actions: [label]{more}}}\n"
    found = codes(folder, HEAD + rule)
    for code in [*before, "untested-rule"]:
        if code in found:
            found.remove(code)
    return found


@pytest.mark.parametrize(
    "condition",
    [
        "calls_1h > 5 and calls_1h < 5",
        "calls_1h >= 5 and not calls_1h >= 5",
        "calls_1h == 4 and calls_1h >= 5",
        "calls_1h > 5 and fresh and tenure > 30d",
        "5 < calls_1h < 3",
        "known and not known",
        "known and (hour > 20 and hour < 8 or not known)",
        "share > 1",
        "hour >= 24",
        "hour < 0",
        "source_kinds > 8",
        "caller in hollow",
        'trunk == "sip" and trunk == "local"',
        'trunk == "sip" and trunk != "sip"',
        "false",
    ],
)
def test_a_rule_that_never_hits(tmp_path: Path, condition: str) -> None:
    assert of_rule(tmp_path, condition) == ["never-hits"]


@pytest.mark.parametrize(
    "condition",
    [
        "calls_1h > 5 and calls_1h < 7",
        "calls_1h >= 5 and calls_1h <= 5",
        "calls_1h > 5 or calls_1h < 5",
        "known or not known",
        "hour > 20 or hour < 8",
        "share >= 1",
        "calls_1h != 5 and calls_1h >= 5",
        "calls_1h > share and calls_1h < 5",
        'trunk == "sip" or trunk == "local"',
        "caller not in hollow",
        "calls_1h + 3 > 5 and calls_1h < 3",
        "tenure > 3d and tenure < 4d",
    ],
)
def test_a_rule_that_may_hit(tmp_path: Path, condition: str) -> None:
    assert of_rule(tmp_path, condition) == []


@pytest.mark.parametrize("condition", ["hour < 24 and known", "share <= 1 and known", "share > 1 or known"])
def test_a_comparison_without_choice(tmp_path: Path, condition: str) -> None:
    assert of_rule(tmp_path, condition) == ["no-choice"]


@pytest.mark.parametrize(
    ("one", "two", "code"),
    [
        ("calls_1h > 5 and known", "known and calls_1h > 5", "same-condition"),
        ("calls_1h > 5", "calls_1h > 5", "same-condition"),
        ("calls_1h > 5", "calls_1h > 9 and known", "implied"),
        ("calls_1h > 5 or known", "calls_1h > 5", "implied"),
        ("calls_1h >= 5", "calls_1h > 5 and hour < 8 or calls_1h == 5", "implied"),
        ("calls_1h > 5", "calls_1h > 5 or known", "implied"),
        ("calls_1h > 5 and known", "calls_1h > 9", ""),
        ("calls_1h > 5", "calls_1h != 5", ""),
    ],
)
def test_rules_that_say_the_same(tmp_path: Path, one: str, two: str, code: str) -> None:
    first = HEAD + f"  - {{rule: one, title: One, on: call, condition: {one!r}, actions: [label]}}\n"
    second = f"  - {{rule: two, title: Two, on: call, condition: {two!r}, actions: [label]}}\n"
    before, found = codes(tmp_path, first), codes(tmp_path, first + second)
    assert sorted(found) == sorted([*before, "untested-rule", *([code] if code else [])])


def test_a_stricter_rule_that_does_more_is_no_repetition(tmp_path: Path) -> None:
    text = HEAD + (
        "  - {rule: mild, title: Mild, on: call, condition: calls_1h > 5, actions: [label]}\n"
        "  - {rule: strict, title: Strict, on: call, condition: calls_1h > 9, actions: [block]}\n"
        "  - {rule: scored, title: Scored, on: call, condition: calls_1h > 9, score: 1, evidence: traffic}\n"
    )
    assert "implied" not in codes(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("fresh and calls_1h", "calls_1h", "unused-macro"),
        ("and share >= 0.5 ", "", "unused-feature"),
        ("caller in bait and ", "", "unused-list"),
        ("macros:", "texts:\n  - {text: brand, patterns: [银行]}\nmacros:", "unused-text"),
        ('["88299"]', '["88299", {value: "88300", expires: 2026-05-31}]', "expired-entry"),
        ("    tests: [{name: hits, events: [{on: call}], expect: {hits: 0}}]\n", "", "untested-rule"),
        ("    list:", "    exceptions: [{name: a, condition: known, owner: ops}]\n    list:", "endless-exception"),
        (
            "    list:",
            "    exceptions: [{name: a, condition: known, owner: ops, expires: 2026-05-31}]\n    list:",
            "expired-exception",
        ),
        (
            "    list:",
            "    exceptions: [{name: a, condition: known, expires: 2026-06-30}]\n    list:",
            "ownerless-exception",
        ),
    ],
)
def test_what_is_left_over_or_left_out(tmp_path: Path, old: str, new: str, code: str) -> None:
    assert old in HEAD
    assert codes(tmp_path, HEAD) == ["unused-list"]  # hollow
    found = codes(tmp_path, HEAD.replace(old, new, 1))
    found.remove("unused-list")
    assert found == [code]


def test_warnings_point_at_the_part(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        HEAD + "  - rule: one\n    title: One\n    on: call\n    condition: >\n      known and\n      hour > 24\n"
        "    actions: [label]\n",
        "utf-8",
    )
    (found,) = [one for one in warnings(load(tmp_path), TODAY_MS) if one.code == "never-hits"]
    assert (found.line, found.column, found.severity) == (23, 7, "warning")
