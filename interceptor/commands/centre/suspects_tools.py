"""What `interceptor centre money find` does: laundering networks that nobody has reported.

Enters: options. Leaves: a table or JSON, an exit code. Invariant: accounts are masked in tables, whole in JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from interceptor.centre.flow.checks import launderers
from interceptor.centre.flow.reading import open_transfers
from interceptor.centre.flow.suspects import DWELL, IN, OUT, PAYEES, PAYERS, THROUGH, Found, Pattern, find
from interceptor.centre.flow.transfers import Transfers
from interceptor.commands.centre.flow_tools import known_of, was_observed, wrong_use, yuan
from interceptor.rules.errors import printable
from interceptor.tuning.tables import Column, percent, print_json, progress_bar, say, show_table

NETWORKS_SHOWN, ACCOUNTS_SHOWN = 10, 20


def main(
    file: Path, hours: float, least_fen: int, least_percent: float, *, observed: bool, check: bool, as_json: bool
) -> int:
    """Exit code 1 = something was found. Raises UsageError."""
    with wrong_use():
        pattern = Pattern(hours=hours, least_fen=least_fen, share=least_percent / 100)
        with progress_bar() as bar:
            bar.add_task(f"Reading {printable(file.name)}", total=None)
            transfers = open_transfers(file, observed=observed or was_observed(file))
            found = find(transfers, pattern)
        true = launderers(transfers, known_of(file, transfers)) if check else None
    compared = None if true is None else _compared(found, true)
    if as_json:
        print_json(_as_object(transfers, found) | ({} if compared is None else {"check": compared}))
    else:
        _show(transfers, found)
        if compared is not None:
            say(
                f"Of {compared['suspects']:,} suspects {compared['right']:,} are known to pass stolen money on "
                f"({percent(compared['precision'])}); of {compared['launderers']:,} that do, "
                f"{percent(compared['recall'])} are among them."
            )
    return 0 if check else int(bool(len(found.account)))


def _compared(found: Found, true: np.ndarray) -> dict[str, Any]:
    right, suspects = int(np.isin(found.account, true).sum()), len(found.account)
    return {
        "suspects": suspects, "right": right, "launderers": len(true),
        "precision": right / suspects if suspects else None, "recall": right / len(true) if len(true) else None,
    }  # fmt: skip


def _show(transfers: Transfers, found: Found) -> None:
    columns = [Column("network", right=True), Column("account")]
    columns += [
        Column(name, right=True) for name in ("went through", "of what came", "of what went", "lay", "from", "to")
    ]
    rows, seen = [], np.bincount(found.network, minlength=1)
    for at, account in enumerate(found.account.tolist()):
        network = int(found.network[at])
        nth = at - int(seen[:network].sum())
        if network >= NETWORKS_SHOWN or nth >= ACCOUNTS_SHOWN:
            continue
        of = found.measures[at].tolist()
        rows.append([
            str(network + 1), transfers.shown(account), yuan(of[THROUGH]), percent(of[THROUGH] / max(of[IN], 1)),
            percent(of[THROUGH] / max(of[OUT], 1)), f"{of[DWELL] / 60_000:,.0f} min", str(of[PAYERS]), str(of[PAYEES]),
        ])  # fmt: skip
    rest = len(found.account) - len(rows)
    note = f"… and {rest:,} accounts more: --json has them." if rest else ""
    title = f"{found.networks:,} networks of {len(found.account):,} accounts that money only passes through"
    show_table(title, columns, rows, note)


def _as_object(transfers: Transfers, found: Found) -> dict[str, Any]:
    accounts = [
        {
            "network": int(found.network[at]) + 1, "account": transfers.account(account), "through_fen": of[THROUGH],
            "in_fen": of[IN], "out_fen": of[OUT], "dwell_ms": of[DWELL], "payers": of[PAYERS], "payees": of[PAYEES],
        }
        for at, (account, of) in enumerate(zip(found.account.tolist(), found.measures.tolist(), strict=True))
    ]  # fmt: skip
    return {"file": transfers.source, "transfers": len(transfers), "networks": found.networks, "accounts": accounts}
