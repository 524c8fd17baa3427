"""The fields of an event written as JSON: names, types, and how a written value becomes a column's.

Enters: the event schema. Leaves: a type that msgspec reads for each kind of event, and a reader for each field.
Invariants: a number, host or account means what the same words mean in a list or in a rule's test; what a scammer
chooses (the source, the number shown, a link's host) is never a reason to refuse an event: what isn't a number is a key
of its own.

    {"kind": "sms", "ts": "2026-01-05T10:00:00+08:00", "sender": "+86 170 0000 0001", "receiver": "+8613900139000",
     "text": "…", "trunk": "local", "tenure_days": 12}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import UNSET, Meta, UnsetType

from interceptor.hosts import hash_of_host
from interceptor.rules.names import ALIASES, kinds_of
from interceptor.rules.values import account, host, number
from interceptor.schema import COLUMN, COLUMNS, Channel, Kind, LineKind, Outcome, Subject, Trunk, rule_key

HOST_CHARS_MAX = 253  # of one that is looked at more closely: no longer one has an address
FEN_MAX = 1 << 53
EARLIEST_MS, LATEST_MS = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000) for year in (2000, 2100))
AHEAD_MAX_MS = 86_400_000  # of the moment at which Kafka got it
KEYS_REMEMBERED = 1 << 17  # written numbers and hosts, some 30 MB

VOCABULARIES = {"trunk": Trunk, "line_kind": LineKind, "channel": Channel, "subject": Subject, "outcome": Outcome}
TIMES = {"ts": "ts_ms", "ingest_ts": "ingest_ts_ms"}  # shorter names
# What stands for a field that isn't there, beyond 0, False and "": where 0 would accuse somebody, it is "unknown".
UNKNOWN = {"tenure_days": 2**16 - 1, "host_age_h": 2**32 - 1}
_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One name in the JSON of a kind of event. `read` takes what msgspec made of it and raises ValueError; None: as it
    is. `or_int`: whole numbers are as they are. `wanted` is for people, `default` as it would be written."""

    name: str
    column: str
    type: Any
    wanted: str
    read: Reader | None = None
    or_int: bool = False
    default: Any = 0


def _phone(value: int | str) -> int:
    return number(value) if isinstance(value, str) else value


@lru_cache(KEYS_REMEMBERED)
def identity(text: str) -> int:
    """A number or account as a list would have it; any other word is a key of 56 bits. Raises ValueError for ""."""
    for read in (number, account):
        try:
            return read(text)
        except ValueError:
            pass
    if not text:
        raise ValueError("nobody")
    return rule_key(text)  # as the same word in a rule's test


@lru_cache(KEYS_REMEMBERED)
def edge_host(text: str) -> str:
    """Lower case, other scripts as punycode; a name that can't be read so stays as it is."""
    try:
        return host(text) if len(text) <= HOST_CHARS_MAX else text.lower()
    except ValueError:
        return text.strip().lower().rstrip(".")


@lru_cache(KEYS_REMEMBERED)
def site(text: str) -> int:
    """The key of a host."""
    return hash_of_host(edge_host(text))


def source_key(kind: Kind, subject: int, text: str) -> int:
    """What a written source is: the host of a visit or of what is said about a site; else a number, account or word."""
    return site(text) if kind is Kind.WEB or subject == Subject.SITE else identity(text)


def _key(value: int | str) -> int:
    return identity(value) if isinstance(value, str) else value


def _number_of_event(value: int | str) -> int:
    if isinstance(value, int):
        return value
    return int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), "big")


def _ms(value: int | datetime) -> int:
    return value if isinstance(value, int) else (value - _MOMENT) // _MS


def _field(name: str, column: str) -> Field:
    """How a column is written under this name."""
    type_ = COLUMN[column].type
    if column in ("ts_ms", "ingest_ts_ms"):
        wanted = 'a time such as "2026-01-05T10:00:00+08:00", or ms since 1970 UTC'
        return Field(name, column, int | Annotated[datetime, Meta(tz=True)], wanted, _ms, True)
    if column == "event_id":
        return Field(
            name, column, int | Annotated[str, Meta(min_length=1)], "a whole number or a word", _number_of_event
        )
    if column == "source":
        return Field(
            name, column, int | Annotated[str, Meta(min_length=1)], "a number, host, account, or a whole number"
        )
    if column == "target":
        return Field(name, column, int | str, 'a phone number such as "+8613900139000", or its digits', _phone, True)
    if column in VOCABULARIES:
        words = {member.name.lower(): int(member) for member in VOCABULARIES[column]}
        return Field(
            name, column, Literal[tuple(words)], f"one of {', '.join(words)}", words.__getitem__, default="none"
        )
    if column == "host":
        return Field(name, column, str, "a host such as example.com", edge_host, default="")
    if pa.types.is_string(type_):
        return Field(name, column, str, "a text", default="")
    if pa.types.is_boolean(type_):
        return Field(name, column, bool, "true or false", default=False)
    if pa.types.is_uint64(type_):
        wanted = "a number or account as it is written, or a whole number; 0 = unknown"
        return Field(name, column, int | Annotated[str, Meta(min_length=1)], wanted, _key, True)
    low, high = limits(column, type_)
    return Field(
        name, column, Annotated[int, Meta(ge=low, le=high)], f"a whole number from {low:,} to {high:,}",
        default=UNKNOWN.get(column, 0),
    )  # fmt: skip


def limits(column: str, type_: pa.DataType) -> tuple[int, int]:
    """Smallest and largest number of a column that is no key and no time, both included."""
    if pa.types.is_int64(type_):  # money
        return (-FEN_MAX if column == "balance_fen" else 0), FEN_MAX
    return 0, int(np.iinfo(type_.to_pandas_dtype()).max)


def _fields(kind: Kind) -> tuple[Field, ...]:
    columns = [column.name for column in COLUMNS if column.name != "kind" and kind in kinds_of(column.name)]
    aliases = {name: column for name, (column, kinds) in ALIASES.items() if kind in kinds}
    return tuple(_field(name, column) for name, column in ({name: name for name in columns} | aliases | TIMES).items())


FIELDS: dict[Kind, tuple[Field, ...]] = {kind: _fields(kind) for kind in Kind}
HOST, SITE = (next(field for field in FIELDS[Kind.WEB] if field.name == name) for name in ("host", "site"))
# Columns that each event must give, under one of their names
REQUIRED = ("ts_ms", "source", "target")
SEVERAL_NAMES = frozenset({*REQUIRED, *TIMES.values(), "event_id", "host"})  # or whose presence says something
KIND_OF = {kind.name.lower(): kind for kind in Kind}

STRUCTS: dict[Kind, type[msgspec.Struct]] = {
    kind: msgspec.defstruct(
        f"{kind.name.title()}Event",
        [(field.name, field.type | UnsetType, UNSET) for field in fields],
        tag_field="kind", tag=kind.name.lower(), forbid_unknown_fields=True, gc=False,
    )
    for kind, fields in FIELDS.items()
}  # fmt: skip
KIND_OF_STRUCT = {struct: kind for kind, struct in STRUCTS.items()}
