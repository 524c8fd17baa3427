"""The register of cards on duty: openings go in, limits per person, phone and outlet are watched, deadlines kept.

Enters: what the gates saw. Leaves: rows of `cards`, measures. Invariants: what a rule decided at the gate (re-verify,
limit, five years) is taken over, not decided again; only cards of the city's own carriers and banks are acted on.

Decided here, since no rule sees it: more SIMs of one person than allowed, bursts of openings, the other accounts behind
a phone that stands behind many people's, outlets whose cards turn up listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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
from interceptor.centre.seen import Seen
from interceptor.centre.things import Thing
from interceptor.schema import Action, Kind, LineKind, Outcome, Subject, Trunk, Verdict

GATES = "gates"  # who acts when a rule at the gate asked for it
POLICE = "police"
PHONE_RULE = "one-phone-many-people"  # K03
PAYER_RULES = frozenset(["suspended-account-pays"])  # speak of the payer, who is suspended already
_OWN_LINES = (LineKind.MOBILE, LineKind.VIRTUAL, LineKind.FIXED)
_MEASURES = Action.LIMIT | Action.REVERIFY


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gates asked for, of one card in one batch: the gravest."""

    state: State
    rules: tuple[str, ...]


class CardsSystem:
    """S7 on duty. `reasons`: what each rule tells the citizen, by its name."""

    def __init__(self, terms: Terms = TERMS, reasons: Mapping[str, str] | None = None) -> None:
        self.terms, self._reasons = terms, reasons or {}
        self._pruned_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        openings, said = seen.of_kind(Kind.REGISTRATION), self._said(seen)
        acted, found_out = seen.acted(_MEASURES), seen.acted(Action.SANCTION_5Y)
        blocked = np.flatnonzero(seen.verdict == Verdict.BLOCK)
        if not (len(openings) or len(said) or len(acted) or len(found_out) or len(blocked) or _listings(book)):
            return
        with book.together():
            self._open(book, seen, openings)
            self._mark(book, seen, blocked, now_ms)
            for thing, what in self._asked(seen, acted).items():
                self._do(book, thing, what, now_ms)
            self._watch(book, seen, openings, now_ms)
            for row in said.tolist():
                self._hear(book, seen, row, now_ms)
            for row in found_out.tolist():
                self._sanction(book, seen, row, now_ms)

    def due(self, book: Book, now_ms: int) -> None:
        with book.together():
            deadlines(book, now_ms, self.terms)
            if now_ms - self._pruned_ms >= DAY_MS:
                self._pruned_ms = now_ms
                self._prune(book, now_ms)

    def _asked(self, seen: Seen, rows: np.ndarray) -> dict[Thing, Asked]:
        """LIMIT and REVERIFY of rules and policies."""
        wanted: dict[Thing, Asked] = {}
        for row in rows.tolist():
            thing, rules = _card_of(seen, row), seen.rules_of(row)
            if thing is None or PAYER_RULES & set(rules):
                continue
            limits = bool(int(seen.actions[row]) & Action.LIMIT)
            one = Asked(State.LIMITED if limits else State.REVERIFY, rules)
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

    def _open(self, book: Book, seen: Seen, rows: np.ndarray) -> None:
        """Into the register; a card that was known by its measures gets its owner."""
        openings = []
        for row in rows.tolist():
            thing = _card_of(seen, row)
            if thing is not None:
                openings.append((str(thing), *_owner(seen, row), int(seen.column("ts_ms")[row])))
        book.db.executemany(
            "INSERT INTO cards VALUES (NULL, ?, ?, ?, ?, ?, 'free', 0, 0, 0, 0, 0) ON CONFLICT (card) DO UPDATE SET"
            " person = excluded.person, phone = excluded.phone, outlet = excluded.outlet,"
            " opened_ms = excluded.opened_ms",
            openings,
        )

    def _mark(self, book: Book, seen: Seen, blocked: np.ndarray, now_ms: int) -> None:
        """Cards of the register that turn up: blocked or limited at a gate, put on a list, found to be fraud."""
        things = [_card_of(seen, row) for row in seen.acted(Action.LIMIT).tolist()]
        things += [_card_of(seen, row) for row in blocked.tolist()]
        names = {str(thing) for thing in things if thing} | set(_listings(book))
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

    def _watch(self, book: Book, seen: Seen, rows: np.ndarray, now_ms: int) -> None:
        """Limits per person and phone, after the openings of the batch are in."""
        for row in rows.tolist():
            thing, (person, phone, _) = _card_of(seen, row), _owner(seen, row)
            if thing is None:
                continue
            for why, grade in self._too_many(book, thing, person, now_ms):
                self._ask(book, thing, why, grade, now_ms)
            if PHONE_RULE in seen.rules_of(row):
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

    def _said(self, seen: Seen) -> np.ndarray:
        """What officers and citizens say of what was done; warnings (with a tier) are others' business."""
        rows = seen.of_kind(Kind.FEEDBACK)
        if not len(rows):
            return rows
        outcome, subject = seen.column("outcome")[rows], seen.column("subject")[rows]
        counts = np.isin(outcome, (Outcome.CONFIRMED, Outcome.FALSE_ALARM, Outcome.APPEAL_UPHELD))
        return rows[counts & np.isin(subject, CARDS) & (seen.column("tier")[rows] == 0)]

    def _hear(self, book: Book, seen: Seen, row: int, now_ms: int) -> None:
        thing = Thing(Subject(int(seen.column("subject")[row])), int(seen.column("source")[row]))
        card = found(book.db, thing)
        if card is None:
            return
        outcome = Outcome(int(seen.column("outcome")[row]))
        if outcome is Outcome.CONFIRMED:
            self._turned_up(book, str(thing), now_ms)
            if not card.sanction and RUNGS.index(card.state) < RUNGS.index(State.SUSPENDED):
                why = "Officers looked into it: it was used for fraud."
                suspend(book, thing, by="officers", at_ms=now_ms, why=why, grade=Grade.HIGH, terms=self.terms)
        elif not card.sanction and card.state not in (State.FREE, State.CLOSED):
            upheld = outcome is Outcome.APPEAL_UPHELD
            why = "an appeal was upheld" if upheld else "officers looked into it and found nothing"
            lift(book, thing, by="officers", at_ms=now_ms, why=why)

    def _sanction(self, book: Book, seen: Seen, row: int, now_ms: int) -> None:
        subject, finding = Subject(int(seen.column("subject")[row])), int(seen.column("finding")[row])
        thing = Thing(subject, int(seen.column("source")[row]))
        if subject in (*CARDS, Subject.PERSON) and finding and active(book, thing) is None:
            sanction(book, thing, finding=finding, by=POLICE, at_ms=now_ms, terms=self.terms)

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


def _card_of(seen: Seen, row: int) -> Thing | None:
    """The SIM or account that an event speaks against, None where it is none that the city can act on: a foreign or a
    forged caller, a merchant, a site."""
    kind, key = seen.column("kind")[row], int(seen.column("source")[row])
    if not key:
        return None
    if kind == Kind.REGISTRATION:
        subject = Subject(int(seen.column("subject")[row]))
        return Thing(subject, key) if subject in CARDS else None
    if kind == Kind.TRANSFER:
        return None if seen.column("registered")[row] else Thing(Subject.ACCOUNT, key)
    if kind in (Kind.CALL, Kind.SMS):
        own = seen.column("trunk")[row] == Trunk.LOCAL and int(seen.column("line_kind")[row]) in _OWN_LINES
        return Thing(Subject.NUMBER, key) if own else None
    return None


def _owner(seen: Seen, row: int) -> tuple[str, str, str]:
    """(person, phone, outlet) of an opening, as the register has them."""
    person, phone = int(seen.column("person")[row]), int(seen.column("target")[row])
    return (
        str(Thing(Subject.PERSON, person)) if person else "",
        str(Thing(Subject.NUMBER, phone)) if phone else "",
        outlet_name(int(seen.column("agent")[row])),
    )
