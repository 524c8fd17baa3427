"""Money on duty: payments to match with, what a gate stopped, whose time is over.

Enters: what the gates saw, the time. Leaves: alerts, requests, releases. Invariant: an account that a rule stops is
asked for once, however often it tries to pay.
"""

from __future__ import annotations

import numpy as np

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
from interceptor.centre.seen import Seen
from interceptor.schema import Action, Kind, Subject
from interceptor.schema import Outcome as Said

_STOPS = Action.STOP_48H | Action.FREEZE_6M
_INNOCENT = (Said.FALSE_ALARM, Said.APPEAL_UPHELD)
BY = "gates"  # who asks, where a rule does
CLERK = "centre"  # who writes down that a time has come


class MoneySystem:
    """See duty.System."""

    def __init__(self, terms: MoneyTerms = TERMS, desk: BankDesk = DESK) -> None:
        self.terms, self.desk = terms, desk
        self._forget_ms = self._lifted_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:  # noqa: ARG002
        take_payments(book, seen)
        stops, said = seen.acted(_STOPS), seen.of_kind(Kind.REPORT, Kind.FEEDBACK)
        if len(said):
            said = said[seen.column("subject")[said] == Subject.ACCOUNT]
        for row in np.union1d(stops, said).tolist() if len(stops) or len(said) else ():
            self._take(book, seen, row, Kind(int(seen.column("kind")[row])))

    def _take(self, book: Book, seen: Seen, row: int, kind: Kind) -> None:
        names = ("subject", "finding", "outcome", "tier")
        subject, finding, outcome, tier = (int(seen.column(name)[row]) for name in names)
        if int(seen.actions[row]) & _STOPS:
            if kind is Kind.TRANSFER:
                self._stop(book, seen, row, int(seen.column("payer")[row]))
            elif kind is Kind.REPORT and subject == Subject.ACCOUNT:
                self._reported(book, seen, row)
        if finding and self.terms.freeze_on_finding:
            self._found_out(book, seen, row)
        if outcome in _INNOCENT and tier == 0 and self.terms.lift_on_feedback:
            self._cleared(book, seen, row)

    def due(self, book: Book, now_ms: int) -> None:
        """Stops and freezes that end, banks that don't answer, holders whom an outcome found innocent."""
        self._innocent(book, now_ms)
        over = f"SELECT {COLUMNS} FROM stops WHERE state IN ('stopped', 'extended', 'frozen') AND until_ms <= ?"
        for row in book.db.execute(f"{over} ORDER BY until_ms, id", (now_ms,)).fetchall():
            stopping.ended(book, stop(row), by=CLERK)
        late = f"SELECT {COLUMNS} FROM stops WHERE state IN ('requested', 'matched') AND chased_ms IS NULL"
        for row in book.db.execute(f"{late} AND answer_by_ms <= ? ORDER BY answer_by_ms, id", (now_ms,)).fetchall():
            _chase(book, stop(row))
        if now_ms >= self._forget_ms:
            forget_payments(book, now_ms - self.terms.payments_kept_ms)
            self._forget_ms = now_ms + HOUR_MS

    def _stop(self, book: Book, seen: Seen, row: int, account: int) -> None:
        """What a rule decided, for the bank to carry out."""
        ts_ms = int(seen.column("ts_ms")[row])
        found = open_on(book.db, account)
        if found is not None and (found.until_ms is None or ts_ms < found.until_ms):
            return
        rules = seen.rules_of(row)
        case = open_or_join(
            book, CaseKind.MONEY, (account_of(account),), f"{', '.join(rules)}: the account is to be stopped",
            rules=rules, ref=f"event:{int(seen.column('event_id')[row])}", by=BY, at_ms=ts_ms,
        )  # fmt: skip
        if stopping.used(book.db, account, case) < self.terms.stops_max:
            stopping.request_stop(
                book, account, case=case, source=Source.RULE, terms=self.terms, desk=self.desk, by=BY, at_ms=ts_ms
            )

    def _reported(self, book: Book, seen: Seen, row: int) -> None:
        """A victim's report that a gate stops an account for. With his payment found it is an alert."""
        account, citizen, ts_ms = (int(seen.column(name)[row]) for name in ("source", "target", "ts_ms"))
        into = payments_into(book.db, account, citizen=citizen) if citizen else []
        # Nobody is cheated by paying himself, or by a payment of nothing: alerts refuse such a claim.
        paid = [p for p in into if p.at_ms <= ts_ms and p.payer not in (0, account) and p.amount_fen > 0]
        if not paid or not self.terms.alerts_from_stream:
            self._stop(book, seen, row, account)
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

    def _found_out(self, book: Book, seen: Seen, row: int) -> None:
        """Police found that an account was sold, let or lent: if it is stopped, it is frozen."""
        ts_ms, found = int(seen.column("ts_ms")[row]), open_on(book.db, int(seen.column("source")[row]))
        if found is not None and found.state is not State.FROZEN and found.in_force(ts_ms):
            finding = str(int(seen.column("finding")[row]))
            freezing.freeze(book, found.id, finding=finding, terms=self.terms, by="police", at_ms=ts_ms)

    def _cleared(self, book: Book, seen: Seen, row: int) -> None:
        """Officers found the holder innocent, or his appeal was upheld: the account pays again at once."""
        ts_ms, found = int(seen.column("ts_ms")[row]), open_on(book.db, int(seen.column("source")[row]))
        if found is not None and max(found.asked_ms, found.executed_ms or 0) <= ts_ms:
            said = Said(int(seen.column("outcome")[row])).name.lower().replace("_", " ")
            stopping.release(book, found.id, said, wrongly=True, by=BY, at_ms=ts_ms)

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
