"""The layouts in which others publish transfers with labels.

Enters: the header of a file. Leaves: a Layout, and where in the header each of its columns stands. Invariant: names are
compared without regard to case, spaces and underscores; a header fits a layout if all that it needs is there.

Amounts are in a currency's main unit (yuan, dollars), but for the plain layout, whose names say fen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from interceptor.centre.flow.transfers import FileProblem

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Layout:
    """Names that columns may have; the second of two equal ones is NAME#2. `step_ms`: what one step of a time that is a
    small whole number means. `per_unit`: fen in one of the amount's."""

    name: str
    id: tuple[str, ...]
    time: tuple[str, ...]
    payer: tuple[str, ...]
    payee: tuple[str, ...]
    amount: tuple[str, ...]
    fraud: tuple[str, ...] = ()
    alert: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    balance: tuple[str, ...] = ()
    date: tuple[str, ...] = ()  # where day and time stand apart
    payer_bank: tuple[str, ...] = ()  # where an account's name is unique in its bank only
    payee_bank: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    currency_in: tuple[str, ...] = ()
    amount_in: tuple[str, ...] = ()  # what was received, where it may be another currency
    needs: tuple[str, ...] = ("time", "payer", "payee", "amount")
    step_ms: int = DAY_MS
    per_unit: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """`at`: position in the header by the layout's own word for a column."""

    layout: Layout
    at: dict[str, int] = field(default_factory=dict)


ROLES = (
    "id", "time", "date", "payer", "payee", "amount", "fraud", "alert", "kind", "balance", "payer_bank", "payee_bank",
    "currency", "currency_in", "amount_in",
)  # fmt: skip

LAYOUTS = (
    Layout(
        "AMLSim",
        id=("tx_id", "tran_id"),
        time=("timestamp", "tran_timestamp"),
        payer=("sender_account_id", "orig_acct"),
        payee=("receiver_account_id", "bene_acct"),
        amount=("tx_amount", "base_amt"),
        kind=("tx_type",),
        fraud=("is_fraud", "is_sar"),
        alert=("alert_id",),
        needs=("id", "time", "payer", "payee", "amount"),
    ),
    Layout(
        "AMLworld",
        id=(),
        time=("timestamp",),
        payer=("account",),
        payee=("account#2", "account.1"),
        payer_bank=("from_bank",),
        payee_bank=("to_bank",),
        amount=("amount_paid",),
        currency=("payment_currency",),
        currency_in=("receiving_currency",),
        amount_in=("amount_received",),
        fraud=("is_laundering",),
    ),
    Layout(
        "SAML-D",
        id=(),
        time=("time",),
        date=("date",),
        payer=("sender_account",),
        payee=("receiver_account",),
        amount=("amount",),
        fraud=("is_laundering",),
        needs=("time", "date", "payer", "payee", "amount"),
    ),
    Layout(
        "PaySim",
        id=(),
        time=("step",),
        payer=("nameorig",),
        payee=("namedest",),
        amount=("amount",),
        kind=("type",),
        balance=("oldbalanceorg",),
        fraud=("isfraud",),
        step_ms=HOUR_MS,
    ),
    Layout(
        "plain",
        id=("id", "event_id"),
        time=("ts_ms",),
        payer=("payer",),
        payee=("payee", "source"),
        amount=("amount_fen",),
        balance=("balance_fen",),
        fraud=("is_fraud",),
        alert=("alert_id",),
        step_ms=1,
        per_unit=1,
    ),
)
CASH_OUT, CASH_IN = "cash_out", "cash_in"  # kinds of transfer, as `plain` has them


def recognised(header: Sequence[str], where: str) -> Found:
    """Which layout a header is of. Raises FileProblem that names the nearest one and what it lacks."""
    places = _places(header)
    best, lacking = LAYOUTS[0], list(LAYOUTS[0].needs)
    for layout in LAYOUTS:
        at = {role: place for role in ROLES if (place := _place(places, getattr(layout, role))) is not None}
        missing = [role for role in layout.needs if role not in at]
        if not missing:
            return Found(layout, at)
        if len(missing) < len(lacking):
            best, lacking = layout, missing
    near = ""
    if len(lacking) < len(best.needs):
        names = ", ".join(" or ".join(name.upper() for name in getattr(best, role)) for role in lacking)
        near = f"; the nearest is {best.name}, but there is no column {names}"
    raise FileProblem(
        f"{where}:1: no known layout of transfers{near}\n"
        f"  hint: the first line names the columns; known: {', '.join(layout.name for layout in LAYOUTS)}"
    )


def plain(name: str) -> str:
    """How names are compared."""
    return name.strip().strip('"').lower().replace(" ", "_").replace("-", "_")


def _places(header: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, written in enumerate(header):
        name = plain(written)
        places.setdefault(f"{name}#2" if name in places else name, place)
    return places


def _place(places: dict[str, int], names: Sequence[str]) -> int | None:
    return next((places[name] for name in names if name in places), None)
