"""Tests that stand beside a rule in its file: a short story of events, and what is expected of the rule.

Enters: a story as its author wrote it. Leaves: columns of events. Invariant: a story means the same every day: its
times are counted from a fixed moment, its strangers are always the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from interceptor.hosts import hash_of_host
from interceptor.rules.fields import Field as EventField
from interceptor.rules.fields import fields_of, unknown_field
from interceptor.rules.forms import Definition, Duration, OneKind
from interceptor.rules.names import LOCAL_TIME_MS, kinds_of
from interceptor.schema import COLUMNS, Kind

DAY_OF_TESTS_MS = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000) - LOCAL_TIME_MS  # midnight in the city
STRANGERS_APART = 7_919  # so that strangers are no neighbours of each other
EVENTS_MAX = 20_000
# What an event has where its story doesn't say: nobody that a rule would look at twice.
HARMLESS = {
    "source": 8613800138000,
    "target": 8613900139000,
    "payer": 6222020000000001,
    "tenure_days": 1_000,
    "host_age_h": 100_000,
}
# Columns that can be another one in each repetition of an event
COUNTED = frozenset(
    column.name for column in COLUMNS if pa.types.is_unsigned_integer(column.type) or column.name == "amount_fen"
)


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _time_of_day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            found = datetime.strptime(value, "%H:%M")
        except ValueError:
            pass
        else:
            return (found.hour * 60 + found.minute) * 60_000
    raise ValueError(f'{value!r} is no time of day: write it as "10:00"')


Names = Annotated[list[str], BeforeValidator(_names, json_schema_input_type=str | list[str])]
TimeOfDay = Annotated[
    int, BeforeValidator(_time_of_day), WithJsonSchema({"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"})
]


class CaseEventDef(Definition):
    """One event of a story, or a row of events that differ in `vary` and `count_up`. All other keys are fields."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    on: OneKind
    at: Duration | None = None
    after: Duration | None = None
    repeat: int = Field(default=1, ge=1, le=5_000)
    every: Duration = 1_000
    vary: Names = []
    count_up: Names = []

    @model_validator(mode="after")
    def _one_time(self) -> CaseEventDef:
        if self.at is not None and self.after is not None:
            raise ValueError("an event has `at` or `after`, not both")
        return self

    @property
    def given(self) -> dict[str, Any]:
        """What is said of it, by field."""
        return dict(self.model_extra or {})


class ExpectDef(Definition):
    """How many events the rule hits, which is the first, and what becomes of the last event."""

    hits: int | None = Field(default=None, ge=0)
    first: int | None = Field(default=None, ge=1)
    verdict: Literal["pass", "label", "hold", "block"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ExpectDef:
        if self.hits is None and self.verdict is None:
            raise ValueError("a test expects `hits` or a `verdict`")
        if self.first is not None and self.hits == 0:
            raise ValueError("`first` says which event is hit first, and none is to be")
        return self


class CaseDef(Definition):
    """A test of one rule."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    start: TimeOfDay = 10 * 3_600_000
    given: dict[str, Any] = {}
    lists: dict[str, list[Any]] = {}
    events: list[CaseEventDef] = Field(min_length=1)
    expect: ExpectDef


class CaseError(ValueError):
    """A field that can't be meant, with its path below the test."""

    def __init__(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        super().__init__(message)
        self.path, self.message, self.hint = path, message, hint


Columns = dict[str, Any]


def events_of(case: CaseDef) -> list[Columns]:
    """The events of a story in their order, as column → value; event_id counts from 1. Raises CaseError."""
    kinds = [event.on for event in case.events]
    for name in case.given:
        if not any(name in fields_of(kind) for kind in kinds):
            raise CaseError(("given", name), *unknown_field(name, kinds[0]))
    found: list[Columns] = []
    now_ms = start_ms = DAY_OF_TESTS_MS + case.start
    for index, event in enumerate(case.events):
        if len(found) + event.repeat > EVENTS_MAX:
            raise CaseError(("events", index, "repeat"), f"a test has at most {EVENTS_MAX:,} events")
        gap_ms = (event.after or 1_000) if found else (event.after or 0)
        now_ms = now_ms + gap_ms if event.at is None else start_ms + event.at
        rows = _rows_of(event, case.given, index)
        for n, row in enumerate(rows):
            row["ts_ms"] = now_ms + n * event.every
            row["event_id"] = len(found) + 1
            found.append(row)
        now_ms = found[-1]["ts_ms"]
    return found


def shortened(case: CaseDef) -> CaseDef:
    """The same story with little repetition, to see whether it can be told. Raises CaseError where it is too long."""
    if sum(event.repeat for event in case.events) > EVENTS_MAX:
        raise CaseError(("events",), f"a test has at most {EVENTS_MAX:,} events")
    short = [event.model_copy(update={"repeat": min(event.repeat, 2)}) for event in case.events]
    return case.model_copy(update={"events": short})


def _rows_of(event: CaseEventDef, given: Mapping[str, Any], index: int) -> Iterator[Columns]:
    known = fields_of(event.on)
    base: Columns = {"kind": int(event.on)} | {
        column: value for column, value in HARMLESS.items() if event.on in kinds_of(column)
    }
    for path, said in ((("given",), given), (("events", index), event.given)):
        for name, value in said.items():
            if name in known:
                base[known[name].column] = _read(known[name], value, (*path, name))
            elif path[0] == "events":
                raise CaseError((*path, name), *unknown_field(name, event.on))
    if event.on is Kind.WEB and "host" in base and not {"site", "source"} & {*event.given, *given}:
        base["source"] = hash_of_host(base["host"])
    others = [*((name, STRANGERS_APART) for name in event.vary), *((name, 1) for name in event.count_up)]
    for name, _ in others:
        if name not in known or known[name].column not in COUNTED:
            raise CaseError(
                ("events", index), f"{name} can't be another one in each repetition", "numbers and keys can"
            )
    for n in range(event.repeat):
        yield base | {known[name].column: base.get(known[name].column, 1) + n * apart for name, apart in others}


def _read(field: EventField, value: Any, path: tuple[str | int, ...]) -> Any:
    try:
        return field.read(value)
    except ValueError as error:
        raise CaseError(path, str(error)) from None
