"""All cases, in the order in which they run.

Enters: nothing. Leaves: CASES by name. Invariant: the pass-through is first, so that the harness itself is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.case import Case, Size
from benchmarks.cases import (
    budget,
    cluster,
    decode,
    embedded,
    engine,
    flow,
    latency,
    ledger,
    lists,
    rules,
    shards,
    simulator,
    snapshots,
    texts,
    windows,
)
from interceptor.rules.errors import nearest

MODULES = (
    decode, lists, windows, texts, rules, engine, budget, embedded, latency, simulator, ledger, snapshots, shards,
    flow, cluster,
)  # fmt: skip
CASES: dict[str, Case] = {case.name: case for module in MODULES for case in module.CASES}
FIRST = next(iter(CASES))
SERVERS = {case.name for case in cluster.CASES}  # they start Kafka and Redis: no smoke run


class UnknownCase(Exception):
    """The message names what is near."""


def chosen(names: Sequence[str], size: Size = "default") -> list[Case]:
    """The named cases in their order, the first always among them; without names all, of a quick run those that start
    no servers. Raises UnknownCase."""
    for name in names:
        if name not in CASES:
            raise UnknownCase(
                f"there is no case {name!r}\n  hint: {nearest(name, CASES) or 'one of ' + ', '.join(CASES)}"
            )
    wanted = {FIRST, *names} if names else set(CASES) - (SERVERS if size == "quick" else set())
    return [case for case in CASES.values() if case.name in wanted]
