"""What is read of texts: the same whatever is remembered, however they come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.batch import Strings
from interceptor.folding import fold, fold_hosts, strings_of
from interceptor.lists import host_hash
from interceptor.patterns import PatternDatabase, PatternSet
from interceptor.reading import TEXT_BYTES, Aspect, Reader, Reading
from interceptor.remembering import Memory
from interceptor.simhash import sketches

SETS = [
    PatternSet("card", ("银行卡",), ("卡号.{0,6}失效", r"[0-9]{6}"), of_host=False),
    PatternSet("ends", (), ("^退订|[^甲]$",), of_host=False),
    PatternSet("bank_host", ("icbc",), (r"bank.*\.top$",), of_host=True),
]
WORDS = PatternDatabase(SETS)
ALL = Aspect.SETS | Aspect.LIKENESS
LONG = "您的积分已满请于今日内登录我行手机网站兑换现金礼包" * 4
TEXTS = st.sampled_from(
    ["", "a", "甲", "卡号已失效", "退订", "１２３４５６", "银行卡" * 9, LONG, LONG + "1", "x" * TEXT_BYTES]
)
HOSTS = st.sampled_from(["", "icbc.cn", "lcbc.cn", "bank-a.top", "bank.top.cn", "a" * 70])
MANY = st.one_of(TEXTS, st.text(max_size=12))


def as_read_alone(strings: Strings, rows: np.ndarray) -> dict[str, list[object]]:
    folded = fold(strings, rows)
    found = WORDS.scan(folded, of_host=False)
    return {
        "disguised": folded.disguised.tolist(),
        "shape": folded.shape.tolist(),
        "sketches": sketches(folded).tolist(),
        "card": found["card"].tolist(),
        "ends": found["ends"].tolist(),
    }


def told(reading: Reading) -> dict[str, list[object]]:
    looks = {name: getattr(reading, name).tolist() for name in ("disguised", "shape", "sketches")}
    return looks | {name: reading.has(name).tolist() for name in ("card", "ends")}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(MANY, max_size=12), min_size=1, max_size=6), st.sampled_from([0, 2_000, 1 << 20]))
def test_messages_are_read_as_each_alone(batches: list[list[str]], bytes_max: int) -> None:
    """With room for one text, for a few, and for all."""
    reader = Reader(WORDS, False, bytes_max)
    for texts in batches:
        strings, rows = strings_of(texts), np.arange(len(texts), dtype=np.int32)[::-1].copy()
        assert told(reader.read(strings, rows, ALL)) == as_read_alone(strings, rows)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.one_of(HOSTS, st.text("abcn.-", max_size=9)), max_size=12), min_size=1, max_size=4))
def test_hosts_are_read_as_each_alone(batches: list[list[str]]) -> None:
    reader = Reader(WORDS, True, 1 << 16)
    for hosts in batches:
        strings, rows = strings_of(hosts), np.arange(len(hosts), dtype=np.int32)
        reading = reader.read(strings, rows, Aspect.SETS)
        assert reading.link.tolist() == host_hash(strings).tolist()
        found = WORDS.scan(fold_hosts(strings), of_host=True)["bank_host"]
        assert reading.has("bank_host").tolist() == found.tolist()


def test_what_is_asked_for_later_is_read_of_texts_that_were_read_before() -> None:
    reader, strings, rows = (
        Reader(WORDS, False, 1 << 20),
        strings_of(["卡号已失效", LONG]),
        np.arange(2, dtype=np.int32),
    )
    assert not reader.read(strings, rows, Aspect.LOOKS).aspects & ALL
    for aspects in (Aspect.LIKENESS, Aspect.SETS, Aspect.LOOKS):
        reading = reader.read(strings, rows, aspects)
        assert reading.aspects & aspects == aspects
    assert told(reading) == as_read_alone(strings, rows)


def test_a_row_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError):
        Reader(WORDS, False, 1 << 20).read(strings_of(["a"]), np.array([1], np.int32), ALL)


def asked(memory: Memory, texts: list[str], answers: np.ndarray) -> list[int]:
    strings = strings_of(texts)
    offsets = strings.offsets.astype(np.int64)
    return memory.recall(strings.data, offsets[:-1], offsets[1:], answers).tolist()


def test_equal_texts_are_asked_about_once() -> None:
    memory, answers = Memory(16, 1, 1 << 16), np.zeros((5, 1), np.int64)
    assert asked(memory, ["a", "b", "a", "a" * 17, "a" * 17], answers) == [0, 1, 3, 4]  # long ones aren't remembered
    memory.keep(np.array([[10], [11], [12], [13]]), answers)
    assert answers[:, 0].tolist() == [10, 11, 10, 12, 13]
    answers[:] = 0
    assert asked(memory, ["b", "c", "a", "a" * 17, "b"], answers) == [1, 3]
    memory.keep(np.array([[20], [21]]), answers)
    assert answers[:, 0].tolist() == [11, 20, 10, 21, 11]


def test_a_question_that_got_no_answer_is_asked_again() -> None:
    memory, answers = Memory(16, 1, 1 << 16), np.zeros((1, 1), np.int64)
    assert asked(memory, ["a"], answers) == [0]
    assert asked(memory, ["a"], answers) == [0]
