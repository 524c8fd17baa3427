"""Events and decisions: names, types, units.

Enters: nothing. Leaves: the columns that every other module speaks of. Invariant: an event has no nulls; what does
not apply to its kind is 0, False or "".

Every event has a *source* (the party that may be the scammer) and a *target* (the citizen to protect): caller → callee,
sender → receiver, site → visitor, payee account → payer. Phone numbers are E.164 digits as an integer, hosts,
accounts and devices are 64-bit hashes made at the edge. The target is always the citizen's phone number, at every
gate, so that what happens to one person can be joined across gates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from hashlib import blake2b

import pyarrow as pa


class Kind(IntEnum):
    """What happened. The first four are gates and get a verdict; the others only feed state."""

    CALL = 0  # set-up of a call: nothing is known yet of answer or duration
    SMS = 1
    WEB = 2
    TRANSFER = 3
    CALL_END = 4  # release of an answered call, with its duration
    REGISTRATION = 5  # a SIM or an account is opened: source = number or account, target = the person's phone
    REPORT = 6  # a citizen (target) reports a number, sender, host or account (source); or police find something out
    FEEDBACK = 7  # what officers and citizens (target) say of what was done about a number, host or account (source)


GATES = (Kind.CALL, Kind.SMS, Kind.WEB, Kind.TRANSFER)
GATE_NAMES = {Kind.CALL: "calls", Kind.SMS: "SMS", Kind.WEB: "visits", Kind.TRANSFER: "transfers"}  # for people


def kinds_named(kinds: Iterable[Kind]) -> str:
    """For people: calls, SMS."""
    return ", ".join(GATE_NAMES.get(kind, kind.name.lower().replace("_", " ")) for kind in sorted(kinds))


class Trunk(IntEnum):
    """Where a call or an SMS came into the city's network."""

    NONE = 0
    LOCAL = 1
    INTERPROVINCIAL = 2
    INTERNATIONAL = 3
    SIP = 4


class LineKind(IntEnum):
    """What kind of line the source is, from the number plan."""

    NONE = 0
    MOBILE = 1
    VIRTUAL = 2  # mobile virtual operator: 162, 165, 167, 170, 171
    FIXED = 3
    SERVICE = 4  # 400, 95x, 100xx, 1xx
    SMS_PORT = 5  # 106…
    FOREIGN = 6


class Channel(IntEnum):
    """How a transfer was ordered."""

    NONE = 0
    APP = 1
    QR = 2
    ATM = 3
    COUNTER = 4
    THIRD_PARTY = 5


class Subject(IntEnum):
    """What a registration, a report or feedback is about."""

    NONE = 0
    NUMBER = 1
    TEXT = 2
    SITE = 3
    ACCOUNT = 4
    PERSON = 5  # an identity, as in the column `person`


class Outcome(IntEnum):
    """What feedback says of an earlier action."""

    NONE = 0  # a warning was given; no more is known
    CONFIRMED = 1  # it was fraud
    FALSE_ALARM = 2  # it was none
    PERSUADED = 3  # the citizen was reached and desists
    UNREACHED = 4
    REFUSED = 5  # the citizen hung up, or didn't open the door
    APPEAL_UPHELD = 6
    APPEAL_REFUSED = 7


class Status(IntEnum):
    """How an event stood to the stream. All but OK leave no trace in any window, score or list."""

    OK = 0
    DUPLICATE = 1  # an accepted event had the same id
    LATE = 2  # older than the stream's clock by more than the limit
    FUTURE = 3  # stamped later than it was taken in by more than the limit


class Verdict(IntEnum):
    """What happens to the event itself, mildest first."""

    PASS = 0
    LABEL = 1  # goes through with a mark that the citizen sees
    HOLD = 2  # waits: SMS held, warning page before a site, transfer delayed
    BLOCK = 3


class Action(IntFlag):
    """What a rule or a policy asks for. The order of the bits has no meaning."""

    ALLOW = 1 << 0  # cancels everything below hard_block
    HARD_BLOCK = 1 << 1
    BLOCK = 1 << 2
    LABEL = 1 << 3
    HOLD = 1 << 4  # SMS: ten minutes, while its link is resolved
    WARN_PAGE = 1 << 5  # web: a page to read and leave, or to go on from
    WARN_1 = 1 << 6  # SMS to the citizen
    WARN_2 = 1 << 7  # automatic call or app pop-up
    WARN_3 = 1 << 8  # an officer calls
    WARN_4 = 1 << 9  # door visit and protective hold
    RAISE_TIER = 1 << 10  # one warning tier higher than the other rules ask for
    DELAY_24H = 1 << 11
    STOP_48H = 1 << 12  # the payer's account may receive, not pay
    FREEZE_6M = 1 << 13
    LIMIT = 1 << 14  # outgoing traffic of the source limited until re-verified
    REVERIFY = 1 << 15
    OPEN_CASE = 1 << 16
    CHALLENGE = 1 << 17  # the caller must answer a prompt
    SANCTION_5Y = 1 << 18  # no business but at the counter, nothing new opened; after a police finding only
    TO_SHADOW = 1 << 19  # the rule that feedback is about is to watch only


WARNINGS = Action.WARN_1 | Action.WARN_2 | Action.WARN_3 | Action.WARN_4
BLOCKING = Action.HARD_BLOCK | Action.BLOCK | Action.STOP_48H | Action.FREEZE_6M
HOLDING = Action.HOLD | Action.WARN_PAGE | Action.DELAY_24H


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the event schema; `kinds` is empty where it is common to all."""

    name: str
    type: pa.DataType
    kinds: frozenset[Kind]
    what: str


def _column(name: str, type_: pa.DataType, what: str, *kinds: Kind) -> Column:
    return Column(name, type_, frozenset(kinds), what)


_C, _S, _W, _T, _E, _G, _R, _F = Kind

COLUMNS: tuple[Column, ...] = (
    _column("event_id", pa.uint64(), "unique in a stream"),
    _column("ts_ms", pa.int64(), "when it happened, ms since 1970 UTC"),
    _column("ingest_ts_ms", pa.int64(), "when the edge took it in, ms since 1970 UTC"),
    _column("kind", pa.uint8(), "Kind"),
    _column("source", pa.uint64(), "the party that may be the scammer"),
    _column("target", pa.uint64(), "phone number of the citizen to protect"),
    _column("town", pa.uint32(), "township code of the target, 0 = not in this city"),
    _column("known", pa.bool_(), "source and target had contact in the last 90 days"),
    _column("registered", pa.bool_(), "source is a verified organisation: line, SMS port, host with ICP, merchant"),
    _column("tenure_days", pa.uint16(), "days since the source line or account was opened, 65535 = unknown"),
    _column("idle_days", pa.uint16(), "days without activity of the source before today"),
    _column("display", pa.uint64(), "number shown to the target, 0 = the source itself", _C, _S, _E),
    _column("trunk", pa.uint8(), "Trunk", _C, _S, _E),
    _column("line_kind", pa.uint8(), "LineKind of the source", _C, _S, _E),
    _column("roamer", pa.bool_(), "source is a verified own subscriber abroad", _C, _S, _E),
    _column("forwarding", pa.bool_(), "call forwarding is set on the target's line", _C, _E),
    _column("cell", pa.uint32(), "radio cell of the source, 0 = unknown", _C, _S, _E),
    _column("cell_town", pa.uint32(), "township code of that cell, 0 = unknown or not in this city", _C, _S, _E),
    _column("imei", pa.uint64(), "device of the source, 0 = unknown", _C, _S, _E),
    _column("imsi", pa.uint64(), "SIM of the source, 0 = unknown", _C, _S, _E),
    _column("dur_s", pa.uint32(), "duration in seconds", _E),
    _column("text", pa.string(), "message text", _S),
    _column("lac_jump", pa.bool_(), "location area changed as near a fake base station", _S),
    _column("host", pa.string(), "host visited, or of the message's first link, lower case", _S, _W),
    _column("host_age_h", pa.uint32(), "hours since the host was registered", _S, _W),
    _column("address", pa.uint64(), "network address or certificate that the host answers with, 0 = unknown", _W),
    _column("apk", pa.bool_(), "the visit fetches an app outside a store", _W),
    _column("asks_card", pa.bool_(), "a form on the page asks for a card number", _W),
    _column("asks_code", pa.bool_(), "a form on the page asks for a password or a code", _W),
    _column("payer", pa.uint64(), "account that pays", _T),
    _column("amount_fen", pa.int64(), "amount in fen", _T),
    _column("typical_fen", pa.int64(), "95th percentile of the payer's earlier amounts, fen", _T),
    _column("balance_fen", pa.int64(), "payer's balance before, fen", _T),
    _column("channel", pa.uint8(), "Channel", _T),
    _column("corporate", pa.bool_(), "the payer is a company", _T),
    _column("screen_share", pa.bool_(), "the payer's screen is being shared", _T),
    _column("agent", pa.uint64(), "outlet that opened it", _G),
    _column("person", pa.uint64(), "identity in whose name it is opened, 0 = unknown", _G),
    _column("subject", pa.uint8(), "Subject", _G, _R, _F),
    _column("finding", pa.uint64(), "city-level police finding behind it, 0 = none", _R),
    _column("outcome", pa.uint8(), "Outcome", _F),
    _column("tier", pa.uint8(), "tier of the warning that it is about, 0 = no warning", _F),
    _column("rule", pa.uint64(), "rule that had asked for the action, as rule_key gives it; 0 = none alone", _F),
)

COLUMN = {column.name: column for column in COLUMNS}
EVENT_SCHEMA = pa.schema([pa.field(column.name, column.type, nullable=False) for column in COLUMNS])

TRUTH_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.uint64(), nullable=False),
        pa.field("campaign", pa.uint32(), nullable=False),
        pa.field("scam_type", pa.string(), nullable=False),
        pa.field("step", pa.string(), nullable=False),
    ]
)


def rule_key(name: str) -> int:
    """What stands in the column `rule` for a rule of this name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=7).digest(), "big") or 1
