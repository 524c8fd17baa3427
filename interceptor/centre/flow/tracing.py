"""Where reported money went: pro-rata taint, case by case.

Enters: Transfers, and the payments that were reported. Leaves: a Trace for each case: the accounts that the money came
through, what lies where at a given time, and each transfer that carried some of it. Invariants: all money is whole fen
and accounted for (`Trace.balance_sheet` adds up to what was reported); a case's trace doesn't depend on what other
cases are traced.

Pro rata: a payment carries amount × tainted part of the payer's balance right before it, rounded down to a fen; what is
left over by rounding stays in the account. What the file doesn't say of balances is implied (see `transfers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interceptor.centre.flow.transfers import Transfers, Way
from interceptor.centre.flow.walk import COLUMNS, LAYER, MILLION, TAINT, Outcome, forget, had, walk
from interceptor.centre.money.terms import TERMS
from interceptor.centre.refusal import Refused
from interceptor.kernels import Int32s, Int64s, Uint8s

HOUR_MS = 3_600_000
LAYERS_MAX, HOURS_MAX = 64, 24 * 366
# T10 of SOURCES.md D4: an account is stopped for 48 h if 30 % of it, or 5,000 yuan, are tainted. The least sum: [A]
STOP_SHARE, STOP_FEN, STOP_LEAST_FEN = TERMS.taint_share, TERMS.taint_fen, TERMS.taint_least_fen


@dataclass(frozen=True, slots=True)
class Limits:
    """How far money is followed. `layers`: accounts in a row, the payee of the reported payment is the first; `hours`:
    after the last reported payment; `least_fen` and `least_share`: the smallest tainted sum in a transfer, and the
    smallest part of it, that are followed. Raises ValueError for what isn't a limit."""

    layers: int = 6
    hours: float = 24.0
    least_fen: int = 100
    least_share: float = 0.01

    def __post_init__(self) -> None:
        if not 1 <= self.layers <= LAYERS_MAX:
            raise ValueError(f"layers: {self.layers} isn't from 1 to {LAYERS_MAX}")
        if not 0 < self.hours <= HOURS_MAX:
            raise ValueError(f"hours: {self.hours:g} isn't above 0 and up to {HOURS_MAX:,}")
        if self.least_fen < 0 or not 0 <= self.least_share <= 1:
            raise ValueError("the least sum is 0 fen or more, the least share from 0 to 1")


@dataclass(frozen=True, slots=True)
class Report:
    """A reported payment: the row of a transfer, and how much of it is the victim's loss."""

    row: int
    fen: int


@dataclass(frozen=True, slots=True)
class Case:
    """What one victim, or one investigation, reports."""

    name: str
    reports: tuple[Report, ...]


@dataclass(frozen=True)
class Trace:
    """Where the money of one case went, as of `as_of_ms`: the time asked for, or the end of what is followed or known.

    By transfer, in order: row int32[t], fen int64[t] tainted, outcome uint8[t] (Outcome). By account, in the order in
    which they were reached: account int32[a], layer int64[a] (the shortest way so far when money went on), left_fen
    int64[a] (tainted money in it).
    """

    transfers: Transfers
    case: Case
    limits: Limits
    as_of_ms: int
    row: Int32s
    fen: Int64s
    outcome: Uint8s
    account: Int32s
    layer: Int64s
    left_fen: Int64s

    @cached_property
    def reported_fen(self) -> int:
        return sum(report.fen for report in self.case.reports)

    @cached_property
    def new_fen(self) -> Int64s:
        """int64[t]: the part of `fen` that a report brought in."""
        new = np.zeros(len(self.row), np.int64)
        for report in self.case.reports:
            new[np.searchsorted(self.row, report.row)] = report.fen
        return new

    @cached_property
    def came_fen(self) -> Int64s:
        """int64[a]: tainted money that came into each account."""
        followed = self.outcome == Outcome.FOLLOWED
        return self._sums(self.transfers.payee[self.row[followed]], self.fen[followed])

    def went_fen(self, *outcomes: Outcome) -> Int64s:
        """int64[a]: tainted money that left each account to such ends; without any: to whatever end."""
        chosen = np.isin(self.outcome, outcomes) if outcomes else np.ones(len(self.row), bool)
        return self._sums(self.transfers.payer[self.row[chosen]], (self.fen - self.new_fen)[chosen])

    @cached_property
    def had_fen(self) -> Int64s:
        """int64[a]: all the money that was in each account since tainted money came: what is in it by now, as far as
        the file says, and what went out since."""
        transfers, found = self.transfers, np.empty(len(self.account), np.int64)
        out, into = transfers.by_payer, transfers.by_payee
        had(
            self.account, self.first_row, self._stop_row, out.offsets, out.rows, into.offsets, into.rows,
            transfers.payee, transfers.amount_fen, transfers.before_fen, transfers.way, transfers.opening_fen, found,
        )  # fmt: skip
        return found

    @cached_property
    def share(self) -> np.ndarray:
        """float64[a]: tainted part of that."""
        return self.came_fen / np.maximum(np.maximum(self.had_fen, self.came_fen), 1)

    @cached_property
    def first_row(self) -> Int64s:
        """int64[a]: the first transfer that brought tainted money."""
        return self._rows_in(np.minimum, np.iinfo(np.int64).max)

    @cached_property
    def last_row(self) -> Int64s:
        """int64[a]: the last one."""
        return self._rows_in(np.maximum, -1)

    @cached_property
    def balance_sheet(self) -> dict[str, int]:
        """Fen by where they are: left in accounts, and out of them by outcome. Adds up to `reported_fen`."""
        sheet = {"left": int(self.left_fen.sum())}
        for outcome in (Outcome.CASHED, Outcome.HELD, Outcome.DEEP, Outcome.THIN):
            sheet[outcome.name.lower()] = int(self.fen[self.outcome == outcome].sum())
        return sheet

    def place(self, accounts: np.ndarray) -> np.ndarray:
        """int64: positions of these accounts in `account`, -1 = untouched."""
        order = np.argsort(self.account)
        at = np.searchsorted(self.account, accounts, sorter=order)
        found = order[np.minimum(at, len(order) - 1)] if len(order) else np.zeros(len(accounts), np.int64)
        return np.where(len(order) and self.account[found] == accounts, found, -1)

    @cached_property
    def _stop_row(self) -> int:
        return int(np.searchsorted(self.transfers.ts_ms, self.as_of_ms, side="right"))

    def _sums(self, accounts: np.ndarray, fen: np.ndarray) -> Int64s:
        places, sums = self.place(accounts), np.zeros(len(self.account), np.int64)
        np.add.at(sums, places[places >= 0], fen[places >= 0])
        return sums

    def _rows_in(self, choose: np.ufunc, empty: int) -> Int64s:
        followed = self.row[self.outcome == Outcome.FOLLOWED].astype(np.int64)
        found = np.full(len(self.account), empty, np.int64)
        choose.at(found, self.place(self.transfers.payee[followed]), followed)
        return found


class Tracer:
    """Traces cases through one set of transfers. Not for two threads at once: it keeps its working memory."""

    def __init__(self, transfers: Transfers) -> None:
        self.transfers = transfers
        count, accounts = len(transfers), len(transfers.accounts)
        self._state = np.zeros((accounts, COLUMNS), np.int64)
        self._heap, self._touched = np.empty(accounts + 1, np.int32), np.empty(accounts, np.int32)
        self._row, self._fen = np.empty(count, np.int32), np.empty(count, np.int64)
        self._outcome, self._counts = np.empty(count, np.uint8), np.zeros(2, np.int64)

    def trace(self, case: Case, limits: Limits = Limits(), at_ms: int | None = None) -> Trace:
        """One case, as of `at_ms` (default: as far as limits and transfers go). Raises Refused for what nobody can
        follow."""
        checked(self.transfers, case, at_ms)
        transfers, reports = self.transfers, sorted(case.reports, key=lambda report: report.row)
        until_ms = int(transfers.ts_ms[reports[-1].row]) + round(limits.hours * HOUR_MS)
        as_of_ms = min(until_ms, int(transfers.ts_ms[-1]) if at_ms is None else at_ms)
        stop_row = int(np.searchsorted(transfers.ts_ms, as_of_ms, side="right"))
        index = transfers.by_payer
        walk(
            transfers.payer, transfers.payee, transfers.amount_fen, transfers.before_fen, transfers.way,
            index.offsets, index.rows,
            np.array([report.row for report in reports], np.int32),
            np.array([report.fen for report in reports], np.int64),
            stop_row, limits.layers, limits.least_fen, round(limits.least_share * MILLION),
            self._state, self._heap, self._touched, self._row, self._fen, self._outcome, self._counts,
        )  # fmt: skip
        found, accounts = self._counts.tolist()
        account = self._touched[:accounts].copy()
        kept = self._state[account]
        forget(self._state, account)
        return Trace(
            transfers, case, limits, as_of_ms, self._row[:found].copy(), self._fen[:found].copy(),
            self._outcome[:found].copy(), account, kept[:, LAYER].copy(), kept[:, TAINT].copy(),
        )  # fmt: skip

    def trace_all(
        self,
        cases: Iterable[Case],
        limits: Limits = Limits(),
        at_ms: int | None = None,
    ) -> list[Trace]:
        """Each case by itself."""
        return [self.trace(case, limits, at_ms) for case in cases]


def checked(transfers: Transfers, case: Case, at_ms: int | None) -> None:
    """Raises Refused for a case that nobody can trace."""
    if not case.reports:
        raise Refused("no-report", f"{case.name}: no payment is reported", "name one with --report TX or TX:FEN")
    seen: set[int] = set()
    for report in case.reports:
        row, amount = report.row, int(transfers.amount_fen[report.row])
        name = f"transfer {transfers.id_of(row)}"
        if row in seen:
            raise Refused("reported-twice", f"{name} is reported twice", "report it once, with the whole loss")
        seen.add(row)
        if not 0 < report.fen <= amount:
            what = f"report from 1 to {amount:,} fen of it; more was lost by other payments"
            raise Refused("wrong-sum", f"{name} moved {amount:,} fen, not {report.fen:,}", what)
        if transfers.way[row] == Way.HELD:
            what = f"{name} is held: it left the payer and hasn't arrived"
            hint = "have the bank revoke it; of a recording made with --observe say --observed"
            raise Refused("held-transfer", what, hint)
        if transfers.payer[row] == transfers.payee[row]:
            raise Refused("to-itself", f"{name} is from an account to itself: no money went anywhere")
        if at_ms is not None and at_ms < transfers.ts_ms[row]:
            what = f"{name} is later than the time asked for"
            raise Refused("too-early", what, "ask for a time after the payment")


def reported(transfers: Transfers, text: Sequence[str], name: str = "case") -> Case:
    """A case from what a person types: each TX or TX:FEN, where TX is a transfer's id and FEN the sum that was lost by
    it, else all of it. Raises Refused."""
    reports = []
    for one in text:
        transfer, _, fen = one.rpartition(":") if ":" in one else (one, "", "")
        if fen and not (fen.isascii() and fen.isdigit()):
            raise Refused("no-sum", f"{one}: {fen!r} is no sum in fen", "write TX, or TX:FEN, such as 4711:250000")
        row = transfers.row_of(transfer)
        reports.append(Report(row, int(fen) if fen else int(transfers.amount_fen[row])))
    return Case(name, tuple(reports))


def worth_stopping(trace: Trace) -> np.ndarray:
    """bool[a]: accounts that are to be stopped for 48 h: of which 30 % are tainted, or that 5,000 yuan of it came into.

    Not for less than 100 yuan; and verified organisations, whose accounts are other people's daily business, only where
    30 % are: they are asked for the money instead."""
    organisation = trace.transfers.merchant[trace.account]
    much = (trace.came_fen >= STOP_FEN) & ~organisation
    return much | ((trace.share >= STOP_SHARE) & (trace.came_fen >= STOP_LEAST_FEN))
