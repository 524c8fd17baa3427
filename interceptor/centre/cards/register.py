"""The register of cards on duty: openings go in, limits per person, phone and outlet are watched, deadlines kept.

Enters: what the gates saw. Leaves: rows of `cards`, measures. Invariants: what a rule decided at the gate (re-verify,
limit, five years) is taken over, not decided again; only cards of the city's own carriers and banks are acted on.

Decided here, since no rule sees it: more SIMs of one person than allowed, bursts of openings, the other accounts behind
a phone that stands behind many people's, outlets whose cards turn up listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from interceptor.centre.book import Act, Book
from interceptor.centre.cards.acts import CENTRE, lift, limit, move_on, reverify, suspend
from interceptor.centre.cards.card import (
    CARDS,
    COLUMNS,
    DAY_MS,
    RUNGS,
    TERMS,
    Card,
    Grade,
    State,
    Terms,
    found,
    of_phone,
    outlet_name,
)
from interceptor.centre.cards.sanctions import active, end_sanctions, sanction
from interceptor.centre.seen import Event, Seen
from interceptor.centre.things import Thing
from interceptor.schema import Action, Kind, LineKind, Outcome, Subject, Trunk, Verdict

GATES = "gates"  # who acts when a rule at the gate asked for it
POLICE = "police"
PHONE_RULE = "one-phone-many-people"  # K03
PAYER_RULES = frozenset(["suspended-account-pays"])  # speak of the payer, who is suspended already
_OWN_LINES = (LineKind.MOBILE, LineKind.VIRTUAL, LineKind.FIXED)
_SPEAKS = frozenset((Outcome.CONFIRMED, Outcome.FALSE_ALARM, Outcome.APPEAL_UPHELD))
_LIMIT, _MEASURES, _SANCTION = map(int, (Action.LIMIT, Action.LIMIT | Action.REVERIFY, Action.SANCTION_5Y))


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gates asked for, of one card in one batch: the gravest."""

    state: State
    rules: tuple[str, ...]


class CardsSystem:
    """S7 on duty. `reasons`: what each rule tells the citizen, by its name."""

    waits = (
        "EXISTS (SELECT 1 FROM cards WHERE due_ms > 0 AND due_ms <= :now AND sanction = 0)"
        " OR EXISTS (SELECT 1 FROM sanctions WHERE state = 'active' AND until_ms <= :now)"
    )

    def __init__(self, terms: Terms = TERMS, reasons: Mapping[str, str] | None = None) -> None:
        self.terms, self._reasons = terms, reasons or {}
        self.wakes_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        events, listed = seen.events, _listings(book)
        openings = [event for event in events if event.kind == Kind.REGISTRATION]
        said = [event for event in events if _is_said(event)]
        acted = [event for event in events if event.actions & _MEASURES]
        found_out = [event for event in events if event.actions & _SANCTION]
        blocked = [event for event in events if event.verdict == Verdict.BLOCK]
        if not (openings or said or acted or found_out or blocked or listed):
            return
        with book.together():
            self._open(book, openings)
            self._mark(book, blocked + [event for event in acted if event.actions & _LIMIT], listed, now_ms)
            for thing, what in self._asked(acted).items():
                self._do(book, thing, what, now_ms)
            self._watch(book, openings, now_ms)
            for event in said:
                self._hear(book, event, now_ms)
            for event in found_out:
                self._sanction(book, event, now_ms)

    def due(self, book: Book, now_ms: int) -> None:
        with book.together():
            deadlines(book, now_ms, self.terms)
            if now_ms >= self.wakes_ms:
                self.wakes_ms = now_ms + DAY_MS
                self._prune(book, now_ms)

    def _asked(self, events: Sequence[Event]) -> dict[Thing, Asked]:
        """LIMIT and REVERIFY of rules and policies."""
        wanted: dict[Thing, Asked] = {}
        for event in events:
            thing, rules = _card_of(event), event.rules
            if thing is None or PAYER_RULES & set(rules):
                continue
            one = Asked(State.LIMITED if event.actions & _LIMIT else State.REVERIFY, rules)
            if thing not in wanted or RUNGS.index(one.state) > RUNGS.index(wanted[thing].state):
                wanted[thing] = one
        return wanted

    def _do(self, book: Book, thing: Thing, asked: Asked, now_ms: int) -> None:
        card = found(book.db, thing)
        if card and (self._is_trusted(card, now_ms) or RUNGS.index(card.state) >= RUNGS.index(asked.state)):
            return
        why = next((self._reasons[rule] for rule in asked.rules if rule in self._reasons), "")
        why = why or f"Rules that speak against it: {', '.join(asked.rules) or 'earlier ones'}."
        grade = Grade.MEDIUM if asked.state is State.LIMITED else Grade.LOW
        act = limit if asked.state is State.LIMITED else reverify
        act(book, thing, by=GATES, at_ms=now_ms, why=why, grade=grade, terms=self.terms)

    def _is_trusted(self, card: Card, now_ms: int) -> bool:
        """Was found honest a short while ago; or is sanctioned, so that nothing milder needs to be asked."""
        released = card.state is State.FREE and card.since_ms > 0
        return bool(card.sanction) or (released and now_ms - card.since_ms < self.terms.trust_days * DAY_MS)

    def _open(self, book: Book, events: Sequence[Event]) -> None:
        """Into the register; a card that was known by its measures gets its owner."""
        openings = []
        for event in events:
            thing = _card_of(event)
            if thing is not None:
                openings.append((str(thing), *_owner(event), event.ts_ms))
        book.db.executemany(
            "INSERT INTO cards VALUES (NULL, ?, ?, ?, ?, ?, 'free', 0, 0, 0, 0, 0) ON CONFLICT (card) DO UPDATE SET"
            " person = excluded.person, phone = excluded.phone, outlet = excluded.outlet,"
            " opened_ms = excluded.opened_ms",
            openings,
        )

    def _mark(self, book: Book, events: Sequence[Event], listed: Iterable[str], now_ms: int) -> None:
        """Cards of the register that turn up: blocked or limited at a gate, put on a list, found to be fraud."""
        names = {str(thing) for thing in map(_card_of, events) if thing}.union(listed)
        for name in sorted(names):
            self._turned_up(book, name, now_ms)
        last = book.db.execute("SELECT ifnull(max(id), 0) FROM orders").fetchone()[0]
        book.db.execute(
            "INSERT INTO cards_read VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET last_order = excluded.last_order",
            (last,),
        )

    def _turned_up(self, book: Book, name: str, now_ms: int) -> None:
        row = book.db.execute("SELECT outlet FROM cards WHERE card = ? AND bad_ms = 0", (name,)).fetchone()
        if row is None:
            return
        book.db.execute("UPDATE cards SET bad_ms = ? WHERE card = ?", (now_ms, name))
        if row[0]:
            flag_if_bad(book, row[0], now_ms, self.terms)

    def _watch(self, book: Book, openings: Sequence[Event], now_ms: int) -> None:
        """Limits per person and phone, after the openings of the batch are in."""
        for event in openings:
            thing, (person, phone, _) = _card_of(event), _owner(event)
            if thing is None:
                continue
            for why, grade in self._too_many(book, thing, person, now_ms):
                self._ask(book, thing, why, grade, now_ms)
            if PHONE_RULE in event.rules:
                why = "One phone stands behind accounts of several people; each owner is to clear that."
                for other in of_phone(book.db, phone):
                    if other.thing != thing and other.thing.subject is Subject.ACCOUNT:
                        self._ask(book, other.thing, why, Grade.LOW, now_ms)

    def _too_many(self, book: Book, thing: Thing, person: str, now_ms: int) -> list[tuple[str, Grade]]:
        terms, found = self.terms, []
        if not person:
            return []
        burst, sims = book.db.execute(
            "SELECT ifnull(sum(opened_ms > ?), 0), ifnull(sum(card LIKE 'number:%'), 0) FROM cards WHERE person = ?"
            " AND person != '' AND opened_ms > 0",
            (now_ms - terms.burst_ms, person),
        ).fetchone()
        if burst >= terms.burst:
            found.append((f"{burst} cards were opened in your name within a day.", Grade.MEDIUM))
        if thing.subject is Subject.NUMBER and sims > terms.sims_of_person:
            found.append((f"{sims} SIMs stand in your name; {terms.sims_of_person} are allowed.", Grade.LOW))
        return found

    def _ask(self, book: Book, thing: Thing, why: str, grade: Grade, now_ms: int) -> None:
        card = found(book.db, thing)
        if card is None or (card.state is State.FREE and not self._is_trusted(card, now_ms)):
            reverify(book, thing, by=CENTRE, at_ms=now_ms, why=why, grade=grade, terms=self.terms)

    def _hear(self, book: Book, event: Event, now_ms: int) -> None:
        thing = Thing(Subject(event.subject), event.source)
        card = found(book.db, thing)
        if card is None:
            return
        if event.outcome == Outcome.CONFIRMED:
            self._turned_up(book, str(thing), now_ms)
            if not card.sanction and RUNGS.index(card.state) < RUNGS.index(State.SUSPENDED):
                why = "Officers looked into it: it was used for fraud."
                suspend(book, thing, by="officers", at_ms=now_ms, why=why, grade=Grade.HIGH, terms=self.terms)
        elif not card.sanction and card.state not in (State.FREE, State.CLOSED):
            upheld = event.outcome == Outcome.APPEAL_UPHELD
            why = "an appeal was upheld" if upheld else "officers looked into it and found nothing"
            lift(book, thing, by="officers", at_ms=now_ms, why=why)

    def _sanction(self, book: Book, event: Event, now_ms: int) -> None:
        thing = Thing(Subject(event.subject), event.source)
        if thing.subject in (*CARDS, Subject.PERSON) and event.finding and active(book, thing) is None:
            sanction(book, thing, finding=event.finding, by=POLICE, at_ms=now_ms, terms=self.terms)

    def _prune(self, book: Book, now_ms: int) -> None:
        untouched = "state = 'free' AND bad_ms = 0 AND sanction = 0 AND since_ms = 0"
        old = now_ms - self.terms.register_days * DAY_MS
        book.db.execute(f"DELETE FROM cards WHERE {untouched} AND opened_ms < ?", (old,))
        book.db.execute(
            f"DELETE FROM cards WHERE id IN (SELECT id FROM cards WHERE {untouched}"
            " ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (self.terms.cards_max,),
        )


def _listings(book: Book) -> list[str]:
    """Cards that were put on lists since the last look."""
    rows = book.db.execute(
        "SELECT thing FROM orders WHERE verb = 'put_on_list' AND (thing LIKE 'number:%' OR thing LIKE 'account:%')"
        " AND id > (SELECT ifnull(max(last_order), 0) FROM cards_read)"
    )
    return [thing for (thing,) in rows]


def deadlines(book: Book, now_ms: int, terms: Terms = TERMS) -> None:
    """Whoever didn't re-verify in time moves on; sanctions end."""
    due = f"SELECT {COLUMNS} FROM cards WHERE due_ms > 0 AND due_ms <= ? AND sanction = 0"
    for row in book.db.execute(due, (now_ms,)).fetchall():
        move_on(book, Card.of(row), at_ms=now_ms, terms=terms)
    end_sanctions(book, now_ms)


def flag_if_bad(book: Book, outlet: str, now_ms: int, terms: Terms = TERMS) -> None:
    """An outlet whose cards turn up listed is put before the officers, once."""
    if book.db.execute("SELECT 1 FROM flagged_outlets WHERE outlet = ?", (outlet,)).fetchone():
        return
    cards, bad = book.db.execute(
        "SELECT count(*), sum(bad_ms > 0) FROM cards WHERE outlet = ? AND outlet != ''", (outlet,)
    ).fetchone()
    if cards >= terms.outlet_cards and bad >= max(terms.outlet_bad, terms.outlet_bad_share * cards):
        with book.act("outlet.flag", f"outlet:{outlet}", CENTRE, now_ms) as act:
            act.note(cards=cards, listed=bad)
            _flag(act, outlet, now_ms)


def _flag(act: Act, outlet: str, now_ms: int) -> None:
    act.db.execute("INSERT INTO flagged_outlets VALUES (?, ?)", (outlet, now_ms))


def _is_said(event: Event) -> bool:
    """By officers and citizens, of what was done; warnings (with a tier) are others' business."""
    about = event.kind == Kind.FEEDBACK and event.tier == 0 and event.subject in CARDS
    return about and event.outcome in _SPEAKS


def _card_of(event: Event) -> Thing | None:
    """The SIM or account that an event speaks against, None where it is none that the city can act on: a foreign or a
    forged caller, a merchant, a site."""
    kind, key = event.kind, event.source
    if not key:
        return None
    if kind == Kind.REGISTRATION:
        return Thing(Subject(event.subject), key) if event.subject in CARDS else None
    if kind == Kind.TRANSFER:
        return None if event.registered else Thing(Subject.ACCOUNT, key)
    if kind in (Kind.CALL, Kind.SMS):
        own = event.trunk == Trunk.LOCAL and event.line_kind in _OWN_LINES
        return Thing(Subject.NUMBER, key) if own else None
    return None


def _owner(event: Event) -> tuple[str, str, str]:
    """(person, phone, outlet) of an opening, as the register has them."""
    return (
        str(Thing(Subject.PERSON, event.person)) if event.person else "",
        str(Thing(Subject.NUMBER, event.target)) if event.target else "",
        outlet_name(event.agent),
    )
