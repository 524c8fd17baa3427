"""What anybody may know of a number, a site, an account or a text.

Enters: a thing. Leaves: its state, why, since when, until when, by what, and what can be done. Invariant: who reported
is never told, and nothing is written down about who asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from interceptor.centre.book import Book
from interceptor.centre.citizens import appeals, gates, reports
from interceptor.centre.citizens.keys import named
from interceptor.centre.citizens.terms import Official, Terms, domains
from interceptor.centre.orders import Order, Verb
from interceptor.centre.things import Thing, parse
from interceptor.entries import FOREVER_MS
from interceptor.schema import Subject

TERMS = Terms()
BLOCKED, LIMITED, WARNED_OF, OFFICIAL, UNKNOWN = "blocked", "limited", "warned of", "official", "unknown"
_BLOCKING = (Verb.PUT_ON_LIST, Verb.STOP, Verb.FREEZE, Verb.SUSPEND)
APPEAL = (
    "If it is yours: `appeal file`, at any police station or the anti-fraud centre; what is wrong is lifted at once."
)
PAPERS = "identity card, and what shows that the number, account or site is yours and used honestly"
BEWARE = "Nothing is blocked. Others reported it: don't pay, don't tell codes, ask the centre if in doubt."
NOTHING = "Nothing is known of it. That doesn't make it honest: report it if it is used for fraud."
OWNER = "Only its owner can show it; if something seems odd, hang up and ring it yourself."


@dataclass(frozen=True, slots=True)
class Found:
    """`until_ms` 0 = not known or for good; `by`: the order's or the rules' names; `reports`: how many people's votes
    count, never whose; `weight`: what they weigh by now."""

    thing: Thing
    state: str
    why: str = ""
    since_ms: int = 0
    until_ms: int = 0
    by: str = ""
    reports: int = 0
    weight: float = 0.0
    protected: bool = False
    appeal: str = ""
    todo: str = ""
    papers: str = ""
    lists: tuple[str, ...] = field(default=())

    def as_object(self) -> dict[str, Any]:
        names = (
            "state",
            "why",
            "since_ms",
            "until_ms",
            "by",
            "reports",
            "weight",
            "protected",
            "appeal",
            "todo",
            "papers",
        )
        return {"thing": str(self.thing), "lists": list(self.lists)} | {name: getattr(self, name) for name in names}


def look_up(
    book: Book, thing: Thing, at_ms: int, *, terms: Terms = TERMS, official: Official = reports.NOBODY_OFFICIAL
) -> Found:
    """Everything that may be told of it."""
    thing = named(book.db, thing)
    votes = reports.tally(book.db, thing, at_ms, terms)
    appeal = appeals.last_of(book.db, thing)
    found = Found(
        thing, UNKNOWN, todo=NOTHING, reports=votes.people, weight=votes.weight,
        protected=reports.is_protected(book.db, thing),
        appeal=(appeal.outcome or "open") if appeal else "",
    )  # fmt: skip
    orders = [one for name in _names(thing) for one in appeals.against(book.db, name, at_ms)]
    acted = gates.acted_on(book.db, thing, at_ms, terms)
    if orders:
        return _ordered(found, orders)
    if acted:
        return replace(
            found, state=BLOCKED if acted.blocked else LIMITED, by=acted.rules, since_ms=acted.first_ms, todo=APPEAL,
            why="The rules named here acted on it at the gates.", papers=PAPERS,
        )  # fmt: skip
    if thing in official:
        return replace(
            found, state=OFFICIAL, why="It belongs to police, an office, a bank or a large firm.", todo=OWNER
        )
    if votes.weight >= terms.warned_of:
        return replace(found, state=WARNED_OF, why="Citizens reported it.", todo=BEWARE)
    return found


def _names(thing: Thing) -> list[Thing]:
    """A site is blocked by what it lies below, too."""
    if thing.subject is not Subject.SITE or not thing.shown:
        return [thing]
    return [parse(name, Subject.SITE) for name in domains(thing.shown)]


def _ordered(found: Found, orders: list[Order]) -> Found:
    """The order that lasts longest says why."""
    told = max(orders, key=lambda one: one.until_ms)
    return replace(
        found,
        state=BLOCKED if any(one.verb in _BLOCKING for one in orders) else LIMITED,
        why=told.reason,
        since_ms=min(one.at_ms for one in orders),
        until_ms=0 if told.until_ms == FOREVER_MS else told.until_ms,
        by=told.ref,
        todo=told.remedy or APPEAL,
        papers=told.papers or PAPERS,
        lists=tuple(dict.fromkeys(one.list for one in orders if one.list)),
    )
