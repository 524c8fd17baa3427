"""Patterns: one scan of all rows finds what a search of each row by itself finds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.folding import fold, fold_host, fold_hosts, fold_one, strings_of
from interceptor.patterns import PatternDatabase, PatternSet

LITERALS = PatternSet("literals", ("工商银行", "VX", "http://t.cn", "帳號"), (), False)
EXPRESSIONS = PatternSet("expressions", (), ("卡号.{0,6}失效", "^退订", "号$", r"1[38]\d{3}", "ab|cd"), False)
WIDE = PatternSet(
    "wide", ("零",), ("[^a]{3}", r"号\s", r"a\Wb", "(?s)x.y", r"[\x00-\x2f]1", "[^0-9]$", "^[^甲]{2}$"), False
)
EXACT_WIDE = PatternSet("two_strangers", (), ("^[^甲]{2}$",), False)
SETS = [LITERALS, EXPRESSIONS, WIDE, EXACT_WIDE, PatternSet("none", (), (), False)]
DATABASE = PatternDatabase(SETS)
PIECES = st.sampled_from([*"甲乙零号卡失效退订axybcd138.1-", "工商银行", "vx", "http://t.cn", "帐号", "卡号", "失效"])
ROWS = st.lists(st.lists(PIECES, max_size=7).map("".join), min_size=1, max_size=12)


def slow_hits(pattern_set: PatternSet, text: str) -> bool:
    fold_literal = fold_host if pattern_set.of_host else fold_one
    return any(fold_literal(literal) in text for literal in pattern_set.literals) or any(
        re.search(expression, text, re.ASCII) for expression in pattern_set.regexes
    )


@settings(max_examples=300, deadline=None)
@given(ROWS)
def test_one_scan_finds_what_each_row_alone_has(rows: list[str]) -> None:
    folded = fold(strings_of(rows))
    found = DATABASE.scan(folded, of_host=False)
    for pattern_set in SETS:
        slow = [slow_hits(pattern_set, folded[row]) for row in range(len(rows))]
        assert found[pattern_set.name].tolist() == slow, pattern_set.name


@pytest.mark.parametrize(
    ("expression", "rows", "expected"),
    [
        ("[^a]{3}", ["bb", "b", "aab", "bbb"], [False, False, False, True]),
        (r"b\s", ["ab", "ab"], [False, False]),
        (r"b\nc", ["ab", "cd"], [False, False]),
        ("^b$", ["b", "ab", "ba", "b"], [True, False, False, True]),
        ("^[^x]+$", ["ax", "a", "", "xa"], [False, True, False, False]),
        ("[^x]b", ["a", "b", "xb", "ab"], [False, False, False, True]),
        ("(?s)a.b", ["a", "b", "axb"], [False, False, True]),
        ("[[:^alpha:]]{2}", ["a1", "1a", "11"], [False, False, True]),
        ("ICBC", ["my icbc"], [True]),
    ],
)
def test_no_hit_leaks_into_another_row(expression: str, rows: list[str], expected: list[bool]) -> None:
    database = PatternDatabase([PatternSet("one", (), (expression,), False)])
    assert database.scan(fold(strings_of(rows)), of_host=False)["one"].tolist() == expected


def test_hosts_and_texts_are_apart() -> None:
    sets = [PatternSet("bank_host", ("1cbc", "ccb-bank"), (r"^wap\.",), True), PatternSet("bank", ("icbc",), (), False)]
    database = PatternDatabase(sets)
    hosts = fold_hosts(strings_of(["www.1cbc.com", "www.lcbc.com", "a.ccbbank.cn", "wap.b.cn", "icbc.com.cn"]))
    assert {name: hits.tolist() for name, hits in database.scan(hosts, of_host=True).items()} == {
        "bank_host": [True, True, True, True, False]
    }
    texts = fold(strings_of(["ICBC", "1cbc"]))
    assert database.scan(texts, of_host=False)["bank"].tolist() == [True, False]
    assert database.is_of_host("bank_host")
    assert not database.is_of_host("bank")


def test_nothing_to_find_and_nothing_to_search() -> None:
    assert PatternDatabase([]).scan(fold(strings_of(["a"])), of_host=False) == {}
    assert DATABASE.scan(fold(strings_of([])), of_host=False)["literals"].tolist() == []
    assert DATABASE.scan(fold(strings_of(["", ""])), of_host=False)["wide"].tolist() == [False, False]


@pytest.mark.parametrize(
    ("pattern_set", "said"),
    [
        (PatternSet("empty", ("，！",), (), False), "empty: nothing is left of the pattern '，！'"),
        (PatternSet("open", (), ("fine", "a("), False), r"open: the expression 'a\(' .*Missing close parenthesis"),
        (PatternSet("star", (), ("a*",), False), "star: .*matches the empty text"),
        (PatternSet("hat", (), ("^",), False), "hat: .*matches the empty text"),
        (PatternSet("hat_or", (), ("abc|^$",), False), "hat_or: .*matches the empty text"),
        (PatternSet("edge", (), (r"\ba?",), False), "edge: .*matches the empty text"),
        (PatternSet("behind", (), ("(?<=a)b",), False), "behind: .*not supported"),
        (PatternSet("begin", (), (r"\Aab",), False), r"begin: .*write \^"),
        (PatternSet("quoted", (), (r"\Qa.b\E",), False), "quoted: .*backslash before each"),
        (PatternSet("spaced", (), ("(?x)a b",), False), "spaced: .*only the flags i and s"),
    ],
)
def test_unusable_patterns_are_named(pattern_set: PatternSet, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PatternDatabase([LITERALS, pattern_set])


def test_two_sets_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="literals: two pattern sets"):
        PatternDatabase([LITERALS, LITERALS])
