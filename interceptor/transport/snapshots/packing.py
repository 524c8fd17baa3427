"""A state as bytes, and bytes that anybody may have made as a state.

Enters: a State with what there is to say about it; or bytes. Leaves: the other. Invariants: packing and unpacking hold
no more than one chunk beside the bytes and the arrays, and let other threads run meanwhile; reading ends in exactly the
arrays that were packed, or in SnapshotDamaged.

    magic[8] version[u32] header bytes[u32] header (JSON) { packed bytes[u32] unpacked bytes[u32] packed }* blake2b[16]

The header says which arrays follow, one behind the other without gaps; they are cut into chunks as it comes, and each
is packed with LZ4. The last 16 bytes are a checksum of all before.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from math import prod
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.state import LAYOUT, State

MAGIC = b"ICPTSNAP"
VERSION = 1
STATE_BYTES_MAX = 16 << 30  # of all arrays, unpacked
HEADER_BYTES_MAX = 16 << 20
ARRAYS_MAX = 100_000
CHUNK_BYTES = 4 << 20

_HEAD, _CHUNK = struct.Struct("<8sII"), struct.Struct("<II")
_SUM_BYTES = 16
_DTYPES = {f"{sign}{kind}{size}" for sign, size in ("|1", "<2", "<4", "<8") for kind in "biuf"}  # numbers only
_CODEC = pa.Codec("lz4")


class SnapshotDamaged(Exception):
    """Bytes that aren't a snapshot which this program can use; the message says why."""


class OtherVersion(SnapshotDamaged):
    """A snapshot that another version of this program may be able to use."""


def pack(state: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> bytes:
    """`about`: whatever JSON can hold. Raises ValueError where the state is too large, or not of numbers."""
    arrays = {name: np.ascontiguousarray(array) for name, array in state.items()}
    layout = [(name, array.dtype.str, array.shape) for name, array in arrays.items()]
    header = json.dumps({"layout": LAYOUT, "about": dict(about), "arrays": layout}, separators=(",", ":")).encode()
    try:
        _check(layout, len(header))
    except SnapshotDamaged as error:
        raise ValueError(f"can't be packed: {error}") from None
    parts = [_HEAD.pack(MAGIC, VERSION, len(header)), header]
    for chunk in _chunks(arrays.values()):
        packed = _CODEC.compress(chunk, asbytes=True)
        parts += [_CHUNK.pack(len(packed), len(chunk)), packed]
    parts.append(_sum_of(parts))
    return b"".join(parts)


def unpack(data: bytes) -> tuple[State, dict[str, Any]]:
    """The state, in arrays of its own, and what was said about it. Raises SnapshotDamaged."""
    check(data)
    _, _, header_bytes = _HEAD.unpack_from(data)
    header = _header(data[_HEAD.size : _HEAD.size + header_bytes])
    body = memoryview(data)[_HEAD.size + header_bytes : -_SUM_BYTES]
    try:
        state = {str(name): np.empty(tuple(shape), dtype) for name, dtype, shape in header["arrays"]}
    except MemoryError:
        raise SnapshotDamaged("takes more memory than there is") from None
    _fill(state.values(), body)
    return state, header["about"]


def check(data: bytes) -> None:
    """That the bytes are what was written once, all of it. Raises SnapshotDamaged, and OtherVersion."""
    if len(data) < _HEAD.size + _SUM_BYTES:
        raise SnapshotDamaged(f"cut short: {len(data):,} bytes")
    magic, version, header_bytes = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise SnapshotDamaged("not a snapshot")
    if version != VERSION:
        raise OtherVersion(f"of version {version}, this program reads version {VERSION}")
    whole = memoryview(data)
    if _sum_of([whole[:-_SUM_BYTES]]) != data[-_SUM_BYTES:]:
        raise SnapshotDamaged("cut short or changed: the checksum is another one")
    if header_bytes > len(data) - _HEAD.size - _SUM_BYTES:
        raise SnapshotDamaged("a header longer than the snapshot")


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
        layout, about, arrays = (header[name] for name in ("layout", "about", "arrays"))
        if layout != LAYOUT:
            raise OtherVersion(f"of layout {layout}, this program's parts have layout {LAYOUT}")
        _check(arrays, len(text))
    except (KeyError, TypeError, ValueError, RecursionError):
        raise SnapshotDamaged("a header that can't be read") from None
    if not isinstance(about, dict):
        raise SnapshotDamaged("a header that says nothing about it")
    return {"about": about, "arrays": arrays}


def _check(arrays: Iterable[tuple[str, str, Iterable[int]]], header_bytes: int) -> None:
    """Raises SnapshotDamaged for what is too large, and for arrays of other than numbers."""
    arrays, total = list(arrays), 0
    for name, dtype, shape in arrays:
        sides = list(shape)
        if dtype not in _DTYPES:
            raise SnapshotDamaged(f"{str(name)[:80]!r} is of {str(dtype)[:80]!r}")
        if len(sides) > 2 or not all(type(side) is int and 0 <= side < 1 << 40 for side in sides):
            raise SnapshotDamaged(f"{str(name)[:80]!r} has the shape {sides[:4]}")
        total += np.dtype(dtype).itemsize * prod(sides)
    if total > STATE_BYTES_MAX or header_bytes > HEADER_BYTES_MAX or len(arrays) > ARRAYS_MAX:
        raise SnapshotDamaged(
            f"{len(arrays):,} arrays of {total:,} bytes and a header of {header_bytes:,} bytes; at most {ARRAYS_MAX:,}"
            f" arrays, {STATE_BYTES_MAX:,} and {HEADER_BYTES_MAX:,} bytes"
        )


def _chunks(arrays: Iterable[np.ndarray]) -> Iterator[memoryview]:
    """All bytes in order, in pieces of CHUNK_BYTES; large arrays are cut where they stand, small ones put together."""
    waiting = bytearray()
    for array in arrays:
        rest = _bytes_of(array)
        while len(rest):
            if not waiting and len(rest) >= CHUNK_BYTES:
                yield rest[:CHUNK_BYTES]
                rest = rest[CHUNK_BYTES:]
                continue
            room = CHUNK_BYTES - len(waiting)
            waiting += rest[:room]
            rest = rest[room:]
            if len(waiting) == CHUNK_BYTES:
                yield memoryview(waiting)
                waiting = bytearray()
    if waiting:
        yield memoryview(waiting)


def _fill(arrays: Iterable[np.ndarray], body: memoryview) -> None:
    """Unpacks chunk by chunk into the arrays, which must take up exactly all of it."""
    chunks, chunk = _unpacked(body), memoryview(b"")
    for array in arrays:
        rest = _bytes_of(array)
        while len(rest):
            if not len(chunk):
                chunk = next(chunks, memoryview(b""))
                if not len(chunk):
                    raise SnapshotDamaged("fewer bytes than its header says")
            count = min(len(chunk), len(rest))
            rest[:count] = chunk[:count]
            chunk, rest = chunk[count:], rest[count:]
    if len(chunk) or next(chunks, None) is not None:
        raise SnapshotDamaged("more bytes than its header says")


def _unpacked(body: memoryview) -> Iterator[memoryview]:
    while len(body):
        if len(body) < _CHUNK.size:
            raise SnapshotDamaged("a chunk that is cut short")
        packed, unpacked = _CHUNK.unpack_from(body)
        body = body[_CHUNK.size :]
        if packed > len(body) or not 0 < unpacked <= CHUNK_BYTES:
            raise SnapshotDamaged(f"a chunk of {packed:,} bytes, unpacked {unpacked:,}")
        try:
            yield memoryview(_CODEC.decompress(body[:packed], decompressed_size=unpacked)).cast("B")
        except (pa.ArrowException, OSError) as error:
            raise SnapshotDamaged(f"a chunk that can't be unpacked: {str(error)[:100]}") from None
        body = body[packed:]


def _bytes_of(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _sum_of(parts: Iterable[bytes | memoryview]) -> bytes:
    summed = blake2b(digest_size=_SUM_BYTES)
    for part in parts:
        summed.update(part)
    return summed.digest()
