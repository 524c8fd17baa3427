"""Money on duty: payments to match with, what a gate stopped, whose time is over.

Enters: what the gates saw, the time. Leaves: alerts, requests, releases. Invariant: an account that a rule stops is
asked for once, however often it tries to pay.
"""

from __future__ import annotations

from interceptor.centre.book import Book
from interceptor.centre.cases.opening import open_or_join
from interceptor.centre.cases.terms import CaseKind, Outcome, Party
from interceptor.centre.cases.timeline import enter
from interceptor.centre.money import alerts, freezing, stopping
from interceptor.centre.money.books import account_of, forget_payments, holding, payments_into, take_payments
from interceptor.centre.money.matching import Claim
from interceptor.centre.money.reading import listing
from interceptor.centre.money.stops import COLUMNS, Stop, open_on, stop
from interceptor.centre.money.terms import DAY_MS, DESK, HOUR_MS, TERMS, BankDesk, MoneyTerms, Source, State
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Event, Seen
from interceptor.schema import Action, Kind, Subject
from interceptor.schema import Outcome as Said

_STOPS = int(Action.STOP_48H | Action.FREEZE_6M)
_SAID = (Kind.REPORT, Kind.FEEDBACK)
_INNOCENT = (Said.FALSE_ALARM, Said.APPEAL_UPHELD)
BY = "gates"  # who asks, where a rule does
CLERK = "centre"  # who writes down that a time has come


class MoneySystem:
    """See duty.System."""

    waits = (
        "EXISTS (SELECT 1 FROM stops INDEXED BY stops_end WHERE state IN ('stopped', 'extended', 'frozen')"
        " AND until_ms <= :now) OR EXISTS (SELECT 1 FROM stops INDEXED BY stops_answer WHERE state IN ('requested',"
        " 'matched') AND chased_ms IS NULL AND answer_by_ms <= :now) OR EXISTS (SELECT 1 FROM cases"
        f" WHERE closed_ms > :now - {2 * DAY_MS} AND closed_ms <= :now AND outcome = '{Outcome.FALSE_ALARM}')"
    )

    def __init__(self, terms: MoneyTerms = TERMS, desk: BankDesk = DESK) -> None:
        self.terms, self.desk = terms, desk
        self.wakes_ms = self._lifted_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:  # noqa: ARG002
        take_payments(book, seen)
        for event in seen.events:
            if event.actions & _STOPS or (event.kind in _SAID and event.subject == Subject.ACCOUNT):
                self._take(book, event)

    def _take(self, book: Book, event: Event) -> None:
        if event.actions & _STOPS:
            if event.kind == Kind.TRANSFER:
                self._stop(book, event, event.payer)
            elif event.kind == Kind.REPORT and event.subject == Subject.ACCOUNT:
                self._reported(book, event)
        if event.finding and self.terms.freeze_on_finding:
            self._found_out(book, event)
        if event.outcome in _INNOCENT and event.tier == 0 and self.terms.lift_on_feedback:
            self._cleared(book, event)

    def due(self, book: Book, now_ms: int) -> None:
        """Stops and freezes that end, banks that don't answer, holders whom an outcome found innocent."""
        self._innocent(book, now_ms)
        over = f"SELECT {COLUMNS} FROM stops WHERE state IN ('stopped', 'extended', 'frozen') AND until_ms <= ?"
        for row in book.db.execute(f"{over} ORDER BY until_ms, id", (now_ms,)).fetchall():
            stopping.ended(book, stop(row), by=CLERK)
        late = f"SELECT {COLUMNS} FROM stops WHERE state IN ('requested', 'matched') AND chased_ms IS NULL"
        for row in book.db.execute(f"{late} AND answer_by_ms <= ? ORDER BY answer_by_ms, id", (now_ms,)).fetchall():
            _chase(book, stop(row))
        if now_ms >= self.wakes_ms:
            forget_payments(book, now_ms - self.terms.payments_kept_ms)
            self.wakes_ms = now_ms + HOUR_MS

    def _stop(self, book: Book, event: Event, account: int) -> None:
        """What a rule decided, for the bank to carry out."""
        ts_ms, rules = event.ts_ms, event.rules
        found = open_on(book.db, account)
        if found is not None and (found.until_ms is None or ts_ms < found.until_ms):
            return
        case = open_or_join(
            book, CaseKind.MONEY, (account_of(account),), f"{', '.join(rules)}: the account is to be stopped",
            rules=rules, ref=f"event:{event.event_id}", by=BY, at_ms=ts_ms,
        )  # fmt: skip
        if stopping.used(book.db, account, case) < self.terms.stops_max:
            stopping.request_stop(
                book, account, case=case, source=Source.RULE, terms=self.terms, desk=self.desk, by=BY, at_ms=ts_ms
            )

    def _reported(self, book: Book, event: Event) -> None:
        """A victim's report that a gate stops an account for. With his payment found it is an alert."""
        account, citizen, ts_ms = event.source, event.target, event.ts_ms
        into = payments_into(book.db, account, citizen=citizen) if citizen else []
        # Nobody is cheated by paying himself, or by a payment of nothing: alerts refuse such a claim.
        paid = [p for p in into if p.at_ms <= ts_ms and p.payer not in (0, account) and p.amount_fen > 0]
        if not paid or not self.terms.alerts_from_stream:
            self._stop(book, event, account)
            return
        last, held = paid[-1], holding(book.db, account)
        if alerts.reported(book.db, citizen, account, last.tx, last.at_ms) is not None:
            return
        claim = Claim(last.payer, account, last.amount_fen, last.at_ms, last.tx, held.holder, held.bank)
        alert = alerts.report(
            book, reporter=citizen, scam_type="", loss_fen=sum(p.amount_fen for p in paid), claim=claim, by=BY,
            at_ms=ts_ms,
        )  # fmt: skip
        try:
            stopping.request_stop(
                book, alert=alert.id, source=Source.ALERT, terms=self.terms, desk=self.desk, by=BY, at_ms=ts_ms
            )
        except Refused:  # stopped twice for this matter already: the log says so
            return

    def _found_out(self, book: Book, event: Event) -> None:
        """Police found that an account was sold, let or lent: if it is stopped, it is frozen."""
        found = open_on(book.db, event.source)
        if found is not None and found.state is not State.FROZEN and found.in_force(event.ts_ms):
            finding = str(event.finding)
            freezing.freeze(book, found.id, finding=finding, terms=self.terms, by="police", at_ms=event.ts_ms)

    def _cleared(self, book: Book, event: Event) -> None:
        """Officers found the holder innocent, or his appeal was upheld: the account pays again at once."""
        found = open_on(book.db, event.source)
        if found is not None and max(found.asked_ms, found.executed_ms or 0) <= event.ts_ms:
            said = Said(event.outcome).name.lower().replace("_", " ")
            stopping.release(book, found.id, said, wrongly=True, by=BY, at_ms=event.ts_ms)

    def _innocent(self, book: Book, now_ms: int) -> None:
        """After a false alarm whatever was stopped for the case is lifted (law of 2022, art. 32). A case may have been
        ended at an earlier time than that of the stream: a day's are looked at again."""
        closed = book.db.execute(
            "SELECT id, closed_ms FROM cases WHERE closed_ms > ? AND closed_ms <= ? AND outcome = ? ORDER BY id",
            (self._lifted_ms - DAY_MS, now_ms, Outcome.FALSE_ALARM),
        )
        for case_id, closed_ms in closed.fetchall():
            for found in listing(book, case=case_id):
                if found.ended_ms is None:
                    stopping.release(
                        book, found.id, "the case was a false alarm", wrongly=True, party=Party.CENTRE, by=CLERK,
                        at_ms=max(closed_ms, found.asked_ms, found.executed_ms or 0),
                    )  # fmt: skip
        self._lifted_ms = max(self._lifted_ms, now_ms)


def _chase(book: Book, found: Stop) -> None:
    at_ms = found.answer_by_ms
    with book.act("money.late", found.ref, CLERK, at_ms) as act:
        act.note(account=str(found.account), bank=found.bank)
        act.db.execute("UPDATE stops SET chased_ms = ? WHERE id = ?", (at_ms, found.id))
        words = f"{found.bank or 'the bank'} hasn't answered in time"
        enter(act, found.case, Party.CENTRE, words, by=CLERK, at_ms=at_ms, about=found.account, ref=found.ref)
