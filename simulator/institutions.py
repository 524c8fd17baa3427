"""Organisations that call, write to, or are paid by everybody.

Enters: a seed. Leaves: their service numbers, SMS ports, hosts and accounts. Invariant: all of them are registered, and
an organisation's numbers, ports and accounts are the same in the whole run.

Names, service numbers and hosts are the public ones; what they send here is made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from interceptor.schema import LineKind
from simulator import numbers

PORTS_EACH = 3  # SMS ports of one organisation [A]
TENURE_DAYS = 4_000
HOST_AGE_H = 150_000  # some 17 years


@dataclass(frozen=True, slots=True)
class Institution:
    sector: str
    sign: str  # as in 【…】
    digits: int  # service number, 0 = none
    host: str
    weight: float  # how often people deal with it, within its sector [A]


_TABLE = (
    ("bank", "工商银行", 95588, "icbc.com.cn", 10), ("bank", "建设银行", 95533, "ccb.com", 10),
    ("bank", "农业银行", 95599, "abchina.com", 10), ("bank", "中国银行", 95566, "boc.cn", 7),
    ("bank", "邮储银行", 95580, "psbc.com", 8), ("bank", "交通银行", 95559, "bankcomm.com", 4),
    ("bank", "招商银行", 95555, "cmbchina.com", 4), ("bank", "中信银行", 95558, "citicbank.com", 2),
    ("bank", "光大银行", 95595, "cebbank.com", 2), ("bank", "民生银行", 95568, "cmbc.com.cn", 2),
    ("bank", "浦发银行", 95528, "spdb.com.cn", 2), ("bank", "兴业银行", 95561, "cib.com.cn", 2),
    ("bank", "平安银行", 95511, "bank.pingan.com", 2), ("bank", "徽商银行", 96588, "hsbank.com.cn", 5),
    ("bank", "安徽农金", 96669, "ahrcu.com", 8),
    ("carrier", "中国移动", 10086, "10086.cn", 10), ("carrier", "中国电信", 10000, "189.cn", 8),
    ("carrier", "中国联通", 10010, "10010.com", 4), ("carrier", "中国广电", 10099, "10099.com.cn", 0.3),
    ("parcel", "顺丰速运", 95338, "sf-express.com", 4), ("parcel", "中通快递", 95311, "zto.com", 7),
    ("parcel", "圆通速递", 95554, "yto.net.cn", 6), ("parcel", "韵达快递", 95546, "yundaex.com", 6),
    ("parcel", "申通快递", 95543, "sto.cn", 4), ("parcel", "中国邮政", 11183, "ems.com.cn", 3),
    ("parcel", "京东物流", 950616, "jdl.com", 4), ("parcel", "菜鸟驿站", 0, "cainiao.com", 9),
    ("parcel", "丰巢", 0, "fcbox.com", 4), ("parcel", "极兔速递", 956025, "jtexpress.cn", 3),
    ("app", "淘宝网", 0, "taobao.com", 9), ("app", "京东", 950618, "jd.com", 8),
    ("app", "拼多多", 0, "pinduoduo.com", 9), ("app", "美团", 0, "meituan.com", 8),
    ("app", "饿了么", 0, "ele.me", 5), ("app", "唯品会", 0, "vip.com", 3), ("app", "抖音", 0, "douyin.com", 8),
    ("app", "快手", 0, "kuaishou.com", 5), ("app", "腾讯科技", 95017, "qq.com", 9),
    ("app", "微博", 0, "weibo.com", 4), ("app", "百度", 0, "baidu.com", 8), ("app", "支付宝", 95188, "alipay.com", 8),
    ("app", "滴滴出行", 0, "didiglobal.com", 3), ("app", "携程", 95010, "ctrip.com", 2),
    ("app", "铁路客服", 12306, "12306.cn", 4), ("app", "网易", 0, "163.com", 3),
    ("app", "哔哩哔哩", 0, "bilibili.com", 4), ("app", "小米", 0, "mi.com", 3), ("app", "华为", 950800, "vmall.com", 3),
    ("app", "知乎", 0, "zhihu.com", 3), ("app", "58同城", 0, "58.com", 3), ("app", "BOSS直聘", 0, "zhipin.com", 2),
    ("app", "今日头条", 0, "toutiao.com", 6), ("app", "爱奇艺", 0, "iqiyi.com", 4),
    ("app", "苏宁易购", 95177, "suning.com", 2),
    ("insurer", "中国人保", 95518, "picc.com", 4), ("insurer", "中国人寿", 95519, "e-chinalife.com", 4),
    ("insurer", "平安保险", 95511, "pingan.com", 4), ("insurer", "太平洋保险", 95500, "cpic.com.cn", 2),
    ("government", "淮南市人民政府", 12345, "huainan.gov.cn", 6), ("government", "安徽人社", 12333, "ahzwfw.gov.cn", 5),
    ("government", "淮南疾控", 12320, "wjw.huainan.gov.cn", 6),
    ("government", "国家税务总局", 12366, "chinatax.gov.cn", 3),
    ("government", "学信网", 0, "chsi.com.cn", 1),
    ("government", "淮南市公安局反诈中心", 96110, "gaj.huainan.gov.cn", 4),
    ("utility", "国网安徽电力", 95598, "95598.cn", 8), ("utility", "淮南首创水务", 0, "hnscsw.com", 5),
    ("utility", "淮南中燃", 95007, "chinagasholdings.com", 4),
    ("securities", "国元证券", 95578, "gyzq.com.cn", 5), ("securities", "华安证券", 95318, "hazq.com", 5),
    ("securities", "国泰君安", 95521, "gtja.com", 3), ("securities", "海通证券", 95553, "htsec.com", 3),
    ("lender", "招联金融", 95786, "mucfc.com", 4), ("lender", "马上消费金融", 956026, "msxf.com", 3),
    ("lender", "微众银行", 95384, "webank.com", 5), ("lender", "网商银行", 95188, "mybank.cn", 5),
)  # fmt: skip
INSTITUTIONS = tuple(Institution(*row) for row in _TABLE)
_LOCAL_SHORT = frozenset({96110})  # dialled behind the area code


@cache
def of_sector(*sectors: str) -> np.ndarray:
    """Indices into INSTITUTIONS."""
    return np.array([i for i, one in enumerate(INSTITUTIONS) if one.sector in sectors])


@cache
def official_hosts() -> tuple[str, ...]:
    return tuple(one.host for one in INSTITUTIONS)


@dataclass(slots=True)
class Directory:
    """Arrays over INSTITUTIONS."""

    number: np.ndarray  # u64, service number, or its first SMS port where it has none
    ports: np.ndarray  # u64[institutions, PORTS_EACH], from which it writes; the first is the service number if any
    account: np.ndarray  # u64
    weight: np.ndarray  # f64

    def draw(self, rng: np.random.Generator, count: int, *sectors: str) -> np.ndarray:
        """Institutions of these sectors, by weight."""
        which = of_sector(*sectors)
        return rng.choice(which, count, p=self.weight[which] / self.weight[which].sum())


def directory(seed: int) -> Directory:
    slots = np.arange(len(INSTITUTIONS) * PORTS_EACH, dtype=np.uint64)
    ports = numbers.sms_ports(slots, seed).reshape(-1, PORTS_EACH)
    for i, one in enumerate(INSTITUTIONS):
        if one.digits:
            ports[i, 0] = service_line(one.digits)
    return Directory(
        number=ports[:, 0].copy(),
        ports=ports,
        account=numbers.accounts("institution", np.arange(len(INSTITUTIONS))),
        weight=np.array([one.weight for one in INSTITUTIONS]),
    )


def service_line(digits: int) -> int:
    """E.164 digits of a service number, behind the area code where it is a local one."""
    return numbers.local_service_number(digits) if digits in _LOCAL_SHORT else numbers.service_number(digits)


@cache
def official_numbers() -> tuple[int, ...]:
    """All service numbers, as on events: for lists of numbers that nobody else may show."""
    return tuple(sorted({service_line(one.digits) for one in INSTITUTIONS if one.digits}))


def line_kind_of_sender(number: np.ndarray) -> np.ndarray:
    """SMS_PORT for 106…, SERVICE for the others."""
    head = number // np.uint64(10) ** np.uint64(9)
    return np.where(head == np.uint64(86_106), LineKind.SMS_PORT, LineKind.SERVICE).astype(np.uint8)
