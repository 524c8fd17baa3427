"""What the centre knows of the banks' books: payments of the last days, who holds which account, at which bank.

Enters: what the gates saw, a register in a file. Leaves: rows to match a victim's words with. Invariant: a payment is
here as it passed the gate; nobody edits it.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from interceptor.centre.book import Book
from interceptor.centre.money.terms import BankKind
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Seen
from interceptor.centre.signed import signed, unsigned
from interceptor.centre.things import Thing, parse
from interceptor.rules.errors import shortened
from interceptor.schema import Kind, Subject, Verdict

_PAYMENT = ("event_id", "ts_ms", "target", "payer", "source", "amount_fen")


@dataclass(frozen=True, slots=True)
class Payment:
    """As it passed the gate. `citizen`: the payer's phone number."""

    tx: int
    at_ms: int
    citizen: int
    payer: int
    payee: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds an account, as rule_key has his name, 0 = unknown; the bank's name, "" = unknown, and its kind."""

    holder: int
    bank: str
    kind: BankKind


def take_payments(book: Book, seen: Seen) -> None:
    """Transfers that weren't blocked, and who opened which account."""
    rows = seen.of_kind(Kind.TRANSFER)
    if len(rows):
        rows = rows[seen.verdict[rows] != int(Verdict.BLOCK)]
        columns = (_signed(seen, name, rows) for name in _PAYMENT)
        book.db.executemany("INSERT OR IGNORE INTO payments VALUES (?, ?, ?, ?, ?, ?)", zip(*columns, strict=True))
    for event in seen.events:
        if event.kind == Kind.REGISTRATION and event.subject == Subject.ACCOUNT and event.person:
            account, holder = signed(event.source), signed(event.person)
            book.db.execute("INSERT OR IGNORE INTO accounts VALUES (?, ?, '')", (account, holder))


def forget_payments(book: Book, before_ms: int) -> None:
    book.db.execute("DELETE FROM payments WHERE at_ms < ?", (before_ms,))


def payment(db: sqlite3.Connection, tx: int) -> Payment | None:
    found = db.execute("SELECT * FROM payments WHERE tx = ?", (signed(tx),)).fetchone()
    return _payment(found) if found else None


def payments_into(db: sqlite3.Connection, payee: int, *, citizen: int | None = None) -> list[Payment]:
    """Into an account, oldest first; those of one citizen, by his phone number."""
    where, values = ("AND citizen = ?", [signed(citizen)]) if citizen is not None else ("", [])
    found = db.execute(f"SELECT * FROM payments WHERE payee = ? {where} ORDER BY at_ms, tx", (signed(payee), *values))
    return [_payment(row) for row in found]


def payments_from(db: sqlite3.Connection, starts: Iterable[int], layers: int, until_ms: int) -> list[Payment]:
    """Where money may have gone from these payments (their ids): since the first of them, all that the accounts paid
    and received which it may have come to through so many layers. In no order."""
    paid = [one for one in (payment(db, tx) for tx in starts) if one]
    found = {one.tx: one for one in paid}
    since_ms = min((one.at_ms for one in paid), default=0)

    def of(account: int, side: str) -> list[Payment]:
        wanted = f"SELECT * FROM payments WHERE {side} = ? AND at_ms BETWEEN ? AND ?"
        rows = [_payment(row) for row in db.execute(wanted, (signed(account), since_ms, until_ms))]
        found.update((one.tx, one) for one in rows)
        return rows

    layer, reached = {one.payee for one in paid}, set[int]()
    for _ in range(layers):
        reached |= layer
        layer = {one.payee for account in layer for one in of(account, "payer")} - reached
    for account in reached:
        of(account, "payee")
    return list(found.values())


def holding(db: sqlite3.Connection, account: int) -> Holding:
    """What the register says of an account."""
    found = db.execute(
        "SELECT a.holder, a.bank, b.kind FROM accounts a LEFT JOIN banks b ON b.bank = a.bank WHERE account = ?",
        (signed(account),),
    ).fetchone()
    if found is None:
        return Holding(0, "", BankKind.ONLINE)
    return Holding(unsigned(found[0]), found[1], BankKind(found[2] or BankKind.ONLINE))


def bank_kind(db: sqlite3.Connection, bank: str) -> BankKind:
    """How a bank is reached; through the platform where nobody said."""
    found = db.execute("SELECT kind FROM banks WHERE bank = ?", (bank,)).fetchone()
    return BankKind(found[0]) if found else BankKind.ONLINE


def register(book: Book, rows: Iterable[tuple[int, int, str]], *, by: str, at_ms: int) -> int:
    """(account, holder as rule_key has the name, bank): what a bank says, instead of what was known; gives how many."""
    with book.act("money.accounts", "register:accounts", by, at_ms) as act:
        values = [(signed(account), signed(holder), bank) for account, holder, bank in rows]
        act.db.executemany(
            "INSERT INTO accounts VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE SET holder = excluded.holder,"
            " bank = excluded.bank",
            values,
        )
        act.note(accounts=len(values))
    return len(values)


def set_bank(book: Book, bank: str, kind: BankKind, *, by: str, at_ms: int) -> None:
    """How a bank is reached. Raises Refused."""
    with book.act("money.bank", f"bank:{bank}", by, at_ms) as act:
        act.note(kind=kind)
        if not bank.strip():
            raise Refused("no-bank", "a bank has a name")
        act.db.execute(
            "INSERT INTO banks VALUES (?, ?) ON CONFLICT (bank) DO UPDATE SET kind = excluded.kind", (bank, kind)
        )


def read_register(lines: Iterable[str]) -> list[tuple[int, int, str]]:
    """CSV with a line `account,name,bank` on top, into what `register` takes. Raises Refused, which names the line."""
    found = []
    reader = csv.DictReader(lines, strict=True)
    try:
        if not {"account", "name", "bank"} <= set(reader.fieldnames or ()):
            raise Refused("no-columns", "line 1: the columns are account, name and bank")
        for row in reader:
            found.append(_registered(row, reader.line_num))
    except csv.Error as error:
        raise Refused("bad-line", f"line {reader.line_num}: {error}") from None
    return found


def _registered(row: dict[str, str | None], line: int) -> tuple[int, int, str]:
    account, name, bank = ((row[column] or "").strip() for column in ("account", "name", "bank"))
    try:
        if not account or not name:
            raise Refused("bad-line", "an account has a key and a holder")
        return parse(account, Subject.ACCOUNT).key, holder_key(name), bank
    except Refused as error:
        raise Refused("bad-line", f"line {line}: {error.args[0]}", f"it says {shortened(account)!r}") from None


def holder_key(name: str) -> int:
    """The key of a holder: of his name, or 0x… as it stands."""
    return parse(name, Subject.PERSON).key


def account_of(key: int) -> Thing:
    return Thing(Subject.ACCOUNT, key)


def _payment(row: tuple[int, int, int, int, int, int]) -> Payment:
    tx, at_ms, citizen, payer, payee, amount_fen = row
    return Payment(unsigned(tx), at_ms, unsigned(citizen), unsigned(payer), unsigned(payee), amount_fen)


def _signed(seen: Seen, name: str, rows: np.ndarray) -> list[int]:
    values: list[int] = seen.column(name)[rows].view(np.int64).tolist()
    return values
