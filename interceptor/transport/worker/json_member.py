"""A member of the group that reads a topic with one JSON event a message.

Enters: a station; messages of the topic's one partition, as many at once as there are. Leaves: what is acknowledged is
committed. Invariants: the clients are used by one thread at a time; nothing is committed before what follows from it is
delivered; before the partition goes to somebody else, everything comes to rest.

Faust would need some 33 µs for each message, librdkafka some 2. So librdkafka is the group's member and never fetches:
its partition is paused. A thread fetches what the broker has, as it is (`raw_fetch`), and reads the JSON in it while
the event loop has the messages before decided.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from time import monotonic, sleep
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from interceptor.transport import clients
from interceptor.transport.clients import Away
from interceptor.transport.edge import raw_topics
from interceptor.transport.edge.raw_topics import BadTopic
from interceptor.transport.worker.json_messages import JsonMessages
from interceptor.transport.worker.lane import AT_ONCE_BYTES
from interceptor.transport.worker.messages import Given
from interceptor.transport.worker.raw_fetch import FETCH_BYTES, NotThere, RawFetch
from interceptor.transport.worker.record_batches import Records, joined
from interceptor.transport.worker.station import Station

WAIT_S = 0.1  # for a first message
GATHER_S = 0.02  # that it waits for others
AGAIN_S = 0.5  # before the brokers are asked again
COMMIT_EVERY_S = 0.5
TELL_EVERY_S = 10.0

_log = logging.getLogger(__name__)


class JsonMember:
    """One process's. Made and run in the event loop's thread."""

    def __init__(self, station: Station) -> None:
        settings = station.settings
        (self._stage,) = station.stages
        self._station, self._topic = station, settings.from_json
        self._first_id = raw_topics.first_id(self._topic, 0)
        self._consumer = raw_topics.consumer(settings, settings.app, self._heard, "worker")
        self._fetch = RawFetch(settings, self._topic)
        self._stopping: asyncio.Task[bool] | None = None
        self._told_s = self._committed_s = monotonic()
        self._turn = 0  # of having the partition
        self._next = -1  # offset to fetch from, while it has the partition
        self._position = self._finished = self._committed = -1  # offsets: what comes next, what is done

    async def run(self) -> None:
        """Until `stop`. Raises BadTopic; KafkaException where librdkafka can't go on."""
        self._loop = asyncio.get_running_loop()
        self._consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose)
        try:
            while self._stopping is None:
                messages = await asyncio.to_thread(self._some)
                if messages:
                    await self._station.put(self._stage.stage, 0, self._given(messages))
                if monotonic() - self._committed_s >= COMMIT_EVERY_S:
                    self._commit(waits=False)
            await self._stopping
        finally:
            await asyncio.to_thread(self._fetch.close)
            await asyncio.to_thread(self._consumer.close)  # gives the partition back, see _revoke
            await self._station.end()

    def stop(self) -> None:
        """Takes nothing more; to be called in the event loop."""
        self._stopping = self._stopping or asyncio.ensure_future(self._station.leave())

    def _some(self) -> JsonMessages | None:
        """What there is, read already."""
        said = self._consumer.poll(0 if self._next >= 0 else WAIT_S)  # calls _assign, _revoke and _lose
        error = said.error() if said is not None else None
        if error is not None:
            self._heard(error)
        records = self._records() if self._next >= 0 else []
        if not records:
            return None
        messages = JsonMessages.fetched(joined(records))
        messages.read(self._first_id)
        return messages

    def _records(self) -> list[Records]:
        """Of the first messages that there are, and of what comes within GATHER_S or until it is enough."""
        found, count, until_s = list[Records](), 0, monotonic() + WAIT_S
        while count < self._stage.at_once and (wait_s := until_s - monotonic()) > 0:
            try:
                some, self._next = self._fetch.some(self._next, wait_s, FETCH_BYTES if found else 1)
            except Away as problem:
                self._warn(str(problem))
                sleep(AGAIN_S)
                break
            except NotThere as problem:
                self._warn(str(problem))
                self._next = raw_topics.first_offset(self._consumer, self._topic)
                continue
            if len(some):
                until_s = until_s if found else monotonic() + GATHER_S
                found.append(some)
                count += len(some)
        return found

    def _given(self, messages: JsonMessages) -> Given:
        begins, self._position = self._position, int(messages.offsets[-1]) + 1
        end, turn = self._position, self._turn

        async def done() -> None:
            if turn == self._turn:
                self._finished = end

        return Given(messages, AT_ONCE_BYTES, begins if begins >= 0 else int(messages.offsets[0]), done)

    def _commit(self, *, waits: bool) -> None:
        self._committed_s = monotonic()
        if self._finished <= self._committed:
            return
        offset = TopicPartition(self._topic, 0, self._finished)
        try:
            if waits:
                self._consumer.commit(offsets=[offset], asynchronous=False)
            else:
                self._consumer.commit(offsets=[offset], asynchronous=True)
        except KafkaException as error:
            # Whoever has the partition now reads it again from the last commit, and the ledger knows what it has.
            self._heard(error.args[0])
            return
        self._committed = self._finished

    def _assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        if any(one.partition for one in partitions):
            raise BadTopic(raw_topics.not_one_partition(self._topic))
        starts = raw_topics.begin(client, partitions)
        self._forget(max((one.offset for one in starts), default=-1))
        self._from_loop(self._station.arrive((one.topic, one.partition) for one in starts))
        client.assign(starts)
        client.pause(starts)
        if starts:
            self._next = self._position if self._position >= 0 else raw_topics.first_offset(client, self._topic)

    def _revoke(self, _: Consumer, __: list[TopicPartition]) -> None:
        self._from_loop(self._station.leave())
        self._commit(waits=True)
        self._forget(-1)

    def _lose(self, _: Consumer, __: list[TopicPartition]) -> None:
        """Too late to commit: somebody else has it."""
        self._forget(-1)
        self._from_loop(self._station.leave())

    def _forget(self, position: int) -> None:
        """Begins anew from an offset, -1 = from wherever messages come."""
        self._turn += 1
        self._next, self._position, self._finished, self._committed = -1, position, -1, -1

    def _from_loop(self, work: Coroutine[Any, Any, object]) -> None:
        """Has it done while the client's thread waits."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _heard(self, error: KafkaError) -> None:
        self._warn(clients.no_answer(self._station.settings, clients.reason(error)))

    def _warn(self, what: str) -> None:
        if monotonic() - self._told_s >= TELL_EVERY_S:
            self._told_s = monotonic()
            _log.warning("%s", what)
