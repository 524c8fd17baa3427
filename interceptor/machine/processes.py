"""Processes that outlive the command which started them: who they are, whether they run, how they end.

Enters: a command line, or a process that was written down. Leaves: Process. Invariant: a signal goes only to the
process that was started, never to a later one that got the same number.

A process is its number and the moment of its start; the system gives a number again, but not both.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
POLL_S = 0.05
RANDOM_PORTS = range(20_000, 32_000)  # below those that systems give to outgoing connections
TAIL_BYTES = 8_192
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATE, _THREADS, _START = 0, 17, 19  # of the fields in /proc/PID/stat that follow the name


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs, or ran. `started` is opaque text, "" = was gone before anybody looked."""

    pid: int
    started: str

    @property
    def running(self) -> bool:
        """False also for one that ended and whose parent hasn't noticed yet."""
        return bool(self.started) and _started(self.pid) == self.started

    def signal(self, number: signal.Signals) -> bool:
        """False where it has ended already."""
        if not self.running:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def stop(self, within_s: float) -> bool:
        """Asks it to end, and makes it end when it hasn't `within_s` later. False: it had to be made."""
        self.signal(signal.SIGCONT)  # one that was halted hears nothing
        self.signal(signal.SIGTERM)
        if wait_until(lambda: not self.running, within_s):
            return True
        self.kill()
        return False

    def kill(self, within_s: float = 10) -> None:
        """Without a word. Returns when it is gone, or after `within_s`."""
        self.signal(signal.SIGKILL)
        wait_until(lambda: not self.running, within_s)


def start(
    command: Sequence[str], log: Path, cwd: Path | None = None, extra: Mapping[str, str] | None = None
) -> Started:
    """Starts a process in a session of its own, so that neither Ctrl-C nor a closed terminal ends it.

    What it prints is appended to `log`. `extra` is added to the environment.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(extra or {})}, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    return Started(Process(child.pid, _started(child.pid)), child)


@dataclass(frozen=True, slots=True)
class Started:
    """A process with its handle, which must be kept for as long as this program could be its parent."""

    process: Process
    child: subprocess.Popen[bytes]

    def reap(self, within_s: float = 0) -> None:
        """Without this an ended child stays in the table of processes. Nothing where it still runs `within_s` later."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(within_s)


def _started(pid: int) -> str:
    """When a process began, "" if there is none or it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return "" if _BOOT_ID.exists() else _asked(pid)
    fields = stat.rpartition(")")[2].split()  # a name may hold anything, even )
    ended = fields[_STATE] in "ZX" and int(fields[_THREADS]) <= 1  # its first thread may end before the others
    return "" if ended else f"{_BOOT_ID.read_text().strip()}/{fields[_START]}"


def _asked(pid: int) -> str:
    """Where there is no /proc (macOS)."""
    words = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    shown = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout.strip()
    state, _, began = shown.partition(" ")
    return "" if not state or state[0] == "Z" else began.strip()


def wait_until(holds: Callable[[], bool], within_s: float) -> bool:
    """Looks again and again, at least once; False after `within_s`."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def listens(port: int) -> bool:
    """Does anybody take connections at a port of this machine?"""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def is_free(port: int) -> bool:
    """Could a server begin to listen there?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what just ended doesn't count
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(first: int | None = None) -> int:
    """The first free one from `first` on, so that it is the same the next time; without it, any."""
    ports = range(first, first + 100) if first else (random.choice(RANDOM_PORTS) for _ in range(100))
    return next(port for port in ports if is_free(port))


def last_lines(log: Path, lines: int = 15) -> list[str]:
    """The end of a log, for people. Empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
