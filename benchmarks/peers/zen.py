"""zen-engine (PyPI): GoRules' engine for decision tables, in Rust with a Python binding.

Enters: events as dicts. Leaves: an outcome. Invariants: an event meets the rules of its kind only, as one graph with a
table of hit policy `collect`, or as one expression, a list of all conditions; it is given those fields only that they
read. Graphs come from a static loader, which compiles them once (`create_decision` does so for each event: 230 µs).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import compress
from typing import Any

from benchmarks.peers.peer import Condition, JobName, Outcome, Work, lacking
from benchmarks.peers.plain_python import counted

Decide = Callable[[str, dict[str, Any]], Any]  # kind, fields


class Zen:
    """`way`: "table", the form that its editor makes, or "expression", the fastest."""

    job: JobName = "stateless"
    most_threads, streams, folds = 1, False, False
    meaning = "the same"

    def __init__(self, way: str) -> None:
        self.way = way
        self.name = "zen-engine, table" if way == "table" else "zen-engine"

    def missing(self) -> str | None:
        return lacking("zen")

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        found = (_by_table if self.way == "table" else _by_expression)(work)
        fields = {kind: work.fields_of(kind) for kind in work.kinds}

        def decide(event: dict[str, Any]) -> list[str]:
            kind = event["kind"]
            return list(found(kind, {field: event[field] for field in fields[kind]}))

        return counted(work, list(work.dicts()), decide)


def _by_table(work: Work) -> Decide:
    import zen  # type: ignore[import-not-found]

    content = {kind: graph(work, kind) for kind in work.kinds}
    evaluate = zen.ZenEngine({"loader": {"type": "static", "content": content}}).evaluate
    return lambda kind, context: [row["rule"] for row in evaluate(kind, context)["result"]]


def _by_expression(work: Work) -> Decide:
    import zen

    names = {kind: [one.name for one in work.conditions_on(kind)] for kind in work.kinds}
    compiled = {
        kind: zen.compile_expression(f"[{', '.join(map(_expression, work.conditions_on(kind)))}]").evaluate
        for kind in work.kinds
    }
    return lambda kind, context: compress(names[kind], compiled[kind](context))


def graph(work: Work, kind: str) -> dict[str, Any]:
    """Input → table → output, in the form of its editor."""
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode", "content": {}},
        {"id": "table", "name": "table", "type": "decisionTableNode", "content": table(work, kind)},
        {"id": "out", "name": "out", "type": "outputNode", "content": {}},
    ]
    edges = [
        {"id": f"{source}-{target}", "sourceId": source, "targetId": target, "type": "edge"}
        for source, target in (("in", "table"), ("table", "out"))
    ]
    return {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}


def table(work: Work, kind: str) -> dict[str, Any]:
    """A row for each rule, a column for each field; a cell says which values it takes, an empty one all."""
    fields = work.fields_of(kind)
    inputs = [{"id": field, "name": field, "type": "expression", "field": field} for field in fields]
    rows = []
    for one in work.conditions_on(kind):
        cells = {field: " and ".join(_cells(one, field)) for field in fields}
        rows.append({"_id": one.name, "rule": json.dumps(one.name)} | cells)
    outputs = [{"id": "rule", "name": "rule", "type": "expression", "field": "rule"}]
    return {"hitPolicy": "collect", "inputs": inputs, "outputs": outputs, "rules": rows}


def _cells(condition: Condition, field: str) -> list[str]:
    found = []
    for test in condition.tests:
        if test.field == field:
            value = json.dumps(test.value)
            found.append(value if test.operator == "==" else f"$ {test.operator} {value}")
    return found


def _expression(condition: Condition) -> str:
    tests = [f"{test.field} {test.operator} {json.dumps(test.value)}" for test in condition.tests]
    return f"({' and '.join(tests)})"
