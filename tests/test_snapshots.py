"""A state as bytes: what was packed comes out, and nothing else does.

Enters: random states; bytes that were cut, changed, made up. Leaves: for a failure, the array or byte in question.
Invariant: damage ends in SnapshotDamaged with a reason, never in another exception or in another state.
"""

from __future__ import annotations

import json
import random
import struct
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.state import LAYOUT, State
from interceptor.transport.snapshots import packing as snapshots
from interceptor.transport.snapshots.packing import (
    CHUNK_BYTES,
    MAGIC,
    VERSION,
    OtherVersion,
    SnapshotDamaged,
    pack,
    unpack,
)

ABOUT = {"stage": "protect", "partition": 3, "next_offset": 12_345, "applied": {"0": 7}, "rules": "d7547708872b"}
DTYPES = (np.bool_, np.uint8, np.int32, np.int64, np.uint64, np.float64)


def state_of(chance: np.random.Generator, arrays: int, rows_max: int) -> State:
    made = State()
    for number in range(arrays):
        shape = (int(chance.integers(0, rows_max)), *((int(chance.integers(1, 9)),) if number % 2 else ()))
        made[f"part/{number}"] = chance.integers(0, 2, shape).astype(DTYPES[number % len(DTYPES)])
    return made


def assert_same(one: State, other: State) -> None:
    assert list(one) == list(other)
    for name, array in one.items():
        assert (array.dtype, array.shape) == (other[name].dtype, other[name].shape), name
        assert array.tobytes() == other[name].tobytes(), name


@given(seed=st.integers(0, 2**32), arrays=st.integers(0, 40), rows_max=st.sampled_from([1, 30, 20_000]))
def test_what_was_packed_comes_out(seed: int, arrays: int, rows_max: int) -> None:
    state = state_of(np.random.default_rng(seed), arrays, rows_max)
    found, about = unpack(pack(state, ABOUT))
    assert_same(found, state)
    assert about == ABOUT


def test_arrays_longer_than_chunks_and_between_them() -> None:
    chance = np.random.default_rng(1)
    sizes = [3, CHUNK_BYTES, CHUNK_BYTES - 3, 2 * CHUNK_BYTES + 1, 1, CHUNK_BYTES - 1, 0, CHUNK_BYTES + 1]
    state = {str(number): chance.integers(0, 256, size, np.uint8) for number, size in enumerate(sizes)}
    state["views"] = np.arange(1_000_000).reshape(-1, 4)[::2, ::2]  # neither in one piece nor of one's own
    found, _ = unpack(pack(state, {}))
    assert_same(found, state)
    found["0"][0] ^= 1  # what came out can be written to


def test_a_state_is_packed_closer_than_it_is_held() -> None:
    words = np.zeros((100_000, 8), np.int64)
    words[::3, 2] = 7
    assert len(pack({"words": words}, {})) < words.nbytes // 20


def test_every_cut_and_every_changed_byte_is_noticed() -> None:
    data = pack(state_of(np.random.default_rng(2), 6, 8), ABOUT)
    for length in range(len(data)):
        with pytest.raises(SnapshotDamaged):
            unpack(data[:length])
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        with pytest.raises(SnapshotDamaged):
            unpack(bytes(changed))
    with pytest.raises(SnapshotDamaged, match="checksum"):
        unpack(data + b"\0")
    for nothing in (b"", b"\0" * 100, MAGIC, b"PAR1" * 30):
        with pytest.raises(SnapshotDamaged):
            unpack(nothing)


def test_another_version_is_told_apart() -> None:
    data = bytearray(pack({}, {}))
    struct.pack_into("<I", data, 8, VERSION + 1)
    with pytest.raises(OtherVersion, match=f"of version {VERSION + 1}, this program reads version {VERSION}"):
        unpack(bytes(data))


def test_another_layout_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "LAYOUT", LAYOUT + 1)
    data = pack({}, {})
    monkeypatch.undo()
    with pytest.raises(OtherVersion, match=f"of layout {LAYOUT + 1}, this program's parts have layout {LAYOUT}"):
        unpack(data)


def made_up(header: Any, body: bytes = b"") -> bytes:
    """A snapshot with a right checksum around whatever is given."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    whole = struct.pack("<8sII", MAGIC, VERSION, len(text)) + text + body
    return whole + blake2b(whole, digest_size=16).digest()


def chunk(data: bytes, unpacked: int | None = None) -> bytes:
    packed = pa.compress(data, "lz4", asbytes=True)
    return struct.pack("<II", len(packed), len(data) if unpacked is None else unpacked) + packed


def header_of(*arrays: Any, **more: Any) -> dict[str, Any]:
    return {"layout": LAYOUT, "about": {}, "arrays": list(arrays)} | more


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (made_up(b"{"), "header that can't be read"),
        (made_up([]), "header that can't be read"),
        (made_up(b"[" * 100_000), "header that can't be read"),
        (made_up({"layout": LAYOUT}), "header that can't be read"),
        (made_up(header_of(about=3)), "says nothing about it"),
        (made_up(header_of(["a", "<i8"])), "header that can't be read"),
        (made_up(header_of(["a", "|O8", [1]])), "is of"),
        (made_up(header_of(["a", "<M8[ms]", [1]])), "is of"),
        (made_up(header_of(["a", ["<i8"], [1]])), "header that can't be read"),
        (made_up(header_of(["a", "<i8", [-1]])), "has the shape"),
        (made_up(header_of(["a", "<i8", [1.5]])), "has the shape"),
        (made_up(header_of(["a", "<i8", [1, 1, 1]])), "has the shape"),
        (made_up(header_of(["a", "<i8", [1 << 39, 1 << 39]])), "at most"),
        (made_up(header_of(["a", "<i8", [1 << 30]])), "fewer bytes"),
        (made_up(header_of(["a", "|u1", [3]]), chunk(b"abcd")), "more bytes"),
        (made_up(header_of(["a", "|u1", [3]]), chunk(b"abc") + chunk(b"d")), "more bytes"),
        (made_up(header_of(["a", "|u1", [3]]), chunk(b"abc")[:-1]), "a chunk of"),
        (made_up(header_of(["a", "|u1", [3]]), b"\0" * 7), "cut short"),
        (made_up(header_of(["a", "|u1", [3]]), chunk(b"abc", CHUNK_BYTES + 1)), "a chunk of"),
        (made_up(header_of(["a", "|u1", [3]]), chunk(b"abc", 0)), "a chunk of"),
        (made_up(header_of(["a", "|u1", [3]]), struct.pack("<II", 9, 3) + b"not lz4!!"), "can't be unpacked"),
        (struct.pack("<8sII", MAGIC, VERSION, 1 << 31) + b"\0" * 40, "checksum"),
    ],
)  # fmt: skip
def test_what_somebody_made_up_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(SnapshotDamaged, match=reason):
        unpack(data)


def test_random_bytes_behind_a_right_beginning() -> None:
    chance = random.Random(3)
    for _ in range(300):
        body = chance.randbytes(chance.randrange(60))
        with pytest.raises(SnapshotDamaged):
            unpack(made_up(header_of(["a", "<i8", [50_000]]), body))


def test_what_is_too_large_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "STATE_BYTES_MAX", 100)
    with pytest.raises(ValueError, match="can't be packed: 1 arrays of 104 bytes"):
        pack({"a": np.zeros(13, np.int64)}, {})
    with pytest.raises(ValueError, match="is of"):
        pack({"a": np.array(["text"])}, {})
