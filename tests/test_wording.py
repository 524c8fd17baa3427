"""Near-equal texts: sketches and groups against slow models; what stays together and what doesn't.

Enters: scam texts and adverts as they are varied, random texts. Leaves: equal wordings. Invariant: however the stream
is cut.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.config import WORDING_KEPT_MS, Limits
from interceptor.engine import Engine
from interceptor.folding import fold, fold_one, strings_of
from interceptor.rules import RuleSet, load
from interceptor.schema import Kind
from interceptor.simhash import CHARACTERS_MIN, sketches
from interceptor.wording import BITS_MAX, PLACES, Wordings
from tests.kernel_models import NOON_MS, cuts
from tests.reference_texts import Founders, sketch
from tests.streams import START_MS, Numbered, frame

LURE = (
    "尊敬的用户，您的积分已满，请于今日内登录我行手机网站兑换现金礼包，逾期未兑换的积分将自动清零，"
    "详情请咨询当地网点，感谢您一直以来的支持"
)
LOAN = "本公司专业办理个人信用贷款，无需抵押当天放款，利息低额度高，名下有房有车均可办理，欢迎来电咨询"
COURT = "您有一张法院传票尚未领取，案件编号已登记在案，请立即联系经办人员核实身份，否则将依法强制执行"
Message = tuple[str, int, bool]  # text, ms after the start, founding


def wordings(
    messages: list[Message], places_max: int = 4096, batches: list[tuple[int, int]] | None = None
) -> list[int]:
    return _run(Wordings(places_max), messages, batches or [(0, len(messages))])


def _run(groups: Wordings, messages: list[Message], batches: list[tuple[int, int]]) -> list[int]:
    found: list[int] = []
    for start, stop in batches:
        part = messages[start:stop]
        ts_ms = np.array([NOON_MS + after_ms for _, after_ms, _ in part], np.int64)
        founding = np.array([founding for _, _, founding in part], np.bool_)
        found += groups.apply(sketches(fold(strings_of([text for text, _, _ in part]))), ts_ms, founding).tolist()
    return found


def at_once(*texts: str) -> list[int]:
    return wordings([(text, i, True) for i, text in enumerate(texts)])


VARIANTS = {
    "symbols": LURE.replace("，", "★，~").replace("兑换", "兑-换"),
    "digits": LURE + "编号 88217",
    "link": LURE + " https://a.example/x1",
    "letters": "VX" + LURE.replace("网站", "网 zz 站"),
    "traditional": LURE.replace("积分", "積分").replace("兑换现金", "兌換現金"),
    "name": "王先生" + LURE,
    "polite": LURE.replace("尊敬的用户", "您好"),
    "farewell": LURE.replace("感谢您一直以来的支持", "祝您生活愉快"),
    "a character less": LURE.replace("详情请咨询", "详情咨询"),
}


@pytest.mark.parametrize("how", VARIANTS)
def test_variants_of_a_text_stay_together(how: str) -> None:
    first, second = at_once(LURE, VARIANTS[how])
    assert first == second != 0


def test_different_texts_part() -> None:
    half = LURE[: len(LURE) // 2] + LOAN[len(LOAN) // 2 :]
    found = at_once(LURE, LOAN, COURT, half)
    assert len(set(found)) == 4
    assert 0 not in found


def test_short_texts_have_none() -> None:
    text = LOAN.replace("，", "")
    assert at_once(text[: CHARACTERS_MIN - 1], "ok 123 " * 30, "") == [0, 0, 0]
    assert at_once(text[:CHARACTERS_MIN] + "abc") != [0]


def test_a_group_lives_on_from_its_last_text() -> None:
    late = WORDING_KEPT_MS
    messages = [(LURE, 0, True), (VARIANTS["name"], late, True), (LURE, 2 * late, True)]
    assert len(set(wordings(messages))) == 1
    # Then all that is near is too old by a ms: a group of the same text is another one, if its founder is.
    messages += [(VARIANTS["polite"], 3 * late + 1, True), (LURE, 3 * late + 2, True)]
    found = wordings(messages)
    assert found[3] == found[4] == at_once(VARIANTS["polite"])[0] != found[0]


def test_who_leaves_no_trace_founds_nothing_and_keeps_nothing_alive() -> None:
    messages = [(LURE, 0, False), (LURE, 1, True), (LURE, WORDING_KEPT_MS, False), (LURE, 2, False)]
    found = wordings([*messages, (VARIANTS["polite"], WORDING_KEPT_MS + 2, True)])
    assert found[0] == 0
    assert found[1] == found[2] == found[3] != 0
    assert found[4] not in (0, found[1])


def test_the_nearest_founder_is_joined() -> None:
    """Two founders, both near enough: far apart from each other only by what is changed in both directions."""
    near = [text for text in _steps(LURE, COURT) if 0 < _bits(text, LURE) <= BITS_MAX]
    far = next(text for text in _steps(LURE, COURT) if _bits(text, LURE) > BITS_MAX and _bits(text, near[-1]) > 0)
    between = next(text for text in near if _bits(text, far) <= BITS_MAX and _bits(text, LURE) != _bits(text, far))
    found = at_once(LURE, far, between)
    assert found[2] == (found[0] if _bits(between, LURE) < _bits(between, far) else found[1])


def _steps(one: str, other: str) -> list[str]:
    return [other[:count] + one[count:] for count in range(1, min(len(one), len(other)))]


def _bits(one: str, other: str) -> int:
    return (sketch(fold_one(one))[0] ^ sketch(fold_one(other))[0]).bit_count()


# Few characters: texts that are near one another in all degrees.
near_texts = st.builds(
    lambda base, at, change: base[:at] + change + base[at:],
    st.sampled_from([LURE, LOAN, COURT, LURE[:30], LOAN[:20], LOAN[:CHARACTERS_MIN], "好" * 40]),
    st.integers(0, 60),
    st.text("王李先生您好的𠮷é7 a", max_size=8),
)


@given(st.lists(st.one_of(near_texts, st.text(max_size=40)), min_size=1, max_size=8))
def test_sketches_are_those_of_the_model(texts: list[str]) -> None:
    folded = fold(strings_of(texts))
    for row, found in zip(range(len(texts)), sketches(folded).view(np.uint64).tolist(), strict=True):
        simhash, anchors = sketch(folded[row])
        assert found[0] == simhash
        assert sorted(anchor for anchor in found[1:] if anchor) == sorted(anchors)


messages_drawn = st.lists(
    st.tuples(
        near_texts,
        st.sampled_from([0, 1, 1000, WORDING_KEPT_MS // 2, WORDING_KEPT_MS, WORDING_KEPT_MS + 1]),
        st.booleans(),
    ),
    max_size=30,
)


@given(
    st.sampled_from([PLACES, 2 * PLACES, 4096]), messages_drawn.flatmap(lambda m: st.tuples(st.just(m), cuts(len(m))))
)
def test_groups_are_those_of_the_model(places_max: int, drawn: tuple[list[Message], list[tuple[int, int]]]) -> None:
    messages, batches = drawn
    groups, model = Wordings(places_max), Founders(lines=places_max // PLACES)
    assert _run(groups, messages, batches) == [
        model.wording(fold_one(text), NOON_MS + after_ms, founding) for text, after_ms, founding in messages
    ]
    assert groups.evicted == model.evicted


def test_many_texts_in_a_small_table() -> None:
    chance = np.random.default_rng(3)
    bases = ["".join(map(chr, chance.integers(0x4E00, 0x9000, 40))) for _ in range(60)]
    messages = [
        (bases[base][:-1] + "谢您" * int(extra), int(row) * 60_000, bool(founding))
        for row, (base, extra, founding) in enumerate(chance.integers(0, (60, 2, 5), (1500, 3)))
    ]
    groups, model = Wordings(32 * PLACES), Founders(lines=32)
    found = _run(groups, messages, [(0, 700), (700, 701), (701, 1500)])
    assert found == [model.wording(fold_one(text), NOON_MS + ms, founding) for text, ms, founding in messages]
    assert groups.evicted == model.evicted > 100


@pytest.mark.parametrize("places_max", [0, -1, PLACES - 1])
def test_a_cap_must_make_sense(places_max: int) -> None:
    with pytest.raises(ValueError, match="places_max"):
        Wordings(places_max)


def rules(folder: Path, feature: str, condition: str) -> RuleSet:
    lines = ["schema: 1", "lists:", "  - {list: waves, match: exact, of: number}"]
    lines += ["features:", f"  - {{feature: f, {feature}, on: sms, within: 1h}}"]
    lines += ["rules:", f"  - {{rule: r, title: t, on: sms, condition: {condition}, evidence: text, score: 1}}"]
    (folder / "rules.yaml").write_text("\n".join(lines), "utf-8")
    return load(folder)


@pytest.mark.parametrize(
    ("feature", "condition", "needed"),
    [
        ("count: events, by: wording", "f >= 2", True),
        ("count: events, by: source, of: wording", "f >= 2", True),
        ("distinct: wording, by: sender", "f >= 2", True),
        ("count: events, where: wording in waves, by: sender", "f >= 2", True),
        ("count: events, by: shape", "wording in waves or f >= 2", True),
        ("count: events, by: wording", "registered", False),  # nobody reads the window
        ("count: events, by: shape", "f >= 2", False),
    ],
)
def test_groups_are_made_where_they_are_needed(tmp_path: Path, feature: str, condition: str, needed: bool) -> None:
    assert rules(tmp_path, feature, condition).needs("wording") is needed


def test_engine_hits_the_third_near_equal_text_and_counts_what_it_evicts(tmp_path: Path) -> None:
    rule_set, numbered = rules(tmp_path, "count: events, by: wording", "f >= 3"), Numbered()
    texts = [*list(VARIANTS.values())[:4], LOAN, COURT, "ok", "ok", "ok"]
    events = [numbered.event(Kind.SMS, START_MS + i, text=text) for i, text in enumerate(texts)]
    decisions = Engine(rule_set).decide(frame([numbered.event(Kind.CALL, START_MS), *events]))
    assert decisions.hit_row.tolist() == [3, 4]
    engine = Engine(rule_set, Limits(wording_places_max=PLACES))
    others = ["".join(chr(0x5000 + 100 * i + j) for j in range(20)) for i in range(PLACES + 1)]
    engine.decide(frame([numbered.event(Kind.SMS, START_MS, text=text) for text in others]))
    assert engine.counters["evicted"] == 1
