"""Sites that ordinary people visit.

Enters: pools, a seed, a day. Leaves: hosts with their age and standing. Invariant: a host keeps its name, number and
birth in the whole run; it is never visited before its birth.

Fresh hosts are born every day, some weeks of them before day 0, so that sites of every age are there at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from simulator.chance import generator, uniform
from simulator.events import Pools
from simulator.institutions import HOST_AGE_H, INSTITUTIONS
from simulator.numbers import accounts, host_number

TAIL_HOSTS = 4_000  # lesser sites [A]
TAIL_REGISTERED = 0.93  # with a record at the ministry (ICP) [A]
TAIL_AGE_MEDIAN_H, TAIL_AGE_SIGMA = 30_000.0, 1.3  # [A]
POPULARITY_POWER = 0.9  # visits fall with rank like rank ** -0.9 [A]
OFFICIAL_POPULARITY = 0.8  # an official host's weight relative to the first of the tail, times its own weight / 10 [A]
FRESH_PER_DAY = 12  # new sites that are visited from the city [A]
FRESH_DAYS = 45  # how long they count as small new sites
FRESH_REGISTERED = 0.35  # [A] a record takes some weeks
ASKS_CARD_TAIL, ASKS_CODE_TAIL = 0.01, 0.15  # shops and forums among the tail [A]
ASKS_CODE_FRESH = 0.1
ASKS_CARD_FRESH = 0.01
# Dealers and fans carry a brand in their name, which is no crime [A].
BRANDED_HOSTS, BRANDED_AGE_MEDIAN_H = 24, 12_000.0
# Addresses [A]: most new sites, and many others, stand behind one of a few services that serve everybody.
SHARED_ADDRESSES = 40
BEHIND_SHARED_TAIL, BEHIND_SHARED_FRESH = 0.5, 0.7
SHORT_LINKS = ("t.cn", "dwz.cn", "url.cn", "m.tb.cn", "u.jd.com", "suo.im", "3.cn")

_WORDS = (
    "huai", "nan", "shou", "zhou", "tian", "feng", "tai", "shun", "geng", "ba", "gong", "shan", "pan", "ji", "jiu",
    "long", "xin", "hua", "da", "tong", "mei", "jia", "le", "you", "pin", "hao", "wan", "qing", "chun", "yi", "jia",
    "ren", "min", "kang", "sheng", "huo", "che", "fang", "zhi", "bo", "dian", "ying", "shu", "wu", "jiao", "yu", "lv",
    "xing", "mian", "fei", "ge", "qu", "nong", "ye", "jian", "zhu", "cai", "jing", "tou", "tiao", "bao", "dou", "fu",
    "du", "bei", "tuo", "cha", "tang", "guo", "yuan", "shop", "home", "news", "book", "food", "auto", "best", "good",
    "life", "soft", "game", "city", "home", "cloud", "data", "live", "photo", "music", "study", "travel", "house",
    "baby", "sport", "tech",
)  # fmt: skip
_TLDS = ("com",) * 9 + ("cn",) * 6 + ("com.cn",) * 2 + ("net", "org", "cc", "top", "vip", "xyz", "club", "ltd")
_PLACES = ("huainan", "fengtai", "shouxian", "tianjiaan", "datong", "panji", "anhui", "hn")


@dataclass(slots=True)
class Hosts:
    """Arrays over hosts."""

    pool: np.ndarray  # i32, index into Pools.host
    number: np.ndarray  # u64
    address: np.ndarray  # u64
    born_h: np.ndarray  # i64, hours since day 0, negative before it
    registered: np.ndarray  # bool
    asks_card: np.ndarray  # bool
    asks_code: np.ndarray  # bool
    weight: np.ndarray  # f64

    def age_h(self, which: np.ndarray, hour: int) -> np.ndarray:
        return np.maximum(hour - self.born_h[which], 0)

    def joined(self, other: Hosts) -> Hosts:
        return Hosts(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(Hosts)))


def usual_hosts(pools: Pools, seed: int) -> Hosts:
    """Official hosts first, then the tail, dealers among it."""
    rng = generator(seed, "hosts")
    official = [one.host for one in INSTITUTIONS] + list(SHORT_LINKS)
    names = official + _names(rng, TAIL_HOSTS - BRANDED_HOSTS) + _branded(rng)
    tail = np.arange(len(names)) >= len(official)
    branded = np.arange(len(names)) >= len(names) - BRANDED_HOSTS
    middle = np.where(branded, BRANDED_AGE_MEDIAN_H, TAIL_AGE_MEDIAN_H)
    age = np.where(tail, middle * rng.lognormal(0, TAIL_AGE_SIGMA, len(names)), HOST_AGE_H)
    weight = np.zeros(len(names))
    weight[tail] = rng.permutation(np.arange(1.0, tail.sum() + 1)) ** -POPULARITY_POWER
    weight[: len(INSTITUTIONS)] = OFFICIAL_POPULARITY * np.array([one.weight for one in INSTITUTIONS]) / 10
    asks_card = np.where(tail, rng.random(len(names)) < ASKS_CARD_TAIL, _sells(len(names)))
    registered = ~tail | (rng.random(len(names)) < TAIL_REGISTERED)
    asks_code = ~tail | (rng.random(len(names)) < ASKS_CODE_TAIL)
    shared = np.where(tail, BEHIND_SHARED_TAIL, 0.0)
    return _hosts(pools, names, shared, -age.astype(np.int64), registered, asks_card & registered, asks_code, weight)


def fresh_hosts(pools: Pools, seed: int, day: int) -> Hosts:
    """Small new sites that can be visited on `day`: born on it or in the weeks before."""
    births = [_born_on(seed, born) for born in range(day - FRESH_DAYS + 1, day + 1)]
    names = [name for of_day, _, _ in births for name in of_day]
    born = np.concatenate([hours for _, hours, _ in births])
    luck = np.concatenate([luck for _, _, luck in births])
    registered, asks_code = luck < FRESH_REGISTERED, luck % 0.1 < ASKS_CODE_FRESH * 0.1
    asks_card = luck % 0.01 < ASKS_CARD_FRESH * 0.01
    weight = 1.0 / (1.0 + (day * 24 - born) / 240)  # most visits come early [A]
    shared = np.full(len(names), BEHIND_SHARED_FRESH)
    return _hosts(pools, names, shared, born, registered, asks_card, asks_code, np.maximum(weight, 0.1))


def _born_on(seed: int, day: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    rng = generator(seed, "fresh hosts", day + 100_000)  # day may be negative
    return _names(rng, FRESH_PER_DAY), day * 24 + rng.integers(0, 24, FRESH_PER_DAY), rng.random(FRESH_PER_DAY)


def _hosts(
    pools: Pools, names: list[str], shared: np.ndarray, born_h: np.ndarray, registered: np.ndarray,
    asks_card: np.ndarray, asks_code: np.ndarray, weight: np.ndarray,
) -> Hosts:  # fmt: skip
    number = np.array([host_number(name) for name in names], np.uint64)
    address = addresses(number, shared)
    return Hosts(pools.host.add_all(names), number, address, born_h, registered, asks_card, asks_code, weight)


def addresses(number: np.ndarray, shared: np.ndarray | float) -> np.ndarray:
    """u64[n]: where hosts answer: at one of the shared addresses with chance `shared`, else at one of their own."""
    luck = uniform(0, "address", number)  # a host answers at the same place in every run
    service = (luck / np.maximum(shared, 1e-9) * SHARED_ADDRESSES).astype(np.int64)
    return np.where(luck < shared, accounts("shared address", service), accounts("address", number))


def _sells(count: int) -> np.ndarray:
    """Which official hosts take card numbers: banks, shops and lenders."""
    sells = np.zeros(count, bool)
    for i, one in enumerate(INSTITUTIONS):
        sells[i] = one.sector in ("bank", "app", "lender", "securities", "insurer")
    return sells


def _names(rng: np.random.Generator, count: int) -> list[str]:
    """Made-up host names of two or three syllables, some with a number."""
    words = rng.integers(0, len(_WORDS), (count, 3))
    tlds, shape = rng.integers(0, len(_TLDS), count), rng.random(count)
    digits = rng.integers(1, 1000, count)
    names = []
    for (a, b, c), tld, form, number in zip(words, tlds, shape, digits, strict=True):
        stem = _WORDS[a] + _WORDS[b] + (_WORDS[c] if form < 0.6 else "") + (str(number) if form > 0.8 else "")
        names.append(f"{'m.' if 0.5 < form < 0.6 else ''}{stem}.{_TLDS[tld]}")
    return names


def _branded(rng: np.random.Generator) -> list[str]:
    hosts = rng.choice([one.host for one in INSTITUTIONS if one.sector in ("app", "parcel", "insurer")], BRANDED_HOSTS)
    places = rng.choice(_PLACES, BRANDED_HOSTS)
    return [f"{host.split('.')[0]}-{place}.com" for host, place in zip(hosts, places, strict=True)]
