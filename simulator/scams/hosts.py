"""Names of scam sites.

Enters: a kind of site and a generator. Leaves: host names. Invariant: a look-alike is never the true host itself.

Shares of top-level domains after JPCERT's list of phishing sites (SOURCES.md B6, D).
"""

from __future__ import annotations

import numpy as np

from simulator.chance import one_of
from simulator.institutions import INSTITUTIONS

TLDS = {"com": 0.37, "cn": 0.21, "org": 0.14, "cfd": 0.05, "top": 0.05, "xyz": 0.05, "ru": 0.03, "icu": 0.02,
        "vip": 0.03, "club": 0.02, "net": 0.03}  # fmt: skip
# Stems of true hosts that phishers imitate: the brand's own, or what offices, tolls and parcels are called.
_STEM_OF_BRAND = {one.sign: one.host.split(".")[0] for one in INSTITUTIONS}
_OFFICE_STEMS = ("etc-jt", "etcrz", "gov-zw", "12333", "122-jg", "sf-express", "ybj-gov", "etax-gs")
# What looks like what in a browser's bar; each is replaced by some chance.
_HOMOGLYPHS = {"i": "l", "l": "1", "o": "0", "0": "o", "1": "l", "m": "rn", "c": "e", "s": "5"}
_TAILS = ("jf", "wap", "m", "app", "vip", "kf", "sj", "dh", "rz", "online", "service", "cn", "mobile", "bank")
_WORDS = {
    "app": ("task", "dd", "yx", "mall", "hy", "lucky", "tx", "jd", "vip", "shop", "xin", "fuli"),
    "exchange": ("mt5", "fx", "coin", "global", "trade", "capital", "otc", "gold", "btc", "futures"),
    "shop": ("sale", "outlet", "factory", "mai", "tehui", "brand", "gou", "store"),
    "warrant": ("spp-gov", "12309-jc", "gongan-cx", "mps-jz", "fy-cx"),
    "meeting": ("meet", "zoomkf", "huiyi", "yunkf", "desk", "remote", "share"),
    "game": ("jiaoyi", "5173jy", "skin", "wzry", "game", "zhanghao"),
    "loan": ("jie", "daikuan", "fenqi", "xindai", "huabei", "cash", "beiyongjin"),
    "romance": ("live", "yue", "tongcheng", "lian", "night", "show"),
}
_PLACES = ("hefei", "wuhu", "bengbu", "suzhou", "jinan", "zhuzhou", "fuyang", "xuzhou", "nanchang", "yichang")
_TRADES = ("jiancai", "jixie", "zhuangshi", "huagong", "wuliu", "peixun", "nongye", "dianqi", "fuzhuang", "yiliao")
MEETING_MAKERS = ("meeting.tencent.com", "zoom.us", "download.anydesk.com", "www.todesk.com")  # the true ones
KIND_OF_TYPE = {
    "rebate_tasks": "app", "fake_customer_service": "meeting", "fake_investment": "exchange", "fake_loan": "loan",
    "fake_credit_record": "meeting", "fake_shopping": "shop", "fake_police": "warrant", "fake_boss": "app",
    "game_trading": "game", "romance_blackmail": "romance", "phishing_sms": "brand", "mule_network": "app",
}  # fmt: skip


def host_name(scam_type: str, brand: str, rng: np.random.Generator) -> str:
    """A fresh host for a campaign of this type; `brand` counts for phishing only."""
    kind = KIND_OF_TYPE[scam_type]
    tld = rng.choice(list(TLDS), p=np.array(list(TLDS.values())) / sum(TLDS.values()))
    if kind == "brand":
        return f"{_look_alike(brand, rng)}.{tld}"
    word = one_of(rng, _WORDS[kind])
    number = int(rng.integers(10, 9999))
    letters = "".join(chr(97 + int(n)) for n in rng.integers(0, 26, 3))
    shape = int(rng.integers(4))
    stem = (f"{word}{number}", f"{word}-{letters}", f"{letters}{number}", f"{word}{letters}{number % 100}")[shape]
    front = ("", "www.", "h5.", "app.", "m.")[int(rng.integers(5))]
    return f"{front}{stem}.{tld}"


def hijacked_name(rng: np.random.Generator) -> str:
    """A small company's host, of which nobody would think ill."""
    place, trade = one_of(rng, _PLACES), one_of(rng, _TRADES)
    return f"www.{place}{trade}{int(rng.integers(1, 99))}.{'com.cn' if rng.random() < 0.4 else 'com'}"


def _look_alike(brand: str, rng: np.random.Generator) -> str:
    """A brand's stem with one or two changed characters, or whole with a tail that isn't the brand's."""
    stem = _STEM_OF_BRAND[brand] if brand else one_of(rng, _OFFICE_STEMS)
    if rng.random() < 0.6:
        stem = homoglyph(stem, rng)
        if rng.random() < 0.5:
            return stem
    tail = one_of(rng, _TAILS)
    shape = int(rng.integers(3))
    return (f"{stem}-{tail}", f"{tail}.{stem}{int(rng.integers(10, 99))}", f"{stem}{tail}")[shape]


def homoglyph(stem: str, rng: np.random.Generator) -> str:
    """One or two characters replaced by others that look like them."""
    places = [i for i, letter in enumerate(stem) if letter in _HOMOGLYPHS]
    if not places:
        return stem + one_of(rng, "nsx")
    chosen = rng.choice(places, min(len(places), int(rng.integers(1, 3))), replace=False).tolist()
    return "".join(_HOMOGLYPHS[letter] if i in chosen else letter for i, letter in enumerate(stem))
