"""Measures on a card: re-verify, limit, suspend, lift.

Enters: a card, who, when, why. Leaves: its new state, an entry in card_acts, orders. Invariants: a rung is skipped only
where the grade allows it (law of 2022, art. 11); each measure says why, what to do, which papers, until when (art. 32);
a lift holds at once.
"""

from __future__ import annotations

from dataclasses import replace

from interceptor.centre.book import Act, Book
from interceptor.centre.cards.card import DAY_MS, RUNGS, TERMS, Card, Grade, State, Terms, found
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused, not_before, reason_given
from interceptor.centre.things import Thing
from interceptor.config import LATENESS_MAX_MS
from interceptor.entries import FOREVER_MS
from interceptor.schema import Subject

CENTRE = "cards"  # who acts when nobody does
_VERB = {State.REVERIFY: Verb.REVERIFY, State.LIMITED: Verb.LIMIT, State.SUSPENDED: Verb.SUSPEND}
# Lists on which the engine looks a limited or suspended card up.
LIST_OF = {Subject.NUMBER: "limited_lines", Subject.ACCOUNT: "suspended_accounts"}
PAPERS = {Subject.NUMBER: "identity card, SIM", Subject.ACCOUNT: "identity card, bank card, the phone in your own name"}
_REMEDY = {
    Subject.NUMBER: "Show your identity card in a service hall or the carrier's app; it ends at once.",
    Subject.ACCOUNT: "Come to the bank's counter with your identity card; it ends at once.",
}


def reverify(
    book: Book, thing: Thing, *, by: str, at_ms: int, why: str, grade: Grade = Grade.LOW, terms: Terms = TERMS
) -> Card:
    """Its owner is to show who he is, within days that depend on the grade. Raises Refused: already, closed."""
    with book.act("card.reverify", str(thing), by, at_ms) as act:
        card = ensure(act, thing)
        if card.state is not State.FREE:
            raise Refused(_already(card), f"{thing.masked} is in state {card.state}")
        _check(card, at_ms, why)
        due_ms = at_ms + terms.verify_days[grade - 1] * DAY_MS
        return _up(act, card, State.REVERIFY, grade, by, at_ms, due_ms, why)


def limit(
    book: Book, thing: Thing, *, by: str, at_ms: int, why: str, grade: Grade = Grade.LOW, terms: Terms = TERMS
) -> Card:
    """Only what is needed goes on. At a low grade only once re-verification failed or its time is over. Raises Refused:
    already, closed, too-harsh."""
    with book.act("card.limit", str(thing), by, at_ms) as act:
        card = ensure(act, thing)
        _refuse_above(card, State.LIMITED)
        _check(card, at_ms, why)
        over = card.state is State.REVERIFY and card.due_ms <= at_ms
        if grade < Grade.MEDIUM and not over:
            raise Refused("too-harsh", f"{thing.masked}: at a low grade its owner is first asked to re-verify, in time")
        return _up(act, card, State.LIMITED, grade, by, at_ms, at_ms + terms.limited_days * DAY_MS, why)


def suspend(
    book: Book, thing: Thing, *, by: str, at_ms: int, why: str, grade: Grade = Grade.LOW, terms: Terms = TERMS
) -> Card:
    """Nothing goes on but at the counter. Below a high grade only from `limited`, once the time to re-verify is over.
    Raises Refused: already, closed, too-harsh."""
    with book.act("card.suspend", str(thing), by, at_ms) as act:
        card = ensure(act, thing)
        _refuse_above(card, State.SUSPENDED)
        _check(card, at_ms, why)
        over = card.state is State.LIMITED and card.due_ms <= at_ms
        if grade < Grade.HIGH and not over:
            raise Refused("too-harsh", f"{thing.masked} is {card.state}: it is limited first, and its owner has time")
        return _up(act, card, State.SUSPENDED, grade, by, at_ms, at_ms + terms.suspended_days * DAY_MS, why)


def verified(book: Book, thing: Thing, *, passed: bool, by: str, at_ms: int, terms: Terms = TERMS) -> Card:
    """The owner came: he is who he says (all measures end), or he isn't (the next rung). Raises Refused: unknown,
    not-asked, sanctioned, closed."""
    with book.act("card.verified", str(thing), by, at_ms) as act:
        card = _known(act, thing)
        act.note(passed=passed)
        _refuse_sanctioned(card)
        if card.state in (State.FREE, State.CLOSED):
            raise Refused("closed" if card.state is State.CLOSED else "not-asked", f"{thing.masked} is {card.state}")
        _in_order(card, at_ms)
        if passed:
            return _down(act, card, by, at_ms, "verified")
        _log(act, card, "failed", by, at_ms, "the owner could not show who he is")
        if card.state is State.SUSPENDED:
            return card
        return _next(act, card, by, at_ms, "re-verification failed", terms)


def lift(book: Book, thing: Thing, *, by: str, at_ms: int, why: str) -> Card:
    """An appeal was upheld, or officers found nothing: all measures end at once. Raises Refused: unknown,
    nothing-to-lift, sanctioned, closed."""
    with book.act("card.lift", str(thing), by, at_ms) as act:
        card = _known(act, thing)
        _refuse_sanctioned(card)
        if card.state in (State.FREE, State.CLOSED):
            code = "closed" if card.state is State.CLOSED else "nothing-to-lift"
            raise Refused(code, f"{thing.masked} is {card.state}")
        _check(card, at_ms, why)
        return _down(act, card, by, at_ms, "lifted", why)


def move_on(book: Book, card: Card, *, at_ms: int, terms: Terms = TERMS) -> Card:
    """The time to re-verify is over: the next rung."""
    with book.act(f"card.{_after(card)}", str(card.thing), CENTRE, at_ms) as act:
        return _next(act, card, CENTRE, at_ms, "its owner didn't re-verify in time", terms)


def ensure(act: Act, thing: Thing) -> Card:
    """Its row, made where there is none: the register knows nothing of its opening then."""
    card = found(act.db, thing)
    if card is None:
        act.db.execute("INSERT INTO cards VALUES (NULL, ?, '', '', '', 0, 'free', 0, 0, 0, 0, 0)", (str(thing),))
        card = found(act.db, thing)
        assert card is not None
    return card


def to_counter(act: Act, card: Card, sanction: int, by: str, at_ms: int, until_ms: int, why: str) -> None:
    """An account of somebody sanctioned pays at the counter only, for as long as the sanction holds."""
    act.db.execute("UPDATE cards SET sanction = ? WHERE id = ?", (sanction, card.id))
    if RUNGS.index(card.state) < RUNGS.index(State.SUSPENDED):
        _up(act, replace(card, sanction=sanction), State.SUSPENDED, Grade.HIGH, by, at_ms, until_ms, why)


def from_counter(act: Act, card: Card, by: str, at_ms: int, why: str) -> None:
    """The sanction is over."""
    act.db.execute("UPDATE cards SET sanction = 0 WHERE id = ?", (card.id,))
    if card.thing.subject is Subject.ACCOUNT and card.state not in (State.FREE, State.CLOSED):
        _down(act, replace(card, sanction=0), by, at_ms, "lifted", why)


def _next(act: Act, card: Card, by: str, at_ms: int, why: str, terms: Terms) -> Card:
    state, days = _after(card), {State.LIMITED: terms.limited_days, State.SUSPENDED: terms.suspended_days}
    due_ms = at_ms + days[state] * DAY_MS if state in days else 0
    return _up(act, card, state, Grade(max(card.grade, Grade.LOW)), by, at_ms, due_ms, why)


def _after(card: Card) -> State:
    return RUNGS[RUNGS.index(card.state) + 1]


def _up(act: Act, card: Card, state: State, grade: Grade, by: str, at_ms: int, due_ms: int, why: str) -> Card:
    """Onto a rung, with the orders that follow."""
    thing, ref = card.thing, f"card:{card.id}"
    act.note(state=str(state), grade=int(grade), due_ms=due_ms, why=why)
    if state in _VERB:
        remedy, papers = _REMEDY[thing.subject], PAPERS[thing.subject]
        # What was asked for ends when the owner comes; a deadline is when the next rung follows.
        order(
            act, _VERB[state], thing, at_ms, until_ms=due_ms or FOREVER_MS, tier=int(grade), reason=why, remedy=remedy,
            papers=papers, ref=ref,
        )  # fmt: skip
        if state is not State.REVERIFY:
            order(
                act, Verb.PUT_ON_LIST, thing, at_ms, list=LIST_OF[thing.subject], reason=why, remedy=remedy,
                papers=papers, ref=ref,
            )  # fmt: skip
    act.db.execute(
        "UPDATE cards SET state = ?, grade = ?, since_ms = ?, due_ms = ? WHERE id = ?",
        (state, grade, at_ms, due_ms, card.id),
    )
    _log(act, card, state, by, at_ms, why)
    return replace(card, state=state, grade=grade, since_ms=at_ms, due_ms=due_ms)


def _down(act: Act, card: Card, by: str, at_ms: int, what: str, why: str = "") -> Card:
    """Free again."""
    thing, ref = card.thing, f"card:{card.id}"
    act.note(was=str(card.state), **({"why": why} if why else {}))
    order(act, Verb.LIFT, thing, at_ms, reason=why or what, ref=ref)
    if card.state is not State.REVERIFY:
        order(act, Verb.TAKE_OFF_LIST, thing, at_ms, list=LIST_OF[thing.subject], reason=why or what, ref=ref)
    act.db.execute(
        "UPDATE cards SET state = 'free', grade = 0, since_ms = ?, due_ms = 0 WHERE id = ?", (at_ms, card.id)
    )
    _log(act, card, what, by, at_ms, why)
    return replace(card, state=State.FREE, grade=0, since_ms=at_ms, due_ms=0)


def _log(act: Act, card: Card, what: str, by: str, at_ms: int, why: str) -> None:
    act.db.execute("INSERT INTO card_acts VALUES (NULL, ?, ?, ?, ?, ?)", (at_ms, card.id, what, by, why))


def _known(act: Act, thing: Thing) -> Card:
    card = found(act.db, thing)
    if card is None:
        raise Refused("unknown", f"{thing.masked}: nothing was ever done about it")
    return card


def _check(card: Card, at_ms: int, why: str) -> None:
    reason_given(why, f"something is done about {card.thing.masked}")
    _in_order(card, at_ms)


def _in_order(card: Card, at_ms: int) -> None:
    """After what was done about it last. Raises Refused."""
    not_before(at_ms, card.since_ms, f"{card.thing.masked} became {card.state}", late_ms=LATENESS_MAX_MS)


def _already(card: Card) -> str:
    return "closed" if card.state is State.CLOSED else "already"


def _refuse_above(card: Card, state: State) -> None:
    if RUNGS.index(card.state) >= RUNGS.index(state):
        raise Refused(_already(card), f"{card.thing.masked} is {card.state} already")


def _refuse_sanctioned(card: Card) -> None:
    if card.sanction:
        raise Refused(
            "sanctioned", f"{card.thing.masked}: its owner is sanctioned (number {card.sanction})",
            "lift the sanction: cards lift person:…",
        )  # fmt: skip
