"""Citizens on duty: their reports, what the gates did, appeals that are decided there, deadlines, advice.

Enters: what the gates saw. Leaves: votes, appeals, a record of what was done at the gates. Invariant: rows are taken in
the order of the stream; what can't be (a second vote, an appeal against nothing) is refused on the log and goes no
further.
"""

from __future__ import annotations

from contextlib import suppress

from interceptor.centre.book import Book
from interceptor.centre.citizens import advice, appeals, gates, reports
from interceptor.centre.citizens.keys import named
from interceptor.centre.citizens.terms import HOUR_MS, Official, Terms
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Event, Seen
from interceptor.centre.things import Thing
from interceptor.centre.warnings.sources import thing_of
from interceptor.schema import Kind, Outcome, Subject

TERMS = Terms()
_BURST_RULES = frozenset({"many-report-number", "many-report-site", "many-report-account"})
_SAID = (Kind.REPORT, Kind.FEEDBACK)
_DECIDED = (Outcome.APPEAL_UPHELD, Outcome.APPEAL_REFUSED)
_JUDGED = {Outcome.CONFIRMED: True, Outcome.FALSE_ALARM: False}


class CitizenSystem:
    """`official`: what no crowd can have blocked; terms.Official.of takes it from a rule set's lists."""

    waits = (
        "EXISTS (SELECT 1 FROM appeals INDEXED BY appeals_due"
        " WHERE decided_ms = 0 AND overdue_ms = 0 AND due_ms <= :now)"
    )

    def __init__(self, terms: Terms = TERMS, official: Official = reports.NOBODY_OFFICIAL) -> None:
        self.terms, self.official = terms, official
        self.wakes_ms = 0  # when the next round of advice is, 0 = not looked up yet

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        waiting: list[Event] = []
        for event in seen.events:
            if event.kind in _SAID:
                waiting = gates.note(book, seen, waiting, now_ms, self.terms)
                if thing := thing_of(seen, event):
                    self._said(book, event, thing)
            if event.actions & gates.ACTED:
                waiting.append(event)
        gates.note(book, seen, waiting, now_ms, self.terms)

    def due(self, book: Book, now_ms: int) -> None:
        appeals.overdue(book, now_ms)
        self.wakes_ms = self.wakes_ms or advice.round_due_ms(book, now_ms, self.terms)
        while self.wakes_ms <= now_ms:
            advice.hold_round(book, self.wakes_ms, self.terms)
            self.wakes_ms = advice.round_due_ms(book, now_ms, self.terms)

    def _said(self, book: Book, event: Event, thing: Thing) -> None:
        at_ms = event.ts_ms
        if event.kind == Kind.REPORT:
            if event.target and not event.finding and thing.subject is not Subject.PERSON:
                self._vote(book, event, thing)
            return
        outcome = Outcome(event.outcome)
        if event.tier:
            return  # of a warning
        if outcome in _DECIDED:
            self._appealed(book, thing, event.target, outcome, at_ms)
        elif outcome in _JUDGED and reports.waits_for_judgement(book.db, thing):
            with book.act("report.judge", str(thing), "officer", at_ms) as act:
                act.note(right=_JUDGED[outcome], reports=reports.judge(act, thing, right=_JUDGED[outcome]))

    def _vote(self, book: Book, event: Event, thing: Thing) -> None:
        citizen, town, at_ms = event.target, event.town, event.ts_ms
        if not _BURST_RULES.isdisjoint(event.rules):
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
