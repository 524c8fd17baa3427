"""Stops as they are shown, how long banks take, and what a bulletin counts.

Enters: a book. Leaves: lists and figures. Invariant: nothing here writes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from interceptor.centre.book import Book
from interceptor.centre.cases.timeline import parts_of
from interceptor.centre.money.books import bank_kind
from interceptor.centre.money.stops import COLUMNS, Stop, stop
from interceptor.centre.money.terms import DESK, MINUTE_MS, BankDesk, BankKind, State

SOON_MS = 15 * MINUTE_MS  # after a report: in so long most was saved in the case that the city's report tells of (B1)
_WAITING = (State.REQUESTED, State.MATCHED)
# Of one bank and layer: when it was asked, until when it had to answer, when it bit, did it refuse, and the state.
_Row = tuple[int, int, int | None, str, str]


@dataclass(frozen=True, slots=True)
class Handling:
    """How long a bank took for stops of one layer: minutes from the request until it bit, the median and what nine of
    ten took at most; `late` of them missed their term; `waiting` have no answer yet. `expected`: the desk's median."""

    bank: str
    kind: BankKind
    layer: int
    stops: int
    refused: int
    waiting: int
    late: int
    median: float | None
    nine_of_ten: float | None
    expected: float


def listing(book: Book, *, state: State | None = None, case: int | None = None, last: int = 100) -> list[Stop]:
    """The latest first."""
    where: list[str] = ["1"]
    values: list[str | int] = []
    if state is not None:
        where.append("state = ?")
        values.append(state)
    if case is not None:
        parts = parts_of(book.db, case)
        where.append(f"case_id IN ({', '.join('?' * len(parts))})")
        values += parts
    found = book.db.execute(
        f"SELECT {COLUMNS} FROM stops WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?", (*values, last)
    )
    return [stop(row) for row in found]


def handling(book: Book, desk: BankDesk = DESK) -> list[Handling]:
    """Of each bank and layer, by name."""
    groups: dict[tuple[str, int], list[_Row]] = {}
    for bank, layer, asked, by, executed, mismatch, state in book.db.execute(
        "SELECT bank, layer, asked_ms, answer_by_ms, executed_ms, mismatch, state FROM stops ORDER BY bank, layer"
    ):
        groups.setdefault((bank, layer), []).append((asked, by, executed, mismatch, state))
    return [_handled(book, bank, layer, rows, desk) for (bank, layer), rows in groups.items()]


def counts(book: Book, from_ms: int, to_ms: int) -> dict[str, int | float]:
    """What happened in [from, to). `stopped_fen`: the balance of every account found at its stop, whosever it is, of
    which `tainted_fen` were traced as victims'; `returned_fen`: what went back to victims; `wrongly_stopped` and
    `minutes_to_lift` (median): harm; `minutes_to_stop`: median from a victim's report until the account that he paid
    was stopped. Medians are 0 of nothing. `cancelled_fen`: what victims' banks still delayed and took back;
    `largest_loss_fen`, and `largest_saved_fen` of it: see _largest."""
    db, span = book.db, (from_ms, to_ms)

    def sums(what: str, table: str, column: str) -> tuple[int, ...]:
        row = db.execute(f"SELECT {what} FROM {table} WHERE {column} >= ? AND {column} < ?", span).fetchone()
        return tuple(int(value) for value in row)

    stopped, accounts, gross, tainted = sums(
        "count(*), count(DISTINCT account), total(gross_fen), total(tainted_fen)", "stops", "executed_ms"
    )
    frozen, frozen_fen = sums("count(DISTINCT account), total(frozen_fen)", "stops", "frozen_ms")
    released, wrongly, bank_refused = sums(
        "total(state = 'released'), total(wrongly), total(state = 'mismatch_refused')", "stops", "ended_ms"
    )
    to_victims, refunded = sums(
        "total(amount_fen * (alert_id IS NOT NULL)), total(amount_fen * (alert_id IS NULL))", "given_back", "at_ms"
    )
    refused = book.audit.refusals("money.stop", from_ms, to_ms)
    return {
        "alerts": sums("count(*)", "alerts", "at_ms")[0], "requests": sums("count(*)", "stops", "asked_ms")[0],
        "refused": refused + bank_refused, "stops": stopped, "stopped_accounts": accounts, "stopped_fen": gross,
        "tainted_fen": tainted, "extended": sums("count(*)", "stops", "extended_ms")[0], "frozen_accounts": frozen,
        "frozen_fen": frozen_fen, "released": released, "wrongly_stopped": wrongly, "returned_fen": to_victims,
        "refunded_fen": refunded, "minutes_to_stop": _median(_to_stop(book, from_ms, to_ms)),
        "minutes_to_lift": _median(_to_lift(book, from_ms, to_ms)),
        "cancelled_fen": sums("total(cancelled_fen)", "alerts", "cancelled_ms")[0],
        **_largest(book, from_ms, to_ms),
    }  # fmt: skip


def _largest(book: Book, from_ms: int, to_ms: int) -> dict[str, int]:
    """The largest loss that was reported, and what of it came or will come back by what was done soon after: payments
    that the victim's bank took back, and what was frozen of his in accounts that were stopped by then."""
    found = book.db.execute(
        "SELECT id, at_ms, loss_fen, cancelled_fen * (cancelled_ms <= at_ms + ?) FROM alerts"
        " WHERE at_ms >= ? AND at_ms < ? ORDER BY loss_fen DESC, id LIMIT 1",
        (SOON_MS, from_ms, to_ms),
    ).fetchone()
    if found is None:
        return {"largest_loss_fen": 0, "largest_saved_fen": 0}
    alert, at_ms, loss_fen, cancelled_fen = found
    (frozen_fen,) = book.db.execute(
        "SELECT total(min(t.tainted_fen, s.frozen_fen)) FROM taints t JOIN stops s ON s.id = t.stop_id"
        " WHERE t.alert_id = ? AND s.executed_ms <= ?",
        (alert, at_ms + SOON_MS),
    ).fetchone()
    return {"largest_loss_fen": loss_fen, "largest_saved_fen": min(loss_fen, (cancelled_fen or 0) + int(frozen_fen))}


def _handled(book: Book, bank: str, layer: int, rows: Sequence[_Row], desk: BankDesk) -> Handling:
    took = sorted((executed - asked) / MINUTE_MS for asked, _, executed, _, _ in rows if executed is not None)
    kind = bank_kind(book.db, bank)
    return Handling(
        bank, kind, layer, stops=len(took), refused=sum(bool(row[3]) for row in rows),
        waiting=sum(row[4] in _WAITING for row in rows),
        late=sum(executed is not None and executed > by for _, by, executed, _, _ in rows),
        median=statistics.median(took) if took else None,
        nine_of_ten=took[math.ceil(0.9 * len(took)) - 1] if took else None,
        expected=desk.expected_minutes(kind, layer),
    )  # fmt: skip


def _to_stop(book: Book, from_ms: int, to_ms: int) -> list[float]:
    found = book.db.execute(
        "SELECT s.executed_ms - a.at_ms FROM stops s JOIN taints t ON t.stop_id = s.id JOIN alerts a ON"
        " a.id = t.alert_id AND a.payee = s.account WHERE s.executed_ms >= ? AND s.executed_ms < ?"
        " AND s.executed_ms >= a.at_ms",
        (from_ms, to_ms),
    )
    return [ms / MINUTE_MS for (ms,) in found]


def _to_lift(book: Book, from_ms: int, to_ms: int) -> list[float]:
    found = book.db.execute(
        "SELECT ended_ms - executed_ms FROM stops WHERE wrongly AND executed_ms IS NOT NULL AND ended_ms >= ?"
        " AND ended_ms < ?",
        (from_ms, to_ms),
    )
    return [ms / MINUTE_MS for (ms,) in found]


def _median(minutes: Sequence[float]) -> float:
    return statistics.median(minutes) if minutes else 0.0
