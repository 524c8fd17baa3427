"""What each character is folded to before text is matched.

Enters: the Unicode tables of Python, the single-character simplification of OpenCC, and the small maps below. Leaves:
two FoldTables, one for messages and one for host names. Invariant: a table speaks of single characters only, so what a
character becomes doesn't depend on its neighbours (a literal is folded by itself and must still be found in a text).

Characters that people write without meaning to hide anything are folded but not counted as a disguise: case, pinyin
accents, traditional forms, full-width punctuation, the spellings in `PLAIN`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import opencc

TABLE_SIZE = 0x40000  # planes 0 to 3; everything above is private, tags or unassigned, and dropped
CODE_BITS = 21
CODE_MASK = (1 << CODE_BITS) - 1
DISGUISE = 1 << CODE_BITS  # counts as a look-alike
ZERO_WIDTH = 2 << CODE_BITS  # invisible: counts, unless it joins the parts of an emoji
SYMBOL = 4 << CODE_BITS  # dropped, and a zero-width character after it belongs to it
POINT = 8 << CODE_BITS  # punctuation of addresses, kept where it touches an ASCII letter or digit
EXPANDS = 16 << CODE_BITS  # the code is an index into FoldTable.expansions
EXPANSION_MAX = 6  # characters that one character may become

POINTS = "./:-_?=&@%"

# Cyrillic, Greek, small capitals and other letters that pass for Latin ones, by code point: printed, nobody could
# tell them from the real ones. Capitals stand where they resemble another letter than their small form does.
LATIN = {
    "a": "0430 03B1 0251 1D00",
    "b": "0432 044C 03B2 0184 0185 0299",
    "c": "0441 03F2 1D04",
    "d": "0501 0257 1D05",
    "e": "0435 03B5 0454 025B 1D07",
    "f": "0493 A730",
    "g": "0261 0262 0581",
    "h": "043D 04BB 029C 0397",
    "i": "0456 03B9 0131 026A 0269",
    "j": "0458 03F3 1D0A",
    "k": "043A 03BA 1D0B",
    "l": "04CF 029F 01C0 2113",
    "m": "043C 039C 1D0D",
    "n": "043F 03B7 039D 0274 0578",
    "o": "043E 03BF 03C3 1D0F 0585",
    "p": "0440 03C1 1D18",
    "q": "051B 01EB",
    "r": "0433 0280",
    "s": "0455 A731 01BD",
    "t": "0442 03C4 1D1B",
    "u": "03C5 03BC 1D1C 057D",
    "v": "0475 03BD 1D20 028B 2228 22C1 13D9",
    "w": "051D 0448 0461 03C9 1D21",
    "x": "0445 03C7 4E42",
    "y": "0443 04AF 03B3 03A5 028F",
    "z": "03B6 1D22",
    "3": "0437",
}
# Symbols and rare characters that stand for a common one in "add me on …" lines. 徽 and 威, also written for 微, are
# left alone: 安徽信托 and 威信 are ordinary words, so a rule that wants them says so.
CHINESE = {
    "微": "薇溦葳嶶癓",
    "信": "伩㐰訫",
    "加": "➕✚✛✜✙＋",
    "心": "❤♥♡❥",
}
# Spellings that ordinary people use too: folded, not counted.
PLAIN = {"+": "加", "〇": "0", "帐": "账", "√": "v", "。": ".", "｡": ".", "‐": "-", "‑": "-", "–": "-", "−": "-"}
PLAIN |= {chr(0x1F1E6 + i): chr(ord("a") + i) for i in range(26)}  # the letters that flags are made of

# Characters that show nothing and that no input method offers. Direction marks aren't among them: phones add them
# when a number is copied from the contacts. Variation selectors belong to emoji.
INVISIBLE = frozenset(
    (
        *(0x00AD, 0x034F, 0x115F, 0x1160, 0x2800, 0x3164, 0xFEFF, 0xFFA0),
        *range(0x180B, 0x180F),
        *range(0x200B, 0x200E),
        *range(0x2060, 0x2065),
        *range(0x0300, 0x0370),  # strokes and dots laid over the letter before
        *range(0x20D0, 0x20F1),  # the same, and enclosing keycaps
    )
)
# Han and Hangul stand for themselves, but for the characters that are simplified. Dead scripts of plane 1 (cuneiform,
# hieroglyphs, Tangut) are in neither of these and dropped.
HAN = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000))
THEMSELVES = (*HAN, range(0xAC00, 0xD7A4), range(0x20000, 0x2F800), range(0x30000, TABLE_SIZE))
NEITHER_HAN_NOR_HANGUL = (
    *(range(0x3400), range(0x4DC0, 0x4E00), range(0xA000, 0xAC00), range(0xD7A4, 0xD800), range(0xF900, 0x12000)),
    *(range(0x16000, 0x17000), range(0x1AF00, 0x1FC00), range(0x2F800, 0x2FA20)),
)

KEYCAP = "\u20e3"  # with a digit before it: an enclosed digit

HOST_SKELETON = {"0": "o", "1": "l", "3": "e", "5": "s", "|": "l"}


@dataclass(frozen=True, slots=True)
class FoldTable:
    """`codes` int32[TABLE_SIZE]: what a code point becomes (0: nothing) and its marks. `expansions` int32[k,
    EXPANSION_MAX], ended by zeros. `growth`: characters that come out, at most, for a byte that goes in."""

    codes: np.ndarray
    expansions: np.ndarray
    growth: int


@cache
def text_table() -> FoldTable:
    """How a message is folded."""
    codes = np.full(TABLE_SIZE, SYMBOL, np.int32)
    for span in THEMSELVES:
        codes[span.start : span.stop] = np.arange(span.start, span.stop)
    expansions: list[str] = []
    for char in _worth_a_look():
        text, marks = fold_character(char)
        if len(text) > 1:
            codes[ord(char)] = len(expansions) | marks | EXPANDS
            expansions.append(text[:EXPANSION_MAX])
        else:
            codes[ord(char)] = ord(text or "\0") | marks
    pool = np.zeros((len(expansions), EXPANSION_MAX), np.int32)
    for row, text in enumerate(expansions):
        pool[row, : len(text)] = [ord(char) for char in text]
    return FoldTable(codes, pool, _growth(codes, pool))


@cache
def host_table() -> FoldTable:
    """How a host name is folded to its skeleton: dots stay, hyphens go, digits become the letters they imitate."""
    text = text_table()
    letters = np.zeros(128, np.int32)
    for char in "abcdefghijklmnopqrstuvwxyz0123456789.":
        letters[ord(char)] = ord(HOST_SKELETON.get(char, char))
    codes = text.codes & ~POINT
    code = codes & CODE_MASK
    narrow = (code < 128) & (codes & EXPANDS == 0)
    codes[narrow] = letters[code[narrow]] | (codes[narrow] & ~CODE_MASK)
    codes[ord("+")] = 0
    codes[ord("|")] = ord(HOST_SKELETON["|"])
    pool = text.expansions.copy()
    pool[pool < 128] = letters[pool[pool < 128]]
    return FoldTable(codes, pool, text.growth)


def fold_character(char: str) -> tuple[str, int]:
    """What `char` becomes in a message and how that is marked."""
    if char in PLAIN:
        return PLAIN[char], POINT if PLAIN[char] in POINTS else 0
    if ord(char) in INVISIBLE:
        return "", ZERO_WIDTH if char != KEYCAP else DISGUISE
    if char in _stand_ins():
        return _stand_ins()[char], DISGUISE
    composed = unicodedata.normalize("NFKC", char)
    if composed in POINTS:
        return composed, POINT
    text, disguised = _letters(char)
    if text:
        return text, DISGUISE if disguised or _is_enclosed(char, text) else 0
    return "", 0 if composed.isspace() or unicodedata.category(char) == "Cc" else SYMBOL


def _letters(char: str) -> tuple[str, bool]:
    """Letters and digits of `char` in their plainest form; whether one of them was a look-alike."""
    number = _number(char)
    if number is not None:
        return number, not char.isascii()
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    plain = unicodedata.normalize("NFKC", "".join(c for c in bare if unicodedata.category(c)[0] in "LN"))
    simple = "".join(_simplified().get(c, c) for c in plain)
    latin = "".join(_stand_ins().get(c, c) for c in simple)
    return latin, latin != simple


def _number(char: str) -> str | None:
    """Digits of other scripts, and circled ones for which Unicode has no compatible form."""
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.digit(char))
    if kind == "No" and not unicodedata.decomposition(char) and "CIRCLED" in unicodedata.name(char, ""):
        return str(int(unicodedata.numeric(char)))
    return None


def _is_enclosed(char: str, text: str) -> bool:
    """Circled, squared, full-width, mathematical or superscript letters, digits in brackets, and Kangxi radicals."""
    code = ord(char)
    if 0x2474 <= code <= 0x24B5 or 0x1F100 <= code <= 0x1F10A or 0x1F110 <= code <= 0x1F129 or 0x2E80 <= code <= 0x2FDF:
        return True
    tag = unicodedata.decomposition(char).partition(" ")[0]
    if tag in ("<circle>", "<font>", "<wide>"):
        return text.isascii() or tag == "<circle>"
    return text.isascii() and text.isalpha() and len(text) == 1 and tag in ("<square>", "<super>", "<sub>")


@cache
def _stand_ins() -> dict[str, str]:
    """Look-alike → what it stands for."""
    found = {chr(int(code, 16)): letter for letter, codes in LATIN.items() for code in codes.split()}
    found |= {char: simple for simple, chars in CHINESE.items() for char in chars}
    for first in (0x1F150, 0x1F170):  # white on black, round and square
        found |= {chr(first + i): chr(ord("a") + i) for i in range(26)}
    return found


@cache
def _simplified() -> dict[str, str]:
    """Traditional → simplified, single characters."""
    chars = [chr(code) for span in HAN for code in span]
    converted = opencc.OpenCC("t2s").convert("\n".join(chars)).split("\n")
    pairs = {char: simple for char, simple in zip(chars, converted, strict=True) if char != simple and len(simple) == 1}
    return {char: PLAIN.get(simple, simple) for char, simple in pairs.items()}


def _worth_a_look() -> Iterator[str]:
    """Characters that may become something else than themselves, or than the nothing of unassigned ones."""
    yield from (*_stand_ins(), *PLAIN, *_simplified(), *map(chr, INVISIBLE))
    for span in NEITHER_HAN_NOR_HANGUL:
        chars = [chr(code) for code in span]
        for char, kind in zip(chars, map(unicodedata.category, chars), strict=True):
            if kind not in ("Cn", "Co"):
                yield char


def _growth(codes: np.ndarray, pool: np.ndarray) -> int:
    expands = codes & EXPANDS != 0
    out = np.ones(TABLE_SIZE, np.int64)
    out[expands] = (pool > 0).sum(axis=1)[codes[expands] & CODE_MASK]
    at = np.arange(TABLE_SIZE)
    before = 1 + (at >= 0x80) + (at >= 0x800) + (at >= 0x10000)
    return int(np.max(-(-out // before)))
