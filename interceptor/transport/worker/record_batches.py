"""Batches of records as Kafka keeps them, many messages at once.

Enters: bytes of a partition's log, as a broker gives them. Leaves: Records, columns over them. Invariants: the same
messages that a client would give one by one, of committed transactions only; bytes that aren't whole batches end in
DamagedLog; no Python for each message.

A batch (format 2, of Kafka 0.11 and later) has a header and its records behind each other, packed or not. Numbers in
records are zigzag varints. A fetch may end within a batch, and begin with messages before the offset that was asked.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from aiokafka import codec
from aiokafka.record.util import calc_crc32c, decode_varint

from interceptor.kernels import IN_I64, IN_U8, TABLE, Int64s, Uint8s, inlined, kernel
from interceptor.transport.worker.messages import Headers, Incoming

# Base offset, bytes behind that number, leader's epoch, format, checksum, attributes, last offset above the base,
# first time, last time, producer's id, its epoch, its number, how many records
_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH_ENDS, _SUMMED_FROM, _FORMAT = 12, 21, 2
_PACKED_BY, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 7, 8, 16, 32  # attributes
_UNPACK: dict[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode
}  # fmt: skip
_ABORT = b"\0\0\0\0"  # key of a record that ends a transaction: version 0, type 0
OFFSET, TIME, START, END, RECORD, COLUMNS = range(6)  # rows of `columns`

Aborted = Sequence[tuple[int, int]]  # transactions: producer's id and first offset


class DamagedLog(Exception):
    """Bytes that aren't batches of records which this program can read; the message says why."""


@dataclass(frozen=True, slots=True)
class Records:
    """n messages. `data`: bytes; `columns` int64[COLUMNS, n]: offset; time in ms; message i has the value
    data[START:END], none where END is below START; where the record stands behind its length."""

    data: bytes
    columns: np.ndarray

    def __len__(self) -> int:
        return self.columns.shape[1]

    def incoming(self, row: int) -> Incoming:
        """One of them, with headers and key."""
        offset, time_ms, start, end, record = self.columns[:, row].tolist()
        key, headers = _key_and_headers(self.data, record, max(start, end))
        return Incoming(offset, time_ms, self.data[start:end] if end >= start else None, headers, key)


class Found(NamedTuple):
    """What a fetch gave; `next_offset`: where the next one begins."""

    records: Records
    next_offset: int


def records_in(fetched: bytes, offset: int, aborted: Aborted = ()) -> Found:
    """Messages from `offset` on. `aborted`: transactions that weren't committed, as brokers say beside the bytes.
    Raises DamagedLog."""
    pieces, found, before = list[bytes](), list[np.ndarray](), 0
    for batch in _batches(fetched, aborted):
        if batch.next_offset > offset:
            data, start, end = batch.unpacked(fetched)
            columns = np.empty((COLUMNS, batch.messages), np.int64)
            about = np.array([start, end, batch.offset, batch.time_ms, batch.append_ms, offset], np.int64)
            count = _scan(np.frombuffer(data, np.uint8), about, columns)
            if count < 0:
                raise DamagedLog(f"a batch from offset {batch.offset} on can't be read")
            columns = columns[:, :count]
            columns[START:] += before
            pieces.append(data)
            found.append(columns)
            before, offset = before + len(data), batch.next_offset
    return Found(Records(b"".join(pieces), np.concatenate(found or [np.empty((COLUMNS, 0), np.int64)], 1)), offset)


def joined(some: Sequence[Records]) -> Records:
    """One behind the other."""
    if len(some) == 1:
        return some[0]
    before = np.cumsum([0, *(len(one.data) for one in some[:-1])])
    columns = np.concatenate([one.columns for one in some], 1)
    columns[START:] += np.repeat(before, [len(one) for one in some])
    return Records(b"".join(one.data for one in some), columns)


class _Batch(NamedTuple):
    """`at`, `end`: where its records stand in what was fetched. `append_ms`: when the broker took it, where that is the
    time of all its messages, else -1."""

    at: int
    end: int
    offset: int
    next_offset: int
    attributes: int
    time_ms: int
    append_ms: int
    producer: int
    messages: int

    def unpacked(self, fetched: bytes) -> tuple[bytes, int, int]:
        """Bytes that hold the records, and from where to where. Raises DamagedLog."""
        by = self.attributes & _PACKED_BY
        if not by:
            return fetched[self.at : self.end], 0, self.end - self.at
        try:
            data = _UNPACK[by](fetched[self.at : self.end])
        except Exception as error:  # each codec has errors of its own
            raise DamagedLog(f"a batch from offset {self.offset} on can't be unpacked: {error!r:.100}") from None
        return data, 0, len(data)


def _batches(fetched: bytes, aborted: Aborted) -> Iterator[_Batch]:
    """Those that hold messages: not what ends transactions, nor what belongs to aborted ones."""
    waiting, dropped = sorted(aborted, key=lambda one: one[1]), set[int]()
    for batch in _whole_batches(fetched):
        while waiting and waiting[0][1] <= batch.offset:
            dropped.add(waiting.pop(0)[0])
        if batch.attributes & _CONTROL:
            data, start, _ = batch.unpacked(fetched)
            if _key_and_headers(data, _after_number(data, start), len(data))[0] == _ABORT:
                dropped.discard(batch.producer)
        if batch.attributes & _CONTROL or (batch.attributes & _TRANSACTIONAL and batch.producer in dropped):
            batch = batch._replace(attributes=0, messages=0, end=batch.at)
        yield batch


def _whole_batches(fetched: bytes) -> Iterator[_Batch]:
    at, view = 0, memoryview(fetched)
    while len(fetched) - at >= _HEADER.size:
        offset, length, _, format_, summed, attributes, last, first_ms, last_ms, producer, _, _, count = (
            _HEADER.unpack_from(fetched, at)
        )
        end = at + _LENGTH_ENDS + length
        if format_ != _FORMAT:
            raise DamagedLog(f"messages of format {format_}, as Kafka wrote before 0.11")
        if not 0 <= count <= length or end - at < _HEADER.size:
            raise DamagedLog(f"{count} messages in a batch of {length} bytes")
        if end > len(fetched):
            return  # cut short: all of it comes with the next fetch
        if calc_crc32c(view[at + _SUMMED_FROM : end]) != summed:
            raise DamagedLog(f"the batch from offset {offset} on has another checksum")
        append_ms = last_ms if attributes & _APPEND_TIME else -1
        yield _Batch(
            at + _HEADER.size, end, offset, offset + last + 1, attributes, first_ms, append_ms, producer, count
        )
        at = end


def _key_and_headers(data: bytes, record: int, value_end: int) -> tuple[bytes | None, Headers]:
    """Of a record whose attributes stand at `record`, and whose value ends at `value_end`."""
    at = _after_number(data, _after_number(data, record + 1))
    key, _ = _bytes_at(data, at)
    count, at = _number(data, value_end) if value_end < len(data) else (0, value_end)
    headers: Headers = []
    for _ in range(count):
        name, at = _bytes_at(data, at)
        value, at = _bytes_at(data, at)
        headers.append(((name or b"").decode("utf-8", "replace"), value or b""))
    return key, headers


def _bytes_at(data: bytes, at: int) -> tuple[bytes | None, int]:
    size, at = _number(data, at)
    return (data[at : at + size], at + size) if size >= 0 else (None, at)


def _number(data: bytes, at: int) -> tuple[int, int]:
    try:
        value, at = decode_varint(data, at)
    except (IndexError, ValueError):
        raise DamagedLog("a record that is cut short") from None
    return value, at


def _after_number(data: bytes, at: int) -> int:
    return _number(data, at)[1]


@inlined
def _varint(data: Uint8s, at: int, end: int) -> tuple[int, int]:
    """A number and where it ends; there -1 where it doesn't."""
    word, shift = 0, 0
    while at < end and shift < 64:
        byte = int(data[at])
        word |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return (word >> 1 & 0x7FFFFFFFFFFFFFFF) ^ -(word & 1), at
    return 0, -1


@kernel(IN_U8, IN_I64, TABLE)
def _scan(data: Uint8s, about: Int64s, columns: Int64s) -> int:
    """Reads the records in data[about[0]:about[1]]; about[2:]: base offset, base time, time of all or -1, the first
    offset that counts. Gives how many count, -1 where these aren't as many records as `columns` has room for."""
    at, end, base_offset, base_ms, append_ms, first_offset = about
    found = 0
    for _ in range(columns.shape[1]):
        size, at = _varint(data, at, end)
        if at < 0 or size < 0 or size > end - at:
            return -1
        record, record_end = at, at + size
        later_ms, at = _varint(data, at + 1, record_end)
        offset, at = _varint(data, at, record_end) if at >= 0 else (0, -1)
        key, at = _varint(data, at, record_end) if at >= 0 else (0, -1)
        at = at + max(key, 0) if at >= 0 and key <= record_end - at else -1
        value, at = _varint(data, at, record_end) if at >= 0 else (0, -1)
        if at < 0 or value > record_end - at:
            return -1
        if base_offset + offset >= first_offset:
            columns[OFFSET, found] = base_offset + offset
            columns[TIME, found] = append_ms if append_ms >= 0 else base_ms + later_ms
            columns[START, found], columns[END, found] = at, at + max(value, -1)
            columns[RECORD, found] = record
            found += 1
        at = record_end
    return found if at == end else -1
