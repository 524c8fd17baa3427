"""cel-python (PyPI): Google's Common Expression Language, in pure Python.

Enters: events as dicts. Leaves: an outcome. Invariant: expressions are compiled once to Python, its faster way; an
event is made CEL's own values once, and meets the expressions of its kind only.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.peers.peer import JobName, Outcome, Test, Work, lacking
from benchmarks.peers.plain_python import counted


class Cel:
    name, meaning = "cel-python", "the same"
    job: JobName = "stateless"
    most_threads, streams, folds = 1, False, False

    def missing(self) -> str | None:
        return lacking("celpy")

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        from celpy import celtypes  # type: ignore[import-not-found]

        as_cel = {bool: celtypes.BoolType, int: celtypes.IntType, str: celtypes.StringType}
        rules = {kind: compiled(work, kind) for kind in work.kinds}
        fields = {
            kind: [(field, as_cel[type(work.absent[field])]) for field in work.fields_of(kind)] for kind in work.kinds
        }

        def decide(event: dict[str, Any]) -> list[str]:
            kind = event["kind"]
            activation = {field: cel(event[field]) for field, cel in fields[kind]}
            return [name for name, evaluate in rules[kind] if evaluate(activation)]

        return counted(work, list(work.dicts()), decide)


def compiled(work: Work, kind: str) -> list[tuple[str, Any]]:
    """Name and `evaluate` of the expressions on a kind of event."""
    import celpy
    from celpy import celtypes

    types = {bool: celtypes.BoolType, int: celtypes.IntType, str: celtypes.StringType}
    annotations = {field: types[type(work.absent[field])] for field in work.fields_of(kind)}
    environment = celpy.Environment(annotations=annotations, runner_class=celpy.CompiledRunner)
    return [
        (one.name, environment.program(environment.compile(" && ".join(map(_written, one.tests)))).evaluate)
        for one in work.conditions_on(kind)
    ]


def _written(test: Test) -> str:
    return f"{test.field} {test.operator} {json.dumps(test.value)}"
