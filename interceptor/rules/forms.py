"""How single values are written in rules files: durations, moments, kinds of event, actions, names.

Enters: plain data from source.parse. Leaves: types for the models. Invariant: a value that could be meant in two ways
is refused, and the message says how to write it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from interceptor.rules.errors import nearest, shortened
from interceptor.schema import Action, Kind

NAME = r"^[a-z][a-z0-9_]*$"
RULE_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
KINDS = {kind.name.lower(): kind for kind in Kind}
ACTIONS = {action.name.lower(): action for action in Action if action.name}
DIGITS_MAX = 18
DURATION_MAX_MS = 20_000_000 * 86_400_000  # beyond everything that is compared, also "never" and "unknown"
UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def shown(value: Any) -> str:
    """A value as a message quotes it."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return (
        str(value).lower() if isinstance(value, bool) else repr(shortened(value) if isinstance(value, str) else value)
    )


def duration_ms(text: Any) -> int:
    """ "90s", "30m", "72h", "14d" → ms. Raises ValueError for anything else."""
    found = re.fullmatch(r"([0-9][0-9_]*)(ms|s|m|h|d)", text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{shown(text)} is no duration: write a number and ms, s, m, h or d, such as 30m")
    ms = int(found[1].replace("_", "")[:DIGITS_MAX]) * UNIT_MS[found[2]]
    if ms > DURATION_MAX_MS:
        raise ValueError(f"{shortened(text)} is too long: at most {DURATION_MAX_MS // 86_400_000}d")
    return ms


def moment_ms(text: Any) -> int:
    """ "2027-01-31" or "2027-01-31T12:00" (UTC) → ms since 1970. Raises ValueError for anything else."""
    if isinstance(text, str):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    raise ValueError(f"{shown(text)} is no date: write it as 2027-01-31")


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _kind(value: Any) -> Any:
    if not isinstance(value, str) or value not in KINDS:
        raise ValueError(f"{shown(value)} is no kind of event: {nearest(str(value), KINDS) or ', '.join(KINDS)}")
    return KINDS[value]


def _action(value: Any) -> Any:
    if not isinstance(value, str) or value not in ACTIONS:
        raise ValueError(f"{shown(value)} is no action: {nearest(str(value), ACTIONS) or ', '.join(ACTIONS)}")
    return ACTIONS[value]


def _condition(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


# What an editor is told of them stands in WithJsonSchema
_A_DURATION = {"type": "string", "pattern": "^[0-9][0-9_]*(ms|s|m|h|d)$", "examples": ["30m", "24h", "14d"]}
_A_MOMENT = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}", "examples": ["2027-06-30", "2027-06-30T12:00"]}
_A_KIND = {"type": "string", "enum": list(KINDS)}
_SOME_KINDS = {
    "anyOf": [_A_KIND, {"type": "array", "items": _A_KIND, "minItems": 1}],
    "examples": ["call", ["call", "sms"]],
}
_A_CONDITION = {
    "type": ["string", "boolean"],
    "maxLength": 4_000,
    "examples": ["strangers_1h >= 20 and tenure <= 30d and caller not in official_numbers"],
}

Duration = Annotated[int, BeforeValidator(duration_ms), WithJsonSchema(_A_DURATION)]
Moment = Annotated[int, BeforeValidator(moment_ms), WithJsonSchema(_A_MOMENT)]
OneKind = Annotated[Kind, BeforeValidator(_kind), WithJsonSchema(_A_KIND)]
SomeKinds = Annotated[list[OneKind], BeforeValidator(_one_or_more), Field(min_length=1), WithJsonSchema(_SOME_KINDS)]
Actions = list[Annotated[Action, BeforeValidator(_action), WithJsonSchema({"type": "string", "enum": list(ACTIONS)})]]
Condition = Annotated[str, BeforeValidator(_condition), Field(max_length=4_000), WithJsonSchema(_A_CONDITION)]
Name = Annotated[str, Field(pattern=NAME, max_length=60)]
RuleName = Annotated[str, Field(pattern=RULE_NAME, max_length=60)]


class Definition(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
