"""What an expression needs is in every text in which it matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.needed import Need, needs

CHARACTERS = st.sampled_from(["a", "B", "甲", "[ab]", "[^a]", "[0-3]", "[a-c甲-]", ".", r"\d", r"\w", r"\.", "1", "23"])
REPEATED = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{1,3}", "{4,}", "{0,2}", "+?", "??"])
EXPRESSIONS = st.recursive(
    st.builds("".join, st.lists(st.builds(str.__add__, CHARACTERS, REPEATED), min_size=1, max_size=4)),
    lambda inner: st.one_of(
        st.builds("({}|{}){}".format, inner, inner, REPEATED),
        st.builds("(?:{}){}{}".format, inner, REPEATED, inner),
        st.builds("^{}|{}$".format, inner, inner),
    ),
    max_leaves=5,
).filter(lambda expression: len(re.findall(r"[*+]|,}", expression)) <= 3)  # more of them may keep `re` busy for hours


def words(*alternatives: str) -> Need:
    return Need(frozenset(alternatives))


def has(text: str, need: Need) -> bool:
    runs = re.findall("[0-9]+", text)
    return any(word in text for word in need.words) or 0 < need.digits <= max(map(len, runs), default=0)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[您你]的?.{0,10}(银行卡|信用卡)", {words("银行卡", "信用卡"), words("您", "你")}),
        ("(^|[^中集])工行([^业]|$)", {words("工行")}),
        ("(a(b|cd)?|xy)+z", {words("a", "xy"), words("z")}),
        ("1[3-9][0-9]{9}", {Need(digits=11)}),
        ("62[0-9]{14}", {Need(digits=16)}),
        ("[0-9]{4,}元", {Need(digits=4), words("元")}),
        (r"\bICBC\b", {words("icbc")}),
        (r"a\.b", {words("a.b")}),
        ("x{2,3}y", {words("xx"), words("y")}),
        ("(兑奖|领奖)?", set()),
        ("甲*乙*", set()),
        ("(甲|乙*)丙?", set()),
        ("[0-9]", {words(*"0123456789")}),
        ("(?i)甲", set()),  # syntax that isn't looked into
        (r"\x41", set()),
        (r"\p{L}甲", set()),
        ("甲{,2}乙", set()),
        ("ζ甲", {words("甲")}),  # matches Ζ, too
        ("[^甲]", set()),
        ("[[:alpha:]]甲", {words("甲")}),
    ],
)
def test_needs(expression: str, expected: set[Need]) -> None:
    assert set(needs(expression)) == expected


@settings(max_examples=1_000, deadline=None)
@given(EXPRESSIONS, st.lists(st.text("abc甲乙0123.-", max_size=8), min_size=5, max_size=20))
def test_where_an_expression_matches_all_its_needs_are(expression: str, texts: list[str]) -> None:
    found = needs(expression)
    for text in texts:
        if re.search(expression, text, re.ASCII | re.IGNORECASE):
            assert all(has(text, need) for need in found), (text, found)
