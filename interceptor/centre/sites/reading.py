"""What the book knows of sites, for tables, JSON and the bulletin.

Enters: a book. Leaves: sites with what speaks against them, counts. Invariant: nothing here writes.
"""

from __future__ import annotations

from dataclasses import dataclass

from interceptor.centre.book import Book
from interceptor.centre.sites.likeness import Likeness, Official
from interceptor.centre.sites.site import (
    COLUMNS,
    WEIGHTS,
    Evidence,
    Site,
    State,
    Weights,
    evidence,
    found,
    known,
    score,
    thing_of,
)


@dataclass(frozen=True, slots=True)
class Done:
    """One line of a site's history."""

    at_ms: int
    what: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class File:
    """A site with all that is known of it. points: of the evidence; at Weights.proposed patrol proposes it."""

    site: Site
    told: list[Evidence]
    points: int
    history: list[Done]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What patrol thinks of a host. `official`: whose it is; `file`: None where nobody saw it."""

    host: str
    official: str | None
    like: Likeness | None
    file: File | None


def listing(book: Book, state: State | None = State.PROPOSED, last: int | None = None) -> list[Site]:
    """Those of one state, or all, the latest first."""
    where, values = ("WHERE state = ?", [state]) if state else ("", [])
    rows = book.db.execute(
        f"SELECT {COLUMNS} FROM sites {where} ORDER BY last_ms DESC, id LIMIT ?",
        (*values, -1 if last is None else last),
    )
    return [Site.of(row) for row in rows]


def one(book: Book, what: str | int, official: Official, weights: Weights = WEIGHTS) -> File:
    """By number or host. Raises Refused: unknown."""
    return _file(book, known(book, what), official, weights)


def opinion(book: Book, host: str, official: Official, weights: Weights = WEIGHTS) -> Opinion:
    """Of any host, seen or not. Raises Refused: no-site."""
    name = thing_of(host).shown
    site = found(book, name) if not name.isdecimal() else None
    file = _file(book, site, official, weights) if site else None
    return Opinion(name, official.owner(name), official.imitated(name), file)


def counts(book: Book, from_ms: int, to_ms: int) -> dict[str, int]:
    """What happened in [from_ms, to_ms): sites first seen by patrol and still known, proposed, confirmed, rejected,
    lifted, ended."""
    found = dict.fromkeys((state.value for state in State), 0)
    found |= dict(
        book.db.execute(
            "SELECT what, count(*) FROM site_acts WHERE at_ms >= ? AND at_ms < ? GROUP BY what", (from_ms, to_ms)
        ).fetchall()
    )
    found[State.WATCHED.value] = book.db.execute(
        "SELECT count(*) FROM sites WHERE first_ms >= ? AND first_ms < ?", (from_ms, to_ms)
    ).fetchone()[0]
    return found


def _file(book: Book, site: Site, official: Official, weights: Weights) -> File:
    told = evidence(book.db, site, official, weights)
    rows = book.db.execute("SELECT at_ms, what, by, why FROM site_acts WHERE site = ? ORDER BY id", (site.id,))
    return File(site, told, score(told, weights), [Done(*row) for row in rows])
