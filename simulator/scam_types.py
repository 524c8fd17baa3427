"""The twelve types of scam, in the order in which a campaign's type is counted everywhere.

Enters: nothing. Leaves: ids, Chinese names, shares, median losses. Invariant: position = the type's number in every
array.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScamType:
    """`weight_percent`: share of campaigns [P: police case records]. `loss_yuan`: median loss of a victim [A]."""

    id: str
    chinese: str
    weight_percent: float
    loss_yuan: int


TYPES: tuple[ScamType, ...] = (
    ScamType("rebate_tasks", "刷单返利", 34.0, 12_000),
    ScamType("fake_customer_service", "冒充电商客服", 13.0, 15_000),
    ScamType("fake_investment", "虚假投资理财", 11.5, 60_000),
    ScamType("fake_loan", "虚假贷款", 11.0, 12_000),
    ScamType("fake_credit_record", "虚假征信", 8.0, 25_000),
    ScamType("fake_shopping", "虚假购物服务", 7.0, 2_000),
    ScamType("fake_police", "冒充公检法", 4.4, 60_000),
    ScamType("fake_boss", "冒充领导熟人", 4.3, 40_000),
    ScamType("game_trading", "网络游戏交易", 2.0, 1_500),
    ScamType("romance_blackmail", "婚恋交友裸聊敲诈", 1.6, 8_000),
    ScamType("phishing_sms", "钓鱼短信", 1.2, 8_000),
    # Serves all the others: its weight is not drawn, networks are counted by the people they serve.
    ScamType("mule_network", "跑分洗钱", 0.0, 0),
)

SCAM_TYPES: tuple[str, ...] = tuple(type_.id for type_ in TYPES)
CHINESE_NAMES: dict[str, str] = {type_.id: type_.chinese for type_ in TYPES}
MULE_NETWORK = SCAM_TYPES.index("mule_network")
