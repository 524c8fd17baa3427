"""Folding: what a person reads as the same comes out the same, and the kernel does what the slow version says."""

from __future__ import annotations

import unicodedata

import numpy as np
import opencc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor import lookalikes
from interceptor.batch import Strings
from interceptor.folding import fold, fold_host, fold_hosts, fold_one, strings_of

HAN = [chr(code) for code in range(0x3400, 0xA000)]
SIMPLIFIED = dict(zip(HAN, opencc.OpenCC("t2s").convert("\n".join(HAN)).split("\n"), strict=True))
DEAD_SCRIPTS = {*range(0x12000, 0x16000), *range(0x17000, 0x1AF00)}
ENCLOSED = ("<circle>", "<font>", "<wide>")
STAND_INS = {chr(int(code, 16)): to for to, codes in lookalikes.LATIN.items() for code in codes.split()}
STAND_INS |= {char: to for to, chars in lookalikes.CHINESE.items() for char in chars}
STAND_INS |= {chr(first + i): chr(97 + i) for first in (0x1F150, 0x1F170) for i in range(26)}


def slow_character(char: str) -> tuple[str, bool]:
    """One character folded by itself, and whether it is a disguise; zero-width ones are left to the caller."""
    if char in lookalikes.PLAIN:
        return lookalikes.PLAIN[char], False
    if 0x20000 <= ord(char) < 0x2F800 or 0x30000 <= ord(char) < 0x40000:
        return char, False
    if char in STAND_INS:
        return STAND_INS[char], True
    if unicodedata.normalize("NFKC", char) in tuple(lookalikes.POINTS):
        return unicodedata.normalize("NFKC", char), False
    kind, name = unicodedata.category(char), unicodedata.name(char, "")
    if kind == "Nd":
        return str(unicodedata.decimal(char)), not char.isascii()
    if kind == "No" and "CIRCLED" in name and not unicodedata.decomposition(char):
        return f"{unicodedata.numeric(char):.0f}", True
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    kept = unicodedata.normalize("NFKC", "".join(p for p in parts if p.isalpha() or unicodedata.category(p)[0] in "LN"))
    simple = "".join(lookalikes.PLAIN.get(c, c) if c != char else c for c in (SIMPLIFIED.get(c, c) for c in kept))
    latin = "".join(STAND_INS.get(c, c) for c in simple)[: lookalikes.EXPANSION_MAX]
    return latin, bool(latin) and (latin != simple[: lookalikes.EXPANSION_MAX] or slow_enclosed(char, latin))


def slow_enclosed(char: str, latin: str) -> bool:
    tag = unicodedata.decomposition(char).split(" ")[0]
    name = unicodedata.name(char, "")
    bracketed = name.startswith(
        ("PARENTHESIZED LATIN", "PARENTHESIZED DIGIT", "PARENTHESIZED NUMBER")
    ) or name.endswith((" FULL STOP", " COMMA"))
    if "RADICAL" in name or (bracketed and tag == "<compat>") or tag == "<circle>":
        return True
    if len(latin) == 1 and latin.isalpha() and latin.isascii() and tag in ("<square>", "<super>", "<sub>"):
        return True
    return tag in ENCLOSED and latin.isascii()


def slow_fold(text: str) -> tuple[str, int]:
    """The folded text and its look-alikes, by the meaning of the words in the modules' docstrings."""
    runs: list[str] = []
    disguised, after_symbol = 0, False
    for char in text:
        if ord(char) in lookalikes.INVISIBLE and char != lookalikes.KEYCAP:
            disguised += not after_symbol
            continue
        dropped = ord(char) >= 0x40000 or ord(char) in DEAD_SCRIPTS or unicodedata.category(char) in ("Co", "Cs")
        folded, look_alike = ("", False) if dropped else slow_character(char)
        look_alike = look_alike or char == lookalikes.KEYCAP
        disguised += look_alike
        nothing = char.isspace() or unicodedata.category(char) == "Cc"
        after_symbol = not folded and not nothing and not look_alike
        runs.append(folded)
    return slow_points("".join(runs)), disguised


def slow_points(text: str) -> str:
    """Without the punctuation that touches no ASCII letter or digit."""
    out = []
    for i, char in enumerate(text):
        neighbours = text[:i].rstrip(lookalikes.POINTS)[-1:], text[i:].lstrip(lookalikes.POINTS)[:1]
        if char not in lookalikes.POINTS or any(c and c.isascii() for c in neighbours):
            out.append(char)
    return "".join(out)


PARTS = st.one_of(
    st.sampled_from("微薇加心銀行帳好①③❶ⅷ㎏ﷺ〇🅥🇻𝐯⼯𠀀👨❤➕Ｖ：．，。…éß\u0430\ufe0f\u200b\u200d\u0301\x00\n\U000f0000"),
    st.sampled_from("vx138./ :-_?=&@%+!"),
    st.sampled_from(["工商银行", "http://t.cn/", "1\ufe0f\u20e3"]),
)
TEXTS = st.one_of(st.text(max_size=30), st.lists(PARTS, max_size=20).map("".join))


@settings(max_examples=250, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_kernel_and_slow_version_agree(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    folded = fold(strings_of(texts))
    assert [(folded[i], int(folded.disguised[i])) for i in range(len(texts))] == [slow_fold(text) for text in texts]


def test_every_character_agrees_with_the_slow_version() -> None:
    planes = (*range(0x3400), *range(0x3400, 0xA000, 13), *range(0xA000, 0xD800, 7), *range(0xE000, 0x20000))
    chars = [chr(code) for code in planes if unicodedata.category(chr(code)) not in ("Cn", "Co")]
    chars += [
        chr(code) for code in (*range(0x4DB0, 0x4E00), *range(0x2F7F0, 0x2FB00), 0xE123, 0x3FFFF, 0x40000, 0x10FFFF)
    ]
    folded = fold(strings_of([f"a{char}a" for char in chars]))
    for i, char in enumerate(chars):
        assert (folded[i], int(folded.disguised[i])) == slow_fold(f"a{char}a"), hex(ord(char))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6))
def test_any_bytes_fold_as_their_readable_part(rows: list[bytes]) -> None:
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    strings = Strings(offsets, np.frombuffer(b"".join(rows), np.uint8))
    folded = fold(strings)
    expected = [slow_fold(row.decode("utf-8", "replace"))[0] for row in rows]
    assert [folded[i] for i in range(len(rows))] == expected
    assert bytes(folded.utf8(np.arange(len(rows))).data).decode() == "".join(f"{text}\n" for text in expected)
    fold_hosts(strings)


@settings(max_examples=250, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_a_literal_folded_by_itself_is_found_in_any_text(before: str, literal: str, after: str) -> None:
    assert fold_one(literal) in fold_one(before + literal + after)
    assert fold_host(literal) in fold_host(before + literal + after)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_folding_twice_changes_nothing_but_points(text: str) -> None:
    once = fold_one(text)
    assert fold_one(once) == once


@pytest.mark.parametrize(
    ("text", "folded", "disguised"),
    [
        ("加薇信", "加微信", 1),
        ("➕ＶＸ：138", "加vx:138", 3),
        ("+V", "加v", 0),
        ("銀行帳戶", "银行账户", 0),
        ("工 商\u3000银\n行", "工商银行", 0),
        ("工.商-银/行", "工商银行", 0),
        ("微\u200b信", "微信", 1),
        ("👨\u200d👩\u200d👧好❤\ufe0f", "好心", 1),
        ("аpple", "apple", 1),
        ("①③❽", "138", 3),
        ("1\ufe0f\u20e33\ufe0f\u20e3", "13", 2),
        ("点击 HTTP://T.cn/A1?x=2，退订回T。", "点击http://t.cn/a1?x=2退订回t.", 0),
        ("www。abc。com", "www.abc.com", 0),
        ("安徽信托，威信", "安徽信托威信", 0),
        ("🇻🇽", "vx", 0),
        ("扣扣⑤", "扣扣5", 1),
        ("13〇", "130", 0),
        ("１２㎏", "12kg", 2),
        ("卡号……失效！", "卡号失效", 0),
        ("", "", 0),
    ],
)
def test_examples(text: str, folded: str, disguised: int) -> None:
    result = fold(strings_of([text]))
    assert (result[0], int(result.disguised[0])) == (folded, disguised)


def test_host_skeletons() -> None:
    assert fold_host("www.1CBC-bank.com") == "www.lcbcbank.com"
    assert fold_host("pаypal.com") == "paypal.com"
    assert fold_host("a+b|0_3.5x") == "abloe.sx"
    assert fold_host("xn--fiq228c.cn") == fold_host("xnfiq228c.cn")


def test_rows_are_chosen_and_may_repeat() -> None:
    strings = strings_of(["一", "", "三ABC"])
    folded = fold(strings, np.array([2, 0, 2, 1], np.int32))
    assert [folded[i] for i in range(4)] == ["三abc", "一", "三abc", ""]
    assert folded.offsets.tolist() == [0, 4, 5, 9, 9]
    encoded = folded.utf8(np.array([1, 3, 0]))
    assert bytes(encoded.data).decode() == "一\n\n三abc\n"
    assert encoded.offsets.tolist() == [0, 4, 5, 12]
    with pytest.raises(IndexError):
        fold(strings, np.array([3], np.int32))
    assert len(fold(strings, np.zeros(0, np.int32))) == 0


def test_broken_offsets_stay_inside_the_data() -> None:
    strings = Strings(np.array([-5, 3, 1, 900, 2], np.int32), np.frombuffer("ab好".encode(), np.uint8))
    folded = fold(strings)
    assert [folded[i] for i in range(4)] == ["ab", "", "b好", ""]


def test_shape_ignores_ascii_and_needs_eight_characters() -> None:
    texts = [
        "您的验证码是1234请勿泄露",
        "您的验证码是98，请勿泄露 A",
        "您的验证码是1请勿泄漏",
        "您好1234567",
        "一二三四五六七八",
        "一二三四五六七",
    ]
    shape = fold(strings_of(texts)).shape
    assert shape[0] == shape[1] != 0
    assert shape[2] not in (0, shape[0])
    assert [int(value) != 0 for value in shape[3:]] == [False, True, False]
    many = [f"{chr(0x4E00 + i)}{chr(0x4E00 + i * 7 % 5000)}甲乙丙丁戊己庚" for i in range(5000)]
    assert len(set(fold(strings_of(many)).shape.tolist())) == 5000
