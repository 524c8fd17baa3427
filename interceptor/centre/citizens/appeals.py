"""Appeals: what was blocked, limited or stopped without cause is given back at once.

Enters: a thing, who appeals, papers, a decision. Leaves: orders that take everything back. Invariants: nothing can be
appealed against that nobody blocked; one appeal a thing is open at a time; an appeal that is upheld has lifted all by
the end of the same act (law of 2022, art. 32).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from interceptor.centre.book import Act, Book
from interceptor.centre.citizens import gates, giving_back, reports
from interceptor.centre.citizens.keys import named, pair, thing_of, triple
from interceptor.centre.citizens.terms import DAY_MS, FILLED_AT_GATES, MINUTE_MS, PROTECTED, Terms
from interceptor.centre.orders import Order, Verb, about, in_force, order
from interceptor.centre.refusal import Refused
from interceptor.centre.things import Thing
from interceptor.centre.warnings.acts import HELD

TERMS = Terms()
UPHELD, TURNED_DOWN = "upheld", "refused"
AT_GATES = "as shown to the officers"  # papers of an appeal that was decided before the centre heard of it
# Not taken from anybody: a protection that the owner asked for, and a hold that the citizen ends by himself.
_NOT_APPEALED = (PROTECTED, HELD)
_NAMES = (
    "id", "subject", "key", "shown", "by", "papers", "filed_ms", "due_ms", "blocked_ms", "decided_ms", "outcome",
    "decider", "why", "lifted", "overdue_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Appeal:
    """`due_ms`: when it must be decided; `blocked_ms`: since when the thing was blocked; `overdue_ms`: when it was
    noticed that nobody had decided."""

    id: int
    thing: Thing
    by: str
    papers: str
    filed_ms: int
    due_ms: int
    blocked_ms: int
    decided_ms: int
    outcome: str
    decider: str
    why: str
    lifted: int
    overdue_ms: int

    @property
    def ref(self) -> str:
        return f"appeal:{self.id}"

    def as_object(self) -> dict[str, Any]:
        names = [name for name in _NAMES if name not in ("subject", "key", "shown")]
        told = {name: getattr(self, name) for name in names} | {"thing": str(self.thing)}
        if self.outcome == UPHELD:
            told["minutes_to_lift"] = round((self.decided_ms - self.filed_ms) / MINUTE_MS, 2)
            told["minutes_blocked"] = round((self.decided_ms - self.blocked_ms) / MINUTE_MS, 2)
        return told


def against(db: sqlite3.Connection, thing: Thing, at_ms: int) -> list[Order]:
    """Orders in force that limit the thing."""
    return [one for one in in_force(db, thing, at_ms) if one.list not in _NOT_APPEALED]


def file(book: Book, thing: Thing, papers: str, *, by: str, at_ms: int, terms: Terms = TERMS) -> Appeal:
    """Somebody says that it is wrong. Raises Refused."""
    with book.act("appeal.file", str(thing), by, at_ms) as act:
        act.note(papers=papers)
        thing = named(act.db, thing)
        since = [one.at_ms for one in against(act.db, thing, at_ms)]
        if acted := gates.acted_on(act.db, thing, at_ms, terms):
            since.append(acted.first_ms)
        if not since:
            raise Refused(
                "nothing-to-appeal", f"{thing.masked} is not blocked, limited or stopped, and wasn't lately",
                "`interceptor centre lookup THING` says what is known of it",
            )  # fmt: skip
        if open_of(act.db, thing):
            raise Refused("appealed-already", f"an appeal about {thing.masked} is open already")
        if not papers.strip():
            raise Refused("no-papers", "an appeal needs papers", "name them by --papers: identity card, contract, …")
        found = act.db.execute(
            "INSERT INTO appeals (subject, key, shown, by, papers, filed_ms, due_ms, blocked_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*triple(thing), by, papers, at_ms, at_ms + terms.decide_days * DAY_MS, min(since)),
        )
        act.note(appeal=found.lastrowid)
        return one(act.db, int(found.lastrowid or 0))


def uphold(book: Book, appeal: int, *, by: str, at_ms: int, why: str = "", terms: Terms = TERMS) -> Appeal:
    """It was wrong: everything is lifted now, and the reports behind it count no more. Raises Refused."""
    with book.act("appeal.uphold", f"appeal:{appeal}", by, at_ms) as act:
        found = _undecided(act.db, appeal, at_ms)
        lifted = _lift(book, act, found, by, at_ms, terms)
        gates.forget(act, found.thing)
        act.db.execute("UPDATE bursts SET until_ms = ? WHERE subject = ? AND key = ? AND until_ms > ?",
                       (at_ms, *pair(found.thing), at_ms))  # fmt: skip
        wrong = reports.judge(act, found.thing, right=False)
        _decide(act, found, UPHELD, by, why, at_ms, lifted)
        act.note(
            thing=str(found.thing), lifted=lifted, reports_wrong=wrong, ms_since_filed=at_ms - found.filed_ms,
            ms_since_blocked=at_ms - found.blocked_ms,
        )  # fmt: skip
        return one(act.db, appeal)


def refuse(book: Book, appeal: int, why: str, *, by: str, at_ms: int) -> Appeal:
    """It was right: it stays, and the person is told why. Raises Refused."""
    with book.act("appeal.refuse", f"appeal:{appeal}", by, at_ms) as act:
        act.note(reason=why)
        found = _undecided(act.db, appeal, at_ms)
        if not why.strip():
            raise Refused("no-reason", "who is turned down is told why", "say why by --why")
        right = reports.judge(act, found.thing, right=True)
        _decide(act, found, TURNED_DOWN, by, why, at_ms, 0)
        act.note(thing=str(found.thing), reports_right=right)
        return one(act.db, appeal)


def overdue(book: Book, now_ms: int) -> None:
    """Notes each appeal that nobody decided in time, once."""
    late = "SELECT id, due_ms FROM appeals WHERE decided_ms = 0 AND overdue_ms = 0 AND due_ms <= ? ORDER BY due_ms, id"
    for appeal, due_ms in book.db.execute(late, (now_ms,)).fetchall():
        with book.act("appeal.overdue", f"appeal:{appeal}", "centre", due_ms) as act:
            act.db.execute("UPDATE appeals SET overdue_ms = ? WHERE id = ?", (due_ms, appeal))


def one(db: sqlite3.Connection, appeal: int) -> Appeal:
    """Raises Refused."""
    found = _where(db, "id = ?", appeal)
    if not found:
        raise Refused("no-such-appeal", f"there is no appeal {appeal}", "`interceptor centre appeal list` has all")
    return found[0]


def listing(
    db: sqlite3.Connection, *, open_only: bool = False, overdue_at_ms: int = 0, last: int = 100
) -> list[Appeal]:
    """Newest first; or those that should have been decided by then, the oldest first."""
    if overdue_at_ms:
        return _where(db, "decided_ms = 0 AND due_ms <= ? ORDER BY due_ms, id LIMIT ?", overdue_at_ms, last)
    return _where(db, f"{'decided_ms = 0' if open_only else '1'} ORDER BY id DESC LIMIT ?", last)


def last_of(db: sqlite3.Connection, thing: Thing) -> Appeal | None:
    return next(iter(_where(db, "subject = ? AND key = ? ORDER BY id DESC LIMIT 1", *pair(thing))), None)


def open_of(db: sqlite3.Connection, thing: Thing) -> Appeal | None:
    """The appeal about a thing that waits for a decision."""
    return next(iter(_where(db, "subject = ? AND key = ? AND decided_ms = 0", *pair(thing))), None)


def _undecided(db: sqlite3.Connection, appeal: int, at_ms: int) -> Appeal:
    found = one(db, appeal)
    if found.decided_ms:
        raise Refused("decided-already", f"appeal {appeal} was {found.outcome} by {found.decider}")
    if at_ms < found.filed_ms:
        raise Refused("before-filing", f"appeal {appeal} was filed later than that", "see --at")
    return found


def _decide(act: Act, appeal: Appeal, outcome: str, by: str, why: str, at_ms: int, lifted: int) -> None:
    act.db.execute(
        "UPDATE appeals SET decided_ms = ?, outcome = ?, decider = ?, why = ?, lifted = ? WHERE id = ?",
        (at_ms, outcome, by, why, lifted, appeal.id),
    )


def _lift(book: Book, act: Act, appeal: Appeal, by: str, at_ms: int, terms: Terms) -> int:
    """Orders that take back all that is in force: those of the systems that did it, then what is left, and what rules
    at the gates may have put on their lists. Gives how many."""
    thing, wanted = appeal.thing, dict[tuple[Verb, str], None]()
    before = sum(1 for _ in about(act.db, thing))
    giving_back.give_back(book, thing, appeal.ref, by=by, at_ms=at_ms)
    for one_ in against(act.db, thing, at_ms):
        if one_.verb is Verb.PUT_ON_LIST:
            wanted[Verb.TAKE_OFF_LIST, one_.list] = None
        else:
            wanted[Verb.RELEASE if one_.verb in (Verb.STOP, Verb.FREEZE) else Verb.LIFT, ""] = None
    if gates.acted_on(act.db, thing, at_ms, terms):
        wanted |= {(Verb.TAKE_OFF_LIST, name): None for name in FILLED_AT_GATES.get(thing.subject, ())}
        wanted[Verb.LIFT, ""] = None
    for verb, name in wanted:
        order(act, verb, thing, at_ms, list=name, reason="The appeal was upheld.", ref=appeal.ref)
    return sum(1 for _ in about(act.db, thing)) - before


def _where(db: sqlite3.Connection, condition: str, *values: int) -> list[Appeal]:
    rows = db.execute(f"SELECT {', '.join(_NAMES)} FROM appeals WHERE {condition}", values)
    return [Appeal(id_, thing_of(subject, key, shown), *rest) for id_, subject, key, shown, *rest in rows]
