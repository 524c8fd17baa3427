"""Two rule sets over one recording, beside each other.

Enters: a recording and two rule sets. Leaves: two Outcomes. Invariant: which way it is done, in one process or in two
of their own, changes nothing; a child that fails ends the work with its message.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from rich.progress import Progress, TaskID

from interceptor.recording import RecordingError, open_recording
from interceptor.rules import RulesError, RuleSet
from interceptor.tuning.outcome import Outcome, outcome_of
from interceptor.tuning.replay import rules_at
from interceptor.tuning.tables import UsageProblem, progress_bar

ONE_PROCESS_MAX = 500_000  # events; below, two processes take longer to start than they save


def outcomes(on: Path, folders: tuple[Path, Path], rule_sets: tuple[RuleSet, RuleSet]) -> tuple[Outcome, Outcome]:
    """Of A and of B; `rule_sets` were read from `folders`. Raises RecordingError, UsageProblem."""
    recording = open_recording(on)
    with progress_bar() as bar:
        tasks = [bar.add_task(f"Deciding by {name}", total=recording.events) for name in "AB"]
        if recording.events > ONE_PROCESS_MAX:
            found = _beside_each_other(on, folders, bar, tasks)
        else:
            found = [
                outcome_of(recording, rule_set, lambda events, task=task: bar.advance(task, events))  # type: ignore[misc]
                for rule_set, task in zip(rule_sets, tasks, strict=True)
            ]
    for outcome, rule_set, folder in zip(found, rule_sets, folders, strict=True):
        if outcome.ruleset != rule_set.hash:
            raise UsageProblem(f"{folder}: the rules changed meanwhile: compare again")
    return found[0], found[1]


def _beside_each_other(on: Path, folders: tuple[Path, Path], bar: Progress, tasks: list[TaskID]) -> list[Outcome]:
    context = multiprocessing.get_context("spawn")
    task_of: dict[Any, TaskID] = {}
    found: dict[TaskID, Outcome] = {}
    children = []
    try:
        for folder, task in zip(folders, tasks, strict=True):
            here, there = context.Pipe(duplex=False)
            child = context.Process(target=_child, args=(there, on, folder), daemon=True)
            child.start()
            there.close()  # so that the end of the child is the end of its messages
            children.append(child)
            task_of[here] = task
        while task_of:
            for ready in wait(list(task_of)):
                task = task_of[ready]
                message = _received(ready)
                if isinstance(message, int):
                    bar.advance(task, message)
                elif isinstance(message, Outcome):
                    found[task] = message
                    del task_of[ready]
                else:
                    raise message
    finally:
        for child in children:
            child.terminate()
            child.join()
    return [found[task] for task in tasks]


def _received(here: Any) -> int | Outcome | Exception:
    try:
        message: int | Outcome | Exception = here.recv()
    except EOFError:
        return UsageProblem("a process that compared ended early: is there enough memory? Two engines run at once")
    return message


def _child(there: Connection[Any, Any], on: Path, folder: Path) -> None:
    """Sends how many events were decided, again and again, and last the outcome or what went wrong."""
    try:
        there.send(outcome_of(open_recording(on), rules_at(folder), there.send))
    except (RecordingError, RulesError) as problem:
        there.send(problem)
    except (KeyboardInterrupt, BrokenPipeError):
        pass  # whoever asked has gone
