"""Rules: YAML that people edit, checked and compiled to array operations.

source (text → data) → model (data → definitions) → definitions (files → one rule set) → compile (→ RuleSet), with
expressions and names for conditions. Enters: a folder. Leaves: a RuleSet, or RulesError with all that is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interceptor.rules.compile import compile_rules
from interceptor.rules.definitions import read
from interceptor.rules.errors import Problem, RulesError
from interceptor.rules.ruleset import RuleSet

__all__ = ["Problem", "RuleSet", "RulesError", "default_rules_dir", "load"]


def load(folder: Path, extra_lists: Sequence[Path] = ()) -> RuleSet:
    """Reads and compiles the rule set in `folder`. Raises RulesError."""
    return compile_rules(read(folder, extra_lists))


def default_rules_dir() -> Path:
    """The rules that come with the package: beside it in a checkout, inside it once installed."""
    installed = Path(__file__).parent.parent / "default_rules"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "rules"
