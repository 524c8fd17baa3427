"""The peers' job as a rule set of our own.

Enters: Work. Leaves: a folder of rules, of just this job. Invariant: it is made from the same data as every peer's
rules; a rule has its name there, with - for _.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from benchmarks.peers.peer import KEYWORD, LISTED, MANY_CALLEES, MANY_CALLS, Condition, JobName, Test, Work
from interceptor.schema import Kind

# A field in the language of rules, its unit there, and how many of its own units make one of that
NAMES = {
    "tenure_days": ("tenure", "d", 1), "idle_days": ("idle", "d", 1), "dur_s": ("dur", "s", 1),
    "host_age_h": ("host_age", "h", 1), "amount_fen": ("amount", "", 100), "balance_fen": ("balance", "", 100),
}  # fmt: skip
EVERY_KIND = [kind.name.lower() for kind in Kind]
ALL_LISTED, WORDS, CALLS, CALLEES = "all_listed", "words", "calls_1h", "callees_1h"


def write(folder: Path, work: Work, job: JobName) -> Path:
    """Into a folder that isn't there yet; its path."""
    folder.mkdir()
    rules = [_rule(one.name, list(one.kinds), _condition(one)) for one in work.conditions]
    if job == "stateless":
        return _written(folder, {"schema": 1, "rules": rules})
    shutil.copyfile(work.blocklist, folder / "numbers.csv")
    windows = {"on": "call", "by": "source", "within": "1h"}
    rules += [
        _rule(LISTED, EVERY_KIND, f"source in {ALL_LISTED}"),
        _rule(KEYWORD, ["sms"], WORDS),
        _rule(MANY_CALLS, ["call"], f"{CALLS} >= {work.many_calls}"),
        _rule(MANY_CALLEES, ["call"], f"{CALLEES} >= {work.many_callees}"),
    ]
    return _written(folder, {
        "schema": 1,
        "lists": [{"list": ALL_LISTED, "file": "numbers.csv"}],
        "texts": [{"text": WORDS, "patterns": list(work.keywords)}],
        "features": [
            {"feature": CALLS, "count": "events"} | windows,
            {"feature": CALLEES, "distinct": "target"} | windows,
        ],
        "rules": rules,
    })  # fmt: skip


def name_of(rule: str) -> str:
    """What the job calls a rule of the rule set."""
    return rule.replace("-", "_")


def _rule(name: str, kinds: list[str], condition: str) -> dict[str, object]:
    name = name.replace("_", "-")
    return {"rule": name, "title": name, "on": kinds, "condition": condition, "actions": ["label"]}


def _condition(condition: Condition) -> str:
    return " and ".join(map(_test, condition.tests))


def _test(test: Test) -> str:
    name, unit, per = NAMES.get(test.field, (test.field, "", 1))
    if isinstance(test.value, bool):
        return name if test.value == (test.operator == "==") else f"not {name}"
    if isinstance(test.value, str):
        return f'{name} {test.operator} "{test.value}"'
    value, rest = divmod(test.value, per)
    return f"{name} {test.operator} {value}{unit}" if not rest else f"{name} {test.operator} {test.value / per}"


def _written(folder: Path, rules: dict[str, object]) -> Path:
    (folder / "screening.yaml").write_text(yaml.safe_dump(rules, allow_unicode=True, sort_keys=False), "utf-8")
    return folder
