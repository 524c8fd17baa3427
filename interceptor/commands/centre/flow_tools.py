"""What `interceptor centre money trace` does: open, trace, tell, draw, compare.

Enters: options. Leaves: tables, JSON, a picture; an exit code. Invariant: accounts are masked in tables and pictures,
and whole in JSON, which the bank's machine needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from interceptor.centre.flow.checks import Check, Known, check, known_of_labels, known_of_recording
from interceptor.centre.flow.networks import Member, Network, networks
from interceptor.centre.flow.picture import check_path, write_picture
from interceptor.centre.flow.reading import is_recording, open_transfers
from interceptor.centre.flow.recorded import read_truth
from interceptor.centre.flow.tracing import Limits, Trace, Tracer, reported
from interceptor.centre.flow.transfers import FileProblem, Transfers
from interceptor.centre.flow.walk import Outcome
from interceptor.commands.centre.desk import UsageError, moment
from interceptor.local_time import clock
from interceptor.rules.errors import printable
from interceptor.tuning.tables import Column, percent, print_json, progress_bar, say, show_table
from simulator.report import Setting

DAY_MS = 86_400_000
SHOWN = 40
PLACES = {
    "left": "lies in accounts", "cashed": "taken as cash", "held": "held on the way",
    "deep": "beyond the last layer", "thin": "too little to follow",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    file: Path
    report: tuple[str, ...]
    at: str | None
    layers: int
    hours: float
    least_fen: int
    least_percent: float
    observed: bool
    picture: Path | None
    check: bool
    show_all: bool


def main(asked: Asked, *, as_json: bool) -> int:
    """Raises Refused and UsageError."""
    with wrong_use():
        limits = Limits(asked.layers, asked.hours, asked.least_fen, asked.least_percent / 100)
        if bool(asked.report) == asked.check:
            raise UsageError("one of --report and --check is needed\n  hint: --report TX, the id of a victim's payment")
        if asked.check and (asked.at is not None or asked.picture is not None):
            raise UsageError("--check goes with neither --at nor --picture")
        if asked.picture is not None:
            check_path(asked.picture)
        with progress_bar() as bar:
            bar.add_task(f"Reading {printable(asked.file.name)}", total=None)
            transfers = open_transfers(asked.file, observed=asked.observed or was_observed(asked.file))
        if asked.check:
            return _tell_check(transfers, _checked(asked, transfers, limits), as_json=as_json)
        found = _traced(asked, transfers, limits)
        if asked.picture is not None:
            write_picture(asked.picture, found[0], _title(found[0]))
    if as_json:
        print_json(_as_object(transfers, found, limits))
    else:
        _show(found, SHOWN if not asked.show_all else None, asked.picture)
    return 0


@contextmanager
def wrong_use() -> Iterator[None]:
    """Problems of files and options as wrong use of the command."""
    try:
        yield
    except (FileProblem, ValueError) as error:
        raise UsageError(str(error)) from error


def _traced(asked: Asked, transfers: Transfers, limits: Limits) -> list[Network]:
    cases = [
        reported(transfers, [part for part in one.split(",") if part.strip()], f"case {number}")
        for number, one in enumerate(asked.report, start=1)
    ]
    at_ms = None if asked.at is None else _moment(asked.at, transfers)
    tracer, traces = Tracer(transfers), list[Trace]()
    with progress_bar() as bar:
        task = bar.add_task("Tracing", total=len(cases))
        for case in cases:
            traces.append(tracer.trace(case, limits, at_ms))
            bar.advance(task)
    return networks(traces)


def was_observed(file: Path) -> bool:
    """Whether a recording says of itself that everything passed."""
    try:
        said = pq.read_schema(file).metadata or {}
        return Setting.from_text({"setting": said[b"interceptor.setting"].decode()}).observed
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError):
        return False  # no recording: whoever reads it says what is wrong


def known_of(file: Path, transfers: Transfers) -> Known:
    """What is true of a file's transfers. Raises FileProblem where nobody says."""
    if file.suffix == ".parquet" and is_recording(file):
        return known_of_recording(transfers, read_truth(file, transfers))
    return known_of_labels(transfers)


def _checked(asked: Asked, transfers: Transfers, limits: Limits) -> Check:
    known = known_of(asked.file, transfers)
    with progress_bar() as bar:
        bar.add_task(f"Tracing {len(known.cases):,} cases", total=None)
        return check(transfers, known, limits)


def _moment(at: str, transfers: Transfers) -> int:
    """ms since 1970 UTC, or since the first day of a file that counts days. Raises UsageError."""
    if transfers.stamped:
        return moment(at)
    try:
        days = float(at)
    except ValueError:
        days = math.nan
    if not 0 <= days < 1e6:
        raise UsageError(f"--at {at!r}: this file counts days\n  hint: write a number of days, such as 12.5")
    return round(days * DAY_MS)


def _when(ts_ms: int, transfers: Transfers) -> str:
    if transfers.stamped:
        return f"{clock(ts_ms):%Y-%m-%d %H:%M:%S}"
    return f"day {ts_ms / DAY_MS:g}"


def yuan(fen: int) -> str:
    """To the last fen."""
    return f"{fen / 100:,.2f}"


def _title(network: Network) -> str:
    count = len(network.cases)
    what = network.cases[0] if count == 1 else f"{count:,} cases"
    as_of = max(trace.as_of_ms for trace in network.traces)
    return f"{yuan(network.reported_fen)} yuan of {what}, as of {_when(as_of, network.transfers)}"


def _show(found: Sequence[Network], most: int | None, picture: Path | None) -> None:
    names = (
        ("layer", True), ("account", False), ("role", False), ("stolen in", True), ("left", True), ("share", True),
        ("from", True), ("to", True), ("first", False), ("last", False), ("lay", True), ("cases", True),
        ("stop", False),
    )  # fmt: skip
    columns = [Column(name, right) for name, right in names]
    for network in found:
        members = network.members[:most] if most else network.members
        rows = [_row(network, member) for member in members]
        rest = len(network.members) - len(rows)
        notes = [_where(network)]
        if rest:
            notes.append(f"… and {rest:,} accounts more: --all shows them.")
        show_table(_title(network), columns, rows, "\n".join(notes))
        say("")
    if len(found) > 1:
        say(f"{sum(len(one.cases) for one in found):,} cases in {len(found):,} networks.")
    if picture is not None:
        say(f"{printable(str(picture))}: the flow of the largest network.")


def _row(network: Network, member: Member) -> list[str]:
    transfers = network.transfers
    role = f"{member.role.value}, {member.out_by}" if member.out_by else member.role.value
    return [
        str(member.layer), transfers.shown(member.account), role, yuan(member.came_fen), yuan(member.left_fen),
        percent(member.share), str(member.payers), str(member.payees), _when(member.first_ms, transfers),
        _when(member.last_ms, transfers), _span(member.dwell_ms), str(len(member.cases)),
        "stop" if member.account in network.to_stop else "",
    ]  # fmt: skip


def _span(ms: int) -> str:
    if ms < 0:
        return "–"
    return f"{ms / 60_000:,.0f} min" if ms < 2 * 3_600_000 else f"{ms / 3_600_000:,.1f} h"


def _where(network: Network) -> str:
    parts = [f"{yuan(fen)} {PLACES[name]}" for name, fen in network.balance_sheet.items() if fen]
    return f"Of it: {'; '.join(parts)}. {len(network.to_stop):,} accounts to stop."


def _as_object(transfers: Transfers, found: Sequence[Network], limits: Limits) -> dict[str, Any]:
    return {
        "file": transfers.source,
        "transfers": len(transfers),
        "accounts": len(transfers.accounts),
        "limits": asdict(limits),
        "networks": [
            {
                "reported_fen": one.reported_fen,
                "where_fen": one.balance_sheet,
                "layers": one.layers,
                "cases": [_case(trace) for trace in one.traces],
                "joined_by": [transfers.account(account) for account in one.joined_by],
                "accounts": [_account(one, member) for member in one.members],
                "transfers": [move for trace in one.traces for move in _moves(trace)],
            }
            for one in found
        ],
    }


def _case(trace: Trace) -> dict[str, Any]:
    return {
        "case": trace.case.name, "reported_fen": trace.reported_fen, "as_of_ms": trace.as_of_ms,
        "where_fen": trace.balance_sheet,
        "reports": [{"id": trace.transfers.id_of(one.row), "fen": one.fen} for one in trace.case.reports],
    }  # fmt: skip


def _account(network: Network, member: Member) -> dict[str, Any]:
    told = asdict(member) | {"account": network.transfers.account(member.account), "role": member.role.value}
    return told | {"cases": list(member.cases), "stop": member.account in network.to_stop}


def _moves(trace: Trace) -> Iterator[dict[str, Any]]:
    transfers: Transfers = trace.transfers
    for row, fen, outcome in zip(trace.row.tolist(), trace.fen.tolist(), trace.outcome.tolist(), strict=True):
        yield {
            "id": transfers.id_of(row), "ts_ms": int(transfers.ts_ms[row]),
            "payer": transfers.account(transfers.payer[row]), "payee": transfers.account(transfers.payee[row]),
            "amount_fen": int(transfers.amount_fen[row]), "tainted_fen": fen,
            "outcome": Outcome(outcome).name.lower(), "case": trace.case.name,
        }  # fmt: skip


def _tell_check(transfers: Transfers, found: Check, *, as_json: bool) -> int:
    shares = {
        "money_share": found.money_share, "reached_share": found.reached_share, "account_share": found.account_share,
        "wrong_share": found.wrong_share, "pair_share": found.pair_share,
    }  # fmt: skip
    if as_json:
        print_json({"file": transfers.source} | asdict(found) | shares)
        return 0
    rows = [
        ["cases reported", f"{found.cases:,}", f"{yuan(found.reported_fen)} yuan"],
        ["stolen money moved on, found pro rata", percent(found.money_share),
         f"{yuan(found.found_fen)} of {yuan(found.onward_fen)} yuan"],
        ["in transfers of which any was found", percent(found.reached_share), f"{yuan(found.reached_fen)} yuan"],
        ["accounts that stolen money came into", percent(found.account_share),
         f"{found.accounts_found:,} of {found.accounts:,}"],
        ["money wrongly called stolen", percent(found.wrong_share),
         f"{yuan(found.wrong_fen)} yuan in {found.wrong_transfers:,} transfers"],
        ["accounts wrongly to be stopped", f"{found.accounts_wrong:,}", f"{yuan(found.accounts_wrong_fen)} yuan"],
        _called("exits", found.exits_found, found.exits),
        _called("collectors", found.collectors_found, found.collectors),
    ]  # fmt: skip
    if found.pairs:
        wrong = f"{_of(found.pairs_found, found.pairs)}; {found.pairs_wrong:,} wrongly"
        rows.append(["pairs of cases put together", percent(found.pair_share), wrong])
    columns = [Column("what"), Column("found", right=True), Column("")]
    note = f"{len(transfers):,} transfers between {len(transfers.accounts):,} accounts; {found.networks:,} networks."
    show_table(f"Tracing against what is known of {transfers.source}", columns, rows, note)
    return 0


def _called(what: str, some: int, whole: int) -> list[str]:
    return [f"{what} called so", percent(some / whole if whole else None), _of(some, whole)]


def _of(some: int, whole: int) -> str:
    return f"{some:,} of {whole:,}"
