"""Definitions into a RuleSet that the engine can run.

Enters: Definitions. Leaves: a RuleSet. Invariant: the stage of every feature and rule follows from what it reads, and
nothing in a stage depends on that stage's own scores, so that whole batches mean the same as event by event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from interceptor.rules.cases import CaseError, events_of, shortened
from interceptor.rules.conditions import compile_condition, compile_value
from interceptor.rules.definitions import ANYTHING, Definitions, digest
from interceptor.rules.errors import PROBLEMS_MAX, Place, Problem, RulesError, nearest
from interceptor.rules.expressions import Expression, all_of, any_of, before, negated, sampled
from interceptor.rules.mistakes import ConditionError
from interceptor.rules.model import EVIDENCE, FeatureDef, RuleDef, StepDef
from interceptor.rules.names import STAGE_SYMBOLS, TARGET_SIDE, Type, event_symbols, key_column
from interceptor.rules.ruleset import (
    Exemption,
    Feature,
    LadderStep,
    Policy,
    Rule,
    RuleSet,
    Stage,
    Step,
    uses_of,
    with_readers,
)
from interceptor.rules.scopes import Scopes
from interceptor.rules.values import parsed
from interceptor.rules.words import HEAVY, check_words, compile_words, no_words
from interceptor.schema import BLOCKING, GATES, HOLDING, Action, Kind

if TYPE_CHECKING:
    from interceptor.patterns import PatternDatabase


def compile_rules(definitions: Definitions, *, searching: bool = True, previous: RuleSet | None = None) -> RuleSet:
    """Compiles a rule set. Raises RulesError with everything that is wrong. Not `searching`: every pattern is checked,
    and the database of all of them, which takes its time, is left out. It is that of `previous` where the patterns are
    the same."""
    return _Compiler(definitions, searching, previous.words if previous else None).run()


class _Compiler:
    def __init__(self, definitions: Definitions, searching: bool, words: PatternDatabase | None) -> None:
        self.definitions, self.searching, self.words_before = definitions, searching, words
        self.problems: list[Problem] = []
        self.stages: dict[str, Stage] = {}
        self.scopes = Scopes(definitions)

    def run(self) -> RuleSet:
        self._check_names()
        # All patterns are compiled at once later on; only where that fails, or isn't asked for, each is tried alone.
        heavy = None if self.searching else HEAVY
        self.problems += islice(check_words(self.definitions, heavy), PROBLEMS_MAX)
        self._check_lists()
        features = [self._feature(definition) for definition in self.definitions.features.values()]
        rules = [
            rule for name, given in self.definitions.rules.items() if given.mode != "off" for rule in self._rules(name)
        ]
        self._check_stages(features)
        self._check_cases()
        self._check_macros()
        words = self._words()
        if self.problems or words is None:
            raise RulesError(self.problems)
        return RuleSet(
            hash=digest(self.definitions),
            definitions=self.definitions,
            lists=tuple(self.definitions.lists.values()),
            texts=tuple(self.definitions.texts.values()),
            words=words,
            features=with_readers([feature for feature in features if feature], rules),
            rules=tuple(sorted(rules, key=lambda rule: (rule.name, rule.mode))),
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

    def _words(self) -> PatternDatabase | None:
        if not self.searching:
            return no_words()
        if self.problems:
            self.problems = list(dict.fromkeys([*self.problems, *islice(check_words(self.definitions), PROBLEMS_MAX)]))
            return None
        try:
            return compile_words(self.definitions, self.words_before)
        except ValueError as error:
            self.problems += check_words(self.definitions, heavy=0)
            if not self.problems:
                place = self.definitions.place("texts", min(self.definitions.texts))
                self._problem(place, "bad-pattern", str(error), "fewer patterns")
            return None

    def _check_macros(self) -> None:
        """Macros that nobody uses are read, too: on the kind of event that knows most of their names."""
        if any(problem.code == "name-taken" for problem in self.problems):
            return
        for name, macro in self.definitions.macros.items():
            errors = []
            for kind in Kind:
                try:
                    compile_condition(macro.condition, self.scopes.of([kind]))
                except ConditionError as error:
                    errors.append(error)
                    if error.code != "unknown-name":
                        break
                else:
                    errors = []
                    break
            if errors:
                furthest = max(errors, key=lambda one: one.offset)
                if (furthest.code, furthest.offset) != ("not-a-condition", 0):
                    self._condition_problem(self.definitions.place("macros", name, "condition"), furthest)

    def _check_lists(self) -> None:
        for name, definition in self.definitions.lists.items():
            for index, item in enumerate(definition.items):
                try:
                    parsed(definition.match, definition.of, item.value)
                except ValueError as error:
                    self._problem(self.definitions.place("lists", name, "items", index), "bad-value", str(error))

    def _problem(self, place: Place, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(place, code, message, hint))
        if len(self.problems) >= PROBLEMS_MAX:
            raise RulesError(self.problems)

    def _condition(self, text: str | None, kinds: Iterable[Kind], place: Place) -> Expression | None:
        if text is None:
            return None
        try:
            return compile_condition(text, self.scopes.of(kinds))
        except ConditionError as error:
            self._condition_problem(place, error)
            return None

    def _condition_problem(self, place: Place, error: ConditionError) -> None:
        """A mistake in a macro is told once, at the macro, with the place of one who uses it."""
        if self._is_unread(error.name):
            return
        message = error.message
        if error.macro:
            message += f" (macro {error.macro}, used at {place.path}:{place.line})"
            place = self.definitions.place("macros", error.macro, "condition")
        place = place.inside(error.offset)
        if not any(one.place == place and one.code == error.code for one in self.problems):
            self._problem(place, error.code, message, error.hint)

    def _is_unread(self, name: str) -> bool:
        """Whether a name that isn't known may stand in what could not be read."""
        return bool(name) and not self.definitions.unread.isdisjoint((name, ANYTHING))

    def _key(self, definition: FeatureDef, name: str, kinds: Iterable[Kind], field: str) -> str:
        column = key_column(name, kinds)
        if column is None:
            place = self.definitions.place("features", definition.feature, field)
            on = " and ".join(kind.name.lower() for kind in kinds)
            message = f"{name} can't be a key on {on} events"
            hint = "keys: source, target, imei, imsi, cell, payer, link, shape, wording, …"
            self._problem(place, "bad-key", message, hint)
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
        uses = uses_of(where, numerator, *(step.where for step in steps), unless.where if unless else None)
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
            symbol = compile_value(name, self.scopes.of(kinds))
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

    def _rules(self, name: str) -> Iterator[Rule]:
        """One rule, or two where it is rolled out: live for the sample, watching for the others."""
        definition = self.definitions.rules[name]
        stated = self._condition(
            definition.condition, definition.on, self.definitions.place("rules", name, "condition")
        )
        exceptions = tuple(self._exceptions(definition))
        self._check_list(name)
        sample = self._sample(definition)
        if stated is None:
            return
        condition = stated
        if exceptions:
            condition = all_of([stated, negated(any_of([one.condition for one in exceptions]))])
        stage = self._stage_of(condition.uses)
        self._check_actions(definition, stage)
        adds = definition.list
        rule = Rule(
            name=name, ref=definition.ref, title=definition.title, why=definition.why, version=definition.version,
            mode=definition.mode, stage=stage, kinds=frozenset(definition.on), condition=condition, stated=stated,
            exceptions=exceptions, score=float(definition.score),
            evidence=EVIDENCE.index(definition.evidence) if definition.evidence else 0, actions=definition.bits,
            adds_to=adds.to if adds else "", adds_for_ms=adds.ttl if adds else 0, reason=definition.reason,
            remedy=definition.remedy, systems=tuple(definition.systems), sampled=sample is not None,
        )  # fmt: skip
        if sample is None or rule.mode != "live":
            yield rule
            return
        yield replace(rule, condition=all_of([sample, condition]))
        yield replace(rule, condition=all_of([negated(sample), condition]), mode="shadow")

    def _exceptions(self, definition: RuleDef) -> Iterator[Exemption]:
        for index, one in enumerate(definition.exceptions):
            place = self.definitions.place("rules", definition.rule, "exceptions", index, "condition")
            condition = self._condition(one.condition, definition.on, place)
            if condition is not None:
                bounded = condition if one.expires is None else all_of([condition, before(one.expires)])
                yield Exemption(one.name, bounded, one.expires, one.owner, one.reason)

    def _sample(self, definition: RuleDef) -> Expression | None:
        if definition.rollout is None:
            return None
        column = key_column(definition.rollout.by, definition.on)
        if column is None:
            place = self.definitions.place("rules", definition.rule, "rollout", "by")
            on = " and ".join(kind.name.lower() for kind in definition.on)
            message = f"{definition.rollout.by} is no key on {on} events"
            self._problem(place, "bad-key", message, "sample by what stays the same: caller, callee, sender, payee, …")
            return None
        salt = int.from_bytes(hashlib.blake2b(definition.rule.encode(), digest_size=8).digest(), "big")
        return sampled(column, definition.rollout.percent, salt)

    def _check_actions(self, definition: RuleDef, stage: Stage) -> None:
        gated = definition.bits & (BLOCKING | HOLDING | Action.ALLOW)
        if stage == "target" and gated and set(definition.on) != {Kind.TRANSFER}:
            message = "what is known of the citizen (target stage) may block, hold or allow transfers only"
            hint = "warn instead, or read only what belongs to the source"
            self._problem(self.definitions.place("rules", definition.rule, "actions"), "wrong-stage", message, hint)

    def _check_cases(self) -> None:
        for name, definition in self.definitions.rules.items():
            for index, case in enumerate(definition.tests):
                try:
                    events_of(shortened(case))
                except CaseError as error:
                    place = self.definitions.place("rules", name, "tests", index, *error.path)
                    self._problem(place, "bad-test", error.message, error.hint)
                for of in case.lists:
                    if of not in self.definitions.lists and not self._is_unread(of):
                        place = self.definitions.place("rules", name, "tests", index, "lists", of)
                        hint = nearest(of, self.definitions.lists)
                        self._problem(place, "unknown-list", f"there is no list {of}", hint)

    def _check_list(self, name: str) -> None:
        adds = self.definitions.rules[name].list
        if adds is None:
            return
        known = self.definitions.lists.get(adds.to)
        place = self.definitions.place("rules", name, "list", "to")
        if known is None and self._is_unread(adds.to):
            return
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
            for section, name in sorted(feature.uses) if feature else ():
                if feature and section == "feature" and self.stages[name] == "target":
                    message = f"{feature.name} reads {name}, which belongs to the target stage as well: a circle"
                    hint = "a feature may read columns, lists, texts, and what the source stage found"
                    self._problem(self.definitions.place("features", feature.name), "circle", message, hint)


_SUMMABLE = {"amount": "amount_fen", "dur": "dur_s"}
