"""Numbers that their owners have protected: nobody else can show them, and no crowd can have them blocked.

Enters: a number, its owner, papers. Leaves: the number on the engine's list, or off it. Invariant: a number is
protected once at a time, and never one that police or the joint platform have listed.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from interceptor.centre.book import Book
from interceptor.centre.citizens.terms import PROTECTED
from interceptor.centre.orders import Verb, in_force, order
from interceptor.centre.refusal import Refused, not_before
from interceptor.centre.things import Thing
from interceptor.schema import Subject

_LISTED = ("confirmed_numbers", "sanctioned")


@dataclass(frozen=True, slots=True)
class Protection:
    """`ended_ms` 0 = in force."""

    id: int
    thing: Thing
    owner: str
    since_ms: int
    ended_ms: int


def protect(book: Book, thing: Thing, owner: str, papers: str, *, by: str, at_ms: int) -> Protection:
    """`papers`: what proves that the number is the owner's. Raises Refused."""
    with book.act("protect.add", str(thing), by, at_ms) as act:
        act.note(papers=papers)
        if thing.subject is not Subject.NUMBER:
            raise Refused(
                "not-a-number", f"{thing.masked}: only numbers can be shown by others, so only they are protected"
            )
        if not owner.strip() or not papers.strip():
            raise Refused(
                "no-papers", "whose number is it, and what proves that?",
                "give --owner and --papers: identity card, contract for the line",
            )  # fmt: skip
        if _current(act.db, thing):
            raise Refused("protected-already", f"{thing.masked} is protected already")
        against = [one for one in in_force(act.db, thing, at_ms) if one.list in _LISTED]
        if against:
            raise Refused("listed", f"{thing.masked} is on the list {against[0].list}", "appeal against that first")
        found = act.db.execute(
            "INSERT INTO protected (number, owner, papers, since_ms) VALUES (?, ?, ?, ?)",
            (thing.key, owner, papers, at_ms),
        )
        protection = int(found.lastrowid or 0)
        order(
            act, Verb.PUT_ON_LIST, thing, at_ms, list=PROTECTED, ref=f"protection:{protection}",
            reason="The owner had this number protected: nobody else may show it.",
            remedy="The owner ends it at the centre at any time.", papers="identity card",
        )  # fmt: skip
        act.note(protection=protection)
        return Protection(protection, thing, owner, at_ms, 0)


def end(book: Book, thing: Thing, *, by: str, at_ms: int) -> Protection:
    """The owner doesn't want it any more. Raises Refused."""
    with book.act("protect.end", str(thing), by, at_ms) as act:
        found = _current(act.db, thing)
        if found is None:
            raise Refused("not-protected", f"{thing.masked} isn't protected")
        not_before(at_ms, found.since_ms, "it was protected")
        act.db.execute("UPDATE protected SET ended_ms = ? WHERE id = ?", (at_ms, found.id))
        order(act, Verb.TAKE_OFF_LIST, thing, at_ms, list=PROTECTED, ref=f"protection:{found.id}")
        return Protection(found.id, thing, found.owner, found.since_ms, at_ms)


def listing(db: sqlite3.Connection) -> list[Protection]:
    """All that are in force, newest first."""
    wanted = "SELECT id, number, owner, since_ms, ended_ms FROM protected WHERE ended_ms = 0 ORDER BY id DESC"
    return [
        Protection(id_, Thing(Subject.NUMBER, number), owner, since_ms, ended_ms)
        for id_, number, owner, since_ms, ended_ms in db.execute(wanted)
    ]


def _current(db: sqlite3.Connection, thing: Thing) -> Protection | None:
    if thing.subject is not Subject.NUMBER:
        return None
    wanted = "SELECT id, owner, since_ms, ended_ms FROM protected WHERE number = ? AND ended_ms = 0"
    row = db.execute(wanted, (thing.key,)).fetchone()
    return Protection(row[0], thing, row[1], row[2], row[3]) if row else None
