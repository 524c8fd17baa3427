"""What campaigns call and write with: SIMs in phones, boxes, trunks, resold numbers, senders.

Enters: an outfit and how it is used. Leaves: a Deck, lines in use and spare ones. Invariant: a deck is drawn whole
when its campaign begins, so that which number comes next doesn't depend on what the interceptor does.

Kinds and shares are assumptions [A] after SOURCES.md A2 and D2 where not marked otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from interceptor.schema import LineKind, Trunk
from simulator import lines, numbers
from simulator.institutions import INSTITUTIONS, official_numbers, service_line
from simulator.scams.manners import Manner, Outfit, Table, Use
from simulator.scenario import Rotation

UNKNOWN_DAYS = 65_535
DEVICES_MAX = 6  # devices of one line that are told apart
# Of a trunk's lines: some show a national-looking number, some a foreign one with an official number on display [A].
ALTERED, OFFICIAL = 0.25, 0.2
FRESH_SIM_DAYS_MAX = 7
BOX_SIMS = (8, 128)
_DIGITS_OF_BRAND = {one.sign: one.digits for one in INSTITUTIONS if one.digits}


@dataclass(slots=True)
class Deck(Table):
    """Lines of one campaign, those in use first. See simulator.events for what the columns mean on an event."""

    number: np.ndarray  # u64
    display: np.ndarray  # u64
    trunk: np.ndarray  # u8
    line_kind: np.ndarray  # u8
    registered: np.ndarray  # bool
    tenure_days: np.ndarray  # u16
    idle_days: np.ndarray  # u16
    cell: np.ndarray  # u32
    town: np.ndarray  # u32, where the device is, 0 = not in the city
    imsi: np.ndarray  # u64
    imei: np.ndarray  # u64[n, DEVICES_MAX]
    imei_count: np.ndarray  # i64, devices it is used in
    lac_jump: np.ndarray  # bool


@dataclass(slots=True)
class NumberBook:
    """Numbers that were never given out in this run."""

    seed: int
    _next: dict[str, int] = field(default_factory=dict)

    def take(self, kind: str, count: int, first: int) -> np.ndarray:
        """Slots of a kind; `first` is the first one that is the campaigns' to use."""
        start = self._next.get(kind, first)
        self._next[kind] = start + count
        return np.arange(start, start + count, dtype=np.uint64)

    def mobile(self, count: int, local: np.ndarray, virtual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(number, line_kind) of `count` SIMs; `local`: sold in this city."""
        kind = np.where(virtual & local, LineKind.VIRTUAL, LineKind.MOBILE).astype(np.uint8)
        number = np.zeros(count, np.uint64)
        for of_kind in (LineKind.MOBILE, LineKind.VIRTUAL):
            rows = np.flatnonzero(local & (kind == of_kind))
            slots = self.take(of_kind.name, len(rows), numbers.free_slot(of_kind))
            number[rows] = numbers.huainan_numbers(of_kind, slots, self.seed)
        rows = np.flatnonzero(~local)
        number[rows] = numbers.elsewhere_numbers(self.take("elsewhere", len(rows), 2 * 10**9), self.seed)
        return number, kind

    def devices(self, count: int) -> np.ndarray:
        return numbers.imeis(self.take("imei", count, 40_000_000), self.seed)

    def sims(self, count: int) -> np.ndarray:
        return numbers.imsis(self.take("imsi", count, 5 * 10**9), self.seed)

    def ports(self, count: int) -> np.ndarray:
        return numbers.sms_ports(self.take("port", count, 5 * 10**8), self.seed)

    def freephones(self, count: int) -> np.ndarray:
        return numbers.freephone_numbers(self.take("400", count, 5 * 10**6), self.seed)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the city devices may stand: cells, and the townships they are in."""

    cell: np.ndarray  # u32[n]
    town: np.ndarray  # u32[n]


def deck(outfit: Outfit, use: Use, spare: int, brand: str, place: Place, book: NumberBook, rotation: Rotation,
         rng: np.random.Generator) -> Deck:  # fmt: skip
    """The lines for the places of `use`, and `spare` more."""
    n = len(use) + spare
    if outfit in (Outfit.SIMS, Outfit.BOX, Outfit.SNOWSHOE):
        return _sims(outfit, np.resize(use.manner, n), place, book, rotation, rng)
    if outfit in (Outfit.TRUNK, Outfit.SMS_ABROAD):
        return _abroad(n, outfit is Outfit.TRUNK, book, rng)
    if outfit is Outfit.RESOLD_400:
        # Resold with the name of the one who first rented it: half of them look like a verified company's [A].
        return _bare(book.freephones(n), LineKind.SERVICE, Trunk.SIP, rng.integers(30, 900, n), rng.random(n) < 0.5)
    if outfit is Outfit.PORT:
        return _bare(book.ports(n), LineKind.SMS_PORT, Trunk.LOCAL, rng.integers(20, 400, n), np.zeros(n, bool))
    return _stations(n, brand, place, book, rng)


def empty_deck() -> Deck:
    """No lines yet."""
    none = np.zeros(0, np.uint64)
    return _bare(none, LineKind.MOBILE, Trunk.LOCAL, none, none.astype(bool))


def _bare(number: np.ndarray, kind: LineKind, trunk: Trunk, tenure: np.ndarray, registered: np.ndarray) -> Deck:
    """Lines without a device in the city."""
    n = len(number)
    zero = np.zeros(n, np.uint64)
    return Deck(
        number=number, display=zero, trunk=np.full(n, trunk, np.uint8), line_kind=np.full(n, kind, np.uint8),
        registered=registered, tenure_days=tenure.astype(np.uint16), idle_days=np.zeros(n, np.uint16),
        cell=zero.astype(np.uint32), town=zero.astype(np.uint32), imsi=zero,
        imei=np.zeros((n, DEVICES_MAX), np.uint64), imei_count=np.ones(n, np.int64), lac_jump=np.zeros(n, bool),
    )  # fmt: skip


def _sims(outfit: Outfit, manner: np.ndarray, place: Place, book: NumberBook, rotation: Rotation,
          rng: np.random.Generator) -> Deck:  # fmt: skip
    n = len(manner)
    # Boxes stand in the city with SIMs from anywhere; single SIMs are mostly used where they are sold [A].
    here = np.full(n, rng.random() < 0.8) if outfit is Outfit.BOX else rng.random(n) < rotation.local
    sold_here = rng.random(n) < np.where(here, 0.6, 0.05)
    number, kind = book.mobile(n, sold_here, rng.random(n) < rotation.virtual)
    made = _bare(number, LineKind.MOBILE, Trunk.LOCAL, np.zeros(n), np.zeros(n, bool))
    made.line_kind = kind
    made.trunk = np.where(here, Trunk.LOCAL, Trunk.INTERPROVINCIAL).astype(np.uint8)
    made.tenure_days, made.idle_days = _ages_of_sims(manner, rng)
    spot = rng.integers(len(place.cell), size=1 if outfit is Outfit.BOX else n)
    made.cell = np.where(here, place.cell[spot], 0).astype(np.uint32)
    made.town = np.where(here, place.town[spot], 0).astype(np.uint32)
    made.imsi = np.where(here, book.sims(n), 0).astype(np.uint64)
    made.imei, made.imei_count = _devices(outfit, manner, book, rng)
    made.imei[~here] = 0
    return made


def _ages_of_sims(manner: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(tenure_days, idle_days)."""
    n = len(manner)
    fresh = rng.integers(0, FRESH_SIM_DAYS_MAX + 1, n)
    old = np.exp(rng.normal(np.log(500), 0.8, n)).clip(90, 6_000).astype(np.int64)  # [A]
    bought = (manner == Manner.BOX) | (manner == Manner.SENDER)
    aged = (manner == Manner.CAMOUFLAGED) | (bought & (rng.random(n) < 0.4))  # [A] bought from people who had them
    slept = bought & aged & (rng.random(n) < 0.5)
    idle = np.where(slept, np.minimum(rng.integers(20, 300, n), old), 0)
    weeks_old = rng.integers(0, 30, n)
    tenure = np.where(aged, old, np.where(bought, weeks_old, fresh))
    return tenure.astype(np.uint16), idle.astype(np.uint16)


def _devices(outfit: Outfit, manner: np.ndarray, book: NumberBook, rng: np.random.Generator,
             ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(imei[n, DEVICES_MAX], imei_count[n]). Boxes: 1–4 IMEIs for all SIMs, or a row of neighbouring ones."""
    n = len(manner)
    if outfit is Outfit.BOX:
        pool = book.devices(int(rng.integers(1, 5)))
        if rng.random() < 0.5:
            row = pool[0] + np.uint64(10) * np.arange(n, dtype=np.uint64)
            return np.repeat(row[:, None], DEVICES_MAX, 1), np.ones(n, np.int64)
        return pool[rng.integers(len(pool), size=(n, 1))].repeat(DEVICES_MAX, 1), np.ones(n, np.int64)
    # One shelf of phones, through which all SIMs of the campaign wander.
    shelf = book.devices(max(2, round(0.6 * n)))
    drawn = lines.draw_lines("fraud", n, rng)["imeis"].clip(1, DEVICES_MAX).astype(np.int64)
    count = np.where(manner == Manner.SENDER, 1, drawn)
    return shelf[rng.integers(len(shelf), size=(n, DEVICES_MAX))], count


def _abroad(n: int, voice: bool, book: NumberBook, rng: np.random.Generator) -> Deck:
    number = numbers.foreign_numbers(rng, n, numbers.SCAM_FOREIGN_PLANS)
    made = _bare(number, LineKind.FOREIGN, Trunk.INTERNATIONAL, np.full(n, UNKNOWN_DAYS), np.zeros(n, bool))
    if voice:
        luck = rng.random(n)
        altered = np.flatnonzero(luck < ALTERED)
        made.number[altered], made.line_kind[altered] = book.mobile(
            len(altered), np.zeros(len(altered), bool), np.zeros(len(altered), bool)
        )
        posing = np.flatnonzero((luck >= ALTERED) & (luck < ALTERED + OFFICIAL))
        made.display[posing] = rng.choice(np.array(official_numbers(), np.uint64), len(posing))
    return made


def _stations(n: int, brand: str, place: Place, book: NumberBook, rng: np.random.Generator) -> Deck:
    """Fake base stations: no carrier has a record of the sender, whose name is made up by the station."""
    number, _ = book.mobile(n, np.zeros(n, bool), np.zeros(n, bool))
    made = _bare(number, LineKind.MOBILE, Trunk.LOCAL, np.full(n, UNKNOWN_DAYS), np.zeros(n, bool))
    made.display[:] = service_line(_DIGITS_OF_BRAND.get(brand, 12345))
    spot = rng.integers(len(place.cell), size=n)
    made.cell, made.town = place.cell[spot], place.town[spot]
    made.lac_jump[:] = True
    return made
