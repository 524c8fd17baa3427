"""Entries of shared lists as bytes: fields and values of hashes in Redis, and the changes that are told.

Enters: keys, times and notes, or bytes. Leaves: the other. Invariants: what was packed is unpacked as it was, times as
far as 48 bits hold ms (to the year 10889, and FOREVER_MS); bytes that mean nothing are refused with BadEntries.

A field is the value: 8 bytes of a number, 16 of a range, or the text of a host (`#` and 16 hex digits where only the
hash is known). What it holds is nothing where the entry says nothing, else since and until when, 6 bytes each, and then
the digest of source and reason, where there are any. An entry that was taken off begins at the last moment of all, and
its second time says when that was done: it stays, so that whoever reads the list anew learns of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from interceptor.entries import FOREVER_MS, TAKEN_OFF_MS, Columns
from interceptor.hosts import hash_of_host
from interceptor.kernels import Bools, Int32s, Int64s, Uint64s
from interceptor.rules.values import Match

BUCKET_BITS = 17  # ten million values are 76 in each bucket: small enough for Redis to keep them packed
BUCKETS = 1 << BUCKET_BITS
_LAST_MS = 2**48 - 1
_TIMES_BYTES, _NOTE_BYTES = 12, 8
_FULL_BYTES = _TIMES_BYTES + _NOTE_BYTES
_WHOLE = f"V{_FULL_BYTES}"
_ALWAYS = (0).to_bytes(6, "big") + _LAST_MS.to_bytes(6, "big") + bytes(_NOTE_BYTES)
_FACTORS = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)

Note = tuple[str, str]  # source and reason


class BadEntries(Exception):
    """Bytes in Redis that aren't entries of a list: somebody else wrote them."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the values of a list are: the `match` and `of` of its definition."""

    match: Match
    of: str

    @property
    def is_text(self) -> bool:
        """Whether values are hosts: kept as text, compared by their hashes."""
        return self.match == "domain" or (self.of == "host" and self.match == "exact")

    def __str__(self) -> str:
        return f"{self.match} {self.of}"

    def fields(self, keys: Uint64s, shown: Mapping[int, str]) -> list[bytes]:
        """bytes[n]: keys (uint64[n], uint64[n, 2] for ranges) as fields. `shown`: texts by key."""
        if self.is_text:
            return [(shown.get(key) or f"#{key:016x}").encode() for key in keys.tolist()]
        width = 16 if self.match == "range" else 8
        found: list[bytes] = np.ascontiguousarray(keys, ">u8").view(f"V{width}").ravel().tolist()
        return found

    def keys(self, fields: Sequence[bytes]) -> tuple[Uint64s, dict[int, str]]:
        """The other way: keys, and their texts where there are any. Raises BadEntries."""
        if self.is_text:
            texts = [field.decode("utf-8", "replace") for field in fields]
            keys = [int(text[1:], 16) if _is_hash(text) else hash_of_host(text) for text in texts]
            return np.array(keys, np.uint64), dict(zip(keys, texts, strict=True))
        width = 16 if self.match == "range" else 8
        joined = b"".join(fields)
        if len(joined) != width * len(fields):
            raise BadEntries(f"a value isn't {width} bytes long")
        found = np.frombuffer(joined, ">u8").astype(np.uint64)
        return found.reshape(-1, 2) if self.match == "range" else found, {}


def _is_hash(text: str) -> bool:
    return text.startswith("#") and len(text) == 17 and all(c in "0123456789abcdef" for c in text[1:])


def buckets_of(keys: Uint64s) -> Int64s:
    """int64[n]: the bucket of each key, from the upper bits of its mixed hash."""
    hashes = _mixed(keys) if keys.ndim == 1 else _mixed(keys[:, 0] ^ _mixed(keys[:, 1]))
    return (hashes >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)


def _mixed(keys: Uint64s) -> Uint64s:
    for factor in _FACTORS:
        keys = (keys ^ (keys >> _SHIFT)) * factor
    return keys ^ (keys >> _SHIFT)


def note_digest(note: Note) -> bytes:
    """8 bytes that name a source and reason, without anybody who hands out numbers."""
    return blake2b("\0".join(note).encode("utf-8", "replace"), digest_size=_NOTE_BYTES).digest()


def note_text(note: Note) -> bytes:
    return json.dumps(note).encode()


def note_of(text: bytes) -> Note:
    """The other way. Raises BadEntries."""
    try:
        source, reason = json.loads(text)
    except ValueError:
        raise BadEntries("a source and reason can't be read") from None
    return str(source), str(reason)


def digests_of(columns: Columns) -> Uint64s:
    """uint64[n]: what names the note of each entry, 0 for none."""
    digests = [0, *(int.from_bytes(note_digest(note), "big") for note in columns.notes[1:])]
    return np.array(digests, np.uint64)[columns.codes]


def packed(from_ms: Int64s, expires_ms: Int64s, digests: Uint64s) -> list[bytes]:
    """bytes[n]: since, until when and note of each entry, as short as they can be said."""
    whole: list[bytes] = np.ascontiguousarray(_rows(from_ms, expires_ms, digests)).view(_WHOLE).ravel().tolist()
    return whole if (digests != 0).all() else [_shortest(one) for one in whole]


def _rows(from_ms: Int64s, expires_ms: Int64s, digests: Uint64s) -> np.ndarray:
    """uint8[n, 20]"""
    since = np.where(is_off(from_ms), _LAST_MS, np.clip(from_ms, 0, _LAST_MS - 1))
    notes = digests.astype(">u8").view(np.uint8).reshape(-1, _NOTE_BYTES)
    return np.concatenate([_six(since), _six(np.clip(expires_ms, 0, _LAST_MS)), notes], 1)


def _six(ms: Int64s) -> np.ndarray:
    """uint8[n, 6]"""
    return ms.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]


def _shortest(whole: bytes) -> bytes:
    if whole == _ALWAYS:
        return b""
    return whole if any(whole[_TIMES_BYTES:]) else whole[:_TIMES_BYTES]


def unpacked(values: Sequence[bytes]) -> tuple[Int64s, Int64s, Uint64s]:
    """Since and until when (int64[n]), and the note's digest as a number (uint64[n], 0 = none). What was taken off has
    the times TAKEN_OFF_MS. Raises BadEntries."""
    joined = b"".join([one if len(one) == _FULL_BYTES else _filled(one) for one in values])
    if len(joined) != _FULL_BYTES * len(values):
        raise BadEntries(f"an entry isn't 0, {_TIMES_BYTES} or {_FULL_BYTES} bytes long")
    rows = np.frombuffer(joined, np.uint8).reshape(-1, _FULL_BYTES)
    from_ms, expires_ms = (_ms(rows[:, start : start + 6]) for start in (0, 6))
    digests = np.ascontiguousarray(rows[:, _TIMES_BYTES:]).view(">u8").ravel().astype(np.uint64)
    off = from_ms == _LAST_MS
    expires_ms[expires_ms == _LAST_MS] = FOREVER_MS
    from_ms[off], expires_ms[off] = TAKEN_OFF_MS
    return from_ms, expires_ms, digests


def _filled(value: bytes) -> bytes:
    if not value:
        return _ALWAYS
    return value + bytes(_NOTE_BYTES) if len(value) == _TIMES_BYTES else b""


def _ms(six: np.ndarray) -> Int64s:
    eight = np.zeros((len(six), 8), np.uint8)
    eight[:, 2:] = six
    return eight.view(">i8").ravel().astype(np.int64)


def is_off(from_ms: Int64s) -> Bools:
    """bool[n]: which entries were taken off."""
    return from_ms == TAKEN_OFF_MS[0]


def codes_of(digests: Uint64s, notes: dict[int, Note]) -> tuple[Int32s, list[Note]]:
    """int32[n] and what they stand for. A note that nobody kept says nothing."""
    distinct, codes = np.unique(digests, return_inverse=True)
    known: list[Note] = [("", "")]
    places = []
    for digest in distinct.tolist():
        places.append(len(known) if digest in notes else 0)
        known += [notes[digest]] if digest in notes else []
    return np.array(places, np.int32)[codes], known


# ------------------------------------------------------------------------------------------------ changes, as told


def told(meaning: Meaning, columns: Columns, shown: Mapping[int, str]) -> dict[str, bytes]:
    """Entries as fields of one message."""
    fields = meaning.fields(columns.keys, shown)
    return {
        "values": (b"\n" if meaning.is_text else b"").join(fields),
        "entries": _rows(columns.from_ms, columns.expires_ms, digests_of(columns)).tobytes(),
        "notes": json.dumps(columns.notes[1:]).encode(),
    }


def heard(meaning: Meaning, message: Mapping[bytes, bytes]) -> tuple[Columns, dict[int, str]]:
    """The other way: entries, and the texts of their keys. Raises BadEntries."""
    try:
        values, entries, notes = (message[name] for name in (b"values", b"entries", b"notes"))
        known = {int.from_bytes(note_digest((a, b)), "big"): (str(a), str(b)) for a, b in json.loads(notes)}
    except (KeyError, ValueError, TypeError, AttributeError):
        raise BadEntries("a change of a list can't be read") from None
    width = 16 if meaning.match == "range" else 8
    at = range(0, len(values), width)
    fields = values.split(b"\n") if meaning.is_text else [values[start : start + width] for start in at]
    keys, texts = meaning.keys(fields)
    starts = range(0, len(entries), _FULL_BYTES)
    from_ms, expires_ms, digests = unpacked([entries[start : start + _FULL_BYTES] for start in starts])
    if len(from_ms) != len(keys):
        raise BadEntries("a change of a list has more values than entries, or fewer")
    codes, used = codes_of(digests, known)
    return Columns(keys, from_ms, expires_ms, codes, used), texts
