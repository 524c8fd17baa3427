"""`interceptor cluster up|down|status`, as a person calls it.

Enters: command lines, in processes of their own. Leaves: exit codes, what was printed, what runs. Invariant: no test
leaves a process behind, whatever it finds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition

from interceptor.machine import java
from interceptor.machine.problems import MachineProblem
from interceptor.machine.processes import Process, free_port, is_free, wait_until
from interceptor.machine.state import load_state
from interceptor.transport.settings import Settings, settings_from
from tests.brokers import real_kafka

pytestmark = pytest.mark.xdist_group("cluster")

COMMAND = [
    sys.executable,
    "-c",
    "from interceptor.commands.cluster_cli import app; app(prog_name='interceptor cluster')",
]
WITHIN_S = 120.0
FAKE_JAVA = """#!/bin/sh
case "$*" in
*-version*) echo 'openjdk version "{version}" 2021-09-14' >&2 ;;
*StorageTool*) ;;
*) echo 'no room for a broker here'; {broker} ;;
esac
"""
EMPTY_JARS = f"""
for word; do case "$word" in -DoutputDirectory=*) target="${{word#*=}}" ;; esac; done
mkdir "$target"
while read -r _ name; do : > "$target/$name"; done < '{java.HERE}/jars.sha256'"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder; what still runs in it at the end is killed."""
    path = tmp_path / "data folder"
    yield path
    with contextlib.suppress(MachineProblem):  # a state that nobody understands
        state = load_state(path)
        for server in state.servers if state else ():
            server.kill()


def call(*words: object, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=WITHIN_S, env=_environment(environment)
    )


def called(*words: object, code: int = 0, environment: Mapping[str, str] | None = None) -> Any:
    """The JSON object that it prints; its exit code must be `code`."""
    done = call(*words, "--json", environment=environment)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("INTERCEPTOR_")}
    return plain | dict(more or {})


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _machine(tmp_path: Path, **programs: str) -> dict[str, str]:
    """An environment in which only these programs are installed, and nothing is in the cache."""
    for name, text in programs.items():
        _program(tmp_path / "bin" / name, text)
    return {"PATH": str(tmp_path / "bin"), "JAVA_HOME": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}


def _have_jars(tmp_path: Path) -> None:
    jars = tmp_path / "cache" / "interceptor" / f"kafka-{java.KAFKA}"
    jars.mkdir(parents=True)
    for name in java.wanted_jars():
        (jars / name).touch()


def _processes(folder: Path) -> list[Process]:
    state = load_state(folder)
    return [server.process for server in state.servers if server.process] if state else []


def _settings(folder: Path) -> Settings:
    return settings_from({}, folder / "cluster.toml")


def _commit(settings: Settings, group: str, offset: int) -> None:
    """Seven messages in `events`, of which `group` has taken those below `offset`."""
    events = settings.topic("events")
    producer = Producer(settings.confluent())
    for number in range(7):
        producer.produce(events, str(number).encode())
    assert producer.flush(30) == 0
    reader = Consumer({**settings.confluent(), "group.id": group, "enable.auto.commit": False})
    reader.commit(offsets=[TopicPartition(events, 0, offset)], asynchronous=False)
    reader.close()


def test_light_from_up_to_wipe(folder: Path) -> None:
    first = called("up", "--light", "--partitions", 3, "--data", folder)
    assert first["started"] == ["redis", "kafka"]
    assert (first["kafka"], first["redis"]) == (_settings(folder).kafka, _settings(folder).redis)
    assert first["kafka"].startswith("127.0.0.1:")
    assert first["redis"].startswith("redis://127.0.0.1:")

    again = called("up", "--light", "--data", folder)
    assert again["started"] == []
    assert again["pids"] == first["pids"]

    seen = called("status", "--data", folder)
    assert seen["up"] is True
    assert {line["topic"]: line["partitions"] for line in seen["topics"]} == {
        "interceptor.events": 1, "interceptor.admitted": 3, "interceptor.contacts": 3, "interceptor.decisions": 3,
        "interceptor.dead-letters": 1,
    }  # fmt: skip

    assert seen["groups"] == []
    _commit(_settings(folder), "interceptor", 3)
    line = {"group": "interceptor", "topic": "interceptor.events", "lag": 4}
    assert called("status", "--data", folder)["groups"] == [line]

    assert sorted(called("down", "--data", folder)["stopped"]) == ["kafka", "redis"]
    assert not any(process.running for process in _processes(folder))
    seen = called("status", "--data", folder, code=1)
    assert [line["state"] for line in seen["servers"]] == ["down", "down"]
    assert called("down", "--data", folder)["stopped"] == []
    called("down", "--wipe", "--data", folder)
    assert not folder.exists()
    assert called("status", "--data", folder, code=1)["servers"] == []


def test_what_people_read(folder: Path) -> None:
    up = call("up", "--light", "--data", folder)
    settings = folder / "cluster.toml"
    assert f"export INTERCEPTOR_CONFIG='{settings}'" in up.stdout  # a shell takes it, with its space
    assert "forgets all at `down`" in up.stdout
    assert "is running" in call("up", "--light", "--data", folder).stdout
    shown = call("status", "--data", folder)
    assert shown.returncode == 0
    assert "answering" in shown.stdout
    assert "interceptor.dead-letters" in shown.stdout
    assert call("down", "--data", folder).stdout == "Stopped: kafka, redis.\n"
    assert call("down", "--data", folder).stdout == f"Nothing runs in {folder}.\n"


def test_only_what_is_dead_is_started_again(folder: Path) -> None:
    # Not the usual port: between the two starts anybody on this machine may take that.
    first = called("up", "--light", "--data", folder, "--redis-port", free_port())
    state = load_state(folder)
    assert state
    with state.redis.client() as client:
        client.set("kept", "yes")
        assert wait_until(lambda: client.info("persistence")["aof_last_write_status"] == "ok", 10)
    state.redis.kill()
    seen = called("status", "--data", folder, code=1)
    assert {line["name"]: line["state"] for line in seen["servers"]} == {"kafka": "answering", "redis": "down"}

    second = called("up", "--light", "--data", folder)
    assert second["started"] == ["redis"]
    assert second["redis"] == first["redis"]
    assert second["pids"]["kafka"] == first["pids"]["kafka"]
    with redis.Redis.from_url(second["redis"]) as client:
        assert client.get("kept") == b"yes"


def test_down_of_dead_servers(folder: Path) -> None:
    called("up", "--light", "--data", folder)
    state = load_state(folder)
    assert state
    for server in state.servers:
        server.kill()
    assert called("down", "--data", folder)["stopped"] == []


def test_a_halted_server_is_up_but_does_not_answer(folder: Path) -> None:
    called("up", "--light", "--data", folder)
    state = load_state(folder)
    assert state
    state.redis.pause()
    seen = called("status", "--data", folder, code=1)
    assert {line["name"]: line["state"] for line in seen["servers"]} == {"kafka": "answering", "redis": "up"}
    assert "redis" in called("down", "--data", folder)["stopped"]


@pytest.mark.skipif(not real_kafka(), reason="no Java, or the tests are asked to be light")
def test_a_real_kafka_keeps_what_it_was_told(folder: Path) -> None:
    first = called("up", "--partitions", 2, "--data", folder)
    settings = _settings(folder)
    events = settings.topic("events")
    _commit(settings, "interceptor.reader", 3)

    seen = called("status", "--data", folder)
    assert {line["topic"]: line["end_offsets"] for line in seen["topics"]}[events] == [7]
    assert seen["groups"] == [{"group": "interceptor.reader", "topic": events, "lag": 4}]
    assert "interceptor.reader" in call("status", "--data", folder).stdout

    assert sorted(called("down", "--data", folder)["stopped"]) == ["kafka", "redis"]
    assert called("up", "--data", folder)["kafka"] == first["kafka"]
    seen = called("status", "--data", folder)
    assert {line["topic"]: line["end_offsets"] for line in seen["topics"]}[events] == [7]
    called("down", "--wipe", "--data", folder)
    assert not folder.exists()


def test_a_recycled_pid_is_not_killed(folder: Path) -> None:
    called("up", "--light", "--data", folder)
    called("down", "--data", folder)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as innocent:
        try:
            written = json.loads((folder / "state.json").read_text())
            for server in written["servers"].values():
                server |= {"pid": innocent.pid, "started": "another boot/12345"}
            (folder / "state.json").write_text(json.dumps(written))
            assert [line["state"] for line in called("status", "--data", folder, code=1)["servers"]] == ["down", "down"]
            assert called("down", "--wipe", "--data", folder)["stopped"] == []
            assert innocent.poll() is None
        finally:
            innocent.kill()


def test_no_java(folder: Path, tmp_path: Path) -> None:
    done = call("up", "--data", folder, environment=_machine(tmp_path))
    assert done.returncode == 78
    assert "Kafka needs Java 17 or newer: there is no java" in done.stderr
    assert "apt install" in done.stderr
    assert "--light" in done.stderr
    assert not folder.exists()


def test_an_old_java(folder: Path, tmp_path: Path) -> None:
    machine = _machine(tmp_path, java=FAKE_JAVA.format(version="11.0.2", broker="exit 1"))
    done = call("up", "--data", folder, environment=machine)
    assert done.returncode == 78
    assert "is Java 11" in done.stderr


def test_no_maven(folder: Path, tmp_path: Path) -> None:
    machine = _machine(tmp_path, java=FAKE_JAVA.format(version="17.0.1", broker="exit 1"))
    done = call("up", "--data", folder, environment=machine)
    assert done.returncode == 78
    assert "there is no mvn (Maven)" in done.stderr
    assert "--light" in done.stderr
    assert _processes(folder) == []


@pytest.mark.parametrize(
    ("maven", "code", "words"),
    [
        ("echo '[ERROR] no route to the repository'; exit 1", 75, "no route to the repository"),
        ("exit 0", 78, "Maven fetched no HdrHistogram"),
        (EMPTY_JARS, 78, "isn't the file that it should be"),
    ],
)
def test_maven_fails(folder: Path, tmp_path: Path, maven: str, code: int, words: str) -> None:
    fake = FAKE_JAVA.format(version="21", broker="exit 1")
    machine = _machine(tmp_path, java=fake, mvn=f"#!/bin/sh\n{maven}\n")
    machine["PATH"] += f"{os.pathsep}{os.defpath}"  # mkdir
    done = call("up", "--data", folder, environment=machine)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert list((tmp_path / "cache" / "interceptor").iterdir()) == []


def test_a_killed_fetch_leaves_no_jars(folder: Path, tmp_path: Path) -> None:
    maven = """#!/bin/sh
for word; do case "$word" in -DoutputDirectory=*) mkdir "${word#*=}"; : > "${word#*=}/kafka.jar" ;; esac; done
exec sleep 600
"""
    machine = _machine(tmp_path, java=FAKE_JAVA.format(version="17", broker="exit 1"), mvn=maven)
    machine["PATH"] += f"{os.pathsep}{os.defpath}"
    words = [*COMMAND, "up", "--data", str(folder)]
    cache = tmp_path / "cache" / "interceptor"
    with subprocess.Popen(
        words, env=_environment(machine), stderr=subprocess.DEVNULL, start_new_session=True
    ) as command:
        try:
            assert wait_until(lambda: any(cache.glob(".fetching-*/jars/kafka.jar")), 60)
        finally:
            os.killpg(command.pid, signal.SIGKILL)
    assert [path.name.startswith(".fetching-") for path in cache.iterdir()] == [True]


def test_what_was_started_is_stopped_when_the_rest_fails(folder: Path, tmp_path: Path) -> None:
    machine = _machine(tmp_path, java=FAKE_JAVA.format(version="17.0.1", broker="exit 3"))
    machine["PATH"] += f"{os.pathsep}{os.environ['PATH']}"
    _have_jars(tmp_path)
    done = call("up", "--data", folder, environment=machine)
    assert done.returncode == 75
    assert "Kafka ended while starting" in done.stderr
    assert "no room for a broker here" in done.stderr  # the end of its log
    assert (folder / "redis" / "redis.log").read_text()  # it had been started
    assert _processes(folder) == []
    state = load_state(folder)
    assert state
    assert is_free(state.redis.port)


def test_ctrl_c_stops_what_was_started(folder: Path, tmp_path: Path) -> None:
    machine = _machine(tmp_path, java=FAKE_JAVA.format(version="17.0.1", broker="exec sleep 600"))
    machine["PATH"] += f"{os.pathsep}{os.environ['PATH']}"
    _have_jars(tmp_path)
    words = [*COMMAND, "up", "--data", str(folder)]
    with subprocess.Popen(words, env=_environment(machine), stderr=subprocess.DEVNULL) as command:
        try:
            assert wait_until(lambda: len(_processes(folder)) == 2, 60)
            started = _processes(folder)
            command.send_signal(signal.SIGINT)
            assert command.wait(60) != 0
        finally:
            command.kill()
    assert not any(process.running for process in started)
    assert _processes(folder) == []


def test_folders_of_others_are_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("the only copy")
    for words in (("up", "--light"), ("down", "--wipe"), ("status",)):
        done = call(*words, "--data", folder)
        assert done.returncode == 78
        assert "not a cluster's folder" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_wipe_deletes_only_what_a_cluster_wrote(folder: Path) -> None:
    called("up", "--light", "--data", folder)
    (folder / "notes.txt").write_text("mine")
    called("down", "--wipe", "--data", folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call("up", "--light", "--redis-port", port, "--data", folder)
    assert done.returncode == 75
    assert f"something else listens at 127.0.0.1:{port}" in done.stderr
    assert _processes(folder) == []


def test_another_cluster_than_is_there(folder: Path) -> None:
    assert call("up", "--light", "--kafka-port", 20_000, "--data", folder).returncode == 2
    called("up", "--light", "--data", folder)
    done = call("up", "--light", "--partitions", 5, "--redis-port", 1_024, "--data", folder)
    assert done.returncode == 2
    assert "topics of 1 partitions, not 5" in done.stderr
    assert "not 1024" in done.stderr


def test_two_at_once(folder: Path) -> None:
    folder.mkdir()
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = call("up", "--light", "--data", folder)
    assert done.returncode == 75
    assert "another `interceptor cluster` command is at work" in done.stderr


def test_a_state_that_nobody_understands(folder: Path) -> None:
    folder.mkdir()
    (folder / "state.json").write_text('{"version": 1, "servers": []}')
    for words in (("up", "--light"), ("down",), ("status",)):
        done = call(*words, "--data", folder)
        assert done.returncode == 78
        assert "state.json: not as `interceptor cluster up` writes it" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_environment_is_asked_for_names_and_warned_of(folder: Path) -> None:
    done = call(
        "up", "--light", "--data", folder,
        environment={"INTERCEPTOR_APP": "town", "INTERCEPTOR_KAFKA": "10.0.0.5:9092", "INTERCEPTOR_CONFIG": "gone"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "INTERCEPTOR_KAFKA is set in the environment" in done.stderr
    assert {line["topic"].split(".")[0] for line in called("status", "--data", folder)["topics"]} == {"town"}
    wrong = call("up", "--light", "--data", folder.with_name("other"), environment={"INTERCEPTOR_APP": "A Town"})
    assert wrong.returncode == 78
    assert "INTERCEPTOR_APP" in wrong.stderr


def test_help_is_instant() -> None:
    """It loads nothing that works."""
    code = (
        "import sys\nfrom interceptor.commands.cluster_cli import app\n"
        "loaded = {'confluent_kafka', 'redis', 'interceptor.transport.settings'} & set(sys.modules)\nassert not loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=WITHIN_S)
    done = call("up", "--help")
    assert done.returncode == 0
    assert "forgets it at `down`" in " ".join(done.stdout.split())
