"""Snapshots in Redis.

Enters: packed states. Leaves: those, put together from chunks. Invariants: a snapshot is in the index of its shard only
when all its chunks are there, and leaves both at once, since scripts in Redis see to it; chunks without an entry expire
by themselves, those with one never.

Keys, all of a shard with one hash tag: `app:{snapshot:STAGE:PARTITION}` is a hash, offset → token, chunks and bytes;
beside it, `…:OFFSET:TOKEN:NUMBER` are the chunks. A chunk is small enough that nobody else waits long for its turn.
"""

from __future__ import annotations

import logging
from secrets import token_hex
from typing import Any

from interceptor.transport.redis_client import Client, RedisTrouble, told
from interceptor.transport.settings import Settings
from interceptor.transport.snapshots.packing import OtherVersion
from interceptor.transport.snapshots.store import KEPT, SnapshotStoreAway, check_place, why_damaged

CHUNK_BYTES = 8 << 20
UNFINISHED_S = 600  # a chunk that was written and isn't in the index is gone after that
TRIES = 5

# KEYS: index, chunks. ARGV: offset, entry, how many are kept. -1: a chunk is gone; 0: there is one as new; 1: saved.
_PUBLISH = """
for i = 2, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 0 then return -1 end
end
local offsets = {}
for _, held in ipairs(redis.call('HKEYS', KEYS[1])) do
    if tonumber(held) >= tonumber(ARGV[1]) then return 0 end
    offsets[#offsets + 1] = tonumber(held)
end
for i = 2, #KEYS do redis.call('PERSIST', KEYS[i]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
table.sort(offsets)
for i = 1, #offsets + 1 - tonumber(ARGV[3]) do
    drop(KEYS[1], string.format('%.0f', offsets[i]))
end
return 1
"""
# KEYS: index. ARGV: offsets to drop.
_DROP = """
for _, offset in ipairs(ARGV) do drop(KEYS[1], offset) end
return #ARGV
"""
_WITH_DROP = """
local function drop(index, offset)
    local entry = redis.call('HGET', index, offset)
    if not entry then return end
    local token, chunks = string.match(entry, '^(%x+) (%d+) ')
    for number = 0, tonumber(chunks) - 1 do
        redis.call('UNLINK', index .. ':' .. offset .. ':' .. token .. ':' .. number)
    end
    redis.call('HDEL', index, offset)
end
"""
_log = logging.getLogger(__name__)


class RedisSnapshots:
    """The snapshots of one app."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client: Any = client
        self._settings = settings
        self._publish = self._client.register_script(_WITH_DROP + _PUBLISH)
        self._drop = self._client.register_script(_WITH_DROP + _DROP)

    def save(self, stage: str, partition: int, next_offset: int, data: bytes) -> bool:
        """See Snapshots.save."""
        check_place(stage, partition, next_offset)
        index, token = self._index(stage, partition), token_hex(8)
        starts = range(0, len(data), CHUNK_BYTES)
        keys = [f"{index}:{next_offset}:{token}:{number}" for number in range(len(starts))]
        try:
            with told(self._settings):
                if any(int(held) >= next_offset for held in self._client.hkeys(index)):
                    return False
                for key, start in zip(keys, starts, strict=True):
                    self._client.set(key, memoryview(data)[start : start + CHUNK_BYTES], ex=UNFINISHED_S)
                entry = f"{token} {len(keys)} {len(data)}"
                found = self._publish(keys=[index, *keys], args=[next_offset, entry, KEPT])
                if found != 1:
                    self._client.unlink(*keys)
        except RedisTrouble as error:
            raise SnapshotStoreAway(str(error)) from None
        if found < 0:
            raise SnapshotStoreAway(f"writing a snapshot of {stage} {partition} took longer than {UNFINISHED_S} s")
        return bool(found)

    def newest(self, stage: str, partition: int, at_most: int | None = None) -> tuple[int, bytes] | None:
        """See Snapshots.newest. A damaged one is deleted: it would stand in the way of those before it."""
        check_place(stage, partition)
        try:
            with told(self._settings):
                return self._newest(self._index(stage, partition), at_most)
        except RedisTrouble as error:
            raise SnapshotStoreAway(str(error)) from None

    def forget(self, stage: str, partition: int, above: int = -1) -> None:
        """See Snapshots.forget."""
        check_place(stage, partition)
        index = self._index(stage, partition)
        try:
            with told(self._settings):
                offsets = [held for held in self._client.hkeys(index) if int(held) > above]
                if offsets:
                    self._drop(keys=[index], args=offsets)
        except RedisTrouble as error:
            raise SnapshotStoreAway(str(error)) from None

    def _newest(self, index: str, at_most: int | None) -> tuple[int, bytes] | None:
        tries = 0
        while True:
            entries = {int(offset): entry for offset, entry in self._client.hgetall(index).items()}
            offsets = [offset for offset in entries if at_most is None or offset <= at_most]
            if not offsets:
                return None
            offset = max(offsets)
            token, chunks, size = entries[offset].decode().split(" ")
            data = self._read(f"{index}:{offset}:{token}", int(chunks))
            damage = why_damaged(data)
            if damage is None or isinstance(damage, OtherVersion):
                return offset, data
            tries += 1
            if len(data) < int(size) and tries < TRIES:
                continue  # two newer ones came meanwhile
            _log.warning("snapshot %s:%d: damaged, deleted: %s", index, offset, damage)
            self._drop(keys=[index], args=[offset])

    def _read(self, prefix: str, chunks: int) -> bytes:
        """Chunk by chunk: the answer to a question for all of them could take longer than the client waits."""
        return b"".join(self._client.get(f"{prefix}:{number}") or b"" for number in range(chunks))

    def _index(self, stage: str, partition: int) -> str:
        return f"{self._settings.app}:{{snapshot:{stage}:{partition}}}"
