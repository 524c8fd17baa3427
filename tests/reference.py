"""The reference engine: the meaning of a rule set, one event at a time, in plain dicts and loops.

Enters: Definitions and events as dicts, in order of arrival. Leaves: an Outcome for each. Invariant: nothing here comes
from the engine's code, and nothing is fast; where the two differ, one of them has misread what a rule set means.

What is shared on purpose, because it is tested by itself: folding of texts and hosts, hashes of hosts, limits.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import CodeType
from typing import Any

from interceptor import schema
from interceptor.config import FUTURE_MAX_MS, GENERATION_MS, LATENESS_MAX_MS, LIST_TICK_MS, LISTS_KEPT_MS
from interceptor.hosts import hash_of_host
from interceptor.rules.definitions import Definitions
from interceptor.rules.forms import duration_ms
from interceptor.rules.model import FeatureDef, ItemDef, LadderStepDef, ListDef, RuleDef
from interceptor.rules.values import parsed as parsed_value
from interceptor.schema import BLOCKING, GATES, HOLDING, WARNINGS, Action, Kind, Status, Verdict
from tests.reference_texts import Founders, folded_text, occurs
from tests.reference_windows import FOREVER, HOUR_MS, MEASURES, WINDOWS, Paned, with_unit

EVIDENCE_MAX = 16
HALF_LIVES_MAX = 10
GOLDEN = 0x9E3779B97F4A7C15

KEYS = dict.fromkeys(("caller", "sender", "site", "payee"), "source")
KEYS |= dict.fromkeys(("callee", "receiver", "visitor", "citizen"), "target")
TARGET_SIDE = ("target", "payer")
STAGES = ("source", "target")
WORDS: dict[str, Any] = {"kind": Kind, "trunk": schema.Trunk, "line_kind": schema.LineKind}
WORDS |= {"channel": schema.Channel, "subject": schema.Subject, "outcome": schema.Outcome}

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is decided on one event. `rules` are the names of live and shadow rules that hit, sorted."""

    event_id: int
    status: Status
    verdict: Verdict
    actions: Action
    score: float
    target_score: float
    rules: tuple[str, ...]


class Reference:
    """One rule set and all that is remembered of the stream so far."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.admission, self.founders = Admission(), Founders()
        self.lists = {name: NamedList(definition) for name, definition in definitions.lists.items()}
        # (tick, list, value, from_ms, expires_ms), until the tick is over
        self.additions: list[tuple[int, str, int, int, int]] = []
        self.hour: int | None = None
        self.windows = {n: WINDOWS.get(f.window, Paned)(f) for n, f in definitions.features.items()}
        self.source_scores, self.target_scores = Scores(definitions), Scores(definitions)
        stages = Stages(definitions)
        self.features = {stage: [n for n in self.windows if stages.of_feature(n) == stage] for stage in STAGES}
        rules = {name: rule for name, rule in sorted(definitions.rules.items()) if rule.mode != "off"}
        self.rules = {stage: {n: r for n, r in rules.items() if stages.of_rule(n) == stage} for stage in STAGES}

    def decide_all(self, events: list[Event]) -> list[Outcome]:
        return [self.decide(event) for event in events]

    def decide(self, event: Event) -> Outcome:
        status = self.admission.admit(event)
        self._put_on_lists()
        accepted = status is Status.OK
        names = Names(self, with_derived(event) | {"wording": self._wording(event, accepted)})

        self._update_windows("source", names, accepted)
        hits = self._hits("source", names)
        live = self._live(hits, names)
        score, kinds = self.source_scores.after(event["source"], event["ts_ms"], live if accepted else [])
        names.facts |= {"source_score": score, "source_kinds": kinds}

        self._update_windows("target", names, accepted)
        target_hits = self._hits("target", names)
        live_of_target = self._live(target_hits, names)
        own_hits = live_of_target if accepted else []
        target_score, target_kinds = self.target_scores.after(event["target"], event["ts_ms"], own_hits)
        asking = [self.definitions.rules[name] for name in live + live_of_target]
        policy = self.definitions.policies.get(Kind(event["kind"]).name.lower())
        collected = union(rule.actions for rule in asking)
        if policy is not None:
            collected |= climbed(policy.source, score, kinds) | climbed(policy.target, target_score, target_kinds)
        verdict, actions = concluded(Kind(event["kind"]), collected)
        if accepted and not actions & Action.ALLOW:
            self._remember_additions(asking, event["source"])
        rules = tuple(sorted(hits + target_hits))
        return Outcome(event["event_id"], status, verdict, actions, score, target_score, rules)

    def _wording(self, event: Event, accepted: bool) -> int:
        """The group of near-equal texts that a message belongs to."""
        if event["kind"] != Kind.SMS:
            return 0
        return self.founders.wording(folded_text(event["text"]).text, event["ts_ms"], accepted)

    def _update_windows(self, stage: str, names: Names, accepted: bool) -> None:
        """since_last is read before the event is taken in, a sequence is what comes of that, all else is read after."""
        ts_ms = names.facts["ts_ms"]
        for name in self.features[stage]:
            feature, taken = self.definitions.features[name], None
            if feature.window == "since_last":
                names.facts[name] = self.value_of(name, names)
            key = names.facts[KEYS.get(feature.by, feature.by)]
            if key != 0 and names.facts["kind_number"] in feature.kinds:
                taken = self.windows[name].take(key, ts_ms, names, accepted)
            if feature.window == "sequence":
                names.facts[name] = bool(taken)

    def value_of(self, name: str, names: Names) -> Any:
        """The value of a feature on an event, as its window stands now."""
        feature, window = self.definitions.features[name], self.windows[name]
        of = feature.of or feature.by
        key = names.facts[KEYS.get(of, of)]
        return with_unit(feature, window.read(key, names.facts["ts_ms"]) if key != 0 else window.nothing)

    def _hits(self, stage: str, names: Names) -> list[str]:
        kind = names.facts["kind_number"]
        return [
            name
            for name, rule in self.rules[stage].items()
            if kind in rule.on and names.true(rule.condition) and not excepted(rule, names)
        ]

    def _live(self, hits: list[str], names: Names) -> list[str]:
        """The hits that count: of rules that are live, and live for this event where they are rolled out."""
        rules = self.definitions.rules
        return [name for name in hits if rules[name].mode == "live" and chosen(rules[name], names)]

    def _remember_additions(self, asking: list[RuleDef], source: int) -> None:
        tick = self.admission.clock_ms // LIST_TICK_MS
        from_ms = (tick + 1) * LIST_TICK_MS
        for rule in asking:
            if rule.list is not None:
                self.additions.append((tick, rule.list.to, source, from_ms, from_ms + rule.list.ttl))

    def _put_on_lists(self) -> None:
        """What was added in earlier ticks is there for every event from now on."""
        waiting, self.additions = self.additions, []
        for tick, to, source, from_ms, expires_ms in waiting:
            if tick < self.admission.clock_ms // LIST_TICK_MS:
                self.lists[to].add(source, from_ms, expires_ms)
            else:
                self.additions.append((tick, to, source, from_ms, expires_ms))
        if self.hour != self.admission.clock_ms // HOUR_MS:
            self.hour = self.admission.clock_ms // HOUR_MS
            for named in self.lists.values():
                named.forget(self.hour * HOUR_MS - LISTS_KEPT_MS)


class Admission:
    """How each event stands to the stream: the clock is the largest time accepted so far."""

    def __init__(self) -> None:
        self.clock_ms = -FOREVER
        self.generation_of: dict[int, int] = {}

    def admit(self, event: Event) -> Status:
        ts_ms = event["ts_ms"]
        if ts_ms > event["ingest_ts_ms"] + FUTURE_MAX_MS:
            return Status.FUTURE
        if ts_ms < self.clock_ms - LATENESS_MAX_MS:
            return Status.LATE
        now = max(self.clock_ms, ts_ms) // GENERATION_MS
        earlier = self.generation_of.get(event["event_id"])
        if earlier is not None and earlier >= now - 1:
            return Status.DUPLICATE
        self.clock_ms = max(self.clock_ms, ts_ms)
        self.generation_of[event["event_id"]] = now
        return Status.OK


class NamedList:
    """A list as some {value: (from_ms, expires_ms)}; the value is a number, digits, a (low, high) pair or a host.

    Items, each side file, and what verdicts add stand side by side: within one of them a value that comes again is
    extended over the gap, but none of them extends another.
    """

    def __init__(self, definition: ListDef) -> None:
        self.match = definition.match
        self.added: Spans = {}
        self.given: list[Spans] = []
        for items in (definition.items, *(in_side_file(side.path) for side in definition.sides)):
            self.given.append({})
            for item in items:
                extend(self.given[-1], value_of(definition, item), *span_of(definition, item))

    def add(self, value: Any, from_ms: int, expires_ms: int) -> None:
        extend(self.added, value, from_ms, expires_ms)

    def forget(self, before_ms: int) -> None:
        """Forgets what expired that long ago: added again, it doesn't fill the gap, but begins anew."""
        self.added = {value: span for value, span in self.added.items() if span[1] > before_ms}

    def has(self, found: Any, ts_ms: int) -> bool:
        return any(
            start <= ts_ms < end and self.matches(value, found)
            for spans in (*self.given, self.added)
            for value, (start, end) in spans.items()
        )

    def matches(self, value: Any, found: Any) -> bool:
        if self.match == "domain":
            return bool(found == value or found.endswith("." + value))
        if self.match == "prefix":
            return str(found).startswith(value)
        if self.match == "range":
            return bool(value[0] <= found <= value[1])
        return bool(found == value and found != 0)


Spans = dict[Any, tuple[int, int]]


def extend(spans: Spans, value: Any, from_ms: int, expires_ms: int) -> None:
    known_from, known_expires = spans.get(value, (from_ms, expires_ms))
    spans[value] = min(known_from, from_ms), max(known_expires, expires_ms)


def in_side_file(path: Path) -> Iterator[ItemDef]:
    """The entries of a file: value[,expires[,source[,reason]]] a line, or as its header says."""
    columns = ["value", "expires", "source", "reason"]
    for row in csv.reader(path.read_text("utf-8-sig").splitlines()):
        if row and row[0] == "value":
            columns = row
        elif any(row) and not row[0].startswith("#"):
            cells = {name: cell.strip() for name, cell in zip(columns, row, strict=False)}
            yield ItemDef.model_validate({name: cell for name, cell in cells.items() if cell})


def value_of(definition: ListDef, item: ItemDef) -> Any:
    """An item's value as it is written → what an event's value is compared with."""
    value = parsed_value(definition.match, definition.of, item.value)
    if definition.match == "prefix":
        return str(value)
    return hash_of_host(str(value)) if definition.match == "exact" and definition.of == "host" else value


def span_of(definition: ListDef, item: ItemDef) -> tuple[int, int]:
    """From when until when an item holds; its list's ttl counts from `since`."""
    ends = FOREVER if definition.ttl is None or item.since is None else item.since + definition.ttl
    return (-FOREVER if item.since is None else item.since), (ends if item.expires is None else item.expires)


@dataclass(frozen=True, slots=True)
class Membership:
    """A list at one moment, for `x in name`."""

    named: NamedList
    ts_ms: int

    def __contains__(self, found: Any) -> bool:
        return self.named.has(found, self.ts_ms)


def excepted(rule: RuleDef, names: Names) -> bool:
    """Whether one of the rule's exceptions lets the event be."""
    ts_ms = names.facts["ts_ms"]
    return any(names.true(one.condition) and (one.expires is None or ts_ms < one.expires) for one in rule.exceptions)


def chosen(rule: RuleDef, names: Names) -> bool:
    """Whether the rule is live for this event's key: a hash of key and rule name, in ten-thousandths."""
    if rule.rollout is None:
        return True
    key = names.facts[KEYS.get(rule.rollout.by, rule.rollout.by)]
    salt = int.from_bytes(blake2b(rule.rule.encode(), digest_size=8).digest(), "big")
    mixed = (key ^ salt) * GOLDEN % 2**64
    mixed = (mixed ^ mixed >> 29) * GOLDEN % 2**64
    return (mixed >> 40) % 10_000 < round(rule.rollout.percent * 100)


class Scores:
    """Per key, when each scoring rule last hit."""

    def __init__(self, definitions: Definitions) -> None:
        self.rules, self.half_life_ms = definitions.rules, definitions.half_life_ms
        self.last_hits: dict[int, list[tuple[str, int]]] = {}

    def after(self, key: int, ts_ms: int, hits: list[str]) -> tuple[float, int]:
        """Records the hits; then score and number of kinds of evidence, as they stand at ts_ms."""
        if key == 0:
            return 0.0, 0
        last = self.last_hits.setdefault(key, [])
        for name in hits:
            if self.rules[name].score:
                self.record(last, name, ts_ms)
        score, kinds = 0.0, set()
        for name, last_ms in sorted(last):
            age_ms = ts_ms - last_ms
            if age_ms <= HALF_LIVES_MAX * self.half_life_ms:
                score += self.rules[name].score * 2 ** (-max(0, age_ms) / self.half_life_ms)
            if age_ms <= self.half_life_ms:
                kinds.add(self.rules[name].evidence)
        return score, len(kinds)

    def record(self, last: list[tuple[str, int]], name: str, ts_ms: int) -> None:
        """A rule's last hit. With all places taken, it gets the oldest one's, of equals the first in rule order."""
        places = [place for place, (other, _) in enumerate(last) if other == name]
        if places:
            last[places[0]] = name, max(last[places[0]][1], ts_ms)
        elif len(last) < EVIDENCE_MAX:
            last.append((name, ts_ms))
        else:
            last.remove(min(last, key=lambda other: (other[1], other[0])))
            last.append((name, ts_ms))


def union(actions: Iterator[list[Action]]) -> Action:
    return Action(sum({action for some in actions for action in some}))


def climbed(ladder: list[LadderStepDef], score: float, kinds: int) -> Action:
    """What all steps of a ladder ask for that apply."""
    return union(step.actions for step in ladder if score >= step.score and kinds >= step.kinds)


def concluded(kind: Kind, collected: Action) -> tuple[Verdict, Action]:
    """Hard block, then allow, then all the rest."""
    if collected & Action.HARD_BLOCK:
        verdict, collected = Verdict.BLOCK, collected & ~Action.ALLOW
    elif collected & Action.ALLOW:
        return Verdict.PASS, Action.ALLOW
    elif collected & BLOCKING:
        verdict = Verdict.BLOCK
    elif collected & HOLDING:
        verdict = Verdict.HOLD
    elif collected & (Action.LABEL | Action.CHALLENGE):
        verdict = Verdict.LABEL
    else:
        verdict = Verdict.PASS
    if kind not in GATES:
        verdict = Verdict.PASS
    return verdict, collected & ~WARNINGS & ~Action.RAISE_TIER | warning_of(collected)


def warning_of(collected: Action) -> Action:
    """The one warning that is left: the highest, one higher where the tier is raised."""
    tiers = [Action.WARN_1, Action.WARN_2, Action.WARN_3, Action.WARN_4]
    highest = max((tier for tier, action in enumerate(tiers, 1) if collected & action), default=0)
    if collected & Action.RAISE_TIER:
        highest = min(highest + 1, 4)
    return tiers[highest - 1] if highest else Action(0)


class Names(dict[str, Any]):
    """All that a condition on one event can see. Macros, texts and lists are looked up when they are asked for."""

    def __init__(self, reference: Reference, facts: Event) -> None:
        super().__init__()
        self.reference, self.facts = reference, facts

    def value(self, condition: str) -> Any:
        return eval(compiled(condition), {"__builtins__": {}}, self)

    def true(self, condition: str) -> bool:
        return bool(self.value(condition))

    def __missing__(self, name: str) -> Any:
        definitions, facts = self.reference.definitions, self.facts
        if name in definitions.macros:
            return self.value(definitions.macros[name].condition)
        if name in definitions.texts:
            text = definitions.texts[name]
            return occurs(text.of, tuple(text.patterns), tuple(text.regex), facts[text.of])
        if name in self.reference.windows and name not in facts:
            facts[name] = self.reference.value_of(name, self)
        if name.startswith(LIST):
            return Membership(self.reference.lists[name.removeprefix(LIST)], facts["ts_ms"])
        if name in WORDS:
            return WORDS[name](facts[name]).name.lower()
        if name in MEASURES:
            column, in_unit = MEASURES[name]
            return in_unit(facts[column])
        if name == "hour":
            return (facts["ts_ms"] + 8 * HOUR_MS) // HOUR_MS % 24
        if name in FUNCTIONS:
            return FUNCTIONS[name]
        return facts[KEYS.get(name, name)]

    def value_of(self, feature: FeatureDef) -> Any:
        """What an event brings to a feature. A host stands for its hash, a word for its number."""
        if feature.ratio is not None:
            return self.true(feature.ratio)
        if feature.sum is not None:
            return self.facts[MEASURES[feature.sum][0]]
        name = feature.distinct or feature.sequential
        if name is None:
            return 1
        return int(self.facts["link" if name == "host" else KEYS.get(name, name)])


def with_derived(event: Event) -> Event:
    """The event and what the engine derives from it; what doesn't apply to its kind is 0."""
    kind, derived = Kind(event["kind"]), dict.fromkeys(("disguised", "shape", "link"), 0)
    day = (event["ts_ms"] + 8 * HOUR_MS) // (24 * HOUR_MS)
    derived["source_of_day"] = event["source"] and (event["source"] + day * GOLDEN) % 2**64
    if kind is Kind.SMS:
        folded = folded_text(event["text"])
        derived |= {"disguised": folded.disguised, "shape": folded.shape}
        derived["url_in_text"] = any(sign in folded.text for sign in ("http://", "https://", "www."))
        derived["has_link"] = event["host"] != ""
    if kind in (Kind.SMS, Kind.WEB):
        derived["link"] = hash_of_host(event["host"])
    return event | derived | {"kind_number": kind}


def quotient(left: float, right: float) -> float:
    return left / right if right else 0


LIST = "list "  # lists have names of their own, which a feature may have too
FUNCTIONS = {"min": min, "max": max, "quotient": quotient}


class _InPython(ast.NodeTransformer):
    """x / y → quotient(x, y), which is 0 where y is; what stands after `in` is marked as a list."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn) and isinstance(right, ast.Name):
                right.id = LIST + right.id
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        called = ast.Call(ast.Name("quotient", ast.Load()), [node.left, node.right], [])
        return called if isinstance(node.op, ast.Div) else node


_STRING_OR_DURATION = re.compile(r"""("[^"]*"|'[^']*')|\b[0-9][0-9_]*(?:ms|s|m|h|d)\b""")


def parsed(condition: str) -> ast.Expression:
    """A condition as a Python expression."""
    text = _STRING_OR_DURATION.sub(lambda found: found[0] if found[1] else str(duration_ms(found[0])), condition)
    tree = _InPython().visit(ast.parse("(" + text + "\n)", mode="eval"))
    return ast.Expression(ast.fix_missing_locations(tree).body)


@cache
def compiled(condition: str) -> CodeType:
    return compile(parsed(condition), condition, "eval")


class Stages:
    """Which definitions belong to the source's side and which to the citizen's, from what they read."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions

    def of_feature(self, name: str) -> str:
        feature = self.definitions.features[name]
        keys = {KEYS.get(key, key) for key in (feature.by, feature.of) if key}
        steps = [*(feature.sequence or []), *([feature.unless] if feature.unless else [])]
        conditions = [feature.where, feature.ratio, *(step.where for step in steps)]
        read = {name for condition in conditions if condition for name in self.names_in(condition)}
        if keys & set(TARGET_SIDE) or read & {"source_score", "source_kinds", *self.definitions.features}:
            return "target"
        return "source"

    def of_rule(self, name: str) -> str:
        rule = self.definitions.rules[name]
        conditions = [rule.condition, *(one.condition for one in rule.exceptions)]
        read = {name for condition in conditions for name in self.names_in(condition)}
        if read & {"source_score", "source_kinds"}:
            return "target"
        features = read & set(self.definitions.features)
        return "target" if any(self.of_feature(feature) == "target" for feature in features) else "source"

    def names_in(self, condition: str) -> set[str]:
        """All names of a condition, those within its macros too."""
        found = {node.id for node in ast.walk(parsed(condition)) if isinstance(node, ast.Name)}
        for macro in found & set(self.definitions.macros):
            found |= self.names_in(self.definitions.macros[macro].condition)
        return found
