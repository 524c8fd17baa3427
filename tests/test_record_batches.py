"""Batches as Kafka keeps them: what aiokafka reads of them record by record, at once.

Enters: batches that aiokafka's own builder made, and damaged ones. Leaves: assertions. Invariant: nothing but whole
batches of committed messages is read.
"""

from __future__ import annotations

import random
import struct

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from interceptor.transport.worker.messages import Incoming
from interceptor.transport.worker.record_batches import DamagedLog, Found, joined, records_in

Message = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]  # time, key, value, headers
TIME_MS = 1_767_600_000_000


def batch(first: int, messages: list[Message], packed: int = 0, producer: int = -1, attributes: int = 0) -> bytes:
    """A batch as a producer would send it, with `attributes` added to its own."""
    made = DefaultRecordBatchBuilder(2, packed, 0, producer, 0, 0, 1 << 20)
    for at, (time_ms, key, value, headers) in enumerate(messages):
        made.append(at, time_ms, key, value, headers)
    data = bytearray(made.build())
    data[:8] = first.to_bytes(8, "big")
    data[22] |= attributes
    data[17:21] = struct.pack(">I", calc_crc32c(data[21:]))
    return bytes(data)


def some(count: int, seed: int) -> list[Message]:
    """Messages of all sorts."""
    luck = random.Random(seed)

    def any_bytes() -> bytes | None:
        return luck.choice([None, b"", luck.randbytes(luck.choice([1, 63, 64, 300, 9_000]))])

    return [
        (TIME_MS + luck.randint(-(10**9), 10**9), any_bytes(), any_bytes(),
         [(f"h{at}", any_bytes()) for at in range(luck.choice([0, 0, 3]))])
        for _ in range(count)
    ]  # fmt: skip


def by_aiokafka(data: bytes) -> list[Incoming]:
    return [
        Incoming(one.offset, one.timestamp, one.value, [(name, value or b"") for name, value in one.headers], one.key)
        for one in DefaultRecordBatch(data)
    ]


def each(found: Found) -> list[Incoming]:
    return [found.records.incoming(row) for row in range(len(found.records))]


@pytest.mark.parametrize("packed", range(5))
def test_it_reads_what_aiokafka_reads(packed: int) -> None:
    first, second = batch(70, some(40, packed), packed), batch(200, some(25, 9 - packed), packed)
    found = records_in(first + second, 0)
    assert each(found) == by_aiokafka(first) + by_aiokafka(second)
    assert found.next_offset == 225


def test_a_fetch_may_begin_and_end_within_a_batch() -> None:
    first, second = batch(10, some(8, 1), 3), batch(18, some(8, 2))
    found = records_in(first + second[:-1], 13)
    assert [one.offset for one in each(found)] == [13, 14, 15, 16, 17]
    assert found.next_offset == 18
    assert len(records_in(first, 18).records) == 0
    assert records_in(b"", 5).next_offset == 5


def test_fetches_are_joined() -> None:
    one, other = (records_in(batch(at, some(9, at), 3), 0) for at in (0, 50))
    both = joined([one.records, other.records])
    assert [both.incoming(row) for row in range(len(both))] == each(one) + each(other)
    assert joined([one.records]) is one.records


def test_the_time_may_be_the_brokers() -> None:
    data = batch(0, [(TIME_MS, None, b"a", []), (TIME_MS + 5, None, b"b", [])], attributes=8)
    assert [one.time_ms for one in each(records_in(data, 0))] == [TIME_MS + 5] * 2


def test_only_what_was_committed_counts() -> None:
    transactional, control = 16, 16 | 32
    abort, commit = ([(TIME_MS, bytes([0, 0, 0, kind]), b"", [])] for kind in (0, 1))
    log = [
        batch(0, [(TIME_MS, None, b"dropped", [])], producer=7, attributes=transactional),
        batch(1, [(TIME_MS, None, b"of another", [])], producer=8, attributes=transactional),
        batch(2, [(TIME_MS, None, b"plain", [])]),
        batch(3, abort, producer=7, attributes=control),
        batch(4, commit, producer=8, attributes=control),
        batch(5, [(TIME_MS, None, b"its next", [])], producer=7, attributes=transactional),
        batch(6, commit, producer=7, attributes=control),
    ]
    found = records_in(b"".join(log), 0, [(7, 0)])
    assert [(one.offset, one.value) for one in each(found)] == [(1, b"of another"), (2, b"plain"), (5, b"its next")]
    assert found.next_offset == 7


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [(100, None, "checksum"), (16, b"\1", "before 0.11"), (57, b"\x7f\0\0\0", "messages in a batch"),
     (57, b"\0\0\0\x09", "can't be read"), (57, b"\0\0\0\x03", "can't be read")],
)  # fmt: skip
def test_damage_is_told(at: int, value: bytes | None, what: str) -> None:
    data = bytearray(batch(0, [(TIME_MS, b"k", b"v" * 60, [])] * 4))
    if value is None:
        data[at] ^= 1
    else:
        data[at : at + len(value)] = value
        data[17:21] = struct.pack(">I", calc_crc32c(data[21:]))
    with pytest.raises(DamagedLog, match=what):
        records_in(bytes(data), 0)


def test_no_bytes_make_it_read_beyond_them() -> None:
    luck, whole = random.Random(5), batch(0, some(6, 4))
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(3):
            data[luck.randrange(61, len(data))] = luck.randrange(256)
        data[17:21] = struct.pack(">I", calc_crc32c(data[21:]))
        try:
            found = records_in(bytes(data), 0)
        except DamagedLog:
            continue
        starts, ends = found.records.columns[2], found.records.columns[3]
        assert ((starts >= 0) & (ends <= len(found.records.data))).all()


def test_what_cant_be_unpacked_is_told() -> None:
    data = bytearray(batch(0, some(6, 4)))
    data[22] |= 3
    data[17:21] = struct.pack(">I", calc_crc32c(data[21:]))
    with pytest.raises(DamagedLog, match="unpacked"):
        records_in(bytes(data), 0)
