"""`interceptor rules texts`: reading the table, what is assumed of a message, and what is counted.

Enters: small tables and small rule sets, and the shipped rules with texts written for this test. Leaves: nothing.
Invariant: a message is judged by its words, whatever else stands in the file.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.schema import Verdict
from interceptor.tuning import texts as module
from interceptor.tuning.texts import BadTexts, Labelled, host_of, judge, main, read_texts, tally

HEADER = "class\tsource_label\ttext\n"
RULES = """\
schema: 1
half_life: 24h
texts:
  - {text: bait, patterns: ["返利"]}
  - {text: trouble, patterns: ["失效"]}
features:
  - {feature: like_it_24h, distinct: sender, on: sms, by: shape, within: 24h}
  - {feature: same_link_24h, distinct: sender, on: sms, where: has_link, by: link, within: 24h}
rules:
  - {rule: marked, title: t, why: w, on: sms, version: 1, mode: live, condition: bait, evidence: text, actions: [label],
     reason: r, remedy: r}
  - {rule: stopped, title: t, why: w, on: sms, version: 1, mode: live, condition: trouble and has_link, evidence: text,
     actions: [block], reason: r, remedy: r}
  - {rule: warned, title: t, why: w, on: sms, version: 1, mode: live, condition: same_link_24h >= 2, evidence: site,
     actions: [warn_1], reason: r, remedy: r}
  - {rule: many, title: t, why: w, on: sms, version: 1, mode: live, condition: like_it_24h >= 2, evidence: traffic,
     actions: [block], reason: r, remedy: r}
  - {rule: suspect, title: t, why: w, on: sms, version: 1, mode: live, evidence: identity, actions: [block],
     condition: registered or known or roamer or lac_jump or tenure < 365d or host_age < 90d or line_kind != "mobile",
     reason: r, remedy: r}
  - {rule: watched, title: t, why: w, on: sms, version: 1, mode: shadow, condition: not bait, evidence: text,
     actions: [block], reason: r, remedy: r}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "all.yaml").write_text(RULES, "utf-8")
    return folder


def written(tmp_path: Path, content: str | bytes) -> Path:
    file = tmp_path / "texts.tsv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def numbered(*texts: str) -> list[Labelled]:
    return [Labelled(line, "some", text) for line, text in enumerate(texts, start=2)]


def counts(file: Path, rules: Path | None, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, int]]:
    assert main(file, rules, None, as_json=True) == 0
    found: dict[str, dict[str, int]] = json.loads(capsys.readouterr().out)
    return found


def test_counts_by_class(tmp_path: Path, rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["scam\ta\t刷单返利", "scam\ta\t卡已失效 URL", "scam\tb\t卡已失效", "normal\tc\t晚上吃什么"]
    found = counts(written(tmp_path, HEADER + "\n".join(rows) + "\n"), rules, capsys)
    assert found == {"scam": {"n": 3, "flagged": 2, "blocked": 1}, "normal": {"n": 1, "flagged": 0, "blocked": 0}}
    assert list(found) == ["scam", "normal"]


def test_only_the_text_speaks(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text and link twenty times: alone in an engine, windows see one; together, they see them all."""
    texts = numbered(*["老朋友们周末一起去爬山吧 www.same.com"] * 20)
    assert not any(one.flagged for one in judge(texts, load(rules)))
    monkeypatch.setattr(module, "ENGINES_MAX", 1)
    assert any(one.flagged for one in judge(texts, load(rules)))


def test_like_openings_are_dealt_to_different_engines(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENGINES_MAX", 4)
    waves = [f"{'甲乙丙丁'[i % 4]}组的朋友们周末一起去爬山吧 {i}" for i in range(16)]
    judged = list(judge(numbered(*waves), load(rules)))
    assert len(judged) == 16
    assert not any(one.flagged for one in judged)


def test_a_warning_is_a_flag(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENGINES_MAX", 1)
    judged = {one.of.line: one for one in judge(numbered("a www.same.com", "b www.same.com"), load(rules))}
    assert [judged[line].flagged for line in (2, 3)] == [False, True]
    assert judged[3].verdict == Verdict.PASS
    assert set(judged[3].rules) == {"warned"}


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("看 https://Abc-1.example.com/x?y 吧", "abc-1.example.com"),
        ("登录www.icbcz.cc更新", "www.icbcz.cc"),
        ("请登录abcz.com/x", "abcz.com"),
        ("戳 t.cn/Rabc 领取", "t.cn"),
        ("请进URL领取", "link-7.example"),
        ("3.5折,下午2.30见", ""),
        ("Ok.lar.see you later.com on", "later.com"),
        ("写给 curl 的信", ""),
    ],
)
def test_where_a_link_leads(text: str, host: str) -> None:
    assert host_of(text, 7) == host


def test_columns_go_by_name_and_all_lines_are_read(tmp_path: Path) -> None:
    content = "\ufefftext\tid\tclass\tsource_label\r\n卡已失效\x0b一\u2028二\t1\tscam\tx\r\n“你好\t2\tnormal\ty"
    assert read_texts(written(tmp_path, content)) == [
        Labelled(2, "scam", "卡已失效\x0b一\u2028二"), Labelled(3, "normal", "“你好"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "texts.tsv:1: no column class, source_label, text"),
        (b"class\ttext\nscam\tx\n", "texts.tsv:1: no column source_label"),
        (b"class\tclass\tsource_label\ttext\n", "no column class, or more than one"),
        (HEADER.encode(), "there is no message in it"),
        (HEADER.encode() + b"scam\ta\tx\nscam\ta\n", "texts.tsv:3: 2 fields, the first line has 3"),
        (HEADER.encode() + b"scam\ta\tx\ty\n", "texts.tsv:2: 4 fields"),
        (HEADER.encode() + b"scam\ta\tx\n\nscam\ta\ty\n", "texts.tsv:3: 1 fields"),
        (HEADER.encode() + b"scam\ta\tab\xff\n", "texts.tsv:2: byte 10 of the line isn't UTF-8"),
        (HEADER.encode() + b" \ta\tx\n", "texts.tsv:2: the class is missing"),
        (HEADER.encode() + b"scam\ta\t \n", "texts.tsv:2: the text is missing"),
        (HEADER.encode() + b"x\n" * 12, "… and 2 more such lines"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(BadTexts) as caught:
        read_texts(written(tmp_path, content))
    assert message in str(caught.value)


def test_problems_become_exit_codes(tmp_path: Path, rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, HEADER + "scam\ta\tx\n")
    assert main(tmp_path / "none.tsv", rules, None, as_json=False) == 2
    assert "none.tsv: can't be read" in capsys.readouterr().err
    assert main(file, rules, "scamm", as_json=False) == 2
    assert "did you mean scam?" in capsys.readouterr().err
    assert main(file, rules, "scam", as_json=True) == 2
    (rules / "all.yaml").write_text("schema: 1\nrules: 3\n", "utf-8")
    assert main(file, rules, None, as_json=False) == 78


def test_shown_texts_name_rule_and_words_and_cannot_steer_the_terminal(
    tmp_path: Path, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, HEADER + "scam\ta\t返[/x]利\x1b[31m返利\nscam\ta\t早\nnormal\ta\t返利\n")
    assert main(file, rules, "scam", as_json=False) == 0
    out = capsys.readouterr().out
    assert "line 2  label" in out
    assert "marked  bait: 返利" in out
    assert "\x1b" not in out
    assert "[/x]" in out
    assert "line 3" not in out
    assert "line 4" not in out


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return load(default_rules_dir())


# Written for this test, in words that none of the rules' own tests use.
SCAMS = """\
【交通银行】您的手机银行因资料未更新将于今日停用,请登录 URL 完善身份信息
中国移动:您的积分可兑换现金 268 元,今日过期,请点击 URL 领取
恭喜您的手机号被抽选为场外幸运观众,获得奖金及笔记本电脑,请登录 URL 填写领奖码
您好,款打到我这张农行卡 6228480402564890018,户名李芳
抱歉,您乘坐的航班因机械故障已取消,退票或改签请致电客服 CELLPHONE
私募老师建群带单,每天一只涨停牛股,加微信 gupiao168
老同学,上次聚会的照片我传好了,你看看 URL
您的支付宝账户已被冻结,请点击 URL 解除
生育补贴 3000 元待领取,请登录 URL 申领
您名下的校园贷账户未注销将影响征信,请联系客服 CELLPHONE
""".splitlines()
ORDINARY = """\
【工商银行】验证码 338821,您正在登录手机银行,如非本人操作请致电 95588
妈,我手机换号了,以后打这个
晚上聚会的照片我发群里了
您尾号 3301 的建行卡 5 月 2 日支出 120.00 元,余额 3,312.50 元
【中国移动】本月流量已用 80%,点击 URL 订购加油包,回 TD 退订
快递放在门卫了,取件码 3-2-118
会员日全场八折,积分双倍,加微信 lily520 预约,退订回T
公安提醒:凡是让你转账到安全账户的都是诈骗,请勿点击陌生链接
王总,合同已发您邮箱,请查收
you have won a prize in our draw, call now to claim
""".splitlines()


def test_scams_are_flagged_and_ordinary_messages_are_not(shipped: RuleSet) -> None:
    texts = [Labelled(line, "scam", text) for line, text in enumerate(SCAMS, start=2)]
    texts += [Labelled(line, "ordinary", text) for line, text in enumerate(ORDINARY, start=2 + len(SCAMS))]
    judged = list(judge(texts, shipped))
    missed = [one.of.text for one in judged if one.of.kind == "scam" and not one.flagged]
    wrong = [one.of.text for one in judged if one.of.kind == "ordinary" and one.flagged]
    assert (missed, wrong) == ([], [])
    assert tally(judged)["ordinary"].counts == {"n": 10, "flagged": 0, "blocked": 0}
