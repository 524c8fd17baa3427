"""How a case begins, and what joins it.

Enters: what a rule, a citizen or another of the centre's systems finds. Leaves: a case, new or the open one about the
same thing. Invariant: of one suspect thing there is one open case, as long as something happens in it within the term.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from interceptor.centre.book import Act, Book
from interceptor.centre.cases import officers
from interceptor.centre.cases.terms import TERMS, URGENCY, CaseKind, CaseTerms, Party, Urgency
from interceptor.centre.cases.timeline import enter
from interceptor.centre.refusal import Refused
from interceptor.centre.signed import signed, unsigned
from interceptor.centre.things import Thing
from interceptor.schema import Subject


def open_or_join(
    book: Book, kind: CaseKind, things: Sequence[Thing], reason: str, *, rules: Iterable[str] = (),
    citizens: Iterable[int] = (), party: Party = Party.RULE, ref: str = "", urgency: Urgency | None = None,
    terms: CaseTerms = TERMS, by: str, at_ms: int,
) -> int:  # fmt: skip
    """The id of the case about these suspect things. An open one about any of them, in which something happened within
    `terms.join_ms`, takes them in; a more urgent reason makes it more urgent. What a rule says of a thing that the
    case knows all about already only counts as a hit.

    `citizens`: phone numbers of those whom it concerns; `rules`: names, which the outcome will speak of; `reason` is
    its line on the timeline. Raises Refused where there is none, or neither a thing nor a `ref`."""
    if not reason.strip():
        raise Refused("no-reason", "a case is opened for a reason", "say it by --reason")
    found = about(book.db, things, at_ms - terms.join_ms)
    if found is None:
        return _opened(
            book, kind, things, reason, rules, citizens, party, ref, URGENCY[kind] if urgency is None else urgency,
            terms, by, at_ms,
        )  # fmt: skip
    with book.together():
        _join(book, found, things, reason, tuple(rules), tuple(citizens), party, ref, urgency, terms, by, at_ms)
    return found


def about(db: sqlite3.Connection, things: Iterable[Thing], since_ms: int) -> int | None:
    """The oldest open case about any of these suspects in which something happened since."""
    ids = []
    for thing in things:
        ids += db.execute(
            "SELECT min(c.id) FROM case_things t JOIN cases c ON c.id = t.case_id WHERE t.subject = ? AND t.key = ?"
            " AND NOT t.citizen AND c.closed_ms IS NULL AND c.last_ms >= ?",
            (thing.subject, signed(thing.key), since_ms),
        ).fetchone()
    return min((found for found in ids if found is not None), default=None)


def opened_ms(db: sqlite3.Connection, case_id: int) -> int:
    return int(db.execute("SELECT opened_ms FROM cases WHERE id = ?", (case_id,)).fetchone()[0])


def things_of(db: sqlite3.Connection, case_id: int, *, citizens: bool = False) -> list[Thing]:
    """The suspects of a case, or the citizens whom it concerns, as they came in."""
    found = db.execute(
        "SELECT subject, key, shown FROM case_things WHERE case_id = ? AND citizen = ? ORDER BY nth, subject, key",
        (case_id, citizens),
    )
    return [Thing(Subject(subject), unsigned(key), shown) for subject, key, shown in found]


def rules_of(db: sqlite3.Connection, case_id: int) -> list[str]:
    return [rule for (rule,) in db.execute("SELECT rule FROM case_rules WHERE case_id = ? ORDER BY rule", (case_id,))]


def _opened(
    book: Book, kind: CaseKind, things: Sequence[Thing], reason: str, rules: Iterable[str], citizens: Iterable[int],
    party: Party, ref: str, urgency: Urgency, terms: CaseTerms, by: str, at_ms: int,
) -> int:  # fmt: skip
    with book.act("case.open", str(things[0]) if things else ref, by, at_ms) as act:
        if not things and not ref:
            raise Refused("no-thing", "a case is about a number, an account, a site or a person")
        handle_by, decide_by = at_ms + terms.handle_ms[urgency], at_ms + terms.decide_ms[urgency]
        made = act.db.execute(
            "INSERT INTO cases (kind, urgency, opened_ms, last_ms, hits, reason, ref, handle_by_ms, decide_by_ms)"
            " VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)",
            (kind, urgency, at_ms, at_ms, reason, ref, handle_by, decide_by),
        )
        case_id = int(made.lastrowid or 0)
        _add(act, case_id, things, rules, citizens)
        enter(act, case_id, party, reason, by=by, at_ms=at_ms, about=things[0] if things else None, ref=ref)
        officer = officers.least_loaded(act.db)
        if officer:
            officers.give(act, case_id, officer, at_ms)
        act.note(case=case_id, kind=kind, reason=reason, officer=officer)
    return case_id


def _join(
    book: Book, case_id: int, things: Sequence[Thing], reason: str, rules: tuple[str, ...], citizens: tuple[int, ...],
    party: Party, ref: str, urgency: Urgency | None, terms: CaseTerms, by: str, at_ms: int,
) -> None:  # fmt: skip
    book.db.execute(
        "UPDATE cases SET hits = hits + 1, last_ms = max(last_ms, ?) WHERE id = ?", (at_ms, case_id)
    )  # a tally, no act
    if party is Party.RULE and not _news(book.db, case_id, things, rules, citizens, urgency):
        return
    with book.act("case.join", f"case:{case_id}", by, at_ms) as act:
        _add(act, case_id, things, rules, citizens)
        enter(act, case_id, party, reason, by=by, at_ms=at_ms, about=things[0] if things else None, ref=ref)
        act.note(thing=str(things[0]), reason=reason)
        if urgency is not None:
            _more_urgent(act, case_id, urgency, terms, at_ms)


def _more_urgent(act: Act, case_id: int, urgency: Urgency, terms: CaseTerms, at_ms: int) -> None:
    """Part of an act: never less urgent than it was, and what is due isn't due later than it was."""
    act.db.execute(
        "UPDATE cases SET urgency = ?, handle_by_ms = min(handle_by_ms, ?), decide_by_ms = min(decide_by_ms, ?)"
        " WHERE id = ? AND urgency > ?",
        (urgency, at_ms + terms.handle_ms[urgency], at_ms + terms.decide_ms[urgency], case_id, urgency),
    )


def _news(
    db: sqlite3.Connection, case_id: int, things: Sequence[Thing], rules: tuple[str, ...], citizens: tuple[int, ...],
    urgency: Urgency | None,
) -> bool:  # fmt: skip
    known = {(t.subject, t.key) for t in things_of(db, case_id)}
    if any((thing.subject, thing.key) not in known for thing in things) or set(rules) - set(rules_of(db, case_id)):
        return True
    if citizens and set(citizens) - {thing.key for thing in things_of(db, case_id, citizens=True)}:
        return True
    found = db.execute("SELECT urgency FROM cases WHERE id = ?", (case_id,)).fetchone()
    return urgency is not None and urgency < found[0]


def _add(act: Act, case_id: int, things: Iterable[Thing], rules: Iterable[str], citizens: Iterable[int]) -> None:
    (nth,) = act.db.execute("SELECT count(*) FROM case_things WHERE case_id = ?", (case_id,)).fetchone()
    rows = [(case_id, t.subject, signed(t.key), t.shown, False) for t in things]
    rows += [(case_id, Subject.NUMBER, signed(number), "", True) for number in citizens if number]
    act.db.executemany(
        "INSERT OR IGNORE INTO case_things VALUES (?, ?, ?, ?, ?, ?)",
        [(*row, place) for place, row in enumerate(rows, start=nth)],
    )
    act.db.executemany("INSERT OR IGNORE INTO case_rules VALUES (?, ?)", [(case_id, rule) for rule in rules])
