"""One site as the centre knows it, and what speaks against it.

Enters: a row of the table, its neighbours at the same address, the official domains. Leaves: evidence in plain words
with points. Invariant: nothing here writes.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Any

from interceptor.centre.book import Book
from interceptor.centre.refusal import Refused
from interceptor.centre.sites.likeness import How, Official
from interceptor.centre.things import Thing, parse
from interceptor.schema import Subject

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
COLUMNS = (
    "id, host, key, state, first_ms, last_ms, born_ms, address, registered, traits, visits, messages, scams, reports,"
    " until_ms"
)


class State(StrEnum):
    """watched → proposed → confirmed → ended or lifted; or rejected."""

    WATCHED = "watched"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    LIFTED = "lifted"
    ENDED = "ended"


class Trait(IntFlag):
    """What was seen of a host."""

    APK = 1  # offers an app outside the stores
    CARD = 2  # a form asks for a card number
    CODE = 4  # a form asks for a password or code
    STOPPED = 8  # the gate blocked visits to it, or put a warning before it
    NEIGHBOUR = 16  # a rule found it at the address of a known scam site (W05)
    FOUND = 32  # officers looked into it: fraud
    CLEARED = 64  # officers looked into it, or an appeal was upheld: no fraud


@dataclass(frozen=True, slots=True)
class Weights:
    """Points of what speaks against a host, all [A], tuned on the simulated city (seed 7, 3 days) and tried on another
    (seed 11); a proposal costs an officer some minutes, and blocks nothing."""

    proposed: int = 5
    alike: int = 4  # carries, skeleton, one edit
    word: int = 3  # a brand as a word, or two edits: dealers have these, too
    days_3: int = 2  # B6 [P]: half of the scam sites live 5.5 h, the mean is 54 h
    days_30: int = 1
    scam_message: int = 4  # its link stood in messages that the gates held back
    card_and_code: int = 4  # D4 W06 [A]
    card: int = 2
    app: int = 2
    stopped: int = 2  # by rules for visits, on whatever ground
    neighbour: int = 4  # D4 W05 [A]
    report: int = 2
    reports: int = 4  # from the second on
    found: int = 6


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks against a host."""

    kind: str
    points: int
    words: str


@dataclass(frozen=True, slots=True)
class Site:
    """A row. address: 0 = unknown; scams: held-back messages that linked to it; until_ms: end of its block."""

    id: int
    host: str
    key: int
    state: State
    first_ms: int
    last_ms: int
    born_ms: int
    address: int
    registered: bool
    traits: Trait
    visits: int
    messages: int
    scams: int
    reports: int
    until_ms: int

    @property
    def thing(self) -> Thing:
        return Thing(Subject.SITE, self.key & (1 << 64) - 1, self.host)

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Site:
        id_, host, key, state, *seen = row
        first, last, born, address, registered, traits, *rest = seen
        times = (first, last, born, address)
        return cls(id_, host, key, State(state), *times, bool(registered), Trait(traits), *rest)


def signed(key: int) -> int:
    """64 bits as SQLite keeps them."""
    return key - (1 << 64) if key >= 1 << 63 else key


def thing_of(text: str) -> Thing:
    """A host as people write it. Raises Refused."""
    return parse(text, Subject.SITE)


def found(book: Book, what: str | int) -> Site | None:
    """By number or host. Raises Refused where it is neither."""
    text = str(what).strip()
    if text.isdecimal():
        return _one(book.db, "id = ?", int(text))
    return _one(book.db, "host = ?", thing_of(text).shown)


def known(book: Book, what: str | int) -> Site:
    """The same. Raises Refused where patrol has never heard of it."""
    site = found(book, what)
    if site is None:
        raise Refused("unknown", f"{str(what)!r}: no such site", "`interceptor centre sites list --state all` has them")
    return site


def by_key(db: sqlite3.Connection, key: int) -> Site | None:
    return _one(db, "key = ?", signed(key))


def _one(db: sqlite3.Connection, where: str, value: object) -> Site | None:
    row = db.execute(f"SELECT {COLUMNS} FROM sites WHERE {where}", (value,)).fetchone()
    return Site.of(row) if row else None


def at_address(db: sqlite3.Connection, site: Site) -> list[Site]:
    """Other hosts where this one answers; none where settled sites answer, too: a service stands there."""
    if not site.address or db.execute("SELECT 1 FROM site_addresses WHERE address = ?", (site.address,)).fetchone():
        return []
    rows = db.execute(
        f"SELECT {COLUMNS} FROM sites WHERE address = ? AND address != 0 AND id != ?", (site.address, site.id)
    )
    return [Site.of(row) for row in rows]


def evidence(db: sqlite3.Connection, site: Site, official: Official, weights: Weights) -> list[Evidence]:
    """What speaks against a site, strongest first; nothing for one that was looked into and found honest."""
    if Trait.CLEARED in site.traits:
        return []
    told = [*_of_name(site, official, weights), *_of_use(site, weights), *_of_neighbours(db, site, weights)]
    return sorted(told, key=lambda one: -one.points)


def score(told: list[Evidence], weights: Weights) -> int:
    """Points in all; nothing below the line for a single kind of evidence, unless it was found to be fraud."""
    points = sum(one.points for one in told)
    if len({one.kind for one in told}) < 2 and points < weights.found:
        return min(points, weights.proposed - 1)
    return points


def _of_name(site: Site, official: Official, weights: Weights) -> list[Evidence]:
    told = []
    like = None if site.registered else official.imitated(site.host)
    if like:
        weak = like.how is How.WORD or like.edits > 1
        told.append(Evidence("name", weights.word if weak else weights.alike, str(like)))
    if not site.registered and site.born_ms:
        hours = max(0, site.first_ms - site.born_ms) // HOUR_MS
        points = weights.days_3 if hours <= 72 else weights.days_30
        if hours <= 720:
            told.append(Evidence("age", points, f"{hours} h old when first seen"))
    return told


def _of_use(site: Site, weights: Weights) -> list[Evidence]:
    told = []
    if site.scams:
        told.append(Evidence("message", weights.scam_message, f"link in {site.scams} messages that were held back"))
    asks = site.traits & (Trait.CARD | Trait.CODE)
    if asks == Trait.CARD | Trait.CODE and not site.registered:
        told.append(Evidence("form", weights.card_and_code, "asks for card and code"))
    elif Trait.CARD in asks and not site.registered:
        told.append(Evidence("form", weights.card, "asks for a card number"))
    if Trait.APK in site.traits and not site.registered:
        told.append(Evidence("app", weights.app, "offers an app outside the stores"))
    if Trait.STOPPED in site.traits:
        told.append(Evidence("gate", weights.stopped, "the gate blocked visits to it, or warned"))
    if site.reports:
        points = weights.reports if site.reports > 1 else weights.report
        told.append(Evidence("report", points, f"{site.reports} reports"))
    if Trait.FOUND in site.traits:
        told.append(Evidence("finding", weights.found, "officers looked into it: fraud"))
    return told


def _of_neighbours(db: sqlite3.Connection, site: Site, weights: Weights) -> list[Evidence]:
    confirmed = next((other for other in at_address(db, site) if other.state is State.CONFIRMED), None)
    if confirmed:
        return [Evidence("address", weights.neighbour, f"shares its address with {confirmed.host}")]
    if Trait.NEIGHBOUR in site.traits:
        return [Evidence("address", weights.neighbour, "shares its address with a scam site")]
    return []
