"""Sums of several currencies as one.

Enters: what was paid and what was received, each with its currency. Leaves: everything in the currency that is paid
most often. Invariant: rates come from the file alone: the median of the payments that were changed on the way.
"""

from __future__ import annotations

from collections import defaultdict, deque

import numpy as np

from interceptor.centre.flow.transfers import FileProblem
from interceptor.rules.errors import printable

NAMES_SHOWN = 5


def in_one(
    paid: np.ndarray, received: np.ndarray, of: np.ndarray, into: np.ndarray, names: list[str], where: str
) -> np.ndarray:
    """float64[n]: `paid` in the currency that most are paid in. `of`, `into` int[n]: currencies of paid and received,
    as positions in `names`. Raises FileProblem for a currency that no payment was changed from or to."""
    if len(names) < 2:
        return paid
    worth = _worth(_rates(paid, received, of, into), int(np.bincount(of, minlength=len(names)).argmax()))
    unknown = [at for at in np.unique(of).tolist() if at not in worth]
    if unknown:
        shown = ", ".join(printable(names[at]) for at in unknown[:NAMES_SHOWN])
        raise FileProblem(
            f"{where}: its sums are in {len(names)} currencies, and nothing says what {shown} is worth in the others\n"
            "  hint: convert the sums, or keep the lines of one currency"
        )
    factor = np.array([worth.get(at, np.nan) for at in range(len(names))])
    return paid * factor[of]


def _rates(paid: np.ndarray, received: np.ndarray, of: np.ndarray, into: np.ndarray) -> dict[tuple[int, int], float]:
    """What one of a currency is in another, for those that were changed."""
    rows = np.flatnonzero((of != into) & (paid > 0) & (received > 0))
    width = int(max(of.max(initial=0), into.max(initial=0))) + 1
    pair = of[rows].astype(np.int64) * width + into[rows]
    rates: dict[tuple[int, int], float] = {}
    for one in np.unique(pair).tolist():
        mine = rows[pair == one]
        rates[divmod(one, width)] = float(np.median(received[mine] / paid[mine]))
    return rates


def _worth(rates: dict[tuple[int, int], float], main: int) -> dict[int, float]:
    """What one of each currency is in the main one, by the shortest way of changing."""
    ways: dict[int, dict[int, float]] = defaultdict(dict)
    for (one, other), rate in rates.items():
        ways[other].setdefault(one, rate)  # one is worth `rate` of the other
        ways[one].setdefault(other, 1 / rate)
    worth, reached = {main: 1.0}, deque([main])
    while reached:
        known = reached.popleft()
        for other, rate in ways[known].items():
            if other not in worth:
                worth[other] = worth[known] * rate
                reached.append(other)
    return worth
