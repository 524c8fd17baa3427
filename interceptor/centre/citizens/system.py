"""Citizens on duty: their reports, what the gates did, appeals that are decided there, deadlines, advice.

Enters: what the gates saw. Leaves: votes, appeals, a record of what was done at the gates. Invariant: rows are taken in
the order of the stream; what can't be (a second vote, an appeal against nothing) is refused on the log and goes no
further.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from interceptor.centre.book import Book
from interceptor.centre.citizens import advice, appeals, gates, reports
from interceptor.centre.citizens.keys import named
from interceptor.centre.citizens.terms import HOUR_MS, Official, Terms
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Seen
from interceptor.centre.things import Thing
from interceptor.centre.warnings.sources import thing_of
from interceptor.schema import Kind, Outcome, Subject

TERMS = Terms()
_BURST_RULES = frozenset({"many-report-number", "many-report-site", "many-report-account"})
_DECIDED = (Outcome.APPEAL_UPHELD, Outcome.APPEAL_REFUSED)
_JUDGED = {Outcome.CONFIRMED: True, Outcome.FALSE_ALARM: False}


class CitizenSystem:
    """`official`: what no crowd can have blocked; terms.Official.of takes it from a rule set's lists."""

    def __init__(self, terms: Terms = TERMS, official: Official = reports.NOBODY_OFFICIAL) -> None:
        self.terms, self.official = terms, official
        self._round_ms = 0  # when the next round of advice is, 0 = not looked up yet

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        kind = seen.column("kind")
        acted, said = gates.rows(seen), (kind == Kind.REPORT) | (kind == Kind.FEEDBACK)
        waiting: list[int] = []
        for row in np.flatnonzero(acted | said).tolist():
            if said[row]:
                waiting = gates.note(book, seen, waiting, now_ms, self.terms)
                if thing := thing_of(seen, row):
                    self._said(book, seen, row, thing)
            if acted[row]:
                waiting.append(row)
        gates.note(book, seen, waiting, now_ms, self.terms)

    def due(self, book: Book, now_ms: int) -> None:
        appeals.overdue(book, now_ms)
        self._round_ms = self._round_ms or advice.round_due_ms(book, now_ms, self.terms)
        while self._round_ms <= now_ms:
            advice.hold_round(book, self._round_ms, self.terms)
            self._round_ms = advice.round_due_ms(book, now_ms, self.terms)

    def _said(self, book: Book, seen: Seen, row: int, thing: Thing) -> None:
        at_ms = int(seen.column("ts_ms")[row])
        citizen, town = int(seen.column("target")[row]), int(seen.column("town")[row])
        if seen.column("kind")[row] == Kind.REPORT:
            if citizen and not seen.column("finding")[row] and thing.subject is not Subject.PERSON:
                self._vote(book, seen, row, thing, citizen, town, at_ms)
            return
        outcome = Outcome(int(seen.column("outcome")[row]))
        if seen.column("tier")[row]:
            return  # of a warning
        if outcome in _DECIDED:
            self._appealed(book, thing, citizen, outcome, at_ms)
        elif outcome in _JUDGED and reports.waits_for_judgement(book.db, thing):
            with book.act("report.judge", str(thing), "officer", at_ms) as act:
                act.note(right=_JUDGED[outcome], reports=reports.judge(act, thing, right=_JUDGED[outcome]))

    def _vote(
        self, book: Book, seen: Seen, row: int, thing: Thing, citizen: int, town: int, at_ms: int
    ) -> None:  # fmt: skip
        if not _BURST_RULES.isdisjoint(seen.rules_of(row)):
            until_ms = at_ms + self.terms.block_hours * HOUR_MS
            people, towns = self.terms.burst_reporters, self.terms.burst_towns
            reports.burst(book, named(book.db, thing), "gate", at_ms, until_ms, people=people, towns=towns)
        with suppress(Refused):
            reports.add(book, thing, citizen, town, by="citizen", at_ms=at_ms, terms=self.terms, official=self.official)

    def _appealed(self, book: Book, thing: Thing, citizen: int, outcome: Outcome, at_ms: int) -> None:
        with suppress(Refused):
            found = appeals.open_of(book.db, thing)
            if found is None:
                by = Thing(Subject.NUMBER, citizen).masked if citizen else "owner"
                found = appeals.file(book, thing, appeals.AT_GATES, by=by, at_ms=at_ms, terms=self.terms)
            if outcome is Outcome.APPEAL_UPHELD:
                appeals.uphold(book, found.id, by="officer", at_ms=at_ms, terms=self.terms)
            else:
                appeals.refuse(book, found.id, "looked into and found right", by="officer", at_ms=at_ms)
