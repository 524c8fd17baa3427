"""Expressions in another form find the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.spelling import apart, spelled_out

ATOMS = st.sampled_from(["a", "(ab|c)", "[bc]", "(b)", "a?", "(ca|b)?", "[ab]?"])


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("(验证|领取)[码号]", ["验证码", "验证号", "领取码", "领取号"]),
        ("etc(卡|用户)", ["etc卡", "etc用户"]),
        ("笔本?", ["笔本", "笔"]),
        ("a?", None),  # would be found everywhere
        ("笔.本", None),
        ("[0-9]", None),
        ("[^a]b", None),
        ("ab+", None),
        ("a{2}", None),
        (r"a\d", None),
        ("(?i)a", None),
        ("^a", None),
        ("a|b", None),
        ("((a))", None),
        ("[abcdefgh][abcdefgh][ab]", None),  # too many
    ],
)
def test_spelled_out(expression: str, words: list[str] | None) -> None:
    assert spelled_out(expression) == words


@given(st.lists(ATOMS, min_size=1, max_size=5), st.text("abc", max_size=8))
def test_words_are_found_where_the_expression_is(atoms: list[str], text: str) -> None:
    expression = "".join(atoms)
    words = spelled_out(expression)
    if words is not None:
        assert any(word in text for word in words) == bool(re.search(expression, text))


@given(st.sampled_from(["[ab]", "a", "[ab]c?", "ac"]), st.integers(0, 3), st.text("abcde", max_size=10))
def test_choices_apart_are_found_where_the_expression_is(start: str, gap: int, text: str) -> None:
    expression = f"{start}.{{0,{gap}}}(de|e|ad)"
    parts = apart(expression)
    assert len(parts) == 3
    assert any(re.search(part, text) for part in parts) == bool(re.search(expression, text))


@pytest.mark.parametrize("expression", ["(a|b).{0,3}(c|d)", "a.{0,3}(c|d)e", "a.{0,3}(c|d)?", r"a\d.{0,3}(c|d)", "abc"])
def test_others_stay(expression: str) -> None:
    assert apart(expression) == [expression]
