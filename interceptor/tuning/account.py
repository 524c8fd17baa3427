"""Everything that led to the decision of one event.

Enters: a recording, an event's id, a rule set. Leaves: an Account. Invariant: the engine decides all events up to this
one just as it would in a run; what is said of rules, scores and lists is what it saw at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from interceptor.chunk import Chunk, KindView, Views
from interceptor.decisions import Decisions
from interceptor.engine import Engine
from interceptor.hits import Hits
from interceptor.lists import Entry
from interceptor.notice import Notice, until
from interceptor.observer import Observer
from interceptor.patterns import PatternDatabase, PatternSet
from interceptor.recording import Recording
from interceptor.rules.expressions import Expression, comparisons
from interceptor.rules.names import Type, event_symbols
from interceptor.rules.ruleset import LadderStep, Policy, Rule, RuleSet
from interceptor.rules.written import roughly, written
from interceptor.schema import Action, Kind
from interceptor.scores import Points
from interceptor.sightings import NEVER
from interceptor.tuning.replay import FRAME_ROWS, ahead
from interceptor.tuning.tables import UsageProblem, progress_bar


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a condition on the event: its text, whether it held, and what was compared or found."""

    text: str
    held: bool
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Considered:
    """One rule on the event. `exception` names the one that let the event be, "" if none did."""

    rule: Rule
    hit: bool
    findings: tuple[Finding, ...]
    exception: str

    @property
    def missing(self) -> int:
        """How many parts of the condition didn't hold."""
        return sum(not finding.held for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Share:
    """What one rule adds to a score: its weight, halved for each half-life since its newest hit."""

    rule: Rule
    points: float
    age_ms: int
    counts_as_kind: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the gate's policy, and whether the score reached it."""

    step: LadderStep
    reached: bool


@dataclass(frozen=True, slots=True)
class Score:
    """One side's score, what it is made of, and what it leads to."""

    side: str
    score: float
    kinds: int
    shares: tuple[Share, ...]
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """Why an event was stopped, or why it passed."""

    notice: Notice
    ts_ms: int
    source: int
    target: int
    host: str
    text: str
    considered: tuple[Considered, ...]
    scores: tuple[Score, Score]
    asked: tuple[tuple[Rule, Action], ...]  # by the live rules that hit, before precedence
    recorded_ruleset: str
    recorded_verdict: int
    times: int  # how often the recording holds an event of this id


class _Witness(Observer):
    """Keeps what the engine saw last."""

    wants_points = True
    chunk: Chunk
    views: Views
    source: Points
    target: Points

    @override
    def saw(self, start: int, chunk: Chunk, views: Views, hits: Hits, source: Points, target: Points) -> None:
        self.chunk, self.views, self.source, self.target = chunk, views, source, target


def account_of(event_id: int, recording: Recording, rule_set: RuleSet) -> Account:
    """Decides everything up to the event, and tells how it was decided. Raises UsageProblem, RecordingError."""
    row, times = _row_of(event_id, recording.path)
    witness = _Witness()
    engine, done = Engine(rule_set, observer=witness), 0
    with progress_bar() as bar:
        task = bar.add_task("Deciding what came before", total=row + 1)
        for taken in ahead(recording.slices(FRAME_ROWS)):
            frame = taken.frame
            if row < done + frame.num_rows:
                break
            engine.decide(frame)
            done += frame.num_rows
            bar.advance(task, frame.num_rows)
    engine.decide(frame.slice(0, row - done))
    event = frame.slice(row - done, 1)
    decisions = engine.decide(event)
    return _account(event, decisions, witness, _recorded(recording.path, row), times)


def _row_of(event_id: int, path: Path) -> tuple[int, int]:
    """The first row with this id, and how many there are."""
    ids = pq.read_table(path, columns=["event_id"])["event_id"].to_numpy()
    rows = np.flatnonzero(ids == event_id)
    if not len(rows):
        hint = f"its ids run from {ids.min()} to {ids.max()}" if len(ids) else "it holds no events"
        raise UsageProblem(f"{path}: holds no event {event_id}\n  hint: {hint}")
    return int(rows[0]), len(rows)


def _recorded(path: Path, row: int) -> dict[str, object]:
    """What the recording says was decided then."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if row < rows:
                found: dict[str, object] = (
                    file.read_row_group(group, columns=["verdict", "ruleset"]).slice(row, 1).to_pylist()[0]
                )
                return found
            row -= rows
    raise UsageProblem(f"{path}: was cut short while it was read")


def _account(
    event: pa.RecordBatch, decisions: Decisions, witness: _Witness, recorded: dict[str, object], times: int
) -> Account:
    values = {name: event.column(name)[0].as_py() for name in ("ts_ms", "source", "target", "host", "text", "kind")}
    kind, rule_set = Kind(values["kind"]), decisions.rule_set
    view = next(view for view in witness.views if view is not None)
    hit = {int(rule) for rule in decisions.hit_rule}
    considered = [
        _considered(rule, index in hit, view, decisions)
        for index, rule in enumerate(rule_set.rules)
        if kind in rule.kinds
    ]
    policy = rule_set.policies.get(kind, Policy())
    return Account(
        notice=decisions.notice(0),
        ts_ms=values["ts_ms"], source=values["source"], target=values["target"], host=values["host"],
        text=values["text"],
        considered=tuple(sorted(considered, key=lambda one: (not one.hit, one.missing, one.rule.name))),
        scores=(
            _score("source", witness, rule_set, policy.source),
            _score("target", witness, rule_set, policy.target),
        ),
        asked=tuple((one.rule, one.rule.actions) for one in considered if one.hit and one.rule.mode == "live"),
        recorded_ruleset=str(recorded["ruleset"]), recorded_verdict=int(str(recorded["verdict"])), times=times,
    )  # fmt: skip


def _score(side: str, witness: _Witness, rule_set: RuleSet, ladder: Sequence[LadderStep]) -> Score:
    points = witness.source if side == "source" else witness.target
    score, kinds = float(witness.chunk[f"{side}_score"][0]), int(witness.chunk[f"{side}_kinds"][0])
    shares = []
    for position, worth in zip(points.rule.tolist(), points.points.tolist(), strict=True):
        rule = rule_set.rules[position]
        age_ms = round(log2(rule.score / worth) * rule_set.half_life_ms)
        shares.append(Share(rule, worth, age_ms, age_ms <= rule_set.half_life_ms))
    rungs = tuple(Rung(step, score >= step.score and kinds >= step.kinds) for step in ladder)
    return Score(side, score, kinds, tuple(shares), rungs)


def _considered(rule: Rule, hit: bool, view: KindView, decisions: Decisions) -> Considered:
    parts = rule.stated.parts if rule.stated.op == "and" else (rule.stated,)
    exception = next((one.name for one in rule.exceptions if one.condition(view)[0]), "")
    return Considered(rule, hit, tuple(_finding(part, view, decisions) for part in parts), exception)


def _finding(part: Expression, view: KindView, decisions: Decisions) -> Finding:
    values = tuple(dict.fromkeys(words for leaf in comparisons(part) for words in _compared(leaf, view, decisions)))
    return Finding(written(part), bool(np.broadcast_to(part(view), 1)[0]), values)


def _compared(leaf: Expression, view: KindView, decisions: Decisions) -> Iterator[str]:
    """What a leaf of a condition looked at, in words."""
    if leaf.op == "in":
        name, list_name = leaf.key.split(" in ")
        entry = decisions.entry_of(list_name, view.looked_up(name, np.zeros(1, np.int64))[0], int(decisions.ts_ms[0]))
        yield f"{name} by {_entry(entry)}" if entry else f"{name} is not listed"
        return
    if ("text", leaf.key) in leaf.uses and bool(leaf(view)[0]):
        yield f"{leaf.key}: {', '.join(_words_found(leaf.key, view, decisions.rule_set))}"
    for quantity in (part for part in leaf.parts if part.constant is None):
        yield f"{written(quantity)} = {_shown(quantity, view, np.broadcast_to(quantity(view), 1)[0])}"


def _entry(entry: Entry) -> str:
    return " · ".join(words for words in (entry.value, until(entry), entry.source, entry.reason) if words)


def _words_found(name: str, view: KindView, rule_set: RuleSet) -> list[str]:
    """Which patterns of a set are in the one text (or host) of this view."""
    text = next(text for text in rule_set.texts if text.text == name)
    of_host = text.of == "host"
    sets = [
        *(PatternSet(f"words {n}", (pattern,), (), of_host) for n, pattern in enumerate(text.patterns)),
        *(PatternSet(f"regex {n}", (), (regex,), of_host) for n, regex in enumerate(text.regex)),
    ]
    found = PatternDatabase(sets).scan(view.chunk.folded(of_host), of_host)
    patterns = [*text.patterns, *text.regex]
    return [pattern for pattern, one in zip(patterns, sets, strict=True) if found[one.name].any()]


def _shown(quantity: Expression, view: KindView, value: float) -> str:
    """A value as a rule would write it."""
    if quantity.type is Type.DURATION:
        return roughly(int(value)) if value < NEVER else "never"
    if quantity.type is Type.MONEY:
        return f"{value:,.2f} yuan"
    words = event_symbols(view.kind)[quantity.key].words if quantity.type is Type.WORD else None
    return f"{value:,.6g}" if words is None else words(int(value)).name.lower()
