"""The quick way to read JSON events and the slow one: the same frame, the same refusals.

Enters: messages that are plain, odd, mutated and hostile. Leaves: assertions. Invariant: the slow way is the judge.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interceptor.schema import Kind
from interceptor.transport.edge.json_events import lines_in, read_events, read_joined
from interceptor.transport.edge.json_fields import FEN_MAX, FIELDS, LATEST_MS, VOCABULARIES
from interceptor.transport.edge.json_judge import Read, read_slowly
from interceptor.transport.edge.json_plain import read_plain
from interceptor.transport.edge.json_refusals import MESSAGE_BYTES_MAX
from interceptor.transport.fitness import TEXT_BYTES_MAX

NOON_MS = 1_767_578_400_000
SMS = {"kind": "sms", "ts": NOON_MS, "sender": "106", "receiver": "95588"}

_TIMES = st.one_of(
    st.integers(NOON_MS - 10**10, NOON_MS + 10**8),
    st.datetimes().map(lambda one: one.isoformat() + "Z"),
    st.builds(
        "{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format, st.sampled_from([1999, 2000, 2024, 2026, 2099, 2100]),
        st.integers(0, 13), st.integers(0, 32), st.integers(0, 24), st.integers(0, 60), st.integers(0, 60),
        st.sampled_from(["", ".5", ".123", ".999999", ".1234567", "."]),
        st.sampled_from(["Z", "+08:00", "-00:30", "+24:00", "", "z", "+0800", "+23:59"]),
    ),
)  # fmt: skip
_WHOLE = st.one_of(
    st.integers(-2, 2**65),
    st.sampled_from([0, -1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, FEN_MAX, FEN_MAX + 1, -FEN_MAX, -FEN_MAX - 1]),
    st.sampled_from([2**63 - 1, 2**63, 2**64 - 1, 2**64, LATEST_MS, LATEST_MS - 1]),
)
_WORDS = st.sampled_from([word.name.lower() for words in (Kind, *VOCABULARIES.values()) for word in words])
_PHONES = st.text("+0123456789 -()", max_size=22)
_HOSTS = st.text("abcXYZ.-_0189é:/ ", max_size=12)
_ANY = st.one_of(
    _WHOLE, _WORDS, _PHONES, _HOSTS, _TIMES, st.booleans(), st.none(), st.floats(), st.text(max_size=12),
    st.text(st.characters(exclude_categories=[]), max_size=4),
)  # fmt: skip
_FITTING = {
    "ts": _TIMES, "ingest_ts": _TIMES, "ts_ms": _TIMES, "ingest_ts_ms": _TIMES, "text": st.text(max_size=40),
    "host": _HOSTS, "site": _HOSTS, "caller": _PHONES, "callee": _PHONES,
}  # fmt: skip


def _fitting(name: str, column: str, type_: Any) -> st.SearchStrategy[Any]:
    if name in _FITTING:
        return _FITTING[name]
    if column in VOCABULARIES:
        return st.sampled_from([word.name.lower() for word in VOCABULARIES[column]])
    return st.booleans() if type_ is bool else st.one_of(st.integers(0, 200), st.integers(0, 200), _WHOLE, _PHONES)


@st.composite
def _objects(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Names and values, some of them twice or of another kind."""
    kind = draw(st.sampled_from(list(Kind)))
    fields = FIELDS[kind]
    columns = {field.name: field.column for field in fields} | {"kind": "kind"}
    needed = {"ts": NOON_MS, "source": 8617000000001, "target": 8613900139000}
    pairs: list[tuple[str, Any]] = [("kind", kind.name.lower())]
    pairs += [(name, value) for name, value in needed.items() if draw(st.integers(0, 19))]
    for field in draw(st.lists(st.sampled_from(fields), max_size=6, unique=draw(st.integers(0, 5)) > 0)):
        given_as = {columns[name] for name, _ in pairs}
        if field.column not in given_as or not draw(st.integers(0, 9)):
            is_fit = draw(st.integers(0, 19)) > 0
            pairs.append((field.name, draw(_fitting(field.name, field.column, field.type) if is_fit else _ANY)))
    if not draw(st.integers(0, 19)):
        pairs.append((draw(st.sampled_from(["x", "", "Town", "dur_s", "text", "kind", "kin\u0000"])), draw(_ANY)))
    return draw(st.permutations(pairs))


@st.composite
def _messages(draw: st.DrawFn) -> bytes:
    """As somebody might write such an object."""
    comma, colon, edge = (draw(st.sampled_from(["", "", " ", "\t\r\n "])) for _ in range(3))
    is_ascii = draw(st.booleans())
    parts = [
        f"{json.dumps(name)}{edge}:{colon}{json.dumps(value, ensure_ascii=is_ascii)}"
        for name, value in draw(_objects())
    ]
    text = edge + "{" + edge + f"{edge},{comma}".join(parts) + edge + "}" + edge
    return text.encode("utf-8", "surrogatepass")


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    message = bytearray(draw(_messages()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(message) - 1, 0)))
        size = draw(st.integers(0, 3))
        scrap = [
            b"", b'"', b"\\", b"{", b"}", b":", b",", b" ", b"0", b"-", b"e5", b".5", b"true", b"null", b"[", b"/*",
            b"\x00", b"\xff", b"\x7f", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf0\x9f\x98\x80", b"\xf4\x90\x80\x80",
            b"\xe0\x80\x80", b"\xef\xbb\xbf", b"\\u00e9", b"\\ud83d\\ude00", b"\\ud800", b"\\x", b"\\/",
        ]  # fmt: skip
        message[at : at + size] = draw(st.one_of(st.sampled_from(scrap), st.binary(max_size=2)))
    return bytes(message)


def agree(values: list[bytes | None], taken_ms: list[int] | None = None) -> Read:
    """What the quick way says, after the slow one was asked too."""
    ids = np.arange(2**63, 2**63 + len(values), dtype=np.uint64)
    taken = None if taken_ms is None else np.array(taken_ms, np.int64)
    quick, slow = read_events(values, ids, taken), read_slowly(values, ids, taken)
    assert quick.refused == slow.refused
    assert quick.rows.tolist() == slow.rows.tolist()
    assert quick.batch.schema.equals(slow.batch.schema)
    assert quick.batch.to_pylist() == slow.batch.to_pylist()
    quick.batch.validate(full=True)
    return quick


def is_plain(value: bytes) -> bool:
    """Whether the quick way reads it by itself."""
    data = np.frombuffer(value, np.uint8)
    found = read_plain(data, np.array([0]), np.array([len(value)]), np.zeros(1, np.uint64), np.array([-1]))
    return bool(found.sure[0])


@settings(max_examples=300)
@given(
    st.lists(st.one_of(_messages(), _messages(), _mutated(), st.binary(max_size=30), st.none()), max_size=8),
    st.sampled_from([None, -1, NOON_MS, NOON_MS - 86_400_000]),
)
def test_quick_and_slow_agree(values: list[bytes | None], taken_ms: int | None) -> None:
    agree(values, None if taken_ms is None else [taken_ms] * len(values))


@given(st.one_of(st.text(st.characters(exclude_categories=[]), max_size=8), st.text('\\"/bfnrtu0dD8cé😀', max_size=24)))
@example("\\ud83d\\ude00\\ud83d")
@example("\\u0000\\u00e9\\uFFFF")
def test_texts_however_they_are_escaped(inner: str) -> None:
    plain = json.dumps(SMS)[:-1]
    agree([f'{plain}, "text": "{inner}"}}'.encode("utf-8", "surrogatepass")])
    agree([json.dumps(SMS | {"text": inner}).encode()])


@given(st.integers(-(2**70), 2**70) | st.floats(), st.sampled_from(["town", "event_id", "imei", "ts", "tenure_days"]))
def test_numbers_of_any_size(value: float, name: str) -> None:
    agree([json.dumps({"kind": "call", "ts": NOON_MS, "caller": 1, "callee": 2, name: value}).encode()])


@given(_TIMES)
def test_times(ts: int | str) -> None:
    agree([json.dumps({"kind": "call", "ts": ts, "caller": 1, "callee": 2}).encode()])


@pytest.mark.parametrize("year", [2000, 2001, 2023, 2024, 2096, 2099])
def test_each_day_of_a_year(year: int) -> None:
    days = [f"{year}-{month:02}-{day:02}T23:59:59.999Z" for month in range(1, 13) for day in range(1, 32)]
    assert len(agree([json.dumps(SMS | {"ts": day}).encode() for day in days]).rows) in (365, 366)


def test_what_people_usually_write_is_plain() -> None:
    call = {
        "kind": "call",
        "ts": "2026-01-05T10:00:00+08:00",
        "caller": "+86 170 0000 0001",
        "callee": "+8613900139000",
    }
    web = {"kind": "web", "ts": NOON_MS, "visitor": "+8613900139000", "site": "a.example"}
    for event in (
        call, web, call | {"trunk": "sip", "known": True, "event_id": 2**64 - 1}, web | {"host": "b.example"},
        SMS | {"text": "中国银行 😀 \"quoted\"\n"}, {"kind": "transfer", "ts": NOON_MS, "payee": 1, "citizen": 2,
        "balance_fen": -5, "channel": "third_party"},
    ):  # fmt: skip
        for way in ({}, {"ensure_ascii": False}, {"indent": 1}, {"separators": (",", ":")}):
            value = json.dumps(event, **way).encode()  # type: ignore[arg-type]
            assert is_plain(value), value
            assert not agree([value]).refused


def test_lengths() -> None:
    for text in (
        "信" * 21_845,
        "信" * 21_846,
        "a" * TEXT_BYTES_MAX,
        "a" * (TEXT_BYTES_MAX + 1),
        "a" * MESSAGE_BYTES_MAX,
    ):
        agree(
            [json.dumps(SMS | {"text": text}, ensure_ascii=False).encode(), json.dumps(SMS | {"host": text}).encode()]
        )
    agree([b'{"kind":"call","ts":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"ts":' * 50_000, b"9" * 100_000])


def test_a_file_of_lines() -> None:
    good, bad = json.dumps(SMS | {"text": "a"}).encode(), b"{}"
    data = b"\n" + good + b"\r\n\r\n" + bad + b"\n" + good
    starts, ends = lines_in(data)
    assert [data[start:end] for start, end in zip(starts, ends, strict=True)] == [good, bad, good]
    ids = np.arange(3, dtype=np.uint64)
    found, expected = read_joined(data, starts, ends, ids), read_slowly([good, bad, good], ids)
    assert found.batch.equals(expected.batch)
    assert found.refused == expected.refused
    for nothing in (b"", b"\n", b"\r\n", b"\n\n"):
        assert len(lines_in(nothing)[0]) == 0
    assert read_joined(b"", *lines_in(b""), ids[:0]).batch.num_rows == 0


@given(st.binary(max_size=30))
def test_lines_of_anything(data: bytes) -> None:
    starts, ends = lines_in(data)
    lines = [line[:-1] if line.endswith(b"\r") and data else line for line in data.split(b"\n")]
    assert [data[start:end] for start, end in zip(starts, ends, strict=True)] == [line for line in lines if line]
