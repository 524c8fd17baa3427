"""A partition's log as a broker has it: batches of messages, without taking them apart one by one.

Enters: a topic, an offset. Leaves: Found, columns over all messages that the broker has from there on. Invariants: who
reads here joins no group and commits nothing; what belongs to transactions comes when those are committed.

librdkafka makes an object of each message, and Python one more, which costs several times what reading the JSON in it
does. aiokafka (Faust's client) hands out what the broker sent, for as many messages as fit into a fetch.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, NoError, NotLeaderForPartitionError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest

from interceptor.transport import clients
from interceptor.transport.clients import Away
from interceptor.transport.settings import Settings
from interceptor.transport.worker.record_batches import DamagedLog, Found, records_in

FETCH_BYTES = 1 << 20  # some 17,000 messages, packed; a batch that is larger comes all the same
_COMMITTED = 1  # level of isolation
_ABORTED = 2  # where it says which transactions weren't committed; the last of what it says where it says less


class NotThere(Exception):
    """The log has nothing at this offset: it begins later, or ends before."""


class RawFetch:
    """Partition 0 of a topic; for one thread at a time, which waits."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings, self._at = settings, TopicPartition(topic, 0)
        self._loop = asyncio.new_event_loop()
        self._client: Any = None

    def some(self, offset: int, wait_s: float, bytes_min: int = 1) -> Found:
        """Messages from an offset on; waits for so many bytes, but not longer than that. Raises Away, NotThere."""
        return self._loop.run_until_complete(self._some(offset, wait_s, bytes_min))

    def close(self) -> None:
        if self._client is not None:
            self._loop.run_until_complete(self._client.close())
        self._loop.close()

    async def _some(self, offset: int, wait_s: float, bytes_min: int) -> Found:
        try:
            client = await self._connected()
            leader = client.cluster.leader_for_partition(self._at)
            if leader is None or leader < 0:
                await client.force_metadata_update()
                raise Away(clients.no_answer(self._settings, f"{self._at.topic} has no leader"))
            wanted = [(self._at.topic, [(self._at.partition, offset, FETCH_BYTES)])]
            request = FetchRequest(int(wait_s * 1_000), bytes_min, FETCH_BYTES, _COMMITTED, wanted)
            response = await client.send(leader, request)
            return self._found(response, offset)
        except OffsetOutOfRangeError:
            raise NotThere(f"{self._at.topic}/{self._at.partition} has nothing at offset {offset:,}") from None
        except (KafkaError, DamagedLog) as error:
            if isinstance(error, NotLeaderForPartitionError):
                await self._client.force_metadata_update()
            raise Away(clients.no_answer(self._settings, str(error) or type(error).__name__)) from None

    async def _connected(self) -> Any:
        if self._client is None:
            client: Any = AIOKafkaClient(**clients.aiokafka_options(self._settings, "fetch"))
            await client.bootstrap()
            await client.set_topics([self._at.topic])
            self._client = client
        return self._client

    def _found(self, response: Any, offset: int) -> Found:
        """Raises KafkaError, DamagedLog."""
        ((_, ((_, code, _, *about, fetched),)),) = response.topics
        error = for_code(code)
        if error is not NoError:
            raise error()
        aborted = about[min(_ABORTED, len(about) - 1)] if about else None
        return records_in(fetched or b"", offset, aborted or ())
