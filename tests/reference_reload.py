"""What a reload means to the reference engine: what it carries over to another rule set, and what begins anew.

Enters: a Reference and definitions. Leaves: the Reference that goes on with these. Invariant: nothing here comes from
the engine's code.
"""

from __future__ import annotations

from typing import Any

from interceptor.rules.definitions import Definitions
from tests.reference import Reference, Scores, Stages


def reloaded(before: Reference, definitions: Definitions) -> Reference:
    """Carries over ids, clock and groups of texts; what was put on lists that are of the same kind; windows that are
    defined as they were; evidence of live rules that still score on the same side."""
    after = Reference(definitions)
    after.admission, after.hour = before.admission, before.hour
    read = read_features(before.definitions), read_features(definitions)
    if all(any("wording" in str(one) for one in meanings.values()) for meanings in read):
        after.founders = before.founders
    for name in read[0].keys() & read[1].keys():
        if read[0][name] == read[1][name]:
            after.windows[name] = before.windows[name]
    same = {name for name in after.lists if name in before.lists and kind_of(after, name) == kind_of(before, name)}
    for name in same:
        after.lists[name].added = before.lists[name].added
    after.additions = [addition for addition in before.additions if addition[1] in same]
    after.source_scores = scores_after(before, after, "source")
    after.target_scores = scores_after(before, after, "target")
    return after


def kind_of(reference: Reference, name: str) -> tuple[str, str]:
    definition = reference.definitions.lists[name]
    return definition.match, definition.of


def scores_after(before: Reference, after: Reference, stage: str) -> Scores:
    def counts(reference: Reference, name: str) -> bool:
        rule = reference.rules[stage].get(name)
        return rule is not None and rule.mode == "live" and rule.score > 0

    scores = Scores(after.definitions)
    old: Scores = getattr(before, f"{stage}_scores")
    for key, hits in old.last_hits.items():
        scores.last_hits[key] = [hit for hit in hits if counts(before, hit[0]) and counts(after, hit[0])]
    return scores


def read_features(definitions: Definitions) -> dict[str, Any]:
    """The features that rules read, by themselves or through features, with all that their state follows from."""
    stages, read = Stages(definitions), set[str]()
    for rule in definitions.rules.values():
        if rule.mode != "off":
            for condition in (rule.condition, *(one.condition for one in rule.exceptions)):
                read |= stages.names_in(condition) & set(definitions.features)
    for name in list(read):
        read |= within(stages, name) & set(definitions.features)
    return {name: meaning(stages, name) for name in read}


def within(stages: Stages, name: str) -> set[str]:
    """All names in the conditions of a feature."""
    feature = stages.definitions.features[name]
    steps = [*(feature.sequence or []), *([feature.unless] if feature.unless else [])]
    conditions = [feature.where, feature.ratio, *(step.where for step in steps)]
    return set().union(*(stages.names_in(condition) for condition in conditions if condition))


def meaning(stages: Stages, name: str) -> tuple[Any, ...]:
    definitions, names = stages.definitions, sorted(within(stages, name))
    macros = [definitions.macros[macro].condition for macro in names if macro in definitions.macros]
    features = [meaning(stages, feature) for feature in names if feature in definitions.features]
    return definitions.features[name].model_dump(exclude={"title"}), macros, features
