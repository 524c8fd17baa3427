"""Events as JSON: what is read, what is refused and how it is told, and that nothing is guessed or lost.

Enters: messages as gateways, people and attackers write them. Leaves: assertions on columns and codes. Invariant: what
becomes of a message is the same alone and among others.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.hosts import hash_of_host
from interceptor.rules.fields import fields_of
from interceptor.rules.names import kinds_of
from interceptor.rules.values import parsed
from interceptor.schema import COLUMNS, EVENT_SCHEMA, Channel, Kind, LineKind, Outcome, Subject, Trunk
from interceptor.transport.edge.json_events import read_events
from interceptor.transport.edge.json_fields import EARLIEST_MS, FEN_MAX, LATEST_MS, REQUIRED, VOCABULARIES
from interceptor.transport.edge.json_judge import Read, read_slowly
from interceptor.transport.edge.json_refusals import CODES, MESSAGE_BYTES_MAX
from interceptor.transport.edge.json_writing import to_json_events

CALL = {"kind": "call", "ts": "2026-01-05T10:00:00+08:00", "caller": "+86 170 0000 0001", "callee": "+8613900139000"}
NOON_MS = 1_767_578_400_000  # 10:00 in the city


def read(*values: bytes | None, taken_ms: list[int] | None = None) -> Read:
    ids = np.arange(1, len(values) + 1, dtype=np.uint64)
    return read_events(values, ids, None if taken_ms is None else np.array(taken_ms, np.int64))


def event(**fields: Any) -> dict[str, Any]:
    """The columns of one event that is taken."""
    found = read(json.dumps(fields).encode())
    assert not found.refused, found.refused
    return found.batch.to_pylist()[0]


def code(value: bytes | None) -> str:
    found = read(value)
    assert found.batch.num_rows == 0
    [(row, why)] = found.refused
    assert row == 0
    assert why.code in CODES
    return why.code


def refused(**fields: Any) -> str:
    return code(json.dumps(CALL | fields).encode())


def test_a_call_as_a_person_writes_it() -> None:
    found = event(**CALL, trunk="sip", line_kind="virtual", tenure_days=12, display="+861019500000", roamer=True)
    assert found["kind"] == Kind.CALL
    assert (found["source"], found["target"]) == (8617000000001, 8613900139000)
    assert found["ts_ms"] == found["ingest_ts_ms"] == NOON_MS
    assert (found["trunk"], found["line_kind"]) == (Trunk.SIP, LineKind.VIRTUAL)
    assert (found["display"], found["tenure_days"], found["roamer"]) == (861019500000, 12, True)
    assert (found["town"], found["known"], found["text"], found["host"]) == (0, False, "", "")


def test_what_is_unknown_accuses_nobody() -> None:
    assert event(**CALL)["tenure_days"] == 65_535
    web = {"kind": "web", "ts": NOON_MS, "visitor": "+8613900139000", "site": "a.example"}
    assert event(**web)["host_age_h"] == 2**32 - 1
    assert event(**CALL)["host_age_h"] == 0  # a call has none


@pytest.mark.parametrize(
    ("name", "value", "of"),
    [
        ("source", "+86 139-0554-1234", "number"),
        ("source", "95588", "number"),
        ("source", "6222020000000001", "account"),
        ("source", "6222021234567890123", "account"),
        ("source", "0x1f2e3d4c5b6a7988", "account"),
        ("payer", "6222020000000001", "account"),
    ],
)
def test_a_written_value_is_what_a_list_has_for_it(name: str, value: str, of: str) -> None:
    base = {"kind": "transfer", "ts": NOON_MS, "source": 1, "target": 2}
    assert event(**base | {name: value})[name] == parsed("exact", of, value)


@pytest.mark.parametrize("word", ["alice", "+86 139-0554-1234", "TAOBAO", "中国银行"])
def test_a_written_value_is_what_a_rules_test_has_for_it(word: str) -> None:
    field = fields_of(Kind.SMS)["sender"]
    assert event(kind="sms", ts=NOON_MS, sender=word, receiver="95588")["source"] == field.read(word)
    field = fields_of(Kind.FEEDBACK)["rule"]
    assert event(kind="feedback", ts=NOON_MS, source=1, target=1, rule="my-rule")["rule"] == field.read("my-rule")


def test_a_host_is_its_site_and_the_site_its_host() -> None:
    base = {"kind": "web", "ts": NOON_MS, "visitor": "+8613900139000"}
    for given_as in ({"site": "Bücher.Example."}, {"host": "BÜCHER.example"}, {"source": "bücher.example"}):
        found = event(**base, **given_as)
        assert found["host"] == "xn--bcher-kva.example"
        assert found["source"] == hash_of_host("xn--bcher-kva.example")
    both = event(**base, site="a.example", host="b.example")
    assert (both["source"], both["host"]) == (hash_of_host("a.example"), "b.example")
    about = {"kind": "report", "ts": NOON_MS, "target": 1, "source": "A.example"}
    assert event(**about, subject="site")["source"] == hash_of_host("a.example")
    assert event(**about, subject="number")["source"] != hash_of_host("a.example")


def test_what_a_scammer_chooses_is_no_way_past_the_gate() -> None:
    """A strange number shown or a host that none of the standards allows: the event is decided all the same."""
    for strange in ("anonymous", "0554-123", "+86138x", "１３９", "\u202e1", "<b>", "0" * 40):
        assert event(**CALL | {"caller": strange, "display": strange})["source"] > 0
    sms = {"kind": "sms", "ts": NOON_MS, "sender": "106", "receiver": "+8613900139000"}
    assert event(**sms, host="-X.evil_.example:8080")["host"] == "-x.evil_.example:8080"
    assert event(**sms, host="a" * 3_000)["host"] == "a" * 3_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "no-value"),
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"x" * (10 << 20), "too-large"),
        (b"\xef\xbb\xbf" + json.dumps(CALL).encode(), "not-json"),
        (json.dumps(CALL).encode().replace(b"call", b"c\xffll"), "not-utf8"),
        (json.dumps(CALL).encode("utf-16"), "not-utf8"),
        (json.dumps(CALL).encode()[:-1], "not-json"),
        (json.dumps(CALL).encode() + b" {}", "not-json"),
        (json.dumps(CALL).encode() * 2, "not-json"),
        (json.dumps(CALL | {"tenure_days": float("nan")}).encode(), "not-json"),
        (json.dumps(CALL | {"tenure_days": float("inf")}).encode(), "not-json"),
        (json.dumps(CALL | {"caller": "\ud800"}).encode(), "not-json"),
        (b'{"kind":"call","ts":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
        (b'{"ts":' * 50_000, "too-deep"),
        (b'{"kind":"call","ts":1e400}', "out-of-range"),
        (b'{"kind":"call","caller":' + b"9" * 100_000 + b"}", "out-of-range"),
        (b"[]", "not-an-object"),
        (b"[" + json.dumps(CALL).encode() + b"]", "not-an-object"),
        (b"17", "not-an-object"),
        (b"null", "not-an-object"),
        (b"{}", "unknown-kind"),
        (b'{"kind":0}', "unknown-kind"),
        (b'{"kind":"CALL"}', "unknown-kind"),
        (b'{"kind":["call"]}', "unknown-kind"),
        (b'{"kind":"call"}', "missing-field"),
        (b'{"kind":"call","kind":"sms","ts":1}', "given-twice"),
    ],
)
def test_what_is_no_event_has_a_code(value: bytes | None, expected: str) -> None:
    assert code(value) == expected


def test_fields_that_do_not_fit_have_a_code() -> None:
    assert refused(callee="nobody") == "bad-value"
    assert refused(callee="0554-1234567") == "bad-value"
    assert refused(callee="") == "bad-value"
    assert refused(trunk="SIP") == "bad-value"
    assert refused(trunk=4) == "wrong-type"
    assert refused(known=1) == "wrong-type"
    assert refused(known="true") == "wrong-type"
    assert refused(known=None) == "wrong-type"
    assert refused(town=1.0) == "wrong-type"
    assert refused(town=True) == "wrong-type"
    assert refused(town={}) == "wrong-type"
    assert refused(town=2**32) == "out-of-range"
    assert refused(tenure_days=-1) == "out-of-range"
    assert refused(caller=2**64) == "out-of-range"
    assert refused(caller=-1) == "out-of-range"
    assert refused(caller=10**30) == "out-of-range"
    assert refused(event_id=-1) == "out-of-range"
    assert refused(amount_fen=5) == "unknown-field"
    assert refused(calller="+861") == "unknown-field"
    assert refused(source=1) == "given-twice"
    assert refused(ts_ms=NOON_MS) == "given-twice"
    assert refused(ts="2026-01-05T10:00:00") == "bad-value"  # in which zone?
    assert refused(ts="yesterday") == "bad-value"
    for ts in (0, -1, NOON_MS // 1_000, NOON_MS * 1_000, 2**63, "9999-12-31T23:59:59Z"):
        assert refused(ts=ts) in ("bad-time", "out-of-range")
    assert refused(ingest_ts=-1) == "bad-time"


def test_a_name_twice_is_seen_however_it_is_written() -> None:
    plain = json.dumps(CALL)[:-1]
    assert code((plain + ', "callee": "+8613900139001"}').encode()) == "given-twice"
    assert code((plain + ', "callee" : "+8613900139000"}').encode()) == "given-twice"
    assert code((plain + ', "known": false, "known": true}').encode()) == "given-twice"
    spaced = json.dumps(CALL, separators=(" , ", "  :  ")).encode()
    assert not read(spaced).refused
    sms = {"kind": "sms", "ts": NOON_MS, "sender": "106", "receiver": "95588"}
    for text in ('": ', 'say "x": "y": z', "\\", '\\": "', '{"kind":"call","kind":"sms"}'):
        assert event(**sms, text=text)["text"] == text


def test_one_bad_neighbour_changes_nothing() -> None:
    """Two halves of an event in two messages are no event, and don't become one."""
    good = json.dumps(CALL).encode()
    halves = [good[:40], good[40:], b'{"kind":"call"', b"," + good[1:]]
    found = read(good, *halves, b"{}", None, good)
    assert found.rows.tolist() == [0, 7]
    assert [row for row, _ in found.refused] == [1, 2, 3, 4, 5, 6]
    assert found.batch.column("event_id").to_pylist() == [1, 8]


def test_texts_up_to_64_kib() -> None:
    sms = {"kind": "sms", "ts": NOON_MS, "sender": "106", "receiver": "95588"}
    assert event(**sms, text="信" * 21_845)["text"] == "信" * 21_845
    assert code(json.dumps(sms | {"text": "信" * 21_846}).encode()) == "too-long"
    assert code(json.dumps(sms | {"text": "a" * 65_537}).encode()) == "too-long"
    assert code(json.dumps(sms | {"text": "a" * MESSAGE_BYTES_MAX}).encode()) == "too-large"
    assert code(json.dumps(sms | {"host": "a" * 65_537}).encode()) == "too-long"


def test_kafkas_clock_stands_in_and_checks() -> None:
    value = json.dumps(CALL).encode()
    found = read(value, value, value, taken_ms=[NOON_MS + 5_000, -1, NOON_MS - 2 * 86_400_000])
    assert found.batch.column("ingest_ts_ms").to_pylist() == [NOON_MS + 5_000, NOON_MS]
    [(row, why)] = found.refused
    assert (row, why.code) == (2, "bad-time")
    ahead = json.dumps(CALL | {"ingest_ts": NOON_MS + 3 * 86_400_000}).encode()
    assert read(ahead, taken_ms=[NOON_MS]).refused[0][1].code == "bad-time"


def test_ids_of_any_form() -> None:
    assert event(**CALL, event_id=2**64 - 1)["event_id"] == 2**64 - 1
    words = {event(**CALL, event_id=f"call-{number}")["event_id"] for number in range(50)}
    assert len(words) == 50
    assert event(**CALL)["event_id"] == 1  # what read_events was given for it


def test_an_id_that_is_given_takes_none_from_its_neighbours() -> None:
    with_id, without = json.dumps(CALL | {"event_id": 77}).encode(), json.dumps(CALL).encode()
    values, ids = [without, with_id, without], np.arange(1, 4, dtype=np.uint64)
    for way in (read_events, read_slowly):
        assert way(values, ids).batch.column("event_id").to_pylist() == [1, 77, 3]


def test_a_reason_holds_nothing_of_the_message() -> None:
    secret = "13905541234"
    for value in (
        {"callee": secret + "x"}, {"trunk": secret}, {"town": secret}, {secret: 1}, {"callee": [secret]},
        {"caller" + secret: "x"}, {"ts": secret}, {"text": secret}, {"kind": secret}, {"event_id": [secret]},
    ):  # fmt: skip
        [(_, why)] = read(json.dumps(CALL | value).encode()).refused
        assert secret not in why.reason
        assert why.reason.isprintable()


def test_hints_name_the_field_that_was_probably_meant() -> None:
    [(_, why)] = read(json.dumps(CALL | {"tenure_day": 3}).encode()).refused
    assert "tenure_days" in why.reason
    [(_, why)] = read(json.dumps(CALL | {"trunk": "siip"}).encode()).refused
    assert "sip" in why.reason


# Round trip

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_BOUNDS = {
    "ts_ms": (EARLIEST_MS, LATEST_MS - 1),
    "ingest_ts_ms": (EARLIEST_MS, LATEST_MS - 1),
    "amount_fen": (0, FEN_MAX),
    "typical_fen": (0, FEN_MAX),
    "balance_fen": (-FEN_MAX, FEN_MAX),
}


def _values(name: str, type_: pa.DataType) -> st.SearchStrategy[Any]:
    if name in VOCABULARIES:
        return st.sampled_from([int(member) for member in VOCABULARIES[name]])
    if name == "host":
        return st.sampled_from(["", "a.example", "xn--bcher-kva.example", "-x.evil_:8080"])
    if pa.types.is_string(type_):
        return _TEXTS
    if pa.types.is_boolean(type_):
        return st.booleans()
    low, high = _BOUNDS.get(name, (0, 0 if type_ == pa.int64() else int(np.iinfo(type_.to_pandas_dtype()).max)))
    return st.one_of(st.integers(low, high), st.sampled_from([low, high]))


@st.composite
def _rows(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(list(Kind)))
    row: dict[str, Any] = {}
    for column in COLUMNS:
        empty = "" if pa.types.is_string(column.type) else False if pa.types.is_boolean(column.type) else 0
        if kind in kinds_of(column.name) and (column.name in (*REQUIRED, "ingest_ts_ms") or draw(st.booleans())):
            row[column.name] = draw(_values(column.name, column.type))
        else:
            row[column.name] = empty
    return row | {"kind": int(kind)}


@given(st.lists(_rows(), max_size=12))
def test_a_frame_comes_back_from_json(rows: list[dict[str, Any]]) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=EVENT_SCHEMA)
    found = read(*to_json_events(batch))
    assert not found.refused
    assert found.batch.to_pylist() == rows
    assert found.batch.schema.equals(EVENT_SCHEMA)


@given(st.lists(st.one_of(_rows(), st.binary(max_size=40), st.none()), max_size=10))
def test_alone_as_among_others(given_: list[Any]) -> None:
    values = [
        to_json_events(pa.RecordBatch.from_pylist([one], schema=EVENT_SCHEMA))[0] if isinstance(one, dict) else one
        for one in given_
    ]
    together = read(*values)
    assert sorted([*together.rows.tolist(), *(row for row, _ in together.refused)]) == list(range(len(values)))
    rows, whys = iter(together.batch.to_pylist()), dict(together.refused)
    for row, value in enumerate(values):
        alone = read_events([value], np.array([row + 1], np.uint64))
        if alone.refused:
            assert whys[row] == alone.refused[0][1]
        else:
            assert next(rows) == alone.batch.to_pylist()[0]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3)),
       st.sampled_from([*CALL, "town", "known", "trunk", "display", "event_id", "x"]))  # fmt: skip
def test_no_value_breaks_the_reader(value: Any, name: str) -> None:
    found = read(json.dumps(CALL | {name: value}).encode())
    assert found.batch.num_rows + len(found.refused) == 1


def test_words_are_those_of_the_schema() -> None:
    base = {"kind": "feedback", "ts": NOON_MS, "source": 1, "target": 1}
    found = event(**base, subject="person", outcome="appeal_upheld", tier=3)
    assert (found["subject"], found["outcome"], found["tier"]) == (Subject.PERSON, Outcome.APPEAL_UPHELD, 3)
    paid = {"kind": "transfer", "ts": NOON_MS, "payee": "6222", "citizen": "+8613900139000", "payer": "6223"}
    assert event(**paid, channel="third_party")["channel"] == Channel.THIRD_PARTY
