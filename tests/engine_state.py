"""The state of a whole engine, for tests: its parts', and what stands between them.

Enters: an engine. Leaves: a State, and engines that go on with it. Invariant: nothing that a decision may depend on is
left out, or the tests that use this fail.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interceptor.config import Limits
from interceptor.engine import Engine
from interceptor.judgement import Addition
from interceptor.listbook import ListBook
from interceptor.lists import ExactList
from interceptor.parts import Admit, Protect, Screen
from interceptor.reload import Restored, digests
from interceptor.rules import RuleSet
from interceptor.state import State, nested, read, within, written


def taken(engine: Engine) -> State:
    parts = {"admission": engine._admission.taken(), "source": engine._source.taken(), "target": engine._target.taken()}
    if engine._wordings:
        parts["wordings"] = engine._wordings.taken()
    lists = engine._lists
    waiting = [
        (name, lists._definitions[name].of, values.tolist(), from_ms, expires_ms, rule)
        for name, values, from_ms, expires_ms, rule in engine._to_list
    ]
    counts = [engine._tick, engine.counters["evicted"], *engine._statuses.tolist()]
    return nested(parts) | {"waiting": written(waiting), "lists": written(added(lists)), "counts": np.array(counts)}


def restored(rule_set: RuleSet, state: State, limits: Limits | None = None) -> tuple[Engine, list[Restored]]:
    """A new engine that goes on, maybe with another rule set, and what became of the windows of its stages."""
    engine = Engine(rule_set, limits or Limits())
    engine._admission.put_back(within(state, "admission"))
    if engine._wordings and "wordings/evicted" in state:
        engine._wordings.put_back(within(state, "wordings"))
    told = [stage.put_back(within(state, side)) for side, stage in sides(engine)]
    add(engine._lists, read(state, "lists"))
    engine._to_list = [
        Addition(name, np.array(values, np.uint64), from_ms, expires_ms, rule)
        for name, of, values, from_ms, expires_ms, rule in read(state, "waiting")
        if is_exact(engine._lists, name, of)
    ]
    engine._tick, evicted, *statuses = state["counts"].tolist()
    engine._statuses[:] = statuses
    engine._evicted_before = evicted - engine._evicted
    return engine, told


def sides(engine: Engine) -> Sequence[tuple[str, object]]:
    return ("source", engine._source), ("target", engine._target)


def added(lists: ListBook) -> list[object]:
    """What verdicts put on lists."""
    found: list[object] = []
    for name, held in lists._added.items():
        columns = held._table.held()
        found.append((name, lists._definitions[name].of, *(column.tolist() for column in columns), held._notes))
    return found


def add(lists: ListBook, saved: list[object]) -> None:
    for name, of, keys, from_ms, expires_ms, codes, notes in saved:
        if is_exact(lists, name, of):
            held = lists._added[name] = ExactList()
            for source, reason in notes:
                held.note(source, reason)
            held.put(
                np.array(keys, np.uint64),
                *(np.array(ms, np.int64) for ms in (from_ms, expires_ms)),
                np.array(codes, np.int32),
            )
    lists._parts = lists._not_empty()


def is_exact(lists: ListBook, name: str, of: str) -> bool:
    return name in lists._added and lists._definitions[name].of == of


def part_taken(part: Admit | Screen | Protect) -> State:
    if not isinstance(part, Admit):
        return part._stage.taken()
    mine = {"admission": part._admission.taken(), "windows": part._bank.taken(digests(part.rule_set))}
    return nested(mine | ({"wordings": part._wordings.taken()} if part._wordings else {}))


def part_put_back(part: Admit | Screen | Protect, state: State) -> Restored:
    if not isinstance(part, Admit):
        return part._stage.put_back(state)
    part._admission.put_back(within(state, "admission"))
    if part._wordings and "wordings/evicted" in state:
        part._wordings.put_back(within(state, "wordings"))
    return part._bank.put_back(within(state, "windows"), digests(part.rule_set))
