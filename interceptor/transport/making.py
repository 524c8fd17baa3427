"""Topics are made here, on whatever broker the settings name.

Enters: Settings. Leaves: the topics of the cluster, each with its partitions. Invariants: making them again changes
nothing; a topic that is there with another number of partitions is an error and left alone (keys lie by that number).

librdkafka's mock cluster can't be asked to make topics: it makes any that is asked for, with four partitions. The one
that `interceptor cluster up --light` starts (`machine/mock.py`) takes orders through a topic instead.
"""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from interceptor.rules.errors import printable
from interceptor.transport.settings import Settings
from interceptor.transport.topics import BETWEEN, EVENTS, SINGLE, TOPICS

ORDERS = "mock.orders"  # key: a topic's name; value: its partitions, in digits
MESSAGE_ROOM = 1 << 20  # beyond a frame: headers, and the log's own framing
ANSWER_S = 10.0
TRY_LATER, CONFIGURATION = 75, 78
_MOCK = "mockCluster"  # begins the id of such a cluster
_QUIET = {"log_level": 0, "reconnect.backoff.max.ms": 500}
_POLL_S = 0.05


class TopicsProblem(Exception):
    """Topics can't be had as the settings want them. `code`: 75 = try again later, 78 = something must be changed."""

    def __init__(self, message: str, code: int = TRY_LATER) -> None:
        super().__init__(message)
        self.code = code


def admin_client(settings: Settings) -> AdminClient:
    """Asks and changes a cluster; says nothing by itself."""
    return AdminClient({**settings.confluent(), **_QUIET})


def answers(address: str, within_s: float = 2.0) -> bool:
    """Does a broker at host:port say what it knows?"""
    try:
        return bool(AdminClient({"bootstrap.servers": address, **_QUIET}).list_topics(timeout=within_s).brokers)
    except KafkaException:
        return False


def wanted_topics(settings: Settings) -> dict[str, int]:
    """Partitions by full name."""
    unused = (BETWEEN if settings.whole else frozenset()) | ({EVENTS} if settings.from_json else frozenset())
    names = [name for name in TOPICS if name not in unused]
    return {settings.topic(name): 1 if name in SINGLE else settings.partitions for name in names}


def create_topics(settings: Settings, within_s: float = 30.0) -> list[str]:
    """Makes those that are missing, and returns their full names when the broker knows them.

    Raises TopicsProblem: no broker answers, it refuses, or a topic has another number of partitions.
    """
    admin, wanted = admin_client(settings), wanted_topics(settings)
    known = _known(admin, settings)
    _check(known.topics, wanted)
    missing = {name: count for name, count in wanted.items() if name not in known.topics}
    if not missing:
        return []
    if known.cluster_id.startswith(_MOCK):
        _order(settings, missing, within_s)
    else:
        _make(admin, settings, missing, within_s)
    _wait(admin, settings, wanted, within_s)
    return list(missing)


def is_mock(settings: Settings) -> bool:
    """Is the cluster one of librdkafka's, which keeps 5 MB a partition, in memory? Raises TopicsProblem."""
    return _known(admin_client(settings), settings).cluster_id.startswith(_MOCK)


def _known(admin: AdminClient, settings: Settings) -> Any:
    try:
        return admin.list_topics(timeout=ANSWER_S)
    except KafkaException as error:
        where = printable(settings.kafka)
        raise TopicsProblem(
            f"{where}: no answer from Kafka within {ANSWER_S:.0f} s: {_words(error)}\n"
            "  hint: is it running there, with this protocol and these rights? (interceptor cluster status)"
        ) from None


def _check(topics: dict[str, Any], wanted: dict[str, int]) -> None:
    wrong = [
        f"topic {printable(name)} has {len(topics[name].partitions)} partitions, the settings say {count}"
        for name, count in wanted.items()
        if name in topics and len(topics[name].partitions) != count
    ]
    if wrong:
        hint = "  hint: set `partitions` to what is there, choose another `app`, or delete the topics with all in them"
        raise TopicsProblem("\n".join([*wrong, hint]), CONFIGURATION)


def _make(admin: AdminClient, settings: Settings, missing: dict[str, int], within_s: float) -> None:
    config = {
        "max.message.bytes": str(settings.frame_bytes_max + MESSAGE_ROOM),
        "min.insync.replicas": str(max(1, settings.replication - 1)),
    }
    topics = [NewTopic(name, count, settings.replication, config=config) for name, count in missing.items()]
    for name, future in admin.create_topics(topics, operation_timeout=within_s, request_timeout=within_s).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else makes them, too
                continue
            code = TRY_LATER if error.args[0].retriable() else CONFIGURATION
            raise TopicsProblem(f"topic {printable(name)} can't be made: {_words(error)}", code) from None


def _order(settings: Settings, missing: dict[str, int], within_s: float) -> None:
    producer = Producer({**settings.confluent(), **_QUIET, "linger.ms": 0})
    for name, count in missing.items():
        producer.produce(ORDERS, str(count).encode(), name.encode(), partition=0)
    producer.flush(within_s)


def _wait(admin: AdminClient, settings: Settings, wanted: dict[str, int], within_s: float) -> None:
    """Until each has all its partitions, and they have leaders."""
    deadline = time.monotonic() + within_s
    while True:
        topics = _known(admin, settings).topics
        _check({name: topic for name, topic in topics.items() if topic.partitions}, wanted)
        if all(name in topics and _led(topics[name]) for name in wanted):
            return
        if time.monotonic() > deadline:
            names = ", ".join(printable(name) for name in wanted if name not in topics or not _led(topics[name]))
            raise TopicsProblem(f"{printable(settings.kafka)}: topics aren't ready after {within_s:.0f} s: {names}")
        time.sleep(_POLL_S)


def _led(topic: Any) -> bool:
    return bool(topic.partitions) and all(part.leader >= 0 for part in topic.partitions.values())


def _words(error: KafkaException) -> str:
    return printable(error.args[0].str())
