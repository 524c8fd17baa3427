"""What a rules file may say, as models.

Enters: plain data from source.parse. Leaves: definitions, still uncompiled. Invariant: unknown keys are errors, and a
definition that validates holds only values of the right form (durations as ms, actions as Action bits).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from interceptor.rules.cases import CaseDef
from interceptor.rules.forms import (
    Actions,
    Condition,
    Definition,
    Duration,
    Moment,
    Name,
    RuleName,
    SomeKinds,
)
from interceptor.rules.side_files import SideFile
from interceptor.schema import Action, Kind

EVIDENCE = ("traffic", "device", "identity", "text", "site", "report", "money", "warning")
SYSTEMS = tuple(f"S{n}" for n in range(1, 12))  # of a city's anti-fraud centre
Systems = list[Literal[SYSTEMS]]  # type: ignore[valid-type]


class ItemDef(Definition):
    """One entry of a list: a value and, where known, since when, until when, from whom and why."""

    value: str
    since: Moment | None = None
    expires: Moment | None = None
    source: str = ""
    reason: str = ""


def _item(value: Any) -> Any:
    return {"value": str(value)} if isinstance(value, str | int) else value


Items = list[Annotated[ItemDef, BeforeValidator(_item, json_schema_input_type=str | int | ItemDef)]]


class ListDef(Definition):
    """Values that conditions look up with `in`."""

    list: Name
    title: str = ""
    match: Literal["exact", "prefix", "range", "domain"] = "exact"
    of: Literal["number", "host", "account"] = "number"
    ttl: Duration | None = None
    items: Items = []
    file: str | None = Field(default=None, max_length=200)
    _sides: tuple[SideFile, ...] = PrivateAttr(default=())

    @property
    def sides(self) -> tuple[SideFile, ...]:
        """What side files add to the items."""
        return self._sides

    def with_side(self, side: SideFile) -> ListDef:
        """The same list with one more side file."""
        copy = self.model_copy()
        copy._sides = (*self._sides, side)
        return copy


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
            found = " and ".join(f"`{name}`" for name in given) or "none"
            raise ValueError(f"a feature has exactly one of {', '.join(WINDOWS)}; this one has {found}")
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


class ExceptionDef(Definition):
    """Events that a rule lets be, who answers for that, and until when."""

    name: Name
    condition: Condition
    expires: Moment | None = None
    owner: str = ""
    reason: str = ""


class RolloutDef(Definition):
    """A rule that is live for a share of the values of a key, and only watches the others."""

    percent: float = Field(gt=0, le=100)
    by: str


# Under names of their own: a rule has a field `list`
Exceptions = list[ExceptionDef]
Cases = list[CaseDef]


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
    systems: Systems = []
    rollout: RolloutDef | None = None
    exceptions: Exceptions = []
    tests: Cases = []

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
