"""What rules/README.md says of the language is what the language knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interceptor.rules import default_rules_dir, load
from interceptor.rules.model import WINDOWS
from interceptor.rules.names import event_symbols
from interceptor.schema import Kind
from interceptor.tuning.trial import try_rule

TEXT = (default_rules_dir() / "README.md").read_text("utf-8")


def test_every_name_of_an_event_is_listed_for_its_kind() -> None:
    rows = dict(re.findall(r"^\| (every kind|`[a-z_]+`) \| (.*) \|$", TEXT, re.MULTILINE))
    common = set(event_symbols(Kind.REPORT)) - {"subject", "finding"}
    assert set(re.findall(r"`(\w+)`", rows["every kind"])) == common, common
    for kind in Kind:
        said = set(re.findall(r"`(\w+)`", rows[f"`{kind.name.lower()}`"]))
        if kind is Kind.CALL_END:
            as_call = set(re.findall(r"`(\w+)`", rows["`call`"]))
            said = (said | as_call) - {"call", "source_of_day"}
        assert said == set(event_symbols(kind)) - common, kind


def test_every_window_is_listed() -> None:
    assert set(re.findall(r"^\| `(\w+): ", TEXT, re.MULTILINE)) >= set(WINDOWS)


def test_every_rules_file_is_listed() -> None:
    folder = default_rules_dir()
    said = set(re.findall(r"`([\w/]+\.yaml)`", TEXT[: TEXT.index("## How a rule reads")]))
    assert said == {str(path.relative_to(folder)) for path in folder.rglob("*.yaml")}


def test_the_rule_that_the_readme_begins_with_passes_its_tests(tmp_path: Path) -> None:
    readme = default_rules_dir().parent / "README.md"
    if not readme.exists():
        pytest.skip("an installed package has no README")
    example = re.search(r"^```yaml\n(schema: 1\n.*?)^```", readme.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert example
    (tmp_path / "strangers.yaml").write_text(example[1], "utf-8")
    rule_set = load(tmp_path)
    trials = [try_rule(rule_set, rule.name) for rule in rule_set.rules]
    assert [trial.failed for trial in trials] == [[]]
    assert len(trials[0].outcomes) == 2
