"""What officers do with a case: take it, note, end it, merge it with another.

Enters: an officer's wish. Leaves: acts in the book. Invariants: what has ended isn't changed any more; an officer's
load is the number of his open cases.
"""

from __future__ import annotations

from interceptor.centre import orders
from interceptor.centre.book import Act, Book
from interceptor.centre.cases import judging, officers
from interceptor.centre.cases.opening import rules_of, things_of
from interceptor.centre.cases.terms import TERMS, CaseTerms, Outcome, Party
from interceptor.centre.cases.timeline import enter
from interceptor.centre.refusal import Refused, not_before
from interceptor.centre.things import Thing


def assign(book: Book, case_id: int, officer: str = "", *, by: str, at_ms: int) -> str:
    """To an officer, "" = who has the least to do; gives his name. Raises Refused."""
    with book.act("case.assign", f"case:{case_id}", by, at_ms) as act:
        not_before(at_ms, _open(act, case_id), f"case {case_id} was opened")
        name = officer or officers.least_loaded(act.db)
        act.note(officer=name)
        if not name:
            raise Refused("no-officer", "no officer has room", "`interceptor centre cases officers` has the roster")
        if not act.db.execute("SELECT count(*) FROM officers WHERE name = ?", (name,)).fetchone()[0]:
            raise Refused("no-such-officer", f"{name} isn't on the roster", "put him there by `cases officers --add`")
        officers.give(act, case_id, name, at_ms)
        enter(act, case_id, Party.CENTRE, f"given to {name}", by=by, at_ms=at_ms)
    return name


def note(
    book: Book, case_id: int, what: str, *, party: Party = Party.POLICE, about: Thing | None = None, by: str, at_ms: int
) -> int:
    """A line on the timeline: what police, a bank or a carrier did or said. Raises Refused."""
    with book.act("case.note", f"case:{case_id}", by, at_ms) as act:
        _open(act, case_id)
        act.note(what=what, party=party)
        if not what.strip():
            raise Refused("no-words", "a note says something")
        return enter(act, case_id, party, what, by=by, at_ms=at_ms, about=about)


def outcome(
    book: Book, case_id: int, found: Outcome, why: str = "", *, terms: CaseTerms = TERMS, by: str, at_ms: int
) -> None:
    """The end of a case. Fraud or none is told to the rules behind it (see judging); after a false alarm everything
    that was done about its things is to be lifted at once (law of 2022, art. 32). Raises Refused."""
    with book.act("case.outcome", f"case:{case_id}", by, at_ms) as act:
        act.note(outcome=found, why=why)
        not_before(at_ms, _open(act, case_id), f"case {case_id} was opened")
        things = things_of(act.db, case_id)
        enter(act, case_id, Party.POLICE, f"outcome: {found}{': ' if why else ''}{why}", by=by, at_ms=at_ms)
        officers.release(act, case_id)
        act.db.execute("UPDATE cases SET outcome = ?, closed_ms = ? WHERE id = ?", (found, at_ms, case_id))
        if found is Outcome.FALSE_ALARM:
            for thing in things:
                orders.order(
                    act, orders.Verb.LIFT, thing, at_ms, ref=f"case:{case_id}",
                    reason="The police looked into it and found no fraud.",
                )  # fmt: skip
        if found is not Outcome.UNDECIDED and things:
            for rule in rules_of(act.db, case_id):
                judging.judge(
                    book, judging.learn_name(act.db, rule), things[0].key, wrong=found is Outcome.FALSE_ALARM,
                    terms=terms, by=by, at_ms=at_ms,
                )  # fmt: skip


def merge(book: Book, into: int, other: int, *, terms: CaseTerms = TERMS, by: str, at_ms: int) -> int:
    """Two open cases that share suspects become one, `into`; gives its id. Its timeline, things, rules are those of
    both, its urgency the higher, its deadlines the earlier. Raises Refused."""
    with book.act("case.merge", f"case:{into}", by, at_ms) as act:
        act.note(other=other)
        if into == other:
            raise Refused("same-case", f"case {into} is itself already")
        for number in (into, other):
            not_before(at_ms, _open(act, number), f"case {number} was opened")
        things = {(t.subject, t.key) for t in things_of(act.db, into)}
        shared = [str(t) for t in things_of(act.db, other) if (t.subject, t.key) in things]
        if len(shared) < terms.merge_shared:
            raise Refused("nothing-shared", f"cases {into} and {other} have no suspect in common")
        act.note(shared=shared)
        officers.release(act, other)
        act.db.execute("UPDATE case_things SET nth = nth + 1000000 WHERE case_id = ?", (other,))  # after its own
        for table in ("case_things", "case_rules"):
            act.db.execute(f"UPDATE OR IGNORE {table} SET case_id = ? WHERE case_id = ?", (into, other))
            act.db.execute(f"DELETE FROM {table} WHERE case_id = ?", (other,))
        act.db.execute("UPDATE case_entries SET case_id = ? WHERE case_id = ?", (into, other))
        act.db.execute(
            "UPDATE cases SET urgency = min(cases.urgency, o.urgency), hits = cases.hits + o.hits,"
            " last_ms = max(cases.last_ms, o.last_ms), handle_by_ms = min(cases.handle_by_ms, o.handle_by_ms),"
            " decide_by_ms = min(cases.decide_by_ms, o.decide_by_ms),"
            " handled_ms = coalesce(min(cases.handled_ms, o.handled_ms), cases.handled_ms, o.handled_ms)"
            " FROM (SELECT * FROM cases WHERE id = ?) AS o WHERE cases.id = ?",
            (other, into),
        )
        act.db.execute(
            "UPDATE cases SET merged_into = ?, closed_ms = ?, outcome = 'merged' WHERE id = ?", (into, at_ms, other)
        )
        enter(act, into, Party.CENTRE, f"case {other} is part of it: {', '.join(shared)}", by=by, at_ms=at_ms)
    return into


def _open(act: Act, case_id: int) -> int:
    """When it was opened. Raises Refused where it has ended, or isn't there."""
    found = act.db.execute("SELECT opened_ms, closed_ms, outcome FROM cases WHERE id = ?", (case_id,)).fetchone()
    if found is None:
        raise Refused("no-such-case", f"there is no case {case_id}", "`interceptor centre cases list` has them")
    if found[1] is not None:
        raise Refused("case-ended", f"case {case_id} has ended: {found[2]}")
    return int(found[0])
