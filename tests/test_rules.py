"""Rules files: what is read, what is refused, and where the message points."""

from __future__ import annotations

from pathlib import Path

import pytest

from interceptor.rules import RulesError, default_rules_dir, load
from interceptor.rules.values import account, host, number, number_range
from interceptor.schema import Action, Kind

GOOD = """\
schema: 1
half_life: 12h
lists:
  - list: bait
    match: prefix
    items: [{value: "+88299", expires: 2027-01-31, source: analyst, reason: callback bait}]
  - {list: limited}
macros:
  - {macro: fresh, condition: tenure <= 30d}
texts:
  - {text: brand, patterns: [银行], regex: ["卡号.{0,6}失效"]}
features:
  - {feature: strangers_1h, distinct: callee, on: call, where: not known, by: caller, within: 1h}
  - {feature: risky_24h, count: events, on: [call, sms], where: source_score >= 2, by: citizen, within: 24h}
  - {feature: paid_in_1h, sum: amount, on: transfer, by: payee, of: payer, within: 1h}
  - {feature: unread, count: events, on: call, by: imei, within: 1h}
rules:
  - rule: sweeper
    title: Fresh number that sweeps through strangers
    on: call
    condition: strangers_1h >= 20 and fresh and caller not in bait
    evidence: traffic
    score: 3
    list: {to: limited, ttl: 7d}
  - rule: lured-payment
    title: Transfer to a stranger after a risky contact
    on: transfer
    condition: risky_24h >= 1 and amount >= 5_000 and not known
    actions: [delay_24h, warn_3]
  - {rule: pass-through, title: Money that goes on, on: transfer, condition: paid_in_1h >= amount, actions: [stop_48h]}
  - {rule: asleep, title: Asleep, on: call, mode: off, condition: known, actions: [label]}
policies:
  - {policy: call, source: [{score: 6, kinds: 2, actions: [block]}]}
"""


def load_text(folder: Path, text: str) -> object:
    (folder / "rules.yaml").write_text(text, encoding="utf-8")
    return load(folder)


def problems_of(folder: Path, text: str) -> list[tuple[str, str]]:
    """Codes, each with the text that the message points at."""
    with pytest.raises(RulesError) as raised:
        load_text(folder, text)
    return [(problem.code, problem.snippet[problem.column - 1 :]) for problem in raised.value.problems]


def test_reads_a_rule_set(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(GOOD, encoding="utf-8")
    rule_set = load(tmp_path)
    rules = {rule.name: rule for rule in rule_set.rules}
    features = {feature.name: feature for feature in rule_set.features}
    assert set(rules) == {"sweeper", "lured-payment", "pass-through"}
    assert rules["sweeper"].stage == "source"
    assert rules["lured-payment"].stage == "target"
    assert rules["lured-payment"].actions == Action.DELAY_24H | Action.WARN_3
    assert features["paid_in_1h"].stage == "target"
    assert features["strangers_1h"].readers == {Kind.CALL}
    assert "unread" not in features
    assert rule_set.half_life_ms == 12 * 3_600_000
    assert rule_set.policies[Kind.CALL].source[0].kinds == 2


def test_order_of_files_has_no_meaning(tmp_path: Path) -> None:
    head, _, rest = GOOD.partition("rules:\n")
    for name, parts in (("one", (head, "schema: 1\nrules:\n" + rest)), ("two", ("schema: 1\nrules:\n" + rest, head))):
        (tmp_path / name).mkdir()
        for index, part in enumerate(parts):
            (tmp_path / name / f"{index}.yaml").write_text(part, encoding="utf-8")
    assert load(tmp_path / "one").hash == load(tmp_path / "two").hash


def test_extra_lists_add_items(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(GOOD, encoding="utf-8")
    side = tmp_path / "limited.csv"
    side.write_text("# exported\n+86 170 5550 0001,2027-01-31,police,case 12\n8617055500002\n", encoding="utf-8")
    (found,) = load(tmp_path, [side]).definitions.lists["limited"].sides
    assert len(found) == 2
    assert (entry := found.entries.entry(8617055500001, 1_700_000_000_000)) is not None
    assert (entry.source, entry.reason) == ("police", "case 12")
    assert found.entries.entry(8617055500002, 1_700_000_000_000) is not None


@pytest.mark.parametrize(
    ("old", "new", "code", "points_at"),
    [
        ("schema: 1", "schema: 2", "bad-value", "2"),
        ("title: Asleep, ", "", "missing-key", "{rule: asleep"),
        ("title: Asleep", "titel: Asleep", "unknown-key", "titel:"),
        ("fresh and caller", "frsh and caller", "unknown-name", "frsh and"),
        ("amount >= 5_000", "amount >= 5d", "wrong-unit", "5d and not"),
        ("by: imei", "by: payee", "bad-key", "payee"),
        ("[stop_48h]", "[stop]", "bad-value", "stop]"),
        ("to: limited", "to: limitd", "unknown-list", "limitd"),
        ("to: limited", "to: bait", "wrong-type", "bait"),
        ("by: citizen, within: 24h", "by: citizen, within: 24", "bad-value", "24}"),
        ("by: citizen, within: 24h", "by: citizen, within: 024", "mangled-value", "024}"),
        ("title: Asleep", "title: no", "mangled-value", "no,"),
        ("- rule: lured-payment", "- rule: sweeper", "defined-twice", "rule: sweeper"),
        ("macro: fresh", "macro: tenure", "name-taken", "{macro: tenure"),
        ('"+88299"', '"+88x99"', "bad-value", '{value: "+88x99"'),
        ("    score: 3\n", "    score: 3\n    score: 4\n", "duplicate-key", "score: 4"),
        ("title: Money", "title: &a Money", "yaml-alias", "&a Money"),
        ("title: Money", "title: !!python/name Money", "yaml-tag", "!!python"),
        ("condition: known", "condition: kn\u202eown", "bidirectional-control", "\u202eown"),
        ("half_life: 12h", "half_life: [[[[[[[[[[[[[12h]]]]]]]]]]]]]", "too-deep", "[[12h]"),
        ("lists:", "lists: [", "yaml-bracket", "["),
        ("on: call\n    condition: strangers", "on: sms\n    condition: strangers", "unknown-name", "caller not in"),
        ("    evidence: traffic\n", "", "bad-value", "rule: sweeper"),
        ("actions: [delay_24h, warn_3]", "actions: []", "bad-value", "rule: lured-payment"),
        ("regex: [", "regex: 3, x: [", "wrong-type", "3, x"),
    ],
)
def test_refuses(tmp_path: Path, old: str, new: str, code: str, points_at: str) -> None:
    assert old in GOOD
    found = problems_of(tmp_path, GOOD.replace(old, new, 1))
    assert any(code == its_code and text.startswith(points_at) for its_code, text in found), found


def test_the_target_stage_cannot_block_calls(tmp_path: Path) -> None:
    text = GOOD + "  - {policy: sms}\n"
    text = text.replace(
        "on: transfer\n    condition: risky_24h >= 1 and amount >= 5_000", "on: call\n    condition: risky_24h >= 1"
    )
    assert [code for code, _ in problems_of(tmp_path, text)] == ["wrong-stage"]


def test_all_problems_of_all_files_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("schema: 1\nrulez: []\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("schema: 1\nlists: 3\n", encoding="utf-8")
    with pytest.raises(RulesError) as raised:
        load(tmp_path)
    text = str(raised.value)
    assert "a.yaml:2:1: error[unknown-key]" in text
    assert "did you mean rules?" in text
    assert "b.yaml:2:8" in text


def test_a_message_cannot_steer_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(RulesError) as raised:
        load_text(tmp_path, 'schema: 1\n"a\\e[31mb": 1\n')
    assert "\x1b" not in str(raised.value)


def test_the_shipped_rules_load() -> None:
    rule_set = load(default_rules_dir())
    assert len({rule.ref for rule in rule_set.rules}) >= 24
    assert {"X01", "X02"} <= {rule.ref for rule in rule_set.rules}
    assert all(rule.title and rule.why for rule in rule_set.rules)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (number, "+86 139-0554-1234", 8613905541234),
        (number, "95588", 95588),
        (account, "0x10", 16),
        (host, "ICBC.com.cn.", "icbc.com.cn"),
        (host, "工行.cn", "xn--estv75g.cn"),
        (number_range, "+8617000000000..+8617099999999", (8617000000000, 8617099999999)),
    ],
)
def test_values(parse: object, text: str, value: object) -> None:
    assert parse(text) == value  # type: ignore[operator]


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (number, "110a"),
        (number, "0554"),
        (number, ""),
        (account, "0"),
        (host, "a b"),
        (host, ""),
        (number_range, "5..3"),
    ],
)
def test_refused_values(parse: object, text: str) -> None:
    with pytest.raises(ValueError, match=r" is no |larger"):
        parse(text)  # type: ignore[operator]
