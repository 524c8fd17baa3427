"""Cases on duty: what the gates ask to be looked into, what is said of rules, whose time has come.

Enters: what the gates saw, the time. Leaves: cases, judgements, entries on timelines. Invariant: events about one thing
open one case, in whatever portions they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from interceptor.centre.book import Book
from interceptor.centre.cases import judging, officers
from interceptor.centre.cases.opening import about, open_or_join, opened_ms, things_of
from interceptor.centre.cases.terms import HOUR_MS, TERMS, CaseKind, CaseTerms, Party
from interceptor.centre.cases.timeline import enter
from interceptor.centre.seen import Event, Seen
from interceptor.centre.things import Thing
from interceptor.schema import Action, Kind, Outcome, Subject, rule_key

BY = "gates"  # who asks, where a rule does
CLERK = "centre"  # who writes down that a time has come
_JUDGED = (Outcome.CONFIRMED, Outcome.FALSE_ALARM, Outcome.APPEAL_UPHELD, Outcome.APPEAL_REFUSED)
_WRONG = (Outcome.FALSE_ALARM, Outcome.APPEAL_UPHELD)
_CASE = int(Action.OPEN_CASE | Action.TO_SHADOW)
_STOPS = int(Action.STOP_48H | Action.FREEZE_6M)
_SUBJECT = {Kind.WEB: Subject.SITE, Kind.TRANSFER: Subject.ACCOUNT}
_OF_SUBJECT = {
    Subject.NUMBER: CaseKind.LINE, Subject.SITE: CaseKind.SITE, Subject.ACCOUNT: CaseKind.MONEY,
    Subject.PERSON: CaseKind.CARD,
}  # fmt: skip


class _Asked(NamedTuple):
    """What a gate asks to be looked into; `citizen` 0 = nobody."""

    kind: CaseKind
    thing: Thing
    rules: tuple[str, ...]
    actions: int
    citizen: int


class CasesSystem:
    """See duty.System."""

    waits = (
        "EXISTS (SELECT 1 FROM cases WHERE closed_ms IS NULL AND handled_ms IS NULL AND overdue_handle_ms IS NULL"
        " AND handle_by_ms <= :now) OR EXISTS (SELECT 1 FROM cases WHERE closed_ms IS NULL AND overdue_decide_ms IS"
        " NULL AND decide_by_ms <= :now) OR EXISTS (SELECT 1 FROM cases WHERE closed_ms IS NULL AND officer = '')"
    )

    def __init__(self, terms: CaseTerms = TERMS) -> None:
        self.terms = terms
        self._rules: Sequence[str] = ()
        self._keys: dict[int, str] = {}
        self.wakes_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:  # noqa: ARG002
        self._open(book, seen)
        for event in seen.events:
            if event.kind == Kind.FEEDBACK and event.tier == 0 and event.rule and event.outcome in _JUDGED:
                self._judge(book, seen, event)
        for event in seen.events:
            if event.kind in (Kind.REPORT, Kind.FEEDBACK):
                self._hear(book, event)

    def due(self, book: Book, now_ms: int) -> None:
        """Deadlines that were missed, and cases that wait for an officer with room."""
        for column, what in (("handle", "first handling"), ("decide", "decision")):
            self._overdue(book, column, what, now_ms)
        self._assign(book, now_ms)
        if now_ms >= self.wakes_ms:
            judging.forget(book.db, now_ms, self.terms)
            self.wakes_ms = now_ms + HOUR_MS

    def _open(self, book: Book, seen: Seen) -> None:
        """One act for what is the same again and again, in the order of its first time."""
        asked: dict[_Asked, list[Event]] = {}
        for event in seen.events:
            if event.actions & _CASE == Action.OPEN_CASE:  # of what goes to shadow judging makes a case
                asked.setdefault(_asked(seen, event), []).append(event)
        for what, same in asked.items():
            first, last = same[0].ts_ms, same[-1].ts_ms
            case_id = open_or_join(
                book, what.kind, (what.thing,), f"{', '.join(what.rules) or 'the score'}: {_words(what.actions)}",
                rules=what.rules, citizens=(what.citizen,) if what.citizen else (),
                ref=f"event:{same[0].event_id}", terms=self.terms, by=BY, at_ms=first,
            )  # fmt: skip
            if len(same) > 1:
                book.db.execute(
                    "UPDATE cases SET hits = hits + ?, last_ms = max(last_ms, ?) WHERE id = ?",
                    (len(same) - 1, last, case_id),
                )

    def _hear(self, book: Book, event: Event) -> None:
        """What is said of a thing that there is an open case about: by a citizen, once; by police and officers."""
        kind, ts_ms, citizen = event.kind, event.ts_ms, event.target
        party, words = _said(event)
        if not words:
            return
        thing = Thing(_subject(event), event.source)
        case_id = about(book.db, (thing,), ts_ms - self.terms.join_ms)
        if case_id is None or ts_ms < opened_ms(book.db, case_id):
            return
        if kind == Kind.REPORT and party is Party.CITIZEN:
            if citizen in {known.key for known in things_of(book.db, case_id, citizens=True)}:
                return
            open_or_join(
                book, CaseKind.LINE, (thing,), words, citizens=(citizen,), party=party, terms=self.terms, by=BY,
                at_ms=ts_ms,
            )  # fmt: skip
            return
        with book.act("case.heard", f"case:{case_id}", BY, ts_ms) as act:
            act.note(what=words)
            enter(act, case_id, party, words, by=BY, at_ms=ts_ms, about=thing)

    def _judge(self, book: Book, seen: Seen, event: Event) -> None:
        """What is said of blocks and limits; a warning given in vain costs a call, and says nothing of a rule."""
        rule, at_ms = event.rule, event.ts_ms
        self._learn(book, seen, rule)
        judging.judge(
            book, rule, event.source, wrong=event.outcome in _WRONG, appeal=event.outcome == Outcome.APPEAL_UPHELD,
            terms=self.terms, by=BY, at_ms=at_ms,
        )  # fmt: skip
        if event.actions & Action.TO_SHADOW:
            why = f"{', '.join(event.rules)} found it too often wrong"
            judging.to_shadow(book, rule, why, terms=self.terms, by=BY, at_ms=at_ms)

    def _learn(self, book: Book, seen: Seen, rule: int) -> None:
        if self._rules != seen.rules:
            self._rules, self._keys = seen.rules, {rule_key(name): name for name in seen.rules}
        if rule in self._keys:
            judging.learn_name(book.db, self._keys[rule])

    def _overdue(self, book: Book, column: str, what: str, now_ms: int) -> None:
        handled = " AND handled_ms IS NULL" if column == "handle" else ""
        found = book.db.execute(
            f"SELECT id, {column}_by_ms FROM cases WHERE closed_ms IS NULL{handled} AND overdue_{column}_ms IS NULL"
            f" AND {column}_by_ms <= ? ORDER BY {column}_by_ms, id",
            (now_ms,),
        )
        for case_id, by_ms in found.fetchall():
            with book.act("case.overdue", f"case:{case_id}", CLERK, by_ms) as act:
                act.note(what=what)
                act.db.execute(f"UPDATE cases SET overdue_{column}_ms = ? WHERE id = ?", (by_ms, case_id))
                enter(act, case_id, Party.CENTRE, f"{what} is overdue", by=CLERK, at_ms=by_ms)

    @staticmethod
    def _assign(book: Book, now_ms: int) -> None:
        """The most urgent of those that wait, for as long as somebody has room."""
        waiting = "SELECT id FROM cases WHERE closed_ms IS NULL AND officer = '' ORDER BY urgency, opened_ms LIMIT 1"
        while (name := officers.least_loaded(book.db)) and (found := book.db.execute(waiting).fetchone()):
            with book.act("case.assign", f"case:{found[0]}", CLERK, now_ms) as act:
                act.note(officer=name)
                officers.give(act, found[0], name, now_ms)


def _asked(seen: Seen, event: Event) -> _Asked:
    """As the rules mean it, a case is about the party that may be the scammer."""
    kind, source = Kind(event.kind), event.source
    about, citizen, shown = CaseKind.MONEY, 0, ""
    if kind is Kind.FEEDBACK:
        about, subject, source = CaseKind.CITIZEN, Subject.NUMBER, event.target
    elif kind is Kind.TRANSFER and event.actions & _STOPS:
        subject, source = Subject.ACCOUNT, event.payer
    else:
        subject = _SUBJECT.get(kind, Subject.NUMBER)
        if kind in (Kind.REGISTRATION, Kind.REPORT):
            subject = _subject(event)
        shown = seen.text("host", event.row) if kind is Kind.WEB else ""
        about = CaseKind.CARD if kind is Kind.REGISTRATION else _OF_SUBJECT[subject]
    if about is CaseKind.MONEY:
        citizen = event.target  # whom a line rings up and who visits a site are too many to be in a case
    return _Asked(about, Thing(subject, source, shown), event.rules, event.actions, citizen)


def _subject(event: Event) -> Subject:
    """What a registration, a report or feedback is about: a text is reported by the number that wrote it."""
    subject = Subject(event.subject)
    return Subject.NUMBER if subject in (Subject.TEXT, Subject.NONE) else subject


def _said(event: Event) -> tuple[Party, str]:
    """Who says what in a report or in feedback; "" = nothing for a timeline."""
    if event.kind == Kind.REPORT:
        if event.finding:
            return Party.POLICE, f"finding {event.finding}: sold, let or lent"
        # Money makes an alert of the report that a gate stops an account for.
        return Party.CITIZEN, "" if event.actions & Action.STOP_48H else "reported by a citizen"
    tier, outcome = event.tier, Outcome(event.outcome)
    said = outcome.name.lower().replace("_", " ") if outcome else "given"
    if tier >= 3:  # officers ring up, or come
        return Party.POLICE, f"warning of tier {tier}: {said}"
    return Party.POLICE, f"looked into: {said}" if not tier and outcome in _JUDGED else ""


def _words(actions: int) -> str:
    return ", ".join(str(action.name).lower().replace("_", " ") for action in Action(actions))
