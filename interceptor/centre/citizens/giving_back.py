"""What each system gives back where an appeal is upheld: a stop, a measure on a card, a block of a site, a sanction.

Enters: a thing. Leaves: acts of the systems that took it, within the act that upholds the appeal. Invariant: a system
that has nothing of it is left alone.
"""

from __future__ import annotations

from interceptor.centre.book import Book
from interceptor.centre.cards import acts as cards
from interceptor.centre.cards.card import CARDS, State, found
from interceptor.centre.cards.sanctions import LIST as SANCTIONED
from interceptor.centre.cards.sanctions import lift_sanction
from interceptor.centre.cases.terms import Party
from interceptor.centre.money import stopping
from interceptor.centre.money.stops import open_on
from interceptor.centre.orders import in_force
from interceptor.centre.sites import acts as sites
from interceptor.centre.sites import site as known_sites
from interceptor.centre.things import Thing
from interceptor.schema import Subject


def give_back(book: Book, thing: Thing, ref: str, *, by: str, at_ms: int) -> None:
    """`ref`: the appeal's. Raises Refused where a system can't: at a time before it acted, of a card whose owner is
    sanctioned for another one."""
    why = f"{ref} was upheld"
    if thing.subject is Subject.ACCOUNT and (stop := open_on(book.db, thing.key)) is not None:
        stopping.release(book, stop.id, why, wrongly=True, party=Party.POLICE, by=by, at_ms=at_ms)
    if any(one.list == SANCTIONED for one in in_force(book.db, thing, at_ms)):  # it is what the finding is about
        lift_sanction(book, thing, by=by, at_ms=at_ms, why=why)
    if thing.subject in CARDS:
        card = found(book.db, thing)
        if card is not None and card.state not in (State.FREE, State.CLOSED):
            cards.lift(book, thing, by=by, at_ms=at_ms, why=why)
    if thing.subject is Subject.SITE:
        site = known_sites.by_key(book.db, thing.key)
        if site is not None and site.state is known_sites.State.CONFIRMED:
            sites.lift(book, site.id, by=by, at_ms=at_ms, why=why)
