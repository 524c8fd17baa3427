"""Frames and parcels on the wire: what was written comes back, and bytes that anybody made are refused at worst.

Enters: real frames, mutated in many ways. Leaves: for a failure, the seed. Invariant: decoding gives a batch or
BadFrame.

`FRAMES=1000000 pytest tests/test_wire.py` tries as many mutations.
"""

from __future__ import annotations

import os
import random
import struct
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from interceptor.batch import BadFrame
from interceptor.packed import Packed
from interceptor.schema import EVENT_SCHEMA
from interceptor.transport.fitness import unfit
from interceptor.transport.parcels import pack, unpack
from interceptor.transport.wire import FRAME_BYTES_MAX, FRAME_ROWS_MAX, decode, encode
from tests.streams import Alphabet, frame, seeded

FRAMES = int(os.environ.get("FRAMES", "20000"))


@pytest.fixture(scope="module")
def events() -> pa.RecordBatch:
    return frame(seeded(5, 40, Alphabet()))


def test_what_was_written_comes_back(events: pa.RecordBatch) -> None:
    for packed in (True, False):
        assert decode(encode(events, packed=packed)).equals(events)
    assert decode(encode(events.slice(7, 5))).equals(events.slice(7, 5))
    assert decode(encode(events.slice(0, 0))).num_rows == 0


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Flipped bits, bytes of sizes overwritten, cut short, doubled, glued to another, pieces moved."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found))
        match chance.randrange(6):
            case 0:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                found[at : at + 8] = struct.pack("<q", chance.choice([-1, 0, 1, 2**31, 2**62, -(2**63)]))
            case 2:
                del found[at:]
            case 3:
                found += found[at:]
            case 4:
                del found[at : at + chance.randrange(1, 64)]
            case 5:
                found[at : at + 4] = chance.randbytes(4)
        if not found:
            return b""
    return bytes(found)


def test_mutated_frames_are_read_or_refused(events: pa.RecordBatch) -> None:
    chance, told = random.Random(20260101), Counter[str]()
    originals = [encode(events, packed=packed) for packed in (True, False)]
    for number in range(FRAMES):
        data = mutated(originals[number % 2], chance)
        try:
            found = decode(data)
            unfit(found)
        except BadFrame as error:
            told[str(error).split(":")[0]] += 1
            continue
        found.validate(full=True)
        told["read"] += 1
    assert sum(told.values()) == FRAMES
    assert len(told) > 5  # refused in more than one way
    assert told["read"]  # and some mutations do no harm


def test_mutated_parcels_are_read_or_refused() -> None:
    chance, refused = random.Random(7), 0
    columns = {"place": np.arange(50, dtype=np.uint64), "score": np.linspace(0, 1, 50), "ok": np.ones(50, bool)}
    original = pack(Packed.of(columns, {"host": pa.array(["a.example"] * 50)}))
    assert unpack(original)["place"].tolist() == list(range(50))
    for _ in range(FRAMES // 4):
        try:
            unpack(mutated(original, chance))
        except BadFrame:
            refused += 1
    assert refused > FRAMES // 8


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_bombs_are_refused_before_they_are_unpacked(codec: str) -> None:
    size = FRAME_BYTES_MAX + 1
    bomb = pa.RecordBatch.from_arrays([pa.array([b"\0" * size], pa.large_binary())], names=["text"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, bomb.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_batch(bomb)
    data = sink.getvalue().to_pybytes()
    assert len(data) < size // 100
    del bomb
    before = pa.total_allocated_bytes()
    with pytest.raises(BadFrame, match="would unpack to more than"):
        decode(data)
    assert pa.total_allocated_bytes() - before < size // 2


def test_more_rows_than_a_frame_may_have() -> None:
    nothing = pa.RecordBatch.from_arrays([pa.nulls(FRAME_ROWS_MAX + 1)], names=["a"])
    with pytest.raises(BadFrame, match="rows, at most"):
        decode(encode(nothing))


def test_two_batches_in_a_frame_are_refused(events: pa.RecordBatch) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, EVENT_SCHEMA) as writer:
        writer.write_batch(events)
        writer.write_batch(events)
    with pytest.raises(BadFrame, match="more than one record batch"):
        decode(sink.getvalue().to_pybytes())


def test_a_parcel_that_lies_about_its_size() -> None:
    original = pack(Packed.of({"place": np.arange(9, dtype=np.uint64)}, {}))
    lying = original.replace(b"parcel1 9 ", b"parcel1 90000000 ")
    for data in (lying, b"parcel1 1 0 []\n", b"parcel1 ", b"", b"x" * 99):
        with pytest.raises(BadFrame):
            unpack(data)
