"""Messages of JSON as a sequence and as columns: the same, however they are looked at.

Enters: messages as a consumer gives them, and as a broker keeps them. Leaves: assertions. Invariant: a slice is the
messages of the slice.
"""

from __future__ import annotations

import pytest
from confluent_kafka import Message

from interceptor.transport.edge.raw_topics import first_id
from interceptor.transport.worker.json_messages import JsonMessages
from interceptor.transport.worker.messages import Incoming, before, since
from interceptor.transport.worker.record_batches import records_in
from tests.test_record_batches import batch

GOT_MS = 1_767_600_000_000
OFFSETS = (3, 4, 7, 8, 20)  # with holes, as transactions leave them


def call(number: int) -> bytes:
    return b'{"kind":"call","ts":%d,"caller":"+86%011d","callee":"+8613900139000"}' % (GOT_MS + number, number)


def value(offset: int) -> bytes | None:
    return call(offset) if offset != 7 else None


def consumed() -> JsonMessages:
    return JsonMessages.of([
        Message(
            topic="gateway", partition=0, offset=offset, key=b"k", value=value(offset), headers=[("h", b"x")],
            timestamp=(1, GOT_MS + offset),
        )
        for offset in OFFSETS
    ])  # fmt: skip


def fetched() -> JsonMessages:
    log = [batch(offset, [(GOT_MS + offset, b"k", value(offset), [("h", b"x")])], offset % 5) for offset in OFFSETS]
    return JsonMessages.fetched(records_in(b"".join(log), 0).records)


@pytest.fixture(params=[consumed, fetched])
def messages(request: pytest.FixtureRequest) -> JsonMessages:
    made: JsonMessages = request.param()
    return made


def test_each_is_an_incoming(messages: JsonMessages) -> None:
    assert len(messages) == 5
    assert messages[1] == Incoming(4, GOT_MS + 4, call(4), [("h", b"x")], b"k")
    assert [one.offset for one in messages] == list(OFFSETS)
    assert messages[-1].offset == 20


def test_they_are_cut_by_offsets(messages: JsonMessages) -> None:
    assert [one.offset for one in since(messages, 5)] == [7, 8, 20]
    assert [one.offset for one in before(messages, 8)] == [3, 4, 7]
    assert since(messages, 0) is messages
    assert not since(messages, 21)
    rest = since(messages, 8)
    assert isinstance(rest, JsonMessages)
    assert rest.offsets.tolist() == [8, 20]
    assert rest.times_ms.tolist() == [GOT_MS + 8, GOT_MS + 20]


def test_events_are_read_once_and_have_ids_by_their_offsets(messages: JsonMessages) -> None:
    first = first_id("gateway", 0)
    read = messages.read(first)
    assert messages.read(first) is read
    assert read.rows.tolist() == [0, 1, 3, 4]
    assert [(row, why.code) for row, why in read.refused] == [(2, "no-value")]
    ids = read.batch.column("event_id").to_pylist()
    assert ids == [(first + offset) % 2**64 for offset in (3, 4, 8, 20)]
    assert read.batch.column("ingest_ts_ms").to_pylist() == [GOT_MS + offset for offset in (3, 4, 8, 20)]
    assert since(messages, 8).read(first).batch.equals(read.batch.slice(2))  # type: ignore[attr-defined]
