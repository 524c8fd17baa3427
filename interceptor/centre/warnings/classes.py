"""Which of nine classes of scam somebody is being drawn into.

Enters: names of rules that hit, and the words of a message. Leaves: a Scam. Invariant: where nothing tells the class it
is UNCLEAR; a class is never guessed from the gate alone, since a warning of the wrong scam is believed by nobody.

Nine classes as the ministry's warning messages have them (SOURCES.md A1 [P]); the classes themselves are those of
police case records (B3 [P]), the small ones joined [A].
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import IntEnum

from interceptor.folding import fold, strings_of


class Scam(IntEnum):
    """In order of what is told where several fit: page and link last, since every scam may come with one."""

    UNCLEAR = 0
    REBATE = 1
    CUSTOMER_SERVICE = 2
    INVESTMENT = 3
    LOAN = 4
    SHOPPING = 5
    POLICE = 6
    ACQUAINTANCE = 7
    ROMANCE = 8
    PHISHING = 9

    @property
    def word(self) -> str:
        """As people type it: fake-police is `police`."""
        return self.name.lower().replace("_", "-")


SCAMS = {scam.word: scam for scam in Scam}

_RULES: dict[Scam, tuple[str, ...]] = {
    Scam.REBATE: ("rebates-then-payments",),
    Scam.CUSTOMER_SERVICE: (
        "refund-lure", "flight-cancelled", "false-charge", "tool-under-scored-call", "tool-then-payment",
        "shared-screen-payment",
    ),
    Scam.LOAN: ("credit-record-lure", "borrowed-and-paid-on"),
    Scam.POLICE: ("justice-threat", "forged-official-number", "forged-warning-line", "forwarding-set-after-stranger"),
    Scam.ACQUAINTANCE: ("boss-order", "corporate-first-payment"),
    Scam.PHISHING: (
        "fake-base-station", "brand-phish", "prize-phish", "bank-trouble-by-phone", "pressing-link", "bank-gift",
        "brand-clone", "card-and-code-form", "young-card-form", "recent-card-form", "unrecorded-card-and-code-form",
        "link-of-phishing", "keepsake-link", "look-link", "code-farm",
    ),
}  # fmt: skip
_OF_RULE = {name: scam for scam, names in _RULES.items() for name in names}
# Rules on messages that stand for several classes: the words decide.
_BY_WORDS = frozenset(
    (
        "disguised-lure", "disguised-contact", "tips-with-contact", "lure-with-contact", "lure-with-link",
        "many-senders-one-text", "snowshoe", "link-of-many-senders", "stranger-young-link", "stranger-short-link",
    )
)  # fmt: skip
_TELLING = _BY_WORDS.union(_OF_RULE)
# In the order in which they are looked for: what only one class says first.
_WORDS: tuple[tuple[Scam, tuple[str, ...]], ...] = (
    (Scam.POLICE, ("法院", "传票", "涉案", "逮捕", "检察", "洗钱案")),
    (Scam.REBATE, ("刷单", "返利", "返佣", "佣金", "点赞", "垫付", "日结", "做任务", "兼职")),
    (Scam.INVESTMENT, ("涨停", "牛股", "荐股", "股票", "内幕", "带单", "收益", "理财", "投资", "虚拟币")),
    (Scam.LOAN, ("贷款", "放款", "下款", "额度", "征信", "借款", "低息", "免息")),
    (Scam.CUSTOMER_SERVICE, ("退款", "理赔", "退费", "航班", "快件丢失", "会员费", "百万保障", "客服")),
    (Scam.ROMANCE, ("裸聊", "同城", "寂寞", "交友", "相亲", "约会", "美女")),
    (Scam.SHOPPING, ("游戏", "装备", "代购", "罚没", "低价", "免税")),
    (Scam.ACQUAINTANCE, ("我是你领导", "我换号", "换了号", "新号码", "老板")),
    (Scam.PHISHING, ("积分", "失效", "过期", "冻结", "异常", "认证", "密码器", "etc", "兑换", "中奖")),
)  # fmt: skip


def of_texts(texts: Sequence[str]) -> list[Scam]:
    """The class that each message's own words tell, however they are dressed up."""
    folded = fold(strings_of(texts))
    plain = [folded[row] for row in range(len(folded))]
    return [
        next((scam for scam, words in _WORDS if any(word in text for word in words)), Scam.UNCLEAR) for text in plain
    ]


def of_rules(names: Collection[str], words: Scam = Scam.UNCLEAR) -> Scam:
    """The class of one event that these rules hit; `words`: what the words of a message tell."""
    found = {_OF_RULE[name] for name in names if name in _OF_RULE}
    if words and (not found or not _BY_WORDS.isdisjoint(names)):
        return words
    return min(found, default=Scam.UNCLEAR)


def tell(names: Collection[str]) -> bool:
    """Whether one of these rules says something of the class."""
    return not _TELLING.isdisjoint(names)
