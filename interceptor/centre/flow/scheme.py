"""What a picture of a network shows: which accounts stand where, and what flows between them.

Enters: a Network. Leaves: a Scheme: nodes in columns, links between nodes. Invariants: at most NODES_MAX nodes, the
accounts with the smallest sums folded into one node a column; folding loses no money.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from interceptor.centre.flow.networks import Network
from interceptor.centre.flow.walk import Outcome

NODES_MAX = 60
VICTIM, REST = "victim", "rest"  # beside the values of Role
ENDS = {
    Outcome.CASHED: "taken as cash", Outcome.HELD: "held on the way", Outcome.DEEP: "beyond the last layer",
    Outcome.THIN: "too little to follow",
}  # fmt: skip


@dataclass(slots=True)
class Node:
    """A box. `size_fen`: what came through it; `left_fen`: what lies there; `y`: where it begins, 0 = top, in fen."""

    key: str
    column: int
    kind: str
    name: str
    size_fen: int
    left_fen: int
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Scheme:
    """`links`: fen by (key of a node, key of a node)."""

    columns: tuple[tuple[Node, ...], ...]
    links: dict[tuple[str, str], int]

    @property
    def nodes(self) -> list[Node]:
        return [node for column in self.columns for node in column]


def scheme(network: Network) -> Scheme:
    """Victims in the first column, then layer by layer, at last where money went out of sight."""
    nodes = {node.key: node for node in _nodes(network)}
    links = _links(network)
    last = max(node.column for node in nodes.values()) + 1
    for outcome, name in ENDS.items():
        fen = sum(amount for (_, to), amount in links.items() if to == outcome.name)
        if fen:
            nodes[outcome.name] = Node(outcome.name, last, REST, name, fen, 0)
    folded = _folded(nodes)
    shown = {folded[key].key: folded[key] for key in nodes}
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for (one, other), fen in links.items():
        sums[folded[one].key, folded[other].key] += fen
    return Scheme(_ordered(shown.values(), sums), dict(sums))


def _nodes(network: Network) -> Iterable[Node]:
    transfers = network.transfers
    paid: dict[int, int] = defaultdict(int)
    for trace in network.traces:
        for report in trace.case.reports:
            paid[int(transfers.payer[report.row])] += report.fen
    for account, fen in paid.items():
        yield Node(f"v{account}", 0, VICTIM, transfers.shown(account), fen, 0)
    for member in network.members:
        kind, name = member.role.value, transfers.shown(member.account)
        yield Node(f"a{member.account}", member.layer, kind, name, member.came_fen, member.left_fen)


def _links(network: Network) -> dict[tuple[str, str], int]:
    transfers, links = network.transfers, defaultdict[tuple[str, str], int](int)
    for trace in network.traces:
        payer, payee = transfers.payer[trace.row].tolist(), transfers.payee[trace.row].tolist()
        for one, other, fen, new, outcome in zip(
            payer, payee, trace.fen.tolist(), trace.new_fen.tolist(), trace.outcome.tolist(), strict=True
        ):
            to = f"a{other}" if outcome == Outcome.FOLLOWED else Outcome(outcome).name
            if new:
                links[f"v{one}", to] += new
            if fen > new:
                links[f"a{one}", to] += fen - new
    return links


def _folded(nodes: dict[str, Node]) -> dict[str, Node]:
    """What each node is shown as: itself, or the rest of its column."""
    columns: dict[int, list[Node]] = defaultdict(list)
    for node in nodes.values():
        columns[node.column].append(node)
    most = NODES_MAX
    while sum(min(len(column), most) for column in columns.values()) > NODES_MAX and most > 1:
        most -= 1
    shown: dict[str, Node] = {}
    for at, column in columns.items():
        column.sort(key=lambda node: (-node.size_fen, node.key))
        keep = column if len(column) <= most else column[: most - 1]
        rest = column[len(keep) :]
        shown |= {node.key: node for node in keep}
        if rest:
            sums = sum(node.size_fen for node in rest), sum(node.left_fen for node in rest)
            shown |= dict.fromkeys(
                (node.key for node in rest), Node(f"r{at}", at, REST, f"… and {len(rest)} more", *sums)
            )
    return shown


def _ordered(nodes: Iterable[Node], links: dict[tuple[str, str], int]) -> tuple[tuple[Node, ...], ...]:
    """Columns from left to right; in each, nodes near those that pay them."""
    columns: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        columns[node.column].append(node)
    place: dict[str, float] = {}
    for at in sorted(columns):
        column = columns[at]
        weights = {node.key: _mean_place(node.key, links, place) for node in column}
        column.sort(key=lambda node: (node.kind == REST, weights[node.key], -node.size_fen, node.key))
        total = sum(node.size_fen for node in column) or 1
        done = 0
        for node in column:
            place[node.key] = (done + node.size_fen / 2) / total
            done += node.size_fen
    return tuple(tuple(columns[at]) for at in sorted(columns))


def _mean_place(key: str, links: dict[tuple[str, str], int], place: dict[str, float]) -> float:
    payers = [(place[one], fen) for (one, other), fen in links.items() if other == key and one in place]
    total = sum(fen for _, fen in payers)
    return float(np.dot([at for at, _ in payers], [fen for _, fen in payers]) / total) if total else 0.5
