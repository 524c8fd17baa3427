"""Cases that share accounts, put together; who does what in a laundering network.

Enters: traces of cases. Leaves: Networks, largest first. Invariants: every case is in exactly one network; which cases
belong together depends neither on their order nor on their names.

Cases belong together by an account under one hand: stolen money of both came into it, and it was what a victim paid to,
or passed the money on. A place where anybody spends doesn't join them: neither an account where the money ended, nor
one that many unrelated people pay and of which little is stolen. All thresholds are assumptions [A].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from interceptor.centre.flow.tracing import Trace, worth_stopping
from interceptor.centre.flow.transfers import Transfers, Way
from interceptor.centre.flow.walk import Outcome
from interceptor.schema import Channel

JOINING_FEN = 10_000  # of each case, in an account that joins them
JOINING_SHARE = 0.10  # of an account's money that is stolen, of all cases together
PASSES_ON = 0.20  # part of what came in that went on: below that the money has ended there
HUB_PAYERS, HUB_SHARE = 50, 0.50  # so many unrelated payers make a public place, unless half of its money is stolen
COLLECTS_FROM = 2  # payers, and victims among them, or no fewer than it pays: a collector
SPLITS_TO = 2  # payees, and more than those who pay it: a splitter
_CASHED = int(Way.CASHED)
_ATM, _QR, _THIRD_PARTY = int(Channel.ATM), int(Channel.QR), int(Channel.THIRD_PARTY)


class Role(Enum):
    """What an account does for the network."""

    COLLECTOR = "collector"  # takes in from several
    SPLITTER = "splitter"  # pays on in pieces, to several
    TRANSIT = "transit"  # passes on
    EXIT = "exit"  # money leaves the network here, or ends
    HOLDER = "holder"  # one victim's money lies here, and hasn't been moved yet


@dataclass(frozen=True, slots=True)
class Member:
    """An account of a network. Sums are tainted fen of all its cases together: `came` in, `victims` of it straight from
    victims, `went` out, `left` by now. `payers`, `payees`: how many it had tainted money from and paid it to.
    `dwell_ms`: how long half of what went on had lain there, first in, first out; -1 = nothing went on."""

    account: int
    layer: int
    role: Role
    out_by: str
    came_fen: int
    victims_fen: int
    went_fen: int
    left_fen: int
    share: float
    payers: int
    payees: int
    first_ms: int
    last_ms: int
    dwell_ms: int
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """Cases that belong together, with the accounts between them by layer and sum."""

    traces: tuple[Trace, ...]
    joined_by: tuple[int, ...]
    members: tuple[Member, ...]

    @property
    def transfers(self) -> Transfers:
        return self.traces[0].transfers

    @property
    def cases(self) -> tuple[str, ...]:
        return tuple(trace.case.name for trace in self.traces)

    @property
    def reported_fen(self) -> int:
        return sum(trace.reported_fen for trace in self.traces)

    @property
    def layers(self) -> int:
        return max((member.layer for member in self.members), default=0)

    @cached_property
    def balance_sheet(self) -> dict[str, int]:
        """Fen by where they are, of all cases together."""
        sheets = [trace.balance_sheet for trace in self.traces]
        return {name: sum(sheet[name] for sheet in sheets) for name in sheets[0]}

    @cached_property
    def ended_fen(self) -> int:
        """Tainted money that lies in exits, or left by them as cash."""
        exits = sum(member.left_fen for member in self.members if member.role is Role.EXIT)
        return exits + self.balance_sheet["cashed"]

    @cached_property
    def to_stop(self) -> frozenset[int]:
        """Accounts that are worth stopping for one case or another."""
        return frozenset(int(account) for trace in self.traces for account in trace.account[worth_stopping(trace)])

    def with_role(self, role: Role) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.role is role)


@dataclass(frozen=True, slots=True)
class _Stay:
    """One case's money in one account."""

    trace: int
    place: int
    came: int
    passed: int


def networks(traces: Sequence[Trace]) -> list[Network]:
    """Traces of one set of transfers, in networks; the one with most reported money first."""
    if not traces:
        return []
    stays = _stays(traces)
    group = list(range(len(traces)))
    joints: list[tuple[int, int]] = []
    for account, of in stays.items():
        shared = [stay for stay in of if stay.came >= JOINING_FEN]
        if len(shared) > 1 and _joins(traces, account, shared):
            joints.append((account, shared[0].trace))
            for stay in shared[1:]:
                _unite(group, shared[0].trace, stay.trace)
    found = []
    for head in sorted({_head(group, at) for at in range(len(traces))}):
        mine = [trace for at, trace in enumerate(traces) if _head(group, at) == head]
        joined_by = tuple(sorted(account for account, at in joints if _head(group, at) == head))
        found.append(Network(tuple(mine), joined_by, _members(mine)))
    return sorted(found, key=lambda network: -network.reported_fen)


def is_public(transfers: Transfers, account: int, tainted_rows: np.ndarray, share: float, since_row: int) -> bool:
    """Whether an account is a place that many unrelated people pay: HUB_PAYERS others or more since `since_row`, by
    transfers that aren't among `tainted_rows`, and less than HUB_SHARE of its money tainted."""
    if share >= HUB_SHARE:
        return False
    rows = transfers.by_payee.of(account)
    rows = rows[np.searchsorted(rows, since_row) :]
    others = np.unique(transfers.payer[rows[~np.isin(rows, tainted_rows)]])
    return len(others) >= HUB_PAYERS


def _stays(traces: Sequence[Trace]) -> dict[int, list[_Stay]]:
    stays: dict[int, list[_Stay]] = {}
    for at, trace in enumerate(traces):
        passed = trace.went_fen()
        for place, (account, came, out) in enumerate(
            zip(trace.account.tolist(), trace.came_fen.tolist(), passed.tolist(), strict=True)
        ):
            stays.setdefault(account, []).append(_Stay(at, place, came, out))
    return stays


def _joins(traces: Sequence[Trace], account: int, stays: Sequence[_Stay]) -> bool:
    """Whether one hand must be behind an account with money of several cases."""
    came = sum(stay.came for stay in stays)
    paid_to = any(traces[stay.trace].layer[stay.place] == 1 for stay in stays)
    if not paid_to and sum(stay.passed for stay in stays) < PASSES_ON * came:
        return False
    had = max(int(traces[stay.trace].had_fen[stay.place]) for stay in stays)
    share = min(1.0, came / max(had, 1))
    if share < JOINING_SHARE:
        return False
    since = min(int(traces[stay.trace].first_row[stay.place]) for stay in stays)
    tainted = np.concatenate([traces[stay.trace].row for stay in stays])
    return not is_public(traces[0].transfers, account, tainted, share, since)


def _head(group: list[int], at: int) -> int:
    while group[at] != at:
        group[at] = group[group[at]]
        at = group[at]
    return at


def _unite(group: list[int], one: int, other: int) -> None:
    low, high = sorted((_head(group, one), _head(group, other)))
    group[high] = low


@dataclass(frozen=True, slots=True)
class _Moves:
    """Tainted money of several cases, transfer by transfer: rows ascending, fen, whether it arrived, of it reported."""

    row: np.ndarray
    fen: np.ndarray
    arrived: np.ndarray
    reported: np.ndarray


def _moves(traces: Sequence[Trace]) -> _Moves:
    row = np.concatenate([trace.row for trace in traces]).astype(np.int64)
    fen = np.concatenate([trace.fen for trace in traces])
    arrived = np.concatenate([trace.outcome == Outcome.FOLLOWED for trace in traces])
    new = np.concatenate([trace.new_fen for trace in traces])
    order = np.argsort(row, kind="stable")
    return _Moves(row[order], fen[order], arrived[order], new[order])


def _members(traces: Sequence[Trace]) -> tuple[Member, ...]:
    transfers, moves = traces[0].transfers, _moves(traces)
    payer, payee = transfers.payer[moves.row], transfers.payee[moves.row]
    layers: dict[int, int] = {}
    cases: dict[int, list[str]] = {}
    had: dict[int, int] = {}
    for trace in traces:
        for account, layer, money in zip(
            trace.account.tolist(), trace.layer.tolist(), trace.had_fen.tolist(), strict=True
        ):
            layers[account] = min(layer, layers.get(account, layer))
            had[account] = max(money, had.get(account, 0))
            cases.setdefault(account, []).append(trace.case.name)
    incoming = _by_account(payee, moves.arrived)
    outgoing = _by_account(payer, moves.fen > moves.reported)
    members = [
        _member(
            transfers, moves, account, layer, incoming(account), outgoing(account), had[account], tuple(cases[account])
        )
        for account, layer in layers.items()
    ]
    return tuple(sorted(members, key=lambda member: (member.layer, -member.came_fen, member.account)))


def _by_account(of: np.ndarray, chosen: np.ndarray) -> Callable[[int], np.ndarray]:
    """Gives the chosen moves of an account, in order."""
    moves = np.flatnonzero(chosen)
    moves = moves[np.argsort(of[moves], kind="stable")]
    sorted_ = of[moves]
    return lambda account: moves[np.searchsorted(sorted_, account) : np.searchsorted(sorted_, account, side="right")]


def _member(
    transfers: Transfers, moves: _Moves, account: int, layer: int, into: np.ndarray, out: np.ndarray, had: int,
    cases: tuple[str, ...],
) -> Member:  # fmt: skip
    came, out_fen = int(moves.fen[into].sum()), moves.fen[out] - moves.reported[out]
    went = int(out_fen.sum())
    victims = int(moves.reported[into].sum())
    payers = len(set(transfers.payer[moves.row[into]].tolist()))
    payees = len(set(transfers.payee[moves.row[out]].tolist()))
    times = transfers.ts_ms[moves.row[into]]
    out_by = _out_by(transfers, account, layer, moves.row[into], moves.row[out])
    return Member(
        account, layer, _role(layer, payers, payees, came, went, out_by, victims > 0), out_by, came, victims, went,
        came - went, min(1.0, came / max(had, came, 1)), payers, payees,
        int(times.min()), int(times.max()),
        _dwell(times, moves.fen[into], transfers.ts_ms[moves.row[out]], out_fen), cases,
    )  # fmt: skip


def _role(layer: int, payers: int, payees: int, came: int, went: int, out_by: str, victims: bool) -> Role:
    moved = went >= PASSES_ON * came
    if out_by == "cash" or (not moved and (layer > 1 or out_by)):
        return Role.EXIT
    if payers >= COLLECTS_FROM and (victims or payers >= payees):
        return Role.COLLECTOR
    if not moved:
        return Role.HOLDER
    return Role.SPLITTER if payees >= SPLITS_TO and payees > payers else Role.TRANSIT


def _out_by(transfers: Transfers, account: int, layer: int, into: np.ndarray, out: np.ndarray) -> str:
    """How money leaves here, if that can be seen; else "". How victims pay says nothing of it."""
    if len(out) and 2 * np.count_nonzero(transfers.way[out] == _CASHED) >= len(out):
        return "cash"
    if transfers.merchant[account]:
        return "merchant"
    if layer == 1 or not len(into):
        return ""
    channels = transfers.channel[into].tolist()
    if 2 * channels.count(_ATM) >= len(channels):
        return "cash machine"
    return "wallet" if 2 * (channels.count(_QR) + channels.count(_THIRD_PARTY)) >= len(channels) else ""


def _dwell(in_ms: np.ndarray, in_fen: np.ndarray, out_ms: np.ndarray, out_fen: np.ndarray) -> int:
    """Half of what went out had lain there no longer than that; first in, first out."""
    if not len(out_ms):
        return -1
    came, went = np.cumsum(in_fen), np.cumsum(out_fen)
    cuts = np.unique(np.concatenate([came, went]))
    cuts = cuts[cuts <= min(came[-1], went[-1])]
    fen = np.diff(cuts, prepend=0)
    waited = out_ms[np.searchsorted(went, cuts)] - in_ms[np.searchsorted(came, cuts)]
    order = np.argsort(waited, kind="stable")
    half = np.searchsorted(np.cumsum(fen[order]), (fen.sum() + 1) // 2)
    return int(max(0, waited[order][half]))
