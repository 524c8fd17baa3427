"""What the register knows, for tables, JSON and the bulletin.

Enters: a book. Leaves: cards, people, outlets, counts. Invariant: nothing here writes.
"""

from __future__ import annotations

from dataclasses import dataclass

from interceptor.centre.book import Book
from interceptor.centre.cards.card import COLUMNS, TERMS, Card, State, Terms, found, of_person
from interceptor.centre.cards.sanctions import Sanction
from interceptor.centre.refusal import Refused
from interceptor.centre.things import Thing


@dataclass(frozen=True, slots=True)
class Done:
    """One line of a card's history."""

    at_ms: int
    what: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Outlet:
    """`listed`: cards opened there that were blocked, listed or found to be fraud; flagged_ms 0 = not flagged."""

    outlet: str
    cards: int
    listed: int
    flagged_ms: int

    def is_bad(self, terms: Terms = TERMS) -> bool:
        return self.cards >= terms.outlet_cards and self.listed >= max(
            terms.outlet_bad, terms.outlet_bad_share * self.cards
        )


def one(book: Book, thing: Thing) -> tuple[Card, list[Done]]:
    """A card and what was done about it. Raises Refused: unknown."""
    card = found(book.db, thing)
    if card is None:
        raise Refused("unknown", f"{thing.masked}: not in the register")
    rows = book.db.execute("SELECT at_ms, what, by, why FROM card_acts WHERE card = ? ORDER BY id", (card.id,))
    return card, [Done(*row) for row in rows]


def person(book: Book, thing: Thing) -> tuple[list[Card], list[Sanction]]:
    """Somebody's cards and sanctions."""
    rows = book.db.execute("SELECT * FROM sanctions WHERE thing = ? ORDER BY id", (str(thing),))
    return of_person(book.db, str(thing)), [Sanction.of(row) for row in rows]


def listing(book: Book, state: State, last: int | None = None) -> list[Card]:
    """Cards in a state, those first whose deadline is next."""
    rows = book.db.execute(
        f"SELECT {COLUMNS} FROM cards WHERE state = ? ORDER BY due_ms, id LIMIT ?",
        (state, -1 if last is None else last),
    )
    return [Card.of(row) for row in rows]


def outlets(book: Book, last: int | None = None) -> list[Outlet]:
    """Those with most listed cards first."""
    rows = book.db.execute(
        "SELECT outlet, count(*), sum(bad_ms > 0) AS bad, ifnull((SELECT at_ms FROM flagged_outlets AS f"
        " WHERE f.outlet = cards.outlet), 0) FROM cards WHERE outlet != '' GROUP BY outlet ORDER BY bad DESC, outlet"
        " LIMIT ?",
        (-1 if last is None else last,),
    )
    return [Outlet(*row) for row in rows]


def counts(book: Book, from_ms: int, to_ms: int) -> dict[str, int]:
    """What happened in [from_ms, to_ms): cards opened (and still in the register), asked to re-verify, limited,
    suspended, closed, verified, failed, lifted; people and cards sanctioned; outlets flagged."""
    span, names = (from_ms, to_ms), ("reverify", "limited", "suspended", "closed", "verified", "failed", "lifted")
    within = "at_ms >= ? AND at_ms < ?"
    found = dict.fromkeys(names, 0)
    found |= dict(
        book.db.execute(f"SELECT what, count(*) FROM card_acts WHERE {within} GROUP BY what", span).fetchall()
    )
    for name, query in (
        ("opened", "SELECT count(*) FROM cards WHERE opened_ms > 0 AND opened_ms >= ? AND opened_ms < ?"),
        ("sanctioned", "SELECT count(*) FROM sanctions WHERE since_ms >= ? AND since_ms < ?"),
        ("outlets_flagged", f"SELECT count(*) FROM flagged_outlets WHERE {within}"),
    ):
        found[name] = book.db.execute(query, span).fetchone()[0]
    return found
