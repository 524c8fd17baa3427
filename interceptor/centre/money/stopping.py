"""Emergency stops: asked for, carried out by the bank, once more, lifted.

Enters: a victim's alert, a trace, a rule's hit, an officer's wish; what the bank answers. Leaves: acts in the book,
orders to the bank and the engine's lists. Invariants: what doesn't match is refused and nothing is asked of a bank; an
account is stopped twice at most for one matter, each time for 48 hours from the moment it bites.
"""

from __future__ import annotations

import sqlite3

from interceptor.centre.book import Act, Book
from interceptor.centre.cases.opening import things_of
from interceptor.centre.cases.terms import Party
from interceptor.centre.cases.timeline import current, enter, parts_of
from interceptor.centre.money import alerts
from interceptor.centre.money.books import account_of, holding, payments_into
from interceptor.centre.money.matching import match
from interceptor.centre.money.stops import STOPPED, Stop, biting, lift, one, open_on, taint
from interceptor.centre.money.terms import DESK, MINUTE_MS, TERMS, BankDesk, MoneyTerms, Source, State, yuan
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused
from interceptor.centre.signed import signed
from interceptor.local_time import clock
from interceptor.schema import Subject

REASON = "Somebody reported that money of a fraud is in this account. It may receive but not pay for 48 hours."
REMEDY = "A wrong stop is lifted at once: go to any police station, or ring 96110."
PAPERS = "identity card and proof of where the money comes from"


def request_stop(
    book: Book, account: int = 0, *, alert: int | None = None, case: int | None = None, layer: int = 1,
    source: Source = Source.OFFICER, tainted_fen: int = 0, terms: MoneyTerms = TERMS, desk: BankDesk = DESK, by: str,
    at_ms: int,
) -> Stop:  # fmt: skip
    """Asks the bank to stop an account. For an alert it is the account that the victim paid, and all that he says must
    match (see matching); without one a `case` is wanted that it is for. What an officer or a deeper `layer` asks for
    must have to do with the case: it is about the account, or one of its accounts paid into it. Where a stop for
    somebody else is in force already, this victim joins it: he is in the sharing. Raises Refused."""
    with book.act("money.stop", str(account_of(account)) if account else f"alert:{alert}", by, at_ms) as act:
        act.note(source=source, layer=layer, alert=alert)
        holder_fits = True
        if alert is not None:
            account, case, tainted_fen, holder_fits = _claimed(act, alert, account, layer, tainted_fen, terms, at_ms)
        if not account:
            raise Refused("no-account", "which account is to be stopped?")
        if case is None:
            raise Refused("no-case", "a stop is for an alert or a case", "name one by --alert or --case")
        if not 1 <= layer <= terms.layers_max:
            raise Refused("no-layer", f"layer {layer} isn't from 1 to {terms.layers_max}")
        case = current(act.db, case)
        act.note(case=case)
        matched = alert is not None and layer == 1
        if not matched and source in (Source.OFFICER, Source.ALERT) and not tied(act.db, account, case):
            raise Refused("not-in-case", f"nothing ties the account to case {case}", "trace the money first")
        found = open_on(act.db, account)
        if found is not None and found.until_ms is not None and found.until_ms <= at_ms:
            ended(book, found, by=by)
            found = None
        if found is not None:
            return _joined(act, found, alert, tainted_fen, by, at_ms)
        times = used(act.db, account, case)
        if times >= terms.stops_max:
            raise Refused("no-third-stop", f"the account was stopped {times} times for this matter, no more is allowed")
        stop_id = _asked(act, account, layer, case, source, matched and holder_fits, desk, at_ms)
        if alert is not None:
            taint(act, stop_id, alert, tainted_fen)
        made = one(act.db, stop_id)
        act.about = made.ref
        act.note(account=str(made.account), state=made.state)
        words = f"stop of an account asked for, layer {layer}, {made.bank or 'bank unknown'}"
        enter(act, case, Party.CENTRE, words, by=by, at_ms=at_ms, about=made.account, ref=made.ref)
    return made


def executed(
    book: Book, stop_id: int, balance_fen: int = 0, *, mismatch: str = "", terms: MoneyTerms = TERMS, by: str,
    at_ms: int,
) -> Stop:  # fmt: skip
    """The bank's answer: the account is stopped from now on, with so much in it; or what doesn't match there (name,
    account, amount, time). Raises Refused."""
    with book.act("money.executed", f"stop:{stop_id}", by, at_ms) as act:
        found = one(act.db, stop_id)
        act.note(account=str(found.account), balance_fen=balance_fen, mismatch=mismatch)
        if found.state not in (State.REQUESTED, State.MATCHED):
            raise Refused("wrong-state", f"no answer is awaited: stop {stop_id} is {found.words}")
        if at_ms < found.asked_ms:
            raise Refused("out-of-order", f"stop {stop_id} was asked for later than that")
        if balance_fen < 0:
            raise Refused("no-balance", f"{balance_fen} fen: no account has less than nothing in it")
        if mismatch:
            _mismatch(act, found, mismatch, by, at_ms)
        else:
            _bites(act, found, balance_fen, at_ms + terms.stop_ms, by, at_ms)
        return one(act.db, stop_id)


def extend(book: Book, stop_id: int, *, terms: MoneyTerms = TERMS, by: str, at_ms: int) -> Stop:
    """Another 48 hours, where the account was stopped once only for the matter. Raises Refused."""
    with book.act("money.extend", f"stop:{stop_id}", by, at_ms) as act:
        found = biting(act, stop_id, at_ms, State.STOPPED, State.EXTENDED)
        times = used(act.db, found.account.key, current(act.db, found.case))
        if times >= terms.stops_max:
            raise Refused("no-third-stop", f"the account was stopped {times} times for this matter, no more is allowed")
        until_ms = (found.until_ms or 0) + terms.stop_ms
        act.note(until_ms=until_ms)
        act.db.execute(
            "UPDATE stops SET state = ?, times = times + 1, until_ms = ?, extended_ms = ? WHERE id = ?",
            (State.EXTENDED, until_ms, at_ms, stop_id),
        )
        order(act, Verb.STOP, found.account, at_ms, until_ms=until_ms, reason=REASON, remedy=REMEDY, papers=PAPERS,
              ref=found.ref)  # fmt: skip
        _list(act, found, until_ms, at_ms)
        words = f"stopped once more, until {clock(until_ms):%Y-%m-%d %H:%M}"
        enter(act, found.case, Party.POLICE, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)
        return one(act.db, stop_id)


def release(
    book: Book, stop_id: int, reason: str, *, wrongly: bool = False, party: Party = Party.POLICE, by: str, at_ms: int
) -> Stop:
    """Lifts a stop or a freeze at once, or takes a request back. `wrongly`: the holder is innocent; that is harm, and
    how long it lasted is counted. Raises Refused."""
    with book.act("money.release", f"stop:{stop_id}", by, at_ms) as act:
        found = one(act.db, stop_id)
        wrongly = wrongly and found.executed_ms is not None
        act.note(account=str(found.account), state=found.state, reason=reason, wrongly=wrongly)
        if found.ended_ms is not None:
            raise Refused("wrong-state", f"stop {stop_id} has ended already: {found.words}")
        if at_ms < max(found.asked_ms, found.executed_ms or 0):
            raise Refused("out-of-order", f"stop {stop_id} bit later than that")
        if not reason.strip():
            raise Refused("no-reason", "why is it lifted?")
        words = f"released{', the holder is innocent' if wrongly else ''}: {reason}"
        enter(act, found.case, party, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)
        return lift(act, found, State.RELEASED, at_ms, reason, wrongly=wrongly)


def ended(book: Book, found: Stop, *, by: str) -> None:
    """The time of a stop or freeze is over: the account pays again."""
    at_ms = found.until_ms or 0
    with book.act("money.ended", found.ref, by, at_ms) as act:
        words = "the freeze wasn't renewed" if found.state is State.FROZEN else "the 48 hours are over"
        act.note(account=str(found.account), state=found.state, reason=words)
        enter(act, found.case, Party.CENTRE, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)
        lift(act, found, State.RELEASED, at_ms, words)


def used(db: sqlite3.Connection, account: int, case: int) -> int:
    """How many stops of an account have bitten for one matter; `case`: see timeline.current."""
    found = db.execute(
        "SELECT case_id, times FROM stops WHERE account = ? AND executed_ms IS NOT NULL AND mismatch = ''",
        (signed(account),),
    )
    return sum(times for of_case, times in found.fetchall() if current(db, of_case) == case)


def tied(db: sqlite3.Connection, account: int, case: int) -> bool:
    """Is a case about an account, or did one of the case's accounts pay into it of late?"""
    parts = parts_of(db, case)
    stopped = f"SELECT account FROM stops WHERE case_id IN ({', '.join('?' * len(parts))})"
    mine = {key for (key,) in db.execute(stopped, parts)}
    mine |= {signed(thing.key) for thing in things_of(db, case) if thing.subject is Subject.ACCOUNT}
    return signed(account) in mine or any(signed(paid.payer) in mine for paid in payments_into(db, account))


def _claimed(
    act: Act, alert_id: int, account: int, layer: int, tainted_fen: int, terms: MoneyTerms, at_ms: int
) -> tuple[int, int, int, bool]:
    """(account, case, tainted fen, does the holder's name fit?) of an alert. Only the first layer is the victim's own
    knowledge; deeper ones were traced."""
    alert = alerts.one(act.db, alert_id)
    if at_ms < alert.at_ms:
        raise Refused("out-of-order", f"alert {alert_id} was made later than that")
    if layer > 1:
        return account, alert.case, tainted_fen, True
    if account and account != alert.claim.payee:
        raise Refused("account-differs", "the victim paid another account than this", f"see alert {alert_id}")
    paid, holder_fits = match(act.db, alert.claim, terms)
    return alert.claim.payee, alert.case, tainted_fen or min(paid.amount_fen, alert.loss_fen), holder_fits


def _joined(act: Act, found: Stop, alert: int | None, tainted_fen: int, by: str, at_ms: int) -> Stop:
    """A further victim of an account that is stopped already. Raises Refused where he was there before."""
    known = act.db.execute("SELECT count(*) FROM taints WHERE stop_id = ? AND alert_id = ?", (found.id, alert))
    if alert is None or known.fetchone()[0]:
        raise Refused("already-stopped", f"stop {found.id} of this account is {found.state}", f"see stop {found.id}")
    taint(act, found.id, alert, tainted_fen)
    act.about = found.ref
    act.note(account=str(found.account), joined=True)
    words = f"alert {alert} joins the stop of the account"
    enter(act, found.case, Party.CENTRE, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)
    return one(act.db, found.id)


def _asked(
    act: Act, account: int, layer: int, case: int, source: Source, matched: bool, desk: BankDesk, at_ms: int
) -> int:
    held = holding(act.db, account)
    answer_by_ms = at_ms + round(desk.answer_minutes(held.kind, layer) * MINUTE_MS)
    state = State.MATCHED if matched else State.REQUESTED
    made = act.db.execute(
        "INSERT INTO stops (account, bank, layer, case_id, source, state, times, asked_ms, answer_by_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
        (signed(account), held.bank, layer, case, source, state, at_ms, answer_by_ms),
    )
    stop_id = int(made.lastrowid or 0)
    order(
        act, Verb.STOP, account_of(account), at_ms, reason=REASON, remedy=REMEDY, papers=PAPERS, ref=f"stop:{stop_id}"
    )
    return stop_id


def _bites(act: Act, found: Stop, balance_fen: int, until_ms: int, by: str, at_ms: int) -> None:
    act.db.execute(
        "UPDATE stops SET state = ?, executed_ms = ?, until_ms = ?, gross_fen = ?, tainted_fen = min(?,"
        " (SELECT total(tainted_fen) FROM taints WHERE stop_id = id)) WHERE id = ?",
        (State.STOPPED, at_ms, until_ms, balance_fen, balance_fen, found.id),
    )
    _list(act, found, until_ms, at_ms)
    minutes = (at_ms - found.asked_ms) // MINUTE_MS
    words = f"account stopped with {yuan(balance_fen)} in it, {minutes} minutes after it was asked for"
    enter(act, found.case, Party.BANK, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)


def _mismatch(act: Act, found: Stop, mismatch: str, by: str, at_ms: int) -> None:
    act.db.execute(
        "UPDATE stops SET state = ?, mismatch = ?, ended_ms = ?, reason = ? WHERE id = ?",
        (State.MISMATCH_REFUSED, mismatch, at_ms, f"the bank refused: {mismatch}", found.id),
    )
    order(act, Verb.TAKE_OFF_LIST, found.account, at_ms, list=STOPPED, reason=f"mismatch: {mismatch}", ref=found.ref)
    words = f"the bank refuses to stop the account: {mismatch}"
    enter(act, found.case, Party.BANK, words, by=by, at_ms=at_ms, about=found.account, ref=found.ref)


def _list(act: Act, found: Stop, until_ms: int, at_ms: int) -> None:
    order(act, Verb.PUT_ON_LIST, found.account, at_ms, list=STOPPED, until_ms=until_ms, reason=REASON, remedy=REMEDY,
          papers=PAPERS, ref=found.ref)  # fmt: skip
