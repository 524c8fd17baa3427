"""The job in plain Python, as fast as it goes: code made for the rules, compiled once; dicts for windows.

Enters: events as dicts (stateless) or as JSON (screening). Leaves: an outcome. Invariant: nothing but dicts, lists and
strings; JSON by msgspec, keywords by one regular expression (as fast here as an automaton in C, five times as fast as
`in` for each). It is the control beside which all peers are measured, and
other peers in Python use its parts, so that they differ by their framework alone.
"""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from benchmarks.peers.peer import (
    KEYWORD,
    LISTED,
    MANY_CALLEES,
    MANY_CALLS,
    Condition,
    JobName,
    Meter,
    Outcome,
    Work,
    lacking,
)  # fmt: skip

PANE_MS, PANES = 300_000, 12
Check = Callable[[Any], list[str]]


class PlainPython:
    """`takes`: what is given to it, one event at a time: decoded (dicts; for the screening, objects), or JSON."""

    most_threads, streams, folds = 1, False, False
    meaning = "the same"

    def __init__(self, takes: Literal["decoded", "JSON"], job: JobName) -> None:
        self.takes, self.job = takes, job
        more = "stateless" if job == "stateless" else "from JSON" if takes == "JSON" else ""
        self.name = f"plain Python{', ' * bool(more)}{more}"

    def missing(self) -> str | None:
        return lacking("msgspec") if self.job == "screening" else None

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        if self.job == "stateless":
            checks = {kind: check(work.conditions_on(kind), "event[{!r}]") for kind in work.kinds}
            return counted(work, list(work.dicts()), lambda event: checks[event["kind"]](event))
        if self.takes == "JSON":
            return counted(work, work.lines(), screening(work))
        return counted(work, list(map(decoder(work), work.lines())), Screen(work))


def counted(work: Work, events: Sequence[Any], decide: Check) -> Outcome:
    """Each event alone through `decide`, which gives the names of the rules that it hits."""
    hits = Counter[str]()
    gc.disable()  # nothing here is ever part of a circle
    meter = Meter()
    for event in events:
        found = decide(event)
        if found:
            hits.update(found)
    return meter.outcome(work.events, hits)


def check(conditions: Sequence[Condition], access: str) -> Check:
    """A function of one event: the names of the conditions that hold. `access`: how a field is read. Fields that
    several conditions read are read once."""
    fields = [test.field for one in conditions for test in one.tests]
    often = {field for field in fields if fields.count(field) > 1}

    def read(field: str) -> str:
        return field if field in often else access.format(field)

    lines = ["def check(event):", " found = []"]
    lines += [f" {field} = {access.format(field)}" for field in dict.fromkeys(fields) if field in often]
    for one in conditions:
        tests = [_written(read(test.field), test.operator, test.value) for test in one.tests]
        lines.append(f" if {' and '.join(tests)}: found.append({one.name!r})")
    made: dict[str, Any] = {}
    exec("\n".join([*lines, " return found"]), made)
    checked: Check = made["check"]
    return checked


def _written(field: str, operator: str, value: Any) -> str:
    if isinstance(value, bool):
        return field if value == (operator == "==") else f"not {field}"
    return f"{field} {operator} {value!r}"


def decoder(work: Work) -> Callable[[bytes], Any]:
    """JSON to an object with those fields that the job reads; those that an event doesn't have stand there, too."""
    import msgspec

    fields = [(field, type(work.absent[field]), work.absent[field]) for field in _fields(work)]
    always = [("kind", str), ("event_id", int), ("ts_ms", int), ("source", int), ("target", int)]
    return msgspec.json.Decoder(msgspec.defstruct("Event", [*always, *fields, ("text", str, "")], gc=False)).decode


def _fields(work: Work) -> list[str]:
    return list(dict.fromkeys(test.field for one in work.conditions for test in one.tests))


def screening(work: Work) -> Check:
    """The names of the rules that a JSON event hits."""
    decode, screen = decoder(work), Screen(work)
    return lambda line: screen(decode(line))


class Screen:
    """The screening of one event (an object with the fields of `decoder`): the names of the rules that it hits."""

    def __init__(self, work: Work) -> None:
        self._checks = {kind: check(work.conditions_on(kind), "event.{}") for kind in work.kinds}
        self._listed = work.listed()
        self._words = re.compile("|".join(map(re.escape, sorted(work.keywords)))).search
        self._many_calls, self._many_callees = work.many_calls, work.many_callees
        # most call a few times only, of which no rule can come: the calls themselves, until there are more
        self._callers: dict[int, list[tuple[int, int]] | Calls] = {}
        self._few = min(work.many_calls, work.many_callees) - 1

    def __call__(self, event: Any) -> list[str]:
        found = self._checks[event.kind](event)
        if event.source in self._listed:
            found.append(LISTED)
        if event.kind == "call":
            self._call(event, found)
        elif event.text and self._words(event.text):
            found.append(KEYWORD)
        return found

    def _call(self, event: Any, found: list[str]) -> None:
        calls = self._callers.get(event.source)
        if calls is None:
            self._callers[event.source] = [(event.ts_ms // PANE_MS, event.target)]
            return
        if isinstance(calls, list):
            if len(calls) < self._few:
                calls.append((event.ts_ms // PANE_MS, event.target))
                return
            self._callers[event.source] = calls = Calls(calls)
        calls.call(event.ts_ms // PANE_MS, event.target)
        if calls.count >= self._many_calls:
            found.append(MANY_CALLS)
        if calls.callees >= self._many_callees:
            found.append(MANY_CALLEES)


class Calls:
    """The calls of one source: `count` and `callees` of the window of PANES panes.

    `panes`: calls of each pane, and how many callees were last called in it, by pane modulo PANES. `last`: the pane in
    which a callee was last called; those that dropped out are swept away when they are more than half."""

    __slots__ = ("callees", "callees_in", "calls_in", "count", "last", "newest")

    def __init__(self, before: Sequence[tuple[int, int]]) -> None:
        """`before`: pane and callee of the first calls."""
        self.newest = self.count = self.callees = 0
        self.calls_in: list[int] = [0] * PANES
        self.callees_in: list[int] = [0] * PANES
        self.last: dict[int, int] = {}
        for pane, target in before:
            self.call(pane, target)

    def call(self, pane: int, target: int) -> None:
        if pane > self.newest:
            self._move(pane)
        if pane <= self.newest - PANES:
            return
        cell = pane % PANES
        self.calls_in[cell] += 1
        self.count += 1
        before = self.last.get(target, -1)
        if before <= self.newest - PANES:
            self.callees += 1
        elif before < pane:
            self.callees_in[before % PANES] -= 1
        else:
            return
        self.callees_in[cell] += 1
        self.last[target] = pane

    def _move(self, pane: int) -> None:
        if self.count:
            for one in range(max(self.newest + 1, pane - PANES + 1), pane + 1):
                cell = one % PANES
                self.count -= self.calls_in[cell]
                self.callees -= self.callees_in[cell]
                self.calls_in[cell] = self.callees_in[cell] = 0
        self.newest = pane
        if len(self.last) > 2 * self.callees + PANES:
            self.last = {target: at for target, at in self.last.items() if at > pane - PANES}
