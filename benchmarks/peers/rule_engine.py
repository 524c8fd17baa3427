"""rule-engine (PyPI): a language of its own for conditions on Python objects, in pure Python.

Enters: events as dicts. Leaves: an outcome. Invariant: as its documents advise, rules are compiled once, with the types
of all fields known and items looked up directly; an event meets the rules of its kind only.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.peers.peer import JobName, Outcome, Test, Work, lacking
from benchmarks.peers.plain_python import counted


class RuleEngine:
    name, meaning = "rule-engine", "the same"
    job: JobName = "stateless"
    most_threads, streams, folds = 1, False, False

    def missing(self) -> str | None:
        return lacking("rule_engine")

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        rules = {kind: compiled(work, kind) for kind in work.kinds}

        def decide(event: dict[str, Any]) -> list[str]:
            return [name for name, matches in rules[event["kind"]] if matches(event)]

        return counted(work, list(work.dicts()), decide)


def compiled(work: Work, kind: str) -> list[tuple[str, Any]]:
    """Name and `matches` of the rules on a kind of event."""
    import rule_engine as engine  # type: ignore[import-not-found]

    types = {bool: engine.DataType.BOOLEAN, int: engine.DataType.FLOAT, str: engine.DataType.STRING}
    fields = {field: types[type(work.absent[field])] for field in work.fields_of(kind)}
    context = engine.Context(type_resolver=engine.type_resolver_from_dict(fields), resolver=engine.resolve_item)
    return [
        (one.name, engine.Rule(" and ".join(map(_written, one.tests)), context=context).matches)
        for one in work.conditions_on(kind)
    ]


def _written(test: Test) -> str:
    return f"{test.field} {test.operator} {json.dumps(test.value)}"
