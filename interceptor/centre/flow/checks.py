"""How right tracing is, where it is known what is true.

Enters: transfers with labels, or a recording with its truth. Leaves: a Check: how much of the stolen money was found,
and how much was called stolen that isn't. Invariant: the truth is looked at after tracing, but for which payments were
reported.

A recording: every payment of a victim that arrived is reported, each as a case. What launderers sent on after that is
all stolen, so of every such transfer the tainted part should be all. A labelled file: of every alert the transfers are
reported whose payer had received none of it before; what follows in the alert is to be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interceptor.centre.flow.networks import Network, Role, networks
from interceptor.centre.flow.recorded import StolenMoney
from interceptor.centre.flow.tracing import Case, Limits, Report, Trace, Tracer, worth_stopping
from interceptor.centre.flow.transfers import FileProblem, Transfers, Way


@dataclass(frozen=True, slots=True)
class Check:
    """Sums in fen. `onward`: what the truth says was moved on after the reported payments, within the time that was
    traced; `found` of it, pro rata; `reached`: the sums of those transfers in which any was found. `wrong`: money
    called stolen in transfers that aren't. Accounts: those that the truth says stolen money came into; found = traced;
    wrong = to be stopped though no stolen money ever passed them. Pairs of cases: of one network, and of those the ones
    put together; put together wrongly. Exits and collectors: as the truth has them, and of those so called."""

    cases: int
    reported_fen: int
    onward_fen: int
    found_fen: int
    reached_fen: int
    wrong_fen: int
    wrong_transfers: int
    accounts: int
    accounts_found: int
    accounts_wrong: int
    accounts_wrong_fen: int
    networks: int
    pairs: int
    pairs_found: int
    pairs_wrong: int
    exits: int = 0
    exits_found: int = 0
    collectors: int = 0
    collectors_found: int = 0

    @property
    def money_share(self) -> float | None:
        return self.found_fen / self.onward_fen if self.onward_fen else None

    @property
    def reached_share(self) -> float | None:
        return self.reached_fen / self.onward_fen if self.onward_fen else None

    @property
    def account_share(self) -> float | None:
        return self.accounts_found / self.accounts if self.accounts else None

    @property
    def wrong_share(self) -> float | None:
        """Of all money that was followed, what was wrongly called stolen."""
        return self.wrong_fen / (self.found_fen + self.wrong_fen) if self.found_fen + self.wrong_fen else None

    @property
    def pair_share(self) -> float | None:
        return self.pairs_found / self.pairs if self.pairs else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is true: dirty bool[n], transfers that move stolen money; of each case the network that it is of."""

    dirty: np.ndarray
    cases: tuple[Case, ...]
    network: np.ndarray


def known_of_recording(transfers: Transfers, truth: StolenMoney) -> Known:
    """Raises FileProblem where no victim's payment arrived."""
    rows = np.flatnonzero(truth.payment & (transfers.way == Way.ARRIVED))
    if not len(rows):
        raise FileProblem(
            f"{transfers.source}: no victim's payment went through: nothing to trace\n"
            "  hint: record with --observe, where nothing is stopped, and check with --observed"
        )
    networks_of = dict(zip(transfers.payer[truth.hop].tolist(), truth.campaign[truth.hop].tolist(), strict=True))
    of = np.array([networks_of.get(account, -1 - at) for at, account in enumerate(transfers.payee[rows].tolist())])
    return Known(truth.payment | truth.hop, tuple(_case(transfers, [row]) for row in rows.tolist()), of)


def known_of_labels(transfers: Transfers) -> Known:
    """Raises FileProblem where nothing is labelled."""
    labels = transfers.labels
    if labels is None:
        raise FileProblem(f"{transfers.source}: has no labels: nothing to check against")
    rows = np.flatnonzero(labels.fraud & (transfers.way != Way.HELD) & (transfers.amount_fen > 0))
    rows = rows[transfers.payer[rows] != transfers.payee[rows]]
    if not len(rows):
        raise FileProblem(f"{transfers.source}: no transfer is labelled as laundering: nothing to check")
    alert = labels.alert[rows]
    cases: list[Case] = []
    of: list[int] = []
    for one in np.unique(alert).tolist():
        mine = rows[alert == one]
        for component in [mine] if one >= 0 else _components(transfers, mine):
            cases.append(_case(transfers, _first(transfers, component)))
            of.append(len(of))
    return Known(labels.fraud, tuple(cases), np.array(of))


def launderers(transfers: Transfers, known: Known) -> np.ndarray:
    """Accounts that stolen money came into and went on from, in order."""
    dirty = np.flatnonzero(known.dirty)
    first = {report.row for case in known.cases for report in case.reports}
    on = transfers.payer[[row for row in dirty.tolist() if row not in first]]
    return np.intersect1d(on, transfers.payee[dirty])


def check(transfers: Transfers, known: Known, limits: Limits) -> Check:
    """Traces the cases, and compares."""
    traces = Tracer(transfers).trace_all(known.cases, limits)
    reported = {report.row for case in known.cases for report in case.reports}
    row = np.concatenate([trace.row for trace in traces])
    fen = np.concatenate([trace.fen - trace.new_fen for trace in traces])
    tainted = np.zeros(len(transfers), np.int64)
    np.add.at(tainted, row, fen)
    onward = known.dirty & _within(transfers, traces)
    onward[list(reported)] = False
    found = np.minimum(tainted, transfers.amount_fen)
    accounts = np.unique(transfers.payee[known.dirty & (onward | _at(transfers, reported))])
    reached = np.unique(np.concatenate([trace.account for trace in traces]))
    ever = np.unique(np.concatenate([transfers.payer[known.dirty], transfers.payee[known.dirty]]))
    stop = _stopped(traces)
    wrong = {account: came for account, came in stop.items() if account not in set(ever.tolist())}
    groups = networks(traces)
    return Check(
        cases=len(traces), reported_fen=sum(trace.reported_fen for trace in traces),
        onward_fen=int(transfers.amount_fen[onward].sum()), found_fen=int(found[onward].sum()),
        reached_fen=int(transfers.amount_fen[onward & (tainted > 0)].sum()),
        wrong_fen=int(tainted[~known.dirty].sum()), wrong_transfers=int((tainted[~known.dirty] > 0).sum()),
        accounts=len(accounts), accounts_found=int(np.isin(accounts, reached).sum()),
        accounts_wrong=len(wrong), accounts_wrong_fen=sum(wrong.values()), networks=len(groups),
        **_pairs(known, groups), **_roles(transfers, groups, onward, reported),
    )  # fmt: skip


def _case(transfers: Transfers, rows: Sequence[int]) -> Case:
    return Case(
        transfers.id_of(rows[0]), tuple(Report(int(row), int(transfers.amount_fen[row])) for row in rows)
    )  # fmt: skip


def _first(transfers: Transfers, rows: np.ndarray) -> list[int]:
    """Of an alert's rows those whose payer had received none of it before."""
    received: set[int] = set()
    first = []
    for row in rows.tolist():
        if int(transfers.payer[row]) not in received:
            first.append(row)
        received.add(int(transfers.payee[row]))
    return first


def _components(transfers: Transfers, rows: np.ndarray) -> list[np.ndarray]:
    """Labelled rows without an alert: those that share accounts are one."""
    head: dict[int, int] = {}

    def top(account: int) -> int:
        while head.setdefault(account, account) != account:
            head[account] = head[head[account]]
            account = head[account]
        return account

    for payer, payee in zip(transfers.payer[rows].tolist(), transfers.payee[rows].tolist(), strict=True):
        head[top(payer)] = top(payee)
    of = np.array([top(account) for account in transfers.payer[rows].tolist()])
    return [rows[of == one] for one in np.unique(of)]


def _within(transfers: Transfers, traces: Sequence[Trace]) -> np.ndarray:
    """bool[n]: after the first report, and before the last one's end."""
    first = min(int(trace.row[0]) for trace in traces)
    last_ms = max(trace.as_of_ms for trace in traces)
    within = transfers.ts_ms <= last_ms
    within[: first + 1] = False
    return within & (transfers.way != Way.HELD)


def _at(transfers: Transfers, rows: set[int]) -> np.ndarray:
    chosen = np.zeros(len(transfers), bool)
    chosen[list(rows)] = True
    return chosen


def _stopped(traces: Sequence[Trace]) -> dict[int, int]:
    """Accounts that one case or another would have stopped, with what came in."""
    stopped: dict[int, int] = {}
    for trace in traces:
        worth = worth_stopping(trace)
        for account, came in zip(trace.account[worth].tolist(), trace.came_fen[worth].tolist(), strict=True):
            stopped[account] = stopped.get(account, 0) + came
    return stopped


def _pairs(known: Known, groups: Sequence[Network]) -> dict[str, int]:
    true = {case.name: int(of) for case, of in zip(known.cases, known.network, strict=True)}
    sizes = np.unique(known.network, return_counts=True)[1]
    found = wrong = 0
    for group in groups:
        of = np.unique([true[name] for name in group.cases], return_counts=True)[1]
        right = int((of * (of - 1) // 2).sum())
        found += right
        wrong += len(group.cases) * (len(group.cases) - 1) // 2 - right
    return {"pairs": int((sizes * (sizes - 1) // 2).sum()), "pairs_found": found, "pairs_wrong": wrong}


def _roles(transfers: Transfers, groups: Sequence[Network], onward: np.ndarray, reported: set[int]) -> dict[str, int]:
    """Of accounts that were traced: where stolen money ends, and which two victims or more paid."""
    senders = np.unique(transfers.payer[onward])
    first, counts = np.unique(
        np.unique(np.stack([transfers.payee[list(reported)], transfers.payer[list(reported)]]), axis=1)[0],
        return_counts=True,
    )
    collecting = set(first[counts > 1].tolist()) & set(senders.tolist())
    ends = set(transfers.payee[onward].tolist()) - set(senders.tolist())
    seen: dict[int, set[Role]] = {}
    for group in groups:
        for member in group.members:
            seen.setdefault(member.account, set()).add(member.role)
    return {
        "exits": len(ends & set(seen)),
        "exits_found": sum(Role.EXIT in seen[account] for account in ends & set(seen)),
        "collectors": len(collecting & set(seen)),
        "collectors_found": sum(Role.COLLECTOR in seen[account] for account in collecting & set(seen)),
    }
