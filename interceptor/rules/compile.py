"""Definitions into a RuleSet that the engine can run.

Enters: Definitions. Leaves: a RuleSet. Invariant: the stage of every feature and rule follows from what it reads, and
nothing in a stage depends on that stage's own scores, so that whole batches mean the same as event by event.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from interceptor.patterns import PatternDatabase, PatternSet
from interceptor.rules.definitions import Definitions
from interceptor.rules.errors import Place, Problem, RulesError, nearest
from interceptor.rules.expressions import ConditionError, Expression, Scope, compile_condition, compile_value
from interceptor.rules.model import EVIDENCE, FeatureDef, StepDef, TextDef
from interceptor.rules.names import STAGE_SYMBOLS, TARGET_SIDE, Symbol, Type, View, event_symbols, key_column
from interceptor.rules.ruleset import Feature, LadderStep, Policy, Rule, RuleSet, Stage, Step
from interceptor.rules.values import parsed
from interceptor.schema import BLOCKING, GATES, HOLDING, Action, Kind


def compile_rules(definitions: Definitions) -> RuleSet:
    """Compiles a rule set. Raises RulesError with everything that is wrong."""
    return _Compiler(definitions).run()


class _Compiler:
    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.problems: list[Problem] = []
        self.stages: dict[str, Stage] = {}
        self.scopes: dict[frozenset[Kind], Scope] = {}

    def run(self) -> RuleSet:
        self._check_names()
        self._check_texts()
        self._check_lists()
        features = [self._feature(definition) for definition in self.definitions.features.values()]
        rules = [self._rule(name) for name, rule in self.definitions.rules.items() if rule.mode != "off"]
        self._check_stages(features)
        if self.problems:
            raise RulesError(self.problems)
        kept = [rule for rule in rules if rule]
        return RuleSet(
            hash=_hash(self.definitions),
            definitions=self.definitions,
            lists=tuple(self.definitions.lists.values()),
            texts=tuple(self.definitions.texts.values()),
            features=_with_readers([feature for feature in features if feature], kept),
            rules=tuple(sorted(kept, key=lambda rule: rule.name)),
            policies={gate: self._policy(gate) for gate in GATES},
            half_life_ms=self.definitions.half_life_ms,
        )

    def _policy(self, gate: Kind) -> Policy:
        definition = self.definitions.policies.get(gate.name.lower())
        if definition is None:
            return Policy()
        source, target = (
            tuple(LadderStep(step.score, step.kinds, Action(sum(set(step.actions)))) for step in ladder)
            for ladder in (definition.source, definition.target)
        )
        return Policy(source, target)

    def _check_names(self) -> None:
        """Macros, texts, features and what an event has by itself share one name space."""
        taken = {name: "what events have" for kind in Kind for name in event_symbols(kind)} | dict.fromkeys(
            STAGE_SYMBOLS, "what the source stage finds"
        )
        for section in ("macros", "texts", "features"):
            for name in getattr(self.definitions, section):
                if name in taken:
                    place = self.definitions.place(section, name)
                    self._problem(place, "name-taken", f"{name} is taken already by {taken[name]}", "choose another")
                taken[name] = section

    def _check_texts(self) -> None:
        for name, text in self.definitions.texts.items():
            if not (text.patterns or text.regex):
                place = self.definitions.place("texts", name)
                self._problem(place, "empty-text", f"{name} has neither patterns nor regex")
        if not _unusable(self.definitions.texts.values()):
            return
        for name, text in self.definitions.texts.items():
            for field in ("patterns", "regex"):
                for index, pattern in enumerate(getattr(text, field)):
                    alone = text.model_copy(update={"patterns": [], "regex": [], field: [pattern]})
                    self._pattern_problem(self.definitions.place("texts", name, field, index), alone)

    def _pattern_problem(self, place: Place, text: TextDef) -> None:
        why = _unusable([text])
        if why:
            self._problem(place, "bad-pattern", why)

    def _check_lists(self) -> None:
        for name, definition in self.definitions.lists.items():
            for index, item in enumerate(definition.items):
                try:
                    parsed(definition.match, definition.of, item.value)
                except ValueError as error:
                    self._problem(self.definitions.place("lists", name, "items", index), "bad-value", str(error))

    def _scope(self, kinds: Iterable[Kind]) -> Scope:
        """What a condition on these kinds of event can see."""
        wanted = frozenset(kinds)
        if wanted not in self.scopes:
            by_kind = [event_symbols(kind) for kind in sorted(wanted)]
            shared = set(by_kind[0]).intersection(*by_kind[1:])
            symbols = {name: by_kind[0][name] for name in by_kind[0] if name in shared} | STAGE_SYMBOLS
            for text in self.definitions.texts.values():
                if wanted <= ({Kind.SMS} if text.of == "text" else {Kind.SMS, Kind.WEB}):
                    symbols[text.text] = Symbol(text.text, Type.YES_NO, _words_of(text.text))
            symbols |= {name: _feature_symbol(feature) for name, feature in self.definitions.features.items()}
            macros = {name: macro.condition for name, macro in self.definitions.macros.items()}
            lists = {name: definition.match for name, definition in self.definitions.lists.items()}
            self.scopes[wanted] = Scope(symbols, macros, lists, self._uses_of, self._absent)
        return self.scopes[wanted]

    def _uses_of(self, name: str) -> frozenset[tuple[str, str]]:
        if name in self.definitions.features:
            return frozenset({("feature", name)})
        if name in self.definitions.texts:
            return frozenset({("text", name)})
        return frozenset({("stage" if name in STAGE_SYMBOLS else "column", name)})

    def _absent(self, name: str) -> str:
        having = [kind.name.lower() for kind in Kind if name in event_symbols(kind)]
        if name in self.definitions.texts:
            having = ["sms"] if self.definitions.texts[name].of == "text" else ["sms", "web"]
        return f"is only known on {' and '.join(having)} events" if having else ""

    def _problem(self, place: Place, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(place, code, message, hint))

    def _condition(self, text: str | None, kinds: Iterable[Kind], place: Place) -> Expression | None:
        if text is None:
            return None
        try:
            return compile_condition(text, self._scope(kinds))
        except ConditionError as error:
            self._problem(_inside(place, text, error.offset), error.code, error.message, error.hint)
            return None

    def _key(self, definition: FeatureDef, name: str, kinds: Iterable[Kind], field: str) -> str:
        column = key_column(name, kinds)
        if column is None:
            place = self.definitions.place("features", definition.feature, field)
            on = " and ".join(kind.name.lower() for kind in kinds)
            message = f"{name} can't be a key on {on} events"
            self._problem(place, "bad-key", message, "keys: source, target, imei, imsi, cell, payer, link, shape, …")
        return column or "source"

    def _readers_of(self, key: str) -> list[Kind]:
        """The kinds of event that have this key: those can read by it, whichever kinds update the feature."""
        return [kind for kind in Kind if key_column(key, [kind])] or list(Kind)

    def _feature(self, definition: FeatureDef) -> Feature | None:
        name, kinds, window = definition.feature, definition.kinds, definition.window

        def place(*path: str | int) -> Place:
            return self.definitions.place("features", name, *path)

        before = len(self.problems)
        by = self._key(definition, definition.by, kinds, "by")
        of = self._key(definition, definition.of, self._readers_of(definition.of), "of") if definition.of else by
        where = self._condition(definition.where, kinds, place("where"))
        numerator = self._condition(definition.ratio, kinds, place("ratio"))
        steps = tuple(
            self._step(step, place("sequence", index, "where")) for index, step in enumerate(definition.sequence or ())
        )
        unless = self._step(definition.unless, place("unless", "where")) if definition.unless else None
        value = self._value(definition, kinds)
        uses = _uses(where, numerator, *(step.where for step in steps), unless.where if unless else None)
        late = any(section in ("feature", "stage") for section, _ in uses)
        self.stages[name] = "target" if late or {by, of} & TARGET_SIDE else "source"
        if len(self.problems) > before:
            return None
        return Feature(
            name, window, self.stages[name], definition.within, by, of, frozenset(kinds), frozenset(),
            where, numerator, value, steps, unless,
        )  # fmt: skip

    def _step(self, step: StepDef, place: Place) -> Step:
        return Step(frozenset(step.on), self._condition(step.where, step.on, place))

    def _value(self, definition: FeatureDef, kinds: list[Kind]) -> str:
        window = definition.window
        name = getattr(definition, window)
        if window not in ("sum", "distinct", "sequential"):
            return ""
        place = self.definitions.place("features", definition.feature, window)
        try:
            symbol = compile_value(name, self._scope(kinds))
        except ConditionError as error:
            self._problem(place, error.code, error.message, error.hint)
            return ""
        if window == "sum":
            if name not in _SUMMABLE:
                self._problem(place, "wrong-type", f"{name} can't be summed", f"summable: {', '.join(_SUMMABLE)}")
            return _SUMMABLE.get(name, "")
        if not symbol.column or symbol.type not in (Type.IDENTITY, Type.HOST, Type.WORD):
            self._problem(place, "wrong-type", f"{name} is {symbol.type.value}; {window} needs a number or account")
        return "link" if symbol.type is Type.HOST else symbol.column

    def _rule(self, name: str) -> Rule | None:
        definition = self.definitions.rules[name]
        place = self.definitions.place("rules", name, "condition")
        condition = self._condition(definition.condition, definition.on, place)
        self._check_list(name)
        if condition is None:
            return None
        stage = self._stage_of(condition.uses)
        actions = definition.bits
        if (
            stage == "target"
            and actions & (BLOCKING | HOLDING | Action.ALLOW)
            and set(definition.on) != {Kind.TRANSFER}
        ):
            message = "what is known of the citizen (target stage) may block, hold or allow transfers only"
            hint = "warn instead, or read only what belongs to the source"
            self._problem(self.definitions.place("rules", name, "actions"), "wrong-stage", message, hint)
        adds = definition.list
        return Rule(
            name=name, ref=definition.ref, title=definition.title, why=definition.why, version=definition.version,
            mode=definition.mode, stage=stage, kinds=frozenset(definition.on), condition=condition,
            score=float(definition.score), evidence=EVIDENCE.index(definition.evidence) if definition.evidence else 0,
            actions=actions, adds_to=adds.to if adds else "", adds_for_ms=adds.ttl if adds else 0,
            reason=definition.reason, remedy=definition.remedy,
        )  # fmt: skip

    def _check_list(self, name: str) -> None:
        adds = self.definitions.rules[name].list
        if adds is None:
            return
        known = self.definitions.lists.get(adds.to)
        place = self.definitions.place("rules", name, "list", "to")
        if known is None:
            hint = nearest(adds.to, self.definitions.lists)
            self._problem(place, "unknown-list", f"there is no list {adds.to}", hint)
        elif known.match != "exact":
            self._problem(place, "wrong-type", f"rules add to exact lists; {adds.to} matches by {known.match}")

    def _stage_of(self, uses: Iterable[tuple[str, str]]) -> Stage:
        late = any(
            section == "stage" or (section == "feature" and self.stages.get(name) == "target") for section, name in uses
        )
        return "target" if late else "source"

    def _check_stages(self, features: list[Feature | None]) -> None:
        for feature in features:
            for section, name in sorted(_feature_uses(feature)) if feature else ():
                if feature and section == "feature" and self.stages[name] == "target":
                    message = f"{feature.name} reads {name}, which belongs to the target stage as well: a circle"
                    hint = "a feature may read columns, lists, texts, and what the source stage found"
                    self._problem(self.definitions.place("features", feature.name), "circle", message, hint)


_SUMMABLE = {"amount": "amount_fen", "dur": "dur_s"}


def pattern_sets(texts: Iterable[TextDef]) -> list[PatternSet]:
    """The pattern sets that the texts of a rule set ask for."""
    return [PatternSet(text.text, tuple(text.patterns), tuple(text.regex), text.of == "host") for text in texts]


def _unusable(texts: Iterable[TextDef]) -> str:
    """Why these patterns can't be searched for, or ""."""
    try:
        PatternDatabase(pattern_sets(texts))
    except ValueError as error:
        return str(error)
    return ""


def _uses(*expressions: Expression | None) -> frozenset[tuple[str, str]]:
    return frozenset().union(*(expression.uses for expression in expressions if expression))


def _feature_uses(feature: Feature) -> frozenset[tuple[str, str]]:
    steps = [*feature.steps, feature.unless] if feature.unless else feature.steps
    return _uses(feature.where, feature.numerator, *(step.where for step in steps))


def _with_readers(features: list[Feature], rules: list[Rule]) -> tuple[Feature, ...]:
    """Fills in which kinds of event read a feature; features that nobody reads are left out."""
    readers: dict[str, set[Kind]] = {feature.name: set() for feature in features}
    for rule in rules:
        for section, name in rule.condition.uses:
            if section == "feature":
                readers[name] |= rule.kinds
    for feature in features:
        if readers[feature.name]:
            for section, name in _feature_uses(feature):
                if section == "feature":
                    readers[name] |= feature.kinds
    return tuple(_replaced(feature, frozenset(readers[feature.name])) for feature in features if readers[feature.name])


def _replaced(feature: Feature, readers: frozenset[Kind]) -> Feature:
    values: dict[str, Any] = {name: getattr(feature, name) for name in Feature.__slots__}
    return Feature(**(values | {"readers": readers}))


def _words_of(name: str) -> Callable[[View], Any]:
    return lambda view: view.words(name)


def _feature_symbol(definition: FeatureDef) -> Symbol:
    name, window = definition.feature, definition.window
    if window == "sequence":
        return Symbol(name, Type.YES_NO, lambda view: view.feature(name) != 0)
    if window in ("since_last", "since_first"):
        return Symbol(name, Type.DURATION, lambda view: view.feature(name))
    if window == "sum" and definition.sum == "amount":
        return Symbol(name, Type.MONEY, lambda view: view.feature(name) / 100.0)
    if window == "sum":
        return Symbol(name, Type.DURATION, lambda view: view.feature(name) * 1_000)
    return Symbol(name, Type.NUMBER, lambda view: view.feature(name))


def _inside(place: Place, text: str, offset: int) -> Place:
    """The place of a character of a condition, where the condition stands on one line; else where it begins."""
    for quote in (0, 1):
        if place.snippet[place.column - 1 + quote :].startswith(text):
            return place.shifted(offset + quote)
    return place


def _hash(definitions: Definitions) -> str:
    sections = {
        section: {
            name: definition.model_dump(mode="json") for name, definition in getattr(definitions, section).items()
        }
        for section in ("lists", "macros", "texts", "features", "rules", "policies")
    }
    content = json.dumps([sections, definitions.half_life_ms], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
