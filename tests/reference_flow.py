"""The slow meaning of money-flow tracing: one transfer at a time, with dictionaries and exact fractions.

Enters: transfers as tuples, reported sums, limits. Leaves: what each transfer carried and what is left where.
Invariant: shares no code with the kernel. `whole`: round down to whole fen as the tracer does, else exact fractions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple


class Paid(NamedTuple):
    """One transfer; balance_fen: the payer's before, None = not known; way: arrived, held, cashed."""

    id: int
    ts_ms: int
    payer: int
    payee: int
    fen: int
    balance_fen: int | None = None
    way: str = "arrived"


@dataclass
class Followed:
    """carried: (id, tainted fen, outcome) in order; left and layer by account."""

    carried: list[tuple[int, Fraction, str]] = field(default_factory=list)
    left: dict[int, Fraction] = field(default_factory=dict)
    layer: dict[int, int] = field(default_factory=dict)


def follow(
    transfers: list[Paid],
    reported: dict[int, int],
    *,
    layers: int,
    until_ms: int,
    least_fen: int = 0,
    least_ppm: int = 0,
    whole: bool = True,
) -> Followed:
    least: dict[int, int] = defaultdict(int)
    balance: dict[int, int] = defaultdict(int)
    taint: dict[int, Fraction] = defaultdict(Fraction)
    found = Followed()
    for one in sorted(transfers, key=lambda paid: (paid.ts_ms, paid.id)):
        if one.ts_ms > until_ms:
            break
        implied = max(least[one.payer], one.fen)
        before = max(balance[one.payer] if one.balance_fen is None else one.balance_fen, implied)
        least[one.payer], balance[one.payer] = implied - one.fen, before - one.fen
        if one.way == "arrived":
            least[one.payee] += one.fen
            balance[one.payee] += one.fen
        new = reported.get(one.id, 0)
        of = max(Fraction(before), taint[one.payer])
        part = taint[one.payer] * (one.fen - new) / of if of else Fraction(0)
        part = Fraction(int(part)) if whole else part
        if not part + new or one.payer == one.payee:
            continue
        taint[one.payer] -= part
        layer = 1 if new else found.layer.get(one.payer, 0) + 1
        outcome = "followed" if one.way == "arrived" else one.way
        if not new and layer > layers:
            outcome = "deep"
        elif not new and part < max(least_fen, one.fen * least_ppm // 1_000_000):
            outcome = "thin"
        if outcome == "followed":
            taint[one.payee] += part + new
            found.layer[one.payee] = min(found.layer.get(one.payee, layer), layer)
        found.carried.append((one.id, part + new, outcome))
    found.left = {account: taint[account] for account in found.layer}
    return found
