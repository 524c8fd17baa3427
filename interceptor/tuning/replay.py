"""A recording once more through the engine.

Enters: a recording and an engine. Leaves: its frames, each with the truth and the engine's decisions. Invariant:
reading goes on beside deciding, in the recorded order, and never more than a frame ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from interceptor.decisions import Decisions
from interceptor.engine import Engine
from interceptor.recording import Recording, RecordingError
from interceptor.rules import RulesError, RuleSet, default_rules_dir, load
from interceptor.rules.errors import nearest, printable
from interceptor.rules.ruleset import Rule
from interceptor.tuning.tables import (
    EXIT_CONFIGURATION,
    EXIT_STOPPED,
    EXIT_USAGE,
    UsageProblem,
    fail,
    progress_bar,
)
from simulator.city import Slice

FRAME_ROWS = 1 << 16

Item = TypeVar("Item")
P = ParamSpec("P")


def rules_at(path: Path | None) -> RuleSet:
    """The rule set of a folder, or the one that comes with the package. Raises RulesError."""
    return load(path or default_rules_dir())


def rule_named(rule_set: RuleSet, name: str) -> Rule:
    """Raises UsageProblem where there is none that runs."""
    found = next((rule for rule in rule_set.rules if rule.name == name), None)
    if found:
        return found
    if name in rule_set.definitions.rules:
        raise UsageProblem(f"{name}: this rule is off\n  hint: set `mode: shadow` to watch what it would do")
    hint = nearest(name, (rule.name for rule in rule_set.rules)) or "`interceptor rules backtest` lists them"
    raise UsageProblem(f"{printable(name)}: there is no such rule\n  hint: {hint}")


def replay(recording: Recording, engine: Engine, task: str) -> Iterator[tuple[Slice, Decisions]]:
    """Every frame with its decisions; `task` is said beside the bar. Raises RecordingError."""
    with progress_bar() as bar:
        of_bar = bar.add_task(task, total=recording.events)
        for taken in ahead(recording.slices(FRAME_ROWS)):
            yield taken, engine.decide(taken.frame)
            bar.advance(of_bar, taken.frame.num_rows)


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, the next one being made while this one is worked on."""
    items = iter(items)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = pool.submit(next, items, None)
            yield item


def guarded(main: Callable[P, int]) -> Callable[P, int]:
    """The same command, but what a person can mend becomes one message and an exit code."""

    @wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except RulesError as problem:
            return fail(str(problem), EXIT_CONFIGURATION)
        except (RecordingError, UsageProblem) as problem:
            return fail(str(problem), EXIT_USAGE)
        except KeyboardInterrupt:
            return EXIT_STOPPED

    return run
