"""Kafka and Redis for the tests: one of each for a whole run, and settings of its own for each test.

Enters: what is installed; INTERCEPTOR_TESTS_LIGHT=1 asks for the mock of Kafka although there is Java. Leaves:
fixtures. Invariants: tests that share a broker share no topic, group or key (`app` differs); servers end with the run.

For tests that stop or kill a server: `own_broker` and `own_redis`, which nobody else uses. The real Kafka starts in
some 5 to 8 seconds, the mock and Redis at once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from interceptor.machine import java
from interceptor.machine.broker import Broker
from interceptor.machine.mock import MockBroker
from interceptor.machine.redis_server import RedisServer
from interceptor.machine.servers import Server
from interceptor.transport.making import admin_client, create_topics
from interceptor.transport.settings import Settings
from interceptor.transport.topics import TOPICS

PARTITIONS = 4
AnyServer = TypeVar("AnyServer", bound=Server)


@cache
def real_kafka() -> bool:
    """Can this machine run a real broker, and should it?"""
    return not os.environ.get("INTERCEPTOR_TESTS_LIGHT") and java.can_run_kafka()


def new_broker(folder: Path) -> Broker | MockBroker:
    """Not started."""
    return Broker(folder / "kafka") if real_kafka() else MockBroker(folder / "kafka")


def new_redis(folder: Path) -> RedisServer:
    """Not started."""
    return RedisServer(folder / "redis")


def new_settings(kafka: str, redis: str, partitions: int = PARTITIONS) -> Settings:
    """Of a cluster that nobody else uses, with its topics."""
    settings = Settings(app=f"t{uuid4().hex[:12]}", kafka=kafka, redis=redis, partitions=partitions)
    create_topics(settings)
    return settings


@cache
def _shared(make: Callable[[Path], AnyServer]) -> AnyServer:
    """One for the whole run, in however many modules the fixtures are imported."""
    server = make(Path(tempfile.mkdtemp(prefix="interceptor-tests-")))
    atexit.register(_end, server)  # when the run breaks off
    server.start()
    return server


def _end(server: Server) -> None:
    server.stop()
    shutil.rmtree(server.folder.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_is_real() -> bool:
    """False: librdkafka's mock, which forgets what is more than 5 MB behind and doesn't survive a restart."""
    return real_kafka()


@pytest.fixture(scope="session")
def kafka_address() -> Iterator[str]:
    """host:port of a broker that no test may stop."""
    server = _shared(new_broker)
    yield server.address
    _end(server)


@pytest.fixture(scope="session")
def redis_address() -> Iterator[str]:
    """redis:// address of a Redis that no test may stop or flush."""
    server = _shared(new_redis)
    yield server.url
    _end(server)


@pytest.fixture
def cluster_settings(kafka_address: str, redis_address: str) -> Iterator[Settings]:
    """With a prefix that is new for each test, and topics of 4 partitions."""
    settings = new_settings(kafka_address, redis_address)
    yield settings
    if real_kafka():  # not waited for: the broker forgets them when it has time
        admin_client(settings).delete_topics(list(map(settings.topic, TOPICS)))


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker | MockBroker]:
    """A running broker for one test, to be killed, paused, restarted."""
    server = new_broker(tmp_path)
    server.start()
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis for one test, to be killed, paused, restarted, flushed."""
    server = new_redis(tmp_path)
    server.start()
    yield server
    server.resume()
    server.kill()
