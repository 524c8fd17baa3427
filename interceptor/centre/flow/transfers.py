"""Transfers between accounts, in order of time, ready to be walked.

Enters: columns of transfers that happened. Leaves: Transfers. Invariant: rows are in order of time and, at the same
time, of id; that order is what "before" means everywhere in this package. Only transfers that happened are rows: what
was blocked is known by id alone.

A payer's balance is at least what the file implies: what the account began with (0 where nobody says), plus what came
in, less what went out, and never less than the payment itself. A known one that is higher counts, up to the next known
one. A lower one doesn't: then money left unseen, and took its part of the stolen money along, so that the share of what
remains is as before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interceptor.centre.refusal import Refused
from interceptor.kernels import IN_I32, IN_I64, IN_U8, OUT_I32, OUT_I64, TABLE, Int32s, Int64s, Uint8s, kernel
from interceptor.masking import masked_key

AMOUNT_FEN_MAX = 10**15  # ten trillion yuan: beyond that a figure is a mistake
BALANCE_FEN_MAX = 1 << 60  # running balances stop here instead of overflowing
UNKNOWN = -1
SHOWN_WHOLE_CHARS = 8  # an account's name that is no longer than that is nobody's number


class FileProblem(Exception):
    """A file of transfers that can't be used; the message says where, what is wrong and what to do."""


class Way(IntEnum):
    """What became of a transfer that wasn't blocked."""

    ARRIVED = 0
    HELD = 1  # left the payer, hasn't reached the payee: it can still be revoked
    CASHED = 2  # left the accounts: paid out in cash


@dataclass(frozen=True, slots=True)
class Labels:
    """What a labelled file says is laundering: fraud bool[n]; alert int32[n], positions in `alerts`, -1 = none."""

    fraud: np.ndarray
    alert: np.ndarray
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Rows by account: those of account a are rows[offsets[a] : offsets[a + 1]], ascending."""

    offsets: Int64s
    rows: Int32s

    def of(self, account: int) -> Int32s:
        return self.rows[self.offsets[account] : self.offsets[account + 1]]


@dataclass(frozen=True)
class Transfers:
    """n transfers between m accounts.

    ids uint64[n] or string[n]; ts_ms int64[n], ms since 1970 UTC; payer and payee int32[n], positions in `accounts`
    (uint64[m] or string[m]); amount_fen int64[n]; balance_fen int64[n], the payer's before, -1 = not known; way
    uint8[n] (Way); channel uint8[n] (schema.Channel, 0 = not known); opening_fen int64[m], what accounts began with;
    merchant bool[m], verified organisations; blocked: ids of what never happened. `stamped`: False where times are
    whole steps of a simulation, not clock times.
    """

    ids: pa.Array
    ts_ms: Int64s
    payer: Int32s
    payee: Int32s
    amount_fen: Int64s
    balance_fen: Int64s
    way: Uint8s
    channel: Uint8s
    accounts: pa.Array
    opening_fen: Int64s
    merchant: np.ndarray
    blocked: pa.Array
    labels: Labels | None = None
    stamped: bool = True
    source: str = field(default="transfers")

    def __len__(self) -> int:
        return len(self.ts_ms)

    @cached_property
    def by_payer(self) -> Index:
        return _indexed(self.payer, len(self.accounts))

    @cached_property
    def by_payee(self) -> Index:
        return _indexed(self.payee, len(self.accounts))

    @cached_property
    def before_fen(self) -> Int64s:
        """int64[n]: the payer's balance right before each transfer, known or implied."""
        before = np.empty(len(self), np.int64)
        balance = np.stack([self.opening_fen, self.opening_fen], axis=1)
        _balances(self.payer, self.payee, self.amount_fen, self.balance_fen, self.way, balance, before)
        return before

    def row_of(self, transfer: str) -> int:
        """The row of a transfer's id, as a person types it. Raises Refused where there is none."""
        asked = transfer.strip()
        wanted = self._as_id(asked)
        row = -1 if wanted is None else pc.index(self.ids, wanted).as_py()
        if row >= 0:
            return int(row)
        if wanted is not None and pc.index(self.blocked, wanted).as_py() >= 0:
            raise Refused(
                "blocked-transfer",
                f"{self.source}: transfer {asked} was blocked: the money never left the payer",
                "report the payment that went through; of a recording made with --observe say --observed",
            )
        raise Refused("unknown-transfer", f"{self.source}: there is no transfer {asked}", self._examples())

    def account(self, position: int) -> str:
        """The whole name of an account: what the file calls it, or its key as 0x and 16 hexadecimal digits."""
        value = self.accounts[int(position)].as_py()
        return f"0x{value:016x}" if isinstance(value, int) else str(value)

    def shown(self, position: int) -> str:
        """The same with its middle hidden: 0x1f2e…9a3b, 6222…7890."""
        value = self.accounts[int(position)].as_py()
        if isinstance(value, int):
            return masked_key(value)
        return value if len(value) <= SHOWN_WHOLE_CHARS else f"{value[:4]}…{value[-4:]}"

    def id_of(self, row: int) -> str:
        return str(self.ids[int(row)].as_py())

    def _as_id(self, text: str) -> pa.Scalar | None:
        if not pa.types.is_integer(self.ids.type):
            return pa.scalar(text, self.ids.type)
        if text.isascii() and text.isdigit() and int(text) < 1 << 64:
            return pa.scalar(int(text), self.ids.type)
        return None

    def _examples(self) -> str:
        if not len(self):
            return "the file has no transfers"
        return f"its {len(self):,} transfers have ids such as {self.id_of(0)} and {self.id_of(len(self) - 1)}"


def assembled(
    ids: pa.Array,
    ts_ms: Int64s,
    payer: pa.Array,
    payee: pa.Array,
    amount_fen: Int64s,
    *,
    balance_fen: Int64s | None = None,
    way: Uint8s | None = None,
    channel: Uint8s | None = None,
    opening: Iterable[tuple[pa.Array, Int64s]] = (),
    merchants: pa.Array | None = None,
    blocked: pa.Array | None = None,
    labels: Labels | None = None,
    stamped: bool = True,
    source: str = "transfers",
) -> Transfers:
    """Transfers from columns in any order. payer, payee, merchants and the first of `opening`: names of accounts, all
    of one type. Ids that aren't whole numbers keep the order of the columns where times are equal."""
    count = len(ts_ms)
    encoded = pa.chunked_array([payer, payee], type=payer.type).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    accounts, at = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    order = _order(ids, ts_ms)
    opening_fen, merchant = np.zeros(len(accounts), np.int64), np.zeros(len(accounts), bool)
    for names, fen in opening:
        found = pc.index_in(accounts, names)
        known = found.is_valid().to_numpy(zero_copy_only=False)
        opening_fen[known] = fen[found.drop_null().to_numpy()]
    if merchants is not None:
        merchant[:] = pc.is_in(accounts, merchants).to_numpy(zero_copy_only=False)
    return Transfers(
        ids=ids.take(pa.array(order)),
        ts_ms=ts_ms[order],
        payer=at[:count][order],
        payee=at[count:][order],
        amount_fen=amount_fen[order],
        balance_fen=np.full(count, UNKNOWN, np.int64) if balance_fen is None else balance_fen[order],
        way=np.zeros(count, np.uint8) if way is None else way[order],
        channel=np.zeros(count, np.uint8) if channel is None else channel[order],
        accounts=accounts,
        opening_fen=opening_fen,
        merchant=merchant,
        blocked=ids.slice(0, 0) if blocked is None else blocked,
        labels=labels and Labels(labels.fraud[order], labels.alert[order], labels.alerts),
        stamped=stamped,
        source=source,
    )


def _order(ids: pa.Array, ts_ms: Int64s) -> np.ndarray:
    """Rows by time, then by id; files are mostly in order already."""
    if pa.types.is_integer(ids.type):
        numbers = ids.to_numpy()
        later, same = ts_ms[1:] > ts_ms[:-1], ts_ms[1:] == ts_ms[:-1]
        if np.all(later | (same & (numbers[1:] > numbers[:-1]))):
            return np.arange(len(ts_ms))
        return np.lexsort((numbers, ts_ms))
    return np.argsort(ts_ms, kind="stable")


def _indexed(key: Int32s, keys: int) -> Index:
    offsets = np.zeros(keys + 1, np.int64)
    np.cumsum(np.bincount(key, minlength=keys), out=offsets[1:])
    rows = np.empty(len(key), np.int32)
    _spread(key, offsets[:-1].copy(), rows)
    return Index(offsets, rows)


@kernel(IN_I32, OUT_I64, OUT_I32)
def _spread(key: Int32s, next_at: Int64s, rows: Int32s) -> None:
    """Puts each row into the place of its key."""
    for row in range(len(key)):
        rows[next_at[key[row]]] = row
        next_at[key[row]] += 1


@kernel(IN_I32, IN_I32, IN_I64, IN_I64, IN_U8, TABLE, OUT_I64)
def _balances(
    payer: Int32s, payee: Int32s, amount: Int64s, known: Int64s, way: Uint8s, balance: Int64s, before: Int64s
) -> None:
    """`balance` int64[m, 2]: what accounts began with, twice; it is used up: the least that is implied, and what is
    said or implied. `before` int64[n]: out."""
    for row in range(len(payer)):
        a, b = payer[row], payee[row]
        least = max(balance[a, 0], amount[row])
        before[row] = max(known[row] if known[row] >= 0 else balance[a, 1], least)
        balance[a, 0] = least - amount[row]
        balance[a, 1] = before[row] - amount[row]
        if way[row] == 0:  # Way.ARRIVED
            for which in range(2):
                balance[b, which] = min(balance[b, which] + amount[row], BALANCE_FEN_MAX)
