"""Rules: YAML that people edit, checked and compiled to array operations.

source (text → data) → model (data → definitions) → definitions (files → one rule set) → compile (→ RuleSet), with
conditions, expressions and names; syntax, misfits and mistakes say what is wrong at each step, lint what was hardly
meant. Enters: a folder. Leaves: a RuleSet, or RulesError with all that is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interceptor.rules.compile import compile_rules
from interceptor.rules.definitions import gather
from interceptor.rules.errors import Problem, RulesError
from interceptor.rules.ruleset import RuleSet

__all__ = ["Problem", "RuleSet", "RulesError", "default_rules_dir", "load", "load_all"]


def load(folder: Path, extra_lists: Sequence[Path] = (), previous: RuleSet | None = None) -> RuleSet:
    """Reads and compiles the rule set in `folder`. Raises RulesError. What is the same in `previous` and takes long to
    compile is taken from there; both are then for engines of one thread."""
    return load_all([folder], extra_lists, previous)


def load_all(paths: Sequence[Path], extra_lists: Sequence[Path] = (), previous: RuleSet | None = None) -> RuleSet:
    """One rule set from several files and folders. Raises RulesError with all that is wrong in any of them."""
    definitions, problems = gather(paths, extra_lists)
    try:
        rule_set = compile_rules(definitions, previous=previous)
    except RulesError as error:
        problems += error.problems
    if problems:
        raise RulesError(problems)
    return rule_set


def default_rules_dir() -> Path:
    """The rules that come with the package: beside it in a checkout, inside it once installed."""
    installed = Path(__file__).parent.parent / "default_rules"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "rules"
