"""One stop: what is known of it, and what every act on it needs.

Enters: rows of the book. Leaves: a Stop, or a refusal. Invariant: a stop in force is one whose account may not pay, or
which a bank has yet to carry out.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from interceptor.centre.book import Act
from interceptor.centre.money.books import account_of
from interceptor.centre.money.tables import IN_FORCE
from interceptor.centre.money.terms import MINUTE_MS, Source, State
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused
from interceptor.centre.signed import signed, unsigned
from interceptor.centre.things import Thing
from interceptor.local_time import clock

COLUMNS = (
    "id, account, bank, layer, case_id, source, state, times, asked_ms, answer_by_ms, chased_ms, executed_ms, mismatch,"
    " until_ms, gross_fen, tainted_fen, extended_ms, frozen_ms, frozen_fen, decision, renewals, ended_ms, reason,"
    " wrongly"
)
# Lists of the rules; the last is filled by rules, and an innocent holder is taken off it, too.
STOPPED, FROZEN, TAINTED, MULES = "stopped_accounts", "frozen_accounts", "tainted_accounts", "mule_accounts"
BITES = (State.STOPPED, State.EXTENDED, State.FROZEN)


@dataclass(frozen=True, slots=True)
class Stop:
    """`layer`: 1 = the account that a victim paid into; `times`: how many of the two stops it has used; `asked_ms`:
    when the bank was asked, `executed_ms`: when it bit, `until_ms`: when it ends by itself; `gross_fen`: what was in
    the account then, `tainted_fen`: of it victims' money as traced; `decision`: what the freeze rests on; `ended_ms`:
    when it was lifted, refused or paid out, and `reason`; `wrongly`: the holder is innocent."""

    id: int
    account: Thing
    bank: str
    layer: int
    case: int
    source: Source
    state: State
    times: int
    asked_ms: int
    answer_by_ms: int
    chased_ms: int | None
    executed_ms: int | None
    mismatch: str
    until_ms: int | None
    gross_fen: int
    tainted_fen: int
    extended_ms: int | None
    frozen_ms: int | None
    frozen_fen: int
    decision: str
    renewals: int
    ended_ms: int | None
    reason: str
    wrongly: bool

    @property
    def ref(self) -> str:
        return f"stop:{self.id}"

    @property
    def words(self) -> str:
        """The state, for people."""
        return str(self.state).replace("_", " ")

    @property
    def minutes_to_lift(self) -> float | None:
        """How long an innocent holder couldn't pay."""
        if not self.wrongly or self.ended_ms is None or self.executed_ms is None:
            return None
        return (self.ended_ms - self.executed_ms) / MINUTE_MS

    def in_force(self, at_ms: int) -> bool:
        """Does the account not pay at that time?"""
        if self.state not in BITES or self.executed_ms is None or self.until_ms is None:
            return False
        return self.executed_ms <= at_ms < self.until_ms


def one(db: sqlite3.Connection, stop_id: int) -> Stop:
    """Raises Refused where there is none."""
    found = db.execute(f"SELECT {COLUMNS} FROM stops WHERE id = ?", (stop_id,)).fetchone()
    if found is None:
        raise Refused("no-such-stop", f"there is no stop {stop_id}", "`interceptor centre money list` has them")
    return stop(found)


def open_on(db: sqlite3.Connection, account: int) -> Stop | None:
    """The stop of an account that is asked for or bites."""
    found = db.execute(
        f"SELECT {COLUMNS} FROM stops WHERE account = ? AND state IN {IN_FORCE}", (signed(account),)
    ).fetchone()
    return stop(found) if found else None


def taints_of(db: sqlite3.Connection, stop_id: int) -> dict[int, int]:
    """Alert → how much of its money, in fen, was traced into the account."""
    return dict(db.execute("SELECT alert_id, tainted_fen FROM taints WHERE stop_id = ? ORDER BY alert_id", (stop_id,)))


def taint(act: Act, stop_id: int, alert_id: int, tainted_fen: int) -> None:
    """Part of an act: so much of an alert's money is in the account, as far as is known now."""
    act.db.execute(
        "INSERT INTO taints VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET tainted_fen = excluded.tainted_fen",
        (stop_id, alert_id, tainted_fen),
    )
    act.db.execute(
        "UPDATE stops SET tainted_fen = min(gross_fen, (SELECT total(tainted_fen) FROM taints WHERE stop_id = id))"
        " WHERE id = ? AND executed_ms IS NOT NULL",
        (stop_id,),
    )


def biting(act: Act, stop_id: int, at_ms: int, *states: State) -> Stop:
    """The stop of an act that is only done while it bites, in one of these states. Raises Refused."""
    found = one(act.db, stop_id)
    act.note(account=str(found.account), state=found.state)
    if found.state not in (states or BITES):
        raise Refused("wrong-state", f"stop {stop_id} is {found.words}")
    if at_ms < (found.executed_ms or 0):
        raise Refused("out-of-order", f"stop {stop_id} bit later than that")
    if not found.in_force(at_ms):
        raise Refused("stop-ended", f"stop {stop_id} ended at {clock(found.until_ms or 0):%Y-%m-%d %H:%M}")
    return found


def lift(act: Act, found: Stop, state: State, at_ms: int, reason: str, *, wrongly: bool = False) -> Stop:
    """Part of an act: the stop ends, and the account pays again; lists forget it."""
    act.db.execute(
        "UPDATE stops SET state = ?, ended_ms = ?, reason = ?, wrongly = ? WHERE id = ?",
        (state, at_ms, reason, wrongly, found.id),
    )
    order(act, Verb.RELEASE, found.account, at_ms, reason=reason, ref=found.ref)
    for name in (STOPPED, FROZEN, TAINTED, MULES) if wrongly else (STOPPED, FROZEN, TAINTED):
        order(act, Verb.TAKE_OFF_LIST, found.account, at_ms, list=name, reason=reason, ref=found.ref)
    return one(act.db, found.id)


def stop(row: tuple) -> Stop:  # type: ignore[type-arg]
    values = list(row)
    values[1], values[5], values[6] = account_of(unsigned(row[1])), Source(row[5]), State(row[6])
    values[-1] = bool(row[-1])
    return Stop(*values)
