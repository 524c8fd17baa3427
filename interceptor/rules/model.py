"""What a rules file may say, as models.

Enters: plain data from source.parse. Leaves: definitions, still uncompiled. Invariant: unknown keys are errors, and a
definition that validates holds only values of the right form (durations as ms, actions as Action bits).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from interceptor.schema import Action, Kind

NAME = r"^[a-z][a-z0-9_]*$"
RULE_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
KINDS = {kind.name.lower(): kind for kind in Kind}
ACTIONS = {action.name.lower(): action for action in Action if action.name}
EVIDENCE = ("traffic", "device", "identity", "text", "site", "report", "money", "warning")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: Any) -> int:
    """ "90s", "30m", "72h", "14d" → ms. Raises ValueError for anything else."""
    found = re.fullmatch(r"([0-9][0-9_]*)(ms|s|m|h|d)", text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{text!r} is no duration: write a number and ms, s, m, h or d, such as 30m")
    return int(found[1].replace("_", "")) * _UNIT_MS[found[2]]


def moment_ms(text: Any) -> int:
    """ "2027-01-31" or "2027-01-31T12:00" (UTC) → ms since 1970. Raises ValueError for anything else."""
    if isinstance(text, str):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    raise ValueError(f"{text!r} is no date: write it as 2027-01-31")


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _kind(value: Any) -> Any:
    if value not in KINDS:
        raise ValueError(f"{value!r} is no kind of event: {', '.join(KINDS)}")
    return KINDS[value]


def _action(value: Any) -> Any:
    if value not in ACTIONS:
        raise ValueError(f"{value!r} is no action: {', '.join(ACTIONS)}")
    return ACTIONS[value]


def _condition(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


Duration = Annotated[int, BeforeValidator(duration_ms)]
Moment = Annotated[int, BeforeValidator(moment_ms)]
OneKind = Annotated[Kind, BeforeValidator(_kind)]
SomeKinds = Annotated[list[OneKind], BeforeValidator(_one_or_more), Field(min_length=1)]
Actions = list[Annotated[Action, BeforeValidator(_action)]]
Condition = Annotated[str, BeforeValidator(_condition), Field(max_length=4_000)]
Name = Annotated[str, Field(pattern=NAME, max_length=60)]
RuleName = Annotated[str, Field(pattern=RULE_NAME, max_length=60)]


class Definition(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemDef(Definition):
    """One entry of a list: a value and, where known, since when, until when, from whom and why."""

    value: str
    since: Moment | None = None
    expires: Moment | None = None
    source: str = ""
    reason: str = ""


def _item(value: Any) -> Any:
    return {"value": str(value)} if isinstance(value, str | int) else value


Items = list[Annotated[ItemDef, BeforeValidator(_item)]]


class ListDef(Definition):
    """Values that conditions look up with `in`."""

    list: Name
    title: str = ""
    match: Literal["exact", "prefix", "range", "domain"] = "exact"
    of: Literal["number", "host", "account"] = "number"
    ttl: Duration | None = None
    items: Items = []


class MacroDef(Definition):
    """A condition with a name."""

    macro: Name
    condition: Condition


class TextDef(Definition):
    """Words and expressions; its name is true where any of them occurs in the folded text or host."""

    text: Name
    title: str = ""
    of: Literal["text", "host"] = "text"
    patterns: list[str] = []
    regex: list[str] = []


class StepDef(Definition):
    """One step of a sequence."""

    on: SomeKinds
    where: Condition | None = None


WINDOWS = ("count", "sum", "distinct", "ratio", "since_last", "since_first", "sequential", "sequence")


class FeatureDef(Definition):
    """A value kept per key over a sliding window of event time."""

    feature: Name
    title: str = ""
    count: Literal["events"] | None = None
    sum: str | None = None
    distinct: str | None = None
    ratio: Condition | None = None
    since_last: Literal["events"] | None = None
    since_first: Literal["events"] | None = None
    sequential: str | None = None
    sequence: list[StepDef] | None = Field(default=None, min_length=2, max_length=8)
    unless: StepDef | None = None
    on: SomeKinds | None = None
    where: Condition | None = None
    by: str
    of: str | None = None
    within: Duration = Field(ge=12_000, le=400 * 86_400_000)

    @model_validator(mode="after")
    def _one_window(self) -> FeatureDef:
        given = [name for name in WINDOWS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a feature has exactly one of {', '.join(WINDOWS)}; this one has {len(given)}")
        if (self.on is None) != (given == ["sequence"]):
            raise ValueError("`on` is missing" if self.on is None else "a sequence has its `on` in each step")
        if self.sequence is None and self.unless is not None:
            raise ValueError("`unless` belongs to a sequence")
        if self.sequence is not None and (self.where is not None or self.of is not None):
            raise ValueError("a sequence has `where` in each step, and no `of`")
        return self

    @property
    def window(self) -> str:
        return next(name for name in WINDOWS if getattr(self, name) is not None)

    @property
    def kinds(self) -> list[Kind]:
        """Kinds of event that update it."""
        if self.sequence is None:
            return self.on or []
        steps = [*self.sequence, self.unless] if self.unless else self.sequence
        return sorted({kind for step in steps for kind in step.on})


class AddToListDef(Definition):
    """Where a hit puts the event's source, and for how long."""

    to: Name
    ttl: Duration = Field(gt=0)


class RuleDef(Definition):
    """A condition and what follows from it."""

    rule: RuleName
    ref: str = ""
    title: str
    why: str = ""
    on: SomeKinds
    version: int = Field(default=1, ge=1)
    mode: Literal["off", "shadow", "live"] = "live"
    condition: Condition
    evidence: Literal[EVIDENCE] | None = None  # type: ignore[valid-type]
    score: float = Field(default=0, ge=0, le=100)
    actions: Actions = []
    list: AddToListDef | None = None
    reason: str = ""
    remedy: str = ""

    @model_validator(mode="after")
    def _has_effect(self) -> RuleDef:
        if self.score and self.evidence is None:
            raise ValueError(f"a rule with a score says what kind of `evidence` it is: {', '.join(EVIDENCE)}")
        if not (self.score or self.actions or self.list):
            raise ValueError("a rule without score, actions or list does nothing; use `mode: shadow` to try one out")
        return self

    @property
    def bits(self) -> Action:
        return Action(sum(set(self.actions)))


class LadderStepDef(Definition):
    """From this score, with this many kinds of evidence, these actions."""

    score: float = Field(gt=0)
    kinds: int = Field(default=1, ge=1)
    actions: Actions = Field(min_length=1)


class PolicyDef(Definition):
    """What scores lead to at one gate."""

    policy: Literal["call", "sms", "web", "transfer"]
    title: str = ""
    source: list[LadderStepDef] = []
    target: list[LadderStepDef] = []


class FileDef(Definition):
    """One rules file."""

    schema_: Literal[1] = Field(alias="schema")
    half_life: Duration | None = None
    lists: list[ListDef] = []
    macros: list[MacroDef] = []
    texts: list[TextDef] = []
    features: list[FeatureDef] = []
    rules: list[RuleDef] = []
    policies: list[PolicyDef] = []
