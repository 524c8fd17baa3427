"""Ordinary messages, ready to be sent.

Enters: a generator and pools. Leaves: for each kind of message some hundreds or thousands of rendered texts, as indices
into the pools. Invariant: the host of a text is that of the link in it, 0 where it has none; the sign in 【…】 is that
of the institution that sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp
from string import Formatter

import numpy as np

from simulator import text_templates as templates
from simulator import text_words as words
from simulator.events import Pools
from simulator.hosts import SHORT_LINKS
from simulator.institutions import INSTITUTIONS, of_sector

# Rendered texts of each kind [A]: enough that what is rarely said twice in life is rarely said twice here.
SIZES = {
    "chat": 9_000, "chat_link": 600, "stranger": 1_200, "code": 3_000, "bank": 3_000, "carrier": 900, "parcel": 3_000,
    "advert": 1_500, "government": 400, "greeting": 300, "english": 300,
}  # fmt: skip
PEOPLE_PER_CHAT, CHAT_MAX = 20, 40_000  # one text more for so many residents, up to a limit of memory
SHORT_CHAT_SHARE = 0.35  # of what people write is a word or two [A]; these are the same from all
WORRIED_SHARE = 0.002  # of links sent by hand stands in a bank's notice that someone asks about [A]
BANK_LINK_SHARE = 0.3  # of bank notices carry their bank's site [A]
ADVERT_CONTACT_SHARE = 0.10  # of adverts name a contact elsewhere [A]; SOURCES.md B6 finds 13 % on real adverts
ADVERT_SHORT_LINK_SHARE = 0.4  # of links in adverts [A]


@dataclass(slots=True)
class TextPool:
    """Arrays over the texts of one kind."""

    text: np.ndarray  # i32, index into Pools.text
    host: np.ndarray  # i32, index into Pools.host, 0 = no link
    institution: np.ndarray  # i16, index into INSTITUTIONS, -1 = none


# Gives a pattern, the institution that sends it (-1 = none), and the host of its link ("" = one that fits).
Maker = Callable[["_Writer"], tuple[str, int, str]]


def ordinary_texts(rng: np.random.Generator, pools: Pools, people: int = 0) -> dict[str, TextPool]:
    """All kinds, more chat for a larger city. A `greeting` has one sender, the others anybody of their kind."""
    makers: dict[str, Maker] = {
        "chat": _chat, "chat_link": _chat_link, "stranger": lambda w: (w.one(templates.STRANGER), -1, ""),
        "code": lambda w: w.signed(templates.CODE, "app", "bank", "government"), "bank": _bank,
        "carrier": lambda w: w.signed(templates.CARRIER, "carrier"),
        "parcel": lambda w: w.signed(templates.PARCEL, "parcel"), "advert": _advert,
        "government": lambda w: w.signed(templates.GOVERNMENT, "government"),
        "greeting": lambda w: (w.one(templates.GREETING), -1, ""),
        "english": lambda w: (w.one(templates.ENGLISH), -1, ""),
    }  # fmt: skip
    writer = _Writer(rng)
    sizes = SIZES | {"chat": min(SIZES["chat"] + people // PEOPLE_PER_CHAT, CHAT_MAX)}
    return {kind: _rendered(writer, makers[kind], size, pools) for kind, size in sizes.items()}


def _rendered(writer: _Writer, make: Maker, size: int, pools: Pools) -> TextPool:
    made = [_filled(writer, *make(writer)) for _ in range(size)]
    return TextPool(
        pools.text.add_all(text for text, _, _ in made),
        pools.host.add_all(host for _, host, _ in made),
        np.array([institution for _, _, institution in made], np.int16),
    )


def _filled(writer: _Writer, pattern: str, institution: int, host: str) -> tuple[str, str, int]:
    """(text, host, institution); `host` is the one its link leads to, if the pattern has a link."""
    if "{url}" not in pattern:
        host = ""
    elif not host:
        host = INSTITUTIONS[institution].host if institution >= 0 else writer.link_host()
    return writer.fill(pattern, institution, host), host, institution


def _chat(w: _Writer) -> tuple[str, int, str]:
    return w.one(templates.CHAT_SHORT if w.luck() < SHORT_CHAT_SHARE else templates.CHAT), -1, ""


def _chat_link(w: _Writer) -> tuple[str, int, str]:
    if w.luck() < WORRIED_SHARE:
        return w.one(templates.CHAT_WORRIED), w.institution("bank"), ""
    return w.one(templates.CHAT_LINK), -1, ""


def _bank(w: _Writer) -> tuple[str, int, str]:
    return w.signed(templates.BANK_LINK if w.luck() < BANK_LINK_SHARE else templates.BANK, "bank")


def _advert(w: _Writer) -> tuple[str, int, str]:
    pattern = w.one(templates.ADVERT_CONTACT if w.luck() < ADVERT_CONTACT_SHARE else templates.ADVERT)
    if "{sign}" in pattern:
        return pattern, w.institution("bank", "lender"), ""
    return pattern, -1, ""


class _Writer:
    """Fills slots. Draws come in one order from one generator, so that a seed gives the same texts."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._draws: Iterator[float] = iter(())
        self._rng = rng
        self._sectors: dict[tuple[str, ...], np.ndarray] = {}

    def luck(self) -> float:
        for value in self._draws:
            return value
        self._draws = iter(self._rng.random(16_384).tolist())  # one by one, numpy would take most of the time
        return next(self._draws)

    def below(self, limit: int) -> int:
        return int(self.luck() * limit)

    def one(self, choices: tuple[str, ...] | str) -> str:
        return choices[self.below(len(choices))]

    def institution(self, *sectors: str) -> int:
        if sectors not in self._sectors:
            which = of_sector(*sectors)
            self._sectors[sectors] = np.repeat(which, [max(1, round(INSTITUTIONS[i].weight)) for i in which])
        weighted = self._sectors[sectors]
        return int(weighted[self.below(len(weighted))])

    def signed(self, patterns: tuple[str, ...], *sectors: str) -> tuple[str, int, str]:
        return self.one(patterns), self.institution(*sectors), ""

    def link_host(self) -> str:
        if self.luck() < ADVERT_SHORT_LINK_SHARE:
            return self.one(SHORT_LINKS)
        return INSTITUTIONS[self.institution("app")].host

    def fill(self, pattern: str, institution: int, host: str) -> str:
        slots = {name for _, name, _, _ in Formatter().parse(pattern) if name}
        return pattern.format(**{name: self._slot(name, institution, host) for name in sorted(slots)})

    def _slot(self, name: str, institution: int, host: str) -> str:
        if name in ("sign", "bank"):
            return INSTITUTIONS[institution].sign
        if name == "digits":
            return str(INSTITUTIONS[institution].digits or 12345)
        if name == "url":
            return self._url(host)
        if name in _LISTS:
            return self.one(_LISTS[name])
        if name in _NUMBERS:
            low, high, form = _NUMBERS[name]
            return form.format(low + self.below(high - low))
        return self._composed(name)

    def _url(self, host: str) -> str:
        if host in SHORT_LINKS:
            return f"{host}/{''.join(self.one(words.PATH) for _ in range(6))}"
        head = self.one(("https://", "http://", "", ""))
        path = "/" + "".join(self.one(words.LETTERS) for _ in range(self.below(5) + 2)) if self.luck() < 0.6 else ""
        return f"{head}{host}{path}"

    def _composed(self, name: str) -> str:
        if name in ("name", "name2", "courier"):
            surname = self.one(words.SURNAMES)
            if self.luck() < 0.5:
                return surname + (self.one(words.TITLES) or "工")
            return surname + self.one(words.GIVEN) + (self.one(words.GIVEN) if self.luck() < 0.7 else "")
        if name in ("amount", "balance"):
            return f"{exp(4.6 + 4.6 * self.luck()):.{2 if name == 'balance' or self.luck() < 0.4 else 0}f}元"
        if name == "time":
            return f"{6 + self.below(17)}:{self.one(('00', '15', '30', '40', '45'))}"
        if name == "clock":
            return f"{1 + self.below(12)}月{1 + self.below(28)}日{self.below(24):02d}:{self.below(60):02d}"
        if name == "date":
            return f"{1 + self.below(12)}月{1 + self.below(28)}日"
        if name == "pick":
            return f"{1 + self.below(30)}-{1 + self.below(9)}-{1000 + self.below(9000)}"
        if name == "wx":
            return "".join(self.one(words.LETTERS) for _ in range(3)) + str(1000 + self.below(900_000))
        raise KeyError(f"no such slot: {name}")


_LISTS: dict[str, tuple[str, ...]] = {
    "place": words.PLACES, "item": words.ITEMS, "shop": words.SHOPS, "day": words.DAYS, "season": words.SEASONS,
    "app": words.APPS, "city": words.CITIES, "english": words.ENGLISH_NAMES, "sector": words.SECTORS,
}  # fmt: skip
# Slots that are numbers: from, below, how they are written.
_NUMBERS: dict[str, tuple[int, int, str]] = {
    "n": (2, 60, "{}"), "digit": (1, 4, "{}"), "code": (1_000, 1_000_000, "{:06d}"), "code4": (0, 10_000, "{:04d}"),
    "last4": (0, 10_000, "{:04d}"), "points": (300, 90_000, "{}"), "score": (55, 101, "{}"), "small": (5, 300, "{}元"),
    "waybill": (10**11, 9 * 10**11, "{}"), "mobile": (13_000_000_000, 19_999_999_999, "{}"),
    "temp": (37, 40, "{}.5"), "tenth": (2, 10, "{}"), "salary": (2_600, 9_800, "{}元"),
}  # fmt: skip
