"""Servers of this machine's cluster: they begin, answer, halt, end, and come back with what they had.

Enters: servers of each test's own. Leaves: processes that ended. Invariant: only a server's own process is signalled.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from interceptor.machine import processes
from interceptor.machine.broker import Broker
from interceptor.machine.mock import MockBroker
from interceptor.machine.problems import MachineProblem
from interceptor.machine.processes import Process, wait_until
from interceptor.machine.redis_server import RedisServer
from interceptor.transport.making import create_topics
from interceptor.transport.settings import Settings
from interceptor.transport.topics import EVENTS

pytestmark = pytest.mark.xdist_group("cluster")

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
SLEEPS = "import time; print('here', flush=True); time.sleep(600)"


def started(tmp_path: Path, code: str) -> processes.Started:
    log = tmp_path / "log"
    begun = processes.start([sys.executable, "-c", code], log)
    assert wait_until(lambda: bool(processes.last_lines(log)), 30)
    return begun


def messages(settings: Settings, wanted: int) -> list[bytes]:
    reader = Consumer({**settings.confluent(), "group.id": settings.app, "log_level": 0})
    reader.assign([TopicPartition(settings.topic(EVENTS), 0, 0)])
    found = reader.consume(wanted, timeout=60)
    reader.close()
    assert not any(message.error() for message in found)
    return [message.value() or b"" for message in found]


def test_a_process_runs_in_a_session_of_its_own_until_it_is_stopped(tmp_path: Path) -> None:
    begun = started(tmp_path, SLEEPS)
    assert begun.process.running
    assert os.getsid(begun.process.pid) != os.getsid(0)
    assert begun.process.stop(30)
    assert not begun.process.running  # although nobody has asked for its exit code yet
    begun.reap(30)
    assert begun.child.returncode == -signal.SIGTERM


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    begun = started(tmp_path, DEAF)
    assert not begun.process.stop(0.2)
    begun.reap(30)
    assert begun.child.returncode == -signal.SIGKILL


def test_a_halted_one_is_stopped(tmp_path: Path) -> None:
    begun = started(tmp_path, SLEEPS)
    assert begun.process.signal(signal.SIGSTOP)
    assert begun.process.stop(30)
    begun.reap(30)
    assert begun.child.returncode == -signal.SIGTERM


def test_a_number_that_was_given_again_is_another_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        written = Process(other.pid, "an earlier start")
        assert not written.running
        assert not written.signal(signal.SIGKILL)
        assert written.stop(0)
        assert other.poll() is None
        other.kill()
    assert not Process(2**22 + 1, "").running


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert processes.last_lines(log) == []
    log.write_bytes(b"\xff" * 20_000 + b"\n" + b"".join(b"line %d\n" % number for number in range(40)))
    assert processes.last_lines(log, 2) == ["line 38", "line 39"]


def test_free_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not processes.is_free(port)
        assert processes.listens(port)
        assert processes.free_port(port) > port
    assert processes.is_free(processes.free_port())


def test_a_broker_that_is_killed_comes_back_with_all_it_acknowledged(own_broker: Broker | MockBroker) -> None:
    if not own_broker.lasting:
        pytest.skip("the mock forgets")
    settings = Settings(app="killed", kafka=own_broker.address, partitions=1)
    create_topics(settings)
    producer = Producer({**settings.confluent(), "log_level": 0})
    for number in range(500):
        producer.produce(settings.topic(EVENTS), str(number).encode())
    assert producer.flush(30) == 0
    address = own_broker.address

    own_broker.kill()
    assert not own_broker.running
    assert not own_broker.answering()
    own_broker.start()

    assert own_broker.address == address
    assert messages(settings, 500) == [str(number).encode() for number in range(500)]
    assert own_broker.stop()
    own_broker.start()
    assert len(messages(settings, 500)) == 500


def test_a_broker_pauses(own_broker: Broker | MockBroker) -> None:
    own_broker.pause()
    assert own_broker.running
    assert not own_broker.answering()
    own_broker.resume()
    assert wait_until(own_broker.answering, 30)


def test_a_mock_comes_back_empty(tmp_path: Path) -> None:
    server = MockBroker(tmp_path)
    try:
        server.start()
        settings = Settings(app="mock", kafka=server.address, partitions=2)
        assert len(create_topics(settings)) == 5
        assert server.stop()
        server.start()
        settings = Settings(app="mock", kafka=server.address, partitions=6)  # nothing of before is in the way
        assert len(create_topics(settings)) == 5
    finally:
        server.kill()


def test_redis_is_killed_paused_and_flushed(own_redis: RedisServer) -> None:
    with own_redis.client() as client:
        client.set("kept", "yes")
    assert own_redis.stop()
    own_redis.start()
    with own_redis.client() as client:
        assert client.get("kept") == b"yes"
    own_redis.flush()
    with own_redis.client() as client:
        assert client.get("kept") is None
    own_redis.pause()
    assert own_redis.running
    assert not own_redis.answering()
    own_redis.resume()
    assert own_redis.answering()
    own_redis.kill()
    assert not own_redis.running
    own_redis.start()


@pytest.mark.parametrize("bundled", [False, True])
def test_redis_reads_nothing_but_its_command_line(tmp_path: Path, bundled: bool) -> None:
    server = RedisServer(tmp_path / "a folder", bundled=bundled)
    try:
        server.start()
        with server.client() as client:
            said = {name: client.config_get(name)[name] for name in ("bind", "protected-mode", "save", "appendonly")}
            assert client.config_get("dir") == {"dir": str(tmp_path / "a folder")}
        assert said == {"bind": "127.0.0.1", "protected-mode": "yes", "save": "", "appendonly": "yes"}
    finally:
        server.kill()


def test_a_server_whose_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = RedisServer(tmp_path, taken.getsockname()[1])
        with pytest.raises(MachineProblem, match="something else listens"):
            server.start()
    assert not server.running


def test_one_that_never_answers_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = RedisServer(tmp_path)
    monkeypatch.setattr(server, "answering", lambda: False)
    server.launch()
    process = server.process
    assert process
    with pytest.raises(MachineProblem, match="doesn't answer after 0 s; the end of"):
        server.wait_ready(0.1)
    assert not process.running
