"""Raw topics, with one JSON event a message: who reads them, from where, and which ids their events get.

Enters: Settings, topics, a group. Leaves: a consumer; for each partition where to begin. Invariant: a topic that was
deleted and made anew under its old name isn't read: its offsets have been taken as numbers of events already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.cimpl import NewTopic

from interceptor.rules.errors import nearest, printable
from interceptor.transport import clients
from interceptor.transport.making import admin_client
from interceptor.transport.settings import Settings
from interceptor.transport.topics import TOPICS

ANSWER_MAX_S = 5.0


class BadTopic(Exception):
    """A raw topic that isn't there, or can't be one; the message says which and why."""


def consumer(settings: Settings, group: str, on_error: Callable[[KafkaError], None], name: str = "bridge") -> Consumer:
    """For `subscribe`; commits nothing by itself. Since librdkafka 2.1 `consume` gives nothing that was fetched before
    a partition was taken away."""
    return Consumer(
        settings.confluent()
        | {
            "client.id": f"{settings.app}.{name}",
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": int(settings.session_timeout_s * 1_000),
            "heartbeat.interval.ms": int(settings.session_timeout_s * 1_000 / 3),
            "queued.max.messages.kbytes": clients.QUEUED_KB_MAX,
            "reconnect.backoff.max.ms": 2_000,
            "log_level": 0,
            "error_cb": on_error,
        }
    )


def check_not_ours(settings: Settings, topics: Iterable[str]) -> None:
    """Raises BadTopic for a topic of the cluster's own."""
    for topic in topics:
        if topic in map(settings.topic, TOPICS):
            raise BadTopic(f"{printable(topic)}: one of the cluster's own topics, it holds no JSON events")


def check_there(settings: Settings, topics: Iterable[str], there: Iterable[str]) -> None:
    """Raises BadTopic for a topic that isn't there."""
    there = list(there)
    for topic in topics:
        if topic not in there:
            hint = nearest(topic, there)
            what = f"there is no topic {printable(topic)} on {printable(settings.kafka)}"
            raise BadTopic(what + (f"\n  hint: {printable(hint)}" if hint else ""))


def check_one_partition(settings: Settings, topic: str) -> None:
    """Raises BadTopic for a topic that isn't there, or has no order; Away."""
    there = clients.partitions(clients.consumer(settings, "topics"), settings, ANSWER_MAX_S)
    check_there(settings, [topic], there)
    if there[topic] != [0]:
        raise BadTopic(not_one_partition(topic))


def not_one_partition(topic: str) -> str:
    """For people."""
    return (
        f"topic {printable(topic)} has several partitions: nothing says in which order their events happened\n"
        "  hint: one partition, or a bridge, which makes one stream of several: interceptor bridge --from TOPIC"
    )


def make_raw_topic(settings: Settings, topic: str) -> None:
    """For trying things out: with as many partitions as the stages have. Raises BadTopic, Away."""
    admin, new = admin_client(settings), NewTopic(topic, settings.partitions, settings.replication)
    try:
        admin.create_topics([new], operation_timeout=ANSWER_MAX_S)[topic].result()
    except KafkaException as error:
        if error.args[0].retriable():
            raise clients.Away(clients.no_answer(settings, clients.reason(error.args[0]))) from None
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise BadTopic(f"topic {printable(topic)} can't be made: {clients.reason(error.args[0])}") from None


def begin(client: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """Where the group had come to, else the beginning. Raises BadTopic, KafkaException."""
    found = client.committed(partitions, timeout=ANSWER_MAX_S)
    for one in found:
        if one.offset < 0:
            one.offset = OFFSET_BEGINNING
            continue
        ends: Any = client.get_watermark_offsets(one, timeout=ANSWER_MAX_S)
        if ends and one.offset > ends[1]:
            raise BadTopic(
                f"{printable(one.topic)}/{one.partition}: was read up to {one.offset:,}, but ends at {ends[1]:,}: it "
                "was made anew, or has lost messages\n  hint: give the new topic a new name, its old numbers are taken"
            )
    return found


def first_offset(client: Consumer, topic: str) -> int:
    """Of what the topic's one partition still holds. Raises KafkaException."""
    ends: Any = client.get_watermark_offsets(TopicPartition(topic, 0), timeout=ANSWER_MAX_S)
    return int(ends[0])


def first_id(topic: str, partition: int) -> int:
    """Ids of events that have none count up from here, so a message has the same id whoever reads it when."""
    return int.from_bytes(blake2b(f"{topic}/{partition}".encode(), digest_size=8).digest(), "big")
