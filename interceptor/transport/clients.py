"""Connections to Kafka.

Enters: Settings. Leaves: consumers and producers of confluent-kafka, options of aiokafka, which partitions there are.
Invariants: a consumer made here commits nothing to Kafka and starts nowhere by itself; to a producer, a message is sent
when all copies of the partition have it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from interceptor.rules.errors import printable
from interceptor.transport.settings import Settings

HEADROOM_BYTES = 1 << 20  # of a message above the largest frame: headers
PARTITION_BYTES = 1 << 20
QUEUED_KB_MAX = 64 << 10  # that librdkafka reads ahead, for each consumer


class Away(Exception):
    """The brokers can't be reached, or don't do what they were asked; trying again later may help.

    `why`: what librdkafka said, where it said something.
    """

    def __init__(self, message: str, why: str = "") -> None:
        super().__init__(message)
        self.why = why


def consumer(
    settings: Settings, name: str, on_error: Callable[[KafkaError], None] | None = None, group: str = ""
) -> Consumer:
    """For `assign`; `name` is what brokers know it by. The end of a partition comes as a message with an error.
    `group`: one that it can ask about, without belonging to it."""
    return Consumer(
        _common(settings, name, on_error)
        | {
            "group.id": group or f"{settings.app}.{name}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 100,  # how long a broker may wait for more before it says that this is the end
            "queued.max.messages.kbytes": QUEUED_KB_MAX,
            # Of one partition at a time: little, so that partitions take turns. A larger message comes all the same.
            "fetch.message.max.bytes": PARTITION_BYTES,
            "fetch.max.bytes": settings.frame_bytes_max + 2 * HEADROOM_BYTES,
            "receive.message.max.bytes": settings.frame_bytes_max + 3 * HEADROOM_BYTES,
        }
    )


def producer(settings: Settings, name: str, linger_ms: int = 5) -> Producer:
    """What it sends is in order, and not twice because of its own trying again. `linger_ms`: a message waits that long
    for others."""
    return Producer(
        _common(settings, name, None)
        | {
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": linger_ms,
            "message.max.bytes": settings.frame_bytes_max + HEADROOM_BYTES,
            "delivery.timeout.ms": 30_000,
        }
    )


def aiokafka_options(settings: Settings, name: str) -> dict[str, Any]:
    """How aiokafka connects; `name` is what brokers know the client by."""
    found = {
        "bootstrap_servers": settings.kafka,
        "client_id": f"{settings.app}.{name}",
        "security_protocol": settings.kafka_protocol,
        "ssl_context": tls_context(settings),
    }
    if settings.kafka_protocol.startswith("SASL"):
        found |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return found


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """For clients in Python; None where the protocol has no TLS."""
    if "SSL" not in settings.kafka_protocol:
        return None
    context = ssl.create_default_context(cafile=settings.kafka_ca)
    if settings.kafka_certificate:
        context.load_cert_chain(settings.kafka_certificate, settings.kafka_key)
    return context


def partitions(client: Consumer | Producer, settings: Settings, timeout_s: float) -> dict[str, list[int]]:
    """Of every topic there is. Raises Away."""
    try:
        found = client.list_topics(timeout=timeout_s)
    except KafkaException as error:
        why = reason(error.args[0])
        raise Away(no_answer(settings, why), why) from None
    return {name: sorted(topic.partitions) for name, topic in found.topics.items() if topic.error is None}


def cluster_id(client: Consumer | Producer, settings: Settings, timeout_s: float) -> str:
    """What the cluster calls itself. Raises Away."""
    try:
        return str(client.list_topics(timeout=timeout_s).cluster_id or "")
    except KafkaException as error:
        why = reason(error.args[0])
        raise Away(no_answer(settings, why), why) from None


def no_answer(settings: Settings, why: str) -> str:
    """For people."""
    return f"kafka {printable(settings.kafka)}: no answer ({why})\n  hint: is the broker up, and is this its address?"


def reason(error: KafkaError) -> str:
    """What librdkafka says, in one line."""
    return printable(error.str())[:200]


def _common(settings: Settings, name: str, on_error: Callable[[KafkaError], None] | None) -> dict[str, Any]:
    return settings.confluent() | {
        "client.id": f"{settings.app}.{name}",
        "log_level": 0,  # what matters comes as an error, and is told once
        "error_cb": on_error or (lambda _: None),
        "reconnect.backoff.max.ms": 2_000,
        "socket.keepalive.enable": True,
    }
