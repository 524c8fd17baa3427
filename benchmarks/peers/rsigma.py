"""rsigma (cargo): an engine for Sigma rules in Rust, as the program that its documents show: rules, a file, matches.

Enters: events as lines of JSON, each with all fields. Leaves: an outcome. Invariants: an event meets the rules of its
kind only; what its start and reading the rules take is measured with one event, and taken off; CPU time is the
program's, with all its threads.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers import environment
from benchmarks.peers.environment import NotMade
from benchmarks.peers.peer import Condition, JobName, Outcome, Test, Work

OPTIONS = ("--input-format", "json", "--logsource-routing", "--logsource-field-map", "category=kind")
MODIFIERS = {"<": "|lt", "<=": "|lte", ">": "|gt", ">=": "|gte"}


class Rsigma:
    name = "rsigma"
    meaning = "the same, from JSON with all fields written out; each match is written as JSON"
    job: JobName = "stateless"
    most_threads, streams, folds = 1, False, False

    def missing(self) -> str | None:
        try:
            environment.rsigma()
        except NotMade as error:
            return str(error)
        return None

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        with tempfile.TemporaryDirectory(prefix="rsigma-peer-") as name:
            folder = Path(name)
            rules = [
                yaml.safe_dump(sigma(one, kind), sort_keys=False)
                for kind in work.kinds
                for one in work.conditions_on(kind)
            ]
            (folder / "rules.yml").write_text("---\n".join(rules), "utf-8")
            events, one = folder / "events.ndjson", folder / "one.ndjson"
            _write(replace(work, events=1), one)
            _write(work, events)
            start_wall_s, start_cpu_s, _ = _took(folder, one)
            wall_s, cpu_s, rss_mb = _took(folder, events)
            with (folder / "matches").open(encoding="utf-8") as matches:
                hits = Counter(json.loads(match)["rule_title"] for match in matches)
        return Outcome(work.events, wall_s - start_wall_s, cpu_s - start_cpu_s, rss_mb, dict(hits))


def _write(work: Work, to: Path) -> None:
    with to.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in work.dicts())


def sigma(condition: Condition, kind: str) -> dict[str, Any]:
    """A rule in Sigma's form, for one kind of event."""
    told, but = dict[str, Any](), dict[str, Any]()
    for test in condition.tests:
        (but if test.operator == "!=" else told)[_field(test)] = test.value
    detection = {"told": told, "condition": "told and not but" if but else "told"} | ({"but": but} if but else {})
    return {"title": condition.name, "logsource": {"category": kind}, "detection": detection, "level": "low"}


def _field(test: Test) -> str:
    return test.field + MODIFIERS.get(test.operator, "")


def _took(folder: Path, events: Path) -> tuple[float, float, float]:
    """Wall and CPU seconds and peak MB of the program on a file, its matches in `folder`."""
    words = ["engine", "eval", *OPTIONS, "--rules", str(folder / "rules.yml"), "--event", f"@{events}"]
    command = [str(environment.rsigma()), *words]
    began_s = time.perf_counter()
    with (folder / "matches").open("wb") as matches, (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(command, stdout=matches, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "errors").read_text("utf-8", "replace").strip()[-300:])
    return time.perf_counter() - began_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3
