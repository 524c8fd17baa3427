"""Files of transfers from elsewhere, with or without labels: CSV, packed or not, Parquet, or AMLSim's folder.

Enters: a path. Leaves: Transfers. Invariant: the first thing that is wrong is told with its line; nothing is left out
silently.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from interceptor.centre.flow import currencies, layouts
from interceptor.centre.flow.columns import Column, integers_of
from interceptor.centre.flow.layouts import Found
from interceptor.centre.flow.transfers import AMOUNT_FEN_MAX, UNKNOWN, FileProblem, Labels, Transfers, Way, assembled
from interceptor.rules.errors import printable

TRANSACTIONS, ACCOUNTS = ("transactions.csv", "transactions.csv.gz"), ("accounts.csv", "accounts.csv.gz")
NO_ALERT = pa.array(["", "-1", "none", "nan"])
LINE_CHARS_MAX = 1 << 16
ACCOUNT_NAMES, OPENINGS = ("account_id", "acct_id"), ("init_balance", "initial_deposit")


def read_labelled(path: Path) -> Transfers:
    """Raises FileProblem."""
    if path.is_dir():
        return _read(_one_of(path, TRANSACTIONS), _openings(path))
    return _read(path, None)


def _one_of(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileProblem(f"{printable(str(folder))}: there is no {names[0]} in this folder\n  hint: name the file itself")


def _openings(folder: Path) -> tuple[pa.Array, np.ndarray] | None:
    """Names of accounts, and what they began with, where AMLSim's list of accounts says so."""
    if not any((folder / name).is_file() for name in ACCOUNTS):
        return None
    path = _one_of(folder, ACCOUNTS)
    header = _header(path)
    at = {layouts.plain(name): place for place, name in enumerate(header)}
    name, sum_ = (next((at[one] for one in names if one in at), None) for names in (ACCOUNT_NAMES, OPENINGS))
    if name is None or sum_ is None:
        return None
    columns = _csv_columns(path, header, {"name": name, "sum": sum_})
    return columns["name"].names(), columns["sum"].fen(100)


def _read(path: Path, opening: tuple[pa.Array, np.ndarray] | None) -> Transfers:
    where = printable(str(path))
    if not path.is_file():
        raise FileProblem(f"{where}: no such file")
    parquet = path.suffix == ".parquet"
    header = _parquet_header(path) if parquet else _header(path)
    found = layouts.recognised(header, where)
    columns = (_parquet_columns if parquet else _csv_columns)(path, header, found.at)
    if not len(columns["time"].values):
        raise FileProblem(f"{where}: there is a header, and no transfer below it")
    return _transfers(found, columns, opening, where)


def _transfers(
    found: Found, columns: dict[str, Column], opening: tuple[pa.Array, np.ndarray] | None, where: str
) -> Transfers:
    layout = found.layout
    payer, payee = (_accounts(columns, role) for role in ("payer", "payee"))
    ts_ms, stamped = columns["time"].moments(layout.step_ms, columns.get("date"))
    balance = columns["balance"].fen(layout.per_unit) if "balance" in columns else np.full(len(ts_ms), UNKNOWN)
    way = np.full(len(ts_ms), Way.ARRIVED, np.uint8)
    if "kind" in columns:
        kind = pc.replace_substring(pc.utf8_lower(columns["kind"].text()), "-", "_")
        way[pc.equal(kind, layouts.CASH_OUT).to_numpy(zero_copy_only=False)] = Way.CASHED
        into = pc.equal(kind, layouts.CASH_IN)  # cash that the first account brings: it is the one that is paid
        payer, payee = pc.if_else(into, payee, payer), pc.if_else(into, payer, payee)
        balance[into.to_numpy(zero_copy_only=False)] = UNKNOWN
    return assembled(
        _ids(columns, len(ts_ms)),
        ts_ms,
        payer,
        payee,
        _amounts(columns, layout.per_unit, where),
        balance_fen=balance,
        way=way,
        opening=[opening] if opening else (),
        labels=_labels(columns, len(ts_ms)),
        stamped=stamped,
        source=where,
    )


def _accounts(columns: dict[str, Column], role: str) -> pa.Array:
    names = columns[role].names()
    bank = columns.get(f"{role}_bank")
    return names if bank is None else pc.binary_join_element_wise(bank.text(), names, "-")


def _ids(columns: dict[str, Column], count: int) -> pa.Array:
    """Whole numbers if they are, else text; where the layout has none, the number of the row, from 1."""
    if "id" not in columns:
        return pa.array(np.arange(1, count + 1, dtype=np.uint64))
    column = columns["id"]
    text = column.text()
    numbers = integers_of(text)
    ids = text if numbers is None else numbers
    rising = numbers is not None and bool((np.diff(numbers.to_numpy().view(np.int64)) > 0).all())
    if not rising and pc.count_distinct(ids).as_py() < count:
        counts = ids.value_counts()
        twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))[0]
        again = int(np.flatnonzero(pc.equal(ids, twice).to_numpy(zero_copy_only=False))[1])
        raise column.wrong(again, "is the id of an earlier transfer, too")
    return ids


def _labels(columns: dict[str, Column], count: int) -> Labels | None:
    if "fraud" not in columns and "alert" not in columns:
        return None
    alert, alerts = np.full(count, -1, np.int32), pa.array([], pa.string())
    if "alert" in columns:
        column = columns["alert"]
        values = column.values.cast(pa.string()).fill_null("")
        text = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        encoded = pc.if_else(pc.is_in(text, NO_ALERT), pa.scalar(None, pa.string()), text).dictionary_encode()
        alerts = encoded.dictionary
        alert = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    fraud = columns["fraud"].flags() if "fraud" in columns else alert >= 0
    return Labels(fraud, alert, tuple(alerts.to_pylist()))


def _amounts(columns: dict[str, Column], per_unit: int, where: str) -> np.ndarray:
    """int64 fen; several currencies are made one."""
    amount = columns["amount"].fen(per_unit)
    if not {"currency", "currency_in", "amount_in"} <= columns.keys():
        return amount
    both = pa.chunked_array([columns["currency"].text(), columns["currency_in"].text()]).combine_chunks()
    encoded = both.dictionary_encode()
    of, into = np.split(encoded.indices.to_numpy(), 2)
    sums = currencies.in_one(
        amount.astype(np.float64), columns["amount_in"].fen(per_unit).astype(np.float64), of, into,
        encoded.dictionary.to_pylist(), where,
    )  # fmt: skip
    return np.minimum(np.rint(sums), AMOUNT_FEN_MAX).astype(np.int64)


def _header(path: Path) -> list[str]:
    """The names in the first line."""
    try:
        with _lines(path) as lines:
            first = next(lines, "")
    except (OSError, EOFError) as error:
        raise FileProblem(f"{printable(str(path))}: can't be read: {error}") from error
    except UnicodeDecodeError as error:
        raise FileProblem(f"{printable(str(path))}:1: isn't text in UTF-8\n  hint: save it as UTF-8") from error
    if not first.strip():
        raise FileProblem(f"{printable(str(path))}:1: there is no header\n  hint: the first line names the columns")
    return next(csv.reader([first.rstrip("\r\n")]))


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a text file, packed or not; one without an end comes in pieces."""
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield iter(partial(file.readline, LINE_CHARS_MAX), "")


def _csv_columns(path: Path, header: list[str], at: dict[str, int]) -> dict[str, Column]:
    places = [str(place) for place in range(len(header))]
    wanted = sorted({str(place) for place in at.values()}, key=int)
    try:
        table = _parsed_csv(path, places, wanted, threads=True)
    except pa.ArrowInvalid:  # once more, so that it says where
        try:
            table = _parsed_csv(path, places, wanted, threads=False)
        except pa.ArrowInvalid as error:
            raise FileProblem(f"{printable(str(path))}: {_told(str(error))}") from error
    except OSError as error:
        raise FileProblem(f"{printable(str(path))}: can't be read: {error.strerror or error}") from error
    line_of = partial(_line_of, path)
    return {
        role: Column(header[place].strip(), _chunk(table[str(place)]), line_of) for role, place in at.items()
    }  # fmt: skip


def _parsed_csv(path: Path, places: list[str], wanted: list[str], *, threads: bool) -> pa.Table:
    with pa.input_stream(str(path), compression="detect") as stream:
        return pacsv.read_csv(
            stream,
            pacsv.ReadOptions(use_threads=threads, column_names=places, skip_rows=1, block_size=1 << 23),
            pacsv.ParseOptions(newlines_in_values=False),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()), include_columns=wanted, strings_can_be_null=False
            ),
        )


def _told(words: str) -> str:
    """What Arrow says of a broken line, as a line of the file."""
    what = printable(words.split("\n")[0])[:200]
    return f"{what}\n  hint: every line needs as many fields as the header names"


def _line_of(path: Path, row: int) -> str:
    """FILE:LINE of a row: empty lines aren't rows."""
    rows = -2  # the header is -1
    with _lines(path) as lines:
        for number, line in enumerate(lines, start=1):
            rows += bool(line.strip("\r\n"))
            if rows == row and line.strip("\r\n"):
                return f"{printable(str(path))}:{number}"
    return f"{printable(str(path))}: row {row + 1:,}"


def _parquet_header(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise FileProblem(f"{printable(str(path))}: isn't a Parquet file, or was cut short") from error


def _parquet_columns(path: Path, header: list[str], at: dict[str, int]) -> dict[str, Column]:
    try:
        table = pq.read_table(path, columns=sorted({header[place] for place in at.values()}))
    except (OSError, pa.ArrowException) as error:
        raise FileProblem(f"{printable(str(path))}: its rows can't be read: {printable(str(error))}") from error
    return {
        role: Column(
            header[place], _chunk(table[header[place]]), lambda row: f"{printable(str(path))}: row {row + 1:,}"
        )
        for role, place in at.items()
    }


def _chunk(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return whole.chunk(0) if whole.num_chunks else pa.array([], column.type)
    return whole
