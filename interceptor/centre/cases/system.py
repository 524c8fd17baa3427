"""Cases on duty: what the gates ask to be looked into, what is said of rules, whose time has come.

Enters: what the gates saw, the time. Leaves: cases, judgements, entries on timelines. Invariant: events about one thing
open one case, in whatever portions they come.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from interceptor.centre.book import Book
from interceptor.centre.cases import judging, officers
from interceptor.centre.cases.opening import about, open_or_join, opened_ms, things_of
from interceptor.centre.cases.terms import HOUR_MS, TERMS, CaseKind, CaseTerms, Party
from interceptor.centre.cases.timeline import enter
from interceptor.centre.seen import Seen
from interceptor.centre.things import Thing
from interceptor.schema import Action, Kind, Outcome, Subject, rule_key

BY = "gates"  # who asks, where a rule does
CLERK = "centre"  # who writes down that a time has come
_JUDGED = (Outcome.CONFIRMED, Outcome.FALSE_ALARM, Outcome.APPEAL_UPHELD, Outcome.APPEAL_REFUSED)
_WRONG = (Outcome.FALSE_ALARM, Outcome.APPEAL_UPHELD)
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
    actions: Action
    citizen: int


class CasesSystem:
    """See duty.System."""

    def __init__(self, terms: CaseTerms = TERMS) -> None:
        self.terms = terms
        self._rules: tuple[str, ...] = ()
        self._keys: dict[int, str] = {}
        self._forget_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:  # noqa: ARG002
        rows = seen.acted(Action.OPEN_CASE)
        feedback = seen.of_kind(Kind.FEEDBACK)
        reports = seen.of_kind(Kind.REPORT)
        if len(rows):
            self._open(book, seen, rows)
        if len(feedback):
            self._judge(book, seen, feedback)
        for row in np.sort(np.concatenate([reports, feedback])).tolist():
            self._hear(book, seen, row)

    def due(self, book: Book, now_ms: int) -> None:
        """Deadlines that were missed, and cases that wait for an officer with room."""
        for column, what in (("handle", "first handling"), ("decide", "decision")):
            self._overdue(book, column, what, now_ms)
        self._assign(book, now_ms)
        if now_ms >= self._forget_ms:
            judging.forget(book.db, now_ms, self.terms)
            self._forget_ms = now_ms + HOUR_MS

    def _open(self, book: Book, seen: Seen, rows: np.ndarray) -> None:
        """One act for what is the same again and again, in the order of its first time."""
        asked: dict[_Asked, list[int]] = {}
        for row in rows[seen.actions[rows] & Action.TO_SHADOW == 0].tolist():  # of these judging makes a case
            asked.setdefault(_asked(seen, row), []).append(row)
        for what, same in asked.items():
            first, last = (int(seen.column("ts_ms")[row]) for row in (same[0], same[-1]))
            case_id = open_or_join(
                book, what.kind, (what.thing,), f"{', '.join(what.rules) or 'the score'}: {_words(what.actions)}",
                rules=what.rules, citizens=(what.citizen,) if what.citizen else (),
                ref=f"event:{int(seen.column('event_id')[same[0]])}", terms=self.terms, by=BY, at_ms=first,
            )  # fmt: skip
            if len(same) > 1:
                book.db.execute(
                    "UPDATE cases SET hits = hits + ?, last_ms = max(last_ms, ?) WHERE id = ?",
                    (len(same) - 1, last, case_id),
                )

    def _hear(self, book: Book, seen: Seen, row: int) -> None:
        """What is said of a thing that there is an open case about: by a citizen, once; by police and officers."""
        kind, ts_ms, citizen = (int(seen.column(name)[row]) for name in ("kind", "ts_ms", "target"))
        party, words = _said(seen, row)
        if not words:
            return
        thing = Thing(_subject(seen, row), int(seen.column("source")[row]))
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

    def _judge(self, book: Book, seen: Seen, rows: np.ndarray) -> None:
        """What is said of blocks and limits; a warning given in vain costs a call, and says nothing of a rule."""
        rows = rows[(seen.column("tier")[rows] == 0) & (seen.column("rule")[rows] != 0)]
        rows = rows[np.isin(seen.column("outcome")[rows], _JUDGED)]
        columns = (seen.column(name)[rows].tolist() for name in ("rule", "source", "outcome", "ts_ms"))
        shadow = (seen.actions[rows] & Action.TO_SHADOW != 0).tolist()
        for row, rule, source, outcome, ts_ms, often in zip(rows.tolist(), *columns, shadow, strict=True):
            self._learn(book, seen, rule)
            judging.judge(
                book, rule, source, wrong=outcome in _WRONG, appeal=outcome == Outcome.APPEAL_UPHELD,
                terms=self.terms, by=BY, at_ms=ts_ms,
            )  # fmt: skip
            if often:
                why = f"{', '.join(seen.rules_of(row))} found it too often wrong"
                judging.to_shadow(book, rule, why, terms=self.terms, by=BY, at_ms=ts_ms)

    def _learn(self, book: Book, seen: Seen, rule: int) -> None:
        rules = tuple(seen.rules)
        if self._rules != rules:
            self._rules, self._keys = rules, {rule_key(name): name for name in rules}
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


def _asked(seen: Seen, row: int) -> _Asked:
    """As the rules mean it, a case is about the party that may be the scammer."""
    kind, actions = Kind(int(seen.column("kind")[row])), Action(int(seen.actions[row]))
    source, target = int(seen.column("source")[row]), int(seen.column("target")[row])
    about, citizen, shown = CaseKind.MONEY, 0, ""
    if kind is Kind.FEEDBACK:
        about, subject, source = CaseKind.CITIZEN, Subject.NUMBER, target
    elif kind is Kind.TRANSFER and actions & (Action.STOP_48H | Action.FREEZE_6M):
        subject, source = Subject.ACCOUNT, int(seen.column("payer")[row])
    else:
        subject = _SUBJECT.get(kind, Subject.NUMBER)
        if kind in (Kind.REGISTRATION, Kind.REPORT):
            subject = _subject(seen, row)
        shown = seen.text("host", row) if kind is Kind.WEB else ""
        about = CaseKind.CARD if kind is Kind.REGISTRATION else _OF_SUBJECT[subject]
    if about is CaseKind.MONEY:
        citizen = target  # whom a line rings up and who visits a site are too many to be in a case
    return _Asked(about, Thing(subject, source, shown), seen.rules_of(row), actions, citizen)


def _subject(seen: Seen, row: int) -> Subject:
    """What a registration, a report or feedback is about: a text is reported by the number that wrote it."""
    subject = Subject(int(seen.column("subject")[row]))
    return Subject.NUMBER if subject in (Subject.TEXT, Subject.NONE) else subject


def _said(seen: Seen, row: int) -> tuple[Party, str]:
    """Who says what in a report or in feedback; "" = nothing for a timeline."""
    if seen.column("kind")[row] == Kind.REPORT:
        finding = int(seen.column("finding")[row])
        if finding:
            return Party.POLICE, f"finding {finding}: sold, let or lent"
        # Money makes an alert of the report that a gate stops an account for.
        return Party.CITIZEN, "" if int(seen.actions[row]) & Action.STOP_48H else "reported by a citizen"
    tier, outcome = int(seen.column("tier")[row]), Outcome(int(seen.column("outcome")[row]))
    said = outcome.name.lower().replace("_", " ") if outcome else "given"
    if tier >= 3:  # officers ring up, or come
        return Party.POLICE, f"warning of tier {tier}: {said}"
    return Party.POLICE, f"looked into: {said}" if not tier and outcome in _JUDGED else ""


def _words(actions: Action) -> str:
    return ", ".join(str(action.name).lower().replace("_", " ") for action in actions)
