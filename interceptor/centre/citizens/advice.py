"""Advice for those most at risk, by class of scam: where it goes about, and who met it lately but wasn't warned.

Enters: contacts and warnings of the last weeks, residents of townships. Leaves: groups at risk, and advice as orders.
Invariant: a citizen gets advice on one class at most once in a month of the calendar, and a round has an upper bound.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from interceptor.centre.book import Book
from interceptor.centre.citizens.terms import DAY_MS, HOUR_MS, Terms
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused
from interceptor.centre.things import Thing
from interceptor.centre.warnings import contacts, texts
from interceptor.centre.warnings.classes import Scam
from interceptor.centre.warnings.means import SENDER
from interceptor.local_time import clock
from interceptor.schema import Subject

TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Group:
    """People of one township by one class of scam: how many met it, how many were warned of it, what was at stake.
    `per_1000`: those of either kind per 1,000 residents, 0 where residents aren't known."""

    scam: Scam
    town: int
    met: int
    warned: int
    stake_fen: int
    per_1000: float


def groups(book: Book, at_ms: int, *, residents: Mapping[int, int] | None = None, terms: Terms = TERMS) -> list[Group]:
    """By class, most at risk first: by share of residents where those are known, else by people."""
    since_ms = at_ms - terms.risk_days * DAY_MS
    met: dict[tuple[int, int], set[int]] = {}
    for one in contacts.since(book.db, since_ms):
        if one.last_ms <= at_ms:
            met.setdefault((one.scam, one.town), set()).add(one.citizen)
    warned: dict[tuple[int, int], set[int]] = {}
    stakes: dict[tuple[int, int], int] = {}
    wanted = "SELECT scam, town, citizen, stake_fen FROM warnings WHERE opened_ms BETWEEN ? AND ?"
    for scam, town, citizen, stake_fen in book.db.execute(wanted, (since_ms, at_ms)):
        warned.setdefault((scam, town), set()).add(citizen)
        stakes[scam, town] = stakes.get((scam, town), 0) + stake_fen
    found = []
    for scam, town in {*met, *warned}:
        people = met.get((scam, town), set()) | warned.get((scam, town), set())
        living = (residents or {}).get(town, 0)
        rate = round(1000 * len(people) / living, 3) if living else 0.0
        hit = len(met.get((scam, town), ())), len(warned.get((scam, town), ()))
        found.append(Group(Scam(scam), town, *hit, stakes.get((scam, town), 0), rate))
    return sorted(found, key=lambda one: (one.scam, -one.per_1000, -(one.met + one.warned), one.town))


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is to get advice, on what."""

    citizen: int
    scam: Scam
    town: int


def readers(book: Book, at_ms: int, *, scam: Scam | None = None, terms: Terms = TERMS) -> list[Reader]:
    """Those who met a scam lately and were neither warned since nor advised this month; who met it most often first."""
    month = _month(at_ms)
    wanted = (
        "SELECT c.citizen, c.scam, c.town FROM contacts c WHERE c.last_ms > ? AND c.last_ms <= ?"
        " AND NOT EXISTS (SELECT 1 FROM advised a WHERE a.citizen = c.citizen AND a.scam = c.scam AND a.month = ?)"
        " AND NOT EXISTS (SELECT 1 FROM warnings w WHERE w.citizen = c.citizen AND w.opened_ms > ?)"
        f"{'' if scam is None else f' AND c.scam = {int(scam)}'}"
        " ORDER BY c.events DESC, c.last_ms DESC, c.citizen, c.scam LIMIT ?"
    )
    since_ms, risk_ms = at_ms - terms.exposed_days * DAY_MS, at_ms - terms.risk_days * DAY_MS
    values = (since_ms, at_ms, month, risk_ms, terms.advice_most)
    return [Reader(citizen, Scam(found), town) for citizen, found, town in book.db.execute(wanted, values)]


def give(book: Book, *, by: str, at_ms: int, scam: Scam | None = None, terms: Terms = TERMS) -> int:
    """A round of advice: orders for the carriers; gives how many. Raises Refused where nobody is to get any."""
    with book.act("advice.give", scam.word if scam else "", by, at_ms) as act:
        found = readers(book, at_ms, scam=scam, terms=terms)
        if not found:
            raise Refused("nobody-to-advise", "nobody met a scam lately who wasn't warned or advised already")
        for one in found:
            act.db.execute(
                "INSERT INTO advised VALUES (?, ?, ?, ?, ?)", (one.citizen, one.scam, _month(at_ms), one.town, at_ms)
            )
            order(
                act, Verb.WARN, Thing(Subject.NUMBER, one.citizen), at_ms, list=str(SENDER), ref="advice",
                reason=texts.advice(one.scam).zh, remedy=texts.SHOWN,
            )  # fmt: skip
        act.note(sent=len(found))
        return len(found)


def round_due_ms(book: Book, since_ms: int, terms: Terms = TERMS) -> int:
    """When the next round is: at advice_hour of every advice_every_days-th day after the last, or after since_ms."""
    last_ms = book.db.execute("SELECT max(at_ms) FROM rounds").fetchone()[0] or since_ms
    span_ms = terms.advice_every_days * DAY_MS
    offset_ms = (terms.advice_hour - 8) * HOUR_MS  # the city's clock is eight hours ahead of UTC
    return int(((last_ms - offset_ms) // span_ms + 1) * span_ms + offset_ms)


def hold_round(book: Book, at_ms: int, terms: Terms = TERMS) -> int:
    """The regular round; gives how many got advice."""
    with book.act("advice.round", "", "centre", at_ms) as act:
        sent = give(book, by="centre", at_ms=at_ms, terms=terms) if readers(book, at_ms, terms=terms) else 0
        act.db.execute("INSERT OR REPLACE INTO rounds VALUES (?, ?)", (at_ms, sent))
        act.note(sent=sent)
    return sent


def residents_of(path: Path) -> dict[int, int]:
    """From a CSV file with the columns code and residents. Raises Refused."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {int(row["code"]): int(row["residents"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError, TypeError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(
            "no-residents", f"{path.name}: can't be read: {error}", "a CSV file with the columns code and residents"
        ) from None


def _month(at_ms: int) -> int:
    day = clock(at_ms)
    return day.year * 100 + day.month
