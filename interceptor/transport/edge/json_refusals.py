"""Why a message is no event.

Enters: the value of a message that wasn't taken. Leaves: Refused, a code that stays the same and a reason for people.
Invariant: nothing of the message gets into a reason but the names of fields that exist, so no number, text or account
does.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from interceptor.rules.errors import nearest
from interceptor.transport.edge.json_fields import FIELDS, KIND_OF, Field

MESSAGE_BYTES_MAX = 1 << 19  # a text of 64 KiB, written with escapes, and room for the rest

# Code → what it says. Programs may rely on the codes.
CODES = {
    "no-value": "the message has no value",
    "empty": "nothing, or only spaces",
    "too-large": "the message is larger than any event",
    "not-utf8": "not UTF-8",
    "not-json": "not JSON (RFC 8259)",
    "too-deep": "lists within lists within lists",
    "not-an-object": "JSON, but no {…}",
    "unknown-kind": "`kind` is missing or no kind of event",
    "unknown-field": "a field that this kind of event doesn't have",
    "missing-field": "the time, the source or the target isn't said",
    "given-twice": "one field twice, or under two names",
    "wrong-type": "a value of another type than its field",
    "bad-value": "a value that its field can't have",
    "out-of-range": "a number that its field can't hold",
    "bad-time": "a time outside of 2000 … 2100, or more than a day ahead of Kafka's clock",
    "too-long": "a text of more than 64 KiB",
}
_NAME = re.compile(r"[a-z_]{1,30}")


@dataclass(frozen=True, slots=True)
class Refused:
    """`code` is one of CODES; `reason` says the same more closely, without anything of the message."""

    code: str
    reason: str


def refusal(value: bytes | None) -> Refused:
    """What is wrong with a message that couldn't be decoded as an event."""
    if value is None:
        return _plain("no-value")
    if len(value) > MESSAGE_BYTES_MAX:
        return Refused("too-large", f"{len(value):,} bytes, at most {MESSAGE_BYTES_MAX:,}")
    if not value.strip():
        return _plain("empty")
    if value.startswith(b"\xef\xbb\xbf"):
        return Refused("not-json", "not JSON: a byte order mark stands before it")
    try:
        value.decode("utf-8")
        found = msgspec.json.decode(value)
    except UnicodeDecodeError as error:
        return Refused("not-utf8", f"not UTF-8 at byte {error.start:,}")
    except RecursionError:
        return _plain("too-deep")
    except msgspec.ValidationError:
        return Refused("out-of-range", "a number that nothing can hold")
    except ValueError:
        return _plain("not-json")
    return _unlike_an_event(found) if isinstance(found, dict) else _plain("not-an-object")


def out_of_range(field: Field) -> Refused:
    return Refused("out-of-range", f"{field.name} is not {field.wanted}")


def says_twice(value: bytes) -> bool:
    """Whether a name stands twice in an object that has been decoded."""
    twice = False

    def see(pairs: list[tuple[str, Any]]) -> None:
        nonlocal twice
        twice = twice or len({name for name, _ in pairs}) < len(pairs)

    json.loads(value, object_pairs_hook=see)
    return twice


def _unlike_an_event(found: dict[str, Any]) -> Refused:
    written = found.pop("kind", None)
    kind = KIND_OF.get(written) if isinstance(written, str) else None
    if kind is None:
        return Refused("unknown-kind", f"kind is none of {', '.join(KIND_OF)}")
    fields = {field.name: field for field in FIELDS[kind]}
    for name in found:
        if name not in fields:
            return Refused("unknown-field", _unknown(name, kind.name.lower(), fields))
    for name, value in found.items():
        why = _misfit(fields[name], value)
        if why:
            return why
    return Refused("given-twice", "a field stands there twice")  # with a value that its field can't have


def _unknown(name: str, kind: str, fields: dict[str, Field]) -> str:
    """Names of fields are told only where they look like one: they come with the message."""
    if not _NAME.fullmatch(name):
        return f"{kind} events have no such field"
    hint = nearest(name, fields)
    return f"{kind} events have no field {name if hint else 'of that name'}" + (f": {hint}" if hint else "")


def _misfit(field: Field, value: Any) -> Refused | None:
    try:
        msgspec.convert(value, field.type)
    except msgspec.ValidationError as error:
        number = isinstance(value, int) and not isinstance(value, bool) and str(error).startswith("Expected `int` ")
        if number:
            return out_of_range(field)
        is_other = ", got `" in str(error)  # msgspec's words where JSON's type is another one
        return Refused("wrong-type" if is_other else "bad-value", f"{field.name} is not {field.wanted}")
    return None


def _plain(code: str) -> Refused:
    return Refused(code, CODES[code])
