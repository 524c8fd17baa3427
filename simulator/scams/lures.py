"""Scam texts ready to send.

Enters: a scam type, a link, a generator. Leaves: near-equal variants of a few templates. Invariant: what is varied is
what snowshoe senders vary (contacts, look-alike characters, invisible characters, spaces), so that the Chinese words
of all variants are the same to a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from simulator.chance import one_of, several
from simulator.scams.templates import BANKS, CARRIERS, PLAIN_TYPES, SURNAMES, TEMPLATES

VARIANTS = 16  # of a campaign's texts at a time [A]
TEMPLATES_OF_CAMPAIGN = 2
# Words that filters look for, and how people write them so that they aren't found.
_DISGUISES: dict[str, tuple[str, ...]] = {
    "微信": ("薇信", "徽信", "微❤信", "Ⅴ信", "vx", "VX", "薇", "V", "ｗx", "葳信", "微.信"),
    "添加": ("➕", "添➕", "十", "添茄"),
    "加": ("➕", "＋", "茄", "伽", "+"),
    "QQ": ("扣扣", "Q Q", "ＱＱ", "企鹅", "口口", "球球"),
    "兼职": ("兼zhi", "蒹职", "兼/职", "兼 职", "jian职"),
    "刷单": ("s单", "刷 单", "唰单", "刷·単"),
    "返利": ("返·利", "返 利", "返莉", "返【利】"),
    "佣金": ("佣·金", "拥金", "佣亽金", "yong金"),
    "贷款": ("贷.款", "袋款", "貸款", "dai款", "贷 款"),
    "额度": ("额-度", "額度", "额 度"),
    "日结": ("日-结", "ri结", "日結"),
    "提现": ("提·现", "提現", "提 现"),
    "股票": ("股.票", "古票", "gu票"),
    "投资": ("投·资", "投資"),
    "红包": ("红·包", "紅包", "🧧"),
    "群": ("裙", "羣", "峮"),
    "元": ("元", "圆", "米", "💰"),
    "领取": ("领取", "領取", "领 取", "領.取"),
}
_INVISIBLE = ("\u200b", "\u200c", "\u2060", "\ufeff", "\u200d")
_DIGITS = (
    str.maketrans("0123456789", "０１２３４５６７８９"),
    str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨"),
    str.maketrans("0", "O"),
    str.maketrans("", ""),
)
_GAP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Variants:
    """`texts`, and for each whether it carries the link."""

    texts: tuple[str, ...]
    linked: tuple[bool, ...]


def variants(scam_type: str, brand: str, rng: np.random.Generator, link: str, *, linked: bool) -> Variants:
    """What a campaign sends until its link changes. `linked`: only texts with a link, if the type has any."""
    templates = [t for t in TEMPLATES[scam_type] if not linked or "{link}" in t] or list(TEMPLATES[scam_type])
    if brand:
        templates = [t for t in templates if _speaks_for(t, brand)] or templates
    count = min(TEMPLATES_OF_CAMPAIGN, len(templates))
    chosen = [templates[i] for i in rng.choice(len(templates), count, replace=False)]
    made = [chosen[i % count] for i in range(VARIANTS)]
    fillers = _campaign_fillers(brand, link, rng)
    texts = [_filled(template, fillers, rng) for template in made]
    if scam_type not in PLAIN_TYPES:
        texts = [disguised(text, link, rng) for text in texts]
    return Variants(tuple(texts), tuple("{link}" in template for template in made))


def _speaks_for(template: str, brand: str) -> bool:
    if brand in BANKS:
        return "{bank}" in template
    if brand in CARRIERS:
        return "{carrier}" in template
    return "{bank}" not in template and "{carrier}" not in template


def disguised(text: str, link: str, rng: np.random.Generator) -> str:
    """Some of the words that filters look for, written otherwise; now and then invisible characters between."""
    head, _, tail = text.partition(link) if link else (text, "", "")
    hide = rng.random() < 0.35
    head, tail = (_disguised_part(part, hide, rng) for part in (head, tail))
    return f"{head}{link if link and link in text else ''}{tail}"


def _disguised_part(text: str, hide: bool, rng: np.random.Generator) -> str:
    for word, forms in _DISGUISES.items():
        if word in text and rng.random() < 0.55:
            text = text.replace(word, one_of(rng, forms))
    if rng.random() < 0.25:
        text = text.translate(_DIGITS[int(rng.integers(len(_DIGITS)))])
    if hide and len(text) > 4:
        for place in sorted(rng.integers(1, len(text), 4).tolist(), reverse=True):
            text = text[:place] + one_of(rng, _INVISIBLE) + text[place:]
    return text


def _campaign_fillers(brand: str, link: str, rng: np.random.Generator) -> dict[str, list[str]]:
    """What stays the same within a campaign: one to three contacts, a brand, sums."""
    contacts = [_contact(rng) for _ in range(int(rng.integers(1, 4)))]
    return {
        "wx": contacts,
        "qq": [str(rng.integers(10**7, 4 * 10**9)) for _ in contacts],
        "tel": [f"1{rng.integers(3, 9)}{rng.integers(10**8, 10**9)}" for _ in contacts],
        "link": [link],
        "bank": [brand if brand in BANKS else one_of(rng, BANKS)],
        "carrier": [brand if brand in CARRIERS else one_of(rng, CARRIERS)],
        "sum": [str(50 * int(rng.integers(2, 20)))],
        "big": [str(int(rng.integers(2, 30)) * 10_000)],
        "pct": [str(int(rng.integers(3, 40)))],
        "n": [str(int(rng.integers(3, 40)))],
    }


def _filled(template: str, fillers: dict[str, list[str]], rng: np.random.Generator) -> str:
    def fill(gap: re.Match[str]) -> str:
        name = gap.group(1)
        if name in fillers:
            return one_of(rng, fillers[name])
        if name == "name":
            return one_of(rng, SURNAMES)
        if name == "plate":
            return f"皖D{several(rng, '0123456789ABCDEFGHJK', 5)}"
        return str(rng.integers(600, 99_999))  # code

    return _GAP.sub(fill, template)


def _contact(rng: np.random.Generator) -> str:
    letters = several(rng, "abcdefghjkmnpqrstuvwxyz", int(rng.integers(2, 5)))
    return f"{letters}{rng.integers(100, 99_999_999)}"
