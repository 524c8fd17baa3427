"""Five years at the counter only, for whoever sold, let or lent a card.

Enters: a person or card and a finding of the city's police. Leaves: a sanction, orders for it and for the person's
other accounts. Invariants: none without a finding (law of 2022, art. 31); one at a time for a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interceptor.centre.book import Act, Book
from interceptor.centre.cards.acts import CENTRE, ensure, from_counter, to_counter
from interceptor.centre.cards.card import CARDS, COLUMNS, DAY_MS, TERMS, Card, Terms, of_person
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused, not_before, reason_given
from interceptor.centre.things import Thing, parse
from interceptor.schema import Subject

LIST = "sanctioned"
REASON = "The police of the city found that a card of yours was sold, let or lent."
REMEDY = "Appeal within 60 days to the police who made the finding; if it is upheld, all is lifted at once."
PAPERS = "identity card, and what speaks for you"


@dataclass(frozen=True, slots=True)
class Sanction:
    """`thing`: a person, or a card of which nobody knows whose it is. state: active, lifted, ended."""

    id: int
    thing: Thing
    finding: int
    since_ms: int
    until_ms: int
    state: str
    by: str

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Sanction:
        return cls(row[0], parse(row[1]), *row[2:])


def active(book: Book, thing: Thing) -> Sanction | None:
    """On a person or card, or on the person whose card it is."""
    row = book.db.execute(
        "SELECT * FROM sanctions WHERE state = 'active' AND thing IN (?, (SELECT person FROM cards WHERE card = ?))",
        (str(thing), str(thing)),
    ).fetchone()
    return Sanction.of(row) if row else None


def sanction(book: Book, thing: Thing, *, finding: int, by: str, at_ms: int, terms: Terms = TERMS) -> Sanction:
    """A person or one of his cards. Raises Refused: no-finding, no-card, sanctioned-already."""
    with book.act("card.sanction", str(thing), by, at_ms) as act:
        if finding <= 0:
            raise Refused("no-finding", "no sanction without a finding of the city's police", "name it by --finding")
        if thing.subject not in (*CARDS, Subject.PERSON):
            raise Refused("no-card", f"{thing.masked} is no person and no card")
        before = active(book, thing)
        if before:
            raise Refused("sanctioned-already", f"{thing.masked} is sanctioned already, as number {before.id}")
        card = ensure(act, thing) if thing.subject in CARDS else None
        whom = parse(card.person) if card and card.person else thing
        until_ms = at_ms + terms.sanction_days * DAY_MS
        made = act.db.execute(
            "INSERT INTO sanctions VALUES (NULL, ?, ?, ?, ?, 'active', ?)", (str(whom), finding, at_ms, until_ms, by)
        )
        done = Sanction(int(made.lastrowid or 0), whom, finding, at_ms, until_ms, "active", by)
        act.note(sanction=done.id, finding=finding, until_ms=until_ms, person=str(whom))
        _in_force(act, done, {whom, thing})
        for one in {other.id: other for other in (*_cards_of(act, whom), *([card] if card else []))}.values():
            if one.thing.subject is Subject.ACCOUNT:
                to_counter(act, one, done.id, by, at_ms, until_ms, REASON)
            else:
                act.db.execute("UPDATE cards SET sanction = ? WHERE id = ?", (done.id, one.id))
        return done


def lift_sanction(book: Book, thing: Thing, *, by: str, at_ms: int, why: str) -> Sanction:
    """An appeal against the finding was upheld: all ends at once. Raises Refused: not-sanctioned."""
    with book.act("card.sanction_lift", str(thing), by, at_ms) as act:
        found = active(book, thing)
        if found is None:
            raise Refused("not-sanctioned", f"{thing.masked} isn't sanctioned")
        reason_given(why, "a sanction is lifted")
        not_before(at_ms, found.since_ms, f"sanction {found.id} began")
        return _over(act, found, "lifted", by, at_ms, why)


def end_sanctions(book: Book, now_ms: int) -> None:
    """Whose five years are over."""
    over = "SELECT * FROM sanctions WHERE state = 'active' AND until_ms <= ?"
    for row in book.db.execute(over, (now_ms,)).fetchall():
        done = Sanction.of(row)
        with book.act("card.sanction_end", str(done.thing), CENTRE, now_ms) as act:
            _over(act, done, "ended", CENTRE, now_ms, "five years are over")


def _in_force(act: Act, done: Sanction, things: set[Thing]) -> None:
    for one in sorted(things, key=str):
        order(
            act, Verb.PUT_ON_LIST, one, done.since_ms, until_ms=done.until_ms, list=LIST, reason=REASON, remedy=REMEDY,
            papers=PAPERS, ref=f"sanction:{done.id}",
        )  # fmt: skip


def _over(act: Act, done: Sanction, state: str, by: str, at_ms: int, why: str) -> Sanction:
    act.note(sanction=done.id, why=why)
    act.db.execute("UPDATE sanctions SET state = ? WHERE id = ?", (state, done.id))
    rows = act.db.execute(f"SELECT {COLUMNS} FROM cards WHERE sanction = ?", (done.id,)).fetchall()
    cards = [Card.of(row) for row in rows]
    for one in sorted({done.thing, *(card.thing for card in cards)}, key=str):
        order(act, Verb.TAKE_OFF_LIST, one, at_ms, list=LIST, reason=why, ref=f"sanction:{done.id}")
    for card in cards:
        from_counter(act, card, by, at_ms, why)
    return Sanction(done.id, done.thing, done.finding, done.since_ms, done.until_ms, state, done.by)


def _cards_of(act: Act, whom: Thing) -> list[Card]:
    return of_person(act.db, str(whom)) if whom.subject is Subject.PERSON else []
