"""Freezes: six months, renewable, by a decision of police and within a stop.

Enters: a decision. Leaves: acts in the book, orders to the bank and the engine's lists. Invariant: nothing is frozen
that isn't stopped, nor more than is in the account.
"""

from __future__ import annotations

from interceptor.centre.book import Act, Book
from interceptor.centre.cases.terms import Outcome, Party
from interceptor.centre.cases.timeline import current, enter
from interceptor.centre.money.stops import FROZEN, STOPPED, Stop, biting, one
from interceptor.centre.money.terms import TERMS, MoneyTerms, State, yuan
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused
from interceptor.local_time import clock

REASON = "Police have frozen this account for six months, since money of a fraud is in it."
REMEDY = "Appeal to the police who froze it; they answer in writing. What is wrong is lifted at once."
PAPERS = "identity card and proof of where the money comes from"


def freeze(
    book: Book, stop_id: int, *, finding: str = "", case: int | None = None, amount_fen: int | None = None,
    terms: MoneyTerms = TERMS, by: str, at_ms: int,
) -> Stop:  # fmt: skip
    """While the stop bites. `finding`: number of the police's decision, else the `case` that it is decided in;
    `amount_fen`: how much, else the victims' money as traced, else all that is in the account. Raises Refused."""
    with book.act("money.freeze", f"stop:{stop_id}", by, at_ms) as act:
        act.note(finding=finding, case=case)
        found = biting(act, stop_id, at_ms, State.STOPPED, State.EXTENDED)
        decision = _decision(act, finding, case)
        amount = (found.tainted_fen or found.gross_fen) if amount_fen is None else amount_fen
        act.note(amount_fen=amount)
        if amount_fen is not None and amount_fen <= 0:
            raise Refused("no-sum", "a sum above 0 is frozen")
        if amount > found.gross_fen:
            raise Refused("more-than-is-there", f"{yuan(found.gross_fen)} are in the account, not {yuan(amount)}")
        until_ms = at_ms + terms.freeze_ms
        act.db.execute(
            "UPDATE stops SET state = ?, frozen_ms = ?, frozen_fen = ?, decision = ?, until_ms = ? WHERE id = ?",
            (State.FROZEN, at_ms, amount, decision, until_ms, stop_id),
        )
        _order(act, found, until_ms, at_ms)
        order(act, Verb.TAKE_OFF_LIST, found.account, at_ms, list=STOPPED, reason=REASON, ref=found.ref)
        words = f"{yuan(amount)} frozen until {clock(until_ms):%Y-%m-%d}, by {decision}"
        enter(act, found.case, Party.POLICE, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)
        return one(act.db, stop_id)


def renew(book: Book, stop_id: int, *, finding: str = "", terms: MoneyTerms = TERMS, by: str, at_ms: int) -> Stop:
    """Another six months, while the freeze lasts. `finding`: a new decision, else the old one goes on. Raises
    Refused."""
    with book.act("money.renew", f"stop:{stop_id}", by, at_ms) as act:
        found = biting(act, stop_id, at_ms, State.FROZEN)
        until_ms = (found.until_ms or 0) + terms.freeze_ms
        decision = f"finding {finding}" if finding else found.decision
        act.note(decision=decision, until_ms=until_ms)
        act.db.execute(
            "UPDATE stops SET until_ms = ?, renewals = renewals + 1, decision = ? WHERE id = ?",
            (until_ms, decision, stop_id),
        )
        _order(act, found, until_ms, at_ms)
        words = f"freeze renewed until {clock(until_ms):%Y-%m-%d}, by {decision}"
        enter(act, found.case, Party.POLICE, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)
        return one(act.db, stop_id)


def _decision(act: Act, finding: str, case: int | None) -> str:
    if finding.strip():
        return f"finding {finding}"
    if case is None:
        raise Refused("no-decision", "police decide on a freeze", "name --finding or --case")
    outcome = act.db.execute("SELECT outcome FROM cases WHERE id = ?", (current(act.db, case),)).fetchone()[0]
    if outcome == Outcome.FALSE_ALARM:
        raise Refused("no-decision", f"case {case} was a false alarm: there is nothing to freeze")
    return f"case {case}"


def _order(act: Act, found: Stop, until_ms: int, at_ms: int) -> None:
    for verb, name in ((Verb.FREEZE, ""), (Verb.PUT_ON_LIST, FROZEN)):
        order(act, verb, found.account, at_ms, list=name, until_ms=until_ms, reason=REASON, remedy=REMEDY,
              papers=PAPERS, ref=found.ref)  # fmt: skip
