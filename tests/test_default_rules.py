"""The default rules (SOURCES.md D4): all 48 are there, serve the systems they are for, and say what they are.

What they do is tried beside them, in the rules files, and in a city by test_shipped_rules.
"""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from interceptor.rules import default_rules_dir, load
from interceptor.rules.model import SYSTEMS
from interceptor.rules.ruleset import Rule

# What D4 asks for: id → systems.
DEFAULT_RULES = """
C01 S1     C02 S1     C03 S1 S4  C04 S1     C05 S1     C06 S1 S7  C07 S1     C08 S1     C09 S1 S8  C10 S7
C11 S1 S11 C12 S4     S01 S2     S02 S2     S03 S2     S04 S2 S7  S05 S2 S3  S06 S2 S8  S07 S2     S08 S7
W01 S3     W02 S3     W03 S3 S4  W04 S3 S4  W05 S3     W06 S3
T01 S5     T02 S4 S5  T03 S5 S9  T04 S7     T05 S9     T06 S9     T07 S5     T08 S4     T09 S4 S5  T10 S5 S9  T11 S4
K01 S7     K02 S7     K03 S7     K04 S7 S8  K05 S7     X01 S4 S5  X02 S4     X03 S4 S6  X04 S8     X05 S11    X06 S10
"""
WANTED = {id_: set(systems.split()) for id_, systems in re.findall(r"([A-Z]\d\d)((?: S\d+)+)", DEFAULT_RULES)}
RULES = load(default_rules_dir()).rules


def test_there_are_48() -> None:
    assert len(WANTED) == 48
    assert set.union(*WANTED.values()) == set(SYSTEMS)


@pytest.mark.parametrize("id_", WANTED)
def test_a_default_rule_is_carried_out(id_: str) -> None:
    found = [rule for rule in RULES if rule.ref == id_ and rule.mode == "live"]
    assert found, f"no live rule for {id_}"
    assert {system for rule in found for system in rule.systems} >= WANTED[id_]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_it_is(rule: Rule) -> None:
    assert rule.ref in WANTED or not rule.ref
    assert rule.title
    assert rule.reason
    assert rule.remedy
    assert rule.systems
    assert re.search(r"\[[DPLSA](, [^]]+)?\]", rule.why), f"no source mark in {rule.why!r}"


def test_every_list_that_is_read_can_be_filled() -> None:
    """By entries in the files, by a rule, by police or a later step; nobody else fills a list."""
    rule_set = load(default_rules_dir())
    filled = defaultdict(bool, {rule.adds_to: True for rule in rule_set.rules})
    by_others = {"tainted_accounts", "frozen_accounts", "held_payers"}
    for definition in rule_set.lists:
        assert definition.items or filled[definition.list] or definition.list in by_others, definition.list
